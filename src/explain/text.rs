//! A page for the terminal.

use std::fmt::Write as _;

use super::{Example, Page};
use crate::policy::Policy;

/// Prose is broken at this many characters.
const WIDTH: usize = 88;

/// The page as plain text.
#[must_use]
pub fn render(page: &Page<'_>) -> String {
    let Page { policy, rules, bad, good } = page;
    let about = &policy.about;
    let mut out = policy.id.name.clone();
    if rules.len() == 1 && policy.rules.len() > 1 {
        let _ = write!(out, "/{}", rules[0].name);
    }
    if let Some(title) = &about.title {
        let _ = write!(out, ": {title}");
    }
    out.push_str("\n\n");
    let packs = about.packs.join(", ");
    let facts = [
        ("what", about.description.as_deref()),
        ("why", about.rationale.as_deref()),
        ("mend", about.remediation.as_deref()),
        ("packs", Some(packs.as_str()).filter(|packs| !packs.is_empty())),
        ("check", super::check(policy)),
    ];
    for (name, text) in facts {
        if let Some(text) = text {
            paragraph(&mut out, name, text);
        }
    }
    for reference in &about.references {
        let _ = writeln!(out, "{:<7}{reference}", "see");
    }
    out.push_str("\nrules\n");
    let width = rules.iter().map(|rule| rule.name.chars().count()).max().unwrap_or(0);
    for rule in rules {
        let (severity, action) = (rule.severity.name(), rule.action.name());
        let _ =
            writeln!(out, "  {:width$}  {severity:7}  {action:5}  {}", rule.name, super::says(policy, rule));
    }
    let parameters = super::parameters(policy);
    if !parameters.is_empty() {
        out.push_str("\nparameters\n");
        for (name, value) in parameters {
            let _ = writeln!(out, "  {name}: {value}");
        }
    }
    for (what, example) in [("not so", bad), ("but so", good)] {
        let Some(Example { name, manifests, says }) = example else { continue };
        let _ = write!(out, "\n{what}: {name}\n\n");
        for line in manifests.lines() {
            let _ = writeln!(out, "{}", format!("    {line}").trim_end());
        }
        if !says.is_empty() {
            out.push('\n');
        }
        for line in says {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

/// Policies, a line each.
#[must_use]
pub fn list<'p>(policies: impl Iterator<Item = &'p Policy>) -> String {
    let row =
        |policy: &'p Policy| (policy.id.name.as_str(), policy.about.title.as_deref().unwrap_or_default());
    let rows: Vec<(&str, &str)> = policies.map(row).collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let line = |(name, title): &(&str, &str)| format!("{name:width$}  {title}").trim_end().to_owned() + "\n";
    rows.iter().map(line).collect()
}

fn paragraph(out: &mut String, name: &str, text: &str) {
    let mut line = format!("{name:<6}");
    let (start, mut used) = (7, 6);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > start && used + 1 + length > WIDTH {
            out.push_str(&line);
            out.push('\n');
            line = " ".repeat(start - 1);
            used = start - 1;
        }
        line.push(' ');
        line.push_str(word);
        used += 1 + length;
    }
    out.push_str(&line);
    out.push('\n');
}
