//! Functions of lists and maps: the standard ones, cel-go's list and set extensions, Kubernetes' list library.

use std::cmp::Ordering;

use super::{Context, Native, int, text};
use crate::arithmetic::{self, Operator, no_trait};
use crate::checker::OverloadId;
use crate::compare::{self, Equality};
use crate::error::{Eval, EvalError};
use crate::profile::Profile;
use crate::value::{List, ListView, Value, View};

pub(super) fn native(overload: OverloadId) -> Option<Native> {
    Some(match overload {
        "list_join" | "list_join_string" => join,
        "list_slice" => slice,
        "lists_range" => range,
        "list_reverse" => reverse,
        "list_a_index_of_int" | "list_a_last_index_of_int" => index_of,
        "list_sets_contains_list" | "list_sets_equivalent_list" | "list_sets_intersects_list" => sets,
        "@mapInsert_map_key_value" | "@mapInsert_map_map" => map_insert,
        _ if !overload.starts_with("list_") => return None,
        _ if overload.ends_with("_is_sorted_bool") => is_sorted,
        _ if overload.contains("_min_") || overload.contains("_max_") => extreme,
        _ if overload.contains("_sum_") => sum,
        _ => return None,
    })
}

fn list<'v, 'd>(value: &'v Value<'d>) -> Eval<ListView<'v, 'd>> {
    match value.view() {
        View::List(list) => Ok(list),
        _ => Err(EvalError::NoOverload.into()),
    }
}

fn made<'d>(context: &mut Context<'_, '_, 'd>, items: Vec<Value<'d>>) -> Eval<Value<'d>> {
    context.meter.grow(items.len() * size_of::<Value<'_>>())?;
    Ok(List::new(items)?.into())
}

pub(super) fn size<'d>(
    _: &mut Context<'_, '_, 'd>,
    _: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let view = arguments[0].view();
    match view.size() {
        Some(size) => Ok(Value::Int(size as i64)),
        None => Err(no_trait(view, "size").into()),
    }
}

pub(super) fn includes<'d>(
    context: &mut Context<'_, '_, 'd>,
    _: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    match arguments[0].view() {
        View::List(list) => contains(context, list, &arguments[1]).map(Value::Bool),
        // what is no list is compared itself
        other => Ok(Value::Bool(compare::equal(other, arguments[1].view()) == Equality::Same)),
    }
}

fn contains(context: &mut Context<'_, '_, '_>, list: ListView<'_, '_>, item: &Value<'_>) -> Eval<bool> {
    for member in list.iter() {
        context.meter.tick()?;
        if compare::equal(item.view(), member.view()) == Equality::Same {
            return Ok(true);
        }
    }
    Ok(false)
}

fn join<'d>(context: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let list = list(&arguments[0])?;
    let separator = arguments.get(1).map(text).transpose()?.unwrap_or_default();
    let mut joined = String::new();
    for (index, item) in list.iter().enumerate() {
        let Some(item) = item.as_str() else {
            let text = format!("join: invalid input: {}", super::plain_text(&item));
            return Err(EvalError::Library(text).into());
        };
        context.meter.grow(item.len() + separator.len())?;
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(item);
    }
    Ok(Value::string(joined))
}

fn slice<'d>(context: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let list = list(&arguments[0])?;
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

fn range<'d>(context: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let end = int(&arguments[0])?;
    context.meter.grow(usize::try_from(end).unwrap_or(0).saturating_mul(size_of::<Value<'_>>()))?;
    Ok(List::new((0..end).map(Value::Int).collect())?.into())
}

fn reverse<'d>(context: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let mut items: Vec<_> = list(&arguments[0])?.iter().collect();
    items.reverse();
    made(context, items)
}

pub(super) fn distinct<'d>(
    context: &mut Context<'_, '_, 'd>,
    _: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
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

pub(super) fn flatten<'d>(
    context: &mut Context<'_, '_, 'd>,
    _: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
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

pub(super) fn sort<'d>(
    context: &mut Context<'_, '_, 'd>,
    _: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let View::List(list) = arguments[0].view() else {
        return Err(no_trait(arguments[0].view(), "sort").into());
    };
    arrange(context, list, list)
}

pub(super) fn sort_by_keys<'d>(
    context: &mut Context<'_, '_, 'd>,
    _: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let (items, keys) = (list(&arguments[0])?, list(&arguments[1])?);
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

fn is_sorted<'d>(_: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let mut previous: Option<Value<'d>> = None;
    for item in list(&arguments[0])?.iter() {
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

fn extreme<'d>(
    _: &mut Context<'_, '_, 'd>,
    overload: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let (name, wanted) =
        if overload.contains("_min_") { ("min", Ordering::Less) } else { ("max", Ordering::Greater) };
    let mut best: Option<Value<'d>> = None;
    for item in list(&arguments[0])?.iter() {
        ordered(&item)?;
        if best.as_ref().is_none_or(|best| compare::order(item.view(), best.view()) == Ok(wanted)) {
            best = Some(item);
        }
    }
    best.ok_or_else(|| EvalError::Library(format!("{name} called on empty list")).into())
}

fn sum<'d>(_: &mut Context<'_, '_, 'd>, overload: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    use crate::library::time::Duration;
    let mut total = match overload {
        "list_int_sum_int" => Value::Int(0),
        "list_uint_sum_uint" => Value::Uint(0),
        "list_double_sum_double" => Value::Double(0.0),
        _ => Value::Duration(Duration::from_nanos(0)),
    };
    for item in list(&arguments[0])?.iter() {
        total = arithmetic::binary(Operator::Add, total.view(), item.view())?;
    }
    Ok(total)
}

fn index_of<'d>(
    _: &mut Context<'_, '_, 'd>,
    overload: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let list = list(&arguments[0])?;
    let is_it = |item: &Value<'_>| compare::equal(item.view(), arguments[1].view()) == Equality::Same;
    let found = if overload == "list_a_index_of_int" {
        list.iter().position(|item| is_it(&item))
    } else {
        list.iter().enumerate().filter(|(_, item)| is_it(item)).last().map(|(index, _)| index)
    };
    Ok(Value::Int(found.map_or(-1, |index| index as i64)))
}

fn sets<'d>(
    context: &mut Context<'_, '_, 'd>,
    overload: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let (a, b) = (list(&arguments[0])?, list(&arguments[1])?);
    let mut within = |whole: ListView<'_, '_>, part: ListView<'_, '_>| -> Eval<bool> {
        for item in part.iter() {
            if !contains(context, whole, &item)? {
                return Ok(false);
            }
        }
        Ok(true)
    };
    Ok(Value::Bool(match overload {
        "list_sets_contains_list" => within(a, b)?,
        "list_sets_equivalent_list" => within(a, b)? && within(b, a)?,
        _ => {
            for item in a.iter() {
                if contains(context, b, &item)? {
                    return Ok(Value::Bool(true));
                }
            }
            false
        }
    }))
}

/// Only reached when the accumulator is no local variable, which no macro makes.
fn map_insert<'d>(_: &mut Context<'_, '_, 'd>, _: OverloadId, _: &[Value<'d>]) -> Eval<Value<'d>> {
    Err(EvalError::NoOverload.into())
}
