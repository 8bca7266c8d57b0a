//! Metadata, labels and selectors, the same for every kind (apimachinery/pkg/api/validation/objectmeta.go,
//! pkg/apis/meta/v1/validation).

mod selector;

pub use selector::{
    SelectorOptions, has_invalid_label_value, label_selector, label_selector_requirement, matches_labels,
};

use crate::field::{At, Causes, Value, go_json_string, go_quote, is_print};
use crate::names::{self, Faults};
use crate::validate::Submitted;
use std::collections::BTreeSet;

/// Judges a name; the flag says that it is a `generateName`, so only a beginning.
pub type NameRule = fn(&str, bool) -> Faults;

/// What is immutable says this.
pub const IMMUTABLE: &str = "field is immutable";

/// What must not be negative says this.
pub const NOT_NEGATIVE: &str = "must be greater than or equal to 0";

const ANNOTATIONS_LIMIT: usize = 256 * 1024;

/// The longest beginning of a generated name (apiserver/pkg/storage/names).
const GENERATED_BASE: usize = 58;

/// Stands for the random end of a generated name: as long, of the same letters.
const GENERATED_END: &str = "xxxxx";

/// `NameIsDNSSubdomain`
#[must_use]
pub fn name_is_subdomain(name: &str, prefix: bool) -> Faults {
    names::dns1123_subdomain(&masked(name, prefix))
}

/// `NameIsDNSLabel`
#[must_use]
pub fn name_is_label(name: &str, prefix: bool) -> Faults {
    names::dns1123_label(&masked(name, prefix))
}

/// `path.ValidatePathSegmentName`
#[must_use]
pub fn name_is_path_segment(name: &str, prefix: bool) -> Faults {
    if prefix { names::path_segment_prefix(name) } else { names::path_segment(name) }
}

/// `maskTrailingDash`, which takes the character before the dash away as well.
fn masked(name: &str, prefix: bool) -> String {
    match name.strip_suffix('-') {
        Some(rest) if prefix && !rest.is_empty() => {
            let mut end = rest.len() - 1;
            while !rest.is_char_boundary(end) {
                end -= 1;
            }
            format!("{}a", &rest[..end])
        }
        _ => name.to_owned(),
    }
}

/// The name that the object will have: a generated one with a stand-in for its random end.
#[must_use]
pub fn final_name(metadata: At<'_>) -> String {
    let (name, generate) = (metadata.str_at("name"), metadata.str_at("generateName"));
    if !name.is_empty() || generate.is_empty() {
        return name.to_owned();
    }
    let mut end = generate.len().min(GENERATED_BASE);
    while !generate.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{GENERATED_END}", &generate[..end])
}

/// `ValidateObjectMeta`. A namespace is not asked for: the request always fills it in, or takes it away.
pub fn object_meta(metadata: At<'_>, name_rule: NameRule, causes: &mut Causes) {
    let generate = metadata.field("generateName");
    if !generate.is_empty() {
        causes.invalid_each(generate, generate.str(), name_rule(generate.str(), true));
    }
    let name = final_name(metadata);
    if name.is_empty() {
        causes.required(metadata.field("name"), "name or generateName is required");
    } else {
        causes.invalid_each(metadata.field("name"), &name, name_rule(&name, false));
    }
    common(metadata, causes);
}

/// `ValidateObjectMeta` of pkg/apis/core/validation: finalizers of Kubernetes' own domain must be known.
/// Kinds of most groups use this one; a few (admissionregistration, apiextensions) the plain [`object_meta`].
pub fn core_object_meta(metadata: At<'_>, name_rule: NameRule, causes: &mut Causes) {
    object_meta(metadata, name_rule, causes);
    kube_finalizers(metadata, causes);
}

/// Likewise, but for the name, which the server gives.
pub(crate) fn core_object_meta_of_named(metadata: At<'_>, causes: &mut Causes) {
    common(metadata, causes);
    kube_finalizers(metadata, causes);
}

/// `ValidateObjectMetaUpdate` of pkg/apis/core/validation.
pub fn core_object_meta_update(metadata: At<'_>, old: At<'_>, causes: &mut Causes) {
    object_meta_update(metadata, old, causes);
    kube_finalizers(metadata, causes);
}

fn common(metadata: At<'_>, causes: &mut Causes) {
    let namespace = metadata.field("namespace");
    if !namespace.is_empty() {
        causes.invalid_each(namespace, namespace.str(), name_is_label(namespace.str(), false));
    }
    // generation is set by the server
    labels(metadata.field("labels"), causes);
    annotations(metadata.field("annotations"), causes);
    owner_references(metadata.field("ownerReferences"), causes);
    finalizers(metadata.field("finalizers"), causes);
    managed_fields(metadata.field("managedFields"), causes);
}

