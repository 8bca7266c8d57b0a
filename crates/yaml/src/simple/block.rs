//! Block scalars: literal (`|`) and folded (`>`).

use super::{Reader, Text};
use crate::scalar::Written;

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
        let indent = first.indent;
        // where lines of blanks are longer than the first line is deep they may be an error, and a tab may be one anywhere
        let has_long_blanks = || {
            let blank = &self.bytes[self.next..first.at - indent];
            blank.split(|byte| *byte == b'\n').any(|line| line.len() > indent)
        };
        if indent <= within || self.bytes[first.at] == b'\t' || has_long_blanks() {
            return None;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend(std::iter::repeat_n('\n', breaks - 1));
        let (mut start, mut end, mut is_one) = (first.at, first.at, breaks == 1);
        let mut leading_blank = false;
        let mut lines = 0;
        let mut part = 0..0;
        // breaks since the last line with content
        let mut breaks = 0;
        self.next = first.at - indent;
        loop {
            let at = self.next;
            let content = self.blanks(at);
            let line_end = match self.bytes.get(content) {
                None if content == at => break,
                Some(b'\n') if content - at <= indent => {
                    breaks += 1;
                    self.next = content + 1;
                    continue;
                }
                Some(_) if content - at >= indent => self.line_end(content),
                None | Some(b'\t') => return None,
                Some(_) => break,
            };
            // the last line has no line break: what becomes of that is left to others
            if line_end >= self.bytes.len() {
                return None;
            }
            let trailing_blank = matches!(self.bytes[at + indent], b' ' | b'\t');
            if lines > 0 {
                is_one = false;
                if is_folded && !leading_blank && !trailing_blank {
                    if breaks == 1 {
                        scratch.push(' ');
                    }
                    scratch.extend(std::iter::repeat_n('\n', breaks - 1));
                } else {
                    scratch.extend(std::iter::repeat_n('\n', breaks));
                }
            } else {
                start = at + indent;
            }
            leading_blank = trailing_blank;
            part = at + indent..line_end;
            scratch.push_str(&self.text[part.clone()]);
            end = line_end;
            lines += 1;
            breaks = 1;
            self.next = line_end + 1;
        }
        self.scratch = scratch;
        let text = if !is_stripped {
            self.scratch.push('\n');
            if is_one { Text::Part(part.start..part.end + 1) } else { Text::Scratch }
        } else if is_one {
            Text::Part(part)
        } else {
            Text::Scratch
        };
        let end = start + self.text[start..end].trim_end().len();
        self.scalar(Written::Quoted, &text, start..end)
    }
}
