//! CustomResourceDefinitions.

use super::Rules;

/// The kinds of this file.
pub const RULES: &[Rules] = &[];
