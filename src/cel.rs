//! The Common Expression Language as Kubernetes evaluates it in admission.
//!
//! ```text
//! text ─ lexer ─▶ parser ─ macros ─▶ ast ─ declarations ─▶ checker ─ validators ─▶ checked tree
//! ```

pub mod ast;
pub mod checker;
pub mod issue;
pub mod profile;
pub mod types;
