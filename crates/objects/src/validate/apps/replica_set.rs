//! ReplicaSets, and ReplicationControllers (pkg/apis/core/validation/validation.go).

use super::super::Submitted;
use super::super::rules::{immutable, metadata, not_negative_members};
use super::super::template::{self, pod_template};
use super::{always_restarts, must_select, replica_template, required_selector};
use crate::field::Causes;
use crate::go_value::LABEL_SELECTOR;
use crate::meta::{name_is_subdomain, not_negative};

/// `ValidateReplicaSet`, `ValidateReplicaSetUpdate`. An empty selector is called one of a deployment here too.
pub(super) fn replica_set(subject: &Submitted<'_>, causes: &mut Causes) {
    metadata(subject, name_is_subdomain, causes);
    let spec = subject.at.field("spec");
    let old = subject.old.map(|old| old.field("spec"));
    not_negative_members(spec, &["replicas", "minReadySeconds"], causes);
    required_selector(spec.field("selector"), "empty selector is invalid for deployment", causes);
    replica_template(spec, old, causes);
    if let Some(old) = old {
        immutable(spec.field("selector"), old.field("selector"), &LABEL_SELECTOR, causes);
    }
}

/// `ValidateReplicationController`, `ValidateReplicationControllerUpdate`.
pub(super) fn replication_controller(subject: &Submitted<'_>, causes: &mut Causes) {
    metadata(subject, name_is_subdomain, causes);
    let spec = subject.at.field("spec");
    not_negative(spec.field("minReadySeconds"), causes);
    let selector = spec.field("selector");
    if selector.is_empty() {
        causes.required(selector, "");
    }
    let replicas = spec.field("replicas");
    if replicas.is_set() {
        not_negative(replicas, causes);
    } else {
        causes.required(replicas, "");
    }
    let template = spec.field("template");
    if !template.is_set() {
        return causes.required(template, "");
    }
    let labels = template.fields("metadata.labels");
    let matches = selector.entries().all(|(key, value)| labels.key(key).opt_str() == Some(value.str()));
    must_select(matches, template, causes);
    let old = template::of(subject.old.map(|old| old.field("spec")));
    pod_template(template, old, causes);
    always_restarts(template, "ReplicationController", causes);
}

/// `WarningsOnCreate`, `WarningsOnUpdate` of both strategies.
pub(super) fn warn(subject: &Submitted<'_>, warnings: &mut Vec<String>) {
    template::warn_of_name(subject, warnings);
    template::warn(subject, false, warnings);
}
