//! The form in which a document is changed: nodes in slots, opened one level at a time.

use std::collections::HashMap;
use std::sync::Arc;

use super::{EditError, Literal};
use crate::path::{Pointer, index};
use crate::{Builder, Document, Kind, LimitError, Limits, NodeId, NodeRef, Span};

/// Objects with more members than this are looked up through an index.
const WIDE: usize = 24;

#[derive(Debug)]
pub(super) struct Tree<'d> {
    slots: Vec<Slot<'d>>,
    root: u32,
    /// Nodes the tree may hold by now, and how many it may have; what was removed is not given back.
    nodes: usize,
    limit: usize,
}

/// A value of the document under edit.
#[derive(Debug)]
enum Slot<'d> {
    /// As it was, with everything below it.
    Kept(NodeRef<'d>),
    /// Brought by an operation, with everything below it.
    New(Value<'d>, Maker),
    Object(Members<'d>),
    Array(Vec<u32>, Made<'d>),
}

/// What a new value is a copy of.
#[derive(Debug, Clone)]
enum Value<'d> {
    Base(NodeRef<'d>),
    Literal(Literal, NodeId),
}

/// Where an opened container comes from.
#[derive(Debug, Clone)]
enum Made<'d> {
    Kept(NodeRef<'d>),
    New(Maker),
}

/// Who made a value, and where in the text the scalar stands that it replaced.
#[derive(Debug, Clone)]
struct Maker {
    label: Arc<str>,
    place: Option<Span>,
}

impl Maker {
    fn of(label: &Arc<str>) -> Self {
        Self { label: Arc::clone(label), place: None }
    }
}

#[derive(Debug)]
struct Members<'d> {
    /// In order; `None` where one was removed.
    list: Vec<Option<Member<'d>>>,
    live: usize,
    index: Option<HashMap<String, usize>>,
    made: Made<'d>,
}

#[derive(Debug)]
struct Member<'d> {
    key: Key<'d>,
    slot: u32,
}

#[derive(Debug)]
enum Key<'d> {
    /// That of a node of the base, with its place.
    Kept(NodeRef<'d>),
    New(String),
}

/// A value taken from its parent, and where it was.
#[derive(Debug)]
pub(super) struct Detached<'d> {
    slot: u32,
    parent: u32,
    position: usize,
    key: Option<Key<'d>>,
}

impl<'d> Value<'d> {
    fn node(&self) -> NodeRef<'_> {
        match self {
            Self::Base(node) => *node,
            Self::Literal(document, id) => document.node(*id),
        }
    }

    /// Another node of the same document.
    fn other(&self, id: NodeId) -> Self {
        match self {
            Self::Base(node) => Self::Base(node.document().node(id)),
            Self::Literal(document, _) => Self::Literal(Arc::clone(document), id),
        }
    }
}

impl Key<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Kept(node) => node.key().unwrap_or_default(),
            Self::New(text) => text,
        }
    }
}

impl Members<'_> {
    fn position(&mut self, key: &str) -> Option<usize> {
        if self.index.is_none() && self.list.len() > WIDE {
            let keys = self.list.iter().enumerate();
            self.index =
                Some(keys.filter_map(|(i, m)| m.as_ref().map(|m| (m.key.text().to_owned(), i))).collect());
        }
        match &self.index {
            Some(index) => index.get(key).copied(),
            None => self.list.iter().position(|m| m.as_ref().is_some_and(|m| m.key.text() == key)),
        }
    }
}

impl<'d> Tree<'d> {
    pub(super) fn new(root: NodeRef<'d>, limit: usize) -> Self {
        let nodes = root.document().node_count();
        Self { slots: vec![Slot::Kept(root)], root: 0, nodes, limit }
    }

    fn push(&mut self, slot: Slot<'d>) -> u32 {
        self.slots.push(slot);
        u32::try_from(self.slots.len() - 1).expect("bounded by the limit on nodes, which is below 2^31")
    }

    fn grow(&mut self, nodes: usize) -> Result<(), LimitError> {
        let limit = self.limit.min(1 << 30);
        match self.nodes.checked_add(nodes).filter(|n| *n <= limit) {
            Some(nodes) => {
                self.nodes = nodes;
                Ok(())
            }
            None => Err(LimitError::Nodes { limit: self.limit }),
        }
    }

    /// How many values there are at most.
    pub(super) fn nodes(&self) -> usize {
        self.nodes
    }

    /// A new value, not yet anywhere.
    pub(super) fn literal(&mut self, value: &Literal, label: &Arc<str>) -> Result<u32, LimitError> {
        self.grow(value.node_count())?;
        Ok(self.push(Slot::New(Value::Literal(Arc::clone(value), NodeId::ROOT), Maker::of(label))))
    }

