//! PersistentVolume (pkg/apis/core/validation, pkg/volume/validation).

use super::claims::{VOLUME_MODES, access_modes};
use super::{diff, sources};
use crate::field::{At, Causes};
use crate::go_value::{Shape, immutable_named, named, value};
use crate::validate::core::resource_names as resources;
use crate::{meta, names, selectors};

const NOT_INLINE: &str = "may not be specified in the context of inline volumes";
const MOUNT_OPTIONS: &str = "volume.beta.kubernetes.io/mount-options";

pub(crate) fn volume(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    let options = Options {
        inline: false,
        lenient_affinity: old.is_some_and(|old| has_bad_label_values(old.field("spec"))),
    };
    // on UPDATE the server validates twice; what it tells once more is the same
    meta::core_object_meta(object.field("metadata"), meta::name_is_subdomain, causes);
    let volume_spec = object.field("spec");
    let name = object.field("metadata").field("name");
    spec(volume_spec, name.str(), options, causes);
    mount_options(object, causes);
    let Some(stored) = old.map(|old| old.field("spec")) else { return };
    if let Some(difference) = diff::volume_sources(volume_spec, stored) {
        let at = volume_spec.field("persistentvolumesource");
        let detail = format!("spec.persistentvolumesource is immutable after creation\n{difference}");
        causes.forbidden(at, &detail);
    }
    let mode = object.said("volumeMode").reading(volume_spec.field("volumeMode"));
    immutable_named(mode, stored.field("volumeMode"), causes);
    affinity_change(object, volume_spec.field("nodeAffinity"), stored.field("nodeAffinity"), causes);
    let class = volume_spec.field("volumeAttributesClassName");
    if stored.has("volumeAttributesClassName") && !class.is_set() {
        causes.forbidden(class, "update from non-nil value to nil is forbidden");
    }
}

/// Labels of nodes that have got another name since.
const RENAMED: [(&str, &str); 5] = [
    ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"),
    ("beta.kubernetes.io/os", "kubernetes.io/os"),
    ("beta.kubernetes.io/arch", "kubernetes.io/arch"),
    ("beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"),
];

/// `validatePvNodeAffinity`: may be set once, and renamed labels followed.
fn affinity_change(object: At<'_>, new: At<'_>, old: At<'_>, causes: &mut Causes) {
    let same = |new: At<'_>, old: At<'_>| {
        let (key, before) = (new.str_at("key"), old.str_at("key"));
        (key == before || RENAMED.contains(&(before, key)))
            && new.field("operator").same(old.field("operator"))
            && new.field("values").same(old.field("values"))
    };
    let all = |new: At<'_>, old: At<'_>| {
        new.len() == old.len() && new.items().zip(old.items()).all(|(new, old)| same(new, old))
    };
    let terms = "required.nodeSelectorTerms";
    let (after, before) = (new.fields(terms), old.fields(terms));
    let unchanged = new.is_set()
        && after.len() == before.len()
        && after.items().zip(before.items()).all(|(new, old)| {
            ["matchExpressions", "matchFields"].into_iter().all(|list| all(new.field(list), old.field(list)))
        });
    if old.is_set() && !unchanged {
        let shown = value(new, &Shape::Pointer(diff::NODE_AFFINITY)).shown();
        let at = object.said("nodeAffinity").reading(new);
        causes.invalid_value(at, shown, "field is immutable, except for updating from beta label to GA");
    }
}

fn has_bad_label_values(spec: At<'_>) -> bool {
    let terms = spec.field("nodeAffinity").field("required").field("nodeSelectorTerms");
    terms.items().flat_map(|term| term.items_at("matchExpressions")).any(|requirement| {
        requirement.field("values").strings().any(|value| !names::label_value(value).is_empty())
    })
}

/// How a volume is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    inline: bool,
    lenient_affinity: bool,
}

impl Options {
    /// As a part of a VolumeAttachment.
    pub(crate) fn inline() -> Self {
        Self { inline: true, lenient_affinity: false }
    }
}

