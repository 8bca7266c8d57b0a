//! Functions of strings: the standard ones, cel-go's string extension, Kubernetes' `find` and `findAll`.

use std::sync::Arc;

use super::{Row, global, int, library, list, member, text, wrong};
use crate::arithmetic::no_trait;
use crate::cost::CostRule::{Contains, Join, Regex as Matching, Text, Tree};
use crate::declarations::EnvKind;
use crate::dispatch::{Context, plain_text};
use crate::error::{Eval, EvalError};
use crate::library::regex::Regex;
use crate::library::strings;
use crate::types::Type::{Bool, Dyn, Int, String};
use crate::value::{List, Value, View};

pub(super) fn rows() -> Vec<Row> {
    vec![
        member("contains", "contains_string", [String, String], Bool, |_, arguments| {
            let (text, part) = both(arguments)?;
            Ok(Value::Bool(text.contains(part)))
        })
        .untested()
        .cost_of_overload(Contains),
        member("endsWith", "ends_with_string", [String, String], Bool, |_, arguments| {
            let (text, part) = both(arguments)?;
            Ok(Value::Bool(text.ends_with(part)))
        })
        .untested()
        .cost_of_overload(Text(1.0)),
        member("startsWith", "starts_with_string", [String, String], Bool, |_, arguments| {
            let (text, part) = both(arguments)?;
            Ok(Value::Bool(text.starts_with(part)))
        })
        .untested()
        .cost_of_overload(Text(1.0)),
        // cel-go's cost model knows the member only
        global("matches", "matches", [String, String], Bool, matches).untested(),
        member("matches", "matches_string", [String, String], Bool, matches)
            .untested()
            .cost_of_overload(Matching),
        member("charAt", "string_char_at_int", [String, Int], String, |_, arguments| {
            Ok(Value::string(library(strings::char_at(text(&arguments[0])?, int(&arguments[1])?))?))
        }),
        member("indexOf", "string_index_of_string", [String, String], Int, |_, arguments| {
            let (text, needle) = both(arguments)?;
            Ok(Value::Int(strings::index_of(text, needle)))
        })
        .cost_of_function(Tree),
        member("indexOf", "string_index_of_string_int", [String, String, Int], Int, |context, arguments| {
            let ((text, needle), offset) = (both(arguments)?, int(&arguments[2])?);
            Ok(Value::Int(library(strings::index_of_from(text, needle, offset, context.profile))?))
        })
        .cost_of_function(Tree),
        member("lastIndexOf", "string_last_index_of_string", [String, String], Int, |_, arguments| {
            let (text, needle) = both(arguments)?;
            Ok(Value::Int(strings::last_index_of(text, needle)))
        })
        .cost_of_function(Tree),
        member(
            "lastIndexOf",
            "string_last_index_of_string_int",
            [String, String, Int],
            Int,
            |context, arguments| {
                let ((text, needle), offset) = (both(arguments)?, int(&arguments[2])?);
                Ok(Value::Int(library(strings::last_index_of_from(text, needle, offset, context.profile))?))
            },
        )
        .cost_of_function(Tree),
        member("join", "list_join", [list(String)], String, join).cost_of_function(Join),
        member("join", "list_join_string", [list(String), String], String, join).cost_of_function(Join),
        member("lowerAscii", "string_lower_ascii", [String], String, |_, arguments| {
            Ok(Value::string(strings::lower_ascii(text(&arguments[0])?)))
        })
        .cost_of_function(Text(1.0)),
        member("upperAscii", "string_upper_ascii", [String], String, |_, arguments| {
            Ok(Value::string(strings::upper_ascii(text(&arguments[0])?)))
        })
        .cost_of_function(Text(1.0)),
        member("replace", "string_replace_string_string", [String, String, String], String, replace)
            .cost_of_function(Text(2.0)),
        member("replace", "string_replace_string_string_int", [String, String, String, Int], String, replace)
            .cost_of_function(Text(2.0)),
        member("split", "string_split_string", [String, String], list(String), split)
            .cost_of_function(Text(2.0)),
        member("split", "string_split_string_int", [String, String, Int], list(String), split)
            .cost_of_function(Text(2.0)),
        member("substring", "string_substring_int", [String, Int], String, |_, arguments| {
            let (text, start) = (text(&arguments[0])?, int(&arguments[1])?);
            Ok(Value::string(library(strings::substring_from(text, start))?))
        })
        .cost_of_function(Text(1.0)),
        member("substring", "string_substring_int_int", [String, Int, Int], String, |_, arguments| {
            let (text, start, end) = (text(&arguments[0])?, int(&arguments[1])?, int(&arguments[2])?);
            Ok(Value::string(library(strings::substring(text, start, end))?))
        })
        .cost_of_function(Text(1.0)),
        member("trim", "string_trim", [String], String, |_, arguments| {
            Ok(Value::string(strings::trim(text(&arguments[0])?)))
        })
        .cost_of_function(Text(1.0)),
        member("format", "string_format", [String, list(Dyn)], String, crate::format::format)
            .variadic()
            .cost_of_overload(Text(1.0)),
        global("strings.quote", "strings_quote", [String], String, |_, arguments| {
            Ok(Value::string(strings::quote(text(&arguments[0])?)))
        })
        .cost_of_overload(Text(1.0)),
        member("find", "string_find_string", [String, String], String, |context, arguments| {
            let pattern = pattern(context, &arguments[1])?;
            Ok(Value::string(library(pattern.find(text(&arguments[0])?))?))
        })
        .cost_of_function(Matching),
        member("findAll", "string_find_all_string", [String, String], list(String), find_all)
            .cost_of_function(Matching),
        member("findAll", "string_find_all_string_int", [String, String, Int], list(String), find_all)
            .cost_of_function(Matching),
        global(
            "jsonpatch.escapeKey",
            "string_jsonpatch_escapeKey_string",
            [String],
            String,
            |_, arguments| Ok(Value::string(strings::escape_key(text(&arguments[0])?))),
        )
        .only_in(EnvKind::Mutation)
        .cost_of_function(Text(1.0)),
    ]
}

