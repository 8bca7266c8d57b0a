//! Annotations that Pods read settings from: mirror Pods, deletion cost, and the older forms of seccomp and
//! AppArmor profiles, with the fields that have come in their place.

use std::collections::{BTreeMap, BTreeSet};

use super::{PodOptions, all_containers};
use crate::field::{At, Causes, go_quote};
use document::few::GatherFew as _;

pub(super) const MIRROR: &str = "kubernetes.io/config.mirror";
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
pub(super) const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
pub(super) const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
pub(super) const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// `ValidatePodSpecificAnnotations`. Tolerations in annotations, of no effect since 1.6, are not looked at.
pub(super) fn check(annotations: At<'_>, spec: At<'_>, options: &PodOptions, causes: &mut Causes) {
    let mirror = annotations.key(MIRROR);
    if mirror.is_set() && spec.is_empty_at("nodeName") {
        causes.invalid(mirror, "must set spec.nodeName if mirror pod annotation is set");
    }
    if !options.any_deletion_cost && has_wrong_deletion_cost(annotations) {
        causes.invalid(annotations.key(DELETION_COST), "must be a 32bit integer");
    }
    // these paths have the key as if it were a field
    let pod = annotations.key(SECCOMP_POD);
    if pod.is_set() {
        seccomp(annotations.said(SECCOMP_POD).reading(pod), causes);
    }
    for (key, profile) in annotations.entries().filter(|(key, _)| key.starts_with(SECCOMP_CONTAINER)) {
        seccomp(annotations.said(key).reading(profile), causes);
    }
    if !annotations.entries().any(|(key, _)| key.starts_with(APP_ARMOR)) {
        return;
    }
    let known: BTreeSet<&str> = all_containers(spec).map(|container| container.str_at("name")).collect();
    for (key, profile) in annotations.entries() {
        let Some(container) = key.strip_prefix(APP_ARMOR) else { continue };
        if !known.contains(container) {
            causes.invalid_value(profile, container, "container not found");
        }
        let text = profile.str();
        if !matches!(text, "" | "runtime/default" | "unconfined") && !text.starts_with("localhost/") {
            causes.invalid(profile, &format!("invalid AppArmor profile name: {}", go_quote(text)));
        }
    }
}

/// `GetDeletionCostFromPodAnnotations`: no plus sign, no leading zero.
pub(super) fn has_wrong_deletion_cost(annotations: At<'_>) -> bool {
    let cost = annotations.key(DELETION_COST);
    let text = cost.str();
    let begins_well = text == "0" || text.starts_with(|c: char| matches!(c, '-' | '1'..='9'));
    cost.is_set() && !(begins_well && text.parse::<i32>().is_ok())
}

/// `ValidateSeccompProfile`
fn seccomp(at: At<'_>, causes: &mut Causes) {
    let text = at.str();
    if matches!(text, "runtime/default" | "docker/default" | "unconfined") {
        return;
    }
    let Some(path) = text.strip_prefix("localhost/") else {
        return causes.invalid_value(at, text, "must be a valid seccomp profile");
    };
    if path.starts_with('/') {
        causes.invalid_value(at, path, "must be a relative path");
    }
    if path.split('/').any(|part| part == "..") {
        causes.invalid_value(at, path, "must not contain '..'");
    }
}

/// `validateSeccompAnnotationsAndFields`
pub(super) fn seccomp_fields_match(annotations: At<'_>, spec: At<'_>, causes: &mut Causes) {
    let field = spec.fields("securityContext.seccompProfile");
    matching(annotations.key(SECCOMP_POD), field, field, "seccomp", causes);
    let named = by_container(annotations, SECCOMP_CONTAINER);
    if named.is_empty() {
        return;
    }
    for container in all_containers(spec) {
        let field = container.fields("securityContext.seccompProfile");
        if let Some(annotation) = named.get(container.str_at("name")) {
            matching(*annotation, field, field, "seccomp", causes);
        }
    }
}

/// `validateAppArmorAnnotationsAndFieldsMatchOnCreate`; the Pod's profile holds for containers without one.
/// Of a Pod itself, annotations have become fields by then, where they can (`applyAppArmorVersionSkew`).
pub(super) fn app_armor_fields_match(
    annotations: At<'_>,
    spec: At<'_>,
    options: &PodOptions,
    causes: &mut Causes,
) {
    let named = by_container(annotations, APP_ARMOR);
    if named.is_empty() || spec.fields("os.name").str() == "windows" {
        return;
    }
    let of_pod = spec.fields("securityContext.appArmorProfile");
    for container in all_containers(spec) {
        let at = container.fields("securityContext.appArmorProfile");
        let Some(annotation) = named.get(container.str_at("name")) else { continue };
        if options.is_pod && !at.is_set() && becomes_field(annotation.str()) {
            continue;
        }
        matching(*annotation, if at.is_set() { at } else { of_pod }, at, "apparmor", causes);
    }
}

