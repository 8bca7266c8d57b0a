//! Equality and order of values, numbers across types.

use std::cmp::Ordering;

use super::error::EvalError;
use super::value::{Alike, ListView, MapView, Object, Value, View, alike};

/// What `==` finds: upstream some comparisons have no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Equality {
    /// Equal.
    Same,
    /// Not equal.
    Different,
    /// `no such overload`: a Kubernetes value against something else.
    NoOverload,
}

impl From<bool> for Equality {
    fn from(same: bool) -> Self {
        if same { Self::Same } else { Self::Different }
    }
}

/// The integer that a double is, if it is one. 2^63 is none: its conversion would saturate.
#[must_use]
pub fn lossless_int(value: f64) -> Option<i64> {
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    (value.trunc() == value && (-BOUND..BOUND).contains(&value)).then_some(value as i64)
}

/// The unsigned integer that a double is, if it is one.
#[must_use]
pub fn lossless_uint(value: f64) -> Option<u64> {
    const BOUND: f64 = 18_446_744_073_709_551_616.0;
    (value.trunc() == value && (0.0..BOUND).contains(&value)).then_some(value as u64)
}

fn int_with_uint(a: i64, b: u64) -> Ordering {
    u64::try_from(a).map_or(Ordering::Less, |a| a.cmp(&b))
}

/// As cel-go: beyond the integers' range by the bounds, within it after conversion to double. `None` for NaN.
fn int_with_double(a: i64, b: f64) -> Option<Ordering> {
    if b < i64::MIN as f64 {
        Some(Ordering::Greater)
    } else if b > i64::MAX as f64 {
        Some(Ordering::Less)
    } else {
        (a as f64).partial_cmp(&b)
    }
}

fn uint_with_double(a: u64, b: f64) -> Option<Ordering> {
    if b < 0.0 {
        Some(Ordering::Greater)
    } else if b > u64::MAX as f64 {
        Some(Ordering::Less)
    } else {
        (a as f64).partial_cmp(&b)
    }
}

/// Two numbers; the outer option says whether both are numbers, the inner is `None` for NaN.
fn numbers(a: View<'_, '_>, b: View<'_, '_>) -> Option<Option<Ordering>> {
    Some(match (a, b) {
        (View::Int(a), View::Int(b)) => Some(a.cmp(&b)),
        (View::Uint(a), View::Uint(b)) => Some(a.cmp(&b)),
        (View::Double(a), View::Double(b)) => a.partial_cmp(&b),
        (View::Int(a), View::Uint(b)) => Some(int_with_uint(a, b)),
        (View::Uint(a), View::Int(b)) => Some(int_with_uint(b, a).reverse()),
        (View::Int(a), View::Double(b)) => int_with_double(a, b),
        (View::Double(a), View::Int(b)) => int_with_double(b, a).map(Ordering::reverse),
        (View::Uint(a), View::Double(b)) => uint_with_double(a, b),
        (View::Double(a), View::Uint(b)) => uint_with_double(b, a).map(Ordering::reverse),
        _ => return None,
    })
}

/// `a == b`. Recursion is bounded by the limit on nesting of computed values and documents.
#[must_use]
pub fn equal(a: View<'_, '_>, b: View<'_, '_>) -> Equality {
    if let Some(ordering) = numbers(a, b) {
        return (ordering == Some(Ordering::Equal)).into();
    }
    match (a, b) {
        (View::Null, other) | (other, View::Null) => matches!(other, View::Null).into(),
        (View::Str(a), View::Str(b)) | (View::Type(a), View::Type(b)) => (a == b).into(),
        (View::Bool(a), View::Bool(b)) => (a == b).into(),
        (View::Bytes(a), View::Bytes(b)) => (a == b).into(),
        (View::Duration(a), View::Duration(b)) => (a == b).into(),
        (View::Timestamp(a), View::Timestamp(b)) => (a == b).into(),
        (View::List(a), View::List(b)) => lists_equal(a, b).into(),
        (View::Map(a), View::Map(b)) => maps_equal(a, b).into(),
        (View::Optional(a), View::Optional(b)) => match (a, b) {
            (Some(a), Some(b)) => equal(a.view(), b.view()),
            (a, b) => (a.is_none() && b.is_none()).into(),
        },
        (View::Object(a), View::Object(b))
            if [a, b].iter().all(|object| object.type_name() == "JSONPatch") =>
        {
            patches_equal(a, b)
        }
        (View::Object(a), View::Object(b)) => objects_equal(a, b).into(),
        (View::Opaque(a), View::Opaque(b)) => a.equals(b),
        (View::Opaque(_), _) => Equality::NoOverload,
        _ => Equality::Different,
    }
}

/// A comparison without an answer does not make lists different, as upstream.
fn lists_equal(a: ListView<'_, '_>, b: ListView<'_, '_>) -> bool {
    if let ListView::Owned(list) = a
        && *list.alike() != Alike::InOrder
    {
        return alike::same(list, b);
    }
    a.len() == b.len()
        && a.iter().zip(b.iter()).all(|(a, b)| equal(a.view(), b.view()) != Equality::Different)
}

