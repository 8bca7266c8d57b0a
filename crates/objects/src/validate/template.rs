//! The Pod templates of workloads: what is asked of all of them, and what a StatefulSet puts into its own.

use document::{Builder, Document, LimitError, Limits, NodeRef};

use super::Submitted;
use super::pod::{PodOptions, pod_template_warnings, validate_pod_template_spec};
use crate::field::{At, Cause, Causes};
use crate::meta::{self, final_name};
use crate::names;

/// `spec.template` of the stored object.
pub(super) fn of<'d>(old_spec: Option<At<'d>>) -> Option<At<'d>> {
    old_spec.map(|spec| spec.field("template")).filter(|template| template.is_set())
}

/// `ValidatePodTemplateSpec`.
pub(super) fn pod_template(at: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    validate_pod_template_spec(at, &PodOptions::for_template(at, old), causes);
}

/// `ValidatePodTemplateSpecForStatefulSet` behind the question of the selector. Subdomain and host name are the
/// controller's, so nobody checks what is written there; each claim is a volume, before the others and instead
/// of one of its name. Labels and annotations are checked a second time.
pub(super) fn stateful(spec: At<'_>, old: Option<At<'_>>, skip: bool, causes: &mut Causes) {
    let template = spec.field("template");
    if !skip {
        let pod = template.field("spec");
        let as_it_is = ["subdomain", "hostname"].iter().all(|name| pod.is_empty_at(name))
            && spec.is_empty_at("volumeClaimTemplates");
        match with_claims(spec, as_it_is) {
            None => pod_template(template, old, causes),
            Some(changed) => {
                let mut found = Causes::new();
                let at = At::root(changed.root()).fields("spec.template");
                pod_template(at, old, &mut found);
                for cause in found.into_vec() {
                    let node = cause.node.map(|id| template_node(template, changed.node(id)));
                    causes.push(Cause { node, ..cause });
                }
            }
        }
    }
    let metadata = template.field("metadata");
    meta::labels(template.said("labels").reading(metadata.field("labels")), causes);
    meta::annotations(template.said("annotations").reading(metadata.field("annotations")), causes);
}

/// A template as it is checked; none where that is the one that is written.
fn with_claims(spec: At<'_>, as_it_is: bool) -> Option<Document<'static>> {
    let template = spec.field("template").node().filter(|_| !as_it_is)?;
    let claims: Vec<&str> =
        spec.items_at("volumeClaimTemplates").map(|claim| claim.fields("metadata.name").str()).collect();
    changed_template(template, &claims).ok()
}

fn changed_template(template: NodeRef<'_>, claims: &[&str]) -> Result<Document<'static>, LimitError> {
    let mut out = Builder::new("", Limits::default());
    out.begin_object()?;
    out.key("spec", None)?;
    out.begin_object()?;
    out.key("template", None)?;
    out.begin_object()?;
    for (key, value) in template.members() {
        out.key(key, None)?;
        if key == "spec" && value.is_object() {
            changed_pod(value, claims, &mut out)?;
        } else {
            out.copy_node(value, false)?;
        }
    }
    for _ in 0..3 {
        out.end();
    }
    Ok(out.finish())
}

fn changed_pod(pod: NodeRef<'_>, claims: &[&str], out: &mut Builder<'_>) -> Result<(), LimitError> {
    out.begin_object()?;
    for (key, value) in pod.members() {
        if !matches!(key, "subdomain" | "hostname") && (key != "volumes" || claims.is_empty()) {
            out.key(key, None)?;
            out.copy_node(value, false)?;
        }
    }
    if !claims.is_empty() {
        out.key("volumes", None)?;
        out.begin_array()?;
        for (position, claim) in claims.iter().enumerate() {
            // upstream has them in a map
            if !claims[..position].contains(claim) {
                claim_volume(claim, out)?;
            }
        }
        for volume in pod.get("volumes").into_iter().flat_map(NodeRef::items) {
            if !claims.contains(&volume.get_str("name").unwrap_or("")) {
                out.copy_node(volume, false)?;
            }
        }
        out.end();
    }
    out.end();
    Ok(())
}

fn claim_volume(claim: &str, out: &mut Builder<'_>) -> Result<(), LimitError> {
    out.begin_object()?;
    out.key("name", None)?;
    out.string(claim)?;
    out.key("persistentVolumeClaim", None)?;
    out.begin_object()?;
    out.key("claimName", None)?;
    out.string(claim)?;
    out.end();
    out.end();
    Ok(())
}

/// The written node at the place of a node of the changed template, or the nearest above it.
fn template_node(template: At<'_>, node: NodeRef<'_>) -> document::NodeId {
    let pointer = node.pointer();
    let mut found = template.nearest();
    let below = pointer.strip_prefix("/spec/template/").unwrap_or("");
    for token in below.split('/').filter(|token| !token.is_empty()) {
        match found.at(&format!("/{token}")) {
            Some(child) => found = child,
            None => break,
        }
    }
    found.id()
}

/// Warnings of a template; on update only where the object has changed so that its generation does.
pub(super) fn warn(subject: &Submitted<'_>, with_annotations: bool, warnings: &mut Vec<String>) {
    let differs = |old: At<'_>, member| !subject.at.fields(member).same(old.fields(member));
    let changed = |old| differs(old, "spec") || with_annotations && differs(old, "metadata.annotations");
    if subject.old.is_none_or(changed) {
        let old = of(subject.old.map(|old| old.field("spec")));
        pod_template_warnings(subject.at.fields("spec.template"), old, warnings);
    }
}

/// Pods are called after their workload.
pub(super) fn warn_of_name(subject: &Submitted<'_>, warnings: &mut Vec<String>) {
    let faults = names::dns1123_label(&final_name(subject.at.field("metadata")));
    if subject.old.is_none() && !faults.is_empty() {
        warnings.push(format!(
            "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; \
             a DNS label is recommended: [{}]",
            faults.join(" ")
        ));
    }
}
