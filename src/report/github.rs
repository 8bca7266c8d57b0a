//! Annotations of GitHub Actions, as workflow commands on standard output.
//!
//! GitHub shows ten errors, ten warnings and ten notices of a step, and drops the others without a word. So these are
//! chosen here, what weighs most first, and the others are counted:
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::entry::Entry;
use super::escape::{command_data, command_property};
use super::paths::Location;
use super::summary::Counted;
use super::{Report, TextOptions};
use crate::finding::Finding;

/// So many annotations of a kind are shown of a step.
const SHOWN: usize = 10;

impl Report<'_> {
    /// Writes a command for each finding that GitHub will show, and a line that counts the others.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_github(&self, out: &mut dyn Write, options: &TextOptions) -> io::Result<()> {
        let mut commands = Commands::default();
        for (path, at, message) in self.unread() {
            commands.add(Counted::Failed, || {
                let file = self.file_property(path);
                let place = format!("{file},line={},col={}", at.line, at.column);
                format!("{place},title=cannot be read::{}", command_data(&message))
            });
        }
        for entry in self.entries() {
            commands.add(Counted::of(&entry.finding), || self.annotation(&entry));
        }
        for kind in ["error", "warning", "notice"] {
            // failures before errors, else the order of the report
            let of_kind = || commands.0.iter().filter(|(counted, _)| command(**counted) == kind);
            for command in of_kind().flat_map(|(_, (_, first))| first).take(SHOWN) {
                writeln!(out, "::{kind} {command}")?;
            }
            let count: usize = of_kind().map(|(_, (count, _))| count).sum();
            let hidden = count.saturating_sub(SHOWN);
            if hidden > 0 {
                let kinds = if hidden == 1 { kind.to_owned() } else { format!("{kind}s") };
                writeln!(out, "and {hidden} more {kinds} (GitHub shows {SHOWN} of a step)")?;
            }
        }
        if options.quiet { Ok(()) } else { writeln!(out, "{}", self.closing_line(options)) }
    }

    fn file_property(&self, path: &str) -> String {
        format!("file={}", command_property(Location::of(path, self.run.folder.as_deref()).path()))
    }

    fn annotation(&self, entry: &Entry) -> String {
        let Entry { subject, finding, also } = entry;
        let subject = self.subject(*subject);
        let mut command = self.file_property(self.path(subject.file));
        if let Some(span) = finding.place.span {
            let std::ops::Range { start, end } = self.sources.file(subject.file).positions(span);
            let _ = write!(command, ",line={}", start.line);
            // columns are of one line, or GitHub drops the annotation
            match start.line == end.line && start.column < end.column {
                true => {
                    let _ = write!(command, ",col={},endColumn={}", start.column, end.column);
                }
                false => {
                    let _ = write!(command, ",endLine={}", end.line.max(start.line));
                }
            }
        }
        let _ = write!(command, ",title={}::", command_property(&title(finding)));
        let mut message = finding.message.clone();
        for also in also {
            let _ = write!(message, "\nalso {}: {}", also.code(), also.message);
        }
        if let Some(identity) = subject.identity() {
            let _ = write!(message, "\nin {identity}");
        }
        if let Some(remediation) = &finding.rule.remediation {
            let _ = write!(message, "\n{remediation}");
        }
        command + &command_data(&message)
    }
}

/// How many annotations there are of what counts as the same, and the first of them, as many as may be shown.
#[derive(Default)]
struct Commands(BTreeMap<Counted, (usize, Vec<String>)>);

impl Commands {
    fn add(&mut self, counted: Counted, command: impl FnOnce() -> String) {
        let (count, first) = self.0.entry(counted).or_default();
        *count += 1;
        if first.len() < SHOWN {
            first.push(command());
        }
    }
}

/// The code; of what is no fault of the object, what it is.
fn title(finding: &Finding) -> String {
    match Counted::of(finding) {
        counted @ (Counted::Failed | Counted::Unknown) => format!("{} {}", counted.name(), finding.code()),
        _ => finding.code().to_owned(),
    }
}

fn command(counted: Counted) -> &'static str {
    match counted {
        Counted::Failed | Counted::Error => "error",
        Counted::Warning | Counted::Unknown => "warning",
        Counted::Info => "notice",
    }
}
