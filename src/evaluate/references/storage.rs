//! Claims that Pods name, and the volumes and classes that claims name.

use crate::document::NodeRef;
use crate::evaluate::rule::Sink;

use super::ask::{self, Ask};

pub(super) fn exists(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    if let Some(pods) = ask.pods() {
        for volume in pods.spec.get("volumes").into_iter().flat_map(NodeRef::items) {
            if let Some(node) = volume.at("/persistentVolumeClaim/claimName") {
                named(ask, node, ("", "PersistentVolumeClaim"), ask.namespace(), sink);
            }
        }
        let templates = ask.object().at("/spec/volumeClaimTemplates");
        for claim in templates.into_iter().flat_map(NodeRef::items) {
            of_claim(ask, claim, sink);
        }
    } else if ask.kind() == ("", "PersistentVolumeClaim") {
        of_claim(ask, ask.object(), sink);
    }
}

fn of_claim(ask: &Ask<'_, '_>, claim: NodeRef<'_>, sink: &mut Sink<'_>) {
    let Some(spec) = claim.get("spec") else { return };
    if let Some(node) = spec.get("volumeName") {
        named(ask, node, ("", "PersistentVolume"), "", sink);
        return;
    }
    if let Some(node) = spec.get("storageClassName") {
        named(ask, node, ("storage.k8s.io", "StorageClass"), "", sink);
    }
}

fn named(ask: &Ask<'_, '_>, node: NodeRef<'_>, what: (&str, &str), namespace: &str, sink: &mut Sink<'_>) {
    let Some(name) = node.as_str().filter(|name| !name.is_empty()) else { return };
    let (group, kind) = what;
    let absent = || match namespace {
        "" => format!("{kind} {name} does not exist"),
        namespace => format!("{kind} {namespace}/{name} does not exist"),
    };
    ask::wanted(ask.get(group, kind, namespace, name), node, absent, sink);
}
