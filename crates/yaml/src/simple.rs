//! The YAML that manifests are mostly written in, read in one pass over the bytes.
//!
//! Block mappings and lists, scalars plain, quoted and as blocks, brackets on one line, comments: about that much every
//! reader of YAML agrees, and it can be read at many times the speed of one that knows all of YAML. Whatever else comes up –
//! an anchor, a tag, a tab that indents, a quoted text that goes over lines, anything that may be an error – ends it without a
//! result, and the document is read from its start by [`super::compose`], whose results these are to the byte: the tests read
//! documents both ways, and what came of changing them at random.

mod block;
mod flow;
mod lines;
mod quoted;

use std::ops::Range;

use document::{Builder, Span};

use crate::compose::{Composed, DEPTH_LIMIT, Implied, LIMITS, Oddity, Remark, oddity, place};
use crate::scalar::{self, JsonScalar, Resolved, Written};

use flow::Within;
use lines::Line;

/// Keys may have 1,024 characters; longer ones are left to the parser that counts them.
const KEY_BYTES: usize = 1_000;

/// The bytes that end a plain key, or what might have been one.
static MAY_END_KEY: [bool; 256] = {
    let mut table = [false; 256];
    table[b':' as usize] = true;
    table[b'\n' as usize] = true;
    table[b'#' as usize] = true;
    table[b'\t' as usize] = true;
    table
};

/// The document in `range` of `text`, if it is written in the simple way.
pub(crate) fn read(text: &str, range: Range<usize>) -> Option<Composed<'_>> {
    let body = text.get(range.clone())?;
    if !lines::is_printable(body.as_bytes()) {
        return None;
    }
    let mut reader = Reader {
        text,
        bytes: &text.as_bytes()[..range.end],
        next: range.start,
        builder: Builder::for_part(text, body.len(), LIMITS).with_places(),
        frames: Vec::with_capacity(16),
        missing: None,
        last_end: range.start,
        key_remark: None,
        remarks: Vec::new(),
        scratch: String::new(),
    };
    reader.run()?;
    let Reader { builder, remarks, .. } = reader;
    Some(Composed {
        document: Some(builder.finish()),
        remarks,
        implied: Implied::default(),
        dropped: None,
        comments: Vec::new(),
    })
}

/// An open block mapping or list.
#[derive(Debug, Clone, Copy)]
struct Frame {
    /// The column of its keys or dashes.
    indent: usize,
    /// Where its first key or dash stands.
    start: usize,
    is_list: bool,
}

/// A scalar's text: a part of the file, or what [`Reader::scratch`] holds.
#[derive(Debug, Clone)]
enum Text {
    Part(Range<usize>),
    Scratch,
}

impl Text {
    fn of<'t>(&self, file: &'t str, scratch: &'t str) -> &'t str {
        match self {
            Self::Part(part) => &file[part.clone()],
            Self::Scratch => scratch,
        }
    }
}

struct Reader<'a> {
    /// The file's text.
    text: &'a str,
    /// Its bytes up to the end of the document.
    bytes: &'a [u8],
    /// Where the next line begins.
    next: usize,
    builder: Builder<'a>,
    frames: Vec<Frame>,
    /// Where the value stands that a key or a dash has no value on its own line for.
    missing: Option<usize>,
    /// Where the last scalar or bracket ended.
    last_end: usize,
    key_remark: Option<(Oddity, Span)>,
    remarks: Vec<Remark>,
    /// A text that is not as it stands in the file.
    scratch: String,
}

