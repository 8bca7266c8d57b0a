//! The document tree: one node type for JSON and YAML, borrowing the text it was read from.
//!
//! A [`Document`] is a tape of nodes in the order of the text: a container is followed by its whole
//! subtree, and knows where that ends. Building it is one push per value, walking it touches memory in
//! order, dropping it frees two vectors, and nothing here recurses on input. Strings are byte ranges of
//! the text (or of a side buffer, where an escape or an alias made new text), so a node costs 24 bytes.
//!
//! ```text
//! {"spec": {"replicas": 3}, "kind": "X"}
//!   0 object ──────────────────────────▶ end 4
//!   1   spec: object ─────▶ end 3
//!   2     replicas: 3
//!   3   kind: "X"
//! ```
//!
//! Numbers are what Kubernetes makes of JSON: integers that fit are `i64`, all others `f64`.
//! A node knows its parent, so it can always say where it is: [`NodeRef::pointer`], [`NodeRef::path`],
//! and [`NodeRef::span`] when the text is at hand.

mod build;
mod compare;
mod decode;
pub mod edit;
pub mod few;
mod json;
mod json_span;
mod node;
pub mod path;
mod places;
mod rare;
mod room;
mod stored;
mod tape;
pub mod varint;
mod write;

pub use build::{Builder, LimitError, Limits};
pub use decode::DecodeError;
pub use json::JsonError;
pub use node::{Children, Items, Kind, Members, NodeRef, Scalar};
pub use write::{render_path, write_pointer_token};

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use places::Places;
use rare::Rare;
use tape::{HAS_KEY, MOST_NODES, Node, SHADOWED, UNKNOWN};

/// The position of a node in its document's tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// The outermost value.
    pub const ROOT: Self = Self(0);

    /// The index as a number, for tables beside the document.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A range of bytes of the text that a document was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// Stands in the tables of a document where a node has no place in the text.
    pub(crate) const NONE: Self = Self { start: u32::MAX, end: u32::MAX };

    pub(crate) fn known(self) -> Option<Self> {
        (self != Self::NONE).then_some(self)
    }
}

/// A string of a document: a range of the source text, or of the side buffer (top bit set).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Text {
    start: u32,
    len: u32,
}

/// Marks a [`Text`] in the side buffer; also the size limit of both buffers.
const OWNED: u32 = 1 << 31;

impl Text {
    fn pack(self) -> u64 {
        (u64::from(self.start) << 32) | u64::from(self.len)
    }

    fn unpack(bits: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the two halves are meant")]
        Self { start: (bits >> 32) as u32, len: bits as u32 }
    }
}

/// The text under a document.
#[derive(Debug, Clone)]
pub(crate) enum Source<'a> {
    Borrowed(&'a str),
    Shared(Arc<str>),
}

impl Source<'_> {
    fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

/// Which nodes were made after the text was read, and by whom. Subtrees are contiguous, so ranges do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins {
    /// First node of a range, one past its last, label; by the first node, and none overlaps another.
    ranges: Rare<(u32, u32, Arc<str>)>,
}

impl Origins {
    /// Who made the nodes of a range, whoever made a part of them before. Mostly it is behind all others, and often goes on
    /// where the last of them ends.
    fn put(&mut self, from: u32, to: u32, label: &Arc<str>) {
        let first = match self.ranges.last_mut() {
            Some(last) if last.0 >= from => self.ranges.partition_point(|range| range.0 < from),
            Some(last) if last.1 >= from && Arc::ptr_eq(&last.2, label) => {
                last.1 = last.1.max(to);
                return;
            }
            _ => return self.ranges.list().push((from, to, Arc::clone(label))),
        };
        let inside = self.ranges[first..].partition_point(|range| range.0 < to);
        self.ranges.list().splice(first..first + inside, [(from, to, Arc::clone(label))]);
    }

    /// The ranges that have a part in this one.
    fn within(&self, from: u32, to: u32) -> &[(u32, u32, Arc<str>)] {
        let first = self.ranges.partition_point(|range| range.1 <= from);
        let some = &self.ranges[first..];
        &some[..some.partition_point(|range| range.0 < to)]
    }
}

/// A JSON or YAML value with everything below it.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    source: Source<'a>,
    owned: String,
    nodes: Vec<Node>,
    /// Of every node, or empty when the reader gave no places.
    places: Places,
    origins: Origins,
    /// Whether the text is JSON of this document, and nothing else.
    is_its_text: bool,
    /// Children of containers too wide to search from the front, made at the first such look-up. Few documents have any.
    #[expect(clippy::box_collection, reason = "most are empty, and take a third of the room then")]
    wide: OnceLock<Box<HashMap<u32, Vec<u32>>>>,
}

