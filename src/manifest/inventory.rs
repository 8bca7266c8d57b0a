//! All documents of a run, the manifests among them, and the ledger: what became of every file.

mod loader;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rayon::prelude::*;

use super::compose::{ComposeError, compose};
use super::json::JsonError;
use super::kustomize::{Applied, Form, Kustomizations, Made, Patches};
use super::notice::{Draft, Notice};
use super::source::{Content, FileId, Position, ReadError, SourceFile, Sources};
use super::unroll::ListError;
use super::{copies, kubeadm, kustomize, untyped};
use crate::document::{Document, NodeId, NodeRef, Span};
use crate::resource::custom::CustomKinds;
use loader::Loader;

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
    /// The file that the document is from.
    pub file: FileId,
    /// Which document of the file, counted from 0; those that are empty do not count.
    pub index: u32,
    /// The document. Its spans are bytes of the file. Files that say the same share theirs.
    pub document: Arc<Document<'s>>,
}

/// An object for the cluster: a document, or an item of a `List`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Manifest {
    /// The document that it stands in.
    pub document: DocumentId,
    /// The object in that document.
    pub root: NodeId,
    /// The file that the manifest is from.
    pub file: FileId,
    /// Which document of the file, counted from 0.
    pub index: u32,
    /// Which item of the `List`, where it is one.
    pub item: Option<u32>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileOutcome {
    /// It has manifests.
    Linted,
    /// It was read, and holds nothing for a cluster.
    NotKubernetes,
    /// It is a template, not YAML.
    Template,
    /// An ignore file says so, or it is hidden, or a link.
    Ignored,
    /// A kustomization of the input names it as a patch, or as something else that it reads and does not apply; or it
    /// is one of kubeadm's patches.
    Patch,
    /// It could not be read, or one of its documents could not.
    Broken,
}

impl FileOutcome {
    /// The word in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Linted => "linted",
            Self::NotKubernetes => "notKubernetes",
            Self::Template => "template",
            Self::Ignored => "ignored",
            Self::Patch => "patch",
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
    /// What is wrong with it.
    pub error: LoadError,
}

/// A line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecord {
    /// The file that is recorded.
    pub file: FileId,
    /// What became of it.
    pub outcome: FileOutcome,
    /// How many documents it has, broken ones included; 0 of a template.
    pub documents: u32,
    /// What is broken in it.
    pub errors: Vec<DocumentError>,
}

/// A comment that speaks to this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Comment {
    /// The file that the comment is in.
    pub file: FileId,
    /// Which document of the file it stands in, or before: counted from 0.
    pub index: u32,
    /// From its `#` to the end of its line.
    pub span: Span,
    /// Whether it stands where no document is, so that it speaks of the next one.
    pub is_before: bool,
}

/// Everything that was read.
#[derive(Debug, Default)]
pub struct Inventory<'s> {
    documents: Vec<LoadedDocument<'s>>,
    manifests: Vec<Manifest>,
    ledger: Vec<FileRecord>,
    notices: Vec<Notice>,
    comments: Vec<Comment>,
    /// The names of the files, in their order.
    paths: Vec<&'s str>,
    kustomizations: Kustomizations,
    applied: Applied<'s>,
    /// By manifest: the first that is the same object; empty where each is one of its own.
    firsts: Vec<usize>,
}

