//! What of a Service may not change.

use super::facts::Facts;
use super::families::show;
use super::traffic::load_balancer_class;
use crate::field::{At, Causes, Value, go_json_string};

const ONCE_SET: &str = "may not change once set";

/// What `ValidateServiceUpdate` says beyond the rules of a new one.
pub(super) fn update(facts: &Facts<'_>, before: &Facts<'_>, spec: At<'_>, causes: &mut Causes) {
    if facts.needs_address() && before.needs_address() {
        addresses(facts, before, spec, causes);
        families(facts, before, spec, causes);
    }
    let balanced = facts.kind == "LoadBalancer" && before.kind == "LoadBalancer";
    if balanced && facts.class != before.class {
        causes.invalid_value(spec.field("loadBalancerClass"), show_text(facts.class), ONCE_SET);
    }
    // the format of the class is checked once more with the rest
    load_balancer_class(facts, spec, causes);
    if before.needs_health_check() && facts.needs_health_check() && before.health_port != facts.health_port {
        causes.forbidden(spec.field("healthCheckNodePort"), "field is immutable");
    }
}

/// As Go prints a pointer to a string.
fn show_text(text: Option<&str>) -> Value<'static> {
    Value::Json(text.map_or_else(|| "null".to_owned(), go_json_string))
}

/// `validateUpgradeDowngradeClusterIPs`.
fn addresses(facts: &Facts<'_>, before: &Facts<'_>, spec: At<'_>, causes: &mut Causes) {
    if facts.is_headless() && before.is_headless() {
        return;
    }
    let at = spec.field("clusterIPs");
    let shown = || show(&facts.addresses);
    let (new, old) = (&facts.addresses, &before.addresses);
    if new.len() == old.len() {
        for (position, _) in new.iter().zip(old).enumerate().filter(|(_, (new, old))| new != old) {
            causes.invalid_value(at.index(position), shown(), ONCE_SET);
        }
        return;
    }
    if new.is_empty() {
        causes.invalid_value(at.index(0), shown(), "primary clusterIP can not be unset");
    }
    if let (Some(new), Some(old)) = (new.first(), old.first())
        && new != old
    {
        causes.invalid_value(at.index(0), shown(), ONCE_SET);
    }
    if old.len() > new.len() && new.len() == 1 {
        single_stack(facts, spec, "clusterIP", causes);
    }
}

fn single_stack(facts: &Facts<'_>, spec: At<'_>, released: &str, causes: &mut Causes) {
    if facts.policy != Some("SingleStack") {
        let detail = format!("must be set to 'SingleStack' when releasing the secondary {released}");
        causes.invalid_value(spec.field("ipFamilyPolicy"), show_text(facts.policy), &detail);
    }
}

/// `validateUpgradeDowngradeIPFamilies`; where the first family changes with the number, upstream prints the
/// addresses.
fn families(facts: &Facts<'_>, before: &Facts<'_>, spec: At<'_>, causes: &mut Causes) {
    if facts.is_headless() || before.is_headless() {
        return;
    }
    let list = spec.field("ipFamilies");
    let at = list.index(0);
    let (new, old) = (&facts.families, &before.families);
    if new.len() == old.len() {
        for _ in new.iter().zip(old).filter(|(new, old)| new != old) {
            causes.invalid_value(at, show(new), ONCE_SET);
        }
        return;
    }
    if old.len() > new.len() && facts.addresses.is_empty() {
        causes.invalid_value(at, show(new), "primary ipFamily can not be unset");
    }
    if let (Some(first), Some(was)) = (new.first(), old.first())
        && first != was
    {
        causes.invalid_value(at, show(&facts.addresses), ONCE_SET);
    }
    if old.len() > new.len() && new.len() == 1 {
        single_stack(facts, spec, "ipFamily", causes);
    }
}
