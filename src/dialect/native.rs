//! The native policy format: `plimsoll.dev/v1alpha1`, kinds `ClusterManifestPolicy`, `ManifestPolicy` and
//! `ManifestException`.
//!
//! [`written`] is the format as people write it (its JSON Schema is generated from these types);
//! [`lower`] checks it and makes the compiled form.

mod edits;
pub mod exceptions;
mod expressions;
mod lower;
mod parameters;
pub mod written;

pub use exceptions::lower as lower_exception;
pub use expressions::environment;
pub use lower::lower;

/// The API group and version of the format.
pub const API_VERSION: &str = "plimsoll.dev/v1alpha1";
/// A policy for any namespace.
pub const CLUSTER_KIND: &str = "ClusterManifestPolicy";
/// A policy for its own namespace.
pub const NAMESPACED_KIND: &str = "ManifestPolicy";
/// What lifts findings of policies.
pub const EXCEPTION_KIND: &str = "ManifestException";
