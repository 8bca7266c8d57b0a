//! The functions that Kubernetes' CEL has beyond the operators, as plain Rust over plain types.
//!
//! Nothing here knows values, types or costs of the evaluator: text and numbers in, text, numbers or an
//! error out, and an error's Display is the text that Kubernetes shows, Go's own words included.

pub mod authorizer;
pub mod format;
pub mod net;
pub mod numbers;
pub mod quantity;
pub mod regex;
pub mod semver;
pub mod string_format;
pub mod strings;
pub mod time;
pub mod url;

#[cfg(test)]
mod properties;
