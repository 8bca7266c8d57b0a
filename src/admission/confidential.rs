//! What findings may not say, whoever reads them: a rule's message may quote the object it judges, and the
//! answer of the webhook, its log and its audit annotations repeat the message. This is the one place where findings leave
//! the engine, so control characters are escaped here as well.

use crate::finding::Finding;
use crate::request::Request;
use crate::resource::secret::{self, Texts};

/// Takes out of findings the secrets of the objects of the request, and what stands at a finding of a
/// `sensitive` rule.
pub(super) fn conceal(findings: &mut [Finding], request: &Request<'_>) {
    if findings.is_empty() {
        return;
    }
    let secrets = |object: Option<_>| Texts::new(object.into_iter().flat_map(secret::values), None);
    let texts = secrets(request.object).and(secrets(request.old_object));
    for finding in findings {
        texts.clean(finding);
        Texts::of_finding(finding, request.subject()).clean(finding);
        finding.make_readable();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::document::{Document, Limits, NodeId};
    use crate::finding::{Actions, Certainty, Place, RuleInfo, Severity};
    use crate::matching::Operation;

    fn finding(object: &Document<'_>, pointer: &str, message: &str, sensitive: bool) -> Finding {
        Finding {
            rule: Arc::new(RuleInfo::of("x/y")),
            severity: Severity::Error,
            actions: Actions::default(),
            message: message.into(),
            place: Place::of(object.root().at(pointer).unwrap(), NodeId::ROOT),
            value: Some("of-the-value".into()),
            fingerprint: crate::finding::Fingerprint::default(),
            related: Vec::new(),
            fix: Vec::new(),
            certainty: Certainty::Known,
            existing: false,
            sensitive,
            explanation: Vec::new(),
            reference: None,
            more: 0,
            fault: None,
            excepted: None,
            own: None,
        }
    }

    #[test]
    fn nothing_secret_is_said() {
        let read = |json| Document::from_json(json, Limits::default()).unwrap();
        let new = read(r#"{"kind":"Secret","data":{"p":"aHVudGVyMnR3bw=="}}"#);
        let old = read(r#"{"kind":"Secret","stringData":{"p":"the-old-one"}}"#);
        let pod = read(r#"{"kind":"Pod","spec":{"token":"on-the-command-line"}}"#);
        let request = |object, old_object| Request {
            name: "s",
            namespace: Some("n"),
            object,
            old_object,
            ..Request::bare(Operation::Update, ["", "v1", "Secret", "secrets"])
        };
        let of_secret = request(Some(new.root()), Some(old.root()));
        let of_pod = request(Some(pod.root()), None);
        for (name, request, object, pointer, sensitive, message, expected) in [
            ("read and decoded", &of_secret, &new, "/data", false, "aHVudGVyMnR3bw== hunter2two", "*** ***"),
            ("of the old object", &of_secret, &new, "", false, "was the-old-one", "was ***"),
            (
                "sensitive",
                &of_pod,
                &pod,
                "/spec",
                true,
                "has on-the-command-line, of-the-value",
                "has ***, ***",
            ),
            ("neither", &of_pod, &pod, "/spec", false, "has on-the-command-line", "has on-the-command-line"),
        ] {
            let mut findings = [finding(object, pointer, message, sensitive)];
            conceal(&mut findings, request);
            assert_eq!(findings[0].message, expected, "{name}");
        }
    }
}
