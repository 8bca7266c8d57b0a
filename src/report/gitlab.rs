//! GitLab's Code Quality report: <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>.
//!
//! GitLab takes two issues with one fingerprint for the same, so the second of equal findings gets a number.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use super::Report;
use super::entry::Entry;
use super::lines::{Batches, List};
use super::paths::Location;
use super::summary::Counted;
use crate::finding::{Print, combine};
use crate::manifest::Position;

/// So many objects are told of together.
const AT_A_TIME: usize = 1 << 9;
/// What could not be read, beside the codes of rules.
const UNREAD: &str = "unreadable";

#[derive(Serialize)]
struct Issue<'r> {
    description: String,
    check_name: &'r str,
    fingerprint: &'r str,
    severity: &'static str,
    location: GitlabLocation,
}

#[derive(Serialize)]
struct GitlabLocation {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
    end: u32,
}

impl Report<'_> {
    /// Writes the list of issues.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_gitlab(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut seen: HashMap<Print, u32> = HashMap::new();
        let mut list = List::begin(&mut *out)?;
        for groups in self.groups.chunks(AT_A_TIME) {
            let entries: Vec<Entry> = groups.iter().flat_map(|group| self.entries_in(group)).collect();
            let numbered = entries.iter().map(|entry| {
                let fingerprint = self.fingerprint(&entry.subject, &entry.finding);
                (Told::Finding(entry), unique(&mut seen, fingerprint))
            });
            let numbered: Vec<(Told<'_>, String)> = numbered.collect();
            list.add(&numbered, Batches::ENTRIES, |(told, fingerprint), lines| {
                lines.push(&self.issue(told, fingerprint))
            })?;
        }
        let denied = self.waived().iter().filter(|(_, by)| by.still_denied).map(|(entry, _)| {
            let fingerprint = self.fingerprint(&entry.subject, &entry.finding);
            (Told::Denied(entry), unique(&mut seen, fingerprint))
        });
        let mut others: Vec<(Told<'_>, String)> = denied.collect();
        others.extend(self.unread().map(|(path, at, message)| {
            let fingerprint = Print::of(combine([UNREAD, path, &message].map(str::as_bytes)));
            (Told::Unread(path, at, message), unique(&mut seen, fingerprint))
        }));
        list.add(&others, Batches::ENTRIES, |(told, fingerprint), lines| {
            lines.push(&self.issue(told, fingerprint))
        })?;
        list.end()?;
        out.write_all(b"\n")
    }

    fn issue<'r>(&'r self, told: &'r Told<'_>, fingerprint: &'r str) -> Issue<'r> {
        let (check_name, counted, path, begin, end, description) = match told {
            Told::Finding(entry) | Told::Denied(entry) => {
                let Entry { subject, finding, also } = *entry;
                let is_waived = matches!(told, Told::Denied(_));
                let file = self.subject(*subject).file;
                let lines = finding.place.span.map(|span| self.sources.file(file).positions(span));
                let mut description = finding.message.clone();
                for also in also {
                    let _ = write!(description, "; also {}: {}", also.code(), also.message);
                }
                let (begin, end) = lines.map_or((1, 1), |lines| (lines.start.line, lines.end.line));
                let counted = if is_waived { Counted::Info } else { Counted::of(finding) };
                if is_waived {
                    description.push_str(" (waived; the webhook still denies)");
                }
                (finding.code(), counted, self.path(file), begin, end, description)
            }
            Told::Unread(path, at, message) => {
                (UNREAD, Counted::Failed, *path, at.line, at.line, message.clone())
            }
        };
        let path = Location::of(path, self.run.folder.as_deref()).path().to_owned();
        let severity = severity(counted);
        Issue {
            description,
            check_name,
            fingerprint,
            severity,
            location: GitlabLocation { path, lines: Lines { begin, end } },
        }
    }
}

/// What an issue is made of.
enum Told<'r> {
    Finding(&'r Entry),
    /// What is waived, and denied by the webhook all the same.
    Denied(&'r Entry),
    /// The file, where in it, and why it could not be read.
    Unread(&'r str, Position, String),
}

/// The fingerprint; with a number where it was there before.
fn unique(seen: &mut HashMap<Print, u32>, fingerprint: Print) -> String {
    let count = seen.entry(fingerprint).or_default();
    *count += 1;
    if *count == 1 { fingerprint.to_string() } else { format!("{fingerprint}-{count}") }
}

/// One of GitLab's five.
fn severity(counted: Counted) -> &'static str {
    match counted {
        Counted::Failed => "blocker",
        Counted::Error => "critical",
        Counted::Warning => "major",
        Counted::Unknown => "minor",
        Counted::Info => "info",
    }
}
