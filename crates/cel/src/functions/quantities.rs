//! Quantities (k8s.io/apiserver `pkg/cel/library/quantity.go`).

use super::{Row, global, int, library, member, text, wrong};
use crate::cost::CostRule::Text;
use crate::error::Eval;
use crate::library::quantity::{Quantity, QuantityError};
use crate::types::Type::{self, Bool, Double, Int, String};
use crate::value::{Opaque, Value, View};

pub(super) fn rows() -> Vec<Row> {
    let of = || Type::structure("kubernetes.Quantity");
    vec![
        global("quantity", "string_to_quantity", [String], of(), |_, arguments| {
            let quantity = library(Quantity::parse(text(&arguments[0])?))?;
            Ok(Value::opaque(Opaque::Quantity { quantity, computed: false }))
        })
        .cost_of_function(Text(1.0)),
        global("isQuantity", "is_quantity_string", [String], Bool, |_, arguments| {
            Ok(Value::Bool(Quantity::parse(text(&arguments[0])?).is_ok()))
        })
        .cost_of_function(Text(1.0)),
        // not a member, whatever its documentation says
        global("sign", "quantity_sign", [of()], Int, |_, arguments| {
            Ok(Value::Int(quantity(&arguments[0])?.sign()))
        }),
        member("isInteger", "quantity_is_integer", [of()], Bool, |_, arguments| {
            Ok(Value::Bool(quantity(&arguments[0])?.is_integer()))
        }),
        member("asInteger", "quantity_get_int", [of()], Int, |_, arguments| {
            Ok(Value::Int(library(quantity(&arguments[0])?.as_integer())?))
        }),
        member("asApproximateFloat", "quantity_get_float", [of()], Double, |_, arguments| {
            Ok(Value::Double(quantity(&arguments[0])?.as_approximate_float()))
        }),
        member("add", "quantity_add", [of(), of()], of(), |_, arguments| {
            computed(quantity(&arguments[0])?.add(quantity(&arguments[1])?))
        }),
        member("add", "quantity_add_int", [of(), Int], of(), |_, arguments| {
            computed(quantity(&arguments[0])?.add_i64(int(&arguments[1])?))
        }),
        member("sub", "quantity_sub", [of(), of()], of(), |_, arguments| {
            computed(quantity(&arguments[0])?.sub(quantity(&arguments[1])?))
        }),
        member("sub", "quantity_sub_int", [of(), Int], of(), |_, arguments| {
            computed(quantity(&arguments[0])?.sub_i64(int(&arguments[1])?))
        }),
        member("isGreaterThan", "quantity_is_greater_than", [of(), of()], Bool, |_, arguments| {
            Ok(Value::Bool(quantity(&arguments[0])?.compare(quantity(&arguments[1])?).is_gt()))
        }),
        member("isLessThan", "quantity_is_less_than", [of(), of()], Bool, |_, arguments| {
            Ok(Value::Bool(quantity(&arguments[0])?.compare(quantity(&arguments[1])?).is_lt()))
        }),
        member("compareTo", "quantity_compare_to", [of(), of()], Int, |_, arguments| {
            Ok(Value::Int(quantity(&arguments[0])?.compare(quantity(&arguments[1])?) as i64))
        }),
    ]
}

fn quantity<'v>(value: &'v Value<'_>) -> Eval<&'v Quantity> {
    match value.view() {
        View::Opaque(Opaque::Quantity { quantity, .. }) => Ok(quantity),
        _ => wrong(),
    }
}

fn computed<'d>(result: Result<Quantity, QuantityError>) -> Eval<Value<'d>> {
    Ok(Value::opaque(Opaque::Quantity { quantity: library(result)?, computed: true }))
}
