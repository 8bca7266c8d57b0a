//! Writes of admission policies, compared with what a live API server answered.

use document::{Document, Limits, NodeRef};
use kubernetes_objects::admit::{Admitted, Mode, Options, Refusal, admit, kind_of};
use kubernetes_objects::custom::Definitions;
use kubernetes_objects::field::Cause;
use kubernetes_objects::plugins::{Plugins, UnknownCluster};
use kubernetes_objects::type_checking::{Kinds, type_check};
use serde_json::{Value, json};

/// What is compared of an answer, as fields of `expect`.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer(pub(crate) Value);

/// What the server answered, and what we do: `status.typeChecking` where the vector is about that.
pub(crate) fn compare(vector: &Value) -> (Answer, Answer) {
    let expect = &vector["expect"];
    if expect.get("typeChecking").is_some() {
        let warnings = &expect["typeChecking"]["expressionWarnings"];
        let wanted = if warnings.is_null() { json!([]) } else { warnings.clone() };
        return (Answer(wanted), Answer(type_checked(vector)));
    }
    let text = |field: &str| expect[field].as_str().unwrap_or_default();
    let mut causes: Vec<Value> = expect["causes"].as_array().cloned().unwrap_or_default();
    causes.iter_mut().for_each(|cause| *cause = told(cause));
    let mut wanted = json!({"code": expect["code"], "message": text("message"), "causes": sorted(causes)});
    let mut found = written(&vector["object"]);
    match expect.get("defaulted") {
        Some(defaulted) => wanted["defaulted"] = defaulted.clone(),
        None => {
            found.as_object_mut().map(|found| found.remove("defaulted"));
        }
    }
    (Answer(wanted), Answer(found))
}

fn told(cause: &Value) -> Value {
    let text = |field: &str| cause[field].as_str().unwrap_or_default();
    json!([text("field"), text("reason"), text("message")])
}

/// The server lists them in an order of its own.
fn sorted(mut causes: Vec<Value>) -> Value {
    causes.sort_by_key(Value::to_string);
    causes.into()
}

fn admitted<'d, 'c>(object: NodeRef<'d>, custom: &'c Definitions) -> Result<Admitted<'d, 'c>, Refusal> {
    let served = kind_of(object, 36, custom)?;
    let options = Options {
        minor: 36,
        mode: Mode::Strict,
        plugins: Plugins::default(),
        cluster: &UnknownCluster,
        namespace: "default",
    };
    let admitted = admit(object, served, &options)?;
    admitted.validate(None)?;
    Ok(admitted)
}

fn refused(refusal: &Refusal) -> Value {
    // what is not served the server does not find
    let code = refusal.code.map_or(404, u64::from);
    let message = match code {
        404 => "the server could not find the requested resource",
        _ => refusal.message.as_str(),
    };
    let cause = |cause: &Cause| json!([cause.field, cause.reason.as_str(), cause.message]);
    json!({"code": code, "message": message, "causes": sorted(refusal.causes.iter().map(cause).collect())})
}

fn written(object: &Value) -> Value {
    let text = object.to_string();
    let Ok(document) = Document::from_json(&text, Limits::default()) else { return Value::Null };
    let custom = Definitions::new();
    match admitted(document.root(), &custom) {
        Err(refusal) => refused(&refusal),
        Ok(admitted) => {
            let spec = admitted.object.root().get("spec").map(|spec| spec.to_json()).unwrap_or_default();
            let spec: Value = serde_json::from_str(&spec).unwrap_or_default();
            json!({"code": 201, "message": "", "causes": [], "defaulted": spec})
        }
    }
}

fn type_checked(vector: &Value) -> Value {
    let written = vector["object"].to_string();
    let Ok(policy) = Document::from_json(&written, Limits::default()) else { return Value::Null };
    let crds: Vec<String> = vector["crds"].as_array().into_iter().flatten().map(Value::to_string).collect();
    let mut custom = Definitions::new();
    for crd in &crds {
        if let Ok(crd) = Document::from_json(crd, Limits::default()) {
            custom.add(crd.root());
        }
    }
    let warnings = type_check(policy.root(), Kinds { minor: 36, custom: &custom });
    warnings.into_iter().map(|w| json!({"fieldRef": w.field, "warning": w.warning})).collect()
}
