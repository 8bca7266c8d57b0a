//! Which node a comment is about, and whether a finding is below it.

use std::collections::HashMap;

use crate::document::{Document, NodeId, NodeRef, Span};
use crate::finding::Finding;
use crate::manifest::FileId;

/// A node with all below it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Which document of the file.
    pub(super) document: u32,
    pub(super) node: NodeId,
    /// From its key to its end.
    pub(super) start: u32,
    pub(super) end: u32,
}

/// The members and items of a document, by where they begin.
pub(super) struct Entries<'d> {
    root: NodeRef<'d>,
    entries: Vec<(u32, NodeId)>,
}

impl<'d> Entries<'d> {
    pub(super) fn of(document: &'d Document<'_>) -> Self {
        let entry = |node: NodeRef<'_>| Some((begin(node)?.start, node.id()));
        // the root is no entry of anything
        let mut entries: Vec<_> = document.nodes().skip(1).filter_map(entry).collect();
        // of those that begin at one place the outermost comes first, and a copy after what it is made of
        entries.sort_unstable();
        Self { root: document.root(), entries }
    }

    /// What follows a byte of the file: of all that begins next, the outermost. What the document begins with stands for the
    /// document.
    pub(super) fn after(&self, at: u32, document: u32) -> Option<Extent> {
        let next = self.entries.partition_point(|(start, _)| *start < at);
        let (start, id) = *self.entries.get(next)?;
        let node = if next == 0 { self.root } else { self.root.document().node(id) };
        let end = node.span().map_or(start, |span| span.end);
        Some(Extent { document, node: node.id(), start, end: end.max(start) })
    }

    /// Where the first of them begins.
    pub(super) fn first(&self) -> Option<u32> {
        self.entries.first().map(|(start, _)| *start)
    }
}

/// Where an entry begins: a member at its key.
pub(super) fn begin(node: NodeRef<'_>) -> Option<Span> {
    node.key_span().or_else(|| node.span())
}

/// The waivers of one file over nodes, found by node or by place.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    by_node: HashMap<(u32, NodeId), Vec<usize>>,
    /// By their beginning; with the index of the one around each.
    ranges: Vec<(u32, u32, usize, Option<usize>)>,
}

impl Nodes {
    /// `waivers` are indexes of waivers, and what each covers.
    pub(super) fn new(waivers: impl Iterator<Item = (usize, Extent)>) -> Self {
        let mut nodes = Self::default();
        for (index, Extent { document, node, start, end }) in waivers {
            nodes.by_node.entry((document, node)).or_default().push(index);
            nodes.ranges.push((start, end, index, None));
        }
        nodes.ranges.sort_unstable_by_key(|(start, end, index, _)| (*start, std::cmp::Reverse(*end), *index));
        let mut open: Vec<usize> = Vec::new();
        for at in 0..nodes.ranges.len() {
            let (start, ..) = nodes.ranges[at];
            while open.last().is_some_and(|last| nodes.ranges[*last].1 <= start) {
                open.pop();
            }
            nodes.ranges[at].3 = open.last().copied();
            open.push(at);
        }
        nodes
    }

    /// The waivers that cover a finding on this object.
    pub(super) fn covering(
        &self,
        document: u32,
        object: NodeRef<'_>,
        finding: &Finding,
        found: &mut Vec<usize>,
    ) {
        if self.ranges.is_empty() {
            return;
        }
        let mut at = node_of(object, finding);
        while let Some(node) = at {
            found.extend(self.by_node.get(&(document, node.id())).into_iter().flatten());
            at = node.parent();
        }
        let Some(Span { start, .. }) = finding.place.span else { return };
        let mut range = self.ranges.partition_point(|(from, ..)| *from <= start).checked_sub(1);
        while let Some(at) = range {
            let (_, end, waiver, around) = self.ranges[at];
            if start < end {
                found.push(waiver);
            }
            range = around;
        }
    }
}

/// The node of the text that a finding is at, or the nearest around it; `None` where the object is no longer as it was
/// written, so that pointers lead elsewhere.
pub(super) fn node_of<'d>(object: NodeRef<'d>, finding: &Finding) -> Option<NodeRef<'d>> {
    let mut pointer = finding.place.pointer.as_str();
    let node = loop {
        if let Some(node) = object.at(pointer) {
            break node;
        }
        pointer = pointer.rsplit_once('/')?.0;
    };
    let written = std::iter::successors(Some(node), |node| node.parent()).find_map(NodeRef::span);
    (written == finding.place.span).then_some(node)
}

/// The waivers of a file.
#[derive(Debug, Default)]
pub(super) struct OfFile {
    pub(super) lines: HashMap<u32, Vec<usize>>,
    pub(super) nodes: Nodes,
    pub(super) whole: Vec<usize>,
}

/// Waivers by file.
pub(super) type ByFile = HashMap<FileId, OfFile>;
