//! What the server warns of in Pods and templates that it accepts (pkg/api/pod/warnings.go).

use std::collections::{BTreeMap, BTreeSet};

use super::{all_containers, annotations, overlap};
use crate::field::{At, go_quote};
use crate::names;
use crate::selectors::{deprecated_node_label, term_warnings};
use crate::validate::core::resource_names as resources;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

const DEPRECATED: [(&str, &str); 3] = [
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    ("security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
    (
        "security.alpha.kubernetes.io/unsafe-sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
];

const VOLUMES: [(&str, &str, &str); 9] = [
    ("photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("gitRepo", "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    ("scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

/// `pod.GetWarningsForPodTemplate`: `at` is the template; what was stored plays no part.
pub fn pod_template_warnings(at: At<'_>, old: Option<At<'_>>, warnings: &mut Vec<String>) {
    let _ = old;
    of_spec(at, false, warnings);
}

/// `warningsForPodSpecAndMeta`; `at` has `metadata` and `spec`.
pub(super) fn of_spec(at: At<'_>, is_pod: bool, warnings: &mut Vec<String>) {
    let (spec, notes) = (at.field("spec"), at.fields("metadata.annotations"));
    node_labels(spec, warnings);
    spread(spec, warnings);
    for (key, message) in DEPRECATED {
        if notes.key(key).is_set() {
            warnings.push(format!("{}: {message}", notes.key(key)));
        }
    }
    volumes(spec.field("volumes"), warnings);
    overlap::check(spec.field("volumes"), warnings);
    repeated(spec.field("hostAliases"), "ip", warnings);
    repeated(spec.field("imagePullSecrets"), "name", warnings);
    for name in spec.items_at("imagePullSecrets").map(|secret| secret.field("name")) {
        if name.is_empty() {
            warnings.push(format!("{name}: invalid empty name \"\""));
        }
    }
    fractions(spec.field("overhead"), warnings);
    if notes.key(annotations::SECCOMP_POD).is_set() && !spec.fields("securityContext.seccompProfile").is_set()
    {
        warnings.push(format!(
            "{}: non-functional in v1.27+; use the \"seccompProfile\" field instead",
            notes.key(annotations::SECCOMP_POD)
        ));
    }
    let named = [annotations::SECCOMP_CONTAINER, annotations::APP_ARMOR]
        .map(|prefix| annotations::by_container(notes, prefix));
    for container in all_containers(spec) {
        profiles(&named, spec, container, is_pod, warnings);
        let requirements = container.field("resources");
        if requirements.has("limits") || requirements.has("requests") {
            for name in ["memory", "ephemeral-storage"] {
                for list in ["limits", "requests"] {
                    fraction(requirements.field(list).key(name), warnings);
                }
            }
        }
        hidden_variables(container.field("env"), warnings);
    }
    ports(spec, warnings);
    port_names(spec, warnings);
    let grace = spec.field("terminationGracePeriodSeconds");
    if grace.int() < 0 {
        warnings.push(format!("{grace}: must be >= 0; negative values are invalid and will be treated as 1"));
    }
    affinity(spec.field("affinity"), warnings);
    for server in spec.fields("dnsConfig.nameservers").items() {
        warnings.extend(names::ip_warnings(server, server.str()));
    }
    for ip in spec.items_at("hostAliases").map(|alias| alias.field("ip")) {
        warnings.extend(names::ip_warnings(ip, ip.str()));
    }
}

fn node_labels(spec: At<'_>, warnings: &mut Vec<String>) {
    for (key, value) in spec.field("nodeSelector").entries() {
        if let Some(message) = deprecated_node_label(key) {
            warnings.push(format!("{value}: {message}"));
        }
    }
    let nodes = spec.fields("affinity.nodeAffinity");
    for term in nodes.field(REQUIRED).items_at("nodeSelectorTerms") {
        term_warnings(term, warnings);
    }
    for term in nodes.items_at(PREFERRED).map(|term| term.field("preference")) {
        term_warnings(term, warnings);
        for value in term.items_at("matchExpressions").flat_map(|expression| expression.items_at("values")) {
            for fault in names::label_value(value.str()) {
                warnings.push(format!("{value}: {} is invalid, {fault}", value.str()));
            }
        }
    }
}

fn spread(spec: At<'_>, warnings: &mut Vec<String>) {
    for constraint in spec.items_at("topologySpreadConstraints") {
        let key = constraint.field("topologyKey");
        if let Some(message) = deprecated_node_label(key.str()) {
            warnings.push(format!("{key}: {} is {message}", key.str()));
        }
        null_selector(constraint.field("labelSelector"), warnings);
    }
}

fn null_selector(selector: At<'_>, warnings: &mut Vec<String>) {
    if !selector.is_set() {
        warnings.push(format!("{selector}: a null labelSelector results in matching no pod"));
    }
}

fn affinity(affinity: At<'_>, warnings: &mut Vec<String>) {
    for kind in ["podAffinity", "podAntiAffinity"].map(|kind| affinity.field(kind)) {
        for term in kind.items_at(REQUIRED) {
            null_selector(term.field("labelSelector"), warnings);
        }
        for term in kind.items_at(PREFERRED) {
            null_selector(term.fields("podAffinityTerm.labelSelector"), warnings);
        }
    }
}

fn volumes(volumes: At<'_>, warnings: &mut Vec<String>) {
    for volume in volumes.items() {
        for (field, called, message) in VOLUMES {
            if volume.has(field) {
                warnings.push(format!("{}: {message}", volume.said(called)));
            }
        }
        if volume.has("ephemeral") {
            let claim = volume.fields("ephemeral.volumeClaimTemplate.spec.resources");
            for list in ["requests", "limits"] {
                fraction(claim.field(list).key("storage"), warnings);
            }
        }
    }
}

fn repeated(list: At<'_>, field: &'static str, warnings: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for at in list.items().map(|item| item.field(field)) {
        if !seen.insert(at.str()) {
            warnings.push(format!("{at}: duplicate {field} {}", go_quote(at.str())));
        }
    }
}

fn fractions(overhead: At<'_>, warnings: &mut Vec<String>) {
    for name in ["memory", "ephemeral-storage"] {
        fraction(overhead.key(name), warnings);
    }
}

fn fraction(at: At<'_>, warnings: &mut Vec<String>) {
    if !at.is_set() {
        return;
    }
    let amount = resources::quantity(at);
    if resources::is_fractional(&amount) {
        let shown = go_quote(&amount.to_string());
        warnings.push(format!("{at}: fractional byte value {shown} is invalid, must be an integer"));
    }
}

/// Annotations for a container without the field in their place; of Pods, AppArmor is told elsewhere.
fn profiles(
    [seccomp, app_armor]: &[BTreeMap<&str, At<'_>>; 2],
    spec: At<'_>,
    container: At<'_>,
    is_pod: bool,
    warnings: &mut Vec<String>,
) {
    let context = container.field("securityContext");
    let name = container.str_at("name");
    if let Some(at) = seccomp.get(name)
        && !context.has("seccompProfile")
    {
        warnings.push(format!("{at}: non-functional in v1.27+; use the \"seccompProfile\" field instead"));
    }
    if is_pod || context.has("appArmorProfile") {
        return;
    }
    if let Some(at) = app_armor.get(name) {
        let of_pod = spec.fields("securityContext.appArmorProfile");
        if !annotations::says_the_same(of_pod, at.str()) {
            warnings.push(format!("{at}: deprecated since v1.30; use the \"appArmorProfile\" field instead"));
        }
    }
}

/// A variable that is set again without naming its former value, or to nothing but that.
fn hidden_variables(entries: At<'_>, warnings: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for entry in entries.items() {
        let (name, value) = (entry.str_at("name"), entry.str_at("value"));
        if seen.insert(name) {
            continue;
        }
        let reference = format!("$({name})");
        if entry.has("valueFrom") || value == reference || !value.contains(&reference) {
            warnings.push(format!(
                "{entry}: hides previous definition of {}, which may be dropped when using apply",
                go_quote(name)
            ));
        }
    }
}

/// Ports of one number and protocol, across containers.
fn ports(spec: At<'_>, warnings: &mut Vec<String>) {
    let mut seen: BTreeMap<(i64, &str), Vec<At<'_>>> = BTreeMap::new();
    for port in all_containers(spec).flat_map(|container| container.items_at("ports")) {
        let (ip, host) = (port.str_at("hostIP"), port.int_at("hostPort"));
        let (number, protocol) = (port.int_at("containerPort"), port.str_at("protocol"));
        if !ip.is_empty() && host == 0 {
            warnings.push(format!(
                "{port}: hostIP set without hostPort: {{Name:{} HostPort:0 ContainerPort:{number} Protocol:{protocol} HostIP:{ip}}}",
                port.str_at("name")
            ));
        }
        let others = seen.entry((number, protocol)).or_default();
        for other in others.iter() {
            let (other_ip, other_host) = (other.str_at("hostIP"), other.int_at("hostPort"));
            let how = if ip == other_ip && host == other_host {
                "duplicate"
            } else if host == 0 || other_host == 0 {
                "overlapping"
            } else if host == other_host && ip.is_empty() != other_ip.is_empty() {
                "dangerously ambiguous"
            } else {
                continue;
            };
            warnings.push(format!("{port}: {how} port definition with {other}"));
        }
        // upstream compares all with all; a document made to be slow is let off
        if others.len() < 1_000 {
            others.push(port);
        }
    }
}

fn port_names(spec: At<'_>, warnings: &mut Vec<String>) {
    let mut seen: BTreeMap<&str, At<'_>> = BTreeMap::new();
    for port in all_containers(spec).flat_map(|container| container.items_at("ports")) {
        let name = port.str_at("name");
        if name.is_empty() {
            continue;
        }
        match seen.get(name) {
            Some(other) => warnings.push(format!(
                "{port}: duplicate port name {} with {other}, services and probes that select ports by name will use {other}",
                go_quote(name)
            )),
            None => _ = seen.insert(name, port),
        }
    }
}
