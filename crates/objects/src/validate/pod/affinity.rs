//! Affinity to nodes and to other Pods.

use std::collections::{BTreeMap, BTreeSet};

use super::PodOptions;
use crate::field::{At, Causes};
use crate::meta::{self, SelectorOptions};
use crate::{names, selectors};
use document::few::GatherFew as _;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// `validateAffinity`
pub(super) fn check(affinity: At<'_>, metadata: Option<At<'_>>, options: &PodOptions, causes: &mut Causes) {
    let nodes = affinity.field("nodeAffinity");
    if nodes.has(REQUIRED) {
        selectors::nodes(nodes.field(REQUIRED), options.any_node_affinity_value, causes);
    }
    for term in nodes.items_at(PREFERRED) {
        weight(term.field("weight"), causes);
        selectors::node_term(term.field("preference"), true, causes);
    }
    let labels = merged_labels(metadata, options);
    for kind in ["podAffinity", "podAntiAffinity"].map(|kind| affinity.field(kind)) {
        for term in kind.items_at(REQUIRED) {
            pod_term(term, labels, options, causes);
        }
        for weighted in kind.items_at(PREFERRED) {
            weight(weighted.field("weight"), causes);
            pod_term(weighted.field("podAffinityTerm"), labels, options, causes);
        }
    }
}

/// The labels of a Pod that is created: the server merges them into selectors by `matchLabelKeys` before
/// it validates (`mutatePodAffinity`, `mutateTopologySpreadConstraints`).
pub(super) fn merged_labels<'d>(metadata: Option<At<'d>>, options: &PodOptions) -> Option<At<'d>> {
    metadata.filter(|_| options.merges_label_keys).map(|metadata| metadata.field("labels"))
}

fn weight(at: At<'_>, causes: &mut Causes) {
    if !(1..=100).contains(&at.int()) {
        causes.invalid_value(at, at.int(), "must be in the range 1-100");
    }
}

/// `validatePodAffinityTerm`
fn pod_term(term: At<'_>, labels: Option<At<'_>>, options: &PodOptions, causes: &mut Causes) {
    term_selectors(term, options.any_affinity_value, causes);
    merged_expressions(term, labels, options.any_affinity_value, causes);
    let namespaces = term.field("namespaces");
    for namespace in namespaces.items() {
        let at = term.said("namespace").reading(namespace);
        causes.invalid_each(at, namespace.str(), names::dns1123_label(namespace.str()));
    }
    label_keys(term, labels, causes);
    let key = term.field("topologyKey");
    if key.is_empty() {
        causes.required(key, "can not be empty");
    }
    meta::label_name(key, key.str(), causes);
}

/// `ValidatePodAffinityTermSelector`
fn term_selectors(term: At<'_>, any_value: bool, causes: &mut Causes) {
    let options = SelectorOptions { any_value, ..SelectorOptions::default() };
    meta::label_selector(term.field("labelSelector"), options, causes);
    meta::label_selector(term.field("namespaceSelector"), options, causes);
}

/// The expressions that the server puts at the end of the selector are judged with it.
pub(super) fn merged_expressions(term: At<'_>, labels: Option<At<'_>>, any_value: bool, causes: &mut Causes) {
    let selector = term.field("labelSelector");
    let Some(labels) = labels.filter(|_| selector.is_set()) else { return };
    let written = selector.field("matchExpressions");
    let keys = ["matchLabelKeys", "mismatchLabelKeys"].into_iter().flat_map(|keys| term.items_at(keys));
    let merged = keys.map(|key| (key, labels.key(key.str()))).filter(|(_, value)| value.is_set());
    for (place, (key, value)) in merged.enumerate() {
        let at = written.index(written.len() + place);
        meta::label_name(at.field("key").reading(key), key.str(), causes);
        if !any_value {
            let at = at.field("values").index(0).reading(value);
            causes.invalid_each(at, value.str(), names::label_value(value.str()));
        }
    }
}

/// `ValidateMatchLabelKeysAndMismatchLabelKeys`: of an affinity term or a spread constraint.
pub(super) fn label_keys(term: At<'_>, labels: Option<At<'_>>, causes: &mut Causes) {
    let (match_keys, mismatch_keys) = (term.field("matchLabelKeys"), term.field("mismatchLabelKeys"));
    let selector = term.field("labelSelector");
    for keys in [match_keys, mismatch_keys].into_iter().filter(|keys| !keys.is_empty()) {
        if !selector.is_set() {
            causes.forbidden(keys, "must not be specified when labelSelector is not set");
            continue;
        }
        for key in keys.items() {
            meta::label_name(key, key.str(), causes);
        }
    }
    if selector.is_set() {
        selected_twice(term, labels, causes);
    }
    let excluded: BTreeSet<&str> = mismatch_keys.strings().collect();
    for key in match_keys.items().filter(|key| excluded.contains(key.str())) {
        causes.invalid(key, "exists in both matchLabelKeys and mismatchLabelKeys");
    }
}

/// A key that the selector names already, told at `term[index of the key]`.
fn selected_twice(term: At<'_>, labels: Option<At<'_>>, causes: &mut Causes) {
    let (match_keys, mismatch_keys) = (term.field("matchLabelKeys"), term.field("mismatchLabelKeys"));
    let selector = term.field("labelSelector");
    let indexes: BTreeMap<&str, usize> =
        match_keys.strings().enumerate().map(|(index, key)| (key, index)).gather();
    let mut seen: BTreeSet<&str> = selector.field("matchLabels").entries().map(|(key, _)| key).collect();
    let written = selector.items_at("matchExpressions").map(|expression| expression.str_at("key"));
    let merged = match_keys
        .strings()
        .chain(mismatch_keys.strings())
        .filter(|key| labels.is_some_and(|labels| labels.key(key).is_set()));
    for key in written.chain(merged) {
        if let Some(index) = indexes.get(key).filter(|_| seen.contains(key)) {
            let at = term.index(*index).reading(match_keys.index(*index));
            causes.invalid_value(at, key, "exists in both matchLabelKeys and labelSelector");
        }
        seen.insert(key);
    }
}

/// `hasInvalidLabelValueInAffinitySelector`
pub(super) fn has_wrong_selector(affinity: At<'_>) -> bool {
    let mut causes = Causes::new();
    for kind in ["podAffinity", "podAntiAffinity"].map(|kind| affinity.field(kind)) {
        kind.items_at(REQUIRED).for_each(|term| term_selectors(term, false, &mut causes));
        kind.items_at(PREFERRED)
            .for_each(|term| term_selectors(term.field("podAffinityTerm"), false, &mut causes));
    }
    !causes.is_empty()
}

/// `hasInvalidLabelValueInRequiredNodeAffinity`
pub(super) fn has_wrong_node_value(affinity: At<'_>) -> bool {
    affinity
        .field("nodeAffinity")
        .field(REQUIRED)
        .items_at("nodeSelectorTerms")
        .flat_map(|term| term.items_at("matchExpressions"))
        .flat_map(|expression| expression.field("values").strings())
        .any(|value| !names::label_value(value).is_empty())
}
