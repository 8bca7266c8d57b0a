//! Topology spread constraints.

use std::collections::BTreeSet;

use super::spec::optional_one_of;
use super::{PodOptions, affinity};
use crate::field::{At, Causes};
use crate::meta::{self, SelectorOptions};

/// `validateTopologySpreadConstraints`
pub(super) fn check(spec: At<'_>, metadata: Option<At<'_>>, options: &PodOptions, causes: &mut Causes) {
    let constraints = spec.field("topologySpreadConstraints");
    let labels = affinity::merged_labels(metadata, options);
    let mut later = repeated(constraints);
    for constraint in constraints.items() {
        let (key, action) = (constraint.field("topologyKey"), constraint.field("whenUnsatisfiable"));
        positive(constraint.field("maxSkew"), causes);
        if key.is_empty() {
            causes.required(key, "can not be empty");
        }
        if !matches!(action.str(), "DoNotSchedule" | "ScheduleAnyway") {
            causes.not_supported(action, action.str(), &["DoNotSchedule", "ScheduleAnyway"]);
        }
        if later.next() == Some(true) {
            let at = constraint.said("{topologyKey, whenUnsatisfiable}").reading(constraint);
            causes.duplicate(at, &format!("{{{}, {}}}", key.str(), action.str()));
        }
        let domains = constraint.field("minDomains");
        if domains.is_set() {
            positive(domains, causes);
            if action.str() != "DoNotSchedule" {
                let detail = format!(
                    "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {}",
                    action.str()
                );
                causes.invalid(domains, &detail);
            }
        }
        optional_one_of(constraint.field("nodeAffinityPolicy"), &["Honor", "Ignore"], causes);
        optional_one_of(constraint.field("nodeTaintsPolicy"), &["Honor", "Ignore"], causes);
        if options.wrong_spread_keys {
            older_label_keys(constraint, causes);
        } else {
            affinity::label_keys(constraint, labels, causes);
        }
        if !options.any_spread_selector {
            meta::label_selector(constraint.field("labelSelector"), SelectorOptions::default(), causes);
            affinity::merged_expressions(constraint, labels, false, causes);
        }
    }
}

/// For each whether a later one has the same key and action.
fn repeated(constraints: At<'_>) -> impl Iterator<Item = bool> {
    let mut seen = BTreeSet::new();
    let pairs: Vec<_> = constraints
        .items()
        .map(|constraint| (constraint.str_at("topologyKey"), constraint.str_at("whenUnsatisfiable")))
        .collect();
    let flags: Vec<bool> = pairs.into_iter().rev().map(|pair| !seen.insert(pair)).collect();
    flags.into_iter().rev()
}

fn positive(at: At<'_>, causes: &mut Causes) {
    if at.int() <= 0 {
        causes.invalid_value(at, at.int(), "must be greater than zero");
    }
}

/// `ValidateMatchLabelKeysInTopologySpread`, in force for what was stored with faults of the newer rule.
fn older_label_keys(constraint: At<'_>, causes: &mut Causes) {
    let (keys, selector) = (constraint.field("matchLabelKeys"), constraint.field("labelSelector"));
    if keys.is_empty() {
        return;
    }
    if !selector.is_set() {
        causes.forbidden(keys, "must not be specified when labelSelector is not set");
    }
    let selected: BTreeSet<&str> = selector
        .field("matchLabels")
        .entries()
        .map(|(key, _)| key)
        .chain(selector.items_at("matchExpressions").map(|expression| expression.str_at("key")))
        .collect();
    for key in keys.items() {
        meta::label_name(key, key.str(), causes);
        if selected.contains(key.str()) {
            causes.invalid(key, "exists in both matchLabelKeys and labelSelector");
        }
    }
}

/// The faults of the stored selectors.
pub(super) fn selectors(spec: At<'_>, causes: &mut Causes) {
    for constraint in spec.items_at("topologySpreadConstraints") {
        meta::label_selector(constraint.field("labelSelector"), SelectorOptions::default(), causes);
    }
}

/// The faults of the stored label keys.
pub(super) fn stored_keys(spec: At<'_>, causes: &mut Causes) {
    for constraint in spec.items_at("topologySpreadConstraints") {
        affinity::label_keys(constraint, None, causes);
    }
}
