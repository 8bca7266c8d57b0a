//! The policies of a run: where they come from, which are chosen, and what of them is in force.
//!
//! ```text
//! source (library, folders) ─▶ load ─▶ dialect::lower ─▶ Policy ─┐
//!                                                               ├─▶ PolicySet ─▶ evaluate
//!                          overrides, packs, --only, --skip ───┘   (index by kind, plan)
//! ```

pub mod adjustments;
mod by_name;
mod concerns;
pub mod copies;
pub mod embedded;
pub mod entry;
pub mod includes;
mod index;
pub mod kept;
pub mod load;
pub mod memory;
pub mod names;
pub mod outline;
pub mod overlap;
mod parts;
pub mod placement;
pub mod plan;
mod ready;
pub mod recalled;
pub mod remembered;
mod repeats;
mod replica;
pub mod set;
pub mod source;
mod told;

pub use set::PolicySet;
