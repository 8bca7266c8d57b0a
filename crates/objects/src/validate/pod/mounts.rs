//! Volume mounts and devices of a container.

use std::collections::{BTreeMap, BTreeSet};

use super::spec::optional_one_of;
use super::volume::local_path;
use crate::field::{At, Causes};
use document::few::GatherFew as _;

/// Name and path of each; of one name the last path counts.
fn by_name<'d>(list: At<'d>, path: &'static str) -> BTreeMap<&'d str, &'d str> {
    list.items().map(|item| (item.str_at("name"), item.str_at(path))).gather()
}

/// `ValidateVolumeMounts`
pub(super) fn mounts<'d>(container: At<'d>, volumes: &BTreeMap<&str, At<'d>>, causes: &mut Causes) {
    let list = container.field("volumeMounts");
    let devices = by_name(container.field("volumeDevices"), "devicePath");
    let device_paths: BTreeSet<&str> = devices.values().copied().collect();
    let mut seen = BTreeSet::new();
    for mount in list.items() {
        let (name, path) = (mount.field("name"), mount.field("mountPath"));
        if name.is_empty() {
            causes.required(name, "");
        }
        if !volumes.contains_key(name.str()) {
            causes.not_found(name, name.str());
        }
        if path.is_empty() {
            causes.required(path, "");
        }
        if !seen.insert(path.str()) {
            causes.invalid_value(path, path.str(), "must be unique");
        }
        if devices.contains_key(name.str()) {
            causes.invalid_value(name, name.str(), "must not already exist in volumeDevices");
        }
        if device_paths.contains(path.str()) {
            causes.invalid_value(path, path.str(), "must not already exist as a path in volumeDevices");
        }
        sub_paths(list, mount, causes);
        propagation(list, mount, container, causes);
        recursive_read_only(list, mount, causes);
    }
}

/// From here on upstream forgets the index: `volumeMounts.subPath`.
fn sub_paths(list: At<'_>, mount: At<'_>, causes: &mut Causes) {
    let (path, expression) = (mount.field("subPath"), mount.field("subPathExpr"));
    if !path.is_empty() {
        local_path(list.said("subPath").reading(path), causes);
    }
    if !expression.is_empty() {
        if !path.is_empty() {
            causes.invalid(expression, "subPathExpr and subPath are mutually exclusive");
        }
        local_path(list.said("subPathExpr").reading(expression), causes);
    }
}

/// `validateMountPropagation`
fn propagation(list: At<'_>, mount: At<'_>, container: At<'_>, causes: &mut Causes) {
    let at = list.said("mountPropagation").reading(mount.field("mountPropagation"));
    optional_one_of(at, &["Bidirectional", "HostToContainer", "None"], causes);
    if at.str() == "Bidirectional" && !container.fields("securityContext.privileged").bool() {
        causes.forbidden(at, "Bidirectional mount propagation is available only to privileged containers");
    }
}

/// `validateMountRecursiveReadOnly`
fn recursive_read_only(list: At<'_>, mount: At<'_>, causes: &mut Causes) {
    let at = list.said("recursiveReadOnly").reading(mount.field("recursiveReadOnly"));
    optional_one_of(at, &["Disabled", "Enabled", "IfPossible"], causes);
    if matches!(at.str(), "Enabled" | "IfPossible") {
        if !mount.bool_at("readOnly") {
            causes.forbidden(at, "may only be specified when readOnly is true");
        }
        if !matches!(mount.opt_str_at("mountPropagation"), None | Some("None")) {
            causes.forbidden(at, "may only be specified when mountPropagation is None or not specified");
        }
    }
}

/// `ValidateVolumeDevices`
pub(super) fn devices<'d>(container: At<'d>, volumes: &BTreeMap<&str, At<'d>>, causes: &mut Causes) {
    let mounts = by_name(container.field("volumeMounts"), "mountPath");
    let mount_paths: BTreeSet<&str> = mounts.values().copied().collect();
    let (mut names, mut paths) = (BTreeSet::new(), BTreeSet::new());
    for device in container.items_at("volumeDevices") {
        let (name, path) = (device.field("name"), device.field("devicePath"));
        if name.is_empty() {
            causes.required(name, "");
        }
        if names.contains(name.str()) {
            causes.invalid_value(name, name.str(), "must be unique");
        }
        match volumes.get(name.str()) {
            None => causes.not_found(name, name.str()),
            Some(volume) if !volume.has("persistentVolumeClaim") && !volume.has("ephemeral") => {
                let detail =
                    "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                causes.invalid_value(name, name.str(), detail);
            }
            Some(_) => {}
        }
        if path.is_empty() {
            causes.required(path, "");
        }
        if paths.contains(path.str()) {
            causes.invalid_value(path, path.str(), "must be unique");
        }
        if path.str().split('/').any(|part| part == "..") {
            causes.invalid(path, "can not contain backsteps ('..')");
        } else {
            paths.insert(path.str());
        }
        if mounts.contains_key(name.str()) {
            causes.invalid_value(name, name.str(), "must not already exist in volumeMounts");
        }
        if mount_paths.contains(path.str()) {
            causes.invalid_value(path, path.str(), "must not already exist as a path in volumeMounts");
        }
        if !name.is_empty() {
            names.insert(name.str());
        }
    }
}
