//! The formats that the server checks (apiextensions pkg/apiserver/validation/formats.go, kube-openapi strfmt).

mod dates;
mod numbers;
mod text;

use kubernetes_cel::library::url::Url;

use super::schema::Type;
pub(crate) use dates::{duration, instant};
pub(crate) use text::bytes;

/// A format of strings that is checked, by its name without dashes. All others are ignored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format(&'static str, fn(&str) -> bool);

const CHECKS: &[Format] = &[
    Format("bsonobjectid", text::bson_object_id),
    Format("byte", text::base64),
    Format("cidr", text::cidr),
    Format("creditcard", numbers::credit_card),
    Format("date", dates::is_date),
    Format("datetime", dates::is_date_time),
    Format("duration", dates::is_duration),
    Format("email", text::email),
    Format("hexcolor", text::hex_colour),
    Format("hostname", text::hostname),
    Format("ipv4", text::ipv4),
    Format("ipv6", text::ipv6),
    Format("isbn", |text| numbers::isbn10(text) || numbers::isbn13(text)),
    Format("isbn10", numbers::isbn10),
    Format("isbn13", numbers::isbn13),
    Format("k8slongname", text::long_name),
    Format("k8sshortname", text::short_name),
    Format("mac", text::mac),
    Format("password", |_| true),
    Format("rgbcolor", text::rgb_colour),
    Format("ssn", numbers::ssn),
    Format("uri", |text| Url::check(text).is_ok()),
    Format("uuid", |text| text::uuid(text, None)),
    Format("uuid3", |text| text::uuid(text, Some(b'3'))),
    Format("uuid4", |text| text::uuid(text, Some(b'4'))),
    Format("uuid5", |text| text::uuid(text, Some(b'5'))),
];

impl Format {
    /// The format of a schema, where its type and the format go together.
    pub(crate) fn checked(kind: Option<Type>, int_or_string: bool, format: &str) -> Option<Self> {
        let strings = int_or_string || matches!(kind, None | Some(Type::String));
        let name = format.replace('-', "");
        CHECKS.iter().find(|known| strings && known.0 == name).copied()
    }

    pub(crate) fn allows(self, text: &str) -> bool {
        (self.1)(text)
    }
}

/// Whether a schema's format is known for its type: otherwise the server warns and ignores it.
pub(crate) fn is_recognised(kind: Option<Type>, int_or_string: bool, format: &str) -> bool {
    match kind.filter(|_| !int_or_string) {
        Some(Type::Integer) => matches!(format, "int32" | "int64"),
        Some(Type::Number) => matches!(format, "float" | "double"),
        _ => Format::checked(kind, int_or_string, format).is_some(),
    }
}
