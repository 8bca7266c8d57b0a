//! What we say of an object, and how it compares with what the server said.

use std::collections::BTreeSet;

use document::{Document, Limits};
use kubernetes_objects::admit::{self, Mode, Options, Refusal, Request};
use kubernetes_objects::custom::Definitions;
use kubernetes_objects::plugins::Plugins;
use plimsoll::document;
use serde_json::Value;

use crate::answers::{differences, parts, verdict};
use crate::bases::{Base, MINOR};
use crate::live::{Answer, Holds, path};

/// The path of the collection that an object belongs to.
pub(crate) fn address(base: &Base) -> String {
    match base.row() {
        Some(row) => path(base, row.resource, row.namespaced == Some(true)),
        None => {
            let kind = base.text("kind").to_lowercase();
            path(base, &format!("{kind}s"), !base.metadata("namespace").is_empty())
        }
    }
}

struct Judged {
    verdict: String,
    message: String,
    causes: BTreeSet<(String, String)>,
    warnings: Vec<String>,
    object: Option<Value>,
}

impl Judged {
    fn refused(refusal: Refusal, object: Option<Value>) -> Self {
        let causes = refusal.causes.into_iter();
        Self {
            verdict: verdict(refusal.code, refusal.reason),
            message: refusal.message,
            causes: causes.map(|cause| (cause.field, cause.reason.as_str().to_owned())).collect(),
            warnings: Vec::new(),
            object,
        }
    }
}

/// What is judged, and how.
pub(crate) struct Case<'a> {
    pub(crate) text: &'a str,
    pub(crate) mode: Mode,
    pub(crate) stored: Option<&'a Value>,
    pub(crate) definitions: &'a Definitions,
    pub(crate) holds: &'a Holds,
}

fn judge(case: &Case<'_>) -> Judged {
    let options = Options {
        minor: MINOR,
        mode: case.mode,
        plugins: Plugins::default(),
        cluster: case.holds,
        namespace: "default",
    };
    let document = Document::from_json(case.text, Limits::default()).expect("JSON");
    let stored = case.stored.map(Value::to_string);
    let stored = stored.as_ref().map(|text| Document::from_json(text, Limits::default()).expect("JSON"));
    let root = document.root();
    let request = Request { stored: stored.as_ref().map(Document::root), posted: true };
    let admitted = admit::kind_of(root, MINOR, case.definitions)
        .and_then(|served| admit::admit_request(root, served, &options, request));
    let admitted = match admitted {
        Err(refusal) => return Judged::refused(refusal, None),
        Ok(admitted) => admitted,
    };
    let object = serde_json::from_str(&admitted.object.root().to_json()).expect("written by us");
    match admitted.validate(stored.as_ref().map(Document::root)) {
        Err(refusal) => Judged::refused(refusal, Some(object)),
        Ok(warnings) => Judged {
            verdict: "accepted".to_owned(),
            message: String::new(),
            causes: BTreeSet::new(),
            warnings,
            object: Some(object),
        },
    }
}

/// `None`: nothing of the kind was asked.
#[derive(Default)]
pub(crate) struct Comparison {
    pub(crate) verdict: bool,
    pub(crate) object: Option<bool>,
    pub(crate) causes: Option<bool>,
    pub(crate) message: Option<bool>,
    pub(crate) warnings: Option<bool>,
    /// What differs: its rule, by which misses are counted, and all of it.
    pub(crate) misses: Vec<(String, String)>,
}

impl Comparison {
    fn miss(&mut self, rule: String, all: String) {
        self.misses.push((rule, all));
    }
}

/// Without what the server makes up.
fn settled(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for key in ["uid", "creationTimestamp", "resourceVersion", "managedFields"] {
            metadata.remove(key);
        }
    }
    rename(&mut object);
    object
}

/// The volume of the token is named with random letters.
fn rename(value: &mut Value) {
    match value {
        Value::String(text) if text.len() == 21 && text.starts_with("kube-api-access-") => {
            *text = "kube-api-access-RANDOM".to_owned();
        }
        Value::Array(items) => items.iter_mut().for_each(rename),
        Value::Object(members) => members.values_mut().for_each(rename),
        _ => {}
    }
}

