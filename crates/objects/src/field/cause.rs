//! What a rule says of a place (`field.Error`), and the answer made of all of them.

use super::{At, go_quote};
use document::{NodeId, NodeRef, Scalar};
use std::collections::HashSet;
use std::fmt::Write;

/// Why a value is refused: `reason` of a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The value names something that is not there.
    NotFound,
    /// Missing or empty.
    Required,
    /// Must be unique and is not.
    Duplicate,
    /// Malformed.
    Invalid,
    /// Not one of the allowed.
    NotSupported,
    /// Well-formed, but not allowed here.
    Forbidden,
    /// Too many bytes or characters.
    TooLong,
    /// Too many items.
    TooMany,
    /// Too few items.
    TooFew,
    /// Too few characters.
    TooShort,
    /// Of another type than the schema says.
    TypeInvalid,
    /// Nothing that the user wrote.
    Internal,
}

impl Reason {
    /// As `details.causes[].reason` has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "FieldValueNotFound",
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::TooFew => "FieldValueTooFew",
            Self::TooShort => "FieldValueTooShort",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::Internal => "InternalError",
        }
    }

    /// What the message begins with.
    fn opening(self) -> &'static str {
        match self {
            Self::NotFound => "Not found",
            Self::Required => "Required value",
            Self::Duplicate => "Duplicate value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::TooFew => "Too few",
            Self::TooShort => "Too short",
            Self::Internal => "Internal error",
        }
    }
}

/// One cause of an `Invalid` answer, as in `details.causes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The path of the field, as the server writes it: `spec.containers[0].name`.
    pub field: String,
    /// The kind of fault.
    pub reason: Reason,
    /// `Invalid value: "x": must be …`
    pub message: String,
    /// The node at fault, or its nearest present ancestor.
    pub node: Option<NodeId>,
}

/// A refused value as a message shows it: `%q` for strings, plain for numbers and booleans, else JSON.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'v> {
    /// Quoted.
    Str(&'v str),
    /// Plain.
    Int(i64),
    /// Plain.
    Float(f64),
    /// Plain.
    Bool(bool),
    /// Written as it is: the JSON that Go makes of the value.
    Json(String),
    /// Not shown.
    Omitted,
}

/// What can be shown as a refused value.
pub trait BadValue<'v> {
    /// The value to show.
    fn value(self) -> Value<'v>;
}

impl<'v> BadValue<'v> for Value<'v> {
    fn value(self) -> Value<'v> {
        self
    }
}

impl<'v> BadValue<'v> for &'v str {
    fn value(self) -> Value<'v> {
        Value::Str(self)
    }
}

impl<'v> BadValue<'v> for &'v String {
    fn value(self) -> Value<'v> {
        Value::Str(self)
    }
}

impl<'v> BadValue<'v> for i64 {
    fn value(self) -> Value<'v> {
        Value::Int(self)
    }
}

impl<'v> BadValue<'v> for usize {
    fn value(self) -> Value<'v> {
        Value::Int(i64::try_from(self).unwrap_or(i64::MAX))
    }
}

impl<'v> BadValue<'v> for bool {
    fn value(self) -> Value<'v> {
        Value::Bool(self)
    }
}

/// The node as it is: `null` where nothing is there, which is right for pointers, and for lists and maps.
/// Of a type without JSON names (all internal ones) Go prints other member names than the document has.
impl<'v> BadValue<'v> for At<'v> {
    fn value(self) -> Value<'v> {
        let Some(node) = self.node() else { return Value::Json("null".into()) };
        match node.scalar() {
            Some(Scalar::String(text)) => Value::Str(text),
            Some(Scalar::Int(number)) => Value::Int(number),
            Some(Scalar::Float(number)) => Value::Float(number),
            Some(Scalar::Bool(flag)) => Value::Bool(flag),
            Some(Scalar::Null) | None => Value::Json(go_json(node)),
        }
    }
}

/// As `json.Marshal` writes: `<`, `>` and `&` escaped.
fn go_json(node: NodeRef<'_>) -> String {
    node.to_json().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

impl Value<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Self::Str(text) => out.push_str(&go_quote(text)),
            // writing to a string cannot fail
            Self::Int(number) => _ = write!(out, "{number}"),
            Self::Float(number) => _ = write!(out, "{number}"),
            Self::Bool(flag) => _ = write!(out, "{flag}"),
            Self::Json(text) => out.push_str(text),
            Self::Omitted => {}
        }
    }
}

/// Collects causes, in the order in which the rules find them.
#[derive(Debug, Clone, Default)]
pub struct Causes {
    list: Vec<Cause>,
}

impl Causes {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The causes so far.
    #[must_use]
    pub fn as_slice(&self) -> &[Cause] {
        &self.list
    }

    /// The causes.
    #[must_use]
    pub fn into_vec(self) -> Vec<Cause> {
        self.list
    }

    /// Forgets those found after there were `len`.
    pub fn truncate(&mut self, len: usize) {
        self.list.truncate(len);
    }

    /// Adds the causes of another collection at the end.
    pub fn append(&mut self, other: Self) {
        self.list.extend(other.list);
    }

    /// Adds one as it is.
    pub fn push(&mut self, cause: Cause) {
        self.list.push(cause);
    }

