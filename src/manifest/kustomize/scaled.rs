//! How many Pods there are after the patches and `replicas` of a kustomization: of what patches change, the numbers that
//! budgets and autoscalers are held against.

use regex::Regex;

use super::texts;
use crate::document::{Document, NodeRef};

/// The numbers, below `spec`.
pub(super) const FIELDS: [&str; 3] = ["replicas", "minReplicas", "maxReplicas"];
/// What is in the names of them all, unless they are written with escapes.
const IN_FIELDS: &str = "eplicas";
/// What the transformer of `replicas` is about (kustomize, `api/internal/konfig/builtinpluginconsts/replicas.go`).
const SCALABLE: [&str; 4] = ["Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"];

/// What a kustomization sets of one of these in the objects that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scaled {
    kinds: Vec<Pattern>,
    group: Option<Pattern>,
    name: Option<Pattern>,
    field: &'static str,
    number: i64,
    /// What kustomizations before it have put around names.
    around: (String, String),
}

/// A text that must be the whole of another, or a regular expression for it, as in `target` of a patch.
#[derive(Debug, Clone)]
enum Pattern {
    Text(String),
    Regex(Regex),
}

impl Pattern {
    fn of_target(text: &str) -> Option<Self> {
        if text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Some(Self::Text(text.to_owned()));
        }
        Regex::new(&format!("^(?:{text})$")).ok().map(Self::Regex)
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Text(own) => own == text,
            Self::Regex(regex) => regex.is_match(text),
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Regex(regex) => regex.as_str(),
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Pattern {}

impl Scaled {
    /// Those of a kustomization, in the order in which they are applied; `open` gives the text of a file that it names, and
    /// `parse` the documents of a text.
    pub(super) fn all<'t>(
        root: NodeRef<'_>,
        open: &dyn Fn(&str) -> Option<&'t str>,
        parse: &dyn Fn(&str) -> Vec<Document<'_>>,
    ) -> Vec<Self> {
        let mut all = Vec::new();
        let mut add = |text: &str, target: Option<NodeRef<'_>>| {
            // most patches are about other fields, and need not be read
            if !text.contains(IN_FIELDS) && !text.contains('\\') {
                return;
            }
            for document in parse(text) {
                add_patch(document.root(), target, &mut all);
            }
        };
        for entry in texts(root, "patchesStrategicMerge").chain(texts(root, "patches")) {
            // a path, or the patch itself
            add(open(entry).unwrap_or(entry), None);
        }
        for field in ["patches", "patchesJson6902"] {
            for entry in root.get(field).into_iter().flat_map(NodeRef::items) {
                let file = entry.get_str("path").and_then(open);
                if let Some(text) = file.or_else(|| entry.get_str("patch")) {
                    add(text, entry.get_present("target"));
                }
            }
        }
        for entry in root.get("replicas").into_iter().flat_map(NodeRef::items) {
            let count = entry.get("count").and_then(NodeRef::as_i64);
            if let (Some(name), Some(number)) = (entry.get_str("name"), count) {
                let kinds = SCALABLE.map(|kind| Pattern::Text(kind.to_owned())).to_vec();
                let name = Some(Pattern::Text(name.to_owned()));
                let around = Default::default();
                all.push(Self { kinds, group: None, name, field: "replicas", number, around });
            }
        }
        all
    }

    /// The same behind kustomizations that put this around names.
    pub(super) fn behind(&self, prefix: &str, suffix: &str) -> Self {
        let (own_prefix, own_suffix) = &self.around;
        let around = (format!("{own_prefix}{prefix}"), format!("{suffix}{own_suffix}"));
        Self { around, ..self.clone() }
    }

    /// The number that it gives a field of an object, which goes by its name as written and by the one it has by then.
    pub(super) fn number(&self, field: &str, (group, kind, name): (&str, &str, &str)) -> Option<i64> {
        let (prefix, suffix) = &self.around;
        let is_named =
            |pattern: &Pattern| pattern.matches(name) || pattern.matches(&format!("{prefix}{name}{suffix}"));
        let fits = self.field == field
            && (self.kinds.is_empty() || self.kinds.iter().any(|pattern| pattern.matches(kind)))
            && self.group.as_ref().is_none_or(|pattern| pattern.matches(group))
            && self.name.as_ref().is_none_or(is_named);
        fits.then_some(self.number)
    }
}

/// The numbers of one patch: a strategic merge of an object, or the operations of RFC 6902.
fn add_patch(patch: NodeRef<'_>, target: Option<NodeRef<'_>>, all: &mut Vec<Scaled>) {
    let numbers: Vec<(&'static str, i64)> = FIELDS.into_iter().flat_map(|field| set(patch, field)).collect();
    if numbers.is_empty() {
        return;
    }
    let text = |field| target?.get_str(field).filter(|text| !text.is_empty());
    let group_of = |version: &str| version.split_once('/').map_or("", |(group, _)| group).to_owned();
    let (kind, group, name) = match target {
        Some(_) => (
            text("kind").and_then(Pattern::of_target),
            text("group").and_then(Pattern::of_target),
            text("name").and_then(Pattern::of_target),
        ),
        None => {
            let Some(name) = patch.at("/metadata/name").and_then(NodeRef::as_str) else { return };
            let Some(kind) = patch.get_str("kind") else { return };
            let group = patch.get_str("apiVersion").map(group_of);
            (
                Some(Pattern::Text(kind.to_owned())),
                group.map(Pattern::Text),
                Some(Pattern::Text(name.to_owned())),
            )
        }
    };
    for (field, number) in numbers {
        let (kinds, group, name) = (kind.iter().cloned().collect(), group.clone(), name.clone());
        all.push(Scaled { kinds, group, name, field, number, around: Default::default() });
    }
}

/// What a patch sets a field to, each with its name.
fn set(patch: NodeRef<'_>, field: &'static str) -> impl Iterator<Item = (&'static str, i64)> {
    let merged = patch.get("spec").and_then(|spec| spec.get(field)).and_then(NodeRef::as_i64);
    let operations = patch.items().filter(move |operation| {
        let path = operation.get_str("path").and_then(|path| path.strip_prefix("/spec/"));
        path == Some(field) && matches!(operation.get_str("op"), Some("add" | "replace"))
    });
    let put = operations.filter_map(|operation| operation.get("value")?.as_i64());
    merged.into_iter().chain(put).map(move |number| (field, number))
}
