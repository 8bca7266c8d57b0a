//! The documents of one text: JSON or YAML, each with what is noticed in it.

use std::sync::Arc;

use super::{LoadError, LoadedParts};
use crate::document::{Document, Span};
use crate::manifest::comments::is_addressed;
use crate::manifest::compose::{ComposeError, compose_with_comments};
use crate::manifest::notice::{self, Draft};
use crate::manifest::split::{Chunk, split};
use crate::manifest::template::{has_marker, is_template};
use crate::manifest::{json, placeholder, unroll, untyped};

/// Reads the documents of one text.
#[derive(Default)]
pub(super) struct Loader<'s> {
    pub(super) text: &'s str,
    pub(super) documents: Vec<LoadedParts<'s>>,
    pub(super) errors: Vec<(u32, usize, LoadError)>,
    /// The index of the next document.
    pub(super) next: u32,
    /// Whether something could not be read because it is a template.
    pub(super) template: bool,
    /// The documents that could not be read and have template code in them, and those that do not count.
    pub(super) maybe_template: Vec<u32>,
    /// As in [`Comment`]: the document, where it stands, and whether no document is there.
    pub(super) comments: Vec<(u32, Span, bool)>,
}

impl<'s> Loader<'s> {
    /// Reads them all.
    pub(super) fn run(&mut self) {
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
        let mut at = from;
        let chunks = split(self.text, from);
        self.documents.reserve_exact(chunks.len());
        for Chunk { range, bad_separator } in chunks {
            // the dashes between two documents may have a comment, too
            self.separators(std::mem::replace(&mut at, range.end)..range.start);
            if self.text[range.clone()].starts_with("---") {
                let line = self.text[range.clone()].find('\n').map_or(range.end, |len| range.start + len);
                self.separators(range.start..line);
            }
            if let Some(bad) = bad_separator {
                self.refuse(range, bad.start, ComposeError::Separator);
                continue;
            }
            match compose_with_comments(self.text, range.clone(), is_addressed) {
                Ok(mut composed) => {
                    let document = composed.document.take();
                    let is_before = document.is_none();
                    self.comments.extend(composed.comments.iter().map(|span| (self.next, *span, is_before)));
                    let Some(document) = document else { continue };
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

    /// Comments behind the dashes of separators.
    fn separators(&mut self, range: std::ops::Range<usize>) {
        let mut at = range.start;
        for line in self.text[range].split_inclusive('\n') {
            if let Some(sign) = line.find('#').filter(|sign| is_addressed(&line[*sign..])) {
                let span = (u32::try_from(at + sign), u32::try_from(at + line.trim_end().len()));
                if let (Ok(start), Ok(end)) = span {
                    self.comments.push((self.next, Span { start, end }, true));
                }
            }
            at += line.len();
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
                let mut notices = if manifests.is_empty() { Vec::new() } else { notices };
                notices.extend(untyped::nested(&document, &manifests));
                document.mark_unknown(placeholder::is_placeholder);
                // the builder has left room for what the text may hold
                let document = Arc::new(document.shrunk());
                self.documents.push(LoadedParts { index, document, manifests, notices });
            }
            Err(refusal) => self.errors.push((index, refusal.at, refusal.error.into())),
        }
    }

    fn refuse(&mut self, range: std::ops::Range<usize>, at: usize, error: impl Into<LoadError>) {
        let text = &self.text[range.clone()];
        self.template |= is_template(text, at.saturating_sub(range.start));
        if has_marker(text) {
            self.maybe_template.push(self.next);
        }
        self.errors.push((self.next, at, error.into()));
        self.next += 1;
    }
}
