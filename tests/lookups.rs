//! Look-ups among files: the nearest level answers, and of several that are equally near none makes a known fault while
//! another satisfies.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Names and texts.
type Files<'f> = &'f [(&'f str, &'f str)];

fn write(folder: &Path, files: Files<'_>) {
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn report(folder: &Path, arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["lint", "--raw", "--format", "json", "--no-embedded", "--policies", "policy.yaml"])
        .args(arguments)
        .arg("manifests")
        .current_dir(folder)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{error}: {} {}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

fn messages(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|f| f["message"].as_str().unwrap()).collect()
}

/// A list has every object once, in the form that `resources.get` would give.
#[test]
fn a_list_goes_by_levels_as_a_single_look_up_does() {
    let policy = "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {name: p}\nspec:\n  \
        match: {kinds: [Pod]}\n  rules:\n  - name: all\n    \
        validate: \"resources.list('v1', 'ConfigMap', 'team').all(c, c.data.mode == 'good')\"\n    \
        message: \"{resources.list('v1', 'ConfigMap', 'team').map(c, c.metadata.name + '=' + c.data.mode).join(' ')}\"\n  \
        - name: labelled\n    \
        validate: \"resources.list('v1', 'ConfigMap', 'team', {'matchLabels': {'for': 'web'}}).all(c, c.data.mode == 'good')\"\n    \
        message: \"labelled: {resources.list('v1', 'ConfigMap', 'team', {'matchLabels': {'for': 'web'}}).map(c, c.metadata.name + '=' + c.data.mode).join(' ')}\"\n";
    let map = |name: &str, mode: &str, labels: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: team, labels: {{{labels}}}}}\n\
             data: {{mode: {mode}}}\n"
        )
    };
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: team}\nspec: {containers: []}\n";
    let web = "for: web";
    let (good, bad) = (map("c", "good", web), map("c", "bad", web));
    let rows: &[(Files<'_>, &[&str])] = &[
        // its own folder before those beside it, whichever comes first in the alphabet
        (&[("m/a/c.yaml", &bad), ("m/b/c.yaml", &good), ("m/b/pod.yaml", pod)], &[]),
        (
            &[("m/a/c.yaml", &good), ("m/b/c.yaml", &bad), ("m/b/pod.yaml", pod)],
            &["c=bad", "labelled: c=bad"],
        ),
        (&[("m/c.yaml", &bad), ("m/b/c/c.yaml", &good), ("m/b/pod.yaml", pod)], &[]),
        // several that are equally near: one of them is meant
        (&[("m/a/c.yaml", &bad), ("m/b/c.yaml", &good), ("m/pod.yaml", pod)], &[]),
        (&[("m/a/c.yaml", &bad), ("m/b/c.yaml", &bad), ("m/pod.yaml", pod)], &["c=bad", "labelled: c=bad"]),
        // the nearest form has no such label, though another has
        (&[("m/a/c.yaml", &bad), ("m/b/c.yaml", &map("c", "bad", "")), ("m/b/pod.yaml", pod)], &["c=bad"]),
        // objects of other names are listed wherever they are
        (
            &[("m/a/d.yaml", &map("d", "bad", web)), ("m/b/c.yaml", &good), ("m/b/pod.yaml", pod)],
            &["c=good d=bad", "labelled: c=good d=bad"],
        ),
    ];
    for (files, expected) in rows {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &[("policy.yaml", policy)]);
        write(&folder.path().join("manifests"), files);
        let told = report(folder.path(), &["--complete"]);
        assert_eq!(messages(&told), *expected, "{files:?}");
        // without --complete there may be more
        let told = report(folder.path(), &[]);
        assert_eq!(told["summary"]["error"], 0, "{files:?}");
        assert_eq!(messages(&told).len(), 2, "{files:?}");
    }
}

/// An installation written out beside the kustomizations it may have been built of: what lies in another build is no proof.
#[test]
fn what_belongs_to_another_kustomization_is_no_known_fault() {
    let policy = "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {name: p}\nspec:\n  \
        match: {kinds: [StatefulSet]}\n  rules:\n  - {name: service, requireHeadlessService: {}}\n";
    let set = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n  serviceName: db\n  \
        template: {metadata: {labels: {app: db}}, spec: {containers: []}}\n";
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec: {selector: {app: db}, ports: [{port: 1}]}\n";
    let unknown = "cannot be decided: Service db belongs to a kustomization that does not include this file";
    let known = "Service db exists but is not headless: it has a cluster IP";
    let lists_service = ("manifests/base/kustomization.yaml", "resources: [service.yaml]\n");
    let rows: [(Files<'_>, &[&str], &str); 5] = [
        (&[lists_service], &[], unknown),
        (&[lists_service], &["--complete"], known),
        (&[], &[], known),
        (&[lists_service, ("manifests/kustomization.yaml", "resources: [base, install.yaml]\n")], &[], known),
        (&[lists_service, ("manifests/kustomization.yaml", "resources: [install.yaml]\n")], &[], unknown),
    ];
    for (kustomizations, arguments, expected) in rows {
        let folder = tempfile::tempdir().unwrap();
        let mut files = vec![
            ("policy.yaml", policy),
            ("manifests/install.yaml", set),
            ("manifests/base/service.yaml", service),
        ];
        files.extend(kustomizations);
        write(folder.path(), &files);
        let report = report(folder.path(), arguments);
        assert_eq!(messages(&report), [expected], "{kustomizations:?} {arguments:?}");
        assert_eq!(report["findings"][0]["unknown"], Value::Bool(expected == unknown));
    }
}
