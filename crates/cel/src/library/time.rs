//! Timestamps and durations: Go's `time` within the range that CEL allows.
//!
//! A timestamp keeps the offset it was written with, because `string()` shows it again; everything else
//! looks at the instant. Getters without a zone are in UTC (`DefaultUTCTimeZone`).

use std::fmt;
use std::sync::LazyLock;

use jiff::tz::TimeZoneDatabase;

use super::numbers::{self, ParseError};

const SECOND: i64 = 1_000_000_000;
/// 0001-01-01T00:00:00Z
const FIRST: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z
const LAST: i64 = 253_402_300_799;

/// Why there is no timestamp, duration or field. Display is cel-go's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// The text is no timestamp.
    #[error("type conversion error from 'string' to 'google.protobuf.Timestamp'")]
    TimestampText,
    /// The text is no duration.
    #[error("type conversion error from 'string' to 'google.protobuf.Duration'")]
    DurationText,
    /// Before the year 1 or after the year 9999.
    #[error("timestamp overflow")]
    TimestampRange,
    /// A duration beyond 64 bits of nanoseconds.
    #[error("integer overflow")]
    DurationRange,
    /// No such entry in the time zone database.
    #[error("unknown time zone {0}")]
    UnknownZone(String),
    /// A zone name that could lead out of the database's folder.
    #[error("time: invalid location name")]
    ZoneName,
    /// One half of an offset like `+05:30` is not a number.
    #[error(transparent)]
    ZoneOffset(#[from] ParseError),
}

/// An instant with nanoseconds, and the offset it was written with.
#[derive(Debug, Clone, Copy)]
pub struct Timestamp {
    seconds: i64,
    nanos: u32,
    /// Seconds east of UTC; shown by `string()`, ignored by everything else.
    offset: i32,
}

impl PartialEq for Timestamp {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Timestamp {}

impl PartialOrd for Timestamp {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timestamp {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.seconds, self.nanos).cmp(&(other.seconds, other.nanos))
    }
}

impl Timestamp {
    /// `timestamp(int)`: seconds since 1970.
    ///
    /// # Errors
    /// A time outside of the years 1 to 9999.
    pub fn from_unix(seconds: i64) -> Result<Self, TimeError> {
        Self::new(seconds, 0, 0)
    }

    fn new(seconds: i64, nanos: u32, offset: i32) -> Result<Self, TimeError> {
        if !(FIRST..=LAST).contains(&seconds) {
            return Err(TimeError::TimestampRange);
        }
        Ok(Self { seconds, nanos, offset })
    }

