//! Policies of the library that say what the API server says are not asked about what it accepts. Nothing is lost by it: where they
//! are asked about everything, as they are named, they find the same.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use plimsoll::api;

const REPEATING: [&str; 6] =
    ["api-version", "job-restart-policy", "port-names", "selector-labels", "string-values", "valid-labels"];

/// Where a folder has findings of these policies, those that are told beside another included.
fn found(folder: &Path, arguments: &[&str]) -> BTreeSet<(String, u64, String, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .current_dir(folder)
        .args(["lint", ".", "--format", "json"])
        .args(arguments)
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let mut found = BTreeSet::new();
    for finding in report["findings"].as_array().unwrap() {
        let also = finding["also"].as_array().into_iter().flatten();
        for said in also.chain([finding]) {
            let code = said["code"].as_str().unwrap();
            if REPEATING.iter().any(|name| code.starts_with(&format!("{name}/"))) {
                let place =
                    [&finding["file"], &finding["pointer"]].map(|place| place.as_str().unwrap().to_owned());
                let [file, pointer] = place;
                let document = finding["document"].as_u64().unwrap();
                found.insert((file, document, pointer, code.to_owned()));
            }
        }
    }
    found
}

/// Compares what is found where the policies are named, so that they are asked, with what is found where all of the library run.
fn compare(folder: &Path, more: &[&str]) -> usize {
    let named: Vec<&str> =
        REPEATING.iter().flat_map(|name| ["--only", name]).chain(more.iter().copied()).collect();
    let named = found(folder, &named);
    let all = found(folder, &[&["--pack", "default"][..], more].concat());
    let lost: Vec<_> = named.symmetric_difference(&all).collect();
    assert!(lost.is_empty(), "{more:?}: {lost:#?}");
    all.len()
}

/// Every version of every kind, whether it is served or not.
#[test]
fn versions() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for row in api::built_in() {
        for version in row.versions {
            let group = if row.group.is_empty() { String::new() } else { format!("{}/", row.group) };
            text += &format!(
                "---\napiVersion: {group}{}\nkind: {}\nmetadata: {{name: x, namespace: y}}\n",
                version.name, row.kind
            );
        }
    }
    fs::write(folder.path().join("all.yaml"), text).unwrap();
    for minor in 30..=37 {
        let found = compare(folder.path(), &["--kubernetes-version", &format!("1.{minor}")]);
        assert!(found > 20, "1.{minor}: {found}");
    }
}