/// The annotations with this beginning, by the container that they name.
pub(super) fn by_container<'d>(annotations: At<'d>, prefix: &str) -> BTreeMap<&'d str, At<'d>> {
    annotations.entries().filter_map(|(key, value)| Some((key.strip_prefix(prefix)?, value))).gather()
}

fn matching(annotation: At<'_>, profile: At<'_>, at: At<'_>, what: &str, causes: &mut Causes) {
    if !annotation.is_set() || !profile.is_set() {
        return;
    }
    let text = annotation.str();
    let same_type = match profile.str_at("type") {
        "Unconfined" => text == "unconfined",
        "RuntimeDefault" => text == "runtime/default" || (what == "seccomp" && text == "docker/default"),
        "Localhost" => text.starts_with("localhost/"),
        _ => true,
    };
    if !same_type {
        causes.forbidden(at.field("type"), &format!("{what} type in annotation and field must match"));
    } else if profile.str_at("type") == "Localhost"
        && text.strip_prefix("localhost/") != profile.opt_str_at("localhostProfile")
    {
        let detail = format!("{what} profile in annotation and field must match");
        causes.forbidden(at.field("localhostProfile"), &detail);
    }
}

/// What the annotation says as a field (`ApparmorFieldForAnnotation`): type and profile.
pub(super) fn app_armor_field(annotation: &str) -> Option<(&'static str, Option<&str>)> {
    match annotation {
        "unconfined" => Some(("Unconfined", None)),
        "runtime/default" => Some(("RuntimeDefault", None)),
        _ => annotation
            .strip_prefix("localhost/")
            .filter(|profile| !profile.is_empty())
            .map(|profile| ("Localhost", Some(profile))),
    }
}

/// Whether it says anything that is right as a field.
fn becomes_field(annotation: &str) -> bool {
    app_armor_field(annotation)
        .is_some_and(|(_, profile)| profile.is_none_or(|text| text.trim() == text && text.len() <= 4095))
}

/// Whether the field says the same as the annotation.
pub(super) fn says_the_same(field: At<'_>, annotation: &str) -> bool {
    field.is_set()
        && app_armor_field(annotation).is_some_and(|(kind, profile)| {
            field.str_at("type") == kind && field.opt_str_at("localhostProfile") == profile
        })
}

/// `applyAppArmorVersionSkew`: the warnings of a Pod, told while annotations become fields.
pub(super) fn app_armor_warnings(pod: At<'_>, warnings: &mut Vec<String>) {
    let (spec, annotations) = (pod.field("spec"), pod.fields("metadata.annotations"));
    let named = by_container(annotations, APP_ARMOR);
    if named.is_empty() || spec.fields("os.name").str() == "windows" {
        return;
    }
    let of_pod = spec.fields("securityContext.appArmorProfile");
    for container in all_containers(spec) {
        let Some(annotation) = named.get(container.str_at("name")) else { continue };
        if container.fields("securityContext.appArmorProfile").is_set() {
            continue;
        }
        if !becomes_field(annotation.str()) || !says_the_same(of_pod, annotation.str()) {
            warnings.push(format!(
                "{annotation}: deprecated since v1.30; use the \"appArmorProfile\" field instead"
            ));
        }
    }
}

/// `ValidatePodSpecificAnnotationUpdates`, but for what is checked of the new ones alone.
pub(super) fn changes(new: At<'_>, old: At<'_>, causes: &mut Causes) {
    let guarded = |key: &str| {
        if key.starts_with(APP_ARMOR) {
            Some("AppArmor annotations")
        } else {
            (key == MIRROR).then_some("mirror pod annotation")
        }
    };
    for (key, value) in old.entries() {
        let at = new.key(key);
        if let Some(what) = guarded(key).filter(|_| at.opt_str() != Some(value.str())) {
            causes.forbidden(at, &format!("may not remove or update {what}"));
        }
    }
    for (key, value) in new.entries() {
        if let Some(what) = guarded(key).filter(|_| !old.key(key).is_set()) {
            causes.forbidden(value, &format!("may not add {what}"));
        }
    }
}
