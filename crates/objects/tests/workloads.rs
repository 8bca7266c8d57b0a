//! Rules of workloads, Services and networking beside what a live server (1.36.3) said to objects with one thing
//! changed: one answer for each rule that it told, in `answers/workloads.jsonl`. Left out is what Pod templates
//! say, and changes that defaulting undoes again.
//!
//! A line with `object` is a base; the others change one place of theirs, or take it away, and have the causes.
//! On update the base is what is stored.
#![allow(clippy::unwrap_used)]

mod change;

use std::collections::{BTreeMap, BTreeSet};

use change::change;
use document::Document;
use kubernetes_objects::validate::{Kind, validate};
use serde_json::Value;

/// Causes of the object, but for those of Pods.
fn found(object: &Value, old: Option<&Value>) -> BTreeSet<(String, String, String)> {
    let read = |value: &Value| Document::from_value(value).unwrap();
    let (object, old) = (read(object), old.map(read));
    let api_version = object.root().get_str("apiVersion").unwrap();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let kind = Kind { group, version, kind: object.root().get_str("kind").unwrap() };
    let causes = validate(kind, object.root(), old.as_ref().map(Document::root)).into_vec();
    causes.into_iter().map(|cause| (cause.field, cause.reason.as_str().to_owned(), cause.message)).collect()
}

#[test]
fn each_rule_says_what_the_server_says() {
    let mut bases: BTreeMap<String, Value> = BTreeMap::new();
    let (mut all, mut misses) = (0, 0);
    for line in include_str!("answers/workloads.jsonl").lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let name = line["base"].as_str().unwrap();
        if let Some(object) = line.get("object") {
            bases.insert(name.to_owned(), object.clone());
            let old = name.ends_with("/update").then_some(object);
            assert_eq!(found(object, old), BTreeSet::new(), "{name}");
            continue;
        }
        let mut object = bases[name].clone();
        let path = line["path"].as_str().unwrap();
        change(&mut object, path, line.get("value"));
        let old = name.ends_with("/update").then(|| &bases[name]);
        let expected: BTreeSet<_> = serde_json::from_value(line["causes"].clone()).unwrap();
        let found = found(&object, old);
        all += 1;
        if found != expected {
            misses += 1;
            println!("{name} {path} = {:?}", line.get("value"));
            expected.difference(&found).for_each(|cause| println!("  - {cause:?}"));
            found.difference(&expected).for_each(|cause| println!("  + {cause:?}"));
        }
    }
    assert_eq!(misses, 0, "of {all}");
}

/// Whatever stands where, nothing panics: decoding may have let something through.
#[test]
fn nonsense_is_judged() {
    let nonsense = serde_json::json!([
        null, true, -1, i64::MAX, i64::MIN, 1.5, "", "é\u{0}", "::ffff:1.2.3.4/64", "10.0.0.0/0", "1-2-3,,", "TZ= ",
        "CRON_TZ=é * * * * *", [], [null], [[]], [{}], {}, {"a": null}, {"": [1]}
    ]);
    let mut judged = 0;
    for line in include_str!("answers/workloads.jsonl").lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let Some(base) = line.get("object") else { continue };
        let mut places = Vec::new();
        pointers(base, String::new(), &mut places);
        for (turn, place) in places.iter().enumerate() {
            // all of it at every place takes too long
            for value in nonsense.as_array().unwrap().iter().skip(turn % 6).step_by(6) {
                let mut object = base.clone();
                *object.pointer_mut(place).unwrap() = value.clone();
                if object["kind"].is_string() && object["apiVersion"].is_string() {
                    found(&object, None);
                    found(&object, Some(base));
                    found(base, Some(&object));
                    judged += 3;
                }
            }
        }
    }
    assert!(judged > 5_000, "{judged}");
}

fn pointers(value: &Value, at: String, places: &mut Vec<String>) {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(members) => {
            members.iter().map(|(k, v)| (k.replace('~', "~0").replace('/', "~1"), v)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(i, v)| (i.to_string(), v)).collect(),
        _ => Vec::new(),
    };
    for (key, value) in below {
        let place = format!("{at}/{key}");
        pointers(value, place.clone(), places);
        places.push(place);
    }
}