/// Values of all types wherever a policy looks for strings and labels.
#[test]
fn values() {
    let values = [
        "1",
        "true",
        "1.5",
        "null",
        "[a]",
        "{a: b}",
        "''",
        "a b",
        "-a",
        "a-",
        "a/b",
        "'1'",
        "ä",
        "A.b_c-1",
        "a123456789b123456789c123456789d123456789e123456789f123456789g1234",
    ];
    let keys =
        ["app", "a b", "x/y", "x/y/z", "X/y", "/a", "a/", "-a", "ä", "a.b/c.d", "\"\"", "kubernetes.io/x"];
    let metas =
        values.map(|value| format!("{{name: x, labels: {{app: {value}}}, annotations: {{b: {value}}}}}"));
    let named = keys.map(|key| format!("{{name: x, labels: {{{key}: b}}, annotations: {{{key}: b}}}}"));
    let metas: Vec<String> = metas.into_iter().chain(named).collect();
    let template = |meta: &str, value: &str| {
        format!(
            "{{metadata: {meta}, spec: {{nodeSelector: {{a: {value}}}, containers: [{{name: c, image: i, \
             command: [{value}], args: [{value}], env: [{{name: E, value: {value}}}]}}]}}}}"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let kinds = [
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("apps/v1", "ReplicaSet"),
        ("batch/v1", "Job"),
        ("v1", "ReplicationController"),
        ("example.com/v1", "Workload"),
    ];
    for (number, (meta, value)) in metas.iter().zip(values.iter().cycle()).enumerate() {
        let (plain, mut text) = ("{name: x, labels: {app: a}}", String::new());
        for (api_version, kind) in kinds {
            for [own, of_pods] in [[plain, meta.as_str()], [meta, plain]] {
                let template = template(of_pods, value);
                text += &format!(
                    "---\napiVersion: {api_version}\nkind: {kind}\nmetadata: {own}\n\
                     spec: {{selector: {{matchLabels: {{app: a}}}}, serviceName: s, template: {template}}}\n"
                );
            }
        }
        let of_pods = template(meta, value);
        text += &format!(
            "---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: x}}\n\
             spec: {{schedule: '@daily', jobTemplate: {{metadata: {meta}, spec: {{template: {of_pods}}}}}}}\n\
             ---\napiVersion: v1\nkind: PodTemplate\nmetadata: {{name: x}}\ntemplate: {of_pods}\n\
             ---\napiVersion: v1\nkind: Pod\n{}\n",
            of_pods.trim_start_matches('{').trim_end_matches('}').replace(", spec: ", "\nspec: ") + "}]}",
        );
        for (api_version, kind, rest) in [
            ("v1", "ConfigMap", format!("data: {{a: {value}}}")),
            ("v1", "Secret", format!("stringData: {{a: {value}}}\ndata: {{b: {value}}}")),
            ("v1", "Service", format!("spec: {{selector: {{a: {value}}}, ports: [{{port: 80}}]}}")),
            (
                "networking.k8s.io/v1",
                "NetworkPolicy",
                format!("spec: {{podSelector: {{matchLabels: {{a: {value}}}}}}}"),
            ),
            ("v1", "Namespace", String::new()),
            ("v1", "Node", String::new()),
            ("v1", "PersistentVolumeClaim", String::new()),
            ("coordination.k8s.io/v1", "Lease", String::new()),
            ("scheduling.k8s.io/v1", "PriorityClass", "value: 1".to_owned()),
            ("rbac.authorization.k8s.io/v1", "Role", String::new()),
            (
                "policy/v1",
                "PodDisruptionBudget",
                format!("spec: {{selector: {{matchLabels: {{a: {value}}}}}}}"),
            ),
            ("discovery.k8s.io/v1", "EndpointSlice", "addressType: IPv4".to_owned()),
            ("example.com/v1", "Thing", String::new()),
        ] {
            text += &format!("---\napiVersion: {api_version}\nkind: {kind}\nmetadata: {meta}\n{rest}\n");
        }
        fs::write(folder.path().join(format!("{number}.yaml")), text).unwrap();
    }
    let found = compare(folder.path(), &[]);
    assert!(found > 200, "{found}");
}

/// A list of manifests, each in a document of its own.
fn write_all(folder: &Path, manifests: &[String]) {
    for (number, some) in manifests.chunks(200).enumerate() {
        fs::write(folder.join(format!("{number}.yaml")), some.join("\n---\n")).unwrap();
    }
}

#[test]
fn selectors() {
    let selectors = [
        "{matchLabels: {a: b}}",
        "{matchLabels: {a: c}}",
        "{matchLabels: {a: b, c: d}}",
        "{}",
        "null",
        "{a: b}",
        "{a: c}",
        "{matchLabels: {}}",
        "{matchLabels: {a: 'b c'}}",
        "{matchLabels: {'a b': b}}",
        "{matchLabels: {a: ${X}}}",
        "{matchExpressions: [{key: a, operator: In, values: [b]}]}",
        "{matchExpressions: [{key: a, operator: In}]}",
        "{matchExpressions: [{key: a, operator: NotIn, values: [b]}]}",
        "{matchExpressions: [{key: a, operator: Exists}]}",
        "{matchExpressions: [{key: a, operator: Gt, values: ['1']}]}",
        "{matchExpressions: [{key: a}]}",
        "{matchExpressions: [{key: a, operator: DoesNotExist}]}",
        "{matchExpressions: []}",
        "{matchLabels: {a: b}, matchExpressions: [{key: c, operator: DoesNotExist}]}",
        "{matchExpressions: [{key: a, operator: In, values: ['b c']}]}",
    ];
    let labels = ["{a: b}", "{a: c}", "{}", "null", "{a: b, c: d}", "{a: ${X}}"];
    let folder = tempfile::tempdir().unwrap();
    let mut manifests = Vec::new();
    for (api_version, kind, more) in [
        ("apps/v1", "Deployment", ""),
        ("apps/v1", "StatefulSet", "serviceName: s, "),
        ("apps/v1", "DaemonSet", ""),
        ("apps/v1", "ReplicaSet", ""),
        ("extensions/v1beta1", "Deployment", ""),
        ("v1", "ReplicationController", ""),
        ("batch/v1", "Job", ""),
        ("batch/v1", "Job", "manualSelector: true, "),
    ] {
        for labels in labels {
            for restarts in ["", "restartPolicy: Never, "] {
                let template = format!(
                    "template: {{metadata: {{labels: {labels}}}, spec: {{{restarts}containers: [{{name: c, image: i}}]}}}}"
                );
                let head = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: x}}\n");
                manifests.push(format!("{head}spec: {{{more}{template}}}"));
                for selector in selectors {
                    manifests.push(format!("{head}spec: {{{more}selector: {selector}, {template}}}"));
                }
            }
        }
    }
    write_all(folder.path(), &manifests);
    let found = compare(folder.path(), &[]);
    assert!(found > 200, "{found}");
}

