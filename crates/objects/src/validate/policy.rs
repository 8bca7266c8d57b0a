//! PodDisruptionBudgets: pkg/apis/policy/validation/validation.go. Their metadata is checked nowhere in there:
//! only the rules for every object hold.

use super::int_or_percent::{at_most_100_percent, positive_int_or_percent};
use super::rules::{label_selector, optional_enum};
use super::{Rules, Submitted};
use crate::field::Causes;
use crate::go_value::{Field, LABEL_SELECTOR, Shape};

/// The kinds of this file.
pub const RULES: &[Rules] = &[Rules {
    group: "policy",
    kind: "PodDisruptionBudget",
    namespaced: true,
    check: pod_disruption_budget,
    warn: None,
}];

const SPEC: Shape = Shape::Struct(&[
    Field("MinAvailable", "minAvailable", Shape::Plain),
    Field("Selector", "selector", LABEL_SELECTOR),
    Field("MaxUnavailable", "maxUnavailable", Shape::Plain),
    Field("UnhealthyPodEvictionPolicy", "unhealthyPodEvictionPolicy", Shape::Plain),
]);

/// `ValidatePodDisruptionBudget`.
fn pod_disruption_budget(subject: &Submitted<'_>, causes: &mut Causes) {
    let spec = subject.at.field("spec");
    let min = spec.field("minAvailable");
    let max = spec.field("maxUnavailable");
    if min.is_set() && max.is_set() {
        causes.invalid_value(spec, SPEC.value(spec), "minAvailable and maxUnavailable cannot be both set");
    }
    for number in [min, max] {
        positive_int_or_percent(number, causes);
        at_most_100_percent(number, causes);
    }
    // an old selector that is invalid in any way makes values lax
    let mut of_old = Causes::new();
    if let Some(old) = subject.old {
        label_selector(old.fields("spec.selector"), false, &mut of_old);
    }
    label_selector(spec.field("selector"), !of_old.is_empty(), causes);
    let eviction = spec.field("unhealthyPodEvictionPolicy");
    optional_enum(eviction, &["AlwaysAllow", "IfHealthyBudget"], causes);
}
