//! YAML as kubectl reads it: each document of the admission vectors against the JSON that kubectl made of it.
//!
//! `input` is what kubectl posts; null means that it refuses the text, and so must we.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use plimsoll::document::Document;
use plimsoll::manifest::source::{Content, SourceFile};
use plimsoll::manifest::{FileOutcome, Inventory, ReadLimits, Sources, read_sources};
use serde_json::Value;

use crate::suite::{Miss, Outcome, Suite};

pub(crate) struct Yaml;

impl Suite for Yaml {
    fn name(&self) -> &'static str {
        "yaml"
    }

    fn files(&self, shared: &Path) -> Vec<PathBuf> {
        let file = shared.join("vectors/admission/objects.jsonl");
        if file.is_file() { vec![file] } else { Vec::new() }
    }

    fn run(&self, file: &Path) -> Outcome {
        let shared = file.ancestors().nth(3).unwrap_or(Path::new("."));
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let mut outcome = Outcome::default();
        let mut read = HashMap::new();
        for (line, case) in (1..).zip(text.lines()) {
            let (id, expected, got) = match serde_json::from_str::<Value>(case) {
                Ok(case) => check(&case, shared, &mut read),
                Err(error) => (format!("line {line}"), "a case".to_owned(), error.to_string()),
            };
            outcome.cases.count(expected == got);
            if expected != got {
                outcome.misses.push(Miss { id, expected, got });
            }
        }
        outcome
    }
}

/// Every document of a text, by its index; `None` where it was refused.
type Read = HashMap<u64, Option<String>>;

/// The case's name, and what kubectl and we make of it.
fn check(case: &Value, shared: &Path, read: &mut HashMap<String, Read>) -> (String, String, String) {
    let text = |key: &str| case[key].as_str().unwrap_or_default();
    let source = text("source");
    let documents = read.entry(source.to_owned()).or_insert_with(|| match case["yaml"].as_str() {
        Some(yaml) => documents(&Sources::new(vec![SourceFile::new(source, Content::Text(yaml.to_owned()))])),
        None => {
            let path = shared.join(source).to_string_lossy().into_owned();
            documents(&read_sources(&[path], &mut std::io::empty(), ReadLimits::default()))
        }
    });
    let json = |value: &Value| Document::from_value(value).map_or_else(|e| e.to_string(), |d| canonical(&d));
    let expected = match case.get("input") {
        None => "an input".to_owned(),
        Some(Value::Null) => "refused".to_owned(),
        Some(input) => json(input),
    };
    let got = match documents.get(&case["index"].as_u64().unwrap_or(u64::MAX)) {
        Some(Some(document)) => document.clone(),
        Some(None) => "refused".to_owned(),
        None => "no such document".to_owned(),
    };
    (text("id").to_owned(), expected, got)
}

fn documents(sources: &Sources) -> Read {
    let inventory = Inventory::load(sources);
    let mut read: Read = HashMap::new();
    for document in inventory.documents() {
        read.insert(document.index.into(), Some(canonical(&document.document)));
    }
    for record in inventory.ledger() {
        assert!(record.outcome != FileOutcome::Ignored, "a file of the vectors is ignored");
        for error in &record.errors {
            read.insert(error.document.into(), None);
        }
    }
    read
}

/// JSON text with sorted keys, and numbers as they print, so that equal documents are equal texts.
fn canonical(document: &Document<'_>) -> String {
    let value: Value = serde_json::from_str(&document.root().to_json()).unwrap_or_default();
    sorted(value).to_string()
}

/// `serde_json` keeps the order of keys where some crate asks it to; here it must not show.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let sorted: std::collections::BTreeMap<String, Value> =
                map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(sorted.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        scalar => scalar,
    }
}
