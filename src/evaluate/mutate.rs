//! Mutation: what the policies make of an object.
//!
//! Policies in the order of their names, rules in the order they are written; each sees what those before it
//! have made. What was not touched keeps its place in the text, what is new names its rule. What is left alone, and why,
//! stands in [`changes`](super::changes).
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

use std::iter;
use std::sync::Arc;

use crate::document::edit::{EditError, Editor, Operation};
use crate::document::path::Pointer;
use crate::document::{Builder, Document, Limits, NodeId, NodeRef};
use crate::host::Host;
use crate::matching::{self, Applies};
use crate::policy::{Base, FailurePolicy, Policy, Rule, RuleBody};
use crate::store::{PolicySet, placement};

use super::changes::{Changes, Reach, is_off_limits};
use super::expressions::{Evaluator, Next};
use super::facts::{Facts, Lookups};
use super::rule::{Sink, Subject};
use super::stop::Stop;
use super::undecided::undecided;
use super::{Budget, Findings, confidential, images};
use crate::request::Request;

/// What a changed document may cost: as deep as manifests are read.
const EDIT_LIMITS: Limits = Limits { depth: 1_000, nodes: 1 << 24 };

/// What the policies make of an object.
#[derive(Debug, Default)]
pub struct Mutation<'a> {
    /// The operations, in order, as RFC 6902 applies them.
    pub patch: Vec<Operation>,
    /// The object after them; `None` where nothing changed.
    pub document: Option<Document<'a>>,
    /// Rules that could not be applied.
    pub findings: Findings,
    /// The codes of the rules that changed something.
    pub rules: Vec<String>,
}

/// Which of the registration's calls a mutation answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Turn {
    /// There is one call for all policies.
    #[default]
    Only,
    /// The call for the policies with this `failurePolicy`; there is another for the rest.
    Of(FailurePolicy),
}

/// Applies the mutating rules of the set to the request's object.
#[must_use]
pub fn mutate<'a>(set: &PolicySet, request: &Request<'a>, host: &dyn Host, budget: Budget) -> Mutation<'a> {
    mutate_in_turn(set, request, host, budget, Turn::Only)
}

/// As [`mutate`], for one of two calls; `set` holds the policies of both.
#[must_use]
pub fn mutate_in_turn<'a>(
    set: &PolicySet,
    request: &Request<'a>,
    host: &dyn Host,
    budget: Budget,
    turn: Turn,
) -> Mutation<'a> {
    let mut mutation = Mutation::default();
    if is_off_limits(request) {
        return mutation;
    }
    let changes = Changes::of(request);
    let asked = |policy: &Policy| placement::of_request(policy, true, request, set.templates());
    let policies: Vec<&Policy> =
        set.asked(request, true).map(|(_, policy)| policy).filter(|policy| policy.mutates()).collect();
    let last_closed = policies.iter().rposition(|policy| asked(policy) == FailurePolicy::Fail);
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
        applying.run(&mut mutation);
        if !own {
            // the other call says it
            mutation.findings.truncate(before);
        }
    }
    confidential::conceal(&mut mutation.findings, request);
    mutation
}

/// One policy at work.
struct Applying<'c, 'a> {
    set: &'c PolicySet,
    policy: &'c Policy,
    request: &'c Request<'a>,
    host: &'c dyn Host,
    budget: Budget,
    changes: Option<&'c Changes<'a>>,
}

