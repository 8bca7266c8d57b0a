//! What a live API server answered to writes of admission policies, and the type checking of those that it took:
//! `../shared/vectors/admission-policies`. `CASE=…` narrows them down by id; what differs is printed.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

mod writes;

fn shared() -> PathBuf {
    std::env::var_os("PLIMSOLL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from)
}

#[test]
fn policies_are_written_as_the_server_takes_them() {
    let path = shared().join("vectors/admission-policies/policy-writes.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: no vectors at {}", path.display());
        return;
    };
    let filter = std::env::var("CASE").unwrap_or_default();
    let mut counts: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let mut misses = 0;
    for line in text.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let id = vector["id"].as_str().unwrap();
        if !id.contains(&filter) {
            continue;
        }
        let (wanted, found) = writes::compare(&vector);
        let (agree, all) = counts.entry(id.split('/').next().unwrap_or_default().to_owned()).or_default();
        *all += 1;
        *agree += u32::from(wanted == found);
        if wanted != found {
            misses += 1;
            println!("{id}\n  wanted {:#}\n  found {:#}", wanted.0, found.0);
        }
    }
    for (area, (agree, all)) in &counts {
        println!("{area}: {agree} of {all} agree");
    }
    assert!(!counts.is_empty() || !filter.is_empty(), "no vectors were read");
    assert_eq!(misses, 0, "writes that differ");
}
