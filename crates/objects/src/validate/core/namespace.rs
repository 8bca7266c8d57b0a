//! Namespace and ServiceAccount (pkg/apis/core/validation).

use crate::field::{At, Causes};
use crate::{meta, names};

pub(crate) fn namespace(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    meta::core_object_meta(object.field("metadata"), meta::name_is_label, causes);
    let finalizers = object.field("spec").field("finalizers");
    // on UPDATE the stored ones are put back before
    for finalizer in finalizers.strings().filter(|_| old.is_none()) {
        for error in names::qualified_name(finalizer) {
            causes.invalid_value(finalizers, finalizer, &error);
        }
        if !finalizer.contains('/') && !matches!(finalizer, "kubernetes" | "orphan" | "foregroundDeletion") {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            causes.invalid_value(finalizers, finalizer, detail);
        }
    }
    if let Some(old) = old {
        meta::core_object_meta_update(object.field("metadata"), old.field("metadata"), causes);
    }
}

pub(crate) fn service_account(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    if let Some(old) = old {
        meta::core_object_meta_update(object.field("metadata"), old.field("metadata"), causes);
    }
    meta::core_object_meta(object.field("metadata"), meta::name_is_subdomain, causes);
}

const MOUNTABLE: &str = "kubernetes.io/enforce-mountable-secrets";

pub(super) fn service_account_warnings(object: At<'_>, old: Option<At<'_>>, warnings: &mut Vec<String>) {
    let noted = |at: At<'_>| {
        at.fields("metadata.annotations")
            .node()
            .is_some_and(|annotations| annotations.get(MOUNTABLE).is_some())
    };
    if noted(object) && !old.is_some_and(noted) {
        warnings.push(format!(
            "metadata.annotations[{MOUNTABLE}]: deprecated in v1.32+; prefer separate namespaces to isolate access \
             to mounted secrets"
        ));
    }
}