    /// Puts a new value in the place of one that is there.
    pub(super) fn put_literal(
        &mut self,
        target: u32,
        value: &Literal,
        label: &Arc<str>,
    ) -> Result<(), LimitError> {
        self.grow(value.node_count())?;
        let value = Value::Literal(Arc::clone(value), NodeId::ROOT);
        let place = self.place(target);
        self.slots[target as usize] = Slot::New(value, Maker { place, ..Maker::of(label) });
        Ok(())
    }

    /// Where the scalar stands that a slot is, or that was there before.
    fn place(&self, slot: u32) -> Option<Span> {
        match &self.slots[slot as usize] {
            Slot::Kept(node) => node.scalar().and(node.span()),
            Slot::New(_, maker) | Slot::Object(Members { made: Made::New(maker), .. }) => maker.place,
            Slot::Array(_, Made::New(maker)) => maker.place,
            Slot::Object(_) | Slot::Array(..) => None,
        }
    }

    pub(super) fn kind(&self, slot: u32) -> Kind {
        match &self.slots[slot as usize] {
            Slot::Kept(node) => node.kind(),
            Slot::New(value, _) => value.node().kind(),
            Slot::Object(_) => Kind::Object,
            Slot::Array(..) => Kind::Array,
        }
    }

    /// Makes the children of a container slots of their own.
    fn open(&mut self, slot: u32) {
        let (value, maker) = match &self.slots[slot as usize] {
            Slot::Kept(node) => (Value::Base(*node), None),
            Slot::New(value, maker) => (value.clone(), Some(maker.clone())),
            Slot::Object(_) | Slot::Array(..) => return,
        };
        let node = value.node();
        let children: Vec<NodeId> = node.children().map(NodeRef::id).collect();
        let made = match (&value, &maker) {
            (Value::Base(node), None) => Made::Kept(*node),
            (_, Some(maker)) => Made::New(maker.clone()),
            (Value::Literal(..), None) => return,
        };
        let child = |tree: &mut Self, id| {
            let value = value.other(id);
            tree.push(match (value, &maker) {
                (Value::Base(node), None) => Slot::Kept(node),
                (value, Some(maker)) => Slot::New(value, Maker::of(&maker.label)),
                (Value::Literal(..), None) => unreachable!("what is kept is of the base"),
            })
        };
        let opened = match node.kind() {
            Kind::Object => {
                let mut list = Vec::with_capacity(children.len());
                for id in children {
                    let key = match (value.other(id), &maker) {
                        (Value::Base(node), None) => Key::Kept(node),
                        (value, _) => Key::New(value.node().key().unwrap_or_default().to_owned()),
                    };
                    list.push(Some(Member { key, slot: child(self, id) }));
                }
                Slot::Object(Members { live: list.len(), list, index: None, made })
            }
            Kind::Array => Slot::Array(children.into_iter().map(|id| child(self, id)).collect(), made),
            _ => return,
        };
        self.slots[slot as usize] = opened;
    }

    /// The member of that name, if the slot is an object that has it.
    pub(super) fn member(&mut self, slot: u32, key: &str) -> Option<u32> {
        self.open(slot);
        let Slot::Object(members) = &mut self.slots[slot as usize] else { return None };
        let position = members.position(key)?;
        members.list[position].as_ref().map(|m| m.slot)
    }

    /// The item at an index, or how many the array has.
    pub(super) fn item(&mut self, slot: u32, index: usize) -> Result<u32, usize> {
        self.open(slot);
        let Slot::Array(items, _) = &self.slots[slot as usize] else { return Err(0) };
        items.get(index).copied().ok_or(items.len())
    }

    /// The slot at a pointer.
    pub(super) fn resolve(&mut self, pointer: &Pointer) -> Result<u32, EditError> {
        self.walk(pointer.tokens(), pointer.tokens().len())
    }

    /// The slot at the first tokens of a pointer.
    fn walk(&mut self, tokens: &[String], count: usize) -> Result<u32, EditError> {
        let mut slot = self.root;
        for done in 0..count {
            let at = |n: usize| Pointer::of_tokens(&tokens[..n]).to_string();
            slot = match self.kind(slot) {
                Kind::Object => {
                    self.member(slot, &tokens[done]).ok_or_else(|| EditError::Missing { at: at(done + 1) })?
                }
                Kind::Array => {
                    let token = &tokens[done];
                    let index = index(token)
                        .ok_or_else(|| EditError::Index { at: at(done), token: token.clone() })?;
                    self.item(slot, index).map_err(|len| EditError::OutOfBounds {
                        at: at(done),
                        index,
                        len,
                    })?
                }
                kind => return Err(EditError::Scalar { at: at(done), kind }),
            };
        }
        Ok(slot)
    }

