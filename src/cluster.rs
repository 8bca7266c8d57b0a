//! Talking to a Kubernetes cluster.
//!
//! ```text
//! policies ──▶ needs ──▶ reflect ──watch──▶ mirror ──View, one a review──▶ review::engine (as its host)
//!              which kinds are looked up,   what the cluster holds of them:
//!              and which of their fields    no more than these fields
//!
//! policies ──▶ rules ──▶ register ──server-side apply──▶ our webhook configurations
//!                           ▲   ▲ caBundle
//!                       leader  certificates ◀──▶ a Secret that the replicas share
//! ```
//!
//! Nothing here knows a rule. What is not known yet is *unknown*, and each policy's `failurePolicy` says what then.

pub mod apply;
pub mod authorize;
pub mod certificates;
pub mod client;
pub mod failing;
pub mod install;
pub mod leader;
pub mod mirror;
pub mod pull;
pub mod reflect;
pub mod register;
pub mod rules;
