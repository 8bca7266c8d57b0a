//! Roles and bindings: what is granted, and by which role.
//!
//! `roleRef.kind` decides which role is meant, ClusterRoles through RoleBindings included; a ClusterRole with an
//! aggregationRule has the rules of those that it selects. A rule that names objects (`resourceNames`) grants what
//! somebody has thought about, and is left alone.

use crate::document::NodeRef;
use crate::evaluate::rule::{Sink, related};
use crate::host::{HostObject, Lookup, Pool, Query, Seen};
use crate::policy::Grant;
use crate::resource::selector::LabelSelector;

use super::ask::{self, Ask, MOST};
use super::known_roles;

const RBAC: &str = "rbac.authorization.k8s.io";
/// The verbs that together are as good as the wildcard.
const EVERY_VERB: [&str; 7] = ["create", "delete", "get", "list", "patch", "update", "watch"];

/// Whether a rule that has these lists grants something.
fn grants(grant: &Grant, has: impl Fn(&str, &str) -> bool) -> bool {
    let any = |field: &str, wanted: &[String]| has(field, "*") || wanted.iter().any(|w| has(field, w));
    let resources = any("resources", &grant.resources)
        || grant.resources.iter().any(|wanted| {
            wanted.split_once('/').is_some_and(|(_, sub)| has("resources", &format!("*/{sub}")))
        });
    let verbs = any("verbs", &grant.verbs)
        || (grant.verbs.iter().any(|v| v == "*") && EVERY_VERB.iter().all(|verb| has("verbs", verb)));
    any("apiGroups", &grant.api_groups) && resources && verbs
}

fn has(rule: NodeRef<'_>, field: &str, value: &str) -> bool {
    rule.get(field).into_iter().flat_map(NodeRef::items).any(|item| item.as_str() == Some(value))
}

fn rule_grants(rule: NodeRef<'_>, grant: &Grant) -> bool {
    let limited = rule.get("resourceNames").is_some_and(|names| !names.is_empty());
    !limited && grants(grant, |field, value| has(rule, field, value))
}

fn rules(role: NodeRef<'_>) -> impl Iterator<Item = NodeRef<'_>> {
    role.get("rules").into_iter().flat_map(NodeRef::items)
}

/// `get, list secrets`: of what is looked for, what a rule names; all of it where the rule has the wildcard.
fn words(grant: &Grant, has: impl Fn(&str, &str) -> bool) -> String {
    let of = |field: &str, list: &[String], all: &str| {
        if list == ["*"] {
            return all.to_owned();
        }
        let named: Vec<&str> = list.iter().map(String::as_str).filter(|value| has(field, value)).collect();
        if named.is_empty() { list.join(", ") } else { named.join(", ") }
    };
    let verbs = of("verbs", &grant.verbs, "everything on");
    format!("{verbs} {}", of("resources", &grant.resources, "everything"))
}

pub(super) fn role_grants(ask: &Ask<'_, '_>, wanted: &[Grant], sink: &mut Sink<'_>) {
    let (group, kind) = ask.kind();
    if group != RBAC || !matches!(kind, "Role" | "ClusterRole") {
        return;
    }
    for rule in rules(ask.object()) {
        if let Some(grant) = wanted.iter().find(|grant| rule_grants(rule, grant)) {
            let words = words(grant, |field, value| has(rule, field, value));
            sink.fault(rule, format!("the role grants: {words}"));
        }
    }
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
    if role.kind == "ClusterRole" && known_roles::rules(role.name).is_some() {
        return;
    }
    let node = role.node.get("name").unwrap_or(role.node);
    let absent = || format!("{} {} does not exist", role.kind, role.name);
    ask::wanted(ask.get(RBAC, role.kind, role.namespace, role.name), node, absent, sink);
}

/// A role that is not there grants nothing, and another check says so; one that cannot be seen is unknown.
pub(super) fn binding_grants(ask: &Ask<'_, '_>, wanted: &[Grant], sink: &mut Sink<'_>) {
    let Some(role) = role_ref(ask) else { return };
    let node = role.node.get("name").unwrap_or(role.node);
    match ask.get(RBAC, role.kind, role.namespace, role.name) {
        Lookup::Known(object) => {
            if let Some((holder, rule, grant)) = granted_by(ask, object, wanted) {
                let words = words(grant, |field, value| has(rule, field, value));
                let message = format!("binds {} {}, which grants: {words}", role.kind, role.name);
                sink.fault(node, message).related.push(related(holder, rule, "granted here".to_owned()));
            }
        }
        lookup => {
            let known = (role.kind == "ClusterRole").then(|| known_roles::rules(role.name)).flatten();
            let Some(known) = known else {
                match lookup {
                    Lookup::Unknown(what) => ask::unknown(node, &what, sink),
                    Lookup::Failed(why) => ask::failed(node, &why, sink),
                    Lookup::Absent | Lookup::Known(_) => {}
                }
                return;
            };
            let has = |rule: &known_roles::Known, field: &str, value: &str| {
                let list = match field {
                    "apiGroups" => rule.0,
                    "resources" => rule.1,
                    _ => rule.2,
                };
                list.contains(&value)
            };
            let granted = wanted.iter().find_map(|grant| {
                Some((grant, known.iter().find(|rule| grants(grant, |f, v| has(rule, f, v)))?))
            });
            if let Some((grant, rule)) = granted {
                let words = words(grant, |field, value| has(rule, field, value));
                sink.fault(node, format!("binds {} {}, which grants: {words}", role.kind, role.name));
            }
        }
    }
}

/// The first rule of a role that grants something, those of the ClusterRoles that it aggregates included.
fn granted_by<'r, 'g>(
    ask: &Ask<'_, 'r>,
    role: HostObject<'r>,
    wanted: &'g [Grant],
) -> Option<(HostObject<'r>, NodeRef<'r>, &'g Grant)> {
    let of = |role: HostObject<'r>| {
        rules(role.root)
            .find_map(|rule| Some((role, rule, wanted.iter().find(|grant| rule_grants(rule, grant))?)))
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
