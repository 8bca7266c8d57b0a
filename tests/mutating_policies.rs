//! MutatingAdmissionPolicies in `lint` and `mutate`, and the policies that lie among the manifests (`policies: input`), from
//! outside.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: registry.example.com/web:1
";

/// Adds a label, a sidecar, and more than the one replica of the default.
const SIDECAR: &str = "\
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: sidecar}
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules:
      - {apiGroups: [apps], apiVersions: [v1], resources: [deployments], operations: [CREATE, UPDATE]}
  mutations:
    - patchType: ApplyConfiguration
      applyConfiguration:
        expression: >-
          Object{
            metadata: Object.metadata{labels: {\"injected\": \"yes\"}},
            spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{
              containers: [Object.spec.template.spec.containers{name: \"proxy\", image: \"registry.example.com/proxy:2\"}]
            }}}
          }
    - patchType: JSONPatch
      jsonPatch:
        expression: >-
          object.spec.replicas == 1 ? [JSONPatch{op: \"replace\", path: \"/spec/replicas\", value: 2}] : []
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: everywhere}
spec: {policyName: sidecar}
";

/// What the sidecar is judged by, with the binding of the same name as the other's.
const IMAGES: &str = "\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: images}
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [apps], apiVersions: [v1], resources: [deployments], operations: [CREATE, UPDATE]}
  validations:
    - expression: object.spec.template.spec.containers.all(c, !c.image.contains('proxy'))
      message: no proxies
    - expression: object.spec.replicas >= 2
      message: two replicas
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: everywhere}
spec: {policyName: images, validationActions: [Deny]}
";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder
}

fn plimsoll(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(arguments).current_dir(folder).env_clear().output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// `file:line code: message` of the findings of policies of the API server, each on a line.
fn found(folder: &Path, arguments: &[&str]) -> String {
    let all = [&["lint", "--no-embedded", "--format", "json"], arguments].concat();
    let output = plimsoll(folder, &all);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}{}", text(&output.stdout), text(&output.stderr)));
    let mut lines: Vec<String> = Vec::new();
    for finding in report["findings"].as_array().unwrap() {
        let of = |field: &str| finding[field].as_str().unwrap_or_default().to_owned();
        if !of("code").starts_with("kubernetes/") {
            lines.push(format!("{}:{} {}: {}", of("file"), finding["line"], of("code"), of("message")));
        }
    }
    lines.join("\n")
}

