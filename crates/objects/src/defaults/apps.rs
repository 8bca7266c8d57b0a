//! apps/v1/defaults.go and conversion.go.

use crate::tree::{Id, Tree, Value};

pub(super) fn defaults(tree: &mut Tree<'_>, id: Id, kind: &str) {
    if !matches!(kind, "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet") {
        return;
    }
    let spec = tree.object(id, "spec");
    match kind {
        "Deployment" => deployment(tree, spec),
        "DaemonSet" => daemon_set(tree, spec),
        "StatefulSet" => stateful_set(tree, spec),
        _ => {}
    }
    if kind != "DaemonSet" {
        tree.default_absent(spec, "replicas", Value::Int(1));
    }
    if kind != "ReplicaSet" {
        tree.default_absent(spec, "revisionHistoryLimit", Value::Int(10));
    }
}

fn deployment(tree: &mut Tree<'_>, spec: Id) {
    let strategy = tree.object(spec, "strategy");
    tree.default(strategy, "type", Value::text("RollingUpdate"));
    if tree.text(strategy, "type") == "RollingUpdate" {
        let rolling = tree.object(strategy, "rollingUpdate");
        tree.default_absent(rolling, "maxUnavailable", Value::text("25%"));
        tree.default_absent(rolling, "maxSurge", Value::text("25%"));
    }
    tree.default_absent(spec, "progressDeadlineSeconds", Value::Int(600));
}

fn daemon_set(tree: &mut Tree<'_>, spec: Id) {
    let strategy = tree.object(spec, "updateStrategy");
    tree.default(strategy, "type", Value::text("RollingUpdate"));
    if tree.text(strategy, "type") == "RollingUpdate" {
        let rolling = tree.object(strategy, "rollingUpdate");
        tree.default_absent(rolling, "maxUnavailable", Value::Int(1));
        tree.default_absent(rolling, "maxSurge", Value::Int(0));
    }
}

fn stateful_set(tree: &mut Tree<'_>, spec: Id) {
    tree.default(spec, "podManagementPolicy", Value::text("OrderedReady"));
    let strategy = tree.object(spec, "updateStrategy");
    if !tree.has(strategy, "type") {
        tree.set(strategy, "type", Value::text("RollingUpdate"));
        tree.object(strategy, "rollingUpdate");
    }
    if tree.text(strategy, "type") == "RollingUpdate"
        && let Some(rolling) = tree.get(strategy, "rollingUpdate")
    {
        tree.default_absent(rolling, "partition", Value::Int(0));
    }
    let retention = tree.object(spec, "persistentVolumeClaimRetentionPolicy");
    tree.default(retention, "whenDeleted", Value::text("Retain"));
    tree.default(retention, "whenScaled", Value::text("Retain"));
}

/// `Convert_apps_DaemonSet_To_v1_DaemonSet`: the generation of the template stands in an annotation.
pub(super) fn convert_daemon_set(tree: &mut Tree<'_>, id: Id) {
    const GENERATION: &str = "deprecated.daemonset.template.generation";
    let metadata = tree.object(id, "metadata");
    let annotations = tree.object(metadata, "annotations");
    let written = tree.get(annotations, GENERATION).map(|text| tree.as_text(text).to_owned());
    let number: i64 = written.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0);
    if written.is_none_or(|text| text != number.to_string()) {
        tree.set(annotations, GENERATION, Value::text(number.to_string()));
    }
}

/// Internally these are no pointers, and so they are there afterwards whatever the strategy is.
pub(super) fn convert_rolling_update(tree: &mut Tree<'_>, id: Id, kind: &str) {
    let keys: &[&'static str] = match kind {
        "apps/v1.RollingUpdateStatefulSetStrategy" => &["partition"],
        _ => &["maxUnavailable", "maxSurge"],
    };
    for key in keys {
        tree.default_absent(id, key, Value::Int(0));
    }
}

/// `Convert_apps_StatefulSetSpec_To_v1_StatefulSetSpec`
pub(super) fn convert_claim_templates(tree: &mut Tree<'_>, id: Id) {
    for claim in tree.items(id, "volumeClaimTemplates") {
        for (key, text) in [("apiVersion", "v1"), ("kind", "PersistentVolumeClaim")] {
            if tree.text(claim, key) != text {
                tree.set(claim, key, Value::text(text));
            }
        }
    }
}
