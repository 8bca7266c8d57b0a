use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::document::Document;
use crate::document::edit::PatchOperation;
use crate::finding::{Certainty, OfObject, RuleInfo, Severity};

fn rule(code: &str) -> Arc<RuleInfo> {
    Arc::new(RuleInfo::of(code))
}

fn place(pointer: &str, start: u32) -> Place {
    let span = Some(Span { start, end: start + 1 });
    Place { path: pointer.replace('/', "."), pointer: pointer.to_owned(), span, origin: None }
}

fn add(path: &str, value: &str) -> PatchOperation {
    let value = Document::from_value(&serde_json::Value::from(value)).unwrap();
    PatchOperation::Add { path: path.parse().unwrap(), value: Arc::new(value) }
}

/// Findings that differ from the first in one thing each.
fn findings() -> Vec<Finding> {
    let of = rule("a/r");
    let plain = || Finding::at(Arc::clone(&of), Severity::Error, "m".to_owned(), place("/a", 1));
    let made = |change: &dyn Fn(&mut Finding)| {
        let mut finding = plain();
        change(&mut finding);
        finding
    };
    let related = |document, message: &str| Related {
        message: message.to_owned(),
        document,
        place: Place { span: None, ..place("/b", 0) },
    };
    vec![
        plain(),
        plain(),
        made(&|f| f.rule = rule("a/s")),
        made(&|f| f.severity = Severity::Info),
        made(&|f| f.certainty = Certainty::Unknown),
        made(&|f| f.message = "other".to_owned()),
        made(&|f| f.value = Some("m".to_owned())),
        made(&|f| f.place = place("/a", 2)),
        made(&|f| f.place = place("/b", 1)),
        made(&|f| f.place.span = None),
        made(&|f| f.place.origin = Some("p".to_owned())),
        made(&|f| f.related = vec![related(None, "x"), related(Some(ObjectId(3)), "m")]),
        made(&|f| f.fix = vec![add("/a", "1")]),
        made(&|f| f.fix = vec![add("/a", "2")]),
        made(&|f| f.explanation = vec!["x is 1".to_owned()]),
        made(&|f| f.reference = Some("https://x".to_owned())),
        made(&|f| f.more = 2),
        made(&|f| f.sensitive = true),
        made(&|f| f.fingerprint.place = "/b".to_owned()),
        made(&|f| {
            let object = OfObject { group: "", kind: "Pod", namespace: "n", name: Ok("web") };
            f.fingerprint.settle(&of, object);
        }),
    ]
}

#[test]
fn what_is_held_is_given_back() {
    let findings = findings();
    let mut held = Held::default();
    for (at, finding) in (0..).zip(&findings) {
        held.push(ObjectId(at), finding.clone());
    }
    for (at, finding) in findings.iter().enumerate() {
        let (object, again) = held.get(at);
        assert_eq!((object.0 as usize, &again), (at, finding), "{at}");
    }
    assert_eq!(held.related().collect::<Vec<_>>(), [ObjectId(3)]);
}

#[test]
fn a_record_is_small() {
    assert_eq!(size_of::<Record>(), 16);
}

#[test]
fn what_is_said_again_is_held_once() {
    let mut held = Held::default();
    for object in 0..100 {
        findings().into_iter().for_each(|finding| held.push(ObjectId(object), finding));
    }
    // each time with rules of its own that say the same
    let (first, all) = (findings().len(), held.len());
    assert_eq!(all, 100 * first);
    assert!(held.texts.words.all.len() <= 4 && held.texts.places.all.len() <= 5, "{held:?}");
    let given: Vec<Finding> = held.iter().map(|(_, finding)| finding).collect();
    assert!(given.chunks(first).all(|again| again == findings()));
    let (mut held, findings) = (Held::default(), findings());
    for object in 0..100 {
        findings.iter().for_each(|finding| held.push(ObjectId(object), finding.clone()));
    }
    // what is related is kept for each; those that differ in their span or fingerprint alone tell the same
    assert_eq!(held.texts.told.all.len(), 100 + findings.len() - 1 - 4);
}

#[test]
fn objects_are_sorted_and_what_is_of_one_stays_in_order() {
    let mut held = Held::default();
    for (object, message) in [(2, "a"), (0, "b"), (2, "c"), (1, "d"), (0, "e")] {
        let finding = Finding::at(rule("a/r"), Severity::Error, message.to_owned(), place("/a", 1));
        held.push(ObjectId(object), finding);
    }
    held.sort_by_object(std::cmp::Reverse);
    let order = |held: &Held| -> Vec<String> {
        held.iter().map(|(id, finding)| format!("{}{}", id.0, finding.message)).collect()
    };
    assert_eq!(order(&held), ["2a", "2c", "1d", "0b", "0e"]);
    held.sort_each([0..2, 3..5].into_iter(), |a, b| b.message.cmp(a.message));
    assert_eq!(order(&held), ["2c", "2a", "1d", "0e", "0b"]);
}

#[test]
fn fingerprints_stay_with_what_they_are_of() {
    let (mut held, mut prints) = (Held::default(), BTreeMap::new());
    for (object, message) in [(2, "a"), (0, "b"), (2, "c"), (1, "d"), (0, "e"), (2, "f")] {
        let mut finding = Finding::at(rule("a/r"), Severity::Error, message.to_owned(), place("/a", 1));
        // not the first, nor the last
        if !matches!(message, "a" | "f") {
            let object = OfObject { group: "", kind: "Pod", namespace: "n", name: Ok(message) };
            let rule = Arc::clone(&finding.rule);
            finding.fingerprint.settle(&rule, object);
        }
        prints.insert(message, finding.fingerprint.printed);
        held.push(ObjectId(object), finding);
    }
    assert_eq!(prints.values().flatten().collect::<BTreeSet<_>>().len(), 4);
    held.sort_by_object(std::cmp::Reverse);
    held.sort_each([0..3, 4..6].into_iter(), |a, b| b.message.cmp(a.message));
    for at in 0..held.len() {
        let glance = held.glance(at);
        assert_eq!(glance.print(), prints[glance.message], "{}", glance.message);
        assert_eq!(held.get(at).1.fingerprint.printed, prints[glance.message]);
    }
    let order: Vec<&str> = (0..held.len()).map(|at| held.glance(at).message).collect();
    assert_eq!(order, ["f", "c", "a", "d", "e", "b"]);
}
