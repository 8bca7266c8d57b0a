//! Structural schemas (apiextensions pkg/apiserver/schema/{validation,complete}.go): every field that is judged is
//! declared with its type, outside of `allOf` and its like.
//!
//! Recursion goes as deep as the schema is nested.

use document::NodeRef;
use kubernetes_cel::library::regex::Regex;

use super::report::{Report, flag, member};
use crate::custom::place::FieldPath;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

const EMBEDDED: &str = "x-kubernetes-embedded-resource";
const INT_OR_STRING: &str = "x-kubernetes-int-or-string";
const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";

/// Adds why a schema is not structural.
pub(super) fn check(schema: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    invariants(schema, Level::Root, place, report);
    complete(schema, Some(schema), place, place, report);
    report.sort();
}

fn kind<'d>(schema: NodeRef<'d>) -> &'d str {
    schema.get_str("type").unwrap_or_default()
}

fn property<'d>(schema: NodeRef<'d>, name: &str) -> Option<NodeRef<'d>> {
    schema.get("properties")?.get_present(name)
}

fn invariants(schema: NodeRef<'_>, level: Level, place: &FieldPath<'_>, report: &mut Report) {
    let items = schema.get_present("items").filter(|items| items.is_object());
    match items {
        None if kind(schema) == "array" => {
            report.required(&place.field("items"), schema, "must be specified")
        }
        None => {}
        Some(items) => invariants(items, Level::Item, &place.field("items"), report),
    }
    for (name, property) in schema.get("properties").into_iter().flat_map(NodeRef::members) {
        invariants(property, Level::Field, &place.field("properties").key(name), report);
    }
    let additional = schema.get_present("additionalProperties");
    if let Some(additional) = additional {
        let place = place.field("additionalProperties");
        if level == Level::Root {
            report.forbidden(&place, additional, "must not be used at the root");
        }
        if additional.is_object() {
            invariants(additional, Level::Field, &place, report);
        }
    }
    if flag(schema, INT_OR_STRING) {
        for extension in [PRESERVE, EMBEDDED] {
            if flag(schema, extension) {
                let detail = "must be false if x-kubernetes-int-or-string is true";
                report.invalid(&place.field(extension), member(schema, extension), "true", detail);
            }
        }
    }
    let skip_any = is_int_or_string(schema);
    let first = schema.get("allOf").and_then(|list| list.item(0));
    values(schema, skip_any, first.is_some_and(is_int_or_string), place, report);
    types(schema, level, additional, place, report);
    metadata(schema, level, place, report);
    if flag(schema, EMBEDDED)
        && !flag(schema, PRESERVE)
        && schema.get("properties").is_none_or(NodeRef::is_empty)
    {
        let detail = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
        report.required(&place.field("properties"), schema, detail);
    }
}

fn types(
    schema: NodeRef<'_>,
    level: Level,
    additional: Option<NodeRef<'_>>,
    place: &FieldPath<'_>,
    report: &mut Report,
) {
    let (kind, node, at) = (kind(schema), member(schema, "type"), place.field("type"));
    let embedded = flag(schema, EMBEDDED);
    if embedded && kind != "object" {
        let detail = "must be object if x-kubernetes-embedded-resource is true";
        match kind {
            "" => report.required(&at, node, detail),
            _ => report.invalid_text(&at, node, kind, detail),
        }
    } else if kind.is_empty() && !flag(schema, INT_OR_STRING) && !flag(schema, PRESERVE) {
        let detail = match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        };
        report.required(&at, node, detail);
    }
    if let Some(additional) = additional.filter(|_| embedded) {
        let detail = "must not be used if x-kubernetes-embedded-resource is set";
        report.forbidden(&place.field("additionalProperties"), additional, detail);
    }
    if level == Level::Root && !kind.is_empty() && kind != "object" {
        report.invalid_text(&at, node, kind, "must be object at the root");
    }
}

fn metadata(schema: NodeRef<'_>, level: Level, place: &FieldPath<'_>, report: &mut Report) {
    let resource = level == Level::Root || flag(schema, EMBEDDED);
    let place = place.field("properties");
    for name in ["kind", "apiVersion"] {
        if let Some(property) =
            property(schema, name).filter(|property| resource && kind(*property) != "string")
        {
            let at = place.key(name);
            report.invalid_text(
                &at.field("type"),
                member(property, "type"),
                kind(property),
                "must be string",
            );
        }
    }
    let Some(metadata) = property(schema, "metadata") else { return };
    let at = place.key("metadata");
    if resource && kind(metadata) != "object" {
        report.invalid_text(&at.field("type"), member(metadata, "type"), kind(metadata), "must be object");
    }
    let names_only = |name: &str| matches!(name, "name" | "generateName");
    let says_more = |(key, value): (&str, NodeRef<'_>)| match key {
        "type" | "default" => false,
        "properties" => !value.members().all(|(name, _)| names_only(name)),
        _ => {
            !(value.is_null()
                || value.as_bool() == Some(false)
                || value.as_str() == Some("")
                || (value.is_array() && value.is_empty()))
        }
    };
    if level == Level::Root && metadata.members().any(says_more) {
        let detail = "must not specify anything other than name and generateName, but metadata is implicitly specified";
        report.forbidden(&at, metadata, detail);
    }
}

