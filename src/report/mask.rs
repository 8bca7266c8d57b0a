//! What no report may show, and how it is made unreadable.
//!
//! Secret are the scalars under `data` and `stringData` of a Secret, what `kubectl apply` remembers of them
//! in an annotation, and the value at a finding of a `sensitive` rule. Excerpts get asterisks in place of
//! their characters. Messages get asterisks in place of their texts, in whatever form these appear: as
//! written, as read, decoded from base64, escaped as JSON. A fix that would show one is withheld.
//!
//! Of a text that could not be read nobody can say what is secret. Where such a text stands beside the word
//! `Secret`, nothing of it is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::entry::{Entry, Subject};
use crate::document::{Document, NodeRef, Span};
use crate::finding::DocumentId;
use crate::manifest::compose::ComposeError;
use crate::manifest::json::JsonError;
use crate::manifest::{FileId, Inventory, LoadError, Sources};

/// Stands for a secret in a message, whatever the length.
const MASK: &str = "****";

/// What `kubectl apply` writes: the whole object as it was applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Texts shorter than this are masked in messages only where they stand as a word.
const SHORT: usize = 6;

/// What is secret in the files of a run.
#[derive(Debug, Default)]
pub(super) struct Masks {
    files: BTreeMap<FileId, FileMask>,
    words: BTreeMap<DocumentId, Vec<String>>,
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
    /// Finds what is secret in all documents, and at the sensitive ones of the findings.
    pub(super) fn new(
        sources: &Sources,
        inventory: &Inventory<'_>,
        subjects: &[Subject<'_>],
        entries: &[Entry],
    ) -> Self {
        let mut masks = Self::default();
        let mut read: BTreeMap<FileId, Vec<Span>> = BTreeMap::new();
        for loaded in inventory.documents() {
            let secrets = secret_scalars(&loaded.document);
            if !secrets.is_empty() {
                let mask = masks.files.entry(loaded.file).or_default();
                secrets.iter().filter_map(|node| node.span()).for_each(|span| mask.add(span));
            }
            read.entry(loaded.file).or_default().extend(loaded.document.root().span());
        }
        masks.add_sensitive(subjects, entries);
        masks.guard(sources, &read);
        for (file, mask) in &mut masks.files {
            mask.settle(sources.file(*file).text());
        }
        masks.collect_words(sources, subjects, entries);
        masks
    }

    fn add_sensitive(&mut self, subjects: &[Subject<'_>], entries: &[Entry]) {
        for Entry { subject: id, finding } in entries.iter().filter(|entry| entry.finding.sensitive) {
            let subject = &subjects[id.0 as usize];
            let words = self.words.entry(*id).or_default();
            words.extend(finding.value.clone());
            let mask = self.files.entry(subject.file).or_default();
            match subject.object.at(&finding.place.pointer).filter(|node| node.span().is_some()) {
                Some(node) => {
                    for scalar in scalars(node) {
                        scalar.span().into_iter().for_each(|span| mask.add(span));
                        words.extend(text_of(scalar));
                    }
                }
                None => finding.place.span.into_iter().for_each(|span| mask.add(span)),
            }
        }
    }

    /// Of files that speak of Secrets, nothing outside of what was read is shown.
    fn guard(&mut self, sources: &Sources, read: &BTreeMap<FileId, Vec<Span>>) {
        for (id, source) in sources.iter() {
            let text = source.text();
            if !speaks_of_secrets(text) {
                continue;
            }
            let mask = self.files.entry(id).or_default();
            mask.guarded = true;
            let mut spans = read.get(&id).cloned().unwrap_or_default();
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
    fn collect_words(&mut self, sources: &Sources, subjects: &[Subject<'_>], entries: &[Entry]) {
        let concerned: BTreeSet<DocumentId> = entries
            .iter()
            .flat_map(|entry| {
                let related = entry.finding.related.iter().filter_map(|related| related.document);
                related.chain([entry.subject])
            })
            .collect();
        for id in concerned {
            let subject = &subjects[id.0 as usize];
            let text = sources.file(subject.file).text();
            let mut words = self.words.remove(&id).unwrap_or_default();
            for scalar in secrets_of(subject.object) {
                words.extend(text_of(scalar));
                words.extend(scalar.span().and_then(|span| {
                    let written = text.get(span.start as usize..span.end as usize)?;
                    Some(written.trim_matches(['"', '\'']).to_owned())
                }));
            }
            let words = all_forms(words);
            if !words.is_empty() {
                self.words.insert(id, words);
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
        let Entry { subject, finding } = entry;
        let points_at_secret =
            finding.place.span.is_some_and(|span| self.file(file).covers(span.start as usize));
        if points_at_secret && finding.code().starts_with("yaml/") {
            // these say how a value is read, and of this one that is secret
            finding.message =
                "this value is not read as it is written; quote it where the text is meant".into();
        }
        let concerned: Vec<DocumentId> = finding
            .related
            .iter()
            .filter_map(|related| related.document)
            .chain([*subject])
            .collect::<BTreeSet<_>>()
            .into_iter()
            .filter(|id| self.words.contains_key(id))
            .collect();
        for words in concerned.iter().map(|id| &self.words[id]) {
            finding.message = without(&finding.message, words);
            for related in &mut finding.related {
                related.message = without(&related.message, words);
            }
            if !finding.fix.is_empty() {
                let fix = serde_json::to_string(&finding.fix).unwrap_or_default();
                if without(&fix, words) != fix {
                    finding.fix.clear();
                }
            }
            if finding.value.as_ref().is_some_and(|value| without(value, words) != *value) {
                finding.value = None;
            }
        }
    }
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
            secrets.extend(object_secrets(object));
        } else if kind == "SecretList" {
            let items = object.get("items").into_iter().flat_map(NodeRef::items);
            // those that name their kind are found by it
            secrets.extend(items.filter(|item| item.get("kind").is_none()).flat_map(object_secrets));
        }
    }
    secrets
}

/// The secret scalars of the object, where it is a Secret, or of those in it.
fn secrets_of(object: NodeRef<'_>) -> Vec<NodeRef<'_>> {
    let is_secret = |kind: NodeRef<'_>| kind.key() == Some("kind") && kind.as_str() == Some("Secret");
    let in_list = || {
        let list = object.parent()?.parent()?;
        Some(object.get("kind").is_none() && list.get_str("kind")? == "SecretList")
    };
    if everything(object).any(is_secret) || in_list().unwrap_or(false) {
        object_secrets(object)
    } else {
        Vec::new()
    }
}

/// The scalars of a Secret that are secret.
fn object_secrets(object: NodeRef<'_>) -> Vec<NodeRef<'_>> {
    let mut secrets = Vec::new();
    for (key, member) in object.members().chain(object.shadowed_members()) {
        match key {
            "data" | "stringData" => secrets.extend(scalars(member)),
            "metadata" => secrets
                .extend(everything(member).filter(|node| node.key() == Some(LAST_APPLIED)).flat_map(scalars)),
            _ => {}
        }
    }
    secrets
}

/// Every scalar of a subtree.
fn scalars(node: NodeRef<'_>) -> impl Iterator<Item = NodeRef<'_>> {
    everything(node).filter(|node| !node.is_null() && node.scalar().is_some())
}

/// Every node of a subtree, shadowed ones too: what has no effect is no less secret.
fn everything(node: NodeRef<'_>) -> impl Iterator<Item = NodeRef<'_>> {
    let mut pending = vec![node];
    std::iter::from_fn(move || {
        let node = pending.pop()?;
        pending.extend(node.children());
        pending.extend(node.shadowed_members().map(|(_, member)| member));
        Some(node)
    })
}

/// A scalar as text.
fn text_of(scalar: NodeRef<'_>) -> Option<String> {
    match scalar.as_str() {
        Some(text) => Some(text.to_owned()),
        None if scalar.is_null() => None,
        None => Some(scalar.to_json()),
    }
}

/// Every form in which a secret may stand in a message, longest first.
fn all_forms(words: Vec<String>) -> Vec<String> {
    let mut forms = BTreeSet::new();
    for word in words {
        if let Some(decoded) =
            STANDARD.decode(word.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok())
        {
            add_forms(&mut forms, &decoded);
        }
        add_forms(&mut forms, &word);
    }
    let mut forms: Vec<String> = forms.into_iter().collect();
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms
}

fn add_forms(forms: &mut BTreeSet<String>, word: &str) {
    let word = word.trim();
    let lines = word.lines().map(str::trim).filter(|line| line.len() >= SHORT);
    let escaped = serde_json::to_string(word).unwrap_or_default();
    let debugged = format!("{word:?}");
    let inside =
        [escaped.as_str(), debugged.as_str()].map(|quoted| quoted.get(1..quoted.len() - 1).unwrap_or(""));
    forms.extend(lines.chain([word]).chain(inside).filter(|form| !form.is_empty()).map(str::to_owned));
}

/// The text with every one of the words made unreadable.
fn without(text: &str, words: &[String]) -> String {
    let mut text = text.to_owned();
    for word in words.iter().filter(|word| word.len() <= text.len().max(MASK.len())).collect::<Vec<_>>() {
        if !text.contains(word.as_str()) {
            continue;
        }
        let mut clean = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(at) = rest.find(word.as_str()) {
            let (before, after) = (&rest[..at], &rest[at + word.len()..]);
            clean.push_str(before);
            let joined = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            let part_of_word =
                word.len() < SHORT && (joined(clean.chars().next_back()) || joined(after.chars().next()));
            clean.push_str(if part_of_word { word } else { MASK });
            rest = after;
        }
        clean.push_str(rest);
        text = clean;
    }
    text
}

/// Why a text could not be read, without anything of the text.
pub(super) fn error_message(error: &LoadError) -> String {
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
    fn words_are_masked_wherever_they_stand() {
        for (text, words, expected) in [
            ("the value hunter22 is weak", &["hunter22"][..], "the value **** is weak"),
            ("xhunter22x", &["hunter22"], "x****x"),
            // short ones only as words of their own
            ("container app of application", &["app"], "container **** of application"),
            ("a=b", &["b"], "a=****"),
            ("nothing here", &["hunter22"], "nothing here"),
        ] {
            let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
            assert_eq!(without(text, &words), expected);
        }
    }

    #[test]
    fn every_form_of_a_secret_is_known() {
        let forms =
            all_forms(vec!["aHVudGVyMjI=".into(), "line one\nline two".into(), "say \"it\" now".into()]);
        for form in
            ["aHVudGVyMjI=", "hunter22", "line one", "line two", r"line one\nline two", r#"say \"it\" now"#]
        {
            assert!(forms.iter().any(|f| f == form), "{form} in {forms:?}");
        }
    }

    #[test]
    fn what_is_quoted_goes() {
        for (message, expected) in [
            ("unexpected 'x' here", "unexpected '****' here"),
            ("not `a` but \"b\"", "not `****` but \"****\""),
            ("it's open", "it'****"),
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
