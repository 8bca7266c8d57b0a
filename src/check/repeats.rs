//! Elements of a list that are alike in all that a rule reads: where nothing was wrong with one, nothing is with the others.
//!
//! Without this a Pod of 20,000 containers costs 20,000 times as much as a Pod of one, under every rule.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher, RandomState};

use super::alike::Alike;
use crate::document::{NodeRef, Scalar};

/// Lists shorter than this are gone through as they are.
const WORTHWHILE: usize = 16;
/// After so many elements of which no two were alike nothing more is remembered.
const PATIENCE: usize = 64;

/// The elements of one list with which nothing was wrong, by what a rule reads of them.
///
/// They are told apart by a hash whose key is drawn by chance, so nobody can write two elements that are taken for alike.
pub(crate) struct Repeats<'p> {
    alike: &'p Alike,
    hasher: RandomState,
    /// What is hashed of an element, in one piece: many small writes cost more than the hashing.
    bytes: Vec<u8>,
    fine: HashSet<u64>,
    met: usize,
    repeated: bool,
}

impl<'p> Repeats<'p> {
    /// For a list of so many elements; `None` where that is not worth its while.
    pub(crate) fn of(alike: impl FnOnce() -> Option<&'p Alike>, elements: usize) -> Option<Self> {
        let alike = if elements >= WORTHWHILE { alike()? } else { return None };
        Some(Self {
            alike,
            hasher: RandomState::new(),
            bytes: Vec::new(),
            fine: HashSet::new(),
            met: 0,
            repeated: false,
        })
    }

    /// What the rule reads of an element, told in short; `None` where it is not worth to be remembered.
    pub(crate) fn signature(
        &mut self,
        element: NodeRef<'_>,
        role: impl FnOnce() -> &'static str,
    ) -> Option<u64> {
        if self.met >= PATIENCE && !self.repeated {
            return None;
        }
        self.met += 1;
        let bytes = &mut self.bytes;
        bytes.clear();
        if self.alike.role {
            write_text(role(), bytes);
        }
        match &self.alike.members {
            // what is no object has no members, and what it is decides which error there is
            Some(members) if element.is_object() && !element.is_unknown() => {
                bytes.push(1);
                for member in members {
                    match element.get(member) {
                        Some(value) => {
                            content(value, bytes);
                        }
                        None => bytes.push(u8::MAX),
                    }
                }
            }
            _ => {
                bytes.push(0);
                content(element, bytes);
            }
        }
        let mut hasher = self.hasher.build_hasher();
        hasher.write(bytes);
        Some(hasher.finish())
    }

    /// Whether nothing was wrong with an element like this.
    pub(crate) fn is_fine(&mut self, signature: u64) -> bool {
        let fine = self.fine.contains(&signature);
        self.repeated |= fine;
        fine
    }

    /// Nothing is wrong with this.
    pub(crate) fn fine(&mut self, signature: u64) {
        self.fine.insert(signature);
    }
}

/// All below a node, its name aside: in the order in which it is written, with how much each part holds. Says whether all of
/// it is known.
pub(crate) fn content(node: NodeRef<'_>, bytes: &mut Vec<u8>) -> bool {
    let mut known = true;
    for part in node.descendants() {
        if let Some(key) = part.key().filter(|_| part.id() != node.id()) {
            write_text(key, bytes);
        }
        let unknown = part.is_unknown();
        known &= !unknown;
        // below 16, and so never what stands for an absent member
        bytes.push(part.kind() as u8);
        bytes.push(u8::from(unknown) | u8::from(part.is_shadowed()) << 1);
        match part.scalar() {
            Some(Scalar::Bool(value)) => bytes.push(u8::from(value)),
            Some(Scalar::Int(value)) => bytes.extend_from_slice(&value.to_le_bytes()),
            Some(Scalar::Float(value)) => bytes.extend_from_slice(&value.to_bits().to_le_bytes()),
            Some(Scalar::String(value)) => write_text(value, bytes),
            Some(Scalar::Null) => {}
            None => bytes.extend_from_slice(&part.len().to_le_bytes()),
        }
    }
    known
}

/// A text, with its length before it: so no two rows of texts are written alike.
pub(crate) fn write_text(text: &str, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&text.len().to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    #[test]
    fn what_is_alike() {
        let list = r#"[{"a": 1, "b": 2}, {"b": 3, "a": 1}, {"a": 2}, {"a": "1"}, {"a": 1.0}, {"b": 2}, {"a": null},
            {"a": {"x": []}}, {"a": {"x": {}}}, {"a": {"x": [[]]}}, {"a": {"x": [], "y": []}}, [1], "a", null, {}]"#;
        let document = Document::from_json(list, Limits { depth: 10, nodes: 100 }).unwrap();
        let alike = Alike { members: Some(vec!["a".into()]), role: false };
        let mut repeats = Repeats::of(|| Some(&alike), 100).unwrap();
        let all: Vec<u64> =
            document.root().items().map(|item| repeats.signature(item, || "").unwrap()).collect();
        let pairs: Vec<(usize, usize)> = (0..all.len())
            .flat_map(|a| (0..a).map(move |b| (b, a)))
            .filter(|(a, b)| all[*a] == all[*b])
            .collect();
        assert_eq!(pairs, [(0, 1), (5, 14)], "members in any order, and those that are absent");

        let whole = Alike { members: None, role: true };
        let mut repeats = Repeats::of(|| Some(&whole), 100).unwrap();
        let first = document.root().item(0).unwrap();
        assert_ne!(repeats.signature(first, || "init"), repeats.signature(first, || "container"));
        assert_eq!(repeats.signature(first, || "init"), repeats.signature(first, || "init"));
    }

    #[test]
    fn nothing_is_remembered_in_vain() {
        let numbers: Vec<String> = (0..200).map(|number| number.to_string()).collect();
        let text = format!("[{}]", numbers.join(","));
        let document = Document::from_json(&text, Limits { depth: 10, nodes: 1000 }).unwrap();
        let alike = Alike { members: None, role: false };
        assert!(Repeats::of(|| Some(&alike), WORTHWHILE - 1).is_none());
        assert!(Repeats::of(|| None, 100).is_none());
        let mut repeats = Repeats::of(|| Some(&alike), 200).unwrap();
        let signatures = document.root().items().filter_map(|item| {
            let signature = repeats.signature(item, || "")?;
            assert!(!repeats.is_fine(signature));
            repeats.fine(signature);
            Some(signature)
        });
        assert_eq!(signatures.count(), PATIENCE);
    }
}
