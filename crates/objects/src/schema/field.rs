//! A field of a definition, read from its line.

use std::fmt::Write;

use super::Releases;
use super::table::{self, Definition};

/// What JSON a field holds, as Go's types have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// A string; named where Go's type has a name (`v1.Protocol`).
    String(Option<&'static str>),
    /// A boolean.
    Bool,
    /// `int32`, `int64`, `int`, `uint8`: how many bits, and the name that messages use.
    Int(u32, &'static str),
    /// `float64`
    Float,
    /// `[]byte`: a string of base64.
    Bytes,
    /// `resource.Quantity`
    Quantity,
    /// `intstr.IntOrString`
    IntOrString,
    /// `metav1.Time`: seconds, in UTC.
    Time,
    /// `metav1.MicroTime`: exactly six decimals.
    MicroTime,
    /// `metav1.Duration`
    Duration,
    /// Any JSON.
    Raw,
    /// A schema, or one of the other things that stand in its place in a `JSONSchemaProps`.
    SchemaOr(SchemaOr),
    /// A list of one type; named where Go's type has a name.
    List(Box<Type>, Option<&'static str>),
    /// A map from strings; named where Go's type has a name (`v1.ResourceList`).
    Map(Box<Type>, Option<&'static str>, Option<&'static str>),
    /// An object of a definition, by its place in the table.
    Object(usize),
    /// What may be absent without being zero.
    Pointer(Box<Type>),
}

/// See [`Type::SchemaOr`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaOr {
    /// `additionalProperties: true`
    Bool,
    /// `items: [{}, {}]`
    List,
    /// `dependencies: {a: [b]}`
    Strings,
}

/// How lists are merged by server-side apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListType {
    /// As a whole; also where nothing is said.
    Atomic,
    /// By value.
    Set,
    /// By the values of these keys.
    Map(Vec<&'static str>),
}

/// A member of a definition's JSON.
#[derive(Debug, Clone)]
pub struct Field {
    /// The key of the member.
    pub name: &'static str,
    /// What it holds.
    pub kind: Type,
    /// Go leaves it out where it is zero (`omitempty`).
    pub omit_empty: bool,
    /// Go leaves it out where it is a zero struct (`omitzero`).
    pub omit_zero: bool,
    /// OpenAPI lists it as required.
    pub required: bool,
    /// Its description says so.
    pub deprecated: bool,
    /// How it is merged, where it is a list and something is said.
    pub list: Option<ListType>,
    /// A map or struct that is merged as a whole.
    pub atomic: bool,
    /// Whether it is merged member by member, whatever its definition says.
    pub granular: bool,
    /// The values that it may have, where OpenAPI lists them.
    pub values: Vec<&'static str>,
    /// The default that the schema gives (a few; most defaults are Go code).
    pub default: Option<&'static str>,
    /// The embedded structs on the way, as Go's messages write them: `VolumeSource`.
    pub embedded: Option<&'static str>,
    /// Where it is there.
    pub releases: Releases,
}

impl Field {
    /// Reads a line of the table; `package` is the part of the definition's name before its dot.
    pub(super) fn parse(line: &'static str, package: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let name = words.next()?;
        let kind = Type::parse(words.next()?, package)?;
        let mut field = Self {
            name,
            kind,
            omit_empty: false,
            omit_zero: false,
            required: false,
            deprecated: false,
            list: None,
            atomic: false,
            granular: false,
            values: Vec::new(),
            default: None,
            embedded: None,
            releases: Releases::ALL,
        };
        for word in words {
            field.mark(word)?;
        }
        Some(field)
    }

    fn mark(&mut self, word: &'static str) -> Option<()> {
        match word {
            "e" => self.omit_empty = true,
            "z" => self.omit_zero = true,
            "ez" => (self.omit_empty, self.omit_zero) = (true, true),
            "r" => self.required = true,
            "d" => self.deprecated = true,
            "a" => self.list = Some(ListType::Atomic),
            "s" => self.list = Some(ListType::Set),
            "A" => self.atomic = true,
            "G" => self.granular = true,
            _ => match word.split_at_checked(1)? {
                ("|", values) => self.values = values.split('|').collect(),
                ("=", value) => self.default = Some(value),
                (".", path) => self.embedded = Some(path),
                ("m", keys) => self.list = Some(ListType::Map(keys.strip_prefix(':')?.split(',').collect())),
                _ => self.releases = Releases::parse(word)?,
            },
        }
        Some(())
    }

    /// Whether Go writes it where it is zero: `omitempty` leaves structs alone, whatever is in them.
    pub(super) fn is_always_written(&self) -> bool {
        if self.kind.is_struct() { !self.omit_zero } else { !self.omit_empty }
    }

    /// Whether the value may be absent without being zero.
    #[must_use]
    pub fn is_pointer(&self) -> bool {
        matches!(self.kind, Type::Pointer(_))
    }
}

impl Type {
    fn parse(word: &'static str, package: &str) -> Option<Self> {
        if let Some(pointed) = word.strip_prefix('*') {
            return Some(Self::Pointer(Box::new(Self::parse(pointed, package)?)));
        }
        // the name stands before the first `=`, unless that belongs to what a list or map holds
        let (name, base) = match word.split_once('=') {
            Some((name, base)) if !name.starts_with(['[', '{']) => (Some(name), base),
            _ => (None, word),
        };
        if let Some(item) = base.strip_prefix("[]") {
            return Some(Self::List(Box::new(Self::parse(item, package)?), name));
        }
        if let Some(rest) = base.strip_prefix('{') {
            let (key, value) = rest.split_once('}')?;
            let key = (!key.is_empty()).then_some(key);
            return Some(Self::Map(Box::new(Self::parse(value, package)?), name, key));
        }
        Some(match base {
            "string" => Self::String(name),
            "bool" => Self::Bool,
            "int32" => Self::Int(32, name.unwrap_or("int32")),
            "int64" => Self::Int(64, name.unwrap_or("int64")),
            "int" => Self::Int(64, name.unwrap_or("int")),
            "float64" => Self::Float,
            "bytes" => Self::Bytes,
            "quantity" => Self::Quantity,
            "intstr" => Self::IntOrString,
            "time" => Self::Time,
            "microtime" => Self::MicroTime,
            "duration" => Self::Duration,
            "raw" => Self::Raw,
            "schemaorbool" => Self::SchemaOr(SchemaOr::Bool),
            "schemaorlist" => Self::SchemaOr(SchemaOr::List),
            "schemaorstrings" => Self::SchemaOr(SchemaOr::Strings),
            near if near.starts_with('.') => Self::Object(table::position(&format!("{package}{near}"))?),
            far => Self::Object(table::position(far)?),
        })
    }

    /// Whether Go holds it in a struct, which is there even where nothing is in it.
    #[must_use]
    pub fn is_struct(&self) -> bool {
        matches!(
            self,
            Self::Object(_)
                | Self::Quantity
                | Self::IntOrString
                | Self::Time
                | Self::MicroTime
                | Self::Duration
                | Self::Raw
                | Self::SchemaOr(_)
        )
    }

    /// The type without a pointer around it.
    #[must_use]
    pub fn pointed(&self) -> &Self {
        match self {
            Self::Pointer(inner) => inner,
            other => other,
        }
    }

    /// The definition, where it is an object of one.
    #[must_use]
    pub fn definition(&self) -> Option<&'static Definition> {
        match self.pointed() {
            Self::Object(at) => table::at(*at),
            _ => None,
        }
    }

    /// How Go writes the type: `[]v1.Container`, `map[string]string`.
    #[must_use]
    pub fn go(&self) -> String {
        let mut out = String::new();
        self.write_go(&mut out);
        out
    }

    fn write_go(&self, out: &mut String) {
        match self {
            Self::List(_, Some(name)) | Self::Map(_, Some(name), _) => out.push_str(name),
            Self::List(item, None) => {
                out.push_str("[]");
                item.write_go(out);
            }
            Self::Map(value, None, key) => {
                // writing to a String cannot fail
                let _ = write!(out, "map[{}]", key.unwrap_or("string"));
                value.write_go(out);
            }
            Self::Pointer(inner) => {
                out.push('*');
                inner.write_go(out);
            }
            Self::Object(at) => out.push_str(table::at(*at).map_or("", |definition| definition.go)),
            Self::String(name) => out.push_str(name.unwrap_or("string")),
            Self::Bool => out.push_str("bool"),
            Self::Int(_, name) => out.push_str(name),
            Self::Float => out.push_str("float64"),
            Self::Bytes => out.push_str("[]uint8"),
            Self::Quantity => out.push_str("resource.Quantity"),
            Self::IntOrString => out.push_str("intstr.IntOrString"),
            Self::Time => out.push_str("v1.Time"),
            Self::MicroTime => out.push_str("v1.MicroTime"),
            Self::Duration => out.push_str("v1.Duration"),
            Self::Raw => out.push_str("runtime.RawExtension"),
            Self::SchemaOr(SchemaOr::Bool) => out.push_str("v1.JSONSchemaPropsOrBool"),
            Self::SchemaOr(SchemaOr::List) => out.push_str("v1.JSONSchemaPropsOrArray"),
            Self::SchemaOr(SchemaOr::Strings) => out.push_str("v1.JSONSchemaPropsOrStringArray"),
        }
    }
}
