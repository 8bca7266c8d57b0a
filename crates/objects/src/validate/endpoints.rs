//! Endpoints (pkg/apis/core/validation/validation.go) and EndpointSlices (pkg/apis/discovery/validation).

use std::collections::HashSet;
use std::net::IpAddr;

use super::rules::{PROTOCOLS, immutable, metadata, port_number, protocol, required_enum, typed};
use super::{Rules, Submitted};
use crate::field::{At, Causes};
use crate::go_value::Shape;
use crate::meta::{self, name_is_subdomain};
use crate::names::{self, Faults, ip_warnings, parse_ip_sloppy};

pub(super) const ENDPOINTS: Rules =
    Rules { group: "", kind: "Endpoints", namespaced: true, check: endpoints, warn: Some(warn_of_endpoints) };
pub(super) const ENDPOINT_SLICE: Rules = Rules {
    group: "discovery.k8s.io",
    kind: "EndpointSlice",
    namespaced: true,
    check: endpoint_slice,
    warn: Some(warn_of_slice),
};

const MAX_PORTS: usize = 20_000;
const MAX_ENDPOINTS: usize = 1000;
const MAX_ADDRESSES: usize = 100;
const MAX_TOPOLOGY: usize = 16;
const MAX_HINTS: usize = 8;

/// `ValidateEndpointIP`, which external IPs of Services are held to as well.
pub(super) fn ip_faults(text: &str) -> Faults {
    let Some(ip) = parse_ip_sloppy(text) else { return vec!["must be a valid IP address".to_owned()] };
    let (local_unicast, local_multicast) = match ip {
        IpAddr::V4(v4) => (v4.is_link_local(), matches!(v4.octets(), [224, 0, 0, _])),
        IpAddr::V6(v6) => (v6.is_unicast_link_local(), v6.segments()[0] & 0xff0f == 0xff02),
    };
    let mut faults = Faults::new();
    if ip.is_unspecified() {
        faults.push(format!("may not be unspecified ({text})"));
    }
    if ip.is_loopback() {
        faults.push("may not be in the loopback range (127.0.0.0/8, ::1/128)".to_owned());
    }
    if local_unicast {
        faults.push("may not be in the link-local range (169.254.0.0/16, fe80::/10)".to_owned());
    }
    if local_multicast {
        faults.push("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)".to_owned());
    }
    faults
}

/// `ValidateEndpointsCreate`, `ValidateEndpointsUpdate`: what is invalid and was stored so may stay.
fn endpoints(subject: &Submitted<'_>, causes: &mut Causes) {
    metadata_twice(subject, causes);
    let subsets = subject.at.field("subsets");
    if subject.old.is_some_and(|old| old.field("subsets").same(subsets)) {
        return;
    }
    for subset in subsets.items() {
        let ready = subset.field("addresses");
        let not_ready = subset.field("notReadyAddresses");
        if ready.is_empty() && not_ready.is_empty() {
            causes.required(subset, "must specify `addresses` or `notReadyAddresses`");
        }
        for address in ready.items().chain(not_ready.items()) {
            endpoint_address(address, causes);
        }
        let ports = subset.field("ports");
        for port in ports.items() {
            endpoint_port(port, ports.len() > 1, causes);
        }
    }
}

/// On update the metadata is checked as if new as well.
fn metadata_twice(subject: &Submitted<'_>, causes: &mut Causes) {
    metadata(subject, name_is_subdomain, causes);
    if subject.old.is_some() {
        meta::core_object_meta(subject.at.field("metadata"), name_is_subdomain, causes);
    }
}

fn endpoint_address(address: At<'_>, causes: &mut Causes) {
    let ip = address.field("ip");
    causes.invalid_each(ip, ip.str(), names::ip_legacy(ip.str(), &[]));
    let host = address.field("hostname");
    if !host.is_empty() {
        causes.invalid_each(host, host.str(), names::dns1123_label(host.str()));
    }
    let node = address.field("nodeName");
    if node.is_set() {
        causes.invalid_each(node, node.str(), names::dns1123_subdomain(node.str()));
    }
    causes.invalid_each(ip, ip.str(), ip_faults(ip.str()));
}