impl<'s> Inventory<'s> {
    /// Reads the documents of all files, in parallel. The result is the same at any number of threads.
    #[must_use]
    pub fn load(sources: &'s Sources) -> Self {
        let files: Vec<(FileId, &SourceFile)> = sources.iter().collect();
        let firsts = copies::firsts(&files);
        let load = |(at, (id, file)): (usize, &(FileId, &'s SourceFile))| {
            (firsts[at] == at).then(|| FileLoad::of(*id, file))
        };
        let mut loads: Vec<Option<FileLoad<'s>>> = files.par_iter().enumerate().map(load).collect();
        for (at, first) in firsts.iter().copied().enumerate().filter(|(at, first)| at != first) {
            loads[at] = loads[first].as_ref().map(|first| first.of_copy(files[at].0));
        }
        let loads: Vec<FileLoad<'s>> = loads.into_iter().flatten().collect();
        let paths: Vec<&str> = sources.iter().map(|(_, file)| file.path()).collect();
        let kustomizations = {
            let roots = loads
                .iter()
                .enumerate()
                .filter(|(file, _)| kustomize::is_kustomization(sources.files()[*file].path()));
            let roots =
                roots.filter_map(|(file, load)| Some((file, load.documents.first()?.document.root())));
            let text = |file: usize| match sources.files()[file].content() {
                Content::Text(text) => Some(text.as_str()),
                Content::Ignored | Content::Unreadable(_) => None,
            };
            let patches = Patches { text: &text, parse: &documents };
            Kustomizations::read(&paths, &roots.filter(|(_, root)| root.is_object()).collect(), &patches)
        };
        let mut inventory = Self { paths, kustomizations, ..Self::default() };
        for (file, load) in loads.into_iter().enumerate() {
            let is_patch =
                inventory.kustomizations.is_patch(file) || load.is_kubeadm_patch(inventory.paths[file]);
            inventory.add(if is_patch { load.into_patch() } else { load });
        }
        inventory.note_unknown_kinds();
        inventory.applied = Applied::of(
            &inventory.kustomizations,
            &inventory.paths,
            &inventory.documents,
            &inventory.manifests,
        );
        inventory.note_copies();
        inventory
    }

    /// Notes which manifests are the same object of documents that files share.
    fn note_copies(&mut self) {
        let mut known = HashMap::new();
        if !(0..self.manifests.len()).any(|index| self.is_shared(index)) {
            return;
        }
        let first = |(index, manifest): (usize, &Manifest)| {
            // what a kustomization makes of it is another object
            if !self.is_shared(index) || !self.is_as_written(index) {
                return index;
            }
            let document = Arc::as_ptr(&self.document(manifest.document).document);
            *known.entry((document, manifest.root)).or_insert(index)
        };
        self.firsts = self.manifests.iter().enumerate().map(first).collect();
    }

    /// Kinds that Kubernetes' own groups do not have, unless a CustomResourceDefinition of the input has them.
    fn note_unknown_kinds(&mut self) {
        let mut custom = CustomKinds::default();
        for manifest in &self.manifests {
            custom.learn(self.object(manifest));
        }
        let mut notices = Vec::new();
        for manifest in &self.manifests {
            let draft =
                untyped::unknown_kind(self.object(manifest), |group, kind| custom.defines(group, kind));
            let Some(Draft { code, node: _, span, message, related }) = draft else { continue };
            let Manifest { document, root, file, index, item: _ } = *manifest;
            notices.push(Notice {
                code,
                file,
                index,
                document: Some(document),
                node: Some(root),
                span,
                message,
                related,
            });
        }
        self.notices.extend(notices);
        self.notices.sort_by_key(|notice| (notice.file, notice.index));
    }

    fn add(&mut self, load: FileLoad<'s>) {
        let FileLoad { record, documents, comments } = load;
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
        self.comments.extend(comments);
        self.ledger.push(record);
    }

    /// The same without what is in files that have nothing for a cluster: of their documents nothing is asked any more but
    /// whether they hold Secrets, so the others are empty afterwards.
    #[must_use]
    pub fn without_foreign(mut self) -> Self {
        let Self { documents, ledger, notices, .. } = &mut self;
        let noticed: BTreeSet<FileId> = notices.iter().map(|notice| notice.file).collect();
        let is_foreign = |record: &FileRecord| {
            record.outcome == FileOutcome::NotKubernetes && !noticed.contains(&record.file)
        };
        let nothing = Arc::new(Document::null());
        let foreign: BTreeSet<FileId> =
            ledger.iter().filter(|record| is_foreign(record)).map(|record| record.file).collect();
        for loaded in documents.iter_mut().filter(|loaded| foreign.contains(&loaded.file)) {
            let names_secret = |node: NodeRef<'_>| {
                node.key() == Some("kind") && node.as_str().is_some_and(|kind| kind.contains("Secret"))
            };
            if !loaded.document.nodes().any(names_secret) {
                loaded.document = Arc::clone(&nothing);
            }
        }
        self
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

    /// The kustomizations among the files.
    #[must_use]
    pub fn kustomizations(&self) -> &Kustomizations {
        &self.kustomizations
    }

    /// The object of the manifest at this index as the kustomizations of the input make it; where they are
    /// alternatives, with what one of them gives it.
    ///
    /// # Panics
    /// When there is no such manifest.
    #[must_use]
    pub fn judged(&self, index: usize) -> NodeRef<'_> {
        match self.applied.judged.get(&index) {
            Some(document) => document.root(),
            None => self.object(&self.manifests[index]),
        }
    }

    /// Whether the object of the manifest at this index that is judged is the one that is written.
    #[must_use]
    pub fn is_as_written(&self, index: usize) -> bool {
        !self.applied.judged.contains_key(&index)
    }

    /// Whether files that say the same share the document that the manifest at this index stands in.
    #[must_use]
    pub fn is_shared(&self, index: usize) -> bool {
        let document = |manifest: &Manifest| &self.document(manifest.document).document;
        self.manifests.get(index).is_some_and(|manifest| Arc::strong_count(document(manifest)) > 1)
    }

    /// The first of the manifests of which the object that is judged is the one of the manifest at this index, as their files
    /// say the same: itself, mostly.
    #[must_use]
    pub fn first_like(&self, index: usize) -> usize {
        self.firsts.get(index).copied().unwrap_or(index)
    }

    /// The forms that kustomizations make of the manifest at this index.
    #[must_use]
    pub fn forms(&self, index: usize) -> &[Form<'s>] {
        self.applied.forms.get(&index).map_or(&[], Vec::as_slice)
    }

    /// The objects that kustomizations generate.
    #[must_use]
    pub fn generated(&self) -> &[Made] {
        &self.applied.generated
    }

    /// The names of all files, in their order.
    #[must_use]
    pub fn paths(&self) -> &[&'s str] {
        &self.paths
    }

