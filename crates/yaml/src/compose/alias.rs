//! What an alias and a merge key (`<<`) stand for: the copy of a node, the members of a mapping, or events that are read again.

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

use granit_parser::{Event, StructureStyle};

use super::{ComposeError, Composer, Shape};
use crate::scalar::Written;
use document::{Kind, NodeId};

/// Aliases may make a document this many times as large as it was written …
const EXPANSION_FACTOR: usize = 10;
/// … and this many nodes larger on top.
pub(super) const EXPANSION_FREE: usize = 10_000;

/// What an alias stands for.
#[derive(Debug, Clone)]
pub(super) enum Anchor<'p> {
    Unknown,
    /// The value is still being read.
    Open,
    Node(NodeId),
    Scalar(Written, Cow<'p, str>, Range<usize>),
    /// Inside of what a merge key merges, where no node is made.
    Events(Rc<Vec<Located<'p>>>, Range<usize>),
}

/// An event, and its place in the file.
#[derive(Debug, Clone)]
pub(super) struct Located<'p> {
    pub(super) event: Event<'p>,
    pub(super) span: Range<usize>,
}

/// Events to be read before those of the parser.
#[derive(Debug)]
pub(super) struct Replay<'p> {
    events: Rc<Vec<Located<'p>>>,
    /// What is left to be read.
    range: Range<usize>,
    /// Whether the first node is the value of a merge key.
    merge: bool,
}

