//! The text of a file after the operations on its documents.
//!
//! Where scalars are replaced by scalars, the new value takes the place of the old one – or of the alias that stood for
//! it – and comments and layout stay. A document that changes in other ways is written anew. Either way the result is
//! read again, and is shown only when it says what the operations make of the document.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::document::edit::PatchOperation;
use crate::document::few::SortFew as _;
use crate::document::{Document, Limits, NodeRef, Scalar};
use crate::manifest::source::Content;
use crate::manifest::{Inventory, SourceFile, Sources, emit};

/// Bytes of the file, and what stands there instead.
type Splice = (Range<usize>, String);

/// A document of a file and the operations on it.
pub(super) struct Change<'d> {
    pub(super) document: &'d Document<'d>,
    pub(super) operations: Vec<PatchOperation>,
}

/// Why a file cannot be shown as it would be.
#[derive(Debug, thiserror::Error)]
pub(super) enum RewriteError {
    #[error("an operation cannot be applied: {0}")]
    Edit(String),
    #[error("the document has no place in the text")]
    NoPlace,
    #[error("the result cannot be written as YAML; `--format patch` shows the operations")]
    NotWritten,
}

/// The text with all documents changed.
pub(super) fn rewritten(text: &str, changes: &[Change<'_>]) -> Result<String, RewriteError> {
    if changes.iter().all(|change| change.operations.is_empty()) {
        return Ok(text.to_owned());
    }
    let limits = Limits { depth: 1_000, ..Limits::default() };
    let mut wanted = Vec::with_capacity(changes.len());
    for Change { document, operations } in changes {
        let edited = document.edited(operations, "plimsoll mutate", limits);
        let edited = edited.map_err(|(_, error)| RewriteError::Edit(error.to_string()))?;
        wanted.push((edited, !operations.is_empty()));
    }
    // the first way in which the file says what it should
    for in_place in [true, false] {
        let mut splices = Vec::new();
        for (change, (document, changed)) in changes.iter().zip(&wanted) {
            let kept = in_place.then(|| scalar_splices(text, change)).flatten();
            match kept {
                _ if !changed => {}
                Some(kept) => splices.extend(kept),
                None => splices.push(whole(text, change.document, document.root())?),
            }
        }
        let after = spliced(text, splices);
        if says(&after, &wanted) {
            return Ok(after);
        }
    }
    Err(RewriteError::NotWritten)
}

/// Whether the text reads as these documents.
fn says(text: &str, wanted: &[(Document<'_>, bool)]) -> bool {
    let sources = Sources::new(vec![SourceFile::new("mutated", Content::Text(text.to_owned()))]);
    let inventory = Inventory::load(&sources);
    let read = inventory.documents();
    read.len() == wanted.len()
        && read.iter().zip(wanted).all(|(read, (wanted, _))| read.document.root() == wanted.root())
}

/// A document written anew.
fn whole(text: &str, before: &Document<'_>, after: NodeRef<'_>) -> Result<Splice, RewriteError> {
    let span = before.root().span().ok_or(RewriteError::NoPlace)?;
    let range = span.start as usize..span.end as usize;
    let json = text.get(range.clone()).is_some_and(|text| text.starts_with('{') && text.contains('"'));
    let written = match json && before.source_text().trim_start().starts_with('{') {
        true => serde_json::to_string_pretty(&after).map_err(|_| RewriteError::NotWritten)?,
        false => emit::yaml(after).trim_end().to_owned(),
    };
    Ok((range, written))
}

/// Replacements of single values that stand in one line, as splices; `None` where there are other changes.
fn scalar_splices(text: &str, change: &Change<'_>) -> Option<Vec<Splice>> {
    let mut splices: BTreeMap<usize, Splice> = BTreeMap::new();
    for operation in &change.operations {
        let (PatchOperation::Replace { path, value } | PatchOperation::Add { path, value }) = operation
        else {
            return None;
        };
        let node = change.document.root().at(&path.to_string())?;
        node.scalar()?;
        // an item is added to a list before the one that is there
        if matches!(operation, PatchOperation::Add { .. }) && node.key().is_none() {
            return None;
        }
        let range = place(text, node)?;
        let written = text.get(range.clone()).filter(|written| !written.contains('\n'))?;
        let new = as_written(written, value.root().scalar()?);
        splices.insert(range.start, (range, new));
    }
    Some(splices.into_values().collect())
}

/// Where the value itself is written, be it as an alias.
fn place(text: &str, node: NodeRef<'_>) -> Option<Range<usize>> {
    let span = node.span().filter(|span| span.start < span.end)?;
    let Some(key) = node.key_span().filter(|key| span.start < key.end) else {
        return Some(span.start as usize..span.end as usize);
    };
    // the span is that of the anchor, which stands before the key
    let rest = text.get(key.end as usize..)?;
    let behind = rest
        .trim_start_matches(['"', '\''])
        .trim_start_matches(' ')
        .strip_prefix(':')?
        .trim_start_matches(' ');
    let start = text.len() - behind.len();
    let name = behind.strip_prefix('*')?;
    let length = name.find(|c: char| c.is_whitespace() || ",[]{}".contains(c)).unwrap_or(name.len());
    Some(start..start + 1 + length)
}

/// A value in the manner of the one it replaces, where that can hold it.
fn as_written(written: &str, value: Scalar<'_>) -> String {
    let Scalar::String(text) = value else { return emit::scalar(value) };
    match written.as_bytes().first() {
        Some(b'\'') if text.chars().all(|c| c != '\'' && !c.is_control()) => format!("'{text}'"),
        Some(b'"' | b'\'') => emit::quoted(text),
        _ => emit::scalar(value),
    }
}

fn spliced(text: &str, mut edits: Vec<Splice>) -> String {
    edits.sort_few_by_key(|(range, _)| range.start);
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (range, new) in edits {
        if range.start >= from {
            out.push_str(&text[from..range.start]);
            out.push_str(&new);
            from = range.end;
        }
    }
    out.push_str(&text[from..]);
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::path::Pointer;

    fn pointer(text: &str) -> Pointer {
        text.split('/').skip(1).fold(Pointer::default(), |pointer, token| pointer.child(token))
    }

    fn replace(path: &str, value: &serde_json::Value) -> PatchOperation {
        let value = std::sync::Arc::new(Document::from_value(value).unwrap());
        PatchOperation::Replace { path: pointer(path), value }
    }

    /// The first document of the text after replacements.
    fn after(text: &str, operations: &[(&str, serde_json::Value)]) -> String {
        let sources = Sources::new(vec![SourceFile::new("x", Content::Text(text.to_owned()))]);
        let inventory = Inventory::load(&sources);
        let operations = operations.iter().map(|(path, value)| replace(path, value)).collect();
        let changes: Vec<Change<'_>> = inventory
            .documents()
            .iter()
            .zip(std::iter::once(operations).chain(std::iter::repeat(Vec::new())))
            .map(|(loaded, operations)| Change { document: &loaded.document, operations })
            .collect();
        rewritten(text, &changes).unwrap()
    }

    #[test]
    fn values_take_the_place_of_values() {
        use serde_json::json;
        for (name, text, operations, expected) in [
            ("plain", "a: fast # why\n", vec![("/a", json!("slow"))], "a: slow # why\n"),
            ("a boolean word", "a: fast # why\n", vec![("/a", json!("yes"))], "a: \"yes\" # why\n"),
            ("a date", "a: fast\n", vec![("/a", json!("2024-01-31"))], "a: \"2024-01-31\"\n"),
            ("single quotes stay", "a: 'fast'\n", vec![("/a", json!("yes"))], "a: 'yes'\n"),
            ("double quotes stay", "a: \"fast\"\n", vec![("/a", json!("b"))], "a: \"b\"\n"),
            ("a number", "a: 1 # one\n", vec![("/a", json!(3))], "a: 3 # one\n"),
            ("a number by a string", "a: 1 # one\n", vec![("/a", json!("3"))], "a: \"3\" # one\n"),
            ("a boolean", "o: {a: true, b: 1}\n", vec![("/o/a", json!(false))], "o: {a: false, b: 1}\n"),
            ("flow", "o: {a: x, b: [y]}\n", vec![("/o/b/0", json!("u,v"))], "o: {a: x, b: [\"u,v\"]}\n"),
            ("an alias", "a: &x one\nb: *x # two\n", vec![("/b", json!("two"))], "a: &x one\nb: two # two\n"),
            (
                "an alias in flow",
                "o: {a: &x one, b: *x}\n",
                vec![("/o/b", json!("two"))],
                "o: {a: &x one, b: two}\n",
            ),
            (
                "an anchor that others stand for",
                "a: &x one # why\nb: *x\n",
                vec![("/a", json!("two"))],
                "a: two\nb: one\n",
            ),
            (
                "both",
                "a: &x one\nb: *x\n",
                vec![("/a", json!("two")), ("/b", json!("two"))],
                "a: &x two\nb: two\n",
            ),
            (
                "by a merge key",
                "a: &x {c: one}\nb: {<<: *x}\n",
                vec![("/b/c", json!("two"))],
                "a:\n  c: one\nb:\n  c: two\n",
            ),
            (
                "other documents stay as they are",
                "a: 1\n--- # next\nb:   2\n",
                vec![("/a", json!({"c": "on"}))],
                "a:\n  c: \"on\"\n--- # next\nb:   2\n",
            ),
        ] {
            assert_eq!(after(text, &operations), expected, "{name}");
        }
    }

    #[test]
    fn json_stays_json() {
        let text = "{\"a\": \"x\", \"b\": [1]}\n";
        assert_eq!(after(text, &[("/a", serde_json::json!("yes"))]), "{\"a\": \"yes\", \"b\": [1]}\n");
        let list = after(text, &[("/b", serde_json::json!({"c": 1}))]);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&list).unwrap()["b"]["c"], 1, "{list}");
    }
}
