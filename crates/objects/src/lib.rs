//! What the Kubernetes API server makes of an object before and after admission, without a server.
//!
//! ```text
//! document ─ decode ─▶ canonical form ─ defaults ─▶ as a mutating webhook sees it ─ validate ─▶ causes
//! ```

pub mod custom;
pub mod field;
pub mod meta;
pub mod names;
pub mod validate;
