//! All documents of a run, the manifests among them, and the ledger: what became of every file.

use rayon::prelude::*;

use super::compose::{ComposeError, compose};
use super::json::{self, JsonError};
use super::notice::{self, Draft, Notice};
use super::source::{Content, FileId, Position, ReadError, SourceFile, Sources};
use super::split::{Chunk, split};
use super::template::is_template;
use super::unroll::{self, ListError};
use crate::document::{Document, NodeId, NodeRef};

/// The position of a document in the [`Inventory`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentId(pub(crate) u32);

impl DocumentId {
    /// The index as a number, for tables beside the inventory.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A document and where it was read.
#[derive(Debug)]
pub struct LoadedDocument<'s> {
    /// The file.
    pub file: FileId,
    /// Which document of the file, counted from 0; those that are empty do not count.
    pub index: u32,
    /// The document. Its spans are bytes of the file.
    pub document: Document<'s>,
}

/// An object for the cluster: a document, or an item of a `List`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Manifest {
    /// The document that it stands in.
    pub document: DocumentId,
    /// The object in that document.
    pub root: NodeId,
    /// The file.
    pub file: FileId,
    /// Which document of the file, counted from 0.
    pub index: u32,
    /// Which item of the `List`, where it is one.
    pub item: Option<u32>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It has manifests.
    Linted,
    /// It was read, and holds nothing for a cluster.
    NotKubernetes,
    /// It is a template, not YAML.
    Template,
    /// An ignore file says so.
    Ignored,
    /// It could not be read, or one of its documents could not.
    Broken,
}

impl Outcome {
    /// The word in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Linted => "linted",
            Self::NotKubernetes => "notKubernetes",
            Self::Template => "template",
            Self::Ignored => "ignored",
            Self::Broken => "broken",
        }
    }
}

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The file as a whole.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A YAML document.
    #[error(transparent)]
    Yaml(#[from] ComposeError),
    /// A JSON document.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A `List`.
    #[error(transparent)]
    List(#[from] ListError),
}

/// A refusal in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentError {
    /// Which document of the file, counted from 0.
    pub document: u32,
    /// Where; the beginning where the file could not be read at all.
    pub position: Position,
    /// Why.
    pub error: LoadError,
}

/// A line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecord {
    /// The file.
    pub file: FileId,
    /// What became of it.
    pub outcome: Outcome,
    /// How many documents it has, broken ones included; 0 of a template.
    pub documents: u32,
    /// What is broken in it.
    pub errors: Vec<DocumentError>,
}

/// Everything that was read.
#[derive(Debug, Default)]
pub struct Inventory<'s> {
    documents: Vec<LoadedDocument<'s>>,
    manifests: Vec<Manifest>,
    ledger: Vec<FileRecord>,
    notices: Vec<Notice>,
    /// The names of the files, in their order.
    paths: Vec<&'s str>,
}

impl<'s> Inventory<'s> {
    /// Reads the documents of all files, in parallel. The result is the same at any number of threads.
    #[must_use]
    pub fn load(sources: &'s Sources) -> Self {
        let files: Vec<(FileId, &SourceFile)> = sources.iter().collect();
        let loads: Vec<FileLoad<'s>> =
            files.into_par_iter().map(|(id, file)| FileLoad::of(id, file)).collect();
        let paths = sources.files().iter().map(SourceFile::path).collect();
        let mut inventory = Self { paths, ..Self::default() };
        for load in loads {
            inventory.add(load);
        }
        inventory
    }

    fn add(&mut self, load: FileLoad<'s>) {
        let FileLoad { record, documents } = load;
        let file = record.file;
        for LoadedParts { index, document, manifests, notices } in documents {
            let id = DocumentId(u32::try_from(self.documents.len()).expect("fewer than 4 Gi documents"));
            self.manifests.extend(manifests.into_iter().map(|(root, item)| Manifest {
                document: id,
                root,
                file,
                index,
                item,
            }));
            self.notices.extend(notices.into_iter().map(|draft| {
                let Draft { code, node, span, message, related } = draft;
                Notice { code, file, index, document: Some(id), node, span, message, related }
            }));
            self.documents.push(LoadedDocument { file, index, document });
        }
        self.ledger.push(record);
    }

    /// Every document that could be read, also those that are no manifests.
    #[must_use]
    pub fn documents(&self) -> &[LoadedDocument<'s>] {
        &self.documents
    }

    /// The document with this id.
    ///
    /// # Panics
    /// When the id is of another inventory.
    #[must_use]
    pub fn document(&self, id: DocumentId) -> &LoadedDocument<'s> {
        &self.documents[id.index()]
    }

    /// Every manifest, in the order of files, documents and items.
    #[must_use]
    pub fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    /// The object of a manifest.
    ///
    /// # Panics
    /// When the manifest is of another inventory.
    #[must_use]
    pub fn object(&self, manifest: &Manifest) -> NodeRef<'_> {
        self.document(manifest.document).document.node(manifest.root)
    }

    /// The names of all files, in their order.
    #[must_use]
    pub fn paths(&self) -> Vec<&str> {
        self.paths.clone()
    }

    /// What became of every file, in the order of the files.
    #[must_use]
    pub fn ledger(&self) -> &[FileRecord] {
        &self.ledger
    }

    /// What was noticed while reading, in the order of files and documents.
    #[must_use]
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }
}

