//! Validation: the findings of every policy that applies.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::check::{
    EvaluationLimits, Evaluator, Facts, Findings, Lookups, Policy, PolicyContext, RULES_BUDGET, Rule, Sink,
    Stop, cap, undecided, whole,
};
use crate::document::{Document, NodeRef};
use crate::finding::{Certainty, Digest, Finding};
use crate::host::Host;
use crate::matching::Applies;
use crate::policy::{Controlled, Existing};
use crate::store::PolicySet;
use crate::store::copies::{Common, CopyOf};
use crate::store::memory::Signature;

use super::known::{Known, KnownOf, Ran, Recall};
use super::{confidential, controlled};
use crate::request::{Operation, Request};

/// An object of so many nodes is judged by several policies at a time, on as many threads as there are cores: whoever asks
/// waits for the answer. Smaller ones are many, and each has a thread of its own already, unless there are
/// [fewer objects than threads](EvaluationLimits::on_all_threads).
const LARGE: usize = 50_000;

/// Judges a request by every policy of the set.
///
/// Mutating rules do not change anything here; what they cannot do is still found. Of a copy it may be known what was found
/// in others. What the API server has `said` of an object that it has decoded and validated, some policies would say again.
pub(super) fn judge(
    set: &PolicySet,
    request: &Request<'_>,
    host: &dyn Host,
    (budget, copy): (EvaluationLimits, Option<(CopyOf<'_>, Signature)>),
    said: Option<&[Finding]>,
) -> Findings {
    let facts = Facts::new(request, host, set.templates());
    let plan = set.plan(request.kind.kind, request.subresource);
    // a plan knows of one Pod template
    let plan = plan.filter(|_| request.has_its_objects() && facts.further().is_empty());
    let pods = facts.pods();
    let roots = [request.object, pods.map(|pods| pods.spec), pods.and_then(|pods| pods.metadata)];
    let is_large = || request.subject().is_some_and(|object| object.document().node_count() >= LARGE);
    let on_all_threads = budget.on_all_threads || is_large();
    let remembered = plan.zip(set.memory()).filter(|_| request.object.is_some() && !on_all_threads);
    let kind = [request.kind.group, request.kind.version, request.kind.kind];
    let known = remembered.map(|(plan, memory)| {
        let has_them_alike = |common| common != Common::ButForNames || plan.has_replicas_alike();
        let copy = copy.filter(|(copy, _)| has_them_alike(copy.common));
        KnownOf::object(plan, plan.looks(memory, roots, kind), budget, copy)
    });
    let walked = plan.filter(|_| known.is_none()).map(|plan| plan.present(roots));
    let planned = plan.zip(known.as_ref().map(KnownOf::present).or(walked.as_ref()));
    let concerns = set.concerns(request);
    let is_about = |number: usize| concerns.and_then(|concerns| concerns.is_about(number));
    // a condition that fails is told, whatever the rules would say, and a scope that cannot be told of a policy whose rules run
    let is_quiet = |(number, policy): &(usize, &Policy)| {
        let is_known = || known.as_ref().is_some_and(|known| known.is_quiet(*number));
        let fires = || planned.is_none_or(|(plan, present)| plan.fires_at_all(present, *number));
        is_known() && is_about(*number).is_some() || policy.conditions.is_empty() && !fires()
    };
    let policies = set.asked(request, false, said).filter(|policy| !is_quiet(policy));
    let by = |mut findings: Findings, (number, policy): (usize, &Policy), known: &Known<'_>| {
        let fires = |rule: usize| planned.is_none_or(|(plan, present)| plan.fires(present, number, rule));
        judge_by(set, (policy, is_about(number)), (&fires, known), &facts, budget, &mut findings);
        findings
    };
    let mut findings = if on_all_threads {
        let policies: Vec<(usize, &Policy)> = policies.collect();
        let each = policies.into_par_iter().map(|policy| by(Findings::new(), policy, &Known::NOTHING));
        each.collect::<Vec<_>>().into_iter().flatten().collect()
    } else {
        policies.fold(Findings::new(), |findings, (number, policy)| {
            let known = known.as_ref().map_or(Known::NOTHING, |known| known.policy(number));
            by(findings, (number, policy), &known)
        })
    };
    known.iter().for_each(KnownOf::keep);
    confidential::conceal(&mut findings, request);
    findings
}

/// Which of a policy's rules have to run.
type Fires<'f> = dyn Fn(usize) -> bool + 'f;

/// Judges by a policy, of which it may be known that it is about the request.
fn judge_by(
    set: &PolicySet,
    (policy, is_about): (&Policy, Option<bool>),
    (fires, known): (&Fires<'_>, &Known<'_>),
    facts: &Facts<'_>,
    budget: EvaluationLimits,
    findings: &mut Findings,
) {
    if let Some(whole) = whole(policy) {
        if let Some(subject) = PolicyContext::new(policy, facts, budget) {
            whole.judge(&subject, findings);
        }
        return;
    }
    let request = facts.request();
    let scope = match is_about {
        Some(true) => Applies::Yes,
        Some(false) => Applies::No,
        None => policy.matches.holds(request, set.templates(), facts.host()),
    };
    if scope == Applies::No {
        return;
    }
    if !request.has_its_objects() {
        let nothing = Document::null();
        let why = Stop::failed(format!("the review of a {} has no object", request.operation.name()));
        return undecided(policy, nothing.root(), why, budget, findings);
    }
    // which findings are new is told before some are left out, or many old ones would hide a new one
    let ratchets = request.operation == Operation::Update && policy.existing == Existing::Allow;
    let old = request.old_object.filter(|_| ratchets);
    let findings_per_rule = budget.findings_per_rule.filter(|_| old.is_none());
    let Some(subject) = PolicyContext::new(policy, facts, EvaluationLimits { findings_per_rule, ..budget })
    else {
        return;
    };
    let first = findings.len();
    if let Err(stop) = certain(scope).and_then(|()| run_for_each(&subject, (fires, known), facts, findings)) {
        findings.truncate(first);
        return undecided(policy, subject.object, stop, budget, findings);
    }
    if first == findings.len() {
        return;
    }
    if policy.controlled == Controlled::Skip && controlled::was_judged(set, policy, facts, budget) {
        findings.truncate(first);
        return;
    }
    if let Some(old) = old {
        let all = EvaluationLimits { findings_per_rule: None, ..budget };
        mark_existing(set, policy, facts, old, all, &mut findings[first..]);
        cap_each_rule(findings, first, budget.findings_per_rule);
    }
}

/// [`cap`] for each rule of the findings from `first` on.
fn cap_each_rule(findings: &mut Findings, first: usize, limit: Option<usize>) {
    let mut all = findings.split_off(first).into_iter().peekable();
    while let Some(next) = all.next() {
        let (from, info) = (findings.len(), next.rule.clone());
        findings.push(next);
        while let Some(same) = all.next_if(|f| Arc::ptr_eq(&f.rule, &info)) {
            findings.push(same);
        }
        cap(findings, from, limit);
    }
}

fn certain(scope: Applies) -> Result<(), Stop> {
    match scope {
        Applies::Yes | Applies::No => Ok(()),
        Applies::Unknown(what) => Err(Stop::Unknown(what)),
        Applies::Failed(why) => Err(Stop::failed(why)),
    }
}

/// Runs the rules for each Pod template: what is not about Pods for the first to which the policy applies. Findings stay
/// in the order of the rules.
fn run_for_each<'d>(
    subject: &PolicyContext<'d>,
    (fires, known): (&Fires<'_>, &Known<'_>),
    facts: &'d Facts<'d>,
    findings: &mut Findings,
) -> Result<(), Stop> {
    let first = findings.len();
    let mut applied = run(subject, (fires, known), facts, findings)?;
    if facts.further().is_empty() {
        return Ok(());
    }
    let rules = &subject.policy.rules;
    for facts in facts.further() {
        let subject = PolicyContext { pods: facts.pods(), ..*subject };
        let fires =
            |rule: usize| fires(rule) && (!applied || rules[rule].check.is_about_pods(subject.policy));
        applied |= run(&subject, (&fires, &Known::NOTHING), facts, findings)?;
    }
    findings[first..].sort_by_key(|f| rules.iter().position(|rule| Arc::ptr_eq(&rule.info, &f.rule)));
    cap_each_rule(findings, first, subject.budget.findings_per_rule);
    Ok(())
}

