//! The judge of production: a review in, the policies' answer out.
//!
//! Wire types become the engine's [`Request`], findings become denials, warnings and audit annotations.

use std::sync::Arc;
use std::time::Instant;

use chrono::{NaiveDate, Utc};
use serde_json::value::RawValue;

use crate::admission::{Stages, Turn, admit};
use crate::check::{EvaluationLimits, Findings};
use crate::document::{Document, JsonError, Limits};
use crate::finding::Finding;
use crate::host::{Host, Views};
use crate::limits::{self, CAUSE_BYTES, CAUSES, DEPTH, FINDINGS_PER_RULE, WARNINGS_RUNES};
use crate::matching::Operation;
use crate::policy::FailurePolicy;
use crate::request::Request;
use crate::request::{GroupVersionKind, GroupVersionResource, SentAs, User};
use crate::store::remembered::Table;
use crate::store::{PolicySet, placement};
use crate::verdict::{self, Verdict};

use super::{Answer, AnswerReason, Cause, Denial, Endpoint, Failure, Judge, ReviewRequest, RuleDecision};
use super::{answers, own};

/// Where other objects are looked up.
#[derive(Clone)]
enum Source {
    /// The same for all reviews.
    Fixed(Arc<dyn Host + Send + Sync>),
    /// One that changes.
    Views(Arc<dyn Views>),
}

/// Which day it is, in UTC: exceptions end. A parameter, so that tests set it.
pub type Today = Arc<dyn Fn() -> NaiveDate + Send + Sync>;

/// Judges reviews by a policy set, looking up other objects at a host.
pub struct Engine {
    /// What it judges by.
    set: Arc<PolicySet>,
    /// The policies of both parts: what mutates comes in one order, whoever is asked first.
    whole: Arc<PolicySet>,
    turn: Turn,
    source: Source,
    limits: Limits,
    findings_per_rule: usize,
    today: Today,
    /// What it answered to validations.
    answers: Arc<Table<Answer>>,
    /// By the policies that fail closed, and by those that do not; a part has none.
    parts: Option<[Arc<Engine>; 2]>,
}

impl Engine {
    /// An engine over these policies and this view of the cluster.
    #[must_use]
    pub fn new(set: Arc<PolicySet>, host: Arc<dyn Host + Send + Sync>) -> Self {
        Self::with(set, &Source::Fixed(host))
    }

    /// An engine over these policies, with a view of the cluster for each review.
    #[must_use]
    pub fn over(set: Arc<PolicySet>, views: Arc<dyn Views>) -> Self {
        Self::with(set, &Source::Views(views))
    }

    fn with(set: Arc<PolicySet>, source: &Source) -> Self {
        let limits = Limits { depth: DEPTH, ..Limits::default() };
        let today: Today = Arc::new(|| Utc::now().date_naive());
        let part = |failure_policy| {
            Arc::new(Self {
                set: Arc::new(set.half(failure_policy)),
                whole: Arc::clone(&set),
                turn: Turn::Of(failure_policy),
                source: source.clone(),
                limits,
                findings_per_rule: FINDINGS_PER_RULE,
                today: today.clone(),
                answers: Arc::new(Table::new(answers::ROOM)),
                parts: None,
            })
        };
        let parts = Some([part(FailurePolicy::Fail), part(FailurePolicy::Ignore)]);
        Self {
            whole: Arc::clone(&set),
            set,
            turn: Turn::Only,
            source: source.clone(),
            limits,
            findings_per_rule: FINDINGS_PER_RULE,
            today,
            answers: Arc::new(Table::new(answers::ROOM)),
            parts,
        }
    }

    /// The same, with another limit of findings of one rule.
    #[must_use]
    pub fn with_findings_per_rule(self, most: usize) -> Self {
        self.with_each(|engine| engine.findings_per_rule = most.max(1))
    }

    /// The same, on another day.
    #[must_use]
    pub fn on(self, today: &Today) -> Self {
        self.with_each(|engine| engine.today = today.clone())
    }

    /// Changes the engine and its parts.
    fn with_each(mut self, change: impl Fn(&mut Self)) -> Self {
        let part = |part: &Arc<Engine>| {
            let Engine { set, whole, turn, source, limits, findings_per_rule, today, answers, parts: _ } =
                &**part;
            let mut part = Self {
                set: Arc::clone(set),
                whole: Arc::clone(whole),
                turn: *turn,
                source: source.clone(),
                limits: *limits,
                findings_per_rule: *findings_per_rule,
                today: today.clone(),
                answers: answers.clone(),
                parts: None,
            };
            change(&mut part);
            Arc::new(part)
        };
        self.parts = self.parts.map(|[fail, ignore]| [part(&fail), part(&ignore)]);
        change(&mut self);
        self
    }