    /// Puts a value that is nowhere yet at a pointer.
    pub(super) fn add(&mut self, pointer: &Pointer, slot: u32) -> Result<(), EditError> {
        let tokens = pointer.tokens();
        let Some((last, above)) = tokens.split_last() else {
            self.root = slot;
            return Ok(());
        };
        let parent = self.walk(tokens, above.len())?;
        let at = || Pointer::of_tokens(above).to_string();
        self.open(parent);
        match &mut self.slots[parent as usize] {
            Slot::Object(members) => {
                match members.position(last) {
                    Some(position) => {
                        let member = members.list[position].as_mut();
                        let member = member.expect("a position is that of a member");
                        let replaced = std::mem::replace(&mut member.slot, slot);
                        let place = self.place(replaced);
                        if let Slot::New(_, maker) = &mut self.slots[slot as usize] {
                            maker.place = place;
                        }
                    }
                    None => {
                        if let Some(index) = &mut members.index {
                            index.insert(last.clone(), members.list.len());
                        }
                        members.list.push(Some(Member { key: Key::New(last.clone()), slot }));
                        members.live += 1;
                    }
                }
                Ok(())
            }
            Slot::Array(items, _) => {
                let len = items.len();
                let index = if last == "-" { Some(len) } else { index(last) };
                let index = index.ok_or_else(|| EditError::Index { at: at(), token: last.clone() })?;
                if index > len {
                    return Err(EditError::OutOfBounds { at: at(), index, len });
                }
                items.insert(index, slot);
                Ok(())
            }
            Slot::Kept(_) | Slot::New(..) => Err(EditError::Scalar { at: at(), kind: self.kind(parent) }),
        }
    }

