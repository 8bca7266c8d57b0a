//! `rewriteImages`: every image of the Pod template comes from where its mirror is.
//!
//! One replace per changed field; tag and digest stay. A reference that is empty or cannot be read is never
//! written to: it is a finding.

use std::sync::Arc;

use crate::document::edit::{self, EditError, Editor, Operation};
use crate::document::path::Pointer;
use crate::resource::rewrite::RewriteTable;

use super::changes::Reach;
use super::rule::{Sink, Subject};

/// Takes the images of the subject from their mirrors.
pub(super) fn edit(
    subject: &Subject<'_>,
    table: &RewriteTable,
    reach: Option<&Reach<'_>>,
    editor: &mut Editor<'_, '_>,
    label: &Arc<str>,
) -> Result<(), EditError> {
    for (path, rewritten) in rewrites(subject, table, reach) {
        editor.apply(Operation::Replace { path, value: edit::string(&rewritten) }, label)?;
    }
    Ok(())
}

/// Whether an image would be rewritten.
pub(super) fn has_work(subject: &Subject<'_>, table: &RewriteTable, reach: &Reach<'_>) -> bool {
    rewrites(subject, table, Some(reach)).next().is_some()
}

/// Each image that comes from elsewhere now; what cannot be rewritten is a finding of validation.
fn rewrites<'s>(
    subject: &'s Subject<'_>,
    table: &'s RewriteTable,
    reach: Option<&'s Reach<'_>>,
) -> impl Iterator<Item = (Pointer, String)> + 's {
    let root = subject.object.id();
    subject.pods.iter().flat_map(|pods| pods.images()).filter_map(move |image| {
        let rewritten = image.as_str().and_then(|text| table.rewrite(text).ok().flatten())?;
        let path = Pointer::of(image, root);
        reach.is_none_or(|reach| reach.pointer(&path)).then_some((path, rewritten))
    })
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
            None => "the image is not a string".to_owned(),
        };
        sink.fault(image, fault);
    }
}
