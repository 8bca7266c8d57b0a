//! What becomes of one request under a set of policies: the one way through, for lint, `mutate`, policy tests and the
//! webhook alike.
//!
//! ```text
//! Request ─▶ mutate ─▶ validate ─▶ judge ─▶ lift ─▶ Admission { patch, document, findings } ─▶ decide ─▶ Verdict
//!            rules    as the API            findings that an exception is about
//!            that     server does
//!            change
//! ```
//!
//! The API server's own mutating policies come first: [`mutate`].
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
mod known;
mod mutate;
pub mod needs;
mod own;
mod written;

use crate::apiserver::Serving;
use crate::check::{EvaluationLimits, Findings};
use crate::document::edit::PatchOperation;
use crate::document::{Document, NodeRef};
use crate::finding::Finding;
use crate::host::Host;
use crate::objects::admit::Served;
use crate::request::{self, Request};
use crate::store::PolicySet;
use crate::store::copies::{Common, CopyOf};
use crate::store::memory::Signature;
use crate::verdict::{self, Verdict};

pub use mutate::Turn;
use own::{MutationInput, ObjectForm};

/// The stages that a request goes through.
#[derive(Clone, Copy)]
pub struct Stages<'s> {
    /// Rules that change objects run, in this turn.
    mutate: Option<Turn>,
    /// The API server that validates the object, offline; what it serves.
    server: Option<(Serving<'s, 's>, Served<'s>)>,
    /// What the request's object is to the API server's own mutating policies.
    form: ObjectForm<'s>,
    /// What it found on the way here.
    found: &'s [Finding],
    /// All rules judge what has become of the object.
    judge: bool,
    /// What the object is one of several of.
    copy: Option<CopyOf<'s>>,
}

impl<'s> Stages<'s> {
    /// All: the object as the cluster would have it in the end is judged.
    pub const ALL: Self = Self { mutate: Some(Turn::Only), ..Self::JUDGE };
    /// The object is judged as it is: what the API server asks a validating webhook for.
    pub const JUDGE: Self =
        Self { mutate: None, server: None, form: ObjectForm::Canonical, found: &[], judge: true, copy: None };
    /// The object is changed, and not judged.
    pub const MUTATE: Self = Self::mutate(Turn::Only);

    /// The object is changed in one of the calls that the API server makes of a mutating webhook. The set holds the policies
    /// of all calls.
    #[must_use]
    pub const fn mutate(turn: Turn) -> Self {
        Self { mutate: Some(turn), judge: false, ..Self::JUDGE }
    }

    /// The same stages, with what the API server does between them: what mutation has made is decoded and defaulted again,
    /// and where the object is judged it is validated before. The request's object has to be one that the server has
    /// [received](Serving::receive) as this kind.
    #[must_use]
    pub const fn by(self, serving: Serving<'s, 's>, served: Served<'s>) -> Self {
        Self { server: Some((serving, served)), form: ObjectForm::Received(serving), ..self }
    }

    /// The same stages, where the request's object is as somebody has written it. The API server's own mutating policies see
    /// what this server makes of that, and the object is changed so that it makes of it what they do.
    #[must_use]
    pub const fn written_for(self, serving: Serving<'s, 's>) -> Self {
        Self { form: ObjectForm::Written(serving), ..self }
    }

    /// The same stages, where the API server refuses the object before it asks any policy of its own.
    #[must_use]
    pub const fn refused(self) -> Self {
        Self { form: ObjectForm::Refused, ..self }
    }

    /// The same stages, where the request's object is the same as others of a run, which are judged as well, or is so but for its
    /// name: what was found in one of them is not looked for again.
    #[must_use]
    pub const fn of_copies(self, copy: Option<CopyOf<'s>>) -> Self {
        Self { copy, ..self }
    }

    /// The same stages, where the API server has found this before the first of them.
    #[must_use]
    pub const fn after(self, found: &'s [Finding]) -> Self {
        Self { found, ..self }
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

/// What the object of an UPDATE takes the place of.
fn replaced<'a>(request: &Request<'a>) -> Option<NodeRef<'a>> {
    request.old_object.filter(|_| request.operation == request::Operation::Update)
}

/// Whether the object is created: on an UPDATE the server lets stand what was there before.
fn is_created(request: &Request<'_>) -> bool {
    request.operation == request::Operation::Create
}

/// What the API server finds of an object that is created or changed.
fn valid(
    (serving, served): (Serving<'_, '_>, Served<'_>),
    request: &Request<'_>,
    copy: Option<(CopyOf<'_>, Signature)>,
) -> Findings {
    let old = replaced(request);
    let changes = matches!(request.operation, request::Operation::Create | request::Operation::Update);
    let object = request.object.filter(|_| changes);
    let validate = |object: NodeRef<'_>| {
        let validate = || serving.validate(served, object, old);
        let is_alike = |common| match common {
            Common::All(_) => true,
            Common::ButForNames => served.judges_alike_by_any_plain_name(object),
        };
        match copy.filter(|(copy, _)| is_created(request) && is_alike(copy.common)) {
            Some((copy, signature)) => copy.validated(signature, object, validate),
            None => validate(),
        }
    };
    let mut findings = object.map(validate).unwrap_or_default();
    confidential::conceal(&mut findings, request);
    findings
}

/// Takes a request through the stages.
#[must_use]
pub fn admit<'a>(
    set: &PolicySet,
    stages: Stages<'_>,
    request: &Request<'a>,
    host: &dyn Host,
    budget: EvaluationLimits,
) -> Admission<'a> {
    let mut admission = match stages.mutate {
        Some(turn) => mutate::mutate(MutationInput { set, request, host, budget, form: stages.form }, turn),
        None => Admission::default(),
    };
    let Admission { document, findings, .. } = &mut admission;
    if !stages.found.is_empty() {
        let mut found = stages.found.to_vec();
        confidential::conceal(&mut found, request);
        findings.splice(0..0, found);
    }
    let mutated = document.as_ref().map(|document| request.with_object(document.root()));
    let request = mutated.as_ref().unwrap_or(request);
    let again = mutated.as_ref().zip(stages.server).filter(|_| stages.judge);
    let again =
        again.and_then(|(mutated, (serving, _))| Some(serving.receive(mutated.object?, replaced(mutated))));
    findings.extend(again.iter().flat_map(|again| again.findings.iter().cloned()));
    let canonical = again.as_ref().and_then(|again| again.object.as_ref());
    let received = canonical.map(|object| request.with_object(object.root()));
    let request = received.as_ref().unwrap_or(request);
    if stages.judge {
        // what rules have changed may be another object than they have made of a copy
        let copy = stages.copy.filter(|_| mutated.is_none());
        let copy = copy.and_then(|copy| Some((copy, copy.signature(set, request.object?)?)));
        if let Some(server) = stages.server.filter(|_| again.is_none() || received.is_some()) {
            findings.extend(valid(server, request, copy));
        }
        let is_built_in = |(_, served): &(Serving<'_, '_>, Served<'_>)| matches!(served, Served::BuiltIn(_));
        let is_validated = is_created(request) && (again.is_none() || received.is_some());
        let said = stages.server.filter(is_built_in).filter(|_| is_validated).map(|_| &findings[..]);
        let judged = judge::judge(set, request, host, (budget, copy), said);
        findings.extend(judged);
    }
    excepted::lift(set, request, host, budget.today, findings);
    admission
}
