//! Conversions between types.

use std::sync::Arc;

use super::{Context, Native, library, text};
use crate::checker::OverloadId;
use crate::error::{Eval, EvalError};
use crate::library::numbers;
use crate::library::time::{Duration, Timestamp};
use crate::value::{Opaque, Value, View};

pub(super) fn native(overload: OverloadId) -> Option<Native> {
    Some(match overload {
        "bool_to_bool"
        | "bytes_to_bytes"
        | "double_to_double"
        | "duration_to_duration"
        | "int64_to_int64"
        | "string_to_string"
        | "timestamp_to_timestamp"
        | "uint64_to_uint64"
        | "to_dyn" => identity,
        "string_to_bool"
        | "string_to_bytes"
        | "string_to_duration"
        | "string_to_timestamp"
        | "string_to_double"
        | "string_to_int64"
        | "string_to_uint64" => from_text,
        "int64_to_double" | "uint64_to_double" => to_double,
        "double_to_int64" | "uint64_to_int64" | "duration_to_int64" | "timestamp_to_int64" => to_int,
        "double_to_uint64" | "int64_to_uint64" => to_uint,
        "int64_to_timestamp" => to_timestamp,
        "int64_to_duration" => int_to_duration,
        "bool_to_string"
        | "bytes_to_string"
        | "double_to_string"
        | "duration_to_string"
        | "int64_to_string"
        | "timestamp_to_string"
        | "uint64_to_string"
        | "ip_to_string"
        | "cidr_to_string" => to_text,
        "type" => type_of,
        _ => return None,
    })
}

pub(super) fn identity<'d>(
    _: &mut Context<'_, '_, 'd>,
    _: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    Ok(arguments[0].clone())
}

pub(super) fn type_of<'d>(
    _: &mut Context<'_, '_, 'd>,
    _: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    Ok(Value::Type(arguments[0].view().type_name().into()))
}

fn from_text<'d>(
    _: &mut Context<'_, '_, 'd>,
    overload: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let text = text(&arguments[0])?;
    Ok(match overload {
        "string_to_bool" => Value::Bool(library(numbers::bool_from_text(text))?),
        "string_to_bytes" => Value::Bytes(Arc::from(text.as_bytes())),
        "string_to_duration" => Value::Duration(library(Duration::parse(text))?),
        "string_to_timestamp" => Value::Timestamp(library(Timestamp::parse(text))?),
        "string_to_double" => Value::Double(library(numbers::double_from_text(text))?),
        "string_to_int64" => Value::Int(library(numbers::int_from_text(text))?),
        _ => Value::Uint(library(numbers::uint_from_text(text))?),
    })
}

fn to_double<'d>(_: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    match arguments[0].view() {
        View::Int(value) => Ok(Value::Double(value as f64)),
        View::Uint(value) => Ok(Value::Double(value as f64)),
        _ => Err(EvalError::NoOverload.into()),
    }
}

fn to_int<'d>(_: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    Ok(Value::Int(match arguments[0].view() {
        View::Double(value) => library(numbers::int_from_double(value))?,
        View::Uint(value) => library(numbers::int_from_uint(value))?,
        View::Duration(duration) => duration.nanos(),
        View::Timestamp(timestamp) => timestamp.unix_seconds(),
        _ => return Err(EvalError::NoOverload.into()),
    }))
}

fn to_uint<'d>(_: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    Ok(Value::Uint(match arguments[0].view() {
        View::Double(value) => library(numbers::uint_from_double(value))?,
        View::Int(value) => library(numbers::uint_from_int(value))?,
        _ => return Err(EvalError::NoOverload.into()),
    }))
}

fn to_timestamp<'d>(_: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    Ok(Value::Timestamp(library(Timestamp::from_unix(super::int(&arguments[0])?))?))
}

/// Declared until cel-go 0.27, and never implemented.
fn int_to_duration<'d>(_: &mut Context<'_, '_, 'd>, _: OverloadId, _: &[Value<'d>]) -> Eval<Value<'d>> {
    let text = "type conversion error from 'int' to 'google.protobuf.Duration'";
    Err(EvalError::Library(text.to_owned()).into())
}

fn to_text<'d>(_: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    Ok(Value::string(match arguments[0].view() {
        View::Bytes(bytes) => library(numbers::text_from_bytes(bytes))?.to_owned(),
        View::Bool(value) => value.to_string(),
        View::Int(value) => value.to_string(),
        View::Uint(value) => value.to_string(),
        View::Double(value) => numbers::double_text(value),
        View::Duration(duration) => duration.to_string(),
        View::Timestamp(timestamp) => timestamp.to_string(),
        View::Opaque(Opaque::Ip(ip)) => ip.to_string(),
        View::Opaque(Opaque::Cidr(cidr)) => cidr.to_string(),
        _ => return Err(EvalError::NoOverload.into()),
    }))
}
