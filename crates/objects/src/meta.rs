//! The metadata of every object (apimachinery pkg/api/validation/objectmeta.go).

use crate::field::{At, Causes};
use crate::names::{self, NameRule};

/// `ValidateObjectMeta`
pub(crate) fn create(object: &At<'_>, namespaced: bool, rule: NameRule, causes: &mut Causes) {
    let meta = object.field("metadata");
    let (name, generate) = (meta.field("name"), meta.field("generateName"));
    if name.text().is_empty() {
        if generate.text().is_empty() {
            causes.required(&name, "name or generateName is required");
        }
    } else {
        for error in rule(name.text()) {
            causes.invalid(&name, &error);
        }
    }
    let _ = namespaced;
    labels(&meta.field("labels"), causes);
}

/// `ValidateObjectMetaUpdate`
pub(crate) fn update(object: &At<'_>, old: &At<'_>, causes: &mut Causes) {
    let _ = (object, old, causes);
}

/// `ValidateLabels`: every error is told at the map.
pub(crate) fn labels(at: &At<'_>, causes: &mut Causes) {
    for (key, value) in at.members() {
        for error in names::qualified_name(key) {
            causes.invalid_text(at, key, &error);
        }
        for error in names::label_value(value.text()) {
            causes.invalid_text(at, value.text(), &error);
        }
    }
}

/// `ValidateImmutableField`
pub(crate) fn immutable(at: &At<'_>, old: &At<'_>, causes: &mut Causes) {
    if !same(at, old) {
        causes.invalid(at, IMMUTABLE);
    }
}

/// What is said of a field that may not change.
pub(crate) const IMMUTABLE: &str = "field is immutable";

/// Equal as Go compares: an absent, an empty and a null collection are the same.
pub(crate) fn same(a: &At<'_>, b: &At<'_>) -> bool {
    match (a.node(), b.node()) {
        (Some(a), Some(b)) => a == b,
        (None, None) => true,
        (Some(one), None) | (None, Some(one)) => (one.is_object() || one.is_array()) && one.is_empty(),
    }
}