    /// Adds one made of its parts; an absent value shows none.
    pub fn add<'v>(&mut self, at: At<'_>, reason: Reason, value: Option<Value<'v>>, detail: &str) {
        let mut message = String::from(reason.opening());
        if let Some(value) = value.filter(|value| *value != Value::Omitted) {
            message.push_str(": ");
            value.write(&mut message);
        }
        if !detail.is_empty() {
            message.push_str(": ");
            message.push_str(detail);
        }
        self.list.push(Cause { field: at.to_string(), reason, message, node: Some(at.nearest().id()) });
    }

    /// `field.Required`
    pub fn required(&mut self, at: At<'_>, detail: &str) {
        self.add(at, Reason::Required, None, detail);
    }

    /// `field.Invalid` of the value that is there.
    pub fn invalid(&mut self, at: At<'_>, detail: &str) {
        self.add(at, Reason::Invalid, Some(at.value()), detail);
    }

    /// `field.Invalid` of a value given: where it may be absent and Go has a zero value, or prints another.
    pub fn invalid_value<'v>(&mut self, at: At<'_>, value: impl BadValue<'v>, detail: &str) {
        self.add(at, Reason::Invalid, Some(value.value()), detail);
    }

    /// `field.Invalid` of a string once for each message.
    pub fn invalid_each(&mut self, at: At<'_>, value: &str, details: Vec<String>) {
        for detail in details {
            self.invalid_value(at, value, &detail);
        }
    }

    /// `field.NotSupported`; the supported ones in the order given (upstream mostly sorts them).
    pub fn not_supported<'v>(&mut self, at: At<'_>, value: impl BadValue<'v>, supported: &[&str]) {
        let quoted: Vec<String> = supported.iter().map(|text| go_quote(text)).collect();
        let detail = if quoted.is_empty() {
            String::new()
        } else {
            format!("supported values: {}", quoted.join(", "))
        };
        self.add(at, Reason::NotSupported, Some(value.value()), &detail);
    }

    /// `field.Forbidden`
    pub fn forbidden(&mut self, at: At<'_>, detail: &str) {
        self.add(at, Reason::Forbidden, None, detail);
    }

    /// `field.Duplicate`
    pub fn duplicate<'v>(&mut self, at: At<'_>, value: impl BadValue<'v>) {
        self.add(at, Reason::Duplicate, Some(value.value()), "");
    }

    /// `field.NotFound`
    pub fn not_found<'v>(&mut self, at: At<'_>, value: impl BadValue<'v>) {
        self.add(at, Reason::NotFound, Some(value.value()), "");
    }

    /// `field.TooLong`
    pub fn too_long(&mut self, at: At<'_>, max: usize) {
        let unit = if max == 1 { "byte" } else { "bytes" };
        self.add(at, Reason::TooLong, None, &format!("may not be more than {max} {unit}"));
    }

    /// `field.TooMany`
    pub fn too_many(&mut self, at: At<'_>, actual: usize, max: usize) {
        let unit = if max == 1 { "item" } else { "items" };
        self.add(at, Reason::TooMany, Some(actual.value()), &format!("must have at most {max} {unit}"));
    }

    /// `field.InternalError`
    pub fn internal(&mut self, at: At<'_>, detail: &str) {
        self.add(at, Reason::Internal, None, detail);
    }
}

/// The message of an `Invalid` answer (`errors.NewInvalid`): `Deployment.apps "x" is invalid: [a, b]`.
/// `group` is empty for core kinds. Equal causes are told once.
#[must_use]
pub fn status_message(group: &str, kind: &str, name: &str, causes: &[Cause]) -> String {
    let dot = if group.is_empty() { "" } else { "." };
    let mut message = format!("{kind}{dot}{group} {} is invalid", go_quote(name));
    let mut seen = HashSet::new();
    let texts: Vec<String> = causes
        .iter()
        .map(|cause| format!("{}: {}", cause.field, cause.message))
        .filter(|text| seen.insert(text.clone()))
        .collect();
    match texts.as_slice() {
        [] => {}
        [one] => _ = write!(message, ": {one}"),
        many => _ = write!(message, ": [{}]", many.join(", ")),
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use document::Document;

    #[test]
    fn messages() {
        let document = Document::null();
        let at = At::root(document.root()).field("spec").field("x");
        let mut causes = Causes::new();
        causes.required(at, "");
        causes.invalid(at, "must be a \"thing\"");
        causes.invalid_value(at, "a\tb\u{a0}é", "");
        causes.not_supported(at, "z", &["a", "b"]);
        causes.too_many(at, 3, 1);
        causes.too_long(at, 10);
        causes.duplicate(at, 7_i64);
        causes.required(at, "");
        let texts: Vec<&str> = causes.as_slice().iter().map(|cause| cause.message.as_str()).collect();
        assert_eq!(
            texts,
            [
                "Required value",
                "Invalid value: null: must be a \"thing\"",
                "Invalid value: \"a\\tb\\u00a0é\"",
                "Unsupported value: \"z\": supported values: \"a\", \"b\"",
                "Too many: 3: must have at most 1 item",
                "Too long: may not be more than 10 bytes",
                "Duplicate value: 7",
                "Required value",
            ]
        );
        let causes = causes.into_vec();
        assert_eq!(
            status_message("apps", "Deployment", "x", &[causes[0].clone(), causes[7].clone()]),
            "Deployment.apps \"x\" is invalid: spec.x: Required value"
        );
        assert_eq!(
            status_message("", "Pod", "x", &[causes[0].clone(), causes[6].clone()]),
            "Pod \"x\" is invalid: [spec.x: Required value, spec.x: Duplicate value: 7]"
        );
    }
}
