//! The order of findings: file, document, item, position, then what is said.

use std::cmp::Ordering;

use super::entry::{Entry, ReportedObject};
use super::mask::Masks;
use crate::finding::held::Glance;
use crate::manifest::FileId;

/// Where an object stands among those of a report.
pub(super) fn object(subject: &ReportedObject<'_>) -> (FileId, u32, Option<u32>) {
    let ReportedObject { file, document, item, .. } = subject;
    (*file, *document, *item)
}

/// Sorts what was found in one object, whatever order it came in. Findings that are equal in all that is shown stay as
/// they are.
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

/// The same order, of what is held of one object.
pub(super) fn compare(masks: &Masks, file: FileId, a: &Glance<'_>, b: &Glance<'_>) -> Ordering {
    let place = |of: &Glance<'_>| of.span.map(|span| (span.start, span.end));
    let rule = || match std::sync::Arc::ptr_eq(a.rule, b.rule) {
        true => Ordering::Equal,
        false => (&a.rule.code, &a.rule.policy).cmp(&(&b.rule.code, &b.rule.policy)),
    };
    // as it is shown
    let message = || masks.message(a, file).cmp(&masks.message(b, file));
    let rest = || (a.pointer, a.severity).cmp(&(b.pointer, b.severity));
    place(a).cmp(&place(b)).then_with(rule).then_with(message).then_with(rest)
}
