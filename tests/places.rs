//! Where findings of native policies point: `on`, `forEach` over lists and maps, and the same places for changes.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const POLICY: &str = r#"
apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: p}
spec:
  match: {kinds: [workloads, ConfigMap]}
  rules:
    - name: label
      forEach: object.metadata.?labels.orValue({})
      when: item != 'left out'
      validate: item.matches('^[a-z]+$')
      message: "label {key} (number {index}): {item}"
    - name: own
      forEach: object.metadata.?labels.orValue({}).transformMap(k, v, k != 'a', v)
      when: object.kind == 'ConfigMap'
      validate: item.matches('^[a-z]+$')
      message: "{key} of a map that was made"
    - name: capability
      forEach: allContainers.map(c, c.?securityContext.?capabilities.?add.orValue([])).flatten()
      validate: item != 'SYS_ADMIN' && key == null
      message: "{container} adds {item}"
    - name: network
      on: podSpec
      validate: "!podSpec.?hostNetwork.orValue(false)"
      message: host network
      at: hostNetwork
    - name: pod
      on: podSpec
      validate: "false"
      message: the Pod
    - name: team
      "on": podMetadata
      validate: "'team' in podMetadata.?labels.orValue({})"
      message: no team
      at: labels.team
      fix: [{set: labels.team, value: web}]
    - name: volume
      on: podSpec
      forEach: podSpec.?volumes.orValue([])
      validate: "!has(item.hostPath)"
      message: "volume {item.name} is a hostPath"
      at: hostPath.path
    - name: all
      validate: object.metadata.?annotations.orValue({}).all(k, k.startsWith('a'))
      message: annotation
"#;

const MANIFESTS: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels:
    app: web
    tier: a_b
    other: left out
  annotations: {a: b, c: d}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      hostNetwork: true
      containers:
        - name: app
          image: nginx
          securityContext:
            capabilities:
              add: [CHOWN, SYS_ADMIN]
      volumes:
        - {name: a, emptyDir: {}}
        - name: b
          hostPath:
            path: /etc
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c, labels: {b: '1'}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: bare}
spec: {template: {spec: {containers: []}}}
";

fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(args)
        .args(["--no-embedded", "--policies", "policy.yaml", "app.yaml"])
        .current_dir(folder)
        .output()
        .expect("runs");
    (output.status.code(), String::from_utf8(output.stdout).expect("text"))
}

fn folder(policy: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("policy.yaml"), policy).expect("written");
    std::fs::write(folder.path().join("app.yaml"), MANIFESTS).expect("written");
    folder
}

#[test]
fn a_finding_is_at_the_very_entry() {
    let folder = folder(POLICY);
    let (code, out) = run(folder.path(), &["lint", "--raw", "--format", "json"]);
    assert_eq!(code, Some(1), "{out}");
    let report: Value = serde_json::from_str(&out).expect("JSON");
    let told: Vec<String> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|f| {
            let text = |field: &str| f[field].as_str().unwrap_or_default().to_owned();
            format!("{}:{} {}: {} {}", f["line"], f["column"], text("code"), text("message"), text("path"))
        })
        .collect();
    let expected = [
        "7:11 p/label: label tier (number 1): a_b metadata.labels.tier",
        "9:26 p/all: annotation metadata.annotations.c",
        "12:24 p/team: no team spec.template.metadata.labels",
        "14:7 p/pod: the Pod spec.template.spec",
        "14:20 p/network: host network spec.template.spec.hostNetwork",
        "20:28 p/capability: container app adds SYS_ADMIN spec.template.spec.containers[0].securityContext.capabilities.add[1]",
        "25:19 p/volume: volume b is a hostPath spec.template.spec.volumes[1].hostPath.path",
        // the value of a map that was made is still the object's
        "29:33 p/label: label b (number 0): 1 metadata.labels.b",
        "29:33 p/own: b of a map that was made metadata.labels.b",
        "34:25 p/pod: the Pod spec.template.spec",
    ];
    assert_eq!(told, expected, "{}", told.join("\n"));
    let fix = &report["findings"][2]["fix"];
    assert_eq!(fix[0]["path"], "/spec/template/metadata/labels/team", "{fix}");
}

#[test]
fn changes_count_from_the_same_places() {
    let policy = r#"
apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: p}
spec:
  match: {kinds: [workloads, ConfigMap]}
  rules:
    - name: secret
      on: podSpec
      mutate: [{set: imagePullSecrets, value: [{name: mirror}]}, {remove: hostNetwork}]
    - name: label
      on: podMetadata
      mutate: [{op: add, path: /labels/team, value: web}]
"#;
    let folder = folder(policy);
    let (code, out) = run(folder.path(), &["mutate", "-o", "patch"]);
    assert_eq!(code, Some(0), "{out}");
    let paths: Vec<&str> = out.split("\"path\":").skip(1).filter_map(|rest| rest.split('"').nth(1)).collect();
    let expected = [
        "/spec/template/spec/imagePullSecrets",
        "/spec/template/spec/hostNetwork",
        "/spec/template/metadata/labels/team",
        "/spec/template/spec/imagePullSecrets",
    ];
    assert_eq!(paths, expected, "{out}");
}