/// `ValidateObjectMetaUpdate`. What the server takes from the stored object (uid where none is given,
/// timestamps, generation, resourceVersion) cannot be wrong.
pub fn object_meta_update(metadata: At<'_>, old: At<'_>, causes: &mut Causes) {
    if old.has("deletionTimestamp") {
        no_new_finalizers(metadata.field("finalizers"), old.field("finalizers"), causes);
    }
    for name in ["name", "namespace", "uid"] {
        let (new, old) = (metadata.field(name), old.field(name));
        if !new.is_empty() && !old.is_empty() && new.str() != old.str() {
            causes.invalid(new, IMMUTABLE);
        }
    }
    labels(metadata.field("labels"), causes);
    annotations(metadata.field("annotations"), causes);
    owner_references(metadata.field("ownerReferences"), causes);
    managed_fields(metadata.field("managedFields"), causes);
}

/// `rest.BeforeCreate` and `rest.BeforeUpdate` of every kind, after its own rules.
pub(crate) fn validate_any(subject: &Submitted<'_>, causes: &mut Causes) {
    let metadata = subject.at.field("metadata");
    object_meta(metadata, name_is_path_segment, causes);
    if let Some(old) = subject.old {
        object_meta_update(metadata, old.field("metadata"), causes);
    }
}

/// `ValidateLabels`
pub fn labels(labels: At<'_>, causes: &mut Causes) {
    for (key, value) in labels.entries() {
        let (of_key, of_value) = (names::qualified_name(key), names::label_value(value.str()));
        if !of_key.is_empty() || !of_value.is_empty() {
            causes.invalid_each(labels.reading(value), key, of_key);
            causes.invalid_each(labels.reading(value), value.str(), of_value);
        }
    }
}

/// `ValidateLabelName`
pub fn label_name(at: At<'_>, name: &str, causes: &mut Causes) {
    causes.invalid_each(at, name, names::qualified_name(name));
}

/// `ValidateAnnotations`
pub fn annotations(annotations: At<'_>, causes: &mut Causes) {
    let mut size = 0;
    for (key, value) in annotations.entries() {
        causes.invalid_each(annotations.reading(value), key, names::qualified_name(&key.to_lowercase()));
        size += key.len() + value.len();
    }
    if size > ANNOTATIONS_LIMIT {
        causes.too_long(annotations, ANNOTATIONS_LIMIT);
    }
}

/// `ValidateOwnerReferences`
pub fn owner_references(references: At<'_>, causes: &mut Causes) {
    let mut controller: Option<String> = None;
    for reference in references.items() {
        owner_reference(references, reference, causes);
        if !reference.bool_at("controller") {
            continue;
        }
        let named = format!("{}/{}", reference.str_at("kind"), reference.str_at("name"));
        match &controller {
            Some(first) => causes.invalid_value(
                references.reading(reference),
                shown_owners(references.items()),
                &format!("Only one reference can have Controller set to true. Found \"true\" in references for {first} and {named}"),
            ),
            None => controller = Some(named),
        }
    }
}

/// The path is that of the list: upstream does not say which of them.
fn owner_reference(references: At<'_>, reference: At<'_>, causes: &mut Causes) {
    let field = |name| references.said(name).reading(reference);
    let value = |name| reference.str_at(name);
    // of `a/b` the part after the slash, of `v1` itself; more slashes make neither
    let version = match value("apiVersion").split('/').collect::<Vec<_>>()[..] {
        [version] | [_, version] => version,
        _ => "",
    };
    if version.is_empty() {
        causes.invalid_value(field("apiVersion"), value("apiVersion"), "version must not be empty");
    }
    for name in ["kind", "name", "uid"] {
        if value(name).is_empty() {
            causes.invalid_value(field(name), "", "must not be empty");
        }
    }
    if (value("apiVersion"), value("kind")) == ("v1", "Event") {
        causes.invalid_value(
            references.reading(reference),
            shown_owner(reference),
            "/v1, Kind=Event is disallowed from being an owner",
        );
    }
}

fn shown_owners<'d>(references: impl Iterator<Item = At<'d>>) -> Value<'static> {
    let all: Vec<String> = references.map(owner_json).collect();
    Value::Json(format!("[{}]", all.join(",")))
}

