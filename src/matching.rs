//! Which policies apply to a request: kinds, operations, namespaces, selectors, exclusions.
//!
//! The cheap questions come first: a policy set is indexed by kind ([`crate::store::PolicySet`]), then
//! operation and names are compared, and only then is a namespace looked up.

mod globs;
mod kinds;
mod reach;
mod resources;
mod tree;

pub use crate::request::Operation;
pub use globs::{Globs, GlobsError};
pub use kinds::{KindMatch, KindPattern, KindPatternError, Kinds, Target};
pub use reach::{BOOTSTRAP, BOOTSTRAP_NAMES, RBAC, Reach, is_bootstrap, reach, unasked};
pub use resources::{ResourceRule, is_about_resource};
pub use tree::{Applies, Match};
