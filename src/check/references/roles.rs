//! Roles and bindings: what is granted, and by which role.
//!
//! `roleRef.kind` decides which role is meant, ClusterRoles through RoleBindings included; a ClusterRole with an
//! aggregationRule has the rules of those that it selects. A rule that names objects (`resourceNames`) grants what
//! somebody has thought about, and is left alone, except where the right leads to others: see [`ESCALATING`].
//!
//! What Kubernetes makes itself is told by the table of [`built_in`], not by names: a role that says it is one of them
//! is judged for what the original does not grant.

use std::borrow::Cow;

use crate::api::{self, Scope};
use crate::check::subject::{Sink, related};
use crate::document::NodeRef;
use crate::host::{HostObject, Lookup, Pool, Query, Seen};
use crate::policy::Grant;
use crate::resource::built_in;
use crate::resource::selector::LabelSelector;

use super::ask::{self, Ask, MOST};

const RBAC: &str = "rbac.authorization.k8s.io";
/// What rules name, is no kind and is in no namespace: who can be impersonated (apiserver `pkg/endpoints/filters/impersonation.go`)
/// and for whom certificates are signed (`plugin/pkg/admission/certificates`).
const IN_NO_NAMESPACE: [&str; 5] = ["users", "groups", "uids", "userextras", "signers"];
/// The verbs that together are as good as the wildcard.
const EVERY_VERB: [&str; 7] = ["create", "delete", "get", "list", "patch", "update", "watch"];
/// Verbs that give the rights of something else: naming one role or user makes them no smaller (RBAC good practices,
/// "privilege escalation risks").
const ESCALATING: [&str; 3] = ["bind", "escalate", "impersonate"];

fn list<'r>(rule: NodeRef<'r>, field: &str) -> impl Iterator<Item = &'r str> {
    rule.get(field).into_iter().flat_map(NodeRef::items).filter_map(NodeRef::as_str)
}

fn has(rule: NodeRef<'_>, field: &str, value: &str) -> bool {
    list(rule, field).any(|item| item == value)
}

/// Whether a resource of a rule takes in one that is asked about: `*`, the same, `*/exec` for `pods/exec`, and
/// `userextras/scopes` where `userextras/*` is asked about (rbac/v1/evaluation_helpers.go).
fn takes_in(held: &str, wanted: &str) -> bool {
    if held == "*" || held == wanted {
        return true;
    }
    let Some((resource, sub)) = wanted.split_once('/') else { return false };
    match held.split_once('/') {
        Some(("*", held_sub)) => held_sub == sub || sub == "*",
        Some((held_resource, _)) => sub == "*" && held_resource == resource,
        None => false,
    }
}

/// Whether a rule grants something.
fn rule_grants(rule: NodeRef<'_>, grant: &Grant) -> bool {
    let any = |field: &str, wanted: &[String]| {
        has(rule, field, "*") || wanted.iter().any(|value| has(rule, field, value))
    };
    let resources = list(rule, "resources").any(|held| grant.resources.iter().any(|w| takes_in(held, w)));
    let verbs = any("verbs", &grant.verbs)
        || (grant.verbs.iter().any(|v| v == "*") && EVERY_VERB.iter().all(|verb| has(rule, "verbs", verb)));
    let limited = rule.get("resourceNames").is_some_and(|names| !names.is_empty())
        && !grant.verbs.iter().any(|verb| ESCALATING.contains(&verb.as_str()));
    any("apiGroups", &grant.api_groups) && resources && verbs && !limited
}

/// What of it can be granted by a role or binding of this kind: no rule of a Role, and none that a RoleBinding hands on, is
/// asked about nodes, or about users and groups to be impersonated, as these are in no namespace. ClusterRoles are bound
/// within one.
fn possible<'g>(wanted: &'g [Grant], kind: &str) -> Cow<'g, [Grant]> {
    if kind.starts_with("Cluster") {
        return Cow::Borrowed(wanted);
    }
    let is_cluster_wide = |grant: &Grant, resource: &str| {
        let base = resource.split('/').next().unwrap_or(resource);
        let cluster = |group: &String| {
            api::by_resource(group, base).is_some_and(|kind| kind.scope == Some(Scope::Cluster))
        };
        IN_NO_NAMESPACE.contains(&base) || base != "clusterroles" && grant.api_groups.iter().all(cluster)
    };
    let kept = wanted.iter().map(|grant| {
        let mut kept = grant.clone();
        kept.resources.retain(|resource| !is_cluster_wide(grant, resource));
        kept
    });
    kept.filter(|grant| !grant.resources.is_empty()).collect()
}

