//! All waivers of a run, and those that cannot be read.

use std::sync::Arc;

use super::cover::{Entries, begin};
use super::settings::Ignores;
use super::written::{self, Malformed, Terms, Verb};
use super::{Covers, Kind, Waiver};
use crate::document::Span;
use crate::finding::readable;
use crate::finding::terms::shortened;
use crate::manifest::{Comment, FileId, Inventory, LoadedDocument, SourceFile, Sources};
use crate::policy::exception::Exception;

/// The annotation that waives findings of its object.
const ANNOTATION: &str = "plimsoll.dev/ignore";
/// So much of a reason is told.
const REASON: usize = 200;

/// Files that hold waivers and no manifests, among the sources of the run: findings about waivers point into them.
#[derive(Debug, Default)]
pub struct Beside {
    settings: Option<FileId>,
    exceptions: Vec<Option<(FileId, Span)>>,
}

impl Beside {
    /// Puts the files of these rules and exceptions beside the sources.
    #[must_use]
    pub fn of(sources: &mut Sources, ignores: &Ignores, exceptions: &[Arc<Exception>]) -> Self {
        let settings = (!ignores.rules.is_empty()).then(|| sources.beside(&ignores.file, &ignores.text));
        let place = |exception: &Arc<Exception>| {
            let place = exception.info.written.as_ref()?;
            Some((sources.beside(&place.file, &place.text), place.span))
        };
        Self { settings, exceptions: exceptions.iter().map(place).collect() }
    }
}

/// A waiver that cannot be read.
#[derive(Debug)]
pub(super) struct Bad {
    pub(super) at: (FileId, Span),
    pub(super) message: String,
}

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) waivers: Vec<Waiver>,
    pub(super) bad: Vec<Bad>,
}

impl Collected {
    pub(super) fn new(
        sources: &Sources,
        inventory: &Inventory<'_>,
        beside: &Beside,
        ignores: &Ignores,
        exceptions: &[Arc<Exception>],
    ) -> Self {
        let mut all = Self::default();
        all.exceptions(beside, exceptions);
        for of_file in inventory.comments().chunk_by(|a, b| a.file == b.file) {
            all.comments(sources, inventory, of_file);
        }
        all.annotations(inventory);
        for (index, (rule, span)) in ignores.rules.iter().enumerate() {
            let terms =
                Terms { patterns: rule.patterns.clone(), reason: rule.reason.clone(), until: rule.until };
            let at = beside.settings.map(|file| (file, *span));
            all.add(Kind::Configuration, terms, at, Covers::Rule(index));
        }
        all
    }

    fn add(&mut self, kind: Kind, terms: Terms, at: Option<(FileId, Span)>, covers: Covers) {
        let Terms { patterns, reason, until } = terms;
        let reason = reason.map(|reason| shortened(&readable(&reason), REASON));
        self.waivers.push(Waiver { kind, patterns, reason, until, at, covers });
    }

    fn bad(&mut self, at: (FileId, Span), error: &Malformed) {
        self.bad.push(Bad { at, message: readable(&error.to_string()).into_owned() });
    }

    fn exceptions(&mut self, beside: &Beside, exceptions: &[Arc<Exception>]) {
        for (index, exception) in exceptions.iter().enumerate() {
            let Exception { info, patterns, places: _, matches: _ } = &**exception;
            let terms = Terms { patterns: patterns.clone(), reason: info.reason.clone(), until: info.until };
            let at = beside.exceptions.get(index).copied().flatten();
            self.add(Kind::Exception, terms, at, Covers::Exception(index));
        }
    }

    /// The comments of one file.
    fn comments(&mut self, sources: &Sources, inventory: &Inventory<'_>, comments: &[Comment]) {
        let Some(first) = comments.first() else { return };
        let source = sources.file(first.file);
        let documents = documents_of(inventory, first.file);
        let mut entries: Option<(u32, Entries<'_>)> = None;
        let top = documents.first().and_then(|first| Entries::of(&first.document).first());
        for comment in comments {
            let Comment { file, index, span, is_before } = *comment;
            let at = (file, span);
            let text = source.text().get(span.start as usize..span.end as usize).unwrap_or_default();
            let (verb, terms) = match written::comment(text) {
                None => continue,
                Some(Ok(read)) => read,
                Some(Err(error)) => {
                    self.bad(at, &error);
                    continue;
                }
            };
            let stands_alone = is_before || stands_alone(source, span);
            if verb == Verb::IgnoreFile {
                match stands_alone && top.is_none_or(|top| span.start < top) {
                    true => self.add(Kind::File, terms, Some(at), Covers::File),
                    false => self.bad(at, &Malformed::NotAtTop),
                }
                continue;
            }
            if !stands_alone {
                let line = source.position(span.start as usize).line;
                self.add(Kind::Line, terms, Some(at), Covers::Line(line));
                continue;
            }
            if entries.as_ref().is_none_or(|(of, _)| *of != index) {
                let document = documents
                    .binary_search_by_key(&index, |document| document.index)
                    .ok()
                    .map(|at| &documents[at]);
                entries = document.map(|document| (index, Entries::of(&document.document)));
            }
            match entries.as_ref().and_then(|(_, entries)| entries.after(span.end, index)) {
                Some(extent) => self.add(Kind::Node, terms, Some(at), Covers::Node(extent)),
                None => self.bad(at, &Malformed::NothingFollows),
            }
        }
    }

    fn annotations(&mut self, inventory: &Inventory<'_>) {
        for (index, manifest) in inventory.manifests().iter().enumerate() {
            let annotations = inventory.object(manifest).at("/metadata/annotations");
            let Some(node) = annotations.and_then(|annotations| annotations.get(ANNOTATION)) else {
                continue;
            };
            let Some(span) = node.span().or_else(|| begin(node)) else { continue };
            let at = (manifest.file, span);
            let Some(text) = node.as_str() else {
                self.bad(at, &Malformed::NoText);
                continue;
            };
            for entry in written::annotation(text) {
                match entry {
                    Ok(terms) => self.add(Kind::Annotation, terms, Some(at), Covers::Object(index)),
                    Err(error) => self.bad(at, &error),
                }
            }
        }
    }
}

/// The documents of a file.
pub(super) fn documents_of<'i, 's>(inventory: &'i Inventory<'s>, file: FileId) -> &'i [LoadedDocument<'s>] {
    let all = inventory.documents();
    let first = all.partition_point(|document| document.file < file);
    let count = all[first..].partition_point(|document| document.file == file);
    &all[first..first + count]
}

/// Whether nothing but blanks, and dashes of lists, stands before a comment on its line.
fn stands_alone(source: &SourceFile, span: Span) -> bool {
    let before = source.text().get(..span.start as usize).unwrap_or_default();
    let line = before.rfind(['\n', '\r']).map_or(before, |at| &before[at + 1..]);
    line.chars().all(|c| matches!(c, ' ' | '\t' | '-' | '\u{feff}'))
}

/// The manifest that a byte of a file is in, else the next, else the last of the file.
pub(super) fn manifest_at(inventory: &Inventory<'_>, file: FileId, at: u32) -> Option<usize> {
    let all = inventory.manifests();
    let first = all.partition_point(|manifest| manifest.file < file);
    let count = all[first..].partition_point(|manifest| manifest.file == file);
    let ends = |manifest: &_| inventory.object(manifest).span().map_or(0, |span: Span| span.end);
    let before = all[first..first + count].partition_point(|manifest| ends(manifest) <= at);
    match count {
        0 => None,
        count => Some(first + before.min(count - 1)),
    }
}