fn patch(folder: &Path, arguments: &[&str]) -> Value {
    let all = [&["mutate", "--no-embedded", "--format", "patch"], arguments].concat();
    let output = plimsoll(folder, &all);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

/// The object that is judged is the one that the policies made; without them one validation holds and the other does not.
#[test]
fn validating_policies_see_what_mutating_ones_made() {
    let folder = folder(&[("k8s/web.yaml", WEB), ("map.yaml", SIDECAR), ("vap.yaml", IMAGES)]);
    let without = found(folder.path(), &["k8s", "--policies", "vap.yaml"]);
    assert_eq!(without, "k8s/web.yaml:1 images/1: two replicas");
    for form in [&[][..], &["--raw"]] {
        let both = [&["k8s", "--policies", "vap.yaml,map.yaml"], form].concat();
        assert_eq!(found(folder.path(), &both), "k8s/web.yaml:12 images/0: no proxies", "{form:?}");
    }
    let skipped =
        found(folder.path(), &["k8s", "--policies", "vap.yaml,map.yaml", "--skip", "sidecar/mutations"]);
    assert_eq!(skipped, without);
}

/// What is written is the policy's change: no default of the server's, be it of what the policy added.
#[test]
fn mutate_writes_the_change_alone() {
    let folder = folder(&[("web.yaml", WEB), ("map.yaml", SIDECAR)]);
    let shown = patch(folder.path(), &["web.yaml", "--policies", "map.yaml"]);
    assert_eq!(shown["rules"], json!(["sidecar/mutations"]));
    let mut operations = shown["patch"].as_array().unwrap().clone();
    operations.sort_by_key(|operation| operation["path"].to_string());
    let proxy = json!({"name": "proxy", "image": "registry.example.com/proxy:2"});
    assert_eq!(
        json!(operations),
        json!([
            {"op": "add", "path": "/metadata/labels", "value": {"injected": "yes"}},
            {"op": "add", "path": "/spec/replicas", "value": 2},
            {"op": "add", "path": "/spec/template/spec/containers/1", "value": proxy},
        ])
    );
    // what the change comes to needs no further change
    let output = plimsoll(folder.path(), &["mutate", "--no-embedded", "web.yaml", "--policies", "map.yaml"]);
    fs::write(folder.path().join("web.yaml"), &output.stdout).unwrap();
    assert_eq!(patch(folder.path(), &["web.yaml", "--policies", "map.yaml"]), Value::Null);
    let diff = plimsoll(
        folder.path(),
        &["mutate", "--no-embedded", "-o", "diff", "web.yaml", "--policies", "map.yaml"],
    );
    assert!(text(&diff.stderr).contains("no policy changes"), "{}", text(&diff.stderr));
}

/// Native policies come after those of the server, and those that ask for it once more after them.
#[test]
fn native_policies_come_after_and_policies_are_reinvoked() {
    let native = "\
apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: team}
spec:
  match: {kinds: [Deployment]}
  rules:
    - name: label
      mutate: [{set: metadata.labels.team, value: platform}]
";
    let reader = SIDECAR
        .replace("reinvocationPolicy: Never", "reinvocationPolicy: IfNeeded")
        .replace("\"yes\"}", "object.metadata.?labels.team.orValue(\"yes\")}");
    let folder = folder(&[("web.yaml", WEB), ("a.yaml", native), ("b.yaml", &reader)]);
    let output =
        plimsoll(folder.path(), &["mutate", "--no-embedded", "web.yaml", "--policies", "a.yaml,b.yaml"]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(shown.contains("injected: platform") && shown.contains("team: platform"), "{shown}");
    let never = reader.replace("IfNeeded", "Never");
    fs::write(folder.path().join("b.yaml"), never).unwrap();
    let once =
        plimsoll(folder.path(), &["mutate", "--no-embedded", "web.yaml", "--policies", "a.yaml,b.yaml"]);
    let shown = text(&once.stdout);
    assert!(shown.contains("injected: \"yes\"") && shown.contains("team: platform"), "{shown}");
}

/// An error counts where `failurePolicy` says so, in the server's words; what cannot be known says that.
#[test]
fn failures_and_what_is_not_known() {
    let fails = SIDECAR.replace("object.spec.replicas == 1", "object.spec.paused");
    let unknown = SIDECAR.replace("object.spec.replicas == 1", "namespaceObject.metadata.name == 'x'");
    let cases = [
        (fails.clone(), "policy 'sidecar' with binding 'everywhere' denied request: expression"),
        (fails.replace("failurePolicy: Fail", "failurePolicy: Ignore"), ""),
        (unknown, "cannot be decided: Namespace shop is not part of the input"),
    ];
    for (policy, message) in cases {
        let folder = folder(&[("web.yaml", WEB), ("map.yaml", &policy)]);
        let found = found(folder.path(), &["web.yaml", "--policies", "map.yaml"]);
        match message {
            "" => assert_eq!(found, ""),
            _ => assert!(
                found.starts_with("web.yaml:1 sidecar/mutations: ") && found.contains(message),
                "{found}"
            ),
        }
        let output =
            plimsoll(folder.path(), &["mutate", "--no-embedded", "web.yaml", "--policies", "map.yaml"]);
        assert_eq!(output.status.code(), Some(if message.is_empty() { 0 } else { 2 }), "{message}");
    }
}

/// Without a binding the server asks no policy, whatever a binding of the other kind is called.
#[test]
fn bindings_of_one_kind_do_not_bind_the_other() {
    let (policy, binding) = SIDECAR.split_once("---\n").unwrap();
    let other = binding
        .replace("MutatingAdmissionPolicyBinding", "ValidatingAdmissionPolicyBinding")
        .replace("policyName: sidecar", "policyName: sidecar, validationActions: [Deny]");
    let folder = folder(&[("web.yaml", WEB), ("map.yaml", policy), ("other.yaml", &other)]);
    assert_eq!(patch(folder.path(), &["web.yaml", "--policies", "map.yaml,other.yaml"]), Value::Null);
    let checked = plimsoll(folder.path(), &["policies", "check", "map.yaml", "other.yaml"]);
    assert!(
        text(&checked.stderr).contains("no binding among these files names it"),
        "{}",
        text(&checked.stderr)
    );
    // a binding that is wrong is told as such, and not as none
    let wrong = binding.replace("policyName: sidecar", "policyName: sidecar, matchResource: {}");
    fs::write(folder.path().join("other.yaml"), wrong).unwrap();
    let checked = plimsoll(folder.path(), &["policies", "check", "map.yaml", "other.yaml"]);
    let said = text(&checked.stderr);
    assert!(said.contains("matchResource") && !said.contains("no binding"), "{said}");
}

/// `policies: input`: what lies among the manifests judges them; without it a note says what is not run.
#[test]
fn policies_of_the_input() {
    let kyverno = "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: k}\nspec: {}\n";
    let folder = folder(&[
        ("k8s/web.yaml", WEB),
        ("k8s/map.yaml", SIDECAR),
        ("k8s/vap.yaml", IMAGES),
        ("k8s/kyverno.yaml", kyverno),
    ]);
    let notes = |arguments: &[&str]| {
        let all = [&["lint", "k8s"], arguments].concat();
        let output = plimsoll(folder.path(), &all);
        text(&output.stdout) + &text(&output.stderr)
    };
    let said = notes(&[]);
    assert!(said.contains("1 ValidatingAdmissionPolicy (k8s/vap.yaml), which is not run"), "{said}");
    assert!(said.contains("1 MutatingAdmissionPolicy (k8s/map.yaml), which is not run"), "{said}");
    let said = notes(&["--policies", "input"]);
    assert!(!said.contains("AdmissionPolicy (k8s"), "{said}");
    assert!(said.contains("1 Kyverno policy (k8s/kyverno.yaml), which is not run"), "{said}");
    assert_eq!(found(folder.path(), &["k8s", "--policies", "input"]), "k8s/web.yaml:12 images/0: no proxies");
    // a folder that holds them, named beside the word, is not read twice
    let both = found(folder.path(), &["k8s", "--policies", "input,k8s/vap.yaml"]);
    assert_eq!(both, "k8s/web.yaml:12 images/0: no proxies");
    for written in ["policies: input", "policies: [input]"] {
        let text = format!(
            "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\n{written}\nseverities: {{images/0: warning}}\n"
        );
        fs::write(folder.path().join("plimsoll.yaml"), text).unwrap();
        assert_eq!(found(folder.path(), &["k8s"]), "k8s/web.yaml:12 images/0: no proxies", "{written}");
        assert_eq!(patch(folder.path(), &["k8s"])["name"], "web");
    }
    // standard input is input, too
    let all = format!("{WEB}---\n{IMAGES}");
    fs::remove_file(folder.path().join("plimsoll.yaml")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["lint", "--no-embedded", "--policies", "input", "-"])
        .current_dir(folder.path())
        .env_clear()
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), all.as_bytes()).unwrap();
    let said = text(&child.wait_with_output().unwrap().stdout);
    assert!(said.contains("images/1"), "{said}");
}

