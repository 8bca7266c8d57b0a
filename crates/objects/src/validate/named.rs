//! Of which objects the server says the same whatever they are called.
//!
//! Whoever validates many that differ in nothing but their names need ask about the first of them alone. The rules of most kinds
//! look at a name to see whether it is one; what a name means to other rules is told here by leaving those kinds out.

use document::NodeRef;

use super::Kind;
use crate::names;

/// Group and kind, sorted. Left out are kinds whose rules compare a name with something else, as those of a Job do, which labels
/// its Pods with it.
const KINDS: [(&str, &str); 20] = [
    ("", "ConfigMap"),
    ("", "PersistentVolumeClaim"),
    ("", "Pod"),
    ("", "ReplicationController"),
    ("", "Secret"),
    ("", "Service"),
    ("", "ServiceAccount"),
    ("apps", "DaemonSet"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("batch", "CronJob"),
    ("networking.k8s.io", "Ingress"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("policy", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
];

/// What the server writes into `metadata`, and validates where somebody else has.
const WRITTEN_BY_SERVER: [&str; 5] = ["uid", "resourceVersion", "generation", "selfLink", "managedFields"];

/// Whether the server finds the same in an object, of this kind and created, under any other name that is as plain: lowercase
/// letters, digits and dashes between them, so few that nothing which is made of it is too long.
#[must_use]
pub fn is_judged_alike_by_any_plain_name(kind: Kind<'_>, object: NodeRef<'_>) -> bool {
    let Some(metadata) = object.get("metadata") else { return false };
    let claims_by_its_name = || {
        let volumes = object.at("/spec/volumes").filter(|_| kind.kind == "Pod");
        volumes.is_some_and(|volumes| volumes.items().any(|volume| volume.get("ephemeral").is_some()))
    };
    KINDS.binary_search(&(kind.group, kind.kind)).is_ok()
        && metadata.get_str("name").is_some_and(names::is_plain)
        && WRITTEN_BY_SERVER.iter().all(|member| metadata.get(member).is_none())
        && !claims_by_its_name()
}
