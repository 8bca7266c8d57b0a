//! What of a report is waived, and findings about the waivers.

use std::io::{self, Write};
use std::sync::LazyLock;

use super::Report;
use super::entry::{Entry, ReportedObject};
use super::summary::Counted;
use crate::document::Document;
use crate::finding::{Finding, ObjectId, readable};
use crate::manifest::FileId;
use crate::waiver::{Suppressed, Target};

/// What subjects without an object have in its place.
static NOTHING: LazyLock<Document<'static>> = LazyLock::new(Document::null);

/// What the subjects of a report are to waivers.
#[must_use]
pub fn targets<'i>(subjects: &[ReportedObject<'i>]) -> Vec<Target<'i>> {
    subjects.iter().map(|subject| (subject.file, subject.document, subject.object)).collect()
}

/// The findings about waivers, with subjects of their own for those in files without manifests.
#[must_use]
pub fn about(
    about: Vec<(FileId, Option<usize>, Finding)>,
    subjects: &mut Vec<ReportedObject<'_>>,
) -> Vec<(ObjectId, Finding)> {
    let mut own: Vec<(FileId, usize)> = Vec::new();
    let mut place = |(file, manifest, finding): (FileId, Option<usize>, Finding)| {
        let index = manifest.or_else(|| own.iter().find(|(of, _)| *of == file).map(|(_, index)| *index));
        let index = index.unwrap_or_else(|| {
            subjects.push(ReportedObject {
                file,
                document: 0,
                item: None,
                object: NOTHING.root(),
                called: None,
            });
            own.push((file, subjects.len() - 1));
            subjects.len() - 1
        });
        (ObjectId(u32::try_from(index).expect("fewer than 4 Gi manifests")), finding)
    };
    about.into_iter().map(&mut place).collect()
}

impl Report<'_> {
    /// What is waived, in the order of the report.
    #[must_use]
    pub fn waived(&self) -> &[(Entry, Suppressed)] {
        &self.waived
    }

    /// How many findings are waived here, and denied by the webhook all the same.
    pub(super) fn still_denied(&self) -> usize {
        self.waived.iter().filter(|(_, by)| by.still_denied).count()
    }

    /// Where a waiver is written.
    pub(super) fn place_of_waiver(&self, by: &Suppressed) -> Option<(&str, u32)> {
        let (file, span) = by.at?;
        let file = self.sources.file(file);
        Some((file.path(), file.position(span.start as usize).line))
    }

    /// `pinned by the mirror (comment at a.yaml:3, until 2027-03-31)`
    pub(super) fn why_waived(&self, by: &Suppressed) -> String {
        let place = self.place_of_waiver(by).map(|(file, line)| format!(" at {file}:{line}"));
        let until = by.until.map(|until| format!(", until {until}"));
        let denied = if by.still_denied { "; the webhook still denies" } else { "" };
        format!(
            "{} ({}{}{}{denied})",
            by.reason.as_deref().unwrap_or("no reason"),
            by.kind.told(),
            place.unwrap_or_default(),
            until.unwrap_or_default(),
        )
    }

    /// A line for each finding that is waived.
    pub(super) fn write_waived(&self, out: &mut dyn Write) -> io::Result<()> {
        for (entry, by) in &self.waived {
            let Finding { message, .. } = &entry.finding;
            let (place, counted) = (self.place_of(entry), Counted::of(&entry.finding).name());
            let why = self.why_waived(by);
            let code = entry.finding.code();
            writeln!(out, "waived {place}: {counted} {code}: {}: {}", readable(message), readable(&why))?;
        }
        Ok(())
    }

    /// What people are told of what is waived.
    pub(super) fn waived_notes(&self, are_listed: bool) -> Vec<String> {
        let mut notes = Vec::new();
        let count = |count: usize| {
            if count == 1 { "1 finding is".to_owned() } else { format!("{count} findings are") }
        };
        if !self.waived.is_empty() && !are_listed {
            let (waived, them) =
                (count(self.waived.len()), if self.waived.len() == 1 { "it" } else { "them" });
            notes.push(format!("{waived} waived: --verbose lists {them}, --no-ignore reports {them}"));
        }
        let denied = self.still_denied();
        if denied > 0 {
            notes.push(format!(
                "{} waived here, and the webhook still denies: it honours a ManifestException only (--parity makes errors of {})",
                count(denied),
                if denied == 1 { "it" } else { "them" },
            ));
        }
        notes
    }
}
