//! Values without members: strings, numbers, and the types that are a string in JSON and more in Go.

use std::borrow::Cow;

use document::{NodeRef, Scalar};
use kubernetes_cel::library::quantity::Quantity;

use super::word;
use crate::gotime;
use crate::schema::Type;
use crate::tree::Value;

/// Why a value is none of its type.
pub(super) enum Fault {
    /// It is of another. `own`: found by a type that reads its JSON itself.
    Type { found: String, go: &'static str, own: bool },
    /// It is not written as it must be.
    Text { text: String, own: bool },
}

pub(super) fn read<'d>(kind: &'static Type, node: NodeRef<'d>) -> Result<Value<'d>, Fault> {
    match (kind, node.scalar()) {
        (Type::String(_), Some(Scalar::String(text))) => Ok(Value::Text(Cow::Borrowed(text))),
        (Type::String(name), _) => Err(wrong(node, name.unwrap_or("string"), false)),
        (Type::Bool, Some(Scalar::Bool(value))) => Ok(Value::Bool(value)),
        (Type::Bool, _) => Err(wrong(node, "bool", false)),
        (Type::Int(bits, go), _) => int(node, *bits, go, false),
        (Type::Float, Some(Scalar::Float(value))) => Ok(Value::Float(value)),
        (Type::Float, Some(Scalar::Int(value))) => Ok(Value::Int(value)),
        (Type::Float, _) => Err(wrong(node, "float64", false)),
        (Type::Bytes, _) => bytes(node),
        (Type::Quantity, _) => quantity(node),
        (Type::IntOrString, Some(Scalar::String(text))) => Ok(Value::Text(Cow::Borrowed(text))),
        (Type::IntOrString, _) => int(node, 32, "int32", true),
        (Type::Time | Type::MicroTime | Type::Duration, Some(Scalar::String(text))) => {
            let read = match kind {
                Type::Time => gotime::seconds(text),
                Type::MicroTime => gotime::micros(text),
                // no field of a built-in kind is one
                _ => Ok(Some(text.to_owned())),
            };
            match read {
                Ok(Some(written)) if written == text => Ok(Value::Text(Cow::Borrowed(text))),
                Ok(written) => Ok(written.map_or(Value::Null, Value::text)),
                Err(text) => Err(Fault::Text { text, own: true }),
            }
        }
        (Type::Time | Type::MicroTime | Type::Duration, _) => Err(wrong(node, "string", true)),
        _ => Err(wrong(node, "unknown", false)),
    }
}

fn wrong(node: NodeRef<'_>, go: &'static str, own: bool) -> Fault {
    Fault::Type { found: word(node).to_owned(), go, own }
}

/// Whole numbers, also those that YAML has as floats: kubectl writes `80.0` as `80`.
fn int<'d>(node: NodeRef<'d>, bits: u32, go: &'static str, own: bool) -> Result<Value<'d>, Fault> {
    let (number, text) = match node.scalar() {
        Some(Scalar::Int(number)) => (Some(number), number.to_string()),
        Some(Scalar::Float(number)) => {
            let text = json_number(number);
            (text.parse().ok(), text)
        }
        _ => return Err(wrong(node, go, own)),
    };
    match number {
        Some(number) if bits == 64 || i32::try_from(number).is_ok() => Ok(Value::Int(number)),
        _ => Err(Fault::Type { found: format!("number {text}"), go, own }),
    }
}

/// A float as Go's encoding/json writes it (`floatEncoder`): plain below 1e21, with an exponent beyond.
pub(crate) fn json_number(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        return match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
            _ => text,
        };
    }
    format!("{number}")
}

/// encoding/base64's `StdEncoding`: line breaks are skipped, padding is a must, stray bits at the end are dropped.
fn bytes(node: NodeRef<'_>) -> Result<Value<'_>, Fault> {
    let Some(text) = node.as_str() else {
        if node.is_array() {
            let bytes: Option<Vec<u8>> = node.items().map(|item| u8::try_from(item.as_i64()?).ok()).collect();
            if let Some(bytes) = bytes {
                return Ok(Value::text(crate::base64::encode(&bytes)));
            }
        }
        return Err(wrong(node, "[]uint8", false));
    };
    match crate::base64::decode(text) {
        Ok(bytes) => {
            let canonical = crate::base64::encode(&bytes);
            Ok(if canonical == text { Value::Text(Cow::Borrowed(text)) } else { Value::text(canonical) })
        }
        Err(at) => Err(Fault::Text { text: format!("illegal base64 data at input byte {at}"), own: false }),
    }
}

/// `Quantity.UnmarshalJSON` (apimachinery/pkg/api/resource): numbers are read as they are written.
fn quantity(node: NodeRef<'_>) -> Result<Value<'_>, Fault> {
    let text = match node.scalar() {
        Some(Scalar::String(text)) => Cow::Borrowed(text),
        Some(Scalar::Int(number)) => Cow::Owned(number.to_string()),
        Some(Scalar::Float(number)) => Cow::Owned(json_number(number)),
        _ => Cow::Owned(node.to_json()),
    };
    match Quantity::parse_trimmed(&text) {
        Ok(quantity) => {
            let canonical = quantity.to_string();
            Ok(match node.as_str() {
                Some(written) if written == canonical => Value::Text(Cow::Borrowed(written)),
                _ => Value::text(canonical),
            })
        }
        Err(error) => Err(Fault::Text { text: error.to_string(), own: true }),
    }
}
