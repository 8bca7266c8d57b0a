//! What the Kubernetes API server makes of an object before and after admission, without a server.
//!
//! ```text
//! document ─ decode ─▶ canonical form ─ defaults ─▶ as a mutating webhook sees it ─ validate ─▶ causes
//! ```

pub mod admit;
mod base64;
pub mod custom;
pub mod decode;
mod defaults;
pub mod field;
mod go_json;
mod go_value;
mod gotime;
mod image;
pub mod meta;
pub mod mutate;
pub mod names;
mod pem;
pub mod plugins;
pub mod schema;
mod selectors;
mod tree;
pub mod type_checking;
mod unified_diff;
pub mod validate;

pub use tree::DEFAULTED;
