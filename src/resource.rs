//! What Kubernetes means by a document: which object it is, where its Pod template stands, which containers and images
//! that has, and what selects it.
//!
//! ```text
//! document ─▶ identity   group, version, kind, name, effective namespace, owners   ◀─ api (the table of kinds)
//!          ─▶ workload   Pod metadata and Pod spec, wherever the kind keeps them
//!                ─▶ container   each with its role   ─▶ image ─▶ rewrite
//!          ─▶ selector   does it select these labels?   ◀─ pod_labels (those that controllers add)
//!          ─▶ made       which Secrets and ConfigMaps a controller makes of it
//! ```
//!
//! Nothing here trusts the shape of a document: offline it is whatever a person wrote. What has the wrong type is
//! passed over, and can be listed where a rule wants to tell.

pub mod built_in;
pub mod container;
pub mod custom;
pub mod digest;
pub mod identity;
pub mod image;
pub mod label;
pub mod made;
pub mod merge;
pub mod pod_labels;
pub mod rewrite;
pub mod secret;
pub mod selector;
pub mod workload;

pub use crate::cel::library::quantity;
