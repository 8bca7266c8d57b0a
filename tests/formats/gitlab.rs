//! Code Quality: <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>.

use super::*;

#[test]
fn says_what_the_json_says() {
    each("gitlab", |name, expected, report, told| {
        let issues: Vec<Value> = serde_json::from_str(told).unwrap();
        let mut counts = Counts::default();
        let mut prints = std::collections::BTreeSet::new();
        for issue in &issues {
            let code = issue["check_name"].as_str().unwrap();
            assert!(!issue["description"].as_str().unwrap().is_empty());
            assert!(prints.insert(issue["fingerprint"].as_str().unwrap()), "{name}: {issue} is there twice");
            assert!(issue["location"]["lines"]["begin"].as_u64().unwrap() > 0);
            let path = issue["location"]["path"].as_str().unwrap();
            assert!(!path.starts_with(['/', '.']), "{name}: {path}");
            match issue["severity"].as_str().unwrap() {
                "blocker" if code == "unreadable" => counts.unread += 1,
                "blocker" => counts.add("failed", code),
                "critical" => counts.add("error", code),
                "major" => counts.add("warning", code),
                "minor" => counts.add("unknown", code),
                "info" => counts.add("info", code),
                other => panic!("{name}: {other}"),
            }
        }
        assert_eq!(counts, *expected, "{name}");
        for (issue, finding) in issues.iter().zip(report["findings"].as_array().unwrap()) {
            let print = finding["fingerprint"].as_str().unwrap();
            assert!(issue["fingerprint"].as_str().unwrap().starts_with(print), "{name}");
        }
    });
}
