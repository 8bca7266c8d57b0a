//! The CEL vectors: values, types, error stages, costs and error texts of Kubernetes' own CEL environment.
//!
//! A vector agrees when results (ok, stage, type, value) and cost agree in every profile. Counted apart: the error text of
//! the stage `eval`, and for what is refused the position of its first error and the whole text.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use plimsoll::cel::activation::{Activation, Functions};
use plimsoll::cel::checker::{self, OverloadId, ResultKind};
use plimsoll::cel::declarations::{Env, EnvKind};
use plimsoll::cel::error::{Eval, EvalError};
use plimsoll::cel::issue::Stage;
use plimsoll::cel::library::authorizer::{
    Decision, Opinion, Question, ResourceCheck, Selector, Subject, Target,
};
use plimsoll::cel::profile::Profile;
use plimsoll::cel::program::{Budget, CompileError, Composition, Failure, Program, Variables};
use plimsoll::cel::value::{Authorization, Opaque, Value};
use plimsoll::document::{Document, Limits};
use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::cel_value::{encode, normalize};
use crate::suite::{Miss, Outcome, Suite, files_with_extension};

pub(crate) struct Cel;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    id: String,
    expr: String,
    #[serde(default)]
    vars: BTreeMap<String, Box<RawValue>>,
    #[serde(default)]
    variables: Vec<Variable>,
    kind: Option<String>,
    env: Option<String>,
    authz: Option<Vec<Rule>>,
    #[serde(default)]
    check_only: bool,
    expect: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
struct Variable {
    name: String,
    expression: String,
}

#[derive(Deserialize)]
struct Rule {
    decision: String,
    #[serde(default)]
    reason: String,
    error: Option<String>,
    #[serde(flatten)]
    attributes: BTreeMap<String, String>,
}

/// What was recorded, and what is compared with it.
#[derive(Deserialize, Debug, Clone, Default)]
#[serde(rename_all = "camelCase")]
struct Expected {
    ok: bool,
    stage: Option<String>,
    #[serde(rename = "type")]
    type_name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    value: Option<Box<RawValue>>,
    value_omitted: Option<Json>,
    cost: Option<u64>,
    #[serde(default)]
    variables_cost: u64,
    err: Option<String>,
}

/// `null` is a value here. Values are kept as text, for some nest deeper than serde_json reads.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct Object {
    id: String,
    value: Box<RawValue>,
}

impl Suite for Cel {
    fn name(&self) -> &'static str {
        "cel"
    }

    fn files(&self, shared: &Path) -> Vec<PathBuf> {
        let root = shared.join("vectors/cel");
        let mut files = files_with_extension(&root.join("dev"), "jsonl");
        if files.is_empty() {
            files = files_with_extension(&root, "jsonl");
            files.retain(|file| file.file_stem().is_some_and(|stem| stem != "objects"));
        }
        files
    }

    fn run(&self, file: &Path) -> Outcome {
        let mut outcome = Outcome::default();
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                outcome.cases.count(false);
                outcome.misses.push(miss(&file.display().to_string(), "a readable file", &error.to_string()));
                return outcome;
            }
        };
        let objects = if text.contains("\"$ref\"") { objects(file) } else { HashMap::new() };
        for (number, line) in text.lines().enumerate() {
            match serde_json::from_str::<Vector>(line) {
                Ok(vector) => run_vector(&vector, &objects, &mut outcome),
                Err(error) => {
                    outcome.cases.count(false);
                    let id = format!("{}:{}", file.display(), number + 1);
                    outcome.misses.push(miss(&id, "a readable vector", &error.to_string()));
                }
            }
        }
        outcome
    }
}

fn miss(id: &str, expected: &str, got: &str) -> Miss {
    Miss { id: id.to_owned(), expected: expected.to_owned(), got: got.to_owned() }
}

