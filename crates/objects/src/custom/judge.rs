//! What the validation of a CustomResourceDefinition asks of its schemas.

use document::NodeRef;

use crate::field::{At, Cause, Causes};

use super::check::{ValueAt, check};
use super::embedded;
use super::format;
use super::place::FieldPath;
use super::rules::{Rules, compile_scope};
use super::schema::{Schema, Type};

pub(crate) use super::rules::field_path as rule_field_path;

/// Whether the server checks a format, of a schema of this type.
pub(crate) fn is_recognised_format(kind: &str, format: &str) -> bool {
    match Type::named(kind) {
        None if !kind.is_empty() => false,
        kind @ (None | Some(Type::String | Type::Integer | Type::Number)) => {
            format::is_recognised(kind, false, format)
        }
        Some(_) => false,
    }
}

/// What is wrong with a rule, in the server's words.
#[derive(Debug)]
pub(crate) struct RuleProblem {
    pub(crate) rule: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) uses_old_self: bool,
}

/// Compiles the rules of one schema; `None` where expressions cannot see its values.
pub(crate) fn rule_problems(schema: &Schema, is_resource: bool) -> Option<Vec<RuleProblem>> {
    let compiled = compile_scope(&schema.constraints().rules, schema, is_resource)?;
    let problems = compiled.into_iter().map(|compiled| RuleProblem {
        rule: compiled.program.err().map(|error| error.to_string()),
        message: compiled.message.err().map(|error| error.to_string()),
        uses_old_self: compiled.uses_old_self,
    });
    Some(problems.collect())
}

/// What the schema says of its own default: the first kind of fault that there is.
pub(crate) fn default_faults(default: NodeRef<'_>, schema: &Schema, place: &FieldPath<'_>) -> Vec<Cause> {
    let mut causes = Causes::new();
    embedded::check(schema, default, At::root(default), &mut causes);
    let mut found = causes.into_vec();
    if found.is_empty() {
        let subject = ValueAt { node: default, place: &FieldPath::ROOT, link: None };
        found = check(schema, subject).into_causes();
    }
    if found.is_empty() && schema.has_rules() {
        let rules = Rules::compile(Some(schema), false);
        found = rules.run(schema, default, Some(default));
        if found.is_empty() {
            found = rules.run(schema, default, None);
        }
    }
    for cause in &mut found {
        cause.field = match cause.field.as_str() {
            "<nil>" => place.to_string(),
            path if path.starts_with('[') => format!("{place}{path}"),
            path => format!("{place}.{path}"),
        };
    }
    found
}
