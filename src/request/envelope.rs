//! What expressions see as `request`: the fields of an admission request, in the order of their names; those that are empty are
//! absent (apiserver `pkg/admission/plugin/cel`, `CreateAdmissionRequest`).

use super::{GroupVersionKind, GroupVersionResource, Request};
use crate::document::{Builder, Document, LimitError, Limits, NodeRef};

/// As deep as manifests are read.
const LIMITS: Limits = Limits { depth: 1_000, nodes: 1 << 24 };

/// The fields that do not stand in a [`Request`] as they are shown.
pub struct Envelope<'e> {
    /// `kind`
    pub kind: GroupVersionKind<'e>,
    /// `resource`
    pub resource: GroupVersionResource<'e>,
    /// `requestKind`
    pub request_kind: GroupVersionKind<'e>,
    /// `requestResource`
    pub request_resource: GroupVersionResource<'e>,
    /// `requestSubResource`
    pub request_subresource: &'e str,
    /// `namespace`
    pub namespace: &'e str,
    /// `options`
    pub options: Option<NodeRef<'e>>,
}

impl Envelope<'_> {
    /// The document of a request; `user` writes `userInfo`, the last of its fields.
    ///
    /// # Errors
    /// When options or user are larger than a document may be.
    pub fn document(
        &self,
        request: &Request<'_>,
        user: impl FnOnce(&mut Builder<'static>) -> Result<(), LimitError>,
    ) -> Result<Document<'static>, LimitError> {
        let mut to = Builder::new("", LIMITS);
        to.begin_object()?;
        to.key("dryRun", None)?;
        to.bool(request.dry_run)?;
        kind(&mut to, "kind", &self.kind)?;
        text_unless_empty(&mut to, "name", request.name)?;
        text_unless_empty(&mut to, "namespace", self.namespace)?;
        text(&mut to, "operation", request.operation.name())?;
        if let Some(options) = self.options {
            to.key("options", None)?;
            to.copy_node(options, false)?;
        }
        kind(&mut to, "requestKind", &self.request_kind)?;
        resource(&mut to, "requestResource", &self.request_resource)?;
        text_unless_empty(&mut to, "requestSubResource", self.request_subresource)?;
        resource(&mut to, "resource", &self.resource)?;
        text_unless_empty(&mut to, "subResource", request.subresource)?;
        user(&mut to)?;
        to.end();
        Ok(to.finish())
    }
}

/// A member with a text.
///
/// # Errors
/// When the document would be too large.
pub fn text(to: &mut Builder<'_>, key: &str, value: &str) -> Result<(), LimitError> {
    to.key(key, None)?;
    to.string(value).map(|_| ())
}

/// As [`text`]; nothing where it is empty.
///
/// # Errors
/// As [`text`].
pub fn text_unless_empty(to: &mut Builder<'_>, key: &str, value: &str) -> Result<(), LimitError> {
    if value.is_empty() { Ok(()) } else { text(to, key, value) }
}

/// A member with a list of texts.
///
/// # Errors
/// As [`text`].
pub fn texts(to: &mut Builder<'_>, key: &str, values: &[&str]) -> Result<(), LimitError> {
    to.key(key, None)?;
    to.begin_array()?;
    values.iter().try_for_each(|value| to.string(value).map(|_| ()))?;
    to.end();
    Ok(())
}

/// `extra` of a user.
///
/// # Errors
/// As [`text`].
pub fn extra(to: &mut Builder<'_>, user: &super::User<'_>) -> Result<(), LimitError> {
    if user.extra.is_empty() {
        return Ok(());
    }
    to.key("extra", None)?;
    to.begin_object()?;
    user.extra.iter().try_for_each(|(key, values)| texts(to, key, values))?;
    to.end();
    Ok(())
}

fn kind(to: &mut Builder<'_>, key: &str, of: &GroupVersionKind<'_>) -> Result<(), LimitError> {
    member(to, key, [("group", of.group), ("kind", of.kind), ("version", of.version)])
}

fn resource(to: &mut Builder<'_>, key: &str, of: &GroupVersionResource<'_>) -> Result<(), LimitError> {
    member(to, key, [("group", of.group), ("resource", of.resource), ("version", of.version)])
}

/// A member with an object of texts.
fn member(to: &mut Builder<'_>, key: &str, texts: [(&str, &str); 3]) -> Result<(), LimitError> {
    to.key(key, None)?;
    to.begin_object()?;
    texts.into_iter().try_for_each(|(key, value)| text(to, key, value))?;
    to.end();
    Ok(())
}
