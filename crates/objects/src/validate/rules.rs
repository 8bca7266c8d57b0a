//! Rules that several kinds have in common.

use super::Submitted;
use crate::field::{At, Causes, Value, go_json_string};
use crate::go_value::Shape;
use crate::meta::{self, NameRule, SelectorOptions};
use crate::names;

/// The transport protocols, sorted as messages list them.
pub(super) const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

/// `ValidateObjectMeta` on create, `ValidateObjectMetaUpdate` on update.
pub(super) fn metadata(subject: &Submitted<'_>, name: NameRule, causes: &mut Causes) {
    let metadata = subject.at.field("metadata");
    match subject.old {
        Some(old) => meta::core_object_meta_update(metadata, old.field("metadata"), causes),
        None => meta::core_object_meta(metadata, name, causes),
    }
}

/// `ValidateNonnegativeField` of several members.
pub(super) fn not_negative_members(at: At<'_>, names: &[&'static str], causes: &mut Causes) {
    for name in names {
        meta::not_negative(at.field(name), causes);
    }
}

/// `ValidateImmutableField`, printed as `shape` says.
pub(super) fn immutable(at: At<'_>, old: At<'_>, shape: &Shape, causes: &mut Causes) {
    if !at.same(old) {
        causes.invalid_value(at, shape.value(at), meta::IMMUTABLE);
    }
}

/// `ValidateLabelSelector`; `lax` where the stored object has values that are not allowed.
pub(super) fn label_selector(at: At<'_>, lax: bool, causes: &mut Causes) {
    let options = SelectorOptions { any_value: lax, ..SelectorOptions::default() };
    meta::label_selector(at, options, causes);
}

/// Whether a selector is there and selects everything.
pub(super) fn selects_all(selector: At<'_>) -> bool {
    let empty = |part| selector.is_empty_at(part);
    selector.is_set() && empty("matchLabels") && empty("matchExpressions")
}

/// `IsValidPortNum`.
pub(super) fn port_number(at: At<'_>, causes: &mut Causes) {
    for fault in names::port_number(at.int()) {
        causes.invalid_value(at, at.int(), &fault);
    }
}

/// `IsValidPortName`.
pub(super) fn port_name(at: At<'_>, causes: &mut Causes) {
    causes.invalid_each(at, at.str(), names::port_name(at.str()));
}

/// `ValidatePortNumOrName`; absent is the number 0.
pub(super) fn port_number_or_name(at: At<'_>, causes: &mut Causes) {
    if at.opt_str().is_some() { port_name(at, causes) } else { port_number(at, causes) }
}

/// A transport protocol that has to be there.
pub(super) fn protocol(at: At<'_>, causes: &mut Causes) {
    required_enum(at, &PROTOCOLS, causes);
}

/// One of some values, and not none.
pub(super) fn required_enum(at: At<'_>, values: &[&str], causes: &mut Causes) {
    if at.str().is_empty() {
        causes.required(at, "");
    } else if !values.contains(&at.str()) {
        causes.not_supported(at, typed(at), values);
    }
}

/// One of some values, or nothing at all; an empty string is something.
pub(super) fn optional_enum(at: At<'_>, values: &[&str], causes: &mut Causes) {
    if at.is_set() && !values.contains(&at.str()) {
        causes.not_supported(at, typed(at), values);
    }
}

/// A name that has to be there and to fit into a path of the API.
pub(super) fn required_path_segment(at: At<'_>, causes: &mut Causes) {
    if at.str().is_empty() {
        causes.required(at, "");
    } else {
        causes.invalid_each(at, at.str(), names::path_segment(at.str()));
    }
}

/// `IsDomainPrefixedPath`: `acme.io/foo`.
pub(super) fn domain_prefixed_path(at: At<'_>, causes: &mut Causes) {
    if at.str().is_empty() {
        return causes.required(at, "");
    }
    match at.str().split_once('/') {
        Some((host, path)) if !host.is_empty() && !path.is_empty() => {
            causes.invalid_each(at, host, names::dns1123_subdomain(host));
            let allowed = |c: char| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:".contains(c);
            if !path.chars().all(allowed) {
                let fault = names::regex_fault("Invalid path", r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+", &[]);
                causes.invalid_value(at, path, &fault);
            }
        }
        _ => causes.invalid(at, "must be a domain-prefixed path (such as \"acme.io/foo\")"),
    }
}

/// The string there as a message shows one of a Go type of its own, or a pointer to one: as JSON, and not quoted
/// as plain strings are.
pub(super) fn typed(at: At<'_>) -> Value<'static> {
    match at.opt_str() {
        Some(text) => Value::Json(go_json_string(text)),
        None if at.is_set() => Value::Int(at.int()),
        None => Value::Json("\"\"".to_owned()),
    }
}
