//! HorizontalPodAutoscalers and what they scale.

use crate::document::NodeRef;
use crate::evaluate::rule::{Sink, related};
use crate::host::{Coverage, Lookup};
use crate::resource::kinds;

use super::ask::{self, Ask};

pub(super) fn target_exists(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    if ask.kind() != ("autoscaling", "HorizontalPodAutoscaler") {
        return;
    }
    let Some(target) = ask.object().at("/spec/scaleTargetRef") else { return };
    let (Some(kind), Some(name)) = (target.get_str("kind"), target.get_str("name")) else { return };
    let version = target.get_str("apiVersion").unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let node = target.get("name").unwrap_or(target);
    let namespace = ask.namespace();
    match ask.get(group, kind, namespace, name) {
        // what the input cannot show is not missing: who knows where Rollouts are kept
        Lookup::Absent if kinds::find(group, kind).is_none() => {
            ask::unknown(node, &format!("{kind} {namespace}/{name}"), sink);
        }
        lookup => {
            let absent = || format!("{kind} {namespace}/{name} does not exist");
            ask::wanted(lookup, node, absent, sink);
        }
    }
}

/// Each apply would set the replicas back to what is written.
pub(super) fn replicas_unset(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    let Some(node) = ask::present(ask.object(), "/spec/replicas").filter(|n| n.as_i64().is_some()) else {
        return;
    };
    let (group, kind) = ask.kind();
    let (Some(autoscaler), _) = ask.autoscaler(group, kind, ask.name()) else { return };
    let message = format!("replicas are set, and {} scales them", ask::describe(autoscaler));
    let finding = sink.fault(node, message);
    let at = autoscaler.root.at("/spec/scaleTargetRef").unwrap_or(autoscaler.root);
    finding.related.push(related(autoscaler, at, "this autoscaler sets them".to_owned()));
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
        let message = match replicas {
            1 => format!("1 replica, and {minimum} are due"),
            _ => format!("{replicas} replicas, and {minimum} are due"),
        };
        ask::missing(coverage, node.unwrap_or(spec), message, sink);
    }
}

/// How many Pods a workload has when it is quiet: its replicas, else the fewest of its autoscaler, else one.
pub(super) fn replicas(ask: &Ask<'_, '_>, workload: NodeRef<'_>) -> i64 {
    if let Some(replicas) = ask::present(workload, "/spec/replicas").and_then(NodeRef::as_i64) {
        return replicas;
    }
    fewest(ask, workload).map_or(1, |(fewest, _)| fewest)
}

/// `minReplicas` of the autoscaler of a workload, 1 where it says nothing; and which autoscaler.
pub(super) fn fewest<'r>(
    ask: &Ask<'_, 'r>,
    workload: NodeRef<'_>,
) -> Option<(i64, crate::host::HostObject<'r>)> {
    let group = workload.get_str("apiVersion")?.split_once('/').map_or("", |(group, _)| group);
    let name = workload.at("/metadata/name").and_then(NodeRef::as_str)?;
    let (autoscaler, coverage) = ask.autoscaler(group, workload.get_str("kind")?, name);
    debug_assert!(autoscaler.is_none() || coverage == Coverage::Complete);
    let autoscaler = autoscaler?;
    let least = ask::present(autoscaler.root, "/spec/minReplicas").and_then(NodeRef::as_i64).unwrap_or(1);
    Some((least, autoscaler))
}
