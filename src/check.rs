//! What the rules of policies do: one trait, and the checks that are built in.
//!
//! ```text
//! dialect ─ lowers a rule to ─▶ Box<dyn Check>
//!                                 needs        other kinds that it looks at         (watched in a cluster)
//!                                 expressions  what it evaluates                    (told what they read, and where absent)
//!                                 trigger      when it can find anything at all     (else it does not run)
//!                                 decided_by   what of the object it looks at       (the same parts are judged once)
//!                                 judge        what is wrong                        (findings, at nodes)
//!                                 change       what it changes, if it does          (edits of the object)
//! ```
//!
//! A check sees one request through a [`PolicyContext`], CEL through an [`Evaluator`], and says what it found to a [`Sink`]. Who
//! asks – lint, the webhook, a test – it does not know.

mod alike;
mod change;
mod changes;
mod decided;
mod envelope;
mod evaluator;
mod facts;
mod given;
mod headless;
mod images;
pub mod inspect;
mod judged;
mod probes;
pub mod references;
mod repeats;
mod stop;
mod subject;
mod trigger;
mod undecided;
mod validate;
mod values;
mod whole;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use chrono::NaiveDate;

use crate::document::edit::Editor;
use crate::finding::Finding;
use crate::policy::expression::{Expression, Template};
use crate::policy::{self, Edit, Visit};
use crate::resource::rewrite::RewriteTable;

pub use change::Mutate;
pub use changes::Reach;
pub use decided::{Decides, Deciding, PartOf};
pub use evaluator::Evaluator;
pub use headless::RequireHeadlessService;
pub use images::RewriteImages;
pub use probes::RequireProbes;
pub use references::LookedUp;
pub use stop::Stop;
pub use subject::{PolicyContext, Sink};
pub use trigger::{ROOTS, Trigger};
pub use validate::Validate;
pub use whole::{OwnNeeds, ServerPolicy, Whole, whole};

pub(crate) use change::item_document;
pub(crate) use changes::{Changes, is_off_limits};
pub(crate) use evaluator::RULES_BUDGET;
pub(crate) use facts::{Facts, Lookups};
pub(crate) use repeats::{content, write_text};
pub(crate) use subject::cap;
use trigger::CONTAINERS;
pub(crate) use undecided::{beyond, undecided};
pub(crate) use whole::{definitions, kinds};

/// A policy with its checks.
pub type Policy = policy::Policy<Box<dyn Check>>;
/// A rule with its check.
pub type Rule = policy::Rule<Box<dyn Check>>;

/// What a changed document may cost: as deep as manifests are read.
pub(crate) const EDIT_LIMITS: crate::document::Limits =
    crate::document::Limits { depth: 1_000, nodes: 1 << 24 };

/// What a rule does.
pub trait Check: fmt::Debug + Send + Sync {
    /// Other kinds that it looks at, beside those that its expressions ask for.
    fn needs(&self) -> Vec<LookedUp> {
        Vec::new()
    }

    /// Every expression that it evaluates, but those of its message.
    fn expressions(&self) -> Vec<&Expression> {
        Vec::new()
    }

    /// What its findings say, with the expressions in it.
    fn message(&self) -> Option<&Template> {
        None
    }

    /// Whether what it comes to may be another for another Pod template of the object.
    fn is_about_pods(&self, policy: &Policy) -> bool;

    /// When it has to run.
    fn trigger(&self, _policy: &Policy) -> Trigger {
        Trigger::Always
    }

    /// The parts of the object that decide whether it finds anything, where nothing else does and it can be told.
    fn decided_by(&self, _of: &Deciding, _policy: &Policy) -> Option<Decides> {
        None
    }

    /// Says what is wrong with the subject.
    fn judge<'d>(
        &'d self,
        evaluator: &mut Evaluator<'d, '_>,
        subject: &PolicyContext<'d>,
        sink: &mut Sink<'_>,
    );

    /// What it changes, where it is a rule that changes objects.
    fn change(&self) -> Option<&dyn Change> {
        None
    }

    /// What judges its policy as a whole; then none of the rules is judged by itself.
    fn whole(&self) -> Option<&dyn Whole> {
        None
    }

    /// What its findings say, as far as that is the same for all objects; else a policy's title speaks for it.
    fn says(&self) -> Option<String> {
        None
    }
}

/// What a rule changes.
pub trait Change {
    /// Whether there is nothing that it may write, so that nobody need ask whether its policy applies.
    fn is_idle(&self, subject: &PolicyContext<'_>, reach: &Reach<'_>) -> bool;

    /// Makes the changes.
    ///
    /// # Errors
    /// Why they cannot be made; then none of them is.
    fn apply<'d>(
        &'d self,
        evaluator: &mut Evaluator<'d, '_>,
        subject: &PolicyContext<'d>,
        editor: &mut Editor<'_, '_>,
        label: &Arc<str>,
    ) -> Result<(), Stop>;

    /// What it writes, as far as its text tells.
    fn writes(&self) -> Writes<'_>;
}

/// What a rule writes, as far as its text tells.
#[derive(Debug, Clone, Copy)]
pub enum Writes<'c> {
    /// These edits of what it visits.
    Edits(&'c Visit, &'c [Edit]),
    /// Images.
    Images(&'c RewriteTable),
}

/// What an evaluation may cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct EvaluationLimits {
    /// When to stop; rules that have not run by then fail.
    pub deadline: Option<Instant>,
    /// Whether findings of expressions say what their parts came to.
    pub explain: bool,
    /// Whether findings say how to mend them: each such fix is made on a copy of the object. The webhook answers none.
    pub fixes: bool,
    /// Whether it is the API server that asks: what is not known could not be looked up then, rather than being left out
    /// of the input.
    pub in_cluster: bool,
    /// Whether findings say what they have judged, by which they are told again in another run or of the old object.
    pub fingerprints: bool,
    /// Whether an object is judged on all threads: there are fewer objects than that.
    pub on_all_threads: bool,
    /// How many findings of one rule are kept; `None`: all.
    pub findings_per_rule: Option<usize>,
    /// The day by which exceptions end; `None`: none has ended.
    pub today: Option<NaiveDate>,
}

impl EvaluationLimits {
    /// Whether findings say what stands where they point; the webhook only takes secrets out by it.
    #[must_use]
    pub fn tells_values(&self, secret: bool) -> bool {
        secret || !self.in_cluster
    }

    /// Whether what was found in an object is so in one that is the same in all that a rule reads: a fix, a fingerprint and an
    /// explanation are of one object, and so is a position in its text.
    #[must_use]
    pub fn may_recall(&self) -> bool {
        self.in_cluster && !self.explain && !self.fixes && !self.fingerprints
    }

    /// Whether the time is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// Findings, in the order of policies and rules.
pub type Findings = Vec<Finding>;