/// Two texts, neither of them tested before.
fn both<'v>(arguments: &'v [Value<'_>]) -> Eval<(&'v str, &'v str)> {
    match arguments {
        [text, other, ..] => Ok((super::text(text)?, super::text(other)?)),
        _ => wrong(),
    }
}

fn matches<'d>(context: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
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

fn find_all<'d>(context: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let limit = arguments.get(2).map(int).transpose()?.unwrap_or(-1);
    let pattern = pattern(context, &arguments[1])?;
    let found = library(pattern.find_all(text(&arguments[0])?, limit))?;
    texts(context, found)
}

/// A list of texts; each takes more room than the text it came from was charged for.
fn texts<'d>(context: &mut Context<'_, '_, 'd>, texts: Vec<&str>) -> Eval<Value<'d>> {
    context.meter.grow(texts.len() * 2 * size_of::<Value<'_>>())?;
    Ok(List::new(texts.into_iter().map(Value::string).collect())?.into())
}

fn join<'d>(context: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let View::List(list) = arguments[0].view() else { return wrong() };
    let separator = arguments.get(1).map(text).transpose()?.unwrap_or_default();
    let mut joined = std::string::String::new();
    for (index, item) in list.iter().enumerate() {
        let Some(item) = item.as_str() else {
            let text = format!("join: invalid input: {}", plain_text(&item));
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

fn replace<'d>(context: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let (text, old) = both(arguments)?;
    let new = super::text(&arguments[2])?;
    let limit = arguments.get(3).map(int).transpose()?.unwrap_or(-1);
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let places = if old.is_empty() { text.len() + 1 } else { text.matches(old).take(most).count() }.min(most);
    context.meter.grow(text.len().saturating_add(places.saturating_mul(new.len())))?;
    Ok(Value::string(strings::replace(text, old, new, limit)))
}

fn split<'d>(context: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let (text, separator) = both(arguments)?;
    let limit = arguments.get(2).map(int).transpose()?.unwrap_or(-1);
    texts(context, strings::split(text, separator, limit))
}
