//! What no report may show, and how it is made unreadable.
//!
//! What of an object is secret is known to [`crate::resource::secret`], and so is the value at a finding of a
//! `sensitive` rule. Excerpts get asterisks in place of its characters, messages in place of its texts.
//!
//! Of a text that could not be read nobody can say what is secret. Where such a text stands beside the word
//! `Secret`, nothing of it is shown.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::entry::{Entry, ReportedObject};
use crate::document::{Document, NodeRef, Span};
use crate::finding::held::Glance;
use crate::finding::{Finding, ObjectId};
use crate::manifest::compose::ComposeError;
use crate::manifest::json::JsonError;
use crate::manifest::source::Content;
use crate::manifest::{FileId, Inventory, LoadError, NoticeCode, SourceFile, Sources};
use crate::resource::secret::{self, MASK, Texts};
use crate::waiver::Suppressed;

/// Stands in the place of what says how a value is read, where that is secret.
const READING: &str = "this value is not read as it is written; quote it where the text is meant";

/// What is secret in the files of a run.
#[derive(Debug, Default)]
pub(super) struct Masks {
    files: BTreeMap<FileId, FileMask>,
    texts: BTreeMap<ObjectId, Texts>,
}

/// Where secrets may be, beside those of Secrets.
#[derive(Debug, Default)]
pub(super) struct Secret<'f> {
    /// Findings that point at some.
    pub(super) sensitive: Vec<(ObjectId, &'f Finding)>,
    /// Objects that findings are about.
    pub(super) concerned: BTreeSet<ObjectId>,
}

/// What is secret in a file.
#[derive(Debug, Default)]
pub(super) struct FileMask {
    /// Bytes of the file, sorted, apart from each other.
    ranges: Vec<Range<u32>>,
    /// Whether it speaks of Secrets, so that nothing is shown of what could not be read.
    pub(super) guarded: bool,
}

impl FileMask {
    /// Whether this byte is secret.
    pub(super) fn covers(&self, byte: usize) -> bool {
        let next = self.ranges.partition_point(|range| range.end as usize <= byte);
        self.ranges.get(next).is_some_and(|range| range.start as usize <= byte)
    }

    /// Whether one of these bytes is secret.
    pub(super) fn touches(&self, bytes: Range<usize>) -> bool {
        let next = self.ranges.partition_point(|range| range.end as usize <= bytes.start);
        self.ranges.get(next).is_some_and(|range| (range.start as usize) < bytes.end)
    }

    fn add(&mut self, span: Span) {
        if span.start < span.end {
            self.ranges.push(span.start..span.end);
        }
    }

    /// Sorts and joins the ranges; comments behind a secret belong to it.
    fn settle(&mut self, text: &str) {
        for range in &mut self.ranges {
            range.end = through_comment(text, range.end);
        }
        self.ranges.sort_by_key(|range| (range.start, range.end));
        let mut joined: Vec<Range<u32>> = Vec::with_capacity(self.ranges.len());
        for range in self.ranges.drain(..) {
            match joined.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => joined.push(range),
            }
        }
        self.ranges = joined;
    }
}

/// Where the line ends, if nothing but a comment follows; else `end` itself.
fn through_comment(text: &str, end: u32) -> u32 {
    let Some(rest) = text.get(end as usize..) else { return end };
    let after = rest.trim_start_matches(['"', '\'', ' ', '\t']);
    if !after.starts_with('#') {
        return end;
    }
    let line = rest.find(['\n', '\r']).unwrap_or(rest.len());
    end.saturating_add(u32::try_from(line).unwrap_or(u32::MAX))
}

impl Masks {
    /// Takes out of a waiver's reason what may not be shown: a secret of its object, and all of a comment behind one.
    pub(super) fn clean_waiver(&self, entry: Entry, mut by: Suppressed) -> (Entry, Suppressed) {
        let is_behind_secret = by.at.is_some_and(|(file, span)| self.file(file).covers(span.start as usize));
        let texts = self.texts.get(&entry.subject);
        by.reason = by.reason.map(|reason| match (is_behind_secret, texts) {
            (true, _) => MASK.to_owned(),
            (false, Some(texts)) => texts.without(&reason),
            (false, None) => reason,
        });
        (entry, by)
    }

