//! What a comment or an annotation says: `ignore[CODES] REASON, until=DATE`, `CODES: REASON, until=DATE; …`.

use chrono::NaiveDate;

use crate::finding::CodePattern;
use crate::finding::terms::{self, TermError};
use crate::manifest::WORD;

/// Codes, why they are waived, and until when.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub(super) patterns: Vec<CodePattern>,
    pub(super) reason: Option<String>,
    pub(super) until: Option<NaiveDate>,
}

/// What a comment is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// A place.
    Ignore,
    /// `ignore-file`: the whole file.
    IgnoreFile,
}

/// Why a waiver cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Another word, or none.
    #[error("expected `plimsoll: ignore[CODES] REASON` or `plimsoll: ignore-file[CODES] REASON`")]
    Verb,
    /// No brackets.
    #[error("expected the codes in brackets, as in `plimsoll: ignore[image-tag] REASON`")]
    NoBracket,
    /// A bracket that does not end.
    #[error("the bracket with the codes is not closed")]
    Open,
    /// A code or a date in another form.
    #[error(transparent)]
    Term(#[from] TermError),
    /// A comment for a file that is not at its top.
    #[error("`ignore-file` must be on a line of its own before everything else in the file")]
    NotAtTop,
    /// A comment above nothing.
    #[error("nothing follows in this document that the comment could be about")]
    NothingFollows,
    /// An annotation that is no string.
    #[error("expected a string, as in \"required-probes: batch job\"")]
    NoText,
    /// A second date.
    #[error("`until` is written twice")]
    Twice,
}

fn listed(codes: &str) -> Result<Vec<CodePattern>, TermError> {
    match codes.trim() {
        "" => Err(TermError::NoCode),
        codes => terms::patterns(codes.split(',')),
    }
}

/// Whether a comment that begins with the word means to waive something: prose may begin with it, too.
pub(super) fn comment(comment: &str) -> Option<Result<(Verb, Terms), Malformed>> {
    let text = comment.trim_start_matches('#').trim();
    let text = text.get(WORD.len()..)?;
    let (colon, verb) = match text.trim_start().strip_prefix(':') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text.trim_start_matches([' ', '\t', '-', '/', '.'])),
    };
    let wants = verb.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("ignore"));
    let wants = wants && verb[6..].trim_start().starts_with(['[', '-']);
    (colon || wants).then(|| directive(colon, verb))
}

fn directive(colon: bool, verb: &str) -> Result<(Verb, Terms), Malformed> {
    let name: &str =
        verb.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_')).next().unwrap_or_default();
    let what = match name {
        "ignore" if colon => Verb::Ignore,
        "ignore-file" if colon => Verb::IgnoreFile,
        _ => return Err(Malformed::Verb),
    };
    let rest = verb[name.len()..].trim_start().strip_prefix('[').ok_or(Malformed::NoBracket)?;
    let (codes, rest) = bracket(rest).ok_or(Malformed::Open)?;
    let patterns = listed(codes)?;
    let (reason, until) = reason(rest)?;
    Ok((what, Terms { patterns, reason, until }))
}

