//! The objects that every cluster has because Kubernetes makes them: roles and bindings with what they grant,
//! PriorityClasses, groups and users.
//!
//! `built_in.jsonl` is generated from Kubernetes' source (`tests/built_in.rs` says how). Names alone prove nothing:
//! anybody may call a role `cluster-admin`, or give it the prefix `system:` or the label. So what an object is compared
//! with is the original, kind, namespace, name, label and contents.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::document::few::GatherFew as _;
use crate::document::{Document, Limits, NodeRef};
use crate::packed::packed;

/// The label of the roles and bindings that the API server makes (rbac/bootstrappolicy/policy.go).
pub const BOOTSTRAPPING: &str = "kubernetes.io/bootstrapping";

static LINES: LazyLock<String> = LazyLock::new(|| packed!("built_in.jsonl"));

type Table = BTreeMap<(String, String, String), Document<'static>>;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    LINES
        .lines()
        .filter_map(|line| {
            let document = Document::from_json(line, Limits::default()).ok()?;
            let field = |name| document.root().get_str(name).unwrap_or_default().to_owned();
            Some(((field("kind"), field("namespace"), field("name")), document))
        })
        .gather()
});

/// The built-in object of a kind and name; the namespace of cluster-wide kinds is empty.
#[must_use]
pub fn find(kind: &str, namespace: &str, name: &str) -> Option<NodeRef<'static>> {
    let table: &'static Table = &TABLE;
    table.get(&(kind.to_owned(), namespace.to_owned(), name.to_owned())).map(Document::root)
}

/// The built-in object that an object says it is, by its name and by the bootstrapping label. What it holds may still
/// be something else.
#[must_use]
pub fn original(object: NodeRef<'_>, kind: &str, namespace: &str, name: &str) -> Option<NodeRef<'static>> {
    let found = find(kind, namespace, name)?;
    let label = object.at("/metadata/labels").and_then(|labels| labels.get_str(BOOTSTRAPPING))?;
    (found.get_str("label") == Some(label)).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_whole() {
        assert_eq!(TABLE.len(), include_str!("built_in.jsonl").lines().count());
        for (kind, namespace, name) in [
            ("ClusterRole", "", "cluster-admin"),
            ("ClusterRole", "", "system:auth-delegator"),
            ("Role", "kube-system", "extension-apiserver-authentication-reader"),
            ("RoleBinding", "kube-public", "system:controller:bootstrap-signer"),
            ("PriorityClass", "", "system-node-critical"),
            ("Group", "", "system:unauthenticated"),
            ("User", "", "system:anonymous"),
        ] {
            assert!(find(kind, namespace, name).is_some(), "{kind} {namespace}/{name}");
        }
        assert!(find("Role", "ci", "cluster-admin").is_none());
        assert!(find("ClusterRole", "", "system:my-operator").is_none());
    }

    /// admin, edit and view have the rules that the controller for aggregation gives them.
    #[test]
    fn aggregated_roles_have_rules() {
        for name in ["admin", "edit", "view"] {
            let rules = find("ClusterRole", "", name).unwrap().get("rules").unwrap();
            assert!(rules.items().count() > 5, "{name}");
        }
    }

    #[test]
    fn an_original_has_the_label() {
        for (json, expected) in [
            (r#"{"metadata":{"labels":{"kubernetes.io/bootstrapping":"rbac-defaults"}}}"#, true),
            (r#"{"metadata":{"labels":{"kubernetes.io/bootstrapping":"mine"}}}"#, false),
            (r#"{"metadata":{}}"#, false),
        ] {
            let document = Document::from_json(json, Limits::default()).unwrap();
            let found = original(document.root(), "ClusterRole", "", "view").is_some();
            assert_eq!(found, expected, "{json}");
        }
    }
}