    /// `timestamp(string)`: Go's `time.Parse(time.RFC3339, text)`, which is laxer than RFC 3339: one digit
    /// will do for the hour, a comma may stand before the fraction, and offsets go up to `24:60`.
    ///
    /// # Errors
    /// Any other text, and a time outside of the years 1 to 9999.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let (seconds, nanos, offset) = parse_rfc3339(text).ok_or(TimeError::TimestampText)?;
        Self::new(seconds, nanos, offset)
    }

    /// Whether a text is a day of the calendar, `2006-01-02`, of any year with four digits.
    pub(super) fn is_date(text: &str) -> bool {
        parse_rfc3339(&format!("{text}T00:00:00Z")).is_some()
    }

    /// `int(timestamp)`: whole seconds since 1970.
    pub fn unix_seconds(&self) -> i64 {
        self.seconds
    }

    /// The same instant, written in UTC.
    pub fn in_utc(self) -> Self {
        Self { offset: 0, ..self }
    }

    /// Nanoseconds within the second.
    pub fn nanos(&self) -> u32 {
        self.nanos
    }

    /// `timestamp + duration`; the offset it was written with stays.
    ///
    /// # Errors
    /// A time outside of the years 1 to 9999.
    pub fn add(&self, duration: Duration) -> Result<Self, TimeError> {
        self.shift(i128::from(duration.0))
    }

    /// `timestamp - duration`. The smallest duration cannot be negated, upstream either.
    ///
    /// # Errors
    /// A time outside of the years 1 to 9999.
    pub fn sub(&self, duration: Duration) -> Result<Self, TimeError> {
        let negated = duration.0.checked_neg().ok_or(TimeError::DurationRange)?;
        self.shift(i128::from(negated))
    }

    fn shift(&self, nanos: i128) -> Result<Self, TimeError> {
        let second = i128::from(SECOND);
        let total = i128::from(self.seconds) * second + i128::from(self.nanos) + nanos;
        let seconds = i64::try_from(total.div_euclid(second)).map_err(|_| TimeError::TimestampRange)?;
        Self::new(seconds, total.rem_euclid(second) as u32, self.offset)
    }

    /// `timestamp - timestamp`. Seconds are scaled before the nanoseconds are added, so a difference
    /// at the very edge of the range overflows although its sum would fit.
    ///
    /// # Errors
    /// A difference that overflows.
    pub fn since(&self, earlier: &Self) -> Result<Duration, TimeError> {
        let seconds = self.seconds - earlier.seconds;
        let nanos = i64::from(self.nanos) - i64::from(earlier.nanos);
        seconds
            .checked_mul(SECOND)
            .and_then(|whole| whole.checked_add(nanos))
            .map(Duration)
            .ok_or(TimeError::DurationRange)
    }

    /// The calendar fields in a zone; `None` is UTC.
    ///
    /// # Errors
    /// A zone that is not known.
    pub fn fields(&self, zone: Option<&str>) -> Result<Fields, TimeError> {
        let offset = match zone {
            None => 0,
            Some(zone) => self.offset_in(zone)?,
        };
        Ok(Fields::new(self.seconds.saturating_add(offset), self.nanos))
    }

    /// Seconds east of UTC at this instant, in a zone of the database or at an offset `[+-]hh:mm`.
    fn offset_in(&self, zone: &str) -> Result<i64, TimeError> {
        let Some((hours, minutes)) = zone.split_once(':') else { return self.offset_by_name(zone) };
        let hours = numbers::parse_i64(hours, "Atoi")?;
        let minutes = numbers::parse_i64(minutes, "Atoi")?;
        let minutes = if zone.starts_with('-') { minutes.wrapping_neg() } else { minutes };
        let total = hours.wrapping_mul(60).wrapping_add(minutes);
        Ok(total.wrapping_mul(60 * SECOND) / SECOND)
    }

    fn offset_by_name(&self, zone: &str) -> Result<i64, TimeError> {
        // a server's local zone is UTC; `Factory` is a zone of the database that the crate leaves out
        if matches!(zone, "" | "UTC" | "Local" | "Factory") {
            return Ok(0);
        }
        if zone.starts_with(['/', '\\']) || zone.contains("..") {
            return Err(TimeError::ZoneName);
        }
        // a zone is a file for Go, so its name is written in one way only; the crate has a name for "no zone"
        let known = |found: &jiff::tz::TimeZone| found.iana_name() == Some(zone) && !found.is_unknown();
        let found = ZONES.get(zone).ok().filter(known);
        let found = found.ok_or_else(|| TimeError::UnknownZone(zone.to_owned()))?;
        Ok(instant(self.seconds).map_or(0, |instant| i64::from(found.to_offset(instant).seconds())))
    }
}

/// The time zone database that is part of the program.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// jiff's last instant is a day short of CEL's. The calendar repeats itself after 400 years, and so do the rules of a
/// zone, so an instant behind the last one is looked up one turn before.
fn instant(seconds: i64) -> Option<jiff::Timestamp> {
    const TURN: i64 = 146_097 * 86_400;
    let found =
        jiff::Timestamp::from_second(seconds).or_else(|_| jiff::Timestamp::from_second(seconds - TURN));
    found.ok()
}

/// RFC 3339 with up to nine fraction digits, at the offset it was written with.
impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = Fields::new(self.seconds + i64::from(self.offset), self.nanos);
        let Fields { year, month, day, hours, minutes, seconds, .. } = fields;
        let sign = if year < 0 { "-" } else { "" };
        let year = year.unsigned_abs();
        write!(out, "{sign}{year:04}-{:02}-{:02}T{hours:02}:{minutes:02}:{seconds:02}", month + 1, day)?;
        if self.nanos != 0 {
            write!(out, ".{}", format!("{:09}", self.nanos).trim_end_matches('0'))?;
        }
        if self.offset == 0 {
            return out.write_str("Z");
        }
        let minutes = self.offset.unsigned_abs() / 60;
        write!(out, "{}{:02}:{:02}", if self.offset < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
    }
}

