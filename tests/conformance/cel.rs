//! The CEL vectors: values, types, error stages, costs and error texts of Kubernetes' own CEL environment.

use std::path::{Path, PathBuf};

use crate::suite::{Miss, Outcome, Suite, files_with_extension};

pub(crate) struct Cel;

impl Suite for Cel {
    fn name(&self) -> &'static str {
        "cel"
    }

    fn files(&self, shared: &Path) -> Vec<PathBuf> {
        files_with_extension(&shared.join("vectors/cel/dev"), "jsonl")
    }

    fn run(&self, file: &Path) -> Outcome {
        let mut outcome = Outcome::default();
        let text = std::fs::read_to_string(file).unwrap_or_default();
        for (index, _line) in text.lines().enumerate() {
            outcome.cases.count(false);
            outcome.misses.push(Miss {
                id: format!("{}:{}", file.display(), index + 1),
                expected: "an evaluation".to_owned(),
                got: "no evaluator yet".to_owned(),
            });
        }
        outcome
    }
}
