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
mod fault;
mod finalizers;
mod format;
mod go_json;
mod go_number;
mod lists;
mod metadata;
mod place;
mod rules;
mod scale;
mod schema;
pub(crate) mod types;
mod validate;
mod values;

pub use decode::{DecodeError, Decoded};
pub use definition::{Definition, Definitions, Scale, Version};
pub use schema::Schema;
