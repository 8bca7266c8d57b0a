//! `rewriteImages`: every image of the Pod template comes from where its mirror is.
//!
//! One replace per changed field; tag and digest stay. A reference that is empty or cannot be read is never
//! written to: it is a finding.

use std::sync::Arc;

use crate::document::edit::{self, Editor, PatchOperation};
use crate::document::path::Pointer;
use crate::resource::rewrite::RewriteTable;

use super::changes::Reach;
use super::evaluator::Evaluator;
use super::stop::Stop;
use super::subject::{PolicyContext, Sink};
use super::{Change, Check, Policy, Writes};

/// `rewriteImages`.
#[derive(Debug)]
pub struct RewriteImages(pub RewriteTable);

impl Check for RewriteImages {
    fn is_about_pods(&self, _: &Policy) -> bool {
        true
    }

    /// What cannot be rewritten.
    fn judge<'d>(&'d self, _: &mut Evaluator<'d, '_>, subject: &PolicyContext<'d>, sink: &mut Sink<'_>) {
        let Some(pods) = &subject.pods else { return };
        for image in pods.images() {
            let fault = match image.as_str() {
                Some("") => "the image is empty".to_owned(),
                Some(text) => match self.0.rewrite(text) {
                    Ok(_) => continue,
                    Err(error) => format!("the image cannot be rewritten: {error}"),
                },
                None => "the image is not a string".to_owned(),
            };
            sink.fault(image, fault);
        }
    }

    fn change(&self) -> Option<&dyn Change> {
        Some(self)
    }
}

impl Change for RewriteImages {
    fn is_idle(&self, subject: &PolicyContext<'_>, reach: &Reach<'_>) -> bool {
        rewrites(subject, &self.0, Some(reach)).next().is_none()
    }

    fn apply<'d>(
        &'d self,
        evaluator: &mut Evaluator<'d, '_>,
        subject: &PolicyContext<'d>,
        editor: &mut Editor<'_, '_>,
        label: &Arc<str>,
    ) -> Result<(), Stop> {
        for (path, rewritten) in rewrites(subject, &self.0, evaluator.reach) {
            let operation = PatchOperation::Replace { path, value: edit::string(&rewritten) };
            editor
                .apply(operation, label)
                .map_err(|error| Stop::failed(format!("the change does not apply: {error}")))?;
        }
        Ok(())
    }

    fn writes(&self) -> Writes<'_> {
        Writes::Images(&self.0)
    }
}

/// Each image that comes from elsewhere now; what cannot be rewritten is a finding of validation.
fn rewrites<'s>(
    subject: &'s PolicyContext<'_>,
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
