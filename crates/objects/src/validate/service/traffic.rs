//! Where traffic of a Service may go.

use super::facts::Facts;
use crate::field::{At, Causes, Value, go_json_string};
use crate::names;

const POLICIES: [&str; 2] = ["Cluster", "Local"];

fn shown(text: &str) -> Value<'static> {
    Value::Json(go_json_string(text))
}

/// `validateServiceExternalTrafficPolicy`.
pub(super) fn external(facts: &Facts<'_>, spec: At<'_>, causes: &mut Causes) {
    let policy = spec.field("externalTrafficPolicy");
    match (facts.is_external(), facts.external_policy) {
        (false, "") => {}
        (false, text) => {
            let detail = "may only be set for externally-accessible services";
            causes.invalid_value(policy, shown(text), detail);
        }
        (true, "") => causes.required(policy, ""),
        (true, known) if POLICIES.contains(&known) => {}
        (true, other) => causes.not_supported(policy, shown(other), &POLICIES),
    }
    let port = spec.field("healthCheckNodePort");
    match (facts.needs_health_check(), facts.health_port) {
        (false, 0) | (true, 1..=65535) => {}
        (false, _) => causes.invalid_value(
            port,
            facts.health_port,
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        ),
        (true, 0) => causes.required(port, ""),
        (true, _) => causes.invalid_value(port, facts.health_port, "must be between 1 and 65535, inclusive"),
    }
}

/// `validateServiceInternalTrafficFieldsValue`.
pub(super) fn internal(facts: &Facts<'_>, spec: At<'_>, causes: &mut Causes) {
    let policy = spec.field("internalTrafficPolicy");
    match facts.internal_policy {
        None if matches!(facts.kind, "NodePort" | "LoadBalancer" | "ClusterIP") => {
            causes.required(policy, "");
        }
        Some(text) if !POLICIES.contains(&text) => causes.not_supported(policy, shown(text), &POLICIES),
        _ => {}
    }
}

/// `validateLoadBalancerClassField` without the old Service.
pub(super) fn load_balancer_class(facts: &Facts<'_>, spec: At<'_>, causes: &mut Causes) {
    let Some(class) = facts.class else { return };
    let at = spec.field("loadBalancerClass");
    if facts.kind == "LoadBalancer" {
        causes.invalid_each(at, class, names::qualified_name(class));
    } else {
        causes.forbidden(at, "may only be used when `type` is 'LoadBalancer'");
    }
}
