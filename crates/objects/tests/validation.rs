//! The hand-written rules beside the answers of a live server (`vectors/admission/objects.jsonl`).
//!
//! Every document that got as far as admission is judged as the server saw it. `KIND=Pod` narrows it down to
//! one kind, and prints its misses; `MISSES=1` prints all. Lines with `old` (the vectors have none; answers of a
//! live server can be put into the same form) are updates.
#![allow(clippy::unwrap_used)]

mod vectors;

use document::{Document, Limits};
use kubernetes_objects::validate::{self, Kind};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
struct Tally {
    agree: usize,
    all: usize,
    messages: usize,
    refused: usize,
    warnings: usize,
    accepted: usize,
}

fn causes(answer: &Value) -> BTreeSet<(String, String, String)> {
    let text = |cause: &Value, key: &str| cause[key].as_str().unwrap_or_default().to_owned();
    answer["causes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|cause| (text(cause, "field"), text(cause, "reason"), text(cause, "message")))
        .collect()
}

/// Field and reason, without the messages.
fn outline(causes: &BTreeSet<(String, String, String)>) -> BTreeSet<(&str, &str)> {
    causes.iter().map(|(field, reason, _)| (field.as_str(), reason.as_str())).collect()
}

fn judge(line: &Value, tally: &mut Tally, show: bool) {
    let id = line["id"].as_str().unwrap();
    // the vectors put RANDOM where the server makes a name, which would be none
    let text = line["seen"].to_string().replace("-RANDOM\"", "-xxxxx\"");
    let document = Document::from_json(&text, Limits::default()).unwrap();
    let stored = line["old"].to_string();
    let stored = Document::from_json(&stored, Limits::default()).unwrap();
    let old = line["old"].is_object().then(|| stored.root());
    let api_version = line["seen"]["apiVersion"].as_str().unwrap();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let kind = Kind { group, version, kind: line["seen"]["kind"].as_str().unwrap() };
    let answer = &line["warn"];
    let refused = answer["code"] == 422;
    // other refusals come from what the cluster holds
    if !refused && !matches!(answer["code"].as_u64(), Some(200 | 201 | 409)) {
        return;
    }
    let expected = causes(answer);
    let found: BTreeSet<_> = validate::validate(kind, document.root(), old)
        .into_vec()
        .into_iter()
        .map(|cause| (cause.field, cause.reason.as_str().to_owned(), cause.message))
        .collect();
    tally.all += 1;
    let agree = outline(&expected) == outline(&found) && refused != found.is_empty();
    tally.agree += usize::from(agree);
    tally.refused += usize::from(refused);
    tally.messages += usize::from(refused && expected == found);
    if show && expected != found {
        println!("{id} ({api_version} {})", kind.kind);
        expected.difference(&found).for_each(|cause| println!("  - {cause:?}"));
        found.difference(&expected).for_each(|cause| println!("  + {cause:?}"));
    }
    if refused || !found.is_empty() {
        return;
    }
    let expected: BTreeSet<String> = answer["warnings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|warning| warning.as_str().map(str::to_owned))
        // those of decoding come from elsewhere, and so do those of deprecated versions
        .filter(|warning| !warning.starts_with("unknown field") && !warning.contains(" is deprecated in v1."))
        .collect();
    let found: BTreeSet<String> = validate::warnings(kind, document.root(), old).into_iter().collect();
    tally.accepted += 1;
    tally.warnings += usize::from(expected == found);
    if show && expected != found {
        println!("{id} ({api_version} {}): warnings", kind.kind);
        expected.difference(&found).for_each(|warning| println!("  - {warning}"));
        found.difference(&expected).for_each(|warning| println!("  + {warning}"));
    }
}

#[test]
fn causes_are_the_servers() {
    let Some(folder) = vectors::folder() else { return };
    let only = std::env::var("KIND").ok();
    let show = only.is_some() || std::env::var_os("MISSES").is_some();
    let lines = std::fs::read_to_string(folder.join("objects.jsonl")).unwrap();
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for line in lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let Some(kind) = line["seen"]["kind"].as_str() else { continue };
        if only.as_deref().is_some_and(|only| only != kind) {
            continue;
        }
        judge(&line, tallies.entry(kind.to_owned()).or_default(), show);
    }
    println!("{:32} agree   messages  warnings", "kind");
    let (mut agree, mut all) = (0, 0);
    for (kind, tally) in &tallies {
        println!(
            "{kind:32} {:3}/{:3}  {:3}/{:3}   {:3}/{:3}",
            tally.agree, tally.all, tally.messages, tally.refused, tally.warnings, tally.accepted
        );
        agree += tally.agree;
        all += tally.all;
    }
    println!("causes: {agree} of {all} agree");
    if only.is_none() {
        assert!(agree * 100 >= all * FLOOR, "{agree} of {all} agree");
    }
}

/// Percent of the documents; raised as rules come.
const FLOOR: usize = 98;
