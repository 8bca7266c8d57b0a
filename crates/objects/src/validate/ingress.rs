//! Ingresses and their classes: pkg/apis/networking/validation/validation.go.

mod class;

use super::rules::{metadata, port_name, port_number, required_path_segment, typed};
use super::{Rules, Submitted};
use crate::field::{At, Causes, Value};
use crate::meta::{self, name_is_subdomain};
use crate::names::{self, parse_ip_sloppy};

/// The kinds of this file.
pub const RULES: &[Rules] = &[
    Rules { group: "networking.k8s.io", kind: "Ingress", namespaced: true, check: ingress, warn: Some(warn) },
    class::INGRESS_CLASS,
];

const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
const PATH_TYPES: [&str; 3] = ["Exact", "ImplementationSpecific", "Prefix"];

/// What is let pass because the stored object has it already.
#[derive(Debug, Clone, Copy, Default)]
struct Lax {
    secret_names: bool,
    wildcard_rules: bool,
}

/// `ValidateIngressCreate`, `ValidateIngressUpdate`, which checks the metadata as if new as well.
fn ingress(subject: &Submitted<'_>, causes: &mut Causes) {
    metadata(subject, name_is_subdomain, causes);
    if subject.old.is_some() {
        meta::core_object_meta(subject.at.field("metadata"), name_is_subdomain, causes);
    }
    let spec = subject.at.field("spec");
    check_spec(spec, subject.old.map(|old| lax(old.field("spec"))).unwrap_or_default(), causes);
    let annotation = subject.at.fields("metadata.annotations").key(CLASS_ANNOTATION);
    let class = spec.field("ingressClassName");
    if subject.old.is_none() && annotation.is_set() && class.is_set() && annotation.str() != class.str() {
        // upstream leaves `metadata` out of this path
        let at = subject.at.said("annotations").field(CLASS_ANNOTATION).reading(annotation);
        causes.invalid(at, "must match `ingressClassName` when both are specified");
    }
}

fn lax(old: At<'_>) -> Lax {
    let secret = |tls: At<'_>| {
        let name = tls.str_at("secretName");
        !name.is_empty() && !names::dns1123_subdomain(name).is_empty()
    };
    let wildcard = |rule: At<'_>| {
        let mut causes = Causes::new();
        rule_paths(rule, &mut causes);
        rule.str_at("host").contains('*') && !causes.is_empty()
    };
    Lax { secret_names: old.items_at("tls").any(secret), wildcard_rules: old.items_at("rules").any(wildcard) }
}

/// `ValidateIngressSpec`.
fn check_spec(spec: At<'_>, lax: Lax, causes: &mut Causes) {
    let rules = spec.field("rules");
    let default = spec.field("defaultBackend");
    if rules.is_empty() && !default.is_set() {
        let detail = "either `defaultBackend` or `rules` must be specified";
        causes.invalid_value(spec, Value::Json("null".to_owned()), detail);
    }
    if default.is_set() {
        backend(default, causes);
    }
    for rule in rules.items() {
        check_rule(rule, lax, causes);
    }
    for tls in spec.items_at("tls") {
        for host in tls.items_at("hosts") {
            host_name(host, causes);
        }
        let secret = tls.field("secretName");
        if !lax.secret_names && !secret.is_empty() {
            causes.invalid_each(secret, secret.str(), names::dns1123_subdomain(secret.str()));
        }
    }
    let class = spec.field("ingressClassName");
    if class.is_set() {
        causes.invalid_each(class, class.str(), names::dns1123_subdomain(class.str()));
    }
}

/// A DNS name, which may begin with `*.`.
fn host_name(at: At<'_>, causes: &mut Causes) {
    let faults = if at.str().contains('*') {
        names::wildcard_dns1123_subdomain(at.str())
    } else {
        names::dns1123_subdomain(at.str())
    };
    causes.invalid_each(at, at.str(), faults);
}

