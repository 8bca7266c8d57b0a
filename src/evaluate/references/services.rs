//! Services: what they select, which of their ports is meant, who refers to them.

use crate::document::NodeRef;
use crate::evaluate::rule::{Sink, related};
use crate::host::{Coverage, HostObject, Pool, Query, Seen};
use crate::resource::selector::LabelSelector;

use super::ask::{self, Ask, MOST};

/// What a probe may ask with.
const HANDLERS: [&str; 4] = ["exec", "httpGet", "tcpSocket", "grpc"];

/// The selector of a Service that has one: ExternalName Services and those without select nothing, and are meant to.
fn service_selector<'r>(service: NodeRef<'r>) -> Option<NodeRef<'r>> {
    let spec = service.get("spec")?;
    let selector = spec.get("selector").filter(|s| s.is_object() && !s.is_empty())?;
    (spec.get_str("type") != Some("ExternalName")).then_some(selector)
}

fn is_service(ask: &Ask<'_, '_>) -> bool {
    ask.kind() == ("", "Service")
}

pub(super) fn selects_pods(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    let Some(node) = service_selector(ask.object()).filter(|_| is_service(ask)) else { return };
    let Ok(selector) = LabelSelector::of_map(node) else { return };
    let (found, coverage) = ask.find_pods(Some(ask.namespace()), &selector, |_, _| true);
    if found.is_none() {
        let message =
            format!("no Pods of namespace {} have the labels {}", ask.namespace(), ask::words(node));
        ask::missing(coverage, node, message, sink);
    }
}

/// A named targetPort is looked up in each Pod; where no container has it, the Service sends nothing there.
pub(super) fn target_ports(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    let Some(node) = service_selector(ask.object()).filter(|_| is_service(ask)) else { return };
    let Ok(selector) = LabelSelector::of_map(node) else { return };
    let ports: Vec<(NodeRef<'_>, &str)> = ask
        .object()
        .at("/spec/ports")
        .into_iter()
        .flat_map(NodeRef::items)
        .filter_map(|port| port.get("targetPort"))
        .filter_map(|target| Some((target, target.as_str()?)))
        .filter(|(_, name)| !name.is_empty() && !name.bytes().all(|b| b.is_ascii_digit()))
        .collect();
    if ports.is_empty() {
        return;
    }
    let mut seen = 0;
    let mut without: Vec<Option<HostObject<'_>>> = vec![None; ports.len()];
    ask.find_pods(Some(ask.namespace()), &selector, |Seen { object, .. }, pods| {
        for ((_, name), without) in ports.iter().zip(&mut without) {
            let mut names = pods
                .containers()
                .flat_map(|c| c.node.get("ports").into_iter().flat_map(NodeRef::items))
                .filter_map(|port| port.get_str("name"));
            if without.is_none() && !names.any(|n| n == *name) {
                *without = Some(object);
            }
        }
        seen += 1;
        seen >= MOST
    });
    for ((node, name), without) in ports.iter().zip(without) {
        let Some(pods) = without else { continue };
        let message = format!("no container of {} has a port named {name}", ask::describe(pods));
        let finding = sink.fault(*node, message);
        finding.related.push(related(pods, ask::name_node(pods), "the Service selects its Pods".to_owned()));
    }
}

/// A Service sends traffic to Pods that are ready; without a readinessProbe a Pod is so as soon as its containers have
/// started. One container that says when is enough here, for a Pod is ready when all its containers are. What runs to
/// completion serves nobody.
pub(super) fn readiness(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    let Some(node) = service_selector(ask.object()).filter(|_| is_service(ask)) else { return };
    let Ok(selector) = LabelSelector::of_map(node) else { return };
    let (mut seen, mut eager) = (0, None);
    ask.find_pods(Some(ask.namespace()), &selector, |Seen { object, .. }, pods| {
        let ends = matches!(object.root.get_str("kind"), Some("Job" | "CronJob" | "PodTemplate"));
        let has = |probe: NodeRef<'_>| HANDLERS.iter().any(|handler| probe.get_present(handler).is_some());
        let mut probes = pods.containers().filter_map(|c| c.node.get_present("readinessProbe"));
        if !ends && pods.containers().next().is_some() && !probes.any(has) {
            eager = Some(object);
        }
        seen += 1;
        eager.is_some() || seen >= MOST
    });
    let Some(pods) = eager else { return };
    let message = format!(
        "Pods of {} get traffic before they are ready: none has a readinessProbe",
        ask::describe(pods)
    );
    let finding = sink.fault(node, message);
    finding.related.push(related(pods, ask::name_node(pods), "the Service selects its Pods".to_owned()));
}

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

pub(super) fn ingress_backends(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
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
    let lookup = ask.get("", "Service", namespace, name);
    let absent = || format!("Service {namespace}/{name} does not exist");
    let Some(service) = ask::wanted(lookup, backend.node, absent, sink) else { return };
    let Some(port) = backend.port else { return };
    let spec = service.root.get("spec");
    if spec.and_then(|s| s.get_str("type")) == Some("ExternalName") {
        return;
    }
    let by_name = port.as_str().filter(|name| name.parse::<u16>().is_err());
    let number = port.as_i64().or_else(|| port.as_str()?.parse().ok());
    let ports = spec.and_then(|s| s.get("ports"));
    let exists = ports.into_iter().flat_map(NodeRef::items).any(|p| match by_name {
        Some(name) => p.get_str("name") == Some(name),
        None => p.get("port").and_then(NodeRef::as_i64) == number,
    });
    if !exists {
        let wanted = by_name.map_or_else(|| number.unwrap_or_default().to_string(), str::to_owned);
        let finding = sink.fault(port, format!("Service {name} has no port {wanted}"));
        let at = ports.or(spec).unwrap_or(service.root);
        finding.related.push(related(service, at, "the ports of the Service".to_owned()));
    }
}

/// Without a namespaceSelector a ServiceMonitor looks into its own namespace.
pub(super) fn monitor(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    if ask.kind() != ("monitoring.coreos.com", "ServiceMonitor") {
        return;
    }
    let Some(spec) = ask.object().get("spec") else { return };
    let node = spec.get_present("selector");
    let selector = match node {
        Some(node) => ask::selector(node, sink),
        None => Some(LabelSelector::default()),
    };
    let Some(selector) = selector else { return };
    let named = spec.get_present("namespaceSelector");
    let any = named.and_then(|n| n.get("any")).and_then(NodeRef::as_bool) == Some(true);
    let names: Vec<&str> = named
        .and_then(|n| n.get("matchNames"))
        .into_iter()
        .flat_map(NodeRef::items)
        .filter_map(NodeRef::as_str)
        .collect();
    let namespaces: Vec<Option<&str>> = match (any, names.is_empty()) {
        (true, _) => vec![None],
        (false, true) => vec![Some(ask.namespace())],
        (false, false) => names.into_iter().map(Some).collect(),
    };
    let pairs: Vec<_> = selector.required_pairs().collect();
    let mut nothing = Coverage::Complete;
    for namespace in namespaces {
        let query = Query { pool: Pool::Labelled("", "Service"), namespace, pairs: &pairs };
        let (found, coverage) =
            ask.find(&query, |seen| selector.matches(seen.object.root.at("/metadata/labels")));
        if found.is_some() {
            return;
        }
        if coverage != Coverage::Complete {
            nothing = coverage;
        }
    }
    let node = node.or(named).unwrap_or(spec);
    ask::missing(nothing, node, "no Service has the labels that the ServiceMonitor selects".to_owned(), sink);
}