/// `anyOf` of an integer and a string, and nothing else: what int-or-string was written as before it had a name.
fn is_int_or_string(schema: NodeRef<'_>) -> bool {
    let any: Vec<NodeRef<'_>> = schema.get("anyOf").into_iter().flat_map(NodeRef::items).collect();
    let only = |part: NodeRef<'_>, wanted: &str| part.len() == 1 && kind(part) == wanted;
    matches!(any.as_slice(), [one, two] if only(*one, "integer") && only(*two, "string"))
}

/// What judges values, and the schemas of `allOf` and its like.
fn values(
    schema: NodeRef<'_>,
    skip_any: bool,
    skip_first_all: bool,
    place: &FieldPath<'_>,
    report: &mut Report,
) {
    for name in ["anyOf", "allOf", "oneOf"] {
        if name == "anyOf" && skip_any {
            continue;
        }
        for (index, part) in schema.get(name).into_iter().flat_map(NodeRef::items).enumerate() {
            let skip = name == "allOf" && skip_first_all && index == 0;
            nested(part, skip, &place.field(name).index(index), report);
        }
    }
    if let Some(not) = schema.get_present("not") {
        nested(not, false, &place.field("not"), report);
    }
    if let Some(pattern) = schema.get_str("pattern").filter(|pattern| !pattern.is_empty())
        && let Err(error) = Regex::compile(pattern)
    {
        let detail = format!("must be a valid regular expression, but isn't: {error}");
        report.invalid_text(&place.field("pattern"), member(schema, "pattern"), pattern, &detail);
    }
}

const EMPTY: &str = "must be empty to be structural";
const UNDEFINED: &str = "must be undefined to be structural";
const FALSE: &str = "must be false to be structural";

/// A schema within `allOf` and its like may judge values, and say nothing of what there is.
fn nested(schema: NodeRef<'_>, skip_any: bool, place: &FieldPath<'_>, report: &mut Report) {
    values(schema, skip_any, false, place, report);
    if let Some(items) = schema.get_present("items").filter(|items| items.is_object()) {
        nested(items, false, &place.field("items"), report);
    }
    for (name, property) in schema.get("properties").into_iter().flat_map(NodeRef::members) {
        nested(property, false, &place.field("properties").key(name), report);
    }
    let rules: [(&str, &str); 12] = [
        ("type", EMPTY),
        ("additionalProperties", UNDEFINED),
        ("default", UNDEFINED),
        ("title", EMPTY),
        ("description", EMPTY),
        ("nullable", FALSE),
        (PRESERVE, FALSE),
        (EMBEDDED, FALSE),
        (INT_OR_STRING, FALSE),
        ("x-kubernetes-list-map-keys", EMPTY),
        ("x-kubernetes-list-type", UNDEFINED),
        ("x-kubernetes-map-type", UNDEFINED),
    ];
    for (name, detail) in rules.into_iter().chain([("x-kubernetes-validations", EMPTY)]) {
        let Some(node) = schema.get_present(name) else { continue };
        let said = match detail {
            FALSE => node.as_bool() == Some(true),
            EMPTY => node.as_str().map_or(!node.is_empty(), |text| !text.is_empty()),
            // `false` is no schema
            _ => name != "additionalProperties" || node.is_object(),
        };
        if said {
            report.forbidden(&place.field(name), node, detail);
        }
    }
    if let Some(metadata) = property(schema, "metadata") {
        let detail = "must not be specified in a nested context";
        report.forbidden(&place.field("properties").key("metadata"), metadata, detail);
    }
}

/// What `allOf` and its like judge must be declared (`validateStructuralCompleteness`).
fn complete(
    values: NodeRef<'_>,
    schema: Option<NodeRef<'_>>,
    at: &FieldPath<'_>,
    from: &FieldPath<'_>,
    report: &mut Report,
) {
    if let Some(not) = values.get_present("not") {
        nested_complete(not, schema, at, &from.field("not"), report);
    }
    for name in ["allOf", "anyOf", "oneOf"] {
        for (index, part) in values.get(name).into_iter().flat_map(NodeRef::items).enumerate() {
            nested_complete(part, schema, at, &from.field(name).index(index), report);
        }
    }
}

fn nested_complete(
    values: NodeRef<'_>,
    schema: Option<NodeRef<'_>>,
    at: &FieldPath<'_>,
    from: &FieldPath<'_>,
    report: &mut Report,
) {
    let Some(schema) = schema else {
        return report.required(at, values, &format!("because it is defined in {from}"));
    };
    complete(values, Some(schema), at, from, report);
    if let Some(items) = values.get_present("items").filter(|items| items.is_object()) {
        let declared = schema.get_present("items").filter(|items| items.is_object());
        nested_complete(items, declared, &at.field("items"), &from.field("items"), report);
    }
    for (name, values) in values.get("properties").into_iter().flat_map(NodeRef::members) {
        let (at, from) = (at.field("properties"), from.field("properties"));
        nested_complete(values, property(schema, name), &at.key(name), &from.key(name), report);
    }
}
