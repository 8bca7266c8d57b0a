//! ControllerRevisions.

use super::super::Submitted;
use super::super::rules::metadata;
use crate::field::Causes;
use crate::meta::{self, immutable, name_is_subdomain, not_negative};

/// `ValidateControllerRevisionCreate`, `ValidateControllerRevisionUpdate`, which checks the name again.
pub(super) fn controller_revision(subject: &Submitted<'_>, causes: &mut Causes) {
    metadata(subject, name_is_subdomain, causes);
    if subject.old.is_some() {
        meta::core_object_meta(subject.at.field("metadata"), name_is_subdomain, causes);
    }
    not_negative(subject.at.field("revision"), causes);
    let data = subject.at.field("data");
    match (subject.old, data.node()) {
        (Some(old), _) => immutable(data, old.field("data"), causes),
        (None, None) => causes.required(data, "data is mandatory"),
        (None, Some(node)) if !node.is_object() => causes.required(data, "data must be a valid JSON object"),
        (None, Some(_)) => {}
    }
}
