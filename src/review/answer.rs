//! What a judge answers: the types allow only what kube-apiserver accepts.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

use serde::Serialize;

use super::{Endpoint, Failure, wire};
use crate::finding::{Certainty, Finding, RuleInfo};

/// An answer to one review, before it is written.
///
/// Fields are private, as combinations exist that the API server refuses: a deny carries no patch, a patch is never empty, an
/// annotation key is a valid name part. Clones share what they say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer(Arc<Parts>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Parts {
    form: Form,
    outcomes: Vec<RuleDecision>,
    beside: Made<Box<dyn Beside>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Said(Said),
    Written(Written),
}

impl Default for Form {
    fn default() -> Self {
        Self::Said(Said::default())
    }
}

/// What an answer says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Yes or no.
    pub(super) decision: Decision,
    /// Shown to the user, most important first. Cut to what the API server lets through when written.
    pub(super) warnings: Vec<String>,
    /// `auditAnnotations`, sorted, keys valid.
    pub(super) audit_annotations: BTreeMap<String, String>,
}

/// An answer without changes as it is written, but for the uid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    allowed: bool,
    bytes: Box<[u8]>,
    /// Where the uid goes.
    uid_at: usize,
}

impl Written {
    /// What is before the uid, and what is after it.
    pub(super) fn around_uid(&self) -> (&[u8], &[u8]) {
        self.bytes.split_at(self.uid_at)
    }
}

/// What is kept beside an answer.
trait Beside: Any + Send + Sync + Debug {}

impl<T: Any + Send + Sync + Debug> Beside for T {}

/// What is made of an answer when it is asked for first.
#[derive(Debug)]
struct Made<T>(OnceLock<T>);

impl<T> Default for Made<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<T> Clone for Made<T> {
    /// Of what is changed it is made again.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T> PartialEq for Made<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Made<T> {}

/// Yes or no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The request may pass, with these changes (a JSON array of RFC 6902 operations) if any.
    Allow {
        /// Never `[]`.
        patch: Option<String>,
    },
    /// The request may not pass.
    Deny(Denial),
}

impl Default for Decision {
    fn default() -> Self {
        Decision::Allow { patch: None }
    }
}

/// Why not, as `response.status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Code and reason.
    pub reason: AnswerReason,
    /// What the user reads after `admission webhook "x" denied the request: `.
    pub message: String,
    /// `details.causes`, one for each finding.
    pub causes: Vec<Cause>,
}

/// The pairs of code and reason that a deny is sent with. A code below 400 would become 400, and one of 1000
/// cuts the user's connection, so there is no free number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnswerReason {
    /// 400: the review or its object cannot be read.
    BadRequest,
    /// 403: a policy says no.
    Forbidden,
    /// 413: an object is larger than what is judged.
    RequestEntityTooLarge,
    /// 422: a policy of the API server's own says no, and gives no other reason.
    Invalid,
    /// 500: we failed, and a policy's `failurePolicy` is Fail.
    InternalError,
    /// 504: not judged in time, and a policy's `failurePolicy` is Fail.
    Timeout,
}

impl AnswerReason {
    /// `status.code`.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            AnswerReason::BadRequest => 400,
            AnswerReason::Forbidden => 403,
            AnswerReason::RequestEntityTooLarge => 413,
            AnswerReason::Invalid => 422,
            AnswerReason::InternalError => 500,
            AnswerReason::Timeout => 504,
        }
    }

    /// `status.reason`, one of Kubernetes' `StatusReason`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AnswerReason::BadRequest => "BadRequest",
            AnswerReason::Forbidden => "Forbidden",
            AnswerReason::RequestEntityTooLarge => "RequestEntityTooLarge",
            AnswerReason::Invalid => "Invalid",
            AnswerReason::InternalError => "InternalError",
            AnswerReason::Timeout => "Timeout",
        }
    }
}

/// One entry of `status.details.causes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// `FieldValueInvalid` and its like, or a policy's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What is wrong.
    pub message: String,
    /// `spec.containers[0].image`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
}

/// What one rule contributed, as metrics and the log count it. Names only: no namespace, no object, no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleDecision {
    rule: Arc<RuleInfo>,
    /// `deny`, `warn`, `audit`, `mutate`, `error`, …: a word of a small fixed set.
    pub decision: &'static str,
    /// Whether it is what the failure policy says, because the rule could not be evaluated.
    pub failed: bool,
}

