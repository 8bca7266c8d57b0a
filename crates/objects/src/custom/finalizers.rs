//! Warnings of finalizers' names (apiextensions pkg/registry/customresource/validator.go).

use std::collections::BTreeSet;

use document::NodeRef;

use crate::field::go_quote;
use crate::names;

const STANDARD: [&str; 3] = ["orphan", "foregroundDeletion", "kubernetes"];

/// What the server says of finalizers that the old object has not.
pub(super) fn warnings(object: NodeRef<'_>, old: Option<NodeRef<'_>>) -> Vec<String> {
    let of = |object: NodeRef<'_>| -> BTreeSet<String> {
        let list = object.get("metadata").and_then(|metadata| metadata.get("finalizers"));
        list.into_iter().flat_map(NodeRef::items).filter_map(NodeRef::as_str).map(str::to_owned).collect()
    };
    let before = old.map(of).unwrap_or_default();
    let mut warnings = Vec::new();
    for name in of(object).difference(&before) {
        let mut warn = |text: &str| warnings.push(format!("metadata.finalizers: {}: {text}", go_quote(name)));
        names::qualified_name(name).iter().for_each(|fault| warn(fault));
        if !name.contains('/') && !STANDARD.contains(&name.as_str()) {
            warn(if name.contains('.') {
                "prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers"
            } else {
                "prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers"
            });
        }
    }
    warnings
}
