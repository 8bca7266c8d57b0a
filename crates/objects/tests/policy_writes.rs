//! What a live API server answered to writes of admission policies: `../shared/vectors/admission-policies`.

#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use document::{Document, Limits};
use kubernetes_objects::validate::{Kind, validate};
use serde_json::{Value, json};

fn shared() -> PathBuf {
    std::env::var_os("PLIMSOLL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from)
}

/// Absent where null, as decoding has it.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// What the server fills in (pkg/apis/admissionregistration/v1/defaults.go).
fn with_defaults(object: &mut Value) {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    let Some(spec) =
        object.as_object_mut().unwrap().entry("spec").or_insert_with(|| json!({})).as_object_mut()
    else {
        return;
    };
    if kind.ends_with("Policy") {
        spec.entry("failurePolicy").or_insert(json!("Fail"));
    }
    for field in ["matchConstraints", "matchResources"] {
        let Some(resources) = spec.get_mut(field).and_then(Value::as_object_mut) else { continue };
        resources.entry("matchPolicy").or_insert(json!("Equivalent"));
        resources.entry("namespaceSelector").or_insert(json!({}));
        resources.entry("objectSelector").or_insert(json!({}));
        for field in ["resourceRules", "excludeResourceRules"] {
            for rule in resources.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(rule) = rule.as_object_mut() {
                    rule.entry("scope").or_insert(json!("*"));
                }
            }
        }
    }
}

/// Field, reason and message of each cause, in a settled order.
type Told = Vec<(String, String, String)>;

fn expected(expect: &Value) -> Told {
    let text = |cause: &Value, field: &str| cause[field].as_str().unwrap_or_default().to_owned();
    let mut told: Told = expect["causes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|cause| (text(cause, "field"), text(cause, "reason"), text(cause, "message")))
        .collect();
    told.sort();
    told
}

fn found(object: &mut Value) -> Told {
    without_nulls(object);
    with_defaults(object);
    let text = object.to_string();
    let document = Document::from_json(&text, Limits::default()).unwrap();
    let api_version = object["apiVersion"].as_str().unwrap_or_default();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let kind = object["kind"].as_str().unwrap_or_default();
    let causes = validate(Kind { group, version, kind }, document.root(), None).into_vec();
    let mut told: Told = causes
        .into_iter()
        .map(|cause| (cause.field, cause.reason.as_str().to_owned(), cause.message))
        .collect();
    told.sort();
    told
}

#[test]
fn policies_are_refused_as_the_server_refuses_them() {
    let path = shared().join("vectors/admission-policies/policy-writes.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: no vectors at {}", path.display());
        return;
    };
    let filter = std::env::var("CASE").unwrap_or_default();
    let mut counts: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let mut misses = Vec::new();
    for line in text.lines() {
        let mut vector: Value = serde_json::from_str(line).unwrap();
        let id = vector["id"].as_str().unwrap().to_owned();
        // decoding and the choice of versions are judged elsewhere
        if !id.contains(&filter) || matches!(vector["expect"]["code"].as_u64(), Some(400 | 404)) {
            continue;
        }
        let expected = expected(&vector["expect"]);
        let found = found(&mut vector["object"]);
        let area = id.split('/').next().unwrap_or_default().to_owned();
        let (agree, all) = counts.entry(area).or_default();
        *all += 1;
        if expected == found {
            *agree += 1;
        } else {
            misses.push(format!("{id}\n  expected {expected:#?}\n  found {found:#?}"));
        }
    }
    let (agree, all) = counts.values().fold((0, 0), |sum, area| (sum.0 + area.0, sum.1 + area.1));
    for (area, (agree, all)) in &counts {
        println!("{area}: {agree} of {all} agree");
    }
    println!("policy writes: {agree} of {all} agree");
    misses.iter().for_each(|miss| println!("{miss}"));
    assert!(all > 0 || !filter.is_empty(), "no vectors were read");
    assert!(misses.is_empty(), "{} of {all} differ", misses.len());
}
