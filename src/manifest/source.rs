//! The texts of all files, and lines and columns in them.
//!
//! Files are read first and owned here; documents borrow from them. So the order of things is
//! [`Sources`] → [`super::Inventory`], and both live until the report is written.

use std::cell::RefCell;
use std::fs::Metadata;
use std::ops::Range;
use std::sync::OnceLock;
use std::time::SystemTime;

use crate::document::Span;
use crate::folders::by_folders;

/// The position of a file among the [`Sources`], which is the order of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub(crate) u32);

impl FileId {
    /// The index as a number.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Why a file has no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The system said no.
    #[error("cannot be read: {message}")]
    Io {
        /// What the system says.
        message: String,
    },
    /// It is larger than the limit.
    #[error(transparent)]
    Decode(#[from] super::decode::DecodeError),
    /// A pattern of the command line that no file matches.
    #[error("no file matches this pattern")]
    NoMatch,
    /// A pattern of the command line that is none.
    #[error("not a pattern: {message}")]
    Pattern {
        /// What is wrong with it.
        message: String,
    },
}

/// What is known of a file before its documents are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The decoded text.
    Text(String),
    /// It could not be read.
    Unreadable(ReadError),
    /// An ignore file says that it is not to be read.
    Ignored,
}

/// What a file looks like from outside: one that looks the same holds the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
}

impl Stamp {
    /// Of a file; of pipes and devices nothing can be told.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Option<Self> {
        let (modified, bytes) = (metadata.modified().ok(), metadata.len());
        metadata.is_file().then_some(Self { modified, bytes })
    }
}

/// A file of the input, whether or not it could be read.
#[derive(Debug)]
pub struct SourceFile {
    path: Box<str>,
    content: Content,
    /// Whether it lies in the templates of a Helm chart.
    pub(super) in_chart: bool,
    /// Whether it was found in a folder or by a pattern, rather than named.
    pub(super) walked: bool,
    /// Whether it is no input: something of the run is written in it.
    pub(super) is_beside: bool,
    /// Why it is ignored, where that is not for an ignore file.
    pub(super) reason: Option<Box<str>>,
    /// Taken before it was read.
    pub(super) stamp: Option<Stamp>,
    line_starts: OnceLock<Box<[u32]>>,
    /// Characters before every block of [`BLOCK`] bytes, so that a column in a line of megabytes is cheap. Few files have such.
    #[expect(clippy::box_collection, reason = "most have none, and take a third of the room then")]
    blocks: OnceLock<Box<Vec<u32>>>,
}

const BLOCK: usize = 4096;

/// Room for the beginnings of so many lines stays for the next file.
const MANY: usize = 4096;

/// A place as people count: lines and columns from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line of the file, from 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

impl SourceFile {
    /// A file of this name, as it was given on the command line, `/` between folders.
    #[must_use]
    pub fn new(path: impl Into<String>, content: Content) -> Self {
        let path: String = path.into();
        Self {
            path: path.into(),
            content,
            in_chart: false,
            walked: false,
            is_beside: false,
            reason: None,
            stamp: None,
            line_starts: OnceLock::new(),
            blocks: OnceLock::new(),
        }
    }

    /// The name, as it stands in reports; standard input is `-`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it was found in a folder or by a pattern, rather than named.
    #[must_use]
    pub fn is_walked(&self) -> bool {
        self.walked
    }

    /// Why it was not read, where it is ignored.
    #[must_use]
    pub fn ignored_because(&self) -> Option<&str> {
        match self.content {
            Content::Ignored => Some(self.reason.as_deref().unwrap_or("an ignore file says so")),
            Content::Text(_) | Content::Unreadable(_) => None,
        }
    }

    /// What was found.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// What was found, where the file still looks as it did then.
    pub(super) fn still(self, stamp: Option<Stamp>) -> Option<Content> {
        (stamp.is_some() && self.stamp == stamp).then_some(self.content)
    }

    /// The text; empty where there is none.
    #[must_use]
    pub fn text(&self) -> &str {
        match &self.content {
            Content::Text(text) => text,
            Content::Unreadable(_) | Content::Ignored => "",
        }
    }

    /// Where a byte stands.
    #[must_use]
    pub fn position(&self, byte: usize) -> Position {
        let text = self.text();
        let byte = floor(text, byte);
        let starts = self.line_starts();
        let line = starts.partition_point(|start| *start as usize <= byte).max(1);
        let start = starts[line - 1] as usize;
        let column = self.characters_between(start, byte) + 1;
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position { line: count(line), column: count(column) }
    }

    /// Where a span begins and where it ends; the end is exclusive.
    #[must_use]
    pub fn positions(&self, span: Span) -> Range<Position> {
        self.position(span.start as usize)..self.position(span.end as usize)
    }

    /// How many lines there are; a line break at the end begins no other.
    #[must_use]
    pub fn line_count(&self) -> usize {
        let starts = self.line_starts();
        starts.len() - usize::from(starts.len() > 1 && starts.last() == Some(&self.len()))
    }

