//! What a claim asks for: requests, constraints between them, configuration.

use std::collections::{BTreeMap, BTreeSet};

use super::{MOST, configuration, each, selector};
use crate::field::{At, Causes};
use crate::names;
use crate::validate::rules::{required_enum, typed};
use crate::validate::storage::csi;
use document::few::GatherFew as _;

/// `FirstAvailableDeviceRequestMaxSize`
const MOST_ALTERNATIVES: usize = 8;
/// `DeviceMaxIDLength`
const LONGEST_ID: usize = 32;
const REFERENCE: &str =
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/// The names of requests, each with those of its alternatives.
type Names<'d> = BTreeMap<&'d str, BTreeSet<&'d str>>;

/// `validateDeviceClaim`
pub(super) fn spec(spec: At<'_>, causes: &mut Causes) {
    let devices = spec.field("devices");
    let requests = devices.field("requests");
    let names: Names<'_> = requests
        .items()
        .map(|request| {
            let alternatives = request.items_at("firstAvailable");
            (request.str_at("name"), alternatives.map(|one| one.str_at("name")).collect())
        })
        .gather();
    set(requests, MOST, named, causes, request);
    each(devices.field("constraints"), MOST, causes, |at, causes| constraint(at, &names, causes));
    each(devices.field("config"), MOST, causes, |at, causes| {
        set(at.field("requests"), MOST, At::str, causes, |name, causes| reference(name, &names, causes));
        configuration(at, causes);
    });
}

fn named(at: At<'_>) -> &str {
    at.str_at("name")
}

/// `validateSet`: those that are there already are told after all else.
fn set<'d>(
    list: At<'d>,
    most: usize,
    key: fn(At<'d>) -> &'d str,
    causes: &mut Causes,
    check: impl FnMut(At<'d>, &mut Causes),
) {
    let too_many = list.len() > most;
    each(list, most, causes, check);
    let mut seen = BTreeSet::new();
    for item in list.items().filter(|_| !too_many) {
        if !seen.insert(key(item)) {
            causes.duplicate(item, key(item));
        }
    }
}

/// `validateDeviceRequest`
fn request(at: At<'_>, causes: &mut Causes) {
    let name = at.field("name");
    causes.invalid_each(name, name.str(), names::dns1123_label(name.str()));
    let (exactly, first) = (at.field("exactly"), at.field("firstAvailable"));
    match (exactly.is_set(), !first.is_empty()) {
        (false, false) => causes.required(at, "exactly one of `exactly` or `firstAvailable` is required"),
        (true, true) => causes.invalid_value(
            at,
            crate::field::Value::Json("null".to_owned()),
            "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set",
        ),
        (true, false) => device(exactly, causes),
        (false, true) => set(first, MOST_ALTERNATIVES, named, causes, |at, causes| {
            let name = at.field("name");
            causes.invalid_each(name, name.str(), names::dns1123_label(name.str()));
            device(at, causes);
        }),
    }
}

/// `validateExactDeviceRequest`
fn device(at: At<'_>, causes: &mut Causes) {
    let class = at.field("deviceClassName");
    if class.is_empty() {
        causes.required(class, "");
    } else {
        causes.invalid_each(class, class.str(), names::dns1123_subdomain(class.str()));
    }
    selector::all(at.field("selectors"), causes);
    let (mode, count) = (at.field("allocationMode"), at.field("count"));
    match mode.str() {
        "All" if count.int() != 0 => {
            causes.invalid_value(count, count.int(), "must not be specified when allocationMode is 'All'");
        }
        "All" => {}
        "ExactCount" if count.int() <= 0 => {
            causes.invalid_value(count, count.int(), "must be greater than zero");
        }
        "ExactCount" => {}
        _ => causes.not_supported(mode, typed(mode), &["All", "ExactCount"]),
    }
    at.items_at("tolerations").for_each(|toleration| tolerates(toleration, causes));
}

/// `validateDeviceToleration`
fn tolerates(at: At<'_>, causes: &mut Causes) {
    let [key, operator, value, effect] = ["key", "operator", "value", "effect"].map(|name| at.field(name));
    if !key.is_empty() {
        causes.invalid_each(key, key.str(), names::qualified_name(key.str()));
    }
    match operator.str() {
        "Exists" if !value.is_empty() => causes.invalid(value, "must be empty for operator `Exists`"),
        "Exists" => {}
        "Equal" => causes.invalid_each(value, value.str(), names::label_value(value.str())),
        _ => required_enum(operator, &["Equal", "Exists"], causes),
    }
    const EFFECTS: [&str; 3] = ["NoExecute", "NoSchedule", "None"];
    if !effect.is_empty() && !EFFECTS.contains(&effect.str()) {
        causes.not_supported(effect, typed(effect), &EFFECTS);
    }
}

/// `validateDeviceConstraint`
fn constraint(at: At<'_>, names: &Names<'_>, causes: &mut Causes) {
    set(at.field("requests"), MOST, At::str, causes, |name, causes| reference(name, names, causes));
    let (same, distinct) = (at.field("matchAttribute"), at.field("distinctAttribute"));
    if same.is_set() {
        attribute(same, causes);
    } else if distinct.is_set() {
        attribute(distinct, causes);
    } else {
        let detail = r#"exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set"#;
        causes.required(at, detail);
    }
}

/// `validateRequestNameRef`
fn reference(at: At<'_>, names: &Names<'_>, causes: &mut Causes) {
    let text = at.str();
    if text.matches('/').count() > 1 {
        return causes.invalid(at, REFERENCE);
    }
    for part in text.split('/') {
        causes.invalid_each(at, part, names::dns1123_label(part));
    }
    let known = match text.split_once('/') {
        None => names.contains_key(text),
        Some((request, part)) => names.get(request).is_some_and(|parts| parts.contains(part)),
    };
    if !known {
        causes.invalid(at, REFERENCE);
    }
}

/// `validateFullyQualifiedName`; more than one slash is let through, as there.
fn attribute(at: At<'_>, causes: &mut Causes) {
    let parts: Vec<&str> = at.str().split('/').collect();
    match parts.as_slice() {
        [name] => identifier(at, name, causes),
        [domain, name] => {
            if domain.is_empty() {
                causes.invalid_value(at, "", "the domain must not be empty");
            } else {
                csi::driver_name_of(at, domain, causes);
            }
            if name.is_empty() {
                causes.invalid_value(at, "", "the name must not be empty");
            } else {
                identifier(at, name, causes);
            }
        }
        _ => {}
    }
    if parts.len() == 1 {
        causes.invalid(at, "a fully qualified name must be a domain and a name separated by a slash");
    }
}

fn identifier(at: At<'_>, name: &str, causes: &mut Causes) {
    if name.len() > LONGEST_ID {
        causes.too_long(at, LONGEST_ID);
    }
    causes.invalid_each(at, name, names::c_identifier(name));
}
