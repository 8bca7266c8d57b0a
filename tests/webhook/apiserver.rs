//! What kube-apiserver makes of a webhook's answer, as a model that its own golden answers check, and then our answers
//! put before it: none may be a failed call, and nothing may be lost on the way.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::Engine as _;
use plimsoll::review::{
    Answer, AnswerReason, Cause, Denial, Endpoint, Judge, Reply, Review, ReviewRequest, answer,
};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

/// What the server makes of an answer.
#[derive(Debug, PartialEq)]
enum Received {
    /// 500 under `failurePolicy: Fail`, passed under Ignore.
    FailedCall,
    Denied {
        code: u16,
        reason: Option<String>,
        message: String,
        causes: Value,
        warnings: Vec<String>,
    },
    Allowed {
        patch: Option<Value>,
        warnings: Vec<String>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReviewIn {
    api_version: Option<String>,
    kind: Option<String>,
    response: Option<ResponseIn>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponseIn {
    uid: Option<String>,
    allowed: Option<bool>,
    status: Option<StatusIn>,
    patch: Option<Value>,
    patch_type: Option<String>,
    warnings: Option<Vec<String>>,
    #[allow(dead_code)]
    audit_annotations: Option<std::collections::BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
struct StatusIn {
    code: Option<i32>,
    reason: Option<String>,
    message: Option<String>,
    details: Option<Value>,
}

fn receive(stage: &str, hook: &str, uid: &str, status: u16, body: &str) -> Received {
    received(stage, hook, uid, status, body).unwrap_or(Received::FailedCall)
}

/// `None` is a failed call.
fn received(stage: &str, hook: &str, uid: &str, status: u16, body: &str) -> Option<Received> {
    if !(200..300).contains(&status) {
        return None;
    }
    // JSON or else YAML, and the last of duplicate members
    let value: Value = serde_json::from_str(body).ok().or_else(|| serde_saphyr::from_str(body).ok())?;
    let review: ReviewIn = serde_json::from_value(value).ok()?;
    let ReviewIn { api_version, kind, response } = review;
    let v1 =
        api_version.as_deref() == Some("admission.k8s.io/v1") && kind.as_deref() == Some("AdmissionReview");
    let response = response.filter(|response| v1 && response.uid.as_deref() == Some(uid))?;
    let bytes = match &response.patch {
        None => Vec::new(),
        Some(patch) => bytes(patch)?,
    };
    let patch_type = response.patch_type.as_deref().unwrap_or_default();
    let patch = match (bytes.is_empty(), patch_type) {
        (true, "") => None,
        (true, _) | (false, "") => return None,
        (false, _) if stage == "validating" => return None,
        // no operations: decided before the type is looked at
        (false, patch_type) => match operations(&bytes)? {
            Some(_) if patch_type != "JSONPatch" => return None,
            patch => patch,
        },
    };
    let warnings = shown(response.warnings.unwrap_or_default());
    if response.allowed == Some(true) {
        return Some(Received::Allowed { patch, warnings });
    }
    let StatusIn { code, reason, message, details } = response.status.unwrap_or_default();
    let set = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let message = match set(&message).or_else(|| set(&reason)) {
        Some(why) => format!("admission webhook {hook:?} denied the request: {why}"),
        None => format!("admission webhook {hook:?} denied the request without explanation"),
    };
    let code = code.filter(|code| *code >= 400).unwrap_or(400);
    let causes = details.map_or(Value::Null, |details| details["causes"].clone());
    Some(Received::Denied {
        code: u16::try_from(code).ok()?,
        reason: set(&reason),
        message,
        causes,
        warnings,
    })
}

/// What Go reads into a `[]byte`.
fn bytes(patch: &Value) -> Option<Vec<u8>> {
    match patch {
        Value::String(text) => base64::engine::general_purpose::STANDARD.decode(text).ok(),
        Value::Array(bytes) => bytes.iter().map(|b| b.as_u64().and_then(|b| u8::try_from(b).ok())).collect(),
        _ => None,
    }
}

/// The operations, if there are any.
fn operations(bytes: &[u8]) -> Option<Option<Value>> {
    match serde_json::from_slice(bytes).ok()? {
        Value::Null => Some(None),
        Value::Array(list) if list.is_empty() => Some(None),
        Value::Array(list) if list.iter().all(Value::is_object) => Some(Some(Value::Array(list))),
        _ => None,
    }
}

/// Duplicates and empty ones go; all in full up to 4,096 characters, else cut to 256 and dropped once past them; one
/// with a tab or a line break vanishes at the end.
fn shown(warnings: Vec<String>) -> Vec<String> {
    let mut unique: Vec<String> = Vec::new();
    for warning in warnings {
        if !warning.is_empty() && !unique.contains(&warning) {
            unique.push(warning);
        }
    }
    let runes = |text: &String| text.chars().count();
    if unique.iter().map(runes).sum::<usize>() > 4096 {
        let mut total = 0;
        unique.retain_mut(|warning| {
            let keep = total < 4096;
            *warning = warning.chars().take(256).collect();
            total += runes(warning);
            keep
        });
    }
    unique.retain(|warning| !warning.contains(['\t', '\n', '\r']));
    unique
}

fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PLIMSOLL_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = root.join("vectors/admission").join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("webhook: SKIPPED, no data at {}", path.display());
    None
}

#[test]
fn the_model_agrees_with_a_real_server() {
    let Some(path) = shared("responses.jsonl") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let mut checked = 0;
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let (id, stage, sent) = (&case["id"], case["stage"].as_str().unwrap(), &case["answer"]);
        let body = match &sent["json"] {
            Value::Null => sent["body"].as_str().unwrap_or_default().to_owned(),
            json => json.to_string(),
        };
        let late = sent["delaySeconds"].as_f64().is_some_and(|delay| delay > 1.0);
        if body.starts_with('(') || case["fail"]["code"].is_null() {
            continue; // described rather than given; or the server cut the connection
        }
        let prefix = if stage == "mutating" { "mutate" } else { "validate" };
        let hook = format!("{prefix}.policy.example.com");
        let status = u16::try_from(sent["status"].as_u64().unwrap()).unwrap();
        let got = match late {
            true => Received::FailedCall,
            false => receive(stage, &hook, "$UID", status, &body),
        };
        let (fail, ignore) = (&case["fail"], &case["ignore"]);
        let passed = |answer: &Value| answer["code"] == 201;
        let same = ignore == "same" || ignore["code"] == fail["code"];
        match got {
            Received::FailedCall => {
                assert_eq!((&fail["code"], &fail["reason"]), (&json!(500), &json!("InternalError")), "{id}");
                assert!(passed(ignore), "{id}");
            }
            Received::Denied { code, reason, message, causes, warnings } => {
                assert_eq!((&fail["code"], &fail["message"]), (&json!(code), &json!(message)), "{id}");
                assert_eq!((&fail["reason"], &fail["details"]["causes"]), (&json!(reason), &causes), "{id}");
                assert_eq!(fail["warnings"], json!(warnings), "{id}");
                assert!(same, "{id}: {ignore}");
            }
            Received::Allowed { patch, warnings } => {
                // what becomes of a patch is another matter, but not one of failurePolicy
                assert!(passed(fail) || patch.is_some(), "{id}: {fail}");
                assert!(!passed(fail) || fail["warnings"] == json!(warnings), "{id}: {fail}");
                assert!(same, "{id}: {ignore}");
            }
        }
        checked += 1;
    }
    assert!(checked > 80, "{checked}");
}

struct Given(Answer);

impl Judge for Given {
    fn judge(&self, _: Endpoint, _: &ReviewRequest<'_>, _: Instant) -> Answer {
        self.0.clone()
    }
}

fn ask(given: Answer, stage: Endpoint) -> Reply {
    let body = br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","kind":{"kind":"Pod"},
        "operation":"CREATE","object":{"data":{}}}}"#;
    answer(&Given(given), stage, body, Instant::now() + Duration::from_secs(1))
}

