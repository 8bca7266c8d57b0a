//! Lease (pkg/apis/coordination/validation). `strategy` and `preferredHolder` are dropped before, by the default of the
//! gate CoordinatedLeaderElection.

use crate::field::{At, Causes};
use crate::meta;

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
}