impl<'p> Composer<'_, '_, 'p> {
    /// The next of the events that are read again.
    pub(super) fn replayed(&mut self) -> Option<Located<'p>> {
        while let Some(replay) = self.replay.last_mut() {
            if let Some(at) = replay.range.next() {
                self.merge |= std::mem::take(&mut replay.merge);
                let mut located = replay.events[at].clone();
                forget_anchor(&mut located.event);
                return Some(located);
            }
            self.replay.pop();
        }
        None
    }

    pub(super) fn alias(&mut self, id: usize, span: Range<usize>) -> Result<(), ComposeError> {
        self.last_end = self.last_end.max(span.end);
        let anchor = self.anchors.get(id).cloned().unwrap_or(Anchor::Unknown);
        let merge = std::mem::take(&mut self.merge);
        match anchor {
            Anchor::Unknown => Err(ComposeError::UnknownAnchor),
            Anchor::Open => Err(ComposeError::SelfReference),
            Anchor::Node(node) if merge => self.merge_node(node),
            Anchor::Node(_) if self.key_next() => Err(ComposeError::Key),
            Anchor::Node(node) => {
                let copy = self.copy(node)?;
                self.pushed(copy);
                self.complete();
                Ok(())
            }
            Anchor::Scalar(..) if merge => Err(ComposeError::Merge),
            Anchor::Scalar(written, text, at) => {
                self.expand(1)?;
                let before = self.builder.node_count();
                let remarks = self.remarks.len();
                self.value(written, &text, at)?;
                // What is odd about it is said where it is written.
                self.remarks.truncate(remarks);
                self.key_remark = None;
                if self.builder.node_count() > before {
                    self.implied.copies.push(before..before + 1);
                }
                Ok(())
            }
            Anchor::Events(events, range) => {
                let mapping = matches!(events[range.start].event, Event::MappingStart(..));
                if merge && !mapping {
                    return Err(ComposeError::Merge);
                }
                self.expand(range.len())?;
                self.replay.push(Replay { events, range, merge });
                Ok(())
            }
        }
    }

    /// Copies a value that an alias stands for.
    fn copy(&mut self, node: NodeId) -> Result<NodeId, ComposeError> {
        let len = self.builder.subtree_len(node);
        self.expand(len)?;
        let copy = self.builder.copy_subtree(node)?;
        self.implied.copies.push(copy.index()..copy.index() + len);
        Ok(copy)
    }

    /// The members of a mapping into the one around, as if they were written here.
    fn merge_node(&mut self, node: NodeId) -> Result<(), ComposeError> {
        if self.builder.kind_of(node) != Kind::Object {
            return Err(ComposeError::Merge);
        }
        for member in self.builder.children_of(node) {
            self.builder.same_key(member);
            self.copy(member)?;
        }
        Ok(())
    }

    /// Keeps the events of what a merge key merges, where they cannot be read in order: of a list the
    /// first mapping wins, so it has to come last, and an anchor has no node here to stand for.
    pub(super) fn merge_later(
        &mut self,
        shape: Shape,
        flow: bool,
        anchor: usize,
        span: Range<usize>,
    ) -> Result<(), ComposeError> {
        let style = if flow { StructureStyle::Flow } else { StructureStyle::Block };
        let first = match shape {
            Shape::Sequence => Event::SequenceStart(style, anchor, None),
            _ => Event::MappingStart(style, anchor, None),
        };
        let events = Rc::new(self.collect(Located { event: first, span })?);
        let extents = extents(&events);
        for (located, extent) in events.iter().zip(&extents) {
            let id = match &located.event {
                Event::Scalar(_, _, id, _)
                | Event::MappingStart(_, id, _)
                | Event::SequenceStart(_, id, _) => *id,
                _ => 0,
            };
            if id != 0 {
                self.set_anchor(id, Anchor::Events(Rc::clone(&events), extent.clone()));
            }
        }
        if shape == Shape::Mapping {
            let range = 0..events.len();
            self.replay.push(Replay { events, range, merge: true });
            return Ok(());
        }
        let mut at = 1;
        while at + 1 < events.len() {
            let range = extents[at].clone();
            if !matches!(events[at].event, Event::MappingStart(..) | Event::Alias(_)) {
                return Err(ComposeError::Merge);
            }
            at = range.end;
            // The last item goes on top, so it is read first.
            self.replay.push(Replay { events: Rc::clone(&events), range, merge: true });
        }
        Ok(())
    }

    /// The events of a collection that has just begun. Counted as expansion: they are read twice.
    fn collect(&mut self, first: Located<'p>) -> Result<Vec<Located<'p>>, ComposeError> {
        let mut events = vec![first];
        let mut depth = 1;
        while depth > 0 {
            let located = match self.next() {
                Ok(Some(located)) => located,
                Ok(None) => return Err(ComposeError::Merge),
                Err(stop) => return Err(stop.refusal.error),
            };
            match located.event {
                Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
                Event::MappingEnd | Event::SequenceEnd => {
                    depth -= 1;
                    self.last_end = self.last_end.max(located.span.start);
                }
                _ => self.last_end = self.last_end.max(located.span.end),
            }
            self.expand(1)?;
            if !matches!(located.event, Event::Anchor(..)) {
                events.push(located);
            }
        }
        Ok(events)
    }

    fn expand(&mut self, nodes: usize) -> Result<(), ComposeError> {
        self.expanded += nodes;
        let limit = EXPANSION_FACTOR * self.parsed + EXPANSION_FREE;
        if self.expanded > limit { Err(ComposeError::Aliasing { limit }) } else { Ok(()) }
    }

    pub(super) fn set_anchor(&mut self, id: usize, anchor: Anchor<'p>) {
        if self.anchors.len() <= id {
            self.anchors.resize(id + 1, Anchor::Unknown);
        }
        self.anchors[id] = anchor;
    }
}

/// The extent of the node that begins at each event.
fn extents(events: &[Located<'_>]) -> Vec<Range<usize>> {
    let mut extents: Vec<Range<usize>> = (0..events.len()).map(|at| at..at + 1).collect();
    let mut open = Vec::new();
    for (at, located) in events.iter().enumerate() {
        match located.event {
            Event::MappingStart(..) | Event::SequenceStart(..) => open.push(at),
            Event::MappingEnd | Event::SequenceEnd => {
                if let Some(start) = open.pop() {
                    extents[start].end = at + 1;
                }
            }
            _ => {}
        }
    }
    extents
}

fn forget_anchor(event: &mut Event<'_>) {
    if let Event::Scalar(_, _, id, _) | Event::MappingStart(_, id, _) | Event::SequenceStart(_, id, _) = event
    {
        *id = 0;
    }
}
