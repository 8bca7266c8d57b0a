//! Containers, init containers and ephemeral containers.

use std::collections::BTreeSet;

use super::spec::{Surroundings, one_of};
use super::{env, mounts, probe, resources, security};
use crate::field::{At, Causes};
use crate::names;

/// `validateContainers`
pub(super) fn containers<'d>(spec: At<'d>, around: &Surroundings<'d>, causes: &mut Causes) {
    let containers = spec.field("containers");
    if containers.is_empty() {
        return causes.required(containers, "");
    }
    let mut seen = BTreeSet::new();
    for container in containers.items() {
        common(container, around, causes);
        let name = container.field("name");
        if !seen.insert(name.str()) {
            causes.duplicate(name, name.str());
        }
        probe::all(container, around.grace_period, causes);
        restart_policy(container, causes);
    }
    host_port_conflicts(containers.items(), causes);
}

/// `validateInitContainers`
pub(super) fn init_containers<'d>(spec: At<'d>, around: &Surroundings<'d>, causes: &mut Causes) {
    if spec.is_empty_at("initContainers") {
        return;
    }
    let mut seen: BTreeSet<&str> =
        spec.items_at("containers").map(|container| container.str_at("name")).collect();
    for container in spec.items_at("initContainers") {
        common(container, around, causes);
        init_restart_policy(container, causes);
        let name = container.field("name");
        if seen.contains(name.str()) {
            causes.duplicate(name, name.str());
        } else if !name.is_empty() {
            seen.insert(name.str());
        }
        // the path of upstream counts from 0 for each of them
        let first = spec.said("initContainers").reading(spec.field("initContainers")).index(0);
        init_host_port_conflicts(container, first, causes);
        let is_sidecar = container.str_at("restartPolicy") == "Always";
        if is_sidecar {
            probe::all(container, around.grace_period, causes);
        } else {
            for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
                if container.has(field) {
                    causes.forbidden(
                        container.field(field),
                        "may not be set for init containers without restartPolicy=Always",
                    );
                }
            }
        }
        if !is_sidecar && !around.options.init_restart_container {
            for policy in container.items_at("resizePolicy").map(|policy| policy.field("restartPolicy")) {
                if policy.str() == "RestartContainer" {
                    causes.invalid(
                        policy,
                        "must not be set to 'RestartContainer' for non-sidecar initContainers",
                    );
                }
            }
        }
    }
}

/// `hasRestartContainerForNonSidecarInitContainer`
pub(super) fn has_init_restart_container(spec: At<'_>) -> bool {
    spec.items_at("initContainers")
        .filter(|container| container.str_at("restartPolicy") != "Always")
        .flat_map(|container| container.items_at("resizePolicy"))
        .any(|policy| policy.str_at("restartPolicy") == "RestartContainer")
}

/// `validateEphemeralContainers`
pub(super) fn ephemeral_containers<'d>(spec: At<'d>, around: &Surroundings<'d>, causes: &mut Causes) {
    if spec.is_empty_at("ephemeralContainers") {
        return;
    }
    let others: BTreeSet<&str> = ["containers", "initContainers"]
        .into_iter()
        .flat_map(|list| spec.items_at(list))
        .map(|container| container.str_at("name"))
        .collect();
    let mut seen = others.clone();
    for container in spec.items_at("ephemeralContainers") {
        common(container, around, causes);
        only_for_pod(container, causes);
        let (name, target) = (container.field("name"), container.field("targetContainerName"));
        if !seen.insert(name.str()) {
            causes.duplicate(name, name.str());
        }
        if !target.is_empty() && !others.contains(target.str()) {
            causes.not_found(target, target.str());
        }
        for field in [
            "ports",
            "resources",
            "resizePolicy",
            "restartPolicy",
            "restartPolicyRules",
            "livenessProbe",
            "readinessProbe",
            "startupProbe",
            "lifecycle",
        ] {
            let at = container.field(field);
            if at.is_set() && !at.node().is_some_and(|node| node.as_str().is_none() && node.is_empty()) {
                causes.forbidden(at, "cannot be set for an Ephemeral Container");
            }
        }
        for mount in container.items_at("volumeMounts") {
            for at in ["subPath", "subPathExpr"].map(|field| mount.field(field)) {
                if !at.is_empty() {
                    causes.forbidden(at, "cannot be set for an Ephemeral Container");
                }
            }
        }
    }
}

/// `validateContainerOnlyForPod`
pub(super) fn only_for_pod(container: At<'_>, causes: &mut Causes) {
    let image = container.field("image");
    if image.str().trim() != image.str() {
        causes.invalid(image, "must not have leading or trailing whitespace");
    }
}

