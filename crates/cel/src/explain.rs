//! What each part of an expression was, for `--explain`.

use super::ast::ExprId;
use super::error::{Eval, Fault};
use super::value::Value;

/// What a part of an expression came to.
#[derive(Clone, Debug)]
pub enum Seen<'d> {
    /// A value.
    Value(Value<'d>),
    /// An error's text.
    Error(String),
    /// Not known, and of what.
    Unknown(String),
}

/// The values of sub-expressions in the order they were computed. A part inside a loop stands once per turn.
#[derive(Clone, Debug, Default)]
pub struct Trace<'d> {
    seen: Vec<(ExprId, Seen<'d>)>,
}

/// More than this is not kept: loops repeat themselves.
const KEPT: usize = 10_000;

impl<'d> Trace<'d> {
    /// An empty trace.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Each part with what it came to. [`Ast::text`](super::ast::Ast::text) and [`Ast::place`](super::ast::Ast::place) of
    /// the program's tree say where it stands.
    #[must_use]
    pub fn seen(&self) -> &[(ExprId, Seen<'d>)] {
        &self.seen
    }

    pub(super) fn record(&mut self, id: ExprId, result: &Eval<Value<'d>>) {
        if self.seen.len() < KEPT {
            let seen = match result {
                Ok(value) => Seen::Value(value.clone()),
                Err(Fault::Error(error) | Fault::Cancelled(error)) => Seen::Error(error.to_string()),
                Err(Fault::Unknown(unknown)) => Seen::Unknown(unknown.of.join(", ")),
            };
            self.seen.push((id, seen));
        }
    }
}
