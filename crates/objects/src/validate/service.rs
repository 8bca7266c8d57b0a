//! Services: what core's validation (pkg/apis/core/validation/validation.go) and the allocation of addresses
//! and node ports before it (pkg/registry/core/service) say.
//!
//! ```text
//! facts ─ fill in from the old Service ─▶ allocate ─ refused ─▶ its causes alone
//!                                            └─▶ drop what a changed type no longer uses ─▶ validate
//! ```
//!
//! A cluster with both address families is assumed, IPv4 first. Which addresses and node ports are free or in
//! range only a cluster knows.

mod allocate;
mod facts;
mod families;
mod ports;
mod traffic;
mod update;
mod warnings;

use super::endpoints::ip_faults;
use super::rules::required_enum;
use super::{Rules, Submitted, endpoints};
use crate::field::{At, Causes};
use crate::meta::{labels, name_is_label};
use crate::names;
use facts::Facts;

/// The kinds of this file.
pub const RULES: &[Rules] = &[
    Rules { group: "", kind: "Service", namespaced: true, check: service, warn: Some(warnings::warn) },
    endpoints::ENDPOINTS,
    endpoints::ENDPOINT_SLICE,
];

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const TOPOLOGY_HINTS: &str = "service.kubernetes.io/topology-aware-hints";
const TOPOLOGY_MODE: &str = "service.kubernetes.io/topology-mode";
const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
/// A day.
const MAX_AFFINITY: i64 = 86_400;

/// `ValidateServiceCreate`, `ValidateServiceUpdate`.
fn service(subject: &Submitted<'_>, causes: &mut Causes) {
    let spec = subject.at.field("spec");
    let mut facts = Facts::read(spec);
    let before = subject.old.map(|old| Facts::read(old.field("spec")));
    facts.fill_in(before.as_ref());
    let mut refused = Causes::new();
    allocate::allocate(&mut facts, before.as_ref(), spec, &mut refused);
    if !refused.is_empty() {
        return causes.append(refused);
    }
    super::rules::metadata(subject, name_is_label, causes);
    if let Some(before) = &before {
        facts.drop_unused(before);
        update::update(&facts, before, spec, causes);
    }
    check(&facts, before.as_ref(), subject, causes);
}

/// `validateService`.
fn check(facts: &Facts<'_>, before: Option<&Facts<'_>>, subject: &Submitted<'_>, causes: &mut Causes) {
    let spec = subject.at.field("spec");
    topology(subject.at, causes);
    by_type(facts, spec, causes);
    ports::names_and_numbers(spec, causes);
    labels(spec.field("selector"), causes);
    affinity(spec, causes);
    families::related_fields(facts, before, spec, causes);
    external_ips(spec, subject.old, causes);
    required_enum(spec.field("type"), &TYPES, causes);
    ports::node_ports(facts, spec, causes);
    ports::duplicates(facts, spec, causes);
    source_ranges(facts, subject, causes);
    load_balancer(facts, subject.at, causes);
    traffic::external(facts, spec, causes);
    traffic::internal(facts, spec, causes);
    let distributions = ["PreferClose", "PreferSameZone", "PreferSameNode"];
    let distribution = spec.field("trafficDistribution");
    if distribution.is_set() && !distributions.contains(&distribution.str()) {
        causes.not_supported(distribution, distribution, &distributions);
    }
}

fn topology(object: At<'_>, causes: &mut Causes) {
    let annotations = object.fields("metadata.annotations");
    let mode = annotations.key(TOPOLOGY_MODE);
    let hints = annotations.key(TOPOLOGY_HINTS);
    if mode.is_set() && hints.is_set() && mode.str() != hints.str() {
        let detail = format!("must match annotations[{TOPOLOGY_HINTS}] when both are specified");
        causes.invalid(mode, &detail);
    }
}

fn by_type(facts: &Facts<'_>, spec: At<'_>, causes: &mut Causes) {
    let ports = spec.field("ports");
    if ports.is_empty() && !facts.is_headless() && facts.kind != "ExternalName" {
        causes.required(ports, "");
    }
    match facts.kind {
        "LoadBalancer" | "NodePort" if facts.is_headless() => {
            let detail = format!("may not be set to 'None' for {} services", facts.kind);
            causes.invalid_value(spec.field("clusterIPs").index(0), "None", &detail);
        }
        "ExternalName" => external_name(facts, spec, causes),
        _ => {}
    }
}

