//! The types of the checker.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A static type.
///
/// Its [`Display`](fmt::Display) is cel-go's text of the type (`list(map(string, dyn))`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// The type of an expression that did not check.
    Error,
    /// Known only at run time.
    Dyn,
    /// The type of `null`.
    Null,
    /// `bool`
    Bool,
    /// 64-bit signed integer.
    Int,
    /// 64-bit unsigned integer.
    Uint,
    /// 64-bit float.
    Double,
    /// `string`
    String,
    /// `bytes`
    Bytes,
    /// `google.protobuf.Duration`
    Duration,
    /// `google.protobuf.Timestamp`
    Timestamp,
    /// `google.protobuf.Any`, assignable like [`Type::Dyn`].
    Any,
    /// `list(T)`
    List(Arc<Type>),
    /// `map(K, V)`
    Map(Arc<(Type, Type)>),
    /// `optional_type(T)`
    Optional(Arc<Type>),
    /// The type of a type value; `None` is `type` itself.
    Type(Option<Arc<Type>>),
    /// `wrapper(T)`: a primitive or null.
    Wrapper(Primitive),
    /// `net.IP` and `net.CIDR`; selecting a field of one is a plain error.
    Opaque(Arc<str>),
    /// A message or declared object, by name (`kubernetes.AdmissionRequest`, `Object.spec`, `JSONPatch`). Most types of the
    /// Kubernetes libraries (`kubernetes.Quantity`) are of this kind too, though they have no fields.
    Struct(Arc<str>),
    /// A type parameter of a declaration, or a free variable while checking.
    Param(Param),
}

/// What a wrapper can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Primitive {
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
}

/// A type parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Param {
    /// `T` of a declaration.
    Declared(char),
    /// `_varN` of one check.
    Free(u32),
}

impl Type {
    /// `list(element)`
    #[must_use]
    pub fn list(element: Type) -> Self {
        Self::List(Arc::new(element))
    }

    /// `map(key, value)`
    #[must_use]
    pub fn map(key: Type, value: Type) -> Self {
        Self::Map(Arc::new((key, value)))
    }

    /// `optional_type(value)`
    #[must_use]
    pub fn optional(value: Type) -> Self {
        Self::Optional(Arc::new(value))
    }

    /// `type(value)`
    #[must_use]
    pub fn type_of(value: Type) -> Self {
        Self::Type(Some(Arc::new(value)))
    }

    /// An opaque type by name.
    #[must_use]
    pub fn opaque(name: &str) -> Self {
        Self::Opaque(name.into())
    }

    /// A message or declared object by name.
    #[must_use]
    pub fn structure(name: &str) -> Self {
        Self::Struct(name.into())
    }

    /// A type parameter of a declaration.
    #[must_use]
    pub const fn param(name: char) -> Self {
        Self::Param(Param::Declared(name))
    }

    /// The type of a field that `JSONPatch` does not have: upstream that is no type at all, which fits nothing.
    pub(super) fn nameless() -> Self {
        Self::opaque("")
    }

    pub(super) fn is_nameless(&self) -> bool {
        matches!(self, Self::Opaque(name) if name.is_empty())
    }

    /// What an aggregate is of, if this is all that it holds.
    pub(super) fn or_dyn(self) -> Self {
        if self.is_nameless() { Self::Dyn } else { self }
    }

    /// The same type. A wrapper is the same as the primitive it wraps, as in cel-go.
    #[must_use]
    pub fn is_exactly(&self, other: &Type) -> bool {
        match (self, other) {
            (Self::List(one), Self::List(two)) | (Self::Optional(one), Self::Optional(two)) => {
                Arc::ptr_eq(one, two) || one.is_exactly(two)
            }
            (Self::Map(one), Self::Map(two)) => {
                Arc::ptr_eq(one, two) || (one.0.is_exactly(&two.0) && one.1.is_exactly(&two.1))
            }
            (Self::Type(Some(one)), Self::Type(Some(two))) => Arc::ptr_eq(one, two) || one.is_exactly(two),
            (Self::Wrapper(wrapped), other) => wrapped.as_type() == *other.unwrapped(),
            (one, Self::Wrapper(wrapped)) => wrapped.as_type() == *one,
            (one, two) => one == two,
        }
    }

