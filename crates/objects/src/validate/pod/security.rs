//! Security contexts of Pods and containers.

use std::collections::BTreeSet;

use super::spec::optional_one_of;
use super::{PodOptions, volume, windows};
use crate::field::{At, Causes};
use crate::go_value::{self, Field, Shape};
use crate::names;

const SECCOMP: &[Field] =
    &[Field("Type", "type", Shape::Text), Field("LocalhostProfile", "localhostProfile", Shape::Plain)];

/// `SecurityContext` of pkg/apis/core/types.go
const CONTEXT: &[Field] = &[
    Field(
        "Capabilities",
        "capabilities",
        Shape::Pointer(&[Field("Add", "add", Shape::Plain), Field("Drop", "drop", Shape::Plain)]),
    ),
    Field("Privileged", "privileged", Shape::Plain),
    Field(
        "SELinuxOptions",
        "seLinuxOptions",
        Shape::Pointer(&[
            Field("User", "user", Shape::Text),
            Field("Role", "role", Shape::Text),
            Field("Type", "type", Shape::Text),
            Field("Level", "level", Shape::Text),
        ]),
    ),
    Field(
        "WindowsOptions",
        "windowsOptions",
        Shape::Pointer(&[
            Field("GMSACredentialSpecName", "gmsaCredentialSpecName", Shape::Plain),
            Field("GMSACredentialSpec", "gmsaCredentialSpec", Shape::Plain),
            Field("RunAsUserName", "runAsUserName", Shape::Plain),
            Field("HostProcess", "hostProcess", Shape::Plain),
        ]),
    ),
    Field("RunAsUser", "runAsUser", Shape::Plain),
    Field("RunAsGroup", "runAsGroup", Shape::Plain),
    Field("RunAsNonRoot", "runAsNonRoot", Shape::Plain),
    Field("ReadOnlyRootFilesystem", "readOnlyRootFilesystem", Shape::Plain),
    Field("AllowPrivilegeEscalation", "allowPrivilegeEscalation", Shape::Plain),
    Field("ProcMount", "procMount", Shape::Plain),
    Field("SeccompProfile", "seccompProfile", Shape::Pointer(SECCOMP)),
    Field("AppArmorProfile", "appArmorProfile", Shape::Pointer(SECCOMP)),
];

fn ids(at: At<'_>, causes: &mut Causes) {
    if let Some(id) = at.opt_int() {
        for fault in names::user_id(id) {
            causes.invalid(at, &fault);
        }
    }
}

/// `validatePodSpecSecurityContext`
pub(super) fn of_pod(spec: At<'_>, options: &PodOptions, causes: &mut Causes) {
    let at = spec.field("securityContext");
    let says_nothing = at.is_empty();
    if !says_nothing {
        for name in ["fsGroup", "runAsUser", "runAsGroup"] {
            ids(at.field(name), causes);
        }
        at.items_at("supplementalGroups").for_each(|group| ids(group, causes));
    }
    let shared = spec.field("shareProcessNamespace");
    if shared.bool() && spec.bool_at("hostPID") {
        causes.invalid(
            at.said("shareProcessNamespace").reading(shared),
            "ShareProcessNamespace and HostPID cannot both be enabled",
        );
    }
    if says_nothing {
        return;
    }
    sysctls(spec, options, causes);
    optional_one_of(at.field("fsGroupChangePolicy"), &["Always", "OnRootMismatch"], causes);
    seccomp(at.field("seccompProfile"), causes);
    windows::options(at.field("windowsOptions"), causes);
    app_armor(at.field("appArmorProfile"), causes);
    optional_one_of(at.field("supplementalGroupsPolicy"), &["Merge", "Strict"], causes);
    let selinux: &[&str] =
        if options.any_selinux_policy { &["MountOption", "Recursive"] } else { &["Recursive"] };
    optional_one_of(at.field("seLinuxChangePolicy"), selinux, causes);
}

/// `ValidateSecurityContext`
pub(super) fn of_container(at: At<'_>, host_users: bool, causes: &mut Causes) {
    if at.is_empty() {
        return;
    }
    ids(at.field("runAsUser"), causes);
    ids(at.field("runAsGroup"), causes);
    let mount = at.field("procMount");
    optional_one_of(mount, &["Default", "Unmasked"], causes);
    if host_users && mount.str() == "Unmasked" {
        causes.invalid(mount, "`hostUsers` must be false to use `Unmasked`");
    }
    seccomp(at.field("seccompProfile"), causes);
    if at.opt_bool_at("allowPrivilegeEscalation") == Some(false) {
        let shown = || go_value::value(at, &Shape::Pointer(CONTEXT)).shown();
        if at.bool_at("privileged") {
            causes.invalid_value(
                at,
                shown(),
                "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
            );
        }
        for _ in at.fields("capabilities.add").strings().filter(|name| *name == "CAP_SYS_ADMIN") {
            causes.invalid_value(
                at,
                shown(),
                "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN",
            );
        }
    }
    windows::options(at.field("windowsOptions"), causes);
    app_armor(at.field("appArmorProfile"), causes);
}

