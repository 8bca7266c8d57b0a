//! The types of rules that are written under a field of their own: how each is written, and which check it becomes.

mod headless;
mod images;
#[cfg(test)]
pub(super) mod owner;
mod probes;
mod references;

use super::lower::Lowering;
use crate::check::Check;

pub use headless::RequireHeadlessService;
pub use images::RewriteImage;
pub use probes::{ProbeExemption, RequireProbes};

/// What is written under the field of a type of rule.
pub(super) trait RuleType {
    /// The check that it means; `None` where what is wrong with it has been said. `at` is the pointer of the field.
    fn lower(&self, at: &str, lowering: &mut Lowering<'_>) -> Option<Box<dyn Check>>;
}
