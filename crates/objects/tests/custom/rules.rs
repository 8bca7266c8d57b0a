//! Rules one by one, beside what a live server 1.36.3 answered: `values.jsonl` has a value for a field of
//! `schemas.json` (and the old one on UPDATE) with what it becomes or the causes; `definitions.jsonl` has
//! CustomResourceDefinitions with their defaults.

use document::{Document, Limits};
use kubernetes_objects::custom::Definition;
use kubernetes_objects::field::Cause;
use kubernetes_objects::validate::{self, Kind};
use serde_json::{Value, json};

fn read(value: &Value) -> Document<'static> {
    Document::from_value(value).expect("JSON")
}

fn said(causes: &[Cause]) -> Vec<String> {
    let mut said: Vec<String> =
        causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
    said.sort_unstable();
    said.dedup();
    said
}

fn expected(case: &Value) -> Vec<String> {
    case["says"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect()
}

fn definition(field: &str, schema: &Value) -> Definition {
    let spec = json!({"type": "object", "properties": {field: schema}});
    let status = json!({"type": "object"});
    let mut version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
        "type": "object", "properties": {"spec": spec, "status": status},
        "x-kubernetes-validations": [{"rule": "self.metadata.name != 'forbidden'"}]}}});
    if field == "replicas" {
        version["subresources"] = json!({"scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}});
    }
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": {
        "group": "test.example.com", "scope": "Namespaced", "names": {"kind": "Full", "plural": "fulls"},
        "versions": [version]}});
    Definition::read(read(&crd).root()).expect("a kind")
}

#[test]
fn values_are_judged_as_by_the_server() {
    let schemas: Value = serde_json::from_str(include_str!("schemas.json")).expect("JSON");
    let mut misses = Vec::new();
    let mut asked = 0;
    for line in include_str!("values.jsonl").lines() {
        let case: Value = serde_json::from_str(line).expect("JSON");
        let field = case["field"].as_str().expect("a field");
        let definition = definition(field, &schemas[field]);
        let version = definition.served("v1").expect("served");
        let object = |value: &Value| json!({"apiVersion": "test.example.com/v1", "kind": "Full", "metadata": {"name": "x"}, "spec": {field: value}});
        let (new, old) = (read(&object(&case["value"])), case.get("old").map(|old| read(&object(old))));
        let decode = |document| definition.decode(version, document, Limits::default()).expect("decoded");
        let new = decode(&new);
        let old = old.as_ref().map(decode);
        let causes = definition
            .validate(version, new.document.root(), old.as_ref().map(|old| old.document.root()))
            .expect("within the limits")
            .into_vec();
        asked += 1;
        let unknown: Vec<String> = case["unknown"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|path| format!("unknown field {path}"))
            .collect();
        let spec: Value =
            serde_json::from_str(&new.document.root().get("spec").expect("kept").to_json()).expect("JSON");
        let becomes = case.get("says").is_some() || spec.get(field) == case.get("becomes");
        if said(&causes) != expected(&case) || new.strict != unknown || !becomes {
            misses.push(format!("{line}\n  ours: {:?} {:?} {spec}", said(&causes), new.strict));
        }
    }
    assert!(misses.is_empty(), "{} of {asked}:\n{}", misses.len(), misses.join("\n"));
}

#[test]
fn definitions_are_judged_as_by_the_server() {
    let mut misses = Vec::new();
    let mut asked = 0;
    for line in include_str!("definitions.jsonl").lines() {
        let case: Value = serde_json::from_str(line).expect("JSON");
        let object = read(&case["object"]);
        let kind = Kind { group: "apiextensions.k8s.io", version: "v1", kind: "CustomResourceDefinition" };
        let causes = validate::validate(kind, object.root(), None).into_vec();
        asked += 1;
        if said(&causes) != expected(&case) {
            misses.push(format!("{}: {:#?}\n  ours: {:#?}", case["id"], expected(&case), said(&causes)));
        }
    }
    assert!(misses.is_empty(), "{} of {asked}:\n{}", misses.len(), misses.join("\n"));
}
