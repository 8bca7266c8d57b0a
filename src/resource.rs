//! What Kubernetes means by a document: kinds, Pod templates, containers, images, selectors.

pub mod container;
pub mod selector;
pub mod workload;
