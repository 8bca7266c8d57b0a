//! The few characters of a file that show where a finding is.
//!
//! Of each span the part on its first line is marked: a container, a Pod template, a block scalar is known by
//! how it begins. Long lines are cut around the mark, and what is secret is replaced by a mask of one width, whatever its
//! length.

use std::ops::Range;

use super::mask::FileMask;
use crate::document::Span;
use crate::manifest::{Position, SourceFile};
use crate::resource::secret::MASK;

/// Lines longer than this many bytes are cut, unless less is asked for.
pub(super) const WIDE: usize = 160;
/// How much is left of a cut line in front of its mark, in bytes.
const BEFORE: usize = 40;
/// How much is left of a cut line, in bytes, where there is room for it.
const LEFT: usize = 130;
/// Stands where something was cut off.
const CUT: char = '…';

/// Some lines of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// The number of the first line, from 1.
    pub(super) line: u32,
    /// The lines, masked and cut.
    pub(super) text: String,
    /// Where the marks are in `text`, in the order they were given.
    pub(super) marks: Vec<Range<usize>>,
    /// Whether a marked line lost its beginning.
    pub(super) cut: bool,
}

/// The lines on which `spans` begin, and those between them. The caller sees to it that these are few.
/// Lines of more than `wide` bytes are cut.
pub(super) fn excerpt(file: &SourceFile, mask: &FileMask, spans: &[Span], wide: usize) -> Option<Excerpt> {
    let line_of = |span: &Span| file.position(span.start as usize).line;
    let first = spans.iter().map(line_of).min()?;
    let last = spans.iter().map(line_of).max()?;
    let mut text = String::new();
    let mut marks = vec![0..0; spans.len()];
    let mut cut = false;
    for number in first..=last {
        let line = Line::new(file, number)?;
        let marked: Vec<(usize, Range<usize>)> = spans
            .iter()
            .enumerate()
            .filter(|(_, span)| line_of(span) == number)
            .map(|(index, span)| (index, line.part(*span)))
            .collect();
        let focus = marked.iter().map(|(_, mark)| mark.start).min();
        let kept = line.keep(focus, wide);
        cut |= focus.is_some() && kept.start > 0;
        let base = text.len();
        let map = line.write(&mut text, &kept, mask);
        for (index, mark) in marked {
            marks[index] = base + map.out(mark.start)..base + map.out(mark.end);
        }
        if number < last {
            text.push('\n');
        }
    }
    Some(Excerpt { line: first, text, marks, cut })
}

/// The empty span at a position.
pub(super) fn byte_at(file: &SourceFile, position: Position) -> Option<Span> {
    let line = Line::new(file, position.line)?;
    let column = (position.column as usize).saturating_sub(1);
    let within = line.text.char_indices().nth(column).map_or(line.text.len(), |(at, _)| at);
    let at = u32::try_from(line.start + within).ok()?;
    Some(Span { start: at, end: at })
}

/// One line of a file.
struct Line<'f> {
    text: &'f str,
    /// Where it begins, in bytes of the file.
    start: usize,
}

/// Which byte of a line went where.
enum Map<'f> {
    /// The line stands there as it is.
    Same(&'f str),
    /// Byte of the line → byte of the output, at each character, and at the end.
    Places(Vec<(usize, usize)>),
}

impl Map<'_> {
    /// Where a byte of the line went; what was cut off went to the edge.
    fn out(&self, byte: usize) -> usize {
        match self {
            Self::Same(line) => {
                (byte..line.len()).find(|at| line.is_char_boundary(*at)).unwrap_or(line.len())
            }
            Self::Places(places) => {
                let next = places.partition_point(|(from, _)| *from < byte);
                let (_, to) = places.get(next).or(places.last()).copied().unwrap_or_default();
                to
            }
        }
    }
}

impl<'f> Line<'f> {
    fn new(file: &'f SourceFile, number: u32) -> Option<Self> {
        let text = file.line(number)?;
        // a line is a slice of the file's text
        let start = text.as_ptr().addr() - file.text().as_ptr().addr();
        Some(Self { text, start })
    }

    /// The part of a span that stands on this line, where it begins, in bytes of the line.
    fn part(&self, span: Span) -> Range<usize> {
        let start = (span.start as usize).saturating_sub(self.start).min(self.text.len());
        let end = (span.end as usize).saturating_sub(self.start).min(self.text.len()).max(start);
        let marked = self.text.get(start..end).unwrap_or_default();
        start..start + marked.trim_end().len()
    }

