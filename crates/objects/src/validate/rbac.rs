//! Roles and their bindings (pkg/apis/rbac/validation).

use crate::field::{At, Causes, quoted};
use crate::{meta, names, selectors};

const GROUP: &str = "rbac.authorization.k8s.io";

pub(crate) fn role(object: &At<'_>, old: Option<&At<'_>>, causes: &mut Causes) {
    meta::create(object, true, names::path_segment, causes);
    rules(object, true, causes);
    if let Some(old) = old {
        meta::update(object, old, causes);
    }
}

pub(crate) fn cluster_role(object: &At<'_>, old: Option<&At<'_>>, causes: &mut Causes) {
    meta::create(object, false, names::path_segment, causes);
    rules(object, false, causes);
    let aggregation = object.field("aggregationRule");
    let selectors = aggregation.field("clusterRoleSelectors");
    if aggregation.is_set() && selectors.is_empty() {
        causes
            .required(&selectors, "at least one clusterRoleSelector required if aggregationRule is non-nil");
    }
    let lenient = old.is_some_and(|old| {
        let stored = old.field("aggregationRule").field("clusterRoleSelectors");
        stored.items().any(|selector| !selectors::labels_are_valid(&selector))
    });
    for selector in selectors.items() {
        selectors::labels(&selector, lenient, causes);
        if !selectors::labels_are_valid(&selector) {
            // the variable that is printed has been shadowed by the result, which is nil
            causes.invalid_shown(&selector, "null", "invalid label selector.");
        }
    }
    if let Some(old) = old {
        meta::update(object, old, causes);
    }
}

fn rules(object: &At<'_>, namespaced: bool, causes: &mut Causes) {
    for rule in object.field("rules").items() {
        let [groups, resources, resource_names] =
            ["apiGroups", "resources", "resourceNames"].map(|name| rule.field(name));
        if rule.field("verbs").is_empty() {
            causes.required(&rule.field("verbs"), "verbs must contain at least one value");
        }
        let urls = rule.field("nonResourceURLs");
        if !urls.is_empty() {
            if namespaced {
                causes.invalid(&urls, "namespaced rules cannot apply to non-resource URLs");
            }
            if !groups.is_empty() || !resources.is_empty() || !resource_names.is_empty() {
                causes.invalid(&urls, "rules cannot apply to both regular resources and non-resource URLs");
            }
            continue;
        }
        if groups.is_empty() {
            causes.required(&groups, "resource rules must supply at least one api group");
        }
        if resources.is_empty() {
            causes.required(&resources, "resource rules must supply at least one resource");
        }
    }
}

pub(crate) fn role_binding(object: &At<'_>, old: Option<&At<'_>>, causes: &mut Causes) {
    binding(object, old, true, causes);
}

pub(crate) fn cluster_role_binding(object: &At<'_>, old: Option<&At<'_>>, causes: &mut Causes) {
    binding(object, old, false, causes);
}

fn binding(object: &At<'_>, old: Option<&At<'_>>, namespaced: bool, causes: &mut Causes) {
    meta::create(object, namespaced, names::path_segment, causes);
    let role = object.field("roleRef");
    let [group, kind, name] = ["apiGroup", "kind", "name"].map(|field| role.field(field));
    if group.text() != GROUP {
        causes.not_supported(&group, &[GROUP]);
    }
    let kinds: &[&str] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !kinds.contains(&kind.text()) {
        causes.not_supported(&kind, kinds);
    }
    if name.text().is_empty() {
        causes.required(&name, "");
    }
    for error in names::path_segment(name.text()) {
        causes.invalid(&name, &error);
    }
    for item in object.field("subjects").items() {
        subject(&item, namespaced, causes);
    }
    if let Some(old) = old {
        meta::update(object, old, causes);
        let stored = old.field("roleRef");
        if ["apiGroup", "kind", "name"]
            .iter()
            .any(|field| role.field(field).text() != stored.field(field).text())
        {
            // the internal type has no JSON tags, so its fields are printed in Go's case
            let [group, kind, name] = [group, kind, name].map(|at| quoted(at.text()));
            let shown = format!("{{\"APIGroup\":{group},\"Kind\":{kind},\"Name\":{name}}}");
            causes.invalid_shown(&role, &shown, "cannot change roleRef");
        }
    }
}

fn subject(at: &At<'_>, namespaced: bool, causes: &mut Causes) {
    let [kind, group, name, namespace] =
        ["kind", "apiGroup", "name", "namespace"].map(|field| at.field(field));
    if name.text().is_empty() {
        causes.required(&name, "");
    }
    match kind.text() {
        "ServiceAccount" => {
            if !name.text().is_empty() {
                for error in names::dns_subdomain(name.text()) {
                    causes.invalid(&name, &error);
                }
            }
            if !group.text().is_empty() {
                causes.not_supported(&group, &[""]);
            }
            if !namespaced && namespace.text().is_empty() {
                causes.required(&namespace, "");
            }
        }
        "User" | "Group" => {
            if group.text() != GROUP {
                causes.not_supported(&group, &[GROUP]);
            }
        }
        _ => causes.not_supported(&kind, &["ServiceAccount", "User", "Group"]),
    }
}
