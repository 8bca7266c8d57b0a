//! The counts of a report.

use serde::Serialize;

use super::entry::Entry;
use crate::finding::{Certainty, Severity};
use crate::manifest::{FileRecord, Outcome};

/// How many of what. Each finding is counted once: an *unknown* or *failed* one as that, whatever its severity, so that
/// the exit code follows from these figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Findings of this severity.
    pub error: usize,
    /// Findings of this severity.
    pub warning: usize,
    /// Findings of this severity.
    pub info: usize,
    /// Findings that a comment or configuration silences; none until there are suppressions.
    pub suppressed: usize,
    /// Questions that the input cannot answer.
    pub unknown: usize,
    /// Rules that could not be evaluated, once for each object: faults of policies.
    pub failed: usize,
    /// Files, by how they ended.
    pub files: FileCounts,
    /// Documents of all files.
    pub documents: usize,
}

/// Files, by how they ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileCounts {
    /// Objects of Kubernetes.
    pub linted: usize,
    /// Something else.
    pub not_kubernetes: usize,
    /// To be rendered first.
    pub template: usize,
    /// Left out.
    pub ignored: usize,
    /// Patches and the like, which kustomizations read.
    pub patch: usize,
    /// Not readable.
    pub broken: usize,
}

impl Summary {
    pub(super) fn new(entries: &[Entry], ledger: &[FileRecord]) -> Self {
        let mut summary = Self::default();
        for Entry { finding, .. } in entries {
            *match (finding.certainty, finding.severity) {
                (Certainty::Unknown, _) => &mut summary.unknown,
                (Certainty::Failed, _) => &mut summary.failed,
                (_, Severity::Error) => &mut summary.error,
                (_, Severity::Warning) => &mut summary.warning,
                (_, Severity::Info) => &mut summary.info,
            } += 1;
        }
        for file in ledger {
            *match file.outcome {
                Outcome::Linted => &mut summary.files.linted,
                Outcome::NotKubernetes => &mut summary.files.not_kubernetes,
                Outcome::Template => &mut summary.files.template,
                Outcome::Ignored => &mut summary.files.ignored,
                Outcome::Patch => &mut summary.files.patch,
                Outcome::Broken => &mut summary.files.broken,
            } += 1;
            summary.documents += file.documents as usize;
        }
        summary
    }

    /// Findings at or above a severity, without the *unknown* and *failed* ones.
    #[must_use]
    pub fn at_least(&self, severity: Severity) -> usize {
        match severity {
            Severity::Error => self.error,
            Severity::Warning => self.error + self.warning,
            Severity::Info => self.error + self.warning + self.info,
        }
    }
}
