//! Validation: the findings of every policy that applies.

use std::collections::BTreeMap;

use crate::document::NodeRef;
use crate::finding::{Certainty, Finding};
use crate::host::Host;
use crate::matching::{self, Applies, Controlled, Existing, Operation};
use crate::policy::{Policy, PolicySet, RuleBody};
use crate::resource::identity as object_identity;

use super::expressions::{self, Evaluator, Stop};
use super::facts::{Facts, Lookups};
use super::rule::{Sink, Subject};
use super::{Budget, Findings, Request, confidential, headless, images, probes, references};

/// Judges a request by every policy of the set.
///
/// Mutating rules do not change anything here; what they cannot do is still found.
#[must_use]
pub fn judge(set: &PolicySet, request: &Request<'_>, host: &dyn Host, budget: Budget) -> Findings {
    let mut findings = Findings::new();
    let facts = Facts::new(request, host, set.templates());
    for policy in set.for_kind(request.kind.kind) {
        judge_by(set, policy, &facts, budget, &mut findings);
    }
    confidential::conceal(&mut findings, request);
    findings
}

fn judge_by(set: &PolicySet, policy: &Policy, facts: &Facts<'_>, budget: Budget, findings: &mut Findings) {
    let (request, host) = (facts.request(), facts.host());
    match matching::applies(policy, set.templates(), request, host) {
        Applies::No => return,
        Applies::Yes => {}
        Applies::Unknown(what) => {
            let message =
                format!("needs {what} to tell whether the policy applies, which is not in the input");
            return undecided(policy, request, Certainty::Unknown, message, findings);
        }
        Applies::Failed(why) => {
            let message = format!("cannot tell whether the policy applies: {why}");
            return undecided(policy, request, Certainty::Failed, message, findings);
        }
    }
    if policy.scope.controlled == Controlled::Skip && made_by_controller(set, policy, request) {
        return;
    }
    let first = findings.len();
    let Some(subject) = Subject::new(policy, facts, budget) else { return };
    if let Some((certainty, why)) = run(set, &subject, facts, findings) {
        return undecided(policy, request, certainty, why, findings);
    }
    if first < findings.len()
        && request.operation == Operation::Update
        && policy.scope.existing == Existing::Allow
        && let Some(old) = request.old_object
    {
        mark_existing(set, policy, facts, old, budget, &mut findings[first..]);
    }
}

/// Runs the rules if the match conditions hold; says why when that cannot be told.
fn run<'d>(
    set: &PolicySet,
    subject: &Subject<'d>,
    facts: &'d Facts<'d>,
    findings: &mut Findings,
) -> Option<(Certainty, String)> {
    let own_namespace = subject.policy.scope.own_namespace.as_deref();
    let lookups = Lookups { host: subject.host, own_namespace };
    let mut evaluator = Evaluator::new(subject, facts, &lookups);
    match evaluator.conditions(subject) {
        Ok(true) => {}
        Ok(false) => return None,
        Err(Stop::Unknown(what)) => {
            let message =
                format!("needs {what} to tell whether the policy applies, which is not in the input");
            return Some((Certainty::Unknown, message));
        }
        Err(Stop::Failed(why)) => return Some((Certainty::Failed, why)),
    }
    for rule in &subject.policy.rules {
        let mut sink = Sink { rule, object: subject.object, findings };
        if subject.budget.is_over() {
            sink.failed(subject.object, "no time left to evaluate the rule".to_owned());
            continue;
        }
        match &rule.body {
            RuleBody::RequireProbes { probes, exempt_run_to_completion } => {
                probes::run(subject, probes, *exempt_run_to_completion, &mut sink);
            }
            RuleBody::RequireHeadlessService { when_absent } => {
                headless::run(subject, *when_absent, &mut sink)
            }
            RuleBody::References(rule) => references::run(subject, rule, set.templates(), &mut sink),
            RuleBody::RewriteImages(table) => images::faults(subject, table, &mut sink),
            RuleBody::Validate(body) => expressions::validate(&mut evaluator, subject, body, &mut sink),
            RuleBody::Mutate { .. } => {}
        }
    }
    None
}

/// The policy as a whole could not be applied: one finding, at the object.
fn undecided(
    policy: &Policy,
    request: &Request<'_>,
    certainty: Certainty,
    message: String,
    findings: &mut Findings,
) {
    let (Some(object), Some(rule)) = (request.subject(), policy.rules.first()) else { return };
    let mut sink = Sink { rule, object, findings };
    match certainty {
        Certainty::Unknown => sink.unknown(object, message),
        _ => sink.failed(object, message),
    };
}

/// Whether a controller of kube-system made the object of one that the policy judges as well.
///
/// Anyone can write ownerReferences, so the requester decides, not the object.
fn made_by_controller(set: &PolicySet, policy: &Policy, request: &Request<'_>) -> bool {
    let kind = (request.kind.group, request.kind.kind);
    if !matches!(kind, ("", "Pod") | ("apps", "ReplicaSet") | ("batch", "Job")) {
        return false;
    }
    let by_controller = request.user.as_ref().is_some_and(|user| {
        user.username == "system:kube-controller-manager"
            || user.username.starts_with("system:serviceaccount:kube-system:")
    });
    let owner = request.subject().and_then(object_identity::controller);
    let Some(owner) = owner.filter(|_| by_controller) else { return false };
    let mut of_owner = request.clone();
    of_owner.kind = owner.gvk;
    of_owner.subresource = "";
    policy.scope.kinds.matches(&of_owner, set.templates())
}

/// Marks the findings that the old object had too.
fn mark_existing(
    set: &PolicySet,
    policy: &Policy,
    facts: &Facts<'_>,
    old: NodeRef<'_>,
    budget: Budget,
    findings: &mut [Finding],
) {
    let (request, host) = (facts.request(), facts.host());
    let old_request = Request { object: Some(old), ..request.clone() };
    let old_facts = Facts::new(&old_request, host, set.templates());
    let Some(subject) = Subject::new(policy, &old_facts, budget) else { return };
    let mut before = Findings::new();
    if run(set, &subject, &old_facts, &mut before).is_some() {
        return;
    }
    let mut known: BTreeMap<Identity, usize> = BTreeMap::new();
    for finding in before.iter().filter(|f| f.certainty == Certainty::Known) {
        *known.entry(identity(finding, old)).or_default() += 1;
    }
    let Some(object) = request.object else { return };
    for finding in findings.iter_mut().filter(|f| f.certainty == Certainty::Known) {
        if let Some(count) = known.get_mut(&identity(finding, object)).filter(|count| **count > 0) {
            *count -= 1;
            finding.existing = true;
        }
    }
}

/// What makes two findings the same: rule, words, value, and the place with list items by name.
type Identity = (String, String, Option<String>, String);

fn identity(finding: &Finding, object: NodeRef<'_>) -> Identity {
    let mut place = String::new();
    let mut at = Some(object);
    for token in finding.place.pointer.split('/').skip(1) {
        let item = at.filter(|n| n.is_array());
        at = at.and_then(|n| n.at(&format!("/{token}")));
        place.push('/');
        let named = item.and(at).and_then(|n| n.get_str("name"));
        place.push_str(named.unwrap_or(token));
    }
    (finding.rule.code.clone(), finding.message.clone(), finding.value.clone(), place)
}
