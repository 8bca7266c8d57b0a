//! Volumes of all kinds.

use std::collections::{BTreeMap, BTreeSet};

use super::spec::one_of;
use super::{PodOptions, env, projected};
use crate::field::{At, Causes, go_quote};
use crate::validate::core::resource_names;
use crate::validate::storage::{claims, csi, sources};
use crate::{meta, names};

type VolumeRule = fn(At<'_>, &PodOptions, &mut Causes);

const MODE: &str = "must be a number between 0 and 0777 (octal), both inclusive";

/// In the order in which the server looks: of several the first is judged, the others are one too many. Some
/// rules call the field by another name: the second for what is too many, the third for what is judged.
const SOURCES: [(&str, &str, &str, VolumeRule); 29] = [
    ("hostPath", "hostPath", "hostPath", |at, _, causes| sources::host_path(at, causes)),
    ("gitRepo", "gitRepo", "gitRepo", git_repo),
    ("gcePersistentDisk", "gcePersistentDisk", "persistentDisk", |at, _, causes| {
        sources::gce_disk(at, causes);
    }),
    ("awsElasticBlockStore", "awsElasticBlockStore", "awsElasticBlockStore", |at, _, causes| {
        sources::aws_disk(at, causes);
    }),
    ("secret", "secret", "secret", |at, _, causes| keyed(at, "secretName", causes)),
    ("nfs", "nfs", "nfs", |at, _, causes| sources::nfs(at, causes)),
    ("iscsi", "iscsi", "iscsi", iscsi),
    ("glusterfs", "glusterfs", "glusterfs", |at, _, causes| {
        sources::required(at, &["endpoints", "path"], causes);
    }),
    ("flocker", "flocker", "flocker", |at, _, causes| sources::flocker(at, causes)),
    ("persistentVolumeClaim", "persistentVolumeClaim", "persistentVolumeClaim", |at, _, causes| {
        sources::required(at, &["claimName"], causes);
    }),
    ("rbd", "rbd", "rbd", |at, _, causes| sources::required(at, &["monitors", "image"], causes)),
    ("cinder", "cinder", "cinder", |at, _, causes| {
        sources::required(at, &["volumeID"], causes);
        secret_name(at, causes);
    }),
    ("cephfs", "cephFS", "cephfs", |at, _, causes| sources::required(at, &["monitors"], causes)),
    ("quobyte", "quobyte", "quobyte", |at, _, causes| sources::quobyte(at, causes)),
    ("downwardAPI", "downwarAPI", "downwardAPI", downward_api),
    ("fc", "fc", "fc", |at, _, causes| sources::fibre_channel(at, causes)),
    ("flexVolume", "flexVolume", "flexVolume", |at, _, causes| sources::flex(at, causes)),
    ("configMap", "configMap", "configMap", |at, _, causes| keyed(at, "name", causes)),
    ("azureFile", "azureFile", "azureFile", |at, _, causes| {
        sources::required(at, &["secretName", "shareName"], causes);
    }),
    ("vsphereVolume", "vsphereVolume", "vsphereVolume", |at, _, causes| {
        sources::required(at, &["volumePath"], causes);
    }),
    ("photonPersistentDisk", "photonPersistentDisk", "photonPersistentDisk", |at, _, causes| {
        sources::required(at, &["pdID"], causes);
    }),
    ("portworxVolume", "portworxVolume", "portworxVolume", |at, _, causes| {
        sources::required(at, &["volumeID"], causes);
    }),
    ("azureDisk", "azureDisk", "azureDisk", |at, _, causes| sources::azure_disk(at, causes)),
    ("storageos", "storageos", "storageos", storage_os),
    ("projected", "projected", "projected", |at, options, causes| {
        file_mode(at.field("defaultMode"), causes);
        projected::check(at, options, causes);
    }),
    ("scaleIO", "scaleIO", "scaleIO", |at, _, causes| {
        sources::required(at, &["gateway", "system", "volumeName"], causes);
    }),
    ("csi", "csi", "csi", csi_volume),
    ("ephemeral", "ephemeral", "ephemeral", ephemeral),
    ("image", "image", "image", image),
];

/// `ValidateVolumes`: the volumes without a fault, by name. `metadata` only of a Pod itself.
pub(super) fn check<'d>(
    volumes: At<'d>,
    metadata: Option<At<'d>>,
    options: &PodOptions,
    causes: &mut Causes,
) -> BTreeMap<&'d str, At<'d>> {
    let pod = metadata.map(meta::final_name).unwrap_or_default();
    let created: BTreeSet<String> = volumes
        .items()
        .filter(|volume| !pod.is_empty() && volume.has("ephemeral"))
        .map(|volume| format!("{pod}-{}", volume.str_at("name")))
        .collect();
    let mut found = BTreeMap::new();
    for volume in volumes.items() {
        let before = causes.len();
        let name = volume.field("name");
        source(volume, &pod, options, causes);
        if name.is_empty() {
            causes.required(name, "");
        } else {
            causes.invalid_each(name, name.str(), names::dns1123_label(name.str()));
        }
        if found.contains_key(name.str()) {
            causes.duplicate(name, name.str());
        }
        if causes.len() == before {
            found.insert(name.str(), volume);
        }
        let claim = volume.fields("persistentVolumeClaim.claimName");
        if created.contains(claim.str()) {
            causes.invalid(claim, "must not reference a PVC that gets created for an ephemeral volume");
        }
    }
    found
}

