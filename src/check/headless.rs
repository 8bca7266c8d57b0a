//! `requireHeadlessService`: the Service that gives a StatefulSet's Pods their names.
//!
//! Four things can be wrong, each with a message of its own: `serviceName` is not set, the Service does not
//! exist, it is not headless, or it selects other Pods. In the cluster a Service may come after its
//! StatefulSet, so absence only warns there unless the rule says otherwise; offline it is *unknown*.

use crate::document::NodeRef;
use crate::finding::Action;
use crate::host::fields::Fields;
use crate::host::{HostObject, Lookup, ObjectKey};
use crate::policy::WhenAbsent;

use super::evaluator::Evaluator;
use super::subject::{self, PolicyContext, Sink, related};
use super::{Check, LookedUp, Policy};

/// So many forms of one Service are looked at.
const MOST: usize = 100;

/// What is read of a Service.
const READ: [&str; 4] = ["/spec/type", "/spec/clusterIP", "/spec/clusterIPs", "/spec/selector"];

/// `requireHeadlessService`.
#[derive(Debug)]
pub struct RequireHeadlessService {
    /// What the webhook answers when the Service is not there.
    pub when_absent: WhenAbsent,
}

impl Check for RequireHeadlessService {
    fn is_about_pods(&self, _: &Policy) -> bool {
        false
    }

    fn needs(&self) -> Vec<LookedUp> {
        let fields = Fields::of(&READ);
        vec![LookedUp { group: "", version: "v1", kind: "Service", fields, watched: true }]
    }

    fn judge<'d>(&'d self, _: &mut Evaluator<'d, '_>, subject: &PolicyContext<'d>, sink: &mut Sink<'_>) {
        run(subject, self.when_absent, sink);
    }
}

fn run(subject: &PolicyContext<'_>, when_absent: WhenAbsent, sink: &mut Sink<'_>) {
    let request = subject.request;
    if request.kind.kind != "StatefulSet" || request.kind.group != "apps" || !request.subresource.is_empty() {
        return;
    }
    let set = subject.object;
    let first = sink.findings.len();
    look(subject, when_absent, sink);
    if !subject.budget.fingerprints {
        return;
    }
    for finding in &mut sink.findings[first..] {
        let judged =
            subject::judged(set, [set.at("/spec/serviceName"), set.at("/spec/template/metadata/labels")]);
        finding.fingerprint.judged = Some(judged);
    }
}

fn look(subject: &PolicyContext<'_>, when_absent: WhenAbsent, sink: &mut Sink<'_>) {
    let (request, set) = (subject.request, subject.object);
    let namespace = request.namespace.unwrap_or_default();
    let name_node = set.at("/spec/serviceName");
    let name = name_node.and_then(NodeRef::as_str).unwrap_or_default();
    if name.is_empty() {
        let node = name_node.or_else(|| set.get("spec")).unwrap_or(set);
        sink.fault(node, "serviceName is not set: the Pods get no DNS names of their own".to_owned());
        return;
    }
    let node = name_node.unwrap_or(set);
    let key = ObjectKey { group: "", kind: "Service", namespace, name };
    match subject.host.alternatives(key, MOST) {
        // of overlays and versions that are equally near one is meant
        Lookup::Known(services) if services.iter().any(|service| fits(set, service.root)) => {}
        Lookup::Known(services) => {
            if let Some(service) = services.first() {
                found(set, node, name, *service, sink);
            }
        }
        Lookup::Absent => absent(subject, node, namespace, name, when_absent, sink),
        Lookup::Unknown(what) => {
            sink.needs(node, &what);
        }
        Lookup::Failed(why) => {
            sink.failed(node, format!("Service {namespace}/{name} could not be looked up: {why}"));
        }
    }
}

fn fits(set: NodeRef<'_>, service: NodeRef<'_>) -> bool {
    is_headless(service) && selects_template(service, set)
}

fn found(set: NodeRef<'_>, node: NodeRef<'_>, name: &str, service: HostObject<'_>, sink: &mut Sink<'_>) {
    if !is_headless(service.root) {
        let finding =
            sink.fault(node, format!("Service {name} exists but is not headless: it has a cluster IP"));
        let at =
            service.root.at("/spec/clusterIP").or_else(|| service.root.get("spec")).unwrap_or(service.root);
        finding.related.push(related(service, at, "this Service needs `clusterIP: None`".to_owned()));
    } else if !selects_template(service.root, set) {
        let finding =
            sink.fault(node, format!("Service {name} selects other Pods than those of this StatefulSet"));
        let selector = service.root.at("/spec/selector");
        let (at, what) = match selector {
            Some(selector) if !selector.is_empty() => {
                (selector, "this selector does not match the Pod template's labels")
            }
            _ => (service.root.get("spec").unwrap_or(service.root), "this Service has no selector"),
        };
        finding.related.push(related(service, at, what.to_owned()));
        if let Some(labels) = set.at("/spec/template/metadata/labels") {
            let place = crate::finding::Place::of(labels, set.id());
            finding.related.push(crate::finding::Related {
                message: "the labels of the Pod template".to_owned(),
                document: None,
                place,
            });
        }
    }
}

fn absent(
    subject: &PolicyContext<'_>,
    node: NodeRef<'_>,
    namespace: &str,
    name: &str,
    when_absent: WhenAbsent,
    sink: &mut Sink<'_>,
) {
    let candidate = nearest(subject, namespace);
    let mut message = format!("Service {namespace}/{name} does not exist");
    if let Some((candidate, _)) = &candidate {
        message.push_str(&format!("; Service {candidate} is headless and selects these Pods"));
    }
    let finding = sink.fault(node, message);
    if when_absent == WhenAbsent::Warn {
        finding.actions = finding.actions.at_most(Action::Warn);
    }
    if let Some((_, service)) = candidate {
        let at = service.root.at("/metadata/name").unwrap_or(service.root);
        finding.related.push(related(service, at, "this Service would fit".to_owned()));
    }
}

/// A headless Service of the namespace that selects the StatefulSet's Pods.
fn nearest<'r>(subject: &PolicyContext<'r>, namespace: &str) -> Option<(&'r str, HostObject<'r>)> {
    let Lookup::Known(listing) = subject.host.list("", "Service", Some(namespace)) else { return None };
    listing
        .objects
        .into_iter()
        .find(|service| fits(subject.object, service.root))
        .and_then(|service| Some((service.root.at("/metadata/name")?.as_str()?, service)))
}

/// `clusterIP: None`; `clusterIPs` alone is filled in from it, and may stand alone in a manifest.
fn is_headless(service: NodeRef<'_>) -> bool {
    let spec = service.get("spec");
    let external = spec.and_then(|s| s.get_str("type")) == Some("ExternalName");
    let address = spec.and_then(|s| {
        s.get_str("clusterIP")
            .filter(|ip| !ip.is_empty())
            .or_else(|| s.at("/clusterIPs/0").and_then(NodeRef::as_str))
    });
    !external && address == Some("None")
}

/// Whether the Service's selector selects the Pods of the template; an empty one selects none.
fn selects_template(service: NodeRef<'_>, set: NodeRef<'_>) -> bool {
    let Some(selector) = service.at("/spec/selector").filter(|s| s.is_object() && !s.is_empty()) else {
        return false;
    };
    let labels = set.at("/spec/template/metadata/labels");
    selector.members().all(|(key, value)| {
        labels
            .and_then(|l| l.get(key))
            .is_some_and(|label| label.as_str().is_some() && label.as_str() == value.as_str())
    })
}
