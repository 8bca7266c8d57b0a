//! Membership in a constant list of scalars, numbers across types as cel-go's set optimisation has them.

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::compare;
use crate::error::EvalError;
use crate::stored::{Reader, Stored, Writer};
use crate::value::{Value, View};

/// What is in it comes from expressions, so that nobody else can choose what collides.
type Members<T> = HashSet<T, FixedState>;

/// The members of a constant list, for membership tests.
#[derive(Default)]
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

/// In an order that does not depend on how the set was made.
fn sorted<T: Ord + Clone>(members: &Members<T>) -> Vec<T> {
    let mut sorted: Vec<T> = members.iter().cloned().collect();
    sorted.sort_unstable();
    sorted
}

impl fmt::Debug for ConstSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { strings, ints, uints, doubles, bools } = self;
        f.debug_tuple("ConstSet")
            .field(&sorted(strings))
            .field(&sorted(ints))
            .field(&sorted(uints))
            .field(&sorted(doubles))
            .field(bools)
            .finish()
    }
}

impl<T: Stored + Ord + Clone + Hash> Stored for Members<T> {
    fn store(&self, to: &mut Writer) -> Option<()> {
        sorted(self).store(to)
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        Some(Vec::<T>::restore(from)?.into_iter().collect())
    }
}

impl Stored for ConstSet {
    fn store(&self, to: &mut Writer) -> Option<()> {
        let Self { strings, ints, uints, doubles, bools: [no, yes] } = self;
        strings.store(to)?;
        (ints.clone(), uints.clone(), doubles.clone()).store(to)?;
        (*no, *yes).store(to)
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        let strings = Stored::restore(from)?;
        let (ints, uints, doubles) = Stored::restore(from)?;
        let (no, yes) = Stored::restore(from)?;
        Some(Self { strings, ints, uints, doubles, bools: [no, yes] })
    }
}

/// The bits of a double with one zero; NaN is no member, which [`ConstSet::new`] sees to.
fn canonical(value: f64) -> u64 {
    (value + 0.0).to_bits()
}
