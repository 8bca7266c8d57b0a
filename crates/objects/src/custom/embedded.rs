//! Whole objects within an object: `x-kubernetes-embedded-resource` (apiextensions pkg/apiserver/schema/objectmeta).

use document::NodeRef;

use crate::field::{At, Cause, Causes, Reason};
use crate::{meta, names};

use super::schema::Schema;

/// Adds what is wrong with embedded objects. Recursion goes as deep as the object is nested.
pub(crate) fn check<'d>(schema: &Schema, node: NodeRef<'d>, at: At<'d>, causes: &mut Causes) {
    if node.is_object() {
        if schema.embedded {
            of_resource(node, at, causes);
        }
        for (key, value) in node.members() {
            if let Some(property) = schema.properties.get(key) {
                check(property, value, at.field(key), causes);
            } else if let Some(additional) = schema.additional_schema() {
                check(additional, value, at.key(key), causes);
            }
        }
    } else if let (true, Some(items)) = (node.is_array(), schema.items.as_deref()) {
        for (item, at) in node.items().zip(at.items()) {
            check(items, item, at, causes);
        }
    }
}

fn of_resource<'d>(node: NodeRef<'d>, at: At<'d>, causes: &mut Causes) {
    for name in ["apiVersion", "kind"] {
        let field = at.field(name);
        let Some(value) = node.get(name) else {
            causes.required(field, "");
            continue;
        };
        match value.as_str() {
            None => causes.invalid(field, "must be a string"),
            Some("") => causes.invalid(field, "must not be empty"),
            Some(text) if name == "apiVersion" => {
                if text.matches('/').count() > 1 {
                    causes.invalid(field, &format!("unexpected GroupVersion string: {text}"));
                }
            }
            Some(text) => {
                let faults = names::dns1035_label(&text.to_lowercase());
                if !faults.is_empty() {
                    let all = faults.join(",");
                    causes.invalid(field, &format!("may have mixed case, but should otherwise match: {all}"));
                }
            }
        }
    }
    if node.get("metadata").is_some() {
        of_metadata(at.field("metadata"), causes);
    }
}

/// A name is not asked for.
fn of_metadata(metadata: At<'_>, causes: &mut Causes) {
    let nameless = metadata.is_empty_at("name") && metadata.is_empty_at("generateName");
    let from = causes.len();
    meta::object_meta(metadata, meta::name_is_path_segment, causes);
    if nameless {
        let path = metadata.field("name").to_string();
        let missing = |cause: &Cause| cause.reason == Reason::Required && cause.field == path;
        let kept: Vec<Cause> =
            causes.as_slice()[from..].iter().filter(|cause| !missing(cause)).cloned().collect();
        causes.truncate(from);
        kept.into_iter().for_each(|cause| causes.push(cause));
    }
}
