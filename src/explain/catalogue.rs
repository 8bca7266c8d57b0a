//! The rules of a set of policies, as reports tell of them.

use std::fmt::Write as _;

use super::markdown::escape;
use crate::check::{Policy, Rule};
use crate::finding::terms::is_waivable;
use crate::manifest::codes::{self, Reserved};
use crate::report::catalogue::{AboutRule, Catalogue};
use crate::store::PolicySet;

/// The packs and the category of policies by which an attacker is kept from something.
const SECURITY: &[&str] = &["security", "pod-security-baseline", "pod-security-restricted"];

/// The rules of these policies that find faults, and the reserved codes.
#[must_use]
pub fn catalogue(set: &PolicySet) -> Catalogue {
    let policies = set.policies().iter();
    let of_policies = policies.flat_map(|policy| policy.rules.iter().map(move |rule| about(policy, rule)));
    Catalogue::new(of_policies.chain(codes::all().map(reserved)).collect())
}

fn about(policy: &Policy, rule: &Rule) -> AboutRule {
    let about = &policy.about;
    let packs = if rule.packs.is_empty() { &about.packs } else { &rule.packs };
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().trim().to_owned();
    with_markdown(AboutRule {
        code: rule.info.code.clone(),
        policy: rule.info.policy.clone(),
        severity: rule.severity,
        title: text(&about.title),
        description: text(&about.description),
        rationale: text(&about.rationale),
        remediation: text(&rule.info.remediation),
        references: about.references.clone(),
        markdown: String::new(),
        category: about.category.clone(),
        security: packs.iter().chain(&about.category).any(|name| SECURITY.contains(&name.as_str())),
    })
}

fn reserved(row: &Reserved) -> AboutRule {
    let Reserved { code, severity, title, description, remediation, example: _, always: _ } = *row;
    with_markdown(AboutRule {
        code: code.to_owned(),
        policy: None,
        severity,
        title: title.to_owned(),
        description: description.to_owned(),
        rationale: String::new(),
        remediation: remediation.to_owned(),
        references: Vec::new(),
        markdown: String::new(),
        category: Some(if is_waivable(code) { "reading" } else { "waivers" }.to_owned()),
        security: false,
    })
}

fn with_markdown(mut about: AboutRule) -> AboutRule {
    let AboutRule { title, description, rationale, remediation, references, .. } = &about;
    let mut markdown = String::new();
    let paragraphs =
        [("", title), ("", description), ("**Why:** ", rationale), ("**How to fix it:** ", remediation)];
    for (name, text) in paragraphs.into_iter().filter(|(_, text)| !text.is_empty()) {
        let _ = write!(markdown, "{name}{}\n\n", escape(text));
    }
    for reference in references {
        let _ = writeln!(markdown, "- <{reference}>");
    }
    about.markdown = markdown.trim_end().to_owned();
    about
}
