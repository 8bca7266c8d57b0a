//! The operators of numbers, durations, timestamps, and concatenation's types.

use std::sync::Arc;

use super::error::{Eval, EvalError};
use super::value::{Value, View};

/// A binary operator that computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl Operator {
    /// Whether values of this kind have the operator at all; upstream a trait of the type.
    fn is_for(self, view: View<'_, '_>) -> bool {
        match view {
            View::Int(_) | View::Uint(_) => true,
            View::Double(_) => self != Self::Modulo,
            View::Duration(_) | View::Timestamp(_) => matches!(self, Self::Add | Self::Subtract),
            View::Str(_) | View::Bytes(_) | View::List(_) => self == Self::Add,
            _ => false,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Add => "_+_",
            Self::Subtract => "_-_",
            Self::Multiply => "_*_",
            Self::Divide => "_/_",
            Self::Modulo => "_%_",
        }
    }
}

/// The error of a function that this receiver does not have. Strings, durations and timestamps answer it themselves
/// upstream, and name no function.
pub(super) fn no_trait(receiver: View<'_, '_>, function: &str) -> EvalError {
    match receiver {
        View::Str(_) | View::Duration(_) | View::Timestamp(_) => EvalError::NoOverload,
        _ => EvalError::NoOverloadOf(function.to_owned()),
    }
}

/// `a op b`, without concatenation of lists, which [`super::eval`] does because it has to be paid for.
pub(super) fn binary<'d>(operator: Operator, a: View<'_, '_>, b: View<'_, '_>) -> Eval<Value<'d>> {
    if !operator.is_for(a) {
        return Err(no_trait(a, operator.name()).into());
    }
    Ok(match (a, b) {
        (View::Int(a), View::Int(b)) => Value::Int(ints(operator, a, b)?),
        (View::Uint(a), View::Uint(b)) => Value::Uint(uints(operator, a, b)?),
        (View::Double(a), View::Double(b)) => Value::Double(match operator {
            Operator::Add => a + b,
            Operator::Subtract => a - b,
            Operator::Multiply => a * b,
            Operator::Divide => a / b,
            Operator::Modulo => return Err(EvalError::NoOverload.into()),
        }),
        (View::Str(a), View::Str(b)) => Value::string([a, b].concat()),
        (View::Bytes(a), View::Bytes(b)) => Value::Bytes(Arc::from([a, b].concat())),
        _ => times(operator, a, b)?,
    })
}

fn times<'d>(operator: Operator, a: View<'_, '_>, b: View<'_, '_>) -> Eval<Value<'d>> {
    use Operator::{Add, Subtract};
    let value = match (a, operator, b) {
        (View::Duration(a), Add, View::Duration(b)) => a.add(b).map(Value::Duration),
        (View::Duration(a), Subtract, View::Duration(b)) => a.sub(b).map(Value::Duration),
        (View::Duration(a), Add, View::Timestamp(b)) => b.add(a).map(Value::Timestamp),
        (View::Timestamp(a), Add, View::Duration(b)) => a.add(b).map(Value::Timestamp),
        (View::Timestamp(a), Subtract, View::Duration(b)) => a.sub(b).map(Value::Timestamp),
        (View::Timestamp(a), Subtract, View::Timestamp(b)) => a.since(&b).map(Value::Duration),
        _ => return Err(EvalError::NoOverload.into()),
    };
    Ok(value.map_err(EvalError::library)?)
}

fn ints(operator: Operator, a: i64, b: i64) -> Result<i64, EvalError> {
    match operator {
        Operator::Divide if b == 0 => return Err(EvalError::DivisionByZero),
        Operator::Modulo if b == 0 => return Err(EvalError::ModulusByZero),
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide => a.checked_div(b),
        Operator::Modulo => a.checked_rem(b),
    }
    .ok_or(EvalError::IntOverflow)
}

fn uints(operator: Operator, a: u64, b: u64) -> Result<u64, EvalError> {
    match operator {
        Operator::Divide if b == 0 => return Err(EvalError::DivisionByZero),
        Operator::Modulo if b == 0 => return Err(EvalError::ModulusByZero),
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide => a.checked_div(b),
        Operator::Modulo => a.checked_rem(b),
    }
    .ok_or(EvalError::UintOverflow)
}

/// `-a`
pub(super) fn negate<'d>(a: View<'_, '_>) -> Eval<Value<'d>> {
    Ok(match a {
        View::Int(a) => Value::Int(a.checked_neg().ok_or(EvalError::IntOverflow)?),
        View::Double(a) => Value::Double(-a),
        View::Duration(a) => Value::Duration(a.neg().map_err(EvalError::library)?),
        // a bool has the trait, for `!`
        View::Bool(_) => return Err(EvalError::NoOverload.into()),
        other => return Err(no_trait(other, "-_").into()),
    })
}
