//! The exit code: what a run means to whoever started it.

use super::Report;
use crate::finding::{Certainty, Finding, Severity};

/// How a run that judges ends. A later one wins over an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Nothing to object to.
    Clean,
    /// Findings that count.
    Findings,
    /// The job could not be done, or not all of it.
    Failed,
}

impl Exit {
    /// The code of the process.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Failed => 2,
        }
    }
}

/// Which findings, and which broken files, end a run with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// Findings at or above this count.
    pub fail_on: Severity,
    /// Questions that the input cannot answer count, too.
    pub fail_on_unknown: bool,
    /// Broken files are no reason to fail.
    pub allow_broken: bool,
}

impl Default for Gate {
    fn default() -> Self {
        Self { fail_on: Severity::Error, fail_on_unknown: false, allow_broken: false }
    }
}

impl Gate {
    /// Whether a finding counts for the exit code.
    #[must_use]
    pub fn counts(&self, finding: &Finding) -> bool {
        match finding.certainty {
            Certainty::Known => finding.severity >= self.fail_on,
            Certainty::Unknown => self.fail_on_unknown,
            Certainty::Failed => true,
        }
    }

    /// Judges a report. What stands in no report (usage, policies that do not load) is the caller's to add:
    /// the greater of two exits holds.
    #[must_use]
    pub fn judge(&self, report: &Report<'_>) -> Exit {
        let Self { fail_on, fail_on_unknown, allow_broken } = *self;
        let summary = report.summary();
        // a run that has read nothing has not found that all is well, nor has a rule that could not be evaluated
        let nothing = report.is_empty() && !report.is_foreign();
        if nothing || summary.failed > 0 || (summary.files.broken > 0 && !allow_broken) {
            Exit::Failed
        } else if summary.at_least(fail_on) > 0 || (fail_on_unknown && summary.unknown > 0) {
            Exit::Findings
        } else {
            Exit::Clean
        }
    }
}
