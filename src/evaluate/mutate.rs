//! Mutation: what the policies make of an object.
//!
//! Policies in the order of their names, rules in the order they are written; each sees what those before it
//! have made. What was not touched keeps its place in the text, what is new names its rule.

use json_patch::PatchOperation;

use crate::document::edit::{self, EditError};
use crate::document::{Document, NodeId, NodeRef};
use crate::host::Host;
use crate::matching::{self, Applies};
use crate::policy::{Edit, Policy, PolicySet, Rule, RuleBody};

use super::rule::{Sink, Subject};
use super::{Budget, Findings, Request, images};

/// What the policies make of an object.
#[derive(Debug, Default)]
pub struct Mutation<'a> {
    /// The operations, in order, as RFC 6902 applies them.
    pub patch: Vec<PatchOperation>,
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
            sink.unknown(object, format!("needs {what} to tell whether the policy applies, which is not in the input"));
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
    let Some(subject) = Subject::new(policy, &current, set.templates(), host, budget) else { return };
    let operations = match operations(&subject, rule) {
        Ok(operations) if operations.is_empty() => return,
        Ok(operations) => operations,
        Err(error) => {
            sink.failed(object, format!("the change does not apply: {error}"));
            return;
        }
    };
    let (text, root) = match document.as_ref() {
        Some(document) => (document, NodeId::ROOT),
        None => (first.document(), first.id()),
    };
    let result = edit::apply(text, root, &operations, &rule.info.code);
    match result {
        Ok(changed) => {
            patch.extend(operations);
            rules.push(rule.info.code.clone());
            *document = Some(changed);
        }
        Err(error) => {
            sink.failed(object, format!("the change does not apply: {error}"));
        }
    }
}

fn operations(subject: &Subject<'_>, rule: &Rule) -> Result<Vec<PatchOperation>, EditError> {
    match &rule.body {
        RuleBody::RewriteImages(table) => Ok(images::edits(subject, table)),
        RuleBody::Mutate { edits } => {
            let mut operations = Vec::new();
            for edit in edits {
                operations.extend(literal(subject.object, edit)?);
            }
            Ok(operations)
        }
        _ => Ok(Vec::new()),
    }
}

fn literal(object: NodeRef<'_>, edit: &Edit) -> Result<Vec<PatchOperation>, EditError> {
    match edit {
        Edit::Set { path, value } => edit::set(object, path, value.root()),
        Edit::Remove { path } => Ok(edit::remove(object, path)),
        Edit::Raw(operation) => Ok(vec![operation.clone()]),
    }
}