/// What came of one file.
struct FileLoad<'s> {
    record: FileRecord,
    documents: Vec<LoadedParts<'s>>,
}

struct LoadedParts<'s> {
    index: u32,
    document: Document<'s>,
    manifests: Vec<(NodeId, Option<u32>)>,
    notices: Vec<Draft>,
}

impl<'s> FileLoad<'s> {
    fn of(id: FileId, file: &'s SourceFile) -> Self {
        let record = |outcome, documents, errors| FileRecord { file: id, outcome, documents, errors };
        let text = match file.content() {
            Content::Text(text) => text,
            Content::Ignored => {
                return Self { record: record(Outcome::Ignored, 0, Vec::new()), documents: Vec::new() };
            }
            Content::Unreadable(error) => {
                let position = Position { line: 1, column: 1 };
                let error = DocumentError { document: 0, position, error: error.clone().into() };
                return Self { record: record(Outcome::Broken, 0, vec![error]), documents: Vec::new() };
            }
        };
        if file.in_chart && text.contains("{{") {
            return Self { record: record(Outcome::Template, 0, Vec::new()), documents: Vec::new() };
        }
        let mut loader = Loader { text, documents: Vec::new(), errors: Vec::new(), next: 0, template: false };
        loader.run();
        let Loader { text: _, documents, errors, next, template } = loader;
        if template {
            return Self { record: record(Outcome::Template, 0, Vec::new()), documents: Vec::new() };
        }
        let outcome = match documents.iter().any(|d| !d.manifests.is_empty()) {
            _ if !errors.is_empty() => Outcome::Broken,
            true => Outcome::Linted,
            false => Outcome::NotKubernetes,
        };
        let errors = errors.into_iter().map(|(document, at, error)| DocumentError {
            document,
            position: file.position(at),
            error,
        });
        Self { record: record(outcome, next, errors.collect()), documents }
    }
}

/// Reads the documents of one text.
struct Loader<'s> {
    text: &'s str,
    documents: Vec<LoadedParts<'s>>,
    errors: Vec<(u32, usize, LoadError)>,
    /// The index of the next document.
    next: u32,
    /// Whether something could not be read because it is a template.
    template: bool,
}

impl<'s> Loader<'s> {
    fn run(&mut self) {
        if !json::is_json(self.text) {
            return self.yaml(0);
        }
        let mut at = 0;
        loop {
            match json::read_json(self.text, at) {
                Ok(None) => return,
                Ok(Some(value)) => {
                    at = value.end;
                    if let Some(document) = value.document {
                        let drafts = notice::duplicates(&document, |_| false);
                        self.document(document, drafts);
                    }
                }
                Err(refusal) => {
                    // kubectl stops here. A separator further on still begins something to be read.
                    let end = self.text[at..].find("\n---").map_or(self.text.len(), |found| at + found + 1);
                    self.refuse(at..end, refusal.at, refusal.error);
                    return self.yaml(end);
                }
            }
        }
    }

    fn yaml(&mut self, from: usize) {
        for Chunk { range, bad_separator } in split(self.text, from) {
            if let Some(bad) = bad_separator {
                self.refuse(range, bad.start, ComposeError::Separator);
                continue;
            }
            match compose(self.text, range.clone()) {
                Ok(mut composed) => {
                    let Some(document) = composed.document.take() else { continue };
                    let mut drafts = notice::notices(self.text, &document, &composed);
                    let dropped = composed.dropped.and_then(|at| {
                        let line = self.text[at..range.end].find(['\n', '\r']);
                        notice::dropped(at, line.map_or(range.end, |len| at + len))
                    });
                    drafts.extend(dropped);
                    self.document(document, drafts);
                }
                Err(refusal) => self.refuse(range, refusal.at, refusal.error),
            }
        }
    }

    fn document(&mut self, mut document: Document<'s>, mut notices: Vec<Draft>) {
        if let Ok(Some(typed)) = unroll::with_types(&document) {
            document = typed;
            // The nodes have moved; what was noticed keeps its place in the text.
            notices.iter_mut().for_each(|notice| notice.node = None);
        }
        let index = self.next;
        self.next += 1;
        match unroll::manifests(&document) {
            Ok(manifests) => {
                let notices = if manifests.is_empty() { Vec::new() } else { notices };
                self.documents.push(LoadedParts { index, document, manifests, notices });
            }
            Err(refusal) => self.errors.push((index, refusal.at, refusal.error.into())),
        }
    }

    fn refuse(&mut self, range: std::ops::Range<usize>, at: usize, error: impl Into<LoadError>) {
        self.template |= is_template(&self.text[range.clone()], at.saturating_sub(range.start));
        self.errors.push((self.next, at, error.into()));
        self.next += 1;
    }
}

#[cfg(test)]
#[path = "inventory/tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
