//! What a live API server 1.36.3 answered to mutants of full objects of its smaller kinds: `live_answers.jsonl` has one
//! for each rule that was met, with the object as a mutating webhook saw it, and the stored one of an UPDATE.
#![allow(clippy::unwrap_used)]

use document::{Document, Limits};
use kubernetes_objects::validate::{Kind, validate};
use serde_json::Value;

#[test]
fn causes_are_the_live_servers() {
    let mut misses = 0;
    for line in include_str!("live_answers.jsonl").lines() {
        let answer: Value = serde_json::from_str(line).unwrap();
        let (text, old) = (answer["object"].to_string(), answer["old"].to_string());
        let object = Document::from_json(&text, Limits::default()).unwrap();
        let old = Document::from_json(&old, Limits::default()).unwrap();
        let api_version = answer["object"]["apiVersion"].as_str().unwrap();
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let kind = Kind { group, version, kind: answer["object"]["kind"].as_str().unwrap() };
        let stored = answer["old"].is_object().then(|| old.root());
        let mut found: Vec<[String; 3]> = validate(kind, object.root(), stored)
            .into_vec()
            .into_iter()
            .map(|cause| [cause.field, cause.reason.as_str().to_owned(), cause.message])
            .collect();
        found.sort();
        found.dedup();
        let wanted: Vec<[String; 3]> = serde_json::from_value(answer["causes"].clone()).unwrap();
        if found != wanted {
            misses += 1;
            println!("{text}\n  wanted {wanted:#?}\n  found {found:#?}");
        }
    }
    assert_eq!(misses, 0, "answers that differ");
}
