//! The ServiceAccount, and as little as it may do.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Installation, NAME, SECRET, labels};
use crate::admission::needs::Needs;
use crate::api;

/// The ClusterRole for what policies look up.
pub(super) const LOOKUPS: &str = "plimsoll-lookups";

pub(super) fn objects(installation: &Installation, needs: &Needs) -> Vec<Value> {
    let mut objects = vec![json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": installation.metadata(NAME),
    })];
    let reads = reads(needs);
    objects.push(json!({
        "apiVersion": RBAC, "kind": "ClusterRole",
        "metadata": {"name": LOOKUPS, "labels": labels()},
        "rules": reads,
    }));
    objects.push(binding(installation, "ClusterRoleBinding", LOOKUPS));
    if installation.fixed.is_some() {
        return objects;
    }
    objects.push(json!({
        "apiVersion": RBAC, "kind": "ClusterRole",
        "metadata": {"name": NAME, "labels": labels()},
        "rules": [{
            "apiGroups": ["admissionregistration.k8s.io"],
            "resources": ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
            "resourceNames": [NAME],
            "verbs": ["get", "patch"],
        }],
    }));
    objects.push(binding(installation, "ClusterRoleBinding", NAME));
    objects.push(json!({
        "apiVersion": RBAC, "kind": "Role", "metadata": installation.metadata(NAME),
        "rules": [
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [SECRET], "verbs": ["get", "update"]},
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": [NAME],
             "verbs": ["get", "update"]},
        ],
    }));
    objects.push(binding(installation, "RoleBinding", NAME));
    objects.push(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": installation.metadata(SECRET), "type": "Opaque",
    }));
    objects.push(json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": installation.metadata(NAME),
    }));
    objects
}

const RBAC: &str = "rbac.authorization.k8s.io/v1";

fn binding(installation: &Installation, kind: &str, role: &str) -> Value {
    let (metadata, role_kind) = match kind {
        "RoleBinding" => (installation.metadata(role), "Role"),
        _ => (json!({"name": role, "labels": labels()}), "ClusterRole"),
    };
    json!({
        "apiVersion": RBAC, "kind": kind, "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": installation.namespace}],
    })
}

/// What policies look up; Namespaces and Services in any case, for nearly all policies that look up need these.
fn reads(needs: &Needs) -> Vec<Value> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    groups.insert(String::new(), vec!["namespaces".to_owned(), "services".to_owned()]);
    for (group, kind) in needs.kinds.keys() {
        groups.entry(group.clone()).or_default().push(api::resource_of(group, kind));
    }
    let rule = |(group, mut resources): (String, Vec<String>)| {
        resources.sort();
        resources.dedup();
        json!({"apiGroups": [group], "resources": resources, "verbs": ["get", "list", "watch"]})
    };
    let mut rules: Vec<Value> = groups.into_iter().map(rule).collect();
    if needs.authorizer {
        rules.push(json!({
            "apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"],
        }));
    }
    rules
}
