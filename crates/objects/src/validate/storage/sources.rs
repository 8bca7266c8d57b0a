//! Where a PersistentVolume's bytes are (pkg/apis/core/validation, `validate*VolumeSource`).

use kubernetes_cel::library::regex::Regex;

use super::csi;
use crate::field::{At, Causes};
use crate::go_value::named;
use crate::names;

type SourceRule = fn(At<'_>, &mut Causes);

/// In the order in which the server looks: of several sources the first is looked at, the others are one too many.
/// Some rules call the field by another name, here in third place; the second name is used for what is too many.
const SOURCES: [(&str, &str, &str, SourceRule); 21] = [
    ("hostPath", "hostPath", "hostPath", host_path),
    ("gcePersistentDisk", "gcePersistentDisk", "persistentDisk", gce_disk),
    ("awsElasticBlockStore", "awsElasticBlockStore", "awsElasticBlockStore", aws_disk),
    ("glusterfs", "glusterfs", "glusterfs", glusterfs),
    ("flocker", "flocker", "flocker", flocker),
    ("nfs", "nfs", "nfs", nfs),
    ("rbd", "rbd", "rbd", |at, causes| required(at, &["monitors", "image"], causes)),
    ("quobyte", "quobyte", "quobyte", quobyte),
    ("cephfs", "cephFS", "cephfs", |at, causes| required(at, &["monitors"], causes)),
    ("iscsi", "iscsi", "iscsi", |_, _| {}),
    ("cinder", "cinder", "cinder", cinder),
    ("fc", "fc", "fc", fibre_channel),
    ("flexVolume", "flexVolume", "flexVolume", flex),
    ("azureFile", "azureFile", "azureFile", azure_file),
    ("vsphereVolume", "vsphereVolume", "vsphereVolume", |at, causes| required(at, &["volumePath"], causes)),
    ("photonPersistentDisk", "photonPersistentDisk", "photonPersistentDisk", |at, causes| {
        required(at, &["pdID"], causes);
    }),
    ("portworxVolume", "portworxVolume", "portworxVolume", |at, causes| required(at, &["volumeID"], causes)),
    ("azureDisk", "azureDisk", "azureDisk", azure_disk),
    ("scaleIO", "scaleIO", "scaleIO", |at, causes| {
        required(at, &["gateway", "system", "volumeName"], causes)
    }),
    ("local", "local", "local", local),
    ("storageos", "storageos", "storageos", storage_os),
];

/// There has to be one source. `affinity`: where the volume can be used is said.
pub(super) fn one(spec: At<'_>, name: &str, affinity: bool, causes: &mut Causes) {
    let mut found = false;
    let csi: (&str, &str, &str, SourceRule) = ("csi", "csi", "csi", csi_volume);
    for (field, surplus, called, rule) in SOURCES.into_iter().chain([csi]) {
        let source = spec.field(field);
        if !source.is_set() {
            continue;
        }
        // a flex volume is looked at even as the second, and said to be none too many
        if found && field != "flexVolume" {
            causes.forbidden(spec.said(surplus).reading(source), "may not specify more than 1 volume type");
            continue;
        }
        found = true;
        match field {
            "iscsi" => iscsi(source, name, causes),
            _ => rule(if called == field { source } else { spec.said(called).reading(source) }, causes),
        }
        if field == "local" && !affinity {
            causes.required(spec.field("nodeAffinity"), "Local volume requires node affinity");
        }
    }
    if !found {
        causes.required(spec, "must specify a volume type");
    }
}

/// Neither absent nor empty.
pub(crate) fn required(at: At<'_>, fields: &[&'static str], causes: &mut Causes) {
    for field in fields {
        let value = at.field(field);
        if value.str().is_empty() && value.is_empty() {
            causes.required(value, "");
        }
    }
}

pub(crate) fn host_path(at: At<'_>, causes: &mut Causes) {
    const TYPES: [&str; 8] =
        ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
    let (path, kind) = (at.field("path"), at.field("type"));
    if path.str().is_empty() {
        return causes.required(path, "");
    }
    no_way_up(path, causes);
    if kind.is_set() && !TYPES.contains(&kind.str()) {
        causes.not_supported(kind, named(kind.str()), &TYPES);
    }
}

pub(crate) fn no_way_up(path: At<'_>, causes: &mut Causes) {
    if path.str().split('/').any(|part| part == "..") {
        causes.invalid(path, "must not contain '..'");
    }
}

pub(crate) fn gce_disk(at: At<'_>, causes: &mut Causes) {
    required(at, &["pdName"], causes);
    partition(at.field("partition"), causes);
}

