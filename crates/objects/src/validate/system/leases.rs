//! Lease (pkg/apis/coordination/validation).

use crate::field::{At, Causes};
use crate::{meta, names};

pub(super) fn lease(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    match old {
        Some(old) => meta::object_meta_update(object.field("metadata"), old.field("metadata"), causes),
        None => meta::object_meta(object.field("metadata"), meta::name_is_subdomain, causes),
    }
    let spec = object.field("spec");
    let (duration, transitions) = (spec.field("leaseDurationSeconds"), spec.field("leaseTransitions"));
    if duration.opt_int().is_some_and(|seconds| seconds <= 0) {
        causes.invalid(duration, "must be greater than 0");
    }
    if transitions.opt_int().is_some_and(|number| number < 0) {
        causes.invalid(transitions, "must be greater than or equal to 0");
    }
    let strategy = spec.field("strategy");
    if strategy.is_set() {
        check_strategy(strategy, causes);
    }
    let preferred = spec.field("preferredHolder");
    if !preferred.is_empty() && strategy.is_empty() {
        causes.forbidden(preferred, "may only be specified if `strategy` is defined");
    }
}

/// Told at `strategy.strategy`.
fn check_strategy(at: At<'_>, causes: &mut Causes) {
    let (text, told) = (at.str(), at.said("strategy").reading(at));
    if text.contains('/') {
        causes.invalid_each(told, text, names::qualified_name(text));
    } else if text != "OldestEmulationVersion" {
        causes.not_supported(told, text, &["OldestEmulationVersion"]);
    }
}