impl Reader<'_> {
    fn run(&mut self) -> Option<()> {
        while let Some(line) = self.line()? {
            self.content(line)?;
        }
        self.fill_missing()?;
        while !self.frames.is_empty() {
            self.close()?;
        }
        (self.builder.node_count() > 0).then_some(())
    }

    /// A line with something on it that is no comment.
    fn content(&mut self, Line { at, indent }: Line) -> Option<()> {
        if indent == 0 && self.is_marker(at) {
            return None;
        }
        let dash = self.is_dash(at);
        if self.missing.is_some() {
            let top = *self.frames.last()?;
            let is_flush = indent == top.indent && dash && !top.is_list;
            if is_flush && self.ends(self.blanks(at + 1)) {
                // where such a list begins that has its first value on another line, the events do not tell
                return None;
            }
            if indent > top.indent || is_flush {
                self.missing = None;
                return self.node(at, indent);
            }
            self.fill_missing()?;
        }
        if self.frames.is_empty() {
            return if self.builder.node_count() == 0 { self.node(at, indent) } else { None };
        }
        while let Some(top) = self.frames.last()
            && (top.indent > indent || (top.indent == indent && top.is_list && !dash))
        {
            self.close()?;
        }
        let top = *self.frames.last()?;
        match (top.indent == indent, top.is_list) {
            (true, true) => self.entry(at, indent),
            (true, false) if !dash => {
                let key = self.find_key(at)??;
                self.member(at, key)
            }
            _ => None,
        }
    }

    /// A node that begins at byte `at`, in this column, and may be a mapping or list of several lines.
    fn node(&mut self, at: usize, column: usize) -> Option<()> {
        if self.is_dash(at) {
            // a list right in a list begins at the dash of that, as the events have it
            let blanks = self.bytes[..at].iter().rev().take_while(|byte| **byte == b' ').count();
            let outer = (at - blanks).checked_sub(1).filter(|outer| self.bytes[*outer] == b'-');
            self.open(outer.unwrap_or(at), column, true)?;
            return self.entry(at, column);
        }
        if matches!(self.bytes[at], b'[' | b'{' | b'|' | b'>') {
            return self.inline(at);
        }
        // a key, if there is one, has to be told from a scalar before anything is built
        if let Some(key) = self.find_key(at)? {
            self.open(at, column, false)?;
            return self.member(at, key);
        }
        self.inline(at)
    }

    /// What stands behind a dash at byte `at`.
    fn entry(&mut self, at: usize, column: usize) -> Option<()> {
        let content = self.blanks(at + 1);
        if self.ends(content) {
            return self.miss(self.line_end(content), content);
        }
        self.node(content, column + content - at)
    }

    /// What stands behind a colon at byte `colon`.
    fn value(&mut self, colon: usize) -> Option<()> {
        let content = self.blanks(colon + 1);
        if self.ends(content) { self.miss(colon, content) } else { self.inline(content) }
    }

    /// Nothing stands behind a key or a dash: what belongs there may stand on the lines below, or is null, at byte `at`.
    fn miss(&mut self, at: usize, content: usize) -> Option<()> {
        self.end_line(content)?;
        self.missing = Some(at);
        Some(())
    }

    /// What was missing is not there.
    fn fill_missing(&mut self) -> Option<()> {
        let Some(at) = self.missing.take() else { return Some(()) };
        self.scalar(Written::Plain, &Text::Part(at..at), at..at)
    }

    fn open(&mut self, at: usize, indent: usize, is_list: bool) -> Option<()> {
        if self.frames.len() >= DEPTH_LIMIT / 2 {
            return None;
        }
        let id = if is_list { self.builder.begin_array() } else { self.builder.begin_object() }.ok()?;
        self.pushed(id);
        self.frames.push(Frame { indent, start: at, is_list });
        Some(())
    }

    fn close(&mut self) -> Option<()> {
        let frame = self.frames.pop()?;
        let id = self.builder.end();
        self.builder.place(id, place(&(frame.start..self.last_end.max(frame.start))).ok()?);
        Some(())
    }

    /// A value that is no block mapping or list, at byte `at`; nothing else may stand on its last line.
    fn inline(&mut self, at: usize) -> Option<()> {
        let within = self.frames.last().map(|frame| frame.indent);
        match self.bytes[at] {
            b'|' | b'>' => self.block_scalar(at, within?),
            b'"' | b'\'' => {
                let (text, end) = match self.closing_quote(at) {
                    Some(_) => self.quoted(at)?,
                    None => (Text::Scratch, self.quoted_lines(at, within)?),
                };
                self.scalar(Written::Quoted, &text, at..end)?;
                self.end_line(end)
            }
            b'[' | b'{' => {
                let end = self.bracket(at, Within { indent: within, depth: 0 })?;
                self.end_line(end)
            }
            _ => self.plain(at, within?),
        }
    }

    /// A plain scalar, which goes on with the lines that are indented deeper than `within`.
    fn plain(&mut self, at: usize, within: usize) -> Option<()> {
        if !self.begins_plain(at) {
            return None;
        }
        let (end, mut line_end) = self.plain_line(at)?;
        let mut span = at..end;
        let mut is_one = true;
        // behind a comment the scalar does not go on
        let mut commented = self.blanks(end) != line_end;
        self.next = line_end + 1;
        while !commented {
            let Some((breaks, Line { at, indent })) = self.line_from(self.next) else { break };
            if indent <= within || self.bytes[at] == b'#' {
                break;
            }
            let (end, after) = self.plain_line(at)?;
            if std::mem::take(&mut is_one) {
                self.scratch.clear();
                self.scratch.push_str(&self.text[span.clone()]);
            }
            self.fold(breaks);
            self.scratch.push_str(&self.text[at..end]);
            span.end = end;
            line_end = after;
            commented = self.blanks(end) != line_end;
            self.next = line_end + 1;
        }
        let text = if is_one { Text::Part(span.clone()) } else { Text::Scratch };
        self.scalar(Written::Plain, &text, span)
    }

    /// Whether a plain scalar may begin at byte `at`.
    fn begins_plain(&self, at: usize) -> bool {
        match self.bytes[at] {
            b'-' | b':' | b'?' => !self.is_indicator(at),
            b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"'
            | b'%' | b'@' | b'`' | b'\t' => false,
            _ => true,
        }
    }

    /// Where the part of a plain scalar ends that stands on this line, and where the line does.
    fn plain_line(&self, at: usize) -> Option<(usize, usize)> {
        let line_end = self.line_end(at);
        let line = &self.bytes[at..line_end];
        let mut end = line.len();
        for found in memchr::memchr3_iter(b':', b'#', b'\t', line) {
            match line[found] {
                // a key where none may be
                b':' if matches!(line.get(found + 1), None | Some(b' ')) => return None,
                b'\t' => return None,
                b'#' if line[..found].ends_with(b" ") => {
                    end = found;
                    break;
                }
                _ => {}
            }
        }
        let blanks = line[..end].iter().rev().take_while(|byte| **byte == b' ').count();
        Some((at + end - blanks, line_end))
    }

    /// Where the key at byte `at` ends, and where its colon stands, if there is a key.
    fn find_key(&self, at: usize) -> Option<Option<(usize, usize)>> {
        if !matches!(self.bytes[at], b'"' | b'\'') {
            return self.plain_key(at);
        }
        // a key is on one line
        let end = self.closing_quote(at);
        let key = end.map(|end| (end, self.blanks(end))).filter(|(_, colon)| self.is_colon(*colon));
        Some(key)
    }

    /// Where the plain key at byte `at` ends, and where its colon stands.
    fn plain_key(&self, at: usize) -> Option<Option<(usize, usize)>> {
        if !self.begins_plain(at) {
            return None;
        }
        let mut from = at;
        while let Some(found) = self.bytes[from..].iter().position(|byte| MAY_END_KEY[usize::from(*byte)]) {
            let found = from + found;
            match self.bytes[found] {
                b'\n' => break,
                b':' if self.is_colon(found) => {
                    let key = &self.bytes[at..found];
                    let blanks = key.iter().rev().take_while(|byte| **byte == b' ').count();
                    return Some(Some((found - blanks, found)));
                }
                b'#' if found > at && self.bytes[found - 1] == b' ' => break,
                b'\t' => return None,
                _ => from = found + 1,
            }
        }
        Some(None)
    }

    /// Reads the key at byte `at`, which was found, and what stands behind its colon.
    fn member(&mut self, at: usize, (end, colon): (usize, usize)) -> Option<()> {
        if colon - at > KEY_BYTES || &self.bytes[at..end] == b"<<" {
            return None;
        }
        if matches!(self.bytes[at], b'"' | b'\'') {
            let (text, end) = self.quoted(at)?;
            self.push_key(Written::Quoted, &text, at..end)?;
        } else {
            self.push_key(Written::Plain, &Text::Part(at..end), at..end)?;
        }
        self.value(colon)
    }

    fn push_key(&mut self, written: Written, text: &Text, span: Range<usize>) -> Option<()> {
        let place = place(&span).ok()?;
        self.last_end = self.last_end.max(span.end);
        let key = text.of(self.text, &self.scratch);
        let resolved = scalar::resolve(written, key).ok()?;
        self.key_remark = odd(written, resolved, key).map(|oddity| (oddity, place));
        match (resolved, text) {
            (Resolved::String, Text::Part(part)) => self.builder.borrowed_key(part.clone(), Some(place)),
            _ => self.builder.key(&resolved.to_key(key).ok()?, Some(place)),
        }
        .ok()
    }

    /// A scalar as a value.
    fn scalar(&mut self, written: Written, text: &Text, span: Range<usize>) -> Option<()> {
        let place = place(&span).ok()?;
        self.last_end = self.last_end.max(span.end);
        let value = text.of(self.text, &self.scratch);
        let resolved = scalar::resolve(written, value).ok()?;
        let id = match resolved.to_json().ok()? {
            JsonScalar::Null => self.builder.null(),
            JsonScalar::Bool(value) => self.builder.bool(value),
            JsonScalar::Int(value) => self.builder.int(value),
            JsonScalar::Float(value) => self.builder.float(value),
            JsonScalar::String => match text {
                Text::Part(part) => self.builder.borrowed(part.clone()),
                Text::Scratch => self.builder.string(value),
            },
        }
        .ok()?;
        self.builder.place(id, place);
        if let Some(oddity) = odd(written, resolved, value) {
            self.remarks.push(Remark { oddity, node: id, span: place, is_key: false });
        }
        self.pushed(id);
        Some(())
    }

    /// A value was pushed: what is odd about its key is known to be about it.
    fn pushed(&mut self, id: document::NodeId) {
        if let Some((oddity, span)) = self.key_remark.take() {
            self.remarks.push(Remark { oddity, node: id, span, is_key: true });
        }
    }
}

fn odd(written: Written, resolved: Resolved, text: &str) -> Option<Oddity> {
    if written == Written::Plain { oddity(resolved, text) } else { None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "simple/tests.rs"]
mod tests;