impl<'a> Applying<'_, 'a> {
    fn run(&self, mutation: &mut Mutation<'a>) {
        for rule in self.policy.rules.iter().filter(|rule| rule.body.mutates()) {
            let Some(first) = self.request.object else { return };
            match self.rule(rule, first, mutation) {
                Ok(()) => {}
                // the next rule would ask the same and get the same answer
                Err(Undecided) => return,
            }
        }
    }

    fn rule(&self, rule: &Rule, first: NodeRef<'a>, mutation: &mut Mutation<'a>) -> Result<(), Undecided> {
        let Mutation { patch, document, findings, rules } = mutation;
        let object = document.as_ref().map_or(first, Document::root);
        let current = self.request.with_object(object);
        let facts = Facts::new(&current, self.host, self.set.templates());
        let Some(subject) = Subject::new(self.policy, &facts, self.budget) else { return Ok(()) };
        let reach = Reach::new(self.changes, object);
        // a rule about Pods is applied to each Pod template
        let further = facts.further().iter().filter(|_| rule.body.is_about_pods(self.policy));
        let mut each = Vec::new();
        for facts in iter::once(&facts).chain(further) {
            let subject = Subject { pods: facts.pods(), ..subject };
            if is_idle(&subject, rule, &reach) {
                continue;
            }
            match self.applies(&current, &subject, facts) {
                Ok(true) => each.push((subject, facts)),
                Ok(false) => {}
                Err(stop) => {
                    undecided(self.policy, object, stop, self.budget.in_cluster, findings);
                    return Err(Undecided);
                }
            }
        }
        if each.is_empty() {
            return Ok(());
        }
        if self.budget.is_over() {
            let mut sink = Sink { rule, object, findings, in_cluster: self.budget.in_cluster };
            sink.failed(object, "no time left to apply the rule".to_owned());
            return Ok(());
        }
        let changed = edited(&each, rule, &reach, document.as_ref(), first);
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
        let mut sink = Sink { rule, object, findings, in_cluster: self.budget.in_cluster };
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
        subject: &Subject<'d>,
        facts: &'d Facts<'d>,
    ) -> Result<bool, Stop> {
        match matching::applies(self.policy, self.set.templates(), current, self.host) {
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

/// Whether the rule has nothing that it may write, so that nobody need ask whether it applies.
fn is_idle(subject: &Subject<'_>, rule: &Rule, reach: &Reach<'_>) -> bool {
    match &rule.body {
        _ if reach.is_everything() => false,
        RuleBody::RewriteImages(table) => !images::has_work(subject, table, reach),
        RuleBody::Mutate { visit, edits } => {
            let base = match visit.on {
                Base::Object => Some(subject.object),
                Base::PodSpec => subject.pods.map(|pods| pods.spec),
                Base::PodMetadata => subject.pods.and_then(|pods| pods.metadata),
            };
            let place = |base| Pointer::of(base, subject.object.id());
            visit.for_each.is_none() && base.is_none_or(|base| reach.forbids_all(edits, &place(base)))
        }
        _ => true,
    }
}

/// The object after the rule, and what the rule did over each Pod template; `None` where it did nothing.
fn edited<'d, 'a>(
    each: &[(Subject<'d>, &'d Facts<'d>)],
    rule: &'d Rule,
    reach: &Reach<'d>,
    document: Option<&Document<'a>>,
    first: NodeRef<'a>,
) -> Result<Option<(Document<'a>, Vec<Operation>)>, Stop> {
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
        edit(subject, &mut evaluator, rule, &mut editor, &label)?;
    }
    if editor.is_unchanged() {
        return Ok(None);
    }
    editor.finish().map(Some).map_err(|error| Stop::failed(error.to_string()))
}

/// A document of one item, with the same text under it.
pub(super) fn item_document(item: NodeRef<'_>) -> Result<Document<'_>, EditError> {
    let mut builder = Builder::of_version(item.document(), EDIT_LIMITS);
    builder.copy_node(item, true)?;
    Ok(builder.finish())
}

/// Makes the rule's changes.
fn edit<'d>(
    subject: &Subject<'d>,
    evaluator: &mut Evaluator<'d, '_>,
    rule: &'d Rule,
    editor: &mut Editor<'_, '_>,
    label: &Arc<str>,
) -> Result<(), Stop> {
    match &rule.body {
        RuleBody::RewriteImages(table) => images::edit(subject, table, evaluator.reach, editor, label)
            .map_err(|error| Stop::failed(format!("the change does not apply: {error}"))),
        RuleBody::Mutate { visit, edits } => {
            let mut result = Ok(());
            evaluator.edits = edits;
            evaluator.visit(
                visit,
                || None,
                subject.object,
                |evaluator, visited| {
                    result = visited.and_then(|visited| {
                        let base = Pointer::of(visited.node(subject.object), subject.object.id());
                        evaluator.edit(edits, &base, editor, label)
                    });
                    if result.is_ok() { Next::On } else { Next::End }
                },
            );
            result?;
            evaluator.within_budget()
        }
        _ => Ok(()),
    }
}
