//! Messages: protobuf's well-known types, which become plain values, and the types of mutations.

use std::sync::Arc;

use crate::error::EvalError;
use crate::library::time::{Duration, Timestamp};
use crate::value::{List, Map, Object, Value, View};

/// The value of `type_name{fields}`.
pub(crate) fn new<'d>(
    type_name: &Arc<str>,
    fields: Vec<(Arc<str>, Value<'d>)>,
) -> Result<Value<'d>, EvalError> {
    if let Some(name) = type_name.strip_prefix("google.protobuf.") {
        return well_known(name, type_name, &fields);
    }
    if &**type_name == "JSONPatch" {
        return json_patch(type_name, fields);
    }
    if &**type_name == "Object" || type_name.starts_with("Object.") {
        return Ok(Value::Object(Arc::new(Object::new(type_name.clone(), fields)?)));
    }
    Err(EvalError::Library(format!("unknown type '{type_name}'")))
}

/// `op`, `path` and `from` are always there.
fn json_patch<'d>(type_name: &Arc<str>, fields: Vec<(Arc<str>, Value<'d>)>) -> Result<Value<'d>, EvalError> {
    let mut all: Vec<(Arc<str>, Value<'d>)> =
        ["op", "path", "from"].map(|name| (Arc::from(name), Value::Str(""))).into();
    for (name, value) in fields {
        if !matches!(&*name, "op" | "path" | "from" | "value") {
            return Err(EvalError::Library(format!("unexpected JSONPatchType field: {name}")));
        }
        if &*name != "value" && value.as_str().is_none() {
            let of = native_type(value.view());
            return Err(EvalError::Library(format!("unexpected type {of} for JSONPatchType '{name}' field")));
        }
        all.retain(|(known, _)| *known != name);
        all.push((name, value));
    }
    Ok(Value::Object(Arc::new(Object::new(type_name.clone(), all)?)))
}

/// The Go type of the value inside upstream's wrapper.
fn native_type(view: View<'_, '_>) -> &'static str {
    match view {
        View::Null => "structpb.NullValue",
        View::Bool(_) => "bool",
        View::Int(_) => "int64",
        View::Uint(_) => "uint64",
        View::Double(_) => "float64",
        View::Str(_) => "string",
        View::Bytes(_) => "[]uint8",
        View::List(_) => "[]ref.Val",
        View::Map(_) => "map[ref.Val]ref.Val",
        other => other.go_type(),
    }
}

/// The field of a message that stands where the checker knows no type; `None` where there is none.
///
/// An `Object` shows its fields only to the checker (k8s.io/apiserver `pkg/cel/mutation/dynamic/objects.go` has no
/// `Indexer`); a `JSONPatch` has four, which are absent while they are empty (`pkg/cel/mutation/jsonpatch.go`).
pub(crate) fn field<'d>(
    object: &Object<'d>,
    key: View<'_, '_>,
    asks: bool,
) -> Result<Option<Value<'d>>, EvalError> {
    if is_object(object) {
        return Ok(None);
    }
    if object.type_name() != "JSONPatch" {
        return Ok(match key {
            View::Str(name) => object.get(name).cloned(),
            _ => None,
        });
    }
    match key {
        View::Str("value") => Ok(object.get("value").cloned().or((!asks).then_some(Value::Null))),
        View::Str(name @ ("op" | "path" | "from")) => {
            let text = object.get(name).cloned().unwrap_or(Value::Str(""));
            Ok(if asks && text.as_str() == Some("") { None } else { Some(text) })
        }
        other => {
            let what = if asks { "field" } else { "indexer" };
            Err(EvalError::Library(format!("unsupported {what}: {}", go_text(other))))
        }
    }
}

/// Go's `%s` of a value that need not be a string.
fn go_text(key: View<'_, '_>) -> String {
    match key {
        View::Str(text) => text.to_owned(),
        View::Int(number) => format!("%!s(types.Int={number})"),
        View::Uint(number) => format!("%!s(types.Uint={number})"),
        View::Bool(value) => format!("%!s(types.Bool={value})"),
        View::Double(number) => {
            format!("%!s(types.Double={})", crate::library::numbers::double_text(number))
        }
        other => other.type_name().to_owned(),
    }
}