    /// What became of every file, in the order of the files.
    #[must_use]
    pub fn ledger(&self) -> &[FileRecord] {
        &self.ledger
    }

    /// The comments that speak to this program, in the order of files and texts.
    #[must_use]
    pub fn comments(&self) -> &[Comment] {
        &self.comments
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
    comments: Vec<Comment>,
}

#[derive(Clone)]
struct LoadedParts<'s> {
    index: u32,
    document: Arc<Document<'s>>,
    manifests: Vec<(NodeId, Option<u32>)>,
    notices: Vec<Draft>,
}

impl<'s> FileLoad<'s> {
    /// A file of which there is nothing but a line of the ledger.
    fn only(record: FileRecord) -> Self {
        Self { record, documents: Vec::new(), comments: Vec::new() }
    }

    /// The same of another file that says the same and is read in the same way.
    fn of_copy(&self, file: FileId) -> Self {
        let comments = self.comments.iter().map(|comment| Comment { file, ..*comment }).collect();
        let record = FileRecord { file, ..self.record.clone() };
        Self { record, documents: self.documents.clone(), comments }
    }

    fn is_kubeadm_patch(&self, path: &str) -> bool {
        let [only] = self.documents.as_slice() else { return false };
        kubeadm::is_patch(path, only.document.root())
    }

    /// The same of a file that something reads and does not apply: nothing of it is an object.
    fn into_patch(self) -> Self {
        let FileRecord { file, outcome: _, documents, errors: _ } = self.record;
        Self::only(FileRecord { file, outcome: FileOutcome::Patch, documents, errors: Vec::new() })
    }

    fn of(id: FileId, file: &'s SourceFile) -> Self {
        let record = |outcome, documents, errors| FileRecord { file: id, outcome, documents, errors };
        let text = match file.content() {
            Content::Text(text) => text,
            Content::Ignored => return Self::only(record(FileOutcome::Ignored, 0, Vec::new())),
            Content::Unreadable(error) => {
                let position = Position { line: 1, column: 1 };
                let error = DocumentError { document: 0, position, error: error.clone().into() };
                return Self::only(record(FileOutcome::Broken, 0, vec![error]));
            }
        };
        if file.in_chart && text.contains("{{") {
            return Self::only(record(FileOutcome::Template, 0, Vec::new()));
        }
        let mut loader = Loader { text, ..Loader::default() };
        loader.run();
        let Loader { text: _, mut documents, mut errors, next, template, maybe_template, comments } = loader;
        if template {
            // what cannot be read for the template code around it is no mistake
            errors.retain(|(document, ..)| !maybe_template.contains(document));
        }
        let any = documents.iter().any(|d| !d.manifests.is_empty());
        if !kustomize::is_kustomization(file.path()) {
            for document in &mut documents {
                document.notices.extend(untyped::lacking(&document.document, any, &document.manifests));
            }
        }
        let said = documents.iter().any(|d| d.notices.iter().any(|n| n.code.is_error()));
        let is_foreign = || file.walked && !mentions_kubernetes(text);
        let outcome = match any || said {
            _ if !errors.is_empty() && is_foreign() => {
                return Self::only(record(FileOutcome::NotKubernetes, next, Vec::new()));
            }
            _ if !errors.is_empty() => FileOutcome::Broken,
            _ if template => FileOutcome::Template,
            true => FileOutcome::Linted,
            false => FileOutcome::NotKubernetes,
        };
        if template && !any && errors.is_empty() {
            return Self::only(record(FileOutcome::Template, 0, Vec::new()));
        }
        let errors = errors.into_iter().map(|(document, at, error)| DocumentError {
            document,
            position: file.position(at),
            error,
        });
        let comment = |(index, span, is_before)| Comment { file: id, index, span, is_before };
        let comments = if any || said { comments.into_iter().map(comment).collect() } else { Vec::new() };
        Self { record: record(outcome, next, errors.collect()), documents, comments }
    }
}

/// The documents of a text, those that can be read.
fn documents(text: &str) -> Vec<Document<'_>> {
    let mut loader = Loader { text, ..Loader::default() };
    loader.run();
    if loader.documents.is_empty() {
        // YAML in braces is no JSON, but kustomize reads it
        return compose(text, 0..text.len())
            .ok()
            .and_then(|composed| composed.document)
            .into_iter()
            .collect();
    }
    loader.documents.into_iter().filter_map(|parts| Arc::into_inner(parts.document)).collect()
}

/// Whether a text that cannot be read may have been meant for Kubernetes: it says `apiVersion` or `kind` somewhere, as
/// a key does.
fn mentions_kubernetes(text: &str) -> bool {
    // UTF-16 that does not say so is read as ASCII with zeros between
    if text.contains('\0') {
        return mentions_kubernetes(&text.replace('\0', ""));
    }
    ["apiVersion", "kind"].iter().any(|key| {
        text.match_indices(key).any(|(at, _)| {
            let after =
                text[at + key.len()..].trim_start_matches(['"', '\'']).trim_start_matches([' ', '\t']);
            let inside = text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            after.starts_with(':') && !inside
        })
    })
}

#[cfg(test)]
#[path = "inventory/tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
