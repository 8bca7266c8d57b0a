//! What kubectl's YAML parser (go-yaml v2, a port of libyaml) takes, and granit-parser does not.
//!
//! Granit reads YAML 1.2 and is right where they differ; kubectl decides what reaches the cluster. So a
//! document that granit refuses for one of these reasons is read again from a copy of its text *of the same
//! length*, so that every place still means the file: NEL, a line break to kubectl, becomes CR LF; a comment
//! right behind a quote or bracket becomes blanks; and what has no spelling of that length becomes
//! characters that stand for it until the scalar is read ([`stand_in`]).
//! The other direction is [`super::strictness`].

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::ErrorKind;

const NEL: &str = "\u{85}";
const BOM: char = '\u{feff}';

/// How many bytes of a document are read again in total, and how often at least.
const TRIED_BYTES: usize = 16 << 20;
const TRIES: usize = 4;

/// Characters that stand for other text in a changed copy. A document that has one of them is not changed.
mod stand_in {
    /// For `\'`, an escape that only kubectl knows.
    pub(super) const QUOTE: char = '\u{6ff}';
    /// For nothing, in two bytes and in three.
    pub(super) const NOTHING: [char; 2] = ['\u{6fe}', '\u{a0fe}'];
    /// The first of 127 for that many line breaks less one, and for a blank: in two bytes and in three.
    pub(super) const BREAKS: [u32; 2] = [0x700, 0xA100];
    /// The first of 128 for an ASCII character and a colon.
    pub(super) const COLON: u32 = 0x780;

    pub(super) fn is_one(c: char) -> bool {
        matches!(c, '\u{6fe}' | '\u{6ff}' | '\u{700}'..='\u{7ff}' | '\u{a0fe}' | '\u{a100}'..='\u{a17f}')
    }

    /// What is meant.
    pub(super) fn restore(text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match u32::from(c) {
                _ if c == QUOTE => out.push('\''),
                _ if NOTHING.contains(&c) => {}
                code @ (0x700..0x780 | 0xA100..0xA180) => match code & 0x7F {
                    0 => out.push(' '),
                    breaks => out.extend((0..breaks).map(|_| '\n')),
                },
                code @ 0x780..0x800 => {
                    out.extend(char::from_u32(code & 0x7F));
                    out.push(':');
                }
                _ => out.push(c),
            }
        }
        out
    }

    /// The line breaks (or a blank, for 0) in exactly `len` bytes.
    pub(super) fn breaks(breaks: u32, len: usize) -> Option<String> {
        let mut out = String::with_capacity(len);
        match (breaks, len) {
            (0, 1) => out.push(' '),
            (0..0x7F, 2..) => out.push(char::from_u32(BREAKS[usize::from(len == 3)] + breaks)?),
            _ => return None,
        }
        nothing(&mut out, len);
        Some(out)
    }

    /// Fills up to `len` bytes, which must not be one more than there are.
    pub(super) fn nothing(out: &mut String, len: usize) {
        while out.len() < len {
            out.push(NOTHING[usize::from(len - out.len() == 3)]);
        }
    }
}

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

/// What stopped the reading of a document, where another reading may be possible.
#[derive(Debug)]
pub(super) struct Hint {
    /// Byte of the file.
    pub(super) at: usize,
    pub(super) kind: HintKind,
}

#[derive(Debug)]
pub(super) enum HintKind {
    Parser(ErrorKind),
    /// A colon behind a plain scalar and before `,`, `]` or the like: to kubectl a part of the scalar.
    ColonInFlow,
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
    /// Whether characters of the copy stand for others.
    stands_in: bool,
    /// Whether there is a tab anywhere: only then is it looked for where kubectl does not take it.
    pub(super) has_tabs: bool,
    /// What was cut off because kubectl does not look at it.
    pub(super) dropped: Option<usize>,
    tries: usize,
}

impl<'a> Reading<'a> {
    pub(super) fn of(text: &'a str, range: Range<usize>) -> Self {
        let body = &text[range.clone()];
        let changed = body.contains(NEL).then(|| body.replace(NEL, "\r\n"));
        let (start, end, has_tabs) = (range.start, range.end, body.contains('\t'));
        Self { text, start, end, changed, stands_in: false, has_tabs, dropped: None, tries: 0 }
    }

    /// What the parser is given.
    pub(super) fn input(&self) -> &str {
        self.changed.as_deref().unwrap_or(&self.text[self.start..self.end])
    }

