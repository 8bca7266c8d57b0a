//! How the checks ask: within what the policy may see, and with one wording for what is not there.

use std::ops::ControlFlow;

use crate::check::subject::{PolicyContext, Sink};
use crate::document::NodeRef;
use crate::host::{Coverage, HostObject, Lookup, ObjectKey, Pool, Query, Seen, Visitor, query};
use crate::resource::identity;
use crate::resource::pod_labels::{self, Made};
use crate::resource::selector::LabelSelector;
use crate::resource::workload::{PodTemplate, TemplatePaths};

use super::{autoscalers, system};

/// More objects than this are not looked at for one: a folder where every Service selects every Pod stays affordable.
pub(super) const MOST: usize = 1_000;

/// The levels that are applied together with an object: its own file, and its own folder.
pub(super) const NEAR: u32 = 1;

/// The judged object and what may be asked about it.
pub(super) struct Ask<'a, 'r> {
    pub(super) subject: &'a PolicyContext<'r>,
    pub(super) templates: &'a TemplatePaths,
}

impl<'r> Ask<'_, 'r> {
    pub(super) fn object(&self) -> NodeRef<'r> {
        self.subject.object
    }

    pub(super) fn kind(&self) -> (&'r str, &'r str) {
        (self.subject.request.kind.group, self.subject.request.kind.kind)
    }

    pub(super) fn namespace(&self) -> &'r str {
        self.subject.request.namespace.unwrap_or_default()
    }

    pub(super) fn name(&self) -> &'r str {
        self.subject.request.name
    }

    /// A policy of one namespace sees no other.
    fn allowed(&self, namespace: Option<&str>) -> Result<(), String> {
        match (self.subject.policy.matches.own_namespace(), namespace) {
            (Some(own), Some(namespace)) if own == namespace => Ok(()),
            (Some(own), _) => Err(format!("a policy of namespace {own} cannot look beyond it")),
            (None, _) => Ok(()),
        }
    }

    pub(super) fn get(&self, group: &str, kind: &str, namespace: &str, name: &str) -> Lookup<HostObject<'r>> {
        match self.allowed(Some(namespace)) {
            Ok(()) => self.subject.host.get(ObjectKey { group, kind, namespace, name }),
            Err(why) => Lookup::Failed(why),
        }
    }

    /// All forms of an object that are equally near: of overlays, versions and samples one is meant, so nothing is at
    /// fault where one of them is as it should be.
    pub(super) fn get_all(
        &self,
        group: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Lookup<Vec<HostObject<'r>>> {
        match self.allowed(Some(namespace)) {
            Ok(()) => self.subject.host.alternatives(ObjectKey { group, kind, namespace, name }, MOST),
            Err(why) => Lookup::Failed(why),
        }
    }

    pub(super) fn visit(&self, query: &Query<'_>, visitor: &mut Visitor<'_, 'r>) -> Coverage {
        match self.allowed(query.namespace) {
            Ok(()) => self.subject.host.visit(query, visitor),
            Err(why) => Coverage::Failed(why),
        }
    }

    /// The first object that the test is true for.
    pub(super) fn find(
        &self,
        query: &Query<'_>,
        mut test: impl FnMut(Seen<'_, 'r>) -> bool,
    ) -> (Option<HostObject<'r>>, Coverage) {
        let mut found = None;
        let coverage = self.visit(query, &mut |seen| {
            if test(seen) {
                found = Some(seen.object);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        (found, coverage)
    }

    /// The Pod templates that a selector selects.
    pub(super) fn find_pods(
        &self,
        namespace: Option<&str>,
        selector: &LabelSelector,
        mut test: impl FnMut(Seen<'_, 'r>, PodTemplate<'r>) -> bool,
    ) -> (Option<HostObject<'r>>, Coverage) {
        let pairs: Vec<_> =
            selector.required_pairs().filter_map(|(key, value)| pod_labels::indexed(key, value)).collect();
        let query = Query { pool: Pool::Pods(self.templates), namespace, pairs: &pairs };
        // what is farther away than the nearest that is selected, and not of the own folder, is of another installation
        let mut nearest: Option<u32> = None;
        let mut found = None;
        let coverage = self.visit(&query, &mut |seen| {
            if nearest.is_some_and(|level| level.max(NEAR) < seen.level) {
                return ControlFlow::Break(());
            }
            let all = query::templates(seen.object.root, self.templates);
            for pods in all.into_iter().filter(|pods| self.selects(selector, seen.object.root, *pods)) {
                nearest = nearest.or(Some(seen.level));
                if test(seen, pods) {
                    found = Some(seen.object);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        (found, coverage)
    }

    /// As [`Ask::find_pods`] in the own namespace, for what is held against how many Pods there are. Where other files of the
    /// folder hold the same object they are alternatives, as the outputs of a chart with different values are: then what
    /// stands in another file is of one of them, nobody knows which, and only the own file is looked at.
    pub(super) fn find_own_pods(&self, selector: &LabelSelector, mut test: impl FnMut(Seen<'_, 'r>) -> bool) {
        let farthest = if self.subject.host.neighbours(1).count > 0 { 0 } else { u32::MAX };
        self.find_pods(Some(self.namespace()), selector, |seen, _| seen.level > farthest || test(seen));
    }

    /// Whether a selector selects Pods of the namespace, those among them that run in every cluster; `None`: of any.
    pub(super) fn any_pods(&self, namespace: Option<&str>, selector: &LabelSelector) -> (bool, Coverage) {
        let of = |own: &str| namespace.is_none_or(|namespace| namespace == own);
        if system::pods(selector).any(of) {
            return (true, Coverage::Complete);
        }
        let (found, coverage) = self.find_pods(namespace, selector, |_, _| true);
        (found.is_some(), coverage)
    }

    /// Whether a selector selects some of the Pods of an object, by the labels of its template and by those that
    /// controllers add.
    fn selects(&self, selector: &LabelSelector, object: NodeRef<'_>, pods: PodTemplate<'_>) -> bool {
        selector.matches_some(labels(pods), |key| {
            pod_labels::made(object, key, || autoscalers::most(self, object))
        })
    }

    /// Whether a selector selects all of the Pods of the judged object.
    pub(super) fn selects_all(&self, selector: &LabelSelector, pods: PodTemplate<'_>) -> bool {
        selector.matches_some(labels(pods), |key| {
            let made = pod_labels::made(self.object(), key, || 1);
            made.filter(|made| !matches!(made, Made::Numbered { .. }))
        })
    }

    /// The labels that all Pods of the judged object have.
    pub(super) fn own_pairs(&self, pods: PodTemplate<'r>) -> Vec<(&'r str, &'r str)> {
        let mut pairs = pairs(labels(pods));
        pairs.extend(pod_labels::shared(self.object()));
        pairs
    }

    /// Whether the input has the owner that an object of a namespace says its controller is. Anyone can write ownerReferences,
    /// so nothing is let through for this; what is counted is not counted twice.
    pub(super) fn is_owned(&self, namespace: &str, object: NodeRef<'_>) -> bool {
        let Some(owner) = identity::controller(object) else { return false };
        match self.get(owner.gvk.group, owner.gvk.kind, namespace, owner.name) {
            Lookup::Known(found) => {
                let uid = found.root.at("/metadata/uid").and_then(NodeRef::as_str).unwrap_or_default();
                owner.uid.is_empty() || uid.is_empty() || owner.uid == uid
            }
            _ => false,
        }
    }

    /// The first autoscaler of a workload: a HorizontalPodAutoscaler, or a ScaledObject of KEDA.
    pub(super) fn autoscaler(
        &self,
        group: &str,
        kind: &str,
        name: &str,
    ) -> (Option<HostObject<'r>>, Coverage) {
        let target = format!("{group}/{kind}");
        let query =
            Query { pool: Pool::Scaling, namespace: Some(self.namespace()), pairs: &[(&target, name)] };
        self.find(&query, |seen| query::target(seen.object.root) == Some((group, kind, name)))
    }

    /// The Pod template of the judged object.
    pub(super) fn pods(&self) -> Option<PodTemplate<'r>> {
        self.subject.pods
    }
}

/// The labels of a Pod template.
pub(super) fn labels(pods: PodTemplate<'_>) -> Option<NodeRef<'_>> {
    pods.metadata.and_then(|m| m.get("labels"))
}

/// The pairs of a map of labels.
pub(super) fn pairs(labels: Option<NodeRef<'_>>) -> Vec<(&str, &str)> {
    labels.into_iter().flat_map(NodeRef::members).filter_map(|(k, v)| Some((k, v.as_str()?))).collect()
}

/// `app=web, tier=front`.
pub(super) fn words(labels: NodeRef<'_>) -> String {
    let pairs: Vec<String> =
        labels.members().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect();
    pairs.join(", ")
}

/// What is not there: a fault where that is certain.
pub(super) fn missing(coverage: Coverage, node: NodeRef<'_>, message: String, sink: &mut Sink<'_>) {
    match coverage {
        Coverage::Complete => {
            sink.fault(node, message);
        }
        Coverage::Unknown(what) => unknown(node, &what, sink),
        Coverage::Failed(why) => failed(node, &why, sink),
    }
}

pub(super) fn unknown(node: NodeRef<'_>, what: &str, sink: &mut Sink<'_>) {
    sink.needs(node, what);
}

pub(super) fn failed(node: NodeRef<'_>, why: &str, sink: &mut Sink<'_>) {
    sink.failed(node, format!("the look-up failed: {why}"));
}

/// An object that has to exist: it, or nothing when that has been said.
pub(super) fn wanted<'r>(
    lookup: Lookup<HostObject<'r>>,
    node: NodeRef<'_>,
    message: impl FnOnce() -> String,
    sink: &mut Sink<'_>,
) -> Option<HostObject<'r>> {
    match lookup {
        Lookup::Known(object) => return Some(object),
        Lookup::Absent => {
            sink.fault(node, message());
        }
        Lookup::Unknown(what) => unknown(node, &what, sink),
        Lookup::Failed(why) => failed(node, &why, sink),
    }
    None
}

/// The selector at a node; one that is faulty is told of as a fault of its own.
pub(super) fn selector(node: NodeRef<'_>, sink: &mut Sink<'_>) -> Option<LabelSelector> {
    match LabelSelector::parse(node) {
        Ok(selector) => Some(selector),
        Err(error) => {
            let at = node.document().node(error.node);
            sink.fault(at, format!("bad label selector: {error}"));
            None
        }
    }
}

/// A field that is there and not null.
pub(super) fn present<'d>(object: NodeRef<'d>, pointer: &str) -> Option<NodeRef<'d>> {
    object.at(pointer).filter(|node| !node.is_null())
}

/// The name of another object, as messages have it.
pub(super) fn describe(object: HostObject<'_>) -> String {
    let name = object.root.at("/metadata/name").and_then(NodeRef::as_str).unwrap_or("without a name");
    format!("{} {name}", object.root.get_str("kind").unwrap_or_default())
}

/// Where another object says its name.
pub(super) fn name_node(object: HostObject<'_>) -> NodeRef<'_> {
    object.root.at("/metadata/name").unwrap_or(object.root)
}
