//! Mutation: what the policies make of an object.
//!
//! Policies in the order of their names, rules in the order they are written; each sees what those before it
//! have made. What was not touched keeps its place in the text, what is new names its rule. What is left alone, and why,
//! stands in [`changes`](crate::check::Reach).
//!
//! MutatingAdmissionPolicies come before all of them, and [once more](super::own) after them.
//!
//! # One order in two calls
//! In the cluster the policies that fail closed and those that do not are asked by two entries of one registration, which
//! the API server calls one after the other, `Fail` first. Applied one half after the other, policies would come in another
//! order than offline. So each call ([`Turn`]) makes up for it:
//!
//! ```text
//! by name:        a (Ignore)   b (Fail)   c (Ignore)
//! Fail's call:    a            b                        all up to the last that fails closed
//! Ignore's call:  a            b only if a changed      c
//!                              something in this call
//! ```
//!
//! A policy is therefore applied twice at times, as it is when the API server calls a webhook again (`reinvocationPolicy`);
//! `set`, `remove` and `rewriteImages` do nothing the second time.

use std::collections::BTreeSet;
use std::iter;
use std::sync::Arc;

use crate::check::{
    Change, Changes, EDIT_LIMITS, EvaluationLimits, Evaluator, Facts, Lookups, Policy, PolicyContext, Reach,
    Rule, Sink, Stop, is_off_limits, item_document, undecided, whole,
};
use crate::document::edit::{Editor, PatchOperation};
use crate::document::{Document, NodeId, NodeRef};
use crate::host::Host;
use crate::matching::Applies;
use crate::policy::FailurePolicy;
use crate::store::{PolicySet, placement};

use super::own::{self, MutationInput, Own};
use super::{Admission, confidential};
use crate::request::Request;

/// Which of the registration's calls a mutation answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Turn {
    /// There is one call for all policies.
    #[default]
    Only,
    /// The call for the policies with this `failurePolicy`; there is another for the rest.
    Of(FailurePolicy),
}

/// Applies the mutating policies of the set to the request's object, the API server's own before the others; `set` holds the
/// policies of all calls.
pub(super) fn mutate<'a>(asking: MutationInput<'_, 'a>, turn: Turn) -> Admission<'a> {
    let mut mutation = Admission::default();
    let hooks = own::invoked(asking, turn);
    if hooks.is_empty() {
        by_rules(asking, turn, &mut mutation);
    } else {
        let custom = own::looked_up(asking);
        let mut own = Own::new(asking, &hooks, &custom);
        own.first(&mut mutation);
        let changed = by_rules(asking, turn, &mut mutation);
        if own.again(&mut mutation, changed) {
            by_rules(asking, turn, &mut mutation);
        }
        own.finish(&mut mutation);
        let mut known = BTreeSet::new();
        mutation.rules.retain(|code| known.insert(code.clone()));
    }
    confidential::conceal(&mut mutation.findings, asking.request);
    mutation
}

/// Applies the mutating rules of the set; whether one changed something. What an earlier time said is said anew.
fn by_rules<'a>(asking: MutationInput<'_, 'a>, turn: Turn, mutation: &mut Admission<'a>) -> bool {
    let MutationInput { set, request, host, budget, form: _ } = asking;
    mutation.findings.clear();
    if is_off_limits(request) {
        return false;
    }
    let changes = Changes::of(request);
    let asked = |policy: &Policy| placement::of_request(policy, true, request, set.templates());
    let by_rules = |policy: &&Policy| whole(policy).is_none();
    let policies: Vec<&Policy> =
        set.asked(request, true, None).map(|(_, policy)| policy).filter(by_rules).collect();
    let last_closed = policies.iter().rposition(|policy| asked(policy) == FailurePolicy::Fail);
    let known = mutation.patch.len();
    for (index, policy) in policies.into_iter().enumerate() {
        let own = match turn {
            Turn::Only => true,
            Turn::Of(own) => asked(policy) == own,
        };
        let takes_part = own
            || match turn {
                Turn::Of(FailurePolicy::Fail) => last_closed.is_some_and(|last| index < last),
                _ => mutation.document.is_some(),
            };
        if !takes_part {
            continue;
        }
        let before = mutation.findings.len();
        let applying = Applying { set, policy, request, host, budget, changes: changes.as_ref() };
        applying.run(mutation);
        if !own {
            // the other call says it
            mutation.findings.truncate(before);
        }
    }
    mutation.patch.len() > known
}

/// One policy at work.
struct Applying<'c, 'a> {
    set: &'c PolicySet,
    policy: &'c Policy,
    request: &'c Request<'a>,
    host: &'c dyn Host,
    budget: EvaluationLimits,
    changes: Option<&'c Changes<'a>>,
}

