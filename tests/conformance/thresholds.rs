//! What each suite must reach, in percent. These figures only rise.

use crate::suite::Outcome;

/// Suite, file (`*` for every file of the suite), figure (`cases` for the whole), percent.
const THRESHOLDS: &[(&str, &str, &str, f64)] = &[
    ("admission-objects", "*", "cases", 100.0),
    ("admission-objects", "*", "verdict", 100.0),
    ("admission-objects", "*", "object", 100.0),
    ("admission-objects", "*", "causes", 100.0),
    ("admission-objects", "*", "message", 100.0),
    ("admission-policies", "decisions", "cases", 100.0),
    ("admission-policies", "decisions", "from request.body", 98.2),
    ("admission-policies", "policy-writes", "cases", 100.0),
    ("admission-reviews", "*", "cases", 100.0),
    ("cel", "*", "cases", 100.0),
    ("cel", "*", "results", 100.0),
    ("cel", "*", "cost", 100.0),
    ("cel", "*", "error text", 100.0),
    ("cel", "*", "position", 100.0),
    ("cel", "*", "refusal text", 99.0),
    ("field", "*", "cases", 100.0),
    ("linters", "edge-cases", "cases", 100.0),
    ("linters", "kube-linter", "cases", 88.6),
    ("linters", "kube-linter", "of these agree", 92.8),
    ("linters", "kube-score", "cases", 97.8),
    ("linters", "polaris", "cases", 98.1),
    ("yaml", "*", "cases", 100.0),
];

/// Says which thresholds a file does not reach.
pub(crate) fn check(suite: &str, file: &str, outcome: &Outcome) -> Result<(), String> {
    let mut failures = Vec::new();
    for (of_suite, of_file, name, least) in THRESHOLDS {
        if *of_suite != suite || (*of_file != "*" && *of_file != file) {
            continue;
        }
        let beside = || outcome.beside.iter().find(|beside| beside.name == *name).map(|beside| &beside.taken);
        let figure = match *name {
            "cases" => Some(&outcome.cases),
            name => outcome.figures.get(name).or_else(beside),
        };
        let Some(figure) = figure else { continue };
        if figure.percent() < *least {
            failures.push(format!("{name}: {} of {} agree, below {least} %", figure.agree, figure.of));
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("; ")) }
}
