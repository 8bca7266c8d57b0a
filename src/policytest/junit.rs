//! What CI systems read of a run.

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::{CaseOutcome, TestRun};

/// A suite for each test file; what is wrong outside of cases is a suite of its own.
///
/// # Errors
/// When the document cannot be written, which has no known reason.
pub fn render(outcome: &TestRun) -> Result<String, SerializeError> {
    let mut report = Report::new("plimsoll test");
    for test in &outcome.tests {
        let mut suite = TestSuite::new(test.name.as_str());
        for case in &test.cases {
            let mut written = TestCase::new(case.name.as_str(), status(case));
            written.set_classname(test.file.as_str());
            written.set_time(case.elapsed);
            suite.add_test_case(written);
        }
        report.add_test_suite(suite);
    }
    if !outcome.errors.is_empty() {
        let mut suite = TestSuite::new("policies and tests");
        for error in &outcome.errors {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(error.to_string());
            let mut case = TestCase::new(error.file.as_str(), status);
            case.set_classname(error.file.as_str());
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    report.to_string()
}

fn status(case: &CaseOutcome) -> TestCaseStatus {
    if case.passed() {
        return TestCaseStatus::success();
    }
    let (kind, message) = match case.errors.first() {
        Some(error) => (NonSuccessKind::Error, error.to_string()),
        None => (NonSuccessKind::Failure, format!("{}: not as expected", case.place)),
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message);
    let errors = case.errors.iter().map(ToString::to_string);
    let differences = case.differences.iter().map(|(place, difference)| {
        format!("{} at {place}\n  {}", difference.object, difference.lines.join("\n  "))
    });
    let lines: Vec<String> = errors.chain(differences).collect();
    status.set_description(lines.join("\n"));
    status
}
