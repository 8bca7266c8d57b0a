//! Days, instants and durations, as strfmt reads them.

use std::sync::LazyLock;

use kubernetes_cel::library::regex::Regex;
use kubernetes_cel::library::time::{Duration, Timestamp};

/// `time.Parse("2006-01-02", …)`
pub(super) fn is_date(text: &str) -> bool {
    text.len() == 10 && Timestamp::parse(&format!("{text}T00:00:00Z")).is_ok() || before_year_one(text)
}

/// The year 0 is beyond CEL's timestamps, and a day for Go all the same.
fn before_year_one(text: &str) -> bool {
    text.strip_prefix("0000").is_some_and(|rest| is_date(&format!("2000{rest}")))
}

/// `strfmt.IsDateTime`: the day is checked, of the time only the shape and each part's limit.
pub(super) fn is_date_time(text: &str) -> bool {
    static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::compile(r"^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$").ok()
    });
    let lower = text.to_lowercase();
    let mut parts = lower.split('t');
    let (Some(day), Some(time)) = (parts.next(), parts.next()) else { return false };
    let within = |range: std::ops::Range<usize>, most: &str| time.get(range).is_some_and(|part| part <= most);
    is_date(day)
        && TIME.as_ref().is_some_and(|pattern| pattern.is_match(time).unwrap_or(false))
        && within(0..2, "23")
        && within(3..5, "59")
        && within(6..8, "59")
}

/// `strfmt.ParseDateTime`, for CEL.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    if text.is_empty() {
        return Timestamp::from_unix(0).ok();
    }
    // local times have no zone
    Timestamp::parse(text).or_else(|_| Timestamp::parse(&format!("{text}Z"))).ok()
}

pub(super) fn is_duration(text: &str) -> bool {
    duration(text).is_some()
}

const UNITS: [(&[&str], i64); 8] = [
    (&["ns", "nano"], 1),
    (&["us", "µs", "micro"], 1_000),
    (&["ms", "milli"], 1_000_000),
    (&["s", "sec"], 1_000_000_000),
    (&["m", "min"], 60_000_000_000),
    (&["h", "hr", "hour"], 3_600_000_000_000),
    (&["d", "day"], 86_400_000_000_000),
    (&["w", "wk", "week"], 604_800_000_000_000),
];

/// `strfmt.ParseDuration`: Go's durations, and Scala's (`2 days`), wherever they stand in the text.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    if let Ok(duration) = Duration::parse(text) {
        return Some(duration);
    }
    let (mut nanos, mut found, mut rest) = (0_i64, false, text);
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        rest = &rest[start..];
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        let word = after.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
        let length = word.find(|c: char| !c.is_ascii_alphabetic() && c != 'µ').unwrap_or(word.len());
        let unit = word[..length].to_lowercase();
        rest = &word[length..];
        if unit.is_empty() {
            continue;
        }
        let factor: i64 = digits.parse().ok()?;
        for (variants, multiplier) in UNITS {
            for (at, variant) in variants.iter().enumerate() {
                if unit == *variant || (at + 1 == variants.len() && unit.starts_with(variant)) {
                    found = true;
                    nanos = nanos.wrapping_add(factor.wrapping_mul(multiplier));
                }
            }
        }
    }
    found.then(|| Duration::from_nanos(nanos))
}
