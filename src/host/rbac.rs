//! Whether a user may do something, by the Roles and bindings at hand, as the API server's RBAC authorizer decides
//! (kubernetes `plugin/pkg/auth/authorizer/rbac`, `pkg/registry/rbac/validation/rule.go`,
//! `pkg/apis/rbac/v1/evaluation_helpers.go`).

use crate::cel::library::authorizer::{Decision, Opinion, Question, Subject, Target};
use crate::cel::library::numbers::quote;
use crate::document::NodeRef;

use super::{Host, Listing, Lookup, ObjectKey, User};

const GROUP: &str = "rbac.authorization.k8s.io";

/// Who is asked about.
struct Who {
    name: String,
    groups: Vec<String>,
}

impl Who {
    fn of(user: &User<'_>, question: &Question) -> Self {
        match &question.subject {
            Subject::Requester => Self {
                name: user.username.to_owned(),
                groups: user.groups.iter().map(|&group| group.to_owned()).collect(),
            },
            Subject::ServiceAccount { namespace, name } => Self {
                name: format!("system:serviceaccount:{namespace}:{name}"),
                groups: vec![
                    "system:serviceaccounts".to_owned(),
                    format!("system:serviceaccounts:{namespace}"),
                    "system:authenticated".to_owned(),
                ],
            },
        }
    }

    /// `appliesToUser`; `namespace`: where a ServiceAccount is that names none.
    fn is(&self, subject: NodeRef<'_>, namespace: &str) -> bool {
        let text = |field| subject.get_str(field).unwrap_or_default();
        let name = text("name");
        match text("kind") {
            "User" => self.name == name,
            "Group" => self.groups.iter().any(|group| group == name),
            "ServiceAccount" => {
                let namespace = if text("namespace").is_empty() { namespace } else { text("namespace") };
                !namespace.is_empty() && self.name == format!("system:serviceaccount:{namespace}:{name}")
            }
            _ => false,
        }
    }
}

/// Decides by what a host has of `rbac.authorization.k8s.io`. Where it may have more than it shows, nothing is denied.
#[must_use]
pub fn authorize(host: &dyn Host, user: &User<'_>, question: &Question) -> Lookup<Decision> {
    let who = Who::of(user, question);
    // before any other authorizer (kubernetes `pkg/kubeapiserver/authorizer`)
    if who.groups.iter().any(|group| group == "system:masters") {
        return Lookup::Known(Decision { verdict: Opinion::Allow, ..Decision::default() });
    }
    let namespace = match &question.target {
        Target::Resource { namespace, .. } => namespace.as_str(),
        Target::Path(_) => "",
    };
    let (mut complete, mut missing) = (true, Vec::new());
    for (kind, namespace) in [("ClusterRoleBinding", None), ("RoleBinding", Some(namespace))] {
        if namespace == Some("") {
            continue;
        }
        let bindings = match host.list(GROUP, kind, namespace) {
            Lookup::Known(Listing { objects, complete: all }) => {
                complete &= all;
                objects
            }
            Lookup::Absent => continue,
            Lookup::Unknown(what) => return Lookup::Unknown(what),
            Lookup::Failed(why) => return Lookup::Failed(why),
        };
        for binding in bindings {
            let namespace = namespace.unwrap_or_default();
            match grants(host, binding.root, namespace, &who, question) {
                Lookup::Known(reason) => {
                    return Lookup::Known(Decision { verdict: Opinion::Allow, reason, error: None });
                }
                Lookup::Absent => {}
                Lookup::Failed(why) => missing.push(why),
                Lookup::Unknown(_) => complete = false,
            }
        }
    }
    match complete {
        false => Lookup::Unknown(super::AUTHORIZER.to_owned()),
        true => {
            let reason = match missing.as_slice() {
                [] => String::new(),
                [one] => format!("RBAC: {one}"),
                several => format!("RBAC: [{}]", several.join(", ")),
            };
            Lookup::Known(Decision { reason, ..Decision::default() })
        }
    }
}

/// The reason, where a binding grants what is asked; *failed*: its role is not there.
fn grants(
    host: &dyn Host,
    binding: NodeRef<'_>,
    namespace: &str,
    who: &Who,
    question: &Question,
) -> Lookup<String> {
    let subjects = binding.get("subjects").into_iter().flat_map(NodeRef::items);
    let Some(subject) = subjects.into_iter().find(|subject| who.is(*subject, namespace)) else {
        return Lookup::Absent;
    };
    let of_role = |field: &str| {
        let reference = binding.get("roleRef").and_then(|reference| reference.get_str(field));
        reference.unwrap_or_default()
    };
    let (kind, role) = (of_role("kind"), of_role("name"));
    let within = if kind == "Role" { namespace } else { "" };
    let rules = match host.get(ObjectKey { group: GROUP, kind, namespace: within, name: role }) {
        Lookup::Known(role) => role.root.get("rules"),
        Lookup::Absent => {
            let resource = if kind == "Role" { "role" } else { "clusterrole" };
            return Lookup::Failed(format!("{resource}.{GROUP} {} not found", quote(role)));
        }
        Lookup::Unknown(what) => return Lookup::Unknown(what),
        Lookup::Failed(why) => return Lookup::Failed(why),
    };
    let mut rules = rules.into_iter().flat_map(NodeRef::items);
    if !rules.any(|rule| allows(rule, question)) {
        return Lookup::Absent;
    }
    let name = binding.at("/metadata/name").and_then(NodeRef::as_str).unwrap_or_default();
    let by = match namespace {
        "" => format!("ClusterRoleBinding {}", quote(name)),
        namespace => format!("RoleBinding {}", quote(&format!("{name}/{namespace}"))),
    };
    let to = described(subject, namespace);
    Lookup::Known(format!("RBAC: allowed by {by} of {kind} {} to {to}", quote(role)))
}

/// `describeSubject`
fn described(subject: NodeRef<'_>, namespace: &str) -> String {
    let text = |field| subject.get_str(field).unwrap_or_default();
    match text("kind") {
        "ServiceAccount" => {
            let namespace = if text("namespace").is_empty() { namespace } else { text("namespace") };
            format!("ServiceAccount {}", quote(&format!("{}/{namespace}", text("name"))))
        }
        kind => format!("{kind} {}", quote(text("name"))),
    }
}

/// `RuleAllows`
fn allows(rule: NodeRef<'_>, question: &Question) -> bool {
    let texts = |field| {
        let list = rule.get(field).into_iter().flat_map(NodeRef::items);
        list.filter_map(NodeRef::as_str)
    };
    let any = |field, wanted: &str| texts(field).any(|one| one == "*" || one == wanted);
    if !any("verbs", &question.verb) {
        return false;
    }
    match &question.target {
        Target::Path(path) => texts("nonResourceURLs").any(|url| {
            let prefix = url.ends_with('*').then(|| url.trim_end_matches('*'));
            url == path || prefix.is_some_and(|prefix| path.starts_with(prefix))
        }),
        Target::Resource { group, resource, subresource, name, .. } => {
            let whole = match subresource.as_str() {
                "" => resource.clone(),
                below => format!("{resource}/{below}"),
            };
            let below = (!subresource.is_empty()).then(|| format!("*/{subresource}"));
            let is_it = |one: &str| one == "*" || one == whole || Some(one) == below.as_deref();
            let mut names = texts("resourceNames").peekable();
            any("apiGroups", group)
                && texts("resources").any(is_it)
                && (names.peek().is_none() || names.any(|one| one == name))
        }
    }
}
