//! Pods, Pod templates, and what workloads need of them (pkg/apis/core/validation/validation.go).
//!
//! Fields of features that are off in 1.36 (stopSignal, schedulingGroup, projected clusterTrustBundle and
//! podCertificate) are dropped by the server before it validates, so nothing here looks at them.

mod affinity;
mod annotations;
mod claims;
mod container;
mod env;
mod mounts;
mod options;
mod overlap;
mod platform;
mod probe;
mod projected;
mod resources;
mod security;
mod spec;
mod spread;
mod toleration;
mod update;
mod volume;
mod warnings;
mod windows;

pub use options::PodOptions;
pub use warnings::pod_template_warnings;

use super::{Rules, Submitted};
use crate::field::{At, Causes};
use crate::{meta, names};

/// The kinds of this file.
pub const RULES: &[Rules] = &[
    Rules { group: "", kind: "Pod", namespaced: true, check: pod, warn: Some(pod_warnings) },
    Rules {
        group: "",
        kind: "PodTemplate",
        namespaced: true,
        check: pod_template,
        warn: Some(stored_template_warnings),
    },
];

fn pod(subject: &Submitted<'_>, causes: &mut Causes) {
    let options = PodOptions::for_pod(subject.at, subject.old);
    match subject.old {
        None => create(subject.at, &options, causes),
        Some(old) => update::update(subject.at, old, &options, causes),
    }
}

/// `ValidatePodCreate`
fn create(pod: At<'_>, options: &PodOptions, causes: &mut Causes) {
    metadata_and_spec(pod, options, causes);
    let spec = pod.field("spec");
    if !spec.is_empty_at("ephemeralContainers") {
        causes.forbidden(spec.field("ephemeralContainers"), "cannot be set on create");
    }
    if !spec.is_empty_at("nodeName") && !spec.is_empty_at("schedulingGates") {
        causes.forbidden(spec.field("nodeName"), "cannot be set until all schedulingGates have been cleared");
    }
    let annotations = pod.fields("metadata.annotations");
    annotations::seccomp_fields_match(annotations, spec, causes);
    annotations::app_armor_fields_match(annotations, spec, options, causes);
}

/// `validatePodMetadataAndSpec`
fn metadata_and_spec(pod: At<'_>, options: &PodOptions, causes: &mut Causes) {
    let (metadata, spec) = (pod.field("metadata"), pod.field("spec"));
    meta::core_object_meta(metadata, meta::name_is_subdomain, causes);
    annotations::check(metadata.field("annotations"), spec, options, causes);
    spec::check(spec, Some(metadata), options, causes);
    if spec.is_empty_at("serviceAccountName") {
        for source in spec.items_at("volumes").flat_map(|volume| volume.fields("projected.sources").items()) {
            let token = source.field("serviceAccountToken");
            if token.is_set() {
                causes.forbidden(token, "must not be specified when serviceAccountName is not set");
            }
        }
    }
    for container in ["containers", "initContainers"].iter().flat_map(|list| spec.items_at(list)) {
        container::only_for_pod(container, causes);
    }
}

/// Every container of a Pod in the order of `VisitContainersWithPath`.
fn all_containers(spec: At<'_>) -> impl Iterator<Item = At<'_>> + Clone {
    ["initContainers", "containers", "ephemeralContainers"]
        .into_iter()
        .flat_map(move |list| spec.items_at(list))
}

fn pod_template(subject: &Submitted<'_>, causes: &mut Causes) {
    let template = subject.at.field("template");
    let options = PodOptions::for_template(template, subject.old.map(|old| old.field("template")));
    let metadata = subject.at.field("metadata");
    match subject.old {
        None => meta::core_object_meta(metadata, meta::name_is_subdomain, causes),
        Some(old) => meta::core_object_meta_update(metadata, old.field("metadata"), causes),
    }
    validate_pod_template_spec(template, &options, causes);
}

/// `ValidatePodTemplateSpec`. `at` is the template (`spec.template`); workloads make the options with
/// [`PodOptions::for_template`].
pub fn validate_pod_template_spec(at: At<'_>, options: &PodOptions, causes: &mut Causes) {
    let (metadata, spec) = (at.field("metadata"), at.field("spec"));
    // upstream leaves `metadata` out of these paths
    let annotations = at.said("annotations").reading(metadata.field("annotations"));
    meta::labels(at.said("labels").reading(metadata.field("labels")), causes);
    meta::annotations(annotations, causes);
    annotations::check(annotations, spec, options, causes);
    spec::check(spec, None, options, causes);
    annotations::seccomp_fields_match(annotations, spec, causes);
    annotations::app_armor_fields_match(annotations, spec, options, causes);
    if !spec.is_empty_at("ephemeralContainers") {
        causes
            .forbidden(spec.field("ephemeralContainers"), "ephemeral containers not allowed in pod template");
    }
}

/// `podStrategy.WarningsOnCreate`; an update draws none.
fn pod_warnings(subject: &Submitted<'_>, warnings: &mut Vec<String>) {
    if subject.old.is_some() {
        return;
    }
    annotations::app_armor_warnings(subject.at, warnings);
    let faults = names::dns1123_label(&meta::final_name(subject.at.field("metadata")));
    if !faults.is_empty() {
        warnings.push(format!(
            "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [{}]",
            faults.join(" ")
        ));
    }
    warnings::of_spec(subject.at, true, warnings);
}

/// `podTemplateStrategy`: on update only where the template has changed.
fn stored_template_warnings(subject: &Submitted<'_>, warnings: &mut Vec<String>) {
    let template = subject.at.field("template");
    if subject.old.is_none_or(|old| !template.same(old.field("template"))) {
        pod_template_warnings(template, None, warnings);
    }
}
