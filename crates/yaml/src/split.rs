//! One text → the texts of its documents, split as kubectl splits them.
//!
//! kubectl does not leave this to a YAML parser (k8s.io/apimachinery, `YAMLReader`): every line that
//! starts with `---` separates, also inside a quoted or block scalar; after the dashes only blanks or a
//! comment may follow. The separator belongs to neither side, except in front of a document whose text
//! has not begun: there it stays and the parser sees it.

use std::ops::Range;

/// The text of one document, which may turn out to hold nothing but comments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Where in the file.
    pub range: Range<usize>,
    /// What follows the dashes where that is neither blank nor a comment: kubectl refuses the file there.
    pub bad_separator: Option<Range<usize>>,
}

const SEPARATOR: &str = "---";

/// Splits `text` from byte `from` on, which must be the start of a line.
#[must_use]
pub fn split(text: &str, from: usize) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut open = Chunk { range: from..from, bad_separator: None };
    for line in separator_lines(text, from) {
        // What stands before the line is the open document's, whether or not a separator began it.
        open.range.end = line.start;
        let begun = !open.range.is_empty();
        let rest = line.start + SEPARATOR.len()..line.end;
        let after = text[rest.clone()].trim();
        if !after.is_empty() && !after.starts_with('#') {
            if begun {
                chunks.push(open);
            }
            let bad = rest.start + text[rest].find(after).unwrap_or(0);
            open = Chunk { range: line.start..line.end, bad_separator: Some(bad..bad + after.len()) };
        } else if begun {
            chunks.push(open);
            open = Chunk { range: line.end..line.end, bad_separator: None };
        }
    }
    open.range.end = text.len();
    if !open.range.is_empty() {
        chunks.push(open);
    }
    chunks
}

/// The lines that start with the dashes, their line breaks included.
fn separator_lines(text: &str, from: usize) -> impl Iterator<Item = Range<usize>> {
    let mut at = from;
    let mut first = true;
    std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let start = if std::mem::take(&mut first) && rest.starts_with(SEPARATOR) {
            at
        } else {
            // The line break before a separator may be the one that ended the last.
            let rest = &text[at.saturating_sub(1).max(from)..];
            text.len() - rest.len() + memchr::memmem::find(rest.as_bytes(), b"\n---")? + 1
        };
        at = memchr::memchr(b'\n', &text.as_bytes()[start..]).map_or(text.len(), |end| start + end + 1);
        Some(start..at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_split_as_kubectl_does() {
        let cases: [(&str, &str, &[&str]); 14] = [
            ("one", "a: 1\n", &["a: 1\n"]),
            ("nothing", "", &[]),
            ("two", "a: 1\n---\nb: 2\n", &["a: 1\n", "b: 2\n"]),
            ("leading separator stays", "---\na: 1\n---\nb", &["---\na: 1\n", "b"]),
            ("two separators", "a\n---\n---\nb\n", &["a\n", "---\nb\n"]),
            ("three separators", "---\n---\n---\nb\n", &["---\n", "---\nb\n"]),
            ("comment after it", "a\n--- # c\nb\n---#c\nd", &["a\n", "b\n", "d"]),
            ("blanks after it", "a\n--- \t\r\nb\n", &["a\n", "b\n"]),
            ("at the end", "a\n---\n", &["a\n"]),
            ("at the end without a line break", "a\n---", &["a\n"]),
            ("indented is content", "a\n ---\nb\n", &["a\n ---\nb\n"]),
            ("inside a quoted scalar", "a: \"x\n---\ny\"\n", &["a: \"x\n", "y\"\n"]),
            ("CRLF", "a\r\n---\r\nb\r\n", &["a\r\n", "b\r\n"]),
            ("dots are not its business", "a\n...\nb\n", &["a\n...\nb\n"]),
        ];
        for (name, text, expected) in cases {
            let chunks = split(text, 0);
            let got: Vec<&str> = chunks.iter().map(|c| &text[c.range.clone()]).collect();
            assert_eq!(got, expected, "{name}");
            assert!(chunks.iter().all(|c| c.bad_separator.is_none()), "{name}");
        }
    }

    #[test]
    fn a_bad_separator_spoils_its_own_document_only() {
        for text in ["a\n---foo\nb\n---\nc\n", "a\n--- {x: 1}\nb\n---\nc\n", "a\n----\nb\n---\nc\n"] {
            let chunks = split(text, 0);
            let bad: Vec<bool> = chunks.iter().map(|c| c.bad_separator.is_some()).collect();
            assert_eq!(bad, [false, true, false], "{text}");
            assert_eq!(&text[chunks[2].range.clone()], "c\n");
        }
        let text = "---foo\nb\n";
        assert_eq!(split(text, 0), [Chunk { range: 0..9, bad_separator: Some(3..6) }]);
    }

    #[test]
    fn splitting_may_begin_behind_something_else() {
        let text = "{}\n---\na\n---\nb\n";
        let got: Vec<&str> = split(text, 3).into_iter().map(|c| &text[c.range]).collect();
        assert_eq!(got, ["---\na\n", "b\n"]);
    }
}
