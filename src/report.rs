//! Sorts, summarises, masks and renders findings.