/// The objects that policies refer to.
fn objects(file: &Path) -> HashMap<String, Document<'static>> {
    let folders = [file.parent(), file.parent().and_then(Path::parent)];
    let text = folders
        .into_iter()
        .flatten()
        .find_map(|folder| fs::read_to_string(folder.join("objects.jsonl")).ok());
    text.unwrap_or_default()
        .lines()
        .filter_map(|line| {
            let object: Object = serde_json::from_str(line).ok()?;
            Some((object.id, document(&object.value)?))
        })
        .collect()
}

fn document(raw: &RawValue) -> Option<Document<'static>> {
    Document::from_json_owned(raw.get().to_owned(), Limits::default()).ok()
}

fn run_vector(vector: &Vector, objects: &HashMap<String, Document<'static>>, outcome: &mut Outcome) {
    let mut agrees = !vector.expect.is_empty();
    for (name, expected) in &vector.expect {
        let profile = match &**name {
            "1.36" => Profile::V1_36,
            "1.37" => Profile::V1_37,
            _ => {
                agrees = false;
                outcome.misses.push(miss(&vector.id, "a known profile", name));
                continue;
            }
        };
        let got =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| evaluate(vector, profile, objects)))
                .unwrap_or_else(|_| Expected { stage: Some("panic".to_owned()), ..Expected::default() });
        let results = got.ok == expected.ok
            && got.stage == expected.stage
            && got.type_name == expected.type_name
            && values_agree(expected, &got);
        outcome.figures.entry("results").or_default().count(results);
        let cost = got.cost == expected.cost && got.variables_cost == expected.variables_cost;
        outcome.figures.entry("cost").or_default().count(cost);
        let mut text = true;
        if expected.stage.as_deref() == Some("eval") {
            let internal =
                |text: &Option<String>| text.as_ref().is_some_and(|text| text.starts_with("internal error:"));
            text = got.err == expected.err || (internal(&expected.err) && internal(&got.err));
            outcome.figures.entry("error text").or_default().count(text);
        }
        let refused = match expected.stage.as_deref() {
            Some("parse" | "check") => {
                let position = first_position(&got.err) == first_position(&expected.err);
                outcome.figures.entry("position").or_default().count(position);
                outcome.figures.entry("refusal text").or_default().count(got.err == expected.err);
                got.err == expected.err
            }
            _ => true,
        };
        agrees &= results && cost;
        if !(results && cost && text && refused) {
            let id = format!("{} ({name}): {}", vector.id, vector.expr.chars().take(200).collect::<String>());
            outcome.misses.push(miss(&id, &shown(expected), &shown(&got)));
        }
    }
    outcome.cases.count(agrees);
}

/// `<input>:LINE:COLUMN` of the first error.
fn first_position(text: &Option<String>) -> Option<&str> {
    text.as_ref()?.strip_prefix("ERROR: ")?.split_once(": ").map(|(position, _)| position)
}

fn values_agree(expected: &Expected, got: &Expected) -> bool {
    match (&expected.value, &expected.value_omitted, &got.value) {
        (Some(expected), _, Some(got)) => match serde_json::from_str::<Json>(expected.get()) {
            Ok(expected) => {
                serde_json::from_str(got.get()).is_ok_and(|got: Json| normalize(&expected) == got)
            }
            // lists in lists: one form only
            Err(_) => expected.get() == got.get(),
        },
        (None, Some(omitted), Some(got)) => {
            let got = serde_json::from_str::<Json>(got.get()).unwrap_or_default();
            let size = match &got {
                Json::Array(items) => Some(items.len()),
                Json::String(text) => Some(text.chars().count()),
                Json::Object(object) => object.get("map").and_then(Json::as_array).map(Vec::len),
                _ => None,
            };
            omitted.get("size").is_none_or(|expected| expected.as_u64() == size.map(|size| size as u64))
        }
        (None, None, None) => true,
        _ => false,
    }
}

fn shown(result: &Expected) -> String {
    let Expected { ok, stage, type_name, value, value_omitted: _, cost, variables_cost, err } = result;
    let mut text = format!("ok={ok}");
    if let Some(stage) = stage {
        text.push_str(&format!(" stage={stage}"));
    }
    if let Some(type_name) = type_name {
        text.push_str(&format!(" type={type_name}"));
    }
    if let Some(value) = value {
        let value: String = value.get().chars().take(300).collect();
        text.push_str(&format!(" value={value}"));
    }
    text.push_str(&format!(" cost={cost:?}+{variables_cost}"));
    if let Some(err) = err {
        let err: String = err.chars().take(200).collect();
        text.push_str(&format!(" err={err:?}"));
    }
    text
}

