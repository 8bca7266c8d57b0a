//! `rewriteImages`: every image of the Pod template comes from where its mirror is.
//!
//! One replace per changed field; tag and digest stay. A reference that is empty or cannot be read is never
//! written to: it is a finding.

use crate::resource::rewrite::RewriteTable;

use super::rule::{Sink, Subject};

/// The operations that take the images of the subject from their mirrors.
pub(super) fn edits(subject: &Subject<'_>, table: &RewriteTable) -> Vec<json_patch::PatchOperation> {
    let Some(pods) = &subject.pods else { return Vec::new() };
    let root = subject.object.id();
    pods.images()
        .filter_map(|image| {
            let rewritten = table.rewrite(image.as_str()?).ok()??;
            Some(replace(&image.pointer_from(root), rewritten.into()))
        })
        .collect()
}

/// What cannot be rewritten.
pub(super) fn faults(subject: &Subject<'_>, table: &RewriteTable, sink: &mut Sink<'_>) {
    let Some(pods) = &subject.pods else { return };
    for image in pods.images() {
        let fault = match image.as_str() {
            Some("") => "the image is empty".to_owned(),
            Some(text) => match table.rewrite(text) {
                Ok(_) => continue,
                Err(error) => format!("the image cannot be rewritten: {error}"),
            },
            None => "the image is no string".to_owned(),
        };
        sink.fault(image, fault);
    }
}

fn replace(pointer: &str, value: serde_json::Value) -> json_patch::PatchOperation {
    let path = json_patch::jsonptr::PointerBuf::parse(pointer).unwrap_or_default();
    json_patch::PatchOperation::Replace(json_patch::ReplaceOperation { path, value })
}
