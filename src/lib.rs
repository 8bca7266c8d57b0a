//! Plimsoll decides whether a Kubernetes manifest may sail.
//!
//! ```text
//! files, stdin ─▶ manifest ─┐                        ┌─ webhook ◀─ kube-apiserver
//!                           ▼                        ▼
//!                        document (one arena tree for JSON and YAML)
//!                           ▼
//!                        resource     kind, Pod template, containers, images, quantities  ◀─ api (the table of kinds)
//!                           ▼
//! dialect ─▶ policy ─▶ matching ─▶ evaluate (cel, typed rules, host) ─▶ finding ─▶ verdict ─▶ report | webhook
//! ```
//!
//! Dependencies point downwards only; everything from `evaluate` up is synchronous and pure.

pub mod api;
pub mod baseline;
pub mod cli;
pub mod cluster;
pub mod dialect;
pub mod evaluate;
pub mod explain;
pub mod finding;
pub mod host;
pub mod limits;
pub mod manifest;
pub mod matching;
pub mod offline;
pub mod policy;
pub mod policytest;
pub mod report;
pub mod resource;
pub mod verdict;
pub mod waiver;
pub mod webhook;

pub use document;
pub use kubernetes_cel as cel;