/// What stands before the bracket that closes, and what behind it; a glob may have brackets of its own.
fn bracket(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' if depth == 0 => return Some((&text[..at], &text[at + 1..])),
            ']' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The entries of an annotation: `CODES: REASON; …`.
pub(super) fn annotation(text: &str) -> Vec<Result<Terms, Malformed>> {
    let entries: Vec<&str> =
        text.split([';', '\n']).map(str::trim).filter(|entry| !entry.is_empty()).collect();
    if entries.is_empty() {
        return vec![Err(TermError::NoCode.into())];
    }
    let entry = |entry: &&str| {
        let (codes, rest) = entry.split_once(':').unwrap_or((entry, ""));
        let patterns = listed(codes)?;
        let (reason, until) = reason(rest)?;
        Ok(Terms { patterns, reason, until })
    };
    entries.iter().map(entry).collect()
}

/// The reason and the date in what stands behind the codes.
fn reason(text: &str) -> Result<(Option<String>, Option<NaiveDate>), Malformed> {
    const KEY: &str = "until=";
    let starts = text.match_indices(KEY).map(|(at, _)| at);
    let mut starts =
        starts.filter(|at| text[..*at].chars().next_back().is_none_or(|c| c.is_whitespace() || c == ','));
    let trim =
        |text: &str| text.trim_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ':')).to_owned();
    let is_said = |reason: &String| reason.chars().any(char::is_alphanumeric);
    let Some(at) = starts.next() else { return Ok((Some(trim(text)).filter(is_said), None)) };
    if starts.next().is_some() {
        return Err(Malformed::Twice);
    }
    let rest = &text[at + KEY.len()..];
    let end = rest.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(rest.len());
    let until = terms::date(&rest[..end])?;
    let parts = [trim(&text[..at]), trim(&rest[end..])];
    let reason = parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(", ");
    Ok((Some(reason).filter(is_said), Some(until)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn told(result: Result<Terms, Malformed>) -> String {
        match result {
            Ok(Terms { patterns, reason, until }) => {
                let codes: Vec<&str> = patterns.iter().map(CodePattern::as_str).collect();
                let until = until.map_or(String::new(), |until| format!(" until {until}"));
                format!("{} | {}{until}", codes.join(" "), reason.unwrap_or_default())
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn comments() {
        let verb = Malformed::Verb.to_string();
        for (text, expected) in [
            ("# plimsoll: ignore[image-tag] pinned by the mirror", "image-tag | pinned by the mirror"),
            ("#plimsoll:ignore[a,b/c] x", "a b/c | x"),
            ("# plimsoll: ignore[a] batch sidecar, until=2027-03-31", "a | batch sidecar until 2027-03-31"),
            ("# plimsoll: ignore[a] until=2027-03-31 batch", "a | batch until 2027-03-31"),
            ("# plimsoll: ignore[a] until=2027-03-31", "a |  until 2027-03-31"),
            ("# plimsoll: ignore[a]", "a | "),
            ("# plimsoll: ignore[a] --", "a | "),
            ("# plimsoll: ignore[[ab]-x] r", "[ab]-x | r"),
            ("# plimsoll: ignore-file[yaml/*] generated by x", "yaml/* | generated by x"),
            ("# plimsoll: ignore[] r", &TermError::NoCode.to_string()),
            ("# plimsoll: ignore[a,] r", "a code is missing"),
            ("# plimsoll: ignore image-tag", &Malformed::NoBracket.to_string()),
            ("# plimsoll: ignore[a r", &Malformed::Open.to_string()),
            ("# plimsoll: ignored[a] r", &verb),
            ("# plimsoll: disable[a] r", &verb),
            ("# plimsoll ignore[a] r", &verb),
            ("# plimsoll-ignore[a] r", &verb),
            ("# Plimsoll: ignore[a] r", "a | r"),
            (
                "# plimsoll: ignore[waiver/unused] r",
                "waiver/unused cannot be waived: give it another severity in plimsoll.yaml, or --skip it",
            ),
            (
                "# plimsoll: ignore[a] r, until=31.03.2027",
                "\"31.03.2027\" is not a date: expected one such as 2027-03-31",
            ),
            (
                "# plimsoll: ignore[a] r, until=2027-02-30",
                "\"2027-02-30\" is not a date: expected one such as 2027-03-31",
            ),
            ("# plimsoll: ignore[a] until=2027-02-03 until=2027-02-03", "`until` is written twice"),
        ] {
            let got = comment(text).unwrap_or_else(|| panic!("{text}: prose"));
            assert_eq!(told(got.map(|(_, terms)| terms)), expected, "{text}");
        }
        for prose in
            ["# plimsoll is a line on a ship", "# plimsoll.dev/ignore is an annotation", "# plimsolls: two"]
        {
            assert!(comment(prose).is_none(), "{prose}");
        }
    }

    #[test]
    fn annotations() {
        let all = |text: &str| annotation(text).into_iter().map(told).collect::<Vec<_>>();
        assert_eq!(
            all("required-probes: batch sidecar; run-as-root, image-tag: legacy, until=2027-03-31;"),
            ["required-probes | batch sidecar", "run-as-root image-tag | legacy until 2027-03-31"]
        );
        assert_eq!(all("a"), ["a | "]);
        assert_eq!(all(" ; "), [TermError::NoCode.to_string()]);
        assert_eq!(all(": because"), [TermError::NoCode.to_string()]);
        assert_eq!(
            all("a b: c"),
            ["\"a b\" is not a code: expected `policy` or `policy/rule`, globs allowed"]
        );
    }
}
