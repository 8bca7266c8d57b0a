//! What programs read of a run: a promise as the report of lint is one. It holds no time.

use serde::Serialize;

use super::{CaseOutcome, TestOutcome, TestRun};
use crate::diagnostic::Diagnostic;
use crate::report::json::{Tool, VERSION};

#[derive(Serialize)]
struct Wire<'o> {
    version: u32,
    tool: Tool<'static>,
    tests: Vec<WireTest<'o>>,
    errors: &'o [Diagnostic],
    untested: &'o [String],
    unreached: &'o [String],
    updated: &'o [String],
    summary: Counts,
}

#[derive(Serialize)]
struct Counts {
    cases: usize,
    failed: usize,
    errors: usize,
}

#[derive(Serialize)]
struct WireTest<'o> {
    name: &'o str,
    file: &'o str,
    cases: Vec<WireCase<'o>>,
}

#[derive(Serialize)]
struct WireCase<'o> {
    name: &'o str,
    line: Option<usize>,
    column: Option<usize>,
    passed: bool,
    differences: Vec<WireDifference<'o>>,
    errors: &'o [Diagnostic],
}

/// What was expected of an object and what was found.
#[derive(Serialize)]
struct WireDifference<'o> {
    object: &'o str,
    line: Option<usize>,
    column: Option<usize>,
    lines: &'o [String],
}

/// Line and column of `file:line:column`.
fn position(place: &str) -> (Option<usize>, Option<usize>) {
    let mut parts = place.rsplit(':').map(|part| part.parse().ok());
    let column = parts.next().flatten();
    (parts.next().flatten(), column)
}

/// The whole run, tests in the order of their files.
#[must_use]
pub fn render(outcome: &TestRun) -> String {
    let of_cases: usize = outcome.cases().map(|case| case.errors.len()).sum();
    let wire = Wire {
        version: VERSION,
        tool: Tool::judging_for(None),
        tests: outcome.tests.iter().map(test).collect(),
        errors: &outcome.errors,
        untested: &outcome.untested,
        unreached: &outcome.unreached,
        updated: &outcome.updated,
        summary: Counts {
            cases: outcome.cases().count(),
            failed: outcome.failed(),
            errors: outcome.errors.len() + of_cases,
        },
    };
    serde_json::to_string_pretty(&wire).unwrap_or_default() + "\n"
}

fn test(test: &TestOutcome) -> WireTest<'_> {
    WireTest { name: &test.name, file: &test.file, cases: test.cases.iter().map(case).collect() }
}

fn case(case: &CaseOutcome) -> WireCase<'_> {
    let (line, column) = position(&case.place);
    let differences = case.differences.iter().map(|(place, difference)| {
        let (line, column) = position(place);
        WireDifference { object: &difference.object, line, column, lines: &difference.lines }
    });
    let differences = differences.collect();
    WireCase { name: &case.name, line, column, passed: case.passed(), differences, errors: &case.errors }
}
