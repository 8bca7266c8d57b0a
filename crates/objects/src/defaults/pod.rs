//! core/v1/defaults.go and conversion.go: Pods, their templates and containers.

use super::quantities::{self, Sum};
use crate::image;
use crate::tree::{Id, Tree, Value};

pub(super) fn defaults(tree: &mut Tree<'_>, id: Id, kind: &str, minor: u8) {
    match kind {
        "Pod" => pod(tree, id, minor),
        "PodSpec" => pod_spec(tree, id),
        "Container" | "EphemeralContainer" => container(tree, id),
        "Probe" => probe(tree, id),
        "HTTPGetAction" => {
            tree.default(id, "path", Value::text("/"));
            tree.default(id, "scheme", Value::text("HTTP"));
        }
        "GRPCAction" => tree.default_absent(id, "service", Value::text("")),
        "ObjectFieldSelector" => tree.default(id, "apiVersion", Value::text("v1")),
        "FileKeySelector" => tree.default_absent(id, "optional", Value::Bool(false)),
        _ => {}
    }
}

/// `SetDefaults_Pod`: of Pods, not of templates.
fn pod(tree: &mut Tree<'_>, id: Id, minor: u8) {
    let spec = tree.object(id, "spec");
    let containers = [tree.items(spec, "containers"), tree.items(spec, "initContainers")].concat();
    for container in &containers {
        let Some(resources) = tree.get(*container, "resources") else { continue };
        let Some(limits) = tree.get(resources, "limits") else { continue };
        let requests = tree.object(resources, "requests");
        tree.mark_resources(requests);
        quantities::fill(tree, Some(limits), requests);
    }
    if minor >= 34 {
        pod_level(tree, spec);
    }
    tree.default_absent(spec, "enableServiceLinks", Value::Bool(true));
    if tree.is_true(spec, "hostNetwork") {
        for container in containers {
            for port in tree.items(container, "ports") {
                let number = tree.int(port, "containerPort");
                tree.default(port, "hostPort", Value::Int(number));
            }
        }
    }
}

/// `defaultHugePagePodLimits` and `defaultPodRequests`: resources of the whole Pod.
fn pod_level(tree: &mut Tree<'_>, spec: Id) {
    let Some(resources) = tree.get(spec, "resources") else { return };
    let supported = |name: &str| matches!(name, "cpu" | "memory") || name.starts_with("hugepages-");
    let names = |tree: &Tree<'_>, list: &str| {
        tree.get(resources, list).map(|list| tree.by_key(list)).unwrap_or_default()
    };
    let (limits, requests) = (names(tree, "limits"), names(tree, "requests"));
    if !limits.is_empty() || !requests.is_empty() {
        for (name, limit) in of_containers(tree, spec, "limits") {
            let there = limits.contains_key(&name) || requests.contains_key(&name);
            if name.starts_with("hugepages-") && !there {
                add(tree, resources, "limits", name, &limit.to_string());
            }
        }
    }
    let limits = tree.items(resources, "limits");
    if limits.is_empty() {
        return;
    }
    let mut missing = Sum::new();
    for limit in limits {
        let name = tree.key(limit);
        if let Some(quantity) = quantities::read(tree, limit).filter(|_| supported(name)) {
            missing.insert(name.to_owned(), quantity);
        }
    }
    let overcommitted = |name: &str| matches!(name, "cpu" | "memory");
    let of_containers = of_containers(tree, spec, "requests");
    missing.extend(of_containers.into_iter().filter(|(name, _)| overcommitted(name)));
    for (name, quantity) in missing.into_iter().filter(|(name, _)| !requests.contains_key(name)) {
        add(tree, resources, "requests", name, &quantity.to_string());
    }
}

fn add(tree: &mut Tree<'_>, resources: Id, list: &'static str, name: String, text: &str) {
    let list = tree.object(resources, list);
    tree.mark_resources(list);
    tree.push(list, name, Value::text(text.to_owned()), None);
}

