//! Plimsoll decides whether a Kubernetes manifest may sail.
//!
//! ```text
//! files, stdin ─▶ manifest ─┐                        ┌─ webhook ◀─ kube-apiserver
//!                           ▼                        ▼
//!                        document (one arena tree for JSON and YAML)
//!                           ▼
//!                        resource     kind, Pod template, containers, images, quantities  ◀─ api (the table of kinds)
//!                           ▼
//! dialect ─▶ policy ─▶ check (cel, typed rules, references) ─▶ admission ─▶ finding ─▶ verdict ─▶ report | webhook
//! ```
//!
//! Dependencies point downwards only; everything up to `admission` is synchronous and pure.

pub mod admission;
pub mod admission_policy;
pub mod api;
pub mod apiserver;
pub mod baseline;
pub mod check;
pub mod cli;
#[cfg(feature = "server")]
pub mod cluster;
pub mod diagnostic;
pub mod dialect;
pub mod explain;
pub mod finding;
mod folders;
pub mod host;
pub mod limits;
pub mod manifest;
pub mod matching;
mod nearest;
pub mod offline;
mod packed;
pub mod policy;
pub mod policytest;
pub mod report;
pub mod request;
pub mod resource;
pub mod review;
pub mod store;
pub mod verdict;
pub mod waiver;
#[cfg(feature = "server")]
pub mod webhook;

pub use document;
pub use kubernetes_cel as cel;
pub use kubernetes_objects as objects;
