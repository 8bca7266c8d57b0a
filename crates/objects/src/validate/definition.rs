//! CustomResourceDefinitions (apiextensions pkg/apis/apiextensions/validation/validation.go).
//!
//! The rules see the internal form: what is the same in all versions (schema, subresources, columns, selectable
//! fields) stands in `spec` there, and paths say so: `spec.validation.openAPIV3Schema`.

mod columns;
mod conversion;
mod defaults;
mod internal;
mod names;
mod report;
mod schema;
mod structural;
mod versions;

use document::NodeRef;

use super::{Rules, Submitted};
use crate::custom::is_recognised_format;
use crate::custom::place::FieldPath;
use crate::field::{At, Causes, Value, go_json_string, go_quote};
use crate::{meta, names as texts};
use report::{Report, member};

/// The kinds of this file.
pub const RULES: &[Rules] = &[Rules {
    group: "apiextensions.k8s.io",
    kind: "CustomResourceDefinition",
    namespaced: false,
    check: definition,
    warn: Some(warnings),
}];

const APPROVAL: &str = "api-approved.kubernetes.io";

fn definition(subject: &Submitted<'_>, causes: &mut Causes) {
    let root = subject.at;
    let (metadata, spec) = (root.field("metadata"), root.field("spec"));
    match subject.old {
        Some(old) => meta::object_meta_update(metadata, old.field("metadata"), causes),
        None => {
            meta::object_meta(metadata, meta::name_is_subdomain, causes);
            for name in ["name", "generateName"].map(|field| metadata.field(field)) {
                let wanted = format!("{}.{}", spec.fields("names.plural").str(), spec.str_at("group"));
                if !name.is_empty() && name.str() != wanted {
                    causes.invalid(name, "must be spec.names.plural+\".\"+spec.group");
                }
            }
        }
    }
    let mut report = Report::default();
    {
        let place = FieldPath::ROOT;
        let spec = spec.node().unwrap_or(root.nearest());
        spec_rules(spec, &place.field("spec"), &mut report);
    }
    report.into_causes().into_iter().for_each(|cause| causes.push(cause));
    if let Some(old) = subject.old {
        immutable(subject, old, causes);
    }
    stored_versions(subject, causes);
    approval(subject, causes);
    let preserve = spec.field("preserveUnknownFields");
    if preserve.bool() && !subject.old.is_some_and(|old| old.fields("spec.preserveUnknownFields").bool()) {
        causes.invalid(
            preserve,
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
        );
    }
}

fn spec_rules(spec: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    let text = |name: &str| spec.get_str(name).unwrap_or_default();
    let group = member(spec, "group");
    if text("group").is_empty() {
        report.required(&place.field("group"), group, "");
    } else {
        let faults = texts::dns1123_subdomain(text("group"));
        if !faults.is_empty() {
            report.invalid_text(&place.field("group"), group, text("group"), &faults.join(","));
        } else if !text("group").contains('.') {
            report.invalid_text(
                &place.field("group"),
                group,
                text("group"),
                "should be a domain with at least one dot",
            );
        }
    }
    let scope = member(spec, "scope");
    match text("scope") {
        "" => report.required(&place.field("scope"), scope, ""),
        "Cluster" | "Namespaced" => {}
        _ => report.not_supported(&place.field("scope"), scope, text("scope"), &["Cluster", "Namespaced"]),
    }
    versions::check(spec, place, report);
    names::required(spec, place, report);
    names::check(member(spec, "names"), &place.field("names"), report);
    versions::common(spec, place, report);
    conversion::check(spec, place, report);
}

fn immutable(subject: &Submitted<'_>, old: At<'_>, causes: &mut Causes) {
    let conditions = old.fields("status.conditions");
    let established = conditions
        .items()
        .any(|condition| condition.str_at("type") == "Established" && condition.str_at("status") == "True");
    let names: &[&str] = if established {
        &["spec.scope", "spec.names.kind", "spec.group", "spec.names.plural"]
    } else {
        &["spec.group", "spec.names.plural"]
    };
    for name in names {
        let (new, old) = (subject.at.fields(name), old.fields(name));
        if new.str() != old.str() {
            causes.invalid_value(new, new.str(), meta::IMMUTABLE);
        }
    }
}