impl<'a> Applying<'_, 'a> {
    fn run(&self, mutation: &mut Admission<'a>) {
        for rule in &self.policy.rules {
            let Some(change) = rule.check.change() else { continue };
            let Some(first) = self.request.object else { return };
            match self.rule((rule, change), first, mutation) {
                Ok(()) => {}
                // the next rule would ask the same and get the same answer
                Err(Undecided) => return,
            }
        }
    }

    fn rule(
        &self,
        (rule, change): (&Rule, &dyn Change),
        first: NodeRef<'a>,
        mutation: &mut Admission<'a>,
    ) -> Result<(), Undecided> {
        let Admission { patch, document, findings, rules } = mutation;
        let object = document.as_ref().map_or(first, Document::root);
        let current = self.request.with_object(object);
        let facts = Facts::new(&current, self.host, self.set.templates());
        let Some(subject) = PolicyContext::new(self.policy, &facts, self.budget) else { return Ok(()) };
        let reach = Reach::new(self.changes, object);
        // a rule about Pods is applied to each Pod template
        let further = facts.further().iter().filter(|_| rule.check.is_about_pods(self.policy));
        let mut each = Vec::new();
        for facts in iter::once(&facts).chain(further) {
            let subject = PolicyContext { pods: facts.pods(), ..subject };
            if !reach.is_everything() && change.is_idle(&subject, &reach) {
                continue;
            }
            match self.applies(&current, &subject, facts) {
                Ok(true) => each.push((subject, facts)),
                Ok(false) => {}
                Err(stop) => {
                    undecided(self.policy, object, stop, self.budget, findings);
                    return Err(Undecided);
                }
            }
        }
        if each.is_empty() {
            return Ok(());
        }
        if self.budget.is_over() {
            let mut sink = Sink { rule, object, findings, budget: self.budget };
            sink.failed(object, "no time left to apply the rule".to_owned());
            return Ok(());
        }
        let changed = edited(&each, (rule, change), &reach, document.as_ref(), first);
        let stop = match changed {
            Ok(None) => return Ok(()),
            Ok(Some((changed, operations))) => {
                patch.extend(operations);
                rules.push(rule.info.code.clone());
                *document = Some(changed);
                return Ok(());
            }
            Err(stop) => stop,
        };
        let mut sink = Sink { rule, object, findings, budget: self.budget };
        match stop {
            Stop::Unknown(what) => sink.needs(object, &what),
            Stop::Failed(fault) => sink.failed(object, *fault),
        };
        Ok(())
    }

    /// Whether the policy applies to the object as it is now.
    fn applies<'d>(
        &self,
        current: &Request<'_>,
        subject: &PolicyContext<'d>,
        facts: &'d Facts<'d>,
    ) -> Result<bool, Stop> {
        match self.policy.matches.holds(current, self.set.templates(), self.host) {
            Applies::No => Ok(false),
            Applies::Yes if self.policy.conditions.is_empty() => Ok(true),
            Applies::Yes => {
                let lookups = Lookups::of(subject);
                Evaluator::new(subject, facts, &lookups).conditions(subject)
            }
            Applies::Unknown(what) => Err(Stop::Unknown(what)),
            Applies::Failed(why) => Err(Stop::failed(why)),
        }
    }
}

/// It could not be told whether the policy applies, and that was said.
struct Undecided;

/// The object after the rule, and what the rule did over each Pod template; `None` where it did nothing.
fn edited<'d, 'a>(
    each: &[(PolicyContext<'d>, &'d Facts<'d>)],
    (rule, change): (&Rule, &'d dyn Change),
    reach: &Reach<'d>,
    document: Option<&Document<'a>>,
    first: NodeRef<'a>,
) -> Result<Option<(Document<'a>, Vec<PatchOperation>)>, Stop> {
    let label: Arc<str> = rule.info.code.as_str().into();
    // the item of a List becomes a document of its own, in which it is the root
    let item = match document {
        None if first.id() != NodeId::ROOT => Some(
            item_document(first)
                .map_err(|error| Stop::failed(format!("the change does not apply: {error}")))?,
        ),
        _ => None,
    };
    let own = document.or(item.as_ref()).unwrap_or(first.document());
    let mut editor = Editor::new(own, EDIT_LIMITS);
    for (subject, facts) in each {
        let lookups = Lookups::of(subject);
        let mut evaluator = Evaluator::new(subject, facts, &lookups);
        evaluator.reach = Some(reach);
        change.apply(&mut evaluator, subject, &mut editor, &label)?;
    }
    if editor.is_unchanged() {
        return Ok(None);
    }
    editor.finish().map(Some).map_err(|error| Stop::failed(error.to_string()))
}
