//! Parts of timestamps and durations.

use super::{Context, Native, library, text};
use crate::checker::OverloadId;
use crate::error::{Eval, EvalError};
use crate::value::{Value, View};

pub(super) fn native(overload: OverloadId) -> Option<Native> {
    if overload.starts_with("timestamp_to_") {
        Some(of_timestamp)
    } else if overload.starts_with("duration_to_") {
        Some(of_duration)
    } else {
        None
    }
}

fn of_timestamp<'d>(
    _: &mut Context<'_, '_, 'd>,
    overload: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let View::Timestamp(timestamp) = arguments[0].view() else { return Err(EvalError::NoOverload.into()) };
    let zone = arguments.get(1).map(text).transpose()?;
    let fields = library(timestamp.fields(zone))?;
    let part = overload.trim_end_matches("_with_tz").trim_end_matches("_tz");
    Ok(Value::Int(match part {
        "timestamp_to_year" => fields.year,
        "timestamp_to_month" => fields.month,
        "timestamp_to_day_of_year" => fields.day_of_year,
        "timestamp_to_day_of_month" => fields.day_of_month(),
        "timestamp_to_day_of_month_1_based" => fields.day,
        "timestamp_to_day_of_week" => fields.day_of_week,
        "timestamp_to_hours" => fields.hours,
        "timestamp_to_minutes" => fields.minutes,
        "timestamp_to_seconds" => fields.seconds,
        _ => fields.milliseconds,
    }))
}

fn of_duration<'d>(
    _: &mut Context<'_, '_, 'd>,
    overload: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let View::Duration(duration) = arguments[0].view() else { return Err(EvalError::NoOverload.into()) };
    Ok(Value::Int(match overload {
        "duration_to_hours" => duration.hours(),
        "duration_to_minutes" => duration.minutes(),
        "duration_to_seconds" => duration.seconds(),
        _ => duration.milliseconds(),
    }))
}
