//! What we say of an object beside what the live server said: shared with the suite of `tests/conformance`.

use std::collections::BTreeSet;
use std::path::Path;

use document::{Document, Limits};
use kubernetes_objects::admit::{self, Mode, Options, Refusal};
use kubernetes_objects::custom::Definitions;
use kubernetes_objects::plugins::{Account, Cluster, Known, Plugins, Priority};
use serde_json::Value;

/// What the cluster of the vectors held (their README).
struct Held;

const NAMESPACES: &str = "bar bar2 bar3 cronjobs database default dontfire foospace kube-system \
    memcached-operator-system namespace-dev not-foospace other prod production rightnamespace site test test1 testspace \
    trivy-staging wrongnamespace kube-public kube-node-lease";

fn known<T>(there: bool, what: T) -> Known<T> {
    if there { Known::There(what) } else { Known::Absent }
}

impl Cluster for Held {
    fn namespace(&self, name: &str) -> Known<()> {
        known(NAMESPACES.split_whitespace().any(|there| there == name), ())
    }

    fn service_account(&self, namespace: &str, name: &str) -> Known<Account> {
        known(name == "default" || (namespace, name) == ("default", "test"), Account::default())
    }

    fn priority_class(&self, name: &str) -> Known<Priority> {
        let preemption = "PreemptLowerPriority".to_owned();
        known(name == "high-priority", Priority { name: name.to_owned(), value: 1000, preemption })
    }

    fn default_priority_class(&self) -> Known<Priority> {
        Known::Absent
    }

    fn runtime_class(&self, _: &str) -> Known<()> {
        Known::Absent
    }

    fn default_storage_class(&self) -> Known<String> {
        Known::Absent
    }

    fn default_ingress_class(&self) -> Known<String> {
        Known::Absent
    }
}

/// The differences between two values, by path.
pub(crate) fn differences(path: &str, wanted: &Value, found: &Value, out: &mut Vec<String>) {
    match (wanted, found) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let below = format!("{path}.{key}");
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => differences(&below, a, b, out),
                    (Some(a), None) => out.push(format!("{below}: missing {a}")),
                    (None, Some(b)) => out.push(format!("{below}: not wanted {b}")),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (at, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}[{at}]"), a, b, out);
            }
        }
        _ if wanted == found => {}
        _ => out.push(format!("{path}: {wanted} is wanted, not {found}")),
    }
}

/// As the vectors have it: without what the server makes up, and with its random letters named.
pub(crate) fn seen(object: &Document<'_>) -> Value {
    let text = object.root().to_json().replace("kube-api-access-xxxxx", "kube-api-access-RANDOM");
    let mut value: Value = serde_json::from_str(&text).expect("written by us");
    if let Some(metadata) = value["metadata"].as_object_mut() {
        for key in ["uid", "creationTimestamp", "resourceVersion", "managedFields"] {
            metadata.remove(key);
        }
    }
    value
}

pub(crate) fn verdict(code: Option<u16>, reason: &str) -> String {
    match code {
        None => format!("none {reason}"),
        // the name is there already: everything else was passed
        Some(409 | 201) => "accepted".to_owned(),
        Some(code) => code.to_string(),
    }
}

struct Judged {
    verdict: String,
    message: String,
    causes: BTreeSet<(String, String)>,
    object: Option<Value>,
}

fn refused(refusal: Refusal, object: Option<Value>) -> Judged {
    Judged {
        verdict: verdict(refusal.code, refusal.reason),
        message: refusal.message,
        causes: refusal
            .causes
            .into_iter()
            .map(|cause| (cause.field, cause.reason.as_str().to_owned()))
            .collect(),
        object,
    }
}

