//! Addresses and their families: `ValidateServiceClusterIPsRelatedFields`, which the allocation asks first and
//! the validation again.

use super::facts::Facts;
use crate::field::{At, Causes, Value, go_json_string};
use crate::names::{ip_legacy, parse_ip_sloppy};

/// As Go prints a list of strings, whose absence is `null`.
pub(super) fn show(list: &[&str]) -> Value<'static> {
    if list.is_empty() {
        return Value::Json("null".to_owned());
    }
    let items: Vec<String> = list.iter().map(|text| go_json_string(text)).collect();
    Value::Json(format!("[{}]", items.join(",")))
}

/// `familyOf`, of an address that was found valid.
pub(super) fn family_of(address: &str) -> &'static str {
    if parse_ip_sloppy(address).is_some_and(|ip| ip.is_ipv4()) { "IPv4" } else { "IPv6" }
}

pub(super) fn related_fields(
    facts: &Facts<'_>,
    before: Option<&Facts<'_>>,
    spec: At<'_>,
    causes: &mut Causes,
) {
    if !facts.needs_address() {
        return;
    }
    let at = spec.field("clusterIPs");
    let shown = || show(&facts.addresses);
    match (facts.address, facts.addresses.first()) {
        ("", None) => {}
        ("", Some(_)) => {
            causes.invalid_value(at, shown(), "must be empty when `clusterIP` is not specified");
        }
        (_, None) => causes.required(at, ""),
        (address, Some(first)) if address != *first => {
            causes.invalid_value(at, shown(), "first value must match `clusterIP`");
        }
        _ => {}
    }
    families_and_policy(facts, spec, causes);
    if !addresses_are_valid(facts, before, at, causes) {
        return;
    }
    if facts.addresses.len() > 1 {
        // only such as the old Service had cannot be read here
        let unread = facts.addresses.iter().position(|address| parse_ip_sloppy(address).is_none());
        if let Some(position) = unread {
            let address = facts.addresses[position];
            causes.internal(
                at,
                &format!("failed to check for dual stack with error:invalid IP[{position}]: {address}"),
            );
        }
        // of more than two, upstream asks whether both families are among them
        let of = |family: &str| facts.addresses.iter().any(|address| family_of(address) == family);
        if unread.is_some() || !(of("IPv4") && of("IPv6")) {
            causes.invalid_value(at, shown(), "may specify no more than one IP for each IP family");
        }
    }
    if !facts.is_headless() {
        for (position, (address, family)) in facts.addresses.iter().zip(&facts.families).enumerate() {
            let wanted = match *family {
                "IPv4" | "IPv6" if family_of(address) != *family => family,
                _ => continue,
            };
            let detail = format!("expected an {wanted} value as indicated by `ipFamilies[{position}]`");
            causes.invalid_value(at.index(position), *address, &detail);
        }
    }
}

fn families_and_policy(facts: &Facts<'_>, spec: At<'_>, causes: &mut Causes) {
    let list = spec.field("ipFamilies");
    for (position, family) in facts.families.iter().enumerate() {
        let at = list.index(position);
        if !matches!(*family, "IPv4" | "IPv6") {
            causes.not_supported(at, Value::Json(go_json_string(family)), &["IPv4", "IPv6"]);
        }
        if facts.families[..position].contains(family) {
            causes.duplicate(at, Value::Json(go_json_string(family)));
        }
    }
    let policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
    if let Some(policy) = facts.policy.filter(|policy| !policies.contains(policy)) {
        let shown = Value::Json(go_json_string(policy));
        causes.not_supported(spec.field("ipFamilyPolicy"), shown, &policies);
    }
}

/// Whether all addresses can be read; addresses that were there before need not be valid.
fn addresses_are_valid(
    facts: &Facts<'_>,
    before: Option<&Facts<'_>>,
    at: At<'_>,
    causes: &mut Causes,
) -> bool {
    let mut valid = true;
    let shown = || show(&facts.addresses);
    for (position, address) in facts.addresses.iter().enumerate() {
        if position == 0 && *address == "None" {
            if facts.addresses.len() > 1 {
                valid = false;
                causes.invalid_value(at, shown(), "'None' must be the first and only value");
            }
            continue;
        }
        let known = before.is_some_and(|before| before.addresses.contains(address));
        let faults = if known { Vec::new() } else { ip_legacy(address, &[]) };
        valid &= faults.is_empty();
        causes.invalid_each(at.index(position), address, faults);
    }
    if facts.addresses.len() > 2 {
        causes.invalid_value(at, shown(), "may only hold up to 2 values");
    }
    valid
}
