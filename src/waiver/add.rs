//! Comments that waive findings, written into manifests.
//!
//! A place on one line gets a comment at its end; one of several lines, or a line that has a comment already, a line above
//! the node. What cannot carry a comment there goes up to what is around it. Every other byte stays, and what was written is
//! read again: the documents must be the same.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::collect::documents_of;
use super::cover::{begin, node_of};
use super::{Target, written};
use crate::document::{NodeRef, Span};
use crate::finding::terms::{self, TermError};
use crate::finding::{CodePattern, Finding, ObjectId};
use crate::manifest::source::Content;
use crate::manifest::{FileId, Inventory, STDIN, SourceFile, Sources, json};

/// What comments are to say.
#[derive(Debug, Clone)]
pub struct Writing {
    pattern: CodePattern,
    comment: String,
}

/// What becomes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The file that gets the comment.
    pub file: FileId,
    /// Its new text.
    pub text: String,
    /// The lines of the comments in it.
    pub lines: Vec<u32>,
}

/// Why no comment can be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// The code is none.
    #[error(transparent)]
    Term(#[from] TermError),
    /// A reason that is no part of a comment of one line, or none.
    #[error("the reason must be some words on one line, without `until=`")]
    Reason,
    /// The input has no file.
    #[error("standard input cannot be changed: name the file")]
    Stdin,
    /// The file is JSON.
    #[error("JSON has no comments: add a rule under `ignore:` in plimsoll.yaml")]
    Json,
    /// The finding is nowhere in the text.
    #[error("a finding has no line in the file: add a rule under `ignore:` in plimsoll.yaml")]
    NoPlace,
    /// Whatever is tried would change the document.
    #[error("no line can carry the comment: add a rule under `ignore:` in plimsoll.yaml")]
    NoRoom,
}

impl Writing {
    /// Comments of this code, for this reason, until this day.
    ///
    /// # Errors
    /// What cannot stand in a comment.
    pub fn new(code: &str, reason: &str, until: Option<NaiveDate>) -> Result<Self, AddError> {
        let mut patterns = terms::patterns([code].into_iter())?;
        let pattern = patterns.pop().ok_or(TermError::NoCode)?;
        let until = until.map_or(String::new(), |until| format!(", until={until}"));
        let comment = format!("# plimsoll: ignore[{pattern}] {}{until}", reason.trim());
        let is_plain =
            !reason.chars().any(|c| c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}'));
        match written::comment(&comment) {
            Some(Ok((_, read))) if is_plain && read.reason.as_deref() == Some(reason.trim()) => {
                Ok(Self { pattern, comment })
            }
            _ => Err(AddError::Reason),
        }
    }

    /// What the code has to match.
    #[must_use]
    pub fn pattern(&self) -> &CodePattern {
        &self.pattern
    }
}