#[test]
fn a_fault_of_a_policy_is_told_as_such() {
    let policy = r#"
apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: p}
spec:
  match: {kinds: [workloads, ConfigMap]}
  variables: [{name: size, expression: size(object.data)}]
  rules:
    - {name: key, when: object.kind == 'ConfigMap', validate: object.data.mode == 'fast'}
    - {name: variable, when: object.kind == 'ConfigMap', validate: variables.size > 1}
    - {name: type, when: object.kind == 'ConfigMap', validate: object.metadata.name + 1 > 2}
    - {name: value, when: object.kind == 'ConfigMap', validate: object.metadata.name}
    - {name: list, forEach: "object.metadata['name']", validate: 'true'}
    - name: when
      when: object.spec.template.spec.containers[1].name == 'x'
      validate: "true"
    - {name: fault, when: object.kind == 'ConfigMap', validate: 'false', message: bad}
"#;
    let folder = folder(policy);
    let (code, out) = run(folder.path(), &["lint", "--raw", "--format", "json"]);
    assert_eq!(code, Some(2), "{out}");
    let report: Value = serde_json::from_str(&out).expect("JSON");
    let mut told: Vec<String> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|f| f["object"]["name"] != "bare" && f["object"]["name"] != "web" || f["code"] == "p/when")
        .map(|f| {
            let text = |field: &str| f[field].as_str().unwrap_or("-").to_owned();
            let place = format!("{}:{}:{}", text("policyFile"), f["policyLine"], f["policyColumn"]);
            let what = text("message").replace("policy p could not be evaluated: ", "… ");
            format!("{} {} {} {} {what}", text("certainty"), text("severity"), place, text("code"))
        })
        .collect();
    told.sort();
    let type_fault = "an operator or function is given a value of a type that it does not take";
    let expected = [
        "failed warning policy.yaml:13:29 p/list … forEach: expected a list or a map, found string"
            .to_owned(),
        "failed warning policy.yaml:15:13 p/when … when: no such key: spec".to_owned(),
        "failed warning policy.yaml:15:13 p/when … when: the list has no item 1".to_owned(),
        "failed warning policy.yaml:15:13 p/when … when: the list has no item 1".to_owned(),
        "failed warning policy.yaml:10:68 p/variable … variable size: no such key: data".to_owned(),
        format!("failed warning policy.yaml:11:64 p/type … {type_fault}"),
        "failed warning policy.yaml:12:65 p/value … expected a boolean, found string".to_owned(),
        "failed warning policy.yaml:9:63 p/key … no such key: data".to_owned(),
        "known error -:null:null p/fault bad".to_owned(),
    ];
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(told, expected, "{}", told.join("\n"));
    assert_eq!(report["summary"]["error"], 1, "{out}");
    assert!(report["summary"]["failed"].as_u64() > Some(6), "{out}");
    // in the text what is wrong with a policy is said once, before all else, at its place
    let (code, text) = run(folder.path(), &["lint", "--raw"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.starts_with("failed[p/"), "{text}");
    assert_eq!(text.matches("failed[p/list]").count(), 1, "{text}");
    for part in [
        "--> policy.yaml:13:29",
        "while judging app.yaml:1:1, Deployment default/web, and 2 other objects",
        "help: ask first with has(…), or write .?field and .orValue(…)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// A rule fails at each of its elements; told is how many objects that concerns.
#[test]
fn a_fault_of_a_policy_counts_objects() {
    let policy = r#"
apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: p}
spec:
  match: {kinds: [Deployment]}
  rules:
    - {name: each, forEach: "[1, 2, 3]", validate: object.spec.nothing == item}
"#;
    let folder = folder(policy);
    let (_, text) = run(folder.path(), &["lint", "--raw"]);
    assert!(
        text.contains("while judging app.yaml:1:1, Deployment default/web, and 1 other object\n"),
        "{text}"
    );
}

/// What a mutation put in the place of a scalar is told at that scalar, not at what is around it.
#[test]
fn what_replaced_a_value_is_told_where_that_stands() {
    let policy = r#"
apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: p}
spec:
  match: {kinds: [Deployment]}
  rules:
    - name: image
      forEach: allContainers
      mutate: [{set: image, value: mirror/nginx}]
    - name: label
      mutate: [{set: metadata.labels.tier, value: back}, {set: metadata.labels.added, value: back}]
    - name: mirrored
      forEach: allContainers
      validate: "!item.image.startsWith('mirror/')"
      message: "{item.image}"
      at: image
    - name: tier
      forEach: object.metadata.?labels.orValue({})
      validate: item != 'back'
      message: "{key} is {item}"
"#;
    let folder = folder(policy);
    let (_, out) = run(folder.path(), &["lint", "--raw", "--format", "json"]);
    let report: Value = serde_json::from_str(&out).expect("JSON");
    let told: Vec<String> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|f| f["object"]["name"] == "web")
        .map(|f| format!("{}:{} {} {}", f["line"], f["column"], f["code"], f["message"]))
        .collect();
    let expected = [
        // added: there is nothing nearer than the labels
        r#"6:5 "p/tier" "added is back""#,
        r#"7:11 "p/tier" "tier is back""#,
        r#"17:18 "p/mirrored" "mirror/nginx""#,
    ];
    assert_eq!(told, expected, "{}", told.join("\n"));
}
