//! pkg/api/service/warnings.go.

use super::facts::Facts;
use super::{Submitted, TOPOLOGY_HINTS, TOPOLOGY_MODE};
use crate::names::{cidr_warnings, ip_warnings};

/// `GetWarningsForService`, on create and update alike.
pub(super) fn warn(subject: &Submitted<'_>, warnings: &mut Vec<String>) {
    let spec = subject.at.field("spec");
    if subject.at.fields("metadata.annotations").key(TOPOLOGY_HINTS).is_set() {
        warnings
            .push(format!("annotation {TOPOLOGY_HINTS} is deprecated, please use {TOPOLOGY_MODE} instead"));
    }
    let mut facts = Facts::read(spec);
    facts.fill_in(subject.old.map(|old| Facts::read(old.field("spec"))).as_ref());
    let kind = facts.kind;
    let external_ips = spec.field("externalIPs");
    let headless = kind == "ClusterIP" && facts.address == "None";
    if !matches!(facts.address, "" | "None") {
        for (position, address) in facts.addresses.iter().enumerate() {
            warnings.extend(ip_warnings(spec.field("clusterIPs").index(position), address));
        }
    }
    if headless {
        for (ignored, name) in [
            (!spec.is_empty_at("loadBalancerIP"), "loadBalancerIP"),
            (!external_ips.is_empty(), "externalIPs"),
            (spec.str_at("sessionAffinity") != "None", "SessionAffinity"),
        ] {
            if ignored {
                warnings.push(format!("spec.{name} is ignored for headless services"));
            }
        }
    }
    for at in external_ips.items() {
        warnings.extend(ip_warnings(at, at.str()));
    }
    if !external_ips.is_empty() && !headless && kind != "ExternalName" {
        warnings
            .push("spec.externalIPs is deprecated and may no longer be implemented in some clusters".into());
    }
    let balancer = spec.field("loadBalancerIP");
    warnings.extend(ip_warnings(balancer, balancer.str()));
    for at in spec.items_at("loadBalancerSourceRanges") {
        warnings.extend(cidr_warnings(at, at.str()));
    }
    if kind == "ExternalName" && !external_ips.is_empty() {
        warnings.push("spec.externalIPs is ignored when spec.type is \"ExternalName\"".into());
    }
    if kind != "ExternalName" && !spec.is_empty_at("externalName") {
        warnings.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".into());
    }
    if spec.str_at("trafficDistribution") == "PreferClose" {
        warnings
            .push("spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"".into());
    }
}
