//! Sorts, summarises, masks and renders findings.

pub mod diagnostic;
