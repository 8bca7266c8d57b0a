//! The Common Expression Language as Kubernetes evaluates it in admission.
//!
//! ```text
//! text ─ lexer ─▶ parser ─ macros ─▶ ast ─ declarations ─▶ checker ─ validators ─▶ checked tree
//! ```

pub mod ast;
pub mod checker;
pub mod declarations;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod hostile;
pub mod issue;
mod lexer;
pub mod library;
pub mod macros;
pub mod parser;
pub mod profile;
pub mod types;
mod validators;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod vectors;