    /// Finds what is secret in all documents, and at the sensitive ones of the findings.
    pub(super) fn new(
        sources: &Sources,
        inventory: &Inventory<'_>,
        subjects: &[ReportedObject<'_>],
        secret: &Secret<'_>,
    ) -> Self {
        let mut masks = Self::default();
        for loaded in inventory.documents() {
            let secrets = secret_scalars(&loaded.document);
            if !secrets.is_empty() {
                let mask = masks.files.entry(loaded.file).or_default();
                secrets.iter().filter_map(|node| node.span()).for_each(|span| mask.add(span));
            }
        }
        masks.add_sensitive(subjects, &secret.sensitive);
        masks.guard(sources, inventory);
        for (file, mask) in &mut masks.files {
            mask.settle(sources.file(*file).text());
        }
        masks.collect_texts(subjects, secret);
        masks
    }

    fn add_sensitive(&mut self, subjects: &[ReportedObject<'_>], sensitive: &[(ObjectId, &Finding)]) {
        for (subject, finding) in sensitive {
            let subject = &subjects[subject.0 as usize];
            let mask = self.files.entry(subject.file).or_default();
            match subject.object.at(&finding.place.pointer).filter(|node| node.span().is_some()) {
                // what a mutation put in the place of a value is not what stands there
                Some(node) if node.origin().is_none() => {
                    secret::scalars(node).filter_map(NodeRef::span).for_each(|span| mask.add(span));
                }
                _ => finding.place.span.into_iter().for_each(|span| mask.add(span)),
            }
        }
    }

    /// Of files that speak of Secrets, nothing is shown of what could not be read, or is dropped.
    fn guard(&mut self, sources: &Sources, inventory: &Inventory<'_>) {
        let dropped = inventory.notices().iter().filter(|notice| notice.code == NoticeCode::DroppedDocument);
        let broken = inventory.ledger().iter().filter(|record| !record.errors.is_empty());
        let unread: BTreeSet<FileId> =
            broken.map(|record| record.file).chain(dropped.map(|notice| notice.file)).collect();
        let mut read: BTreeMap<FileId, Vec<Span>> = BTreeMap::new();
        for loaded in inventory.documents().iter().filter(|loaded| unread.contains(&loaded.file)) {
            read.entry(loaded.file).or_default().extend(loaded.document.root().span());
        }
        for id in unread {
            let text = sources.file(id).text();
            if !speaks_of_secrets(text) {
                continue;
            }
            let mask = self.files.entry(id).or_default();
            mask.guarded = true;
            let mut spans = read.remove(&id).unwrap_or_default();
            spans.sort();
            let mut at = 0;
            for span in spans {
                mask.add(Span { start: at, end: span.start });
                at = at.max(span.end);
            }
            mask.add(Span { start: at, end: u32::try_from(text.len()).unwrap_or(u32::MAX) });
        }
    }

    /// The texts that may not stand in messages, for the subjects that have findings.
    fn collect_texts(&mut self, subjects: &[ReportedObject<'_>], secret: &Secret<'_>) {
        let Secret { sensitive, concerned } = secret;
        let object = |id: ObjectId| subjects[id.0 as usize].object;
        for (subject, finding) in sensitive {
            let texts = self.texts.remove(subject).unwrap_or_default();
            self.texts.insert(*subject, texts.and(Texts::of_finding(finding, Some(object(*subject)))));
        }
        for id in concerned {
            let secrets = Texts::new(secret::values(object(*id)), None);
            if !secrets.is_empty() {
                let texts = self.texts.remove(id).unwrap_or_default();
                self.texts.insert(*id, texts.and(secrets));
            }
        }
    }

    /// What is secret in a file.
    pub(super) fn file(&self, id: FileId) -> &FileMask {
        static NOTHING: FileMask = FileMask { ranges: Vec::new(), guarded: false };
        self.files.get(&id).unwrap_or(&NOTHING)
    }

    /// Takes out of a finding what may not be shown.
    pub(super) fn clean(&self, entry: &mut Entry, file: FileId) {
        let Entry { subject, finding, also: _ } = entry;
        if self.is_reading_of_secret(file, finding.code(), finding.place.span) {
            finding.message = READING.to_owned();
        }
        let related = finding.related.iter().filter_map(|related| related.document);
        for texts in self.texts_of(*subject, related) {
            texts.clean(finding);
        }
    }

    /// Whether a finding is shown as it is held.
    pub(super) fn spares(&self, held: &Glance<'_>, file: FileId) -> bool {
        !self.is_reading_of_secret(file, held.said.code(), held.span)
            && (self.texts.is_empty() || self.texts_of(held.object, documents(held)).is_empty())
    }

    /// The message of a finding without what may not be shown.
    pub(super) fn message<'h>(&self, held: &Glance<'h>, file: FileId) -> Cow<'h, str> {
        let message = match self.is_reading_of_secret(file, held.said.code(), held.span) {
            true => READING,
            false => held.message,
        };
        let texts = self.texts_of(held.object, documents(held));
        texts.into_iter().fold(Cow::Borrowed(message), |message, texts| Cow::Owned(texts.without(&message)))
    }

    /// Whether a finding says how a value is read that is secret.
    fn is_reading_of_secret(&self, file: FileId, code: &str, span: Option<Span>) -> bool {
        code.starts_with("yaml/") && span.is_some_and(|span| self.file(file).covers(span.start as usize))
    }

    /// What may not stand in a finding: the texts of its object, and of those of its related places.
    fn texts_of(&self, subject: ObjectId, related: impl Iterator<Item = ObjectId>) -> Vec<&Texts> {
        let mut concerned = Vec::new();
        if !self.texts.is_empty() {
            concerned.extend(related.chain([subject]).filter_map(|id| self.texts.get_key_value(&id)));
            concerned.sort_by_key(|(id, _)| **id);
            concerned.dedup_by_key(|(id, _)| **id);
        }
        concerned.into_iter().map(|(_, texts)| texts).collect()
    }
}

/// The objects of related places.
fn documents<'h>(held: &Glance<'h>) -> impl Iterator<Item = ObjectId> + use<'h> {
    held.related().filter_map(|related| related.document)
}