fn shown_owner(reference: At<'_>) -> Value<'static> {
    Value::Json(owner_json(reference))
}

/// As `json.Marshal` writes an `OwnerReference`.
fn owner_json(reference: At<'_>) -> String {
    let mut members: Vec<String> = ["apiVersion", "kind", "name", "uid"]
        .iter()
        .map(|name| format!("\"{name}\":{}", go_json_string(reference.str_at(name))))
        .collect();
    for name in ["controller", "blockOwnerDeletion"] {
        if let Some(flag) = reference.opt_bool_at(name) {
            members.push(format!("\"{name}\":{flag}"));
        }
    }
    format!("{{{}}}", members.join(","))
}

/// `ValidateFinalizers`
pub fn finalizers(finalizers: At<'_>, causes: &mut Causes) {
    for finalizer in finalizers.items() {
        causes.invalid_each(
            finalizers.reading(finalizer),
            finalizer.str(),
            names::qualified_name(finalizer.str()),
        );
    }
    let has = |name| finalizers.strings().any(|finalizer| finalizer == name);
    if has("orphan") && has("foregroundDeletion") {
        causes.invalid(finalizers, "finalizer orphan and foregroundDeletion cannot be both set");
    }
}

/// `validateKubeFinalizerName`
fn kube_finalizers(metadata: At<'_>, causes: &mut Causes) {
    for finalizer in metadata.items_at("finalizers") {
        if !finalizer.str().contains('/')
            && !matches!(finalizer.str(), "kubernetes" | "orphan" | "foregroundDeletion")
        {
            causes.invalid(finalizer, "name is neither a standard finalizer name nor is it fully qualified");
        }
    }
}

/// `ValidateNoNewFinalizers`
fn no_new_finalizers(new: At<'_>, old: At<'_>, causes: &mut Causes) {
    let old: BTreeSet<&str> = old.strings().collect();
    let extra: BTreeSet<&str> = new.strings().filter(|finalizer| !old.contains(finalizer)).collect();
    if extra.is_empty() {
        return;
    }
    let quoted: Vec<String> = extra.into_iter().map(go_quote).collect();
    causes.forbidden(
        new,
        &format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            quoted.join(", ")
        ),
    );
}

/// `ValidateManagedFields`
fn managed_fields(entries: At<'_>, causes: &mut Causes) {
    for entry in entries.items() {
        let operation = entry.field("operation");
        if !matches!(operation.str(), "Apply" | "Update") {
            causes.invalid_value(operation, operation.str(), "must be `Apply` or `Update`");
        }
        let kind = entry.field("fieldsType");
        if !matches!(kind.str(), "" | "FieldsV1") {
            causes.invalid_value(kind, kind.str(), "must be `FieldsV1`");
        }
        let manager = entry.field("manager");
        if manager.len() > 128 {
            causes.too_long(manager, 128);
        }
        for (position, c) in manager.str().char_indices().filter(|(_, c)| *c != ' ' && !is_print(*c)) {
            let detail = format!("invalid character U+{:04X} (at position {position})", u32::from(c));
            causes.invalid(manager, &detail);
        }
        if entry.field("subresource").len() > 256 {
            causes.too_long(entry.field("subresource"), 256);
        }
    }
}

/// `ValidateTemplateObjectMeta`: of what is made from a template, only labels and annotations are its own.
pub(crate) fn template_meta(metadata: At<'_>, causes: &mut Causes) {
    annotations(metadata.field("annotations"), causes);
    labels(metadata.field("labels"), causes);
    for (name, value) in metadata.entries() {
        if !matches!(name, "annotations" | "labels" | "creationTimestamp") && value.is_set() {
            causes.forbidden(metadata.field(name), "cannot be set");
        }
    }
}

/// `ValidateImmutableField`: the same as before, or refused.
pub fn immutable(new: At<'_>, old: At<'_>, causes: &mut Causes) {
    if !new.same(old) {
        causes.invalid(new, IMMUTABLE);
    }
}

/// `ValidateNonnegativeField`
pub fn not_negative(at: At<'_>, causes: &mut Causes) {
    if at.int() < 0 {
        causes.invalid(at, NOT_NEGATIVE);
    }
}

/// A map of strings as `json.Marshal` prints it: sorted by key. For messages.
#[must_use]
pub fn map_value<'v>(map: At<'_>) -> Value<'v> {
    if !map.is_set() {
        return Value::Json("null".into());
    }
    let mut entries: Vec<(&str, &str)> = map.entries().map(|(key, value)| (key, value.str())).collect();
    entries.sort_unstable();
    let members: Vec<String> = entries
        .into_iter()
        .map(|(key, value)| format!("{}:{}", go_json_string(key), go_json_string(value)))
        .collect();
    Value::Json(format!("{{{}}}", members.join(",")))
}
