//! The admission webhook: what kube-apiserver posts, what it is answered, and the server in between.
//!
//! ```text
//! kube-apiserver ─TLS─▶ server ──▶ connection ──▶ gate ──▶ review::answer ──▶ Judge (policies)
//!                         │            │            │           uid, patch verified, warnings trimmed ─▶ bytes
//!                certificate,     timeouts by   deadline, places
//!                authority        phase         for evaluation
//!
//! admin port: /healthz /readyz /metrics          reload: policies and certificates, swapped off the request path
//! ```
//!
//! [`review`] is synchronous and knows the wire only; it is also what `plimsoll review` runs. Nothing in this
//! module knows a rule: it meets the policies at [`review::Judge`].

pub mod admin;
mod answers;
pub mod authority;
pub mod callers;
pub mod certificate;
pub mod client;
mod connection;
pub mod engine;
mod exchange;
mod gate;
pub(crate) mod goduration;
pub mod memory;
pub mod metrics;
mod own;
pub mod readiness;
pub mod reload;
pub mod review;
mod runtime;
pub mod server;
pub mod settings;
pub mod shutdown;
mod stream;
