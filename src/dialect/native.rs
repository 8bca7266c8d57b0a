//! The native policy format: `plimsoll.dev/v1alpha1`, kinds `ClusterManifestPolicy`, `ManifestPolicy` and
//! `ManifestException`.
//!
//! [`written`] is the format as people write it (its JSON Schema is generated from these types);
//! [`lower`] checks it and makes the compiled form.

mod edits;
pub mod exceptions;
mod expressions;
mod lower;
mod parameters;
pub mod rules;
pub mod written;

use super::{Dialect, Issue, Lowered, Written};
use crate::cel::profile::Profile;
use crate::document::NodeRef;
use crate::finding::PolicyRef;

/// The format as a dialect.
pub(super) struct Native;

impl Dialect for Native {
    /// Policies of our group, whatever their version, and those of our kinds, whatever their group: what is misspelt is
    /// refused, not passed over.
    fn reads(&self, root: NodeRef<'_>) -> bool {
        let of_group = root.get_str("apiVersion").is_some_and(|version| version.starts_with("plimsoll.dev/"));
        match root.get_str("kind") {
            Some(CLUSTER_KIND | NAMESPACED_KIND | EXCEPTION_KIND) => true,
            Some("Configuration" | "PolicyTest") => false,
            _ => of_group,
        }
    }

    fn reference(&self, root: NodeRef<'_>) -> Option<PolicyRef> {
        let kind = [CLUSTER_KIND, NAMESPACED_KIND, EXCEPTION_KIND]
            .into_iter()
            .find(|kind| root.get_str("kind") == Some(kind))?;
        let metadata = root.get("metadata")?;
        let namespace = metadata.get_str("namespace").filter(|_| kind != CLUSTER_KIND).map(str::to_owned);
        Some(PolicyRef { kind, namespace, name: metadata.get_str("name")?.to_owned() })
    }

    fn lower(&self, root: NodeRef<'_>, profile: Profile, written: &Written) -> Result<Lowered, Vec<Issue>> {
        match root.get_str("kind") {
            Some(EXCEPTION_KIND) => exceptions::lower(root, profile, written)
                .map(|exception| Lowered::Exception(Box::new(exception))),
            _ => lower::lower(root, profile, written).map(|policy| Lowered::Policy(Box::new(policy))),
        }
    }
}

/// The API group and version of the format.
pub const API_VERSION: &str = "plimsoll.dev/v1alpha1";
/// Their API group.
pub(super) const GROUP: &str = "plimsoll.dev";
/// A policy for any namespace.
pub const CLUSTER_KIND: &str = "ClusterManifestPolicy";
/// A policy for its own namespace.
pub const NAMESPACED_KIND: &str = "ManifestPolicy";
/// What lifts findings of policies.
pub const EXCEPTION_KIND: &str = "ManifestException";