/// What the getters of a timestamp answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fields {
    /// `getFullYear`
    pub year: i64,
    /// `getMonth`, January is 0
    pub month: i64,
    /// `getDate`, the first is 1 (`getDayOfMonth` is one less)
    pub day: i64,
    /// `getDayOfYear`, the first is 0
    pub day_of_year: i64,
    /// `getDayOfWeek`, Sunday is 0
    pub day_of_week: i64,
    /// `getHours`
    pub hours: i64,
    /// `getMinutes`
    pub minutes: i64,
    /// `getSeconds`
    pub seconds: i64,
    /// `getMilliseconds`
    pub milliseconds: i64,
}

impl Fields {
    fn new(seconds: i64, nanos: u32) -> Self {
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        Self {
            year,
            month: month - 1,
            day,
            day_of_year: days - days_from_civil(year, 1, 1),
            day_of_week: (days + 4).rem_euclid(7),
            hours: second / 3600,
            minutes: second / 60 % 60,
            seconds: second % 60,
            milliseconds: i64::from(nanos / 1_000_000),
        }
    }

    /// `getDayOfMonth`, the first is 0.
    pub fn day_of_month(&self) -> i64 {
        self.day - 1
    }
}

/// Days since 1970 of a date of the proleptic Gregorian calendar, in years that begin in March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * of_era + of_era / 4 - of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

fn days_in(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_from_civil(next_year, next, 1) - days_from_civil(year, month, 1)
}

/// Seconds since 1970, nanoseconds and offset.
fn parse_rfc3339(text: &str) -> Option<(i64, u32, i32)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let number = |least: usize, most: usize, separator: Option<u8>, at: &mut usize| {
        let digits = bytes[*at..].iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        let value = text.get(*at..*at + digits).filter(|_| digits >= least)?.parse::<i64>().ok()?;
        *at += digits;
        if let Some(separator) = separator {
            (bytes.get(*at) == Some(&separator)).then_some(())?;
            *at += 1;
        }
        Some(value)
    };
    let year = number(4, 4, Some(b'-'), &mut at)?;
    let month = number(2, 2, Some(b'-'), &mut at)?;
    let day = number(2, 2, Some(b'T'), &mut at)?;
    let hour = number(1, 2, Some(b':'), &mut at)?;
    let minute = number(2, 2, Some(b':'), &mut at)?;
    let second = number(2, 2, None, &mut at)?;
    let mut nanos = 0;
    if matches!(bytes.get(at), Some(b'.' | b',')) && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
        let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let fraction = &text[at + 1..at + 1 + digits.min(9)];
        nanos = format!("{fraction:0<9}").parse().ok()?;
        at += 1 + digits;
    }
    let offset = match &bytes[at..] {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (mut hours, mut minutes) = (at + 1, at + 4);
            let hours = number(2, 2, None, &mut hours)?;
            let minutes = number(2, 2, None, &mut minutes)?;
            (hours <= 24 && minutes <= 60).then_some(())?;
            let offset = (hours * 60 + minutes) * 60;
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    let valid = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    valid.then_some(())?;
    let local = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some((local - offset, nanos, offset as i32))
}

/// A signed number of nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(i64);

