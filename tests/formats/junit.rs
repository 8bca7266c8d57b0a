//! JUnit XML, read back by the library that also writes it, and held against the shape that Jenkins asks for.

use super::*;
use quick_junit::{NonSuccessKind, Report, TestCaseStatus};

#[test]
fn says_what_the_json_says() {
    each("junit", |name, expected, report, told| {
        let document = Report::deserialize_from_str(told).unwrap();
        let mut counts = Counts::default();
        let mut cases = std::collections::BTreeSet::new();
        for suite in &document.test_suites {
            for case in &suite.test_cases {
                assert!(
                    cases.insert((suite.name.as_str(), case.name.as_str())),
                    "{name}: {case:?} is there twice"
                );
                assert_eq!(case.classname.as_ref().map(|name| name.as_str()), Some(suite.name.as_str()));
                let (kind, text) = match &case.status {
                    TestCaseStatus::Success { .. } => (None, &case.system_out),
                    TestCaseStatus::NonSuccess { kind, description, .. } => (Some(*kind), description),
                    TestCaseStatus::Skipped { .. } => continue,
                };
                let lines: Vec<&str> = text.as_ref().map_or("", |text| text.as_str()).lines().collect();
                let mut of_case = Counts::default();
                for line in &lines {
                    let words =
                        ["error", "warning", "info", "unknown", "failed"].map(|word| format!(": {word} "));
                    let first = words.iter().filter_map(|word| Some((line.find(word)?, word))).min();
                    match first {
                        Some((at, word)) => {
                            let code = line[at + word.len()..].split(':').next().unwrap();
                            of_case.add(word[2..].trim(), code);
                            counts.add(word[2..].trim(), code);
                        }
                        None => {
                            of_case.unread += 1;
                            counts.unread += 1;
                        }
                    }
                }
                let (failed, errors) =
                    (of_case.unread + of_case.of_severity("failed"), of_case.of_severity("error"));
                assert_eq!(kind == Some(NonSuccessKind::Error), failed > 0, "{name}: {lines:?}");
                assert_eq!(
                    kind == Some(NonSuccessKind::Failure),
                    failed == 0 && errors > 0,
                    "{name}: {lines:?}"
                );
            }
        }
        assert_eq!(counts, *expected, "{name}");
        let judged = report["files"].as_array().unwrap().iter();
        let judged = judged
            .filter(|file| ["linted", "broken", "template"].contains(&file["outcome"].as_str().unwrap()));
        assert_eq!(document.test_suites.len(), judged.count(), "{name}: a suite for each file");
    });
}

/// What fails here fails the run, and the other way round.
#[test]
fn cases_fail_as_the_run_does() {
    for (arguments, fails) in [
        (&["--fail-on", "error"][..], false),
        (&["--fail-on", "warning"], true),
        (&["--fail-on", "error", "--only", "run-as-root"], false),
    ] {
        let all = [&["--format", "junit", "--only", "run-as-root,container-resources"], arguments].concat();
        let output = lint(here(), &[&all[..], &["examples/shop/orders.yaml"]].concat());
        let document = Report::deserialize_from_str(&String::from_utf8(output.stdout).unwrap()).unwrap();
        assert_eq!(document.failures > 0, fails, "{arguments:?}");
        assert_eq!(output.status.code(), Some(i32::from(fails)), "{arguments:?}");
        assert!(document.tests > 1, "objects without findings are cases, too");
    }
}
