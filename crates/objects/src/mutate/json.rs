//! A value while it is patched: what nobody touched stays a node of the object, the rest can be changed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use document::few::GatherFew as _;
use document::few::SortFew as _;
use document::{Builder, Document, Kind, LimitError, Limits, NodeRef, Scalar};

use super::go::Alien;

/// Members by name.
pub(super) type Members<'d> = BTreeMap<Cow<'d, str>, Json<'d>>;

/// A value as Go holds it in an `interface{}`. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Json<'d> {
    Node(NodeRef<'d>),
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    List(Arc<Vec<Json<'d>>>),
    Map(Arc<Members<'d>>),
    /// Of a Go type that JSON has not.
    Alien(Arc<Alien>),
}

impl<'d> Json<'d> {
    pub(super) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn list(items: Vec<Self>) -> Self {
        Self::List(Arc::new(items))
    }

    pub(super) fn map(members: Members<'d>) -> Self {
        Self::Map(Arc::new(members))
    }

    pub(super) fn is_map(&self) -> bool {
        match self {
            Self::Node(node) => node.is_object(),
            other => matches!(other, Self::Map(_)),
        }
    }

    pub(super) fn is_list(&self) -> bool {
        match self {
            Self::Node(node) => node.is_array(),
            other => matches!(other, Self::List(_)),
        }
    }

    pub(super) fn is_null(&self) -> bool {
        match self {
            Self::Node(node) => node.is_null(),
            other => matches!(other, Self::Null),
        }
    }

    /// The value, where it has no children and is of a type of JSON.
    pub(super) fn scalar(&self) -> Option<Scalar<'_>> {
        Some(match self {
            Self::Node(node) => return node.scalar(),
            Self::Null => Scalar::Null,
            Self::Bool(value) => Scalar::Bool(*value),
            Self::Int(value) => Scalar::Int(*value),
            Self::Float(value) => Scalar::Float(*value),
            Self::Text(text) => Scalar::String(text),
            Self::List(_) | Self::Map(_) | Self::Alien(_) => return None,
        })
    }

    pub(super) fn get(&self, key: &str) -> Option<Self> {
        match self {
            Self::Node(node) => node.get(key).map(Self::Node),
            Self::Map(members) => members.get(key).cloned(),
            _ => None,
        }
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> Vec<Self> {
        match self {
            Self::Node(node) => node.items().map(Self::Node).collect(),
            Self::List(items) => items.to_vec(),
            _ => Vec::new(),
        }
    }

    /// The members of a map by name; none of anything else.
    pub(super) fn members(&self) -> Vec<(Cow<'d, str>, Self)> {
        match self {
            Self::Node(node) => {
                let members = node.members().map(|(key, value)| (Cow::Borrowed(key), Self::Node(value)));
                let mut members: Vec<_> = members.collect();
                members.sort_few_by(|(left, _), (right, _)| left.cmp(right));
                members
            }
            Self::Map(members) => members.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Node(node) => node.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Map(members) => members.is_empty(),
            _ => true,
        }
    }

    /// A map or list whose children can be changed, made of a node where it is still one.
    pub(super) fn open(&mut self) -> &mut Self {
        if let Self::Node(node) = self {
            match node.kind() {
                Kind::Object => {
                    let members = node.members().map(|(key, value)| (Cow::Borrowed(key), Self::Node(value)));
                    *self = Self::map(members.gather());
                }
                Kind::Array => *self = Self::list(node.items().map(Self::Node).collect()),
                _ => {}
            }
        }
        self
    }

    /// How deep the maps and lists go; 0 for a scalar.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::Node(node) => {
                let mut deepest = 0;
                let mut ends = Vec::new();
                for node in node.descendants() {
                    while ends.last().is_some_and(|parent| Some(*parent) != node.parent().map(NodeRef::id)) {
                        ends.pop();
                    }
                    if node.is_object() || node.is_array() {
                        ends.push(node.id());
                        deepest = deepest.max(ends.len());
                    }
                }
                deepest
            }
            Self::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Map(members) => 1 + members.values().map(Self::depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// Bytes of the value as JSON, about.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Node(node) => node.to_json().len(),
            Self::Text(text) => text.len() + 2,
            Self::List(items) => 2 + items.iter().map(|item| item.size() + 1).sum::<usize>(),
            Self::Map(members) => {
                2 + members.iter().map(|(key, value)| key.len() + value.size() + 4).sum::<usize>()
            }
            other => other.plain().len(),
        }
    }

    /// A document of the value; what is of no type of JSON is null in it.
    pub(super) fn to_document(&self) -> Result<Document<'static>, LimitError> {
        let mut builder = Builder::new("", Limits::default());
        self.write(&mut builder)?;
        Ok(builder.finish())
    }

    fn write(&self, builder: &mut Builder<'static>) -> Result<(), LimitError> {
        match self {
            Self::Node(node) => _ = builder.copy_node(*node, false)?,
            Self::Null | Self::Alien(_) => _ = builder.null()?,
            Self::Bool(value) => _ = builder.bool(*value)?,
            Self::Int(value) => _ = builder.int(*value)?,
            Self::Float(value) => _ = builder.float(*value)?,
            Self::Text(text) => _ = builder.string(text)?,
            Self::List(items) => {
                builder.begin_array()?;
                for item in items.iter() {
                    item.write(builder)?;
                }
                builder.end();
            }
            Self::Map(members) => {
                builder.begin_object()?;
                for (key, value) in members.iter() {
                    builder.key(key, None)?;
                    value.write(builder)?;
                }
                builder.end();
            }
        }
        Ok(())
    }
}

/// A number as JSON that Go has written and read again: whole ones have no fraction, those below 1e21 no exponent.
pub(super) fn number<'d>(number: f64) -> Json<'d> {
    if number.fract() == 0.0 && number.abs() < 9_223_372_036_854_775_808.0 {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number within the range")]
        return Json::Int(number as i64);
    }
    Json::Float(number)
}
