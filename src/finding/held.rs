//! Findings of a whole run, kept until they are written.
//!
//! ```text
//! Finding ──▶ object, span ── a record of its own, with the number of what it tells; beside it the fingerprint, if any
//!         ├─▶ message and value ─┐
//!         ├─▶ place ─────────────┼─ told once, however many say the same
//!         └─▶ all else ──────────┘
//! ```
//!
//! A run over a large folder finds millions, and a rule says the same of many objects. What is said is kept once; a
//! [`Finding`] is made again when it is asked for, and given up when it has been written.

mod kept;

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::fold::Foldable;
use super::{Finding, Fingerprint, ObjectId, Place, Print, Related};
use crate::document::Span;
use kept::{Kept, Numbered};

/// Findings in the order in which they came, or were [sorted](Held::sort_by_object).
#[derive(Debug, Default)]
pub struct Held {
    records: Vec<Record>,
    /// The numbers of their fingerprints, [`NONE`] for none; empty where none has one, as in runs in which nobody asks for them.
    prints: Vec<u32>,
    texts: Texts,
}

/// What findings tell, each kept once.
#[derive(Debug, Default)]
struct Texts {
    told: Numbered<Told>,
    said: Numbered<Said>,
    words: Numbered<Words>,
    places: Numbered<PlaceTexts>,
    related: Vec<Box<[RelatedRecord]>>,
    prints: Vec<Print>,
}

/// A finding that is held, as far as orders, counts and folds ask, and a way to all else: nothing is copied for it.
#[derive(Debug, Clone, Copy)]
pub struct Glance<'h> {
    /// What it is of.
    pub object: ObjectId,
    /// What many findings say alike: without message, value, place, fingerprint and related places.
    pub said: &'h Finding,
    /// As in [`Finding::message`].
    pub message: &'h str,
    /// As in [`Place::pointer`].
    pub pointer: &'h str,
    /// As in [`Place::span`].
    pub span: Option<Span>,
    told: Told,
    print: Option<Print>,
    texts: &'h Texts,
}

/// A related place that is held.
#[derive(Debug, Clone, Copy)]
pub struct RelatedGlance<'h> {
    /// As in [`Related::message`].
    pub message: &'h str,
    /// As in [`Related::document`].
    pub document: Option<ObjectId>,
    /// As in [`Place::span`].
    pub span: Option<Span>,
}

impl<'h> Glance<'h> {
    /// As in [`Place::path`].
    #[must_use]
    pub fn path(&self) -> &'h str {
        &self.texts.places.get(self.told.place).path
    }

    /// As in [`Place::origin`].
    #[must_use]
    pub fn origin(&self) -> Option<&'h str> {
        self.texts.places.get(self.told.place).origin.as_deref()
    }

    /// Whether there is a [`Finding::value`].
    #[must_use]
    pub fn has_value(&self) -> bool {
        self.texts.words.get(self.told.words).value.is_some()
    }

    /// What reports and baselines have, where it is [settled](Fingerprint::settle).
    #[must_use]
    pub fn print(&self) -> Option<Print> {
        self.print
    }

    /// The place, as fingerprints have it.
    #[must_use]
    pub fn named(&self) -> &'h str {
        &self.texts.places.get(self.told.place).named
    }

    /// As in [`Finding::related`].
    pub fn related(&self) -> impl ExactSizeIterator<Item = RelatedGlance<'h>> + use<'h> {
        let texts = self.texts;
        texts.related(self.told.related).iter().map(|RelatedRecord { document, words, place: _, span }| {
            let (document, span) = (*document, somewhere(*span));
            RelatedGlance { message: &texts.words.get(*words).message, document, span }
        })
    }
}

impl<'h> From<Glance<'h>> for Foldable<'h> {
    fn from(Glance { said, pointer, .. }: Glance<'h>) -> Self {
        Self { rule: &said.rule, pointer, certainty: said.certainty }
    }
}

/// A finding as it is kept, in 16 bytes: what is not told of others as well.
#[derive(Debug, Clone, Copy)]
struct Record {
    object: ObjectId,
    told: u32,
    /// [`NOWHERE`] for none.
    span: Span,
}

/// What a finding tells, by the numbers of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Told {
    said: u32,
    words: u32,
    place: u32,
    /// [`NONE`] for none.
    related: u32,
}

/// Stands for no number.
const NONE: u32 = u32::MAX;
/// Stands for no span: no text is as long.
const NOWHERE: Span = Span { start: u32::MAX, end: u32::MAX };

#[derive(Debug)]
struct RelatedRecord {
    document: Option<ObjectId>,
    words: u32,
    place: u32,
    span: Span,
}

impl Kept for Told {
    type Says<'k> = Self;

    fn says(&self) -> Self {
        *self
    }

    fn is(&self, says: &Self) -> bool {
        self == says
    }
}

/// What findings say that many share: a finding without its words, its place, its fingerprint and what is related.
#[derive(Debug)]
struct Said(Finding);

