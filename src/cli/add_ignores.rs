//! `plimsoll lint --add-ignores`: comments that waive findings, written where these are.

use std::fs;
use std::path::Path;

use chrono::NaiveDate;
use clap::Args;

use crate::diagnostic::io_text;
use crate::finding::terms::date;
use crate::finding::{Finding, ObjectId, readable};
use crate::manifest::{Inventory, SourceFile, Sources};
use crate::store::set::{Names, UnknownName};
use crate::waiver::{AddError, Addition, Target, Writing, additions};

/// Which waivers are written.
#[derive(Debug, Clone, Default, Args)]
pub struct AddArgs {
    /// Write comments that waive the findings of this policy, rule or code, and say where; nothing else is reported
    #[arg(long, value_name = "CODE", requires = "reason", conflicts_with_all = ["no_ignore", "parity", "watch", "write_baseline"], help_heading = "Waivers")]
    pub add_ignores: Option<String>,
    /// Why, with --add-ignores
    #[arg(long, value_name = "TEXT", requires = "add_ignores", help_heading = "Waivers")]
    pub reason: Option<String>,
    /// The last day on which the waivers hold, with --add-ignores: as in 2027-03-31
    #[arg(long, value_name = "DATE", value_parser = |text: &str| date(text), requires = "add_ignores", help_heading = "Waivers")]
    pub until: Option<NaiveDate>,
}

impl AddArgs {
    /// What is to be written; `None`: nothing.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn writing<'n>(&self, names: impl FnOnce() -> &'n Names) -> Result<Option<Writing>, String> {
        let Self { add_ignores, reason, until } = self;
        let Some(code) = add_ignores else { return Ok(None) };
        let writing =
            Writing::new(code, reason.as_deref().unwrap_or_default(), *until).map_err(
                |error| match error {
                    AddError::Reason => format!("--reason: {error}"),
                    error => format!("--add-ignores: {error}"),
                },
            )?;
        match names().check_pattern(writing.pattern()) {
            Some(UnknownName { message, help }) => Err(format!("--add-ignores: {message}: {help}")),
            None => Ok(Some(writing)),
        }
    }
}

/// Writes the comments, and says where. Whether all could be written.
pub fn write(
    writing: &Writing,
    sources: &Sources,
    inventory: &Inventory<'_>,
    targets: &[Target<'_>],
    findings: &[(ObjectId, Finding)],
) -> bool {
    let (additions, errors) = additions(writing, sources, inventory, targets, findings);
    let mut good = errors.is_empty();
    let mut said = String::new();
    let mut count = 0;
    for Addition { file, text, lines } in &additions {
        let source = sources.file(*file);
        match store(source, text) {
            Ok(()) => {
                count += lines.len();
                for line in lines {
                    said.push_str(&format!("{}:{line}\n", readable(source.path())));
                }
            }
            Err(error) => {
                super::tell(&format!("error: {}: {error}", source.path()));
                good = false;
            }
        }
    }
    for (file, error) in errors {
        super::tell(&format!("error: {}: {error}", sources.file(file).path()));
    }
    let code = writing.pattern();
    super::print(&match count {
        0 if good => format!("no finding of {code} to waive: nothing written\n"),
        0 => "nothing written\n".to_owned(),
        1 => format!("{said}wrote 1 waiver of {code}\n"),
        _ => format!("{said}wrote {count} waivers of {code}\n"),
    });
    good
}

/// Puts a text in the place of a file's, if that is still what was read.
fn store(source: &SourceFile, text: &str) -> Result<(), String> {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    let path = Path::new(source.path());
    let read = fs::read(path).map_err(|error| io_text(&error.to_string()))?;
    let (mark, rest) = match read.strip_prefix(MARK).filter(|_| !source.text().starts_with('\u{feff}')) {
        Some(rest) => (MARK, rest),
        None => (&[][..], &read[..]),
    };
    if rest != source.text().as_bytes() {
        return Err("it is not UTF-8, or has changed since it was read".to_owned());
    }
    fs::write(path, [mark, text.as_bytes()].concat()).map_err(|error| io_text(&error.to_string()))
}
