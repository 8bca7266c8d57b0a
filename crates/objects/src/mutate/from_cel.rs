//! What an expression gave, as the server passes it on: an apply configuration as Go's native values, the values of a
//! JSON patch by way of protobuf's `structpb.Value`. Neither loses what it should, nor keeps what one would think.
//!
//! apiserver `pkg/cel/mutation/dynamic/objects.go`, `plugin/policy/mutating/patch/json_patch.go`; cel-go
//! `common/types` (`ConvertToNative`).

use std::borrow::Cow;
use std::sync::Arc;

use kubernetes_cel::value::{ListView, MapView, Object, Value, View};

use super::Fault;
use super::go::{Alien, Known};
use super::json::{Json, Members, number};
use super::patch::JsonOperation;

/// `CheckTypeNamesMatchFieldPathNames`: `Object.spec{…}` stands in the field `spec` of an `Object`.
pub(super) fn check_type_names(object: &Object<'_>) -> Result<(), Fault> {
    let mut found = Vec::new();
    let mut path = object.type_name().to_owned();
    check_object(object, &mut path, &mut found);
    if found.is_empty() { Ok(()) } else { Err(Fault::Policy(format!("type mismatch: {}", found.join("\n")))) }
}

fn check_object(object: &Object<'_>, path: &mut String, found: &mut Vec<String>) {
    let name = object.type_name();
    if name != path {
        found.push(format!(
            "unexpected type name {name:?}, expected {path:?}, which matches field name path from root Object type"
        ));
    }
    for (field, value) in object.fields() {
        let length = path.len();
        path.push('.');
        path.push_str(field);
        check_value(value, path, found);
        path.truncate(length);
    }
}

/// Items and entries are of their list's or map's name. What came from an object has no such names.
fn check_value(value: &Value<'_>, path: &mut String, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => check_object(object, path, found),
        Value::List(list) => list.items().iter().for_each(|item| check_value(item, path, found)),
        Value::Map(map) => map.entries().iter().for_each(|(_, value)| check_value(value, path, found)),
        Value::Optional(Some(inner)) if !matches!(**inner, Value::Object(_)) => {
            check_value(inner, path, found)
        }
        _ => {}
    }
}

/// An apply configuration as a map of native values.
pub(super) fn configuration<'d>(object: &Object<'d>) -> Result<Members<'d>, Fault> {
    fields(object).map_err(|_| Fault::Policy("invalid return type: *dynamic.ObjectVal".to_owned()))
}

/// `ObjectVal.ConvertToNative`
fn fields<'d>(object: &Object<'d>) -> Result<Members<'d>, String> {
    let mut members = Members::new();
    for (name, value) in object.fields() {
        let value = field(value).map_err(|text| format!("fail to convert field {name:?}: {text}"))?;
        members.insert(Cow::Owned(name.to_string()), value);
    }
    Ok(members)
}

/// `convertField`: lists and maps of the expression are looked into one level deep, as each `Object` does again.
fn field<'d>(value: &Value<'d>) -> Result<Json<'d>, String> {
    match value {
        Value::List(list) => Ok(Json::list(list.items().iter().map(native).collect())),
        Value::Map(map) => {
            let mut members = Members::new();
            for (key, value) in map.entries() {
                let Some(name) = key.as_str() else {
                    let of = key.view().go_type();
                    let text = match key.view() {
                        View::Bool(key) => format!("%!q(types.Bool={key})"),
                        View::Int(key) => format!("%!q(types.Int={key})"),
                        View::Uint(key) => format!("%!q(types.Uint={key})"),
                        _ => String::new(),
                    };
                    return Err(format!("map key {text} is of type {of}, not string"));
                };
                members.insert(Cow::Owned(name.to_owned()), native(value));
            }
            Ok(Json::map(members))
        }
        Value::Optional(Some(inner)) => field(inner),
        other => Ok(native(other)),
    }
}

/// `ref.Val.Value()`
fn native<'d>(value: &Value<'d>) -> Json<'d> {
    match value {
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(number) => Json::Int(*number),
        Value::Double(number) => Json::Float(*number),
        Value::Str(text) => Json::text(*text),
        Value::String(text) => Json::Text(Arc::clone(text)),
        Value::Node(node) if !node.is_null() => Json::Node(*node),
        Value::Object(object) => match fields(object) {
            Ok(members) => Json::map(members),
            Err(text) => Json::Alien(Arc::new(Alien::error(text))),
        },
        Value::Optional(None) => Json::Null,
        Value::Optional(Some(inner)) => native(inner),
        other => Json::Alien(Arc::new(Alien::of(other))),
    }
}