    /// What is kept of the line.
    fn keep(&self, focus: Option<usize>, wide: usize) -> Range<usize> {
        if self.text.len() <= wide {
            return 0..self.text.len();
        }
        let focus = focus.unwrap_or(0);
        // room for the signs of what was cut off
        let left = wide.saturating_sub(2).min(LEFT);
        // the beginning is kept where the mark still is in the first half
        let start = if focus <= left / 2 { 0 } else { focus - BEFORE.min(left / 3) };
        let start = floor(self.text, start);
        let end = floor(self.text, start.saturating_add(left));
        start..end.max(start)
    }

    fn write(&self, out: &mut String, kept: &Range<usize>, mask: &FileMask) -> Map<'f> {
        if kept.len() == self.text.len() && !mask.touches(self.start..self.start + self.text.len()) {
            out.push_str(self.text);
            return Map::Same(self.text);
        }
        let base = out.len();
        let mut places = Vec::with_capacity(kept.len() + 1);
        if kept.start > 0 {
            out.push(CUT);
        }
        // where the mask begins that stands for the characters of now
        let mut hidden = None;
        for (at, c) in self.text[kept.clone()].char_indices() {
            let at = kept.start + at;
            if mask.covers(self.start + at) {
                let begin = *hidden.get_or_insert_with(|| {
                    out.push_str(MASK);
                    out.len() - MASK.len() - base
                });
                places.push((at, begin));
                continue;
            }
            hidden = None;
            places.push((at, out.len() - base));
            out.push(c);
        }
        places.push((kept.end, out.len() - base));
        if kept.end < self.text.len() {
            out.push(CUT);
        }
        Map::Places(places)
    }
}

/// The nearest boundary between characters, at or before `byte`.
fn floor(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::manifest::source::Content;

    fn cut(text: &str, spans: &[(usize, usize)]) -> Excerpt {
        let file = SourceFile::new("x.yaml", Content::Text(text.to_owned()));
        let spans: Vec<Span> = spans
            .iter()
            .map(|(start, end)| Span { start: (*start).try_into().unwrap(), end: (*end).try_into().unwrap() })
            .collect();
        excerpt(&file, &FileMask::default(), &spans, WIDE).unwrap()
    }

    #[test]
    fn the_first_line_of_a_span_is_marked() {
        for (name, text, span, expected_line, expected_text, expected_mark) in [
            ("within a line", "a: 1\nb: 22\n", (8, 10), 2, "b: 22", 3..5),
            ("several lines", "a:\n  b: 1\n  c: 2\n", (5, 16), 2, "  b: 1", 2..6),
            ("blanks at the end", "a: b   \nc: d\n", (3, 12), 1, "a: b   ", 3..4),
            ("nothing", "a:\nb: 1\n", (2, 2), 1, "a:", 2..2),
            ("the end of the text", "a: 1", (4, 4), 1, "a: 1", 4..4),
            ("beyond the text", "a: 1", (9, 12), 1, "a: 1", 4..4),
            ("carriage returns", "a: 1\r\nb: 2\r\n", (9, 12), 2, "b: 2", 3..4),
        ] {
            let got = cut(text, &[span]);
            assert_eq!(
                (got.line, got.text.as_str(), &got.marks[0]),
                (expected_line, expected_text, &expected_mark),
                "{name}"
            );
        }
    }

    #[test]
    fn two_marks_and_the_lines_between() {
        let got = cut("a: 1\nb: 2\na: 3\n", &[(10, 11), (0, 1)]);
        assert_eq!(
            got,
            Excerpt { line: 1, text: "a: 1\nb: 2\na: 3".into(), marks: vec![10..11, 0..1], cut: false }
        );
    }

    #[test]
    fn a_long_line_is_cut_around_its_mark() {
        let line = format!("{}KEY: {}", "ä".repeat(5_000_000), "z".repeat(5_000_000));
        let at = line.find("KEY").unwrap();
        let got = cut(&line, &[(at, at + 3)]);
        assert!(got.text.len() < 200, "{}", got.text.len());
        assert!(got.text.starts_with('…') && got.text.ends_with('…'));
        assert_eq!(&got.text[got.marks[0].clone()], "KEY");
        // a mark that is longer than what is shown ends where that ends
        let got = cut(&line, &[(at, line.len())]);
        assert!(got.text[got.marks[0].clone()].starts_with("KEY: zzz"));
        assert!(got.text.len() < 200);
    }
}
