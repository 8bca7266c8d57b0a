//! Lists, maps and messages.
//!
//! A computed container knows how deep it nests, and there is a limit: so comparing, printing and dropping a value may
//! recurse. Maps keep the order in which they were built; upstream has none.

use std::collections::HashMap;
use std::sync::Arc;

use document::NodeRef;

use super::alike::Alike;
use super::{Value, View};
use crate::compare::{lossless_int, lossless_uint};

/// Containers nest no deeper than this. The parser's limit keeps literals below it; variables that wrap one another
/// could go beyond.
const MAX_DEPTH: u32 = 500;

/// Maps with more entries than this have an index.
const INDEXED: usize = 16;

/// A container would nest deeper than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("value nests more than {MAX_DEPTH} levels deep")]
pub struct TooDeep;

fn deeper(depth: u32) -> Result<u32, TooDeep> {
    if depth >= MAX_DEPTH { Err(TooDeep) } else { Ok(depth + 1) }
}

/// A computed list.
#[derive(Clone, Debug, Default)]
pub struct List<'d> {
    items: Vec<Value<'d>>,
    depth: u32,
    alike: Alike,
}

impl<'d> List<'d> {
    /// A list of these.
    ///
    /// # Errors
    /// When it would nest too deeply.
    pub fn new(items: Vec<Value<'d>>) -> Result<Self, TooDeep> {
        let depth = deeper(items.iter().map(Value::depth).max().unwrap_or(0))?;
        Ok(Self { items, depth, alike: Alike::InOrder })
    }

    /// The same list, whose elements are told apart in another way.
    #[must_use]
    pub fn told_apart(self, alike: Alike) -> Self {
        Self { alike, ..self }
    }

    /// How its elements are told apart.
    #[must_use]
    pub fn alike(&self) -> &Alike {
        &self.alike
    }

    /// The elements.
    #[must_use]
    pub fn items(&self) -> &[Value<'d>] {
        &self.items
    }

    /// Adds an element at the end.
    ///
    /// # Errors
    /// When the list would nest too deeply.
    pub fn push(&mut self, item: Value<'d>) -> Result<(), TooDeep> {
        self.depth = self.depth.max(deeper(item.depth())?);
        self.items.push(item);
        Ok(())
    }

    pub(super) fn depth(&self) -> u32 {
        self.depth
    }
}

impl<'d> From<List<'d>> for Value<'d> {
    fn from(list: List<'d>) -> Self {
        Value::List(Arc::new(list))
    }
}

/// A list of a document, or a computed one.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum ListView<'v, 'd> {
    Node(NodeRef<'d>),
    Owned(&'v List<'d>),
}

impl<'v, 'd> ListView<'v, 'd> {
    /// How many elements there are.
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::Node(node) => node.len(),
            Self::Owned(list) => list.items.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The element at an index.
    #[must_use]
    pub fn get(self, index: usize) -> Option<Value<'d>> {
        match self {
            Self::Node(node) => node.item(index).map(Value::Node),
            Self::Owned(list) => list.items.get(index).cloned(),
        }
    }

    /// The elements in order.
    pub fn iter(self) -> impl Iterator<Item = Value<'d>> + use<'v, 'd> {
        let (nodes, owned) = match self {
            Self::Node(node) => (Some(node.items()), None),
            Self::Owned(list) => (None, Some(list.items.iter().cloned())),
        };
        nodes.into_iter().flatten().map(Value::Node).chain(owned.into_iter().flatten())
    }
}

/// What a map is looked up by. Doubles are kept apart from integers: a look-up by double finds an integer of the same
/// value, not the other way round.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    /// The bits, with negative zero made positive. NaN is no key.
    Double(u64),
    Str(Arc<str>),
    /// Duration, timestamp, type: by what tells them apart.
    Duration(i64),
    Timestamp(i64, u32),
    Type(Arc<str>),
}

impl Key {
    pub(super) fn new(view: View<'_, '_>) -> Option<Self> {
        Some(match view {
            View::Null => Self::Null,
            View::Bool(value) => Self::Bool(value),
            View::Int(value) => Self::Int(value),
            View::Uint(value) => Self::Uint(value),
            View::Double(value) if value.is_nan() => return None,
            View::Double(value) => Self::Double((value + 0.0).to_bits()),
            View::Str(text) => Self::Str(text.into()),
            View::Duration(duration) => Self::Duration(duration.nanos()),
            View::Timestamp(at) => Self::Timestamp(at.unix_seconds(), at.nanos()),
            View::Type(name) => Self::Type(name.into()),
            _ => return None,
        })
    }

    /// Exactly the same key: no numbers of other types.
    fn is(view: View<'_, '_>, other: View<'_, '_>) -> bool {
        match (view, other) {
            (View::Str(a), View::Str(b)) | (View::Type(a), View::Type(b)) => a == b,
            (View::Null, View::Null) => true,
            (View::Bool(a), View::Bool(b)) => a == b,
            (View::Int(a), View::Int(b)) => a == b,
            (View::Duration(a), View::Duration(b)) => a == b,
            (View::Uint(a), View::Uint(b)) => a == b,
            (View::Double(a), View::Double(b)) => a == b,
            (View::Timestamp(a), View::Timestamp(b)) => {
                (a.unix_seconds(), a.nanos()) == (b.unix_seconds(), b.nanos())
            }
            _ => false,
        }
    }
}

