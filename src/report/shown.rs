//! A finding as the formats of many findings write it: its texts stay where they are held.

use std::borrow::Cow;

use super::Report;
use super::entry::{Entry, Leads};
use super::found::Group;
use super::sort;
use super::summary::Counted;
use crate::document::Span;
use crate::finding::held::Glance;
use crate::finding::{Finding, Fingerprint, ObjectId, Place, Related, Severity};
use crate::waiver::Suppressed;

/// A finding, and what it is of.
pub(super) struct Shown<'r> {
    /// The index of the object.
    pub(super) subject: ObjectId,
    /// The finding without what stands beside it here.
    pub(super) said: Cow<'r, Finding>,
    /// The highest of its own and those of `also`.
    pub(super) severity: Severity,
    pub(super) message: Cow<'r, str>,
    pub(super) place: ShownPlace<'r>,
    /// Whether the place holds one value that may be shown.
    pub(super) has_value: bool,
    /// Without its place, where it is settled.
    pub(super) fingerprint: Cow<'r, Fingerprint>,
    pub(super) related: Vec<ShownRelated<'r>>,
    /// What was found at the same node and says less.
    pub(super) also: Vec<Self>,
}

/// As [`Place`].
pub(super) struct ShownPlace<'r> {
    pub(super) path: Cow<'r, str>,
    pub(super) pointer: Cow<'r, str>,
    pub(super) span: Option<Span>,
    pub(super) origin: Option<Cow<'r, str>>,
}

/// As [`Related`].
pub(super) struct ShownRelated<'r> {
    pub(super) message: Cow<'r, str>,
    pub(super) document: Option<ObjectId>,
    pub(super) span: Option<Span>,
}

impl Shown<'_> {
    /// What it counts as.
    pub(super) fn counted(&self) -> Counted {
        Counted::as_of(self.said.certainty, self.severity)
    }
}

impl Leads for Shown<'_> {
    fn lead(&mut self, folded: Self) {
        self.severity = self.severity.max(folded.severity);
        self.also.push(folded);
    }
}

impl<'r> From<Glance<'r>> for Shown<'r> {
    fn from(held: Glance<'r>) -> Self {
        let print = held.print();
        let named = if print.is_some() { String::new() } else { held.named().to_owned() };
        Self {
            subject: held.object,
            said: Cow::Borrowed(held.said),
            severity: held.said.severity,
            message: held.message.into(),
            place: ShownPlace {
                path: held.path().into(),
                pointer: held.pointer.into(),
                span: held.span,
                origin: held.origin().map(Cow::Borrowed),
            },
            has_value: held.has_value(),
            fingerprint: Cow::Owned(Fingerprint { place: named, printed: print, ..Fingerprint::default() }),
            related: held
                .related()
                .map(|related| ShownRelated {
                    message: related.message.into(),
                    document: related.document,
                    span: related.span,
                })
                .collect(),
            also: Vec::new(),
        }
    }
}

impl<'r> From<&'r Entry> for Shown<'r> {
    fn from(Entry { subject, finding, also: _ }: &'r Entry) -> Self {
        let Place { path, pointer, span, origin } = &finding.place;
        Self {
            subject: *subject,
            said: Cow::Borrowed(finding),
            severity: finding.severity,
            message: (&*finding.message).into(),
            place: ShownPlace {
                path: path.into(),
                pointer: pointer.into(),
                span: *span,
                origin: origin.as_deref().map(Cow::Borrowed),
            },
            has_value: finding.value.is_some(),
            fingerprint: Cow::Borrowed(&finding.fingerprint),
            related: finding
                .related
                .iter()
                .map(|Related { message, document, place }| ShownRelated {
                    message: message.into(),
                    document: *document,
                    span: place.span,
                })
                .collect(),
            also: Vec::new(),
        }
    }
}

impl From<Entry> for Shown<'_> {
    fn from(Entry { subject, mut finding, also: _ }: Entry) -> Self {
        let Place { path, pointer, span, origin } = std::mem::take(&mut finding.place);
        let related = std::mem::take(&mut finding.related).into_iter();
        Self {
            subject,
            severity: finding.severity,
            message: std::mem::take(&mut finding.message).into(),
            place: ShownPlace {
                path: path.into(),
                pointer: pointer.into(),
                span,
                origin: origin.map(Cow::Owned),
            },
            has_value: finding.value.is_some(),
            fingerprint: Cow::Owned(std::mem::take(&mut finding.fingerprint)),
            related: related
                .map(|Related { message, document, place }| ShownRelated {
                    message: message.into(),
                    document,
                    span: place.span,
                })
                .collect(),
            also: Vec::new(),
            said: Cow::Owned(finding),
        }
    }
}

impl Report<'_> {
    /// What counts of what was found in an object; `known`: what an earlier run has found, too.
    pub(super) fn shown_in(&self, group: &Group, known: bool) -> Vec<Shown<'_>> {
        self.told_in(group, known, |at, held| {
            let file = self.subject(held.object).file;
            // what is not as it is held is made for it
            if self.masks.spares(held, file) { Shown::from(*held) } else { Shown::from(self.held_at(at)) }
        })
    }

    /// All findings in an object in their order, and what waives them.
    pub(super) fn all_shown_in(&self, group: &Group) -> Vec<(Shown<'_>, Option<&Suppressed>)> {
        let kept = self.shown_in(group, false).into_iter().map(|shown| (shown, None));
        let waived = self.waived_in(group).iter().map(|(entry, by)| (Shown::from(entry), Some(by)));
        let mut all: Vec<_> = kept.chain(waived).collect();
        if !self.waived.is_empty() {
            sort::shown(&mut all);
        }
        all
    }
}
