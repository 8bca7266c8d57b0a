//! Warnings as the API server lets them through.
//!
//! It keeps all of them while they total 4,096 characters; above, it cuts each to 256 and drops those that start
//! later. Empty ones, duplicates, and any with a tab or a line break vanish without a word, so that is settled
//! here, where the important ones can be kept.

use std::borrow::Cow;
use std::collections::BTreeSet;

/// The total that the API server lets through uncut, in characters.
pub const MAX_WARNINGS_RUNES: usize = crate::limits::WARNINGS_RUNES;
/// What the API server cuts a single warning to once the total is exceeded.
pub const MAX_WARNING_RUNES: usize = 256;
/// What a warning should fit in, says the API's documentation; applied when not all fit otherwise.
pub const WARNING_RUNES: usize = 120;

/// Kept free for the line that says how many were left out.
const TAIL_RUNES: usize = 40;

/// One line each, no duplicates, none empty, at most 256 characters; where the total would pass 4,096, each is
/// cut to 120, and what still does not fit is left out from the end and counted. `warnings` come most important
/// first.
#[must_use]
pub fn fit<'w>(warnings: impl IntoIterator<Item = &'w str>) -> Vec<Cow<'w, str>> {
    let mut seen = BTreeSet::new();
    let mut lines: Vec<Cow<'w, str>> = Vec::new();
    let mut total = 0;
    for warning in warnings {
        let line = cut(one_line(warning), MAX_WARNING_RUNES);
        if !line.is_empty() && seen.insert(line.clone()) {
            total += runes(&line);
            lines.push(line);
        }
    }
    if total <= MAX_WARNINGS_RUNES {
        return lines;
    }
    seen.clear();
    let (mut kept, mut used, mut left_out) = (Vec::new(), 0, 0_usize);
    for line in lines {
        let line = cut(line, WARNING_RUNES);
        let size = runes(&line);
        if seen.contains(&line) {
            continue;
        }
        if left_out > 0 || used + size > MAX_WARNINGS_RUNES - TAIL_RUNES {
            left_out += 1;
            continue;
        }
        used += size;
        seen.insert(line.clone());
        kept.push(line);
    }
    if left_out > 0 {
        kept.push(format!("and {left_out} more warnings").into());
    }
    kept
}

fn runes(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

/// Whether this has no blanks but single ones between words; of what is not ASCII that is not told.
fn is_one_line(text: &str) -> bool {
    let mut before = b' ';
    let is_plain = text.bytes().all(|byte| {
        let between_words = byte == b' ' && before != b' ';
        before = byte;
        between_words || byte.is_ascii_graphic()
    });
    is_plain && before != b' '
}

/// White space and control characters become single blanks.
fn one_line(text: &str) -> Cow<'_, str> {
    if is_one_line(text) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    Cow::Owned(line)
}

fn cut(line: Cow<'_, str>, max: usize) -> Cow<'_, str> {
    if line.len() > max
        && runes(&line) > max
        && let Some((at, _)) = line.char_indices().nth(max - 1)
    {
        return Cow::Owned(format!("{}…", line[..at].trim_end()));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_made_fit() {
        let long = "x".repeat(300);
        let cut_long = format!("{}…", "x".repeat(255));
        let rows: &[(&str, &[&str], &[&str])] = &[
            ("nothing", &[], &[]),
            (
                "kept as it is",
                &["ünïcode – 🚫 \"quoted\" back\\slash"],
                &["ünïcode – 🚫 \"quoted\" back\\slash"],
            ),
            ("one line", &["one\ntwo\r\n\tthree\u{0} four "], &["one two three four"]),
            ("empty ones go", &["", " \n", "x"], &["x"]),
            ("duplicates go, also once they are lines", &["a b", "c", "a\tb"], &["a b", "c"]),
            ("no longer than the server's own cut", &[&long], &[&cut_long]),
        ];
        for (name, input, expected) in rows {
            assert_eq!(fit(input.iter().copied()), *expected, "{name}");
        }
    }

    #[test]
    fn the_total_stays_under_what_the_server_keeps() {
        let many: Vec<String> = (0..100).map(|i| format!("{i:03} {}", "w".repeat(200))).collect();
        let fitted = fit(many.iter().map(String::as_str));
        assert!(fitted.iter().map(|w| runes(w)).sum::<usize>() <= MAX_WARNINGS_RUNES);
        assert!(fitted[..fitted.len() - 1].iter().all(|w| runes(w) <= WARNING_RUNES));
        assert!(fitted[0].starts_with("000 "), "the most important first");
        assert_eq!(fitted.len(), 34);
        assert_eq!(fitted.last().unwrap(), "and 67 more warnings");
    }

    #[test]
    fn exactly_4096_is_left_alone() {
        let warnings: Vec<String> = (0..16).map(|i| format!("{i:02}{}", "w".repeat(254))).collect();
        assert_eq!(fit(warnings.iter().map(String::as_str)), warnings);
    }
}
