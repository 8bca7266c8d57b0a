//! Optional values.

use super::{Context, Native};
use crate::checker::OverloadId;
use crate::error::{Eval, EvalError};
use crate::value::{List, Value, View};

pub(super) fn native(overload: OverloadId) -> Option<Native> {
    Some(match overload {
        "optional_of" => of,
        "optional_none" => none,
        "optional_ofNonZeroValue" => of_non_zero,
        "optional_hasValue" => has_value,
        "optional_value" => value,
        "optional_unwrap" | "optional_unwrapOpt" => unwrap,
        "list_first" | "list_last" => end,
        _ => return None,
    })
}

fn of<'d>(_: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    Ok(Value::some(arguments[0].clone()))
}

fn none<'d>(_: &mut Context<'_, '_, 'd>, _: OverloadId, _: &[Value<'d>]) -> Eval<Value<'d>> {
    Ok(Value::Optional(None))
}

fn of_non_zero<'d>(_: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    Ok(if is_zero(&arguments[0]) { Value::Optional(None) } else { Value::some(arguments[0].clone()) })
}

/// What upstream's `IsZeroValue` says; values of types that have no such question are not zero.
fn is_zero(value: &Value<'_>) -> bool {
    match value.view() {
        View::Null => true,
        View::Bool(value) => !value,
        View::Int(value) => value == 0,
        View::Uint(value) => value == 0,
        View::Double(value) => value == 0.0,
        View::Str(text) => text.is_empty(),
        View::Bytes(bytes) => bytes.is_empty(),
        View::Duration(duration) => duration.nanos() == 0,
        View::Timestamp(timestamp) => {
            // Go's zero time is the first instant of the year 1
            (timestamp.unix_seconds(), timestamp.nanos()) == (-62_135_596_800, 0)
        }
        View::List(list) => list.is_empty(),
        View::Map(map) => map.is_empty(),
        View::Object(object) => object.fields().is_empty(),
        View::Optional(_) | View::Type(_) | View::Opaque(_) => false,
    }
}

fn has_value<'d>(_: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    match arguments[0].view() {
        View::Optional(value) => Ok(Value::Bool(value.is_some())),
        _ => Err(EvalError::NoOverload.into()),
    }
}

fn value<'d>(_: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    match arguments[0].view() {
        View::Optional(Some(value)) => Ok(value.clone()),
        View::Optional(None) => Err(EvalError::NoneDereference.into()),
        _ => Err(EvalError::NoOverload.into()),
    }
}

fn unwrap<'d>(context: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let View::List(list) = arguments[0].view() else { return Err(EvalError::NoOverload.into()) };
    let mut values = Vec::with_capacity(list.len());
    for item in list.iter() {
        match item {
            Value::Optional(Some(value)) => values.push((*value).clone()),
            Value::Optional(None) => {}
            other => {
                let text = format!("value {} is not optional", super::plain_text(&other));
                return Err(EvalError::Library(text).into());
            }
        }
    }
    context.meter.grow(values.len() * size_of::<Value<'_>>())?;
    Ok(List::new(values)?.into())
}

fn end<'d>(_: &mut Context<'_, '_, 'd>, overload: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let View::List(list) = arguments[0].view() else { return Err(EvalError::NoOverload.into()) };
    let index = if overload == "list_first" { Some(0) } else { list.len().checked_sub(1) };
    Ok(index.and_then(|index| list.get(index)).map_or(Value::Optional(None), Value::some))
}
