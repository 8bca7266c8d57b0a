//! Objects as the API server makes them before any webhook, and what it refuses: a live server's answers to one document
//! after the other. A document agrees when verdict (under Strict and Warn) and object do.

use std::path::{Path, PathBuf};

use serde_json::Value;

#[path = "../../crates/objects/tests/answers/mod.rs"]
mod answers;

use crate::suite::{Miss, Outcome, Suite};

pub(crate) struct AdmissionObjects;

impl Suite for AdmissionObjects {
    fn name(&self) -> &'static str {
        "admission-objects"
    }

    fn files(&self, shared: &Path) -> Vec<PathBuf> {
        let file = shared.join("vectors/admission/objects.jsonl");
        if file.is_file() { vec![file] } else { Vec::new() }
    }

    fn run(&self, file: &Path) -> Outcome {
        let definitions = answers::definitions(file.parent().unwrap_or(file));
        let lines = std::fs::read_to_string(file).unwrap_or_default();
        let mut outcome = Outcome::default();
        for line in lines.lines() {
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            // what does not parse as YAML never becomes a document
            if line["input"].is_null() {
                continue;
            }
            let comparison = answers::compare(&line, &definitions);
            outcome.cases.count(comparison.agrees());
            outcome.figures.entry("verdict").or_default().count(comparison.verdict);
            for (name, agrees) in [
                ("object", comparison.object),
                ("causes", comparison.causes),
                ("message", comparison.message),
            ] {
                if let Some(agrees) = agrees {
                    outcome.figures.entry(name).or_default().count(agrees);
                }
            }
            if !comparison.misses.is_empty() {
                let id = line["id"].as_str().unwrap_or_default().to_owned();
                let expected = "the server's answer".to_owned();
                outcome.misses.push(Miss { id, expected, got: comparison.misses.join("; ") });
            }
        }
        outcome
    }
}