    fn unwrapped(&self) -> Cow<'_, Type> {
        match self {
            Self::Wrapper(wrapped) => Cow::Owned(wrapped.as_type()),
            other => Cow::Borrowed(other),
        }
    }

    /// How the type is written in the checker's errors: `null` for `null_type`, `duration` for `google.protobuf.Duration`.
    #[must_use]
    pub fn in_errors(&self) -> InErrors<'_> {
        InErrors(self)
    }

    /// The name without parameters, as in the errors of `format`: `list`, `optional_type`, `kubernetes.Quantity`.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            Self::List(_) => "list".into(),
            Self::Map(_) => "map".into(),
            Self::Optional(_) => "optional_type".into(),
            Self::Type(_) => "type".into(),
            Self::Wrapper(primitive) => primitive.as_type().to_string().into(),
            Self::Opaque(name) | Self::Struct(name) => Cow::Borrowed(name),
            other => other.to_string().into(),
        }
    }

    /// Adds the declared type parameters in this type, each once.
    pub(super) fn declared_params(&self, found: &mut Vec<char>) {
        match self {
            Self::Param(Param::Declared(name)) if !found.contains(name) => found.push(*name),
            Self::List(inner) | Self::Optional(inner) | Self::Type(Some(inner)) => {
                inner.declared_params(found)
            }
            Self::Map(entry) => {
                entry.0.declared_params(found);
                entry.1.declared_params(found);
            }
            _ => {}
        }
    }

    /// Known only at run time: `dyn` or `any`.
    #[must_use]
    pub fn is_dyn(&self) -> bool {
        matches!(self, Self::Dyn | Self::Any)
    }
}

/// See [`Type::in_errors`].
#[derive(Debug)]
pub struct InErrors<'t>(&'t Type);

impl fmt::Display for InErrors<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Type::Any => f.write_str("any"),
            Type::Duration => f.write_str("duration"),
            Type::Timestamp => f.write_str("timestamp"),
            Type::Null => f.write_str("null"),
            Type::List(element) => write!(f, "list({})", element.in_errors()),
            Type::Map(entry) => write!(f, "map({}, {})", entry.0.in_errors(), entry.1.in_errors()),
            Type::Optional(value) => write!(f, "optional_type({})", value.in_errors()),
            Type::Type(Some(value)) => write!(f, "type({})", value.in_errors()),
            other => other.fmt(f),
        }
    }
}

impl Primitive {
    /// The type that is wrapped.
    #[must_use]
    pub fn as_type(self) -> Type {
        match self {
            Self::Bool => Type::Bool,
            Self::Int => Type::Int,
            Self::Uint => Type::Uint,
            Self::Double => Type::Double,
            Self::String => Type::String,
            Self::Bytes => Type::Bytes,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error => f.write_str("!error!"),
            Self::Dyn => f.write_str("dyn"),
            Self::Null => f.write_str("null_type"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Uint => f.write_str("uint"),
            Self::Double => f.write_str("double"),
            Self::String => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Duration => f.write_str("google.protobuf.Duration"),
            Self::Timestamp => f.write_str("google.protobuf.Timestamp"),
            Self::Any => f.write_str("google.protobuf.Any"),
            Self::List(element) => write!(f, "list({element})"),
            Self::Map(entry) => write!(f, "map({}, {})", entry.0, entry.1),
            Self::Optional(value) => write!(f, "optional_type({value})"),
            Self::Type(None) => f.write_str("type"),
            Self::Type(Some(value)) => write!(f, "type({value})"),
            Self::Wrapper(primitive) => write!(f, "wrapper({})", primitive.as_type()),
            Self::Opaque(name) | Self::Struct(name) => f.write_str(name),
            Self::Param(Param::Declared(name)) => write!(f, "{name}"),
            Self::Param(Param::Free(number)) => write!(f, "_var{number}"),
        }
    }
}
