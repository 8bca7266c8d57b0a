//! Policies in their compiled form.
//!
//! A compiled policy owns its data and is shared behind an `Arc`; only the documents of a request borrow.
//! Invalid states cannot be written down here: what is wrong with a policy is found while it is lowered.

pub mod environment;
pub mod exception;
pub mod expression;
pub mod parameters;
pub mod terms;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cel::program::Composition;
use crate::document::Document;
use crate::document::edit::{Literal, PatchOperation};
use crate::document::path::Path;
use crate::finding::{Actions, PolicyRef, RuleInfo, Severity};
use crate::matching::Match;
use crate::resource::workload::TemplatePaths;

pub use terms::{
    AskedCertainty, Base, Controlled, Existing, FailurePolicy, Grant, Probe, ReferenceCheck, References,
    WhenAbsent,
};

use expression::Expression;

/// What people read about a policy.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// One line for lists.
    pub title: Option<String>,
    /// What is checked.
    pub description: Option<String>,
    /// Why it matters.
    pub rationale: Option<String>,
    /// How to mend it.
    pub remediation: Option<String>,
    /// Where to read more.
    pub references: Vec<String>,
    /// The packs it belongs to.
    pub packs: Vec<String>,
    /// The label `plimsoll.dev/category`.
    pub category: Option<String>,
    /// Annotations, such as the row of a check list that the policy answers.
    pub annotations: BTreeMap<String, String>,
}

/// A compiled policy. What its rules do is of type `C`: this room does not know how they do it.
#[derive(Debug)]
pub struct Policy<C> {
    /// Kind, namespace, name.
    pub id: PolicyRef,
    /// What people read about it.
    pub about: About,
    /// What an evaluation error or an unanswerable look-up means in the webhook.
    pub failure_policy: FailurePolicy,
    /// What it is about.
    pub matches: Match,
    /// Whether what kube-system's controllers make is judged again.
    pub controlled: Controlled,
    /// Whether an UPDATE is denied for what the object had before.
    pub existing: Existing,
    /// Custom kinds with Pod templates that it declares.
    pub templates: TemplatePaths,
    /// Bound as `params`.
    pub parameters: Arc<Document<'static>>,
    /// All must hold for the policy to apply.
    pub conditions: Vec<Condition>,
    /// Its `variables`.
    pub composition: Arc<Composition>,
    /// Which variables its expressions read, as far as these cost something to make.
    pub reads: Reads,
    /// The rules, in order.
    pub rules: Vec<Rule<C>>,
}

/// A condition that decides whether a policy applies.
#[derive(Debug)]
pub struct Condition {
    /// The condition's name, which messages show.
    pub name: String,
    /// CEL giving a boolean.
    pub expression: Expression,
}

/// Which variables are read; at least these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reads {
    /// `request`
    pub request: bool,
    /// `namespaceObject`
    pub namespace_object: bool,
    /// `allContainers`
    pub all_containers: bool,
    /// Anything of the Pod template.
    pub pods: bool,
    /// `authorizer`, or the resource that is requested of it
    pub authorizer: bool,
}

impl Reads {
    /// Adds what an expression may read.
    pub fn add(&mut self, source: &str) {
        let Self { request, namespace_object, all_containers, pods, authorizer } = self;
        let mentions = |known: &mut bool, name: &str| *known = *known || source.contains(name);
        mentions(request, "request");
        mentions(namespace_object, "namespaceObject");
        mentions(all_containers, "allContainers");
        mentions(authorizer, "authorizer");
        *pods = *pods || reads_pods(source);
    }
}

fn reads_pods(source: &str) -> bool {
    ["podSpec", "podMetadata", "allContainers"].iter().any(|variable| source.contains(variable))
}

impl<C> Policy<C> {
    /// Whether an expression of its may come to something else for another Pod template of the object.
    #[must_use]
    pub fn reads_pods(&self, expression: &Expression) -> bool {
        reads_pods(expression.source()) || self.reads.pods && expression.source().contains("variables")
    }

    /// Whether a rule of it changes objects.
    #[must_use]
    pub fn mutates(&self) -> bool {
        self.rules.iter().any(|rule| rule.mutates)
    }
}

/// A compiled rule.
#[derive(Debug)]
pub struct Rule<C> {
    /// Its name in the policy.
    pub name: String,
    /// What all its findings share.
    pub info: Arc<RuleInfo>,
    /// What lint reports.
    pub severity: Severity,
    /// What the webhook answers.
    pub actions: Actions,
    /// Whether the value at a finding is hidden.
    pub sensitive: bool,
    /// The packs it belongs to, where that is not all of the policy's.
    pub packs: Vec<String>,
    /// Whether it changes objects, rather than judging them alone.
    pub mutates: bool,
    /// What it does.
    pub check: C,
}

/// What a rule looks at: the object or its Pod once, or each element of a list or map.
#[derive(Debug, Default)]
pub struct Visit {
    /// What paths count from; where it is absent the rule says nothing.
    pub on: Base,
    /// CEL giving the list or map.
    pub for_each: Option<Expression>,
    /// CEL; what it is false for is left out.
    pub when: Option<Expression>,
}

impl Visit {
    /// Its expressions.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.for_each.iter().chain(&self.when)
    }

    /// Whether what is visited may be another for another Pod template of the object.
    #[must_use]
    pub fn is_about_pods<C>(&self, policy: &Policy<C>) -> bool {
        self.on != Base::Object || self.expressions().any(|expression| policy.reads_pods(expression))
    }
}

/// An operation on an object.
#[derive(Debug)]
pub enum Edit {
    /// Sets a value, making missing parents.
    Set {
        /// Where the value comes to lie.
        path: Path,
        /// As written, or computed when the edit is made.
        value: EditValue,
    },
    /// Removes a value; nothing happens where it is not there.
    Remove {
        /// The member or item that goes.
        path: Path,
    },
    /// An operation of RFC 6902, which fails where it does not apply.
    Raw(PatchOperation),
    /// The same with a value of its own for each request.
    RawComputed {
        /// The operation; its value is a placeholder.
        operation: PatchOperation,
        /// What is put in its place.
        value: EditValue,
    },
}

impl Edit {
    /// Whether it only asks what is there.
    #[must_use]
    pub fn is_test(&self) -> bool {
        matches!(
            self,
            Self::Raw(PatchOperation::Test { .. })
                | Self::RawComputed { operation: PatchOperation::Test { .. }, .. }
        )
    }
}

impl Edit {
    /// The expression that gives its value, where one does.
    #[must_use]
    pub fn computed(&self) -> Option<&Expression> {
        match self {
            Self::Set { value: EditValue::Computed(expression), .. }
            | Self::RawComputed { value: EditValue::Computed(expression), .. } => Some(expression),
            Self::Set { .. } | Self::RawComputed { .. } | Self::Remove { .. } | Self::Raw(_) => None,
        }
    }
}

/// What an edit puts somewhere.
#[derive(Debug)]
pub enum EditValue {
    /// The same for every object.
    Literal(Literal),
    /// What an expression gives, with its type.
    Computed(Expression),
}
