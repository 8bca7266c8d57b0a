//! `request`, as native policies see it.

use crate::document::{Builder, Document, LimitError};
use crate::request::envelope::{Envelope, extra, text, text_unless_empty, texts};
use crate::request::{Request, SentAs, User};

/// The fields that a ValidatingAdmissionPolicy sees; `userInfo` is absent where nobody knows who asks.
///
/// # Errors
/// When options or user are larger than a document may be.
pub(super) fn envelope(request: &Request<'_>) -> Result<Document<'static>, LimitError> {
    let sent_as = request.sent_as.unwrap_or(SentAs {
        kind: request.kind,
        resource: request.resource,
        subresource: request.subresource,
    });
    let envelope = Envelope {
        kind: request.kind,
        resource: request.resource,
        request_kind: sent_as.kind,
        request_resource: sent_as.resource,
        request_subresource: sent_as.subresource,
        namespace: request.namespace.unwrap_or_default(),
        options: request.options,
    };
    envelope.document(request, |to| request.user.as_ref().map_or(Ok(()), |by| user(to, by)))
}

fn user(to: &mut Builder<'_>, user: &User<'_>) -> Result<(), LimitError> {
    to.key("userInfo", None)?;
    to.begin_object()?;
    extra(to, user)?;
    texts(to, "groups", &user.groups)?;
    text_unless_empty(to, "uid", user.uid)?;
    text(to, "username", user.username)?;
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
        Request::bare(operation, ["", "v1", "Pod", "pods"])
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
