//! Functions of lists and maps: the standard ones, cel-go's list extension, Kubernetes' list library.

use std::cmp::Ordering;

use super::{A, B, Row, T, global, int, list, map, member, wrong};
use crate::arithmetic::{self, Operator, no_trait};
use crate::ast::operator;
use crate::compare::{self, Equality};
use crate::cost::CostRule::{Flatten, Range, Reverse, SelfCompare, Slice, Tree};
use crate::dispatch::Context;
use crate::error::{Eval, EvalError};
use crate::library::time;
use crate::profile::Profile;
use crate::types::Type::{Bool, Bytes, Double, Duration, Dyn, Int, String, Timestamp, Uint};
use crate::value::{List, ListView, Value, View};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        global("size", "size_bytes", [Bytes], Int, size).untested(),
        member("size", "bytes_size", [Bytes], Int, size).untested(),
        global("size", "size_list", [list(A)], Int, size).untested(),
        member("size", "list_size", [list(A)], Int, size).untested(),
        global("size", "size_map", [map(A, B)], Int, size).untested(),
        member("size", "map_size", [map(A, B)], Int, size).untested(),
        global("size", "size_string", [String], Int, size).untested(),
        member("size", "string_size", [String], Int, size).untested(),
        member("slice", "list_slice", [list(T), Int, Int], list(T), slice).cost_of_overload(Slice),
        member("flatten", "list_flatten", [list(list(T))], list(T), flatten)
            .untested()
            .cost_of_overload(Flatten),
        member("flatten", "list_flatten_int", [list(Dyn), Int], list(Dyn), flatten)
            .untested()
            .cost_of_overload(Flatten),
        member("reverse", "list_reverse", [list(T)], list(T), reverse).cost_of_overload(Reverse),
        member("distinct", "list_distinct", [list(T)], list(T), distinct)
            .untested()
            .cost_of_overload(SelfCompare(0)),
        global("lists.range", "lists_range", [Int], list(Int), range).cost_of_overload(Range),
        member("indexOf", "list_a_index_of_int", [list(A), A], Int, |_, arguments| {
            let mut items = items(&arguments[0])?.iter();
            Ok(index(items.position(|item| same(&item, &arguments[1]))))
        })
        .cost_of_function(Tree),
        member("lastIndexOf", "list_a_last_index_of_int", [list(A), A], Int, |_, arguments| {
            let items = items(&arguments[0])?.iter().enumerate();
            Ok(index(items.filter(|(_, item)| same(item, &arguments[1])).last().map(|(index, _)| index)))
        })
        .cost_of_function(Tree),
        member("includes", "list_includes_dyn_dyn", [Dyn, Dyn], Bool, includes)
            .since(Profile::V1_37)
            .untested()
            .cost_of_function(Tree),
    ];
    comparable(&mut rows);
    sums(&mut rows);
    rows
}

/// What lists have of every type with an order. cel-go's ids have the type's full name, Kubernetes' its short one.
fn comparable(rows: &mut Vec<Row>) {
    macro_rules! comparable {
        ($type:expr, $short:literal, $full:literal) => {
            rows.extend([
                member("sort", concat!("list_", $full, "_sort"), [list($type)], list($type), sort)
                    .untested()
                    .cost_of_overload(SelfCompare(0)),
                member(
                    operator::SORT_BY_KEYS,
                    concat!("list_", $full, "_sortByAssociatedKeys"),
                    [list(T), list($type)],
                    list(T),
                    sort_by_keys,
                )
                .untested()
                .cost_of_overload(SelfCompare(1)),
                member(
                    "isSorted",
                    concat!("list_", $short, "_is_sorted_bool"),
                    [list($type)],
                    Bool,
                    is_sorted,
                )
                .cost_of_function(Tree),
                member("min", concat!("list_", $short, "_min_", $short), [list($type)], $type, min)
                    .cost_of_function(Tree),
                member("max", concat!("list_", $short, "_max_", $short), [list($type)], $type, max)
                    .cost_of_function(Tree),
            ]);
        };
    }
    comparable!(Int, "int", "int");
    comparable!(Uint, "uint", "uint");
    comparable!(Double, "double", "double");
    comparable!(Bool, "bool", "bool");
    comparable!(Duration, "duration", "google.protobuf.Duration");
    comparable!(Timestamp, "timestamp", "google.protobuf.Timestamp");
    comparable!(String, "string", "string");
    comparable!(Bytes, "bytes", "bytes");
}