/// A computed map.
#[derive(Clone, Debug, Default)]
pub struct Map<'d> {
    entries: Vec<(Value<'d>, Value<'d>)>,
    index: Option<HashMap<Key, usize>>,
    depth: u32,
}

impl<'d> Map<'d> {
    /// The entries in the order they were added.
    #[must_use]
    pub fn entries(&self) -> &[(Value<'d>, Value<'d>)] {
        &self.entries
    }

    /// The value under exactly this key.
    fn position(&self, key: View<'_, '_>) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(&Key::new(key)?).copied(),
            None => self.entries.iter().position(|(found, _)| Key::is(found.view(), key)),
        }
    }

    /// The value that a look-up by this key finds: numbers are found across types as in cel-go.
    #[must_use]
    pub fn get(&self, key: View<'_, '_>) -> Option<&Value<'d>> {
        let position = self.position(key).or_else(|| match key {
            View::Int(value) => self.position(View::Uint(u64::try_from(value).ok()?)),
            View::Uint(value) => self.position(View::Int(i64::try_from(value).ok()?)),
            View::Double(value) => lossless_int(value)
                .and_then(|value| self.position(View::Int(value)))
                .or_else(|| self.position(View::Uint(lossless_uint(value)?))),
            _ => None,
        });
        position.map(|at| &self.entries[at].1)
    }

    /// Adds an entry, or replaces the value of one that has the key.
    ///
    /// # Errors
    /// When the map would nest too deeply.
    pub fn insert(&mut self, key: Value<'d>, value: Value<'d>) -> Result<(), TooDeep> {
        self.depth = self.depth.max(deeper(value.depth())?);
        if let Some(at) = self.position(key.view()) {
            self.entries[at].1 = value;
            return Ok(());
        }
        if self.index.is_none() && self.entries.len() >= INDEXED {
            let keyed = self.entries.iter().enumerate();
            self.index = Some(keyed.filter_map(|(at, (key, _))| Some((Key::new(key.view())?, at))).collect());
        }
        if let (Some(index), Some(key)) = (&mut self.index, Key::new(key.view())) {
            index.insert(key, self.entries.len());
        }
        self.entries.push((key, value));
        Ok(())
    }

    /// Takes an entry out.
    pub fn remove(&mut self, key: View<'_, '_>) {
        let Some(at) = self.position(key) else { return };
        self.entries.remove(at);
        if let Some(index) = &mut self.index {
            index.retain(|_, place| *place != at);
            index.values_mut().filter(|place| **place > at).for_each(|place| *place -= 1);
        }
    }

    pub(super) fn depth(&self) -> u32 {
        self.depth.max(1)
    }
}

impl<'d> From<Map<'d>> for Value<'d> {
    fn from(map: Map<'d>) -> Self {
        Value::Map(Arc::new(map))
    }
}

/// An object of a document, or a computed map.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum MapView<'v, 'd> {
    Node(NodeRef<'d>),
    Owned(&'v Map<'d>),
}

impl<'v, 'd> MapView<'v, 'd> {
    /// How many entries there are.
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::Node(node) => node.len(),
            Self::Owned(map) => map.entries.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The value that a look-up by this key finds.
    #[must_use]
    pub fn get(self, key: View<'_, '_>) -> Option<Value<'d>> {
        match (self, key) {
            (Self::Node(node), View::Str(key)) => node.get(key).map(Value::Node),
            (Self::Node(_), _) => None,
            (Self::Owned(map), key) => map.get(key).cloned(),
        }
    }

    /// The value under a string.
    #[inline]
    #[must_use]
    pub fn field(self, key: &str) -> Option<Value<'d>> {
        match self {
            Self::Node(node) => node.get(key).map(Value::Node),
            Self::Owned(map) => map.get(View::Str(key)).cloned(),
        }
    }

    /// The entries.
    pub fn iter(self) -> impl Iterator<Item = (Value<'d>, Value<'d>)> + use<'v, 'd> {
        let (members, owned) = match self {
            Self::Node(node) => (Some(node.members()), None),
            Self::Owned(map) => (None, Some(map.entries.iter().cloned())),
        };
        let members = members.into_iter().flatten().map(|(key, node)| (Value::Str(key), Value::Node(node)));
        members.chain(owned.into_iter().flatten())
    }
}

/// A message of a declared type.
#[derive(Clone, Debug)]
pub struct Object<'d> {
    type_name: Arc<str>,
    fields: Vec<(Arc<str>, Value<'d>)>,
    depth: u32,
}

impl<'d> Object<'d> {
    /// A message of this type with these fields; of equal names the last counts.
    ///
    /// # Errors
    /// When it would nest too deeply.
    pub fn new(type_name: Arc<str>, fields: Vec<(Arc<str>, Value<'d>)>) -> Result<Self, TooDeep> {
        let depth = deeper(fields.iter().map(|(_, value)| value.depth()).max().unwrap_or(0))?;
        Ok(Self { type_name, fields, depth })
    }

    /// The type's name.
    #[must_use]
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The fields as written.
    #[must_use]
    pub fn fields(&self) -> &[(Arc<str>, Value<'d>)] {
        &self.fields
    }

    /// The value of a field that was set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value<'d>> {
        self.fields.iter().rev().find(|(found, _)| **found == *name).map(|(_, value)| value)
    }

    pub(super) fn depth(&self) -> u32 {
        self.depth
    }
}