/// Whether a text may hold Secrets, read or not.
fn speaks_of_secrets(text: &str) -> bool {
    text.contains("stringData")
        || text.match_indices("Secret").any(|(at, word)| {
            let before = text[..at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            let in_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            // SecretList holds Secrets, SecretProviderClass does not, and is guarded all the same
            !in_word(before) && (!in_word(after) || text[at + word.len()..].starts_with("List"))
        })
}

/// The secret scalars of a whole document.
fn secret_scalars<'d>(document: &'d Document<'_>) -> Vec<NodeRef<'d>> {
    let mut secrets = Vec::new();
    for node in document.nodes() {
        if node.key() != Some("kind") {
            continue;
        }
        let (Some(kind), Some(object)) = (node.as_str(), node.parent()) else { continue };
        if kind == "Secret" {
            secrets.extend(secret::of_secret(object));
        } else if kind == "SecretList" {
            let items = object.get("items").into_iter().flat_map(NodeRef::items);
            // those that name their kind are found by it
            secrets.extend(items.filter(|item| item.get("kind").is_none()).flat_map(secret::of_secret));
        }
    }
    secrets
}

/// A file's text with asterisks in place of the secrets in it, for people.
#[must_use]
pub fn masked(text: &str) -> String {
    let sources = Sources::new(vec![SourceFile::new("", Content::Text(text.to_owned()))]);
    let inventory = Inventory::load(&sources);
    let masks = Masks::new(&sources, &inventory, &[], &Secret::default());
    let Some(mask) = masks.files.values().next() else { return text.to_owned() };
    let hidden = |(at, c): (usize, char)| if !c.is_whitespace() && mask.covers(at) { '*' } else { c };
    text.char_indices().map(hidden).collect()
}

/// Why a document of `text` could not be read, without what may be a secret.
#[must_use]
pub fn refusal(text: &str, error: &LoadError) -> String {
    if speaks_of_secrets(text) { error_message(error) } else { error.to_string() }
}

/// Why a text could not be read, without anything of the text.
fn error_message(error: &LoadError) -> String {
    match error {
        LoadError::Yaml(ComposeError::Escape { escape: _ }) => format!("kubectl knows no escape {MASK}"),
        LoadError::Json(JsonError::Number { text: _ }) => {
            format!("invalid JSON: number {MASK} cannot be read")
        }
        other => without_quotes(&other.to_string()),
    }
}

/// A message without what it quotes.
fn without_quotes(message: &str) -> String {
    let mut clean = String::with_capacity(message.len());
    let mut inside: Option<char> = None;
    for c in message.chars() {
        match inside {
            Some(quote) if c == quote => {
                clean.push_str(MASK);
                clean.push(c);
                inside = None;
            }
            Some(_) => {}
            None => {
                clean.push(c);
                inside = matches!(c, '"' | '\'' | '`').then_some(c);
            }
        }
    }
    if inside.is_some() {
        clean.push_str(MASK);
    }
    clean
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_lines() {
        let text = "# all\nkind: Secret\napiVersion: v1\nstringData:\n  a: |\n    one two\n    three\n  b: c # d\n---\nkind: Pod\n";
        let expected = "# all\nkind: Secret\napiVersion: v1\nstringData:\n  a: |\n    *** ***\n    *****\n  b: * * *\n---\nkind: Pod\n";
        assert_eq!(masked(text), expected);
        let broken = "kind: Secret\nstringData: {a: one\n";
        assert_eq!(masked(broken), "***** ******\n*********** *** ***\n");
    }

    #[test]
    fn what_is_quoted_goes() {
        for (message, expected) in [
            ("unexpected 'x' here", "unexpected '***' here"),
            ("not `a` but \"b\"", "not `***` but \"***\""),
            ("it's open", "it'***"),
            ("plain", "plain"),
        ] {
            assert_eq!(without_quotes(message), expected);
        }
    }

    #[test]
    fn files_with_secrets_are_told() {
        for (text, expected) in [
            ("kind: Secret\n", true),
            ("kind: 'Secret'", true),
            ("kind: SecretList", true),
            ("{stringData: {}}", true),
            ("secretKeyRef: {}", false),
            ("kind: SealedSecret", false),
            ("kind: ConfigMap", false),
        ] {
            assert_eq!(speaks_of_secrets(text), expected, "{text}");
        }
    }
}
