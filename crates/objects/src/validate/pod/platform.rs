//! What the operating system and the user namespace of a Pod rule out.

use super::{PodOptions, all_containers};
use crate::field::{At, Causes};

const OF_WINDOWS_POD: [&str; 4] = ["hostUsers", "hostPID", "hostIPC", "shareProcessNamespace"];

const OF_WINDOWS_CONTEXT: [&str; 10] = [
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "sysctls",
    "runAsUser",
    "runAsGroup",
    "supplementalGroups",
    "supplementalGroupsPolicy",
];

const OF_WINDOWS_CONTAINER: [&str; 10] = [
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
];

/// `validateOS`, `validateLinux`, `validateWindows`
pub(super) fn os(spec: At<'_>, causes: &mut Causes) {
    let os = spec.field("os");
    if !os.is_set() {
        return;
    }
    match os.str_at("name") {
        "" => causes.required(os.field("name"), ""),
        "linux" => linux(spec, causes),
        "windows" => windows(spec, causes),
        // told at `os`, and not at its name
        other => causes.not_supported(os, other, &["linux", "windows"]),
    }
}

fn linux(spec: At<'_>, causes: &mut Causes) {
    let pod = spec.fields("securityContext.windowsOptions");
    let containers = all_containers(spec).map(|container| container.fields("securityContext.windowsOptions"));
    for at in std::iter::once(pod).chain(containers).filter(|at| at.is_set()) {
        causes.forbidden(at, "windows options cannot be set for a linux pod");
    }
}

fn windows(spec: At<'_>, causes: &mut Causes) {
    const DETAIL: &str = "cannot be set for a windows pod";
    let context = spec.field("securityContext");
    for name in OF_WINDOWS_POD {
        let at = spec.field(name);
        // pointers count when they are there, plain booleans when they are true
        if at.is_set() && (at.bool() || matches!(name, "hostUsers" | "shareProcessNamespace")) {
            causes.forbidden(at, DETAIL);
        }
    }
    for name in OF_WINDOWS_CONTEXT.into_iter().chain(["seLinuxChangePolicy"]) {
        let at = context.field(name);
        if at.is_set() && (name != "sysctls" || !at.is_empty()) {
            causes.forbidden(at, DETAIL);
        }
    }
    for container in all_containers(spec) {
        for at in OF_WINDOWS_CONTAINER.map(|name| container.field("securityContext").field(name)) {
            if at.is_set() {
                causes.forbidden(at, DETAIL);
            }
        }
    }
}

/// `validateHostUsers`; two of upstream's paths are Go names.
pub(super) fn host_users(spec: At<'_>, options: &PodOptions, causes: &mut Causes) {
    const DETAIL: &str = "when `hostUsers` is false";
    if spec.opt_bool_at("hostUsers") != Some(false) {
        return;
    }
    for (name, said) in [("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")] {
        let at = spec.field(name);
        if at.bool() && !(name == "hostNetwork" && options.user_namespace_on_host_network) {
            causes.forbidden(spec.said(said).reading(at), DETAIL);
        }
    }
    if options.devices_of_user_namespace {
        return;
    }
    for devices in all_containers(spec).map(|container| container.field("volumeDevices")) {
        if !devices.is_empty() {
            causes.forbidden(devices, DETAIL);
        }
    }
}