/// Runs the rules if the match conditions hold, and says whether they do; where no rule need run, that they do.
///
/// # Errors
/// Why that cannot be told.
fn run<'d>(
    subject: &PolicyContext<'d>,
    (fires, known): (&Fires<'_>, &Known<'_>),
    facts: &'d Facts<'d>,
    findings: &mut Findings,
) -> Result<bool, Stop> {
    let first = findings.len();
    let rules = &subject.policy.rules;
    let fired = rules.iter().enumerate().filter(|(number, _)| fires(*number));
    let fired: Vec<(&Rule, Recall)> =
        fired.map(|(number, rule)| (rule, known.of((number, rule), subject))).collect();
    let leaves_out = fired.iter().any(|(_, recall)| recall.found.is_some());
    if leaves_out && fired.iter().all(|(_, recall)| recall.found.is_some()) {
        fired.iter().for_each(|(_, recall)| recall.tell(subject.object, findings));
        return Ok(true);
    }
    // each of the rules that are left out has cost as much as this at most, and those that run may cost the rest
    let share = RULES_BUDGET / 2 / (rules.len() as u64).max(1);
    let lookups = Lookups::of(subject);
    let mut evaluator = Evaluator::new(subject, facts, &lookups);
    if !evaluator.conditions(subject)? {
        return Ok(false);
    }
    for (rule, recall) in fired {
        if recall.found.is_some() {
            recall.tell(subject.object, findings);
            continue;
        }
        let (first, before, judged) = (findings.len(), evaluator.left(), evaluator.judged);
        let mut sink = Sink { rule, object: subject.object, findings, budget: subject.budget };
        if subject.budget.is_over() {
            sink.failed(subject.object, "no time left to evaluate the rule".to_owned());
            continue;
        }
        rule.check.judge(&mut evaluator, subject, &mut sink);
        cap(findings, first, subject.budget.findings_per_rule);
        let ran = Ran { found: &findings[first..], has_judged: evaluator.judged > judged };
        known.keep(&recall, (before - evaluator.left() <= share).then_some(ran));
    }
    if leaves_out && evaluator.left() < RULES_BUDGET / 2 {
        // all of them together may cost more than a policy may, which does not depend on what was judged before
        findings.truncate(first);
        return run(subject, (fires, &Known::NOTHING), facts, findings);
    }
    Ok(true)
}