/// Moves items to where there is room for them alone. An allocator that takes back the end of a block leaves a hole there, too
/// small for most, before whatever came behind it; after thousands of documents, what is allocated later lies in such holes
/// all over the memory. Gives what they were in.
fn exact<T: Clone>(items: &mut Vec<T>) -> Option<Vec<T>> {
    (items.capacity() > items.len()).then(|| {
        let exact = items.as_slice().to_vec();
        std::mem::replace(items, exact)
    })
}

/// Containers with more children than this are looked up through an index.
const WIDE: u64 = 24;

impl<'a> Document<'a> {
    /// Gives back the room that was left for more, where a document is kept for long.
    #[must_use]
    pub fn shrunk(mut self) -> Self {
        if self.owned.capacity() > self.owned.len() {
            self.owned = self.owned.as_str().to_owned();
        }
        if let Some(before) = exact(&mut self.nodes) {
            room::leave_nodes(before);
        }
        self.places.shrink();
        self.origins.ranges.shrink();
        self
    }

    /// Leaves its room to the next document of this thread. Who drops one of many is quicker this way; nothing else comes of it.
    pub fn give_up(self) {
        let Self { nodes, places, .. } = self;
        room::leave(nodes, places);
    }

    /// The outermost value.
    #[must_use]
    pub fn root(&self) -> NodeRef<'_> {
        NodeRef { doc: self, id: 0 }
    }

    /// The node with this id.
    ///
    /// # Panics
    /// When the id is not of this document.
    #[must_use]
    pub fn node(&self, id: NodeId) -> NodeRef<'_> {
        assert!(id.index() < self.nodes.len(), "a node of another document");
        NodeRef { doc: self, id: id.0 }
    }

    /// Every node, in the order of the text, shadowed ones included.
    pub fn nodes(&self) -> impl Iterator<Item = NodeRef<'_>> {
        (0..self.nodes.len()).map(|id| NodeRef { doc: self, id: u32::try_from(id).expect("counted in u32") })
    }

    /// Marks the strings that stand for something that is not known: a reader of theirs shall not take them for it.
    pub fn mark_unknown(&mut self, stands_for_another: impl Fn(&str, NodeRef<'_>) -> bool) {
        let marked: Vec<usize> = self
            .nodes()
            .filter(|node| node.as_str().is_some_and(|text| stands_for_another(text, *node)))
            .map(|node| node.id().index())
            .collect();
        self.is_its_text &= marked.is_empty();
        for at in marked {
            self.nodes[at].set(UNKNOWN);
        }
    }

    /// How many nodes there are, the root included.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The text that spans refer to: the whole file, where the document is one of several in it.
    #[must_use]
    pub fn source_text(&self) -> &str {
        self.source.as_str()
    }

    /// The text, where it says all that there is to say of the document: JSON that was read as one value, of which nothing was
    /// [marked](Self::mark_unknown) since. Of a document that was edited there is none.
    #[must_use]
    pub fn json_text(&self) -> Option<&str> {
        self.is_its_text.then(|| self.source.as_str())
    }

    /// An empty document (`null`), for requests without an object.
    #[must_use]
    pub fn null() -> Document<'static> {
        let mut builder = Builder::new("", Limits::default());
        builder.null().expect("one node is within every limit");
        builder.finish()
    }

    fn text(&self, text: Text) -> &str {
        let (buffer, start) = if text.start & OWNED == 0 {
            (self.source.as_str(), text.start as usize)
        } else {
            (self.owned.as_str(), (text.start & !OWNED) as usize)
        };
        &buffer[start..start + text.len as usize]
    }

    /// The children of a wide container: by key where it is an object, in order where it is an array.
    fn wide(&self, id: u32) -> Option<&[u32]> {
        let wide = self.wide.get_or_init(|| {
            let mut wide = HashMap::new();
            for (at, node) in self.nodes.iter().enumerate() {
                if !node.is_container() || node.payload <= WIDE {
                    continue;
                }
                let at = u32::try_from(at).expect("the tape is counted in u32");
                let mut children: Vec<u32> =
                    Children::raw(self, at).filter(|c| !self.nodes[*c as usize].is(SHADOWED)).collect();
                if node.kind() == Kind::Object {
                    children.sort_by_key(|c| self.text(self.nodes[*c as usize].key));
                }
                wide.insert(at, children);
            }
            Box::new(wide)
        });
        wide.get(&id).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
