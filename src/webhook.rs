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

#[cfg(feature = "server")]
pub mod admin;
mod answers;
#[cfg(feature = "server")]
pub mod authority;
#[cfg(feature = "server")]
pub mod callers;
#[cfg(feature = "server")]
pub mod certificate;
#[cfg(feature = "server")]
pub mod client;
#[cfg(feature = "server")]
mod connection;
pub mod engine;
#[cfg(feature = "server")]
mod exchange;
#[cfg(feature = "server")]
mod gate;
#[cfg(feature = "server")]
pub(crate) mod goduration;
#[cfg(feature = "server")]
pub mod memory;
#[cfg(feature = "server")]
pub mod metrics;
mod own;
#[cfg(feature = "server")]
pub mod readiness;
#[cfg(feature = "server")]
pub mod reload;
pub mod review;
#[cfg(feature = "server")]
mod runtime;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod settings;
#[cfg(feature = "server")]
pub mod shutdown;
#[cfg(feature = "server")]
mod stream;