/// component-helpers/resource/helpers.go `AggregateContainerRequests` and `…Limits`: all containers together, or the
/// largest moment of the start.
fn of_containers(tree: &Tree<'_>, spec: Id, which: &str) -> Sum {
    let list =
        |container: Id| tree.get(container, "resources").and_then(|resources| tree.get(resources, which));
    let (mut total, mut beside, mut start) = (Sum::new(), Sum::new(), Sum::new());
    for container in tree.items(spec, "containers") {
        quantities::add(&mut total, tree, list(container));
    }
    for container in tree.items(spec, "initContainers") {
        let mut now = beside.clone();
        quantities::add(&mut now, tree, list(container));
        if tree.text(container, "restartPolicy") == "Always" {
            quantities::add(&mut total, tree, list(container));
            beside.clone_from(&now);
        }
        quantities::larger(&mut start, &now);
    }
    quantities::larger(&mut total, &start);
    total
}

fn pod_spec(tree: &mut Tree<'_>, id: Id) {
    tree.default(id, "dnsPolicy", Value::text("ClusterFirst"));
    tree.default(id, "restartPolicy", Value::text("Always"));
    tree.default_absent(id, "securityContext", Value::Object);
    tree.default_absent(id, "terminationGracePeriodSeconds", Value::Int(30));
    tree.default(id, "schedulerName", Value::text("default-scheduler"));
}

fn container(tree: &mut Tree<'_>, id: Id) {
    let policy = pull_policy(tree.text(id, "image"));
    tree.default(id, "imagePullPolicy", policy);
    tree.default(id, "terminationMessagePath", Value::text("/dev/termination-log"));
    tree.default(id, "terminationMessagePolicy", Value::text("File"));
}

pub(super) fn pull_policy<'d>(image: &str) -> Value<'d> {
    Value::text(if image::is_latest(image) { "Always" } else { "IfNotPresent" })
}

fn probe(tree: &mut Tree<'_>, id: Id) {
    for (key, number) in
        [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        tree.default(id, key, Value::Int(number));
    }
}

/// `Convert_v1_Pod_To_core_Pod`
pub(super) fn convert_pod(tree: &mut Tree<'_>, id: Id) {
    drop_annotations(tree, id);
    if let Some(spec) = tree.get(id, "spec")
        && tree.int(spec, "terminationGracePeriodSeconds") < 0
    {
        tree.set(spec, "terminationGracePeriodSeconds", Value::Int(1));
    }
}

pub(super) fn convert_template(tree: &mut Tree<'_>, id: Id) {
    drop_annotations(tree, id);
}

/// `initContainerAnnotations`
fn drop_annotations(tree: &mut Tree<'_>, id: Id) {
    let Some(metadata) = tree.get(id, "metadata") else { return };
    let Some(annotations) = tree.get(metadata, "annotations") else { return };
    for name in [
        "pod.beta.kubernetes.io/init-containers",
        "pod.alpha.kubernetes.io/init-containers",
        "pod.beta.kubernetes.io/init-container-statuses",
        "pod.alpha.kubernetes.io/init-container-statuses",
    ] {
        tree.remove(annotations, name);
    }
    if tree.is_empty(annotations) {
        tree.remove(metadata, "annotations");
    }
}

/// `Convert_v1_PodSpec_To_core_PodSpec` and back: two names for the service account, the newer wins.
pub(super) fn convert_spec(tree: &mut Tree<'_>, id: Id) {
    let name = match tree.text(id, "serviceAccountName") {
        "" => tree.text(id, "serviceAccount").to_owned(),
        name => name.to_owned(),
    };
    if name.is_empty() {
        return;
    }
    for key in ["serviceAccountName", "serviceAccount"] {
        if tree.text(id, key) != name {
            tree.set(id, key, Value::text(name.clone()));
        }
    }
}