fn rules(role: NodeRef<'_>) -> impl Iterator<Item = NodeRef<'_>> {
    role.get("rules").into_iter().flat_map(NodeRef::items)
}

/// `get, list secrets`: of what is looked for, what a rule names; all of it where the rule has the wildcard.
fn words(grant: &Grant, rule: NodeRef<'_>) -> String {
    if grant.verbs == ["*"] && grant.resources == ["*"] {
        return "everything".to_owned();
    }
    let verbs: Vec<&str> = list(rule, "verbs").filter(|verb| grant.verbs.iter().any(|w| w == verb)).collect();
    let held = list(rule, "resources").filter(|held| *held != "*" && !held.starts_with("*/"));
    let resources: Vec<&str> =
        held.filter(|held| grant.resources.iter().any(|wanted| takes_in(held, wanted))).collect();
    let or_all =
        |some: Vec<&str>, all: &[String]| if some.is_empty() { all.join(", ") } else { some.join(", ") };
    let names: Vec<&str> = list(rule, "resourceNames").collect();
    let named = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
    format!("{} {}{named}", or_all(verbs, &grant.verbs), or_all(resources, &grant.resources))
}

/// The first verb of a rule by which it grants something.
fn verb<'r>(rule: NodeRef<'r>, granted: &[&Grant]) -> NodeRef<'r> {
    let decides = |verb: &NodeRef<'_>| {
        verb.as_str().is_some_and(|verb| {
            verb == "*"
                || granted.iter().flat_map(|grant| &grant.verbs).any(|wanted| wanted == verb || wanted == "*")
        })
    };
    rule.get("verbs").into_iter().flat_map(NodeRef::items).find(decides).unwrap_or(rule)
}

/// Whether all that a rule allows is to bind ClusterRoles that only read, and no Secrets: those it names are there or
/// built in. Whoever may bind `view` gets no more than that.
fn binds_little(ask: &Ask<'_, '_>, rule: NodeRef<'_>) -> bool {
    let only = |field, allowed: &[&str]| list(rule, field).all(|value| allowed.contains(&value));
    if !only("verbs", &["bind", "get", "list", "watch"]) || !only("resources", &["clusterroles"]) {
        return false;
    }
    let mut names = list(rule, "resourceNames").peekable();
    names.peek().is_some()
        && names.all(|name| match ask.get(RBAC, "ClusterRole", "", name) {
            Lookup::Known(role) => only_reads(role.root),
            _ => built_in::find("ClusterRole", "", name).is_some_and(only_reads),
        })
}

fn only_reads(role: NodeRef<'_>) -> bool {
    rules(role).all(|rule| {
        list(rule, "verbs").all(|verb| ["get", "list", "watch"].contains(&verb))
            && list(rule, "resources").all(|resource| {
                !resource.contains('*') && !["secrets", "nodes/proxy", "pods/exec"].contains(&resource)
            })
    })
}

pub(super) fn role_grants(ask: &Ask<'_, '_>, wanted: &[Grant], sink: &mut Sink<'_>) {
    let (group, kind) = ask.kind();
    if group != RBAC || !matches!(kind, "Role" | "ClusterRole") {
        return;
    }
    let wanted = &*possible(wanted, kind);
    let original = built_in::original(ask.object(), kind, own_namespace(ask), ask.name());
    let own = |grant: &Grant| original.is_some_and(|role| rules(role).any(|rule| rule_grants(rule, grant)));
    for rule in rules(ask.object()) {
        let granted: Vec<&Grant> =
            wanted.iter().filter(|grant| rule_grants(rule, grant) && !own(grant)).collect();
        if !granted.is_empty() && !binds_little(ask, rule) {
            let words: Vec<String> = granted.iter().map(|grant| words(grant, rule)).collect();
            sink.fault(verb(rule, &granted), format!("the {kind} grants: {}", words.join("; ")));
        }
    }
}

/// The namespace of a Role or RoleBinding; cluster-wide kinds have none, whatever is written.
fn own_namespace<'r>(ask: &Ask<'_, 'r>) -> &'r str {
    if ask.kind().1.starts_with("Cluster") { "" } else { ask.namespace() }
}

/// Whether a binding is one that Kubernetes makes: same role, and no subject that the original does not have.
fn is_built_in(ask: &Ask<'_, '_>, role: &RoleRef<'_>) -> bool {
    let Some(original) = built_in::original(ask.object(), ask.kind().1, own_namespace(ask), ask.name())
    else {
        return false;
    };
    let same = |a: NodeRef<'_>, b: NodeRef<'_>, fields: &[&str]| {
        fields
            .iter()
            .all(|field| a.get_str(field).unwrap_or_default() == b.get_str(field).unwrap_or_default())
    };
    let subjects = |of: NodeRef<'_>| of.get("subjects").is_some_and(|subjects| !subjects.is_empty());
    original
        .get("roleRef")
        .is_some_and(|of| of.get_str("kind") == Some(role.kind) && of.get_str("name") == Some(role.name))
        && (!subjects(ask.object())
            || ask.object().get("subjects").into_iter().flat_map(NodeRef::items).all(|subject| {
                let mut known = original.get("subjects").into_iter().flat_map(NodeRef::items);
                known.any(|k| same(subject, k, &["kind", "namespace", "name"]))
            }))
}