/// The environment of the expression.
fn env_kind(vector: &Vector) -> EnvKind {
    match (vector.env.as_deref(), vector.kind.as_deref()) {
        (Some("message"), _) | (_, Some("messageExpression")) => EnvKind::Message,
        (Some("mutation"), _) | (_, Some("applyConfiguration" | "jsonPatch")) => EnvKind::Mutation,
        _ => EnvKind::Validation,
    }
}

fn result_kind(vector: &Vector) -> Option<ResultKind> {
    Some(match vector.kind.as_deref()? {
        "validation" | "matchCondition" => ResultKind::Bool,
        "messageExpression" => ResultKind::String,
        "auditAnnotation" => ResultKind::StringOrNull,
        "applyConfiguration" => ResultKind::Object,
        "jsonPatch" => ResultKind::JsonPatches,
        _ => return None,
    })
}

fn evaluate(vector: &Vector, profile: Profile, objects: &HashMap<String, Document<'static>>) -> Expected {
    let new_env = |kind: EnvKind| {
        let mut env = Env::new(profile, kind);
        if vector.vars.contains_key("params") {
            env.declare_params();
        }
        env
    };
    let mut composition = Composition::default();
    let mut variables_env = new_env(EnvKind::Validation);
    for Variable { name, expression } in &vector.variables {
        // one that does not compile is an error where it is read
        let _ = composition.add(&mut variables_env, name.clone(), expression);
    }
    let mut env = new_env(env_kind(vector));
    composition.declare(&mut env);
    let refused = |stage: &str, type_name: Option<String>, err: String| Expected {
        stage: Some(stage.to_owned()),
        type_name,
        err: Some(err),
        ..Expected::default()
    };
    let checked = match checker::compile(&vector.expr, &env) {
        Ok(checked) => checked,
        Err(issues) => {
            let stage = if issues.stage() == Stage::Parse { "parse" } else { "check" };
            return refused(stage, None, issues.to_string());
        }
    };
    let type_name = Some(checked.output_type().to_string());
    if let Some(kind) = result_kind(vector)
        && let Err(issues) = checked.expect_result(kind)
    {
        return refused("result", type_name, issues.to_string());
    }
    let program = match Program::plan(checked, &env, &composition) {
        Ok(program) => program,
        Err(CompileError::Issues(issues)) => return refused("check", type_name, issues.to_string()),
        Err(CompileError::Plan(error)) => return refused("plan", type_name, error.to_string()),
    };
    if vector.check_only {
        return Expected { ok: true, type_name, ..Expected::default() };
    }
    run_program(vector, &program, &composition, objects, type_name)
}

fn run_program(
    vector: &Vector,
    program: &Program,
    composition: &Composition,
    objects: &HashMap<String, Document<'static>>,
    type_name: Option<String>,
) -> Expected {
    let documents: BTreeMap<&str, Document<'static>> =
        vector.vars.iter().filter_map(|(name, raw)| Some((&**name, document(raw)?))).collect();
    let find = |name: &str| {
        let found = documents.get(name)?;
        match found.root().get_str("$ref") {
            Some(id) => objects.get(id),
            None => Some(found),
        }
    };
    let stub = Stub { rules: vector.authz.as_deref().unwrap_or_default(), request: find("request") };
    let mut activation = Activation::with_functions(&stub);
    for name in ["object", "oldObject", "request", "namespaceObject"] {
        activation.bind(name, find(name).map_or(Value::Null, |document| Value::Node(document.root())));
    }
    if let Some(params) = find("params") {
        activation.bind("params", params.root());
    }
    if vector.authz.is_some() && env_kind(vector) != EnvKind::Message {
        let authorizer = Authorization::Authorizer(Subject::Requester);
        activation.bind("authorizer", Value::opaque(Opaque::Authorization(authorizer)));
        let request = Authorization::Resource(Box::new(stub.request_resource()));
        activation.bind("authorizer.requestResource", Value::opaque(Opaque::Authorization(request)));
    }
    let mut variables = Variables::new(composition);
    let outcome = program.evaluate(&activation, &mut variables, &mut Budget::default());
    let (cost, variables_cost) = (Some(outcome.cost), outcome.variables_cost);
    match outcome.result {
        Ok(value) => Expected {
            ok: true,
            type_name,
            value: RawValue::from_string(encode(&value, program.profile()).to_string()).ok(),
            cost,
            variables_cost,
            ..Expected::default()
        },
        Err(failure) => {
            let err = match failure {
                Failure::Error(error) => error.to_string(),
                Failure::Unknown(unknown) => format!("unknown: {}", unknown.of.join(", ")),
            };
            let stage = Some("eval".to_owned());
            Expected { stage, type_name, err: Some(err), cost, variables_cost, ..Expected::default() }
        }
    }
}

