//! batch/v1/defaults.go.

use super::core::copy_labels;
use crate::tree::{Id, Tree, Value};

pub(super) fn defaults(tree: &mut Tree<'_>, id: Id, kind: &str) {
    match kind {
        "Job" => job(tree, id),
        "CronJob" => {
            let spec = tree.object(id, "spec");
            tree.default(spec, "concurrencyPolicy", Value::text("Allow"));
            tree.default_absent(spec, "suspend", Value::Bool(false));
            tree.default_absent(spec, "successfulJobsHistoryLimit", Value::Int(3));
            tree.default_absent(spec, "failedJobsHistoryLimit", Value::Int(1));
        }
        "PodFailurePolicyOnPodConditionsPattern" => tree.default(id, "status", Value::text("True")),
        _ => {}
    }
}

fn job(tree: &mut Tree<'_>, id: Id) {
    let spec = tree.object(id, "spec");
    if tree.get(spec, "completions").is_none() && tree.get(spec, "parallelism").is_none() {
        tree.set(spec, "completions", Value::Int(1));
    }
    tree.default_absent(spec, "parallelism", Value::Int(1));
    let by_index = tree.get(spec, "backoffLimitPerIndex").is_some();
    let limit = if by_index { i64::from(i32::MAX) } else { 6 };
    tree.default_absent(spec, "backoffLimit", Value::Int(limit));
    if let Some(labels) = tree.dig(spec, &["template", "metadata", "labels"]) {
        let metadata = tree.object(id, "metadata");
        copy_labels(tree, labels, metadata, "labels");
    }
    tree.default_absent(spec, "completionMode", Value::text("NonIndexed"));
    tree.default_absent(spec, "suspend", Value::Bool(false));
    let policy = tree.get(spec, "podFailurePolicy").is_some();
    let replacement = if policy { "Failed" } else { "TerminatingOrFailed" };
    tree.default_absent(spec, "podReplacementPolicy", Value::text(replacement));
    tree.default_absent(spec, "manualSelector", Value::Bool(false));
}