/// `validateContainerCommon`
fn common<'d>(container: At<'d>, around: &Surroundings<'d>, causes: &mut Causes) {
    let name = container.field("name");
    if name.is_empty() {
        causes.required(name, "");
    } else {
        causes.invalid_each(name, name.str(), names::dns1123_label(name.str()));
    }
    if container.is_empty_at("image") {
        causes.required(container.field("image"), "");
    }
    one_of(container.field("terminationMessagePolicy"), &["File", "FallbackToLogsOnError"], causes);
    ports(container.field("ports"), causes);
    env::check(container.field("env"), causes);
    env::from(container.field("envFrom"), causes);
    mounts::mounts(container, &around.volumes, causes);
    mounts::devices(container, &around.volumes, causes);
    one_of(container.field("imagePullPolicy"), &["Always", "IfNotPresent", "Never"], causes);
    resources::of_container(container.field("resources"), &around.claims, around.options, causes);
    resize_policy(container.field("resizePolicy"), around.restart_policy, causes);
    security::of_container(container.field("securityContext"), around.host_users, causes);
}

/// `validateContainerPorts`
fn ports(ports: At<'_>, causes: &mut Causes) {
    let mut seen = BTreeSet::new();
    for port in ports.items() {
        let (name, number, host) = (port.field("name"), port.field("containerPort"), port.field("hostPort"));
        if !name.is_empty() {
            let faults = names::port_name(name.str());
            if faults.is_empty() && !seen.insert(name.str()) {
                causes.duplicate(name, name.str());
            }
            causes.invalid_each(name, name.str(), faults);
        }
        if number.int() == 0 {
            causes.required(number, "");
        }
        for at in [number, host].into_iter().filter(|at| at.int() != 0) {
            for fault in names::port_number(at.int()) {
                causes.invalid(at, &fault);
            }
        }
        one_of(port.field("protocol"), &["SCTP", "TCP", "UDP"], causes);
    }
}

fn host_port_key(port: At<'_>) -> Option<String> {
    let host = port.int_at("hostPort");
    (host != 0).then(|| format!("{}/{}/{host}", port.str_at("protocol"), port.str_at("hostIP")))
}

/// `AccumulateUniqueHostPorts`
fn host_port_conflicts<'d>(containers: impl Iterator<Item = At<'d>>, causes: &mut Causes) {
    let mut seen = BTreeSet::new();
    for port in containers.flat_map(|container| container.items_at("ports")) {
        let Some(key) = host_port_key(port) else { continue };
        if seen.contains(&key) {
            causes.duplicate(port.field("hostPort"), &key);
        }
        seen.insert(key);
    }
}

fn init_host_port_conflicts<'d>(container: At<'d>, first: At<'d>, causes: &mut Causes) {
    let mut seen = BTreeSet::new();
    for (index, port) in container.items_at("ports").enumerate() {
        let Some(key) = host_port_key(port) else { continue };
        if seen.contains(&key) {
            let at = first.said("ports").index(index).field("hostPort").reading(port.field("hostPort"));
            causes.duplicate(at, &key);
        }
        seen.insert(key);
    }
}

/// `validateResizePolicy`; all but duplicates are told at the list.
fn resize_policy(policies: At<'_>, restart_policy: &str, causes: &mut Causes) {
    let mut seen = BTreeSet::new();
    for policy in policies.items() {
        let (resource, restart) = (policy.field("resourceName"), policy.field("restartPolicy"));
        if !seen.insert(resource.str()) {
            causes.duplicate(policy, resource.str());
        }
        one_of(policies.reading(resource), &["cpu", "memory"], causes);
        one_of(policies.reading(restart), &["NotRequired", "RestartContainer"], causes);
        if restart_policy == "Never" && restart.str() != "NotRequired" {
            causes.invalid_value(
                policies.reading(restart),
                restart.str(),
                "must be 'NotRequired' when pod `restartPolicy` is 'Never'",
            );
        }
    }
}

/// `validateInitContainerRestartPolicy`
fn init_restart_policy(container: At<'_>, causes: &mut Causes) {
    if container.has("restartPolicy") {
        restart_policy(container, causes);
    } else if !container.is_empty_at("restartPolicyRules") {
        causes.required(
            container.field("restartPolicy"),
            "must specify restartPolicy when restart rules are used",
        );
    }
}

/// `validateContainerRestartPolicy`
fn restart_policy(container: At<'_>, causes: &mut Causes) {
    let (policy, rules) = (container.field("restartPolicy"), container.field("restartPolicyRules"));
    if policy.is_set() {
        super::spec::optional_one_of(policy, &["Always", "Never", "OnFailure"], causes);
    } else if rules.is_empty() {
        return;
    } else {
        causes.required(policy, "must specify restartPolicy when restart rules are used");
    }
    if rules.len() > 20 {
        causes.too_many(rules, rules.len(), 20);
    }
    for rule in rules.items() {
        let (action, codes) = (rule.field("action"), rule.field("exitCodes"));
        unsupported(action, &["Restart", "RestartAllContainers"], causes);
        if codes.is_set() {
            unsupported(codes.field("operator"), &["In", "NotIn"], causes);
            let values = codes.field("values");
            if values.len() > 255 {
                causes.too_many(values, values.len(), 255);
            }
        } else {
            causes.required(codes, "must be specified");
        }
    }
}

/// One of those, and absent is none of them.
fn unsupported(at: At<'_>, supported: &[&str], causes: &mut Causes) {
    if !supported.contains(&at.str()) {
        causes.not_supported(at, at.str(), supported);
    }
}
