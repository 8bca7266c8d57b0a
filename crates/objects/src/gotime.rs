//! Times as Kubernetes reads and writes them: Go's `time.Parse` (time/format.go) for the two layouts that there are.

use std::fmt::Write;

const SECONDS: &str = "2006-01-02T15:04:05Z07:00";
const MICROS: &str = "2006-01-02T15:04:05.000000Z07:00";

/// `metav1.Time`: in UTC, without a fraction; `None` for Go's zero time, which is written as null.
///
/// # Errors
/// Go's text.
pub(crate) fn seconds(text: &str) -> Result<Option<String>, String> {
    read(SECONDS, text).map(|time| time.written(false))
}

/// `metav1.MicroTime`: in UTC, with exactly six decimals.
///
/// # Errors
/// Go's text.
pub(crate) fn micros(text: &str) -> Result<Option<String>, String> {
    read(MICROS, text).map(|time| time.written(true))
}

struct Time {
    days: i64,
    seconds: i64,
    nanos: i64,
}

impl Time {
    fn written(&self, micros: bool) -> Option<String> {
        let days = self.days + self.seconds.div_euclid(DAY);
        let second = self.seconds.rem_euclid(DAY);
        if days == days_before(1, 1, 1) && second == 0 && self.nanos == 0 {
            return None;
        }
        let (year, month, day) = date(days);
        let (hour, minute) = (second / 3600, second / 60 % 60);
        let mut out = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}", second % 60);
        if micros {
            // writing to a String cannot fail
            let _ = write!(out, ".{:06}", self.nanos / 1000);
        }
        out.push('Z');
        Some(out)
    }
}

const DAY: i64 = 86400;

struct Reader<'t> {
    layout: &'static str,
    whole: &'t str,
    rest: &'t str,
}

fn read(layout: &'static str, whole: &str) -> Result<Time, String> {
    let mut at = Reader { layout, whole, rest: whole };
    let year = at.year()?;
    let month = at.number("-", "01", true, 1..=12, "month")?;
    let day = at.number("-", "02", true, 0..=99, "day")?;
    let hour = at.number("T", "15", false, 0..=23, "hour")?;
    let minute = at.number(":", "04", true, 0..=59, "minute")?;
    let second = at.number(":", "05", true, 0..=59, "second")?;
    let nanos = at.fraction(layout == MICROS)?;
    let offset = at.zone()?;
    if !at.rest.is_empty() {
        return Err(format!("parsing time {whole:?}: extra text: {:?}", at.rest));
    }
    if day < 1 || day > days_in(year, month) {
        return Err(format!("parsing time {whole:?}: day out of range"));
    }
    let seconds = hour * 3600 + minute * 60 + second - offset;
    Ok(Time { days: days_before(year, month, day), seconds, nanos })
}

impl<'t> Reader<'t> {
    fn bad<T>(&self, element: &str, value: &str) -> Result<T, String> {
        let Self { layout, whole, .. } = self;
        Err(format!("parsing time {whole:?} as {layout:?}: cannot parse {value:?} as {element:?}"))
    }

    fn out_of_range<T>(&self, what: &str) -> Result<T, String> {
        Err(format!("parsing time {:?}: {what} out of range", self.whole))
    }

    fn digits(&self, count: usize) -> Option<i64> {
        let digits = self.rest.get(..count)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or("");
    }

    fn year(&mut self) -> Result<i64, String> {
        match self.digits(4) {
            Some(year) => {
                self.skip(4);
                Ok(year)
            }
            None => self.bad("2006", self.rest),
        }
    }

    /// What separates, then one or two digits; a name for the message where the number is out of its range.
    fn number(
        &mut self,
        before: &str,
        element: &str,
        both: bool,
        range: std::ops::RangeInclusive<i64>,
        name: &str,
    ) -> Result<i64, String> {
        let Some(rest) = self.rest.strip_prefix(before) else { return self.bad(before, self.rest) };
        self.rest = rest;
        let (number, length) = match (self.digits(2), self.digits(1)) {
            (Some(number), _) => (number, 2),
            (None, Some(number)) if !both => (number, 1),
            _ => return self.bad(element, rest),
        };
        self.skip(length);
        if range.contains(&number) { Ok(number) } else { self.out_of_range(name) }
    }