// not the traits: each of them can fail
#[allow(clippy::should_implement_trait)]
impl Duration {
    /// From nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// `int(duration)`: nanoseconds.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// `duration(string)`: Go's `time.ParseDuration`: `1h30m`, `-1.5s`, `.5ms`, `0`. Digits below a
    /// nanosecond are cut off.
    ///
    /// # Errors
    /// Any other text, and a duration that overflows.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        parse_duration(text).map(Self).ok_or(TimeError::DurationText)
    }

    /// `duration + duration`
    ///
    /// # Errors
    /// A duration that overflows.
    pub fn add(self, other: Self) -> Result<Self, TimeError> {
        self.0.checked_add(other.0).map(Self).ok_or(TimeError::DurationRange)
    }

    /// `duration - duration`
    ///
    /// # Errors
    /// A duration that overflows.
    pub fn sub(self, other: Self) -> Result<Self, TimeError> {
        self.0.checked_sub(other.0).map(Self).ok_or(TimeError::DurationRange)
    }

    /// `-duration`
    ///
    /// # Errors
    /// The smallest duration.
    pub fn neg(self) -> Result<Self, TimeError> {
        self.0.checked_neg().map(Self).ok_or(TimeError::DurationRange)
    }

    /// `getHours`: through a double, so a nanosecond short of a late hour counts as that hour.
    pub fn hours(self) -> i64 {
        self.in_units(3600 * SECOND) as i64
    }

    /// `getMinutes`: all of them, not those within the hour.
    pub fn minutes(self) -> i64 {
        self.in_units(60 * SECOND) as i64
    }

    /// `getSeconds`
    pub fn seconds(self) -> i64 {
        self.in_units(SECOND) as i64
    }

    /// `getMilliseconds`
    pub fn milliseconds(self) -> i64 {
        self.0 / 1_000_000
    }

    fn in_units(self, unit: i64) -> f64 {
        (self.0 / unit) as f64 + (self.0 % unit) as f64 / unit as f64
    }
}

/// `string(duration)`: seconds with as many digits as a double needs, `5400s`, `0.001s`.
impl fmt::Display for Duration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}s", self.in_units(SECOND))
    }
}

fn parse_duration(text: &str) -> Option<i64> {
    const LIMIT: u64 = 1 << 63;
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let whole_end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (whole, mut after) = rest.split_at(whole_end);
        let mut fraction = "";
        if let Some(tail) = after.strip_prefix('.') {
            let end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
            (fraction, after) = tail.split_at(end);
        }
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let unit_end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let unit = unit_nanos(unit)?;
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let mut value = whole.checked_mul(unit).filter(|value| *value <= LIMIT)?;
        value = value.checked_add(fraction_nanos(fraction, unit)).filter(|value| *value <= LIMIT)?;
        total = total.checked_add(value).filter(|total| *total <= LIMIT)?;
        rest = next;
    }
    if negative { 0_i64.checked_sub_unsigned(total) } else { i64::try_from(total).ok() }
}

