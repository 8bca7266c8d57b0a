//! PriorityClass and RuntimeClass (pkg/apis/scheduling/validation, pkg/apis/node/validation).

use std::collections::BTreeSet;

use kubernetes_cel::library::quantity::Quantity;

use crate::field::{At, Causes};
use crate::go_value::{Field, Shape, named, value};
use crate::validate::core::resource_names as resources;
use crate::{meta, names, selectors};

const HIGHEST: i64 = 1_000_000_000;

pub(super) fn priority(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    let (priority, policy) = (object.field("value"), object.field("preemptionPolicy"));
    if let Some(old) = old {
        meta::core_object_meta_update(object.field("metadata"), old.field("metadata"), causes);
        if priority.int() != old.int_at("value") {
            causes.forbidden(priority, "may not be changed in an update.");
        }
        meta::immutable(policy, old.field("preemptionPolicy"), causes);
        return;
    }
    meta::core_object_meta(object.field("metadata"), meta::name_is_subdomain, causes);
    let name = object.fields("metadata.name");
    if name.str().starts_with("system-") {
        if let Some(error) = not_of_the_system(name.str(), priority.int(), object.bool_at("globalDefault")) {
            let detail = format!(
                "priority class names with 'system-' prefix are reserved for system use only. error: {error}"
            );
            causes.forbidden(name, &detail);
        }
    } else if priority.int() > HIGHEST {
        let detail = format!("maximum allowed value of a user defined priority is {HIGHEST}");
        causes.forbidden(priority, &detail);
    }
    match policy.opt_str() {
        None | Some("PreemptLowerPriority" | "Never") => {}
        Some("") => causes.required(policy, ""),
        Some(text) => causes.not_supported(policy, named(text), &["PreemptLowerPriority", "Never"]),
    }
}

/// `IsKnownSystemPriorityClass`
fn not_of_the_system(name: &str, value: i64, default: bool) -> Option<String> {
    let known = match name {
        "system-node-critical" => 2 * HIGHEST + 1000,
        "system-cluster-critical" => 2 * HIGHEST,
        _ => return Some(format!("{name} is not a known system priority class")),
    };
    if value != known {
        return Some(format!("value of {name} PriorityClass must be {known}"));
    }
    default.then(|| format!("globalDefault of {name} PriorityClass must be false"))
}

pub(super) fn runtime(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    let handler = object.field("handler");
    meta::object_meta(object.field("metadata"), meta::name_is_subdomain, causes);
    if handler.is_empty() {
        causes.required(handler, "");
    } else {
        causes.invalid_each(handler, handler.str(), names::dns1123_label(handler.str()));
    }
    overhead(object.field("overhead"), causes);
    let scheduling = object.field("scheduling");
    meta::labels(scheduling.field("nodeSelector"), causes);
    tolerations(scheduling.field("tolerations"), causes);
    if let Some(old) = old {
        meta::object_meta_update(object.field("metadata"), old.field("metadata"), causes);
        meta::immutable(handler, old.field("handler"), causes);
    }
}

/// What a Pod takes beyond its containers; the rules are those of a container's limits, and so are the paths.
fn overhead(at: At<'_>, causes: &mut Causes) {
    let fixed = at.field("podFixed");
    let limits = at.said("limits").reading(fixed);
    for (name, value) in fixed.entries() {
        let at = limits.key(name).reading(value);
        resources::container_name(at, name, causes);
        resources::amount(at, name, causes);
        if let Some(page) = name.strip_prefix("hugepages-") {
            let amount = resources::quantity(value);
            if !is_divisible(&amount, page) {
                let detail = format!("{amount} is not positive integer multiple of {name}");
                causes.invalid_value(at, &amount.to_string(), &detail);
            }
        }
    }
    let has = |rule: fn(&str) -> bool| fixed.entries().any(|(name, _)| rule(name));
    if has(|name| name.starts_with("hugepages-")) && !has(|name| matches!(name, "cpu" | "memory")) {
        causes.forbidden(at, "HugePages require cpu or memory");
    }
}

/// `IsHugePageResourceValueDivisible`
fn is_divisible(amount: &Quantity, page: &str) -> bool {
    let Ok(page) = Quantity::parse(page) else { return false };
    match (amount.whole(), page.whole()) {
        (Some(amount), Some(size)) => size > 0 && !resources::is_fractional(&page) && amount % size == 0,
        _ => false,
    }
}

const TOLERATION: &[Field] = &[
    Field("Key", "key", Shape::Text),
    Field("Operator", "operator", Shape::Text),
    Field("Value", "value", Shape::Text),
    Field("Effect", "effect", Shape::Text),
    Field("TolerationSeconds", "tolerationSeconds", Shape::Plain),
];

fn tolerations(at: At<'_>, causes: &mut Causes) {
    at.items().for_each(|item| toleration(item, causes));
    let mut seen = BTreeSet::new();
    for item in at.items() {
        if !seen.insert(["key", "operator", "value", "effect"].map(|field| item.str_at(field))) {
            causes.duplicate(item, value(item, &Shape::Struct(TOLERATION)).shown());
        }
    }
}

/// `ValidateTolerations`, without comparison operators.
fn toleration(at: At<'_>, causes: &mut Causes) {
    let [key, operator, text, effect] = ["key", "operator", "value", "effect"].map(|field| at.field(field));
    if !key.is_empty() {
        causes.invalid_each(key, key.str(), names::qualified_name(key.str()));
    } else if operator.str() != "Exists" {
        let detail =
            "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        causes.invalid_value(operator, named(operator.str()), detail);
    }
    if at.has("tolerationSeconds") && effect.str() != "NoExecute" {
        causes.invalid_value(
            effect,
            effect.str(),
            "effect must be 'NoExecute' when `tolerationSeconds` is set",
        );
    }
    match operator.str() {
        "" | "Equal" => {
            let faults = names::label_value(text.str());
            if !faults.is_empty() {
                causes.invalid_value(operator, text.str(), &faults.join(";"));
            }
        }
        "Exists" => {
            if !text.is_empty() {
                causes.invalid_value(operator, text.str(), "value must be empty when `operator` is 'Exists'");
            }
        }
        other @ ("Lt" | "Gt") => {
            causes.not_supported(operator, named(other), &["Equal", "Exists", "Lt", "Gt"])
        }
        other => causes.not_supported(operator, named(other), &["Equal", "Exists"]),
    }
    const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
    if !effect.is_empty() && !EFFECTS.contains(&effect.str()) {
        causes.not_supported(effect, named(effect.str()), &EFFECTS);
    }
}

pub(super) fn runtime_warnings(object: At<'_>, warnings: &mut Vec<String>) {
    let selector = object.fields("scheduling.nodeSelector");
    for message in selector.entries().filter_map(|(key, _)| selectors::deprecated_node_label(key)) {
        warnings.push(format!("{selector}: {message}"));
    }
}
