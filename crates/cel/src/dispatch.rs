//! Overload id → implementation.
//!
//! The implementations here know values; what they compute is in [`super::library`]. A function's arguments have been
//! tested against the overload's parameters, except where [`untested`] says that upstream does not.

mod authorization;
mod convert;
mod kubernetes;
mod lists;
pub(super) mod message;
mod optional;
mod strings;
mod time;

use std::sync::Arc;

use super::activation::Functions;
use super::checker::OverloadId;
use super::cost::Meter;
use super::error::{Eval, EvalError, Fault, Unknown};
use super::library::regex::Regex;
use super::plan::Call;
use super::profile::Profile;
use super::value::{Value, View};

/// What a function may use beside its arguments.
pub(super) struct Context<'m, 'a, 'd> {
    pub(super) call: &'m Call,
    pub(super) meter: &'m mut Meter,
    pub(super) profile: Profile,
    pub(super) functions: Option<&'a dyn Functions<'d>>,
}

/// An implementation.
pub(super) type Native =
    for<'m, 'a, 'd> fn(&mut Context<'m, 'a, 'd>, OverloadId, &[Value<'d>]) -> Eval<Value<'d>>;

/// A constant regular expression.
#[derive(Clone, Debug)]
pub(super) struct Pattern(pub(super) Arc<Regex>);

impl Pattern {
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        Regex::compile(text).map(|regex| Self(Arc::new(regex))).map_err(|error| error.to_string())
    }
}

/// Functions that cel-go's planner folds over a constant (`overloads.IsTypeConversionFunction`).
pub(super) fn is_conversion(function: &str) -> bool {
    matches!(
        function,
        "bool" | "bytes" | "double" | "duration" | "dyn" | "int" | "string" | "timestamp" | "type" | "uint"
    )
}

/// Functions of two arguments that upstream calls through a function of any number of them.
pub(super) fn is_lazy(function: &str) -> bool {
    matches!(function, "format")
}

/// Functions that look at their arguments' types themselves.
pub(super) fn untested(function: &str) -> Option<Native> {
    Some(match function {
        "size" => lists::size,
        "type" => convert::type_of,
        "dyn" => convert::identity,
        "contains" => strings::contains,
        "startsWith" => strings::starts_with,
        "endsWith" => strings::ends_with,
        "matches" => strings::matches,
        "sort" => lists::sort,
        "distinct" => lists::distinct,
        "flatten" => lists::flatten,
        "includes" => lists::includes,
        "@sortByAssociatedKeys" => lists::sort_by_keys,
        _ => return None,
    })
}

/// The implementation of an overload; one that nobody here implements comes from outside.
pub(super) fn native(overload: OverloadId) -> Native {
    convert::native(overload)
        .or_else(|| strings::native(overload))
        .or_else(|| lists::native(overload))
        .or_else(|| time::native(overload))
        .or_else(|| optional::native(overload))
        .or_else(|| kubernetes::native(overload))
        .or_else(|| authorization::native(overload))
        .unwrap_or(external)
}

fn external<'d>(
    context: &mut Context<'_, '_, 'd>,
    overload: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    match context.functions {
        Some(functions) => functions.call(overload, arguments),
        None => Err(Unknown::one(format!("{}()", context.call.function)).into()),
    }
}

/// A library's result, its error with the library's text.
fn library<T>(result: Result<T, impl std::fmt::Display>) -> Eval<T> {
    result.map_err(|error| Fault::from(EvalError::library(error)))
}

/// A text argument. Parameters have been tested, so this fails only where upstream does not test them.
fn text<'v>(value: &'v Value<'_>) -> Eval<&'v str> {
    value.as_str().ok_or_else(|| EvalError::NoOverload.into())
}

fn int(value: &Value<'_>) -> Eval<i64> {
    value.as_int().ok_or_else(|| EvalError::NoOverload.into())
}

/// The value as Go prints it with `%v`.
pub(super) fn plain_text(value: &Value<'_>) -> String {
    match value.view() {
        View::Null => "0".to_owned(),
        View::Bool(value) => value.to_string(),
        View::Int(value) => value.to_string(),
        View::Uint(value) => value.to_string(),
        View::Double(value) => super::library::numbers::double_text(value),
        View::Str(text) | View::Type(text) => text.to_owned(),
        View::Bytes(bytes) => format!("{bytes:?}").replace(',', ""),
        View::Duration(duration) => duration.to_string(),
        View::Timestamp(timestamp) => timestamp.to_string(),
        View::List(list) => {
            let items: Vec<_> = list.iter().map(|item| plain_text(&item)).collect();
            format!("[{}]", items.join(", "))
        }
        View::Map(map) => {
            let entries: Vec<_> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", plain_text(&key), plain_text(&value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        View::Optional(Some(value)) => format!("optional({})", plain_text(value)),
        View::Optional(None) => "optional.none()".to_owned(),
        View::Object(object) => object.type_name().to_owned(),
        View::Opaque(opaque) => opaque.type_name().to_owned(),
    }
}
