//! What the server warns of when it accepts an object about storage (pkg/api/persistentvolumeclaim,
//! pkg/api/persistentvolume, pkg/api/storage, pkg/registry/storage/csidriver).

use crate::field::At;
use crate::selectors;
use crate::validate::core::resource_names as resources;

const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

fn has_annotation(object: At<'_>, key: &str) -> bool {
    object.fields("metadata.annotations").node().is_some_and(|annotations| annotations.get(key).is_some())
}

pub(crate) fn claim(object: At<'_>, warnings: &mut Vec<String>) {
    if has_annotation(object, BETA_CLASS) {
        warnings.push(format!(
            "metadata.annotations[{BETA_CLASS}]: deprecated since v1.8; use \"storageClassName\" attribute instead"
        ));
    }
    for list in ["requests", "limits"] {
        let at = object.fields("spec.resources").field(list).key("storage");
        let amount = resources::quantity(at);
        if at.is_set() && resources::is_fractional(&amount) {
            let shown = crate::field::go_quote(&amount.to_string());
            warnings.push(format!("{at}: fractional byte value {shown} is invalid, must be an integer"));
        }
    }
}

pub(crate) fn volume(object: At<'_>, warnings: &mut Vec<String>) {
    for (key, message) in [
        (BETA_CLASS, "deprecated since v1.8; use \"storageClassName\" attribute instead"),
        (
            "volume.beta.kubernetes.io/mount-options",
            "deprecated since v1.31; use \"mountOptions\" attribute instead",
        ),
    ] {
        if has_annotation(object, key) {
            warnings.push(format!("metadata.annotations[{key}]: {message}"));
        }
    }
    let spec = object.field("spec");
    if spec.str_at("persistentVolumeReclaimPolicy") == "Recycle" {
        warnings.push(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the \
             recommended approach is to use dynamic provisioning."
                .to_owned(),
        );
    }
    for term in spec.fields("nodeAffinity.required.nodeSelectorTerms").items() {
        selectors::term_warnings(term, warnings);
    }
    for (source, called, since, gone) in [
        ("cephfs", "cephfs", "1.28", "1.31"),
        ("photonPersistentDisk", "photonPersistentDisk", "1.11", "1.16"),
        ("scaleIO", "scaleIO", "1.16", "1.22"),
        ("storageos", "storageOS", "1.22", "1.25"),
        ("glusterfs", "glusterfs", "1.25", "1.26"),
        ("rbd", "rbd", "1.28", "1.31"),
    ] {
        if spec.has(source) {
            warnings.push(format!("spec.{called}: deprecated in v{since}, non-functional in v{gone}+"));
        }
    }
}

pub(super) fn storage_class(object: At<'_>, warnings: &mut Vec<String>) {
    for term in object.items_at("allowedTopologies") {
        for expression in term.items_at("matchLabelExpressions") {
            let key = expression.field("key");
            if let Some(message) = selectors::deprecated_node_label(key.str()) {
                warnings.push(format!("{key}: {message}"));
            }
        }
    }
}

pub(super) fn driver(object: At<'_>, old: Option<At<'_>>, warnings: &mut Vec<String>) {
    let spec = object.field("spec");
    let requests = spec.field("tokenRequests");
    let changed = old.is_none_or(|old| !requests.same(old.fields("spec.tokenRequests")));
    if changed && !requests.is_empty() && !spec.has("serviceAccountTokenInSecrets") {
        warnings.push(
            "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent \
             possible logging of tokens in volume attributes"
                .to_owned(),
        );
    }
}

pub(super) fn storage_capacity(object: At<'_>, warnings: &mut Vec<String>) {
    let selector = object.field("nodeTopology");
    selectors::term_warnings(selector, warnings);
    for (key, _) in selector.field("matchLabels").entries() {
        if let Some(message) = selectors::deprecated_node_label(key) {
            warnings.push(format!("{}: {message}", selector.field("matchLabels").said(key)));
        }
    }
}