fn sums(rows: &mut Vec<Row>) {
    rows.extend([
        member("sum", "list_int_sum_int", [list(Int)], Int, |_, arguments| sum(arguments, Value::Int(0)))
            .cost_of_function(Tree),
        member("sum", "list_uint_sum_uint", [list(Uint)], Uint, |_, arguments| {
            sum(arguments, Value::Uint(0))
        })
        .cost_of_function(Tree),
        member("sum", "list_double_sum_double", [list(Double)], Double, |_, arguments| {
            sum(arguments, Value::Double(0.0))
        })
        .cost_of_function(Tree),
        member("sum", "list_duration_sum_duration", [list(Duration)], Duration, |_, arguments| {
            sum(arguments, Value::Duration(time::Duration::from_nanos(0)))
        })
        .cost_of_function(Tree),
    ]);
}

pub(super) fn items<'v, 'd>(value: &'v Value<'d>) -> Eval<ListView<'v, 'd>> {
    match value.view() {
        View::List(list) => Ok(list),
        _ => wrong(),
    }
}

fn made<'d>(context: &mut Context<'_, '_, 'd>, items: Vec<Value<'d>>) -> Eval<Value<'d>> {
    context.meter.grow(items.len() * size_of::<Value<'_>>())?;
    Ok(List::new(items)?.into())
}

fn size<'d>(_: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let view = arguments[0].view();
    match view.size() {
        Some(size) => Ok(Value::Int(size as i64)),
        None => Err(no_trait(view, "size").into()),
    }
}

fn includes<'d>(context: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    match arguments[0].view() {
        View::List(list) => contains(context, list, &arguments[1]).map(Value::Bool),
        // what is no list is compared itself
        other => Ok(Value::Bool(compare::equal(other, arguments[1].view()) == Equality::Same)),
    }
}

pub(super) fn contains(
    context: &mut Context<'_, '_, '_>,
    list: ListView<'_, '_>,
    item: &Value<'_>,
) -> Eval<bool> {
    for member in list.iter() {
        context.meter.tick()?;
        if compare::equal(item.view(), member.view()) == Equality::Same {
            return Ok(true);
        }
    }
    Ok(false)
}

fn slice<'d>(context: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let list = items(&arguments[0])?;
    let (start, end) = (int(&arguments[1])?, int(&arguments[2])?);
    let refuse = |why: &str| EvalError::Library(format!("cannot slice({start}, {end}), {why}")).into();
    let (Ok(from), Ok(to)) = (usize::try_from(start), usize::try_from(end)) else {
        return Err(refuse("negative indexes not supported"));
    };
    if start > end {
        return Err(refuse("start index must be less than or equal to end index"));
    }
    if list.len() < to {
        return Err(refuse(&format!("list is length {}", list.len())));
    }
    made(context, list.iter().skip(from).take(to - from).collect())
}

fn range<'d>(context: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let end = int(&arguments[0])?;
    context.meter.grow(usize::try_from(end).unwrap_or(0).saturating_mul(size_of::<Value<'_>>()))?;
    Ok(List::new((0..end).map(Value::Int).collect())?.into())
}

fn reverse<'d>(context: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let mut items: Vec<_> = items(&arguments[0])?.iter().collect();
    items.reverse();
    made(context, items)
}

fn distinct<'d>(context: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let View::List(list) = arguments[0].view() else { return Err(not_a_list(&arguments[0])) };
    let mut unique: Vec<Value<'d>> = Vec::new();
    for item in list.iter() {
        context.meter.tick()?;
        if !unique.iter().any(|known| compare::equal(item.view(), known.view()) == Equality::Same) {
            unique.push(item);
        }
    }
    made(context, unique)
}

fn not_a_list(value: &Value<'_>) -> crate::error::Fault {
    let text =
        format!("interface conversion: {} is not traits.Lister: missing method Add", value.view().go_type());
    EvalError::Internal(text).into()
}

fn flatten<'d>(context: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let depth = match arguments.get(1) {
        None => 1,
        Some(depth) => match depth.as_int() {
            Some(depth) => depth,
            None => {
                let text =
                    format!("interface conversion: ref.Val is {}, not types.Int", depth.view().go_type());
                return Err(EvalError::Internal(text).into());
            }
        },
    };
    let View::List(list) = arguments[0].view() else {
        let of = match arguments[0].view().type_name() {
            "map" => "map(dyn, dyn)",
            "optional_type" if context.profile >= Profile::V1_37 => "optional_type(dyn)",
            other => other,
        };
        let text = match arguments.get(1) {
            None => format!("{of}.flatten()"),
            Some(_) => format!("{of}.flatten(int)"),
        };
        return Err(EvalError::NoOverloadOf(text).into());
    };
    if depth < 0 {
        return Err(EvalError::Library("level must be non-negative".to_owned()).into());
    }
    let mut flat = Vec::new();
    flatten_into(context, list, depth, &mut flat)?;
    Ok(List::new(flat)?.into())
}

