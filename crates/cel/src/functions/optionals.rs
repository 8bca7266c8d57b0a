//! Optional values.

use super::{K, Row, V, global, list, map, member, optional, step, wrong};
use crate::ast::operator;
use crate::dispatch::{Context, plain_text};
use crate::error::{Eval, EvalError};
use crate::types::Type::{Bool, Dyn, Int, String};
use crate::value::{List, Value, View};

pub(super) fn rows() -> Vec<Row> {
    vec![
        global("optional.of", "optional_of", [V], optional(V), |_, arguments| {
            Ok(Value::some(arguments[0].clone()))
        }),
        global("optional.ofNonZeroValue", "optional_ofNonZeroValue", [V], optional(V), |_, arguments| {
            let value = &arguments[0];
            Ok(if is_zero(value) { Value::Optional(None) } else { Value::some(value.clone()) })
        }),
        global("optional.none", "optional_none", [], optional(V), |_, _| Ok(Value::Optional(None))),
        global("optional.unwrap", "optional_unwrap", [list(optional(V))], list(V), unwrap),
        member("unwrapOpt", "optional_unwrapOpt", [list(optional(V))], list(V), unwrap),
        member("value", "optional_value", [optional(V)], V, |_, arguments| match arguments[0].view() {
            View::Optional(Some(value)) => Ok(value.clone()),
            View::Optional(None) => Err(EvalError::NoneDereference.into()),
            _ => wrong(),
        }),
        member("hasValue", "optional_hasValue", [optional(V)], Bool, |_, arguments| {
            match arguments[0].view() {
                View::Optional(value) => Ok(Value::Bool(value.is_some())),
                _ => wrong(),
            }
        }),
        step("or", "optional_or_optional", [optional(V), optional(V)], optional(V)).on_receiver(),
        step("orValue", "optional_orValue_value", [optional(V), V], V).on_receiver(),
        step(operator::OPT_SELECT, "select_optional_field", [Dyn, String], optional(V)),
        step(operator::OPT_INDEX, "list_optindex_optional_int", [list(V), Int], optional(V)),
        step(
            operator::OPT_INDEX,
            "optional_list_optindex_optional_int",
            [optional(list(V)), Int],
            optional(V),
        ),
        step(operator::OPT_INDEX, "map_optindex_optional_value", [map(K, V), K], optional(V)),
        step(
            operator::OPT_INDEX,
            "optional_map_optindex_optional_value",
            [optional(map(K, V)), K],
            optional(V),
        ),
        step(operator::INDEX, "optional_list_index_int", [optional(list(V)), Int], optional(V)),
        step(operator::INDEX, "optional_map_index_value", [optional(map(K, V)), K], optional(V)),
        member("first", "list_first", [list(V)], optional(V), |_, arguments| end(arguments, |_| Some(0))),
        member("last", "list_last", [list(V)], optional(V), |_, arguments| {
            end(arguments, |length| length.checked_sub(1))
        }),
    ]
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

fn unwrap<'d>(context: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let View::List(list) = arguments[0].view() else { return wrong() };
    let mut values = Vec::with_capacity(list.len());
    for item in list.iter() {
        match item {
            Value::Optional(Some(value)) => values.push((*value).clone()),
            Value::Optional(None) => {}
            other => {
                let text = format!("value {} is not optional", plain_text(&other));
                return Err(EvalError::Library(text).into());
            }
        }
    }
    context.meter.grow(values.len() * size_of::<Value<'_>>())?;
    Ok(List::new(values)?.into())
}

/// The element of a list of this length that has the index.
fn end<'d>(arguments: &[Value<'d>], index: fn(usize) -> Option<usize>) -> Eval<Value<'d>> {
    let View::List(list) = arguments[0].view() else { return wrong() };
    let element = index(list.len()).and_then(|index| list.get(index));
    Ok(element.map_or(Value::Optional(None), Value::some))
}
