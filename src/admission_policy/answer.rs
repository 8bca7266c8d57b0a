//! What the client and the audit log are told (k8s.io/apiserver `pkg/admission/plugin/policy/validating/dispatcher.go`,
//! `pkg/admission/errors.go`, `pkg/endpoints/filters/warning.go`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::cel::library::numbers::quote as go_quote;
use crate::request::Request;

use super::ValidationAction;
use super::dispatch::{Event, What};
use super::input::original;

/// What the client and the audit log are told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Why the request is refused.
    pub denied: Option<Denied>,
    /// `Warning` headers.
    pub warnings: Vec<String>,
    /// Audit annotations.
    pub annotations: BTreeMap<String, String>,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// The HTTP status.
    pub code: u16,
    /// `Invalid`, `Forbidden`, …
    pub reason: String,
    /// The whole message.
    pub message: String,
    /// The causes.
    pub causes: Vec<String>,
}

/// The audit annotation for what fails where a binding says `Audit`.
pub const FAILURE: &str = "validation.policy.admission.k8s.io/validation_failure";
const LONGEST_ANNOTATION: usize = 10 * 1024;

impl Answer {
    /// Of what validating policies said of a request.
    #[must_use]
    pub fn of(events: &[Event<'_>], request: &Request<'_>) -> Self {
        let mut warnings = Warnings::default();
        for event in events {
            warn(event, &mut warnings);
        }
        Self {
            denied: events.iter().find_map(|event| denied(event, request)),
            warnings: warnings.written,
            annotations: annotations(events),
        }
    }
}

/// The words in which a policy refuses.
#[must_use]
pub fn refusal(policy: &str, binding: Option<&str>, message: &str) -> String {
    match binding {
        Some(binding) => {
            format!("ValidatingAdmissionPolicy '{policy}' with binding '{binding}' denied request: {message}")
        }
        None => format!("ValidatingAdmissionPolicy '{policy}' denied request: {message}"),
    }
}

/// The answer in these words; without a reason it is `Invalid`.
#[must_use]
pub fn refused(reason: Option<&str>, cause: String, request: &Request<'_>) -> Denied {
    let reason = reason.filter(|reason| !reason.is_empty()).unwrap_or("Invalid").to_owned();
    let code = match reason.as_str() {
        "Forbidden" => 403,
        "Unauthorized" => 401,
        "RequestEntityTooLarge" => 413,
        _ => 422,
    };
    Denied { code, reason, message: forbidden(request, &cause), causes: vec![cause] }
}

/// The words in which a policy warns.
#[must_use]
pub fn warning(policy: &str, binding: &str, message: &str) -> String {
    format!("Validation failed for ValidatingAdmissionPolicy '{policy}' with binding '{binding}': {message}")
}

/// The value of [`FAILURE`].
#[must_use]
pub fn failure(policy: &str, binding: &str, validation: usize, actions: &[&str], message: &str) -> String {
    let text = |text: &str| json!(text).to_string();
    go_json(&format!(
        "[{{\"message\":{},\"policy\":{},\"binding\":{},\"expressionIndex\":{validation},\
         \"validationActions\":{}}}]",
        text(message),
        text(policy),
        text(binding),
        json!(actions),
    ))
}

fn denied(event: &Event<'_>, request: &Request<'_>) -> Option<Denied> {
    if !event.denies() {
        return None;
    }
    let (message, reason) = match &event.what {
        What::Fails { message, reason, .. } => (message, reason.as_deref()),
        What::Refuses(message) => (message, None),
        What::Annotates { .. } | What::Unknown { .. } => return None,
    };
    let cause = refusal(&event.policy.name, event.binding.map(|binding| &*binding.name), message);
    Some(refused(reason, cause, request))
}

/// `admission.NewForbidden`
#[must_use]
pub fn forbidden(request: &Request<'_>, why: &str) -> String {
    let (_, resource) = original(request);
    let of_object = |field: &str| {
        let text = request.object.and_then(|object| object.at(field)).and_then(|node| node.as_str());
        text.filter(|text| !text.is_empty())
    };
    let name = match request.name {
        "" => {
            of_object("/metadata/name").or_else(|| of_object("/metadata/generateName")).unwrap_or("Unknown")
        }
        name => name,
    };
    let group = if resource.group.is_empty() { String::new() } else { format!(".{}", resource.group) };
    format!("{}{group} {} is forbidden: {why}", resource.resource, go_quote(name))
}

fn warn(event: &Event<'_>, warnings: &mut Warnings) {
    if let (What::Fails { message, .. }, Some(binding)) = (&event.what, event.binding)
        && event.has(ValidationAction::Warn)
    {
        warnings.add(&warning(&event.policy.name, &binding.name, message));
    }
}

/// Warnings as they become headers: each once, none with control characters, all cut where they are too long together.
#[derive(Debug, Default)]
struct Warnings {
    recorded: BTreeSet<String>,
    ordered: Vec<String>,
    written: Vec<String>,
    runes: usize,
    cutting: bool,
}

const MOST_RUNES: usize = 4 * 1024;
const MOST_RUNES_OF_ONE: usize = 256;

impl Warnings {
    fn add(&mut self, text: &str) {
        if text.is_empty()
            || self.cutting && self.runes >= MOST_RUNES
            || !self.recorded.insert(text.to_owned())
        {
            return;
        }
        self.ordered.push(text.to_owned());
        let runes = text.chars().count();
        if !self.cutting && is_header(text) && self.runes + runes > MOST_RUNES {
            self.cutting = true;
            self.runes = 0;
            self.written.clear();
            for text in std::mem::take(&mut self.ordered) {
                self.write(&text);
            }
            return;
        }
        self.write(text);
    }

    fn write(&mut self, text: &str) {
        let text =
            if self.cutting { text.chars().take(MOST_RUNES_OF_ONE).collect() } else { text.to_owned() };
        if is_header(&text) {
            self.runes += text.chars().count();
            self.written.push(text);
        }
    }
}

/// `net.NewWarningHeader`: the whole warning is dropped otherwise.
fn is_header(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// Those of policies, and the one for the first failure that a binding wants in the log: a key is written once.
fn annotations(events: &[Event<'_>]) -> BTreeMap<String, String> {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut failed = None;
    for event in events {
        match (&event.what, event.binding) {
            (What::Annotates { key, value }, _) => {
                let values = values.entry(format!("{}/{key}", event.policy.name)).or_default();
                let value = cut(value);
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            (What::Fails { validation, message, .. }, Some(binding))
                if failed.is_none() && event.has(ValidationAction::Audit) =>
            {
                let actions: Vec<&str> = binding.actions.iter().map(|action| action.name()).collect();
                failed = Some(failure(&binding.policy, &binding.name, *validation, &actions, message));
            }
            _ => {}
        }
    }
    let joined = values.into_iter().map(|(key, values)| (key, values.join(", ")));
    joined.chain(failed.map(|failed| (FAILURE.to_owned(), failed))).collect()
}

/// The first bytes of a value: what is left of a character reads as so many replacement characters.
#[must_use]
pub fn cut(value: &str) -> String {
    if value.len() <= LONGEST_ANNOTATION {
        return value.to_owned();
    }
    let whole = (0..=LONGEST_ANNOTATION).rev().find(|at| value.is_char_boundary(*at)).unwrap_or(0);
    let rest = LONGEST_ANNOTATION - whole;
    format!("{}{}", &value[..whole], "\u{fffd}".repeat(rest))
}

/// JSON as Go's `encoding/json` escapes it for HTML.
fn go_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => out.push(other),
        }
    }
    out
}
