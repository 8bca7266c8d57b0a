//! Where kubectl's YAML parser (go-yaml v2, a port of libyaml) and granit-parser take different texts.
//!
//! Granit reads YAML 1.2 and is right where they differ; kubectl decides what reaches the cluster. What
//! only granit takes is refused here by looking at the source again. What only kubectl takes is made
//! readable for granit in a copy of the document's text *of the same length*, so that every place still
//! means the file: NEL, a line break to kubectl, becomes CR LF, and a comment that stands right behind a
//! quote or bracket becomes blanks.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::ErrorKind;

use super::compose::ComposeError;

const NEL: &str = "\u{85}";
const BOM: char = '\u{feff}';

/// Stands for the quote in `\'`, an escape that only kubectl knows; two bytes long, as that is.
const QUOTE: char = '\u{91}';

/// How often a document is read again at most, and how many bytes of it in total.
const TRIES: usize = 64;
const TRIED_BYTES: usize = 16 << 20;

/// The text of a document without its separator and byte order mark.
///
/// kubectl leaves a separator in front of a document that it opens, and its parser drops one mark.
pub(super) fn body(text: &str, range: Range<usize>) -> Range<usize> {
    let mut body = &text[range.clone()];
    if let Some(rest) = body.strip_prefix("---") {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        if line.starts_with([' ', '\t', '\r']) || line.is_empty() {
            body = after;
        }
    }
    body = body.strip_prefix(BOM).unwrap_or(body);
    range.end - body.len()..range.end
}

/// One way to read a document: as it stands, or with changes that granit needs.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    /// The text of the file.
    pub(super) text: &'a str,
    /// Where the document begins in it.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
    changed: Option<String>,
    has_quotes: bool,
    /// What was cut off because kubectl does not look at it.
    pub(super) dropped: Option<usize>,
    tries: usize,
}

impl<'a> Reading<'a> {
    pub(super) fn of(text: &'a str, range: Range<usize>) -> Self {
        let body = &text[range.clone()];
        let changed = body.contains(NEL).then(|| body.replace(NEL, "\r\n"));
        Self { text, start: range.start, end: range.end, changed, has_quotes: false, dropped: None, tries: 0 }
    }

    /// What the parser is given.
    pub(super) fn input(&self) -> &str {
        self.changed.as_deref().unwrap_or(&self.text[self.start..self.end])
    }

    /// The reading to try next, after the parser stopped at byte `at` of the file.
    pub(super) fn again(&self, at: usize, kind: &ErrorKind) -> Option<Self> {
        let input = self.input();
        if self.tries >= TRIES || self.tries * input.len() > TRIED_BYTES {
            return None;
        }
        let at = at.checked_sub(self.start).filter(|at| *at <= input.len() && input.is_char_boundary(*at))?;
        let mut dropped = self.dropped;
        let (range, with, has_quotes) = match kind {
            // What stands beside an end marker is dropped with all that follows it.
            ErrorKind::InvalidDocumentEnd => {
                let line = input[..at].rfind(['\n', '\r']).map_or(0, |before| before + 1);
                let after = input[line..].strip_prefix("...")?;
                let marker = line + 3;
                let junk = after.find(|c: char| !c.is_whitespace())?;
                dropped = Some(self.start + marker + junk);
                (marker..input.len(), String::new(), self.has_quotes)
            }
            ErrorKind::UnknownQuotedScalarEscape => {
                if input.contains(QUOTE) && !self.has_quotes {
                    return None;
                }
                let from = at - input[..at].bytes().rev().take(2).count();
                let escape = from + input[from..].find("\\'").filter(|found| *found <= 2)?;
                (escape..escape + 2, QUOTE.to_string(), true)
            }
            _ => {
                let comment = comment_at(input, at)?;
                let blanks = " ".repeat(comment.len());
                (comment, blanks, self.has_quotes)
            }
        };
        let mut changed = input.to_owned();
        changed.replace_range(range, &with);
        let (text, start, end) = (self.text, self.start, self.end);
        Some(Self { text, start, end, changed: Some(changed), has_quotes, dropped, tries: self.tries + 1 })
    }

    /// A scalar's text as it was meant.
    pub(super) fn restore<'p>(&self, text: Cow<'p, str>) -> Cow<'p, str> {
        if self.has_quotes && text.contains(QUOTE) { text.replace(QUOTE, "'").into() } else { text }
    }

    /// Where `part` lies in the file's text, if it is a part of it and not a copy.
    pub(super) fn borrowed(&self, part: &str) -> Option<Range<usize>> {
        let start = part.as_ptr().addr().checked_sub(self.text.as_ptr().addr())?;
        let end = start.checked_add(part.len())?;
        (self.changed.is_none() && end <= self.text.len()).then_some(start..end)
    }

    /// A span without the blanks and line breaks at its end.
    pub(super) fn trim_end(&self, span: Range<usize>) -> Range<usize> {
        let len = self.text.get(span.clone()).map_or(span.len(), |text| text.trim_end().len());
        span.start..span.start + len
    }
}

/// The comment that stands, without a blank before it, where the parser stopped.
fn comment_at(input: &str, at: usize) -> Option<Range<usize>> {
    let starts = |at: usize| {
        input.as_bytes().get(at) == Some(&b'#')
            && at > 0
            && matches!(input.as_bytes()[at - 1], b'"' | b'\'' | b']' | b'}' | b',' | b'|' | b'>')
    };
    let start = [at, at + 1, at.wrapping_sub(1)].into_iter().find(|at| starts(*at))?;
    let end = input[start..].find(['\n', '\r']).map_or(input.len(), |end| start + end);
    Some(start..end)
}

/// Refuses the escapes of YAML 1.2 that YAML 1.1 has not: `\/`, and halves of characters beyond 16 bits.
pub(super) fn check_escapes(reading: &Reading<'_>, span: Range<usize>) -> Result<(), ComposeError> {
    let raw = span.start.checked_sub(reading.start).zip(span.end.checked_sub(reading.start));
    let Some(raw) = raw.and_then(|(start, end)| reading.input().get(start..end)) else { return Ok(()) };
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        let escape = &rest[at + 1..];
        let surrogate = escape
            .strip_prefix('u')
            .and_then(|hex| hex.get(..4))
            .and_then(|hex| u16::from_str_radix(hex, 16).ok())
            .is_some_and(|code| (0xD800..0xE000).contains(&code));
        if escape.starts_with('/') || surrogate {
            let len = if surrogate { 6 } else { 2 };
            return Err(ComposeError::Escape { escape: rest[at..at + len].to_owned() });
        }
        rest = &escape[escape.chars().next().map_or(0, char::len_utf8)..];
    }
    Ok(())
}