pub(crate) fn aws_disk(at: At<'_>, causes: &mut Causes) {
    required(at, &["volumeID"], causes);
    partition(at.field("partition"), causes);
}

/// The message is wrong about 0, which is let through.
fn partition(at: At<'_>, causes: &mut Causes) {
    if at.opt_int().is_some_and(|number| !(0..=255).contains(&number)) {
        causes.invalid(at, "must be between 1 and 255, inclusive");
    }
}

pub(crate) fn glusterfs(at: At<'_>, causes: &mut Causes) {
    required(at, &["endpoints", "path"], causes);
    let namespace = at.field("endpointsNamespace");
    match namespace.opt_str() {
        None => {}
        Some("") => {
            causes.invalid(namespace, "if the endpointnamespace is set, it must be a valid namespace name");
        }
        Some(name) => names::dns1123_label(name).iter().for_each(|error| causes.invalid(namespace, error)),
    }
}

pub(crate) fn flocker(at: At<'_>, causes: &mut Causes) {
    let (name, id) = (at.field("datasetName"), at.field("datasetUUID"));
    match (name.str().is_empty(), id.str().is_empty()) {
        (true, true) => causes.required(at, "one of datasetName and datasetUUID is required"),
        (false, false) => {
            let detail = "datasetName and datasetUUID can not be specified simultaneously";
            causes.invalid_value(at, "resource", detail);
        }
        _ => {}
    }
    if name.str().contains('/') {
        causes.invalid(name, "must not contain '/'");
    }
}

pub(crate) fn nfs(at: At<'_>, causes: &mut Causes) {
    required(at, &["server", "path"], causes);
    let path = at.field("path");
    if !path.str().starts_with('/') {
        causes.invalid_value(path, path.str(), "must be an absolute path");
    }
}

pub(crate) fn quobyte(at: At<'_>, causes: &mut Causes) {
    const PAIRS: &str = "must be a host:port pair or multiple pairs separated by commas";
    let (registry, tenant) = (at.field("registry"), at.field("tenant"));
    if registry.str().is_empty() {
        causes.required(registry, PAIRS);
    } else if tenant.str().len() >= 65 {
        causes.required(tenant, "must be a UUID and may not exceed a length of 64 characters");
    } else {
        for _ in registry.str().split(',').filter(|pair| !is_host_and_port(pair)) {
            causes.invalid(registry, PAIRS);
        }
    }
    required(at, &["volume"], causes);
}

/// Go's `net.SplitHostPort`
fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bare = match host.strip_prefix('[') {
        Some(rest) => match rest.strip_suffix(']') {
            Some(inner) => inner,
            None => return false,
        },
        None if host.contains(':') => return false,
        None => host,
    };
    !bare.contains(['[', ']']) && !port.contains(['[', ']'])
}

fn cinder(at: At<'_>, causes: &mut Causes) {
    required(at, &["volumeID"], causes);
    secret(at, causes);
}

fn secret(at: At<'_>, causes: &mut Causes) {
    let secret = at.field("secretRef");
    if secret.is_set() {
        required(secret, &["name", "namespace"], causes);
    }
}

fn iscsi(at: At<'_>, volume: &str, causes: &mut Causes) {
    let (portal, iqn, initiator) = (at.field("targetPortal"), at.field("iqn"), at.field("initiatorName"));
    required(at, &["targetPortal"], causes);
    if initiator.is_set() && volume.len() + 1 + portal.str().len() > 64 {
        let detail = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if \
            iscsi.initiatorName is specified.";
        causes.invalid(at.said("targetportal").reading(portal), detail);
    }
    if iqn.str().is_empty() {
        causes.required(iqn, "");
    } else if !is_iscsi_name(iqn.str()) {
        causes.invalid(iqn, "must be valid format");
    }
    lun(at.field("lun"), causes);
    let secret = at.field("secretRef");
    let asked =
        ["chapAuthDiscovery", "chapAuthSession"].iter().any(|field| at.opt_bool_at(field) == Some(true));
    if asked && !secret.is_set() {
        causes.required(secret, "");
    }
    if secret.is_set() {
        required(secret, &["name"], causes);
    }
    if initiator.is_set() && !is_iscsi_name(initiator.str()) {
        causes.invalid(at.said("initiatorname").reading(initiator), "must be valid format");
    }
}

pub(crate) fn lun(at: At<'_>, causes: &mut Causes) {
    if at.opt_int().is_some_and(|number| !(0..=255).contains(&number)) {
        causes.invalid(at, "must be between 0 and 255, inclusive");
    }
}

