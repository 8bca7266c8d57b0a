//! `rewriteImages`: every image of the Pod template comes from where its mirror is.
//!
//! One replace per changed field; tag and digest stay. A reference that is empty or cannot be read is never
//! written to: it is a finding.

use std::sync::Arc;

use crate::document::edit::{self, EditError, Editor, Operation};
use crate::document::path::Pointer;
use crate::resource::rewrite::RewriteTable;

use super::rule::{Sink, Subject};

/// Takes the images of the subject from their mirrors.
pub(super) fn edit(
    subject: &Subject<'_>,
    table: &RewriteTable,
    editor: &mut Editor<'_, '_>,
    label: &Arc<str>,
) -> Result<(), EditError> {
    let Some(pods) = &subject.pods else { return Ok(()) };
    let root = subject.object.id();
    for image in pods.images() {
        // what cannot be rewritten is a finding of validation
        let Some(rewritten) = image.as_str().and_then(|text| table.rewrite(text).ok().flatten()) else {
            continue;
        };
        let path = Pointer::of(image, root);
        editor.apply(Operation::Replace { path, value: edit::string(&rewritten) }, label)?;
    }
    Ok(())
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