/// Without the numbers in brackets, and what stands in quotes.
fn rule(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for letter in text.chars() {
        match letter {
            '[' => {
                inside = true;
                out.push_str("[]");
            }
            ']' => inside = false,
            _ if inside => {}
            _ => out.push(letter),
        }
    }
    out
}

fn lines(causes: &BTreeSet<(String, String)>) -> String {
    let causes: Vec<String> =
        causes.iter().map(|(field, reason)| format!("{} {reason}", rule(field))).collect();
    causes.join(", ")
}

pub(crate) fn compare(case: &Case<'_>, answer: &Answer) -> Comparison {
    let judged = judge(case);
    let mut comparison = Comparison::default();
    // where no webhook is asked about a kind, the answer is all there is
    let accepted = answer.code < 300;
    let code = if accepted { Some(201) } else { Some(answer.code) };
    let wanted = verdict(code, "");
    let message = answer.body["message"].as_str().unwrap_or_default();
    let causes = causes_of(&answer.body);
    comparison.verdict = judged.verdict == wanted;
    if !comparison.verdict {
        let told = if wanted == "422" { lines(&causes) } else { message.to_owned() };
        let ours = if judged.verdict == "422" { lines(&judged.causes) } else { judged.message.clone() };
        let said = format!("verdict: {wanted} ({told}), not {} ({ours})", judged.verdict);
        comparison.miss(said.clone(), format!("{said}\n      {message}\n      {}", judged.message));
    }
    compare_objects(case, answer, &judged, &mut comparison);
    if !accepted && answer.code != 409 {
        let same = comparison.verdict && causes == judged.causes;
        comparison.causes = Some(same);
        if comparison.verdict && !same {
            let more: BTreeSet<_> = causes.difference(&judged.causes).cloned().collect();
            let less: BTreeSet<_> = judged.causes.difference(&causes).cloned().collect();
            comparison.miss(
                format!("causes: missing ({}), not wanted ({})", lines(&more), lines(&less)),
                format!("      {message}\n      {}", judged.message),
            );
        }
        let same = parts(message) == parts(&judged.message);
        comparison.message = Some(same);
        if comparison.causes == Some(true) && !same {
            comparison.miss("message".to_owned(), format!("      {message}\n      {}", judged.message));
        }
    } else if comparison.verdict && accepted {
        let wanted: BTreeSet<&String> = answer.warnings.iter().collect();
        let ours: BTreeSet<&String> = judged.warnings.iter().collect();
        comparison.warnings = Some(wanted == ours);
        if wanted != ours {
            comparison.miss("warnings".to_owned(), format!("      {wanted:?}\n      {ours:?}"));
        }
    }
    comparison
}

fn compare_objects(case: &Case<'_>, answer: &Answer, judged: &Judged, comparison: &mut Comparison) {
    let wanted = match &answer.seen {
        Some(seen) => settled(seen),
        // webhooks are not asked about the kinds of their own group; of what is new the answer shows it all
        None if answer.code < 300 && case.stored.is_none() => {
            let mut object = settled(&answer.body);
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.remove("generation");
            }
            object
        }
        None => return,
    };
    let mut differ = Vec::new();
    match &judged.object {
        Some(object) => differences("", &wanted, &settled(object), &mut differ),
        None => differ.push(format!("no object: {}", judged.message)),
    }
    comparison.object = Some(differ.is_empty());
    if let Some(first) = differ.first() {
        let first = format!("object: {}", rule(first.split(": ").next().unwrap_or(first)));
        comparison.miss(first, format!("      {}", differ.join("\n      ")));
    }
}

fn causes_of(body: &Value) -> BTreeSet<(String, String)> {
    let text = |cause: &Value, key: &str| cause[key].as_str().unwrap_or_default().to_owned();
    let causes = body["details"]["causes"].as_array().into_iter().flatten();
    causes.map(|cause| (text(cause, "field"), text(cause, "reason"))).collect()
}
