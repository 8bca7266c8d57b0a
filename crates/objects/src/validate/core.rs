//! Kinds of the core group without an area of their own.

use super::Rules;

/// The kinds of this file.
pub const RULES: &[Rules] = &[];
