//! The Pod spec as a whole (`ValidatePodSpec`).

use std::collections::{BTreeMap, BTreeSet};

use super::{
    PodOptions, affinity, all_containers, claims, container, platform, resources, security, spread,
    toleration, volume, windows,
};
use crate::field::{At, Causes};
use crate::{meta, names};
use document::few::GatherFew as _;

/// What the containers of a Pod are judged by.
pub(super) struct Surroundings<'d> {
    pub(super) options: &'d PodOptions,
    /// Volumes without a fault, by name.
    pub(super) volumes: BTreeMap<&'d str, At<'d>>,
    pub(super) claims: BTreeSet<&'d str>,
    pub(super) grace_period: Option<i64>,
    pub(super) restart_policy: &'d str,
    pub(super) host_users: bool,
}

/// `metadata` only of a Pod itself.
pub(super) fn check<'d>(
    spec: At<'d>,
    metadata: Option<At<'d>>,
    options: &'d PodOptions,
    causes: &mut Causes,
) {
    if !spec.has("terminationGracePeriodSeconds") {
        causes.required(spec.field("terminationGracePeriodSeconds"), "");
    }
    let around = Surroundings {
        options,
        volumes: volume::check(spec.field("volumes"), metadata, options, causes),
        claims: claims::names(spec),
        grace_period: spec.opt_int_at("terminationGracePeriodSeconds"),
        restart_policy: spec.str_at("restartPolicy"),
        host_users: spec.opt_bool_at("hostUsers") != Some(false),
    };
    claims::check(spec.field("resourceClaims"), metadata, causes);
    container::containers(spec, &around, causes);
    container::init_containers(spec, &around, causes);
    container::ephemeral_containers(spec, &around, causes);
    resources::of_pod(spec, &around, causes);
    host_ports(spec, options, causes);
    one_of(spec.field("restartPolicy"), &["Always", "OnFailure", "Never"], causes);
    one_of(spec.field("dnsPolicy"), &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"], causes);
    meta::labels(spec.field("nodeSelector"), causes);
    security::of_pod(spec, options, causes);
    affinity::check(spec.field("affinity"), metadata, options, causes);
    dns_config(spec, causes);
    readiness_gates(spec.field("readinessGates"), causes);
    scheduling_gates(spec.field("schedulingGates"), causes);
    spread::check(spec, metadata, options, causes);
    windows::host_process(spec, causes);
    platform::host_users(spec, options, causes);
    host_name_override(spec, causes);
    simple_fields(spec, options, causes);
    resources::overhead(spec.field("overhead"), options, causes);
    platform::os(spec, causes);
    file_key_volumes(spec, causes);
}

/// Required, and one of those.
pub(super) fn one_of(at: At<'_>, supported: &[&str], causes: &mut Causes) {
    if at.is_empty() {
        causes.required(at, "");
    } else if !supported.contains(&at.str()) {
        causes.not_supported(at, at.str(), supported);
    }
}

/// If there, one of those (in the order of the message).
pub(super) fn optional_one_of(at: At<'_>, supported: &[&str], causes: &mut Causes) {
    if at.is_set() && !supported.contains(&at.str()) {
        causes.not_supported(at, at.str(), supported);
    }
}

/// The fields that depend on no other.
fn simple_fields(spec: At<'_>, options: &PodOptions, causes: &mut Causes) {
    let named = |name: &'static str, rule: fn(&str) -> names::Faults, causes: &mut Causes| {
        let at = spec.field(name);
        if !at.is_empty() {
            causes.invalid_each(at, at.str(), rule(at.str()));
        }
    };
    named("serviceAccountName", names::dns1123_subdomain, causes);
    named("nodeName", names::dns1123_subdomain, causes);
    let deadline = spec.field("activeDeadlineSeconds");
    if let Some(seconds) = deadline.opt_int() {
        for fault in names::in_range(seconds, 1, i64::from(i32::MAX)) {
            causes.invalid(deadline, &fault);
        }
    }
    named("hostname", names::dns1123_label, causes);
    named("subdomain", names::dns1123_label, causes);
    toleration::check(spec.field("tolerations"), options, causes);
    host_aliases(spec.field("hostAliases"), causes);
    named("priorityClassName", names::dns1123_subdomain, causes);
    let runtime = spec.field("runtimeClassName");
    if let Some(name) = runtime.opt_str() {
        causes.invalid_each(runtime, name, names::dns1123_subdomain(name));
    }
    let preemption = spec.field("preemptionPolicy");
    if preemption.is_set() {
        one_of(preemption, &["PreemptLowerPriority", "Never"], causes);
    }
}

