//! DaemonSets.

use super::super::Submitted;
use super::super::int_or_percent::{at_most_100_percent, int_or_percent, positive_int_or_percent};
use super::super::pod::pod_template_warnings;
use super::super::rules::{immutable, label_selector, metadata, not_negative_members, selects_all};
use super::super::template::{self, pod_template};
use super::deployment::STRATEGY;
use super::{always_restarts, must_select};
use crate::field::{At, Causes};
use crate::go_value::LABEL_SELECTOR;
use crate::meta::{has_invalid_label_value, matches_labels, name_is_subdomain};

/// `ValidateDaemonSet`, `ValidateDaemonSetUpdate`. The template's generation is kept by the server itself.
pub(super) fn daemon_set(subject: &Submitted<'_>, causes: &mut Causes) {
    metadata(subject, name_is_subdomain, causes);
    let spec = subject.at.field("spec");
    let old = subject.old.map(|old| old.field("spec"));
    let selector = spec.field("selector");
    if let Some(old) = old {
        immutable(selector, old.field("selector"), &LABEL_SELECTOR, causes);
    }
    let lax = old.is_some_and(|old| has_invalid_label_value(old.field("selector")));
    label_selector(selector, lax, causes);
    let template = spec.field("template");
    // a selector that cannot be read is told of above
    let matches = matches_labels(selector, template.fields("metadata.labels")).unwrap_or(true);
    must_select(matches, template, causes);
    if selects_all(selector) {
        let shown = LABEL_SELECTOR.value(selector);
        causes.invalid_value(selector, shown, "empty selector is invalid for daemonset");
    }
    pod_template(template, template::of(old), causes);
    always_restarts(template, "DaemonSet", causes);
    not_negative_members(spec, &["minReadySeconds"], causes);
    update_strategy(spec.field("updateStrategy"), causes);
    not_negative_members(spec, &["revisionHistoryLimit"], causes);
}

/// `ValidateDaemonSetUpdateStrategy`.
fn update_strategy(at: At<'_>, causes: &mut Causes) {
    let rolling = at.field("rollingUpdate");
    match at.str_at("type") {
        "OnDelete" => {}
        "RollingUpdate" if !rolling.is_set() => causes.required(rolling, ""),
        "RollingUpdate" => rolling_update(rolling, causes),
        _ => causes.not_supported(at, STRATEGY.value(at), &["RollingUpdate", "OnDelete"]),
    }
}

/// `ValidateRollingUpdateDaemonSet`: of surge and unavailable Pods, exactly one is not 0.
fn rolling_update(at: At<'_>, causes: &mut Causes) {
    let unavailable = at.field("maxUnavailable");
    let surge = at.field("maxSurge");
    positive_int_or_percent(unavailable, causes);
    positive_int_or_percent(surge, causes);
    at_most_100_percent(unavailable, causes);
    at_most_100_percent(surge, causes);
    match (int_or_percent(unavailable) != 0, int_or_percent(surge) != 0) {
        (true, true) => causes.invalid(surge, "may not be set when maxUnavailable is non-zero"),
        (false, false) => causes.required(unavailable, "cannot be 0 when maxSurge is 0"),
        _ => {}
    }
}

/// `WarningsOnCreate`, `WarningsOnUpdate`: of the template alone, on update where it has changed.
pub(super) fn warn(subject: &Submitted<'_>, warnings: &mut Vec<String>) {
    let template = subject.at.fields("spec.template");
    let old = template::of(subject.old.map(|old| old.field("spec")));
    if old.is_none_or(|old| !template.same(old)) {
        pod_template_warnings(template, old, warnings);
    }
}
