//! `controlled: Skip`: what a controller makes of an object that was judged is not judged again.
//!
//! Whoever may write an object may write ownerReferences into it, and whoever may make a ServiceAccount in kube-system may
//! call it anything but what is there already. So three things must hold, and what cannot be told is judged: the requester
//! is the very controller of such owners, the owner is there with the uid that the reference names, and the policy applies
//! to the owner as a whole – kinds, namespaces, selectors, exclusions and conditions.

use crate::api;
use crate::check::{EvaluationLimits, Evaluator, Facts, Lookups, Policy, PolicyContext};
use crate::host::{Lookup, ObjectKey};
use crate::matching::Applies;
use crate::resource::identity::{self, OwnerReference};
use crate::store::PolicySet;

use crate::request::{GroupVersionResource, Operation, Request};

/// kube-controller-manager where its controllers have no accounts of their own (`--use-service-account-credentials=false`).
const MANAGER: &str = "system:kube-controller-manager";

/// Which controller makes what of whom, and its ServiceAccount in kube-system (kubernetes
/// `plugin/pkg/auth/authorizer/rbac/bootstrappolicy/controller_policy.go`): group and kind of the owner, group and kind of
/// what it owns.
const CONTROLLERS: [(&str, &str, &str, &str, &str); 7] = [
    ("apps", "ReplicaSet", "", "Pod", "replicaset-controller"),
    ("", "ReplicationController", "", "Pod", "replication-controller"),
    ("apps", "StatefulSet", "", "Pod", "statefulset-controller"),
    ("apps", "DaemonSet", "", "Pod", "daemon-set-controller"),
    ("batch", "Job", "", "Pod", "job-controller"),
    ("apps", "Deployment", "apps", "ReplicaSet", "deployment-controller"),
    ("batch", "CronJob", "batch", "Job", "cronjob-controller"),
];

/// The owners that policies with `controlled: Skip` ask for: group, version and kind.
pub fn owners() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    CONTROLLERS.iter().map(|(group, kind, ..)| (*group, "v1", *kind))
}

/// Whether the object was judged in its owner.
pub(super) fn was_judged(
    set: &PolicySet,
    policy: &Policy,
    facts: &Facts<'_>,
    budget: EvaluationLimits,
) -> bool {
    let (request, host) = (facts.request(), facts.host());
    let Some(owner) = request.subject().and_then(identity::controller) else { return false };
    if !request.subresource.is_empty() || !is_made_by_its_controller(request, &owner) || owner.uid.is_empty()
    {
        return false;
    }
    let namespace = request.namespace.unwrap_or_default();
    let key = ObjectKey { group: owner.gvk.group, kind: owner.gvk.kind, namespace, name: owner.name };
    let Lookup::Known(found) = host.get(key) else { return false };
    if found.root.at("/metadata/uid").and_then(|uid| uid.as_str()) != Some(owner.uid) {
        return false;
    }
    let resource = api::resource_of(owner.gvk.group, owner.gvk.kind);
    let asked = Request {
        operation: owners_operation(policy, request.operation),
        kind: owner.gvk,
        resource: GroupVersionResource {
            group: owner.gvk.group,
            version: owner.gvk.version,
            resource: &resource,
        },
        sent_as: None,
        name: owner.name,
        object: Some(found.root),
        old_object: None,
        // somebody else asked for the owner, nobody knows who and how
        user: None,
        options: None,
        ..request.clone()
    };
    applies(set, policy, &asked, facts, budget)
}

fn is_made_by_its_controller(request: &Request<'_>, owner: &OwnerReference<'_>) -> bool {
    let Some(user) = &request.user else { return false };
    let of_kind = |(group, kind, owned_group, owned, account): &(&str, &str, &str, &str, &str)| {
        (owner.gvk.group, owner.gvk.kind) == (*group, *kind)
            && (request.kind.group, request.kind.kind) == (*owned_group, *owned)
            && (user.username == MANAGER
                || user.username.strip_prefix("system:serviceaccount:kube-system:") == Some(account))
    };
    CONTROLLERS.iter().any(of_kind)
}

/// The owner was made before what it owns.
fn owners_operation(policy: &Policy, asked: Operation) -> Operation {
    if policy.matches.operations().contains(&Operation::Create) { Operation::Create } else { asked }
}

fn applies(
    set: &PolicySet,
    policy: &Policy,
    request: &Request<'_>,
    facts: &Facts<'_>,
    budget: EvaluationLimits,
) -> bool {
    let host = facts.host();
    if policy.matches.holds(request, set.templates(), host) != Applies::Yes {
        return false;
    }
    let facts = Facts::new(request, host, set.templates());
    let Some(subject) = PolicyContext::new(policy, &facts, budget) else { return false };
    let lookups = Lookups::of(&subject);
    let mut evaluator = Evaluator::new(&subject, &facts, &lookups);
    matches!(evaluator.conditions(&subject), Ok(true))
}
