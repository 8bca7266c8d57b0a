//! Writes of admission policies: what a live API server refuses, and why; what it stores; what type checking says.

use std::path::Path;

use serde_json::Value;

#[path = "../../crates/objects/tests/writes/mod.rs"]
mod writes;

use crate::suite::{Miss, Outcome};

pub(crate) fn run(file: &Path, wanted: &str) -> Outcome {
    let lines = std::fs::read_to_string(file).unwrap_or_default();
    let mut outcome = Outcome::default();
    for line in lines.lines() {
        let vector: Value = serde_json::from_str(line).unwrap_or_default();
        let id = vector["id"].as_str().unwrap_or_default();
        if !id.contains(wanted) {
            continue;
        }
        let (expected, got) = writes::compare(&vector);
        outcome.cases.count(expected == got);
        if expected != got {
            let (expected, got) = (expected.0.to_string(), got.0.to_string());
            outcome.misses.push(Miss { id: id.to_owned(), expected, got });
        }
    }
    outcome
}
