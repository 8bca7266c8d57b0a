//! Printer columns, selectable fields and subresources.

use document::NodeRef;

use super::report::{Report, member};
use crate::custom::{Schema, place::FieldPath, rule_field_path};

const TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const FORMATS: [&str; 8] = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
const SELECTABLE: usize = 8;

pub(super) fn columns(columns: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    for (index, column) in columns.items().enumerate() {
        let place = place.index(index);
        let text = |name: &str| column.get_str(name).unwrap_or_default();
        let one_of = |known: &[&str]| format!("must be one of {}", known.join(","));
        if text("name").is_empty() {
            report.required(&place.field("name"), column, "");
        }
        let node = member(column, "type");
        match text("type") {
            "" => report.required(&place.field("type"), node, &one_of(&TYPES)),
            kind if TYPES.contains(&kind) => {}
            kind => report.invalid_text(&place.field("type"), node, kind, &one_of(&TYPES)),
        }
        let format = text("format");
        if !format.is_empty() && !FORMATS.contains(&format) {
            report.invalid_text(&place.field("format"), member(column, "format"), format, &one_of(&FORMATS));
        }
        let node = member(column, "jsonPath");
        if text("jsonPath").is_empty() {
            report.required(&place.field("JSONPath"), node, "");
        } else {
            simple_path(text("jsonPath"), &place.field("JSONPath"), node, report);
        }
    }
}

/// Whether it is one.
fn simple_path(path: &str, place: &FieldPath<'_>, node: NodeRef<'_>, report: &mut Report) -> bool {
    let fits = path.starts_with('.');
    if !fits {
        report.invalid_text(place, node, path, "must be a simple json path starting with .");
    }
    fits
}

pub(super) fn selectable(
    fields: NodeRef<'_>,
    schema: Option<NodeRef<'_>>,
    place: &FieldPath<'_>,
    report: &mut Report,
) {
    let Some(schema) = schema.map(Schema::read) else {
        let detail = "may only be set when `version.schema.openAPIV3Schema` is not included";
        return report.invalid_text(place, fields, "", detail);
    };
    let mut unique: Vec<String> = Vec::new();
    for (index, field) in fields.items().enumerate() {
        let node = member(field, "jsonPath");
        let indexed = place.index(index);
        let place = indexed.field("jsonPath");
        let path = field.get_str("jsonPath").unwrap_or_default();
        if path.is_empty() {
            report.required(&place, node, "");
            continue;
        }
        let found = if path.contains('[') {
            Err("array notation is not allowed".to_owned())
        } else {
            rule_field_path(path, &schema)
        };
        let (written, found) = match found {
            Ok(found) => found,
            Err(error) => {
                report.invalid_text(&place, node, path, &format!("is an invalid path: {error}"));
                continue;
            }
        };
        if written == "metadata" || written.starts_with("metadata.") {
            report.invalid_text(&place, node, path, "must not point to fields in metadata");
        }
        if !found.is_selectable() {
            let detail = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
            report.invalid_text(&place, node, path, detail);
        }
        if unique.contains(&written) {
            report.duplicate(&place, node, path);
        } else {
            unique.push(written);
        }
    }
    if unique.len() > SELECTABLE {
        report.too_many(place, fields, unique.len(), SELECTABLE);
    }
}

pub(super) fn subresources(subresources: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    let Some(scale) = subresources.get_present("scale") else { return };
    let paths: [(_, _, &[&str], _); 3] = [
        ("specReplicasPath", "scale.specReplicasPath", &[".spec."], "should be a json path under .spec"),
        (
            "statusReplicasPath",
            "scale.statusReplicasPath",
            &[".status."],
            "should be a json path under .status",
        ),
        (
            "labelSelectorPath",
            "scale.labelSelectorPath",
            &[".spec.", ".status."],
            "should be a json path under either .spec or .status",
        ),
    ];
    for (name, told, roots, detail) in paths {
        let (path, node, place) =
            (scale.get_str(name).unwrap_or_default(), member(scale, name), place.field(told));
        if path.is_empty() {
            if name != "labelSelectorPath" {
                report.required(&place, node, "");
            }
        } else if simple_path(path, &place, node, report) && !roots.iter().any(|root| path.starts_with(root))
        {
            report.invalid_text(&place, node, path, detail);
        }
    }
}
