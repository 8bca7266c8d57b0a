//! Quoted scalars.

use std::ops::Range;

use super::lines::Line;
use super::{Reader, Text};

impl Reader<'_> {
    /// What follows the quoted scalar that begins at byte `at`, if it ends on its line.
    pub(super) fn closing_quote(&self, at: usize) -> Option<usize> {
        let end = self.quote_or_break(self.bytes[at], at + 1)?;
        (self.bytes[end] != b'\n').then_some(end + 1)
    }

    /// Where the closing quote stands, or the line break before it.
    fn quote_or_break(&self, quote: u8, from: usize) -> Option<usize> {
        let mut end = from;
        loop {
            match *self.bytes.get(end)? {
                b'\n' => return Some(end),
                b'\\' if quote == b'"' => end += 1 + usize::from(self.bytes.get(end + 1) != Some(&b'\n')),
                b'\'' if quote == b'\'' && self.bytes.get(end + 1) == Some(&b'\'') => end += 2,
                byte if byte == quote => return Some(end),
                _ => end += 1,
            }
        }
    }

    /// The text of the quoted scalar that begins at byte `at` and ends on its line, and what follows it.
    pub(super) fn quoted(&mut self, at: usize) -> Option<(Text, usize)> {
        let end = self.closing_quote(at)?;
        let inner = at + 1..end - 1;
        let special = if self.bytes[at] == b'"' { b'\\' } else { b'\'' };
        if memchr::memchr2(special, b'\t', &self.bytes[inner.clone()]).is_none() {
            return Some((Text::Part(inner), end));
        }
        self.scratch.clear();
        self.unescape(special, inner)?;
        Some((Text::Scratch, end))
    }

    /// Reads the quoted scalar of several lines that begins at byte `at` inside of something in column `within`, if that is not
    /// all of the document, and gives what follows it.
    pub(super) fn quoted_lines(&mut self, at: usize, within: Option<usize>) -> Option<usize> {
        let quote = self.bytes[at];
        let special = if quote == b'"' { b'\\' } else { b'\'' };
        self.scratch.clear();
        let mut from = at + 1;
        loop {
            let end = self.quote_or_break(quote, from)?;
            if self.bytes[end] == quote {
                self.unescape(special, from..end)?;
                return Some(end + 1);
            }
            let line = &self.bytes[from..end];
            let backslashes = line.iter().rev().take_while(|byte| **byte == b'\\').count();
            // a backslash at the end of a line takes the line break away, and leaves the blanks before it
            let is_joined = quote == b'"' && backslashes % 2 == 1;
            let left_out = match is_joined {
                true => 1,
                false => line.iter().rev().take_while(|byte| **byte == b' ').count(),
            };
            self.unescape(special, from..end - left_out)?;
            let (breaks, Line { at, indent }) = self.line_from(end + 1)?;
            if within.is_some_and(|within| indent <= within) || (indent == 0 && self.is_marker(at)) {
                return None;
            }
            match (is_joined, breaks) {
                (true, 1) => {}
                (true, _) => return None,
                (false, _) => self.fold(breaks),
            }
            from = at;
        }
    }

    /// What so many line breaks inside of a scalar stand for.
    pub(super) fn fold(&mut self, breaks: usize) {
        match breaks {
            1 => self.scratch.push(' '),
            _ => self.scratch.extend(std::iter::repeat_n('\n', breaks - 1)),
        }
    }

    /// Adds a part of a line of a quoted scalar; `None` where it has a tab, or an escape that is no everyday one.
    fn unescape(&mut self, special: u8, part: Range<usize>) -> Option<()> {
        let mut rest = &self.text[part];
        while let Some(found) = memchr::memchr2(special, b'\t', rest.as_bytes()) {
            self.scratch.push_str(&rest[..found]);
            self.scratch.push(match (rest.as_bytes()[found], rest.as_bytes().get(found + 1)?) {
                (b'\'', b'\'') => '\'',
                (b'\\', b'"') => '"',
                (b'\\', b' ') => ' ',
                (b'\\', b'\\') => '\\',
                (b'\\', b'n') => '\n',
                (b'\\', b't') => '\t',
                (b'\\', b'r') => '\r',
                // also what kubectl does not know
                _ => return None,
            });
            rest = &rest[found + 2..];
        }
        self.scratch.push_str(rest);
        Some(())
    }
}
