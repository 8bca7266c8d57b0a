//! `spec.names`.

use document::NodeRef;

use super::report::{Report, member, strings};
use crate::custom::place::FieldPath;
use crate::names::dns1035_label;

const MIXED: &str = "may have mixed case, but should otherwise match: ";

pub(super) fn required(spec: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    let (names, place) = (member(spec, "names"), place.field("names"));
    for name in ["plural", "singular", "kind", "listKind"] {
        if spec.get("names").and_then(|names| names.get_str(name)).is_none_or(str::is_empty) {
            report.required(&place.field(name), names, "");
        }
    }
}

pub(super) fn check(names: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    let text = |name: &str| names.get_str(name).unwrap_or_default();
    for (name, mixed) in [("plural", false), ("singular", false), ("kind", true), ("listKind", true)] {
        let value = text(name);
        let faults = if mixed { dns1035_label(&value.to_lowercase()) } else { dns1035_label(value) };
        if !value.is_empty() && !faults.is_empty() {
            let detail = format!("{}{}", if mixed { MIXED } else { "" }, faults.join(","));
            report.invalid_text(&place.field(name), member(names, name), value, &detail);
        }
    }
    list(names, "shortNames", place, report);
    if !text("kind").is_empty() && text("kind") == text("listKind") {
        let node = member(names, "listKind");
        report.invalid_text(
            &place.field("listKind"),
            node,
            text("listKind"),
            "kind and listKind may not be the same",
        );
    }
    list(names, "categories", place, report);
}

fn list(names: NodeRef<'_>, name: &str, place: &FieldPath<'_>, report: &mut Report) {
    for (index, (node, value)) in strings(names, name).enumerate() {
        let faults = dns1035_label(value);
        if !faults.is_empty() {
            report.invalid_text(&place.field(name).index(index), node, value, &faults.join(","));
        }
    }
}
