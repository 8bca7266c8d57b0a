//! What is known of the rules of a run, whether they have found something or not.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::entry::{Entry, NamedRule};
use crate::finding::{PolicyRef, RuleInfo, Severity};

/// What is to be said of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AboutRule {
    /// `<policy>/<rule>`, or a reserved code.
    pub code: String,
    /// `None` for the reserved codes.
    pub policy: Option<PolicyRef>,
    /// Unless a finding says otherwise.
    pub severity: Severity,
    /// What the rule asks for, in one line.
    pub title: String,
    /// What is checked.
    pub description: String,
    /// Why it matters.
    pub rationale: String,
    /// How to fix it.
    pub remediation: String,
    /// Where to read more.
    pub references: Vec<String>,
    /// All of that, as Markdown.
    pub markdown: String,
    /// Such as `networking`.
    pub category: Option<String>,
    /// Whether an attacker gains by it.
    pub security: bool,
}

/// The rules of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    rules: Vec<AboutRule>,
}

impl Catalogue {
    /// These rules, by code.
    #[must_use]
    pub fn new(mut rules: Vec<AboutRule>) -> Self {
        rules.sort_by(|a, b| (&a.code, &a.policy).cmp(&(&b.code, &b.policy)));
        Self { rules }
    }

    /// The rules, and those that findings know of beside them.
    pub(super) fn with<'e>(&self, entries: impl IntoIterator<Item = Cow<'e, Entry>>) -> Self {
        let mut others: BTreeMap<NamedRule, Severity> = BTreeMap::new();
        for entry in entries {
            for finding in [&entry.finding].into_iter().chain(&entry.also) {
                if self.index(&finding.rule).is_none() {
                    others.insert(NamedRule(Arc::clone(&finding.rule)), finding.severity);
                }
            }
        }
        let others = others.into_iter().map(|(NamedRule(rule), severity)| about(&rule, severity));
        Self::new(self.rules.iter().cloned().chain(others).collect())
    }

    /// Whether the rule is among them.
    pub(super) fn has(&self, about: &AboutRule) -> bool {
        self.rules.binary_search_by(|other| key(other).cmp(&key(about))).is_ok()
    }

    /// The rules, sorted.
    pub(super) fn rules(&self) -> &[AboutRule] {
        &self.rules
    }

    /// The index of a rule.
    pub(super) fn index(&self, rule: &RuleInfo) -> Option<usize> {
        let sought = (rule.code.as_str(), rule.policy.as_ref());
        self.rules.binary_search_by(|about| key(about).cmp(&sought)).ok()
    }
}

fn key(about: &AboutRule) -> (&str, Option<&PolicyRef>) {
    (&about.code, about.policy.as_ref())
}

/// What a finding's rule says of itself.
fn about(rule: &RuleInfo, severity: Severity) -> AboutRule {
    AboutRule {
        code: rule.code.clone(),
        policy: rule.policy.clone(),
        severity,
        title: String::new(),
        description: String::new(),
        rationale: String::new(),
        remediation: rule.remediation.clone().unwrap_or_default(),
        references: rule.references.clone(),
        markdown: String::new(),
        category: None,
        security: false,
    }
}
