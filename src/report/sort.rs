//! The order of findings: file, document, item, position, then what is said.

use std::cmp::Ordering;
use std::sync::Arc;

use super::entry::{Entry, ReportedObject};
use super::mask::Masks;
use super::shown::Shown;
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
    // what has no place stands first
    let place = finding.place.span.map(|span| (span.start, span.end));
    let said = (&*finding.message, &*finding.place.pointer);
    (place, finding.code(), &finding.rule.policy, said, finding.severity)
}

/// The same order, of what is shown of one object.
pub(super) fn shown<T>(items: &mut [(Shown<'_>, T)]) {
    items.sort_by(|(a, _), (b, _)| shown_key(a).cmp(&shown_key(b)));
}

fn shown_key<'s>(shown: &'s Shown<'_>) -> impl Ord + use<'s> {
    let Shown { said, severity, message, place, .. } = shown;
    let span = place.span.map(|span| (span.start, span.end));
    (span, said.code(), &said.rule.policy, (&**message, &*place.pointer), *severity)
}

/// The same order, of what is held of one object.
pub(super) fn compare(masks: &Masks, file: FileId, a: &Glance<'_>, b: &Glance<'_>) -> Ordering {
    let place = |of: &Glance<'_>| of.span.map(|span| (span.start, span.end));
    let rule = || match Arc::ptr_eq(&a.said.rule, &b.said.rule) {
        true => Ordering::Equal,
        false => (a.said.code(), &a.said.rule.policy).cmp(&(b.said.code(), &b.said.rule.policy)),
    };
    // as it is shown
    let message = || masks.message(a, file).cmp(&masks.message(b, file));
    let rest = || (a.pointer, a.said.severity).cmp(&(b.pointer, b.said.severity));
    place(a).cmp(&place(b)).then_with(rule).then_with(message).then_with(rest)
}
