//! The counts of a report.

use annotate_snippets::renderer::{AnsiColor, Effects, Style};
use serde::Serialize;

use crate::finding::{Certainty, Finding, Severity};
use crate::manifest::{FileOutcome, FileRecord};

/// What a finding counts as, what weighs most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// The rule could not be evaluated.
    Failed,
    /// A fault of this severity.
    Error,
    /// A fault of this severity.
    Warning,
    /// A question that the input cannot answer.
    Unknown,
    /// A fault of this severity.
    Info,
}

impl Counted {
    /// What weighs most first.
    pub(super) const ALL: [Self; 5] = [Self::Failed, Self::Error, Self::Warning, Self::Unknown, Self::Info];

    /// An *unknown* or *failed* finding counts as that, whatever its severity.
    #[must_use]
    pub fn of(finding: &Finding) -> Self {
        Self::as_of(finding.certainty, finding.severity)
    }

    /// As [`of`](Self::of), by what decides it.
    pub(super) fn as_of(certainty: Certainty, severity: Severity) -> Self {
        match (certainty, severity) {
            (Certainty::Unknown, _) => Self::Unknown,
            (Certainty::Failed, _) => Self::Failed,
            (Certainty::Known, Severity::Error) => Self::Error,
            (Certainty::Known, Severity::Warning) => Self::Warning,
            (Certainty::Known, Severity::Info) => Self::Info,
        }
    }

    /// The word in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Info => "info",
        }
    }

    /// The colour of what counts so.
    pub(super) fn style(self) -> Style {
        let of = match self {
            Self::Failed | Self::Error => AnsiColor::BrightRed,
            Self::Warning | Self::Unknown => AnsiColor::Yellow,
            Self::Info => AnsiColor::BrightBlue,
        };
        Style::new().fg_color(Some(of.into())).effects(Effects::BOLD)
    }

    /// A text in that colour.
    pub(super) fn paint(self, text: &str, color: bool) -> String {
        let style = self.style();
        if color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

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
    /// Findings that are waived, each counted on its own; they are in no other count.
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
    /// Files of another kind than Kubernetes'.
    pub not_kubernetes: usize,
    /// To be rendered first.
    pub template: usize,
    /// Files that were not to be read.
    pub ignored: usize,
    /// Patches and the like, which kustomizations read.
    pub patch: usize,
    /// Not readable.
    pub broken: usize,
}

impl Summary {
    /// Counts a finding.
    pub(super) fn add(&mut self, counted: Counted) {
        *match counted {
            Counted::Unknown => &mut self.unknown,
            Counted::Failed => &mut self.failed,
            Counted::Error => &mut self.error,
            Counted::Warning => &mut self.warning,
            Counted::Info => &mut self.info,
        } += 1;
    }

    /// How many findings count as this.
    pub(super) fn of(&self, counted: Counted) -> usize {
        match counted {
            Counted::Unknown => self.unknown,
            Counted::Failed => self.failed,
            Counted::Error => self.error,
            Counted::Warning => self.warning,
            Counted::Info => self.info,
        }
    }

    /// With the findings that another has counted.
    pub(super) fn and(self, other: &Self) -> Self {
        Self {
            error: self.error + other.error,
            warning: self.warning + other.warning,
            info: self.info + other.info,
            unknown: self.unknown + other.unknown,
            failed: self.failed + other.failed,
            ..self
        }
    }

    /// How many findings there are that are not waived.
    #[must_use]
    pub fn findings(&self) -> usize {
        self.at_least(Severity::Info) + self.unknown + self.failed
    }

    /// The counts of the files, and no finding yet.
    pub(super) fn of_files(ledger: &[FileRecord]) -> Self {
        let mut summary = Self::default();
        for file in ledger {
            *match file.outcome {
                FileOutcome::Linted => &mut summary.files.linted,
                FileOutcome::NotKubernetes => &mut summary.files.not_kubernetes,
                FileOutcome::Template => &mut summary.files.template,
                FileOutcome::Ignored => &mut summary.files.ignored,
                FileOutcome::Patch => &mut summary.files.patch,
                FileOutcome::Broken => &mut summary.files.broken,
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
