//! What of a Pod may change (`ValidatePodUpdate`).
//!
//! The server adds a diff of its internal types to the message about other fields; that is left out.

use std::collections::BTreeSet;

use super::{PodOptions, annotations, metadata_and_spec, toleration};
use crate::field::{At, Causes};
use crate::go_value::{self, Field, Shape};
use crate::{meta, names};

const REQUIREMENT: &[Field] = &[
    Field("Key", "key", Shape::Text),
    Field("Operator", "operator", Shape::Text),
    Field("Values", "values", Shape::Plain),
];

/// `NodeSelectorTerm` of pkg/apis/core/types.go
const TERM: &[Field] = &[
    Field("MatchExpressions", "matchExpressions", Shape::List(REQUIREMENT)),
    Field("MatchFields", "matchFields", Shape::List(REQUIREMENT)),
];

const UPDATABLE: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

pub(super) fn update(pod: At<'_>, old: At<'_>, options: &PodOptions, causes: &mut Causes) {
    meta::core_object_meta_update(pod.field("metadata"), old.field("metadata"), causes);
    metadata_and_spec(pod, options, causes);
    let notes = pod.fields("metadata.annotations");
    annotations::changes(notes, old.fields("metadata.annotations"), causes);
    annotations::check(notes, pod.field("spec"), options, causes);
    let (spec, stored) = (pod.field("spec"), old.field("spec"));
    for list in ["containers", "initContainers"] {
        if !same_containers(spec.field(list), stored.field(list), causes) {
            return;
        }
    }
    if !deadline(spec.field("activeDeadlineSeconds"), stored.field("activeDeadlineSeconds"), causes) {
        return;
    }
    only_added_tolerations(spec.field("tolerations"), stored.field("tolerations"), options, causes);
    only_deleted_gates(spec.field("schedulingGates"), stored.field("schedulingGates"), causes);
    let gated = !stored.is_empty_at("schedulingGates");
    if gated {
        node_selector(spec.field("nodeSelector"), stored.field("nodeSelector"), causes);
        node_affinity(spec.fields("affinity.nodeAffinity"), stored.fields("affinity.nodeAffinity"), causes);
    }
    if !may_become(spec, stored, gated) {
        causes.forbidden(spec, UPDATABLE);
    }
}

/// `ValidateContainerUpdates`; whether to go on.
fn same_containers(new: At<'_>, old: At<'_>, causes: &mut Causes) -> bool {
    if new.len() != old.len() {
        causes.forbidden(new, "pod updates may not add or remove containers");
        return false;
    }
    for image in new.items().map(|container| container.field("image")) {
        if image.is_empty() {
            causes.required(image, "");
        }
        if image.str().trim() != image.str() {
            causes.invalid(image, "must not have leading or trailing whitespace");
        }
    }
    true
}

/// Whether to go on.
fn deadline(new: At<'_>, old: At<'_>, causes: &mut Causes) -> bool {
    match (new.opt_int(), old.opt_int()) {
        (Some(seconds), _) if !(0..=i64::from(i32::MAX)).contains(&seconds) => {
            causes.invalid(new, &names::inclusive_range(0, i64::from(i32::MAX)));
            false
        }
        (Some(seconds), Some(before)) if before < seconds => {
            causes.invalid(new, "must be less than or equal to previous value");
            false
        }
        (None, Some(_)) => {
            causes.invalid(new, "must not update from a positive integer to nil value");
            true
        }
        _ => true,
    }
}

/// `validateOnlyAddedTolerations`: all of the old are there still, but for their seconds.
fn only_added_tolerations(new: At<'_>, old: At<'_>, options: &PodOptions, causes: &mut Causes) {
    fn shape(at: At<'_>) -> [&str; 4] {
        ["key", "operator", "value", "effect"].map(|name| at.str_at(name))
    }
    let kept: BTreeSet<_> = new.items().map(shape).collect();
    if old.items().any(|old| !kept.contains(&shape(old))) {
        return causes.forbidden(new, "existing toleration can not be modified except its tolerationSeconds");
    }
    toleration::check(new, options, causes);
}

/// `validateOnlyDeletedSchedulingGates`
fn only_deleted_gates(new: At<'_>, old: At<'_>, causes: &mut Causes) {
    let old: BTreeSet<&str> = old.items().map(|gate| gate.str_at("name")).collect();
    for name in new.items().map(|gate| gate.field("name")).filter(|name| !old.contains(name.str())) {
        let detail = format!("only deletion is allowed, but found new scheduling gate '{}'", name.str());
        causes.forbidden(name, &detail);
    }
}

/// `validateNodeSelectorMutation`, of a Pod that waits behind gates.
fn node_selector(new: At<'_>, old: At<'_>, causes: &mut Causes) {
    if old.entries().any(|(key, value)| new.key(key).opt_str() != Some(value.str())) {
        causes.invalid_value(
            new,
            meta::map_value(new),
            "only additions to spec.nodeSelector are allowed (no mutations or deletions)",
        );
    }
}

/// `validateNodeAffinityMutation`
fn node_affinity(new: At<'_>, old: At<'_>, causes: &mut Causes) {
    const TERMS: &str = "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
    let (new_terms, old_terms) = (new.fields(TERMS), old.fields(TERMS));
    if old_terms.is_empty() {
        return;
    }
    if new_terms.len() != old_terms.len() {
        let shown = go_value::value(new_terms, &Shape::List(TERM)).shown();
        return causes.invalid_value(
            new_terms,
            shown,
            "no additions/deletions to non-empty NodeSelectorTerms list are allowed",
        );
    }
    for (new, old) in new_terms.items().zip(old_terms.items()) {
        let lists = ["matchExpressions", "matchFields"].map(|list| (new.field(list), old.field(list)));
        let was_empty = lists.iter().all(|(_, old)| old.is_empty());
        let grew = lists.iter().any(|(new, _)| !new.is_empty());
        let kept = lists
            .iter()
            .all(|(new, old)| new.len() >= old.len() && old.items().zip(new.items()).all(|(o, n)| o.same(n)));
        if (was_empty && grew) || !kept {
            let shown = go_value::value(new, &Shape::Struct(TERM)).shown();
            causes.invalid_value(new, shown, "only additions are allowed (no mutations or deletions)");
        }
    }
}

/// Whether nothing has changed but what may.
fn may_become(new: At<'_>, old: At<'_>, gated: bool) -> bool {
    let grace = |at: At<'_>| at.opt_int_at("terminationGracePeriodSeconds");
    let ended = grace(old).is_some_and(|seconds| seconds < 0) && grace(new) == Some(1);
    let names = new.entries().chain(old.entries()).map(|(name, _)| name).collect::<BTreeSet<_>>();
    names.into_iter().all(|name| {
        let (new, old) = (new.field(name), old.field(name));
        match name {
            "activeDeadlineSeconds" | "schedulingGates" | "tolerations" => true,
            "containers" | "initContainers" => {
                new.items().zip(old.items()).all(|(new, old)| same_but(new, old, &["image"]))
            }
            "terminationGracePeriodSeconds" if ended => true,
            "nodeSelector" if gated => true,
            "affinity" if gated => same_but(new, old, &["nodeAffinity"]),
            _ => new.same(old),
        }
    })
}

fn same_but(new: At<'_>, old: At<'_>, except: &[&str]) -> bool {
    new.entries()
        .chain(old.entries())
        .map(|(name, _)| name)
        .filter(|name| !except.contains(name))
        .all(|name| new.field(name).same(old.field(name)))
}
