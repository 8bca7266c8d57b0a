//! Operators, and what macros expand to.

use super::{A, B, K, Row, V, global, list, map, step};
use crate::ast::operator;
use crate::cost::CostRule::{Equals, In, Smaller, Sum};
use crate::error::EvalError;
use crate::types::Type::{Bool, Bytes, Double, Duration, Int, String, Timestamp, Uint};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        step(operator::CONDITIONAL, "conditional", [Bool, A, A], A),
        step(operator::AND, "logical_and", [Bool, Bool], Bool),
        step(operator::OR, "logical_or", [Bool, Bool], Bool),
        step(operator::NOT, "logical_not", [Bool], Bool),
        step(operator::NOT_STRICTLY_FALSE, "not_strictly_false", [Bool], Bool),
        step("__not_strictly_false__", "__not_strictly_false__", [Bool], Bool),
        step(operator::EQUALS, "equals", [A, A], Bool).cost_of_overload(Equals),
        step(operator::NOT_EQUALS, "not_equals", [A, A], Bool).cost_of_overload(Smaller),
        step(operator::ADD, "add_bytes", [Bytes, Bytes], Bytes).cost_of_overload(Sum),
        step(operator::ADD, "add_double", [Double, Double], Double),
        step(operator::ADD, "add_duration_duration", [Duration, Duration], Duration),
        step(operator::ADD, "add_duration_timestamp", [Duration, Timestamp], Timestamp),
        step(operator::ADD, "add_timestamp_duration", [Timestamp, Duration], Timestamp),
        step(operator::ADD, "add_int64", [Int, Int], Int),
        step(operator::ADD, "add_list", [list(A), list(A)], list(A)),
        step(operator::ADD, "add_string", [String, String], String).cost_of_overload(Sum),
        step(operator::ADD, "add_uint64", [Uint, Uint], Uint),
        step(operator::SUBTRACT, "subtract_double", [Double, Double], Double),
        step(operator::SUBTRACT, "subtract_duration_duration", [Duration, Duration], Duration),
        step(operator::SUBTRACT, "subtract_int64", [Int, Int], Int),
        step(operator::SUBTRACT, "subtract_timestamp_duration", [Timestamp, Duration], Timestamp),
        step(operator::SUBTRACT, "subtract_timestamp_timestamp", [Timestamp, Timestamp], Duration),
        step(operator::SUBTRACT, "subtract_uint64", [Uint, Uint], Uint),
        step(operator::MULTIPLY, "multiply_double", [Double, Double], Double),
        step(operator::MULTIPLY, "multiply_int64", [Int, Int], Int),
        step(operator::MULTIPLY, "multiply_uint64", [Uint, Uint], Uint),
        step(operator::DIVIDE, "divide_double", [Double, Double], Double),
        step(operator::DIVIDE, "divide_int64", [Int, Int], Int),
        step(operator::DIVIDE, "divide_uint64", [Uint, Uint], Uint),
        step(operator::MODULO, "modulo_int64", [Int, Int], Int),
        step(operator::MODULO, "modulo_uint64", [Uint, Uint], Uint),
        step(operator::NEGATE, "negate_double", [Double], Double),
        step(operator::NEGATE, "negate_int64", [Int], Int),
        step(operator::INDEX, "index_list", [list(A), Int], A),
        step(operator::INDEX, "index_map", [map(A, B), A], B),
        // only where the accumulator is no local variable, which no macro makes
        global(operator::MAP_INSERT, "@mapInsert_map_key_value", [map(K, V), K, V], map(K, V), |_, _| {
            Err(EvalError::NoOverload.into())
        }),
        global(operator::MAP_INSERT, "@mapInsert_map_map", [map(K, V), map(K, V)], map(K, V), |_, _| {
            Err(EvalError::NoOverload.into())
        }),
    ];
    for name in [operator::IN, "_in_", "in"] {
        rows.extend([
            step(name, "in_list", [A, list(A)], Bool).cost_of_overload(In),
            step(name, "in_map", [A, map(A, B)], Bool),
        ]);
    }
    relations(&mut rows);
    rows
}

/// Ordering, between numbers of different types too.
fn relations(rows: &mut Vec<Row>) {
    macro_rules! relation {
        ($name:expr, $stem:literal) => {
            rows.extend([
                step($name, concat!($stem, "_bool"), [Bool, Bool], Bool),
                step($name, concat!($stem, "_int64"), [Int, Int], Bool),
                step($name, concat!($stem, "_int64_double"), [Int, Double], Bool),
                step($name, concat!($stem, "_int64_uint64"), [Int, Uint], Bool),
                step($name, concat!($stem, "_uint64"), [Uint, Uint], Bool),
                step($name, concat!($stem, "_uint64_double"), [Uint, Double], Bool),
                step($name, concat!($stem, "_uint64_int64"), [Uint, Int], Bool),
                step($name, concat!($stem, "_double"), [Double, Double], Bool),
                step($name, concat!($stem, "_double_int64"), [Double, Int], Bool),
                step($name, concat!($stem, "_double_uint64"), [Double, Uint], Bool),
                step($name, concat!($stem, "_string"), [String, String], Bool).cost_of_overload(Smaller),
                step($name, concat!($stem, "_bytes"), [Bytes, Bytes], Bool).cost_of_overload(Smaller),
                step($name, concat!($stem, "_timestamp"), [Timestamp, Timestamp], Bool),
                step($name, concat!($stem, "_duration"), [Duration, Duration], Bool),
            ]);
        };
    }
    relation!(operator::LESS, "less");
    relation!(operator::LESS_EQUALS, "less_equals");
    relation!(operator::GREATER, "greater");
    relation!(operator::GREATER_EQUALS, "greater_equals");
}