fn maps_equal(a: MapView<'_, '_>, b: MapView<'_, '_>) -> bool {
    a.len() == b.len()
        && a.iter().all(|(key, a)| match b.get(key.view()) {
            Some(b) => equal(a.view(), b.view()) != Equality::Different,
            None => false,
        })
}

/// Patches compare their fields as the language does, and have no answer where their values have none
/// (k8s.io/apiserver `pkg/cel/mutation/jsonpatch.go`).
fn patches_equal(a: &Object<'_>, b: &Object<'_>) -> Equality {
    let same = |name: &str| a.get(name).and_then(Value::as_str) == b.get(name).and_then(Value::as_str);
    if !["op", "path", "from"].into_iter().all(same) {
        return Equality::Different;
    }
    match (a.get("value"), b.get("value")) {
        (Some(a), Some(b)) => equal(a.view(), b.view()),
        (a, b) => (a.is_none() && b.is_none()).into(),
    }
}

/// Objects are compared by Go's `reflect.DeepEqual` (`pkg/cel/mutation/dynamic/objects.go`): numbers of different types
/// differ, and a list is equal to itself only, for upstream's lists hold functions.
fn objects_equal(a: &Object<'_>, b: &Object<'_>) -> bool {
    let has_all = |a: &Object<'_>, b: &Object<'_>| {
        a.fields().iter().all(|(name, _)| match (a.get(name), b.get(name)) {
            (Some(a), Some(b)) => deeply_equal(a, b),
            _ => false,
        })
    };
    std::ptr::eq(a, b) || (a.type_name() == b.type_name() && has_all(a, b) && has_all(b, a))
}

fn deeply_equal(a: &Value<'_>, b: &Value<'_>) -> bool {
    match (a.view(), b.view()) {
        (View::Int(a), View::Int(b)) => a == b,
        (View::Uint(a), View::Uint(b)) => a == b,
        (View::Double(a), View::Double(b)) => a == b,
        (View::Int(_) | View::Uint(_) | View::Double(_), _) => false,
        (View::List(ListView::Owned(a)), View::List(ListView::Owned(b))) => std::ptr::eq(a, b),
        (View::List(_), _) => false,
        (View::Map(MapView::Owned(a)), View::Map(MapView::Owned(b))) => {
            a.entries().len() == b.entries().len()
                && a.entries().iter().all(|(key, a)| b.get(key.view()).is_some_and(|b| deeply_equal(a, b)))
        }
        // of the request, so plain Go values all the way down
        (View::Map(MapView::Node(_)), View::Map(MapView::Owned(_)))
        | (View::Map(MapView::Owned(_)), View::Map(MapView::Node(_))) => false,
        (View::Optional(Some(a)), View::Optional(Some(b))) => deeply_equal(a, b),
        (View::Object(a), View::Object(b)) => objects_equal(a, b),
        (a, b) => equal(a, b) == Equality::Same,
    }
}

/// Whether values of this kind have an order at all (`traits.ComparerType`).
#[must_use]
pub fn is_ordered(view: View<'_, '_>) -> bool {
    matches!(
        view,
        View::Bool(_)
            | View::Int(_)
            | View::Uint(_)
            | View::Double(_)
            | View::Str(_)
            | View::Bytes(_)
            | View::Duration(_)
            | View::Timestamp(_)
    )
}

/// The order of two values.
///
/// # Errors
/// `no such overload` where they have none, and for NaN.
pub fn order(a: View<'_, '_>, b: View<'_, '_>) -> Result<Ordering, EvalError> {
    if let Some(ordering) = numbers(a, b) {
        return ordering.ok_or(EvalError::NanOrder);
    }
    if matches!(a, View::Double(a) if a.is_nan()) {
        // before it looks at what it is compared with
        return Err(EvalError::NanOrder);
    }
    Ok(match (a, b) {
        (View::Bool(a), View::Bool(b)) => a.cmp(&b),
        (View::Str(a), View::Str(b)) => a.cmp(b),
        (View::Bytes(a), View::Bytes(b)) => a.cmp(b),
        (View::Duration(a), View::Duration(b)) => a.nanos().cmp(&b.nanos()),
        (View::Timestamp(a), View::Timestamp(b)) => a.cmp(&b),
        _ => return Err(EvalError::NoOverload),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_across_types() {
        use Ordering::{Equal, Greater, Less};
        for (a, b, expected) in [
            (View::Int(-1), View::Uint(0), Ok(Less)),
            (View::Uint(u64::MAX), View::Int(i64::MAX), Ok(Greater)),
            (View::Int(1), View::Double(1.0), Ok(Equal)),
            (View::Int(i64::MAX), View::Double(1e300), Ok(Less)),
            (View::Double(-1.0), View::Uint(0), Ok(Less)),
            (View::Double(f64::NAN), View::Int(0), Err(EvalError::NanOrder)),
            (View::Double(f64::NAN), View::Str("a"), Err(EvalError::NanOrder)),
            (View::Str("a"), View::Double(f64::NAN), Err(EvalError::NoOverload)),
            (View::Int(1), View::Str("a"), Err(EvalError::NoOverload)),
        ] {
            assert_eq!(order(a, b), expected, "{a:?} {b:?}");
        }
    }
}
