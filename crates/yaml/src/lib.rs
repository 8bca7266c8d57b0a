//! YAML as kubectl reads it (sigs.k8s.io/yaml on go-yaml v2), because that is what reaches the cluster.
//!
//! ```text
//! text ─▶ split: documents ─▶ simple ──────────────▶ Builder
//!                               │ what it does not know for sure    ▲
//!                               ▼                                   │
//!                             events ─▶ strictness, tolerance ─▶ compose
//! ```
//!
//! See [`scalar`] for what a scalar is, [`split`] for where a document ends, [`compose`] for keys, aliases and merge keys.
//! The syntax is read by granit-parser. It is generic over its input, and generic code is compiled where it is used: in a
//! program that is optimized for size it would be slow, and reading YAML is most of a short run. So all of it is in this
//! crate, with an optimization level of its own.

pub mod compose;
mod events;
pub mod scalar;
mod simple;
pub mod split;
mod strictness;
mod tolerance;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