fn endpoint_port(port: At<'_>, needs_name: bool, causes: &mut Causes) {
    let name = port.field("name");
    if !name.is_empty() {
        causes.invalid_each(name, name.str(), names::dns1123_label(name.str()));
    } else if needs_name {
        causes.required(name, "");
    }
    port_number(port.field("port"), causes);
    protocol(port.field("protocol"), causes);
    application_protocol(port, causes);
}

fn application_protocol(port: At<'_>, causes: &mut Causes) {
    let application = port.field("appProtocol");
    if application.is_set() {
        causes.invalid_each(application, application.str(), names::qualified_name(application.str()));
    }
}

/// `ValidateEndpointSliceCreate`, `ValidateEndpointSliceUpdate`.
fn endpoint_slice(subject: &Submitted<'_>, causes: &mut Causes) {
    meta::core_object_meta(subject.at.field("metadata"), name_is_subdomain, causes);
    let kind = subject.at.field("addressType");
    required_enum(kind, &["FQDN", "IPv4", "IPv6"], causes);
    slice_ports(subject.at.field("ports"), causes);
    let endpoints = subject.at.field("endpoints");
    if !subject.old.is_some_and(|old| old.field("endpoints").same(endpoints)) {
        slice_endpoints(endpoints, kind.str(), causes);
    }
    if let Some(old) = subject.old {
        immutable(kind, old.field("addressType"), &Shape::Text, causes);
    }
}

fn slice_ports(ports: At<'_>, causes: &mut Causes) {
    if ports.len() > MAX_PORTS {
        return causes.too_many(ports, ports.len(), MAX_PORTS);
    }
    let mut seen = HashSet::new();
    for port in ports.items() {
        let name = port.field("name");
        if !name.is_empty() {
            causes.invalid_each(name, name.str(), names::dns1123_label(name.str()));
        }
        if !seen.insert(name.str()) {
            causes.duplicate(name, name.str());
        }
        let transport = port.field("protocol");
        if !transport.is_set() {
            causes.required(transport, "");
        } else if !PROTOCOLS.contains(&transport.str()) {
            causes.not_supported(transport, typed(transport), &PROTOCOLS);
        }
        application_protocol(port, causes);
    }
}

fn slice_endpoints(endpoints: At<'_>, kind: &str, causes: &mut Causes) {
    if endpoints.len() > MAX_ENDPOINTS {
        return causes.too_many(endpoints, endpoints.len(), MAX_ENDPOINTS);
    }
    for endpoint in endpoints.items() {
        let addresses = endpoint.field("addresses");
        if addresses.is_empty() {
            causes.required(addresses, "must contain at least 1 address");
        } else if addresses.len() > MAX_ADDRESSES {
            causes.too_many(addresses, addresses.len(), MAX_ADDRESSES);
        }
        for address in addresses.items() {
            slice_address(addresses, address, kind, causes);
        }
        let node = endpoint.field("nodeName");
        if node.is_set() {
            causes.invalid_each(node, node.str(), names::dns1123_subdomain(node.str()));
        }
        // the topology of v1beta1; v1 drops what is written there
        let topology = endpoint.field("deprecatedTopology");
        if topology.len() > MAX_TOPOLOGY {
            causes.too_many(topology, topology.len(), MAX_TOPOLOGY);
        }
        let host = endpoint.field("hostname");
        if host.is_set() {
            causes.invalid_each(host, host.str(), names::dns1123_label(host.str()));
        }
        hints(endpoint.field("hints"), causes);
    }
}

