//! What people read about a policy: what, why, how to fix it, a manifest that fails and one that passes.
//!
//! ```text
//! Policy ───────────────┐
//! PolicyTest files ─────┴▶ Page ─▶ text      plimsoll explain
//!                                └▶ markdown  docs/policies/, by `plimsoll policies docs`
//! ```
//!
//! The manifests are those of the policy's own tests, so they are known to be what they are said to be.

pub mod catalogue;
pub mod fields;
pub mod markdown;
pub mod text;

use std::collections::BTreeMap;

use crate::check::{Policy, Rule};
use crate::document::NodeRef;
use crate::finding::Severity;
use crate::manifest::emit;
use crate::policytest::read::{Case, Found, PolicyTest, read_text};
use crate::policytest::written;

/// Everything that is to be said of a policy.
#[derive(Debug)]
pub struct Page<'p> {
    /// The policy that is explained.
    pub policy: &'p Policy,
    /// Its rules, or the one that was asked for.
    pub rules: Vec<&'p Rule>,
    /// Manifests that it finds fault with, or changes, as they are pasted.
    pub bad: Option<Example>,
    /// Manifests that it is content with.
    pub good: Option<Example>,
}

/// Manifests of a test, and what the policy says of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What the test calls them.
    pub name: String,
    /// The manifests of the example, as YAML.
    pub manifests: String,
    /// What is said, a line each; empty of good manifests.
    pub says: Vec<String>,
    /// Whether what is not among the manifests has to be absent (`--complete`).
    pub complete: bool,
    /// The entries of a configuration without which nothing is said, as YAML; empty where none are needed.
    pub configuration: String,
}

/// The tests of the embedded library.
#[must_use]
pub fn embedded_tests() -> Vec<PolicyTest> {
    let mut found = Found::default();
    for (name, text) in crate::store::embedded::tests() {
        read_text(name, text, &mut found);
    }
    found.tests
}

impl<'p> Page<'p> {
    /// The page of a policy, or of one of its rules, with examples from these tests.
    #[must_use]
    pub fn new(policy: &'p Policy, rule: Option<&'p Rule>, tests: &[PolicyTest]) -> Self {
        let rules: Vec<&Rule> = rule.map_or_else(|| policy.rules.iter().collect(), |rule| vec![rule]);
        let own: Vec<&Case> =
            tests.iter().filter(|test| is_of(test, policy)).flat_map(|test| &test.cases).collect();
        let bad = own.iter().filter_map(|case| bad_example(case, policy, &rules));
        let good = own.iter().filter_map(|case| good_example(case, policy));
        // what stands in one document, and needs no configuration, is understood at once
        let simplest = |example: &Example| {
            let Example { manifests, complete, configuration, .. } = example;
            (!configuration.is_empty(), manifests.matches("\n---").count(), *complete)
        };
        Self { policy, bad: bad.min_by_key(simplest), good: good.min_by_key(simplest), rules }
    }
}

fn is_of(test: &PolicyTest, policy: &Policy) -> bool {
    let stem =
        |path: &std::path::PathBuf| path.file_stem().is_some_and(|stem| stem == policy.id.name.as_str());
    test.policies.iter().any(stem)
}

fn bad_example(case: &Case, policy: &Policy, rules: &[&Rule]) -> Option<Example> {
    let named = |written: &str| {
        let rule = match written.split_once('/') {
            Some((of, rule)) => Some(rule).filter(|_| of == policy.id.name),
            None => Some(written),
        };
        rule.is_some_and(|name| rules.iter().any(|rule| rule.name == name))
    };
    let mut says = Vec::new();
    for expected in &case.written.expect {
        for finding in expected.findings.iter().filter(|f| !f.unknown && named(&f.rule)) {
            let line = finding.line.map_or(String::new(), |line| format!("line {line}: "));
            let message = finding.message.as_deref().map_or(String::new(), |m| format!(": {m}"));
            says.push(format!("{line}{}{message}", finding.rule));
        }
        if rules.iter().any(|rule| rule.mutates) {
            says.extend(expected.patch.iter().map(|operation| format!("patch: {operation}")));
        }
    }
    (is_plain(case) && !says.is_empty()).then(|| example(case, policy, says)).flatten()
}

/// An old object, a user or another version is not what a first example is about.
fn is_plain(case: &Case) -> bool {
    let written::Case { old, user, kubernetes_version, operation, .. } = &case.written;
    old.is_none()
        && user.is_none()
        && kubernetes_version.is_none()
        && *operation == written::TestOperation::Create
}

fn good_example(case: &Case, policy: &Policy) -> Option<Example> {
    let content = |e: &written::Expectation| e.findings.is_empty() && e.patch.is_empty();
    let good = is_plain(case) && case.written.expect.iter().all(content);
    (good && !case.written.expect.is_empty()).then(|| example(case, policy, Vec::new())).flatten()
}

/// `None` where the case is about other policies as well.
fn example(case: &Case, policy: &Policy, says: Vec<String>) -> Option<Example> {
    let parameters = &case.written.parameters;
    if parameters.keys().any(|name| *name != policy.id.name) {
        return None;
    }
    let mut configuration = String::new();
    if !parameters.is_empty() {
        let entries = serde_json::json!({"parameters": parameters});
        configuration = crate::document::Document::from_value(&entries).map(|d| emit::yaml(d.root())).ok()?;
    }
    let mut manifests = case.written.manifests.trim_end().to_owned();
    if let Some(cluster) = &case.written.cluster {
        manifests.push_str("\n---\n");
        manifests.push_str(cluster.trim_end());
    }
    let name = case.written.name.clone();
    Some(Example { name, manifests, says, complete: case.written.complete, configuration })
}

/// The parameters with their defaults.
fn parameters(policy: &Policy) -> Vec<(String, String)> {
    let root = policy.parameters.root();
    let members: BTreeMap<&str, NodeRef<'_>> = root.members().collect();
    members.into_iter().map(|(name, value)| (name.to_owned(), value.to_json())).collect()
}

/// What a rule says when it finds something, or what it does; else what the policy's title says.
fn says(policy: &Policy, rule: &Rule) -> String {
    let title = || policy.about.title.clone().unwrap_or_else(|| rule.name.clone());
    rule.check.says().unwrap_or_else(title)
}

/// The highest severity of a policy's rules.
#[must_use]
pub fn severity(policy: &Policy) -> &'static str {
    policy.rules.iter().map(|rule| rule.severity).max().map_or("", Severity::name)
}

/// The policies by category, which is how lists are sorted.
#[must_use]
pub fn by_category<'p>(policies: impl Iterator<Item = &'p Policy>) -> BTreeMap<&'p str, Vec<&'p Policy>> {
    let mut categories: BTreeMap<&str, Vec<&Policy>> = BTreeMap::new();
    for policy in policies {
        categories.entry(policy.about.category.as_deref().unwrap_or("other")).or_default().push(policy);
    }
    categories
}

#[cfg(test)]
#[path = "explain/tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
