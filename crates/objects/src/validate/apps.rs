//! The workloads of `apps`, and core's ReplicationController: pkg/apis/apps/validation/validation.go.

mod daemon_set;
mod deployment;
mod replica_set;
mod revision;
mod stateful_set;

use super::rules::{label_selector, selects_all, typed};
use super::template::pod_template;
use super::{Rules, template};
use crate::field::{At, Causes};
use crate::go_value::LABEL_SELECTOR;
use crate::meta::{map_value, matches_labels};

/// The kinds of this file.
pub const RULES: &[Rules] = &[
    Rules {
        group: "apps",
        kind: "Deployment",
        namespaced: true,
        check: deployment::deployment,
        warn: Some(deployment::warn),
    },
    Rules {
        group: "apps",
        kind: "StatefulSet",
        namespaced: true,
        check: stateful_set::stateful_set,
        warn: Some(stateful_set::warn),
    },
    Rules {
        group: "apps",
        kind: "DaemonSet",
        namespaced: true,
        check: daemon_set::daemon_set,
        warn: Some(daemon_set::warn),
    },
    Rules {
        group: "apps",
        kind: "ReplicaSet",
        namespaced: true,
        check: replica_set::replica_set,
        warn: Some(replica_set::warn),
    },
    Rules {
        group: "",
        kind: "ReplicationController",
        namespaced: true,
        check: replica_set::replication_controller,
        warn: Some(replica_set::warn),
    },
    Rules {
        group: "apps",
        kind: "ControllerRevision",
        namespaced: true,
        check: revision::controller_revision,
        warn: None,
    },
];

/// A selector that has to be there, to be well written and not to be empty.
fn required_selector(at: At<'_>, empty: &str, causes: &mut Causes) {
    if !at.is_set() {
        return causes.required(at, "");
    }
    label_selector(at, false, causes);
    if selects_all(at) {
        causes.invalid_value(at, LABEL_SELECTOR.value(at), empty);
    }
}

/// What stands in the template has to be selected.
fn must_select(selected: bool, template: At<'_>, causes: &mut Causes) {
    if !selected {
        let labels = template.fields("metadata.labels");
        causes.invalid_value(labels, map_value(labels), "`selector` does not match template `labels`");
    }
}

/// Pods of a controller always restart and have no deadline; `controller` is how the message calls it.
fn always_restarts(template: At<'_>, controller: &str, causes: &mut Causes) {
    let policy = template.fields("spec.restartPolicy");
    if policy.str() != "Always" {
        causes.not_supported(policy, typed(policy), &["Always"]);
    }
    let deadline = template.fields("spec.activeDeadlineSeconds");
    if deadline.is_set() {
        causes.forbidden(deadline, &format!("activeDeadlineSeconds in {controller} is not Supported"));
    }
}

/// `ValidatePodTemplateSpecForReplicaSet`, for a `spec` with a label selector.
fn replica_template(spec: At<'_>, old_spec: Option<At<'_>>, causes: &mut Causes) {
    let selector = spec.field("selector");
    let template = spec.field("template");
    match matches_labels(selector, template.fields("metadata.labels")) {
        None => causes.invalid_value(selector, LABEL_SELECTOR.value(selector), "invalid label selector"),
        Some(matches) => {
            must_select(matches, template, causes);
            pod_template(template, template::of(old_spec), causes);
            always_restarts(template, "ReplicaSet", causes);
        }
    }
}
