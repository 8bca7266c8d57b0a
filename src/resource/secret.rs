//! What of an object is secret, and texts without it.
//!
//! Secret are the scalars under `data` and `stringData` of a Secret, and what `kubectl apply` remembers of
//! them in an annotation. Messages are made by rules that may quote them, so [`Texts`] knows every form in
//! which they may appear: as written, as read, decoded from base64, escaped as JSON.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::document::NodeRef;
use crate::finding::Finding;

/// Stands for a secret in a message, whatever the length.
pub const MASK: &str = "***";

/// What `kubectl apply` writes: the whole object as it was applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Fields that hold names, which no object keeps secret.
const NAMES: [&str; 6] = ["name", "generateName", "namespace", "image", "kind", "serviceAccountName"];

/// Texts shorter than this are masked in messages only where they stand as a word.
const SHORT: usize = 6;

/// The secret scalars of an object; none unless it is a Secret, whichever of several `kind` members says so.
#[must_use]
pub fn values(object: NodeRef<'_>) -> Vec<NodeRef<'_>> {
    let is_secret = |kind: NodeRef<'_>| kind.key() == Some("kind") && kind.as_str() == Some("Secret");
    let in_list = || {
        let list = object.parent()?.parent()?;
        Some(object.get("kind").is_none() && list.get_str("kind")? == "SecretList")
    };
    // to look for these first is cheap, however large the object is
    let secrets = of_secret(object);
    if secrets.is_empty() || everything(object).any(is_secret) || in_list().unwrap_or(false) {
        secrets
    } else {
        Vec::new()
    }
}

/// The scalars of a Secret that are secret: those under `data` and `stringData`, and what `kubectl apply`
/// remembers of them.
#[must_use]
pub fn of_secret(object: NodeRef<'_>) -> Vec<NodeRef<'_>> {
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
pub fn scalars(node: NodeRef<'_>) -> impl Iterator<Item = NodeRef<'_>> {
    everything(node).filter(|node| !node.is_null() && node.scalar().is_some())
}

/// Every node of a subtree, shadowed ones too: what has no effect is no less secret.
pub fn everything(node: NodeRef<'_>) -> impl Iterator<Item = NodeRef<'_>> {
    let mut pending = vec![node];
    std::iter::from_fn(move || {
        let node = pending.pop()?;
        pending.extend(node.children());
        pending.extend(node.shadowed_members().map(|(_, member)| member));
        Some(node)
    })
}

/// Texts that may not be shown, in all their forms, by their length, the longest first. Looking for them takes
/// as long as a message and the number of lengths ask for, however many texts there are.
#[derive(Debug, Default)]
pub struct Texts(BTreeMap<Reverse<usize>, HashSet<String>>);

impl Texts {
    /// The texts of some scalars, and others that are as secret.
    #[must_use]
    pub fn new<'d>(
        scalars: impl IntoIterator<Item = NodeRef<'d>>,
        others: impl IntoIterator<Item = String>,
    ) -> Self {
        let mut texts = Self::default();
        for scalar in scalars {
            read(scalar).iter().chain(&written(scalar)).for_each(|text| texts.add(text));
        }
        others.into_iter().for_each(|text| texts.add(&text));
        texts
    }

    /// What is secret at a finding of a `sensitive` rule: the value there, as it was found and as it stands in
    /// the object.
    #[must_use]
    pub fn of_finding(finding: &Finding, object: Option<NodeRef<'_>>) -> Self {
        if !finding.sensitive {
            return Self::default();
        }
        let node = object.and_then(|object| object.at(&finding.place.pointer));
        let texts = Self::new(node.into_iter().flat_map(scalars), finding.value.clone());
        match object {
            Some(object) => texts.unless_names_of(object),
            None => texts,
        }
    }

    /// These but for those that stand in a name of the object, such as an image's: there everybody can read them, and a
    /// message without its names says nothing.
    fn unless_names_of(mut self, object: NodeRef<'_>) -> Self {
        let names = everything(object).filter(|node| node.key().is_some_and(|key| NAMES.contains(&key)));
        for name in names.filter_map(NodeRef::as_str) {
            for texts in self.0.values_mut() {
                texts.retain(|text| !is_part(name, text));
            }
        }
        self.0.retain(|_, texts| !texts.is_empty());
        self
    }

    /// These and others.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        let Self(mut texts) = self;
        for (length, others) in others.0 {
            texts.entry(length).or_default().extend(others);
        }
        Self(texts)
    }

    /// Adds a text in every form in which a message may have it.
    fn add(&mut self, text: &str) {
        let text = text.trim();
        let decoded = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        for text in decoded.as_deref().map(str::trim).into_iter().chain([text]) {
            let lines = text.lines().map(str::trim).filter(|line| line.len() >= SHORT);
            let quoted = [serde_json::to_string(text).unwrap_or_default(), format!("{text:?}")];
            let inside = quoted.iter().filter_map(|quoted| quoted.get(1..quoted.len().checked_sub(1)?));
            for form in lines.chain([text]).chain(inside).filter(|form| !form.is_empty()) {
                self.0.entry(Reverse(form.len())).or_default().insert(form.to_owned());
            }
        }
    }

    /// Whether there is nothing to hide.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a text has one of them.
    #[must_use]
    pub fn are_in(&self, text: &str) -> bool {
        self.without(text) != text
    }

    /// Takes them out of all that a finding says. A fix that would show one is withheld.
    pub fn clean(&self, finding: &mut Finding) {
        if self.is_empty() {
            return;
        }
        finding.message = self.without(&finding.message);
        for related in &mut finding.related {
            related.message = self.without(&related.message);
        }
        if !finding.fix.is_empty() && self.are_in(&serde_json::to_string(&finding.fix).unwrap_or_default()) {
            finding.fix.clear();
        }
        if finding.value.as_ref().is_some_and(|value| self.are_in(value)) {
            finding.value = None;
        }
    }

    /// A text with every one of them made unreadable.
    #[must_use]
    pub fn without(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            match self.at_start(rest, clean.chars().next_back()) {
                Some(length) => {
                    clean.push_str(MASK);
                    rest = &rest[length..];
                }
                None => {
                    clean.push(next);
                    rest = &rest[next.len_utf8()..];
                }
            }
        }
        clean
    }

    /// The length of the longest of them that `text` begins with. Short ones count as words only.
    fn at_start(&self, text: &str, before: Option<char>) -> Option<usize> {
        let joined = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        self.0.range(Reverse(text.len())..).find_map(|(Reverse(length), secrets)| {
            let found = text.get(..*length).filter(|start| secrets.contains(*start))?;
            let in_word = joined(before) || joined(text[*length..].chars().next());
            (found.len() >= SHORT || !in_word).then_some(*length)
        })
    }
}

/// Whether a name is this text, or has it between characters that are no letters and digits.
fn is_part(name: &str, text: &str) -> bool {
    name.match_indices(text).any(|(at, _)| {
        let joined = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        !joined(name[..at].chars().next_back()) && !joined(name[at + text.len()..].chars().next())
    })
}

/// A scalar as it was read.
fn read(scalar: NodeRef<'_>) -> Option<String> {
    match scalar.as_str() {
        Some(text) => Some(text.to_owned()),
        None if scalar.is_null() => None,
        None => Some(scalar.to_json()),
    }
}

/// A scalar as it was written, without its quotes.
fn written(scalar: NodeRef<'_>) -> Option<String> {
    let span = scalar.span()?;
    let text = scalar.document().source_text().get(span.start as usize..span.end as usize)?;
    Some(text.trim_matches(['"', '\'']).to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    fn texts(words: &[&str]) -> Texts {
        Texts::new([], words.iter().map(|word| (*word).to_owned()))
    }

    #[test]
    fn texts_are_masked_wherever_they_stand() {
        for (text, words, expected) in [
            ("the value hunter22 is weak", &["hunter22"][..], "the value *** is weak"),
            ("xhunter22x", &["hunter22"], "x***x"),
            // short ones only as words of their own
            ("container app of application", &["app"], "container *** of application"),
            ("a=b", &["b"], "a=***"),
            ("nothing here", &["hunter22"], "nothing here"),
            ("the longest first", &["longest", "longest first"], "the ***"),
            ("wörter, größer", &["größer", "ö"], "wörter, ***"),
        ] {
            assert_eq!(texts(words).without(text), expected);
        }
    }

    #[test]
    fn every_form_of_a_secret_is_known() {
        let texts = texts(&["aHVudGVyMjI=", "line one\nline two", "say \"it\" now"]);
        for form in
            ["aHVudGVyMjI=", "hunter22", "line one", "line two", r"line one\nline two", r#"say \"it\" now"#]
        {
            assert_eq!(texts.without(form), MASK, "{form}");
        }
    }

    #[test]
    fn only_secrets_have_secrets() {
        for (json, expected) in [
            (
                r#"{"kind":"Secret","data":{"a":"x","b":{"c":1}},"stringData":{"d":"y"},"type":"Opaque"}"#,
                "x 1 y",
            ),
            (r#"{"kind":"ConfigMap","data":{"a":"x"}}"#, ""),
            (r#"{"kind":"Secret","data":{"a":"x","a":"y"},"kind":"ConfigMap"}"#, "y x"),
            (
                r#"{"kind":"Secret","metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"z","o":"p"}}}"#,
                "z",
            ),
        ] {
            let document = Document::from_json(json, Limits::default()).unwrap();
            let mut found: Vec<String> = values(document.root()).into_iter().filter_map(read).collect();
            let mut expected: Vec<&str> = expected.split(' ').filter(|word| !word.is_empty()).collect();
            found.sort();
            expected.sort_unstable();
            assert_eq!(found, expected, "{json}");
        }
    }
}
