//! A line for each finding, as compilers write them: editors, `grep` and problem matchers read it.

use std::io::{self, Write};

use super::summary::Counted;
use super::{Report, TextOptions};
use crate::finding::{Finding, readable};

impl Report<'_> {
    /// Writes `file:line:column: severity code: message` for each finding, `file:line:column: error: message` for what
    /// could not be read, and the line of counts.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_concise(&self, out: &mut dyn Write, options: &TextOptions) -> io::Result<()> {
        let paint = |word: &str, counted: Counted| counted.paint(word, options.color);
        for entry in self.entries() {
            let Finding { message, place, .. } = &entry.finding;
            let counted = Counted::of(&entry.finding);
            let file = self.subject(entry.subject).file;
            write!(out, "{}", line_start(self.path(file)))?;
            if let Some(span) = place.span {
                let position = self.sources.file(file).position(span.start as usize);
                write!(out, ":{}:{}", position.line, position.column)?;
            }
            write!(
                out,
                ": {} {}: {}",
                paint(counted.name(), counted),
                entry.finding.code(),
                readable(message)
            )?;
            for also in &entry.also {
                write!(out, "; also {}: {}", also.code(), readable(&also.message))?;
            }
            out.write_all(b"\n")?;
        }
        for (path, at, message) in self.unread() {
            let (path, message) = (line_start(path), readable(&message));
            writeln!(out, "{path}:{}:{}: {}: {message}", at.line, at.column, paint("error", Counted::Error))?;
        }
        if options.verbose {
            self.write_waived(out)?;
        }
        if options.quiet { Ok(()) } else { writeln!(out, "{}", self.closing_line(options)) }
    }
}

/// A path at the start of a line. One that begins with a colon would be a command to GitHub's runner, which obeys lines
/// that begin with `::`.
fn line_start(path: &str) -> String {
    let dot = if path.trim_start().starts_with(':') { "./" } else { "" };
    format!("{dot}{}", readable(path))
}
