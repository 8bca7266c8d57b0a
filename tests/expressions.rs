//! Native policies in CEL, through the binary: places, elements, parts of expressions, unknowns, versions.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const POLICY: &str = "
apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: p}
spec:
  match: {kinds: [workloads, Service]}
  parameters: {most: 2}
  variables:
    - {name: replicas, expression: 'object.spec.?replicas.orValue(1)'}
  rules:
    - name: limits
      forEach: allContainers
      when: \"role != 'ephemeral'\"
      validate: 'item.?resources.?limits.?memory.hasValue()'
      message: '{role} container {item.name} (number {index}) has no memory limit {{yet}}'
      at: resources.limits
    - name: replicas
      when: has(object.spec.template)
      validate: variables.replicas <= params.most
      message: '{variables.replicas} replicas, {params.most} are the most'
      at: spec.replicas
    - name: ports
      when: object.kind == 'Service'
      validate: object.spec.ports.all(p, p.port < 1000)
    - name: account
      when: podSpec != null
      validate: >-
        resources.get('v1', 'ServiceAccount', request.namespace, podSpec.?serviceAccountName.orValue('default')) != null
      message: the ServiceAccount does not exist
    - name: asked
      when: object.kind == 'Service'
      validate: request.userInfo.username == 'jane'
      message: only jane makes Services
";

const MANIFESTS: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 5
  template:
    spec:
      serviceAccountName: robot
      initContainers:
        - name: first
          image: busybox
          resources:
            requests: {cpu: 1m}
      containers:
        - name: app
          image: nginx
          resources:
            limits: {memory: 1Gi}
        - name: other
          image: nginx
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  ports:
    - port: 80
    - port: 8080
    - port: 9090
";

fn lint(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["lint", "--raw", "m.yaml", "--no-embedded", "--policies", "p.yaml"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("runs")
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("p.yaml"), POLICY).expect("written");
    std::fs::write(folder.path().join("m.yaml"), MANIFESTS).expect("written");
    folder
}

/// Code, line, column, message, unknown.
type Row = (String, u64, u64, String, bool);

fn rows(output: &Output) -> Vec<Row> {
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let findings = report["findings"].as_array().expect("findings");
    findings
        .iter()
        .map(|f| {
            let text = |key: &str| f[key].as_str().unwrap_or_default().to_owned();
            let number = |key: &str| f[key].as_u64().unwrap_or_default();
            (text("code"), number("line"), number("column"), text("message"), f["unknown"] == true)
        })
        .collect()
}

#[test]
fn findings_point_at_the_element_and_field() {
    let folder = folder();
    let output = lint(folder.path(), &["--format", "json"]);
    let row = |code: &str, line, column, message: &str, unknown| {
        (format!("p/{code}"), line, column, message.to_owned(), unknown)
    };
    assert_eq!(
        rows(&output),
        [
            row(
                "account",
                1,
                1,
                "cannot be decided: ServiceAccount default/robot is not part of the input (`--complete` treats it as absent)",
                true
            ),
            row("replicas", 5, 13, "5 replicas, 2 are the most", false),
            row("limits", 13, 13, "init container first (number 2) has no memory limit {yet}", false),
            row("limits", 19, 11, "regular container other (number 1) has no memory limit {yet}", false),
            row(
                "asked",
                22,
                1,
                "cannot be decided: it depends on who makes the request (`--as` says so)",
                true
            ),
            row("ports", 28, 7, "does not hold: object.spec.ports.all(p, p.port < 1000)", false),
        ]
    );
    assert_eq!(output.status.code(), Some(1));
}

/// A policy of these rules over Deployments and Services.
fn lint_with(rules: &str) -> Vec<Row> {
    let folder = folder();
    let head = "apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: p}
spec:
  match: {kinds: [Deployment, Service]}
  rules:
";
    std::fs::write(folder.path().join("p.yaml"), format!("{head}{rules}")).expect("written");
    rows(&lint(folder.path(), &["--format", "json"]))
}

