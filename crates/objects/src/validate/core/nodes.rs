//! Node and Binding (pkg/apis/core/validation).

use std::collections::BTreeSet;

use super::resource_names as resources;
use crate::field::{At, Causes};
use crate::go_value::{Field, Shape, named, value};
use crate::{meta, names};

pub(super) fn node(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    meta::core_object_meta(object.field("metadata"), meta::name_is_subdomain, causes);
    // on UPDATE the stored status is put back before
    let status = old.unwrap_or(object).field("status");
    let (spec, metadata) = (object.field("spec"), object.field("metadata"));
    // the path of the rules is wrong: taints stand in the spec
    let spec_taints = spec.field("taints");
    taints(metadata.said("taints").reading(spec_taints), spec_taints, causes);
    for field in ["capacity", "allocatable"] {
        let list = status.field(field);
        for (name, at) in list.entries() {
            resources::amount(list.said(name).reading(at), name, causes);
        }
    }
    let swap = status.fields("nodeInfo.swap.capacity");
    if swap.opt_int().is_some_and(|bytes| bytes <= 0) {
        causes.invalid(
            metadata.said("nodeSwapStatus").said("capacity").reading(swap),
            "must be greater than zero",
        );
    }
    declared_features(status.field("declaredFeatures"), causes);
    networks(spec.field("podCIDRs"), causes);
    if let Some(old) = old {
        changes(object, old, causes);
    }
}

const TAINT: &[Field] = &[
    Field("Key", "key", Shape::Text),
    Field("Value", "value", Shape::Text),
    Field("Effect", "effect", Shape::Text),
    Field("TimeAdded", "timeAdded", Shape::Plain),
];

/// `path` is how the list is called, `list` where it is.
fn taints(path: At<'_>, list: At<'_>, causes: &mut Causes) {
    let mut seen = BTreeSet::new();
    for (index, taint) in list.items().enumerate() {
        let at = path.index(index).reading(taint);
        let field = |name| at.said(name).reading(taint.field(name));
        let (key, text, effect) = (field("key"), field("value"), field("effect"));
        causes.invalid_each(key, key.str(), names::qualified_name(key.str()));
        let faults = names::label_value(text.str());
        if !faults.is_empty() {
            causes.invalid_value(text, text.str(), &faults.join(";"));
        }
        const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        if effect.str().is_empty() {
            causes.required(effect, "");
        } else if !EFFECTS.contains(&effect.str()) {
            causes.not_supported(effect, named(effect.str()), &EFFECTS);
        }
        if !seen.insert((key.str(), effect.str())) {
            let shown = value(taint, &Shape::Struct(TAINT)).shown();
            let detail = "taints must be unique by key and effect pair";
            causes.add(at, crate::field::Reason::Duplicate, Some(shown), detail);
        }
    }
}

fn declared_features(at: At<'_>, causes: &mut Causes) {
    let mut before: Option<&str> = None;
    for feature in at.items() {
        let text = feature.str();
        if let Some(fault) = feature_fault(text) {
            causes.invalid(feature, &fault);
        }
        match before {
            Some(before) if before == text => causes.duplicate(feature, text),
            Some(before) if before > text => causes.invalid(feature, "list must be sorted alphabetically"),
            _ => {}
        }
        before = Some(text);
    }
}

fn feature_fault(name: &str) -> Option<String> {
    let shown = crate::field::go_quote(name);
    if name.len() > 253 {
        return Some(format!("invalid feature name {shown}: must be no more than 253 characters"));
    }
    let mut parts = name.split('/');
    let alphanumeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let begins = |part: &str, rule: fn(&u8) -> bool| part.as_bytes().first().is_some_and(rule);
    let first = parts.next().is_some_and(|part| begins(part, u8::is_ascii_uppercase) && alphanumeric(part));
    let rest = parts.all(|part| begins(part, u8::is_ascii_alphabetic) && alphanumeric(part));
    (!first || !rest).then(|| {
        format!(
            "invalid feature name {shown}: must start with an UpperCamelCase segment, with subsequent segments \
             separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric \
             characters and slashes"
        )
    })
}

fn networks(at: At<'_>, causes: &mut Causes) {
    for network in at.items() {
        names::cidr_legacy(network.str(), &[]).into_iter().for_each(|fault| causes.invalid(network, &fault));
    }
    if at.len() < 2 {
        return;
    }
    let wrong = at.strings().enumerate().find(|(_, text)| names::parse_cidr_sloppy(text).is_none());
    if let Some((index, text)) = wrong {
        let detail = format!(
            "invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR[{index}]: <nil> (invalid CIDR \
             address: {text})"
        );
        causes.internal(at, &detail);
    }
    let families: Option<Vec<bool>> = at
        .strings()
        .map(|text| names::parse_cidr_sloppy(text).map(|cidr| cidr.network().is_ipv6()))
        .collect();
    let dual = families.is_some_and(|families| families.contains(&true) && families.contains(&false));
    if !dual || at.len() > 2 {
        causes.invalid(at, "may specify no more than one CIDR for each IP family");
    }
}

fn changes(object: At<'_>, old: At<'_>, causes: &mut Causes) {
    let (spec, stored) = (object.field("spec"), old.field("spec"));
    meta::core_object_meta_update(object.field("metadata"), old.field("metadata"), causes);
    let addresses = old.fields("status.addresses");
    let mut seen = BTreeSet::new();
    for address in addresses.items() {
        if !seen.insert((address.str_at("type"), address.str_at("address"))) {
            let shown = value(
                address,
                &Shape::Struct(&[
                    Field("Type", "type", Shape::Text),
                    Field("Address", "address", Shape::Text),
                ]),
            );
            causes.duplicate(address, shown.shown());
        }
    }
    let (networks, before) = (spec.field("podCIDRs"), stored.field("podCIDRs"));
    let forbidden = "node updates may not change podCIDR except from \"\" to valid";
    if !before.is_empty() {
        if before.len() == networks.len() {
            for _ in before.strings().zip(networks.strings()).filter(|(before, now)| before != now) {
                causes.forbidden(networks, forbidden);
            }
        } else {
            causes.forbidden(networks, forbidden);
        }
    }
    let (provider, before) = (spec.field("providerID"), stored.field("providerID"));
    if !before.is_empty() && before.str() != provider.str() {
        causes.forbidden(provider, "node updates may not change providerID except from \"\" to valid");
    }
    let external = spec.field("externalID");
    if external.str() != stored.str_at("externalID") {
        causes.forbidden(external, "may not be updated");
    }
}

pub(super) fn node_warnings(object: At<'_>, warnings: &mut Vec<String>) {
    let spec = object.field("spec");
    if spec.has("configSource") {
        warnings.push("spec.configSource: the feature is removed".to_owned());
    }
    if !spec.is_empty_at("externalID") {
        warnings.push("spec.externalID: this field is deprecated, and is unused by Kubernetes".to_owned());
    }
    for network in spec.items_at("podCIDRs") {
        warnings.extend(names::cidr_warnings(network, network.str()));
    }
}

pub(super) fn binding(object: At<'_>, causes: &mut Causes) {
    let target = object.field("target");
    let (kind, name) = (target.field("kind"), target.field("name"));
    if !matches!(kind.str(), "" | "Node") {
        causes.not_supported(kind, kind.str(), &["Node", "<empty>"]);
    }
    if name.is_empty() {
        causes.required(name, "");
    }
}