/// Of a type that is not known, addresses are not checked. That the family is wrong is told of the whole list.
fn slice_address(list: At<'_>, address: At<'_>, kind: &str, causes: &mut Causes) {
    let text = address.str();
    let (faults, family) = match kind {
        "IPv4" => (names::ip_legacy(text, &[]), "IPv4"),
        "IPv6" => (names::ip(text), "IPv6"),
        "FQDN" => return fully_qualified(address, causes),
        _ => return,
    };
    if !faults.is_empty() {
        return causes.invalid_each(address, text, faults);
    }
    if parse_ip_sloppy(text).is_some_and(|ip| ip.is_ipv4() != (family == "IPv4")) {
        causes.invalid_value(list, text, &format!("must be an {family} address"));
    }
    causes.invalid_each(address, text, ip_faults(text));
}

/// `IsFullyQualifiedDomainName`
fn fully_qualified(at: At<'_>, causes: &mut Causes) {
    if at.str().is_empty() {
        return causes.required(at, "");
    }
    let name = at.str().strip_suffix('.').unwrap_or(at.str());
    let faults = names::dns1123_subdomain(name);
    if !faults.is_empty() {
        return causes.invalid_value(at, name, &faults.join(","));
    }
    if !name.contains('.') {
        let detail = "should be a domain with at least two segments separated by dots";
        return causes.invalid_value(at, name, detail);
    }
    // the first label that is wrong: each is shorter than a whole name may be
    let wrong =
        name.split('.').map(|label| (label, names::dns1123_label(label))).find(|(_, f)| !f.is_empty());
    if let Some((label, faults)) = wrong {
        causes.invalid_value(at, label, &faults.join(","));
    }
}

fn hints(hints: At<'_>, causes: &mut Causes) {
    for (list, rule) in
        [("forZones", names::label_value as fn(&str) -> Faults), ("forNodes", names::dns1123_subdomain)]
    {
        let list = hints.field(list);
        if list.len() > MAX_HINTS {
            return causes.too_many(list, list.len(), MAX_HINTS);
        }
        let mut seen = HashSet::new();
        for name in list.items().map(|item| item.field("name")) {
            if !seen.insert(name.str()) {
                causes.duplicate(name, name.str());
            }
            causes.invalid_each(name, name.str(), rule(name.str()));
        }
    }
}

/// `endpointsWarnings` of pkg/registry/core/endpoint/strategy.go.
fn warn_of_endpoints(subject: &Submitted<'_>, warnings: &mut Vec<String>) {
    let manager = subject.at.fields("metadata.labels").key("endpoints.kubernetes.io/managed-by");
    if manager.str() == "endpoint-controller" {
        return;
    }
    for subset in subject.at.items_at("subsets") {
        for list in ["addresses", "notReadyAddresses"] {
            for address in subset.items_at(list) {
                warnings.extend(ip_warnings(address.field("ip"), address.str_at("ip")));
            }
        }
    }
}

/// Warnings of pkg/registry/discovery/endpointslice/strategy.go.
fn warn_of_slice(subject: &Submitted<'_>, warnings: &mut Vec<String>) {
    if subject.old.is_none() && subject.at.str_at("addressType") == "FQDN" {
        warnings.push("spec.addressType: FQDN endpoints are deprecated".to_owned());
    }
    let manager = subject.at.fields("metadata.labels").key("endpointslice.kubernetes.io/managed-by").str();
    if matches!(manager, "endpointslice-controller.k8s.io" | "endpointslicemirroring-controller.k8s.io") {
        return;
    }
    for endpoint in subject.at.items_at("endpoints") {
        for address in endpoint.items_at("addresses") {
            warnings.extend(ip_warnings(address, address.str()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_nobodys() {
        for (text, faults) in [
            ("10.0.0.1", 0),
            ("0.0.0.0", 1),
            ("::", 1),
            ("127.0.0.1", 1),
            ("::1", 1),
            ("169.254.1.1", 1),
            ("fe80::1", 1),
            ("224.0.0.1", 1),
            ("224.0.1.1", 0),
            ("ff02::1", 1),
            ("ff05::1", 0),
            ("::ffff:127.0.0.1", 1),
            ("x", 1),
        ] {
            assert_eq!(ip_faults(text).len(), faults, "{text}");
        }
    }
}
