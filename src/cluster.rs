//! Talking to a Kubernetes cluster.
//!
//! ```text
//! policies ──▶ needs ──▶ reflect ──watch──▶ mirror ──View, one a review──▶ webhook::engine (as its host)
//!              which kinds are looked up    what the cluster holds of them
//! ```
//!
//! Nothing here knows a rule. What is not known yet is *unknown*, and each policy's `failurePolicy` says what then.

pub mod client;
pub mod mirror;
pub mod needs;
pub mod reflect;
