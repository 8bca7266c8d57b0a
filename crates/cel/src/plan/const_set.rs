//! Membership in a constant list of scalars, numbers across types as cel-go's set optimisation has them.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::compare;
use crate::error::EvalError;
use crate::value::{Value, View};

/// What is in it comes from expressions, so that nobody else can choose what collides.
type Members<T> = HashSet<T, FixedState>;

/// The members of a constant list, for membership tests.
#[derive(Debug, Default)]
pub(crate) struct ConstSet {
    strings: Members<Arc<str>>,
    ints: Members<i64>,
    uints: Members<u64>,
    doubles: Members<u64>,
    bools: [bool; 2],
}

impl ConstSet {
    /// The members, unless one of them is no scalar.
    pub(crate) fn new(items: &[Value<'static>]) -> Option<Self> {
        let mut set = Self::default();
        for item in items {
            match item.view() {
                View::Str(text) => {
                    set.strings.insert(text.into());
                }
                View::Bool(value) => set.bools[usize::from(value)] = true,
                View::Int(value) => {
                    set.ints.insert(value);
                    set.doubles.insert(canonical(value as f64));
                    set.uints.extend(u64::try_from(value));
                }
                View::Uint(value) => {
                    set.uints.insert(value);
                    set.doubles.insert(canonical(value as f64));
                    set.ints.extend(i64::try_from(value));
                }
                View::Double(value) => {
                    if !value.is_nan() {
                        set.doubles.insert(canonical(value));
                    }
                    set.ints.extend(compare::lossless_int(value));
                    set.uints.extend(compare::lossless_uint(value));
                }
                _ => return None,
            }
        }
        Some(set)
    }

    /// Whether the value is a member.
    pub(crate) fn contains(&self, item: View<'_, '_>) -> Result<bool, EvalError> {
        Ok(match item {
            View::Str(text) => self.strings.contains(text),
            View::Bool(value) => self.bools[usize::from(value)],
            View::Int(value) => self.ints.contains(&value),
            View::Uint(value) => self.uints.contains(&value),
            View::Double(value) => self.doubles.contains(&canonical(value)),
            View::Bytes(_) => {
                return Err(EvalError::Internal(
                    "runtime error: hash of unhashable type types.Bytes".to_owned(),
                ));
            }
            _ => false,
        })
    }
}

/// The bits of a double with one zero; NaN is no member, which [`ConstSet::new`] sees to.
fn canonical(value: f64) -> u64 {
    (value + 0.0).to_bits()
}
