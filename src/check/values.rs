//! CEL values as documents and as text.

use crate::cel::value::{Value, View};
use crate::document::edit::Literal;
use crate::document::{Builder, Document, LimitError, Limits};
use std::sync::Arc;

/// Why a value cannot stand in a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ValueError {
    /// JSON has no such thing.
    #[error("a value of type {0} cannot stand in an object")]
    Type(String),
    /// It is too large.
    #[error(transparent)]
    Limit(#[from] LimitError),
}

/// The value as a document of its own.
pub(crate) fn to_document(value: &Value<'_>) -> Result<Document<'static>, ValueError> {
    let mut builder = Builder::new("", Limits { depth: 500, nodes: 1 << 20 });
    push(&mut builder, value)?;
    Ok(builder.finish())
}

/// The value as an edit brings it along.
pub(crate) fn to_literal(value: &Value<'_>) -> Result<Literal, ValueError> {
    to_document(value).map(Arc::new)
}

/// Recurses as deep as the builder's limit lets it.
fn push(builder: &mut Builder<'_>, value: &Value<'_>) -> Result<(), ValueError> {
    if let Value::Node(node) = value {
        builder.copy_node(*node, false)?;
        return Ok(());
    }
    match value.view() {
        View::Null => builder.null()?,
        View::Bool(value) => builder.bool(value)?,
        View::Int(value) => builder.int(value)?,
        View::Uint(value) => match i64::try_from(value) {
            Ok(value) => builder.int(value)?,
            #[expect(clippy::cast_precision_loss, reason = "as Kubernetes reads large integers")]
            Err(_) => builder.float(value as f64)?,
        },
        View::Double(value) => builder.float(value)?,
        View::Str(text) => builder.string(text)?,
        View::List(list) => {
            builder.begin_array()?;
            for item in list.iter() {
                push(builder, &item)?;
            }
            builder.end()
        }
        View::Map(map) => {
            builder.begin_object()?;
            for (key, value) in map.iter() {
                builder.key(&text(&key), None)?;
                push(builder, &value)?;
            }
            builder.end()
        }
        View::Optional(Some(value)) => return push(builder, value),
        View::Optional(None) => builder.null()?,
        other => return Err(ValueError::Type(other.type_name().to_owned())),
    };
    Ok(())
}

/// The value as a message shows it: a string as it is, all else as JSON.
pub(crate) fn text(value: &Value<'_>) -> String {
    if let Some(text) = value.as_str() {
        return text.to_owned();
    }
    match to_document(value) {
        Ok(document) => document.root().to_json(),
        Err(_) => value.view().type_name().to_owned(),
    }
}

/// The value as a person compares it: JSON, so that text and numbers are told apart.
pub(crate) fn shown(value: &Value<'_>) -> String {
    match to_document(value) {
        Ok(document) => document.root().to_json(),
        Err(_) => format!("({})", value.view().type_name()),
    }
}