/// The operations of a list of `JSONPatch{…}`.
pub(super) fn operations<'d>(value: &Value<'d>) -> Result<Vec<JsonOperation<'d>>, Fault> {
    let View::List(list) = value.view() else {
        let text = "type mismatch: JSONPatchType.expression should evaluate to array";
        return Err(Fault::Policy(text.to_owned()));
    };
    list.iter().map(|item| operation(&item)).collect()
}

fn operation<'d>(item: &Value<'d>) -> Result<JsonOperation<'d>, Fault> {
    let Value::Object(operation) = item else {
        let text = "type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch";
        return Err(Fault::Policy(text.to_owned()));
    };
    let text = |name: &str| operation.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(JsonOperation {
        op: text("op"),
        path: text("path"),
        from: text("from"),
        value: operation.get("value").map(patch_value).transpose()?,
    })
}

/// Why a value does not become JSON.
enum Refusal {
    Text(String),
    Crash,
}

impl From<String> for Refusal {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

fn patch_value<'d>(value: &Value<'d>) -> Result<Json<'d>, Fault> {
    let made = match value {
        Value::Object(object) => {
            check_type_names(object)?;
            structure(object).map_err(Refusal::Text)
        }
        other => json(other),
    };
    made.map_err(|refusal| match refusal {
        Refusal::Text(text) => Fault::Policy(format!(
            "JSONPath valueExpression evaluated to a type that could not marshal to JSON: {text}"
        )),
        Refusal::Crash => Fault::Crash,
    })
}

/// `ConvertToNative(structpb.Value)`. Whole numbers beyond 2^53 become strings.
fn json<'d>(value: &Value<'d>) -> Result<Json<'d>, Refusal> {
    /// 2^53 - 1
    const SAFE: u64 = 9_007_199_254_740_991;
    Ok(match value.view() {
        View::Null => Json::Null,
        View::Bool(value) => Json::Bool(value),
        View::Int(number) if number.unsigned_abs() > SAFE => Json::text(number.to_string()),
        View::Int(number) => Json::Int(number),
        View::Uint(number) => match i64::try_from(number) {
            Ok(small) if number <= SAFE => Json::Int(small),
            _ => Json::text(number.to_string()),
        },
        View::Double(double) => finite(double)?,
        View::Str(text) => Json::text(text),
        View::Bytes(bytes) => Json::text(crate::base64::encode(bytes)),
        View::Duration(duration) => Json::text(duration.to_string()),
        View::Timestamp(timestamp) => Json::text(timestamp.to_string()),
        View::List(list) => list_of(list)?,
        View::Map(map) => map_of(map)?,
        // an Object becomes a Struct where a Value must stand, which Go's reflection does not forgive
        View::Object(object) => {
            structure(object)?;
            return Err(Refusal::Crash);
        }
        View::Optional(Some(inner)) => match inner {
            Value::Object(object) => structure(object)?,
            inner => json(inner)?,
        },
        View::Optional(None) => return Err("optional.none() dereference".to_owned().into()),
        View::Type(_) => return Err("type conversion not supported for 'type'".to_owned().into()),
        View::Opaque(opaque) => {
            let name = opaque.type_name().rsplit('.').next().unwrap_or_default();
            return Err(format!("type conversion error from '{name}' to '*structpb.Value'").into());
        }
    })
}

fn list_of<'d>(list: ListView<'_, 'd>) -> Result<Json<'d>, Refusal> {
    let items: Result<Vec<_>, _> = list.iter().map(|item| json(&item)).collect();
    items.map(Json::list)
}

fn map_of<'d>(map: MapView<'_, 'd>) -> Result<Json<'d>, Refusal> {
    let mut members = Members::new();
    for (key, value) in map.iter() {
        let Some(name) = key.as_str() else {
            return Err(match key.view() {
                View::Bool(_) => "type conversion error from bool to 'string'".to_owned(),
                View::Int(_) => "unsupported type conversion from 'int' to string".to_owned(),
                View::Uint(_) => "unsupported type conversion from 'uint' to string".to_owned(),
                other => format!("type conversion error from {} to 'string'", other.type_name()),
            }
            .into());
        };
        members.insert(Cow::Owned(name.to_owned()), json(&value)?);
    }
    Ok(Json::map(members))
}

