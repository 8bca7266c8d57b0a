//! NetworkPolicies, and the address kinds of `networking.k8s.io`: pkg/apis/networking/validation/validation.go.

mod address;

use std::net::IpAddr;

use super::rules::{label_selector, metadata, port_name, port_number, typed};
use super::{Rules, Submitted};
use crate::field::{At, Causes};
use crate::meta::name_is_subdomain;
use crate::names::{self, Cidr, cidr_warnings, parse_cidr_sloppy};

/// The kinds of this file.
pub const RULES: &[Rules] = &[
    Rules {
        group: "networking.k8s.io",
        kind: "NetworkPolicy",
        namespaced: true,
        check: network_policy,
        warn: Some(warn),
    },
    address::IP_ADDRESS,
    address::SERVICE_CIDR,
];

/// The direction of rules, and where their peers stand.
const DIRECTIONS: [(&str, &str); 2] = [("ingress", "from"), ("egress", "to")];
/// In the order of the message, which is not sorted.
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// What is let pass because the stored object has it already.
#[derive(Debug, Default)]
struct Known<'d> {
    lax_selectors: bool,
    cidrs: Vec<&'d str>,
}

/// `ValidateNetworkPolicy`, `ValidateNetworkPolicyUpdate`.
fn network_policy(subject: &Submitted<'_>, causes: &mut Causes) {
    metadata(subject, name_is_subdomain, causes);
    let known = subject.old.map(|old| known(old.field("spec"))).unwrap_or_default();
    let spec = subject.at.field("spec");
    label_selector(spec.field("podSelector"), known.lax_selectors, causes);
    for (direction, peers) in DIRECTIONS {
        for rule in spec.items_at(direction) {
            for port in rule.items_at("ports") {
                check_port(port, causes);
            }
            for peer in rule.items_at(peers) {
                check_peer(peer, &known, causes);
            }
        }
    }
    let types = spec.field("policyTypes");
    if types.len() > 2 {
        return causes.invalid(types, "may not specify more than two policyTypes");
    }
    for kind in types.items() {
        if !matches!(kind.str(), "Ingress" | "Egress") {
            causes.not_supported(kind, typed(kind), &["Ingress", "Egress"]);
        }
    }
}

/// Any CIDR that stood somewhere in the old policy may stand anywhere in the new one.
fn known(old: At<'_>) -> Known<'_> {
    let mut faults = Causes::new();
    label_selector(old.field("podSelector"), false, &mut faults);
    let blocks = DIRECTIONS
        .into_iter()
        .flat_map(|(direction, peers)| old.items_at(direction).map(move |rule| rule.field(peers)))
        .flat_map(|peers| peers.items().map(|peer| peer.field("ipBlock")))
        .filter(|block| block.is_set());
    let cidrs =
        blocks.flat_map(|block| std::iter::once(block.str_at("cidr")).chain(block.field("except").strings()));
    Known { lax_selectors: !faults.is_empty(), cidrs: cidrs.collect() }
}

/// `ValidateNetworkPolicyPort`; where the end lies before the port, upstream prints the port.
fn check_port(at: At<'_>, causes: &mut Causes) {
    let protocol = at.field("protocol");
    if protocol.is_set() && !PROTOCOLS.contains(&protocol.str()) {
        causes.not_supported(protocol, typed(protocol), &PROTOCOLS);
    }
    let port = at.field("port");
    let end = at.field("endPort");
    match (port.opt_int(), port.opt_str()) {
        (Some(number), _) => {
            port_number(port, causes);
            if end.is_set() {
                if end.int() < number {
                    causes.invalid_value(end, number, "must be greater than or equal to `port`");
                }
                port_number(end, causes);
            }
        }
        (None, Some(_)) => {
            if end.is_set() {
                causes.invalid(end, "may not be specified when `port` is non-numeric");
            }
            port_name(port, causes);
        }
        (None, None) => {
            if end.is_set() {
                causes.invalid(end, "may not be specified when `port` is not specified");
            }
        }
    }
}

/// `ValidateNetworkPolicyPeer`.
fn check_peer(peer: At<'_>, known: &Known<'_>, causes: &mut Causes) {
    let selectors = ["podSelector", "namespaceSelector"].map(|name| peer.field(name));
    for selector in selectors {
        label_selector(selector, known.lax_selectors, causes);
    }
    let block = peer.field("ipBlock");
    if block.is_set() {
        ip_block(block, known, causes);
    }
    match (block.is_set(), selectors.iter().any(|selector| selector.is_set())) {
        (false, false) => causes.required(peer, "must specify a peer"),
        (true, true) => causes.forbidden(peer, "may not specify both ipBlock and another peer"),
        _ => {}
    }
}

/// `ValidateIPBlock`.
fn ip_block(block: At<'_>, known: &Known<'_>, causes: &mut Causes) {
    let cidr = block.field("cidr");
    if cidr.str().is_empty() {
        return causes.required(cidr, "");
    }
    causes.invalid_each(cidr, cidr.str(), names::cidr_legacy(cidr.str(), &known.cidrs));
    let Some(network) = parse_cidr_sloppy(cidr.str()) else { return };
    for except in block.items_at("except") {
        causes.invalid_each(except, except.str(), names::cidr_legacy(except.str(), &known.cidrs));
        if parse_cidr_sloppy(except.str()).is_some_and(|except| !is_strict_subset(except, network)) {
            causes.invalid_value(except, except.str(), "must be a strict subset of `cidr`");
        }
    }
}

/// Prefix lengths are compared as they are written, also where one family is written as the other.
fn is_strict_subset(part: Cidr, whole: Cidr) -> bool {
    let within = match (part.network(), whole.network()) {
        (IpAddr::V4(part), IpAddr::V4(network)) => {
            let bits = if whole.bits > 32 { whole.bits.saturating_sub(96) } else { whole.bits };
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            u32::from(part) & mask == u32::from(network)
        }
        (IpAddr::V6(part), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128 - whole.bits).unwrap_or(0);
            u128::from(part) & mask == u128::from(network)
        }
        _ => false,
    };
    within && whole.bits < part.bits
}

/// `networkPolicyWarnings` of pkg/registry/networking/networkpolicy/strategy.go.
fn warn(subject: &Submitted<'_>, warnings: &mut Vec<String>) {
    let spec = subject.at.field("spec");
    for (direction, peers) in DIRECTIONS {
        for rule in spec.items_at(direction) {
            for block in rule.items_at(peers).map(|peer| peer.field("ipBlock")) {
                warnings.extend(cidr_warnings(block.field("cidr"), block.str_at("cidr")));
                for except in block.items_at("except") {
                    warnings.extend(cidr_warnings(except, except.str()));
                }
            }
        }
    }
}
