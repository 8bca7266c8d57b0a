//! Schedules of CronJobs: github.com/robfig/cron/v3 `ParseStandard`, whose errors the server shows, and time
//! zones (pkg/apis/batch/validation/validation.go).

use kubernetes_cel::library::numbers::{parse_i64, quote};
use kubernetes_cel::library::time::{Duration, TimeError, Timestamp};

/// What one of the five fields may hold.
struct Bounds {
    min: u64,
    max: u64,
    /// Names for the numbers from `min` on.
    names: &'static [&'static str],
}

const FIELDS: [Bounds; 5] = [
    Bounds { min: 0, max: 59, names: &[] },
    Bounds { min: 0, max: 23, names: &[] },
    Bounds { min: 1, max: 31, names: &[] },
    Bounds {
        min: 1,
        max: 12,
        names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    },
    Bounds { min: 0, max: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

/// What is wrong with a schedule that is not empty, in the words of the parser.
pub(crate) fn schedule_error(schedule: &str) -> Option<String> {
    parse(schedule).err()
}

fn parse(schedule: &str) -> Result<(), String> {
    let schedule = match schedule.strip_prefix("CRON_TZ=").or_else(|| schedule.strip_prefix("TZ=")) {
        None => schedule,
        Some(rest) => {
            // the parser looks for the blank and panics where there is none; the server catches that
            let (zone, rest) = rest
                .split_once(' ')
                .ok_or("invalid schedule format: runtime error: slice bounds out of range [:-1]")?;
            if let Some(error) = zone_error(zone) {
                return Err(format!("provided bad location {zone}: {error}"));
            }
            rest.trim()
        }
    };
    if schedule.starts_with('@') {
        return descriptor(schedule);
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!("expected exactly 5 fields, found {}: [{}]", fields.len(), fields.join(" ")));
    }
    fields.iter().zip(&FIELDS).try_for_each(|(field, bounds)| {
        field.split(',').filter(|range| !range.is_empty()).try_for_each(|range| check_range(range, bounds))
    })
}

fn descriptor(text: &str) -> Result<(), String> {
    match text {
        "@yearly" | "@annually" | "@monthly" | "@weekly" | "@daily" | "@midnight" | "@hourly" => Ok(()),
        _ => match text.strip_prefix("@every ") {
            Some(duration) => match duration_error(duration) {
                Some(error) => Err(format!("failed to parse duration {text}: {error}")),
                None => Ok(()),
            },
            None => Err(format!("unrecognized descriptor: {text}")),
        },
    }
}

/// `getRange`: `*`, `N`, `N-M`, each with `/step`.
fn check_range(text: &str, bounds: &Bounds) -> Result<(), String> {
    let slashed: Vec<&str> = text.split('/').collect();
    let ends: Vec<&str> = slashed[0].split('-').collect();
    let (start, mut end) = if matches!(ends[0], "*" | "?") {
        (bounds.min, bounds.max)
    } else {
        let start = number_or_name(ends[0], bounds)?;
        match ends[..] {
            [_] => (start, start),
            [_, end] => (start, number_or_name(end, bounds)?),
            _ => return Err(format!("too many hyphens: {text}")),
        }
    };
    let step = match slashed[..] {
        [_] => 1,
        [_, step] => {
            let step = number(step)?;
            if ends.len() == 1 {
                end = bounds.max;
            }
            step
        }
        _ => return Err(format!("too many slashes: {text}")),
    };
    let Bounds { min, max, .. } = bounds;
    if start < *min {
        return Err(format!("beginning of range ({start}) below minimum ({min}): {text}"));
    }
    if end > *max {
        return Err(format!("end of range ({end}) above maximum ({max}): {text}"));
    }
    if start > end {
        return Err(format!("beginning of range ({start}) beyond end of range ({end}): {text}"));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    Ok(())
}

fn number_or_name(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let lower = text.to_lowercase();
    match (bounds.min..).zip(bounds.names).find(|(_, name)| **name == lower) {
        Some((number, _)) => Ok(number),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u64, String> {
    let number =
        parse_i64(text, "Atoi").map_err(|error| format!("failed to parse int from {text}: {error}"))?;
    u64::try_from(number).map_err(|_| format!("negative number ({number}) not allowed: {text}"))
}

/// What Go's `time.ParseDuration` says.
fn duration_error(text: &str) -> Option<String> {
    Duration::parse(text).err()?;
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    while rest.starts_with(|c: char| c == '.' || c.is_ascii_digit()) {
        let unit_at = rest.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(unit_at);
        if digits.matches('.').count() > 1 || digits == "." {
            break;
        }
        let unit_end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        if unit.is_empty() {
            return Some(format!("time: missing unit in duration {}", quote(text)));
        }
        if Duration::parse(&format!("0{unit}")).is_err() {
            return Some(format!("time: unknown unit {} in duration {}", quote(unit), quote(text)));
        }
        rest = next;
    }
    Some(format!("time: invalid duration {}", quote(text)))
}

/// What Go's `time.LoadLocation` says of a name.
fn zone_error(name: &str) -> Option<String> {
    let unknown = || Some(TimeError::UnknownZone(name.to_owned()).to_string());
    if name.contains(':') {
        return unknown();
    }
    let epoch = Timestamp::from_unix(0).ok()?;
    epoch.fields(Some(name)).err().map(|error| error.to_string())
}

/// `validateTimeZone` of a zone that is there.
pub(crate) fn time_zone_errors(zone: &str) -> Vec<String> {
    if zone.is_empty() {
        return vec!["timeZone must be nil or non-empty string".to_owned()];
    }
    let fits = |part: &str| {
        let characters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
        !matches!(part, "." | "..")
            && !part.starts_with('-')
            && (1..=14).contains(&part.len())
            && part.chars().all(characters)
    };
    if !zone.split('/').all(fits) {
        return vec![format!("unknown time zone {zone}")];
    }
    let mut errors = Vec::new();
    if zone.eq_ignore_ascii_case("local") {
        let text = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        errors.push(text.to_owned());
    }
    errors.extend(zone_error(zone));
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules() {
        for good in [
            "* * * * *",
            "*/5 0 1 1 0",
            "0 0 1,15 jan-MAR mon-fri",
            "? ? ? ? ?",
            "0 3 * * SUN",
            "5/15 * * * *",
            "0,, * * * *",
            "+5 * * * *",
            "@hourly",
            "@every 1h30m",
            "TZ=Europe/Berlin 0 3 * * *",
            "CRON_TZ=UTC  @daily",
        ] {
            assert_eq!(schedule_error(good), None, "{good}");
        }
        for (bad, error) in [
            ("61 * * * *", "end of range (61) above maximum (59): 61"),
            ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
            ("0 0 * * * *", "expected exactly 5 fields, found 6: [0 0 * * * *]"),
            ("   ", "expected exactly 5 fields, found 0: []"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("* * * * 7", "end of range (7) above maximum (6): 7"),
            ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
            ("1/2/3 * * * *", "too many slashes: 1/2/3"),
            ("x * * * *", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax"),
            ("-1 * * * *", "failed to parse int from : strconv.Atoi: parsing \"\": invalid syntax"),
            ("*/-1 * * * *", "negative number (-1) not allowed: -1"),
            ("@reboot", "unrecognized descriptor: @reboot"),
            ("@every 5", "failed to parse duration @every 5: time: missing unit in duration \"5\""),
            ("@every 5x", "failed to parse duration @every 5x: time: unknown unit \"x\" in duration \"5x\""),
            ("@every h", "failed to parse duration @every h: time: invalid duration \"h\""),
            ("TZ=Europe/Berlin", "invalid schedule format: runtime error: slice bounds out of range [:-1]"),
            ("TZ=Mars 0 3 * * *", "provided bad location Mars: unknown time zone Mars"),
        ] {
            assert_eq!(schedule_error(bad).as_deref(), Some(error), "{bad}");
        }
    }

    #[test]
    fn zones() {
        for good in ["Europe/Berlin", "UTC", "Etc/GMT+5", "EST5EDT", "America/Argentina/Ushuaia"] {
            assert!(time_zone_errors(good).is_empty(), "{good}: {:?}", time_zone_errors(good));
        }
        for (bad, error) in [
            ("", "timeZone must be nil or non-empty string"),
            ("europe/berlin", "unknown time zone europe/berlin"),
            ("Mars/Olympus", "unknown time zone Mars/Olympus"),
            ("/UTC", "unknown time zone /UTC"),
            ("Europe/../UTC", "unknown time zone Europe/../UTC"),
            ("+05:30", "unknown time zone +05:30"),
            ("local", "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"),
        ] {
            assert_eq!(time_zone_errors(bad).first().map(String::as_str), Some(error), "{bad}");
        }
    }
}
