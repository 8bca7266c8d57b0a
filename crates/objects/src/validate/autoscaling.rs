//! HorizontalPodAutoscalers: pkg/apis/autoscaling/validation/validation.go.
//!
//! All versions are checked as v2. The one metric that v1 has a field for is the last of the list; the others
//! stand in annotations there (`autoscaling.alpha.kubernetes.io/…`).

mod metric;

use super::rules::{metadata, optional_enum, required_path_segment, typed};
use super::{Rules, Submitted};
use crate::field::{At, Causes};
use crate::meta::name_is_subdomain;

/// The kinds of this file.
pub const RULES: &[Rules] = &[Rules {
    group: "autoscaling",
    kind: "HorizontalPodAutoscaler",
    namespaced: true,
    check: horizontal_pod_autoscaler,
    warn: None,
}];

const MAX_PERIOD: i64 = 1800;
const MAX_STABILIZATION: i64 = 3600;

/// How much of a reference's `apiVersion` is checked.
#[derive(Debug, Clone, Copy, Default)]
struct References {
    allow_invalid: bool,
    allow_core: bool,
}

/// `ValidateHorizontalPodAutoscaler`, `…Update`, with the options of its registry's strategy.
fn horizontal_pod_autoscaler(subject: &Submitted<'_>, causes: &mut Causes) {
    metadata(subject, name_is_subdomain, causes);
    let spec = subject.at.field("spec");
    let old = subject.old.map(|old| old.field("spec"));
    replicas(spec, old, causes);
    let target = spec.field("scaleTargetRef");
    reference(target, target_options(target, old), causes);
    metrics(spec, old, causes);
    let behavior = spec.field("behavior");
    for direction in ["scaleUp", "scaleDown"] {
        scaling_rules(behavior.field(direction), causes);
    }
}

fn replicas(spec: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    let min = spec.field("minReplicas");
    let max = spec.field("maxReplicas");
    // scaling to zero is an alpha feature; who has it may keep it
    let had_zero = old.is_some_and(|old| old.opt_int_at("minReplicas") == Some(0));
    let lowest = i64::from(!had_zero);
    if min.opt_int().is_some_and(|min| min < lowest) {
        causes.invalid(min, &format!("must be greater than or equal to {lowest}"));
    }
    match max.int() {
        0 => causes.required(max, "must be set and greater than 0"),
        ..0 => causes.invalid(max, "must be greater than or equal to 1"),
        _ => {}
    }
    if min.opt_int().is_some_and(|min| max.int() < min) {
        causes.invalid_value(max, max.int(), "must be greater than or equal to `minReplicas`");
    }
}

/// Unchanged targets are taken as they are; of core kinds, only ReplicationControllers scale.
fn target_options(target: At<'_>, old: Option<At<'_>>) -> References {
    let unchanged = |old: At<'_>| {
        let old = old.field("scaleTargetRef");
        ["apiVersion", "kind"].iter().all(|name| target.str_at(name) == old.str_at(name))
    };
    if old.is_some_and(unchanged) {
        return References { allow_invalid: true, allow_core: false };
    }
    References { allow_invalid: false, allow_core: target.str_at("kind") == "ReplicationController" }
}

/// `ValidateCrossVersionObjectReference`.
fn reference(at: At<'_>, options: References, causes: &mut Causes) {
    required_path_segment(at.field("kind"), causes);
    required_path_segment(at.field("name"), causes);
    let version = at.field("apiVersion");
    if !options.allow_invalid
        && let Some(error) = api_version_error(version.str(), options.allow_core)
    {
        causes.invalid_value(version, version.str(), &error);
    }
}

/// `ValidateAPIVersion`.
fn api_version_error(text: &str, allow_core: bool) -> Option<String> {
    let group = match text.split('/').collect::<Vec<_>>()[..] {
        [_] => "",
        [group, _] => group,
        _ => return Some(format!("unexpected GroupVersion string: {text}")),
    };
    (group.is_empty() && !allow_core).then(|| "apiVersion must specify API group".to_owned())
}

/// `validateMetrics`.
fn metrics(spec: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    let list = spec.field("metrics");
    let options = References { allow_invalid: had_invalid_object(old), allow_core: true };
    let mut beyond_pods = false;
    for item in list.items() {
        metric::metric(item, options, causes);
        beyond_pods |= matches!(item.str_at("type"), "Object" | "External");
    }
    metric::percentage_of_v1(spec, causes);
    if spec.opt_int_at("minReplicas") == Some(0) && !beyond_pods {
        causes.forbidden(
            list,
            "must specify at least one Object or External metric to support scaling to zero replicas",
        );
    }
}

fn had_invalid_object(old: Option<At<'_>>) -> bool {
    old.is_some_and(|old| {
        old.items_at("metrics").any(|metric| {
            let version = metric.fields("object.describedObject.apiVersion").str();
            metric.str_at("type") == "Object"
                && metric.has("object")
                && api_version_error(version, true).is_some()
        })
    })
}

/// `validateScalingRules`.
fn scaling_rules(rules: At<'_>, causes: &mut Causes) {
    if !rules.is_set() {
        return;
    }
    let window = rules.field("stabilizationWindowSeconds");
    if window.int() < 0 {
        causes.invalid(window, "must be greater than or equal to zero");
    }
    if window.int() > MAX_STABILIZATION {
        causes.invalid(window, &format!("must be less than or equal to {MAX_STABILIZATION}"));
    }
    optional_enum(rules.field("selectPolicy"), &["Disabled", "Max", "Min"], causes);
    let policies = rules.field("policies");
    if policies.is_empty() {
        causes.required(policies, "must specify at least one Policy");
    }
    for policy in policies.items() {
        scaling_policy(policy, causes);
    }
    let tolerance = rules.field("tolerance");
    if tolerance.quantity().is_some_and(|quantity| quantity.sign() < 0) {
        causes.invalid(tolerance, "must be greater than or equal to 0");
    }
}

fn scaling_policy(policy: At<'_>, causes: &mut Causes) {
    let kind = policy.field("type");
    if !matches!(kind.str(), "Pods" | "Percent") {
        causes.not_supported(kind, typed(kind), &["Percent", "Pods"]);
    }
    let value = policy.field("value");
    let period = policy.field("periodSeconds");
    for number in [value, period] {
        if number.int() <= 0 {
            causes.invalid_value(number, number.int(), "must be greater than zero");
        }
    }
    if period.int() > MAX_PERIOD {
        causes.invalid(period, &format!("must be less than or equal to {MAX_PERIOD}"));
    }
}
