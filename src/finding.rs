//! What a rule has found: a leaf that knows facts and places, and nothing of how it will be shown.
//!
//! A finding owns what it says. Its [`Place`] is taken while the document is at hand, so that findings
//! of a mutated object still point into the text that was read.

mod action;
mod codes;
mod fingerprint;
pub mod fold;
pub mod held;
mod readable;
pub mod terms;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

pub use action::{Action, Actions};
pub use codes::{CodePattern, CodePatternError};
pub(crate) use fingerprint::write_part;
pub use fingerprint::{Digest, Fingerprint, OfObject, Print, combine};
pub use readable::readable;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::edit::PatchOperation;
use crate::document::{NodeId, NodeRef, Span};

/// What lint reports and exits on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth mending.
    Warning,
    /// Must be mended.
    Error,
}

impl Severity {
    /// The name in reports and flags.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The policy a finding is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct PolicyRef {
    /// `ClusterManifestPolicy`, `ManifestPolicy`, later the kinds of other dialects.
    pub kind: &'static str,
    /// The namespace of a namespaced policy.
    pub namespace: Option<String>,
    /// The policy's `metadata.name`.
    pub name: String,
}

impl fmt::Display for PolicyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// What all findings of one rule share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleInfo {
    /// `<policy>/<rule>`, or a reserved code such as `yaml/duplicate-key`.
    pub code: String,
    /// `None` for the reserved codes.
    pub policy: Option<PolicyRef>,
    /// What to do about it.
    pub remediation: Option<String>,
    /// Where to read more.
    pub references: Vec<String>,
    /// Rules (`<policy>/<rule>`, or a policy for all of its rules) whose findings at the same node say less.
    pub includes: Vec<String>,
    /// Whether what cannot be decided is denied (`failurePolicy: Fail`).
    pub fail_closed: bool,
    /// Where the rule is written.
    pub written: Option<Arc<PolicyPlace>>,
}

impl RuleInfo {
    /// Of a code, and nothing beside it: no policy, nothing to do about it.
    #[must_use]
    pub fn of(code: &str) -> Self {
        Self {
            code: code.to_owned(),
            policy: None,
            remediation: None,
            references: Vec::new(),
            includes: Vec::new(),
            fail_closed: false,
            written: None,
        }
    }
}

/// The text of a file of policies.
#[derive(Debug, Clone)]
pub enum PolicyText {
    /// Of the library, which is part of the program and needs no copy.
    Embedded(&'static str),
    /// Of a file that was read.
    Read(Arc<str>),
}

impl PolicyText {
    /// To be kept beside texts of other files.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        match self {
            Self::Embedded(text) => Arc::from(*text),
            Self::Read(text) => Arc::clone(text),
        }
    }
}

impl Deref for PolicyText {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Embedded(text) => text,
            Self::Read(text) => text,
        }
    }
}

impl PartialEq for PolicyText {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for PolicyText {}

/// A place in a policy's text: a rule, or one of its expressions.
#[derive(Clone, PartialEq, Eq)]
pub struct PolicyPlace {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// Its whole text.
    pub text: PolicyText,
    /// Bytes of the text.
    pub span: Span,
}

impl fmt::Debug for PolicyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.position();
        write!(f, "{}:{line}:{column}", self.file)
    }
}

impl PolicyPlace {
    /// Line and column, from 1, the column in characters.
    #[must_use]
    pub fn position(&self) -> (usize, usize) {
        let before = self.text.get(..self.span.start as usize).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// Why a rule could not be evaluated, as the author of the policy reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    /// What went wrong.
    pub why: String,
    /// What to do about it.
    pub help: Option<&'static str>,
    /// The expression; `None`: the rule as a whole.
    pub at: Option<Arc<PolicyPlace>>,
}

impl From<String> for PolicyFault {
    fn from(why: String) -> Self {
        Self { why, help: None, at: None }
    }
}

/// The `ManifestException` that lifts a finding, here and in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excepting {
    /// Kind, namespace, name.
    pub id: PolicyRef,
    /// The reason that the exception gives.
    pub reason: Option<String>,
    /// The last day on which it holds.
    pub until: Option<NaiveDate>,
    /// Where it says its name.
    pub written: Option<Arc<PolicyPlace>>,
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// The object is at fault.
    Known,
    /// A question that the input cannot answer.
    Unknown,
    /// The rule could not be evaluated.
    Failed,
}

impl Certainty {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }
}

/// One object of the input: its number among those that the run has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub u32);