    /// The reading to try next, after the parser stopped. `after` is the end of the last value it gave.
    pub(super) fn again(&self, hint: Hint, after: usize) -> Option<Self> {
        let input = self.input();
        if self.tries >= TRIES && self.tries * input.len() > TRIED_BYTES {
            return None;
        }
        let within = |at: usize| {
            at.checked_sub(self.start).filter(|at| *at <= input.len() && input.is_char_boundary(*at))
        };
        let (at, after) = (within(hint.at)?, within(after)?);
        let mut dropped = self.dropped;
        let mut changed = input.to_owned();
        let (range, with) = match hint.kind {
            HintKind::ColonInFlow => {
                let before = u32::from(*input.as_bytes().get(at.checked_sub(1)?)?);
                let colon = char::from_u32(stand_in::COLON + before).filter(|_| before < 0x80)?;
                (at - 1..at + 1, colon.to_string())
            }
            // What stands beside an end marker is dropped with all that follows it.
            HintKind::Parser(ErrorKind::InvalidDocumentEnd) => {
                let line = input[..at].rfind(['\n', '\r']).map_or(0, |before| before + 1);
                let rest = input[line..].strip_prefix("...")?;
                let junk = rest.find(|c: char| !c.is_whitespace())?;
                dropped = Some(self.start + line + 3 + junk);
                (line + 3..input.len(), String::new())
            }
            HintKind::Parser(ErrorKind::UnknownQuotedScalarEscape) => {
                // The parser stops at the quote that opens the scalar.
                let end = at + 1 + input.get(at + 1..)?.find(closing_quote())?;
                let inside = at + 1..end;
                (inside.clone(), quotes(&input[inside])?)
            }
            HintKind::Parser(ErrorKind::InvalidQuotedScalarIndent | ErrorKind::TabInIndentation) => {
                unfold(input, after, at)?
            }
            HintKind::Parser(_) => {
                let comment = comment_at(input, at)?;
                let blanks = " ".repeat(comment.len());
                (comment, blanks)
            }
        };
        let stands_in = with.chars().any(stand_in::is_one);
        if stands_in && !self.stands_in && input.chars().any(stand_in::is_one) {
            return None;
        }
        changed.replace_range(range, &with);
        let stands_in = self.stands_in || stands_in;
        let (text, start, end, tries) = (self.text, self.start, self.end, self.tries + 1);
        let has_tabs = self.has_tabs;
        Some(Self { text, start, end, changed: Some(changed), stands_in, has_tabs, dropped, tries })
    }

    /// A scalar's text as it was meant.
    pub(super) fn restore<'p>(&self, text: Cow<'p, str>) -> Cow<'p, str> {
        if self.stands_in && text.chars().any(stand_in::is_one) {
            stand_in::restore(&text).into()
        } else {
            text
        }
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

/// A span that begins at the dash in front of it, if only blanks stand between.
pub(super) fn from_dash(reading: &Reading<'_>, span: Range<usize>) -> Range<usize> {
    let before = reading.text[reading.start..span.start].trim_end_matches([' ', '\t']);
    if before.ends_with('-') { reading.start + before.len() - 1..span.end } else { span }
}

/// Finds the quote that closes a double-quoted scalar.
fn closing_quote() -> impl FnMut(char) -> bool {
    let mut escaped = false;
    move |c| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    }
}

/// The inside of a double-quoted scalar with every `\'` replaced; `None` where there is none.
fn quotes(inside: &str) -> Option<String> {
    let mut out = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                '\'' => out.push(stand_in::QUOTE),
                escape => out.extend([c, escape]),
            },
            c => out.push(c),
        }
    }
    (out != inside).then_some(out)
}

/// The lines of a quoted scalar in one: kubectl does not mind how they are indented, granit does.
/// The scalar begins behind byte `after` and has not ended at byte `at`.
fn unfold(input: &str, after: usize, at: usize) -> Option<(Range<usize>, String)> {
    let bytes = input.as_bytes();
    let mut start = after;
    let quote = loop {
        match *bytes.get(start).filter(|_| start < at)? {
            quote @ (b'"' | b'\'') => break quote,
            b'#' if start == 0 || bytes[start - 1].is_ascii_whitespace() => {
                start += input[start..].find(['\n', '\r'])?;
            }
            _ => start += 1,
        }
    };
    let mut out = String::from(char::from(quote));
    let mut at = start + 1;
    loop {
        let run = bytes[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
        let breaks = input[at..at + run].replace("\r\n", "\n").matches(['\n', '\r']).count();
        let next = &input[at + run..];
        if (next.starts_with("...") || next.starts_with("---")) && input[..at + run].ends_with(['\n', '\r']) {
            return None;
        }
        if breaks > 0 {
            let breaks = u32::try_from(breaks - 1).ok()?;
            if quote == b'"' && out.ends_with('\\') && !out.ends_with("\\\\") {
                out.pop();
                let len = out.len() + run + 1;
                match breaks {
                    0 => stand_in::nothing(&mut out, len),
                    _ => out.push_str(&stand_in::breaks(breaks, run + 1)?),
                }
            } else {
                out.push_str(&stand_in::breaks(breaks, run)?);
            }
            at += run;
            continue;
        }
        out.push_str(&input[at..at + run]);
        at += run;
        let len = match bytes.get(at)? {
            b'\\' if quote == b'"' && !matches!(bytes.get(at + 1)?, b'\n' | b'\r') => {
                1 + input[at + 1..].chars().next()?.len_utf8()
            }
            b'\'' if quote == b'\'' && bytes.get(at + 1) == Some(&b'\'') => 2,
            byte if *byte == quote => return Some((start..at + 1, out + &input[at..=at])),
            _ => input[at..].chars().next()?.len_utf8(),
        };
        out.push_str(&input[at..at + len]);
        at += len;
    }
}
