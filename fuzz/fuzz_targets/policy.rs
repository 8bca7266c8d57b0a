//! The text of a policy is compiled and, where it compiles, run once over a Pod, a Deployment and their changes.
//!
//! Whatever the text: issues with places in it, or a policy whose answers are small and the same each time, whose patches
//! apply, and within a second.
#![no_main]

mod bounds;

use std::sync::Arc;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use plimsoll::cel::profile::Profile;
use plimsoll::host::NoHost;
use plimsoll::store::load::{self, Loaded};
use plimsoll::store::set::Adjustments;
use plimsoll::resource::workload::TemplatePaths;
use plimsoll::review::engine::Engine;
use plimsoll::review::{Reply, Endpoint, answer};

const POD: &str = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "shop",
  "labels": {"app": "a"}, "annotations": {"x": "y"}}, "spec": {"serviceAccountName": "s", "hostNetwork": true,
  "initContainers": [{"name": "i", "image": "busybox", "restartPolicy": "Always"}],
  "containers": [{"name": "a", "image": "nginx:1.25", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "b"}],
    "resources": {"limits": {"memory": "1Gi"}}, "livenessProbe": {"httpGet": {"port": 80}}},
    {"name": "b", "image": "ghcr.io/x/y@sha256:0000000000000000000000000000000000000000000000000000000000000000"}]}}"#;

fn bodies() -> [String; 3] {
    let deployment = format!(
        r#"{{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {{"name": "d", "namespace": "shop"}},
        "spec": {{"replicas": 2, "selector": {{"matchLabels": {{"app": "a"}}}}, "template": {POD}}}}}"#
    );
    let older = POD.replace("nginx:1.25", "nginx:1.24");
    let of = |group: &str, kind: &str, resource: &str, operation: &str, objects: &str| {
        format!(
            r#"{{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {{"uid": "u", "name": "a",
            "namespace": "shop", "kind": {{"group": "{group}", "version": "v1", "kind": "{kind}"}},
            "resource": {{"group": "{group}", "version": "v1", "resource": "{resource}"}}, "operation": "{operation}",
            "userInfo": {{"username": "alice", "groups": ["devs"]}}, {objects}}}}}"#
        )
    };
    [
        of("", "Pod", "pods", "CREATE", &format!(r#""object": {POD}"#)),
        of("", "Pod", "pods", "UPDATE", &format!(r#""object": {POD}, "oldObject": {older}"#)),
        of("apps", "Deployment", "deployments", "CREATE", &format!(r#""object": {deployment}"#)),
    ]
}

fn run(text: &str) -> (usize, Vec<Reply>) {
    let mut loaded = Loaded::default();
    load::read_text("fuzz", text, false, Profile::NEWEST, &mut loaded);
    for error in &loaded.errors {
        assert!(!error.message.is_empty());
        let _ = error.position();
    }
    let set = loaded.into_set(&Adjustments::default(), TemplatePaths::default());
    let policies = set.policies().len();
    if policies == 0 {
        return (0, Vec::new());
    }
    let engine = Engine::new(Arc::new(set), Arc::new(NoHost));
    let deadline = Instant::now() + Duration::from_secs(60);
    let answers = bodies().into_iter().flat_map(|body| {
        [Endpoint::Mutate, Endpoint::Validate].map(|stage| answer(&engine, stage, body.as_bytes(), deadline))
    });
    (policies, answers.collect())
}

fuzz_target!(|text: &str| {
    let (policies, answers) = bounds::within_a_second(|| run(text));
    for reply in &answers {
        let body = std::str::from_utf8(&reply.body).expect("UTF-8");
        assert_eq!(reply.http_status, 200, "{body}");
        assert!(!body.contains("met an internal error"), "a panic: {body}");
        assert!(!body.contains("the patch that the policies made does not apply"), "{body}");
        // what a policy sets is as long as its text may be
        assert!(body.len() <= 65_536 + 4 * text.len(), "{} bytes", body.len());
    }
    if policies > 0 && text.len() < 2_000 {
        assert_eq!(answers, run(text).1, "the same policy has two answers");
    }
});