impl RuleDecision {
    /// Of the rule `policy/rule`.
    #[must_use]
    pub fn of(code: &str, decision: &'static str) -> Self {
        Self { rule: Arc::new(RuleInfo::of(code)), decision, failed: false }
    }

    /// Of the rule that found something.
    #[must_use]
    pub fn of_finding(finding: &Finding, decision: &'static str) -> Self {
        let failed = finding.certainty == Certainty::Failed;
        Self { rule: finding.rule.clone(), decision, failed }
    }

    /// The names of the policy and of the rule.
    #[must_use]
    pub fn names(&self) -> (&str, &str) {
        self.rule.code.split_once('/').unwrap_or((&self.rule.code, ""))
    }
}

impl Answer {
    /// Yes, unchanged.
    #[must_use]
    pub fn allow() -> Self {
        Answer::default()
    }

    /// Yes, with these RFC 6902 operations as a JSON array. `[]` and an empty string mean unchanged.
    #[must_use]
    pub fn patch(operations: String) -> Self {
        let text = operations.trim();
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let unchanged = text.is_empty() || inner.is_some_and(|inner| inner.trim().is_empty());
        let patch = (!unchanged).then_some(operations);
        Answer::of(Decision::Allow { patch })
    }

    fn of(decision: Decision) -> Self {
        let form = Form::Said(Said { decision, ..Said::default() });
        Self(Arc::new(Parts { form, ..Parts::default() }))
    }

    /// Says more, or something else; what is written says what it does.
    fn saying(mut self, change: impl FnOnce(&mut Said)) -> Self {
        if let Form::Said(said) = &mut Arc::make_mut(&mut self.0).form {
            change(said);
        }
        self
    }

    /// Refuses the request.
    #[must_use]
    pub fn deny(denial: Denial) -> Self {
        Answer::of(Decision::Deny(denial))
    }

    /// No, with 403 and this message.
    #[must_use]
    pub fn forbid(message: impl Into<String>) -> Self {
        let (reason, causes) = (AnswerReason::Forbidden, Vec::new());
        Answer::deny(Denial { reason, message: message.into(), causes })
    }

    /// Adds a warning, less important than those before.
    #[must_use]
    pub fn warn(self, warning: impl Into<String>) -> Self {
        self.warn_all([warning.into()])
    }

    /// Adds warnings, the most important first.
    #[must_use]
    pub fn warn_all(self, warnings: impl IntoIterator<Item = String>) -> Self {
        self.saying(|said| said.warnings.extend(warnings))
    }

    /// Adds an audit annotation. The server prefixes the webhook's name and a `/`, so the key is made a name
    /// part: letters, digits, `-_.`, at most 63; anything else becomes `-`.
    #[must_use]
    pub fn annotate(self, key: &str, value: impl Into<String>) -> Self {
        self.saying(|said| {
            said.audit_annotations.insert(name_part(key).into_owned(), value.into());
        })
    }

    /// Adds what a rule contributed.
    #[must_use]
    pub fn outcome(self, outcome: RuleDecision) -> Self {
        self.outcomes_of([outcome])
    }

    /// Adds what rules contributed.
    pub(super) fn outcomes_of(mut self, outcomes: impl IntoIterator<Item = RuleDecision>) -> Self {
        let parts = Arc::make_mut(&mut self.0);
        parts.beside = Made::default();
        parts.outcomes.extend(outcomes);
        self
    }

    /// What is said; else the answer is as it was written.
    pub(super) fn said(&self) -> Result<&Said, &Written> {
        match &self.0.form {
            Form::Said(said) => Ok(said),
            Form::Written(written) => Err(written),
        }
    }

    /// What each rule said, for metrics and the log. Not on the wire.
    #[must_use]
    pub fn outcomes(&self) -> &[RuleDecision] {
        &self.0.outcomes
    }

    /// Whether the request may pass.
    #[must_use]
    pub fn allowed(&self) -> bool {
        match self.said() {
            Ok(said) => matches!(said.decision, Decision::Allow { .. }),
            Err(written) => written.allowed,
        }
    }

    /// The operations, where it is an allow with changes.
    #[must_use]
    pub fn patch_json(&self) -> Option<&str> {
        match &self.said().ok()?.decision {
            Decision::Allow { patch } => patch.as_deref(),
            Decision::Deny(_) => None,
        }
    }

