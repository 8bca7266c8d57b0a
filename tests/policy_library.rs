//! The policy library against its own tests: every policy has some, every rule is reached, and the webhook answers
//! what lint says.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use plimsoll::policytest::{self, TestRun, read, text};
use plimsoll::store::embedded;

fn library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")
}

static OUTCOME: LazyLock<TestRun> = LazyLock::new(|| policytest::run(&[library()], false));

#[test]
fn every_test_goes_as_expected() {
    let told = text::render(&OUTCOME, text::TextOptions { color: false, quiet: true });
    let errors: Vec<String> = OUTCOME.errors.iter().map(ToString::to_string).collect();
    assert!(OUTCOME.cases().next().is_some(), "no test found");
    assert!(OUTCOME.failed() == 0 && errors.is_empty(), "{}\n{told}", errors.join("\n"));
}

#[test]
fn every_policy_has_a_test_and_every_rule_is_reached() {
    assert!(OUTCOME.untested.is_empty(), "without a test: {}", OUTCOME.untested.join(", "));
    assert!(OUTCOME.unreached.is_empty(), "never reached: {}", OUTCOME.unreached.join(", "));
}

/// A policy that finds something everywhere passes every test of bad manifests, one that finds nothing every test of
/// good ones.
#[test]
fn every_policy_is_shown_a_good_and_a_bad_manifest() {
    let found = read::find(&[library()]);
    let mut shown: BTreeMap<PathBuf, BTreeSet<bool>> = BTreeMap::new();
    for test in &found.tests {
        for policy in &test.policies {
            let expectations = test.cases.iter().flat_map(|case| &case.written.expect);
            let quiet = expectations.map(|e| e.findings.is_empty() && e.patch.is_empty());
            shown.entry(policy.clone()).or_default().extend(quiet);
        }
    }
    let both = BTreeSet::from([false, true]);
    let lacking: Vec<String> = embedded::files()
        .iter()
        .filter(|(name, _)| shown.get(&library().join(name)) != Some(&both))
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert!(lacking.is_empty(), "not shown a good and a bad manifest: {}", lacking.join(", "));
}

/// Tests, pages and people find a policy by its file.
#[test]
fn a_policy_is_named_like_its_file() {
    for (path, text) in embedded::files() {
        let stem = Path::new(path).file_stem().unwrap().to_str().unwrap();
        assert!(text.lines().any(|line| line.trim() == format!("name: {stem}")), "{path}");
    }
}

#[test]
fn the_pages_in_docs_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/policies");
    let pages = plimsoll::explain::markdown::library();
    let mut stale: Vec<String> = Vec::new();
    for (name, text) in &pages {
        if std::fs::read_to_string(folder.join(name)).ok().as_ref() != Some(text) {
            stale.push(name.clone());
        }
    }
    for entry in std::fs::read_dir(&folder).into_iter().flatten() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        if !pages.contains_key(&name) {
            stale.push(name);
        }
    }
    assert!(stale.is_empty(), "run `plimsoll policies docs` (`just docs`): {}", stale.join(", "));
}
