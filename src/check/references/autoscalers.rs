//! Autoscalers and what they scale.
//!
//! Who decides how many replicas a workload has: its autoscaler, where there is one. A HorizontalPodAutoscaler raises
//! `spec.replicas` to its minimum at its first sync, and may go down to it at any time
//! (`pkg/controller/podautoscaler/horizontal.go`); replicas of 0 switch it off. A ScaledObject of KEDA has an autoscaler
//! made, and may go down to none.

use crate::api::{self, Kind};
use crate::check::subject::{Sink, related};
use crate::document::NodeRef;
use crate::host::{HostObject, Lookup, query};
use crate::resource::identity::Identity;

use super::ask::{self, Ask};

/// Built-in kinds with a `scale` subresource.
pub(super) fn scalable() -> impl Iterator<Item = &'static Kind> {
    api::built_in().filter(|kind| kind.is_scalable())
}

/// An autoscaler, and between which numbers it scales.
#[derive(Debug, Clone, Copy)]
pub(super) struct Autoscaled<'r> {
    pub(super) fewest: i64,
    pub(super) most: Option<i64>,
    pub(super) by: HostObject<'r>,
}

impl<'r> Autoscaled<'r> {
    fn of(by: HostObject<'r>) -> Self {
        let number = |field: &str| ask::present(by.root, field).and_then(NodeRef::as_i64);
        if is_keda(by.root) {
            let fewest = number("/spec/idleReplicaCount").or_else(|| number("/spec/minReplicaCount"));
            let most = number("/spec/maxReplicaCount").unwrap_or(100);
            return Self { fewest: fewest.unwrap_or(0), most: Some(most), by };
        }
        Self { fewest: number("/spec/minReplicas").unwrap_or(1), most: number("/spec/maxReplicas"), by }
    }

    /// Where the autoscaler says how few there may be.
    pub(super) fn at(&self) -> NodeRef<'r> {
        let root = self.by.root;
        let fields = ["/spec/idleReplicaCount", "/spec/minReplicaCount", "/spec/minReplicas"];
        fields.iter().find_map(|field| ask::present(root, field)).unwrap_or_else(|| ask::name_node(self.by))
    }
}

fn is_keda(autoscaler: NodeRef<'_>) -> bool {
    autoscaler.get_str("kind") == Some("ScaledObject")
}

/// What scales a workload.
pub(super) fn autoscaled<'r>(ask: &Ask<'_, 'r>, workload: NodeRef<'_>) -> Option<Autoscaled<'r>> {
    let identity = Identity::of(workload)?;
    let (autoscaler, _) = ask.autoscaler(identity.gvk.group, identity.gvk.kind, identity.name?);
    autoscaler.map(Autoscaled::of)
}

/// How many Pods a workload has when it is quiet, and the autoscaler that decides it; `None` of a kind whose replicas
/// nobody knows.
pub(super) fn replicas<'r>(
    ask: &Ask<'_, 'r>,
    workload: NodeRef<'_>,
) -> Option<(i64, Option<Autoscaled<'r>>)> {
    let written = ask::present(workload, "/spec/replicas").and_then(NodeRef::as_i64);
    if let Some(by) = autoscaled(ask, workload) {
        let off = written == Some(0) && by.fewest > 0 && !is_keda(by.by.root);
        return Some(if off { (0, None) } else { (by.fewest, Some(by)) });
    }
    let by_default = Identity::of(workload).is_some_and(|identity| {
        api::get(identity.gvk.group, identity.gvk.kind).is_some_and(|kind| kind.counted)
    });
    written.or(by_default.then_some(1)).map(|replicas| (replicas, None))
}

/// How many Pods a workload may come to have.
pub(super) fn most(ask: &Ask<'_, '_>, workload: NodeRef<'_>) -> i64 {
    let written = ask::present(workload, "/spec/replicas").and_then(NodeRef::as_i64).unwrap_or(1);
    let scaled = autoscaled(ask, workload).map(|by| by.most.unwrap_or(i64::MAX));
    written.max(scaled.unwrap_or(0))
}

