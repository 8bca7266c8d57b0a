//! Decisions of a live API server on single MutatingAdmissionPolicies, from the object that its admission saw: each mutation
//! in turn, over the kind that the request came in. Matching, parameters and reinvocation are the dispatcher's
//! (`tests/conformance` of the program).

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use document::Document;
use kubernetes_cel::activation::Activation;
use kubernetes_cel::declarations::{Env, EnvKind};
use kubernetes_cel::profile::Profile;
use kubernetes_cel::program::{Budget, Composition, Program, Variables};
use kubernetes_cel::value::Value as Cel;
use kubernetes_objects::admit::Served;
use kubernetes_objects::custom::Definitions;
use kubernetes_objects::mutate::{Fault, Target, apply_configuration, json_patch, settled};
use kubernetes_objects::schema;
use serde_json::Value;

fn shared() -> PathBuf {
    std::env::var_os("PLIMSOLL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from)
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn document(value: &Value) -> Document<'static> {
    Document::from_value(value).unwrap()
}

/// What is said of a policy that fails, or the object.
type Outcome = Result<Value, String>;

fn outcome(case: &Value) -> Outcome {
    let (review, policy) = (&case["admission"]["mutating"], &case["policies"][0]);
    let mut definitions = Definitions::new();
    for definition in case["crds"].as_array().into_iter().flatten() {
        definitions.add(document(definition).root());
    }
    let [group, version, kind] =
        ["group", "version", "kind"].map(|part| text(&review["kind"], &format!("/{part}")));
    let built_in = schema::kind(group, version, kind, 36).map(Served::BuiltIn);
    let served =
        built_in.or_else(|| definitions.find(group, version, kind).map(|(d, v)| Served::Custom(d, v)));
    let target = Target { kind: (group, version, kind), served, sent: (group, version), minor: 36 };
    let mut env = Env::new(Profile::V1_36, EnvKind::Mutation);
    let mut composition = Composition::default();
    for variable in policy["spec"]["variables"].as_array().into_iter().flatten() {
        composition.add(&mut env, text(variable, "/name").to_owned(), text(variable, "/expression")).unwrap();
    }
    let mut request = review.clone();
    for field in ["object", "oldObject"] {
        request.as_object_mut().unwrap().remove(field);
    }
    let (request, namespace) = (document(&request), document(&case["namespaces"][0]));
    let ignores = text(policy, "/spec/failurePolicy") == "Ignore";
    let (mut object, mut failed) = (document(&review["object"]), None);
    for mutation in policy["spec"]["mutations"].as_array().into_iter().flatten() {
        let apply = text(mutation, "/applyConfiguration/expression");
        let source = if apply.is_empty() { text(mutation, "/jsonPatch/expression") } else { apply };
        let checked = kubernetes_cel::checker::compile(source, &env).unwrap();
        let program = Program::plan(checked, &env, &composition).unwrap();
        let mut activation = Activation::new();
        activation.bind("object", object.root()).bind("request", request.root());
        activation.bind("namespaceObject", namespace.root()).bind("oldObject", Cel::Null);
        let value = program.evaluate(&activation, &mut Variables::new(&composition), &mut Budget::default());
        let patched = match value.result {
            Err(failure) => {
                let kubernetes_cel::program::Failure::Error(error) = failure else { panic!("unknown") };
                Err(Fault::Policy(format!("expression '{source}' resulted in error: {error}")))
            }
            Ok(value) if apply.is_empty() => json_patch(object.root(), &value, &target),
            Ok(value) => apply_configuration(object.root(), &value, &target),
        };
        match patched {
            Ok(patched) => object = patched,
            Err(Fault::Policy(_)) if ignores => {}
            Err(Fault::Policy(why)) => _ = failed.get_or_insert(why),
            Err(Fault::Internal(text)) => return Err(format!("Internal error occurred: {text}")),
            Err(Fault::Crash) => {
                return Err("<connection closed by the server without a response>".to_owned());
            }
        }
    }
    if let Some(why) = failed {
        let binding = text(&case["bindings"][0], "/metadata/name");
        let policy = text(policy, "/metadata/name");
        return Err(format!("policy '{policy}' with binding '{binding}' denied request: {why}"));
    }
    let mut object = serde_json::to_value(settled(object.root(), &target).unwrap().root()).unwrap();
    if let Some(uid) = object.pointer_mut("/metadata/uid") {
        *uid = "00000000-0000-0000-0000-000000000001".into();
    }
    Ok(object)
}

/// Those that need the dispatcher: conditions, and policies of another version than the request's.
fn is_for_the_dispatcher(case: &Value) -> bool {
    let id = text(case, "/id");
    case["policies"][0]["spec"].get("matchConditions").is_some() || id.contains("equivalent")
}

#[test]
fn mutations_are_the_servers() {
    let path = shared().join("vectors/admission-policies/decisions.jsonl");
    let Ok(lines) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: {} is missing", path.display());
        return;
    };
    let (mut cases, mut misses) = (0, Vec::new());
    for line in lines.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let id = text(&case, "/id");
        if !id.starts_with("map-apply/") && !id.starts_with("map-jsonpatch/") || is_for_the_dispatcher(&case)
        {
            continue;
        }
        cases += 1;
        let expect = &case["expect"];
        let expected: Outcome = match expect.get("object") {
            Some(object) => Ok(object.clone()),
            None => Err(text(expect, "/message").to_owned()),
        };
        let got = outcome(&case);
        if got != expected {
            misses.push(format!("{id}\n  expected {expected:?}\n  got      {got:?}"));
        }
    }
    println!("mutations: {} of {cases} agree", cases - misses.len());
    assert!(cases > 100, "only {cases} cases were found");
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}
