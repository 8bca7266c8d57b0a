//! What a rule in CEL has judged when it finds something: the content by which the finding is told again.
//!
//! It is the element of `forEach`, or with `at` the node there and the parts of the element that `validate` reads; of a rule
//! over the object the parts that `validate` reads. So a value cannot be exchanged for another bad one, and a fault beside
//! it can be fixed, or a label set, without making the finding a new one.

use std::collections::BTreeSet;

use crate::cel::reads::{self, Part, Read};
use crate::cel::value::Value;
use crate::document::NodeRef;
use crate::document::path::{Path, Step};
use crate::finding::Digest;
use crate::policy::Base;
use crate::resource::digest::{combine, digest};
use crate::resource::merge::{field_of, item_key};

use super::subject::PolicyContext;
use super::values::text;
use super::{Policy, Validate};

/// What a rule judges; made when it finds something first.
pub(crate) struct Judged<'p> {
    reads: &'p reads::Reads,
    /// Of the parts outside of the element.
    outer: Option<Digest>,
}

impl<'p> Judged<'p> {
    pub(crate) fn new(policy: &Policy, rule: &'p Validate, subject: &PolicyContext<'_>) -> Self {
        let reads = rule.reads(policy);
        let outer = match reads {
            None => Some(digest(subject.object)),
            Some(reads) => {
                let parts: Vec<Digest> = reads
                    .iter()
                    .filter(|read| !is_of_element(read))
                    .map(|read| {
                        let nodes = roots(read.root.name(), subject);
                        let each = nodes.into_iter().map(|node| project(node, &read.parts));
                        combine(each.collect::<Vec<_>>().iter().map(|digest| &digest.bytes()[..]))
                    })
                    .collect();
                (!parts.is_empty()).then(|| combine(parts.iter().map(|digest| &digest.bytes()[..])))
            }
        };
        Self { reads, outer }
    }

    /// The digest of what was judged; `None` where that is nothing of the object, as in a rule about who asks.
    pub(crate) fn digest(
        &self,
        rule: &Validate,
        base: NodeRef<'_>,
        element: Option<Element<'_, '_>>,
    ) -> Option<Digest> {
        let mut parts: Vec<Vec<u8>> = self.outer.iter().map(|outer| outer.bytes().to_vec()).collect();
        let nothing = BTreeSet::new();
        let reads = self.reads.as_ref().unwrap_or(&nothing);
        if let Some(element) = &element {
            parts.push(element.name().into_bytes());
            let inner: Vec<&Read> = reads.iter().filter(|read| read.root.name() == "item").collect();
            match element.item.node() {
                // where `at` names no part of it, the element was judged as a whole: a grant of every verb on one resource
                // is not the same on another
                Some(node) if !inner.is_empty() && rule.at.is_some() => {
                    parts.extend(inner.iter().map(|read| project(Some(node), &read.parts).bytes().to_vec()));
                }
                Some(node) => parts.push(digest(node).bytes().to_vec()),
                None => parts.push(text(element.item).into_bytes()),
            }
        }
        let root = match (&element, rule.visit.on) {
            (Some(_), _) => "item",
            (None, Base::Object) => "object",
            (None, Base::PodSpec) => "podSpec",
            (None, Base::PodMetadata) => "podMetadata",
        };
        if let Some(path) = &rule.at
            && let Some(node) = exactly(base, path)
            && !reads.iter().any(|read| read.root.name() == root && meets(&read.parts, path))
        {
            parts.push(digest(node).bytes().to_vec());
        }
        (!parts.is_empty()).then(|| combine(parts.iter().map(Vec::as_slice)))
    }
}

/// What `forEach` shows.
pub(crate) struct Element<'v, 'd> {
    pub(crate) item: &'v Value<'d>,
    pub(crate) key: &'v Value<'d>,
}

impl Element<'_, '_> {
    /// What tells it from the others: its merge key, of a map's entry the key.
    fn name(&self) -> String {
        let of_node = || {
            let node = self.item.node()?;
            let list = node.parent().filter(|list| list.is_array())?;
            item_key(field_of(list), node).map(std::borrow::Cow::into_owned)
        };
        self.key.as_str().map(str::to_owned).or_else(of_node).unwrap_or_default()
    }
}

fn is_of_element(read: &Read) -> bool {
    matches!(read.root.name(), "item" | "key")
}

fn roots<'r>(root: &str, subject: &PolicyContext<'r>) -> Vec<Option<NodeRef<'r>>> {
    match root {
        "podSpec" => vec![subject.pods.map(|pods| pods.spec)],
        "podMetadata" => vec![subject.pods.and_then(|pods| pods.metadata)],
        // the lists of containers, so that each container goes by its name
        "allContainers" => ["containers", "initContainers", "ephemeralContainers"]
            .map(|list| subject.pods.and_then(|pods| pods.spec.get(list)))
            .to_vec(),
        _ => vec![Some(subject.object)],
    }
}

/// The digest of what stands at the end of a way: as deep as the way is long, whatever the object is like.
fn project(node: Option<NodeRef<'_>>, parts: &[Part]) -> Digest {
    let Some(node) = node.filter(|node| !node.is_null()) else { return combine([&b"absent"[..]]) };
    let Some((part, rest)) = parts.split_first() else { return digest(node) };
    let wanted = node.is_object() || node.is_array();
    match part {
        Part::Key(key) | Part::In(key) if node.is_object() => project(node.get(key), rest),
        Part::Shape | Part::Kind if node.is_object() => {
            let mut keys: Vec<&str> = node.members().map(|(key, _)| key).collect();
            keys.sort_unstable();
            combine(keys.into_iter().map(str::as_bytes))
        }
        Part::Shape | Part::Kind if node.is_array() => combine([&node.len().to_be_bytes()[..]]),
        Part::Each if wanted => {
            let field = field_of(node);
            let mut keyed = node.is_array();
            let mut children: Vec<(String, Digest)> = Vec::with_capacity(node.len());
            for child in node.children() {
                let key = child.key().map(Into::into).or_else(|| item_key(field, child));
                keyed &= key.is_some();
                children.push((key.unwrap_or_default().into_owned(), project(Some(child), rest)));
            }
            if keyed || node.is_object() {
                children.sort();
            }
            combine(children.iter().flat_map(|(key, digest)| [key.as_bytes(), &digest.bytes()[..]]))
        }
        _ => digest(node),
    }
}

fn exactly<'d>(base: NodeRef<'d>, path: &Path) -> Option<NodeRef<'d>> {
    path.steps().iter().try_fold(base, |node, step| match step {
        Step::Key(key) => node.get(key),
        Step::Index(index) => node.item(*index),
    })
}

/// Whether a way and a path lead one through the other.
fn meets(parts: &[Part], path: &Path) -> bool {
    parts.iter().zip(path.steps()).all(|pair| match pair {
        (Part::Key(a) | Part::In(a), Step::Key(b)) => a == b,
        (Part::Each | Part::Shape | Part::Kind, _) => true,
        (Part::Key(_) | Part::In(_), Step::Index(_)) => false,
    })
}
