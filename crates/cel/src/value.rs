//! What an expression computes with.
//!
//! A value that came from a document stays a [`Value::Node`], scalars included, so that a finding can point at it and
//! nothing of the object is ever converted. [`Value::view`] looks through that: it shows a node as the null, bool, number,
//! string, list or map that it is.

use std::sync::Arc;

use document::{Kind, NodeRef, Scalar};

use super::library::time::{Duration, Timestamp};

pub(crate) mod alike;
mod collection;
mod opaque;

pub use alike::Alike;
pub use collection::{List, ListView, Map, MapView, Object, TooDeep};
pub use opaque::{Authorization, Opaque};

/// A value of the language. Cheap to clone.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Value<'d> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    /// A string that the document or the program owns.
    Str(&'d str),
    /// A string that was computed.
    String(Arc<str>),
    Bytes(Arc<[u8]>),
    Duration(Duration),
    Timestamp(Timestamp),
    /// A node of a document.
    Node(NodeRef<'d>),
    List(Arc<List<'d>>),
    Map(Arc<Map<'d>>),
    /// A message of the mutation types: `Object{...}`, `JSONPatch{...}`.
    Object(Arc<Object<'d>>),
    Optional(Option<Arc<Value<'d>>>),
    /// A type, by its run-time name.
    Type(Arc<str>),
    /// A value of the Kubernetes libraries.
    Opaque(Arc<Opaque>),
}

/// A value with documents looked through and text and containers borrowed.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum View<'v, 'd> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Str(&'v str),
    Bytes(&'v [u8]),
    Duration(Duration),
    Timestamp(Timestamp),
    List(ListView<'v, 'd>),
    Map(MapView<'v, 'd>),
    Object(&'v Object<'d>),
    Optional(Option<&'v Value<'d>>),
    Type(&'v str),
    Opaque(&'v Opaque),
}

impl<'d> Value<'d> {
    /// What the value is, through the document if it is a node of one.
    #[inline]
    #[must_use]
    pub fn view(&self) -> View<'_, 'd> {
        match self {
            Self::Null => View::Null,
            Self::Bool(value) => View::Bool(*value),
            Self::Int(value) => View::Int(*value),
            Self::Uint(value) => View::Uint(*value),
            Self::Double(value) => View::Double(*value),
            Self::Str(text) => View::Str(text),
            Self::String(text) => View::Str(text),
            Self::Bytes(bytes) => View::Bytes(bytes),
            Self::Duration(duration) => View::Duration(*duration),
            Self::Timestamp(timestamp) => View::Timestamp(*timestamp),
            Self::Node(node) => View::of_node(*node),
            Self::List(list) => View::List(ListView::Owned(list)),
            Self::Map(map) => View::Map(MapView::Owned(map)),
            Self::Object(object) => View::Object(object),
            Self::Optional(value) => View::Optional(value.as_deref()),
            Self::Type(name) => View::Type(name),
            Self::Opaque(opaque) => View::Opaque(opaque),
        }
    }

    /// The document's node, if the value came from one.
    #[must_use]
    pub fn node(&self) -> Option<NodeRef<'d>> {
        match self {
            Self::Node(node) => Some(*node),
            _ => None,
        }
    }

    /// The bool, if it is one.
    #[inline]
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Node(node) => node.as_bool(),
            _ => None,
        }
    }

    /// The string, if it is one.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            Self::String(text) => Some(text),
            Self::Node(node) => node.as_str(),
            _ => None,
        }
    }

    /// The signed integer, if it is one.
    #[inline]
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Node(node) => node.as_i64(),
            _ => None,
        }
    }

    /// A computed string.
    #[must_use]
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Self::String(text.into())
    }

    /// `optional.of(value)`
    #[must_use]
    pub fn some(value: Self) -> Self {
        Self::Optional(Some(Arc::new(value)))
    }

    /// A value of the Kubernetes libraries.
    #[must_use]
    pub fn opaque(opaque: Opaque) -> Self {
        Self::Opaque(Arc::new(opaque))
    }

    /// Levels of nesting below this value; scalars have none. Documents count once: they have their own limit.
    #[must_use]
    pub fn depth(&self) -> u32 {
        match self {
            Self::List(list) => list.depth(),
            Self::Map(map) => map.depth(),
            Self::Object(object) => object.depth(),
            Self::Optional(Some(value)) => value.depth().saturating_add(1),
            _ => 0,
        }
    }
}

impl<'d> View<'_, 'd> {
    #[inline]
    fn of_node(node: NodeRef<'d>) -> View<'d, 'd> {
        match node.scalar() {
            Some(Scalar::Null) => View::Null,
            Some(Scalar::Bool(value)) => View::Bool(value),
            Some(Scalar::Int(value)) => View::Int(value),
            Some(Scalar::Float(value)) => View::Double(value),
            Some(Scalar::String(text)) => View::Str(text),
            None if node.kind() == Kind::Array => View::List(ListView::Node(node)),
            None => View::Map(MapView::Node(node)),
        }
    }
}

impl<'v> View<'v, '_> {
    /// The run-time name of the value's type, as in error texts and `type(value)`.
    #[must_use]
    pub fn type_name(self) -> &'v str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Str(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Object(object) => object.type_name(),
            Self::Optional(_) => "optional_type",
            Self::Type(_) => "type",
            Self::Opaque(opaque) => opaque.type_name(),
        }
    }

    /// The name of the Go type that holds such a value upstream: some error texts show it.
    #[must_use]
    pub fn go_type(self) -> &'static str {
        match self {
            Self::Null => "types.Null",
            Self::Bool(_) => "types.Bool",
            Self::Int(_) => "types.Int",
            Self::Uint(_) => "types.Uint",
            Self::Double(_) => "types.Double",
            Self::Str(_) => "types.String",
            Self::Bytes(_) => "types.Bytes",
            Self::Duration(_) => "types.Duration",
            Self::Timestamp(_) => "types.Timestamp",
            Self::List(_) => "*types.baseList",
            Self::Map(_) => "*types.baseMap",
            Self::Object(_) => "*dynamic.ObjectVal",
            Self::Optional(_) => "*types.Optional",
            Self::Type(_) => "*types.Type",
            Self::Opaque(opaque) => opaque.go_type(),
        }
    }

    /// The length where the language has one: code points, bytes, elements, entries.
    #[must_use]
    pub fn size(self) -> Option<usize> {
        match self {
            Self::Str(text) => Some(code_points(text)),
            Self::Bytes(bytes) => Some(bytes.len()),
            Self::List(list) => Some(list.len()),
            Self::Map(map) => Some(map.len()),
            _ => None,
        }
    }
}

/// Code points of a text, quickly where it is ASCII.
#[inline]
pub(super) fn code_points(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}
