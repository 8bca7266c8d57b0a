//! Probes and lifecycle handlers.

use crate::field::{At, Causes};
use crate::{meta, names};

/// Lifecycle and probes of a container that may have them.
pub(super) fn all(container: At<'_>, grace_period: Option<i64>, causes: &mut Causes) {
    for hook in ["postStart", "preStop"].map(|hook| container.field("lifecycle").field(hook)) {
        if hook.is_set() {
            handler(hook, &["exec", "httpGet", "tcpSocket", "sleep"], grace_period, causes);
        }
    }
    for (name, only_one) in [("livenessProbe", true), ("readinessProbe", false), ("startupProbe", true)] {
        let at = container.field(name);
        if !at.is_set() {
            continue;
        }
        probe(at, causes);
        let successes = at.field("successThreshold");
        if only_one && successes.int() != 1 {
            causes.invalid_value(successes, successes.int(), "must be 1");
        }
        let grace = at.field("terminationGracePeriodSeconds");
        if !only_one && grace.is_set() {
            causes.invalid(grace, "must not be set for readinessProbes");
        }
    }
}

/// `validateProbe`
fn probe(at: At<'_>, causes: &mut Causes) {
    handler(at, &["exec", "httpGet", "tcpSocket", "grpc"], None, causes);
    for name in
        ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
    {
        meta::not_negative(at.field(name), causes);
    }
    let grace = at.field("terminationGracePeriodSeconds");
    if grace.opt_int().is_some_and(|seconds| seconds <= 0) {
        causes.invalid(grace, "must be greater than 0");
    }
}

/// `validateHandler`
fn handler(at: At<'_>, kinds: &[&'static str], grace_period: Option<i64>, causes: &mut Causes) {
    let mut found = false;
    for kind in kinds {
        let action = at.field(kind);
        if !action.is_set() {
            continue;
        }
        if found {
            causes.forbidden(action, "may not specify more than 1 handler type");
            continue;
        }
        found = true;
        match *kind {
            "exec" => {
                if action.is_empty_at("command") {
                    causes.required(action.field("command"), "");
                }
            }
            "httpGet" => http_get(action, causes),
            "sleep" => sleep(action, grace_period, causes),
            _ => port(action.field("port"), causes),
        }
    }
    if !found {
        causes.required(at, "must specify a handler type");
    }
}

/// `validateHTTPGetAction`
fn http_get(at: At<'_>, causes: &mut Causes) {
    if at.is_empty_at("path") {
        causes.required(at.field("path"), "");
    }
    port(at.field("port"), causes);
    let scheme = at.field("scheme");
    if !matches!(scheme.str(), "HTTP" | "HTTPS") {
        causes.not_supported(scheme, scheme.str(), &["HTTP", "HTTPS"]);
    }
    for name in at.items_at("httpHeaders").map(|header| header.field("name")) {
        let list = at.field("httpHeaders").reading(name);
        causes.invalid_each(list, name.str(), names::http_header_name(name.str()));
    }
}

/// `ValidatePortNumOrName`
fn port(at: At<'_>, causes: &mut Causes) {
    match at.opt_str() {
        Some(name) => causes.invalid_each(at, name, names::port_name(name)),
        None => {
            for fault in names::port_number(at.int()) {
                causes.invalid_value(at, at.int(), &fault);
            }
        }
    }
}

/// `validateSleepAction`
fn sleep(at: At<'_>, grace_period: Option<i64>, causes: &mut Causes) {
    let seconds = at.int_at("seconds");
    let Some(grace) = grace_period else { return };
    if seconds < 0 || seconds > grace {
        let detail = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
        causes.invalid_value(at, seconds, &detail);
    }
}
