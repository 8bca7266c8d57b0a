//! What a run has found, in the order of the report: gathered as it comes, and told object by object.
//!
//! ```text
//! finding ─ fingerprint ─▶ Found ─ sort ─▶ [ Group ]  by file, document, item
//!                                            ├─ fold ─▶ counts
//!                                            └─ clean, fold ─▶ entries
//! ```
//!
//! Nothing holds all entries at once: a format asks for those of one group after the other, and gives them up. What is counted
//! is looked at where it is held.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use super::entry::{Entry, Leads, Named, ReportedObject, ordinals};
use super::mask::Masks;
use super::summary::{Counted, Summary};
use super::{Report, entry, sort};
use crate::finding::fold::{self, Foldable};
use crate::finding::held::{Glance, Held};
use crate::finding::{Finding, ObjectId, Severity};
use crate::waiver::Suppressed;

/// The findings of a run that are not waived.
#[derive(Debug, Default)]
pub struct Found {
    pub(super) held: Held,
    /// Those of sensitive rules, as what they point at is shown nowhere.
    pub(super) sensitive: Vec<(ObjectId, Finding)>,
    ordinals: Vec<u32>,
    fingerprints: bool,
}

impl Found {
    /// To be filled with findings on these objects; `fingerprints`: a format or a baseline asks for them.
    #[must_use]
    pub fn on(subjects: &[ReportedObject<'_>], fingerprints: bool) -> Self {
        Self { ordinals: ordinals(subjects), fingerprints, ..Self::default() }
    }

    /// Takes a finding; those of one object come in the order in which they are told where they are alike.
    ///
    /// # Panics
    /// When the object is not there.
    pub fn push(&mut self, subjects: &[ReportedObject<'_>], object: ObjectId, mut finding: Finding) {
        if self.fingerprints {
            let named = Named { subjects, ordinals: &self.ordinals };
            finding.fingerprint.settle(&finding.rule, named.of(object));
        }
        if finding.sensitive {
            self.sensitive.push((object, finding.clone()));
        }
        self.held.push(object, finding);
    }
}

impl Found {
    /// The findings of which the code is as is asked for.
    pub fn of_code(&self, is_asked_for: impl Fn(&str) -> bool) -> Vec<(ObjectId, Finding)> {
        self.held.iter().filter(|(_, finding)| is_asked_for(finding.code())).collect()
    }
}

/// What was found in one object: positions of what is held, and of what is waived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    found: Range<u32>,
    waived: Range<u32>,
}

impl Group {
    /// The positions of what is held.
    fn found(&self) -> Range<usize> {
        self.found.start as usize..self.found.end as usize
    }

    fn waived(&self) -> Range<usize> {
        self.waived.start as usize..self.waived.end as usize
    }

    /// What of this is waived.
    pub(super) fn waived_of<'w>(
        &self,
        waived: &'w mut [(Entry, Suppressed)],
    ) -> &'w mut [(Entry, Suppressed)] {
        &mut waived[self.waived()]
    }
}

