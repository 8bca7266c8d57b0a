//! The webhook from outside: real TLS on a free port, no cluster.

#![allow(clippy::unwrap_used)]

#[path = "webhook/abuse.rs"]
mod abuse;
#[path = "webhook/apiserver.rs"]
mod apiserver;
#[path = "webhook/change.rs"]
mod change;
#[path = "webhook/harness.rs"]
mod harness;
#[path = "webhook/load.rs"]
mod load;
#[path = "webhook/pieces.rs"]
mod pieces;
#[path = "webhook/process.rs"]
mod process;
#[path = "webhook/wire.rs"]
mod wire;
