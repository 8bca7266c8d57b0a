//! An object while it is made: nodes that borrow from the document that was written, and can be added to and changed.
//!
//! Decoding fills it in the order of the text, defaults and admission plugins change it in place, and
//! [`Tree::finish`] writes it into a document of its own, where each node knows its place in the text or who made it.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LazyLock};

use document::{Builder, Document, LimitError, Limits, NodeId, NodeRef};

use crate::schema::Definition;

/// What findings say of a node that nobody wrote.
pub const DEFAULTED: &str = "defaulted by Kubernetes";

/// A node of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id(u32);

/// [`DEFAULTED`], as documents share it.
static MADE: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from(DEFAULTED));

const NONE: u32 = u32::MAX;
/// Room for what Kubernetes adds to most objects.
const ADDED: usize = 48;

/// What a node is; children are linked from it.
#[derive(Debug, Clone)]
pub(crate) enum Value<'d> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'d, str>),
    Object,
    List,
    /// As it was written, with everything below.
    Written,
}

impl<'d> Value<'d> {
    /// A text of Kubernetes' own.
    pub(crate) fn text(text: impl Into<Cow<'d, str>>) -> Self {
        Self::Text(text.into())
    }
}

#[derive(Debug)]
struct Slot<'d> {
    key: Cow<'d, str>,
    value: Value<'d>,
    /// The node that it was written as.
    from: Option<NodeId>,
    definition: Option<&'static Definition>,
    /// Whether it is a list of resources (`v1.ResourceList`).
    resources: bool,
    first: u32,
    last: u32,
    next: u32,
}

impl Slot<'_> {
    /// How many bytes of its key and text may not be in the text that was written.
    fn made_text(&self) -> usize {
        match (&self.value, self.from) {
            (Value::Text(text), None) => self.key.len() + text.len(),
            (_, None) => self.key.len(),
            (Value::Text(Cow::Owned(text)), Some(_)) => text.len(),
            (_, Some(_)) => 0,
        }
    }
}

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct Tree<'d> {
    document: &'d Document<'d>,
    slots: Slots<'d>,
}

/// The nodes of a tree, in the room that those of the tree before left: one object comes after the other, and to get and give
/// back blocks of this size each time makes an allocator put its house in order.
#[derive(Debug)]
struct Slots<'d>(Vec<Slot<'d>>);

thread_local! {
    static ROOM: Cell<Vec<Slot<'static>>> = const { Cell::new(Vec::new()) };
}

/// Room for more nodes is given back.
const KEPT: usize = 4_096;

impl Slots<'_> {
    /// Room for so many.
    fn of(nodes: usize) -> Self {
        let mut room = ROOM.take();
        room.reserve(nodes);
        Self(room)
    }
}

impl Drop for Slots<'_> {
    #[expect(clippy::unnecessary_filter_map, reason = "what is collected has another lifetime")]
    fn drop(&mut self) {
        let mut slots = std::mem::take(&mut self.0);
        if slots.capacity() <= KEPT {
            slots.clear();
            // nothing is left that could borrow; what is collected stays where it was
            ROOM.set(slots.into_iter().filter_map(|_| None).collect());
        }
    }
}

impl<'d> Deref for Slots<'d> {
    type Target = Vec<Slot<'d>>;

    fn deref(&self) -> &Vec<Slot<'d>> {
        &self.0
    }
}

impl<'d> DerefMut for Slots<'d> {
    fn deref_mut(&mut self) -> &mut Vec<Slot<'d>> {
        &mut self.0
    }
}

impl<'d> Tree<'d> {
    pub(crate) fn new(written: NodeRef<'d>) -> Self {
        let mut tree = Self { document: written.document(), slots: Slots::of(written.subtree_len() + ADDED) };
        tree.add(Cow::Borrowed(""), Value::Object, Some(written.id()));
        tree
    }

    pub(crate) fn root(&self) -> Id {
        Id(0)
    }