/// What the server gives an object before it asks validating policies is not known to be missing.
#[test]
fn fields_that_the_server_sets_are_unknown() {
    for (expression, message) in [
        ("object.metadata.uid != ''", "object.metadata.uid is set by the API server"),
        (
            "object.metadata.creationTimestamp < timestamp('2020-01-01T00:00:00Z')",
            "object.metadata.creationTimestamp",
        ),
        ("object.spec.paused == true", "no such key: paused"),
        ("has(object.metadata.generateName)", "failed expression"),
    ] {
        let policy = IMAGES
            .replace("object.spec.replicas >= 2", expression)
            .replace("\n      message: two replicas", "");
        let folder = folder(&[("web.yaml", WEB), ("vap.yaml", &policy)]);
        let found = found(folder.path(), &["web.yaml", "--policies", "vap.yaml"]);
        assert!(found.contains("images/1") && found.contains(message), "{expression}: {found}");
        assert_eq!(found.contains("cannot be decided"), message.starts_with("object."), "{found}");
    }
}

/// How an object of a custom kind merges is known where its definition is: among the manifests or by `--crds`.
#[test]
fn custom_kinds_need_their_definition() {
    let policy = "\
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: sizes}
spec:
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules:
      - {apiGroups: [example.com], apiVersions: ['*'], resources: ['*'], operations: [CREATE]}
  mutations:
    - patchType: ApplyConfiguration
      applyConfiguration: {expression: 'Object{spec: Object.spec{size: 3}}'}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: sizes}
spec: {policyName: sizes}
";
    let definition = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {kind: Widget, plural: widgets}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties: {size: {type: integer}, colour: {type: string, default: red}}
";
    let widget = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w, namespace: shop}\nspec: {}\n";
    let folder = folder(&[("w.yaml", widget), ("map.yaml", policy), ("crds/widget.yaml", definition)]);
    let mutate = ["mutate", "--no-embedded", "w.yaml", "--policies", "map.yaml"];
    let output = plimsoll(folder.path(), &mutate);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("sizes/mutations") && said.contains("definition of Widget.example.com"), "{said}");
    let shown = patch(folder.path(), &["w.yaml", "--policies", "map.yaml", "--crds", "crds"]);
    assert_eq!(shown["patch"], json!([{"op": "add", "path": "/spec/size", "value": 3}]));
}
