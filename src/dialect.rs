//! Policy languages: as written, with positions, validated, and lowered into `policy`.
//!
//! A dialect knows how its policies are written and nothing of the others; what it gives is the compiled form that
//! admission runs, or a list of [`Issue`]s that say where a policy is wrong. [`of`] knows which there are.

mod admission;
#[cfg(test)]
mod lines;
pub mod native;

use std::sync::Arc;

use crate::admission_policy::Binding;
use crate::cel::profile::Profile;
use crate::cel::stored::StoredPrograms;
use crate::check::Policy;
use crate::document::{NodeId, NodeRef};
use crate::finding::{PolicyPlace, PolicyRef, PolicyText};
use crate::policy::exception::Exception;

/// One language of policies.
pub trait Dialect: Sync {
    /// Whether an object is written in it, however badly.
    fn reads(&self, root: NodeRef<'_>) -> bool;

    /// What the object calls itself, where it does.
    fn reference(&self, root: NodeRef<'_>) -> Option<PolicyRef>;

    /// Reads the object.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the text; an object with an issue is refused whole.
    fn lower(&self, root: NodeRef<'_>, profile: Profile, written: &Written) -> Result<Lowered, Vec<Issue>>;

    /// The policy that the object binds, where it is a binding, however badly written.
    fn binds(&self, _root: NodeRef<'_>) -> Option<PolicyRef> {
        None
    }

    /// What of an object that is read may not be meant, for those who write policies.
    fn remarks(&self, _root: NodeRef<'_>) -> Vec<Issue> {
        Vec::new()
    }
}

/// What an object of a policy language is once it is read.
#[derive(Debug)]
pub enum Lowered {
    /// A policy.
    Policy(Box<Policy>),
    /// What lifts findings of policies.
    Exception(Box<Exception>),
    /// What binds a ValidatingAdmissionPolicy.
    ValidatingBinding(Box<Binding>),
    /// What binds a MutatingAdmissionPolicy.
    MutatingBinding(Box<Binding>),
}

/// The languages that policies are read in.
static DIALECTS: &[&dyn Dialect] = &[
    &native::Native,
    &admission::Admission,
    #[cfg(test)]
    &lines::Lines,
];

/// Whether a text may hold an object of one of the languages: their API groups are in it.
#[must_use]
pub fn may_be_in(text: &str) -> bool {
    text.contains(admission::GROUP) || text.contains(native::GROUP)
}

/// The language that an object is written in, where it is a policy.
#[must_use]
pub fn of(root: NodeRef<'_>) -> Option<&'static dyn Dialect> {
    DIALECTS.iter().copied().find(|dialect| dialect.reads(root))
}

/// The text that a policy is read from.
#[derive(Debug, Clone)]
pub struct Written {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// Its whole text.
    pub text: PolicyText,
    /// Where its expressions may wait until they are run, as they are known to compile and few objects are judged: what is
    /// stored of them.
    pub when_run: Option<StoredPrograms>,
}

impl Written {
    /// Where a node stands in the text.
    #[must_use]
    pub fn place(&self, node: NodeRef<'_>) -> Option<Arc<PolicyPlace>> {
        let Self { file, text, when_run: _ } = self;
        let place = |span| PolicyPlace { file: Arc::clone(file), text: text.clone(), span };
        node.span().map(place).map(Arc::new)
    }
}

/// What is wrong with a policy, at a node of its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// What is wrong, in one line.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where.
    pub node: NodeId,
    /// Whether the node's key is meant, rather than its value.
    pub at_key: bool,
    /// Byte range inside the node's text, where the fault is part of an expression.
    pub within: Option<(u32, u32)>,
}

impl Issue {
    /// An issue of a node's value.
    #[must_use]
    pub fn new(node: NodeId, message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, node, at_key: false, within: None }
    }

    /// With what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Of the node's key.
    #[must_use]
    pub fn at_key(mut self) -> Self {
        self.at_key = true;
        self
    }
}
