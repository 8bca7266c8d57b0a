//! The ports that probes and lifecycle hooks ask, which the kubelet looks up among those of the same container.
//!
//! ```text
//! [ livenessProbe, readinessProbe, startupProbe, postStart, preStop ] ─▶ httpGet, tcpSocket ─▶ port ─▶ [ ports ]
//! ```
//!
//! A number need not be listed: `ports` is for information, and a container listens where it likes. A name must be
//! (`ResolveContainerPort`, `pkg/probe/util.go`), and a number in quotes is a name, which the API server refuses
//! (`ValidatePortNumOrName`, `pkg/apis/core/validation`).

use crate::check::subject::Sink;
use crate::document::NodeRef;
use crate::resource::container::Container;

use super::ask::Ask;

/// Where a container has its ports asked, and what it is called.
const ASKERS: [(&str, &str); 5] = [
    ("/livenessProbe", "livenessProbe"),
    ("/readinessProbe", "readinessProbe"),
    ("/startupProbe", "startupProbe"),
    ("/lifecycle/postStart", "postStart hook"),
    ("/lifecycle/preStop", "preStop hook"),
];

pub(super) fn asked(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    for container in ask.pods().into_iter().flat_map(|pods| pods.containers()) {
        for (pointer, asker) in ASKERS {
            let Some(handler) = container.node.at(pointer) else { continue };
            for field in ["httpGet", "tcpSocket", "grpc"] {
                let port = handler.get_present(field).and_then(|handler| handler.get_present("port"));
                if let Some(message) = port.and_then(|port| fault(container, asker, field, port)) {
                    sink.fault(port.unwrap_or(handler), message);
                }
            }
        }
    }
}

/// What is wrong with a port.
fn fault(container: Container<'_>, asker: &str, field: &str, port: NodeRef<'_>) -> Option<String> {
    let own = container.label();
    if let Some(number) = port.as_i64() {
        let out = !(1..=65_535).contains(&number);
        return out.then(|| format!("port {number} of the {asker} of {own} is out of range: 1 to 65535"));
    }
    let name = port.as_str().filter(|name| !is_placeholder(name))?;
    if name.bytes().all(|b| b.is_ascii_digit()) || field == "grpc" {
        let expected = if field == "grpc" { "a number" } else { "the name of a port" };
        let way_out = if name.parse::<u16>().is_ok() { ": remove the quotes" } else { "" };
        return Some(format!(
            "port \"{name}\" of the {asker} of {own} is a string, and must be {expected}{way_out}"
        ));
    }
    let ports = container.node.get("ports").into_iter().flat_map(NodeRef::items);
    let mut other = None;
    for listed in ports.filter(|listed| listed.get_str("name") == Some(name)) {
        match listed.get_str("protocol").filter(|protocol| !protocol.is_empty()) {
            None | Some("TCP") => return None,
            Some(protocol) => other = Some(protocol),
        }
    }
    Some(match other {
        Some(protocol) => {
            format!("the {asker} of {own} connects by TCP, and its port {name} is {protocol}")
        }
        None => {
            format!("the {asker} of {own} asks for port {name}, but the container has no port of that name")
        }
    })
}

/// Something else puts the value in before it is applied.
fn is_placeholder(name: &str) -> bool {
    name.is_empty() || name.contains(['$', '{', '<'])
}