/// `validateVolumeSource`
fn source(volume: At<'_>, pod: &str, options: &PodOptions, causes: &mut Causes) {
    let mut found = volume.has("emptyDir");
    let limit = volume.fields("emptyDir.sizeLimit");
    if limit.is_set() && resource_names::quantity(limit).sign() < 0 {
        causes.forbidden(limit, "SizeLimit field must be a valid resource quantity");
    }
    let name = volume.field("name");
    for (field, surplus, called, rule) in SOURCES {
        if !volume.has(field) {
            continue;
        }
        let source = volume.field(field);
        let first = !found;
        found = true;
        if first {
            rule(if called == field { source } else { volume.said(called).reading(source) }, options, causes);
        } else {
            causes.forbidden(volume.said(surplus).reading(source), "may not specify more than 1 volume type");
        }
        match field {
            "iscsi" => iscsi_length(source, name, causes),
            "ephemeral" if first && !pod.is_empty() && !name.is_empty() => {
                let claim = format!("{pod}-{}", name.str());
                for fault in names::dns1123_subdomain(&claim) {
                    causes.invalid(name, &format!("PVC name {}: {fault}", go_quote(&claim)));
                }
            }
            _ => {}
        }
    }
    if !found {
        causes.required(volume, "must specify a volume type");
    }
}

fn file_mode(at: At<'_>, causes: &mut Causes) {
    if at.opt_int().is_some_and(|mode| !(0..=0o777).contains(&mode)) {
        causes.invalid(at, MODE);
    }
}

/// `validateLocalDescendingPath`
pub(super) fn descending_path(at: At<'_>, causes: &mut Causes) {
    if at.str().starts_with('/') {
        causes.invalid(at, "must be a relative path");
    }
    sources::no_way_up(at, causes);
}

/// What `subPath` and its like must be.
pub(super) fn local_path(at: At<'_>, causes: &mut Causes) {
    descending_path(at, causes);
}

/// `ValidateLocalNonReservedPath`
pub(super) fn unreserved_path(at: At<'_>, causes: &mut Causes) {
    descending_path(at, causes);
    if at.str().starts_with("..") && !at.str().starts_with("../") {
        causes.invalid(at, "must not start with '..'");
    }
}

fn git_repo(at: At<'_>, _: &PodOptions, causes: &mut Causes) {
    sources::required(at, &["repository"], causes);
    descending_path(at.field("directory"), causes);
}

/// `validateSecretVolumeSource`, `validateConfigMapVolumeSource`
fn keyed(at: At<'_>, name: &'static str, causes: &mut Causes) {
    sources::required(at, &[name], causes);
    file_mode(at.field("defaultMode"), causes);
    at.items_at("items").for_each(|item| key_to_path(item, causes));
}

/// `validateKeyToPath`
pub(super) fn key_to_path(at: At<'_>, causes: &mut Causes) {
    sources::required(at, &["key", "path"], causes);
    unreserved_path(at.field("path"), causes);
    file_mode(at.field("mode"), causes);
}

fn secret_name(at: At<'_>, causes: &mut Causes) {
    if at.has("secretRef") {
        sources::required(at.field("secretRef"), &["name"], causes);
    }
}

