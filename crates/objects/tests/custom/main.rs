//! Custom resources beside a live server's answers (`shared/vectors/admission/objects.jsonl`).

mod rules;

use std::path::{Path, PathBuf};

use document::{Document, Limits};
use kubernetes_objects::custom::Definitions;
use kubernetes_objects::field::status_message;
use serde_json::Value;

fn shared() -> PathBuf {
    std::env::var_os("PLIMSOLL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from)
}

/// Members sorted, and without what the vectors leave out.
fn canonical(json: &str) -> String {
    let mut value: Value = serde_json::from_str(json).expect("written by us, or a vector");
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        for dropped in ["uid", "creationTimestamp", "resourceVersion", "managedFields"] {
            metadata.remove(dropped);
        }
    }
    value.to_string()
}

/// What we say of a document: code, message, and the object as a mutating webhook sees it.
struct Answer {
    code: u16,
    message: String,
    warnings: Vec<String>,
    seen: Option<String>,
}

fn answer(definitions: &Definitions, input: &Value, strict: bool) -> Option<Answer> {
    let (group, version) = input["apiVersion"].as_str()?.split_once('/')?;
    let (definition, version) = definitions.find(group, version, input["kind"].as_str()?)?;
    let text = input.to_string();
    let document = Document::from_json(&text, Limits::default()).expect("JSON");
    let refused = |code, message: String, seen| Some(Answer { code, message, warnings: Vec::new(), seen });
    let opening =
        format!("{0} in version \"{1}\" cannot be handled as a {0}: ", definition.kind, version.name);
    let decoded = match definition.decode(version, &document, Limits::default()) {
        Ok(decoded) => decoded,
        Err(error) => return refused(400, format!("{opening}{error}"), None),
    };
    if strict && !decoded.strict.is_empty() {
        let all = decoded.strict.join(", ");
        return refused(400, format!("{opening}strict decoding error: {all}"), None);
    }
    let seen = Some(canonical(&decoded.document.root().to_json()));
    let causes =
        definition.validate(version, decoded.document.root(), None).expect("within the limits").into_vec();
    if !causes.is_empty() {
        let name = input["metadata"]["name"].as_str().unwrap_or_default();
        return refused(422, status_message(group, &definition.kind, name, &causes), seen);
    }
    let mut warnings = decoded.strict;
    warnings.extend(definition.warnings(version, decoded.document.root(), None));
    Some(Answer { code: 201, message: String::new(), warnings, seen })
}

#[test]
fn custom_resources_are_answered_as_by_the_server() {
    let vectors = shared().join("vectors/admission");
    let Ok(lines) = std::fs::read_to_string(vectors.join("objects.jsonl")) else {
        eprintln!("SKIPPED: no vectors under {}", vectors.display());
        return;
    };
    let crds = std::fs::read_to_string(vectors.join("schemas/crds.json")).expect("beside the vectors");
    let crds = Document::from_json(&crds, Limits::default()).expect("JSON");
    let mut definitions = Definitions::new();
    crds.root().items().for_each(|crd| definitions.add(crd));
    assert_eq!(definitions.iter().count(), crds.root().len());

    let (mut asked, mut misses) = (0, Vec::new());
    for line in lines.lines() {
        let vector: Value = serde_json::from_str(line).expect("JSON");
        let Some(strict) = answer(&definitions, &vector["input"], true) else { continue };
        let warn = answer(&definitions, &vector["input"], false).expect("the same kind");
        asked += 1;
        let id = &vector["id"];
        for (mode, ours) in [("strict", &strict), ("warn", &warn)] {
            let theirs = &vector[mode];
            let told = theirs["message"].as_str().unwrap_or_default();
            if theirs["code"] != ours.code || (ours.code >= 400 && told != ours.message) {
                misses.push(format!("{id} {mode}: {theirs}\n  ours: {} {}", ours.code, ours.message));
            }
            let warned: Vec<&str> =
                theirs["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            if ours.code == 201 && warned != ours.warnings {
                misses.push(format!("{id} {mode}: warnings {warned:?}\n  ours: {:?}", ours.warnings));
            }
        }
        let seen = (!vector["seen"].is_null()).then(|| canonical(&vector["seen"].to_string()));
        // the server adds the namespace of the request
        let ours = warn.seen.map(|seen| {
            let mut object: Value = serde_json::from_str(&seen).expect("JSON");
            if let Some(namespace) = vector["seen"]["metadata"]["namespace"].as_str() {
                object["metadata"]["namespace"] = namespace.into();
            }
            object.to_string()
        });
        if seen != ours {
            misses.push(format!("{id} seen: {seen:?}\n  ours: {ours:?}"));
        }
    }
    assert!(asked > 0, "no custom resource among the vectors");
    assert!(misses.is_empty(), "{} of {asked}:\n{}", misses.len(), misses.join("\n"));
}
