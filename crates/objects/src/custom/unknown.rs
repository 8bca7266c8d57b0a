//! Whether there is anything that a schema does not know (apiextensions pkg/apiserver/schema/pruning).

use document::NodeRef;

use super::schema::{Additional, Schema};

/// Whether pruning would take something away; `kept` says that what is unknown at this level is preserved.
/// Recursion goes as deep as the value is nested.
pub(crate) fn has_unknown(node: NodeRef<'_>, schema: Option<&Schema>, kept: bool) -> bool {
    let kept = kept || schema.is_some_and(|schema| schema.preserve_unknown);
    if node.is_array() {
        let items = schema.and_then(|schema| schema.items.as_deref());
        return (items.is_some() || !kept) && node.items().any(|item| has_unknown(item, items, kept));
    }
    node.members().any(|(key, value)| {
        if schema.is_some_and(|schema| schema.embedded) && matches!(key, "apiVersion" | "kind" | "metadata") {
            return false;
        }
        let property = schema.and_then(|schema| schema.properties.get(key));
        match (property, schema.map(|schema| &schema.additional)) {
            (Some(property), _) => has_unknown(value, Some(property), false),
            (None, Some(Additional::Schema(additional))) => has_unknown(value, Some(additional), false),
            (None, Some(Additional::Any | Additional::None)) => has_unknown(value, None, false),
            (None, None | Some(Additional::Absent)) => !kept,
        }
    })
}
