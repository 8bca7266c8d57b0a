//! Parts of timestamps and durations.

use super::{Row, library, member, text, wrong};
use crate::error::Eval;
use crate::library::time::{Duration, Fields};
use crate::types::Type::{self, Int, String, Timestamp};
use crate::value::{Value, View};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    macro_rules! of_timestamp {
        ($name:literal, $id:literal, $with_zone:literal, $part:expr) => {
            rows.extend([
                member($name, $id, [Timestamp], Int, |_, arguments| of_timestamp(arguments, $part)),
                member($name, $with_zone, [Timestamp, String], Int, |_, arguments| {
                    of_timestamp(arguments, $part)
                }),
            ]);
        };
    }
    macro_rules! of_duration {
        ($name:literal, $id:literal, $part:expr) => {
            rows.push(member($name, $id, [Type::Duration], Int, |_, arguments| {
                of_duration(arguments, $part)
            }));
        };
    }
    of_timestamp!("getFullYear", "timestamp_to_year", "timestamp_to_year_with_tz", |at| at.year);
    of_timestamp!("getMonth", "timestamp_to_month", "timestamp_to_month_with_tz", |at| at.month);
    of_timestamp!("getDayOfYear", "timestamp_to_day_of_year", "timestamp_to_day_of_year_with_tz", |at| at
        .day_of_year);
    of_timestamp!(
        "getDayOfMonth",
        "timestamp_to_day_of_month",
        "timestamp_to_day_of_month_with_tz",
        Fields::day_of_month
    );
    of_timestamp!(
        "getDate",
        "timestamp_to_day_of_month_1_based",
        "timestamp_to_day_of_month_1_based_with_tz",
        |at| at.day
    );
    of_timestamp!("getDayOfWeek", "timestamp_to_day_of_week", "timestamp_to_day_of_week_with_tz", |at| at
        .day_of_week);
    of_timestamp!("getHours", "timestamp_to_hours", "timestamp_to_hours_with_tz", |at| at.hours);
    of_timestamp!("getMinutes", "timestamp_to_minutes", "timestamp_to_minutes_with_tz", |at| at.minutes);
    of_timestamp!("getSeconds", "timestamp_to_seconds", "timestamp_to_seconds_tz", |at| at.seconds);
    of_timestamp!(
        "getMilliseconds",
        "timestamp_to_milliseconds",
        "timestamp_to_milliseconds_with_tz",
        |at| at.milliseconds
    );
    of_duration!("getHours", "duration_to_hours", Duration::hours);
    of_duration!("getMinutes", "duration_to_minutes", Duration::minutes);
    of_duration!("getSeconds", "duration_to_seconds", Duration::seconds);
    of_duration!("getMilliseconds", "duration_to_milliseconds", Duration::milliseconds);
    rows
}

fn of_timestamp<'d>(arguments: &[Value<'d>], part: fn(&Fields) -> i64) -> Eval<Value<'d>> {
    let View::Timestamp(timestamp) = arguments[0].view() else { return wrong() };
    let zone = arguments.get(1).map(text).transpose()?;
    Ok(Value::Int(part(&library(timestamp.fields(zone))?)))
}

fn of_duration<'d>(arguments: &[Value<'d>], part: fn(Duration) -> i64) -> Eval<Value<'d>> {
    let View::Duration(duration) = arguments[0].view() else { return wrong() };
    Ok(Value::Int(part(duration)))
}