impl PartialEq for Said {
    /// Rules are told apart by where they are held: what one says once is the same for all that it finds.
    fn eq(&self, other: &Self) -> bool {
        let Finding { rule, severity, actions, certainty, existing, sensitive, more, .. } = &self.0;
        let Finding { explanation, reference, fix, fault, excepted, own, .. } = &self.0;
        let of = &other.0;
        Arc::ptr_eq(rule, &of.rule)
            && (*severity, *actions, *certainty) == (of.severity, of.actions, of.certainty)
            && (*existing, *sensitive, *more) == (of.existing, of.sensitive, of.more)
            && *fix == of.fix
            && (explanation, reference) == (&of.explanation, &of.reference)
            && (fault, excepted, own) == (&of.fault, &of.excepted, &of.own)
    }
}

/// Of what a finding holds, only numbers of a fix could differ from themselves, and JSON has none that do.
impl Eq for Said {}

impl Hash for Said {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Finding { rule, severity, certainty, fix, reference, more, .. } = &self.0;
        (Arc::as_ptr(rule), severity, certainty, fix.len(), reference, more).hash(state);
        fix.iter().for_each(|operation| operation.path().hash(state));
    }
}

impl Kept for Said {
    type Says<'k> = &'k Self;

    fn says(&self) -> &Self {
        self
    }

    fn is(&self, says: &&Self) -> bool {
        self == *says
    }
}

#[derive(Debug)]
struct Words {
    message: Box<str>,
    value: Option<Box<str>>,
}

impl Kept for Words {
    type Says<'k> = (&'k str, Option<&'k str>);

    fn says(&self) -> Self::Says<'_> {
        (&self.message, self.value.as_deref())
    }

    fn is(&self, says: &Self::Says<'_>) -> bool {
        self.says() == *says
    }
}

#[derive(Debug)]
struct PlaceTexts {
    path: Box<str>,
    pointer: Box<str>,
    origin: Option<Box<str>>,
    /// As fingerprints have it.
    named: Box<str>,
}

impl Kept for PlaceTexts {
    type Says<'k> = (&'k str, &'k str, Option<&'k str>, &'k str);

    fn says(&self) -> Self::Says<'_> {
        (&self.path, &self.pointer, self.origin.as_deref(), &self.named)
    }

    fn is(&self, says: &Self::Says<'_>) -> bool {
        self.says() == *says
    }
}

impl Texts {
    fn words(&mut self, message: &str, value: Option<&str>) -> u32 {
        let words = || Words { message: message.into(), value: value.map(Into::into) };
        self.words.number(&(message, value), words)
    }

    fn place(&mut self, Place { path, pointer, span, origin }: &Place, named: &str) -> (u32, Span) {
        let origin = origin.as_deref();
        let texts = || PlaceTexts {
            path: path.as_str().into(),
            pointer: pointer.as_str().into(),
            origin: origin.map(Into::into),
            named: named.into(),
        };
        (self.places.number(&(path, pointer, origin, named), texts), span.unwrap_or(NOWHERE))
    }

    fn related_record(&mut self, related: Related) -> RelatedRecord {
        let Related { message, document, place } = related;
        let words = self.words(&message, None);
        let (place, span) = self.place(&place, "");
        RelatedRecord { document, words, place, span }
    }

    /// The places beside the finding's own; none for [`NONE`].
    fn related(&self, number: u32) -> &[RelatedRecord] {
        self.related.get(number as usize).map_or(&[], |related| related)
    }

    /// The fingerprint of a number; none for [`NONE`].
    fn print(&self, number: u32) -> Option<Print> {
        self.prints.get(number as usize).copied()
    }

    fn place_of(&self, place: u32, span: Span) -> Place {
        let PlaceTexts { path, pointer, origin, named: _ } = self.places.get(place);
        Place {
            path: (**path).to_owned(),
            pointer: (**pointer).to_owned(),
            span: somewhere(span),
            origin: origin.as_deref().map(str::to_owned),
        }
    }

    fn glance(&self, record: &Record, print: u32) -> Glance<'_> {
        let Record { object, told, span } = *record;
        let told = *self.told.get(told);
        Glance {
            object,
            said: &self.said.get(told.said).0,
            message: &self.words.get(told.words).message,
            pointer: &self.places.get(told.place).pointer,
            span: somewhere(span),
            told,
            print: self.print(print),
            texts: self,
        }
    }
}

/// Sorts records, and what stands beside each where something does; what is equal stays as it is.
fn sort_beside(
    records: &mut [Record],
    beside: &mut [u32],
    compare: impl Fn((&Record, u32), (&Record, u32)) -> Ordering,
) {
    if beside.is_empty() {
        return records.sort_by(|a, b| compare((a, NONE), (b, NONE)));
    }
    let mut both: Vec<(Record, u32)> = records.iter().copied().zip(beside.iter().copied()).collect();
    both.sort_by(|a, b| compare((&a.0, a.1), (&b.0, b.1)));
    for ((record, print), sorted) in records.iter_mut().zip(beside).zip(both) {
        (*record, *print) = sorted;
    }
}