#[test]
fn every_failing_all_is_pointed_at() {
    let found = lint_with(
        "
    - name: beside-exists
      when: object.kind == 'Service'
      validate: object.spec.ports.exists(p, p.port == 80) && object.spec.ports.all(p, p.port != 8080)
    - name: no-such-element
      when: object.kind == 'Service'
      validate: '!object.spec.ports.exists(p, p.port == 9090)'
    - name: within
      when: object.kind == 'Deployment'
      validate: '[object.spec.template.spec].all(s, s.containers.all(c, has(c.resources)))'
    - name: of-a-computed-list
      when: object.kind == 'Deployment'
      validate: object.spec.template.spec.containers.filter(c, !has(c.resources)).all(c, false)
",
    );
    let at: Vec<(&str, u64)> = found.iter().map(|(code, line, ..)| (&**code, *line)).collect();
    assert_eq!(
        at,
        [("p/of-a-computed-list", 19), ("p/within", 19), ("p/beside-exists", 28), ("p/no-such-element", 29)]
    );
}

#[test]
fn a_policy_has_a_budget() {
    let dear = "lists.range(400).all(x, lists.range(400).all(y, y >= 0))";
    let found = lint_with(&format!(
        "
    - name: visits
      when: object.kind == 'Service'
      forEach: lists.range(1000)
      validate: {dear}
    - name: after
      validate: object.kind != 'Service'
    - name: conditions
      forEach: lists.range(1000)
      when: object.kind == 'Deployment' && {dear}
      validate: 'true'
"
    ));
    let said: Vec<(&str, &str)> =
        found.iter().map(|(code, _, _, message, _)| (&**code, &**message)).collect();
    let spent = "policy p could not be evaluated: the policy's expressions cost too much";
    // once for each rule that was not done, and nothing of the rules of the policy after that
    assert_eq!(
        said,
        [("p/conditions", spent), ("p/after", spent), ("p/conditions", spent), ("p/visits", spent)]
    );
}

#[test]
fn what_is_unknown_becomes_known_with_more_input() {
    let folder = folder();
    let codes = |arguments: &[&str]| -> Vec<(String, bool)> {
        let output = lint(folder.path(), &[arguments, &["--format", "json"]].concat());
        rows(&output)
            .into_iter()
            .filter(|r| r.0 == "p/account" || r.0 == "p/asked")
            .map(|r| (r.0, r.4))
            .collect()
    };
    let known = |code: &str| (code.to_owned(), false);
    let unknown = |code: &str| (code.to_owned(), true);
    assert_eq!(codes(&[]), [unknown("p/account"), unknown("p/asked")]);
    assert_eq!(codes(&["--complete", "--as", "bob"]), [known("p/account"), known("p/asked")]);
    assert_eq!(codes(&["--complete", "--as", "jane"]), [known("p/account")]);
    let good = MANIFESTS.to_owned() + "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: robot}\n";
    std::fs::write(folder.path().join("m.yaml"), good).expect("written");
    assert_eq!(codes(&["--as", "jane"]), []);
}

#[test]
fn explanations_show_the_false_parts_first() {
    let folder = folder();
    let output = lint(folder.path(), &["--explain", "--color", "never"]);
    let text = String::from_utf8(output.stdout).expect("text");
    let at = text.find("error    p/ports").expect("the finding");
    let of_ports = &text[at..];
    let (first, second) = (of_ports.find("p.port < 1000  is false"), of_ports.find("p.port < 1000  is true"));
    assert!(first.is_some() && first < second, "{of_ports}");
    assert!(text.contains(" · Kubernetes 1.37 · "), "{text}");
}

#[test]
fn the_version_decides_what_compiles() {
    let check = |expression: &str, version: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
            .args(["cel", "check", expression, "--kubernetes-version", version])
            .output()
            .expect("runs");
        (output.status.code(), String::from_utf8(output.stdout).expect("text"))
    };
    assert_eq!(check("object.`a-b` == 1", "1.37"), (Some(0), "bool (Kubernetes 1.37)\n".to_owned()));
    assert_eq!(check("object.`a-b` == 1", "1.36").0, Some(2));
    assert_eq!(check("true", "1.30"), (Some(0), "bool (Kubernetes 1.36)\n".to_owned()));
    assert_eq!(check("true", "new").0, Some(2));
}

#[test]
fn eval_tells_value_type_and_cost() {
    let folder = folder();
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["cel", "eval", "object.spec.?replicas.orValue(0) > 3", "m.yaml"])
        .current_dir(folder.path())
        .output()
        .expect("runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("Deployment web: true   type bool, cost "), "{text}");
    assert!(lines[1].starts_with("Service web: false   type bool, cost "), "{text}");
}