/// Where a finding points.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// As people write it, from the object's root: `spec.containers[0].image`.
    pub path: String,
    /// RFC 6901, from the object's root.
    pub pointer: String,
    /// Where that stands in the text; of a node that was not written, its nearest written ancestor.
    pub span: Option<Span>,
    /// The policy that made the node, where the object was mutated.
    pub origin: Option<String>,
}

impl Place {
    /// The place of a node of the object whose root is `object`.
    #[must_use]
    pub fn of(node: NodeRef<'_>, object: NodeId) -> Self {
        let (path, pointer) = node.place_from(object);
        Self { path, pointer, ..Self::default() }.told_of(node, object)
    }

    /// The same place in another object, whose root is `object` and that has this node there: where that is written, and who
    /// made it.
    #[must_use]
    pub fn told_of(self, node: NodeRef<'_>, object: NodeId) -> Self {
        let mut written = Some(node);
        while let Some(at) = written
            && at.span().is_none()
        {
            written = at.parent().filter(|_| at.id() != object);
        }
        Self { span: written.and_then(NodeRef::span), origin: node.origin().map(str::to_owned), ..self }
    }
}

/// Another place that explains a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// What is to be seen there.
    pub message: String,
    /// The document it is in; `None`: the finding's own.
    pub document: Option<ObjectId>,
    /// Where in it.
    pub place: Place,
}

/// What a rule says of one place of one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The rule's code, policy and advice.
    pub rule: Arc<RuleInfo>,
    /// Never above warning when the finding is *unknown*.
    pub severity: Severity,
    /// None for the reserved codes.
    pub actions: Actions,
    /// One line, without a dot at its end.
    pub message: String,
    /// Where in the object the fault is.
    pub place: Place,
    /// What the place holds, where that is one value.
    pub value: Option<String>,
    /// What tells whether another version of the object, or another run, had it.
    pub fingerprint: Fingerprint,
    /// Other places that explain it.
    pub related: Vec<Related>,
    /// Operations that mend it.
    pub fix: Vec<PatchOperation>,
    /// Whether it is a fault, an open question, or a failure of the rule.
    pub certainty: Certainty,
    /// Whether the old object of an UPDATE had it too, and the policy lets that be.
    pub existing: bool,
    /// Whether the value at the place must not be shown.
    pub sensitive: bool,
    /// What the parts of the rule's expression came to, where that was asked for.
    pub explanation: Vec<String>,
    /// Where the field is documented.
    pub reference: Option<String>,
    /// How many more of the rule were left out after this one, or places not even looked at.
    pub more: usize,
    /// Where the policy is at fault, of a rule that could not be evaluated.
    pub fault: Option<Arc<PolicyFault>>,
    /// What lifts it: nobody is denied or warned for it.
    pub excepted: Option<Arc<Excepting>>,
    /// What the API server's answer has beside the message, where the webhook stands in for a policy of the server's own.
    pub own: Option<Box<ServersOwn>>,
}

/// What a binding makes of something that a policy of the API server's own language says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServersOwn {
    /// The binding; `None`: the policy itself is at fault.
    pub binding: Option<String>,
    /// The number of the validation.
    pub validation: usize,
    /// `reason` of the validation.
    pub reason: Option<String>,
    /// `validationActions` of the binding.
    pub actions: Vec<&'static str>,
    /// Of an audit annotation, which is not a fault: its key. The message is its value.
    pub annotation: Option<String>,
}

impl Finding {
    /// What is known of a place, and no more: no action, nothing beside it.
    #[must_use]
    pub fn at(rule: Arc<RuleInfo>, severity: Severity, message: String, place: Place) -> Self {
        Self {
            rule,
            severity,
            actions: Actions::default(),
            message,
            place,
            value: None,
            fingerprint: Fingerprint::default(),
            related: Vec::new(),
            fix: Vec::new(),
            certainty: Certainty::Known,
            existing: false,
            sensitive: false,
            explanation: Vec::new(),
            reference: None,
            more: 0,
            fault: None,
            excepted: None,
            own: None,
        }
    }

    /// Escapes what a terminal would obey in everything that people read.
    pub fn make_readable(&mut self) {
        let own = [&mut self.message, &mut self.place.path];
        let related =
            self.related.iter_mut().flat_map(|related| [&mut related.message, &mut related.place.path]);
        for text in own.into_iter().chain(related).chain(&mut self.explanation) {
            if let std::borrow::Cow::Owned(shown) = readable(text) {
                *text = shown;
            }
        }
    }

    /// The code that names the rule.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.rule.code
    }
}
