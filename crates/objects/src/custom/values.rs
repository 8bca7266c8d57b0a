//! Values of an object as CEL sees them, by their schema (apiserver pkg/cel/common/valuesunstructured.go).
//!
//! What looks the same stays a node of the document; only the rest is made anew.

use document::{NodeRef, Scalar};
use kubernetes_cel::value::{Alike, List, Map, TooDeep, Value};

use super::format;
use super::go_number;
use super::schema::{ListType, Schema, Type};
use super::types::escaped;

/// The value of a node. What does not fit its schema, or cannot be named, stays as it is.
pub(crate) fn value<'d>(node: NodeRef<'d>, schema: &Schema) -> Result<Value<'d>, TooDeep> {
    if !schema.converted || node.is_null() {
        return Ok(Value::Node(node));
    }
    Ok(match schema.kind {
        Some(Type::Object) if node.is_object() => {
            let mut map = Map::default();
            for (key, member) in node.members() {
                let property = schema.properties.get(key);
                let known = property.or_else(|| schema.additional_schema());
                let value = match known {
                    Some(schema) => value(member, schema)?,
                    None => Value::Node(member),
                };
                // of an object only names that can be written are there; of a map all keys
                let name = if schema.additional_schema().is_some() { Some(key.into()) } else { escaped(key) };
                if let Some(name) = name {
                    map.insert(Value::string(&*name), value)?;
                }
            }
            map.into()
        }
        Some(Type::Array) if node.is_array() => match schema.items.as_deref() {
            Some(items) => {
                let items = node.items().map(|item| value(item, items)).collect::<Result<_, _>>()?;
                List::new(items)?.told_apart(alike(schema)).into()
            }
            None => Value::Node(node),
        },
        #[expect(clippy::cast_precision_loss, reason = "as Go converts")]
        Some(Type::Number) => node.as_i64().map_or(Value::Node(node), |number| Value::Double(number as f64)),
        Some(Type::Integer) => match node.scalar() {
            Some(Scalar::Float(number)) => Value::Int(go_number::to_int(number)),
            _ => Value::Node(node),
        },
        Some(Type::String) => {
            node.as_str().and_then(|text| of_format(text, schema)).unwrap_or(Value::Node(node))
        }
        _ => Value::Node(node),
    })
}

/// How the items of a list are told apart; keys are named as expressions name them.
fn alike(schema: &Schema) -> Alike {
    match schema.list_type {
        ListType::Atomic => Alike::InOrder,
        ListType::Set => Alike::Set,
        ListType::Map => Alike::Keys(
            schema
                .constraints()
                .list_keys
                .iter()
                .map(|key| escaped(key).map_or_else(|| key.clone(), Into::into))
                .collect(),
        ),
    }
}

/// Why a value cannot be read, though its schema took it: a list where a format stands beside the type, and a number
/// written with a fraction of zeros for an integer.
pub(crate) fn unreadable(node: NodeRef<'_>, schema: &Schema) -> Option<&'static str> {
    if schema.int_or_string {
        return None;
    }
    match schema.kind? {
        Type::String if node.is_array() => Some("invalid data, expected string, got []interface {}"),
        Type::Integer if matches!(node.scalar(), Some(Scalar::Float(_))) => {
            Some("invalid data, expected int, got float64")
        }
        _ => None,
    }
}

fn of_format<'d>(text: &str, schema: &Schema) -> Option<Value<'d>> {
    match schema.format.as_ref() {
        "duration" => format::duration(text).map(Value::Duration),
        "date" => format::instant(&format!("{text}T00:00:00Z")).map(Value::Timestamp),
        "date-time" => format::instant(text).map(Value::Timestamp),
        "byte" => format::bytes(text).map(|bytes| Value::Bytes(bytes.into())),
        _ => None,
    }
}
