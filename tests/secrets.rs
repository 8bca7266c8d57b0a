//! No output shows what is secret, whatever policies say of it: planted values are looked for in each.

#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Values that stand in the manifests below, as written or decoded.
const PLANTED: &[&str] = &["planted", "cGxhbnRlZC1kZWNvZGVk"];

/// Says all that it can find out.
const POLICY: &str = r#"
apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: gossip}
spec:
  title: Tells what it should not
  severity: error
  action: Deny
  match: {kinds: [Secret, Pod]}
  rules:
    - name: quotes
      validate: "false"
      message: "the password is {object.stringData.password}, the token {object.data.token}"
      at: stringData.password
    - name: fails
      validate: "object.stringData.password.matches(object.stringData.password + '(')"
      message: "not reached"
    - name: all
      validate: "false"
      message: "found {object}"
    - name: env
      sensitive: true
      forEach: allContainers
      validate: "item.env.all(e, !has(e.value))"
      message: "{item.name} has {item.env[0].value}"
      at: env[0].value
    - name: label
      mutate: [{set: 'metadata.labels["a"]', value: b}]
    - name: refused
      mutate: [{op: add, path: /stringData/password/x, value: 1}]
"#;

const SECRET: &str = r#"
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: shop}
data: {token: cGxhbnRlZC1kZWNvZGVk}
stringData:
  password: planted-password   # planted in a comment
  password: planted-duplicate
  number: 0777
"#;

const POD: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: shop}
spec:
  containers: [{name: c, image: c, env: [{name: A, value: planted-env}]}]
"#;

const BROKEN: &str = "kind: Secret\nstringData:\n  password: \"planted \\q\"\n";

/// All that the program says, on both streams.
fn output(folder: &Path, arguments: &[&str], stdin: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(arguments)
        .args(["--no-embedded", "--policies", "policy.yaml"])
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("deploy")).unwrap();
    for (name, text) in [
        ("policy.yaml", POLICY),
        ("deploy/secret.yaml", SECRET),
        ("deploy/pod.yaml", POD),
        ("deploy/broken.yaml", BROKEN),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// An AdmissionReview of a Secret, as its old and new object.
fn review() -> String {
    let object = serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "shop"},
        "data": {"token": "cGxhbnRlZC1kZWNvZGVk"}, "stringData": {"password": "planted-password"},
    });
    serde_json::json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "1", "operation": "UPDATE", "namespace": "shop", "name": "s",
            "kind": {"group": "", "version": "v1", "kind": "Secret"},
            "resource": {"group": "", "version": "v1", "resource": "secrets"},
            "userInfo": {"username": "me"}, "object": object, "oldObject": object,
        }
    })
    .to_string()
}

#[test]
fn no_output_shows_a_secret() {
    let folder = folder();
    let review = review();
    for (arguments, stdin, proof) in [
        (&["lint", "deploy"][..], "", "password: ***"),
        (&["lint", "--color", "always", "deploy"], "", "gossip/env"),
        (&["lint", "--format", "json", "deploy"], "", "\"gossip/quotes\""),
        (&["lint", "--operation", "update", "--old", "deploy", "deploy"], "", "gossip/all"),
        (&["lint", "-"], SECRET, "gossip/all"),
        (&["review", "--validate"], &review, "gossip/all"),
        (&["review", "--mutate"], &review, "AdmissionReview"),
        (&["mutate", "-o", "diff", "deploy/secret.yaml"], "", "+    a: b"),
        (&["mutate", "-o", "patch", "deploy"], "", "/metadata/labels"),
    ] {
        let output = output(folder.path(), arguments, stdin);
        assert!(output.contains(proof), "{arguments:?} has not got as far as {proof}: {output}");
        for planted in PLANTED {
            assert!(!output.contains(planted), "{arguments:?} shows {planted}: {output}");
        }
    }
}

#[test]
fn manifests_for_programs_are_whole() {
    let output = output(folder().path(), &["mutate", "deploy/secret.yaml"], "");
    assert!(output.contains("password: planted-duplicate"), "{output}");
}