fn check_rule(rule: At<'_>, lax: Lax, causes: &mut Causes) {
    let host = rule.field("host");
    if !host.is_empty() {
        if parse_ip_sloppy(host.str()).is_some() {
            causes.invalid(host, "must be a DNS name, not an IP address");
        }
        host_name(host, causes);
    }
    if !(lax.wildcard_rules && host.str().contains('*')) {
        rule_paths(rule, causes);
    }
}

/// `validateHTTPIngressRuleValue`.
fn rule_paths(rule: At<'_>, causes: &mut Causes) {
    let http = rule.field("http");
    if !http.is_set() {
        return;
    }
    let paths = http.field("paths");
    if paths.is_empty() {
        causes.required(paths, "");
    }
    for path in paths.items() {
        check_path(path, causes);
    }
}

/// `validateHTTPIngressPath`: without a type, nothing else of a path is looked at.
fn check_path(item: At<'_>, causes: &mut Causes) {
    let kind = item.field("pathType");
    if !kind.is_set() {
        return causes.required(kind, "pathType must be specified");
    }
    let path = item.field("path");
    let text = path.str();
    let absolute = text.starts_with('/');
    match kind.str() {
        "Exact" | "Prefix" => {
            if !absolute {
                causes.invalid_value(path, text, "must be an absolute path");
            }
            for sequence in ["//", "/./", "/../", "%2f", "%2F"].iter().filter(|part| text.contains(**part)) {
                causes.invalid(path, &format!("must not contain '{sequence}'"));
            }
            for suffix in ["/..", "/."].iter().filter(|suffix| text.ends_with(**suffix)) {
                causes.invalid(path, &format!("cannot end with '{suffix}'"));
            }
        }
        "ImplementationSpecific" => {
            if !absolute && !text.is_empty() {
                causes.invalid(path, "must be an absolute path");
            }
        }
        _ => causes.not_supported(kind, typed(kind), &PATH_TYPES),
    }
    backend(item.field("backend"), causes);
}

/// `validateIngressBackend`.
fn backend(at: At<'_>, causes: &mut Causes) {
    let resource = at.field("resource");
    let service = at.field("service");
    match (resource.is_set(), service.is_set()) {
        (true, true) => causes.invalid_value(at, "", "cannot set both resource and service backends"),
        (false, false) => causes.invalid_value(at, "", "resource or service backend is required"),
        (true, false) => {
            class::api_group(resource, causes);
            required_path_segment(resource.field("kind"), causes);
            required_path_segment(resource.field("name"), causes);
        }
        (false, true) => service_backend(at, service, causes),
    }
}

fn service_backend(at: At<'_>, service: At<'_>, causes: &mut Causes) {
    let name = service.field("name");
    if name.str().is_empty() {
        causes.required(name, "");
    } else {
        causes.invalid_each(name, name.str(), names::dns1123_label(name.str()));
    }
    let port = service.field("port");
    let (by_name, by_number) = (port.field("name"), port.field("number"));
    match (!by_name.is_empty(), by_number.int() != 0) {
        (true, true) => causes.invalid_value(at, "", "cannot set both port name & port number"),
        (true, false) => port_name(by_name, causes),
        (false, true) => port_number(by_number, causes),
        (false, false) => causes.required(at, "port name or number is required"),
    }
}

/// `WarningsOnCreate` of pkg/registry/networking/ingress/strategy.go.
fn warn(subject: &Submitted<'_>, warnings: &mut Vec<String>) {
    let annotation = subject.at.fields("metadata.annotations").key(CLASS_ANNOTATION);
    let class = subject.at.fields("spec.ingressClassName");
    if subject.old.is_none() && annotation.is_set() && !class.is_set() {
        warnings.push(format!(
            "annotation \"{CLASS_ANNOTATION}\" is deprecated, please use 'spec.ingressClassName' instead"
        ));
    }
}