/// The server keeps the list; what was stored once must stay among the versions.
fn stored_versions(subject: &Submitted<'_>, causes: &mut Causes) {
    let versions = subject.at.fields("spec.versions");
    let named = |name: &str| versions.items().any(|version| version.str_at("name") == name);
    let at = subject.at.fields("status.storedVersions");
    let storage: Vec<&str> = versions
        .items()
        .filter(|version| version.bool_at("storage"))
        .map(|version| version.str_at("name"))
        .collect();
    let mut stored: Vec<&str> =
        subject.old.into_iter().flat_map(|old| old.fields("status.storedVersions").strings()).collect();
    // the first is added by the server
    stored.extend(storage.first().filter(|name| !stored.contains(name)).copied());
    if stored.is_empty() {
        return causes.invalid_value(at, Value::Json("null".into()), "must have at least one stored version");
    }
    let shown = || {
        let names: Vec<String> = stored.iter().map(|name| go_json_string(name)).collect();
        Value::Json(format!("[{}]", names.join(",")))
    };
    for name in storage.iter().filter(|name| !stored.contains(name)) {
        causes.invalid_value(at, shown(), &format!("must have the storage version {name}"));
    }
    let Some(old) = subject.old else { return };
    for (index, name) in old.fields("status.storedVersions").strings().enumerate() {
        if !named(name) {
            causes.invalid_value(at.index(index), name, &format!(
                "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in {name} and removes {name} from status.storedVersions"
            ));
        }
    }
}

/// Groups of the Kubernetes project need its approval.
fn approval(subject: &Submitted<'_>, causes: &mut Causes) {
    let group = subject.at.fields("spec.group").str();
    let within =
        |domain: &str| group == domain || group.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    if !within("k8s.io") && !within("kubernetes.io") {
        return;
    }
    #[derive(PartialEq)]
    enum State {
        Missing,
        Bypassed,
        Approved,
        Invalid,
    }
    let state = |root: At<'_>| {
        let text = root.fields("metadata.annotations").key(APPROVAL).str();
        let address = kubernetes_cel::library::url::Url::parse(text);
        match text {
            "" => State::Missing,
            _ if text.starts_with("unapproved") => State::Bypassed,
            _ if address.is_ok_and(|url| !url.host().is_empty() && !url.scheme().is_empty()) => {
                State::Approved
            }
            _ => State::Invalid,
        }
    };
    let now = state(subject.at);
    if subject.old.is_some_and(|old| state(old) == now) {
        return;
    }
    let at = subject.at.fields("metadata.annotations").key(APPROVAL);
    let see = "see https://github.com/kubernetes/enhancements/pull/1111";
    match now {
        State::Missing => causes.required(
            at,
            &format!("protected groups must have approval annotation {}, {see}", go_quote(APPROVAL)),
        ),
        State::Invalid => causes.invalid(
            at,
            &format!(
                "protected groups must have approval annotation {} with either a URL or a reason starting with \"unapproved\", {see}",
                go_quote(APPROVAL)
            ),
        ),
        State::Bypassed | State::Approved => {}
    }
}

/// Formats that the server does not know, new ones only.
fn warnings<'d>(subject: &Submitted<'d>, warnings: &mut Vec<String>) {
    let of = |root: At<'d>| -> Vec<String> {
        let versions = root.fields("spec.versions");
        let mut found = Vec::new();
        for version in versions.items() {
            if let Some(schema) = version.fields("schema.openAPIV3Schema").node() {
                formats(schema, &mut found);
            }
        }
        found
    };
    let before = subject.old.map(of).unwrap_or_default();
    for format in of(subject.at) {
        let warning = format!("unrecognized format {}", go_quote(&format));
        if !before.contains(&format) && !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
}

fn formats(schema: NodeRef<'_>, found: &mut Vec<String>) {
    if let Some(format) = schema.get_str("format").filter(|format| !format.is_empty())
        && !is_recognised_format(schema.get_str("type").unwrap_or_default(), format)
    {
        found.push(format.to_owned());
    }
    report::subschemas(schema, &mut |child| formats(child, found));
}
