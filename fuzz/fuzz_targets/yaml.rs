//! Bytes of a file become documents, and documents are changed.
//!
//! Whatever the bytes: every document has an outcome, every place lies in the text at a character's border, what is
//! changed holds the change and nothing else, a document can be told as JSON and read again, and it is within a second.
#![no_main]

mod bounds;

use libfuzzer_sys::fuzz_target;
use plimsoll::document::edit::{PatchOperation, string};
use plimsoll::document::path::Pointer;
use plimsoll::document::{Document, Kind, Limits, NodeId, NodeRef};
use plimsoll::manifest::decode::decode;
use plimsoll::manifest::source::Content;
use plimsoll::manifest::{Inventory, SourceFile, Sources};

const LIMITS: Limits = Limits { depth: 2_000, nodes: 1 << 24 };
/// So many nodes of a document are changed, each on its own.
const CHANGED: usize = 8;

fn places(text: &str, document: &Document<'_>) {
    for node in document.nodes() {
        for span in [node.span(), node.key_span()].into_iter().flatten() {
            let range = span.start as usize..span.end as usize;
            assert!(range.start <= range.end, "{range:?}");
            assert!(text.get(range.clone()).is_some(), "no place in the text: {range:?}");
        }
    }
}

fn told_and_read(document: &Document<'_>) {
    let json = document.root().to_json();
    let again = Document::from_json(&json, LIMITS).expect("what was written can be read");
    assert_eq!(again.root().to_json(), json);
}

/// Replaces a node, then takes it away.
fn change(document: &Document<'_>, node: NodeRef<'_>) {
    let path = Pointer::of(node, NodeId::ROOT);
    // of members with one key the last counts; those before it have no path of their own
    if document.root().at(&path.to_string()).map(NodeRef::id) != Some(node.id()) {
        return;
    }
    let replace = PatchOperation::Replace { path: path.clone(), value: string("changed") };
    match document.edited(&[replace], "fuzz", LIMITS) {
        Ok(changed) => {
            let at = changed.root().at(&path.to_string()).expect("it was there");
            assert_eq!(at.as_str(), Some("changed"));
            // the same number of nodes, but for those below the one that was replaced
            assert!(changed.node_count() <= document.node_count());
            told_and_read(&changed);
        }
        Err((_, error)) => assert!(!error.to_string().is_empty()),
    }
    if node.id() == NodeId::ROOT {
        return;
    }
    match document.edited(&[PatchOperation::Remove { path: path.clone() }], "fuzz", LIMITS) {
        Ok(changed) => {
            assert!(changed.node_count() < document.node_count());
            told_and_read(&changed);
        }
        Err((_, error)) => assert!(!error.to_string().is_empty()),
    }
    if node.kind() == Kind::Object {
        let added = PatchOperation::Add { path: Pointer::of(node, NodeId::ROOT).child("fuzz~/x"), value: string("a") };
        let changed = document.edited(&[added], "fuzz", LIMITS).expect("an object takes a member");
        told_and_read(&changed);
    }
}

fn run(text: &str) {
    let sources = Sources::new(vec![SourceFile::new("fuzz.yaml", Content::Text(text.to_owned()))]);
    let inventory = Inventory::load(&sources);
    assert_eq!(inventory.ledger().len(), 1);
    for record in inventory.ledger() {
        for error in &record.errors {
            assert!(!error.error.to_string().is_empty());
        }
    }
    for manifest in inventory.manifests() {
        let _ = inventory.object(manifest).to_json();
    }
    for loaded in inventory.documents() {
        let document = &loaded.document;
        places(text, document);
        told_and_read(document);
        let step = document.node_count().div_ceil(CHANGED).max(1);
        for node in document.nodes().step_by(step) {
            change(document, node);
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = decode(bytes.to_vec(), 1 << 20) else { return };
    bounds::within_a_second(|| run(&text));
});