fn answers() -> impl Strategy<Value = Answer> {
    let text = "[ -~\t\n\r\u{0}\u{7f}äé🚫]{0,40}";
    let reason = prop::sample::select(vec![
        AnswerReason::Forbidden,
        AnswerReason::BadRequest,
        AnswerReason::InternalError,
        AnswerReason::Timeout,
        AnswerReason::RequestEntityTooLarge,
    ]);
    let cause = (text, text, text).prop_map(|(reason, message, field)| Cause { reason, message, field });
    let denial = (reason, text, prop::collection::vec(cause, 0..3))
        .prop_map(|(reason, message, causes)| Answer::deny(Denial { reason, message, causes }));
    let patch = prop::sample::select(vec![
        "",
        "[]",
        "[ ]",
        "junk",
        r#"[{"op":"remove","path":"/none"}]"#,
        r#"[{"op":"add","path":"/data/ä","value":"b"}]"#,
    ])
    .prop_map(|patch| Answer::patch(patch.to_owned()));
    let decided = prop_oneof![Just(Answer::allow()), denial, patch];
    let warnings = prop::collection::vec(prop_oneof![text.prop_map(String::from), "[a-z\n]{100,400}"], 0..40);
    let notes = prop::collection::vec((text, text), 0..4);
    (decided, warnings, notes).prop_map(|(answer, warnings, notes)| {
        let answer = warnings.into_iter().fold(answer, Answer::warn);
        notes.into_iter().fold(answer, |answer, (key, value)| answer.annotate(&key, value))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_answer_of_ours_is_a_failed_call(given in answers(), mutating in any::<bool>()) {
        let (stage, name) = if mutating { (Endpoint::Mutate, "mutating") } else { (Endpoint::Validate, "validating") };
        let reply = ask(given.clone(), stage);
        let text = std::str::from_utf8(&reply.body).unwrap();
        let written: Value = serde_json::from_str(text).unwrap();
        let sent = &written["response"]["warnings"];
        let sent: Vec<String> = serde_json::from_value(sent.clone()).unwrap_or_default();
        match receive(name, "hook", "u", reply.http_status, text) {
            Received::FailedCall => prop_assert!(false, "{text}"),
            Received::Denied { code, warnings, .. } => {
                prop_assert!((400..=599).contains(&code));
                prop_assert_eq!(warnings, sent, "every warning that is sent is shown");
            }
            Received::Allowed { patch, warnings } => {
                prop_assert!(given.allowed());
                prop_assert_eq!(warnings, sent);
                prop_assert!(patch.is_none() || mutating);
                prop_assert!(patch.is_none_or(|patch| patch[0]["path"] == "/data/ä"), "only what applies is sent");
            }
        }
        for key in written["response"]["auditAnnotations"].as_object().into_iter().flat_map(|map| map.keys()) {
            let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
            prop_assert!(key.len() <= 63 && ends(key.chars().next()) && ends(key.chars().last()), "{key}");
            prop_assert!(key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)), "{key}");
        }
    }
}

