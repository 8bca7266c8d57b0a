//! What expressions see as `request`.

use super::EDIT_LIMITS;
use crate::document::{Builder, Document, LimitError};
use crate::request::{GroupVersionKind, GroupVersionResource, Request, SentAs, User};

/// The fields that a ValidatingAdmissionPolicy sees, in the order of their names; those that are empty are absent
/// (apiserver `pkg/admission/plugin/cel`, `CreateAdmissionRequest`).
///
/// # Errors
/// When options or user are larger than a document may be.
pub(super) fn envelope(request: &Request<'_>) -> Result<Document<'static>, LimitError> {
    let sent_as = request.sent_as.unwrap_or(SentAs {
        kind: request.kind,
        resource: request.resource,
        subresource: request.subresource,
    });
    let mut to = Builder::new("", EDIT_LIMITS);
    to.begin_object()?;
    to.key("dryRun", None)?;
    to.bool(request.dry_run)?;
    kind(&mut to, "kind", &request.kind)?;
    text_unless_empty(&mut to, "name", request.name)?;
    text_unless_empty(&mut to, "namespace", request.namespace.unwrap_or_default())?;
    text(&mut to, "operation", request.operation.name())?;
    if let Some(options) = request.options {
        to.key("options", None)?;
        to.copy_node(options, false)?;
    }
    kind(&mut to, "requestKind", &sent_as.kind)?;
    resource(&mut to, "requestResource", &sent_as.resource)?;
    text_unless_empty(&mut to, "requestSubResource", sent_as.subresource)?;
    resource(&mut to, "resource", &request.resource)?;
    text_unless_empty(&mut to, "subResource", request.subresource)?;
    if let Some(by) = &request.user {
        user(&mut to, by)?;
    }
    to.end();
    Ok(to.finish())
}

fn text(to: &mut Builder<'_>, key: &str, value: &str) -> Result<(), LimitError> {
    to.key(key, None)?;
    to.string(value).map(|_| ())
}

fn text_unless_empty(to: &mut Builder<'_>, key: &str, value: &str) -> Result<(), LimitError> {
    if value.is_empty() { Ok(()) } else { text(to, key, value) }
}

fn kind(to: &mut Builder<'_>, key: &str, of: &GroupVersionKind<'_>) -> Result<(), LimitError> {
    to.key(key, None)?;
    to.begin_object()?;
    text(to, "group", of.group)?;
    text(to, "kind", of.kind)?;
    text(to, "version", of.version)?;
    to.end();
    Ok(())
}

fn resource(to: &mut Builder<'_>, key: &str, of: &GroupVersionResource<'_>) -> Result<(), LimitError> {
    to.key(key, None)?;
    to.begin_object()?;
    text(to, "group", of.group)?;
    text(to, "resource", of.resource)?;
    text(to, "version", of.version)?;
    to.end();
    Ok(())
}

fn texts(to: &mut Builder<'_>, key: &str, values: &[&str]) -> Result<(), LimitError> {
    to.key(key, None)?;
    to.begin_array()?;
    values.iter().try_for_each(|value| to.string(value).map(|_| ()))?;
    to.end();
    Ok(())
}

fn user(to: &mut Builder<'_>, User { username, groups, uid, extra }: &User<'_>) -> Result<(), LimitError> {
    to.key("userInfo", None)?;
    to.begin_object()?;
    if !extra.is_empty() {
        to.key("extra", None)?;
        to.begin_object()?;
        extra.iter().try_for_each(|(key, values)| texts(to, key, values))?;
        to.end();
    }
    texts(to, "groups", groups)?;
    text_unless_empty(to, "uid", uid)?;
    text(to, "username", username)?;
    to.end();
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::document::Limits;
    use crate::request::Operation;

    fn bare(operation: Operation) -> Request<'static> {
        Request {
            operation,
            kind: GroupVersionKind { group: "", version: "v1", kind: "Pod" },
            resource: GroupVersionResource { group: "", version: "v1", resource: "pods" },
            subresource: "",
            sent_as: None,
            name: "",
            namespace: None,
            object: None,
            old_object: None,
            user: None,
            dry_run: false,
            options: None,
        }
    }

    #[test]
    fn what_a_request_says() {
        let options = Document::from_json(r#"{"kind":"CreateOptions","x":[1]}"#, Limits::default()).unwrap();
        let all = Request {
            name: "web",
            namespace: Some("shop"),
            subresource: "status",
            dry_run: true,
            options: Some(options.root()),
            user: Some(User {
                username: "a",
                groups: vec!["g", "h"],
                uid: "",
                extra: BTreeMap::from([("k", vec!["v"])]),
            }),
            ..bare(Operation::Create)
        };
        let kinds = r#"{"group":"","kind":"Pod","version":"v1"}"#;
        let resources = r#"{"group":"","resource":"pods","version":"v1"}"#;
        let expected = format!(
            r#"{{"dryRun":true,"kind":{kinds},"name":"web","namespace":"shop","operation":"CREATE","options":{{"kind":"CreateOptions","x":[1]}},"requestKind":{kinds},"requestResource":{resources},"requestSubResource":"status","resource":{resources},"subResource":"status","userInfo":{{"extra":{{"k":["v"]}},"groups":["g","h"],"username":"a"}}}}"#
        );
        assert_eq!(envelope(&all).unwrap().root().to_json(), expected);
        let least = format!(
            r#"{{"dryRun":false,"kind":{kinds},"operation":"DELETE","requestKind":{kinds},"requestResource":{resources},"resource":{resources}}}"#
        );
        assert_eq!(envelope(&bare(Operation::Delete)).unwrap().root().to_json(), least);
    }
}