    /// The policies that this engine judges by.
    #[must_use]
    pub fn policies(&self) -> &PolicySet {
        &self.set
    }

    fn validate(&self, request: &Request<'_>, host: &dyn Host, budget: EvaluationLimits) -> Answer {
        let admission = admit(&self.set, Stages::JUDGE, request, host, budget);
        let findings = &admission.findings;
        let signature = self.set.memory().and_then(|memory| answers::signature(memory, request, findings));
        let known = signature.and_then(|signature| self.answers.get(signature));
        known.unwrap_or_else(|| {
            let answer = answer_of(&admission.verdict(request), findings, request);
            let Some(signature) = signature else { return answer };
            let answer = answer.written();
            self.answers.keep(signature, answer.clone(), answer.bytes());
            answer
        })
    }

    fn mutate(&self, request: &Request<'_>, host: &dyn Host, budget: EvaluationLimits) -> Answer {
        let mutation = admit(&self.whole, Stages::mutate(self.turn), request, host, budget);
        let verdict = mutation.verdict(request);
        if !verdict.allowed() || mutation.patch.is_empty() {
            return answer_of(&verdict, &mutation.findings, request);
        }
        let patch = serde_json::to_string(&mutation.patch).unwrap_or_default();
        let mut answer = with_notes(Answer::patch(patch), &verdict, &mutation.findings);
        for rule in &mutation.rules {
            answer = answer.outcome(RuleDecision::of(rule, "mutate"));
        }
        answer
    }

    fn read<'r>(&self, raw: Option<&'r RawValue>) -> Result<Option<Document<'r>>, JsonError> {
        raw.map(|raw| Document::from_json(raw.get(), self.limits)).transpose()
    }

    /// An object that cannot be read is nobody's friend: denied where a policy that fails closed asks for it.
    fn unreadable(&self, stage: Endpoint, review: &ReviewRequest<'_>, error: &JsonError) -> Answer {
        if !self.must_fail(stage, review) {
            return Answer::allow().warn(format!("plimsoll cannot read the object: {error}"));
        }
        Answer::deny(Denial {
            reason: AnswerReason::BadRequest,
            message: format!("plimsoll cannot read the object: {error}"),
            causes: Vec::new(),
        })
    }

    /// Whether a policy that fails closed may be about the review.
    fn must_fail(&self, stage: Endpoint, review: &ReviewRequest<'_>) -> bool {
        let (set, mutates) = (&self.set, stage == Endpoint::Mutate);
        let request = request_of(review, None, None, None);
        set.is_half() != Some(FailurePolicy::Ignore)
            && set.for_request(&review.kind.kind, &review.sub_resource).any(|policy| {
                placement::of_request(policy, mutates, &request, set.templates()) == FailurePolicy::Fail
            })
    }
}

impl Judge for Engine {
    fn part(&self, failure_policy: FailurePolicy) -> Option<Arc<dyn Judge>> {
        let [fail, ignore] = self.parts.as_ref()?;
        Some(match failure_policy {
            FailurePolicy::Fail => fail.clone(),
            FailurePolicy::Ignore => ignore.clone(),
        })
    }

    fn judge(&self, stage: Endpoint, review: &ReviewRequest<'_>, deadline: Instant) -> Answer {
        if self.set.for_request(&review.kind.kind, &review.sub_resource).next().is_none() {
            return Answer::allow();
        }
        let object = match self.read(review.object) {
            Ok(object) => object,
            Err(error) => return self.unreadable(stage, review, &error),
        };
        let old_object = match self.read(review.old_object) {
            Ok(object) => object,
            Err(error) => return self.unreadable(stage, review, &error),
        };
        // options are what the API server made of flags: they are read for expressions only
        let options = self.read(review.options).ok().flatten();
        let request = request_of(review, object.as_ref(), old_object.as_ref(), options.as_ref());
        let budget = EvaluationLimits {
            deadline: Some(deadline),
            explain: false,
            fixes: false,
            // of an UPDATE it is told which findings the old object had too
            fingerprints: request.operation == Operation::Update,
            in_cluster: true,
            on_all_threads: false,
            findings_per_rule: Some(self.findings_per_rule),
            today: Some((self.today)()),
        };
        let view;
        let host: &dyn Host = match &self.source {
            Source::Fixed(host) => &**host,
            Source::Views(views) => {
                view = views.view();
                &*view
            }
        };
        match stage {
            Endpoint::Validate => self.validate(&request, host, budget),
            Endpoint::Mutate => self.mutate(&request, host, budget),
        }
    }

