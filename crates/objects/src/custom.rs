//! Custom resources as the API server handles them, given their CustomResourceDefinition.
//!
//! ```text
//! definition ─▶ Definitions ─▶ Version, with its compiled Schema
//! object ─ decode: metadata, pruning, nulls, defaults ─▶ as a mutating webhook sees it
//!        ─ validate: schema, embedded resources, list types, rules ─▶ causes
//! ```
//!
//! Upstream: apiextensions-apiserver `pkg/apiserver/customresource_handler.go`, `pkg/registry/customresource`.

mod check;
mod correlate;
mod decode;
mod definition;
mod embedded;
pub(crate) mod fault;
mod finalizers;
mod format;
pub(crate) mod go_json;
mod go_number;
mod judge;
mod lists;
mod metadata;
pub(crate) mod place;
mod rules;
mod scale;
pub(crate) mod schema;
pub(crate) mod types;
mod unknown;
mod validate;
mod values;

pub(crate) use decode::{DUPLICATE, duplicates};
pub use decode::{DecodeError, Decoded};
pub use definition::{Definition, Definitions, Scale, Version};
pub use schema::Schema;

pub(crate) use judge::{RuleProblem, default_faults, is_recognised_format, rule_field_path, rule_problems};
pub(crate) use unknown::has_unknown;
