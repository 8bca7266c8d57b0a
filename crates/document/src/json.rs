//! Reading JSON: a reader of what is right fills the tape; what it does not read `serde_json` parses, and a visitor fills it.

mod plain;

use std::sync::Arc;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Builder, Document, LimitError, Limits, NodeId, Source, json_span};

/// Why a text is no JSON document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text is not JSON.
    #[error("{message} at line {line} column {column}")]
    Syntax {
        /// What the parser says, without the position.
        message: String,
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
    },
    /// The document is deeper, wider or larger than allowed.
    #[error("{limit} at line {line} column {column}")]
    Limit {
        /// Which limit.
        limit: LimitError,
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
    },
}

impl<'a> Document<'a> {
    /// Reads one JSON value; only blanks may follow it.
    ///
    /// Nesting is bounded by [`Limits::depth`] before `serde_json` goes down, so its own recursion limit is
    /// switched off and a limit above some thousands needs a stack to match.
    ///
    /// # Errors
    /// When the text is not JSON, or goes over a limit.
    pub fn from_json(text: &'a str, limits: Limits) -> Result<Self, JsonError> {
        let mut builder = Builder::new(text, limits);
        fill(&mut builder, text)?;
        Ok(Document { is_its_text: true, ..builder.finish() })
    }

    /// As [`Document::from_json`], and every node knows its place in the text.
    ///
    /// # Errors
    /// When the text is not JSON, or goes over a limit.
    pub fn from_json_with_places(text: &'a str, limits: Limits) -> Result<Self, JsonError> {
        let mut document = Self::from_json(text, limits)?;
        json_span::attach(&mut document);
        Ok(document)
    }

    /// As [`Document::from_json`], keeping the text.
    ///
    /// # Errors
    /// When the text is not JSON, or goes over a limit.
    pub fn from_json_owned(
        text: impl Into<Arc<str>>,
        limits: Limits,
    ) -> Result<Document<'static>, JsonError> {
        let text: Arc<str> = text.into();
        let mut builder = Builder::with_source(Source::Shared(Arc::clone(&text)), limits);
        fill(&mut builder, &text)?;
        Ok(Document { is_its_text: true, ..builder.finish() })
    }

    /// A document of what serializes to JSON.
    ///
    /// # Errors
    /// When serializing fails, or the result goes over a default limit.
    pub fn from_value<T: serde::Serialize + ?Sized>(value: &T) -> Result<Document<'static>, JsonError> {
        let text = serde_json::to_string(value).map_err(|error| syntax(&error))?;
        Document::from_json_owned(text, Limits::default())
    }
}

fn fill(builder: &mut Builder<'_>, text: &str) -> Result<(), JsonError> {
    if plain::read(builder, text).is_some() {
        return Ok(());
    }
    builder.restart();
    by_serde(builder, text)
}

fn by_serde(builder: &mut Builder<'_>, text: &str) -> Result<(), JsonError> {
    let mut json = serde_json::Deserializer::from_str(text);
    json.disable_recursion_limit();
    let mut limit = None;
    Value { builder, limit: &mut limit }.deserialize(&mut json).and_then(|_| json.end()).map_err(|error| {
        match limit {
            Some(limit) => JsonError::Limit { limit, line: error.line(), column: error.column() },
            None => syntax(&error),
        }
    })
}

fn syntax(error: &serde_json::Error) -> JsonError {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message).to_owned();
    JsonError::Syntax { message, line: error.line(), column: error.column() }
}

/// Reads a value into the builder; what stops it is left in `limit`.
struct Value<'b, 'a> {
    builder: &'b mut Builder<'a>,
    limit: &'b mut Option<LimitError>,
}

impl Value<'_, '_> {
    fn keep<T, E: de::Error>(self, result: Result<T, LimitError>) -> Result<T, E> {
        result.map_err(|limit| {
            *self.limit = Some(limit);
            E::custom("limit")
        })
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = NodeId;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<NodeId, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = NodeId;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<NodeId, E> {
        let result = self.builder.null();
        self.keep(result)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<NodeId, E> {
        let result = self.builder.bool(value);
        self.keep(result)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<NodeId, E> {
        let result = self.builder.int(value);
        self.keep(result)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<NodeId, E> {
        let result = match i64::try_from(value) {
            Ok(value) => self.builder.int(value),
            #[expect(clippy::cast_precision_loss, reason = "as Kubernetes reads large integers")]
            Err(_) => self.builder.float(value as f64),
        };
        self.keep(result)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<NodeId, E> {
        let result = self.builder.float(value);
        self.keep(result)
    }

    #[inline]
    fn visit_borrowed_str<E: de::Error>(self, value: &'de str) -> Result<NodeId, E> {
        let result = self.builder.lent_string(value);
        self.keep(result)
    }

    #[inline]
    fn visit_str<E: de::Error>(self, value: &str) -> Result<NodeId, E> {
        let result = self.builder.string(value);
        self.keep(result)
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<NodeId, A::Error> {
        let Self { builder, limit } = self;
        let begun = builder.begin_array();
        Value { builder: &mut *builder, limit: &mut *limit }.keep(begun)?;
        while items.next_element_seed(Value { builder: &mut *builder, limit: &mut *limit })?.is_some() {}
        Ok(builder.end())
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<NodeId, A::Error> {
        let Self { builder, limit } = self;
        let begun = builder.begin_object();
        Value { builder: &mut *builder, limit: &mut *limit }.keep(begun)?;
        while members.next_key_seed(Key { builder: &mut *builder, limit: &mut *limit })?.is_some() {
            members.next_value_seed(Value { builder: &mut *builder, limit: &mut *limit })?;
        }
        Ok(builder.end())
    }
}

/// Reads a member's key into the builder.
struct Key<'b, 'a> {
    builder: &'b mut Builder<'a>,
    limit: &'b mut Option<LimitError>,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    #[inline]
    fn visit_borrowed_str<E: de::Error>(self, key: &'de str) -> Result<(), E> {
        let result = self.builder.lent_key(key);
        Value { builder: self.builder, limit: self.limit }.keep(result)
    }

    #[inline]
    fn visit_str<E: de::Error>(self, key: &str) -> Result<(), E> {
        let result = self.builder.key(key, None);
        Value { builder: self.builder, limit: self.limit }.keep(result)
    }
}
