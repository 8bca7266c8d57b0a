//! Runs the policies that apply over one request.
//!
//! ```text
//! PolicySet ─ by kind ─▶ matching ─▶ rules, in order ─▶ findings      (judge)
//!                                                   └─▶ edits ─▶ a new document, a patch   (mutate)
//! ```
//!
//! Synchronous and pure: no files, no HTTP, no clock but the deadline it is given. Policies run in the order
//! of their names and rules in the order they are written, so the same request gives the same answer. A rule
//! that fails is a finding of its own; the others still run.

mod changes;
mod confidential;
pub mod controlled;
mod excepted;
pub mod explain;
mod expressions;
mod facts;
pub mod headless;
mod images;
mod judge;
mod judged;
mod mutate;
pub mod needs;
mod probes;
pub mod references;
mod repeats;
mod rule;
mod stop;
mod undecided;
mod values;

use std::time::Instant;

use crate::finding::Finding;

pub use excepted::except;
pub use judge::judge;
pub use mutate::{Mutation, Turn, mutate, mutate_in_turn};

pub(crate) use undecided::beyond;

/// What an evaluation may cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Budget {
    /// When to stop; rules that have not run by then fail.
    pub deadline: Option<Instant>,
    /// Whether findings of expressions say what their parts came to.
    pub explain: bool,
    /// Whether findings say how to mend them: each such fix is made on a copy of the object. The webhook answers none.
    pub fixes: bool,
    /// Whether it is the API server that asks: what is not known could not be looked up then, rather than being left out
    /// of the input.
    pub in_cluster: bool,
    /// How many findings of one rule are kept; `None`: all.
    pub findings_per_rule: Option<usize>,
}

impl Budget {
    /// Whether the time is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// Findings, in the order of policies and rules.
pub type Findings = Vec<Finding>;