fn external_name(facts: &Facts<'_>, spec: At<'_>, causes: &mut Causes) {
    for (set, name) in [
        (!facts.addresses.is_empty(), "clusterIPs"),
        (!facts.families.is_empty(), "ipFamilies"),
        (facts.policy.is_some(), "ipFamilyPolicy"),
    ] {
        if set {
            causes.forbidden(spec.field(name), "may not be set for ExternalName services");
        }
    }
    let name = spec.field("externalName");
    let text = name.str().strip_suffix('.').unwrap_or(name.str());
    if text.is_empty() {
        causes.required(name, "");
    } else {
        causes.invalid_each(name, text, names::dns1123_subdomain(text));
    }
}

fn affinity(spec: At<'_>, causes: &mut Causes) {
    let at = spec.field("sessionAffinity");
    required_enum(at, &["ClientIP", "None"], causes);
    let config = spec.field("sessionAffinityConfig");
    if at.str() == "ClientIP" {
        let client = config.field("clientIP");
        let timeout = client.field("timeoutSeconds");
        if let Some(missing) = [config, client, timeout].into_iter().find(|part| !part.is_set()) {
            causes.required(missing, "when session affinity type is ClientIP");
        } else if !(1..=MAX_AFFINITY).contains(&timeout.int()) {
            causes.invalid(timeout, &format!("must be greater than 0 and less than {MAX_AFFINITY}"));
        }
    } else if at.str() == "None" && config.is_set() {
        causes.forbidden(config, "must not be set when session affinity is None");
    }
}

/// Addresses that were there before need not be valid, yet the kind of address is checked of all.
fn external_ips(spec: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    let known: Vec<&str> = old.into_iter().flat_map(|old| old.fields("spec.externalIPs").strings()).collect();
    for address in spec.items_at("externalIPs") {
        let mut faults = names::ip_legacy(address.str(), &known);
        if faults.is_empty() {
            faults = ip_faults(address.str());
        }
        causes.invalid_each(address, address.str(), faults);
    }
}

/// `spec.loadBalancerSourceRanges`, whose path upstream writes with a capital, or the older annotation.
fn source_ranges(facts: &Facts<'_>, subject: &Submitted<'_>, causes: &mut Causes) {
    let only = "may only be used when `type` is 'LoadBalancer'";
    let written = subject.at.fields("spec.loadBalancerSourceRanges");
    let ranges = subject.at.field("spec").said("LoadBalancerSourceRanges").reading(written);
    let annotation = subject.at.fields("metadata.annotations").key(SOURCE_RANGES);
    if !ranges.is_empty() {
        if facts.kind != "LoadBalancer" {
            causes.forbidden(ranges, only);
        }
        let old =
            subject.old.into_iter().flat_map(|old| old.fields("spec.loadBalancerSourceRanges").strings());
        let known: Vec<&str> = old.map(str::trim).collect();
        for range in ranges.items() {
            let text = range.str().trim();
            causes.invalid_each(range, text, names::cidr_legacy(text, &known));
        }
    } else if annotation.is_set() {
        if facts.kind != "LoadBalancer" {
            causes.forbidden(annotation, only);
        }
        let before = subject.old.map(|old| old.fields("metadata.annotations").key(SOURCE_RANGES));
        let text = annotation.str();
        if before.is_some_and(|before| before.opt_str() == Some(text)) || text.trim().is_empty() {
            return;
        }
        for range in text.trim().split(',').map(str::trim) {
            causes.invalid_each(annotation, range, names::cidr_legacy(range, &[]));
        }
    }
}

fn load_balancer(facts: &Facts<'_>, object: At<'_>, causes: &mut Causes) {
    let spec = object.field("spec");
    match (facts.kind, facts.allocates_node_ports) {
        ("LoadBalancer", None) => causes.required(object.field("allocateLoadBalancerNodePorts"), ""),
        ("LoadBalancer", Some(_)) | (_, None) => {}
        (_, Some(_)) => {
            let at = spec.field("allocateLoadBalancerNodePorts");
            causes.forbidden(at, "may only be used when `type` is 'LoadBalancer'");
        }
    }
    traffic::load_balancer_class(facts, spec, causes);
}
