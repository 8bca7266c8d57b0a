//! Block scalars: literal (`|`) and folded (`>`).

use std::ops::Range;

use super::lines::Line;
use super::{Reader, Text};
use crate::scalar::Written;

/// The lines of a block scalar that have content.
struct Block {
    count: usize,
    /// Where the first begins, behind its indentation.
    start: usize,
    /// The last, without its indentation and line break.
    last: Range<usize>,
}

/// What comes next in a block scalar.
enum Next {
    /// A line that is no deeper than the scalar, and blank.
    Blank,
    /// A line with content, which ends there.
    Content(usize),
    /// Something else.
    End,
}

impl Reader<'_> {
    /// The block scalar whose indicator stands at byte `at`, inside of something in column `within`.
    ///
    /// libyaml's `yaml_parser_scan_block_scalar`, where the depth is not written and the lines at the end are not kept.
    pub(super) fn block_scalar(&mut self, at: usize, within: usize) -> Option<()> {
        let is_folded = self.bytes[at] == b'>';
        let is_stripped = self.bytes.get(at + 1) == Some(&b'-');
        let header = at + 1 + usize::from(is_stripped);
        if !matches!(self.bytes.get(header), Some(b' ' | b'\n')) {
            return None;
        }
        self.end_line(header)?;
        let (breaks, first) = self.line_from(self.next)?;
        if first.indent <= within || self.bytes[first.at] == b'\t' || self.has_long_blanks(first) {
            return None;
        }
        self.scratch.clear();
        self.scratch.extend(std::iter::repeat_n('\n', breaks - 1));
        self.next = first.at - first.indent;
        let Block { count, start, last } = self.block_lines(first.indent, is_folded)?;
        let end = start + self.text[start..last.end].trim_end().len();
        let kept = last.end + usize::from(!is_stripped);
        if !is_stripped {
            self.scratch.push('\n');
        }
        let text = if (breaks, count) == (1, 1) { Text::Part(start..kept) } else { Text::Scratch };
        self.scalar(Written::Quoted, &text, start..end)
    }

    /// Whether one of the blank lines before the first of a block scalar is longer than that is deep, which may be an error.
    fn has_long_blanks(&self, Line { at, indent }: Line) -> bool {
        self.bytes[self.next..at - indent].split(|byte| *byte == b'\n').any(|line| line.len() > indent)
    }

    /// Adds the lines of a block scalar of this depth. `None` where a tab indents one, or the last has no line break: what
    /// becomes of that is left to others.
    fn block_lines(&mut self, indent: usize, is_folded: bool) -> Option<Block> {
        let mut block = Block { count: 0, start: self.next + indent, last: 0..0 };
        let mut leading_blank = false;
        // since the last line with content
        let mut breaks = 0;
        loop {
            let at = self.next;
            let line_end = match self.next_in_block(indent)? {
                Next::End => return Some(block),
                Next::Blank => {
                    breaks += 1;
                    self.next = self.line_end(at) + 1;
                    continue;
                }
                Next::Content(end) => end,
            };
            let trailing_blank = matches!(self.bytes[at + indent], b' ' | b'\t');
            if block.count > 0 && is_folded && !leading_blank && !trailing_blank {
                self.fold(breaks);
            } else {
                self.scratch.extend(std::iter::repeat_n('\n', breaks));
            }
            block.last = at + indent..line_end;
            self.scratch.push_str(&self.text[block.last.clone()]);
            block.count += 1;
            (leading_blank, breaks) = (trailing_blank, 1);
            self.next = line_end + 1;
        }
    }

    fn next_in_block(&self, indent: usize) -> Option<Next> {
        let at = self.next;
        let content = self.blanks(at);
        Some(match self.bytes.get(content) {
            None if content == at => Next::End,
            Some(b'\n') if content - at <= indent => Next::Blank,
            Some(_) if content - at >= indent => {
                Next::Content(Some(self.line_end(content)).filter(|end| *end < self.bytes.len())?)
            }
            None | Some(b'\t') => return None,
            Some(_) => Next::End,
        })
    }
}
