//! What the Kubernetes API server makes of an object before and after admission, without a server.
//!
//! ```text
//! document ─ decode ─▶ canonical form ─ defaults ─▶ as a mutating webhook sees it ─ validate ─▶ causes
//! ```

mod base64;
pub mod decode;
mod gotime;
pub mod schema;
mod tree;

pub use tree::DEFAULTED;
