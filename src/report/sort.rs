//! The order of findings: file, document, item, position, then what is said.

use super::entry::{Entry, ReportedObject};

/// Sorts, whatever order the findings came in. Findings that are equal in all that is shown stay as they are.
///
/// They come object by object, nearly in order, so moving whole objects first costs little, and each object's findings
/// are few.
pub(super) fn sort(entries: &mut [Entry], subjects: &[ReportedObject<'_>]) {
    sort_by(entries, |entry| entry, subjects);
}

/// The same of what has an entry.
pub(super) fn sort_by<T>(items: &mut [T], entry: impl Fn(&T) -> &Entry, subjects: &[ReportedObject<'_>]) {
    let object = |item: &T| {
        let ReportedObject { file, document, item, .. } = &subjects[entry(item).subject.0 as usize];
        (*file, *document, *item)
    };
    items.sort_by_key(object);
    for of_one in items.chunk_by_mut(|a, b| object(a) == object(b)) {
        of_one.sort_by(|a, b| key(entry(a)).cmp(&key(entry(b))));
    }
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