/// Sorts what was found, and tells that of one object from that of others. What is waived is sorted by its objects.
pub(super) fn groups(
    held: &mut Held,
    waived: &[(Entry, Suppressed)],
    subjects: &[ReportedObject<'_>],
    masks: &Masks,
) -> Vec<Group> {
    let key = |id: ObjectId| sort::object(&subjects[id.0 as usize]);
    held.sort_by_object(key);
    let groups = by_object(held.objects().map(key), waived.iter().map(|(entry, _)| key(entry.subject)));
    held.sort_each(groups.iter().map(Group::found), |a, b| {
        sort::compare(masks, subjects[a.object.0 as usize].file, a, b)
    });
    groups
}

/// The objects in which something was found, or lifted: of each finding the object, in their order.
fn by_object<K: Ord + Copy>(found: impl Iterator<Item = K>, lifted: impl Iterator<Item = K>) -> Vec<Group> {
    let (mut found, mut lifted) = (found.peekable(), lifted.peekable());
    let (mut groups, mut group) = (Vec::new(), Group { found: 0..0, waived: 0..0 });
    while let Some(next) = found.peek().into_iter().chain(lifted.peek()).min().copied() {
        while found.next_if_eq(&next).is_some() {
            group.found.end += 1;
        }
        while lifted.next_if_eq(&next).is_some() {
            group.waived.end += 1;
        }
        let Group { found: Range { end: found, .. }, waived: Range { end: waived, .. } } = group;
        groups.push(std::mem::replace(&mut group, Group { found: found..found, waived: waived..waived }));
    }
    groups
}

impl Report<'_> {
    /// All that was found in an object and is not waived, in its order, nothing folded.
    pub(super) fn found_in(&self, group: &Group) -> impl Iterator<Item = Entry> {
        group.found().map(|at| self.held_at(at))
    }

    /// What is held at a position, without what may not be shown.
    pub(super) fn held_at(&self, at: usize) -> Entry {
        let (subject, finding) = self.held.get(at);
        let mut entry = Entry { subject, finding, also: Vec::new() };
        self.masks.clean(&mut entry, self.subject(subject).file);
        entry
    }

    /// What counts of what was found in an object.
    pub(super) fn entries_in(&self, group: &Group) -> Vec<Entry> {
        self.told_in(group, false, |at, _| self.held_at(at))
    }

    /// What an earlier run has found in an object, too.
    pub(super) fn unchanged_in(&self, group: &Group) -> Vec<Entry> {
        self.told_in(group, true, |at, _| self.held_at(at))
    }

    /// What is told of an object, folded; `known`: what an earlier run has found, too. `make` is given a position, and what is
    /// held there.
    pub(super) fn told_in<'r, T: Leads>(
        &'r self,
        group: &Group,
        known: bool,
        make: impl Fn(usize, &Glance<'r>) -> T,
    ) -> Vec<T> {
        let glances = self.glances(group, known);
        let told = glances.iter().map(|(at, glance)| make(*at, glance)).collect();
        entry::fold(told, &leaders(&glances))
    }

    /// What an earlier run has found in an object, too, or what it has not: positions, and what is there.
    fn glances(&self, group: &Group, known: bool) -> Vec<(usize, Glance<'_>)> {
        let is_told = |at: &usize| self.known.get(*at).copied().unwrap_or_default() == known;
        group.found().filter(is_told).map(|at| (at, self.held.glance(at))).collect()
    }

    /// What [`told_in`](Self::told_in) tells, at a glance: each with what it counts as.
    pub(super) fn counted_in(&self, group: &Group, known: bool) -> Vec<(Counted, Glance<'_>)> {
        let glances = self.glances(group, known);
        let leaders = leaders(&glances);
        let mut severities: Vec<Severity> = glances.iter().map(|(_, glance)| glance.said.severity).collect();
        for (at, leader) in leaders.iter().enumerate() {
            if let Some(leader) = leader {
                severities[*leader] = severities[*leader].max(severities[at]);
            }
        }
        let told = glances.into_iter().zip(severities).zip(leaders).filter(|(_, leader)| leader.is_none());
        told.map(|(((_, glance), severity), _)| (Counted::as_of(glance.said.certainty, severity), glance))
            .collect()
    }

    /// How much of what was found in an object counts as what, and of how many objects it is.
    pub(super) fn counts_in(&self, group: &Group, known: bool) -> (Summary, usize) {
        let (mut summary, mut objects) = (Summary::default(), BTreeSet::new());
        for (counted, glance) in self.counted_in(group, known) {
            summary.add(counted);
            if self.subject(glance.object).called.is_some() {
                objects.insert(glance.object);
            }
        }
        (summary, objects.len())
    }

    /// What is waived of what was found in an object.
    pub(super) fn waived_in(&self, group: &Group) -> &[(Entry, Suppressed)] {
        &self.waived[group.waived()]
    }

    /// All findings in an object in their order, and what waives them.
    pub(super) fn all_in(&self, group: &Group) -> Vec<(Cow<'_, Entry>, Option<&Suppressed>)> {
        let kept = self.entries_in(group).into_iter().map(|entry| (Cow::Owned(entry), None));
        let waived = self.waived_in(group).iter().map(|(entry, by)| (Cow::Borrowed(entry), Some(by)));
        let mut all: Vec<_> = kept.chain(waived).collect();
        if !self.waived.is_empty() {
            sort::sort_by(&mut all, |(entry, _)| entry);
        }
        all
    }

    /// The findings of the run that count, in the order of the report, with masked messages.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        self.groups.iter().flat_map(|group| self.entries_in(group))
    }

    /// The findings of the run that count, in the order of the report, at a glance: each with what it counts as.
    pub(super) fn counted(&self) -> impl Iterator<Item = (Counted, Glance<'_>)> {
        self.groups.iter().flat_map(|group| self.counted_in(group, false))
    }

    /// What an earlier run has found, too.
    pub(super) fn unchanged(&self) -> impl Iterator<Item = Entry> {
        self.groups.iter().flat_map(|group| self.unchanged_in(group))
    }

    /// All findings in their order, and what waives them.
    pub(super) fn all(&self) -> impl Iterator<Item = (Cow<'_, Entry>, Option<&Suppressed>)> {
        self.groups.iter().flat_map(|group| self.all_in(group))
    }

    /// What of the findings is about an object.
    pub(super) fn entries_of(&self, id: ObjectId) -> Vec<Entry> {
        let object = sort::object(self.subject(id));
        let of = |group: &Group| {
            let waived = || self.waived.get(group.waived().start).map(|(entry, _)| entry.subject);
            let found = Some(group.found().start).filter(|_| !group.found.is_empty());
            let first = found.map(|at| self.held.object(at)).or_else(waived);
            first.map(|id| sort::object(self.subject(id)))
        };
        let at = self.groups.binary_search_by(|group| of(group).cmp(&Some(object)));
        let mut entries = at.map(|at| self.entries_in(&self.groups[at])).unwrap_or_default();
        entries.retain(|entry| entry.subject == id);
        entries
    }
}

/// Of what was found in one place of the report, sorted: by which of it each is led, if by any.
fn leaders(glances: &[(usize, Glance<'_>)]) -> Vec<Option<usize>> {
    let mut led: Vec<Option<usize>> = Vec::with_capacity(glances.len());
    for of_one in glances.chunk_by(|(_, a), (_, b)| a.object == b.object) {
        let of_one: Vec<Foldable<'_>> = of_one.iter().map(|(_, glance)| Foldable::from(*glance)).collect();
        let first = led.len();
        led.extend(fold::leaders(&of_one).into_iter().map(|leader| leader.map(|leader| first + leader)));
    }
    led
}

/// The objects of which something secret may be said.
pub(super) fn concerned(held: &Held, waived: &[Entry]) -> BTreeSet<ObjectId> {
    let of_waived = waived.iter().flat_map(|entry| {
        let related = entry.finding.related.iter().filter_map(|related| related.document);
        related.chain([entry.subject])
    });
    held.objects().chain(held.related()).chain(of_waived).collect()
}
