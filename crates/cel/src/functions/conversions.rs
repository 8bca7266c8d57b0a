//! Conversions between types.

use std::sync::Arc;

use super::{A, Row, global, int, library, text, wrong};
use crate::cost::CostRule::Text;
use crate::dispatch::Context;
use crate::error::{Eval, EvalError};
use crate::library::numbers;
use crate::library::time;
use crate::profile::Profile;
use crate::types::Type::{self, Bool, Bytes, Double, Duration, Dyn, Int, String, Timestamp, Uint};
use crate::value::{Opaque, Value, View};

pub(super) fn rows() -> Vec<Row> {
    vec![
        global("bool", "bool_to_bool", [Bool], Bool, itself),
        global("bool", "string_to_bool", [String], Bool, |_, arguments| {
            Ok(Value::Bool(library(numbers::bool_from_text(text(&arguments[0])?))?))
        }),
        global("bytes", "bytes_to_bytes", [Bytes], Bytes, itself),
        global("bytes", "string_to_bytes", [String], Bytes, |_, arguments| {
            Ok(Value::Bytes(Arc::from(text(&arguments[0])?.as_bytes())))
        })
        .cost_of_overload(Text(1.0)),
        global("double", "double_to_double", [Double], Double, itself),
        global("double", "int64_to_double", [Int], Double, to_double),
        global("double", "string_to_double", [String], Double, |_, arguments| {
            Ok(Value::Double(library(numbers::double_from_text(text(&arguments[0])?))?))
        }),
        global("double", "uint64_to_double", [Uint], Double, to_double),
        global("duration", "duration_to_duration", [Duration], Duration, itself),
        // declared until cel-go 0.27, and never implemented
        global("duration", "int64_to_duration", [Int], Duration, |_, _| {
            let text = "type conversion error from 'int' to 'google.protobuf.Duration'";
            Err(EvalError::Library(text.to_owned()).into())
        })
        .until(Profile::V1_36),
        global("duration", "string_to_duration", [String], Duration, |_, arguments| {
            Ok(Value::Duration(library(time::Duration::parse(text(&arguments[0])?))?))
        }),
        global("dyn", "to_dyn", [A], Dyn, itself).untested(),
        global("int", "int64_to_int64", [Int], Int, itself),
        global("int", "double_to_int64", [Double], Int, to_int),
        global("int", "duration_to_int64", [Duration], Int, to_int),
        global("int", "string_to_int64", [String], Int, |_, arguments| {
            Ok(Value::Int(library(numbers::int_from_text(text(&arguments[0])?))?))
        }),
        global("int", "timestamp_to_int64", [Timestamp], Int, to_int),
        global("int", "uint64_to_int64", [Uint], Int, to_int),
        global("string", "string_to_string", [String], String, itself),
        global("string", "bool_to_string", [Bool], String, to_text),
        global("string", "bytes_to_string", [Bytes], String, to_text).cost_of_overload(Text(1.0)),
        global("string", "double_to_string", [Double], String, to_text),
        global("string", "duration_to_string", [Duration], String, to_text),
        global("string", "int64_to_string", [Int], String, to_text),
        global("string", "timestamp_to_string", [Timestamp], String, to_text),
        global("string", "uint64_to_string", [Uint], String, to_text),
        global("timestamp", "timestamp_to_timestamp", [Timestamp], Timestamp, itself),
        global("timestamp", "int64_to_timestamp", [Int], Timestamp, |_, arguments| {
            Ok(Value::Timestamp(library(time::Timestamp::from_unix(int(&arguments[0])?))?))
        }),
        global("timestamp", "string_to_timestamp", [String], Timestamp, |_, arguments| {
            Ok(Value::Timestamp(library(time::Timestamp::parse(text(&arguments[0])?))?))
        }),
        global("type", "type", [A], Type::type_of(A), |_, arguments| {
            Ok(Value::Type(arguments[0].view().type_name().into()))
        })
        .untested(),
        global("uint", "uint64_to_uint64", [Uint], Uint, itself),
        global("uint", "double_to_uint64", [Double], Uint, to_uint),
        global("uint", "int64_to_uint64", [Int], Uint, to_uint),
        global("uint", "string_to_uint64", [String], Uint, |_, arguments| {
            Ok(Value::Uint(library(numbers::uint_from_text(text(&arguments[0])?))?))
        }),
    ]
}

fn itself<'d>(_: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    Ok(arguments[0].clone())
}

fn to_double<'d>(_: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    match arguments[0].view() {
        View::Int(value) => Ok(Value::Double(value as f64)),
        View::Uint(value) => Ok(Value::Double(value as f64)),
        _ => wrong(),
    }
}

fn to_int<'d>(_: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    Ok(Value::Int(match arguments[0].view() {
        View::Double(value) => library(numbers::int_from_double(value))?,
        View::Uint(value) => library(numbers::int_from_uint(value))?,
        View::Duration(duration) => duration.nanos(),
        View::Timestamp(timestamp) => timestamp.unix_seconds(),
        _ => return wrong(),
    }))
}

fn to_uint<'d>(_: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    Ok(Value::Uint(match arguments[0].view() {
        View::Double(value) => library(numbers::uint_from_double(value))?,
        View::Int(value) => library(numbers::uint_from_int(value))?,
        _ => return wrong(),
    }))
}

pub(super) fn to_text<'d>(_: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
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
        _ => return wrong(),
    }))
}