#[test]
fn names_of_ports_and_restarts() {
    let names = [
        "http",
        "''",
        "null",
        "HTTP",
        "a-b",
        "a--b",
        "-a",
        "a-",
        "'1'",
        "1",
        "a1",
        "a.b",
        "sixteen-letters-",
        "ä",
        "${X}",
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut manifests = Vec::new();
    for (at, name) in names.iter().enumerate() {
        for other in [name, names[(at + 3) % names.len()]] {
            let ports =
                format!("ports: [{{name: {name}, containerPort: 80}}, {{name: {other}, containerPort: 81}}]");
            for spec in [
                format!("containers: [{{name: c, image: i, {ports}}}]"),
                format!(
                    "initContainers: [{{name: b, image: i, {ports}}}], containers: [{{name: c, image: i}}]"
                ),
                format!(
                    "containers: [{{name: c, image: i}}], ephemeralContainers: [{{name: e, image: i, {ports}}}]"
                ),
            ] {
                manifests.push(format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec: {{{spec}}}"));
            }
        }
    }
    for policy in ["Never", "OnFailure", "Always", "''", "null", "never", "1", "${X}"] {
        let template =
            format!("template: {{spec: {{restartPolicy: {policy}, containers: [{{name: c, image: i}}]}}}}");
        manifests
            .push(format!("apiVersion: batch/v1\nkind: Job\nmetadata: {{name: x}}\nspec: {{{template}}}"));
        manifests.push(format!(
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: x}}\nspec: {{schedule: '@daily', jobTemplate: {{spec: {{{template}}}}}}}"
        ));
    }
    write_all(folder.path(), &manifests);
    let found = compare(folder.path(), &[]);
    assert!(found > 40, "{found}");
}

/// Of an object that was there before the server lets stand what it would not take anew.
#[test]
fn updates() {
    let (folder, old) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut manifests = Vec::new();
    for (at, name) in ["http", "HTTP", "a--b", "'1'", "sixteen-letters-"].iter().enumerate() {
        let spec =
            format!("containers: [{{name: c, image: i, ports: [{{name: {name}, containerPort: 80}}]}}]");
        let labels = format!("{{app: {name}, l: 'a b'}}");
        manifests.push(format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p{at}}}\nspec: {{{spec}}}"));
        manifests.push(format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d{at}, labels: {labels}}}\nspec: {{selector: {{matchLabels: {{app: b}}}}, \
             template: {{metadata: {{labels: {labels}}}, spec: {{{spec}}}}}}}"
        ));
    }
    write_all(old.path(), &manifests);
    write_all(folder.path(), &manifests);
    let old = old.path().to_str().unwrap();
    let found = compare(folder.path(), &["--operation", "update", "--old", old]);
    assert!(found > 10, "{found}");
}

/// Manifests that people wrote.
#[test]
fn manifests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders =
        ["examples", "benches/corpus", "../shared/corpora", "../shared/manifests", "../shared/repositories"];
    for folder in folders.map(|folder| root.join(folder)).into_iter().filter(|folder| folder.exists()) {
        compare(&folder, &[]);
    }
}