    fn fail(&self, stage: Endpoint, review: &ReviewRequest<'_>, failure: &Failure) -> Answer {
        if self.must_fail(stage, review) {
            Answer::from(failure)
        } else {
            Answer::allow().warn(failure.to_string())
        }
    }
}

/// The engine's view of a review.
fn request_of<'r>(
    review: &'r ReviewRequest<'_>,
    object: Option<&'r Document<'_>>,
    old_object: Option<&'r Document<'_>>,
    options: Option<&'r Document<'_>>,
) -> Request<'r> {
    let user = &review.user_info;
    Request {
        operation: review.operation,
        kind: GroupVersionKind {
            group: &review.kind.group,
            version: &review.kind.version,
            kind: &review.kind.kind,
        },
        resource: GroupVersionResource {
            group: &review.resource.group,
            version: &review.resource.version,
            resource: &review.resource.resource,
        },
        subresource: &review.sub_resource,
        sent_as: sent_as(review),
        name: &review.name,
        namespace: (!review.namespace.is_empty()).then_some(&*review.namespace),
        object: object.map(Document::root),
        old_object: old_object.map(Document::root),
        user: Some(User {
            username: &user.username,
            groups: user.groups.iter().map(|g| &**g).collect(),
            uid: &user.uid,
            extra: user.extra.iter().map(|(k, v)| (&**k, v.iter().map(|v| &**v).collect())).collect(),
        }),
        dry_run: review.dry_run,
        options: options.map(Document::root),
    }
}

/// What the client asked for; an API server before 1.16 does not say.
fn sent_as<'r>(review: &'r ReviewRequest<'_>) -> Option<SentAs<'r>> {
    let (kind, resource) = (review.request_kind.as_ref()?, review.request_resource.as_ref()?);
    Some(SentAs {
        kind: GroupVersionKind { group: &kind.group, version: &kind.version, kind: &kind.kind },
        resource: GroupVersionResource {
            group: &resource.group,
            version: &resource.version,
            resource: &resource.resource,
        },
        subresource: &review.request_sub_resource,
    })
}

fn answer_of(verdict: &Verdict<'_>, findings: &Findings, request: &Request<'_>) -> Answer {
    if verdict.allowed() {
        return with_notes(Answer::allow(), verdict, findings);
    }
    // the API server asks no webhook about what its own policies refuse
    let [_, own] = own::apart(verdict);
    if let Some(denial) = own::denial(&own, request) {
        return with_notes(Answer::deny(denial), verdict, findings);
    }
    let named: Vec<&Finding> = match verdict.denials.len() > CAUSES {
        true => verdict::fair(&verdict.denials).into_iter().take(CAUSES).collect(),
        false => verdict.denials.clone(),
    };
    let cause = |finding: &Finding| Cause {
        reason: finding.code().to_owned(),
        message: limits::cut(finding.message.clone(), CAUSE_BYTES),
        field: limits::cut(finding.place.path.clone(), CAUSE_BYTES),
    };
    let causes = named.into_iter().map(cause).collect();
    let denial = Denial { reason: AnswerReason::Forbidden, message: verdict.message(), causes };
    with_notes(Answer::deny(denial), verdict, findings)
}

fn with_notes(mut answer: Answer, verdict: &Verdict<'_>, findings: &Findings) -> Answer {
    let apart = findings.iter().any(|finding| finding.own.is_some()).then(|| own::apart(verdict));
    let others = apart.as_ref().map_or(verdict, |[others, _]| others);
    if let Some([_, own]) = &apart {
        answer = answer.warn_all(own::warnings(own));
        for (key, value) in own::annotations(own, findings) {
            answer = answer.annotate(&key, value);
        }
    }
    // where not all fit, every rule warns once before any warns twice
    let mut lines = verdict::warnings(&others.warnings, WARNINGS_RUNES);
    let unseen: usize = others.warnings.iter().map(|finding| finding.more).sum();
    if unseen > 0 {
        lines.insert(lines.len().min(1), format!("and {unseen} more places that were not looked at"));
    }
    answer = answer.warn_all(lines);
    for (key, value) in others.audit_annotations() {
        answer = answer.annotate(key, value);
    }
    let decided = [
        ("deny", &verdict.denials),
        ("warn", &verdict.warnings),
        ("audit", &verdict.audits),
        ("waived", &verdict.excepted),
    ];
    let outcomes = decided.into_iter().flat_map(|(decision, findings)| {
        findings.iter().map(move |finding| RuleDecision::of_finding(finding, decision))
    });
    answer = answer.outcomes_of(outcomes);
    debug_assert_eq!(answer.outcomes().len(), findings.len());
    answer
}
