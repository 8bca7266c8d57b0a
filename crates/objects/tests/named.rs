//! What the server finds in an object under one plain name it finds under any other: over each rule that a live server told
//! (`answers/workloads.jsonl`), and the objects of its recording where that is at hand.
#![allow(clippy::unwrap_used)]

mod change;
mod vectors;

use change::change;
use document::Document;
use kubernetes_objects::names::is_plain;
use kubernetes_objects::validate::{Kind, is_judged_alike_by_any_plain_name, validate, warnings};
use serde_json::Value;

/// The shortest, the longest, and one with all that a plain name may have.
const NAMES: [&str; 3] = ["a", "q-9-a", "a123456789012345678901234567890123456789"];

/// What the server finds and warns of, told with the object's own name put back.
fn found(object: &Value, name: &str) -> Option<Vec<String>> {
    let mut object = object.clone();
    *object.pointer_mut("/metadata/name")? = name.into();
    let document = Document::from_value(&object).unwrap();
    let root = document.root();
    let (group, version) =
        root.get_str("apiVersion")?.rsplit_once('/').unwrap_or(("", root.get_str("apiVersion")?));
    let kind = Kind { group, version, kind: root.get_str("kind")? };
    is_judged_alike_by_any_plain_name(kind, root).then(|| {
        let causes = validate(kind, root, None).into_vec();
        let causes =
            causes.into_iter().map(|cause| format!("{}: {:?}: {}", cause.field, cause.reason, cause.message));
        causes.chain(warnings(kind, root, None)).collect()
    })
}

/// Whether an object is judged alike by any name; then that it is.
fn is_judged_alike(object: &Value) -> bool {
    let all = NAMES.map(|name| found(object, name));
    assert!(all.iter().all(|found| *found == all[0]), "{object:#}\n{all:#?}");
    all[0].is_some()
}

fn changed(object: &Value, path: &str, value: Option<&Value>) -> Value {
    let mut object = object.clone();
    change(&mut object, path, value);
    object
}

#[test]
fn a_plain_name_changes_nothing() {
    assert!(NAMES.iter().all(|name| is_plain(name)));
    let mut base = Value::Null;
    let (mut told, mut alike) = (0, 0);
    for line in include_str!("answers/workloads.jsonl").lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let object = match line.get("object") {
            Some(object) => {
                base = object.clone();
                base.clone()
            }
            None => changed(&base, line["path"].as_str().unwrap(), line.get("value")),
        };
        told += 1;
        alike += usize::from(is_judged_alike(&object));
    }
    println!("{alike} of {told}");
    assert!(alike > 100, "{alike} of {told}");
}

#[test]
fn nor_does_it_in_what_a_live_server_was_sent() {
    let Some(folder) = vectors::folder() else { return };
    let lines = std::fs::read_to_string(folder.join("objects.jsonl")).unwrap();
    let objects = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    // as it was written, and as the server has it
    let of_line = |mut line: Value| [line["input"].take(), line["seen"].take()];
    let alike = objects.flat_map(of_line).filter(is_judged_alike).count();
    println!("{alike} objects");
    assert!(alike > 300, "{alike}");
}

#[test]
fn what_else_depends_on_the_name_is_left_out() {
    let pod = serde_json::json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
        "spec": {"volumes": [{"name": "data", "emptyDir": {}}], "containers": [{"name": "c", "image": "i"}]},
    });
    assert!(is_judged_alike(&pod));
    for (path, value) in [
        ("/spec/volumes/0/ephemeral", serde_json::json!({})),
        ("/metadata/managedFields", serde_json::json!([])),
        ("/metadata/uid", "x".into()),
        ("/kind", "Job".into()),
    ] {
        assert!(!is_judged_alike(&changed(&pod, path, Some(&value))), "{path}");
    }
    for name in ["", "Web", "9web", "web-", "web.shop", "a1234567890123456789012345678901234567890"] {
        assert!(!is_plain(name), "{name}");
    }
}