/// `structpb.NewStruct` of the native values: here whole numbers beyond 2^53 are rounded.
fn structure<'d>(object: &Object<'d>) -> Result<Json<'d>, String> {
    rounded(&Json::map(fields(object)?))
}

fn rounded<'d>(value: &Json<'d>) -> Result<Json<'d>, String> {
    use document::Scalar;
    Ok(match value.scalar() {
        #[expect(clippy::cast_precision_loss, reason = "protobuf's numbers are doubles")]
        Some(Scalar::Int(whole)) => number(whole as f64),
        Some(Scalar::Float(double)) => finite(double)?,
        Some(_) => value.clone(),
        None => match value {
            Json::Alien(alien) => match &alien.known {
                Some(Known::Number(double)) => number(*double),
                Some(Known::Bytes(bytes)) => Json::text(crate::base64::encode(bytes)),
                None => return Err(format!("proto: invalid type: {}", alien.go_type)),
            },
            list if list.is_list() => Json::list(list.items().iter().map(rounded).collect::<Result<_, _>>()?),
            map => {
                let mut members = Members::new();
                for (key, value) in map.members() {
                    members.insert(key, rounded(&value)?);
                }
                Json::map(members)
            }
        },
    })
}

/// `protojson` writes a number, and gojson reads it again.
fn finite<'d>(double: f64) -> Result<Json<'d>, String> {
    if double.is_finite() {
        return Ok(number(double));
    }
    let name = if double.is_nan() {
        "NaN"
    } else if double > 0.0 {
        "+Inf"
    } else {
        "-Inf"
    };
    Err(format!(
        "json: error calling MarshalJSON for type *structpb.Value: proto: google.protobuf.Value.number_value: invalid {name} value"
    ))
}

#[cfg(test)]
mod tests {
    use kubernetes_cel::value::{List, Map};

    use super::*;

    fn object<'d>(name: &str, fields: Vec<(&str, Value<'d>)>) -> Value<'d> {
        let fields = fields.into_iter().map(|(name, value)| (Arc::from(name), value)).collect();
        Value::Object(Arc::new(Object::new(name.into(), fields).expect("not deep")))
    }

    fn list(items: Vec<Value<'_>>) -> Value<'_> {
        List::new(items).expect("not deep").into()
    }

    fn wire(value: &Value<'_>) -> Result<String, Fault> {
        let document = patch_value(value)?.to_document().expect("small");
        Ok(document.root().to_json())
    }

    #[test]
    fn numbers_of_a_patch() {
        assert_eq!(wire(&Value::Int(9_007_199_254_740_991)), Ok("9007199254740991".to_owned()));
        assert_eq!(wire(&Value::Int(9_007_199_254_740_993)), Ok("\"9007199254740993\"".to_owned()));
        assert_eq!(wire(&Value::Uint(7)), Ok("7".to_owned()));
        assert_eq!(wire(&Value::Double(2.0)), Ok("2".to_owned()));
        let inside = object("Object.spec", vec![("big", Value::Int(9_007_199_254_740_993))]);
        assert_eq!(wire(&inside), Ok("{\"big\":9007199254740992}".to_owned()));
    }

    #[test]
    fn an_object_in_a_list_crashes_and_alone_does_not() {
        let item = object("Object.x", vec![("a", Value::Str("b"))]);
        assert_eq!(wire(&item), Ok("{\"a\":\"b\"}".to_owned()));
        assert_eq!(wire(&list(vec![item.clone()])), Err(Fault::Crash));
        let mut map = Map::default();
        map.insert(Value::Str("k"), item).expect("not deep");
        assert_eq!(wire(&map.into()), Err(Fault::Crash));
    }

    #[test]
    fn what_an_object_cannot_hold() {
        let null = object("Object.x", vec![("a", Value::Null)]);
        let text = "JSONPath valueExpression evaluated to a type that could not marshal to JSON: proto: invalid type: structpb.NullValue";
        assert_eq!(wire(&null), Err(Fault::Policy(text.to_owned())));
    }

    #[test]
    fn names_of_types_follow_the_fields() {
        let wrong = object("Object", vec![("metadata", object("Object.wrong", vec![]))]);
        let Value::Object(wrong) = wrong else { panic!("an object") };
        let text = "type mismatch: unexpected type name \"Object.wrong\", expected \"Object.metadata\", which matches field name path from root Object type";
        assert_eq!(check_type_names(&wrong), Err(Fault::Policy(text.to_owned())));
    }
}
