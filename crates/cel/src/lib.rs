//! The Common Expression Language as Kubernetes evaluates it in admission.
//!
//! ```text
//! text ─ lexer ─▶ parser ─ macros ─▶ ast ─ declarations ─▶ checker ─ validators ─▶ checked tree
//! checked tree ─ lower ─▶ plan ─ eval (dispatch, library; cost) ─▶ value
//! functions: one row per overload, which declarations, cost and dispatch read
//! plan ◀─ stored ─▶ bytes
//! ```
//!
//! [`program`] is the way in: it compiles, runs, and keeps a policy's variables.

pub mod absence;
pub mod activation;
mod arithmetic;
pub mod ast;
pub mod checker;
pub mod compare;
pub mod cost;
pub mod declarations;
mod dispatch;
pub mod error;
mod eval;
pub mod explain;
mod format;
mod functions;
pub mod issue;
mod lexer;
pub mod library;
pub mod lower;
pub mod macros;
pub mod parser;
mod plan;
pub mod profile;
pub mod program;
pub mod reads;
mod stack;
pub mod stored;
pub mod types;
mod validators;
pub mod value;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
