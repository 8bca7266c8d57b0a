//! The types of the checker.

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
    /// A type of the Kubernetes libraries or of ours, by name (`kubernetes.Quantity`); it has no fields.
    Opaque(Arc<str>),
    /// A message or declared object, by name (`kubernetes.AdmissionRequest`, `Object.spec`, `JSONPatch`).
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

    /// Known only at run time: `dyn` or `any`.
    #[must_use]
    pub fn is_dyn(&self) -> bool {
        matches!(self, Self::Dyn | Self::Any)
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
            Self::Any => f.write_str("any"),
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
