//! Each rule of Pods once, beside what kube-apiserver 1.36.3 said: `pods/answers.jsonl`.
//!
//! Its first line is a PodTemplate that is right; each further line sets some fields of it, by JSON pointers
//! (what is missing on the way is made), and has the causes and warnings of the server's answer to that.
#![allow(clippy::unwrap_used)]

use document::{Document, Limits};
use kubernetes_objects::validate::{self, Kind};
use serde_json::Value;
use std::collections::BTreeSet;

const ANSWERS: &str = include_str!("pods/answers.jsonl");

fn set(object: &mut Value, pointer: &str, value: &Value) {
    let mut at = object;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        at = match token.parse::<usize>() {
            Ok(index) => {
                if !at.is_array() {
                    *at = Value::Array(Vec::new());
                }
                let items = at.as_array_mut().unwrap();
                while items.len() <= index {
                    items.push(Value::Null);
                }
                &mut items[index]
            }
            Err(_) => {
                if !at.is_object() {
                    *at = Value::Object(serde_json::Map::new());
                }
                at.as_object_mut().unwrap().entry(token).or_insert(Value::Null)
            }
        };
    }
    *at = value.clone();
}

fn causes(line: &Value) -> BTreeSet<[String; 3]> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    line["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cause| [text(&cause[0]), text(&cause[1]), text(&cause[2])])
        .collect()
}

#[test]
fn each_rule_speaks_as_the_server_does() {
    let mut lines = ANSWERS.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let base = lines.next().unwrap();
    let kind = Kind { group: "", version: "v1", kind: "PodTemplate" };
    let mut count = 0;
    for line in lines {
        let mut object = base.clone();
        for (pointer, value) in line["set"].as_object().unwrap() {
            set(&mut object, pointer, value);
        }
        let text = object.to_string();
        let document = Document::from_json(&text, Limits::default()).unwrap();
        let found: BTreeSet<_> = validate::validate(kind, document.root(), None)
            .into_vec()
            .into_iter()
            .map(|cause| [cause.field, cause.reason.as_str().to_owned(), cause.message])
            .collect();
        assert_eq!(found, causes(&line), "{}", line["set"]);
        if found.is_empty() {
            let warnings: BTreeSet<String> =
                validate::warnings(kind, document.root(), None).into_iter().collect();
            let expected: BTreeSet<String> = line["warnings"]
                .as_array()
                .unwrap()
                .iter()
                .map(|warning| warning.as_str().unwrap().to_owned())
                .collect();
            assert_eq!(warnings, expected, "{}", line["set"]);
        }
        count += 1;
    }
    assert!(count > 150, "{count} answers");
}
