//! Objects with several Pod templates: each is judged by itself, and what is not about Pods once.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const CLUSTER: &str = r"apiVersion: ray.io/v1
kind: RayCluster
metadata: {name: ray}
spec:
  headGroupSpec:
    template:
      spec:
        containers:
        - {name: head, image: gcr.io/ray/ray:1}
  workerGroupSpecs:
  - groupName: small
    template:
      spec:
        hostPID: true
        containers:
        - {name: small, image: gcr.io/ray/ray:1}
  - groupName: large
    template:
      spec:
        containers:
        - {name: large, image: gcr.io/ray/ray:1}
        - {name: helper, image: gcr.io/ray/helper:1}
";

fn policy(conditions: &str, rules: &str) -> String {
    format!(
        "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {{name: p}}\nspec:\n  title: t\n  \
         match: {{kinds: [workloads]}}\n  matchConditions: [{conditions}]\n  \
         variables: [{{name: names, expression: 'allContainers.map(c, c.name)'}}]\n  rules:\n{rules}"
    )
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plimsoll")).args(arguments).current_dir(folder).output().unwrap()
}

/// Code, line and message of each finding.
fn findings(policy: &str, object: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    std::fs::write(folder.path().join("a.yaml"), object).unwrap();
    let arguments =
        ["lint", "--raw", "--format", "json", "--no-embedded", "--policies", "policy.yaml", "a.yaml"];
    let output = run(folder.path(), &arguments);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    assert_ne!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
    let told = |finding: &Value| {
        let text = |field: &str| finding[field].as_str().unwrap().to_owned();
        format!("{}:{} {}", text("code"), finding["line"], text("message"))
    };
    report["findings"].as_array().unwrap().iter().map(told).collect()
}

#[test]
fn each_template_is_judged_by_itself() {
    for (conditions, rules, expected) in [
        (
            "",
            "  - {name: pid, on: podSpec, at: hostPID, validate: '!podSpec.?hostPID.orValue(false)', message: pid}\n",
            &["p/pid:14 pid"][..],
        ),
        (
            "",
            "  - {name: all, forEach: allContainers, validate: 'false', message: '{item.name} of {variables.names}'}\n",
            &[
                r#"p/all:9 head of ["head"]"#,
                r#"p/all:16 small of ["small"]"#,
                r#"p/all:21 large of ["large","helper"]"#,
                r#"p/all:22 helper of ["large","helper"]"#,
            ],
        ),
        ("", "  - {name: one, validate: 'false', message: one}\n", &["p/one:1 one"]),
        (
            "",
            "  - {name: few, validate: 'variables.names.size() < 2', message: '{variables.names}'}\n",
            &[r#"p/few:1 ["large","helper"]"#],
        ),
        // where the policy does not apply to the first, what is not about Pods is judged with the next
        (
            "{name: c, expression: 'podSpec.?hostPID.orValue(false)'}",
            "  - {name: one, validate: 'false', message: one}\n  \
             - {name: two, on: podSpec, validate: 'false', message: two}\n",
            &["p/one:1 one", "p/two:14 two"],
        ),
        (
            "{name: c, expression: 'podSpec.?hostIPC.orValue(false)'}",
            "  - {name: one, validate: 'false', message: one}\n",
            &[],
        ),
        // KubeRay gives its own container both probes
        (
            "",
            "  - {name: probes, requireProbes: {probes: [livenessProbe, readinessProbe]}}\n",
            &["p/probes:22 container helper has no livenessProbe or readinessProbe"],
        ),
        (
            "",
            "  - {name: config, references: {check: configurationExists}}\n  \
             - {name: images, rewriteImages: [{from: gcr.io, to: mirror.example.com/gcr}]}\n",
            &[],
        ),
    ] {
        assert_eq!(findings(&policy(conditions, rules), CLUSTER), expected, "{conditions} {rules}");
    }
}

#[test]
fn what_runs_to_its_end_needs_no_probes() {
    let rules = "  - {name: probes, requireProbes: {probes: [livenessProbe]}}\n";
    let pod = "template: {spec: {containers: [{name: a, image: a}]}}";
    for (version, kind, spec, expected) in [
        ("batch.volcano.sh/v1alpha1", "Job", format!("tasks: [{{name: a, {pod}}}, {{name: b, {pod}}}]"), 0),
        (
            "kubeflow.org/v1",
            "PyTorchJob",
            format!("pytorchReplicaSpecs: {{Master: {{{pod}}}, Worker: {{{pod}}}}}"),
            0,
        ),
        ("kubeflow.org/v1", "Notebook", pod.to_owned(), 1),
        (
            "jobset.x-k8s.io/v1alpha2",
            "JobSet",
            format!("replicatedJobs: [{{template: {{spec: {{{pod}}}}}}}]"),
            0,
        ),
        (
            "leaderworkerset.x-k8s.io/v1",
            "LeaderWorkerSet",
            format!("leaderWorkerTemplate: {{leaderT{0}, workerT{0}}}", &pod[1..]),
            2,
        ),
    ] {
        let object =
            format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {{{spec}}}\n");
        assert_eq!(findings(&policy("", rules), &object).len(), expected, "{object}");
    }
}

#[test]
fn each_template_is_changed() {
    let rules = "  - {name: images, rewriteImages: [{from: gcr.io, to: mirror.example.com/gcr}]}\n  \
                 - {name: dns, on: podSpec, when: 'podSpec.containers.size() > 1', mutate: [{set: dnsPolicy, value: Default}]}\n  \
                 - {name: label, mutate: [{set: metadata.labels.a, value: b}]}\n";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.yaml"), policy("", rules)).unwrap();
    std::fs::write(folder.path().join("a.yaml"), CLUSTER).unwrap();
    let arguments = ["mutate", "--format", "patch", "--no-embedded", "--policies", "policy.yaml", "a.yaml"];
    let output = String::from_utf8(run(folder.path(), &arguments).stdout).unwrap();
    assert_eq!(output.matches("mirror.example.com/gcr/ray/").count(), 4, "{output}");
    assert_eq!(output.matches("/dnsPolicy").count(), 1, "{output}");
    assert_eq!(output.matches("/metadata/labels").count(), output.matches("/a\"").count() + 1, "{output}");
}

/// By the labels of any template, and by those that the operator puts on the Pods.
#[test]
fn pods_of_every_template_are_found() {
    let rules = "  - {name: pods, references: {check: serviceSelectsPods}}\n";
    let policy =
        policy("", rules).replace("[workloads]", "[Service]").replace("allContainers.map(c, c.name)", "1");
    let cluster = CLUSTER.replace(
        "  - groupName: large\n    template:\n",
        "  - groupName: large\n    template:\n      metadata: {labels: {app: large}}\n",
    );
    for (selector, expected) in [
        ("app: large", 0),
        ("app: small", 1),
        ("ray.io/node-type: head", 0),
        ("app: large, volcano.sh/job-name: a", 1),
    ] {
        let service = format!(
            "{cluster}---\napiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec: {{selector: {{{selector}}}}}\n"
        );
        assert_eq!(findings(&policy, &service).len(), expected, "{selector}");
    }
}