/// `ValidateHostAliases`
fn host_aliases(aliases: At<'_>, causes: &mut Causes) {
    for alias in aliases.items() {
        let ip = alias.field("ip");
        causes.invalid_each(ip, ip.str(), names::ip_legacy(ip.str(), &[]));
        for name in alias.items_at("hostnames") {
            causes.invalid_each(name, name.str(), names::dns1123_subdomain(name.str()));
        }
    }
}

/// `validatePodHostNetworkDeps`
fn host_ports(spec: At<'_>, options: &PodOptions, causes: &mut Causes) {
    if !spec.bool_at("hostNetwork") {
        return;
    }
    for port in spec.items_at("containers").flat_map(|container| container.items_at("ports")) {
        let host = port.field("hostPort");
        if (options.is_pod || host.int() != 0) && host.int() != port.int_at("containerPort") {
            causes.invalid_value(host, host.int(), "must match `containerPort` when `hostNetwork` is true");
        }
    }
}

/// `validatePodDNSConfig`
fn dns_config(spec: At<'_>, causes: &mut Causes) {
    let config = spec.field("dnsConfig");
    let (servers, searches) = (config.field("nameservers"), config.field("searches"));
    if spec.str_at("dnsPolicy") == "None" {
        if !config.is_set() {
            return causes.required(config, "must provide `dnsConfig` when `dnsPolicy` is None");
        }
        if servers.is_empty() {
            return causes
                .required(servers, "must provide at least one DNS nameserver when `dnsPolicy` is None");
        }
    }
    if servers.len() > 3 {
        causes.invalid(servers, "must not have more than 3 nameservers");
    }
    for server in servers.items() {
        causes.invalid_each(server, server.str(), names::ip_legacy(server.str(), &[]));
    }
    if searches.len() > 32 {
        causes.invalid(searches, "must not have more than 32 search paths");
    }
    let characters = searches.strings().map(str::len).sum::<usize>() + searches.len().saturating_sub(1);
    if characters > 2048 {
        causes.invalid(
            searches,
            "must not have more than 2048 characters (including spaces) in the search list",
        );
    }
    for search in searches.items().filter(|search| search.str() != ".") {
        let name = search.str().strip_suffix('.').unwrap_or(search.str());
        causes.invalid_each(search, name, names::dns1123_subdomain_with_underscore(name));
    }
    for option in config.items_at("options").filter(|option| option.is_empty_at("name")) {
        causes.required(option, "must not be empty");
    }
}

fn readiness_gates(gates: At<'_>, causes: &mut Causes) {
    for condition in gates.items().map(|gate| gate.field("conditionType")) {
        causes.invalid_each(condition, condition.str(), names::qualified_name(condition.str()));
    }
}

/// The path is that of the gate, though the name is judged.
fn scheduling_gates(gates: At<'_>, causes: &mut Causes) {
    let mut seen = BTreeSet::new();
    for gate in gates.items() {
        let name = gate.str_at("name");
        causes.invalid_each(gate, name, names::qualified_name(name));
        if !seen.insert(name) {
            causes.duplicate(gate, name);
        }
    }
}

/// `validatePodHostName`
fn host_name_override(spec: At<'_>, causes: &mut Causes) {
    let at = spec.field("hostnameOverride");
    let Some(name) = at.opt_str() else { return };
    if spec.bool_at("setHostnameAsFQDN") {
        causes.forbidden(at, "may not be specified when setHostnameAsFQDN is true");
    }
    if spec.bool_at("hostNetwork") {
        causes.forbidden(at, "may not be specified when hostNetwork is true");
    }
    if name.len() > 64 {
        causes.too_long(at, 64);
    }
    causes.invalid_each(at, name, names::dns1123_subdomain(name));
}

/// `validateFileKeyRefVolumes`
fn file_key_volumes(spec: At<'_>, causes: &mut Causes) {
    let volumes: BTreeMap<&str, At<'_>> =
        spec.items_at("volumes").map(|volume| (volume.str_at("name"), volume)).gather();
    for entry in all_containers(spec).flat_map(|container| container.items_at("env")) {
        let file = entry.fields("valueFrom.fileKeyRef");
        if !file.is_set() {
            continue;
        }
        let name = file.field("volumeName");
        match volumes.get(name.str()) {
            None => causes.not_found(name, name.str()),
            Some(volume) if !volume.has("emptyDir") => {
                causes.invalid_value(name, name.str(), "referenced volume must be of type emptyDir");
            }
            Some(_) => {}
        }
    }
}
