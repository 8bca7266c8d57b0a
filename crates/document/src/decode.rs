//! Reading typed values out of a document with serde, every error at its node.
//!
//! Policies and configuration are documents like any other, so they are read by the rules of Kubernetes'
//! YAML, and what is wrong with them can be pointed at.

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::{Children, Kind, Members, NodeId, NodeRef, Scalar};

/// A value that is not of the type that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DecodeError {
    /// What is wrong.
    pub message: String,
    /// Where; set while the error comes up through the document.
    pub node: NodeId,
    /// Whether the node's key is meant, rather than its value.
    pub at_key: bool,
    set: bool,
}

impl DecodeError {
    fn at(mut self, node: NodeRef<'_>, at_key: bool) -> Self {
        if !self.set {
            (self.node, self.at_key, self.set) = (node.id(), at_key, true);
        }
        self
    }
}

/// serde's own texts speak of Rust: sequences, variants, structs.
impl de::Error for DecodeError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), node: NodeId::ROOT, at_key: false, set: false }
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format!("expected {}, found {}", expected_text(expected), found_text(found)))
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(found: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format!("unknown value `{found}`, expected {}", one_of(expected)))
    }

    fn unknown_field(found: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format!("unknown field `{found}`, expected {}", one_of(expected)))
    }
}

fn expected_text(expected: &dyn de::Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative".to_owned(),
        _ if text.starts_with("struct ") => "a mapping".to_owned(),
        _ => text,
    }
}

fn found_text(found: de::Unexpected<'_>) -> String {
    match found {
        de::Unexpected::Bool(value) => format!("the boolean {value}"),
        de::Unexpected::Unsigned(value) => format!("the number {value}"),
        de::Unexpected::Signed(value) => format!("the number {value}"),
        de::Unexpected::Float(value) => format!("the number {value}"),
        de::Unexpected::Str(value) => format!("the string {value:?}"),
        de::Unexpected::Unit => "null".to_owned(),
        de::Unexpected::Seq => "a list".to_owned(),
        de::Unexpected::Map => "a mapping".to_owned(),
        other => other.to_string(),
    }
}

fn one_of(names: &[&str]) -> String {
    // an alias for what YAML makes of the key `on`: nobody need write it
    let names: Vec<String> =
        names.iter().filter(|name| **name != "true").map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [one, other] => format!("{one} or {other}"),
        many => format!("one of {}", many.join(", ")),
    }
}

impl<'d> NodeRef<'d> {
    /// Reads the node as a `T`.
    ///
    /// # Errors
    /// When it is none; the first fault in the order of the text.
    pub fn decode<T: DeserializeOwned>(self) -> Result<T, DecodeError> {
        T::deserialize(self).map_err(|e| e.at(self, false))
    }
}

impl<'de> Deserializer<'de> for NodeRef<'_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.scalar() {
            Some(Scalar::Null) => visitor.visit_unit(),
            Some(Scalar::Bool(b)) => visitor.visit_bool(b),
            Some(Scalar::Int(i)) => visitor.visit_i64(i),
            Some(Scalar::Float(f)) => visitor.visit_f64(f),
            Some(Scalar::String(s)) => visitor.visit_str(s),
            None if self.kind() == Kind::Array => visitor.visit_seq(Sequence(self.items())),
            None => visitor.visit_map(Mapping { members: self.members(), value: None }),
        }
        .map_err(|e| e.at(self, false))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let name = match self.scalar() {
            Some(Scalar::String(name)) => name,
            _ => return Err(de::Error::invalid_type(unexpected(self), &"a string")),
        };
        visitor.visit_enum(Variant(name)).map_err(|e: DecodeError| e.at(self, false))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct identifier
    }
}

fn unexpected<'d>(node: NodeRef<'d>) -> de::Unexpected<'d> {
    match node.scalar() {
        Some(Scalar::Null) => de::Unexpected::Other("null"),
        Some(Scalar::Bool(b)) => de::Unexpected::Bool(b),
        Some(Scalar::Int(i)) => de::Unexpected::Signed(i),
        Some(Scalar::Float(f)) => de::Unexpected::Float(f),
        Some(Scalar::String(s)) => de::Unexpected::Str(s),
        None if node.is_array() => de::Unexpected::Seq,
        None => de::Unexpected::Map,
    }
}

struct Sequence<'d>(Children<'d>);

impl<'de> SeqAccess<'de> for Sequence<'_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some(node) = self.0.next() else { return Ok(None) };
        seed.deserialize(node).map(Some).map_err(|e| e.at(node, false))
    }
}

struct Mapping<'d> {
    members: Members<'d>,
    value: Option<NodeRef<'d>>,
}

impl<'de> MapAccess<'de> for Mapping<'_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        let Some((key, node)) = self.members.next() else { return Ok(None) };
        self.value = Some(node);
        seed.deserialize(key.into_deserializer()).map(Some).map_err(|e: DecodeError| e.at(node, true))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        let node = self.value.take().expect("serde asks for a key first");
        seed.deserialize(node).map_err(|e| e.at(node, false))
    }
}

struct Variant<'d>(&'d str);

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), DecodeError> {
        let name: de::value::StrDeserializer<'_, DecodeError> = self.0.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _seed: T) -> Result<T::Value, DecodeError> {
        Err(de::Error::custom(format!("{} takes no value", self.0)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, _visitor: V) -> Result<V::Value, DecodeError> {
        Err(de::Error::custom(format!("{} takes no value", self.0)))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, DecodeError> {
        Err(de::Error::custom(format!("{} takes no value", self.0)))
    }
}
