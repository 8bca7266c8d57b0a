//! What becomes of one request under a set of policies.
//!
//! ```text
//! Request ─▶ mutate ─▶ judge ─▶ lift ─▶ Admission { document, patch, findings } ─▶ verdict
//!            rules that change      findings that an exception is about
//! ```
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

pub use excepted::except;
pub use judge::judge;
pub use mutate::{Mutation, Turn, mutate, mutate_in_turn};