    /// Every node that there is, in the order they were made: what is around before what is in it.
    pub(crate) fn at(&self, index: usize) -> Option<Id> {
        (index < self.slots.len()).then(|| Id(u32::try_from(index).unwrap_or(NONE)))
    }

    fn slot(&self, id: Id) -> &Slot<'d> {
        &self.slots[id.0 as usize]
    }

    /// Adds a child at the end; a member's key, an item's is empty.
    pub(crate) fn push(
        &mut self,
        parent: Id,
        key: impl Into<Cow<'d, str>>,
        value: Value<'d>,
        from: Option<NodeRef<'_>>,
    ) -> Id {
        let id = self.add(key.into(), value, from.map(NodeRef::id));
        let parent = &mut self.slots[parent.0 as usize];
        let before = std::mem::replace(&mut parent.last, id);
        if before == NONE {
            parent.first = id;
        } else {
            self.slots[before as usize].next = id;
        }
        Id(id)
    }

    /// An object that is part of nothing.
    pub(crate) fn loose(&mut self) -> Id {
        Id(self.add(Cow::Borrowed(""), Value::Object, None))
    }

    /// A node that is part of nothing yet.
    fn add(&mut self, key: Cow<'d, str>, value: Value<'d>, from: Option<NodeId>) -> u32 {
        let id = u32::try_from(self.slots.len()).unwrap_or(NONE);
        let (definition, resources) = (None, false);
        self.slots.push(Slot {
            key,
            value,
            from,
            definition,
            resources,
            first: NONE,
            last: NONE,
            next: NONE,
        });
        id
    }

    pub(crate) fn define(&mut self, id: Id, definition: &'static Definition) {
        self.slots[id.0 as usize].definition = Some(definition);
    }

    /// Says that it is a list of resources.
    pub(crate) fn mark_resources(&mut self, id: Id) {
        self.slots[id.0 as usize].resources = true;
    }

    pub(crate) fn is_resources(&self, id: Id) -> bool {
        self.slots[id.0 as usize].resources
    }

    /// Says that a node stands for what was written elsewhere.
    pub(crate) fn stands_for(&mut self, id: Id, other: Id) {
        self.slots[id.0 as usize].from = self.slots[other.0 as usize].from;
    }

    /// Writes a value otherwise, in its place.
    pub(crate) fn rewrite(&mut self, id: Id, value: Value<'d>) {
        self.slots[id.0 as usize].value = value;
    }

    /// Says as which node it was written.
    pub(crate) fn written_as(&mut self, id: Id, node: NodeRef<'_>) {
        self.slots[id.0 as usize].from = Some(node.id());
    }

    pub(crate) fn definition(&self, id: Id) -> Option<&'static Definition> {
        self.slot(id).definition
    }

    pub(crate) fn children(&self, id: Id) -> impl Iterator<Item = Id> {
        let mut next = self.slot(id).first;
        std::iter::from_fn(move || {
            let at = (next != NONE).then_some(Id(next))?;
            next = self.slot(at).next;
            Some(at)
        })
    }

    /// The members by key, for who asks for many of them.
    pub(crate) fn by_key(&self, id: Id) -> HashMap<String, Id> {
        self.children(id).map(|child| (self.key(child).to_owned(), child)).collect()
    }

    /// The children's ids, for who changes the tree on the way.
    pub(crate) fn listed(&self, id: Id) -> Vec<Id> {
        self.children(id).collect()
    }

    pub(crate) fn key(&self, id: Id) -> &str {
        &self.slot(id).key
    }

    pub(crate) fn value(&self, id: Id) -> &Value<'d> {
        &self.slot(id).value
    }

    pub(crate) fn from(&self, id: Id) -> Option<NodeId> {
        self.slot(id).from
    }

    /// The member of that name, unless it is null.
    pub(crate) fn get(&self, id: Id, key: &str) -> Option<Id> {
        self.children(id).find(|child| self.key(*child) == key && !matches!(self.value(*child), Value::Null))
    }

    /// The member at the end of a path.
    pub(crate) fn dig(&self, id: Id, path: &[&str]) -> Option<Id> {
        path.iter().try_fold(id, |at, key| self.get(at, key))
    }

    /// The text of a member; empty where there is none.
    pub(crate) fn text(&self, id: Id, key: &str) -> &str {
        self.get(id, key).map_or("", |member| self.as_text(member))
    }

    pub(crate) fn as_text(&self, id: Id) -> &str {
        match self.value(id) {
            Value::Text(text) => text,
            _ => "",
        }
    }

    /// The whole number of a member; zero where there is none.
    pub(crate) fn int(&self, id: Id, key: &str) -> i64 {
        match self.get(id, key).map(|member| self.value(member)) {
            Some(Value::Int(number)) => *number,
            _ => 0,
        }
    }

    pub(crate) fn is_true(&self, id: Id, key: &str) -> bool {
        self.get(id, key).is_some_and(|member| matches!(self.value(member), Value::Bool(true)))
    }

    /// The items or members of a member; none where there is none.
    pub(crate) fn items(&self, id: Id, key: &str) -> Vec<Id> {
        self.get(id, key).map(|list| self.listed(list)).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self, id: Id) -> bool {
        self.slot(id).first == NONE
    }

    /// Whether a member is there and, as Go counts, not zero.
    pub(crate) fn has(&self, id: Id, key: &str) -> bool {
        self.get(id, key).is_some_and(|member| match self.value(member) {
            Value::Null => false,
            Value::Bool(value) => *value,
            Value::Int(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::Text(value) => !value.is_empty(),
            Value::List => !self.is_empty(member),
            Value::Object | Value::Written => true,
        })
    }

    /// Gives a node another value, which is Kubernetes' then, and no children.
    pub(crate) fn change(&mut self, id: Id, value: Value<'d>) {
        let slot = &mut self.slots[id.0 as usize];
        (slot.value, slot.first, slot.last) = (value, NONE, NONE);
    }

    /// Sets a member: where there is one (null counts) it is changed in its place, else added.
    pub(crate) fn set(&mut self, id: Id, key: impl Into<Cow<'d, str>>, value: Value<'d>) -> Id {
        let key = key.into();
        let there = self.children(id).find(|child| self.key(*child) == key);
        match there {
            Some(child) => {
                self.change(child, value);
                child
            }
            None => self.push(id, key, value, None),
        }
    }

    /// Sets a member where it is absent, null or zero.
    pub(crate) fn default(&mut self, id: Id, key: &'static str, value: Value<'d>) {
        if !self.has(id, key) {
            self.set(id, key, value);
        }
    }

    /// Sets a member where it is absent or null: what Go holds by pointer.
    pub(crate) fn default_absent(&mut self, id: Id, key: &'static str, value: Value<'d>) {
        if self.get(id, key).is_none() {
            self.set(id, key, value);
        }
    }

    /// The member of that name, an empty object where it is absent or null.
    pub(crate) fn object(&mut self, id: Id, key: &'static str) -> Id {
        match self.get(id, key) {
            Some(member) => member,
            None => self.set(id, key, Value::Object),
        }
    }

    /// The member as it was written, where the object was.
    pub(crate) fn written(&self, id: Id, key: &str) -> Option<NodeRef<'d>> {
        self.document.node(self.from(id)?).get(key)
    }

    /// Takes a member out.
    pub(crate) fn remove(&mut self, id: Id, key: &str) {
        let Some(at) = self.children(id).find(|child| self.key(*child) == key) else { return };
        let next = self.slot(at).next;
        let before = self.children(id).find(|child| self.slot(*child).next == at.0);
        let slot = &mut self.slots[id.0 as usize];
        if slot.last == at.0 {
            slot.last = before.map_or(NONE, |before| before.0);
        }
        match before {
            Some(before) => self.slots[before.0 as usize].next = next,
            None => self.slots[id.0 as usize].first = next,
        }
    }

    /// Adds a copy of a node, with everything below, as Kubernetes' own.
    pub(crate) fn copy(&mut self, from: Id, parent: Id, key: impl Into<Cow<'d, str>>) -> Id {
        let value = self.value(from).clone();
        let written = matches!(value, Value::Written).then(|| self.from(from)).flatten();
        let to = self.push(parent, key, value, written.map(|node| self.document.node(node)));
        self.slots[to.0 as usize].resources = self.is_resources(from);
        for child in self.listed(from) {
            let key = self.slot(child).key.clone();
            self.copy(child, to, key);
        }
        to
    }

    /// The document that the tree stands for.
    ///
    /// # Errors
    /// When it is larger or deeper than documents may be.
    pub(crate) fn finish(&self) -> Result<Document<'d>, LimitError> {
        let mut builder = Builder::of_part(self.document, self.slots.len(), Limits::default());
        builder.reserve_text(self.slots.iter().map(Slot::made_text).sum());
        self.write(&mut builder, self.root(), &MADE, false)?;
        Ok(builder.finish())
    }

    /// `within`: what is around it was made, and says so for all of it.
    fn write(
        &self,
        builder: &mut Builder<'d>,
        id: Id,
        made: &Arc<str>,
        within: bool,
    ) -> Result<(), LimitError> {
        let slot = self.slot(id);
        let from = slot.from.map(|node| self.document.node(node));
        let node = match &slot.value {
            Value::Null => builder.null()?,
            Value::Bool(value) => builder.bool(*value)?,
            Value::Int(value) => builder.int(*value)?,
            Value::Float(value) => builder.float(*value)?,
            Value::Text(text) => match from.filter(|from| from.as_str() == Some(text)) {
                Some(same) => builder.copy_node(same, true)?,
                None => builder.string(text)?,
            },
            Value::Written => match from {
                Some(written) => builder.copy_node(written, true)?,
                None => builder.null()?,
            },
            Value::Object | Value::List => {
                self.write_container(builder, id, made, within || from.is_none())?
            }
        };
        match from {
            Some(from) => {
                if let Some(span) = from.span() {
                    builder.place(node, span);
                }
            }
            None if within => {}
            None => builder.mark_origin(node, made),
        }
        Ok(())
    }

    fn write_container(
        &self,
        builder: &mut Builder<'d>,
        id: Id,
        made: &Arc<str>,
        within: bool,
    ) -> Result<NodeId, LimitError> {
        let members = matches!(self.slot(id).value, Value::Object);
        let _ = if members { builder.begin_object()? } else { builder.begin_array()? };
        for child in self.children(id) {
            if members {
                match self.slot(child).from.map(|node| self.document.node(node)) {
                    Some(from) if from.key() == Some(self.key(child)) => builder.kept_key(from)?,
                    _ => builder.key(self.key(child), None)?,
                }
            }
            self.write(builder, child, made, within)?;
        }
        // who adds a member looks whether there is one of its name
        Ok(builder.end_distinct())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_object_after_the_other_is_made_in_the_same_room() {
        let document =
            Document::from_value(&serde_json::json!({"kind": "Pod", "spec": {"a": [1, 2]}})).unwrap();
        let room = |tree: &Tree<'_>| (tree.slots.as_ptr() as usize, tree.slots.capacity());
        let first = room(&Tree::new(document.root()));
        let tree = Tree::new(document.root());
        assert_eq!(room(&tree), first);
        assert_ne!(room(&Tree::new(document.root())), first, "that of a tree that is still there");
        drop(tree);
        let wide: Vec<usize> = (0..2 * KEPT).collect();
        let wide = Document::from_value(&serde_json::json!({ "a": wide })).unwrap();
        drop(Tree::new(wide.root()));
        assert!(ROOM.take().capacity() <= KEPT);
    }
}
