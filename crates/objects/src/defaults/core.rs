//! core/v1/defaults.go: what is neither a Pod nor a volume.

use document::NodeRef;

use super::quantities;
use crate::base64;
use crate::tree::{Id, Tree, Value};

pub(super) fn defaults(tree: &mut Tree<'_>, id: Id, kind: &str) {
    match kind {
        "ReplicationController" => replication_controller(tree, id),
        "Service" => service(tree, id),
        "Secret" => tree.default(id, "type", Value::text("Opaque")),
        "Endpoints" => endpoints(tree, id),
        "Namespace" => namespace(tree, id),
        "NamespaceStatus" => tree.default(id, "phase", Value::text("Active")),
        "NodeStatus" => node_status(tree, id),
        "LimitRangeItem" => limit_range_item(tree, id),
        _ => {}
    }
}

/// Labels of the template become those of the object, and its selector.
fn replication_controller(tree: &mut Tree<'_>, id: Id) {
    let Some(labels) = tree.dig(id, &["spec", "template", "metadata", "labels"]) else { return };
    let spec = tree.object(id, "spec");
    copy_labels(tree, labels, spec, "selector");
    let metadata = tree.object(id, "metadata");
    copy_labels(tree, labels, metadata, "labels");
}

/// Sets a map that is absent or empty to that of a template.
pub(super) fn copy_labels(tree: &mut Tree<'_>, labels: Id, to: Id, key: &'static str) {
    if tree.get(to, key).is_none_or(|there| tree.is_empty(there)) && !tree.is_empty(labels) {
        tree.remove(to, key);
        tree.copy(labels, to, key);
    }
}

fn service(tree: &mut Tree<'_>, id: Id) {
    let spec = tree.object(id, "spec");
    tree.default(spec, "sessionAffinity", Value::text("None"));
    match tree.text(spec, "sessionAffinity") {
        "None" => tree.remove(spec, "sessionAffinityConfig"),
        "ClientIP" if tree.dig(spec, &["sessionAffinityConfig", "clientIP", "timeoutSeconds"]).is_none() => {
            let config = tree.set(spec, "sessionAffinityConfig", Value::Object);
            let client = tree.set(config, "clientIP", Value::Object);
            tree.set(client, "timeoutSeconds", Value::Int(10800));
        }
        _ => {}
    }
    tree.default(spec, "type", Value::text("ClusterIP"));
    for port in tree.items(spec, "ports") {
        tree.default(port, "protocol", Value::text("TCP"));
        let number = tree.int(port, "port");
        tree.default(port, "targetPort", Value::Int(number));
    }
    let kind = tree.text(spec, "type").to_owned();
    let balanced = kind == "LoadBalancer";
    let external = kind == "ClusterIP" && !tree.items(spec, "externalIPs").is_empty();
    if balanced || kind == "NodePort" || external {
        tree.default(spec, "externalTrafficPolicy", Value::text("Cluster"));
    }
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer" | "ClusterIP") {
        tree.default_absent(spec, "internalTrafficPolicy", Value::text("Cluster"));
    }
    if balanced {
        tree.default_absent(spec, "allocateLoadBalancerNodePorts", Value::Bool(true));
        let balancer = tree.dig(id, &["status", "loadBalancer"]);
        for ingress in balancer.map(|balancer| tree.items(balancer, "ingress")).unwrap_or_default() {
            if tree.has(ingress, "ip") {
                tree.default_absent(ingress, "ipMode", Value::text("VIP"));
            }
        }
    }
}

fn endpoints(tree: &mut Tree<'_>, id: Id) {
    for subset in tree.items(id, "subsets") {
        for port in tree.items(subset, "ports") {
            tree.default(port, "protocol", Value::text("TCP"));
        }
    }
}

fn namespace(tree: &mut Tree<'_>, id: Id) {
    let metadata = tree.object(id, "metadata");
    let name = tree.text(metadata, "name").to_owned();
    if !name.is_empty() {
        let labels = tree.object(metadata, "labels");
        if tree.text(labels, "kubernetes.io/metadata.name") != name {
            tree.set(labels, "kubernetes.io/metadata.name", Value::text(name));
        }
    }
}

fn node_status(tree: &mut Tree<'_>, id: Id) {
    let written = tree.written(id, "allocatable").is_some_and(NodeRef::is_object);
    if let (false, None, Some(capacity)) = (written, tree.get(id, "allocatable"), tree.get(id, "capacity")) {
        tree.remove(id, "allocatable");
        tree.copy(capacity, id, "allocatable");
    }
}

fn limit_range_item(tree: &mut Tree<'_>, id: Id) {
    if tree.text(id, "type") != "Container" {
        return;
    }
    let (max, min) = (tree.get(id, "max"), tree.get(id, "min"));
    let limit = tree.object(id, "default");
    let request = tree.object(id, "defaultRequest");
    tree.mark_resources(limit);
    tree.mark_resources(request);
    quantities::fill(tree, max, limit);
    quantities::fill(tree, Some(limit), request);
    quantities::fill(tree, min, request);
    for (key, list) in [("default", limit), ("defaultRequest", request)] {
        if tree.is_empty(list) {
            tree.remove(id, key);
        }
    }
}

/// `Convert_v1_NodeSpec_To_core_NodeSpec`, `Convert_v1_PodStatus_To_core_PodStatus` and back: one address and a list of
/// them say the same; of two the one counts.
pub(super) fn convert_addresses(
    tree: &mut Tree<'_>,
    id: Id,
    one: &'static str,
    many: &'static str,
    key: &str,
) {
    let items = tree.items(id, many);
    let address = |tree: &Tree<'_>, item: Id| match key {
        "" => tree.as_text(item).to_owned(),
        key => tree.text(item, key).to_owned(),
    };
    let first = items.first().map(|item| address(tree, *item));
    let single = tree.text(id, one).to_owned();
    if single.is_empty() {
        if let Some(first) = first.filter(|first| !first.is_empty()) {
            tree.set(id, one, Value::text(first));
        }
    } else if first.as_ref() != Some(&single) {
        let list = tree.set(id, many, Value::List);
        if key.is_empty() {
            tree.push(list, "", Value::text(single), None);
        } else {
            let item = tree.push(list, "", Value::Object, None);
            tree.set(item, key.to_owned(), Value::text(single));
        }
    }
}

/// core/v1/conversion.go `Convert_v1_Secret_To_core_Secret`
pub(super) fn merge_string_data(tree: &mut Tree<'_>, id: Id) {
    let texts = tree.items(id, "stringData");
    if !texts.is_empty() {
        let data = tree.object(id, "data");
        let there = tree.by_key(data);
        for text in texts {
            let value = Value::text(base64::encode(tree.as_text(text).as_bytes()));
            let to = match there.get(tree.key(text)) {
                Some(member) => {
                    tree.change(*member, value);
                    *member
                }
                None => tree.push(data, tree.key(text).to_owned(), value, None),
            };
            tree.stands_for(to, text);
        }
    }
    tree.remove(id, "stringData");
}
