//! Claims that Pods name, and the volumes and classes that claims name.

use crate::check::subject::Sink;
use crate::document::NodeRef;
use crate::host::{Lookup, Pool, Query};
use crate::resource::pod_labels::{self, POD_INDEX};

use super::ask::{self, Ask};
use super::autoscalers;

pub(super) fn exists(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    if let Some(pods) = ask.pods() {
        for volume in pods.spec.get("volumes").into_iter().flat_map(NodeRef::items) {
            if let Some(node) = volume.at("/persistentVolumeClaim/claimName")
                && !node.as_str().is_some_and(|name| is_made(ask, name))
            {
                named(ask, node, ("", "PersistentVolumeClaim"), ask.namespace(), sink);
            }
            if let Some(claim) = volume.at("/ephemeral/volumeClaimTemplate") {
                of_claim(ask, claim, sink);
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

/// Whether a controller makes the claim: the StatefulSet controller `<template>-<StatefulSet>-<ordinal>`
/// (`getPersistentVolumeClaimName`, `pkg/controller/statefulset/stateful_set_utils.go`), that of generic ephemeral
/// volumes `<Pod>-<volume>`, KubeVirt's importer one named like its DataVolume.
fn is_made(ask: &Ask<'_, '_>, claim: &str) -> bool {
    let namespace = ask.namespace();
    if matches!(ask.get("cdi.kubevirt.io", "DataVolume", namespace, claim), Lookup::Known(_)) {
        return true;
    }
    let known = |group, kind, name| match ask.get(group, kind, namespace, name) {
        Lookup::Known(object) => Some(object.root),
        _ => None,
    };
    let has = |list: Option<NodeRef<'_>>, name: &str, at: &str| {
        let mut items = list.into_iter().flat_map(NodeRef::items);
        items.any(|item| item.at(at).and_then(NodeRef::as_str) == Some(name))
    };
    let halves = |name: &'_ str| name.match_indices('-').map(|(dash, _)| dash).collect::<Vec<_>>();
    let of_pod = halves(claim).into_iter().any(|dash| {
        let (pod, volume) = (&claim[..dash], &claim[dash + 1..]);
        known("", "Pod", pod).is_some_and(|pod| has(pod.at("/spec/volumes"), volume, "/name"))
    });
    let of_set = claim.rsplit_once('-').is_some_and(|(name, ordinal)| {
        halves(name).into_iter().any(|dash| {
            let (template, set) = (&name[..dash], &name[dash + 1..]);
            known("apps", "StatefulSet", set).is_some_and(|root| {
                has(root.at("/spec/volumeClaimTemplates"), template, "/metadata/name")
                    && pod_labels::made(root, POD_INDEX, || autoscalers::most(ask, root))
                        .is_some_and(|made| made.can_be(ordinal))
            })
        })
    });
    of_pod || of_set
}

fn of_claim(ask: &Ask<'_, '_>, claim: NodeRef<'_>, sink: &mut Sink<'_>) {
    let Some(spec) = claim.get("spec") else { return };
    if let Some(node) = spec.get("volumeName") {
        named(ask, node, ("", "PersistentVolume"), "", sink);
        return;
    }
    if let Some(node) = spec.get("storageClassName") {
        class(ask, node, sink);
    }
}

/// A class may be a mere name that volumes made by hand share with the claims that are to get them
/// (<https://kubernetes.io/docs/concepts/storage/persistent-volumes/#class-1>).
fn class(ask: &Ask<'_, '_>, node: NodeRef<'_>, sink: &mut Sink<'_>) {
    let Some(name) = node.as_str().filter(|name| !name.is_empty()) else { return };
    let lookup = ask.get("storage.k8s.io", "StorageClass", "", name);
    if !matches!(lookup, Lookup::Known(_)) && of_a_volume(ask, name) {
        return;
    }
    ask::wanted(lookup, node, || format!("StorageClass {name} does not exist"), sink);
}

fn of_a_volume(ask: &Ask<'_, '_>, class: &str) -> bool {
    let query = Query { pool: Pool::Volumes(class), namespace: None, pairs: &[] };
    let of =
        |volume: NodeRef<'_>| volume.at("/spec/storageClassName").and_then(NodeRef::as_str) == Some(class);
    ask.find(&query, |seen| of(seen.object.root)).0.is_some()
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
