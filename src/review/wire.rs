//! From a body to the bytes of its answer.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::document::edit::PatchOperation;
use crate::document::{Document, Limits};
use crate::limits::{self, ANSWER_BYTES, MESSAGE_BYTES, UID_BYTES};

use super::answer::Said;
use super::request::{API_VERSION, KIND};
use super::{
    Answer, AnswerReason, Cause, Decision, Denial, Endpoint, Failure, Judge, Refusal, Review, ReviewRequest,
    fit_warnings,
};

/// What an object may be after its patch: more than the engine reads, so that a patch that it made applies.
const PATCHED: Limits = Limits { depth: 1_000, nodes: 1 << 24 };

/// What goes back over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 200 for every review that has a uid, else the refusal's.
    pub http_status: u16,
    /// An AdmissionReview as JSON, or a line of text where the status is not 200.
    pub body: Vec<u8>,
}

impl Reply {
    /// Of the body.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        if self.http_status == 200 { "application/json" } else { "text/plain; charset=utf-8" }
    }
}

/// Sees each review after it was answered, for logs and metrics.
pub trait Observer {
    /// A review was judged, or failed to be and was answered as the judge's failure policy says.
    fn answered(
        &self,
        stage: Endpoint,
        review: &ReviewRequest<'_>,
        answer: &Answer,
        failure: Option<&Failure>,
    );
    /// A body was no review.
    fn refused(&self, stage: Endpoint, refusal: &Refusal);
}

/// Sees nothing.
impl Observer for () {
    fn answered(&self, _: Endpoint, _: &ReviewRequest<'_>, _: &Answer, _: Option<&Failure>) {}
    fn refused(&self, _: Endpoint, _: &Refusal) {}
}

/// Judges one posted body and writes the answer: the whole wire, without HTTP.
///
/// Never panics: a panic of the judge becomes [`Failure::Panicked`]. A patch is applied to the object before it
/// is sent, and one that does not apply becomes [`Failure::PatchDoesNotApply`].
#[must_use]
pub fn answer(judge: &dyn Judge, stage: Endpoint, body: &[u8], deadline: Instant) -> Reply {
    answer_observed(judge, stage, body, deadline, &())
}

/// [`answer`], shown to an observer before it is written.
pub fn answer_observed(
    judge: &dyn Judge,
    stage: Endpoint,
    body: &[u8],
    deadline: Instant,
    observer: &dyn Observer,
) -> Reply {
    reply(stage, body, observer, |review| {
        let judged = caught(|| judge.judge(stage, review, deadline)).and_then(|answer| {
            check_patch(stage, review, &answer).map_err(Failure::PatchDoesNotApply)?;
            Ok(answer)
        });
        match judged {
            Ok(answer) => (answer, None),
            Err(failure) => (fail(judge, stage, review, &failure), Some(failure)),
        }
    })
}

/// Answers a body that is not judged, because there is no capacity or no time.
pub fn answer_failure(
    judge: &dyn Judge,
    stage: Endpoint,
    body: &[u8],
    failure: Failure,
    observer: &dyn Observer,
) -> Reply {
    reply(stage, body, observer, |review| (fail(judge, stage, review, &failure), Some(failure)))
}

fn reply(
    stage: Endpoint,
    body: &[u8],
    observer: &dyn Observer,
    decide: impl FnOnce(&ReviewRequest<'_>) -> (Answer, Option<Failure>),
) -> Reply {
    let Review { uid, request } = Review::read(body);
    match request {
        Ok(review) => {
            let (answer, failure) = decide(&review);
            observer.answered(stage, &review, &answer, failure.as_ref());
            Reply { http_status: 200, body: write(stage, &review.uid, &answer) }
        }
        Err(refusal) => {
            observer.refused(stage, &refusal);
            match uid.filter(|_| refusal.caller_speaks_v1()) {
                Some(uid) => {
                    let (reason, message) = (AnswerReason::BadRequest, refusal.to_string());
                    let answer = Answer::deny(Denial { reason, message, causes: Vec::new() });
                    Reply { http_status: 200, body: write(stage, &uid, &answer) }
                }
                None => {
                    Reply { http_status: refusal.http_status(), body: format!("{refusal}\n").into_bytes() }
                }
            }
        }
    }
}

/// Asks the judge what its failure policy says; should that fail as well, the answer is no.
fn fail(judge: &dyn Judge, stage: Endpoint, review: &ReviewRequest<'_>, failure: &Failure) -> Answer {
    caught(|| judge.fail(stage, review, failure)).unwrap_or_else(|again| Answer::from(&again)).without_patch()
}

/// The panic's payload is dropped: it may quote the object.
fn caught(run: impl FnOnce() -> Answer) -> Result<Answer, Failure> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|_payload| Failure::Panicked)
}

