//! Policies of Kubernetes' own kinds after published examples (`tests/admission_policies/policies`), each with requests and
//! the answers that a live API server gave to them: our engine gives the same. `tests/e2e/admission_policies.rs` puts the same
//! requests to the server that is there.

#![allow(clippy::unwrap_used)]

#[path = "admission_policies/cases.rs"]
mod cases;
#[path = "admission_policies/engine.rs"]
mod engine;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cases::{Case, Expected, PolicyFile, at};
use engine::{Answered, Engine};
use serde_json::Value;

/// What of an answer is not as expected.
fn differences(expect: &Expected, answered: &Answered) -> Vec<String> {
    let mut all = Vec::new();
    let mut compare = |what: &str, expected: String, got: String| {
        if expected != got {
            all.push(format!("{what}: expected {expected}\n  got {got}"));
        }
    };
    let Answered { denied, warnings, audit, object } = answered;
    let got = denied.as_ref().map(|d| (Some(d.code), Some(d.reason.clone()), Some(d.message.clone())));
    let got = got.unwrap_or_default();
    compare("code", format!("{:?}", expect.code), format!("{:?}", got.0));
    compare("reason", format!("{:?}", expect.reason), format!("{:?}", got.1));
    compare("message", format!("{:?}", expect.message), format!("{:?}", got.2));
    compare("warnings", format!("{:?}", expect.warnings), format!("{warnings:?}"));
    compare("audit annotations", format!("{:?}", expect.audit), format!("{audit:?}"));
    for (pointer, value) in &expect.object {
        compare(pointer, value.to_string(), at(object, pointer).to_string());
    }
    all
}

#[test]
fn every_policy_answers_as_the_server_does() {
    let mut misses = Vec::new();
    for file in cases::all() {
        let engine = Engine::of(&file);
        for case in &file.cases {
            let found = differences(&case.expect, &engine.answer(case));
            misses.extend(found.into_iter().map(|miss| format!("{}, {}: {miss}", file.name, case.name)));
        }
    }
    assert!(misses.is_empty(), "{} differ:\n{}", misses.len(), misses.join("\n"));
}

/// Each policy has a case in which it does something and one in which it does not, and says what it is after.
#[test]
fn every_policy_has_cases_of_both_sides() {
    let does = |case: &Case| {
        let Expected { message, warnings, audit, object, .. } = &case.expect;
        message.is_some() || !warnings.is_empty() || !audit.is_empty() || !object.is_empty()
    };
    let (mut validating, mut mutating) = (0, 0);
    for file in cases::all() {
        let PolicyFile { name, policies, given, cases } = &file;
        match policies[0]["kind"].as_str() {
            Some("ValidatingAdmissionPolicy") => validating += 1,
            Some("MutatingAdmissionPolicy") => mutating += 1,
            other => panic!("{name} begins with {other:?}"),
        }
        assert!(cases.iter().any(does), "{name}: a case in which something happens");
        let is_there = |namespace: &String| {
            let given = given.iter().filter(|given| given["kind"] == "Namespace");
            let made = cases.iter().filter(|case| case.target.kind == "Namespace").map(|case| &case.object);
            given.chain(made).any(|there| cases::text(there, "/metadata/name") == *namespace)
        };
        let nowhere: Vec<String> = file.namespaces().into_iter().filter(|name| !is_there(name)).collect();
        assert!(nowhere.is_empty(), "{name}: namespaces that are not there: {nowhere:?}");
        let text = std::fs::read_to_string(cases::folder().join(format!("{name}.yaml"))).unwrap();
        assert!(text.lines().any(|line| line.starts_with("# After https://")), "{name}: its source");
    }
    assert!(validating >= 20 && mutating >= 5, "{validating} validating, {mutating} mutating");
}

/// A folder of `../shared`, or that it is not there.
fn shared(folder: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("PLIMSOLL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    // the walk does not follow links out of what it is given
    let found = shared.join(folder).canonicalize().ok();
    if found.is_none() {
        eprintln!("admission_policies: SKIPPED: there is no {folder} in {}", shared.display());
    }
    found
}

/// What `plimsoll lint` finds by these policies.
fn findings(policies: &[&str], folder: &Path) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["lint", "--format", "json"])
        .args(policies)
        .arg(folder)
        .output()
        .unwrap();
    assert_ne!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    let mut report: Value = serde_json::from_slice(&output.stdout).unwrap();
    serde_json::from_value(report["findings"].take()).unwrap()
}

/// The folder as `plimsoll lint --policies` takes it: every policy is read, and what it finds in the tutorial is as much as is
/// there.
#[test]
fn the_policies_find_what_there_is_in_the_tutorial() {
    let Some(tutorial) = shared("manifests/tutorial") else { return };
    let mut files = cases::all();
    files.retain(|file| file.policies[0]["kind"] == "ValidatingAdmissionPolicy");
    let name = |file: PolicyFile| cases::text(&file.policies[0], "/metadata/name");
    let names: Vec<String> = files.into_iter().map(name).collect();
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for finding in findings(&["--no-embedded", "--policies", cases::folder().to_str().unwrap()], &tutorial) {
        let policy = finding["code"].as_str().unwrap().rsplit_once('/').unwrap_or_default().0;
        if names.iter().any(|name| name == policy) {
            *found.entry(policy.to_owned()).or_default() += 1;
        }
    }
    insta::assert_json_snapshot!("admission_policies_over_the_tutorial", found);
}

/// The policies that the bench judges by refuse what the pack of the same meaning refuses, of what the server takes.
#[test]
fn sixteen_policies_are_the_profile_restricted() {
    let Some(corpora) = shared("corpora") else { return };
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/admission_policies.yaml");
    let of = |finding: &Value| {
        let place = ["file", "document", "item"].map(|field| finding[field].to_string()).join(" ");
        (place, finding["object"]["kind"].as_str().unwrap_or_default().to_owned())
    };
    let refused = |policies: &[&str]| -> BTreeSet<(String, String)> {
        let mut errors = findings(policies, &corpora);
        errors.retain(|finding| finding["severity"] == "error");
        let is_of_server = |finding: &Value| {
            ["kubernetes/", "yaml/"].iter().any(|of| finding["code"].as_str().unwrap().starts_with(of))
        };
        let (of_server, of_policies): (Vec<_>, Vec<_>) = errors.iter().partition(|one| is_of_server(one));
        let never_taken: BTreeSet<_> = of_server.into_iter().map(of).collect();
        let kinds = ["Pod", "Deployment", "ReplicaSet", "DaemonSet", "StatefulSet"];
        let refused = of_policies.into_iter().map(of).filter(|(_, kind)| kinds.contains(&kind.as_str()));
        refused.filter(|object| !never_taken.contains(object)).collect()
    };
    let by_pack = refused(&["--pack", "pod-security-restricted"]);
    assert!(by_pack.len() > 100, "there is something to refuse: {}", by_pack.len());
    assert_eq!(refused(&["--no-embedded", "--policies", own]), by_pack);
}
