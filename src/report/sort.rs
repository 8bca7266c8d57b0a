//! The order of findings: file, document, item, position, then what is said.

use super::entry::{Entry, ReportedObject};
use crate::manifest::FileId;

/// Where an object stands among those of a report.
pub(super) fn object(subject: &ReportedObject<'_>) -> (FileId, u32, Option<u32>) {
    let ReportedObject { file, document, item, .. } = subject;
    (*file, *document, *item)
}

/// Sorts what was found in one object, whatever order it came in. Findings that are equal in all that is shown stay as
/// they are.
pub(super) fn sort(entries: &mut [Entry]) {
    sort_by(entries, |entry| entry);
}

/// The same of what has an entry.
pub(super) fn sort_by<T>(items: &mut [T], entry: impl Fn(&T) -> &Entry) {
    items.sort_by(|a, b| key(entry(a)).cmp(&key(entry(b))));
}

fn key(entry: &Entry) -> impl Ord + use<'_> {
    let finding = &entry.finding;
    (
        // what has no place stands first
        finding.place.span.map(|span| (span.start, span.end)),
        finding.code(),
        &finding.rule.policy,
        &finding.message,
        &finding.place.pointer,
        finding.severity,
    )
}