/// Applies the patch to a copy of the object, as the API server will. The copy is as deep as the engine takes objects.
fn check_patch(stage: Endpoint, review: &ReviewRequest<'_>, answer: &Answer) -> Result<(), String> {
    let Some(patch) = answer.patch_json().filter(|_| stage == Endpoint::Mutate) else { return Ok(()) };
    let object = review.object.ok_or("the request has no object")?;
    let patch = Document::from_json(patch, PATCHED).map_err(|e| e.to_string())?;
    let operations: Result<Vec<PatchOperation>, _> = patch.root().items().map(PatchOperation::read).collect();
    let operations = operations.map_err(|e| e.to_string())?;
    let object = Document::from_json(object.get(), PATCHED).map_err(|e| e.to_string())?;
    let object = object.edited(&operations, "", PATCHED).map_err(|(_, error)| error.to_string())?;
    match object.root().is_object() && patch.root().is_array() {
        true => Ok(()),
        false => Err("the result is not an object".to_owned()),
    }
}

/// What a uid takes at most: where all of it are control characters, six bytes each.
const UID_WRITTEN: usize = 6 * UID_BYTES;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReviewOut<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: ResponseOut<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseOut<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<StatusOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct StatusOut<'a> {
    status: &'static str,
    code: u16,
    reason: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<DetailsOut<'a>>,
}

#[derive(Serialize)]
struct DetailsOut<'a> {
    causes: &'a [Cause],
}

/// The one place where an answer becomes bytes.
pub(super) fn write(stage: Endpoint, uid: &str, answer: &Answer) -> Vec<u8> {
    let around;
    let (before, after) = match answer.said() {
        Err(written) => written.around_uid(),
        Ok(said) => {
            around = around_uid(stage, said);
            around.0.split_at(around.1)
        }
    };
    let mut body = Vec::with_capacity(before.len() + uid.len() + 2 + after.len());
    body.extend_from_slice(before);
    serde_json::to_writer(&mut body, uid).expect("strings can always be written");
    body.extend_from_slice(after);
    body
}

/// All but the uid, and where that goes. A patch leaves only by `/mutate`, in base64 and with its type.
pub(super) fn around_uid(stage: Endpoint, said: &Said) -> (Vec<u8>, usize) {
    let (status, patch) = match &said.decision {
        Decision::Allow { patch } => (None, patch.as_deref().filter(|_| stage == Endpoint::Mutate)),
        Decision::Deny(Denial { reason, message, causes }) => {
            let details = (!causes.is_empty()).then_some(DetailsOut { causes });
            let (code, reason) = (reason.code(), reason.name());
            let message = limits::cut(message.clone(), MESSAGE_BYTES);
            (Some(StatusOut { status: "Failure", code, reason, message, details }), None)
        }
    };
    let response = ResponseOut {
        uid: "",
        allowed: status.is_none(),
        status,
        patch_type: patch.map(|_| "JSONPatch"),
        patch: patch.map(|json| STANDARD.encode(json)),
        warnings: fit_warnings(said.warnings.iter().map(String::as_str)),
        audit_annotations: &said.audit_annotations,
    };
    let mut body = fitted(ReviewOut { api_version: API_VERSION, kind: KIND, response });
    // nothing but constants stands before it
    const UID: &[u8] = b"\"uid\":";
    let at = body.windows(UID.len()).position(|window| window == UID).map_or(0, |at| at + UID.len());
    if body[at..].starts_with(b"\"\"") {
        body.drain(at..at + 2);
    }
    (body, at)
}

/// What the engine says is within the limits of each part; written, with escapes, all of it may still be too much. Then
/// whole parts go, what users read last.
fn fitted(mut review: ReviewOut<'_>) -> Vec<u8> {
    static NONE: BTreeMap<String, String> = BTreeMap::new();
    let patch = review.response.patch.as_ref().map_or(0, String::len);
    let drop: [fn(&mut ResponseOut<'_>); 3] = [
        |response| response.status.iter_mut().for_each(|status| status.details = None),
        |response| response.audit_annotations = &NONE,
        |response| response.warnings.truncate(1),
    ];
    let mut body = written(&review);
    for drop in drop {
        if body.len() - patch + UID_WRITTEN <= ANSWER_BYTES {
            break;
        }
        drop(&mut review.response);
        body = written(&review);
    }
    body
}

fn written(review: &ReviewOut<'_>) -> Vec<u8> {
    let ResponseOut { patch, warnings, audit_annotations, .. } = &review.response;
    let annotations = audit_annotations.iter().map(|(key, value)| key.len() + value.len() + 8);
    let warnings = warnings.iter().map(|warning| warning.len() + 4);
    let about = patch.as_ref().map_or(0, String::len) + annotations.chain(warnings).sum::<usize>();
    let mut body = Vec::with_capacity(about + 512);
    serde_json::to_writer(&mut body, review).expect("strings can always be written");
    body
}

#[cfg(test)]
mod tests;
