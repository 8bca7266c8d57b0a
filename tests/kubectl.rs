//! Against kubectl itself, where it is on the PATH: `kubectl label --local` shows without a cluster what kubectl makes
//! of YAML. Every file of the tutorial and of the linters' corpora, and a table of odd texts, document by document.

#![allow(clippy::unwrap_used)]

#[path = "kubectl/texts.rs"]
mod texts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use plimsoll::document::{Document, Limits};
use plimsoll::manifest::source::{Content, SourceFile};
use plimsoll::manifest::{Inventory, ReadLimits, Sources, read_sources};
use serde_json::{Value, json};

/// Files per call: kubectl takes 50 ms to start.
const BATCH: usize = 64;

fn kubectl() -> bool {
    let found =
        Command::new("kubectl").args(["version", "--client"]).output().is_ok_and(|o| o.status.success());
    if !found {
        eprintln!("kubectl: SKIPPED, no kubectl on the PATH: nothing was compared");
    }
    found
}

/// What kubectl makes of files: the objects in order, and whether it refused anything.
fn label(files: &[PathBuf]) -> (Vec<Value>, String) {
    let mut command = Command::new("kubectl");
    command.args(["label", "--local", "-o", "json", "plimsoll-test=1"]);
    for file in files {
        command.arg("-f").arg(file);
    }
    let output = command.output().unwrap();
    let objects = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
    (objects.map(Result::unwrap).collect(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// An object as `kubectl label` leaves it.
fn labelled(mut object: Value) -> Value {
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    if !object["metadata"]["labels"].is_object() {
        object["metadata"]["labels"] = json!({});
    }
    // One label that is no string, and kubectl sees none of them.
    if object["metadata"]["labels"].as_object().is_some_and(|labels| labels.values().any(|v| !v.is_string()))
    {
        object["metadata"]["labels"] = json!({});
    }
    object["metadata"]["labels"]["plimsoll-test"] = json!("1");
    object
}

/// Numbers by value: 80.0 is 80.
fn same(a: &Value, b: &Value) -> bool {
    let tree =
        |value: &Value| Document::from_json_owned(value.to_string(), Limits { depth: 2000, nodes: 1 << 20 });
    match (tree(a), tree(b)) {
        (Ok(a), Ok(b)) => a.root() == b.root(),
        _ => false,
    }
}

/// Our objects of one source, and what was refused.
fn read(sources: &Sources) -> (Vec<Value>, Vec<String>) {
    let inventory = Inventory::load(sources);
    let objects = inventory
        .manifests()
        .iter()
        .map(|m| labelled(serde_json::from_str(&inventory.object(m).to_json()).unwrap()));
    let refused =
        inventory.ledger().iter().flat_map(|record| record.errors.iter().map(|e| e.error.to_string()));
    (objects.collect(), refused.collect())
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_of_the_corpora_reads_as_with_kubectl() {
    let shared = std::env::var_os("PLIMSOLL_SHARED").map_or("../shared".into(), PathBuf::from);
    let mut files = Vec::new();
    files_below(&shared.join("manifests/tutorial"), &mut files);
    files_below(&shared.join("corpora"), &mut files);
    files.sort();
    if files.is_empty() {
        eprintln!("kubectl: SKIPPED, no files below {}", shared.display());
        return;
    }
    if !kubectl() {
        return;
    }
    let ours = |file: &Path| {
        read(&read_sources(
            &[file.to_string_lossy().into_owned()],
            &mut std::io::empty(),
            ReadLimits::default(),
        ))
    };
    let mut misses = Vec::new();
    let mut documents = 0;
    // What we do not take for manifests goes one by one, so that the batches are all in order.
    let (batched, mut single): (Vec<PathBuf>, Vec<PathBuf>) = files.iter().cloned().partition(
        |file| matches!(ours(file), (objects, refused) if !objects.is_empty() && refused.is_empty()),
    );
    for batch in batched.chunks(BATCH) {
        let expected: Vec<Value> = batch.iter().flat_map(|file| ours(file).0).collect();
        let (got, errors) = label(batch);
        if errors.is_empty()
            && got.len() == expected.len()
            && got.iter().zip(&expected).all(|(a, b)| same(a, b))
        {
            documents += got.len();
        } else {
            single.extend_from_slice(batch);
        }
    }
    for file in &single {
        let (objects, refused) = ours(file);
        let (got, errors) = label(std::slice::from_ref(file));
        documents += got.len();
        // No kind: nothing for a cluster, which is no mistake for us.
        let unreadable = !errors.is_empty() && !errors.contains("'Kind' is missing");
        let equal = got.len() == objects.len() && got.iter().zip(&objects).all(|(a, b)| same(a, b));
        if !equal || unreadable == refused.is_empty() {
            misses.push(format!(
                "{}: kubectl {} {errors:?}, we {} {refused:?}",
                file.display(),
                got.len(),
                objects.len()
            ));
        }
    }
    assert!(misses.is_empty(), "{}", misses.join("\n"));
    println!("kubectl: {} files, {documents} objects agree", files.len());
}

/// Each text as the `data` of an object of its own; what became of it by its index, `None` where refused.
fn table(texts: &[&str]) -> Vec<(Option<Value>, Option<Value>, String)> {
    let folder = tempfile::tempdir().unwrap();
    let manifest =
        |at: usize, text: &str| format!("apiVersion: v1\nkind: X\nmetadata: {{name: t{at}}}\ndata: {text}\n");
    let mut theirs = BTreeMap::new();
    let mut errors = String::new();
    let paths: Vec<PathBuf> = texts
        .iter()
        .enumerate()
        .map(|(at, text)| {
            let path = folder.path().join(format!("{at}.yaml"));
            std::fs::write(&path, manifest(at, text)).unwrap();
            path
        })
        .collect();
    for batch in paths.chunks(BATCH) {
        let (objects, stderr) = label(batch);
        errors.push_str(&stderr);
        for object in objects {
            theirs.insert(object["metadata"]["name"].as_str().unwrap().to_owned(), object["data"].clone());
        }
    }
    let row = |(at, text): (usize, &&str)| {
        let file = SourceFile::new("f", Content::Text(manifest(at, text)));
        let (objects, refused) = read(&Sources::new(vec![file]));
        let ours = objects.first().filter(|_| refused.is_empty()).map(|object| object["data"].clone());
        (theirs.get(&format!("t{at}")).cloned(), ours, refused.join("; "))
    };
    texts.iter().enumerate().map(row).collect()
}

fn agree(theirs: Option<&Value>, ours: Option<&Value>) -> bool {
    match (theirs, ours) {
        (Some(a), Some(b)) => same(a, b),
        (None, None) => true,
        _ => false,
    }
}

#[test]
fn odd_texts_read_as_with_kubectl() {
    if !kubectl() {
        return;
    }
    let mut misses = Vec::new();
    for (text, (theirs, ours, refused)) in texts::SAME.iter().zip(table(texts::SAME)) {
        if !agree(theirs.as_ref(), ours.as_ref()) {
            misses.push(format!("{text:?}: kubectl {theirs:?}, we {ours:?} {refused}"));
        }
    }
    assert!(misses.is_empty(), "{} of {}\n{}", misses.len(), texts::SAME.len(), misses.join("\n"));
    for (text, (theirs, ours, _)) in texts::KNOWN.iter().zip(table(texts::KNOWN)) {
        assert!(!agree(theirs.as_ref(), ours.as_ref()), "{text:?} agrees now: move it to SAME");
    }
    let random: Vec<&str> = texts::RANDOM.iter().map(|(text, _)| *text).collect();
    for ((text, values), (theirs, ours, refused)) in texts::RANDOM.iter().zip(table(&random)) {
        let values = values.map(|value| serde_json::from_str::<Value>(value).unwrap());
        assert!(values.iter().any(|v| agree(theirs.as_ref(), Some(v))), "{text:?}: kubectl {theirs:?}");
        assert!(agree(ours.as_ref(), Some(&values[1])), "{text:?}: we {ours:?} {refused}");
    }
}
