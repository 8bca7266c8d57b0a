//! The vectors' encoding of a CEL value.

use base64::Engine as _;
use plimsoll::cel::profile::Profile;
use plimsoll::cel::value::{Authorization, Opaque, Value, View};
use serde_json::{Value as Json, json};

/// The value as the vectors write it, with maps sorted and numbers in one form.
pub(crate) fn encode(value: &Value<'_>, profile: Profile) -> Json {
    let encode = |value: &Value<'_>| encode(value, profile);
    match value.view() {
        View::Null => Json::Null,
        View::Bool(value) => value.into(),
        View::Int(value) => value.into(),
        View::Uint(value) => json!({"uint": value.to_string()}),
        View::Double(value) => json!({"double": double(value)}),
        View::Str(text) => text.into(),
        View::Bytes(bytes) => json!({"bytes": base64::engine::general_purpose::STANDARD.encode(bytes)}),
        View::Duration(duration) => json!({"duration": duration.nanos().to_string()}),
        View::Timestamp(at) => {
            let utc = chrono::DateTime::from_timestamp(at.unix_seconds(), at.nanos()).unwrap_or_default();
            let text = utc.format("%Y-%m-%dT%H:%M:%S").to_string();
            let fraction = format!(".{:09}", at.nanos());
            let fraction = if at.nanos() == 0 { "" } else { fraction.trim_end_matches('0') };
            json!({"timestamp": format!("{text}{fraction}Z")})
        }
        View::List(list) => list.iter().map(|item| encode(&item)).collect(),
        View::Map(map) => {
            sorted_map(map.iter().map(|(key, value)| json!([encode(&key), encode(&value)])).collect())
        }
        View::Object(object) if object.type_name() == "google.protobuf.Empty" => {
            json!({"opaque": ["google.protobuf.Empty", "{}"]})
        }
        View::Object(object) => {
            let fields: serde_json::Map<String, Json> =
                object.fields().iter().map(|(name, value)| (name.to_string(), encode(value))).collect();
            json!({"object": [object.type_name(), fields]})
        }
        View::Optional(None) => json!({"optional": []}),
        View::Optional(Some(value)) => json!({"optional": [encode(value)]}),
        View::Type(name) => json!({"type": shown_type(name, profile)}),
        View::Opaque(opaque) => opaque_json(opaque),
    }
}

fn shown_type(name: &str, profile: Profile) -> String {
    match name {
        "list" => "list(dyn)".to_owned(),
        "map" => "map(dyn, dyn)".to_owned(),
        "optional_type" if profile == Profile::V1_36 => name.to_owned(),
        "optional_type" => "optional_type(dyn)".to_owned(),
        "Object" | "JSONPatch" => format!("type({name})"),
        name if name.starts_with("Object.") => format!("type({name})"),
        name => name.to_owned(),
    }
}

fn opaque_json(opaque: &Opaque) -> Json {
    match opaque {
        Opaque::Quantity { quantity, .. } => {
            let decimal = quantity.decimal_text().unwrap_or_default();
            json!({"opaque": ["kubernetes.Quantity", quantity.to_string(), plain_decimal(&decimal), quantity.format().as_str()]})
        }
        Opaque::Ip(ip) => json!({"opaque": ["net.IP", ip.to_string()]}),
        Opaque::Cidr(cidr) => json!({"opaque": ["net.CIDR", cidr.to_string()]}),
        Opaque::Url(url) => json!({"opaque": ["kubernetes.URL", url.to_string()]}),
        Opaque::Semver(semver) => json!({"opaque": ["kubernetes.Semver", semver.to_string()]}),
        Opaque::Format(format) => json!({"opaque": ["kubernetes.NamedFormat", format.display_name()]}),
        Opaque::Variables => json!({"opaque": ["variables", ""]}),
        Opaque::Authorization(step) => {
            let name = match step {
                Authorization::Authorizer(_) => "Authorizer",
                Authorization::Path(_) => "PathCheck",
                Authorization::Group(_) => "GroupCheck",
                Authorization::Resource(_) => "ResourceCheck",
                Authorization::Decision(_) => "Decision",
            };
            json!({"opaque": [format!("kubernetes.authorization.{name}"), ""]})
        }
    }
}

fn double(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        format!("{value:?}")
    }
}

/// A decimal without the zeros that its scale adds.
fn plain_decimal(text: &str) -> String {
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn sorted_map(mut entries: Vec<Json>) -> Json {
    entries.sort_by_key(|entry| entry[0].to_string());
    json!({"map": entries})
}

/// The vectors' own value in the same form.
pub(crate) fn normalize(expected: &Json) -> Json {
    match expected {
        Json::Array(items) => items.iter().map(normalize).collect(),
        Json::Object(object) => match object.iter().next() {
            Some((kind, Json::String(text))) if kind == "double" => {
                json!({"double": text.parse::<f64>().map_or_else(|_| text.clone(), double)})
            }
            Some((kind, Json::Array(entries))) if kind == "map" => {
                sorted_map(entries.iter().map(normalize).collect())
            }
            Some((kind, Json::Array(parts))) if kind == "object" => {
                let fields = parts[1].as_object().into_iter().flatten();
                let fields: serde_json::Map<String, Json> =
                    fields.map(|(name, value)| (name.clone(), normalize(value))).collect();
                json!({"object": [parts[0], fields]})
            }
            Some((kind, Json::Array(parts))) if kind == "opaque" && parts[0] == "kubernetes.Quantity" => {
                let decimal = plain_decimal(parts[2].as_str().unwrap_or_default());
                json!({"opaque": [parts[0], parts[1], decimal, parts[3]]})
            }
            Some((kind, value)) if kind == "optional" => json!({"optional": normalize(value)}),
            _ => expected.clone(),
        },
        _ => expected.clone(),
    }
}
