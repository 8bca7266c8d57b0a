//! Roles and their bindings (pkg/apis/rbac/validation).

use super::{Rules, Submitted};
use crate::field::{At, Causes, Value};
use crate::go_value::{Field, Shape, value};
use crate::{meta, names, selectors};

const ROLE_REF: &[Field] = &[
    Field("APIGroup", "apiGroup", Shape::Text),
    Field("Kind", "kind", Shape::Text),
    Field("Name", "name", Shape::Text),
];

const GROUP: &str = "rbac.authorization.k8s.io";

const fn of(kind: &'static str, namespaced: bool, check: for<'d> fn(&Submitted<'d>, &mut Causes)) -> Rules {
    Rules { group: GROUP, kind, namespaced, check, warn: None }
}

/// The kinds of this file.
pub const RULES: &[Rules] = &[
    of("Role", true, |it, causes| role(it.at, it.old, causes)),
    of("ClusterRole", false, |it, causes| cluster_role(it.at, it.old, causes)),
    of("RoleBinding", true, |it, causes| binding(it.at, it.old, true, causes)),
    of("ClusterRoleBinding", false, |it, causes| binding(it.at, it.old, false, causes)),
];

fn role(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    meta::core_object_meta(object.field("metadata"), |name, _| names::path_segment(name), causes);
    rules(object, true, causes);
    if let Some(old) = old {
        meta::core_object_meta_update(object.field("metadata"), old.field("metadata"), causes);
    }
}

fn cluster_role(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    meta::core_object_meta(object.field("metadata"), |name, _| names::path_segment(name), causes);
    rules(object, false, causes);
    let aggregation = object.field("aggregationRule");
    let selectors = aggregation.field("clusterRoleSelectors");
    if aggregation.is_set() && selectors.is_empty() {
        causes.required(selectors, "at least one clusterRoleSelector required if aggregationRule is non-nil");
    }
    let lenient = old.is_some_and(|old| {
        let stored = old.field("aggregationRule").field("clusterRoleSelectors");
        stored.items().any(|selector| !selectors::labels_are_valid(selector))
    });
    for selector in selectors.items() {
        selectors::labels(selector, lenient, causes);
        if !selectors::labels_are_valid(selector) {
            // the variable that is printed has been shadowed by the result, which is nil
            causes.invalid_value(selector, Value::Json("null".to_owned()), "invalid label selector.");
        }
    }
    if let Some(old) = old {
        meta::core_object_meta_update(object.field("metadata"), old.field("metadata"), causes);
    }
}

fn rules(object: At<'_>, namespaced: bool, causes: &mut Causes) {
    for rule in object.items_at("rules") {
        let [groups, resources, resource_names] =
            ["apiGroups", "resources", "resourceNames"].map(|name| rule.field(name));
        if rule.is_empty_at("verbs") {
            causes.required(rule.field("verbs"), "verbs must contain at least one value");
        }
        let urls = rule.field("nonResourceURLs");
        if !urls.is_empty() {
            if namespaced {
                causes.invalid(urls, "namespaced rules cannot apply to non-resource URLs");
            }
            if !groups.is_empty() || !resources.is_empty() || !resource_names.is_empty() {
                causes.invalid(urls, "rules cannot apply to both regular resources and non-resource URLs");
            }
            continue;
        }
        if groups.is_empty() {
            causes.required(groups, "resource rules must supply at least one api group");
        }
        if resources.is_empty() {
            causes.required(resources, "resource rules must supply at least one resource");
        }
    }
}

fn binding(object: At<'_>, old: Option<At<'_>>, namespaced: bool, causes: &mut Causes) {
    meta::core_object_meta(object.field("metadata"), |name, _| names::path_segment(name), causes);
    let role = object.field("roleRef");
    let [group, kind, name] = ["apiGroup", "kind", "name"].map(|field| role.field(field));
    if group.str() != GROUP {
        causes.not_supported(group, group.str(), &[GROUP]);
    }
    let kinds: &[&str] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !kinds.contains(&kind.str()) {
        causes.not_supported(kind, kind.str(), kinds);
    }
    if name.str().is_empty() {
        causes.required(name, "");
    }
    for error in names::path_segment(name.str()) {
        causes.invalid(name, &error);
    }
    for item in object.items_at("subjects") {
        subject(item, namespaced, causes);
    }
    if let Some(old) = old {
        meta::core_object_meta_update(object.field("metadata"), old.field("metadata"), causes);
        let stored = old.field("roleRef");
        if ["apiGroup", "kind", "name"].iter().any(|field| role.str_at(field) != stored.str_at(field)) {
            causes.invalid_value(
                role,
                value(role, &Shape::Struct(ROLE_REF)).shown(),
                "cannot change roleRef",
            );
        }
    }
}

fn subject(at: At<'_>, namespaced: bool, causes: &mut Causes) {
    let [kind, group, name, namespace] =
        ["kind", "apiGroup", "name", "namespace"].map(|field| at.field(field));
    if name.str().is_empty() {
        causes.required(name, "");
    }
    match kind.str() {
        "ServiceAccount" => {
            if !name.str().is_empty() {
                for error in names::dns1123_subdomain(name.str()) {
                    causes.invalid(name, &error);
                }
            }
            if !group.str().is_empty() {
                causes.not_supported(group, group.str(), &[""]);
            }
            if !namespaced && namespace.str().is_empty() {
                causes.required(namespace, "");
            }
        }
        "User" | "Group" => {
            if group.str() != GROUP {
                causes.not_supported(group, group.str(), &[GROUP]);
            }
        }
        _ => causes.not_supported(kind, kind.str(), &["ServiceAccount", "User", "Group"]),
    }
}
