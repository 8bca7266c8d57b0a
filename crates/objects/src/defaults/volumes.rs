//! core/v1/defaults.go: volumes and claims.

use super::pod;
use crate::tree::{Id, Tree, Value};

pub(super) fn defaults(tree: &mut Tree<'_>, id: Id, kind: &str, minor: u8) {
    match kind {
        "Volume" => volume(tree, id, minor),
        "SecretVolumeSource"
        | "ConfigMapVolumeSource"
        | "DownwardAPIVolumeSource"
        | "ProjectedVolumeSource" => {
            tree.default_absent(id, "defaultMode", Value::Int(0o644));
        }
        "ServiceAccountTokenProjection" => tree.default_absent(id, "expirationSeconds", Value::Int(3600)),
        "HostPathVolumeSource" => tree.default_absent(id, "type", Value::text("")),
        "AzureDiskVolumeSource" => tree.default_absent(id, "readOnly", Value::Bool(false)),
        "PersistentVolume" => {
            let status = tree.object(id, "status");
            tree.default(status, "phase", Value::text("Pending"));
            let spec = tree.object(id, "spec");
            tree.default(spec, "persistentVolumeReclaimPolicy", Value::text("Retain"));
            tree.default_absent(spec, "volumeMode", Value::text("Filesystem"));
        }
        "PersistentVolumeClaim" => {
            let status = tree.object(id, "status");
            tree.default(status, "phase", Value::text("Pending"));
        }
        "PersistentVolumeClaimSpec" => tree.default_absent(id, "volumeMode", Value::text("Filesystem")),
        _ => {}
    }
}

fn volume(tree: &mut Tree<'_>, id: Id, minor: u8) {
    let sources = tree.listed(id);
    let source = |tree: &Tree<'_>, at: Id| tree.key(at) != "name" && !matches!(tree.value(at), Value::Null);
    if !sources.into_iter().any(|at| source(tree, at)) {
        tree.set(id, "emptyDir", Value::Object);
    }
    if minor >= 35
        && let Some(image) = tree.get(id, "image")
    {
        let policy = pod::pull_policy(tree.text(image, "reference"));
        tree.default(image, "pullPolicy", policy);
    }
}
