//! Kinds about storage.

pub(crate) mod claims;
pub(crate) mod classes;
pub(crate) mod csi;
mod diff;
mod sources;
pub(crate) mod volumes;