    /// The text of a line, counted from 1, without its line break.
    #[must_use]
    pub fn line(&self, line: u32) -> Option<&str> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        let starts = self.line_starts();
        let start = *starts.get(index)? as usize;
        let end = starts.get(index + 1).map_or(self.text().len(), |next| *next as usize);
        Some(self.text()[start..end].trim_end_matches(['\n', '\r']))
    }

    /// How many characters begin between two bytes.
    fn characters_between(&self, start: usize, end: usize) -> usize {
        if end - start <= BLOCK {
            return begins(&self.text().as_bytes()[start..end]);
        }
        self.characters(end) - self.characters(start)
    }

    /// How many characters begin before a byte.
    fn characters(&self, byte: usize) -> usize {
        let bytes = self.text().as_bytes();
        let blocks = self.blocks.get_or_init(|| {
            let mut sum = 0;
            let before = bytes.chunks(BLOCK).map(|block| {
                let before = sum;
                sum += u32::try_from(begins(block)).unwrap_or(u32::MAX);
                before
            });
            Box::new(before.collect())
        });
        let block = byte / BLOCK;
        match blocks.get(block) {
            Some(before) => *before as usize + begins(&bytes[block * BLOCK..byte]),
            None => blocks
                .last()
                .map_or(0, |before| *before as usize + begins(&bytes[(blocks.len() - 1) * BLOCK..])),
        }
    }

    fn len(&self) -> u32 {
        u32::try_from(self.text().len()).unwrap_or(u32::MAX)
    }

    /// Bytes at which lines begin; LF, CR LF and CR alone break lines, as in YAML.
    fn line_starts(&self) -> &[u32] {
        thread_local! {
            /// Many files have their lines counted, one after the other, and each shall keep no more than it needs.
            static STARTS: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
        }
        let count = |starts: &mut Vec<u32>| {
            let bytes = self.text().as_bytes();
            starts.clear();
            starts.push(0);
            for at in memchr::memchr2_iter(b'\n', b'\r', bytes) {
                if bytes[at] == b'\n' || bytes.get(at + 1) != Some(&b'\n') {
                    starts.push(u32::try_from(at + 1).unwrap_or(u32::MAX));
                }
            }
            let exact = starts.as_slice().into();
            starts.shrink_to(MANY);
            exact
        };
        self.line_starts.get_or_init(|| STARTS.with_borrow_mut(count))
    }
}

/// How many characters begin in these bytes of UTF-8.
fn begins(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

/// The nearest boundary between characters, at or before `byte`.
fn floor(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

/// All files of a run, in the order of reports.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// Files in the order of their names; of several with one name the first stays.
    #[must_use]
    pub fn new(mut files: Vec<SourceFile>) -> Self {
        files.sort_by(|a, b| by_folders(&a.path, &b.path));
        files.dedup_by(|later, first| later.path == first.path);
        Self { files }
    }

    /// The file with this id.
    ///
    /// # Panics
    /// When the id is of other sources.
    #[must_use]
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.index()]
    }

    /// The files in the order in which they were read.
    #[must_use]
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The files, for a later run to take over.
    pub(super) fn into_files(self) -> Vec<SourceFile> {
        self.files.into_iter().filter(|file| !file.is_beside).collect()
    }

    /// Puts a file beside those of the input, for what is to be said of it; one of the same name is that file. It comes
    /// behind all others, so that their ids stay.
    #[must_use]
    pub fn beside(&mut self, path: &str, text: &str) -> FileId {
        let index = self.files.iter().position(|file| *file.path == *path && file.text() == text);
        let index = index.unwrap_or_else(|| {
            let file = SourceFile::new(path, Content::Text(text.to_owned()));
            self.files.push(SourceFile { is_beside: true, ..file });
            self.files.len() - 1
        });
        file_id(index)
    }

    /// All files of the input with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        let files = self.files.iter().enumerate().filter(|(_, file)| !file.is_beside);
        files.map(|(at, file)| (file_id(at), file))
    }
}

/// The id of the file at an index.
pub(super) fn file_id(index: usize) -> FileId {
    FileId(u32::try_from(index).expect("fewer than 4 Gi files"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let file = SourceFile::new("a.yaml", Content::Text("a: \u{e9}x\r\nb\rc\n\n".to_owned()));
        for (byte, line, column) in
            [(0, 1, 1), (3, 1, 4), (4, 1, 4), (5, 1, 5), (8, 2, 1), (10, 3, 1), (12, 4, 1), (99, 5, 1)]
        {
            assert_eq!(file.position(byte), Position { line, column }, "byte {byte}");
        }
        assert_eq!(file.line(1), Some("a: \u{e9}x"));
        assert_eq!(file.line(3), Some("c"));
        assert_eq!(file.line(0), None);
        assert_eq!(file.line_count(), 4);
    }

    #[test]
    fn files_are_in_the_order_of_their_names() {
        let file = |path: &str| SourceFile::new(path, Content::Ignored);
        let sources = Sources::new(vec![file("b.yaml"), file("a/z"), file("a-b"), file("a/z")]);
        let paths: Vec<&str> = sources.files().iter().map(SourceFile::path).collect();
        assert_eq!(paths, ["a/z", "a-b", "b.yaml"]);
    }
}
