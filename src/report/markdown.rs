//! Markdown, for the summary of a job or a comment on a merge request.
//!
//! A comment on GitHub holds 65,536 characters, the summary of a step 1 MiB, a note on GitLab 1,000,000 characters: what is
//! written here fits all of them. Where the findings do not fit, what weighs most is shown, and the others are counted.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::entry::Entry;
use super::escape::{markdown, markdown_code};
use super::overview::OfRule;
use super::summary::Counted;
use super::{Report, TextOptions};
use crate::finding::{Finding, readable};

/// What the findings may take, in bytes. The rest is for the tables of rules and files that could not be read.
const LIMIT: usize = 60_000;
/// What all that is not findings may take.
const TABLES: usize = 40_000;

impl Report<'_> {
    /// Writes a heading with the counts, what could not be read, a table of rules, and the findings.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_markdown(&self, out: &mut dyn Write, options: &TextOptions) -> io::Result<()> {
        let mut text = format!("### Plimsoll: {}\n\n", self.verdict());
        self.markdown_unread(&mut text);
        self.markdown_rules(&mut text);
        self.markdown_findings(&mut text);
        if !options.quiet {
            let waived = self.waived_notes(false);
            for note in self.notes.iter().chain(&waived).chain(&self.compared_note()) {
                if text.len() < LIMIT {
                    let _ = writeln!(text, "{}\n", markdown(note));
                }
            }
            let line = self.closing_line(&TextOptions { color: false, elapsed: None, ..*options });
            let _ = writeln!(text, "{}", markdown(&line));
        }
        out.write_all(text.as_bytes())
    }

    /// The counts in a few words.
    fn verdict(&self) -> String {
        let summary = self.summary();
        let mut words: Vec<String> = Counted::ALL
            .into_iter()
            .map(|counted| (counted, summary.of(counted)))
            .filter(|(_, count)| *count > 0)
            .map(|(counted, count)| match counted {
                Counted::Error | Counted::Warning if count != 1 => format!("{count} {}s", counted.name()),
                _ => format!("{count} {}", counted.name()),
            })
            .collect();
        match self.unread().count() {
            0 => {}
            1 => words.push("1 document could not be read".to_owned()),
            many => words.push(format!("{many} documents could not be read")),
        }
        if words.is_empty() { "nothing found".to_owned() } else { words.join(", ") }
    }

    fn markdown_unread(&self, text: &mut String) {
        let mut left = 0;
        for (path, at, message) in self.unread() {
            if text.len() > TABLES / 2 {
                left += 1;
                continue;
            }
            let place = markdown_code(&format!("{}:{}:{}", readable(path), at.line, at.column));
            let _ = writeln!(text, "- {place}: {}", markdown(&readable(&message)));
        }
        if left > 0 {
            let _ = writeln!(text, "- and {left} more that could not be read");
        }
        if !text.ends_with("\n\n") {
            text.push('\n');
        }
    }

    fn markdown_rules(&self, text: &mut String) {
        let rules = self.by_rule();
        if rules.is_empty() {
            return;
        }
        text.push_str("| count | severity | rule | objects |\n|---:|---|---|---:|\n");
        for rule in rules {
            let OfRule { counted, count, objects, .. } = rule;
            if text.len() > TABLES {
                text.push_str("| | | and more | |\n");
                break;
            }
            let _ = writeln!(
                text,
                "| {count} | {} | {} | {objects} |",
                counted.name(),
                markdown_code(rule.code())
            );
        }
        text.push('\n');
    }

    fn markdown_findings(&self, text: &mut String) {
        let all = self.summary().findings();
        if all == 0 {
            return;
        }
        text.push_str("<details><summary>Findings</summary>\n\n");
        text.push_str("| severity | rule | message | object | place |\n|---|---|---|---|---|\n");
        let mut written = 0;
        let by_weight = Counted::ALL.into_iter().filter(|counted| self.summary().of(*counted) > 0);
        let entries = by_weight
            .flat_map(|counted| self.entries().filter(move |entry| Counted::of(&entry.finding) == counted));
        for entry in entries {
            let row = self.markdown_row(&entry);
            if text.len() + row.len() > LIMIT {
                break;
            }
            text.push_str(&row);
            written += 1;
        }
        let left = all - written;
        if left > 0 {
            let _ = writeln!(text, "\nand {left} more");
        }
        text.push_str("\n</details>\n\n");
    }

    fn markdown_row(&self, entry: &Entry) -> String {
        let Entry { subject, finding, also } = entry;
        let mut message = markdown(&readable(&finding.message));
        for also in also {
            let _ = write!(
                message,
                "; also {}: {}",
                markdown_code(also.code()),
                markdown(&readable(&also.message))
            );
        }
        let object = self
            .subject(*subject)
            .identity()
            .map_or(String::new(), |identity| markdown(&identity.to_string()));
        let Finding { rule, .. } = finding;
        format!(
            "| {} | {} | {message} | {object} | {} |\n",
            Counted::of(finding).name(),
            markdown_code(&rule.code),
            markdown_code(&self.place_of(entry)),
        )
    }
}
