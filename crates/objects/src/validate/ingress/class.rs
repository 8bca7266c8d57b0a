//! IngressClasses.

use super::super::rules::{domain_prefixed_path, immutable, metadata, required_path_segment};
use super::super::{Rules, Submitted};
use crate::field::{At, Causes};
use crate::go_value::Shape;
use crate::meta::{self, name_is_label, name_is_subdomain};
use crate::names;

pub(super) const INGRESS_CLASS: Rules = Rules {
    group: "networking.k8s.io",
    kind: "IngressClass",
    namespaced: false,
    check: ingress_class,
    warn: None,
};

const MAX_CONTROLLER: usize = 250;

/// `ValidateIngressClass`, `ValidateIngressClassUpdate`, which checks everything as if new as well.
fn ingress_class(subject: &Submitted<'_>, causes: &mut Causes) {
    metadata(subject, name_is_subdomain, causes);
    let spec = subject.at.field("spec");
    let controller = spec.field("controller");
    if let Some(old) = subject.old {
        immutable(controller, old.fields("spec.controller"), &Shape::Text, causes);
        meta::core_object_meta(subject.at.field("metadata"), name_is_subdomain, causes);
    }
    if controller.len() > MAX_CONTROLLER {
        causes.too_long(controller, MAX_CONTROLLER);
    }
    domain_prefixed_path(controller, causes);
    let parameters = spec.field("parameters");
    if parameters.is_set() {
        api_group(parameters, causes);
        required_path_segment(parameters.field("kind"), causes);
        required_path_segment(parameters.field("name"), causes);
        scope(parameters, causes);
    }
}

/// The group of a reference, where there is one.
pub(super) fn api_group(reference: At<'_>, causes: &mut Causes) {
    let group = reference.field("apiGroup");
    if group.is_set() {
        causes.invalid_each(group, group.str(), names::dns1123_subdomain(group.str()));
    }
}

fn scope(parameters: At<'_>, causes: &mut Causes) {
    let scope = parameters.field("scope");
    let namespace = parameters.field("namespace");
    match scope.opt_str() {
        None => causes.required(scope, ""),
        Some("Namespace") if !namespace.is_set() => {
            causes.required(namespace, "`parameters.scope` is set to 'Namespace'");
        }
        Some("Namespace") => {
            causes.invalid_each(namespace, namespace.str(), name_is_label(namespace.str(), false));
        }
        Some("Cluster") if namespace.is_set() => {
            causes.forbidden(namespace, "`parameters.scope` is set to 'Cluster'");
        }
        Some("Cluster") => {}
        Some(_) => causes.not_supported(scope, scope, &["Cluster", "Namespace"]),
    }
}