fn judge(document: &Document<'_>, mode: Mode, definitions: &Definitions) -> Judged {
    let options =
        Options { minor: 36, mode, plugins: Plugins::default(), cluster: &Held, namespace: "default" };
    let admitted = admit::kind_of(document.root(), options.minor, definitions)
        .and_then(|served| admit::admit(document.root(), served, &options));
    match admitted {
        Err(refusal) => refused(refusal, None),
        Ok(admitted) => {
            let object = Some(seen(&admitted.object));
            match admitted.validate(None) {
                Err(refusal) => refused(refusal, object),
                Ok(_) => Judged {
                    verdict: "accepted".to_owned(),
                    message: String::new(),
                    causes: BTreeSet::new(),
                    object,
                },
            }
        }
    }
}

/// How one line of `objects.jsonl` went; `None` where nothing of the kind was asked.
#[derive(Default)]
pub(crate) struct Comparison {
    /// Accepted or the code, under Strict and under Warn.
    pub(crate) verdict: bool,
    /// The object that a mutating webhook sees.
    pub(crate) object: Option<bool>,
    /// Field and reason of what was refused.
    pub(crate) causes: Option<bool>,
    pub(crate) message: Option<bool>,
    /// What differs, to be read.
    pub(crate) misses: Vec<String>,
}

impl Comparison {
    /// A document agrees when verdict and object do.
    pub(crate) fn agrees(&self) -> bool {
        self.verdict && self.object != Some(false)
    }
}

/// The custom kinds that the cluster of the vectors had.
pub(crate) fn definitions(folder: &Path) -> Definitions {
    let text = std::fs::read_to_string(folder.join("schemas/crds.json")).expect("beside the vectors");
    let list = Document::from_json(&text, Limits::default()).expect("JSON");
    let mut definitions = Definitions::new();
    list.root().items().for_each(|definition| definitions.add(definition));
    definitions
}

/// Compares what we say of a line with what it says.
pub(crate) fn compare(line: &Value, definitions: &Definitions) -> Comparison {
    let text = line["input"].to_string();
    let document = Document::from_json(&text, Limits::default()).expect("a vector");
    let mut comparison = Comparison { verdict: true, ..Comparison::default() };
    for (mode, answer) in [(Mode::Strict, &line["strict"]), (Mode::Warn, &line["warn"])] {
        let judged = judge(&document, mode, definitions);
        let code = answer["code"].as_u64().and_then(|code| u16::try_from(code).ok());
        let wanted = verdict(code, answer["reason"].as_str().unwrap_or_default());
        if judged.verdict != wanted {
            comparison.verdict = false;
            comparison.misses.push(format!("{mode:?}: {wanted}, not {} {}", judged.verdict, judged.message));
        }
        if mode == Mode::Strict && wanted != "accepted" && code.is_some() {
            let varies = line["orderVaries"] == true;
            refusals(answer, &judged, judged.verdict == wanted, varies, &mut comparison);
        }
        if mode == Mode::Warn && !line["seen"].is_null() {
            let mut differ = Vec::new();
            match &judged.object {
                Some(object) => differences("", &line["seen"], object, &mut differ),
                None => differ.push("no object".to_owned()),
            }
            comparison.object = Some(differ.is_empty());
            comparison.misses.extend(differ);
        }
    }
    comparison
}

/// `varies`: the server lists the causes in an order of chance.
fn refusals(answer: &Value, judged: &Judged, verdict: bool, varies: bool, comparison: &mut Comparison) {
    let text = |cause: &Value, key: &str| cause[key].as_str().unwrap_or_default().to_owned();
    let causes: BTreeSet<(String, String)> = answer["causes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|cause| (text(cause, "field"), text(cause, "reason")))
        .collect();
    comparison.causes = Some(verdict && causes == judged.causes);
    let message = answer["message"].as_str().unwrap_or_default();
    let same = if varies { parts(message) == parts(&judged.message) } else { message == judged.message };
    comparison.message = Some(same);
    if !same {
        comparison.misses.push(format!("message {message:?}, not {:?}", judged.message));
    }
}

/// What a message says, in no order.
pub(crate) fn parts(message: &str) -> Vec<&str> {
    let (opening, list) = message.split_once(": [").unwrap_or((message, ""));
    let mut parts: Vec<&str> = list.trim_end_matches(']').split(", ").collect();
    parts.push(opening);
    parts.sort_unstable();
    parts
}
