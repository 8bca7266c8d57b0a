//! Namespace and ServiceAccount (pkg/apis/core/validation).

use crate::field::{At, Causes};
use crate::{meta, names};

pub(crate) fn namespace(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    meta::create(object, false, names::dns1123_label, causes);
    let finalizers = object.field("spec").field("finalizers");
    for finalizer in finalizers.strings() {
        for error in names::qualified_name(finalizer) {
            causes.invalid_value(finalizers, finalizer, &error);
        }
        if !finalizer.contains('/') && !matches!(finalizer, "kubernetes" | "orphan" | "foregroundDeletion") {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            causes.invalid_value(finalizers, finalizer, detail);
        }
    }
    if let Some(old) = old {
        meta::update(object, old, causes);
    }
}

pub(crate) fn service_account(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    if let Some(old) = old {
        meta::update(object, old, causes);
    }
    meta::create(object, true, names::dns1123_subdomain, causes);
}
