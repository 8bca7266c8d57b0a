//! Mutation: what the policies make of an object.
//!
//! Policies in the order of their names, rules in the order they are written; each sees what those before it
//! have made. What was not touched keeps its place in the text, what is new names its rule.

use std::sync::Arc;

use crate::document::edit::{EditError, Editor, Operation};
use crate::document::path::Pointer;
use crate::document::{Builder, Document, Limits, NodeId, NodeRef};
use crate::host::Host;
use crate::matching::{self, Applies};
use crate::policy::{Policy, PolicySet, Rule, RuleBody};

use super::expressions::{Evaluator, Stop};
use super::facts::{Facts, Lookups};
use super::rule::{Sink, Subject};
use super::{Budget, Findings, Request, confidential, images};

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

/// Applies the mutating rules of the set to the request's object. Nothing is changed on DELETE.
#[must_use]
pub fn mutate<'a>(set: &PolicySet, request: &Request<'a>, host: &dyn Host, budget: Budget) -> Mutation<'a> {
    let mut mutation = Mutation::default();
    if request.object.is_none() {
        return mutation;
    }
    for policy in set.for_kind(request.kind.kind).filter(|p| p.rules.iter().any(|r| r.body.mutates())) {
        for rule in policy.rules.iter().filter(|r| r.body.mutates()) {
            apply(set, policy, rule, request, host, budget, &mut mutation);
        }
    }
    confidential::conceal(&mut mutation.findings, request);
    mutation
}

fn apply<'a>(
    set: &PolicySet,
    policy: &Policy,
    rule: &Rule,
    request: &Request<'a>,
    host: &dyn Host,
    budget: Budget,
    mutation: &mut Mutation<'a>,
) {
    let Mutation { patch, document, findings, rules } = mutation;
    let Some(first) = request.object else { return };
    let object = document.as_ref().map_or(first, Document::root);
    let current = request.with_object(object);
    let mut sink = Sink { rule, object, findings };
    match matching::applies(policy, set.templates(), &current, host) {
        Applies::No => return,
        Applies::Yes => {}
        Applies::Unknown(what) => {
            sink.unknown(
                object,
                format!("needs {what} to tell whether the policy applies, which is not in the input"),
            );
            return;
        }
        Applies::Failed(why) => {
            sink.failed(object, format!("cannot tell whether the policy applies: {why}"));
            return;
        }
    }
    if budget.is_over() {
        sink.failed(object, "no time left to apply the rule".to_owned());
        return;
    }
    let facts = Facts::new(&current, host, set.templates());
    let Some(subject) = Subject::new(policy, &facts, budget) else { return };
    let label: Arc<str> = rule.info.code.as_str().into();
    // the item of a List becomes a document of its own, in which it is the root
    let item = match document {
        None if first.id() != NodeId::ROOT => match item_document(first) {
            Ok(item) => Some(item),
            Err(error) => {
                sink.failed(first, format!("the change does not apply: {error}"));
                return;
            }
        },
        _ => None,
    };
    let own = document.as_ref().or(item.as_ref()).unwrap_or(first.document());
    let mut editor = Editor::new(own, EDIT_LIMITS);
    let result = edit(&subject, &facts, rule, &mut editor, &label).and_then(|applies| {
        if !applies || editor.is_unchanged() {
            return Ok(None);
        }
        editor.finish().map(Some).map_err(|error| Stop::Failed(error.to_string()))
    });
    let stop = match result {
        Ok(None) => return,
        Ok(Some((changed, operations))) => {
            patch.extend(operations);
            rules.push(rule.info.code.clone());
            *document = Some(changed);
            return;
        }
        Err(stop) => stop,
    };
    let mut sink = Sink { rule, object, findings };
    match stop {
        Stop::Unknown(what) => sink.unknown(object, format!("needs {what}, which is not in the input")),
        Stop::Failed(why) => sink.failed(object, why),
    };
}

/// A document of one item, with the same text under it.
pub(super) fn item_document(item: NodeRef<'_>) -> Result<Document<'_>, EditError> {
    let mut builder = Builder::of_version(item.document(), EDIT_LIMITS);
    builder.copy_node(item, true)?;
    Ok(builder.finish())
}

/// Makes the rule's changes; `false`: the policy's conditions do not hold.
fn edit<'d>(
    subject: &Subject<'d>,
    facts: &'d Facts<'d>,
    rule: &'d Rule,
    editor: &mut Editor<'_, '_>,
    label: &Arc<str>,
) -> Result<bool, Stop> {
    let own_namespace = subject.policy.scope.own_namespace.as_deref();
    let lookups = Lookups { host: subject.host, own_namespace };
    let mut evaluator = Evaluator::new(subject, facts, &lookups);
    if !evaluator.conditions(subject)? {
        return Ok(false);
    }
    match &rule.body {
        RuleBody::RewriteImages(table) => images::edit(subject, table, editor, label)
            .map_err(|error| Stop::Failed(format!("the change does not apply: {error}")))?,
        RuleBody::Mutate { visit, edits } => {
            let mut result = Ok(());
            evaluator.visit(visit, subject.object, |evaluator, visited| {
                result = visited.and_then(|visited| {
                    let base = Pointer::of(visited.node(subject.object), subject.object.id());
                    evaluator.edit(edits, &base, editor, label)
                });
                result.is_ok()
            });
            result?;
            evaluator.within_budget()?;
        }
        _ => {}
    }
    Ok(true)
}
