//! Durations as Go writes them: `10s`, `1m30s`, `1.5s`, `500ms`.

use std::time::Duration;

/// What `time.ParseDuration` makes of it; `None` for what it refuses, for negative ones, and for more than a day
/// (admission timeouts end at 30 s).
pub(crate) fn parse(text: &str) -> Option<Duration> {
    const DAY: f64 = 86_400.0;
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut seconds = 0.0_f64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|at| *at > 0)?;
        let (number, after) = rest.split_at(digits);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let scale = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * scale;
        rest = after;
    }
    (seconds <= DAY).then(|| Duration::from_secs_f64(seconds))
}

/// The value of `timeout` in a query string.
pub(super) fn timeout_of(query: &str) -> Option<Duration> {
    query.split('&').find_map(|pair| pair.strip_prefix("timeout=")).and_then(parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_go_reads_them() {
        for (text, millis) in [
            ("10s", Some(10_000)),
            ("1m30s", Some(90_000)),
            ("1.5s", Some(1_500)),
            (".5s", Some(500)),
            ("500ms", Some(500)),
            ("30000000µs", Some(30_000)),
            ("0", Some(0)),
            ("+3s", Some(3_000)),
            ("", None),
            ("10", None),
            ("s", None),
            (".s", None),
            ("-1s", None),
            ("10 s", None),
            ("1.2.3s", None),
            ("99999h", None),
        ] {
            assert_eq!(parse(text), millis.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn found_among_other_parameters() {
        assert_eq!(timeout_of("a=b&timeout=2s"), Some(Duration::from_secs(2)));
        assert_eq!(timeout_of("xtimeout=2s"), None);
    }
}
