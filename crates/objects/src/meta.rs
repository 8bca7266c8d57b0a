//! The metadata of every object (apimachinery pkg/api/validation/objectmeta.go).

use crate::field::{At, Causes};
use crate::names;
use crate::validate::Subject;

/// What is wrong with a name
pub(crate) type NameRule = fn(&str) -> Vec<String>;

/// `ValidateObjectMeta`
pub(crate) fn create(object: At<'_>, namespaced: bool, rule: NameRule, causes: &mut Causes) {
    let meta = object.field("metadata");
    let (name, generate) = (meta.field("name"), meta.field("generateName"));
    if name.str().is_empty() {
        if generate.str().is_empty() {
            causes.required(name, "name or generateName is required");
        }
    } else {
        for error in rule(name.str()) {
            causes.invalid(name, &error);
        }
    }
    let _ = namespaced;
    labels(meta.field("labels"), causes);
}

/// `ValidateObjectMetaUpdate`
pub(crate) fn update(object: At<'_>, old: At<'_>, causes: &mut Causes) {
    let _ = (object, old, causes);
}

/// `ValidateLabels`: every error is told at the map.
pub(crate) fn labels(at: At<'_>, causes: &mut Causes) {
    for (key, value) in at.entries() {
        for error in names::qualified_name(key) {
            causes.invalid_value(at, key, &error);
        }
        for error in names::label_value(value.str()) {
            causes.invalid_value(at, value.str(), &error);
        }
    }
}

/// `ValidateImmutableField`
pub(crate) fn immutable(at: At<'_>, old: At<'_>, causes: &mut Causes) {
    if !at.same(old) {
        causes.invalid(at, IMMUTABLE);
    }
}

/// What is said of a field that may not change.
pub(crate) const IMMUTABLE: &str = "field is immutable";

/// What the server asks of every object whose own rules found nothing.
pub(crate) fn validate_any(subject: &Subject<'_>, namespaced: Option<bool>, causes: &mut Causes) {
    let _ = (subject, namespaced, causes);
}
