//! What is wrong with a policy or a file, rather than with an object: rules that could not be evaluated, and documents that
//! could not be read, each with the lines it is about.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use annotate_snippets::normalize_untrusted_str;
use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use super::entry::{Entry, NamedRule};
use super::excerpt::{Excerpt, WIDE, byte_at, excerpt};
use super::{Report, TextOptions};
use crate::diagnostic::snippet;
use crate::document::Span;
use crate::finding::{Certainty, Finding, ObjectId, PolicyPlace};
use crate::manifest::compose::ComposeError;
use crate::manifest::inventory::LoadError;
use crate::manifest::{DocumentError, FileId};

/// What most texts that are not YAML lack.
const SYNTAX: &str = "compare the indentation with the lines around, close what is open, and quote a value that holds `: ` or \
                      begins with one of @ % & * ! { [";

impl Report<'_> {
    /// Writes which rules could not be evaluated.
    pub(super) fn write_failures(&self, out: &mut dyn io::Write, options: &TextOptions) -> io::Result<()> {
        let renderer = renderer(options);
        self.failures().iter().try_for_each(|(entry, others)| {
            writeln!(out, "{}\n", renderer.render(&[self.failure_group(entry, others.len())]))
        })
    }

    /// Writes which documents could not be read.
    pub(super) fn write_unread(&self, out: &mut dyn io::Write, options: &TextOptions) -> io::Result<()> {
        let renderer = renderer(options);
        let records = self.inventory.ledger().iter();
        let mut errors = records.flat_map(|record| record.errors.iter().map(|error| (record.file, error)));
        errors.try_for_each(|(file, error)| {
            writeln!(out, "{}\n", renderer.render(&[self.error_group(file, error)]))
        })
    }

    /// Rules that could not be evaluated, each with its first object and those after it: what is wrong
    /// with a policy is wrong with it once.
    fn failures(&self) -> Vec<(Entry, BTreeSet<ObjectId>)> {
        let mut failures: Vec<(Entry, BTreeSet<ObjectId>)> = Vec::new();
        if self.summary().failed == 0 {
            return failures;
        }
        let mut known = BTreeMap::new();
        for entry in self.entries().filter(|entry| entry.finding.certainty == Certainty::Failed) {
            let Finding { rule, message, fault, .. } = &entry.finding;
            let at = fault.as_ref().and_then(|fault| fault.at.as_ref()).map(|place| place.span);
            let rule = NamedRule(Arc::clone(rule));
            let index = *known.entry((rule, message.clone(), at)).or_insert(failures.len());
            match failures.get_mut(index) {
                Some((first, others)) if first.subject != entry.subject => {
                    others.insert(entry.subject);
                }
                // another element of the same object
                Some(_) => {}
                None => failures.push((entry, BTreeSet::new())),
            }
        }
        failures
    }

    /// A rule that could not be evaluated: the policy's place first, then the manifest's.
    fn failure_group<'r>(&'r self, entry: &'r Entry, others: usize) -> Group<'r> {
        let Entry { subject: id, finding, also: _ } = entry;
        let title =
            Level::ERROR.with_name("failed").primary_title(finding.message.as_str()).id(finding.code());
        let mut group = Group::with_title(title);
        let fault = finding.fault.as_deref();
        if let Some(place) = fault.and_then(|fault| fault.at.as_deref()) {
            let PolicyPlace { file, text, span } = place;
            group = group.element(snippet(file, text, span.start as usize..span.end as usize));
        }
        let subject = self.subject(*id);
        let mut over = match finding.place.span {
            Some(span) => {
                let position = self.sources.file(subject.file).position(span.start as usize);
                format!("while judging {}:{}:{}", self.path(subject.file), position.line, position.column)
            }
            None => format!("while judging {}", self.path(subject.file)),
        };
        if let Some(identity) = subject.identity() {
            let _ = write!(over, ", {identity}");
        }
        match others {
            0 => {}
            1 => over.push_str(", and 1 other object"),
            _ => {
                let _ = write!(over, ", and {others} other objects");
            }
        }
        group = group.element(Level::NOTE.message(normalize_untrusted_str(&over)));
        match fault.and_then(|fault| fault.help) {
            Some(help) => group.element(Level::HELP.message(help)),
            None => group,
        }
    }

    /// A document that could not be read. Nothing of a file that speaks of Secrets is shown.
    fn error_group<'r>(&'r self, file: FileId, error: &'r DocumentError) -> Group<'r> {
        let source = self.sources.file(file);
        let DocumentError { document: _, position, error } = error;
        let shown = !source.text().is_empty() && !self.masks.file(file).guarded;
        let span = byte_at(source, *position).filter(|_| shown);
        let elements = match span {
            Some(span) => self.snippet(file, span),
            None if source.text().is_empty() => vec![Origin::path(self.path(file)).into()],
            None => vec![self.origin(file, position.line, position.column)],
        };
        let group =
            Group::with_title(Level::ERROR.primary_title(self.error_message(file, error))).elements(elements);
        match error {
            LoadError::Yaml(ComposeError::Syntax { .. }) if shown => {
                group.element(Level::HELP.message(SYNTAX))
            }
            _ => group,
        }
    }

    /// Where a span begins, and the line.
    fn snippet<'r>(&'r self, file: FileId, span: Span) -> Vec<Element<'r>> {
        let source = self.sources.file(file);
        let position = source.position(span.start as usize);
        let Some(excerpt) = excerpt(source, self.masks.file(file), &[span], WIDE) else {
            return vec![self.origin(file, position.line, position.column)];
        };
        let Excerpt { line, text, marks, cut } = excerpt;
        let annotations = marks.into_iter().map(|mark| AnnotationKind::Primary.span(mark));
        let snippet = Snippet::source(text).line_start(line as usize).annotations(annotations);
        if cut {
            // the renderer would count columns from where the line was cut
            vec![self.origin(file, position.line, position.column), snippet.into()]
        } else {
            vec![snippet.path(self.path(file)).into()]
        }
    }

    fn origin(&self, file: FileId, line: u32, column: u32) -> Element<'_> {
        Origin::path(self.path(file)).line(line as usize).char_column(column as usize).into()
    }
}

fn renderer(options: &TextOptions) -> Renderer {
    let renderer = if options.color { Renderer::styled() } else { Renderer::plain() };
    renderer.term_width(options.width())
}
