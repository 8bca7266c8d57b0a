//! Deployments.

use super::super::int_or_percent::{at_most_100_percent, int_or_percent, positive_int_or_percent};
use super::super::rules::{immutable, metadata, not_negative_members};
use super::super::{Submitted, template};
use super::{replica_template, required_selector};
use crate::field::{At, Causes};
use crate::go_value::{Field, LABEL_SELECTOR, Shape};
use crate::meta::{name_is_subdomain, not_negative};

/// Of a Deployment and of a DaemonSet alike.
pub(super) const STRATEGY: Shape = Shape::Struct(&[
    Field("Type", "type", Shape::Text),
    Field(
        "RollingUpdate",
        "rollingUpdate",
        Shape::Pointer(&[
            Field("MaxUnavailable", "maxUnavailable", Shape::Int),
            Field("MaxSurge", "maxSurge", Shape::Int),
        ]),
    ),
]);

/// `ValidateDeployment`, `ValidateDeploymentUpdate`.
pub(super) fn deployment(subject: &Submitted<'_>, causes: &mut Causes) {
    metadata(subject, name_is_subdomain, causes);
    let spec = subject.at.field("spec");
    let old = subject.old.map(|old| old.field("spec"));
    not_negative(spec.field("replicas"), causes);
    required_selector(spec.field("selector"), "empty selector is invalid for deployment", causes);
    replica_template(spec, old, causes);
    strategy(spec.field("strategy"), causes);
    not_negative_members(spec, &["minReadySeconds", "revisionHistoryLimit"], causes);
    let deadline = spec.field("progressDeadlineSeconds");
    not_negative(deadline, causes);
    if deadline.opt_int().is_some_and(|deadline| deadline <= spec.int_at("minReadySeconds")) {
        causes.invalid(deadline, "must be greater than minReadySeconds");
    }
    if let Some(old) = old {
        immutable(spec.field("selector"), old.field("selector"), &LABEL_SELECTOR, causes);
    }
}

/// `ValidateDeploymentStrategy`.
fn strategy(at: At<'_>, causes: &mut Causes) {
    let rolling = at.field("rollingUpdate");
    match at.str_at("type") {
        "Recreate" => {
            if rolling.is_set() {
                causes.forbidden(rolling, "may not be specified when strategy `type` is 'Recreate'");
            }
        }
        "RollingUpdate" => {
            if !rolling.is_set() {
                return causes.required(rolling, "this should be defaulted and never be nil");
            }
            let unavailable = rolling.field("maxUnavailable");
            let surge = rolling.field("maxSurge");
            positive_int_or_percent(unavailable, causes);
            positive_int_or_percent(surge, causes);
            if int_or_percent(unavailable) == 0 && int_or_percent(surge) == 0 {
                causes.invalid_value(
                    unavailable,
                    Shape::Int.value(unavailable),
                    "may not be 0 when `maxSurge` is 0",
                );
            }
            at_most_100_percent(unavailable, causes);
        }
        _ => causes.not_supported(at, STRATEGY.value(at), &["Recreate", "RollingUpdate"]),
    }
}

/// `WarningsOnCreate`, `WarningsOnUpdate` of pkg/registry/apps/deployment/strategy.go.
pub(super) fn warn(subject: &Submitted<'_>, warnings: &mut Vec<String>) {
    template::warn_of_name(subject, warnings);
    template::warn(subject, true, warnings);
}