/// `validateISCSIVolumeSource`
fn iscsi(at: At<'_>, _: &PodOptions, causes: &mut Causes) {
    let (name, initiator) = (at.field("iqn"), at.field("initiatorName"));
    sources::required(at, &["targetPortal", "iqn"], causes);
    if !name.is_empty() {
        iscsi_name(name, name, causes);
    }
    sources::lun(at.field("lun"), causes);
    let authenticates = ["chapAuthDiscovery", "chapAuthSession"].iter().any(|field| at.bool_at(field));
    if authenticates && !at.has("secretRef") {
        causes.required(at.field("secretRef"), "");
    }
    if initiator.is_set() {
        iscsi_name(at.said("initiatorname").reading(initiator), initiator, causes);
    }
}

fn iscsi_name(at: At<'_>, name: At<'_>, causes: &mut Causes) {
    if !["iqn", "eui", "naa"].iter().any(|kind| name.str().starts_with(kind)) {
        causes.invalid(at, "must be valid format starting with iqn, eui, or naa");
    } else if !sources::is_iscsi_name(name.str()) {
        causes.invalid(at, "must be valid format");
    }
}

fn iscsi_length(source: At<'_>, name: At<'_>, causes: &mut Causes) {
    let portal = source.str_at("targetPortal");
    if source.has("initiatorName") && name.str().len() + 1 + portal.len() > 64 {
        let detail = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";
        causes.invalid_value(name, name.str(), detail);
    }
}

/// `validateDownwardAPIVolumeSource`; faults of a file are told at the source, without the list.
fn downward_api(at: At<'_>, _: &PodOptions, causes: &mut Causes) {
    file_mode(at.field("defaultMode"), causes);
    at.items_at("items").for_each(|file| downward_file(at, file, causes));
}

/// `validateDownwardAPIVolumeFile`
pub(super) fn downward_file(at: At<'_>, file: At<'_>, causes: &mut Causes) {
    let at_field = |name: &'static str| at.said(name).reading(file.field(name));
    let (path, field, resource) = (at_field("path"), at_field("fieldRef"), at_field("resourceFieldRef"));
    if path.is_empty() {
        causes.required(path, "");
    }
    unreserved_path(path, causes);
    if field.is_set() {
        env::object_field(field, &env::OF_VOLUMES, causes);
        if resource.is_set() {
            let detail = "fieldRef and resourceFieldRef can not be specified simultaneously";
            causes.invalid_value(at.reading(file), "resource", detail);
        }
    } else if resource.is_set() {
        env::resource_field(resource, true, causes);
    } else {
        causes.required(at.reading(file), "one of fieldRef and resourceFieldRef is required");
    }
    file_mode(at_field("mode"), causes);
}

fn storage_os(at: At<'_>, _: &PodOptions, causes: &mut Causes) {
    sources::required(at, &["volumeName"], causes);
    for name in ["volumeName", "volumeNamespace"].map(|field| at.field(field)) {
        if !name.is_empty() {
            causes.invalid_each(name, name.str(), names::dns1123_label(name.str()));
        }
    }
    secret_name(at, causes);
}

/// `validateCSIVolumeSource`; a wrong name of the secret is told at `csi.name`.
fn csi_volume(at: At<'_>, _: &PodOptions, causes: &mut Causes) {
    csi::driver_name(at.field("driver"), causes);
    let secret = at.field("nodePublishSecretRef");
    let name = secret.field("name");
    if secret.is_set() && name.is_empty() {
        causes.required(name, "");
    } else if secret.is_set() {
        causes.invalid_each(at.said("name").reading(name), name.str(), names::dns1123_subdomain(name.str()));
    }
}

/// `validateEphemeralVolumeSource`
fn ephemeral(at: At<'_>, _: &PodOptions, causes: &mut Causes) {
    let template = at.field("volumeClaimTemplate");
    if !template.is_set() {
        return causes.required(template, "");
    }
    meta::template_meta(template.field("metadata"), causes);
    claims::template_spec(template.field("spec"), causes);
}

/// `validateImageVolumeSource`
fn image(at: At<'_>, options: &PodOptions, causes: &mut Causes) {
    if options.is_pod {
        sources::required(at, &["reference"], causes);
    }
    one_of(at.field("pullPolicy"), &["Always", "IfNotPresent", "Never"], causes);
}

/// `hasNonLocalProjectedTokenPath`
pub(super) fn has_foreign_token_path(spec: At<'_>) -> bool {
    let mut causes = Causes::new();
    spec.items_at("volumes")
        .flat_map(|volume| volume.fields("projected.sources").items())
        .map(|source| source.field("serviceAccountToken"))
        .filter(|token| token.is_set())
        .for_each(|token| unreserved_path(token.field("path"), &mut causes));
    !causes.is_empty()
}