    /// Takes the value at a pointer from its parent.
    pub(super) fn detach(&mut self, pointer: &Pointer) -> Result<Detached<'d>, EditError> {
        let tokens = pointer.tokens();
        let Some((last, above)) = tokens.split_last() else { return Err(EditError::Root) };
        // names what is missing, too
        let slot = self.resolve(pointer)?;
        let parent = self.walk(tokens, above.len())?;
        let (position, key) = match &mut self.slots[parent as usize] {
            Slot::Object(members) => {
                let position = members.position(last).expect("resolved above");
                let member = members.list[position].take().expect("resolved above");
                members.live -= 1;
                if let Some(index) = &mut members.index {
                    index.remove(last);
                }
                (position, Some(member.key))
            }
            Slot::Array(items, _) => {
                let position = index(last).expect("resolved above");
                items.remove(position);
                (position, None)
            }
            Slot::Kept(_) | Slot::New(..) => unreachable!("resolved above"),
        };
        Ok(Detached { slot, parent, position, key })
    }

    /// Undoes [`detach`](Self::detach).
    fn attach(&mut self, detached: Detached<'d>) {
        let Detached { slot, parent, position, key } = detached;
        match (&mut self.slots[parent as usize], key) {
            (Slot::Object(members), Some(key)) => {
                if let Some(index) = &mut members.index {
                    index.insert(key.text().to_owned(), position);
                }
                members.list[position] = Some(Member { key, slot });
                members.live += 1;
            }
            (Slot::Array(items, _), _) => items.insert(position, slot),
            _ => unreachable!("it was a member or an item"),
        }
    }

    /// RFC 6902 `move`.
    pub(super) fn relocate(&mut self, from: &Pointer, path: &Pointer) -> Result<(), EditError> {
        if from != path && from.is_prefix_of(path) && !from.tokens().is_empty() {
            self.resolve(from)?;
            return Err(EditError::IntoItself { from: from.to_string(), path: path.to_string() });
        }
        if from == path && !from.tokens().is_empty() {
            return self.resolve(from).map(|_| ());
        }
        let detached = self.detach(from)?;
        let slot = detached.slot;
        let added = self.add(path, slot);
        if added.is_err() {
            self.attach(detached);
        }
        added
    }

    /// A copy of a value, not yet anywhere.
    pub(super) fn duplicate(&mut self, slot: u32, label: &Arc<str>) -> Result<u32, LimitError> {
        self.grow(self.size(slot))?;
        let hole = |tree: &mut Self| tree.push(Slot::Array(Vec::new(), Made::New(Maker::of(label))));
        let copy = hole(self);
        let mut open = vec![(slot, copy)];
        while let Some((from, to)) = open.pop() {
            let made = Made::New(Maker::of(label));
            let children: Vec<(Option<String>, u32)> = match &self.slots[from as usize] {
                Slot::Kept(node) => {
                    self.slots[to as usize] = Slot::New(Value::Base(*node), Maker::of(label));
                    continue;
                }
                Slot::New(value, _) => {
                    self.slots[to as usize] = Slot::New(value.clone(), Maker::of(label));
                    continue;
                }
                Slot::Object(members) => {
                    let live = members.list.iter().flatten();
                    live.map(|m| (Some(m.key.text().to_owned()), m.slot)).collect()
                }
                Slot::Array(items, _) => items.iter().map(|slot| (None, *slot)).collect(),
            };
            let is_object = matches!(self.slots[from as usize], Slot::Object(_));
            let (mut list, mut items) = (Vec::new(), Vec::new());
            for (key, child) in children {
                let slot = hole(self);
                open.push((child, slot));
                match key {
                    Some(key) => list.push(Some(Member { key: Key::New(key), slot })),
                    None => items.push(slot),
                }
            }
            self.slots[to as usize] = match is_object {
                true => Slot::Object(Members { live: list.len(), list, index: None, made }),
                false => Slot::Array(items, made),
            };
        }
        Ok(copy)
    }

    /// How many nodes a value is made of.
    fn size(&self, slot: u32) -> usize {
        let mut size = 0;
        let mut open = vec![slot];
        while let Some(slot) = open.pop() {
            size += match &self.slots[slot as usize] {
                Slot::Kept(node) => node.subtree_len(),
                Slot::New(value, _) => value.node().subtree_len(),
                Slot::Object(members) => {
                    open.extend(members.list.iter().flatten().map(|m| m.slot));
                    1
                }
                Slot::Array(items, _) => {
                    open.extend(items);
                    1
                }
            };
        }
        size
    }

    /// Whether a value is the same as one outside.
    pub(super) fn equals(&self, slot: u32, other: NodeRef<'_>) -> bool {
        let mut open = vec![(slot, other)];
        while let Some((slot, other)) = open.pop() {
            let same = match &self.slots[slot as usize] {
                Slot::Kept(node) => *node == other,
                Slot::New(value, _) => value.node() == other,
                Slot::Object(members) => {
                    let pairs = members.list.iter().flatten().map(|m| (m.slot, other.get(m.key.text())));
                    let mut same = other.is_object() && other.len() == members.live;
                    for (slot, other) in pairs.take_while(|_| other.is_object()) {
                        match other {
                            Some(other) => open.push((slot, other)),
                            None => same = false,
                        }
                    }
                    same
                }
                Slot::Array(items, _) => {
                    open.extend(items.iter().copied().zip(other.items()));
                    other.is_array() && other.len() == items.len()
                }
            };
            if !same {
                return false;
            }
        }
        true
    }

    /// Writes the new tape.
    pub(super) fn build<'a>(self, base: &Document<'a>, limits: Limits) -> Result<Document<'a>, LimitError> {
        let mut builder = Builder::of_version(base, limits);
        // containers begun, with how many of their children are written
        let mut open: Vec<(u32, usize)> = Vec::new();
        let mut next = Some(self.root);
        loop {
            if let Some(slot) = next.take() {
                match &self.slots[slot as usize] {
                    Slot::Kept(node) => {
                        builder.copy_node(*node, true)?;
                    }
                    Slot::New(value, Maker { label, place }) => {
                        let id = builder.copy_node(value.node(), false)?;
                        builder.mark_origin(id, label);
                        place.iter().for_each(|span| builder.place(id, *span));
                    }
                    Slot::Object(members) => {
                        let id = builder.begin_object()?;
                        mark(&mut builder, id, &members.made);
                        open.push((slot, 0));
                    }
                    Slot::Array(_, made) => {
                        let id = builder.begin_array()?;
                        mark(&mut builder, id, made);
                        open.push((slot, 0));
                    }
                }
            }
            let Some((slot, done)) = open.last_mut() else { break };
            match &self.slots[*slot as usize] {
                Slot::Object(members) => {
                    let rest = members.list[*done..].iter();
                    let skipped = rest.take_while(|m| m.is_none()).count();
                    if let Some(Some(member)) = members.list.get(*done + skipped) {
                        match &member.key {
                            Key::Kept(node) => builder.kept_key(*node)?,
                            Key::New(text) => builder.key(text, None)?,
                        }
                        next = Some(member.slot);
                    }
                    *done += skipped + 1;
                }
                Slot::Array(items, _) => {
                    next = items.get(*done).copied();
                    *done += 1;
                }
                Slot::Kept(_) | Slot::New(..) => unreachable!("only containers are begun"),
            }
            if next.is_none() {
                open.pop();
                builder.end();
            }
        }
        Ok(builder.finish())
    }
}

/// Gives a container that was begun its place or its maker.
fn mark(builder: &mut Builder<'_>, id: NodeId, made: &Made<'_>) {
    match made {
        Made::Kept(node) => {
            if let Some(span) = node.span() {
                builder.place(id, span);
            }
            if let Some(label) = node.origin() {
                builder.mark_one(id, &label.into());
            }
        }
        Made::New(Maker { label, place }) => {
            builder.mark_one(id, label);
            place.iter().for_each(|span| builder.place(id, *span));
        }
    }
}