/// Marks the findings that the old object had too: the policy applied to it, and what was judged is the same.
fn mark_existing(
    set: &PolicySet,
    policy: &Policy,
    facts: &Facts<'_>,
    old: NodeRef<'_>,
    budget: EvaluationLimits,
    findings: &mut [Finding],
) {
    let (request, host) = (facts.request(), facts.host());
    // the same request, had it changed nothing
    let old_request = Request { object: Some(old), ..request.clone() };
    if policy.matches.holds(&old_request, set.templates(), host) != Applies::Yes {
        return;
    }
    let old_facts = Facts::new(&old_request, host, set.templates());
    let Some(subject) = PolicyContext::new(policy, &old_facts, budget) else { return };
    let mut before = Findings::new();
    // a rule that finds nothing now needs not be asked what it found before
    let found = |rule: usize| findings.iter().any(|f| Arc::ptr_eq(&f.rule, &policy.rules[rule].info));
    if run_for_each(&subject, (&found, &Known::NOTHING), &old_facts, &mut before).is_err() {
        return;
    }
    let mut known: BTreeMap<(String, Digest), Vec<&str>> = BTreeMap::new();
    for finding in before.iter().filter(|f| f.certainty == Certainty::Known) {
        if let Some(judged) = finding.fingerprint.judged {
            known.entry((finding.rule.code.clone(), judged)).or_default().push(&finding.fingerprint.place);
        }
    }
    // those at the same place first: what is left may have moved
    for at_its_place in [true, false] {
        for finding in findings.iter_mut().filter(|f| f.certainty == Certainty::Known && !f.existing) {
            let Some(judged) = finding.fingerprint.judged else { continue };
            let Some(places) = known.get_mut(&(finding.rule.code.clone(), judged)) else { continue };
            let place = finding.fingerprint.place.as_str();
            let Some(at) = places.iter().position(|known| !at_its_place || *known == place) else { continue };
            places.swap_remove(at);
            finding.existing = true;
        }
    }
}
