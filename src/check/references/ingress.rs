//! Ingresses: the Services and ports that they send traffic to.

use crate::check::subject::{Sink, related};
use crate::document::NodeRef;
use crate::host::{HostObject, Lookup, Pool, Query};

use super::ask::{self, Ask, NEAR};
use super::system;

/// The port's name by which an Ingress of the AWS Load Balancer Controller says that the backend is an action of its
/// annotations, and no Service (<https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/#actions>).
const ACTION: &str = "use-annotation";

/// A Service that an Ingress names: where, and which port.
struct Backend<'r> {
    node: NodeRef<'r>,
    name: &'r str,
    port: Option<NodeRef<'r>>,
}

/// `backend.service` of networking.k8s.io/v1, or `serviceName` and `servicePort` of the versions before it.
fn backend(node: NodeRef<'_>) -> Option<Backend<'_>> {
    if let Some(service) = node.get_present("service") {
        let name = service.get("name")?;
        let port = service.get("port").and_then(|p| {
            p.get_present("name").filter(|n| n.as_str() != Some("")).or_else(|| p.get_present("number"))
        });
        return Some(Backend { node: name, name: name.as_str()?, port });
    }
    let name = node.get_present("serviceName")?;
    Some(Backend { node: name, name: name.as_str()?, port: node.get_present("servicePort") })
}

pub(super) fn backends(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    if ask.kind().1 != "Ingress" || !matches!(ask.kind().0, "networking.k8s.io" | "extensions") {
        return;
    }
    let Some(spec) = ask.object().get("spec") else { return };
    let whole = [spec.get("defaultBackend"), spec.get("backend")];
    let paths = spec.get("rules").into_iter().flat_map(NodeRef::items).flat_map(|rule| {
        rule.at("/http/paths").into_iter().flat_map(NodeRef::items).filter_map(|path| path.get("backend"))
    });
    for node in whole.into_iter().flatten().chain(paths) {
        if let Some(backend) = backend(node) {
            check_backend(ask, &backend, sink);
        }
    }
}

fn check_backend(ask: &Ask<'_, '_>, backend: &Backend<'_>, sink: &mut Sink<'_>) {
    let (name, namespace) = (backend.name, ask.namespace());
    if backend.port.and_then(NodeRef::as_str) == Some(ACTION) {
        return;
    }
    let lookup = ask.get_all("", "Service", namespace, name);
    if !matches!(lookup, Lookup::Known(_)) && system::has_service(namespace, name) {
        return;
    }
    let absent = || format!("Service {namespace}/{name} does not exist");
    match lookup {
        Lookup::Known(services) => has_port(backend, &services, sink),
        Lookup::Unknown(what) => match beside(ask) {
            Some(others) => {
                sink.fault(backend.node, format!("{}; here are {others}", absent()));
            }
            None => ask::unknown(backend.node, &what, sink),
        },
        Lookup::Absent => {
            sink.fault(backend.node, absent());
        }
        Lookup::Failed(why) => ask::failed(backend.node, &why, sink),
    }
}

/// The Services that stand in the Ingress's own file or folder. What brings Services along brings all that the Ingress
/// needs: one that is not among them is misspelt. That is not so where an operator may make it, of an object of a custom
/// kind beside them, nor in the namespaces of the cluster itself.
fn beside(ask: &Ask<'_, '_>) -> Option<String> {
    if system::has_namespace(ask.namespace()) && ask.namespace() != "default" {
        return None;
    }
    let custom = Query { pool: Pool::Custom, namespace: Some(ask.namespace()), pairs: &[] };
    let mut operated = false;
    ask.find(&custom, |seen| {
        operated |= seen.level <= NEAR;
        true
    });
    if operated {
        return None;
    }
    let query = Query { pool: Pool::Labelled("", "Service"), namespace: Some(ask.namespace()), pairs: &[] };
    let mut names = Vec::new();
    ask.find(&query, |seen| {
        if seen.level > NEAR || names.len() >= 3 {
            return true;
        }
        names.extend(seen.object.root.at("/metadata/name").and_then(NodeRef::as_str));
        false
    });
    (!names.is_empty()).then(|| names.join(", "))
}

/// One of the forms of the Service has the port. ExternalName Services have none to compare.
fn has_port(backend: &Backend<'_>, services: &[HostObject<'_>], sink: &mut Sink<'_>) {
    let Some(port) = backend.port else { return };
    let by_name = port.as_str().filter(|name| name.parse::<u16>().is_err());
    let number = port.as_i64().or_else(|| port.as_str()?.parse().ok());
    let has = |service: &HostObject<'_>| {
        let ports = service.root.at("/spec/ports").into_iter().flat_map(NodeRef::items);
        service.root.at("/spec/type").and_then(NodeRef::as_str) == Some("ExternalName")
            || ports.into_iter().any(|port| match by_name {
                Some(name) => port.get_str("name") == Some(name),
                None => port.get("port").and_then(NodeRef::as_i64) == number,
            })
    };
    let Some(service) = services.first().filter(|_| !services.iter().any(has)) else { return };
    let wanted = by_name.map_or_else(|| number.unwrap_or_default().to_string(), str::to_owned);
    let finding = sink.fault(port, format!("Service {} has no port {wanted}", backend.name));
    let at = service.root.at("/spec/ports").or(service.root.get("spec")).unwrap_or(service.root);
    finding.related.push(related(*service, at, "the ports of the Service".to_owned()));
}
