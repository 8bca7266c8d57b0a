//! Whole runs over a folder: a policy, and tests that are right, wrong, and in need of an update.

use super::*;

const POLICY: &str = "\
apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: replicas}
spec:
  title: Enough replicas
  match: {kinds: [Deployment]}
  parameters: {least: 2}
  rules:
    - name: least
      validate: object.spec.?replicas.orValue(1) >= params.least
      message: fewer than {params.least} replicas
      at: spec.replicas
      fix: [{set: spec.replicas, value: {cel: params.least}}]
    - name: most
      severity: warning
      action: Warn
      validate: object.spec.?replicas.orValue(1) < 50
      message: many
";

const HEAD: &str = "\
apiVersion: plimsoll.dev/v1alpha1
kind: PolicyTest
metadata: {name: replicas}
spec:
  policies: [../replicas.yaml]
  cases:
    # a case
    - name: one
      manifests: |
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          replicas: 1
";

/// Runs the policy with one test.
fn run_with(policy: &str, test: &str, update: bool) -> (TestRun, String, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("tests")).unwrap();
    std::fs::write(folder.path().join("replicas.yaml"), policy).unwrap();
    let file = folder.path().join("tests/replicas.yaml");
    std::fs::write(&file, test).unwrap();
    let outcome = run(&[folder.path().to_owned()], update);
    let text = std::fs::read_to_string(file).unwrap();
    (outcome, text, folder)
}

/// The faults of a run, `line:column message`, and its differences.
fn told(test: &str) -> Vec<String> {
    let (outcome, _, _folder) = run_with(POLICY, test, false);
    let faults = outcome.errors.iter().chain(outcome.cases().flat_map(|case| &case.errors));
    let mut told: Vec<String> = faults
        .map(|fault| {
            let (line, column) = fault.position().unwrap_or_default();
            let help = fault.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
            format!("{line}:{column} {}{help}", fault.message)
        })
        .collect();
    told.extend(outcome.cases().flat_map(|case| &case.differences).flat_map(|(place, difference)| {
        let at = place.rsplit_once(".yaml:").unwrap().1.to_owned();
        difference.lines.iter().map(move |line| format!("{at} {}: {line}", difference.object))
    }));
    told
}

