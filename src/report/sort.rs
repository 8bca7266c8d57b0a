//! The order of findings: file, document, item, position, then what is said.

use super::entry::{Entry, Subject};

/// Sorts, whatever order the findings came in. Findings that are equal in all that is shown stay as they are.
pub(super) fn sort(entries: &mut [Entry], subjects: &[Subject<'_>]) {
    entries.sort_by(|a, b| key(a, subjects).cmp(&key(b, subjects)));
}

fn key<'e>(entry: &'e Entry, subjects: &[Subject<'_>]) -> impl Ord + use<'e> {
    let Subject { file, document, item, .. } = &subjects[entry.subject.0 as usize];
    let finding = &entry.finding;
    (
        (*file, *document, *item),
        // what has no place stands first
        finding.place.span.map(|span| (span.start, span.end)),
        finding.code(),
        &finding.rule.policy,
        &finding.message,
        &finding.place.pointer,
        finding.severity,
    )
}