/// The role that a binding names.
struct RoleRef<'r> {
    node: NodeRef<'r>,
    kind: &'r str,
    namespace: &'r str,
    name: &'r str,
}

fn role_ref<'r>(ask: &Ask<'_, 'r>) -> Option<RoleRef<'r>> {
    let (group, binding) = ask.kind();
    let own = match binding {
        "RoleBinding" if group == RBAC => ask.namespace(),
        "ClusterRoleBinding" if group == RBAC => "",
        _ => return None,
    };
    let node = ask.object().get("roleRef")?;
    let (kind, name) = (node.get_str("kind")?, node.get_str("name")?);
    let namespace = match (kind, binding) {
        ("ClusterRole", _) => "",
        ("Role", "RoleBinding") => own,
        _ => return None,
    };
    Some(RoleRef { node, kind, namespace, name })
}

pub(super) fn exists(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    let Some(role) = role_ref(ask) else { return };
    if built_in::find(role.kind, role.namespace, role.name).is_some() {
        return;
    }
    let node = role.node.get("name").unwrap_or(role.node);
    let absent = || format!("{} {} does not exist", role.kind, role.name);
    ask::wanted(ask.get(RBAC, role.kind, role.namespace, role.name), node, absent, sink);
}

/// A role that is not there grants nothing, and another check says so; one that cannot be seen is unknown.
pub(super) fn binding_grants(ask: &Ask<'_, '_>, wanted: &[Grant], sink: &mut Sink<'_>) {
    let Some(role) = role_ref(ask).filter(|role| !is_built_in(ask, role)) else { return };
    let wanted = &*possible(wanted, ask.kind().1);
    if wanted.is_empty() {
        return;
    }
    let node = role.node.get("name").unwrap_or(role.node);
    let message =
        |grant, rule| format!("binds {} {}, which grants: {}", role.kind, role.name, words(grant, rule));
    match ask.get(RBAC, role.kind, role.namespace, role.name) {
        Lookup::Known(object) => {
            if let Some((holder, rule, grant)) = granted_by(ask, object, wanted) {
                let place = related(holder, rule, "granted here".to_owned());
                sink.fault(node, message(grant, rule)).related.push(place);
            }
        }
        lookup => {
            if let Some(known) = built_in::find(role.kind, role.namespace, role.name) {
                let granted = rules(known).find_map(|rule| Some((rule, granted(ask, rule, wanted)?)));
                if let Some((rule, grant)) = granted {
                    sink.fault(node, message(grant, rule));
                }
                return;
            }
            match lookup {
                Lookup::Unknown(what) => ask::unknown(node, &what, sink),
                Lookup::Failed(why) => ask::failed(node, &why, sink),
                Lookup::Absent | Lookup::Known(_) => {}
            }
        }
    }
}

/// The first of what is looked for that a rule grants.
fn granted<'g>(ask: &Ask<'_, '_>, rule: NodeRef<'_>, wanted: &'g [Grant]) -> Option<&'g Grant> {
    wanted.iter().find(|grant| rule_grants(rule, grant)).filter(|_| !binds_little(ask, rule))
}

/// The first rule of a role that grants something, those of the ClusterRoles that it aggregates included.
fn granted_by<'r, 'g>(
    ask: &Ask<'_, 'r>,
    role: HostObject<'r>,
    wanted: &'g [Grant],
) -> Option<(HostObject<'r>, NodeRef<'r>, &'g Grant)> {
    let of = |role: HostObject<'r>| {
        rules(role.root).find_map(|rule| Some((role, rule, granted(ask, rule, wanted)?)))
    };
    if let Some(found) = of(role) {
        return Some(found);
    }
    let selectors = role.root.at("/aggregationRule/clusterRoleSelectors")?;
    for selector in selectors.items().filter_map(|node| LabelSelector::parse(node).ok()) {
        let pairs: Vec<_> = selector.required_pairs().collect();
        let query = Query { pool: Pool::Labelled(RBAC, "ClusterRole"), namespace: None, pairs: &pairs };
        let (mut result, mut seen) = (None, 0);
        ask.find(&query, |Seen { object: part, .. }| {
            if selector.matches(part.root.at("/metadata/labels")) {
                result = of(part);
                seen += 1;
            }
            result.is_some() || seen >= MOST
        });
        if result.is_some() {
            return result;
        }
    }
    None
}
