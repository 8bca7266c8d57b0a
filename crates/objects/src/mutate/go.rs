//! Values as Go's `%v`, `%#v` and `%T` print them: the server's errors show what they found.

use std::fmt::Write;

use document::Scalar;
use kubernetes_cel::value::{Value, View};

use super::json::Json;
use crate::field::go_quote;

/// A value of a Go type that JSON has not.
#[derive(Debug)]
pub(super) struct Alien {
    /// `%T`
    pub(super) go_type: &'static str,
    /// `%v`
    pub(super) plain: String,
    /// `%#v`
    pub(super) sharp: String,
    /// What protobuf's `structpb.NewValue` makes of it, if anything.
    pub(super) known: Option<Known>,
}

/// See [`Alien::known`].
#[derive(Debug)]
pub(super) enum Known {
    /// A number.
    Number(f64),
    /// Bytes, which become base64.
    Bytes(Vec<u8>),
}

impl Alien {
    /// What `ref.Val.Value()` of cel-go gives for a value that has no place in JSON.
    pub(super) fn of(value: &Value<'_>) -> Self {
        let made = |go_type, plain: String, sharp: String| Self { go_type, plain, sharp, known: None };
        match value.view() {
            View::Null => made("structpb.NullValue", "NULL_VALUE".to_owned(), "0".to_owned()),
            #[expect(clippy::cast_precision_loss, reason = "as Go converts")]
            View::Uint(number) => Self {
                known: Some(Known::Number(number as f64)),
                ..made("uint64", number.to_string(), format!("{number:#x}"))
            },
            View::Bytes(bytes) => {
                let decimal: Vec<String> = bytes.iter().map(u8::to_string).collect();
                let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:#x}")).collect();
                let plain = format!("[{}]", decimal.join(" "));
                let sharp = format!("[]byte{{{}}}", hex.join(", "));
                Self { known: Some(Known::Bytes(bytes.to_vec())), ..made("[]uint8", plain, sharp) }
            }
            View::List(_) | View::Map(_) => made(container(value), plain(value), sharp(value)),
            View::Duration(duration) => made("time.Duration", duration.to_string(), String::new()),
            View::Timestamp(timestamp) => made("time.Time", timestamp.to_string(), String::new()),
            other => made(other.go_type(), String::new(), String::new()),
        }
    }

    /// A value that says what went wrong while it was made.
    pub(super) fn error(text: String) -> Self {
        Self { go_type: "*types.Err", sharp: text.clone(), plain: text, known: None }
    }
}

fn container(value: &Value<'_>) -> &'static str {
    if matches!(value.view(), View::List(_)) { "[]ref.Val" } else { "map[ref.Val]ref.Val" }
}

/// `%v` of a value of cel-go that stands in a list or map.
fn plain(value: &Value<'_>) -> String {
    match value.view() {
        View::List(list) => {
            let items: Vec<String> = list.iter().map(|item| plain(&item)).collect();
            format!("[{}]", items.join(" "))
        }
        View::Map(map) => {
            let mut entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{}:{}", plain(&key), plain(&value))).collect();
            entries.sort_unstable();
            format!("map[{}]", entries.join(" "))
        }
        View::Null => "NULL_VALUE".to_owned(),
        View::Bool(value) => value.to_string(),
        View::Int(number) => number.to_string(),
        View::Uint(number) => number.to_string(),
        View::Double(number) => float(number),
        View::Str(text) => text.to_owned(),
        other => other.type_name().to_owned(),
    }
}

/// `%#v` of a value of cel-go that stands in a list or map.
fn sharp(value: &Value<'_>) -> String {
    match value.view() {
        View::List(list) => {
            let items: Vec<String> = list.iter().map(|item| sharp(&item)).collect();
            format!("[]ref.Val{{{}}}", items.join(", "))
        }
        View::Map(map) => {
            let mut entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{}:{}", sharp(&key), sharp(&value))).collect();
            entries.sort_unstable();
            format!("map[ref.Val]ref.Val{{{}}}", entries.join(", "))
        }
        View::Null => "0".to_owned(),
        View::Uint(number) => format!("{number:#x}"),
        View::Str(text) => go_quote(text),
        _ => plain(value),
    }
}

/// `%v` of a float64: an exponent below 1e-4 and from 1e21.
fn float(number: f64) -> String {
    let size = number.abs();
    if number.is_finite() && size != 0.0 && !(1e-4..1e21).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    number.to_string()
}

impl Json<'_> {
    /// `%v`
    pub(super) fn plain(&self) -> String {
        let mut out = String::new();
        self.write_plain(&mut out);
        out
    }

    fn write_plain(&self, out: &mut String) {
        match self.scalar() {
            Some(Scalar::Null) => out.push_str("<nil>"),
            // writing to a String cannot fail
            Some(Scalar::Bool(value)) => _ = write!(out, "{value}"),
            Some(Scalar::Int(number)) => _ = write!(out, "{number}"),
            Some(Scalar::Float(number)) => out.push_str(&float(number)),
            Some(Scalar::String(text)) => out.push_str(text),
            None => match self {
                Self::Alien(alien) => out.push_str(&alien.plain),
                list if list.is_list() => {
                    out.push('[');
                    for (at, item) in list.items().iter().enumerate() {
                        out.push_str(if at > 0 { " " } else { "" });
                        item.write_plain(out);
                    }
                    out.push(']');
                }
                map => {
                    out.push_str("map[");
                    for (at, (key, value)) in map.members().iter().enumerate() {
                        out.push_str(if at > 0 { " " } else { "" });
                        out.push_str(key);
                        out.push(':');
                        value.write_plain(out);
                    }
                    out.push(']');
                }
            },
        }
    }

    /// `%#v`
    pub(super) fn sharp(&self) -> String {
        match self.scalar() {
            Some(Scalar::Null) => "interface {}(nil)".to_owned(),
            Some(Scalar::String(text)) => go_quote(text),
            Some(_) => self.plain(),
            None => match self {
                Self::Alien(alien) => alien.sharp.clone(),
                list if list.is_list() => {
                    let items: Vec<String> = list.items().iter().map(Self::sharp).collect();
                    format!("[]interface {{}}{{{}}}", items.join(", "))
                }
                map => {
                    let members = map.members();
                    let members: Vec<String> = members
                        .iter()
                        .map(|(key, value)| format!("{}:{}", go_quote(key), value.sharp()))
                        .collect();
                    format!("map[string]interface {{}}{{{}}}", members.join(", "))
                }
            },
        }
    }

    /// `%T`
    pub(super) fn go_type(&self) -> &'static str {
        match self.scalar() {
            Some(Scalar::Null) => "<nil>",
            Some(Scalar::Bool(_)) => "bool",
            Some(Scalar::Int(_)) => "int64",
            Some(Scalar::Float(_)) => "float64",
            Some(Scalar::String(_)) => "string",
            None => match self {
                Self::Alien(alien) => alien.go_type,
                list if list.is_list() => "[]interface {}",
                _ => "map[string]interface {}",
            },
        }
    }
}
