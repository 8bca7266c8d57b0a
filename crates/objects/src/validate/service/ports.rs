//! The ports of a Service.

use std::collections::HashSet;

use super::super::rules::{port_number, port_number_or_name, protocol};
use super::facts::Facts;
use crate::field::{At, Causes, Value, go_json_string};
use crate::names;

/// `validateServicePort` of each.
pub(super) fn names_and_numbers(spec: At<'_>, causes: &mut Causes) {
    let ports = spec.field("ports");
    let mut seen = HashSet::new();
    for port in ports.items() {
        let name = port.field("name");
        if !name.is_empty() {
            causes.invalid_each(name, name.str(), names::dns1123_label(name.str()));
            if !seen.insert(name.str()) {
                causes.duplicate(name, name);
            }
        } else if ports.len() > 1 {
            causes.required(name, "");
        }
        port_number(port.field("port"), causes);
        protocol(port.field("protocol"), causes);
        port_number_or_name(port.field("targetPort"), causes);
        let application = port.field("appProtocol");
        if application.is_set() {
            causes.invalid_each(application, application.str(), names::qualified_name(application.str()));
        }
    }
}

/// Node ports where the type has none, and such that stand there twice.
pub(super) fn node_ports(facts: &Facts<'_>, spec: At<'_>, causes: &mut Causes) {
    let list = spec.field("ports");
    let with_node_port = || facts.ports.iter().enumerate().filter(|(_, port)| port.node_port != 0);
    if facts.kind == "ClusterIP" {
        for (position, _) in with_node_port() {
            let port = list.index(position);
            causes.forbidden(port.field("nodePort"), "may not be used when `type` is 'ClusterIP'");
        }
    }
    let mut seen = HashSet::new();
    for (position, port) in with_node_port() {
        if !seen.insert((port.protocol, port.node_port)) {
            let at = list.index(position);
            causes.duplicate(at.field("nodePort"), port.node_port);
        }
    }
}

/// Ports with the same protocol and number; the message shows these two, in a port that is otherwise empty.
pub(super) fn duplicates(facts: &Facts<'_>, spec: At<'_>, causes: &mut Causes) {
    let list = spec.field("ports");
    let mut seen = HashSet::new();
    for (position, port) in facts.ports.iter().enumerate() {
        if !seen.insert((port.protocol, port.port)) {
            let protocol = go_json_string(port.protocol);
            let shown = format!(
                "{{\"Name\":\"\",\"Protocol\":{protocol},\"AppProtocol\":null,\"Port\":{},\"TargetPort\":0,\"NodePort\":0}}",
                port.port
            );
            causes.duplicate(list.index(position), Value::Json(shown));
        }
    }
}
