//! IPAddresses and ServiceCIDRs.

use super::super::rules::{immutable, metadata, required_path_segment};
use super::super::{Rules, Submitted};
use crate::field::{At, Causes, Value, go_json_string};
use crate::go_value::{Field, Shape};
use crate::meta::{self, IMMUTABLE, name_is_subdomain};
use crate::names::{self, Faults, parse_cidr_sloppy};

pub(super) const IP_ADDRESS: Rules =
    Rules { group: "networking.k8s.io", kind: "IPAddress", namespaced: false, check: ip_address, warn: None };
pub(super) const SERVICE_CIDR: Rules = Rules {
    group: "networking.k8s.io",
    kind: "ServiceCIDR",
    namespaced: false,
    check: service_cidr,
    warn: None,
};

const PARENT: Shape = Shape::Pointer(&[
    Field("Group", "group", Shape::Text),
    Field("Resource", "resource", Shape::Text),
    Field("Namespace", "namespace", Shape::Text),
    Field("Name", "name", Shape::Text),
]);

fn name_is_ip(name: &str, _prefix: bool) -> Faults {
    names::ip(name)
}

/// `ValidateIPAddress`, on update as well, and then `ValidateIPAddressUpdate`.
fn ip_address(subject: &Submitted<'_>, causes: &mut Causes) {
    meta::core_object_meta(subject.at.field("metadata"), name_is_ip, causes);
    let parent = subject.at.fields("spec.parentRef");
    if parent.is_set() {
        parent_reference(parent, causes);
    } else {
        causes.required(parent, "");
    }
    if let Some(old) = subject.old {
        metadata(subject, name_is_ip, causes);
        immutable(parent, old.fields("spec.parentRef"), &PARENT, causes);
    }
}

fn parent_reference(parent: At<'_>, causes: &mut Causes) {
    let group = parent.field("group");
    if !group.is_empty() {
        causes.invalid_each(group, group.str(), names::dns1123_subdomain(group.str()));
    }
    required_path_segment(parent.field("resource"), causes);
    required_path_segment(parent.field("name"), causes);
    let namespace = parent.field("namespace");
    if !namespace.is_empty() {
        causes.invalid_each(namespace, namespace.str(), names::path_segment(namespace.str()));
    }
}

/// `ValidateServiceCIDR`, `ValidateServiceCIDRUpdate`: one block per family, and a second may be added later.
fn service_cidr(subject: &Submitted<'_>, causes: &mut Causes) {
    metadata(subject, name_is_subdomain, causes);
    let cidrs = subject.at.fields("spec.cidrs");
    let Some(old) = subject.old.map(|old| old.fields("spec.cidrs")) else { return blocks(cidrs, causes) };
    let changed = |(new, old): (At<'_>, At<'_>)| (new.str() != old.str()).then(|| new.str().to_owned());
    if old.len() == cidrs.len() || (old.len(), cidrs.len()) == (1, 2) {
        for (position, text) in cidrs.items().zip(old.items()).map(changed).enumerate() {
            if let Some(text) = text {
                causes.invalid_value(cidrs.index(position), &text, IMMUTABLE);
            }
        }
        if old.len() != cidrs.len() {
            blocks(cidrs, causes);
        }
    } else {
        causes.invalid(cidrs, IMMUTABLE);
    }
}

/// `validateServiceCIDRSpec`.
fn blocks(cidrs: At<'_>, causes: &mut Causes) {
    let texts: Vec<&str> = cidrs.strings().collect();
    match texts[..] {
        [] => return causes.required(cidrs, "at least one CIDR required"),
        [_] | [_, _] => {}
        _ => {
            let items: Vec<String> = texts.iter().map(|text| go_json_string(text)).collect();
            let shown = Value::Json(format!("{{\"CIDRs\":[{}]}}", items.join(",")));
            return causes.invalid_value(cidrs, shown, "may only hold up to 2 values");
        }
    }
    for cidr in cidrs.items() {
        causes.invalid_each(cidr, cidr.str(), names::cidr(cidr.str()));
    }
    let family = |text: &&str| parse_cidr_sloppy(text).map(|cidr| cidr.network().is_ipv4());
    if let [first, second] = texts[..]
        && family(&first).is_some()
        && family(&first) == family(&second)
    {
        causes.invalid(
            cidrs,
            "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64",
        );
    }
}
