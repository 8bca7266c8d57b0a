//! Writing what is expected anew, in the text as it stands.
//!
//! Only the lines of `expect` are replaced, so comments and habits elsewhere in the file stay. They are told by
//! indentation, as YAML's own blocks are; a case written in braces is left alone and said to be.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;

use super::observe::{Observation, Observed, ObservedFinding};
use super::read::Case;
use super::written::TestVerdict;
use crate::document::few::SortFew as _;

/// Bytes of a file, and what shall stand there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Splice {
    at: Range<usize>,
    text: String,
}

/// Why a case cannot be written anew.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SpliceError {
    /// `{name: …, expect: …}`
    #[error("the case is written in braces, so its `expect` cannot be updated; write it as a block")]
    Flow,
}

/// The text with all splices applied.
pub(super) fn apply(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_few_by_key(|splice| splice.at.start);
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for Splice { at, text: new } in splices {
        out.push_str(&text[from..at.start]);
        out.push_str(&new);
        from = at.end;
    }
    out.push_str(&text[from..]);
    out
}

/// What replaces the `expect` of a case, or adds it.
pub(super) fn splice(
    text: &str,
    case: &Case,
    observation: &Observation,
    codes: &BTreeSet<String>,
) -> Result<Splice, SpliceError> {
    let line_start = |at: usize| text[..at].rfind('\n').map_or(0, |found| found + 1);
    let column = case.first_key - line_start(case.first_key);
    let before = &text[line_start(case.first_key)..case.first_key];
    if !before.trim().is_empty() && !before.trim_end().ends_with('-') || before.contains('{') {
        return Err(SpliceError::Flow);
    }
    let expect = render(case, observation, codes, column);
    let Some(key) = &case.expect_key else {
        let end = block_end(text, case.first_key, column, false);
        let missing = if text[..end].ends_with('\n') { "" } else { "\n" };
        return Ok(Splice { at: end..end, text: format!("{missing}{expect}") });
    };
    let start = line_start(key.start);
    // the case may begin with it: then the dash before it stays
    let lead = &text[start..key.start];
    if lead.contains(['{', ',']) {
        return Err(SpliceError::Flow);
    }
    let end = block_end(text, key.start, column, true);
    Ok(Splice { at: start..end, text: format!("{lead}{}", expect.trim_start_matches(' ')) })
}

/// Where the block ends that begins in the line of `from`: before the next line that is indented no further than
/// `column` (for the value of a key; its items may stand below the key itself) or less far (for the case).
fn block_end(text: &str, from: usize, column: usize, is_value: bool) -> usize {
    let mut end = text[from..].find('\n').map_or(text.len(), |found| from + found + 1);
    let mut at = end;
    while at < text.len() {
        let next = text[at..].find('\n').map_or(text.len(), |found| at + found + 1);
        let line = text[at..next].trim_end();
        let indent = line.len() - line.trim_start_matches(' ').len();
        let belongs = if is_value {
            indent > column
                || (indent == column && (line[indent..].starts_with("- ") || &line[indent..] == "-"))
        } else {
            indent >= column
        };
        if !line.is_empty() && !belongs {
            break;
        }
        at = next;
        // what is empty belongs to what follows, if that does
        if !line.is_empty() {
            end = next;
        }
    }
    end
}

fn render(case: &Case, observation: &Observation, codes: &BTreeSet<String>, column: usize) -> String {
    let objects = &observation.objects;
    let written = &case.written.expect;
    let named = |object: &Observed| written.iter().position(|e| object.is_called(&e.object));
    let speaks =
        |o: &Observed| !o.findings.is_empty() || !o.patch.is_empty() || o.verdict != TestVerdict::Allow;
    let mut shown: Vec<&Observed> = objects.iter().filter(|o| named(o).is_some() || speaks(o)).collect();
    if shown.is_empty() {
        shown = objects.iter().collect();
    }
    shown.sort_few_by_key(|object| named(object).unwrap_or(usize::MAX));
    let pad = " ".repeat(column);
    let mut out = format!("{pad}expect:\n");
    let mut done = BTreeSet::new();
    for object in shown.iter().filter(|object| done.insert(object.full_label())) {
        let same: Vec<&Observed> = objects.iter().filter(|o| o.full_label() == object.full_label()).collect();
        let namespaces: BTreeSet<_> =
            objects.iter().filter(|o| o.label() == object.label()).map(|o| &o.namespace).collect();
        let label = match written.iter().find(|e| object.is_called(&e.object)) {
            Some(expected) if namespaces.len() == 1 => expected.object.clone(),
            _ if namespaces.len() == 1 => object.label(),
            _ => object.full_label(),
        };
        let verdict = same.iter().map(|o| o.verdict).max().unwrap_or(TestVerdict::Allow);
        let _ = writeln!(out, "{pad}  - object: {}", scalar(&label));
        let _ = writeln!(out, "{pad}    verdict: {}", verdict.name());
        let mut findings = same.iter().flat_map(|o| &o.findings).peekable();
        if findings.peek().is_some() {
            let _ = writeln!(out, "{pad}    findings:");
        }
        for finding in findings {
            let _ = writeln!(out, "{pad}      - {}", render_finding(finding, case, codes));
        }
        let mut patch = same.iter().flat_map(|o| &o.patch).peekable();
        if patch.peek().is_some() {
            let _ = writeln!(out, "{pad}    patch:");
        }
        for operation in patch {
            let _ = writeln!(out, "{pad}      - {operation}");
        }
    }
    out
}

fn render_finding(finding: &ObservedFinding, case: &Case, codes: &BTreeSet<String>) -> String {
    let ObservedFinding { line, code, message, unknown } = finding;
    let rule = code.split_once('/').map_or(code.as_str(), |(_, rule)| rule);
    let same = codes.iter().filter(|code| code.ends_with(&format!("/{rule}"))).count();
    let rule = if same == 1 { rule } else { code };
    let mut out = format!("{{rule: {}", scalar(rule));
    if let Some(line) = line {
        let _ = write!(out, ", line: {line}");
    }
    // a part that somebody chose is kept while it holds
    let chosen = case.written.expect.iter().flat_map(|e| &e.findings);
    let part = chosen
        .filter(|e| e.rule == *rule || e.rule == *code)
        .filter_map(|e| e.message.as_deref())
        .filter(|part| message.contains(part))
        .max_by_key(|part| part.len());
    let _ = write!(out, ", message: {}", scalar(part.unwrap_or(message)));
    if *unknown {
        out.push_str(", unknown: true");
    }
    out.push('}');
    out
}

/// A string as it may stand inside of braces: plain where that is safe, else in double quotes.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " ._/()-=;".contains(c))
        && !text.ends_with(' ')
        && text.len() > 5;
    let word = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '/')
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    if plain || word { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}