#[test]
fn what_is_expected_is_compared_in_full() {
    let right = "{rule: least, line: 5, message: fewer than 2}";
    let rows: &[(&str, &[&str])] = &[
        ("[{object: Deployment/web, verdict: deny, findings: [RIGHT]}]", &[]),
        ("[{object: default/Deployment/web, verdict: deny, findings: [RIGHT]}]", &[]),
        ("[{object: Deployment/web, verdict: deny, findings: [{rule: replicas/least, line: 5}]}]", &[]),
        (
            "[{object: Deployment/web, verdict: allow}]",
            &[
                "15:25 Deployment/web: - verdict allow",
                "15:25 Deployment/web: + verdict deny",
                "15:25 Deployment/web: + replicas/least, line 5: fewer than 2 replicas",
            ],
        ),
        (
            "[{object: Deployment/web, verdict: deny, findings: [{rule: least, line: 4, message: fewer}]}]",
            &[
                "15:25 Deployment/web: - least, line 4: …fewer…",
                "15:25 Deployment/web: + replicas/least, line 5: fewer than 2 replicas",
            ],
        ),
        (
            "[{object: Deployment/web, verdict: deny, findings: [RIGHT, RIGHT]}]",
            &["15:25 Deployment/web: - least, line 5: …fewer than 2…"],
        ),
        (
            "[{object: Deployment/web, verdict: deny, findings: [{rule: least, line: 5, unknown: true}]}]",
            &[
                "15:25 Deployment/web: - least, line 5, unknown",
                "15:25 Deployment/web: + replicas/least, line 5: fewer than 2 replicas",
            ],
        ),
        (
            "[{object: Deployment/web, verdict: deny, findings: [RIGHT], patch: [{op: remove, path: /x}]}]",
            &[r#"15:25 Deployment/web: - patch {"op":"remove","path":"/x"}"#],
        ),
    ];
    for (expect, expected) in rows {
        let test = format!("{HEAD}      expect: {}\n", expect.replace("RIGHT", right));
        assert_eq!(told(&test), *expected, "{expect}");
    }
}

#[test]
fn a_test_that_tests_nothing_is_an_error() {
    let case = "      expect: [{object: Deployment/web, verdict: deny}]\n";
    let rows: &[(String, &str)] = &[
        (
            HEAD.to_owned(),
            "8:13 case \"one\" expects nothing (`plimsoll test --update` writes what there is to be expected)",
        ),
        (
            format!("{HEAD}      expect: []\n"),
            "15:7 case \"one\" expects nothing (`plimsoll test --update` writes what there is to be expected)",
        ),
        (
            format!("{HEAD}      expect: [{{object: Deployment/web}}]\n"),
            "15:25 nothing is expected of Deployment/web (say at least a `verdict`)",
        ),
        (
            format!("{HEAD}      expect: [{{object: Deployment/wbe, verdict: deny}}]\n"),
            "15:25 no object is called Deployment/wbe (did you mean `Deployment/web`?)",
        ),
        (
            format!(
                "{HEAD}      expect: [{{object: Deployment/web, findings: [{{rule: leest, line: 5}}]}}]\n"
            ),
            "15:52 no policy under test has a rule leest (did you mean `least`?)",
        ),
        (
            format!("{HEAD}      parameters: {{replicas: {{lest: 1}}}}\n{case}"),
            "15:19 replicas has no parameter lest",
        ),
        (
            format!("{HEAD}      parameters: {{other: {{}}}}\n{case}"),
            "15:19 no policy under test is named other",
        ),
        (
            format!("{HEAD}      expct: []\n"),
            "15:7 unknown field `expct`, expected one of `name`, `manifests`, `cluster`, `parameters`, `complete`, \
             `operation`, `old`, `user`, `namespace`, `kubernetesVersion`, `expect` (did you mean `expect`?)",
        ),
        (HEAD.replace("replicas: 1", "replicas: [") + case, "10:9 manifests, line 5: "),
        (
            HEAD[..HEAD.find("    # a case").unwrap()].replace("cases:", "cases: []"),
            "6:10 a test without cases expects nothing",
        ),
        (HEAD.replace("[../replicas.yaml]", "[]") + case, "5:13 tests no policy"),
        (format!("{HEAD}{case}    - name: one\n      manifests: ''\n"), "16:13 a second case named \"one\""),
        (HEAD.replace("v1alpha1", "v1") + case, "1:13 apiVersion must be plimsoll.dev/v1alpha1"),
    ];
    for (test, expected) in rows {
        let told = told(test);
        assert!(told.iter().any(|line| line.starts_with(expected)), "{expected}\n{told:#?}");
    }
}

#[test]
fn an_update_keeps_the_rest_of_the_file() {
    let rest = "    - name: two # kept\n      expect:\n      - object: Deployment/web\n        verdict: deny\n\n      parameters: {replicas: {least: 3}}\n      manifests: |\n\
        \x20       apiVersion: apps/v1\n        kind: Deployment\n        metadata: {name: web}\n        spec: {replicas: 3}\n# the end\n";
    let (outcome, text, _folder) = run_with(POLICY, &format!("{HEAD}{rest}"), true);
    assert_eq!(outcome.updated.len(), 1);
    assert_eq!((outcome.failed(), outcome.errors.len()), (0, 0), "{text}");
    assert_eq!(
        text,
        format!(
            "{HEAD}      expect:\n        - object: Deployment/web\n          verdict: deny\n          findings:\n\
            \x20           - {{rule: least, line: 5, message: fewer than 2 replicas}}\n{}",
            rest.replace(
                "      - object: Deployment/web\n        verdict: deny\n",
                "        - object: Deployment/web\n          verdict: allow\n"
            )
        )
    );
    let (outcome, again, _folder) = run_with(POLICY, &text, true);
    assert!(outcome.updated.is_empty());
    assert_eq!(again, text);
}

#[test]
fn what_no_case_reaches_is_reported() {
    let case =
        "      expect: [{object: Deployment/web, verdict: deny, findings: [{rule: least, line: 5}]}]\n";
    let (outcome, ..) = run_with(POLICY, &format!("{HEAD}{case}"), false);
    assert_eq!(outcome.unreached, ["replicas/most"]);
    assert!(outcome.untested.is_empty());
    let (outcome, ..) = run_with(POLICY, "kind: nothing\n", false);
    assert_eq!(outcome.untested, ["replicas"]);
}

#[test]
fn a_fix_that_mends_nothing_is_seen() {
    let case =
        "      expect: [{object: Deployment/web, verdict: deny, findings: [{rule: least, line: 5}]}]\n";
    let idle = POLICY.replace("value: {cel: params.least}", "value: 0");
    let (outcome, ..) = run_with(&idle, &format!("{HEAD}{case}"), false);
    let lines: Vec<&String> =
        outcome.cases().flat_map(|c| &c.differences).flat_map(|(_, d)| &d.lines).collect();
    assert_eq!(lines, ["! the fix of replicas/least at spec.replicas does not resolve it"]);
}

#[test]
fn both_forms_tell_what_went_wrong() {
    let case = "      expect: [{object: Deployment/web, verdict: allow}]\n";
    let (outcome, _, folder) = run_with(POLICY, &format!("{HEAD}{case}"), false);
    let folder = folder.path().display().to_string();
    let told = text::render(&outcome, text::TextOptions::default()).replace(&folder, "DIR");
    insta::assert_snapshot!(told, @r"
    test replicas: one ... FAILED

    ---- replicas: one
    DIR/tests/replicas.yaml:8:13  (- expected, + found)
      Deployment/web  at DIR/tests/replicas.yaml:15:25
        - verdict allow
        + verdict deny
        + replicas/least, line 5: fewer than 2 replicas

    rules never reached:
        replicas/most

    test result: FAILED. 0 passed; 1 failed; 1 never reached
    ");
    let document = junit::render(&outcome).unwrap().replace(&folder, "DIR");
    assert!(
        document.contains(r#"<testsuite name="replicas" tests="1" skipped="0" errors="0" failures="1">"#),
        "{document}"
    );
    assert!(document.contains("+ replicas/least, line 5: fewer than 2 replicas"), "{document}");
}
