//! `spec.versions`, and what the internal form has of them in `spec`.

use document::NodeRef;

use super::report::{Report, any_schema, flag, member};
use super::{columns, internal, schema};
use crate::custom::place::FieldPath;
use crate::field::{At, is_print};
use crate::names::dns1035_label;

/// What may move from the versions to `spec`.
const MOVED: [&str; 4] = ["subresources", "schema", "additionalPrinterColumns", "selectableFields"];

/// The versions with what of them is the same in all.
struct Versions<'d> {
    list: Vec<NodeRef<'d>>,
    moved: [bool; 4],
}

impl<'d> Versions<'d> {
    fn of(spec: NodeRef<'d>) -> Self {
        let list: Vec<NodeRef<'d>> = spec.get("versions").into_iter().flat_map(NodeRef::items).collect();
        let same = |name: &'static str| {
            let value = |version: &NodeRef<'d>| At::root(*version).field(name);
            list.first().is_some_and(|first| list.iter().all(|version| value(version).same(value(first))))
        };
        let moved = MOVED.map(same);
        Self { list, moved }
    }

    /// What the version itself has in the internal form.
    fn own(&self, version: NodeRef<'d>, name: &str) -> Option<NodeRef<'d>> {
        let moved = MOVED.iter().zip(self.moved).any(|(moved, is)| *moved == name && is);
        version.get_present(name).filter(|_| !moved)
    }

    /// What stands in `spec`.
    fn common(&self, name: &str) -> Option<NodeRef<'d>> {
        let moved = MOVED.iter().zip(self.moved).any(|(moved, is)| *moved == name && is);
        self.list.first().filter(|_| moved)?.get_present(name)
    }
}

fn root_schema(holder: Option<NodeRef<'_>>) -> Option<NodeRef<'_>> {
    holder?.get_present("openAPIV3Schema")
}

fn has_status(subresources: Option<NodeRef<'_>>) -> bool {
    subresources.is_some_and(|subresources| subresources.get_present("status").is_some())
}

/// Each version, and what must hold of them together.
pub(super) fn check(spec: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    let versions = Versions::of(spec);
    let node = member(spec, "versions");
    let place = place.field("versions");
    if root_schema(versions.common("schema")).is_none() {
        for (index, version) in versions.list.iter().enumerate() {
            if root_schema(versions.own(*version, "schema")).is_none() {
                let place = place.index(index);
                report.required(&place.field("schema").field("openAPIV3Schema"), *version, "");
            }
        }
    }
    let defaulted = |version: &NodeRef<'_>| {
        root_schema(version.get_present("schema"))
            .is_some_and(|schema| any_schema(schema, &mut |schema| schema.get_present("default").is_some()))
    };
    if flag(spec, "preserveUnknownFields") && versions.list.iter().any(defaulted) {
        let detail = "must be false in order to use defaults in the schema";
        let above = FieldPath::ROOT;
        let above = above.field("spec");
        report.invalid(
            &above.field("preserveUnknownFields"),
            member(spec, "preserveUnknownFields"),
            "true",
            detail,
        );
    }
    for (index, version) in versions.list.iter().enumerate() {
        of_version(&versions, *version, &place.index(index), report);
    }
    let shown = || {
        let list = versions
            .list
            .iter()
            .map(|version| internal::version(*version, |name| versions.own(*version, name)));
        format!("[{}]", list.collect::<Vec<_>>().join(","))
    };
    let mut names: Vec<&str> = versions.list.iter().filter_map(|version| version.get_str("name")).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        report.invalid(&place, node, &shown(), "must contain unique version names");
    }
    if versions.list.iter().filter(|version| flag(**version, "storage")).count() != 1 {
        report.invalid(&place, node, &shown(), "must have exactly one version marked as storage version");
    }
    if let Some(name) = versions.list.first().and_then(|version| version.get_str("name")) {
        let faults = if name.is_empty() { Vec::new() } else { dns1035_label(name) };
        if !faults.is_empty() {
            let above = FieldPath::ROOT;
            let above = above.field("spec");
            report.invalid_text(
                &above.field("version"),
                member(versions.list[0], "name"),
                name,
                &faults.join(","),
            );
        }
    }
}

fn of_version(versions: &Versions<'_>, version: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    let name = version.get_str("name").unwrap_or_default();
    let faults = dns1035_label(name);
    if !faults.is_empty() {
        report.invalid_text(&place.field("name"), member(version, "name"), name, &faults.join(","));
    }
    deprecation(version, &place.field("deprecationWarning"), report);
    let subresources = versions.own(version, "subresources");
    let per_version = versions.list.iter().any(|version| versions.own(*version, "subresources").is_some());
    let status = has_status(if per_version { subresources } else { versions.common("subresources") });
    if let Some(holder) = versions.own(version, "schema") {
        schema::check(holder, status, &place.field("schema"), report);
    }
    if let Some(subresources) = subresources {
        columns::subresources(subresources, &place.field("subresources"), report);
    }
    if let Some(list) = versions.own(version, "additionalPrinterColumns") {
        columns::columns(list, &place.field("additionalPrinterColumns"), report);
    }
    if let Some(fields) = versions.own(version, "selectableFields").filter(|fields| !fields.is_empty()) {
        let schema = root_schema(versions.own(version, "schema"));
        columns::selectable(fields, schema, &place.field("selectableFields"), report);
    }
}

/// What is the same in all versions.
pub(super) fn common(spec: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    let versions = Versions::of(spec);
    let any_status = has_status(versions.common("subresources"))
        || versions.list.iter().any(|version| has_status(versions.own(*version, "subresources")));
    if let Some(holder) = versions.common("schema") {
        schema::check(holder, any_status, &place.field("validation"), report);
    }
    if let Some(subresources) = versions.common("subresources") {
        columns::subresources(subresources, &place.field("subresources"), report);
    }
    if let Some(list) = versions.common("additionalPrinterColumns") {
        columns::columns(list, &place.field("additionalPrinterColumns"), report);
    }
    if let Some(fields) = versions.common("selectableFields").filter(|fields| !fields.is_empty()) {
        let place = place.field("selectableFields");
        match versions.common("schema") {
            None => {
                report.invalid_text(&place, fields, "", "may only be set when validations.schema is included")
            }
            holder => columns::selectable(fields, root_schema(holder), &place, report),
        }
    }
}

fn deprecation(version: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    let Some(node) = version.get_present("deprecationWarning") else { return };
    let text = node.as_str().unwrap_or_default();
    let mut fault = |detail: &str| report.invalid_text(place, node, text, detail);
    if !flag(version, "deprecated") {
        return fault("can only be set for deprecated versions");
    }
    if text.len() > 256 {
        fault("must be <= 256 characters long");
    }
    if text.is_empty() {
        fault("must not be an empty string");
    }
    if let Some((index, _)) = text.char_indices().find(|(_, c)| !is_print(*c)) {
        fault(&format!(
            "must only contain printable UTF-8 characters; non-printable character found at index {index}"
        ));
    }
}