    /// The same answer without its changes.
    pub(super) fn without_patch(self) -> Self {
        if self.patch_json().is_none() {
            return self;
        }
        self.saying(|said| said.decision = Decision::default())
    }

    /// The same answer as it is written, for that it is given again: then that is all that is kept of what it says. An answer
    /// with changes stays as it is, for which of the calls asks decides how that is written.
    pub(super) fn written(self) -> Self {
        let Some(said) = self.said().ok().filter(|_| self.patch_json().is_none()) else { return self };
        let (bytes, uid_at) = wire::around_uid(Endpoint::Validate, said);
        let form = Form::Written(Written { allowed: self.allowed(), bytes: bytes.into(), uid_at });
        let outcomes = self.0.outcomes.to_vec();
        Self(Arc::new(Parts { form, outcomes, beside: Made::default() }))
    }

    /// What whoever gives the answer keeps beside it, as the same answer is given often: made when it is asked for first. `None`
    /// where something else is kept.
    pub fn beside<T: Any + Send + Sync + Debug>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        let kept: &dyn Any = &**self.0.beside.0.get_or_init(|| Box::new(make()));
        kept.downcast_ref()
    }

    /// About how many bytes it takes, once it is [written](Self::written) and what counts its rules' decisions is known.
    pub(super) fn bytes(&self) -> usize {
        // what counts a decision is shared: a pointer; what the heap adds to the four pieces
        const APART: usize = 64;
        let written = self.said().err().map_or(0, |written| written.bytes.len());
        let of_each = size_of::<RuleDecision>() + size_of::<usize>();
        size_of::<Parts>() + written + self.0.outcomes.len() * of_each + APART
    }
}

impl From<&Failure> for Answer {
    fn from(failure: &Failure) -> Self {
        let reason = match failure {
            Failure::Panicked | Failure::PatchDoesNotApply(_) => AnswerReason::InternalError,
            Failure::Overloaded | Failure::DeadlineExceeded => AnswerReason::Timeout,
        };
        Answer::deny(Denial { reason, message: failure.to_string(), causes: Vec::new() })
    }
}

/// `IsQualifiedName` of apimachinery, its name part.
fn name_part(key: &str) -> Cow<'_, str> {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if key.len() <= 63 && key.chars().all(valid) && ends(key.chars().next()) && ends(key.chars().next_back())
    {
        return Cow::Borrowed(key);
    }
    let key: String = key.chars().map(|c| if valid(c) { c } else { '-' }).take(63).collect();
    let key = key.trim_matches(['-', '_', '.']);
    Cow::Owned(if key.is_empty() { "plimsoll".to_owned() } else { key.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_key_is_a_name_part() {
        let long = "k".repeat(80);
        for (key, expected) in [
            ("require-probes", "require-probes"),
            ("policy/rule", "policy-rule"),
            ("-odd key.", "odd-key"),
            ("…", "plimsoll"),
            (&long, &long[..63]),
        ] {
            let answer = Answer::allow().annotate(key, "v");
            assert_eq!(answer.said().unwrap().audit_annotations.keys().next().unwrap(), expected, "{key}");
        }
    }

    #[test]
    fn what_is_written_is_told_as_what_was_said() {
        let denial = Denial { reason: AnswerReason::Forbidden, message: "no".to_owned(), causes: Vec::new() };
        for answer in [
            Answer::allow(),
            Answer::allow().warn("w\n\"").annotate("k", "v").outcome(RuleDecision::of("p/r", "warn")),
            Answer::deny(denial).warn("w"),
        ] {
            let written = answer.clone().written();
            assert!(written.said().is_err());
            assert_eq!(written.allowed(), answer.allowed());
            assert_eq!(written.outcomes(), answer.outcomes());
            for uid in ["", "u", "\"\n\u{1}"] {
                let both = [&written, &answer].map(|answer| wire::write(Endpoint::Validate, uid, answer));
                assert_eq!(both[0], both[1]);
            }
        }
        let patch = Answer::patch("[{}]".to_owned());
        assert_eq!(patch.clone().written(), patch);
    }

    #[test]
    fn an_empty_patch_is_none() {
        for (text, expected) in [("", None), ("[]", None), (" [ ] ", None), ("[{}]", Some("[{}]"))] {
            assert_eq!(Answer::patch(text.to_owned()).patch_json(), expected, "{text:?}");
        }
    }
}