    /// Where the layout has none, a fraction of any length is read all the same.
    fn fraction(&mut self, exact: bool) -> Result<i64, String> {
        let marked = self.rest.starts_with(['.', ',']);
        let digits = self.rest.bytes().skip(1).take_while(u8::is_ascii_digit).count();
        let length = match exact {
            true if marked && digits >= 6 => 6,
            true => return self.bad(".000000", self.rest),
            false if marked && digits > 0 => digits,
            false => return Ok(0),
        };
        let text = self.rest.get(1..=length).unwrap_or("");
        self.skip(length + 1);
        let nanos: String = text.chars().chain("000000000".chars()).take(9).collect();
        Ok(nanos.parse().unwrap_or(0))
    }

    /// Seconds east of UTC.
    fn zone(&mut self) -> Result<i64, String> {
        let hold = self.rest;
        if hold.starts_with('Z') {
            self.skip(1);
            return Ok(0);
        }
        let bytes = hold.as_bytes();
        let two = |at: usize| match bytes.get(at..at + 2) {
            Some([a @ b'0'..=b'9', b @ b'0'..=b'9']) => Some(i64::from((a - b'0') * 10 + b - b'0')),
            _ => None,
        };
        let (Some(sign), true) = (bytes.first(), bytes.len() >= 6 && bytes.get(3) == Some(&b':')) else {
            return self.bad("Z07:00", hold);
        };
        let (hours, minutes) = (two(1), two(4));
        if hours.is_some_and(|hours| hours > 24) {
            return self.out_of_range("time zone offset hour");
        }
        if minutes.is_some_and(|minutes| minutes > 60) {
            return self.out_of_range("time zone offset minute");
        }
        let (Some(hours), Some(minutes), b'+' | b'-') = (hours, minutes, sign) else {
            return self.bad("Z07:00", hold);
        };
        self.skip(6);
        let offset = (hours * 60 + minutes) * 60;
        Ok(if *sign == b'-' { -offset } else { offset })
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date; years begin in March for it.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 1
        - 719_468
}

/// The date of a day: [`days_before`] the other way round.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    (year + era * 400, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_go_reads_them() {
        let rows = [
            ("2024-01-01T00:00:00Z", Ok(Some("2024-01-01T00:00:00Z"))),
            ("2024-02-29T23:30:00.9+02:00", Ok(Some("2024-02-29T21:30:00Z"))),
            ("2024-01-01T1:00:00-01:30", Ok(Some("2024-01-01T02:30:00Z"))),
            ("0001-01-01T00:00:00Z", Ok(None)),
            ("2023-02-29T00:00:00Z", Err("parsing time \"2023-02-29T00:00:00Z\": day out of range")),
            ("2023-13-29T00:00:00Z", Err("parsing time \"2023-13-29T00:00:00Z\": month out of range")),
            (
                "yesterday",
                Err(
                    "parsing time \"yesterday\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"yesterday\" as \"2006\"",
                ),
            ),
            (
                "2024-01-01",
                Err(
                    "parsing time \"2024-01-01\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"\" as \"T\"",
                ),
            ),
        ];
        for (text, wanted) in rows {
            assert_eq!(seconds(text), wanted.map(|time| time.map(str::to_owned)).map_err(str::to_owned));
        }
    }

    #[test]
    fn exactly_six_decimals() {
        assert_eq!(
            micros("2024-01-01T00:00:00.123456+02:00"),
            Ok(Some("2023-12-31T22:00:00.123456Z".to_owned()))
        );
        assert!(
            micros("2024-01-01T00:00:00Z")
                .is_err_and(|text| text.ends_with("cannot parse \"Z\" as \".000000\""))
        );
    }

    #[test]
    fn every_day_there_and_back() {
        for days in -800_000..800_000 {
            let (year, month, day) = date(days);
            assert_eq!(days_before(year, month, day), days);
            assert!((1..=days_in(year, month)).contains(&day));
        }
    }
}
