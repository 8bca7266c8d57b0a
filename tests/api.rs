//! The table of kinds against its sources and against what is said elsewhere.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use plimsoll::api::{self, Kind, Role};
use serde_json::{Map, Value, json};

/// `just api` fetches the wheel and writes the table; without wheel, vectors or python3 there is nothing to compare with.
#[test]
fn the_tool_writes_what_is_committed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let run = Command::new("python3").arg(root.join("tools/api/generate.py")).arg("--check").output();
    let Ok(output) = run else {
        eprintln!("SKIPPED the_tool_writes_what_is_committed: there is no python3");
        return;
    };
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(3) {
        eprintln!("SKIPPED the_tool_writes_what_is_committed: {said}");
        return;
    }
    assert!(output.status.success(), "{said}");
}

/// Policy `api-version` has its parameter `apis` from the table.
#[test]
fn the_policy_knows_what_the_table_knows() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/metadata/api-version.yaml");
    let policy: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let resources =
        |kind: &&Kind| kind.role != Role::Custom && (!kind.resource.is_empty() || !kind.versions.is_empty());
    let mut expected: BTreeMap<String, BTreeMap<&str, [Option<u8>; 2]>> = BTreeMap::new();
    for kind in api::all().iter().filter(resources) {
        for version in kind.versions {
            let api_version = match kind.group {
                "" => version.name.to_owned(),
                group => format!("{group}/{}", version.name),
            };
            let since = version.first().filter(|first| *first > 23);
            let removed = version.last().map(|last| last + 1);
            expected.entry(api_version).or_default().insert(kind.kind, [since, removed]);
        }
    }
    let mut seen = 0;
    for (api_version, kinds) in policy["spec"]["parameters"]["apis"].as_object().unwrap() {
        for (kind, about) in kinds.as_object().unwrap() {
            let [since, removed] = expected[api_version][kind.as_str()];
            let mut table = Map::new();
            table.extend(since.map(|minor| ("since".to_owned(), json!(minor))));
            table.extend(removed.map(|minor| ("removed".to_owned(), json!(minor))));
            let mut said = about.as_object().unwrap().clone();
            said.retain(|key, _| key == "since" || key == "removed");
            assert_eq!(said, table, "{api_version} {kind}");
            seen += 1;
        }
    }
    let all: usize = api::all()
        .iter()
        .filter(|kind| kind.role != Role::Custom && !kind.resource.is_empty())
        .map(|kind| kind.versions.len())
        .sum();
    // beside resources: Eviction in two versions, TokenRequest
    assert_eq!(seen, all + 3);
    let matched = policy["spec"]["match"]["kinds"].as_array().unwrap();
    for kind in api::built_in() {
        assert!(matched.contains(&json!(format!("*/*/{}", kind.kind))), "{}", kind.kind);
    }
}
