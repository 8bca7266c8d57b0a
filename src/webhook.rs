//! The admission webhook: the server between what kube-apiserver posts and what it is answered.
//!
//! ```text
//! kube-apiserver ─TLS─▶ server ──▶ connection ──▶ gate ──▶ crate::review ──▶ Judge (policies)
//!                         │            │            │           uid, patch verified, warnings trimmed ─▶ bytes
//!                certificate,     timeouts by   deadline, places
//!                authority        phase         for evaluation
//!
//! admin port: /healthz /readyz /metrics          reload: policies and certificates, swapped off the request path
//! ```
//!
//! Nothing in this room knows a rule: it meets the policies at [`Judge`](crate::review::Judge).

pub mod admin;
pub mod authority;
pub mod callers;
pub mod certificate;
pub mod client;
mod connection;
mod exchange;
mod gate;
pub(crate) mod goduration;
pub mod memory;
pub mod metrics;
pub mod readiness;
pub mod reload;
mod runtime;
pub mod server;
pub mod settings;
pub mod shutdown;
mod stream;
