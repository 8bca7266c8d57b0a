//! What a check of a schema comes to: kube-openapi's `validate.Result`.

use std::collections::HashSet;

use document::{NodeRef, Scalar};

use crate::field::{Cause, Reason, go_quote};

use super::place::FieldPath;
use super::{go_json, go_number};

/// What was found, and how much held: of several alternatives that fail, the one is told in which most held.
#[derive(Debug, Default)]
pub(crate) struct CheckResult {
    pub(crate) faults: Vec<Fault>,
    pub(crate) matches: u64,
}

/// One fault of a schema check. Two with the same text are one.
#[derive(Debug)]
pub(crate) struct Fault {
    text: String,
    cause: Cause,
}

impl CheckResult {
    pub(crate) fn is_valid(&self) -> bool {
        self.faults.is_empty()
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.faults.extend(other.faults);
        self.matches += other.matches;
    }

    pub(crate) fn push(&mut self, fault: Option<Fault>) {
        self.faults.extend(fault);
    }

    pub(crate) fn into_causes(self) -> Vec<Cause> {
        let mut seen = HashSet::new();
        let faults = self.faults.into_iter().filter(|fault| seen.insert(fault.text.clone()));
        faults.map(|fault| fault.cause).collect()
    }
}

/// `field.Error.ErrorBody`
pub(crate) fn message(reason: Reason, value: Option<&str>, detail: &str) -> String {
    let opening = match reason {
        Reason::Required => "Required value",
        Reason::NotSupported => "Unsupported value",
        Reason::TooLong => "Too long",
        Reason::TooMany => "Too many",
        Reason::Duplicate => "Duplicate value",
        Reason::Forbidden => "Forbidden",
        Reason::Internal => "Internal error",
        _ => "Invalid value",
    };
    let mut message = String::from(opening);
    for part in value.into_iter().chain((!detail.is_empty()).then_some(detail)) {
        message.push_str(": ");
        message.push_str(part);
    }
    message
}

/// A value as a message shows it.
pub(crate) fn shown(node: NodeRef<'_>) -> String {
    match node.scalar() {
        Some(Scalar::String(text)) => go_quote(text),
        Some(Scalar::Int(number)) => number.to_string(),
        Some(Scalar::Float(number)) => go_number::shown(number),
        Some(Scalar::Bool(flag)) => flag.to_string(),
        Some(Scalar::Null) => "null".into(),
        None => go_json::written(node),
    }
}

/// Makes the faults of one place.
pub(crate) struct Faults<'p, 'd> {
    pub(crate) place: &'p FieldPath<'p>,
    pub(crate) node: NodeRef<'d>,
}

impl Faults<'_, '_> {
    fn field(path: &str) -> String {
        match path.strip_prefix('.').unwrap_or(path) {
            "" => "<nil>".into(),
            path => path.into(),
        }
    }

    fn fault(&self, path: &str, reason: Reason, text: String, value: Option<&str>, detail: &str) -> Fault {
        let message = message(reason, value, detail);
        let cause = Cause { field: Self::field(path), reason, message, node: Some(self.node.id()) };
        Fault { text, cause }
    }

    /// Any rule without a reason of its own: `PATH in body should …`.
    pub(crate) fn invalid(&self, shown: &str, says: &str) -> Fault {
        let path = self.place.open_api();
        let text = format!("{path} in body {says}");
        self.fault(&path, Reason::Invalid, text.clone(), Some(shown), &text)
    }

    /// A forbidden property, whose path stands in the text with its name.
    pub(crate) fn unallowed(&self, key: &str) -> Fault {
        let path = self.place.open_api();
        let text = format!("{path}.{key} in body is a forbidden property");
        self.fault(&path, Reason::Invalid, text.clone(), Some(&go_quote(key)), &text)
    }

    /// Another type than the schema's; `found` is the name of the type or format that is there.
    pub(crate) fn of_type(&self, wanted: &str, found: &str) -> Fault {
        let path = self.place.open_api();
        let text = format!("{path} in body must be of type {wanted}: {}", go_quote(found));
        self.fault(&path, Reason::TypeInvalid, text.clone(), Some(&go_quote(found)), &text)
    }

    pub(crate) fn required(&self, name: &str) -> Fault {
        let path = format!("{}.{name}", self.place.open_api());
        let text = format!("{path} in body is required");
        self.fault(&path, Reason::Required, text, None, "")
    }

    pub(crate) fn not_allowed(&self, allowed: NodeRef<'_>) -> Fault {
        let path = self.place.open_api();
        let values: Vec<String> = allowed
            .items()
            .map(|item| item.as_str().map_or_else(|| go_quote(&item.to_json()), go_quote))
            .collect();
        let text = format!("{path} in body should be one of [{}]", values.join(" "));
        let detail = format!("supported values: {}", values.join(", "));
        self.fault(&path, Reason::NotSupported, text, Some(&shown(self.node)), &detail)
    }

    pub(crate) fn too_long(&self, most: i64) -> Fault {
        let path = self.place.open_api();
        let unit = if most == 1 { "byte" } else { "bytes" };
        let text = format!("{path} in body should be at most {most} chars long");
        self.fault(&path, Reason::TooLong, text, None, &format!("may not be more than {most} {unit}"))
    }

    pub(crate) fn too_many(&self, what: &str, actual: usize, most: i64) -> Fault {
        let path = self.place.open_api();
        let unit = if most == 1 { "item" } else { "items" };
        let text = format!("{path} in body should have at most {most} {what}");
        let detail = format!("must have at most {most} {unit}");
        self.fault(&path, Reason::TooMany, text, Some(&actual.to_string()), &detail)
    }

    /// What names no field of its own: the place stands in the text only.
    pub(crate) fn general(&self, text: &str) -> Fault {
        self.fault("", Reason::Invalid, text.to_owned(), Some("\"\""), text)
    }

    /// A `multipleOf` that is not positive.
    pub(crate) fn bad_factor(&self, factor: &str) -> Fault {
        let path = self.place.open_api();
        let text = format!("factor MultipleOf declared for {path} must be positive: {factor}");
        self.fault(&path, Reason::Invalid, text.clone(), Some(factor), &text)
    }

    /// The place as kube-openapi writes it.
    pub(crate) fn path(&self) -> String {
        self.place.open_api()
    }
}