/// `ValidatePersistentVolumeSpec`
pub(crate) fn spec(at: At<'_>, name: &str, options: Options, causes: &mut Causes) {
    if options.inline {
        for field in ["claimRef", "capacity"] {
            if at.has(field) {
                causes.forbidden(at.field(field), NOT_INLINE);
            }
        }
        if !at.has("csi") {
            causes.required(at.field("csi"), "has to be specified in the context of inline volumes");
        }
    }
    let modes = at.field("accessModes");
    if modes.is_empty() {
        causes.required(modes, "");
    }
    access_modes(modes, causes);
    if !options.inline {
        capacity(at.field("capacity"), causes);
    }
    reclaim_policy(at.field("persistentVolumeReclaimPolicy"), options, causes);
    let affinity = at.field("nodeAffinity");
    if affinity.is_set() {
        node_affinity(affinity, options, causes);
    }
    sources::one(at, name, affinity.is_set() && !options.inline, causes);
    let reclaim = at.field("persistentVolumeReclaimPolicy");
    if at.has("hostPath") && is_root(at.field("hostPath").str_at("path")) && reclaim.str() == "Recycle" {
        causes.forbidden(reclaim, "may not be 'recycle' for a hostPath mount of '/'");
    }
    let class = at.field("storageClassName");
    if !class.str().is_empty() {
        if options.inline {
            causes.forbidden(class, NOT_INLINE);
        } else {
            names::dns1123_subdomain(class.str()).iter().for_each(|error| causes.invalid(class, error));
        }
    }
    volume_mode(at.field("volumeMode"), options, causes);
    if !options.inline {
        attributes_class(at, causes);
    }
}

fn capacity(at: At<'_>, causes: &mut Causes) {
    if at.is_empty() {
        causes.required(at, "");
    }
    if at.len() != 1 || at.node().is_none_or(|node| node.get("storage").is_none()) {
        causes.not_supported(at, at, &["storage"]);
    }
    for (_, value) in at.entries() {
        let amount = resources::quantity(value);
        if let Some(whole) = amount.whole().filter(|whole| *whole < 0) {
            causes.invalid_value(value, whole, "must be a valid resource quantity");
        }
        resources::positive(value, &amount, causes);
    }
}

fn reclaim_policy(at: At<'_>, options: Options, causes: &mut Causes) {
    match at.str() {
        "" => {}
        "Retain" if options.inline => {}
        _ if options.inline => causes.forbidden(at, "may only be Retain in the context of inline volumes"),
        "Delete" | "Recycle" | "Retain" => {}
        _ => causes.not_supported(at, named(at.str()), &["Delete", "Recycle", "Retain"]),
    }
}

fn node_affinity(at: At<'_>, options: Options, causes: &mut Causes) {
    let required = at.field("required");
    if options.inline {
        causes.forbidden(at, NOT_INLINE);
    } else if required.is_set() {
        selectors::nodes(required, options.lenient_affinity, causes);
    } else {
        causes.required(required, "must specify required node constraints");
    }
}

/// Whether Go's `path.Clean` makes `/` of it.
fn is_root(path: &str) -> bool {
    let mut depth = 0_usize;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => depth = depth.saturating_sub(1),
            _ => depth += 1,
        }
    }
    path.starts_with('/') && depth == 0
}

fn volume_mode(at: At<'_>, options: Options, causes: &mut Causes) {
    if !at.is_set() {
        return;
    }
    if options.inline {
        if at.str() != "Filesystem" {
            let detail = "may not specify volumeMode other than Filesystem in the context of inline volumes";
            causes.forbidden(at, detail);
        }
    } else if !VOLUME_MODES.contains(&at.str()) {
        causes.not_supported(at, named(at.str()), &VOLUME_MODES);
    }
}

/// Without a gate of its own in volumes that are written inline.
fn attributes_class(spec: At<'_>, causes: &mut Causes) {
    let class = spec.field("volumeAttributesClassName");
    match class.opt_str() {
        None => return,
        Some("") => causes.required(class, "an empty string is disallowed"),
        Some(name) => names::dns1123_subdomain(name).iter().for_each(|error| causes.invalid(class, error)),
    }
    if !spec.has("csi") {
        causes.required(spec.field("csi"), "has to be specified when using volumeAttributesClassName");
    }
}

/// Which types of volumes take mount options by annotation.
const MOUNTED: [&str; 13] = [
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "nfs",
    "rbd",
    "quobyte",
    "iscsi",
    "cinder",
    "cephfs",
    "azureFile",
    "vsphereVolume",
    "azureDisk",
    "photonPersistentDisk",
];

fn mount_options(object: At<'_>, causes: &mut Causes) {
    let annotations = object.field("metadata").field("annotations");
    let there = annotations.node().is_some_and(|annotations| annotations.get(MOUNT_OPTIONS).is_some());
    if there && !MOUNTED.iter().any(|kind| object.field("spec").has(kind)) {
        let at = annotations.field(MOUNT_OPTIONS);
        causes.forbidden(at, "may not specify mount options for this volume type");
    }
}
