//! PersistentVolumeClaim (pkg/apis/core/validation).

use std::cmp::Ordering;

use super::diff;
use crate::field::{At, Causes, Value};
use crate::go_value::{immutable_named, named};
use crate::validate::core::resource_names as resources;
use crate::{meta, names, selectors};

const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
pub(super) const ACCESS_MODES: [&str; 4] =
    ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
pub(super) const VOLUME_MODES: [&str; 2] = ["Block", "Filesystem"];

pub(crate) fn claim(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    if let Some(old) = old {
        meta::core_object_meta_update(object.field("metadata"), old.field("metadata"), causes);
    }
    meta::core_object_meta(object.field("metadata"), meta::name_is_subdomain, causes);
    let stored = old.map(|old| old.field("spec"));
    let options = Options {
        lenient_selector: stored.as_ref().is_some_and(|s| !selectors::labels_are_valid(s.field("selector"))),
        lenient_group: stored
            .as_ref()
            .is_some_and(|s| ["dataSource", "dataSourceRef"].iter().any(|f| s.field(f).has("apiGroup"))),
    };
    let sources = DataSources::normalized(object.field("spec"), stored);
    with_sources(object.field("spec"), sources, options, causes);
    if let Some(old) = old {
        changes(object, old, causes);
    }
}

/// What is let through because it was stored so.
#[derive(Clone, Copy, Default)]
struct Options {
    lenient_selector: bool,
    lenient_group: bool,
}

/// `ValidatePersistentVolumeClaimSpec` of a claim template, whose sources are taken as they are written.
pub(crate) fn template_spec(at: At<'_>, causes: &mut Causes) {
    with_sources(at, DataSources::written(at), Options::default(), causes);
}

fn with_sources(at: At<'_>, sources: DataSources<'_>, options: Options, causes: &mut Causes) {
    let modes = at.field("accessModes");
    if modes.is_empty() {
        causes.required(modes, "at least 1 access mode is required");
    }
    selectors::labels(at.field("selector"), options.lenient_selector, causes);
    access_modes(modes, causes);
    requested_storage(at, causes);
    class_name(at.field("storageClassName"), causes);
    let mode = at.field("volumeMode");
    if mode.is_set() && !VOLUME_MODES.contains(&mode.str()) {
        causes.not_supported(mode, named(mode.str()), &VOLUME_MODES);
    }
    data_sources(at, sources, options, causes);
    class_name(at.field("volumeAttributesClassName"), causes);
}

/// Every unknown mode is told at the list.
pub(super) fn access_modes(at: At<'_>, causes: &mut Causes) {
    for mode in at.strings().filter(|mode| !ACCESS_MODES.contains(mode)) {
        causes.not_supported(at, named(mode), &ACCESS_MODES);
    }
    let alone = |mode: &str| mode == "ReadWriteOncePod";
    if at.strings().any(alone) && at.strings().any(|mode| ACCESS_MODES.contains(&mode) && !alone(mode)) {
        causes.forbidden(at, "may not use ReadWriteOncePod with other access modes");
    }
}

/// The request is told at `spec.resources[storage]`, without `requests`.
fn requested_storage(spec: At<'_>, causes: &mut Causes) {
    let resources_at = spec.field("resources");
    let request = resources_at.field("requests").key("storage");
    let at = resources_at.key("storage").reading(request);
    let there =
        resources_at.field("requests").node().is_some_and(|requests| requests.get("storage").is_some());
    if !there {
        causes.required(at, "");
    } else if resources::positive(at, &resources::quantity(request), causes) {
        resources::amount(at, "storage", causes);
    }
}

fn class_name(at: At<'_>, causes: &mut Causes) {
    if !at.str().is_empty() {
        for error in names::dns1123_subdomain(at.str()) {
            causes.invalid(at, &error);
        }
    }
}

/// Where a claim's content comes from: `dataSource` and `dataSourceRef`, as a copy of each other where one is absent.
#[derive(Clone, Copy)]
pub(super) struct DataSources<'d> {
    pub(super) source: At<'d>,
    pub(super) reference: At<'d>,
}

impl<'d> DataSources<'d> {
    fn written(spec: At<'d>) -> Self {
        Self { source: spec.field("dataSource"), reference: spec.field("dataSourceRef") }
    }

    /// What the server makes of them before (pkg/api/persistentvolumeclaim): references into another namespace are
    /// dropped, by the default of a gate, and sources that are neither claims nor snapshots.
    fn normalized(spec: At<'d>, old: Option<At<'d>>) -> Self {
        let Self { mut source, mut reference } = Self::written(spec);
        let before = old.map(Self::written);
        let had_reference = before.is_some_and(|before| before.reference.is_set());
        if !reference.is_empty_at("namespace") && !had_reference {
            reference = spec.said("dataSourceRef");
        }
        let had_any = had_reference || before.is_some_and(|before| before.source.is_set());
        if !had_any && !reference.is_set() && !is_claim_or_snapshot(source) {
            source = spec.said("dataSource");
        }
        if !reference.is_set() {
            reference = spec.said("dataSourceRef").reading(source);
        } else if !source.is_set() && reference.is_empty_at("namespace") {
            source = spec.said("dataSource").reading(reference);
        }
        Self { source, reference }
    }
}

