//! Validation of built-in kinds as the API server does it after mutating admission: a rule that is broken is a [`Cause`].

mod core;
mod rbac;
mod storage;

use document::NodeRef;

use crate::field::{At, Cause, Causes};

type Rules = fn(&At<'_>, Option<&At<'_>>, &mut Causes);

/// The rules of a kind.
fn rules(group: &str, kind: &str) -> Option<Rules> {
    Some(match (group, kind) {
        ("", "ConfigMap") => core::config::config_map,
        ("", "Secret") => core::config::secret,
        ("", "Namespace") => core::namespace::namespace,
        ("", "ServiceAccount") => core::namespace::service_account,
        ("", "LimitRange") => core::limits::limit_range,
        ("", "ResourceQuota") => core::limits::resource_quota,
        ("", "PersistentVolumeClaim") => storage::claims::claim,
        ("", "PersistentVolume") => storage::volumes::volume,
        ("storage.k8s.io", "StorageClass") => storage::classes::storage_class,
        ("storage.k8s.io", "VolumeAttributesClass") => storage::classes::volume_attributes_class,
        ("storage.k8s.io", "CSIDriver") => storage::csi::driver,
        ("storage.k8s.io", "CSINode") => storage::csi::node,
        ("storage.k8s.io", "CSIStorageCapacity") => storage::csi::storage_capacity,
        ("storage.k8s.io", "VolumeAttachment") => storage::csi::volume_attachment,
        ("rbac.authorization.k8s.io", "Role") => rbac::role,
        ("rbac.authorization.k8s.io", "ClusterRole") => rbac::cluster_role,
        ("rbac.authorization.k8s.io", "RoleBinding") => rbac::role_binding,
        ("rbac.authorization.k8s.io", "ClusterRoleBinding") => rbac::cluster_role_binding,
        _ => return None,
    })
}

/// Whether there are rules for a kind beyond what its schema says.
#[must_use]
pub fn covers(group: &str, kind: &str) -> bool {
    rules(group, kind).is_some()
}

/// The rules that an object breaks, in its canonical form with defaults; `old` is the stored one, on UPDATE.
#[must_use]
pub fn validate(group: &str, kind: &str, object: NodeRef<'_>, old: Option<NodeRef<'_>>) -> Vec<Cause> {
    let mut causes = Causes::new();
    if let Some(rules) = rules(group, kind) {
        rules(&At::root(object), old.map(At::root).as_ref(), &mut causes);
    }
    causes.into_list()
}