/// The API server's REST mapping decides what a target is: of its version only the group matters.
pub(super) fn target_exists(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    if !matches!(ask.kind(), ("autoscaling", "HorizontalPodAutoscaler") | ("keda.sh", "ScaledObject")) {
        return;
    }
    let Some(target) = ask.object().at("/spec/scaleTargetRef") else { return };
    let Some((group, kind, name)) = query::target(ask.object()) else { return };
    let namespace = ask.namespace();
    let built_in = api::find(group, kind);
    if built_in.is_some_and(|kind| !kind.is_scalable()) {
        let node = target.get("kind").unwrap_or(target);
        sink.fault(node, format!("a {kind} cannot be scaled: it has no `scale` subresource"));
        return;
    }
    if built_in.is_none() && api::is_own_group(group) {
        no_such_kind(target, kind, sink);
        return;
    }
    let node = target.get("name").unwrap_or(target);
    match ask.get(group, kind, namespace, name) {
        // what the input cannot show is not missing: who knows where Rollouts are kept
        Lookup::Absent if built_in.is_none() => {
            ask::unknown(node, &format!("{kind} {namespace}/{name}"), sink)
        }
        lookup => {
            let absent = || format!("{kind} {namespace}/{name} does not exist");
            ask::wanted(lookup, node, absent, sink);
        }
    }
}

fn no_such_kind(target: NodeRef<'_>, kind: &str, sink: &mut Sink<'_>) {
    let written = target.get_present("apiVersion").filter(|version| version.as_str() != Some(""));
    let meant = match scalable().find(|scalable| scalable.kind == kind) {
        Some(known) => format!(": set apiVersion to {}/v1", known.group).replace(" /", " "),
        None => String::new(),
    };
    let message = match written.and_then(NodeRef::as_str) {
        Some(version) => format!("{version} has no kind {kind}{meant}"),
        None => format!("without apiVersion the target is of v1, which has no kind {kind}{meant}"),
    };
    sink.fault(written.or(target.get("kind")).unwrap_or(target), message);
}

/// Each apply would set the replicas back to what is written.
pub(super) fn replicas_unset(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    let Some(node) = ask::present(ask.object(), "/spec/replicas") else { return };
    let Some(written) = node.as_i64() else { return };
    let (group, kind) = ask.kind();
    let (Some(autoscaler), _) = ask.autoscaler(group, kind, ask.name()) else { return };
    let by = ask::describe(autoscaler);
    let finding = sink.fault(node, format!("replicas is set to {written}, and {by} sets it as well"));
    let at = autoscaler.root.at("/spec/scaleTargetRef").unwrap_or(autoscaler.root);
    finding.related.push(related(autoscaler, at, "this autoscaler sets the replicas".to_owned()));
}

/// `params.minimum` replicas, where no autoscaler decides; none at all is switched off, and meant.
pub(super) fn minimum(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    let parameters = ask.subject.policy.parameters.root();
    let minimum = parameters.get("minimum").and_then(NodeRef::as_i64).unwrap_or(2);
    let Some(spec) = ask.object().get("spec") else { return };
    let node = spec.get_present("replicas");
    let replicas = match node {
        Some(node) => node.as_i64().unwrap_or(minimum),
        None => 1,
    };
    if replicas >= minimum || replicas == 0 {
        return;
    }
    let (group, kind) = ask.kind();
    if let (None, coverage) = ask.autoscaler(group, kind, ask.name()) {
        let message = match node {
            None => format!("replicas is not set, which means 1; at least {minimum} are required"),
            Some(_) => format!("replicas is {replicas}; at least {minimum} are required"),
        };
        ask::missing(coverage, node.unwrap_or(spec), message, sink);
    }
}