/// The comments for all of these findings that have the code; and why some get none.
#[must_use]
pub fn additions(
    writing: &Writing,
    sources: &Sources,
    inventory: &Inventory<'_>,
    targets: &[Target<'_>],
    findings: &[(ObjectId, Finding)],
) -> (Vec<Addition>, Vec<(FileId, AddError)>) {
    let mut by_file: BTreeMap<FileId, Vec<(NodeRef<'_>, &Finding)>> = BTreeMap::new();
    for (id, finding) in findings.iter().filter(|(_, finding)| writing.pattern.matches(finding.code())) {
        let (file, _, object) = targets[id.0 as usize];
        by_file.entry(file).or_default().push((object, finding));
    }
    let (mut additions, mut errors) = (Vec::new(), Vec::new());
    for (file, findings) in by_file {
        match addition(writing, sources.file(file), inventory, file, &findings) {
            Ok(addition) => additions.push(addition),
            Err(error) => errors.push((file, error)),
        }
    }
    (additions, errors)
}

fn addition(
    writing: &Writing,
    source: &SourceFile,
    inventory: &Inventory<'_>,
    file: FileId,
    findings: &[(NodeRef<'_>, &Finding)],
) -> Result<Addition, AddError> {
    if source.path() == STDIN {
        return Err(AddError::Stdin);
    }
    if json::is_json(source.text()) {
        return Err(AddError::Json);
    }
    let page = Page::new(source.text(), inventory, file);
    let mut places: BTreeMap<usize, Insertion> = BTreeMap::new();
    for (object, finding) in findings {
        let (at, insertion) = page.place(*object, finding)?;
        places.insert(at, insertion);
    }
    let mut text = String::with_capacity(source.text().len() + places.len() * (writing.comment.len() + 2));
    let (mut from, mut line, mut lines) = (0, 1, Vec::new());
    for (at, insertion) in places {
        let before = &source.text()[from..at];
        line += before.matches('\n').count();
        text.push_str(before);
        from = at;
        lines.push(u32::try_from(line).unwrap_or(u32::MAX));
        match insertion {
            Insertion::Behind => text.push_str(&format!("  {}", writing.comment)),
            Insertion::Above { indent, line_break } => {
                text.push_str(&format!("{}{}{line_break}", " ".repeat(indent), writing.comment));
                line += 1;
            }
        }
    }
    text.push_str(&source.text()[from..]);
    match is_the_same(source, &text, inventory, file, lines.len()) {
        true => Ok(Addition { file, text, lines }),
        false => Err(AddError::NoRoom),
    }
}

/// Whether a new text has the documents of the old one, and so many comments more.
fn is_the_same(
    source: &SourceFile,
    text: &str,
    inventory: &Inventory<'_>,
    file: FileId,
    more: usize,
) -> bool {
    let sources = Sources::new(vec![SourceFile::new(source.path(), Content::Text(text.to_owned()))]);
    let again = Inventory::load(&sources);
    let json = |inventory: &Inventory<'_>, file| {
        let read = documents_of(inventory, file).iter().map(|read| read.document.root().to_json());
        read.collect::<Vec<_>>()
    };
    let comments = inventory.comments().iter().filter(|comment| comment.file == file).count();
    let Some((new, _)) = sources.iter().next() else { return false };
    again.comments().len() == comments + more && json(&again, new) == json(inventory, file)
}

#[derive(Debug, Clone, Copy)]
enum Insertion {
    /// At the end of a line.
    Behind,
    /// As a line of its own.
    Above { indent: usize, line_break: &'static str },
}

/// The text of a file, and where something stands in it.
struct Page<'t> {
    text: &'t str,
    /// Scalars and keys, sorted.
    tokens: Vec<Span>,
}

impl<'t> Page<'t> {
    fn new(text: &'t str, inventory: &Inventory<'_>, file: FileId) -> Self {
        let mut tokens = Vec::new();
        for read in documents_of(inventory, file) {
            for node in read.document.nodes() {
                tokens.extend(node.key_span());
                tokens.extend(node.span().filter(|_| !node.is_object() && !node.is_array()));
            }
        }
        tokens.sort_unstable();
        tokens.dedup();
        Self { text, tokens }
    }

    /// Where the comment about a finding goes.
    fn place(&self, object: NodeRef<'_>, finding: &Finding) -> Result<(usize, Insertion), AddError> {
        let span = finding.place.span.ok_or(AddError::NoPlace)?;
        let end = self.line_end(span.start as usize);
        let behind = self.takes_comment(end).then_some((end, Insertion::Behind));
        if let Some(behind) = behind.filter(|_| span.end as usize <= end) {
            return Ok(behind);
        }
        let nodes = std::iter::successors(node_of(object, finding), |node| node.parent());
        let above = nodes.filter_map(begin).find_map(|begin| self.above(begin.start as usize));
        above.or(behind).ok_or(AddError::NoRoom)
    }

    /// Where the line with a byte begins, without a byte order mark.
    fn line_start(&self, at: usize) -> usize {
        let start = self.text[..at].rfind(['\n', '\r']).map_or(0, |at| at + 1);
        if self.text[start..].starts_with('\u{feff}') { start + '\u{feff}'.len_utf8() } else { start }
    }

    fn line_end(&self, at: usize) -> usize {
        self.text[at..].find(['\n', '\r']).map_or(self.text.len(), |len| at + len)
    }

    /// Whether a comment can stand at the end of a line: no text goes on there, and there is none yet.
    fn takes_comment(&self, end: usize) -> bool {
        let start = self.line_start(end);
        let until = self.tokens.partition_point(|token| (token.start as usize) < end);
        let before = &self.tokens[..until];
        // tokens do not overlap, so only the last one before the end can go on
        let Some(last) = before.last() else { return false };
        let from = (last.end as usize).max(start);
        (last.end as usize) <= end && !self.text[from..end].contains('#')
    }

    /// The line before the one in which something begins, if only blanks and dashes stand before it there.
    fn above(&self, at: usize) -> Option<(usize, Insertion)> {
        let start = self.line_start(at);
        let before = &self.text[start..at];
        if !before.chars().all(|c| matches!(c, ' ' | '-')) || before.starts_with("--") {
            return None;
        }
        let end = self.line_end(at);
        let line_break = if self.text[end..].starts_with("\r\n") { "\r\n" } else { "\n" };
        let indent = before.len() - before.trim_start_matches(' ').len();
        Some((start, Insertion::Above { indent, line_break }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_stand_in_a_comment_is_refused() {
        for (code, reason, expected) in [
            ("a", "fine", None),
            ("a", "two\nlines", Some(AddError::Reason)),
            ("a", "  ", Some(AddError::Reason)),
            ("a", "x until=2027-01-01", Some(AddError::Reason)),
            ("a/b/c", "x", Some(AddError::Term(terms::patterns(["a/b/c"].into_iter()).unwrap_err()))),
        ] {
            assert_eq!(Writing::new(code, reason, None).err(), expected, "{code} {reason}");
        }
        let until = NaiveDate::from_ymd_opt(2027, 3, 31);
        assert_eq!(
            Writing::new("a", "x", until).unwrap().comment,
            "# plimsoll: ignore[a] x, until=2027-03-31"
        );
    }
}