#[test]
fn every_request_of_a_real_server_is_read() {
    let Some(table) = shared("requests.tsv") else { return };
    let folder = shared("requests").unwrap();
    let table = std::fs::read_to_string(table).unwrap();
    let mut read = 0;
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [file, _, operation, kind, request_kind, resource, namespace, name, user, dry_run, options] =
            columns[..]
        else {
            panic!("{line}")
        };
        let body = std::fs::read(folder.join(file)).unwrap();
        let raw: Value = serde_json::from_slice(&body).unwrap();
        let review = Review::read(&body).request.unwrap();
        let named = |gvk: &plimsoll::review::GroupVersionKind<'_>| match gvk.group.is_empty() {
            true => format!("{}/{}", gvk.version, gvk.kind),
            false => format!("{}/{}/{}", gvk.group, gvk.version, gvk.kind),
        };
        assert_eq!(named(&review.kind), kind, "{file}");
        assert_eq!(review.operation.name(), operation, "{file}");
        let asked = review.request_kind.as_ref().map(named).filter(|asked| asked != kind);
        assert_eq!(asked.unwrap_or_default(), request_kind, "{file}");
        let with_sub = match review.sub_resource.is_empty() {
            true => review.resource.resource.to_string(),
            false => format!("{}/{}", review.resource.resource, review.sub_resource),
        };
        assert_eq!(with_sub, resource, "{file}");
        assert_eq!((&*review.namespace, &*review.name), (namespace, name), "{file}");
        assert_eq!(&*review.user_info.username, user, "{file}");
        assert_eq!(review.dry_run, dry_run == "yes", "{file}");
        let given: Value = review.options.map_or(Value::Null, |o| serde_json::from_str(o.get()).unwrap());
        assert_eq!(given["kind"].as_str().unwrap_or_default(), options, "{file}");

        // nothing of the request is lost but the objects, which are variables of their own
        let mut expected = raw["request"].clone();
        for (key, raw) in [("object", review.object), ("oldObject", review.old_object)] {
            let object = raw.map_or(Value::Null, |raw| serde_json::from_str(raw.get()).unwrap());
            assert_eq!(expected.as_object_mut().unwrap().remove(key).unwrap(), object, "{file}");
        }
        assert_eq!(serde_json::from_str::<Value>(&review.envelope_json()).unwrap(), expected, "{file}");

        let reply = answer(
            &Given(Answer::allow()),
            Endpoint::Validate,
            &body,
            Instant::now() + Duration::from_secs(1),
        );
        let uid = raw["request"]["uid"].as_str().unwrap();
        let text = String::from_utf8(reply.body).unwrap();
        let allowed = Received::Allowed { patch: None, warnings: vec![] };
        assert_eq!(receive("validating", "hook", uid, reply.http_status, &text), allowed, "{file}");
        read += 1;
    }
    assert!(read > 200, "{read}");
}
