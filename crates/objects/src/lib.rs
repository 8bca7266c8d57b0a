//! What the Kubernetes API server makes of an object before and after admission, without a server.
//!
//! ```text
//! document ─ decode ─▶ canonical form ─ defaults ─▶ as a mutating webhook sees it ─ validate ─▶ causes
//! ```

mod base64;
pub mod field;
mod go_json;
mod go_value;
pub mod meta;
pub mod names;
mod pem;
mod selectors;
mod unified_diff;
pub mod validate;
