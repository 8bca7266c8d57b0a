//! Lists and mappings in brackets.

use super::lines::Line;
use super::{KEY_BYTES, Reader, Text};
use crate::compose::place;
use crate::scalar::Written;

/// Brackets inside each other.
const DEEPEST: usize = 16;

/// What brackets stand in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Within {
    /// Lines must be indented deeper than this, but for a closing bracket; `None`: it is all of the document.
    pub(super) indent: Option<usize>,
    /// How many brackets are open.
    pub(super) depth: usize,
}

impl Reader<'_> {
    /// Reads what begins with the bracket at byte `at`, and gives what follows it.
    pub(super) fn bracket(&mut self, at: usize, within: Within) -> Option<usize> {
        if within.depth >= DEEPEST {
            return None;
        }
        let is_list = self.bytes[at] == b'[';
        let close = if is_list { b']' } else { b'}' };
        let id = if is_list { self.builder.begin_array() } else { self.builder.begin_object() }.ok()?;
        self.pushed(id);
        let mut next = self.skip(at + 1, within)?;
        while self.bytes.get(next) != Some(&close) {
            if !is_list {
                let colon = self.flow_key(next)?;
                next = self.skip(colon + 1, within)?;
            }
            let value = self.flow_value(next, within)?;
            next = self.skip(value, within)?;
            match self.bytes.get(next) {
                // nothing needs to follow
                Some(b',') => next = self.skip(next + 1, within)?,
                Some(byte) if *byte == close => break,
                _ => return None,
            }
        }
        let end = next + 1;
        self.builder.end();
        self.last_end = self.last_end.max(end);
        self.builder.place(id, place(&(at..end)).ok()?);
        Some(end)
    }

    /// The first byte from `at` on that is no blank or line break.
    fn skip(&self, at: usize, within: Within) -> Option<usize> {
        let at = self.blanks(at);
        if self.bytes.get(at) != Some(&b'\n') {
            return Some(at);
        }
        let (_, Line { at, indent }) = self.line_from(at + 1)?;
        let goes_on = match within.indent {
            Some(outer) => indent > outer || (indent == outer && matches!(self.bytes[at], b']' | b'}')),
            None => indent > 0 || !self.is_marker(at),
        };
        goes_on.then_some(at)
    }

    fn flow_value(&mut self, at: usize, within: Within) -> Option<usize> {
        match *self.bytes.get(at)? {
            b'[' | b'{' => self.bracket(at, Within { depth: within.depth + 1, ..within }),
            b'"' | b'\'' => {
                let (text, end) = self.quoted(at)?;
                self.scalar(Written::Quoted, &text, at..end)?;
                Some(end)
            }
            _ => {
                let end = self.flow_word(at)?;
                self.scalar(Written::Plain, &Text::Part(at..end), at..end)?;
                Some(end)
            }
        }
    }

    /// Reads the key at byte `at`, and gives where its colon stands.
    fn flow_key(&mut self, at: usize) -> Option<usize> {
        let (written, text, end) = match *self.bytes.get(at)? {
            b'"' | b'\'' => {
                let (text, end) = self.quoted(at)?;
                (Written::Quoted, text, end)
            }
            _ => {
                let end = self.flow_word(at)?;
                (Written::Plain, Text::Part(at..end), end)
            }
        };
        let colon = self.blanks(end);
        // behind quotes the value may follow at once, as in JSON
        let is_apart = |at| written == Written::Quoted || self.bytes.get(at) == Some(&b' ');
        let is_colon = self.bytes.get(colon) == Some(&b':') && is_apart(colon + 1);
        let is_key = is_colon && colon - at <= KEY_BYTES;
        if !is_key || &self.bytes[at..end] == b"<<" {
            return None;
        }
        self.push_key(written, &text, at..end)?;
        Some(colon)
    }

    /// The end of a plain scalar that has nothing in it that could be an indicator.
    fn flow_word(&self, at: usize) -> Option<usize> {
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'=' | b'+');
        let rest = self.bytes.get(at..)?;
        let begins = match rest {
            [b'-', next, ..] => is_plain(*next),
            [first, ..] => is_plain(*first),
            [] => false,
        };
        if !begins {
            return None;
        }
        let goes_on = |end: usize| match rest[end] {
            b'-' | b'*' | b'@' | b'$' | b'(' | b')' | b' ' | b'&' | b'%' | b'!' | b'~' | b';' | b'|'
            | b'<' | b'>' | b'^' => true,
            // ends a key where a blank follows
            b':' => rest.get(end + 1).is_some_and(|next| is_plain(*next)),
            // begins a comment behind a blank
            b'#' => rest[end - 1] != b' ',
            byte => is_plain(byte),
        };
        let end = (1..rest.len()).find(|end| !goes_on(*end))?;
        let blanks = rest[..end].iter().rev().take_while(|byte| **byte == b' ').count();
        Some(at + end - blanks)
    }
}