/// Takes the next of a finding's own, and gives it a number.
fn numbered<T>(all: &mut Vec<T>, next: T) -> u32 {
    all.push(next);
    u32::try_from(all.len() - 1).expect("fewer than 4 Gi findings")
}

fn somewhere(span: Span) -> Option<Span> {
    Some(span).filter(|span| *span != NOWHERE)
}

impl Held {
    /// Takes the next finding.
    pub fn push(&mut self, object: ObjectId, mut finding: Finding) {
        let Self { records, prints, texts } = self;
        let words = texts.words(&std::mem::take(&mut finding.message), finding.value.take().as_deref());
        let Fingerprint { place: named, printed: print, .. } = std::mem::take(&mut finding.fingerprint);
        let (place, span) = texts.place(&std::mem::take(&mut finding.place), &named);
        let related = match std::mem::take(&mut finding.related) {
            related if related.is_empty() => NONE,
            related => {
                let of_finding = related.into_iter().map(|related| texts.related_record(related)).collect();
                numbered(&mut texts.related, of_finding)
            }
        };
        if let Some(print) = print {
            prints.resize(records.len(), NONE);
            prints.push(numbered(&mut texts.prints, print));
        } else if !prints.is_empty() {
            prints.push(NONE);
        }
        let finding = Said(finding);
        let said = texts.said.number(&&finding, || Said(finding.0.clone()));
        let told = Told { said, words, place, related };
        let told = texts.told.number(&told, || told);
        records.push(Record { object, told, span });
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Puts them in the order of their objects; those of one stay in their order.
    pub fn sort_by_object<K: Ord>(&mut self, key: impl Fn(ObjectId) -> K) {
        let Self { records, prints, .. } = self;
        sort_beside(records, prints, |(a, _), (b, _)| key(a.object).cmp(&key(b.object)));
    }

    fn print(&self, at: usize) -> u32 {
        self.prints.get(at).copied().unwrap_or(NONE)
    }

    /// Puts those of each of these ranges in an order; what is equal stays as it is. The ranges stand one behind the other.
    ///
    /// # Panics
    /// When a range is none of positions.
    pub fn sort_each(
        &mut self,
        mut ranges: impl Iterator<Item = Range<usize>>,
        compare: impl Fn(&Glance<'_>, &Glance<'_>) -> Ordering + Sync,
    ) {
        /// So many at a time, as each takes memory of its own.
        const BATCH: usize = 4_096;
        let Self { records, prints, texts } = self;
        let texts = &*texts;
        let sort = |(part, prints): (&mut [Record], &mut [u32])| {
            let glance = |(record, print): (&Record, u32)| texts.glance(record, print);
            sort_beside(part, prints, |a, b| compare(&glance(a), &glance(b)));
        };
        let (mut rest, mut prints, mut at) = (records.as_mut_slice(), prints.as_mut_slice(), 0);
        loop {
            let mut parts = Vec::new();
            for range in ranges.by_ref().take(BATCH) {
                let mut next = |from: usize| -> (&mut [Record], &mut [u32]) {
                    let part = rest.split_off_mut(..from - at).unwrap_or_default();
                    let beside = prints.split_off_mut(..from - at).unwrap_or_default();
                    at = from;
                    (part, beside)
                };
                next(range.start);
                parts.push(next(range.end));
            }
            if parts.is_empty() {
                return;
            }
            parts.into_par_iter().for_each(sort);
        }
    }

    /// What each is of, in their order.
    pub fn objects(&self) -> impl Iterator<Item = ObjectId> {
        self.records.iter().map(|record| record.object)
    }

    /// The objects of related places.
    pub fn related(&self) -> impl Iterator<Item = ObjectId> {
        self.texts.related.iter().flatten().filter_map(|related| related.document)
    }

    /// What the finding at a position is of.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn object(&self, at: usize) -> ObjectId {
        self.records[at].object
    }

    /// What is there at a position, as far as orders and counts ask.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn glance(&self, at: usize) -> Glance<'_> {
        self.texts.glance(&self.records[at], self.print(at))
    }

    /// The finding at a position.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn get(&self, at: usize) -> (ObjectId, Finding) {
        let Self { records, texts, .. } = self;
        let Record { object, told, span } = records[at];
        let Told { said, words, place, related } = *texts.told.get(told);
        let Words { message, value } = texts.words.get(words);
        let finding = Finding {
            message: (**message).to_owned(),
            value: value.as_deref().map(str::to_owned),
            place: texts.place_of(place, span),
            fingerprint: Fingerprint {
                place: (*texts.places.get(place).named).to_owned(),
                printed: texts.print(self.print(at)),
                ..Fingerprint::default()
            },
            related: texts
                .related(related)
                .iter()
                .map(|RelatedRecord { document, words, place, span }| Related {
                    message: (*texts.words.get(*words).message).to_owned(),
                    document: *document,
                    place: texts.place_of(*place, *span),
                })
                .collect(),
            ..texts.said.get(said).0.clone()
        };
        (object, finding)
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (ObjectId, Finding)> {
        (0..self.len()).map(|at| self.get(at))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
