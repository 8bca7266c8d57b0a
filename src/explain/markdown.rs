//! A page for `docs/`, and the index of all pages.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Example, Page, embedded_tests};
use crate::cel::profile::Profile;
use crate::policy::set::Adjustments;
use crate::policy::{Policy, load};
use crate::resource::workload::TemplatePaths;

/// What stands under the title of every file.
const NOTE: &str = "<!-- generated from policies/ by `plimsoll policies docs docs/policies`; do not edit -->";

/// The page as markdown.
#[must_use]
pub fn render(page: &Page<'_>) -> String {
    let Page { policy, rules, bad, good } = page;
    let about = &policy.about;
    let name = &policy.id.name;
    let mut out = format!("# {name}\n\n{NOTE}\n\n");
    if let Some(title) = &about.title {
        let _ = write!(out, "**{}**\n\n", escape(title));
    }
    let sections = [
        (None, about.description.as_deref()),
        (Some("Why"), about.rationale.as_deref()),
        (Some("How to mend it"), about.remediation.as_deref()),
    ];
    for (heading, text) in sections {
        let Some(text) = text else { continue };
        if let Some(heading) = heading {
            let _ = write!(out, "## {heading}\n\n");
        }
        let _ = write!(out, "{}\n\n", escape(text.trim()));
    }
    let _ = write!(out, "## Rules\n\n| rule | severity | action | says |\n|---|---|---|---|\n");
    for rule in rules {
        let (severity, action) = (rule.severity.name(), rule.action.name());
        let says = escape(&super::says(policy, rule)).replace('|', "\\|").replace('\n', " ");
        let _ = writeln!(out, "| `{name}/{}` | {severity} | {action} | {says} |", rule.name);
    }
    let parameters = super::parameters(policy);
    if !parameters.is_empty() {
        let _ = write!(out, "\n## Parameters\n\n| parameter | default |\n|---|---|\n");
        for (name, value) in parameters {
            let _ = writeln!(out, "| `{name}` | `{}` |", value.replace('|', "\\|"));
        }
    }
    for (heading, example) in [("Not so", bad), ("But so", good)] {
        let Some(Example { name, manifests, says }) = example else { continue };
        let _ = write!(out, "\n## {heading}: {}\n\n```yaml\n{manifests}\n```\n", escape(name));
        if !says.is_empty() {
            let _ = write!(out, "\n```text\n{}\n```\n", says.join("\n"));
        }
    }
    let packs: Vec<String> = about.packs.iter().map(|pack| format!("`{pack}`")).collect();
    if !packs.is_empty() {
        let _ = write!(out, "\nPacks: {}\n", packs.join(", "));
    }
    if !about.references.is_empty() {
        out.push_str("\n## See\n\n");
        for reference in &about.references {
            let _ = writeln!(out, "- <{reference}>");
        }
    }
    out
}

/// The pages of the embedded library by their file names, the index among them.
#[must_use]
pub fn library() -> BTreeMap<String, String> {
    let sources = load::Sources { embedded: true, paths: Vec::new(), profile: Profile::NEWEST };
    let set = load::load(&sources).into_set(&Adjustments::default(), TemplatePaths::default());
    let tests = embedded_tests();
    let policies = || set.policies().iter().map(|policy| &**policy);
    let mut pages: BTreeMap<String, String> = policies()
        .map(|policy| (format!("{}.md", policy.id.name), render(&Page::new(policy, None, &tests))))
        .collect();
    pages.insert("README.md".to_owned(), index(policies()));
    pages
}

/// The index: every policy, by category.
#[must_use]
pub fn index<'p>(policies: impl Iterator<Item = &'p Policy>) -> String {
    let mut categories: BTreeMap<&str, Vec<&Policy>> = BTreeMap::new();
    let mut count = 0;
    for policy in policies {
        count += 1;
        categories.entry(policy.about.category.as_deref().unwrap_or("others")).or_default().push(policy);
    }
    let mut out = format!(
        "# The policy library\n\n{NOTE}\n\n{count} policies. Without `--pack`, those of the pack `default` count; \
         `--pack all` takes all of them.\n"
    );
    for (category, policies) in categories {
        let _ = write!(out, "\n## {category}\n\n| policy | severity | packs | |\n|---|---|---|---|\n");
        for policy in policies {
            let name = &policy.id.name;
            let severity = policy.rules.iter().map(|r| r.severity).max().map_or("", |s| s.name());
            let title = escape(policy.about.title.as_deref().unwrap_or_default());
            let packs = policy.about.packs.join(", ");
            let _ = writeln!(out, "| [{name}]({name}.md) | {severity} | {packs} | {title} |");
        }
    }
    out
}

/// Prose as markdown shows it: only code in backticks is markup.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut code = false;
    for c in text.chars() {
        code ^= c == '`';
        if !code && matches!(c, '*' | '_' | '<' | '[') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
