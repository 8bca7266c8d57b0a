//! `"...".format([...])` over values.

use std::borrow::Cow;

use super::dispatch::Context;
use super::error::{Eval, EvalError};
use super::library::string_format::{self, Formattable};
use super::value::{Value, View};

/// A value as the formatter sees it.
struct Shown<'d>(Value<'d>);

impl Formattable for Shown<'_> {
    fn view(&self) -> string_format::View<'_, Self> {
        use string_format::View as Out;
        match self.0.view() {
            View::Null => Out::Null,
            View::Bool(value) => Out::Bool(value),
            View::Int(value) => Out::Int(value),
            View::Uint(value) => Out::Uint(value),
            View::Double(value) => Out::Double(value),
            View::Str(text) => Out::String(Cow::Borrowed(text)),
            View::Bytes(bytes) => Out::Bytes(Cow::Borrowed(bytes)),
            View::Duration(duration) => Out::Duration(duration),
            View::Timestamp(timestamp) => Out::Timestamp(timestamp),
            View::Type(name) => Out::Type(Cow::Borrowed(name)),
            View::List(list) => Out::List(list.iter().map(Shown).collect()),
            View::Map(map) => Out::Map(map.iter().map(|(key, value)| (Shown(key), Shown(value))).collect()),
            other => Out::Other(Cow::Borrowed(other.type_name())),
        }
    }
}

pub(super) fn format<'d>(context: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let (Some(format), View::List(list)) = (arguments[0].as_str(), arguments[1].view()) else {
        return Err(EvalError::NoOverload.into());
    };
    let values: Vec<Shown<'d>> = list.iter().map(Shown).collect();
    let text = string_format::format(format, &values).map_err(EvalError::library)?;
    context.meter.grow(text.len())?;
    Ok(Value::string(text))
}
