//! `plimsoll lint` as the API server would have it: what it refuses, what it changes, what is looked up.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The findings of a folder with these files: line, code, message.
fn findings(files: &[(&str, &str)], arguments: &[&str]) -> Vec<(u64, String, String)> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    lint(folder.path(), arguments)
}

fn lint(folder: &Path, arguments: &[&str]) -> Vec<(u64, String, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["lint", "--format", "json"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = report["findings"].as_array().unwrap().iter().filter(|f| f["suppressed"].is_null());
    all.map(|f| (f["line"].as_u64().unwrap_or(0), text(&f["code"]), text(&f["message"]))).collect()
}

const CRD: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: boats.example.com}\nspec:\n  \
    group: example.com\n  names: {plural: boats, singular: boat, kind: Boat, listKind: BoatList}\n  scope: Namespaced\n  versions:\n  \
    - name: v1\n    served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        type: object\n        properties:\n          \
    spec:\n            type: object\n            properties:\n              oars: {type: integer, default: 2, maximum: 8}\n              \
    name: {type: string}\n            x-kubernetes-validations:\n            - {rule: \"self.oars % 2 == 0\", message: an odd number of oars}\n";

const POLICY: &str = "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {name: seen}\nspec:\n  title: Seen\n  \
    match: {kinds: [\"*\"]}\n  rules:\n";

#[test]
fn custom_resources_by_their_definitions() {
    let boats = "apiVersion: example.com/v1\nkind: Boat\nmetadata: {name: a}\nspec: {oars: 10}\n---\napiVersion: example.com/v1\nkind: Boat\n\
        metadata: {name: b}\nspec:\n  oars: 3\n  mast: 1\n";
    let only = ["--only", "kubernetes", "boats.yaml", "--crds", "crds"];
    let found = findings(&[("boats.yaml", boats), ("crds/boat.yaml", CRD)], &only);
    let said: Vec<(u64, &str)> = found.iter().map(|found| (found.0, found.1.as_str())).collect();
    assert_eq!(
        said,
        [(4, "kubernetes/schema"), (10, "kubernetes/schema"), (11, "kubernetes/unknown-field")],
        "{found:?}"
    );
    assert!(found[0].2.contains("should be less than or equal to 8"), "{found:?}");
    assert!(found[1].2.ends_with("an odd number of oars"), "{found:?}");
    assert_eq!(findings(&[("boats.yaml", boats)], &only[..3]), [], "nobody knows what a Boat is");
}

#[test]
fn policies_judge_the_object_that_admission_sees() {
    let policy = POLICY.to_owned()
        + "  - name: defaulted\n    validate: \"!has(object.spec.replicas) || object.spec.replicas > 1\"\n    message: \"{object.spec.replicas} replica\"\n    at: spec.replicas\n";
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    \
        metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: r.example/web:1}]}\n";
    let files = [("web.yaml", deployment), ("p/p.yaml", policy.as_str())];
    let arguments = ["--no-embedded", "--policies", "p", "web.yaml"];
    let message = "1 replica".to_owned();
    assert_eq!(findings(&files, &arguments), [(5, "seen/defaulted".to_owned(), message)]);
    assert_eq!(findings(&files, &[&["--raw"], &arguments[..]].concat()), []);
}

#[test]
fn what_must_not_change() {
    let of = |app: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  selector: {{matchLabels: {{app: {app}}}}}\n  \
             template:\n    metadata: {{labels: {{app: {app}}}}}\n    spec: {{containers: [{{name: web, image: r.example/web:1}}]}}\n"
        )
    };
    let files = [("new/web.yaml", of("new")), ("old/web.yaml", of("old"))];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let update = ["--only", "kubernetes", "--operation", "update", "--old", "old", "new"];
    let found = findings(&files, &update);
    assert!(found.len() == 1 && found[0].1 == "kubernetes/invalid", "{found:?}");
    assert!(
        found[0].2.starts_with("spec.selector: Invalid value: ")
            && found[0].2.ends_with("field is immutable")
    );
    assert_eq!(findings(&files, &["--only", "kubernetes", "new"]), []);
}

#[test]
fn codes_are_weighed_and_waived_as_others_are() {
    let bad = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  ports: [{port: 70000}]  # plimsoll: ignore[kubernetes/invalid] a test\n";
    let files = [("a.yaml", bad)];
    assert_eq!(findings(&files, &["--only", "kubernetes/invalid", "a.yaml"]), []);
    assert_eq!(findings(&files, &["--only", "kubernetes/invalid", "--no-ignore", "a.yaml"]).len(), 2);
    assert_eq!(findings(&files, &["--no-ignore", "--only", "yaml", "a.yaml"]), []);
}

#[test]
fn what_newcomers_apply_is_refused_where_the_server_refuses_it() {
    let shared = std::env::var_os("PLIMSOLL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let tutorial = shared.join("manifests/tutorial");
    if !tutorial.is_dir() {
        eprintln!("SKIPPED: no tutorial at {}", tutorial.display());
        return;
    }
    let found = lint(&tutorial, &["--only", "kubernetes"]);
    let told: Vec<String> =
        found.iter().map(|(line, code, message)| format!("{line} {code} {message}")).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn the_page_lists_the_kinds_with_rules() {
    let page = include_str!("../docs/api-server.md");
    let list =
        page.split_once("hand-written rules is there for:\n\n").unwrap().1.split_once("\n\n").unwrap().0;
    let mut listed = Vec::new();
    for row in list.replace("\n  ", " ").lines() {
        let (group, kinds) = row.strip_prefix("- ").unwrap().split_once(": ").unwrap();
        let group = if group == "core" { "" } else { group };
        listed.extend(kinds.split(", ").map(|kind| (group.to_owned(), kind.to_owned())));
    }
    listed.sort();
    let covered = plimsoll::objects::validate::covered().into_iter();
    let covered: Vec<_> = covered.map(|(group, kind)| (group.to_owned(), kind.to_owned())).collect();
    assert_eq!(listed, covered);
}
