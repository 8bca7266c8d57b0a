//! The front half against the golden vectors: stage, position of the first error, whole text of `check` and `result`
//! errors, output type.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use kubernetes_cel::checker::{Checked, ResultKind, compile};
use kubernetes_cel::declarations::{Env, EnvKind};
use kubernetes_cel::issue::{Issues, Position, Stage};
use kubernetes_cel::profile::Profile;

#[derive(Deserialize)]
struct Vector {
    id: String,
    expr: String,
    #[serde(default)]
    vars: BTreeMap<String, IgnoredAny>,
    #[serde(default)]
    variables: Vec<Variable>,
    kind: Option<String>,
    env: Option<String>,
    expect: BTreeMap<String, Expectation>,
}

#[derive(Deserialize)]
struct Variable {
    name: String,
    expression: String,
}

#[derive(Deserialize)]
struct Expectation {
    stage: Option<String>,
    err: Option<String>,
    #[serde(rename = "type")]
    output: Option<String>,
}

/// What the front half decides.
#[derive(Debug, PartialEq)]
enum Checking {
    /// The position of the first error; cel-go's token sets are not reproduced.
    Parse(Option<(i64, i64)>),
    /// The first error's position, and the whole text.
    Check(Option<(i64, i64)>, String),
    /// The type and, if the result is refused, why.
    Checked(String, Option<String>),
}

impl Vector {
    fn expected(&self, profile: &str) -> Checking {
        let expect = &self.expect[profile];
        let err = expect.err.as_deref().unwrap_or_default();
        match expect.stage.as_deref() {
            Some("parse") => Checking::Parse(first_position(err)),
            Some("check") => Checking::Check(first_position(err), err.to_owned()),
            Some("result") => Checking::Checked(expect.output.clone().unwrap(), Some(err.to_owned())),
            _ => Checking::Checked(expect.output.clone().unwrap(), None),
        }
    }

    fn compile(&self, profile: Profile) -> Result<Checked, Issues> {
        compile(&self.expr, &self.env(profile))
    }

    fn env(&self, profile: Profile) -> Env {
        let kind = match (self.kind.as_deref(), self.env.as_deref()) {
            (Some("messageExpression"), _) | (_, Some("message")) => EnvKind::Message,
            (Some("applyConfiguration" | "jsonPatch"), _) | (_, Some("mutation")) => EnvKind::Mutation,
            _ => EnvKind::Validation,
        };
        let new = |kind| {
            let mut env = Env::new(profile, kind);
            if self.vars.contains_key("params") {
                env.declare_params();
            }
            env
        };
        let (mut env, mut of_variables) = (new(kind), new(EnvKind::Validation));
        for Variable { name, expression } in &self.variables {
            let checked = compile(expression, &of_variables).ok();
            let ty = checked.as_ref().map(Checked::output_type);
            of_variables.declare_policy_variable(name.clone(), ty);
            env.declare_policy_variable(name.clone(), ty);
        }
        env
    }

    fn actual(&self, profile: Profile) -> Checking {
        let checked = match self.compile(profile) {
            Ok(checked) => checked,
            Err(issues) if issues.stage() == Stage::Parse => return Checking::Parse(position_of(&issues)),
            Err(issues) => return Checking::Check(position_of(&issues), issues.to_string()),
        };
        let kind = match self.kind.as_deref() {
            Some("validation" | "matchCondition") => Some(ResultKind::Bool),
            Some("messageExpression") => Some(ResultKind::String),
            Some("auditAnnotation") => Some(ResultKind::StringOrNull),
            Some("applyConfiguration") => Some(ResultKind::Object),
            Some("jsonPatch") => Some(ResultKind::JsonPatches),
            _ => None,
        };
        let refused = kind.and_then(|kind| checked.expect_result(kind).err());
        Checking::Checked(checked.output_type().to_string(), refused.map(|issues| issues.to_string()))
    }
}

fn first_position(text: &str) -> Option<(i64, i64)> {
    let mut parts = text.strip_prefix("ERROR: <input>:")?.splitn(3, ':');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn position_of(issues: &Issues) -> Option<(i64, i64)> {
    let first = issues.iter().next()?;
    Some(match issues.position(first) {
        None => (-1, 0),
        Some(Position { line, column }) => (line.into(), column.into()),
    })
}

#[test]
fn decides_as_the_vectors_say() {
    let Some(dev) = crate::vectors() else { return };
    let (mut total, mut misses, mut texts) = (0, 0, [0, 0]);
    let mut files: Vec<_> = std::fs::read_dir(dev).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            let vector: Vector = serde_json::from_str(line).unwrap();
            for (profile, name) in [(Profile::V1_36, "1.36"), (Profile::V1_37, "1.37")] {
                let (expected, actual) = (vector.expected(name), vector.actual(profile));
                total += 1;
                if let Checking::Parse(_) = expected {
                    let text = vector.compile(profile).map_err(|issues| issues.to_string()).err();
                    let same = text == vector.expect[name].err;
                    texts[usize::from(same)] += 1;
                }
                if actual != expected {
                    misses += 1;
                    let shown: String = vector.expr.chars().take(100).collect();
                    eprintln!(
                        "{} {name} {shown}\n  expected {expected:.200?}\n  found    {actual:.200?}",
                        vector.id
                    );
                }
            }
        }
    }
    eprintln!("texts of parse errors: {} of {} agree", texts[1], texts[0] + texts[1]);
    eprintln!("front half: {} of {total} agree", total - misses);
    assert_eq!(misses, 0);
}