fn is_claim_or_snapshot(at: At<'_>) -> bool {
    matches!(
        (at.str_at("apiGroup"), at.str_at("kind")),
        ("", "PersistentVolumeClaim") | ("snapshot.storage.k8s.io", "VolumeSnapshot")
    )
}

fn data_sources(spec: At<'_>, sources: DataSources<'_>, options: Options, causes: &mut Causes) {
    let DataSources { source, reference } = sources;
    data_source(source, options, causes);
    data_source(reference, options, causes);
    let namespace = reference.field("namespace");
    if !namespace.is_empty() {
        causes.invalid_each(namespace, namespace.str(), names::dns1123_label(namespace.str()));
    }
    if !source.is_set() || !reference.is_set() {
        return;
    }
    // the value is a path of Go, a struct without exported fields
    let path = || Value::Json("{}".to_owned());
    if !namespace.is_empty() {
        causes.invalid_value(spec, path(), "may not be specified when dataSourceRef.namespace is specified");
    } else if ["kind", "name"].iter().any(|field| source.str_at(field) != reference.str_at(field))
        || source.opt_str_at("apiGroup") != reference.opt_str_at("apiGroup")
    {
        causes.invalid_value(spec, path(), "must match dataSourceRef");
    }
}

fn data_source(at: At<'_>, options: Options, causes: &mut Causes) {
    if !at.is_set() {
        return;
    }
    let [name, kind, group] = ["name", "kind", "apiGroup"].map(|field| at.field(field));
    for needed in [&name, &kind] {
        if needed.str().is_empty() {
            causes.required(*needed, "");
        }
    }
    if group.str().is_empty() {
        if kind.str() != "PersistentVolumeClaim" {
            let detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
            causes.invalid_value(at, kind.str(), detail);
        }
    } else if !options.lenient_group {
        for error in names::dns1123_subdomain(group.str()) {
            causes.invalid(group, &error);
        }
    }
}

/// What may not change (`ValidatePersistentVolumeClaimUpdate`).
fn changes(object: At<'_>, old: At<'_>, causes: &mut Causes) {
    let (new_spec, old_spec) = (object.field("spec"), old.field("spec"));
    let annotation =
        |at: At<'_>| at.field("metadata").field("annotations").key(BETA_CLASS).opt_str().map(str::to_owned);
    let (new_note, old_note) = (annotation(object), annotation(old));
    let (new_class, old_class) =
        (new_spec.opt_str_at("storageClassName"), old_spec.opt_str_at("storageClassName"));
    let upgraded = old_note.is_some()
        && old_class.is_none()
        && new_class == old_note.as_deref()
        && (new_note.is_none() || new_note == old_note);
    let mut ignored: Vec<&str> = Vec::new();
    if upgraded {
        ignored.push("storageClassName");
    } else {
        if new_note.as_deref().unwrap_or_default() != old_note.as_deref().unwrap_or_default() {
            let at = object.field("metadata").field("annotations").field(BETA_CLASS);
            causes.invalid_value(at, new_note.as_deref().unwrap_or_default(), meta::IMMUTABLE);
        }
        if let (Some(new), None) = (new_class, old_class)
            && old_note.as_deref().is_none_or(|note| note == new)
        {
            ignored.push("storageClassName");
        }
    }
    if old_spec.str_at("volumeName").is_empty() {
        ignored.push("volumeName");
    }
    // the strategy takes the stored status
    let bound = old.field("status").str_at("phase") == "Bound";
    if bound {
        ignored.push("volumeAttributesClassName");
    }
    let after = (new_spec, DataSources::normalized(new_spec, Some(old_spec)));
    let before = (old_spec, DataSources::normalized(old_spec, Some(old_spec)));
    if let Some(difference) = diff::claim_specs(after, before, &ignored, bound) {
        let detail = format!(
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound \
             claims\n{difference}"
        );
        causes.forbidden(new_spec, &detail);
    }
    sizes(new_spec, old_spec, old, causes);
    let root_mode = object.said("volumeMode").reading(new_spec.field("volumeMode"));
    immutable_named(root_mode, old_spec.field("volumeMode"), causes);
    attributes_class(new_spec, old_spec, old, causes);
}

fn sizes(new_spec: At<'_>, old_spec: At<'_>, old: At<'_>, causes: &mut Causes) {
    let request =
        |spec: At<'_>| resources::quantity(spec.field("resources").field("requests").key("storage"));
    let capacity = resources::quantity(old.field("status").field("capacity").key("storage"));
    let new_size = request(new_spec);
    if new_size.compare(&request(old_spec)) == Ordering::Less
        && new_size.compare(&capacity) != Ordering::Greater
    {
        let at = new_spec.field("resources").field("requests").field("storage");
        causes.forbidden(at, "field can not be less than status.capacity");
    }
}

fn attributes_class(new_spec: At<'_>, old_spec: At<'_>, old: At<'_>, causes: &mut Causes) {
    let (new, before) =
        (new_spec.field("volumeAttributesClassName"), old_spec.field("volumeAttributesClassName"));
    if new.opt_str() == before.opt_str() || !old.field("status").has("currentVolumeAttributesClassName") {
        return;
    }
    let to = match new.opt_str() {
        None => "nil",
        Some("") => "empty string",
        Some(_) => return,
    };
    let detail =
        format!("update to {to} is forbidden when status.currentVolumeAttributesClassName is not nil");
    causes.forbidden(new, &detail);
}
