//! Defaults must fit their own schema (apiextensions pkg/apiserver/schema/defaulting/validation.go).
//!
//! Defaults within the metadata of embedded resources are not judged here: upstream makes a whole object around
//! each. Recursion goes as deep as the schema is nested.

use document::NodeRef;

use super::report::{Report, flag};
use crate::custom::place::FieldPath;
use crate::custom::{Schema, default_faults, go_json};

pub(super) fn check(schema: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    of_schema(schema, true, place, report);
}

fn of_schema(schema: NodeRef<'_>, resource: bool, place: &FieldPath<'_>, report: &mut Report) {
    if let Some(default) = schema.get_present("default") {
        let place = place.field("default");
        let mut read = Schema::read(schema);
        read.set_embedded(resource);
        if has_unknown(default, &read) {
            report.invalid(&place, default, &go_json::written(default), "must not have unknown fields");
        }
        report.extend(default_faults(default, &read, &place));
    }
    if let Some(items) = schema.get_present("items").filter(|items| items.is_object()) {
        of_schema(items, flag(items, "x-kubernetes-embedded-resource"), &place.field("items"), report);
    }
    for (name, property) in schema.get("properties").into_iter().flat_map(NodeRef::members) {
        if resource && matches!(name, "metadata" | "apiVersion" | "kind") {
            continue;
        }
        let inner = flag(property, "x-kubernetes-embedded-resource");
        of_schema(property, inner, &place.field("properties").key(name), report);
    }
}

/// Whether pruning would take something away.
fn has_unknown(node: NodeRef<'_>, schema: &Schema) -> bool {
    crate::custom::has_unknown(node, Some(schema), false)
}