fn is_object(object: &Object<'_>) -> bool {
    object.type_name() == "Object" || object.type_name().starts_with("Object.")
}

/// A field that is not set reads as null: of an `Object` where the checker knows it as one.
pub(crate) fn has_every_field(value: &Value<'_>, known: bool) -> bool {
    matches!(value, Value::Object(object) if known || !is_object(object))
}

/// What is read out of an `Object` is no longer one, but a map of its fields; so are those in a list or map.
pub(crate) fn plain(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Object(object) if is_object(&object) => as_map(&object).into(),
        Value::List(list) if list.items().iter().any(|item| matches!(item, Value::Object(_))) => {
            let items = list.items().iter().map(|item| match item {
                Value::Object(object) if is_object(object) => as_map(object).into(),
                other => other.clone(),
            });
            List::new(items.collect()).map_or_else(|_| Value::List(list.clone()), Value::from)
        }
        other => other,
    }
}

fn as_map<'d>(object: &Object<'d>) -> Map<'d> {
    let mut map = Map::default();
    for (name, value) in object.fields() {
        // no deeper than the object, so that the limit of depth is not met
        let _ = map.insert(Value::String(name.clone()), plain(value.clone()));
    }
    map
}

fn well_known<'d>(
    name: &str,
    type_name: &str,
    fields: &[(Arc<str>, Value<'d>)],
) -> Result<Value<'d>, EvalError> {
    let field =
        |wanted: &str| fields.iter().rev().find(|(name, _)| **name == *wanted).map(|(_, value)| value);
    let refuse = |why: &str| {
        EvalError::Library(format!("field type conversion error for {type_name}.value value type: {why}"))
    };
    let value = field("value");
    let scalar = |zero: Value<'d>| value.cloned().unwrap_or(zero);
    Ok(match name {
        "Int32Value" => match value.and_then(Value::as_int) {
            Some(number) if i32::try_from(number).is_err() => return Err(refuse("integer overflow")),
            _ => scalar(Value::Int(0)),
        },
        "UInt32Value" => match value.map(Value::view) {
            Some(View::Uint(number)) if u32::try_from(number).is_err() => {
                return Err(refuse("unsigned integer overflow"));
            }
            _ => scalar(Value::Uint(0)),
        },
        "Int64Value" => scalar(Value::Int(0)),
        "UInt64Value" => scalar(Value::Uint(0)),
        "DoubleValue" => scalar(Value::Double(0.0)),
        "FloatValue" => match value.map(Value::view) {
            Some(View::Double(number)) => Value::Double(f64::from(number as f32)),
            _ => scalar(Value::Double(0.0)),
        },
        "BoolValue" => scalar(Value::Bool(false)),
        "StringValue" => scalar(Value::Str("")),
        "BytesValue" => scalar(Value::Bytes(Arc::from([]))),
        "Duration" => {
            let nanos = number(field("seconds")).checked_mul(1_000_000_000);
            let nanos = nanos.and_then(|nanos| nanos.checked_add(number(field("nanos"))));
            Value::Duration(Duration::from_nanos(nanos.ok_or(EvalError::IntOverflow)?))
        }
        "Timestamp" => {
            let at = Timestamp::from_unix(number(field("seconds"))).map_err(EvalError::library)?;
            let nanos = Duration::from_nanos(number(field("nanos")));
            Value::Timestamp(at.add(nanos).map_err(EvalError::library)?)
        }
        "Value" => fields.last().map_or(Value::Null, |(_, value)| value.clone()),
        "ListValue" => match field("values") {
            Some(values) => values.clone(),
            None => List::default().into(),
        },
        "Struct" => match field("fields") {
            Some(fields) => fields.clone(),
            None => Map::default().into(),
        },
        _ => Value::Object(Arc::new(Object::new(type_name.into(), fields.to_vec())?)),
    })
}

fn number(value: Option<&Value<'_>>) -> i64 {
    value.and_then(Value::as_int).unwrap_or(0)
}
