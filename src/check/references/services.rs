//! Services: what they select, which of their ports is meant, who measures them.

use std::collections::BTreeMap;

use crate::check::subject::{Sink, related};
use crate::document::NodeRef;
use crate::host::{Coverage, HostObject, Pool, Query, Seen};
use crate::resource::container::Role;
use crate::resource::selector::LabelSelector;
use crate::resource::workload::PodTemplate;

use super::ask::{self, Ask, MOST};
use super::system;

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
    let (found, coverage) = ask.any_pods(Some(ask.namespace()), &selector);
    if !found {
        let message =
            format!("no Pods of namespace {} have the labels {}", ask.namespace(), ask::words(node));
        ask::missing(coverage, node, message, sink);
    }
}

/// A port of a Service that names its targetPort, and what the Pods say to it.
struct Named<'r> {
    node: NodeRef<'r>,
    name: &'r str,
    protocol: &'r str,
    somebody: bool,
    /// By kind and name, whether a form of the workload has the port; and the first form that lacks it, and why.
    workloads: BTreeMap<(&'r str, &'r str), (bool, Option<Lacking<'r>>)>,
}

/// A workload without a port.
type Lacking<'r> = (HostObject<'r>, Option<String>);

/// `protocol`, which is TCP where it is not written.
fn protocol(port: NodeRef<'_>) -> &str {
    port.get_str("protocol").filter(|protocol| !protocol.is_empty()).unwrap_or("TCP")
}

fn named_ports<'r>(service: NodeRef<'r>) -> Vec<Named<'r>> {
    let ports = service.at("/spec/ports").into_iter().flat_map(NodeRef::items);
    ports
        .filter_map(|port| {
            let node = port.get("targetPort")?;
            let name = node.as_str().filter(|n| !n.is_empty() && !n.bytes().all(|b| b.is_ascii_digit()))?;
            let (protocol, workloads) = (protocol(port), BTreeMap::new());
            Some(Named { node, name, protocol, somebody: false, workloads })
        })
        .collect()
}

/// Why no container of the Pods has the port, where one nearly has it. The port is one of the Service port's protocol,
/// of a regular container or a sidecar (`FindPort`, `k8s.io/kubernetes/pkg/api/v1/pod/util.go`).
fn lacks(pods: PodTemplate<'_>, name: &str, wanted: &str) -> Option<Option<String>> {
    let mut why = None;
    for container in pods.containers() {
        let ports = container.node.get("ports").into_iter().flat_map(NodeRef::items);
        for port in ports.filter(|port| port.get_str("name") == Some(name)) {
            let own = protocol(port);
            match container.role {
                Role::Regular | Role::Sidecar if own == wanted => return None,
                Role::Regular | Role::Sidecar => {
                    why = Some(format!(
                        "that of {} is {own}, and the Service's is {wanted}",
                        container.label()
                    ));
                }
                Role::Init if why.is_none() => {
                    why = Some(format!("{} has ended before the Pod serves", container.label()));
                }
                Role::Init | Role::Ephemeral => {}
            }
        }
    }
    Some(why)
}

/// A named targetPort is looked up in each Pod; where no container has it, the Service sends nothing there.
/// `of_all`: some workload has it and others have not; else nobody has.
pub(super) fn target_ports(ask: &Ask<'_, '_>, of_all: bool, sink: &mut Sink<'_>) {
    let Some(node) = service_selector(ask.object()).filter(|_| is_service(ask)) else { return };
    let Ok(selector) = LabelSelector::of_map(node) else { return };
    let mut ports = named_ports(ask.object());
    if ports.is_empty() {
        return;
    }
    let mut seen = 0;
    ask.find_pods(Some(ask.namespace()), &selector, |Seen { object, .. }, pods| {
        let kind = object.root.get_str("kind").unwrap_or_default();
        let name = object.root.at("/metadata/name").and_then(NodeRef::as_str).unwrap_or_default();
        for port in &mut ports {
            let lacks = lacks(pods, port.name, port.protocol);
            port.somebody |= lacks.is_none();
            let (has, lacking) = port.workloads.entry((kind, name)).or_default();
            match lacks {
                None => *has = true,
                Some(why) => {
                    lacking.get_or_insert((object, why));
                }
            }
        }
        seen += 1;
        seen >= MOST
    });
    for Named { node, name, protocol: _, somebody, workloads } in ports {
        let lacking = workloads.into_iter().find_map(|((kind, _), (has, lacking))| {
            // what runs to its end serves nobody, and shares labels with what does
            let serves = !of_all || !matches!(kind, "Job" | "CronJob" | "PodTemplate");
            lacking.filter(|_| !has && serves)
        });
        let Some((pods, why)) = lacking.filter(|_| somebody == of_all) else { continue };
        let why = why.map_or(String::new(), |why| format!(": {why}"));
        let message = format!("no container of {} has a port named {name}{why}", ask::describe(pods));
        let finding = sink.fault(node, message);
        finding.related.push(related(pods, ask::name_node(pods), "the Service selects its Pods".to_owned()));
    }
}

/// A Service sends traffic to Pods that are ready; without a readinessProbe a Pod is so as soon as its containers have
/// started. One container that says when is enough here, for a Pod is ready when all its containers are. What runs to
/// completion serves nobody.
pub(super) fn readiness(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    let Some(node) = service_selector(ask.object()).filter(|_| is_service(ask)) else { return };
    // its clients want to find Pods that are not ready
    if ask.object().at("/spec/publishNotReadyAddresses").and_then(NodeRef::as_bool) == Some(true) {
        return;
    }
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
        "Pods of {} get traffic before they can serve: no container has a readinessProbe",
        ask::describe(pods)
    );
    let finding = sink.fault(node, message);
    finding.related.push(related(pods, ask::name_node(pods), "the Service selects its Pods".to_owned()));
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
        if found.is_some() || system::selects_service(&selector, namespace) {
            return;
        }
        if coverage != Coverage::Complete {
            nothing = coverage;
        }
    }
    let node = node.or(named).unwrap_or(spec);
    ask::missing(nothing, node, "the ServiceMonitor selects no Service".to_owned(), sink);
}
