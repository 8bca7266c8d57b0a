//! AdmissionReview v1 as kube-apiserver writes and reads it, and the one synchronous path from a posted body to
//! the bytes of the answer: for the webhook, `plimsoll review` and tests of policies. The [`engine`] is the judge by policies.
//!
//! ```text
//! body ─▶ Review::read ─▶ ReviewRequest ─▶ Judge ─▶ Answer ─▶ patch applied once to see that it applies ─▶ bytes
//!            └ Refusal (with the uid where one was read)  └ panic, overload, bad patch: Failure ─▶ Judge::fail
//! ```
//!
//! Why own types: `kube::core::admission` writes a patch as an array of numbers, gives a deny no code and its
//! audit annotations no order. The uid is taken from the stream as it passes, so that a review that breaks off
//! or goes wrong after it can still be answered.

mod answer;
mod answers;
pub mod engine;
mod own;
mod request;
mod warnings;
mod wire;

pub use answer::{Answer, AnswerReason, Cause, Decision, Denial, RuleDecision};
pub use request::{GroupVersionKind, GroupVersionResource, Refusal, Review, ReviewRequest, Str, UserInfo};
pub use warnings::{MAX_WARNING_RUNES, MAX_WARNINGS_RUNES, WARNING_RUNES, fit as fit_warnings};
pub use wire::{Observer, Reply, answer, answer_failure, answer_observed};

use std::sync::Arc;
use std::time::Instant;

use crate::policy::FailurePolicy;

/// Which of the two webhook calls a review came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// `/validate`: may deny and warn, may never send a patch.
    Validate,
    /// `/mutate`: may also send a patch; the object is what earlier plugins made of it, not yet validated.
    Mutate,
}

impl Endpoint {
    /// The path that the webhook serves it at.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Endpoint::Validate => "/validate",
            Endpoint::Mutate => "/mutate",
        }
    }

    /// `validate` or `mutate`, as logs and metrics call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        &self.path()[1..]
    }
}

/// Why a review could not be judged although it could be read.
///
/// What follows from it is the policies' matter (their `failurePolicy`), hence [`Judge::fail`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Judging panicked. The text of the panic is not repeated: it may quote the object.
    #[error("plimsoll met an internal error while judging this request")]
    Panicked,
    /// All places for evaluation were taken until the deadline.
    #[error("plimsoll had no capacity to judge this request in time")]
    Overloaded,
    /// Judging did not end before the deadline that the API server's `timeout` leaves.
    #[error("plimsoll could not judge this request in time")]
    DeadlineExceeded,
    /// The policies made a patch that does not apply to the object. The API server would answer 500 even under
    /// `failurePolicy: Ignore`.
    #[error("the patch that the policies made does not apply: {0}")]
    PatchDoesNotApply(String),
}

impl Failure {
    /// A short constant for metrics and logs.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Failure::Panicked => "panicked",
            Failure::Overloaded => "overloaded",
            Failure::DeadlineExceeded => "deadline_exceeded",
            Failure::PatchDoesNotApply(_) => "patch_does_not_apply",
        }
    }
}

/// Whoever decides: the policy engine in production, a closure in tests.
///
/// ```
/// use plimsoll::review::{Answer, Judge, ReviewRequest, Endpoint, answer};
///
/// struct NoPods;
/// impl Judge for NoPods {
///     fn judge(&self, _: Endpoint, review: &ReviewRequest<'_>, _: std::time::Instant) -> Answer {
///         if &*review.kind.kind == "Pod" { Answer::forbid("no Pods today") } else { Answer::allow() }
///     }
/// }
///
/// let body = br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u1",
///     "kind":{"group":"","version":"v1","kind":"Pod"},"operation":"CREATE","object":{}}}"#;
/// let deadline = std::time::Instant::now() + std::time::Duration::from_secs(1);
/// let reply = answer(&NoPods, Endpoint::Validate, body, deadline);
/// assert_eq!(
///     std::str::from_utf8(&reply.body).unwrap(),
///     r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"u1","allowed":false,"status":{"status":"Failure","code":403,"reason":"Forbidden","message":"no Pods today"}}}"#
/// );
/// ```
pub trait Judge: Send + Sync + 'static {
    /// The judge by the policies of one `failurePolicy`, for which the API server calls a path of its own. Without
    /// one, all that is judged is judged there too.
    fn part(&self, failure_policy: FailurePolicy) -> Option<Arc<dyn Judge>> {
        let _ = failure_policy;
        None
    }

    /// Judges one review. Past `deadline` nobody waits any more: give up and say so in the answer.
    fn judge(&self, stage: Endpoint, review: &ReviewRequest<'_>, deadline: Instant) -> Answer;

    /// What is answered when [`judge`](Judge::judge) could not give an answer. A judge that knows its policies'
    /// `failurePolicy` overrides this; without that knowledge the safe answer is a deny with code 500.
    fn fail(&self, stage: Endpoint, review: &ReviewRequest<'_>, failure: &Failure) -> Answer {
        let _ = (stage, review);
        Answer::from(failure)
    }
}
