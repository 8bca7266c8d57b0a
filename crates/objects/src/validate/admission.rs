//! Webhook configurations and admission policies.

use super::Rules;

/// The kinds of this file.
pub const RULES: &[Rules] = &[];
