//! defaults.go of the smaller groups: rbac, networking, storage, discovery, scheduling, flowcontrol, resource,
//! authentication.

use crate::tree::{Id, Tree, Value};

const RBAC: &str = "rbac.authorization.k8s.io";

pub(super) fn defaults(tree: &mut Tree<'_>, id: Id, group: &str, kind: &str) {
    let (group, _version) = group.split_once('/').unwrap_or((group, ""));
    match (group, kind) {
        ("rbac", "ClusterRoleBinding" | "RoleBinding") => {
            let role = tree.object(id, "roleRef");
            tree.default(role, "apiGroup", Value::text(RBAC));
        }
        ("rbac", "Subject") if matches!(tree.text(id, "kind"), "User" | "Group") => {
            tree.default(id, "apiGroup", Value::text(RBAC));
        }
        ("networking", "NetworkPolicyPort") => tree.default_absent(id, "protocol", Value::text("TCP")),
        ("networking", "NetworkPolicy") => policy_types(tree, id),
        ("networking", "IngressClass") => {
            if let Some(parameters) = tree.dig(id, &["spec", "parameters"]) {
                tree.default_absent(parameters, "scope", Value::text("Cluster"));
            }
        }
        ("discovery", "EndpointPort") => {
            tree.default_absent(id, "name", Value::text(""));
            tree.default_absent(id, "protocol", Value::text("TCP"));
        }
        ("scheduling", "PriorityClass") => {
            tree.default_absent(id, "preemptionPolicy", Value::text("PreemptLowerPriority"));
        }
        ("storage", _) => storage(tree, id, kind),
        ("flowcontrol", _) => flow_control(tree, id, kind),
        ("resource", _) => resource(tree, id, kind),
        ("apiregistration", "ServiceReference") => tree.default_absent(id, "port", Value::Int(443)),
        ("authentication", "TokenRequestSpec") => {
            tree.default_absent(id, "expirationSeconds", Value::Int(3600));
        }
        _ => {}
    }
}

fn policy_types(tree: &mut Tree<'_>, id: Id) {
    let spec = tree.object(id, "spec");
    if !tree.items(spec, "policyTypes").is_empty() {
        return;
    }
    let egress = !tree.items(spec, "egress").is_empty();
    let types = tree.set(spec, "policyTypes", Value::List);
    tree.push(types, "", Value::text("Ingress"), None);
    if egress {
        tree.push(types, "", Value::text("Egress"), None);
    }
}

fn storage(tree: &mut Tree<'_>, id: Id, kind: &str) {
    match kind {
        "StorageClass" => {
            tree.default_absent(id, "reclaimPolicy", Value::text("Delete"));
            tree.default_absent(id, "volumeBindingMode", Value::text("Immediate"));
        }
        "CSIDriver" => {
            let spec = tree.object(id, "spec");
            tree.default_absent(spec, "attachRequired", Value::Bool(true));
            tree.default_absent(spec, "fsGroupPolicy", Value::text("ReadWriteOnceWithFSType"));
            for key in ["podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"] {
                tree.default_absent(spec, key, Value::Bool(false));
            }
            if tree.items(spec, "volumeLifecycleModes").is_empty() {
                let modes = tree.set(spec, "volumeLifecycleModes", Value::List);
                tree.push(modes, "", Value::text("Persistent"), None);
            }
        }
        _ => {}
    }
}

fn flow_control(tree: &mut Tree<'_>, id: Id, kind: &str) {
    match kind {
        "FlowSchemaSpec" => tree.default(id, "matchingPrecedence", Value::Int(1000)),
        "ExemptPriorityLevelConfiguration" => {
            tree.default_absent(id, "nominalConcurrencyShares", Value::Int(0));
            tree.default_absent(id, "lendablePercent", Value::Int(0));
        }
        "LimitedPriorityLevelConfiguration" => {
            tree.default_absent(id, "nominalConcurrencyShares", Value::Int(30));
            tree.default_absent(id, "lendablePercent", Value::Int(0));
        }
        "QueuingConfiguration" => {
            tree.default(id, "handSize", Value::Int(8));
            tree.default(id, "queues", Value::Int(64));
            tree.default(id, "queueLengthLimit", Value::Int(50));
        }
        _ => {}
    }
}

fn resource(tree: &mut Tree<'_>, id: Id, kind: &str) {
    if matches!(kind, "Device" | "BasicDevice") {
        for mapping in tree.items(id, "nodeAllocatableResourceMappings") {
            tree.default_absent(mapping, "allocationMultiplier", Value::text("1"));
        }
    }
    // in v1beta1 a request is not one of several kinds yet; without a class it only has others below it
    let name = tree.definition(id).map_or("", |definition| definition.name);
    let first = name == "resource/v1beta1.DeviceRequest" && tree.has(id, "deviceClassName");
    if first || matches!(kind, "ExactDeviceRequest" | "DeviceSubRequest") {
        tree.default(id, "allocationMode", Value::text("ExactCount"));
        if tree.text(id, "allocationMode") == "ExactCount" {
            tree.default(id, "count", Value::Int(1));
        }
    }
}
