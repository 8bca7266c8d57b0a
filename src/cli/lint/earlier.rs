//! `--baseline`, `--write-baseline`, `--since`: what a run is compared with.

use std::path::{Path, PathBuf};

use clap::Args;

use super::revision::{self, CheckedOut, RevisionError};
use crate::baseline::{Baseline, BaselineError, Origin};
use crate::cli::configuration::Configuration;
use crate::cli::outputs::write_whole;
use crate::diagnostic::io_text;
use crate::manifest::chosen::Chosen;

/// Only what is new.
#[derive(Debug, Clone, Args)]
pub(super) struct EarlierArgs {
    /// Count and show only findings that are not in this file; see --write-baseline
    #[arg(long, value_name = "FILE", env = "PLIMSOLL_BASELINE", help_heading = "Result")]
    baseline: Option<PathBuf>,
    /// Write all findings to the file of --baseline, in place of a report
    #[arg(long, conflicts_with_all = ["since", "no_baseline", "watch"], help_heading = "Result")]
    write_baseline: bool,
    /// Count and show findings of the baseline, too
    #[arg(long, env = "PLIMSOLL_NO_BASELINE", conflicts_with = "since", help_heading = "Result")]
    no_baseline: bool,
    /// Count and show only findings that were not there in this git revision; a baseline is then passed over
    #[arg(long, value_name = "REVISION", env = "PLIMSOLL_SINCE", help_heading = "Result")]
    since: Option<String>,
}

/// Why a run cannot be compared.
#[derive(Debug, thiserror::Error)]
pub(super) enum EarlierError {
    /// The file is none.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// The revision cannot be read.
    #[error(transparent)]
    Revision(#[from] RevisionError),
    /// Nobody said which file.
    #[error("--write-baseline: name the file: --baseline FILE")]
    NoFile,
    /// Some findings would be missing in it.
    #[error(
        "{0}: not written, as the run is not complete: mend what could not be read or evaluated first (--allow-broken leaves out what cannot be read)"
    )]
    Incomplete(String),
    /// The system does not take it.
    #[error("{0}: {1}")]
    Write(String, String),
}

impl EarlierArgs {
    /// The findings of an earlier run, where the run is to be compared with one. `judge` gives those of a revision.
    pub(super) fn earlier(
        &self,
        paths: &[String],
        chosen: &Chosen,
        configuration: &Configuration,
        judge: impl FnOnce(&CheckedOut, Origin) -> Baseline,
    ) -> Result<Option<Baseline>, EarlierError> {
        if let Some(revision) = &self.since {
            let tree = revision::check_out(revision, paths, chosen)?;
            return Ok(Some(judge(&tree, Origin::Revision(revision.clone()))));
        }
        let Some(file) = self.file(configuration) else {
            return if self.write_baseline { Err(EarlierError::NoFile) } else { Ok(None) };
        };
        match Baseline::read(file) {
            Err(BaselineError::Missing { .. }) if self.write_baseline => Ok(None),
            read => Ok(Some(read?)),
        }
    }

    /// Whether findings are compared with those of another run, or written down for one.
    pub(super) fn compares(&self, configuration: &Configuration) -> bool {
        self.since.is_some() || self.file(configuration).is_some()
    }

    /// The file of known findings.
    pub(super) fn file<'a>(&'a self, configuration: &'a Configuration) -> Option<&'a Path> {
        let file = self.baseline.as_deref().or(configuration.baseline.as_deref());
        file.filter(|_| !self.no_baseline)
    }

    /// The file to write, where one is to be written.
    pub(super) fn to_write<'a>(&'a self, configuration: &'a Configuration) -> Option<&'a Path> {
        self.file(configuration).filter(|_| self.write_baseline)
    }
}

/// Writes the findings of a run for later ones, and says what has changed.
pub(super) fn write(
    file: &Path,
    now: &Baseline,
    is_complete: bool,
    before: Option<&Baseline>,
) -> Result<String, EarlierError> {
    let name = file.display().to_string();
    if !is_complete {
        return Err(EarlierError::Incomplete(name));
    }
    write_whole(file, |out| now.write(out))
        .map_err(|error| EarlierError::Write(name.clone(), io_text(&error.to_string())))?;
    let count = now.count();
    let findings = if count == 1 { "1 finding".to_owned() } else { format!("{count} findings") };
    let changes = before.map_or_else(String::new, |before| {
        let (added, removed) = changes(before, now);
        format!(": {added} new, {removed} no longer found")
    });
    Ok(format!("wrote {name} with {findings}{changes}"))
}

/// How many findings came and went.
fn changes(before: &Baseline, now: &Baseline) -> (usize, usize) {
    let mut matcher = before.matcher();
    let each = now.known().iter().flat_map(|known| std::iter::repeat_n(known, known.count));
    let added = each.filter(|known| !matcher.meets(&known.fingerprint, known.unknown)).count();
    (added, matcher.rest().iter().map(|known| known.count).sum())
}
