#![allow(clippy::unwrap_used)]

use super::*;

fn body(request: &str) -> String {
    format!(r#"{{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{request}}}"#)
}

const GOOD: &str = r#""uid":"u","kind":{"group":"","version":"v1","kind":"Pod"},"operation":"CREATE""#;

#[test]
fn reads_what_the_server_posts() {
    let text = body(
        r#"{"uid":"u-1","kind":{"group":"apps","version":"v1","kind":"Deployment"},
        "resource":{"group":"apps","version":"v1","resource":"deployments"},"subResource":"scale",
        "requestKind":{"group":"apps","version":"v1beta2","kind":"Deployment"},
        "name":"web","namespace":"a\u0062c","operation":"UPDATE",
        "userInfo":{"username":"me","groups":["g1","g2"],"extra":{"k":["v"]}},
        "object":{"a": 1},"oldObject":null,"dryRun":true,"options":{"kind":"UpdateOptions"},"later":[{}]}"#,
    );
    let review = Review::read(text.as_bytes());
    let request = review.request.unwrap();
    assert_eq!(&*request.uid, "u-1");
    assert_eq!(
        (&*request.kind.group, &*request.kind.version, &*request.kind.kind),
        ("apps", "v1", "Deployment")
    );
    assert_eq!(&*request.resource.resource, "deployments");
    assert_eq!(&*request.sub_resource, "scale");
    assert_eq!(&*request.request_kind.clone().unwrap().version, "v1beta2");
    assert_eq!(request.place(), "abc/web");
    assert_eq!(request.operation, Operation::Update);
    assert_eq!(request.user_info.groups, ["g1".into(), "g2".into()]);
    assert_eq!(request.user_info.extra["k"], ["v".into()]);
    assert_eq!(request.object.unwrap().get(), r#"{"a": 1}"#);
    assert!(request.old_object.is_none() && request.dry_run);
    let envelope: serde_json::Value = serde_json::from_str(&request.envelope_json()).unwrap();
    assert_eq!(envelope["options"]["kind"], "UpdateOptions");
    assert_eq!(envelope["userInfo"]["extra"]["k"][0], "v");
    assert!(envelope.get("object").is_none(), "objects are variables of their own");
}

#[test]
fn each_refusal_has_its_name_and_keeps_the_uid() {
    let nesting = body(&format!(r#"{{{GOOD},"x":{}}}"#, "[".repeat(100_000)));
    let malformed = Err("malformed");
    type Row = (&'static str, String, Option<&'static str>, Result<(), &'static str>);
    let rows: &[Row] = &[
        ("empty", String::new(), None, Err("empty")),
        ("blank", " \n".into(), None, Err("empty")),
        ("not JSON", "hello".into(), None, malformed),
        ("a list", "[]".into(), None, malformed),
        ("null", "null".into(), None, malformed),
        ("no members", "{}".into(), None, Err("not_a_review")),
        (
            "no request",
            r#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}"#.into(),
            None,
            Err("no_request"),
        ),
        ("null request", body("null"), None, Err("no_request")),
        ("request is a list", body("[]"), None, malformed),
        ("no uid", body(r#"{"operation":"CREATE"}"#), None, Err("no_uid")),
        ("null uid", body(r#"{"uid":null}"#), None, Err("no_uid")),
        ("no kind", body(r#"{"uid":"u"}"#), Some("u"), Err("no_kind")),
        ("null kind", body(r#"{"uid":"u","kind":null}"#), Some("u"), Err("no_kind")),
        ("no operation", body(r#"{"uid":"u","kind":{"kind":"Pod"}}"#), Some("u"), Err("unknown_operation")),
        ("member names have case", body(&format!(r#"{{"UID":"u",{}}}"#, &GOOD[10..])), None, Err("no_uid")),
        ("uid is a number", body(r#"{"uid":1}"#), None, malformed),
        ("name is a number, after the uid", body(&format!(r#"{{{GOOD},"name":1}}"#)), Some("u"), malformed),
        ("object is a list", body(&format!(r#"{{{GOOD},"object":[]}}"#)), Some("u"), malformed),
        ("object breaks off", body(&format!(r#"{{{GOOD},"object":{{"a":"#)), Some("u"), malformed),
        ("a nesting bomb beside the object", nesting, Some("u"), malformed),
        ("text after the review", body(&format!("{{{GOOD}}}")) + "x", Some("u"), malformed),
        (
            "nulls are as if absent",
            body(&format!(
                r#"{{{GOOD},"name":null,"userInfo":null,"dryRun":null,"object":null,"resource":null}}"#
            )),
            Some("u"),
            Ok(()),
        ),
        ("of duplicates the last counts", body(&format!(r#"{{"uid":"first",{GOOD}}}"#)), Some("u"), Ok(())),
        ("v1beta1", body(&format!("{{{GOOD}}}")).replace("/v1\"", "/v1beta1\""), Some("u"), Err("v1beta1")),
        (
            "another kind",
            body(&format!("{{{GOOD}}}")).replace("\"AdmissionReview\"", "\"Pod\""),
            Some("u"),
            Err("not_a_review"),
        ),
    ];
    for (name, text, uid, expected) in rows {
        let review = Review::read(text.as_bytes());
        assert_eq!(review.uid.as_deref(), *uid, "{name}");
        assert_eq!(review.request.as_ref().map(|_| ()).map_err(Refusal::label), *expected, "{name}");
    }
}

#[test]
fn bytes_that_are_not_utf8_keep_the_uid() {
    let mut bytes = body(&format!(r#"{{{GOOD},"object":{{"a":"ZZ"}}}}"#)).into_bytes();
    let at = bytes.iter().rposition(|b| *b == b'Z').unwrap();
    bytes[at] = 0xff;
    let review = Review::read(&bytes);
    assert_eq!(review.uid.as_deref(), Some("u"));
    assert_eq!(review.request.unwrap_err(), Refusal::NotUtf8(at));
}

#[test]
fn an_object_of_any_depth_is_skipped_without_recursion() {
    let deep = format!("{}{}", r#"{"a":"#.repeat(200_000), "1") + &"}".repeat(200_000);
    let text = body(&format!(r#"{{{GOOD},"object":{deep}}}"#));
    assert_eq!(Review::read(text.as_bytes()).request.unwrap().object.unwrap().get().len(), deep.len());
}
