//! Lines and what is between the things on them.

use super::Reader;

/// A line that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    /// Where its first byte that is no blank stands.
    pub(super) at: usize,
    /// How many blanks stand before that.
    pub(super) indent: usize,
}

impl Reader<'_> {
    /// The next line with content; `None` where a tab indents it. Comments are passed over.
    pub(super) fn line(&mut self) -> Option<Option<Line>> {
        loop {
            let at = self.blanks(self.next);
            match self.bytes.get(at) {
                None => return Some(None),
                Some(b'\n') => self.next = at + 1,
                Some(b'#') => self.next = self.line_end(at) + 1,
                Some(b'\t') => return None,
                Some(_) => return Some(Some(Line { at, indent: at - self.next })),
            }
        }
    }

    /// The first line that is not empty, comments included, from the line that begins at byte `start`, and how many line breaks
    /// stand before it.
    pub(super) fn line_from(&self, mut start: usize) -> Option<(usize, Line)> {
        let mut breaks = 1;
        loop {
            let at = self.blanks(start);
            match self.bytes.get(at)? {
                b'\n' => (start, breaks) = (at + 1, breaks + 1),
                _ => return Some((breaks, Line { at, indent: at - start })),
            }
        }
    }

    /// The first byte from `at` on that is no blank.
    pub(super) fn blanks(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        at + rest.iter().take_while(|byte| **byte == b' ').count()
    }

    /// The end of the line, without its line break.
    pub(super) fn line_end(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        at + memchr::memchr(b'\n', rest).unwrap_or(rest.len())
    }

    /// Whether the line has nothing more from byte `at` on, or a comment with a blank before it.
    pub(super) fn ends(&self, at: usize) -> bool {
        match self.bytes.get(at) {
            None | Some(b'\n') => true,
            Some(b'#') => self.bytes[..at].ends_with(b" "),
            Some(_) => false,
        }
    }

    /// Goes on with the next line, if nothing more stands on this one from byte `at` on.
    pub(super) fn end_line(&mut self, at: usize) -> Option<()> {
        let at = self.blanks(at);
        if !self.ends(at) {
            return None;
        }
        self.next = self.line_end(at) + 1;
        Some(())
    }

    /// Whether the dashes or dots stand at byte `at` that begin or end a document.
    pub(super) fn is_marker(&self, at: usize) -> bool {
        matches!(self.bytes.get(at..at + 3), Some(b"---" | b"..."))
    }

    /// Whether a dash stands at byte `at` that begins an entry of a list.
    pub(super) fn is_dash(&self, at: usize) -> bool {
        self.bytes.get(at) == Some(&b'-') && self.is_indicator(at)
    }

    /// Whether the byte at `at`, a dash, colon or question mark, has a blank or nothing behind it.
    pub(super) fn is_indicator(&self, at: usize) -> bool {
        matches!(self.bytes.get(at + 1), None | Some(b' ' | b'\n' | b'\t'))
    }

    /// Whether a colon stands at byte `at` that ends a key.
    pub(super) fn is_colon(&self, at: usize) -> bool {
        self.bytes.get(at) == Some(&b':') && self.is_indicator(at)
    }
}

/// Whether there are only characters that no reader of YAML takes for anything else than text. A few that all would take are
/// not among them: those from U+D000 on, but for what stands beyond the first 65,536.
pub(super) fn is_printable(bytes: &[u8]) -> bool {
    let odd = |byte: u8| {
        u8::from(byte < b' ') & u8::from(byte != b'\n') & u8::from(byte != b'\t') | u8::from(byte >= 0x7F)
    };
    // most texts have nothing odd, and a whole chunk is looked at in a few instructions
    let (chunks, rest) = bytes.as_chunks::<64>();
    let is_good = |(chunk, from): (&[u8], usize)| {
        chunk.iter().fold(0, |found, byte| found | odd(*byte)) == 0
            || (from..from + chunk.len()).all(|at| is_printable_at(bytes, at))
    };
    let whole = chunks.iter().zip((0..).step_by(64)).all(|(chunk, from)| is_good((chunk, from)));
    whole && is_good((rest, bytes.len() - rest.len()))
}

/// Whether the character that the byte at `at` belongs to is text to everybody, by this byte.
fn is_printable_at(bytes: &[u8], at: usize) -> bool {
    match bytes[at] {
        b'\n' | b'\t' | b' '..=b'~' | 0x80..=0xBF => true,
        // U+0080 to U+009F are control characters, among them NEL, which is a line break
        0xC2 => bytes.get(at + 1).is_some_and(|next| *next >= 0xA0),
        // U+2028 and U+2029 are line breaks
        0xE2 => !matches!(bytes.get(at + 1..at + 3), Some([0x80, 0xA8 | 0xA9])),
        0xC3..=0xEC | 0xF0..=0xF4 => true,
        _ => false,
    }
}
