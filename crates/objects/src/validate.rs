//! Validation of built-in kinds as the API server does it after mutating admission: a rule that is broken is a [`Cause`].

mod admission;
mod core;
mod rbac;
mod storage;

use document::NodeRef;

use crate::field::{At, Cause, Causes};

use kubernetes_cel::profile::Profile;

use Rules::{Plain, WithCel};

/// The rules of a kind: of the object, and of what changed against the stored one.
#[derive(Clone, Copy)]
enum Rules {
    Plain(fn(&At<'_>, Option<&At<'_>>, &mut Causes)),
    /// Compiles expressions.
    WithCel(fn(&At<'_>, Option<&At<'_>>, Profile, &mut Causes)),
}

const REGISTRATION: &str = "admissionregistration.k8s.io";

/// The rules of a kind.
fn rules(group: &str, kind: &str) -> Option<Rules> {
    Some(match (group, kind) {
        ("", "ConfigMap") => Plain(core::config::config_map),
        ("", "Secret") => Plain(core::config::secret),
        ("", "Namespace") => Plain(core::namespace::namespace),
        ("", "ServiceAccount") => Plain(core::namespace::service_account),
        ("", "LimitRange") => Plain(core::limits::limit_range),
        ("", "ResourceQuota") => Plain(core::limits::resource_quota),
        ("", "PersistentVolumeClaim") => Plain(storage::claims::claim),
        ("", "PersistentVolume") => Plain(storage::volumes::volume),
        ("storage.k8s.io", "StorageClass") => Plain(storage::classes::storage_class),
        ("storage.k8s.io", "VolumeAttributesClass") => Plain(storage::classes::volume_attributes_class),
        ("storage.k8s.io", "CSIDriver") => Plain(storage::csi::driver),
        ("storage.k8s.io", "CSINode") => Plain(storage::csi::node),
        ("storage.k8s.io", "CSIStorageCapacity") => Plain(storage::csi::storage_capacity),
        ("storage.k8s.io", "VolumeAttachment") => Plain(storage::csi::volume_attachment),
        ("rbac.authorization.k8s.io", "Role") => Plain(rbac::role),
        ("rbac.authorization.k8s.io", "ClusterRole") => Plain(rbac::cluster_role),
        ("rbac.authorization.k8s.io", "RoleBinding") => Plain(rbac::role_binding),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding") => Plain(rbac::cluster_role_binding),
        (REGISTRATION, "MutatingWebhookConfiguration") => WithCel(admission::webhooks::mutating),
        (REGISTRATION, "ValidatingWebhookConfiguration") => WithCel(admission::webhooks::validating),
        (REGISTRATION, "ValidatingAdmissionPolicy") => WithCel(admission::policies::validating),
        (REGISTRATION, "MutatingAdmissionPolicy") => WithCel(admission::policies::mutating),
        (REGISTRATION, "ValidatingAdmissionPolicyBinding") => Plain(admission::policies::validating_binding),
        (REGISTRATION, "MutatingAdmissionPolicyBinding") => Plain(admission::policies::mutating_binding),
        _ => return None,
    })
}

/// Whether there are rules for a kind beyond what its schema says.
#[must_use]
pub fn covers(group: &str, kind: &str) -> bool {
    rules(group, kind).is_some()
}

/// The rules that an object breaks, in its canonical form with defaults; `old` is the stored one, on UPDATE. Expressions
/// are compiled by the CEL of `profile`.
#[must_use]
pub fn validate(
    (group, kind): (&str, &str),
    object: NodeRef<'_>,
    old: Option<NodeRef<'_>>,
    profile: Profile,
) -> Vec<Cause> {
    let mut causes = Causes::new();
    let (object, old) = (At::root(object), old.map(At::root));
    match rules(group, kind) {
        Some(Plain(rules)) => rules(&object, old.as_ref(), &mut causes),
        Some(WithCel(rules)) => rules(&object, old.as_ref(), profile, &mut causes),
        None => {}
    }
    causes.into_list()
}
