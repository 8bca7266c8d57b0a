//! Objects as a mutating webhook is sent them, and what the server refuses, beside the answers of a live server
//! (`vectors/admission/objects.jsonl`).
//!
//! `KIND=Pod` narrows it down to one kind, and prints its misses; `MISSES=1` prints all.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use document::{Document, Limits};
use kubernetes_objects::admit::{self, Admitted, Mode, Options, Refusal};
use kubernetes_objects::custom::Definitions;
use kubernetes_objects::plugins::{Account, Cluster, Known, Plugins, Priority};
use serde_json::Value;

/// The folder of the answers; `None`, and said, where it is missing.
fn vectors() -> Option<PathBuf> {
    let root = std::env::var_os("PLIMSOLL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = root.join("vectors/admission");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no golden vectors at {}", folder.display());
    None
}

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

#[derive(Default)]
struct Tally {
    all: usize,
    agree: usize,
    verdict: usize,
    object: usize,
    objects: usize,
    causes: usize,
    message: usize,
    refused: usize,
}

/// The differences between two values, by path.
fn differences(path: &str, wanted: &Value, found: &Value, out: &mut Vec<String>) {
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
fn seen(object: &Document<'_>) -> Value {
    let text = object.root().to_json().replace("kube-api-access-xxxxx", "kube-api-access-RANDOM");
    let mut value: Value = serde_json::from_str(&text).unwrap();
    if let Some(metadata) = value["metadata"].as_object_mut() {
        for key in ["uid", "creationTimestamp", "resourceVersion", "managedFields"] {
            metadata.remove(key);
        }
    }
    value
}

fn verdict(code: Option<u16>, reason: &str) -> String {
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
    let options = Options { minor: 36, mode, plugins: Plugins::default(), cluster: &Held };
    let admitted: Result<Admitted<'_, '_>, Refusal> =
        admit::kind_of(document.root(), options.minor, definitions)
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

fn compare(line: &Value, definitions: &Definitions, tally: &mut Tally, show: bool) {
    let id = line["id"].as_str().unwrap();
    let text = line["input"].to_string();
    let document = Document::from_json(&text, Limits::default()).unwrap();
    let mut misses = Vec::new();
    tally.all += 1;
    let mut verdicts = true;
    for (mode, answer) in [(Mode::Strict, &line["strict"]), (Mode::Warn, &line["warn"])] {
        let judged = judge(&document, mode, definitions);
        let code = answer["code"].as_u64().map(|code| u16::try_from(code).unwrap());
        let wanted = verdict(code, answer["reason"].as_str().unwrap_or_default());
        if judged.verdict != wanted {
            verdicts = false;
            misses.push(format!("{mode:?}: {wanted}, not {} {}", judged.verdict, judged.message));
        }
        if mode == Mode::Strict && wanted != "accepted" && code.is_some() {
            tally.refused += 1;
            let causes: BTreeSet<(String, String)> = answer["causes"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|cause| {
                    (
                        cause["field"].as_str().unwrap().to_owned(),
                        cause["reason"].as_str().unwrap().to_owned(),
                    )
                })
                .collect();
            tally.causes += usize::from(causes == judged.causes && judged.verdict == wanted);
            let same = judged.message == answer["message"].as_str().unwrap_or_default();
            tally.message += usize::from(same);
            if !same {
                misses.push(format!("message {}\n        not {}", answer["message"], judged.message));
            }
        }
        if mode == Mode::Warn {
            let mut differ = Vec::new();
            if !line["seen"].is_null() {
                tally.objects += 1;
                match &judged.object {
                    Some(object) => differences("", &line["seen"], object, &mut differ),
                    None => differ.push("no object".to_owned()),
                }
                tally.object += usize::from(differ.is_empty());
            }
            tally.verdict += usize::from(verdicts);
            tally.agree += usize::from(verdicts && differ.is_empty());
            misses.extend(differ);
        }
    }
    if show && !misses.is_empty() {
        println!("{id}\n    {}", misses.join("\n    "));
    }
}

#[test]
fn objects_are_the_servers() {
    let Some(folder) = vectors() else { return };
    let only = std::env::var("KIND").ok();
    let show = only.is_some() || std::env::var_os("MISSES").is_some();
    let lines = std::fs::read_to_string(folder.join("objects.jsonl")).unwrap();
    let crds = std::fs::read_to_string(folder.join("schemas/crds.json")).unwrap();
    let crds = Document::from_json(&crds, Limits::default()).unwrap();
    let mut definitions = Definitions::new();
    crds.root().items().for_each(|definition| definitions.add(definition));
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for line in lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let input = &line["input"];
        if input.is_null() {
            continue;
        }
        let name = |key: &str| input[key].as_str().unwrap_or("?").to_owned();
        if only.as_deref().is_some_and(|only| only != name("kind")) {
            continue;
        }
        let key = format!("{} {}", name("apiVersion"), name("kind"));
        compare(&line, &definitions, tallies.entry(key).or_default(), show);
    }
    println!("{:60} agree   verdict  object   causes   message", "kind");
    let mut total = Tally::default();
    for (kind, t) in &tallies {
        println!(
            "{kind:60} {:3}/{:3} {:3}/{:3} {:3}/{:3} {:3}/{:3} {:3}/{:3}",
            t.agree, t.all, t.verdict, t.all, t.object, t.objects, t.causes, t.refused, t.message, t.refused
        );
        total.all += t.all;
        total.agree += t.agree;
        total.verdict += t.verdict;
        total.object += t.object;
        total.objects += t.objects;
        total.causes += t.causes;
        total.message += t.message;
        total.refused += t.refused;
    }
    let Tally { all, agree, verdict, object, objects, causes, message, refused } = total;
    println!(
        "verdict {verdict}/{all} object {object}/{objects} causes {causes}/{refused} message {message}/{refused}"
    );
    println!("admission-objects {agree} of {all} agree");
    if only.is_none() {
        assert!(object * 100 >= objects * FLOOR, "{object} of {objects} objects agree");
    }
}

/// Percent of the objects; raised as more of them agree.
const FLOOR: usize = 97;