/// As deep as the lists nest, which is bounded.
fn flatten_into<'d>(
    context: &mut Context<'_, '_, 'd>,
    list: ListView<'_, 'd>,
    depth: i64,
    flat: &mut Vec<Value<'d>>,
) -> Eval<()> {
    for item in list.iter() {
        context.meter.tick()?;
        match item.view() {
            View::List(inner) if depth > 0 => flatten_into(context, inner, depth - 1, flat)?,
            _ => {
                context.meter.grow(size_of::<Value<'_>>())?;
                flat.push(item);
            }
        }
    }
    Ok(())
}

/// Upstream's order of longer lists with NaN among them is arbitrary; here the rest stays as it is.
const MOST_WITH_NAN: usize = 12;

/// Sorted by the keys, which have to be of one ordered type.
fn sorted_order(keys: ListView<'_, '_>) -> Eval<Vec<usize>> {
    let keys: Vec<Value<'_>> = keys.iter().collect();
    let Some(first) = keys.first() else { return Ok(Vec::new()) };
    if !compare::is_ordered(first.view()) {
        return Err(EvalError::Library("list elements must be comparable".to_owned()).into());
    }
    let of = first.view().type_name();
    if keys.iter().any(|key| key.view().type_name() != of) {
        return Err(EvalError::Library("list elements must have the same type".to_owned()).into());
    }
    let mut order: Vec<usize> = (0..keys.len()).collect();
    let less = |a: usize, b: usize| compare::order(keys[a].view(), keys[b].view()) == Ok(Ordering::Less);
    if keys.iter().any(|key| matches!(key.view(), View::Double(value) if value.is_nan())) {
        // NaN is not less than anything and nothing is less than it, which is no order: as Go's insertion sort has it
        for at in 1..order.len().min(MOST_WITH_NAN) {
            let mut at = at;
            while at > 0 && less(order[at], order[at - 1]) {
                order.swap(at, at - 1);
                at -= 1;
            }
        }
    } else {
        order.sort_by(|a, b| compare::order(keys[*a].view(), keys[*b].view()).unwrap_or(Ordering::Equal));
    }
    Ok(order)
}

fn sort<'d>(context: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let View::List(list) = arguments[0].view() else {
        return Err(no_trait(arguments[0].view(), "sort").into());
    };
    arrange(context, list, list)
}

fn sort_by_keys<'d>(context: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let (items, keys) = (items(&arguments[0])?, items(&arguments[1])?);
    if items.len() != keys.len() {
        let text = format!(
            "@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got {} and {} \
             elements respectively",
            items.len(),
            keys.len()
        );
        return Err(EvalError::Library(text).into());
    }
    arrange(context, items, keys)
}

fn arrange<'d>(
    context: &mut Context<'_, '_, 'd>,
    items: ListView<'_, 'd>,
    keys: ListView<'_, 'd>,
) -> Eval<Value<'d>> {
    let order = sorted_order(keys)?;
    let items: Vec<Value<'d>> = items.iter().collect();
    made(context, order.into_iter().map(|at| items[at].clone()).collect())
}

/// An element that has an order. Elements whose orders do not go together are neither less nor greater.
fn ordered(item: &Value<'_>) -> Eval<()> {
    if compare::is_ordered(item.view()) { Ok(()) } else { Err(EvalError::NoOverload.into()) }
}

fn is_sorted<'d>(_: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let mut previous: Option<Value<'d>> = None;
    for item in items(&arguments[0])?.iter() {
        ordered(&item)?;
        if let Some(previous) = &previous
            && compare::order(previous.view(), item.view()) == Ok(Ordering::Greater)
        {
            return Ok(Value::Bool(false));
        }
        previous = Some(item);
    }
    Ok(Value::Bool(true))
}

fn min<'d>(_: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    extreme("min", arguments, Ordering::Less)
}

fn max<'d>(_: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    extreme("max", arguments, Ordering::Greater)
}

fn extreme<'d>(name: &str, arguments: &[Value<'d>], wanted: Ordering) -> Eval<Value<'d>> {
    let mut best: Option<Value<'d>> = None;
    for item in items(&arguments[0])?.iter() {
        ordered(&item)?;
        if best.as_ref().is_none_or(|best| compare::order(item.view(), best.view()) == Ok(wanted)) {
            best = Some(item);
        }
    }
    best.ok_or_else(|| EvalError::Library(format!("{name} called on empty list")).into())
}

fn sum<'d>(arguments: &[Value<'d>], mut total: Value<'d>) -> Eval<Value<'d>> {
    for item in items(&arguments[0])?.iter() {
        total = arithmetic::binary(Operator::Add, total.view(), item.view())?;
    }
    Ok(total)
}

fn same(one: &Value<'_>, other: &Value<'_>) -> bool {
    compare::equal(one.view(), other.view()) == Equality::Same
}

fn index(found: Option<usize>) -> Value<'static> {
    Value::Int(found.map_or(-1, |index| index as i64))
}
