//! Policies in their compiled form.
//!
//! A compiled policy owns its data and is shared behind an `Arc`; only the documents of a request borrow.
//! Invalid states cannot be written down here: what is wrong with a policy is found while it is lowered.

pub mod alike;
pub mod exception;
pub mod expression;
pub mod parameters;
pub mod terms;
pub mod triggers;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::cel::program::Composition;
use crate::cel::reads;
use crate::document::Document;
use crate::document::edit::{Literal, Operation};
use crate::document::path::Path;
use crate::finding::{Action, PolicyRef, RuleInfo, Severity};
use crate::matching::Scope;
use crate::resource::rewrite::RewriteTable;
use crate::resource::workload::TemplatePaths;

pub use terms::{
    AskedCertainty, Base, Controlled, Existing, FailurePolicy, Grant, Probe, ReferenceCheck, References,
    WhenAbsent,
};

use alike::Alike;
use expression::{Expression, Template};

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

/// A compiled policy.
#[derive(Debug)]
pub struct Policy {
    /// Kind, namespace, name.
    pub id: PolicyRef,
    /// What people read about it.
    pub about: About,
    /// What an evaluation error or an unanswerable look-up means in the webhook.
    pub failure_policy: FailurePolicy,
    /// What it is about.
    pub scope: Scope,
    /// Custom kinds with Pod templates that it declares.
    pub templates: TemplatePaths,
    /// Bound as `params`.
    pub parameters: Arc<Document<'static>>,
    /// All must hold for the policy to apply.
    pub conditions: Vec<Condition>,
    /// Its `variables`.
    pub composition: Composition,
    /// Which variables its expressions read, as far as these cost something to make.
    pub reads: Reads,
    /// The rules, in order.
    pub rules: Vec<Rule>,
}

/// A condition that decides whether a policy applies.
#[derive(Debug)]
pub struct Condition {
    /// Its name.
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
}

impl Reads {
    /// Adds what an expression may read.
    pub fn add(&mut self, source: &str) {
        self.request |= source.contains("request");
        self.namespace_object |= source.contains("namespaceObject");
        self.all_containers |= source.contains("allContainers");
        self.pods |= reads_pods(source);
    }
}

impl Policy {
    /// Whether a rule of it changes objects.
    #[must_use]
    pub fn mutates(&self) -> bool {
        self.rules.iter().any(|rule| rule.body.mutates())
    }
}

/// A compiled rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name in the policy.
    pub name: String,
    /// What all its findings share.
    pub info: Arc<RuleInfo>,
    /// What lint reports.
    pub severity: Severity,
    /// What the webhook answers.
    pub action: Action,
    /// Whether the value at a finding is hidden.
    pub sensitive: bool,
    /// The packs it belongs to, where that is not all of the policy's.
    pub packs: Vec<String>,
    /// What it does.
    pub body: RuleBody,
}

/// What a rule does.
#[derive(Debug)]
pub enum RuleBody {
    /// Every long-running container has these probes.
    RequireProbes {
        /// Which, without duplicates, in the order of a container's life.
        probes: Vec<Probe>,
        /// Whether what runs to completion is exempt.
        exempt_run_to_completion: bool,
        /// Whether containers that only wait are exempt.
        exempt_idle: bool,
    },
    /// A StatefulSet has its headless Service.
    RequireHeadlessService {
        /// What the webhook answers when the Service is not there.
        when_absent: WhenAbsent,
    },
    /// What an object says of others holds.
    References(References),
    /// Images are taken from mirrors.
    RewriteImages(RewriteTable),
    /// An expression holds.
    Validate(Box<Validate>),
    /// The object is changed.
    Mutate {
        /// Where.
        visit: Box<Visit>,
        /// In order.
        edits: Vec<Edit>,
    },
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

/// A rule with an expression that must hold.
#[derive(Debug)]
pub struct Validate {
    /// What it looks at.
    pub visit: Visit,
    /// CEL giving a boolean.
    pub validate: Expression,
    /// See [`Validate::alike`]; told when a list is long enough first.
    pub alike: OnceLock<Option<Alike>>,
    /// What `validate` reads of the object, by which a finding is told again; told when the rule finds something first.
    pub reads: OnceLock<reads::Reads>,
    /// What a finding says.
    pub message: Option<Template>,
    /// Where below the element, or what the rule stands on, a finding points.
    pub at: Option<Path>,
    /// What would mend it.
    pub fix: Vec<Edit>,
}

/// The variables that hold parts of the object.
const OBJECT: [&str; 6] = ["object", "podSpec", "podMetadata", "allContainers", "item", "key"];

impl Validate {
    /// What of the object, or of the element that is visited, `validate` reads; `policy` is the rule's own.
    pub fn reads(&self, policy: &Policy) -> &reads::Reads {
        self.reads.get_or_init(|| {
            let composed = reads::Composed::of(&policy.composition, &OBJECT);
            reads::reads(&self.validate.program, &OBJECT, &composed)
        })
    }

    /// What of an element decides both `when` and `validate`, where that can be told.
    pub fn alike(&self) -> Option<&Alike> {
        let decide = || self.visit.when.iter().chain([&self.validate]).map(|expression| &expression.program);
        self.alike.get_or_init(|| Alike::of(decide())).as_ref()
    }
}

fn reads_pods(source: &str) -> bool {
    ["podSpec", "podMetadata", "allContainers"].iter().any(|variable| source.contains(variable))
}

impl RuleBody {
    /// Whether what the rule comes to may be another for another Pod template of the object; `policy` is the rule's own.
    #[must_use]
    pub fn is_about_pods(&self, policy: &Policy) -> bool {
        let reads = |expression: &Expression| {
            let source = &expression.source;
            reads_pods(source) || policy.reads.pods && source.contains("variables")
        };
        let visits =
            |visit: &Visit| visit.on != Base::Object || visit.for_each.iter().chain(&visit.when).any(reads);
        match self {
            Self::RequireProbes { .. } | Self::RewriteImages(_) => true,
            Self::RequireHeadlessService { .. } => false,
            Self::References(rule) => rule.check.is_about_pods(),
            Self::Validate(rule) => visits(&rule.visit) || reads(&rule.validate),
            Self::Mutate { visit, edits } => {
                visits(visit) || edits.iter().filter_map(Edit::computed).any(reads)
            }
        }
    }

    /// Whether the rule changes objects, rather than judging them.
    #[must_use]
    pub fn mutates(&self) -> bool {
        matches!(self, Self::RewriteImages(_) | Self::Mutate { .. })
    }
}

/// An operation on an object.
#[derive(Debug)]
pub enum Edit {
    /// Sets a value, making missing parents.
    Set {
        /// Where.
        path: Path,
        /// What.
        value: EditValue,
    },
    /// Removes a value; nothing happens where it is not there.
    Remove {
        /// Where.
        path: Path,
    },
    /// An operation of RFC 6902, which fails where it does not apply.
    Raw(Operation),
    /// The same with a value of its own for each request.
    RawComputed {
        /// The operation; its value is a placeholder.
        operation: Operation,
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
            Self::Raw(Operation::Test { .. }) | Self::RawComputed { operation: Operation::Test { .. }, .. }
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
    /// As written.
    Literal(Literal),
    /// What an expression gives, with its type.
    Computed(Expression),
}