const PROFILES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];

/// `validateSeccompProfileField`
fn seccomp(at: At<'_>, causes: &mut Causes) {
    if !at.is_set() {
        return;
    }
    let (kind, profile) = (at.field("type"), at.field("localhostProfile"));
    if kind.is_empty() {
        causes.required(kind, "type is required when seccompProfile is set");
    } else if !PROFILES.contains(&kind.str()) {
        causes.not_supported(kind, kind.str(), &PROFILES);
    }
    match (kind.str() == "Localhost", profile.is_set()) {
        (true, false) => causes.required(profile, "must be set when seccomp type is Localhost"),
        (true, true) => volume::descending_path(profile, causes),
        (false, true) => causes.invalid_value(
            profile,
            go_value::value(at, &Shape::Pointer(SECCOMP)).shown(),
            "can only be set when seccomp type is Localhost",
        ),
        (false, false) => {}
    }
}

/// `ValidateAppArmorProfileField`
fn app_armor(at: At<'_>, causes: &mut Causes) {
    if !at.is_set() {
        return;
    }
    let (kind, profile) = (at.field("type"), at.field("localhostProfile"));
    match kind.str() {
        "Localhost" => {
            let Some(text) = profile.opt_str() else {
                return causes.required(profile, "must be set when AppArmor type is Localhost");
            };
            if text.trim() != text {
                causes.invalid(profile, "must not be padded with whitespace");
            } else if text.is_empty() {
                causes.required(profile, "must be set when AppArmor type is Localhost");
            }
            if text.len() > 4095 {
                causes.too_long(profile, 4095);
            }
        }
        "RuntimeDefault" | "Unconfined" => {
            if profile.is_set() {
                causes.invalid(profile, "can only be set when AppArmor type is Localhost");
            }
        }
        "" => causes.required(kind, "type is required when appArmorProfile is set"),
        _ => causes.not_supported(kind, kind.str(), &PROFILES),
    }
}

/// `validateSysctls`
fn sysctls(spec: At<'_>, options: &PodOptions, causes: &mut Causes) {
    let mut seen = BTreeSet::new();
    for name in spec.fields("securityContext.sysctls").items().map(|sysctl| sysctl.field("name")) {
        if name.is_empty() {
            causes.required(name, "");
        } else if !is_sysctl(name.str()) {
            let segment = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
            let detail =
                format!("must have at most 253 characters and match regex ^({segment}[\\./])*{segment}$");
            causes.invalid(name, &detail);
        } else if seen.contains(name.str()) {
            causes.duplicate(name, name.str());
        }
        if let Some(detail) = host_sysctl(name.str(), spec).filter(|_| !options.host_sysctls) {
            causes.invalid(name, detail);
        }
        seen.insert(name.str());
    }
}

/// `IsValidSysctlName`
fn is_sysctl(name: &str) -> bool {
    let ends = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= 253
        && name.split(['.', '/']).map(str::as_bytes).all(|segment| {
            segment.first().is_some_and(ends)
                && segment.last().is_some_and(ends)
                && segment.iter().all(|byte| ends(byte) || b"-_".contains(byte))
        })
}

/// `ValidateHostSysctl`: a setting of a namespace that the Pod shares with its node.
fn host_sysctl(name: &str, spec: At<'_>) -> Option<&'static str> {
    // `net/ipv4/x.y` stands for `net.ipv4.x/y`
    let slashed = name.find(['.', '/']).is_some_and(|at| name.as_bytes().get(at) == Some(&b'/'));
    let dotted: String = name
        .chars()
        .map(|c| match c {
            '.' if slashed => '/',
            '/' if slashed => '.',
            _ => c,
        })
        .collect();
    let dotted = dotted.split('*').next().unwrap_or_default();
    let of_ipc = matches!(
        dotted,
        "kernel.sem"
            | "kernel.shmall"
            | "kernel.shmmax"
            | "kernel.shmmni"
            | "kernel.shm_rmid_forced"
            | "kernel.shm"
            | "kernel.msgmax"
            | "kernel.msgmnb"
            | "kernel.msgmni"
            | "kernel.msg"
    ) || dotted.starts_with("fs.mqueue.");
    if dotted.starts_with("net.") && spec.bool_at("hostNetwork") {
        return Some("may not be specified when 'hostNetwork' is true");
    }
    (of_ipc && spec.bool_at("hostIPC")).then_some("may not be specified when 'hostIPC' is true")
}

pub(super) fn has_host_sysctl(spec: At<'_>) -> bool {
    spec.fields("securityContext.sysctls")
        .items()
        .any(|sysctl| host_sysctl(sysctl.str_at("name"), spec).is_some())
}