fn unit_nanos(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        // the micro sign, and the Greek letter
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// The part behind the point, through a double as Go computes it; digits that no longer fit are ignored.
fn fraction_nanos(digits: &str, unit: u64) -> u64 {
    let (mut value, mut scale) = (0_u64, 1.0_f64);
    for digit in digits.bytes() {
        let next = value.checked_mul(10).and_then(|value| value.checked_add(u64::from(digit - b'0')));
        match next.filter(|next| *next <= 1 << 63) {
            Some(next) => (value, scale) = (next, scale * 10.0),
            None => break,
        }
    }
    if value == 0 { 0 } else { (value as f64 * (unit as f64 / scale)) as u64 }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_read_and_written() {
        for (text, written) in [
            ("2023-07-04T01:02:03Z", Some("2023-07-04T01:02:03Z")),
            ("2023-07-04T1:02:03Z", Some("2023-07-04T01:02:03Z")),
            ("2023-07-04T01:02:03,120-07:30", Some("2023-07-04T01:02:03.12-07:30")),
            ("2023-07-04T01:02:03+24:60", Some("2023-07-04T01:02:03+25:00")),
            ("2023-07-04T01:02:03+00:00", Some("2023-07-04T01:02:03Z")),
            ("2023-07-04T01:02:03.Z", None),
            ("2023-07-04t01:02:03Z", None),
            ("2023-07-04T01:02:03z", None),
            ("2023-7-04T01:02:03Z", None),
            ("2023-07-04T01:02:03+25:00", None),
            ("2023-07-04T01:02:03+1:000", None),
            ("2023-07-04T01:02:03Z ", None),
            ("1900-02-29T00:00:00Z", None),
            ("2000-02-29T00:00:00Z", Some("2000-02-29T00:00:00Z")),
            ("2023-07-04T01:02:60Z", None),
            ("٢٠٢٣-07-04T01:02:03Z", None),
        ] {
            let read = Timestamp::parse(text);
            assert_eq!(read.as_ref().ok().map(ToString::to_string).as_deref(), written, "{text}");
            if written.is_none() {
                assert_eq!(read, Err(TimeError::TimestampText), "{text}");
            }
        }
        assert_eq!(Timestamp::parse("9999-12-31T23:59:59-00:01"), Err(TimeError::TimestampRange));
        assert_eq!(Timestamp::from_unix(LAST + 1), Err(TimeError::TimestampRange));
    }

    #[test]
    fn zones() {
        let hours =
            |text: &str, zone: &str| Timestamp::parse(text).unwrap().fields(Some(zone)).unwrap().hours;
        assert_eq!(hours("2024-07-01T00:00:00Z", "Europe/Paris"), 2);
        assert_eq!(hours("2099-07-01T00:00:00Z", "Europe/Paris"), 2);
        assert_eq!(hours("2100-07-01T00:00:00Z", "Europe/Paris"), 2);
        assert_eq!(hours("9998-07-01T00:00:00Z", "Europe/Paris"), 2);
        assert_eq!(hours("9998-01-01T00:00:00Z", "Australia/Sydney"), 11);
        assert_eq!(hours("9999-12-31T23:00:00Z", "Australia/Sydney"), 10);
        assert_eq!(hours("9999-12-31T23:00:00Z", "America/New_York"), 18);
        assert_eq!(hours("2024-07-01T00:00:00Z", "-3:30"), 20);
        let error = |zone: &str| Timestamp::from_unix(0).unwrap().fields(Some(zone)).unwrap_err().to_string();
        for zone in ["Mars/Base", "europe/paris", "Etc/Unknown"] {
            assert_eq!(error(zone), format!("unknown time zone {zone}"));
        }
        assert_eq!(error("../etc"), "time: invalid location name");
        assert_eq!(error(":1"), "strconv.Atoi: parsing \"\": invalid syntax");
        assert_eq!(error("1:1:1"), "strconv.Atoi: parsing \"1:1\": invalid syntax");
    }

    #[test]
    fn durations() {
        for (text, nanos) in [
            ("1h2m3.5s", Some(3_723_500_000_000)),
            ("-1.5h", Some(-5_400_000_000_000)),
            ("1\u{3bc}s1ns", Some(1_001)),
            ("0.3333333333333333333333h", Some(1_200_000_000_000)),
            ("-9223372036854775808ns", Some(i64::MIN)),
            ("9223372036854775808ns", None),
            ("-0", Some(0)),
            ("1.s", Some(1_000_000_000)),
            (".s", None),
            ("1", None),
            ("1s 1s", None),
            ("+", None),
        ] {
            assert_eq!(Duration::parse(text).ok().map(Duration::nanos), nanos, "{text}");
        }
        assert_eq!(Duration::from_nanos(-1_500_000_000).to_string(), "-1.5s");
        assert_eq!(Duration::parse("2562047h59m59.999999999s"), Err(TimeError::DurationText));
        assert_eq!(Duration::from_nanos(2_562_047 * 3600 * SECOND - 1).hours(), 2_562_047);
    }

    #[test]
    fn arithmetic() {
        let at = |text| Timestamp::parse(text).unwrap();
        let shown = at("2024-01-01T00:00:00.5+02:00").add(Duration::from_nanos(-1)).unwrap().to_string();
        assert_eq!(shown, "2024-01-01T00:00:00.499999999+02:00");
        assert_eq!(
            at("2024-03-01T00:00:00Z").sub(Duration::from_nanos(i64::MIN)),
            Err(TimeError::DurationRange)
        );
        let week = at("2024-01-08T00:00:00Z").since(&at("2024-01-01T00:00:00Z")).unwrap();
        assert_eq!(week.to_string(), "604800s");
        assert_eq!(
            at("2400-01-01T00:00:00Z").since(&at("1970-01-01T00:00:00Z")),
            Err(TimeError::DurationRange)
        );
    }
}
