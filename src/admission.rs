//! What becomes of one request under a set of policies: the one way through, for lint, `mutate`, policy tests and the
//! webhook alike.
//!
//! ```text
//! Request ─▶ mutate ─▶ judge ─▶ lift ─▶ Admission { patch, document, findings } ─▶ decide ─▶ Verdict
//!            rules that change      findings that an exception is about
//! ```
//!
//! Who asks names the [`Stages`] that its request goes through: `/mutate` and `/validate` are two ways through, lint and
//! the tests go through all.
//!
//! Synchronous and pure: no files, no HTTP, no clock but the deadline it is given. Policies run in the order
//! of their names and rules in the order they are written, so the same request gives the same answer. A rule
//! that fails is a finding of its own; the others still run.

mod confidential;
pub mod controlled;
mod excepted;
mod judge;
mod mutate;
pub mod needs;

use crate::check::{EvaluationLimits, Findings};
use crate::document::edit::PatchOperation;
use crate::document::{Document, NodeRef};
use crate::host::Host;
use crate::request::Request;
use crate::store::PolicySet;
use crate::verdict::{self, Verdict};

pub use mutate::Turn;

/// The stages that a request goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stages {
    /// Rules that change objects run, in this turn.
    mutate: Option<Turn>,
    /// All rules judge what has become of the object.
    judge: bool,
}

impl Stages {
    /// All: the object as the cluster would have it in the end is judged.
    pub const ALL: Self = Self { mutate: Some(Turn::Only), judge: true };
    /// The object is judged as it is: what the API server asks a validating webhook for.
    pub const JUDGE: Self = Self { mutate: None, judge: true };
    /// The object is changed, and not judged.
    pub const MUTATE: Self = Self::mutate(Turn::Only);

    /// The object is changed in one of the calls that the API server makes of a mutating webhook. The set holds the policies
    /// of all calls.
    #[must_use]
    pub const fn mutate(turn: Turn) -> Self {
        Self { mutate: Some(turn), judge: false }
    }
}

/// What became of a request.
#[derive(Debug, Default)]
pub struct Admission<'a> {
    /// What mutation does, in order, as RFC 6902 applies it.
    pub patch: Vec<PatchOperation>,
    /// The object after that; `None` where nothing changed.
    pub document: Option<Document<'a>>,
    /// The codes of the rules that changed something.
    pub rules: Vec<String>,
    /// What is wrong: rules that could not be applied, and faults of the object as it has become. Those that an exception
    /// lifts say so.
    pub findings: Findings,
}

impl<'a> Admission<'a> {
    /// The request's object as it has become.
    #[must_use]
    pub fn object<'s>(&'s self, request: &Request<'s>) -> Option<NodeRef<'s>>
    where
        'a: 's,
    {
        self.document.as_ref().map(Document::root).or(request.object)
    }

    /// Whether the request may go on, and what its sender is told.
    #[must_use]
    pub fn verdict(&self, request: &Request<'_>) -> Verdict<'_> {
        verdict::decide(&self.findings, request)
    }
}

/// Takes a request through the stages.
#[must_use]
pub fn admit<'a>(
    set: &PolicySet,
    stages: Stages,
    request: &Request<'a>,
    host: &dyn Host,
    budget: EvaluationLimits,
) -> Admission<'a> {
    let mut admission = match stages.mutate {
        Some(turn) => mutate::mutate(set, request, host, budget, turn),
        None => Admission::default(),
    };
    let Admission { document, findings, .. } = &mut admission;
    let mutated = document.as_ref().map(|document| request.with_object(document.root()));
    let request = mutated.as_ref().unwrap_or(request);
    if stages.judge {
        findings.extend(judge::judge(set, request, host, budget));
    }
    excepted::lift(set, request, host, budget.today, findings);
    admission
}
