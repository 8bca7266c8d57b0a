#![allow(clippy::unwrap_used)]

use std::time::Duration;

use serde_json::{Value, json};

use super::*;

struct Fixed<F>(F);

impl<F: Fn(&ReviewRequest<'_>) -> Answer + Send + Sync + 'static> Judge for Fixed<F> {
    fn judge(&self, _: Endpoint, review: &ReviewRequest<'_>, _: Instant) -> Answer {
        (self.0)(review)
    }
}

const BODY: &str = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","kind":{"kind":"Pod"},
    "operation":"CREATE","object":{"metadata":{"labels":{"a":"b"}},"list":[1]}}}"#;

fn response(
    stage: Endpoint,
    body: &str,
    judge: impl Fn(&ReviewRequest<'_>) -> Answer + Send + Sync + 'static,
) -> Value {
    let reply = answer(&Fixed(judge), stage, body.as_bytes(), Instant::now() + Duration::from_secs(1));
    assert_eq!(reply.http_status, 200, "{}", String::from_utf8_lossy(&reply.body));
    let review: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(review["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(review["kind"], "AdmissionReview");
    review["response"].clone()
}

const PATCH: &str = r#"[{"op":"add","path":"/metadata/labels/c","value":"d"}]"#;

#[test]
fn allow_says_nothing_more() {
    let got = response(Endpoint::Mutate, BODY, |_| Answer::allow());
    assert_eq!(got, json!({"uid": "u", "allowed": true}));
}

#[test]
fn deny_is_complete() {
    let got = response(Endpoint::Validate, BODY, |_| {
        let causes = vec![Cause {
            reason: "FieldValueInvalid".into(),
            message: "no tag".into(),
            field: "spec.containers[0].image".into(),
        }];
        Answer::deny(Denial { reason: AnswerReason::Forbidden, message: "no".into(), causes })
            .warn("take\ncare")
            .annotate("p/r", "said no")
    });
    assert_eq!(
        got,
        json!({"uid": "u", "allowed": false, "warnings": ["take care"], "auditAnnotations": {"p-r": "said no"},
            "status": {"status": "Failure", "code": 403, "reason": "Forbidden", "message": "no", "details": {"causes": [
                {"reason": "FieldValueInvalid", "message": "no tag", "field": "spec.containers[0].image"}]}}})
    );
}

#[test]
fn a_patch_goes_out_by_mutate_only() {
    let got = response(Endpoint::Mutate, BODY, |_| Answer::patch(PATCH.into()));
    assert_eq!(
        got,
        json!({"uid": "u", "allowed": true, "patchType": "JSONPatch", "patch": STANDARD.encode(PATCH)})
    );
    let got = response(Endpoint::Validate, BODY, |_| Answer::patch(PATCH.into()));
    assert_eq!(got, json!({"uid": "u", "allowed": true}));
}

#[test]
fn a_patch_that_does_not_apply_is_never_sent() {
    for patch in [
        r#"[{"op":"add","path":"/spec/x","value":1}]"#,
        r#"[{"op":"remove","path":"/metadata/labels/none"}]"#,
        r#"[{"op":"test","path":"/metadata/labels/a","value":"z"}]"#,
        r#"[{"op":"replace","path":"","value":3}]"#,
        r#"[{"op":"add","path":"/list/7","value":3}]"#,
        r#"[{"op":"frobnicate","path":"/list"}]"#,
        "not json",
    ] {
        let got = response(Endpoint::Mutate, BODY, move |_| Answer::patch(patch.into()));
        assert_eq!((&got["allowed"], &got["status"]["code"]), (&json!(false), &json!(500)), "{patch}");
        assert!(got.get("patch").is_none() && got.get("patchType").is_none(), "{patch}");
        let message = got["status"]["message"].as_str().unwrap();
        assert!(message.starts_with("the patch that the policies made does not apply: "), "{message}");
    }
    let delete = BODY.replace("CREATE", "DELETE").replace("\"object\"", "\"oldObject\"");
    let got = response(Endpoint::Mutate, &delete, |_| Answer::patch(PATCH.into()));
    assert_eq!(
        got["status"]["message"],
        "the patch that the policies made does not apply: the request has no object"
    );
}

#[test]
fn a_panic_is_answered_with_the_uid_and_without_its_text() {
    let got = response(Endpoint::Validate, BODY, |_| panic!("secret"));
    assert_eq!((&got["uid"], &got["allowed"]), (&json!("u"), &json!(false)));
    assert_eq!(got["status"]["code"], 500);
    assert!(!got.to_string().contains("secret"));
}

#[test]
fn a_judge_that_ignores_failures_is_heard() {
    struct Lenient;
    impl Judge for Lenient {
        fn judge(&self, _: Endpoint, _: &ReviewRequest<'_>, _: Instant) -> Answer {
            panic!("no")
        }
        fn fail(&self, _: Endpoint, _: &ReviewRequest<'_>, failure: &Failure) -> Answer {
            Answer::patch(PATCH.into()).warn(failure.to_string())
        }
    }
    let reply = answer(&Lenient, Endpoint::Mutate, BODY.as_bytes(), Instant::now());
    let got: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(
        got["response"],
        json!({"uid": "u", "allowed": true, "warnings": [Failure::Panicked.to_string()]}),
        "a failed judgement changes nothing"
    );
}

#[test]
fn an_unreadable_review_is_answered_with_its_uid_or_refused() {
    let truncated = &BODY[..BODY.len() - 9];
    let got = response(Endpoint::Validate, truncated, |_| Answer::allow());
    assert_eq!((&got["uid"], &got["status"]["code"]), (&json!("u"), &json!(400)));
    let beta = BODY.replace("admission.k8s.io/v1", "admission.k8s.io/v1beta1");
    let reply = answer(
        &Fixed(|_: &ReviewRequest<'_>| Answer::allow()),
        Endpoint::Validate,
        beta.as_bytes(),
        Instant::now(),
    );
    assert_eq!((reply.http_status, reply.content_type()), (400, "text/plain; charset=utf-8"));
    assert_eq!(
        String::from_utf8(reply.body).unwrap(),
        "admission.k8s.io/v1beta1 is not supported; register the webhook with admissionReviewVersions: [\"v1\"]\n"
    );
}

#[test]
fn a_uid_is_escaped() {
    let body = BODY.replace(r#""u""#, r#""u\"\n""#);
    assert_eq!(response(Endpoint::Validate, &body, |_| Answer::allow())["uid"], "u\"\n");
}
