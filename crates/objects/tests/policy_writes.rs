//! What a live API server answered to writes of admission policies: `../shared/vectors/admission-policies`.
//! `CASE=…` narrows them down by id; what differs is printed.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use document::{Document, Limits, NodeRef};
use kubernetes_objects::admit::{Admitted, Mode, Options, Refusal, admit, kind_of};
use kubernetes_objects::custom::Definitions;
use kubernetes_objects::field::Cause;
use kubernetes_objects::plugins::{Plugins, UnknownCluster};
use kubernetes_objects::type_checking::{Kinds, type_check};
use serde_json::{Value, json};

fn shared() -> PathBuf {
    std::env::var_os("PLIMSOLL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from)
}

/// Field, reason and message.
type Told = (String, String, String);

fn told(causes: &[Cause]) -> Vec<Told> {
    let one = |cause: &Cause| (cause.field.clone(), cause.reason.as_str().to_owned(), cause.message.clone());
    sorted(causes.iter().map(one).collect())
}

fn expected(expect: &Value) -> Vec<Told> {
    let text = |cause: &Value, field: &str| cause[field].as_str().unwrap_or_default().to_owned();
    let causes = expect["causes"].as_array().into_iter().flatten();
    sorted(
        causes.map(|cause| (text(cause, "field"), text(cause, "reason"), text(cause, "message"))).collect(),
    )
}

fn sorted(mut told: Vec<Told>) -> Vec<Told> {
    told.sort();
    told
}

fn written<'d, 'c>(object: NodeRef<'d>, custom: &'c Definitions) -> Result<Admitted<'d, 'c>, Refusal> {
    let served = kind_of(object, 36, custom)?;
    let options = Options {
        minor: 36,
        mode: Mode::Strict,
        plugins: Plugins::default(),
        cluster: &UnknownCluster,
        namespace: "default",
    };
    admit(object, served, &options)
}

/// Code, causes, message and the spec after defaulting, as in `expect`.
fn answer(object: &Value) -> (u64, Vec<Told>, String, Value) {
    let text = object.to_string();
    let document = Document::from_json(&text, Limits::default()).unwrap();
    let refused = |refusal: Refusal| {
        // what is not served the server does not find
        let code = refusal.code.map_or(404, u64::from);
        let message = match code {
            404 => "the server could not find the requested resource".to_owned(),
            _ => refusal.message,
        };
        (code, told(&refusal.causes), message, Value::Null)
    };
    let custom = Definitions::new();
    match written(document.root(), &custom) {
        Err(refusal) => refused(refusal),
        Ok(admitted) => match admitted.validate(None) {
            Err(refusal) => refused(refusal),
            Ok(_) => {
                let spec = admitted.object.root().get("spec").map_or_else(String::new, |spec| spec.to_json());
                (201, Vec::new(), String::new(), serde_json::from_str(&spec).unwrap_or(Value::Null))
            }
        },
    }
}

#[test]
fn policies_are_written_as_the_server_takes_them() {
    let path = shared().join("vectors/admission-policies/policy-writes.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: no vectors at {}", path.display());
        return;
    };
    let filter = std::env::var("CASE").unwrap_or_default();
    let mut counts: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let mut misses = 0;
    for line in text.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let id = vector["id"].as_str().unwrap();
        if !id.contains(&filter) {
            continue;
        }
        let expect = &vector["expect"];
        let (code, causes, message, spec) = answer(&vector["object"]);
        let wanted = expected(expect);
        let same_spec = expect.get("defaulted").is_none_or(|defaulted| *defaulted == spec);
        let same = json!(code) == expect["code"]
            && causes == wanted
            && message == expect["message"].as_str().unwrap_or_default()
            && same_spec;
        let (agree, all) = counts.entry(id.split('/').next().unwrap_or_default().to_owned()).or_default();
        *all += 1;
        *agree += u32::from(same);
        if !same {
            misses += 1;
            println!("{id}: {code}\n  wanted {wanted:#?}\n  found {causes:#?}");
            println!("  message: {message}\n  wanted:  {}", expect["message"]);
            if !same_spec {
                println!("  spec {spec}\n  wanted {}", expect["defaulted"]);
            }
        }
    }
    for (area, (agree, all)) in &counts {
        println!("{area}: {agree} of {all} agree");
    }
    assert!(!counts.is_empty() || !filter.is_empty(), "no vectors were read");
    assert_eq!(misses, 0, "writes that differ");
}

#[test]
fn expressions_are_checked_against_the_kinds_they_match() {
    let path = shared().join("vectors/admission-policies/policy-writes.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: no vectors at {}", path.display());
        return;
    };
    let (mut all, mut misses) = (0, 0);
    for line in text.lines().filter(|line| line.contains("\"typeChecking\"")) {
        let vector: Value = serde_json::from_str(line).unwrap();
        let written = vector["object"].to_string();
        let policy = Document::from_json(&written, Limits::default()).unwrap();
        let crds: Vec<String> =
            vector["crds"].as_array().into_iter().flatten().map(Value::to_string).collect();
        let mut custom = Definitions::new();
        for crd in &crds {
            custom.add(Document::from_json(crd, Limits::default()).unwrap().root());
        }
        let found: Vec<Value> = type_check(policy.root(), Kinds { minor: 36, custom: &custom })
            .into_iter()
            .map(|warning| json!({"fieldRef": warning.field, "warning": warning.warning}))
            .collect();
        let wanted = vector["expect"]["typeChecking"]["expressionWarnings"].clone();
        let wanted = if wanted.is_null() { json!([]) } else { wanted };
        all += 1;
        if json!(found) != wanted {
            misses += 1;
            println!("{}\n  wanted {wanted:#}\n  found {:#}", vector["id"], json!(found));
        }
    }
    println!("type checking: {} of {all} agree", all - misses);
    assert!(all > 0, "no vectors were read");
    assert_eq!(misses, 0, "policies whose type checking differs");
}
