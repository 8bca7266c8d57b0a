//! A page for the terminal, 80 columns wide.

use std::fmt::Write as _;

use super::{Example, Page};
use crate::check::Policy;
use crate::manifest::codes::Reserved;

/// So many columns.
const WIDTH: usize = 80;
/// Names of facts stand in this many columns.
const NAMES: usize = 10;

/// The page as plain text.
#[must_use]
pub fn render(page: &Page<'_>) -> String {
    let Page { policy, rules, bad, good } = page;
    let about = &policy.about;
    let mut name = policy.id.name.clone();
    if rules.len() == 1 && policy.rules.len() > 1 {
        let _ = write!(name, "/{}", rules[0].name);
    }
    let mut out = heading(&name, about.title.as_deref());
    let packs = about.packs.join(", ");
    let severity = rules.iter().map(|rule| rule.severity).max().map_or("", |severity| severity.name());
    let facts = [
        ("severity", Some(severity)),
        ("packs", Some(packs.as_str()).filter(|packs| !packs.is_empty())),
        ("what", about.description.as_deref()),
        ("why", about.rationale.as_deref()),
        ("fix", about.remediation.as_deref()),
    ];
    for (name, text) in facts {
        if let Some(text) = text {
            paragraph(&mut out, name, text);
        }
    }
    for reference in &about.references {
        paragraph(&mut out, "see", reference);
    }
    out.push_str("\nrules\n");
    for rule in rules {
        let (severity, action) = (rule.severity.name(), rule.actions);
        wrap(&mut out, &format!("  {}: {severity}, {action}", rule.name), 6);
        wrap(&mut out, &format!("      {}", super::says(policy, rule)), 6);
    }
    let parameters = super::parameters(policy);
    if !parameters.is_empty() {
        out.push_str("\nparameters\n");
        for (name, value) in parameters {
            wrap(&mut out, &format!("  {name}: {value}"), 6);
        }
    }
    for (what, example) in [("fails", bad), ("passes", good)] {
        if let Some(example) = example {
            show(&mut out, what, example);
        }
    }
    out
}

/// The page of a reserved code.
#[must_use]
pub fn reserved(row: &Reserved) -> String {
    let Reserved { code, severity, title, description, remediation, example, always: _ } = row;
    let mut out = heading(code, Some(title));
    for (name, text) in [("severity", severity.name()), ("what", description), ("fix", remediation)] {
        paragraph(&mut out, name, text);
    }
    out.push_str("\nfails\n\n");
    indented(&mut out, example);
    out
}

/// Reserved codes, with their titles.
#[must_use]
pub fn reserved_list(rows: impl Iterator<Item = &'static Reserved>) -> String {
    let mut out = String::new();
    for Reserved { code, severity, title, .. } in rows {
        row(&mut out, code, severity.name(), "", title);
    }
    out
}

/// Policies by category: name, severity and packs, and the title below.
#[must_use]
pub fn list<'p>(policies: impl Iterator<Item = &'p Policy>) -> String {
    let mut out = String::new();
    for (category, policies) in super::by_category(policies) {
        if !out.is_empty() {
            out.push('\n');
        }
        let _ = writeln!(out, "{category}");
        for policy in policies {
            let title = policy.about.title.as_deref().unwrap_or_default();
            row(&mut out, &policy.id.name, super::severity(policy), &policy.about.packs.join(", "), title);
        }
    }
    out
}

fn row(out: &mut String, name: &str, severity: &str, packs: &str, title: &str) {
    let first = format!("  {name:<33}  {severity:<7}  {packs}");
    wrap(out, first.trim_end(), 46);
    if !title.is_empty() {
        wrap(out, &format!("      {title}"), 6);
    }
}

fn heading(name: &str, title: Option<&str>) -> String {
    let mut out = String::new();
    match title {
        Some(title) => wrap(&mut out, &format!("{name}: {title}"), 4),
        None => wrap(&mut out, name, 4),
    }
    out.push('\n');
    out
}

fn show(out: &mut String, what: &str, example: &Example) {
    let Example { name, manifests, says, complete, configuration } = example;
    out.push('\n');
    wrap(out, &format!("{what}: {name}"), 4);
    if *complete {
        out.push_str("  with --complete\n");
    }
    if !configuration.is_empty() {
        out.push_str("  with this in plimsoll.yaml\n\n");
        indented(out, configuration);
    }
    out.push('\n');
    indented(out, manifests);
    if !says.is_empty() {
        out.push('\n');
    }
    for line in says {
        wrap(out, &format!("  {line}"), 4);
    }
}

/// Text that is pasted stays as it is.
fn indented(out: &mut String, text: &str) {
    for line in text.lines() {
        let _ = writeln!(out, "{}", format!("    {line}").trim_end());
    }
}

fn paragraph(out: &mut String, name: &str, text: &str) {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    wrap(out, &format!("{name:<NAMES$}{text}"), NAMES);
}

/// A line, broken at blanks where it is too long; the lines after the first are indented by so much.
fn wrap(out: &mut String, line: &str, indent: usize) {
    let own = line.len() - line.trim_start().len();
    let mut current = " ".repeat(own);
    let mut rest = line.trim_start();
    // blanks between columns are kept on the first line
    while !rest.is_empty() {
        let word = rest.find(' ').unwrap_or(rest.len());
        let blanks = rest[word..].len() - rest[word..].trim_start().len();
        let width = current.chars().count() + rest[..word].chars().count();
        if width > WIDTH && !current.trim().is_empty() {
            out.push_str(current.trim_end());
            out.push('\n');
            current = " ".repeat(indent);
        }
        current.push_str(&rest[..word + blanks]);
        rest = &rest[word + blanks..];
    }
    out.push_str(current.trim_end());
    out.push('\n');
}
