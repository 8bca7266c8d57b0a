//! Functions of strings: the standard ones, cel-go's string extension, Kubernetes' `find` and `findAll`.

use std::sync::Arc;

use super::{Context, Native, int, library, text};
use crate::arithmetic::no_trait;
use crate::checker::OverloadId;
use crate::error::{Eval, EvalError};
use crate::library::regex::Regex;
use crate::library::strings;
use crate::value::{List, Value, View};

pub(super) fn native(overload: OverloadId) -> Option<Native> {
    Some(match overload {
        "string_char_at_int" => char_at,
        "string_index_of_string"
        | "string_index_of_string_int"
        | "string_last_index_of_string"
        | "string_last_index_of_string_int" => index_of,
        "string_lower_ascii"
        | "string_upper_ascii"
        | "string_trim"
        | "strings_quote"
        | "string_jsonpatch_escapeKey_string" => transform,
        "string_replace_string_string" | "string_replace_string_string_int" => replace,
        "string_split_string" | "string_split_string_int" => split,
        "string_substring_int" | "string_substring_int_int" => substring,
        "string_find_string" => find,
        "string_find_all_string" | "string_find_all_string_int" => find_all,
        "string_format" => super::super::format::format,
        _ => return None,
    })
}

/// Two texts, neither of them tested before.
fn both<'v>(arguments: &'v [Value<'_>]) -> Eval<(&'v str, &'v str)> {
    match arguments {
        [text, other, ..] => Ok((super::text(text)?, super::text(other)?)),
        _ => Err(EvalError::NoOverload.into()),
    }
}

pub(super) fn contains<'d>(
    _: &mut Context<'_, '_, 'd>,
    _: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let (text, part) = both(arguments)?;
    Ok(Value::Bool(text.contains(part)))
}

pub(super) fn starts_with<'d>(
    _: &mut Context<'_, '_, 'd>,
    _: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let (text, part) = both(arguments)?;
    Ok(Value::Bool(text.starts_with(part)))
}

pub(super) fn ends_with<'d>(
    _: &mut Context<'_, '_, 'd>,
    _: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let (text, part) = both(arguments)?;
    Ok(Value::Bool(text.ends_with(part)))
}

pub(super) fn matches<'d>(
    context: &mut Context<'_, '_, 'd>,
    _: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    if let Some(pattern) = &context.call.regex {
        return Ok(Value::Bool(library(pattern.0.is_match(text(&arguments[0])?))?));
    }
    if !matches!(arguments[0].view(), View::Str(_)) {
        return Err(no_trait(arguments[0].view(), "matches").into());
    }
    let (text, pattern) = both(arguments)?;
    Ok(Value::Bool(library(library(Regex::cached(pattern))?.is_match(text))?))
}

/// The pattern of `find` and `findAll`.
fn pattern(context: &Context<'_, '_, '_>, argument: &Value<'_>) -> Eval<Arc<Regex>> {
    match &context.call.regex {
        Some(pattern) => Ok(pattern.0.clone()),
        None => Regex::cached(text(argument)?)
            .map_err(|error| EvalError::Library(format!("Illegal regex: {error}")).into()),
    }
}

fn find<'d>(context: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let pattern = pattern(context, &arguments[1])?;
    Ok(Value::string(library(pattern.find(text(&arguments[0])?))?))
}

fn find_all<'d>(
    context: &mut Context<'_, '_, 'd>,
    _: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let limit = match arguments.get(2) {
        Some(limit) => int(limit)?,
        None => -1,
    };
    let pattern = pattern(context, &arguments[1])?;
    let found = library(pattern.find_all(text(&arguments[0])?, limit))?;
    texts(context, found)
}

/// A list of texts; each takes more room than the text it came from was charged for.
fn texts<'d>(context: &mut Context<'_, '_, 'd>, texts: Vec<&str>) -> Eval<Value<'d>> {
    context.meter.grow(texts.len() * 2 * size_of::<Value<'_>>())?;
    Ok(List::new(texts.into_iter().map(Value::string).collect())?.into())
}

fn char_at<'d>(_: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    Ok(Value::string(library(strings::char_at(text(&arguments[0])?, int(&arguments[1])?))?))
}

fn index_of<'d>(
    context: &mut Context<'_, '_, 'd>,
    overload: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let (text, needle) = both(arguments)?;
    let offset = arguments.get(2).map(int).transpose()?;
    let last = overload.starts_with("string_last");
    Ok(Value::Int(match (last, offset) {
        (false, None) => strings::index_of(text, needle),
        (true, None) => strings::last_index_of(text, needle),
        (false, Some(offset)) => library(strings::index_of_from(text, needle, offset, context.profile))?,
        (true, Some(offset)) => library(strings::last_index_of_from(text, needle, offset, context.profile))?,
    }))
}

fn transform<'d>(
    _: &mut Context<'_, '_, 'd>,
    overload: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let text = text(&arguments[0])?;
    Ok(Value::string(match overload {
        "string_lower_ascii" => strings::lower_ascii(text),
        "string_upper_ascii" => strings::upper_ascii(text),
        "string_trim" => return Ok(Value::string(strings::trim(text))),
        "strings_quote" => strings::quote(text),
        _ => strings::escape_key(text),
    }))
}

fn replace<'d>(context: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let (text, old) = both(arguments)?;
    let new = super::text(&arguments[2])?;
    let limit = arguments.get(3).map(int).transpose()?.unwrap_or(-1);
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let places = if old.is_empty() { text.len() + 1 } else { text.matches(old).take(most).count() }.min(most);
    context.meter.grow(text.len().saturating_add(places.saturating_mul(new.len())))?;
    Ok(Value::string(strings::replace(text, old, new, limit)))
}

fn split<'d>(context: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let (text, separator) = both(arguments)?;
    let limit = arguments.get(2).map(int).transpose()?.unwrap_or(-1);
    texts(context, strings::split(text, separator, limit))
}

fn substring<'d>(_: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let whole = text(&arguments[0])?;
    let start = int(&arguments[1])?;
    let part = match arguments.get(2) {
        Some(end) => library(strings::substring(whole, start, int(end)?))?,
        None => library(strings::substring_from(whole, start))?,
    };
    Ok(Value::string(part))
}
