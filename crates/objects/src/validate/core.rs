//! Kinds of the core group, and what several kinds share.

pub(crate) mod config;
pub(crate) mod limits;
pub(crate) mod namespace;
pub(crate) mod resource_names;
