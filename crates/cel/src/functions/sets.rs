//! Lists as sets: cel-go's set extension.

use super::lists::{contains, items};
use super::{Row, T, global, list};
use crate::cost::CostRule::Sets;
use crate::dispatch::Context;
use crate::error::Eval;
use crate::types::Type::Bool;
use crate::value::{ListView, Value};

pub(super) fn rows() -> Vec<Row> {
    vec![
        global("sets.contains", "list_sets_contains_list", [list(T), list(T)], Bool, |context, arguments| {
            let (whole, part) = (items(&arguments[0])?, items(&arguments[1])?);
            Ok(Value::Bool(within(context, whole, part)?))
        })
        .cost_of_overload(Sets(1)),
        global(
            "sets.equivalent",
            "list_sets_equivalent_list",
            [list(T), list(T)],
            Bool,
            |context, arguments| {
                let (one, other) = (items(&arguments[0])?, items(&arguments[1])?);
                Ok(Value::Bool(within(context, one, other)? && within(context, other, one)?))
            },
        )
        .cost_of_overload(Sets(2)),
        global(
            "sets.intersects",
            "list_sets_intersects_list",
            [list(T), list(T)],
            Bool,
            |context, arguments| {
                let (one, other) = (items(&arguments[0])?, items(&arguments[1])?);
                for item in one.iter() {
                    if contains(context, other, &item)? {
                        return Ok(Value::Bool(true));
                    }
                }
                Ok(Value::Bool(false))
            },
        )
        .cost_of_overload(Sets(1)),
    ]
}

/// Whether every element of one list is in the other.
fn within(context: &mut Context<'_, '_, '_>, whole: ListView<'_, '_>, part: ListView<'_, '_>) -> Eval<bool> {
    for item in part.iter() {
        if !contains(context, whole, &item)? {
            return Ok(false);
        }
    }
    Ok(true)
}
