//! Numbers that may be a percentage: pkg/apis/apps/validation/validation.go.

use super::rules::typed;
use crate::field::{At, Causes};
use crate::meta::not_negative;
use crate::names;

/// `ValidatePositiveIntOrPercent`: an integer from 0 on, or digits with `%`.
pub(super) fn positive_int_or_percent(at: At<'_>, causes: &mut Causes) {
    match at.opt_str() {
        Some(text) => {
            for fault in names::percent(text) {
                causes.invalid_value(at, typed(at), &fault);
            }
        }
        None => not_negative(at, causes),
    }
}

/// `IsNotMoreThan100Percent`; says nothing of numbers.
pub(super) fn at_most_100_percent(at: At<'_>, causes: &mut Causes) {
    if at.opt_str().and_then(percentage).is_some_and(|percent| percent > 100) {
        causes.invalid_value(at, typed(at), "must not be greater than 100%");
    }
}

/// `getIntOrPercentValue`: the number without its `%`; a text that is no number is 0.
pub(super) fn int_or_percent(at: At<'_>) -> i64 {
    match at.opt_str() {
        Some(text) => percentage(text).unwrap_or_else(|| text.parse().unwrap_or(0)),
        None => at.int(),
    }
}

/// The number of a percentage; one that does not fit is the greatest, as of Go's `Atoi`.
fn percentage(text: &str) -> Option<i64> {
    let digits = text.strip_suffix('%')?;
    names::percent(text).is_empty().then(|| digits.parse().unwrap_or(i64::MAX))
}