/// The stub authorizer: the first rule whose attributes are the question's decides.
struct Stub<'v> {
    rules: &'v [Rule],
    request: Option<&'v Document<'static>>,
}

impl Stub<'_> {
    fn request_field(&self, pointer: &str) -> String {
        let node = self.request.and_then(|request| request.root().at(pointer));
        node.and_then(|node| node.as_str()).unwrap_or_default().to_owned()
    }

    fn request_resource(&self) -> ResourceCheck {
        ResourceCheck {
            group: self.request_field("/resource/group"),
            resource: self.request_field("/resource/resource"),
            subresource: self.request_field("/subResource"),
            namespace: self.request_field("/namespace"),
            name: self.request_field("/name"),
            ..ResourceCheck::default()
        }
    }

    fn attributes(&self, question: &Question) -> BTreeMap<&'static str, String> {
        let user = match &question.subject {
            Subject::Requester => self.request_field("/userInfo/username"),
            Subject::ServiceAccount { namespace, name } => {
                format!("system:serviceaccount:{namespace}:{name}")
            }
        };
        let mut attributes = BTreeMap::from([("user", user), ("verb", question.verb.clone())]);
        match &question.target {
            Target::Path(path) => {
                attributes.insert("path", path.clone());
            }
            Target::Resource {
                group,
                resource,
                subresource,
                namespace,
                name,
                field_selector,
                label_selector,
            } => {
                attributes.extend([
                    ("group", group.clone()),
                    ("resource", resource.clone()),
                    ("subresource", subresource.clone()),
                    ("namespace", namespace.clone()),
                    ("name", name.clone()),
                    ("fieldSelector", requirements(field_selector)),
                    ("labelSelector", requirements(label_selector)),
                ]);
            }
        }
        attributes
    }
}

fn requirements<R: ToString>(selector: &Selector<R>) -> String {
    match selector {
        Selector::None => String::new(),
        Selector::All(all) => all.iter().map(R::to_string).collect::<Vec<_>>().join(","),
        Selector::Unreadable => "ERR".to_owned(),
    }
}

impl<'d> Functions<'d> for Stub<'_> {
    fn call(&self, _: OverloadId, _: &[Value<'d>]) -> Eval<Value<'d>> {
        Err(EvalError::NoOverload.into())
    }

    fn authorize(&self, question: &Question) -> Eval<Decision> {
        let attributes = self.attributes(question);
        let fits = |rule: &&Rule| {
            rule.attributes
                .iter()
                .all(|(name, value)| attributes.get(&**name).is_some_and(|found| found == value))
        };
        Ok(match self.rules.iter().find(fits) {
            None => Decision::default(),
            Some(rule) => Decision {
                verdict: match &*rule.decision {
                    "allow" => Opinion::Allow,
                    "deny" => Opinion::Deny,
                    _ => Opinion::NoOpinion,
                },
                reason: rule.reason.clone(),
                error: rule.error.clone().filter(|error| !error.is_empty()),
            },
        })
    }
}