pub(crate) fn is_iscsi_name(name: &str) -> bool {
    const IQN: &str = r"iqn\.\d{4}-\d{2}\.([[:alnum:]-.]+)(:[^,;*&$|\s]+)$";
    let matches =
        |pattern| Regex::cached(pattern).is_ok_and(|pattern| pattern.is_match(name).unwrap_or(false));
    match name.get(..3) {
        Some("iqn") => matches(IQN),
        Some("eui") => matches("^eui.[[:alnum:]]{16}$"),
        Some("naa") => matches("^naa.[[:alnum:]]{32}$"),
        _ => false,
    }
}

pub(crate) fn fibre_channel(at: At<'_>, causes: &mut Causes) {
    let (names, ids, number) = (at.field("targetWWNs"), at.field("wwids"), at.field("lun"));
    if names.is_empty() && ids.is_empty() {
        causes.required(names, "must specify either targetWWNs or wwids, but not both");
    }
    if names.is_empty() {
        return;
    }
    if !ids.is_empty() {
        causes.invalid(names, "targetWWNs and wwids can not be specified simultaneously");
    }
    if number.is_set() {
        lun(number, causes);
    } else {
        causes.required(number, "lun is required if targetWWNs is specified");
    }
}

pub(crate) fn flex(at: At<'_>, causes: &mut Causes) {
    required(at, &["driver"], causes);
    for (key, value) in at.field("options").entries() {
        let namespace = format!(".{}", key.split_once('/').map_or(key, |(prefix, _)| prefix).to_lowercase());
        if namespace.ends_with(".kubernetes.io") || namespace.ends_with(".k8s.io") {
            causes.invalid_value(value, key, "kubernetes.io and k8s.io namespaces are reserved");
        }
    }
}

pub(crate) fn azure_file(at: At<'_>, causes: &mut Causes) {
    required(at, &["secretName", "shareName"], causes);
    if at.has("secretNamespace") {
        required(at, &["secretNamespace"], causes);
    }
}

pub(crate) fn azure_disk(at: At<'_>, causes: &mut Causes) {
    const CACHING: [&str; 3] = ["None", "ReadOnly", "ReadWrite"];
    const KINDS: [&str; 3] = ["Dedicated", "Managed", "Shared"];
    required(at, &["diskName", "diskURI"], causes);
    let (caching, kind, uri) = (at.field("cachingMode"), at.field("kind"), at.field("diskURI"));
    if caching.is_set() && !CACHING.contains(&caching.str()) {
        causes.not_supported(caching, named(caching.str()), &CACHING);
    }
    if kind.is_set() && !KINDS.contains(&kind.str()) {
        causes.not_supported(kind, named(kind.str()), &KINDS);
    }
    match kind.opt_str() {
        Some("Managed") if !uri.str().starts_with("/subscriptions/") => {
            let form = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}";
            causes.not_supported(uri, uri.str(), &[form]);
        }
        Some(kind) if kind != "Managed" && !uri.str().starts_with("https://") => {
            let form = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";
            causes.not_supported(uri, uri.str(), &[form]);
        }
        _ => {}
    }
}

fn local(at: At<'_>, causes: &mut Causes) {
    let path = at.field("path");
    if path.str().is_empty() {
        return causes.required(path, "");
    }
    no_way_up(path, causes);
}

fn storage_os(at: At<'_>, causes: &mut Causes) {
    required(at, &["volumeName"], causes);
    for field in ["volumeName", "volumeNamespace"] {
        let name = at.field(field);
        if !name.str().is_empty() {
            names::dns1123_label(name.str()).iter().for_each(|error| causes.invalid(name, error));
        }
    }
    secret(at, causes);
}

fn csi_volume(at: At<'_>, causes: &mut Causes) {
    csi::driver_name(at.field("driver"), causes);
    required(at, &["volumeHandle"], causes);
    // nodeStageSecretRef is not looked at
    for field in [
        "controllerPublishSecretRef",
        "controllerExpandSecretRef",
        "nodePublishSecretRef",
        "nodeExpandSecretRef",
    ] {
        let secret = at.field(field);
        if secret.is_set() {
            secret_reference(secret, causes);
        }
    }
}

fn secret_reference(at: At<'_>, causes: &mut Causes) {
    let (name, namespace) = (at.field("name"), at.field("namespace"));
    for (field, rule) in
        [(&name, names::dns1123_subdomain as fn(&str) -> names::Faults), (&namespace, names::dns1123_label)]
    {
        if field.str().is_empty() {
            causes.required(*field, "");
        } else {
            rule(field.str()).iter().for_each(|error| causes.invalid(*field, error));
        }
    }
}
