//! Findings of a whole run, kept until they are written.
//!
//! ```text
//! Finding ──▶ object, span, fingerprint ── a record of its own, with the number of what it tells
//!         ├─▶ message and value ─┐
//!         ├─▶ place ─────────────┼─ told once, however many say the same
//!         └─▶ all else ──────────┘
//! ```
//!
//! A run over a large folder finds millions, and a rule says the same of many objects. What is said is kept once; a
//! [`Finding`] is made again when it is asked for, and given up when it has been written.

use std::hash::{BuildHasher as _, Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::{Finding, Fingerprint, ObjectId, Place, Print, Related};
use crate::document::Span;

/// Findings in the order in which they came, or were [sorted](Held::sort_by_object).
#[derive(Debug, Default)]
pub struct Held {
    records: Vec<Record>,
    told: Numbered<Told>,
    said: Numbered<Said>,
    words: Numbered<Words>,
    places: Numbered<PlaceTexts>,
    related: Vec<Box<[RelatedRecord]>>,
}

/// A finding as it is kept, in 32 bytes: what is not told of others as well.
#[derive(Debug, Clone, Copy)]
struct Record {
    object: ObjectId,
    told: u32,
    /// [`NOWHERE`] for none.
    span: Span,
    /// Where one is [told](Told::has_print).
    print: Print,
}

/// What a finding tells, by the numbers of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Told {
    said: u32,
    words: u32,
    place: u32,
    /// [`NONE`] for none.
    related: u32,
    has_print: bool,
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

/// What is kept once: it is looked for by what it says before it is made.
trait Kept {
    /// What tells it from others.
    type Says<'k>: Hash
    where
        Self: 'k;

    fn says(&self) -> Self::Says<'_>;

    fn is(&self, says: &Self::Says<'_>) -> bool;
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

/// What findings say that many share: a finding without its words, its place and what is related.
#[derive(Debug, PartialEq)]
struct Said(Finding);

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

/// Things that are kept once, by their numbers.
#[derive(Debug)]
struct Numbered<T> {
    all: Vec<T>,
    numbers: HashTable<u32>,
    hasher: RandomState,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { all: Vec::new(), numbers: HashTable::new(), hasher: RandomState::default() }
    }
}

impl<T: Kept> Numbered<T> {
    /// The number of the thing that says this; where it is new, it is made.
    fn number(&mut self, says: &T::Says<'_>, make: impl FnOnce() -> T) -> u32 {
        let Self { all, numbers, hasher } = self;
        let is = |number: &u32| all[*number as usize].is(says);
        let hash = |number: &u32| hasher.hash_one(all[*number as usize].says());
        match numbers.entry(hasher.hash_one(says), is, hash) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let number = u32::try_from(all.len()).expect("fewer than 4 Gi texts are told apart");
                all.push(make());
                new.insert(number);
                number
            }
        }
    }

    fn get(&self, number: u32) -> &T {
        &self.all[number as usize]
    }
}

impl Held {
    /// Takes the next finding.
    pub fn push(&mut self, object: ObjectId, mut finding: Finding) {
        let words = self.words(&std::mem::take(&mut finding.message), finding.value.take().as_deref());
        let Fingerprint { place: named, printed: print, .. } = std::mem::take(&mut finding.fingerprint);
        let (place, span) = self.place(&std::mem::take(&mut finding.place), &named);
        let related = match std::mem::take(&mut finding.related) {
            related if related.is_empty() => NONE,
            related => {
                let records = related.into_iter().map(|related| self.related_record(related)).collect();
                self.related.push(records);
                u32::try_from(self.related.len() - 1).expect("fewer than 4 Gi findings")
            }
        };
        let finding = Said(finding);
        let said = self.said.number(&&finding, || Said(finding.0.clone()));
        let told = Told { said, words, place, related, has_print: print.is_some() };
        let told = self.told.number(&told, || told);
        self.records.push(Record { object, told, span, print: print.unwrap_or_default() });
    }

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
        self.records.sort_by_key(|record| key(record.object));
    }

    /// What each is of, in their order.
    pub fn objects(&self) -> impl Iterator<Item = ObjectId> {
        self.records.iter().map(|record| record.object)
    }

    /// The objects of related places.
    pub fn related(&self) -> impl Iterator<Item = ObjectId> {
        self.related.iter().flatten().filter_map(|related| related.document)
    }

    /// What the finding at a position is of.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn object(&self, at: usize) -> ObjectId {
        self.records[at].object
    }

    /// The finding at a position.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn get(&self, at: usize) -> (ObjectId, Finding) {
        let Record { object, told, span, print } = self.records[at];
        let Told { said, words, place, related, has_print } = *self.told.get(told);
        let Words { message, value } = self.words.get(words);
        let related = self.related.get(related as usize).into_iter().flatten();
        let finding = Finding {
            message: (**message).to_owned(),
            value: value.as_deref().map(str::to_owned),
            place: self.place_of(place, span),
            fingerprint: Fingerprint {
                place: (*self.places.get(place).named).to_owned(),
                printed: has_print.then_some(print),
                ..Fingerprint::default()
            },
            related: related
                .map(|RelatedRecord { document, words, place, span }| Related {
                    message: (*self.words.get(*words).message).to_owned(),
                    document: *document,
                    place: self.place_of(*place, *span),
                })
                .collect(),
            ..self.said.get(said).0.clone()
        };
        (object, finding)
    }

    fn place_of(&self, place: u32, span: Span) -> Place {
        let PlaceTexts { path, pointer, origin, named: _ } = self.places.get(place);
        Place {
            path: (**path).to_owned(),
            pointer: (**pointer).to_owned(),
            span: Some(span).filter(|span| *span != NOWHERE),
            origin: origin.as_deref().map(str::to_owned),
        }
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (ObjectId, Finding)> {
        (0..self.len()).map(|at| self.get(at))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::Document;
    use crate::document::edit::PatchOperation;
    use crate::finding::{Certainty, OfObject, RuleInfo, Severity};

    fn rule(code: &str) -> Arc<RuleInfo> {
        Arc::new(RuleInfo::of(code))
    }

    fn place(pointer: &str, start: u32) -> Place {
        let span = Some(Span { start, end: start + 1 });
        Place { path: pointer.replace('/', "."), pointer: pointer.to_owned(), span, origin: None }
    }

    fn add(path: &str, value: &str) -> PatchOperation {
        let value = Document::from_value(&serde_json::Value::from(value)).unwrap();
        PatchOperation::Add { path: path.parse().unwrap(), value: Arc::new(value) }
    }

    /// Findings that differ from the first in one thing each.
    fn findings() -> Vec<Finding> {
        let of = rule("a/r");
        let plain = || Finding::at(Arc::clone(&of), Severity::Error, "m".to_owned(), place("/a", 1));
        let made = |change: &dyn Fn(&mut Finding)| {
            let mut finding = plain();
            change(&mut finding);
            finding
        };
        let related = |document, message: &str| Related {
            message: message.to_owned(),
            document,
            place: Place { span: None, ..place("/b", 0) },
        };
        vec![
            plain(),
            plain(),
            made(&|f| f.rule = rule("a/s")),
            made(&|f| f.severity = Severity::Info),
            made(&|f| f.certainty = Certainty::Unknown),
            made(&|f| f.message = "other".to_owned()),
            made(&|f| f.value = Some("m".to_owned())),
            made(&|f| f.place = place("/a", 2)),
            made(&|f| f.place = place("/b", 1)),
            made(&|f| f.place.span = None),
            made(&|f| f.place.origin = Some("p".to_owned())),
            made(&|f| f.related = vec![related(None, "x"), related(Some(ObjectId(3)), "m")]),
            made(&|f| f.fix = vec![add("/a", "1")]),
            made(&|f| f.fix = vec![add("/a", "2")]),
            made(&|f| f.explanation = vec!["x is 1".to_owned()]),
            made(&|f| f.reference = Some("https://x".to_owned())),
            made(&|f| f.more = 2),
            made(&|f| f.sensitive = true),
            made(&|f| f.fingerprint.place = "/b".to_owned()),
            made(&|f| {
                let object = OfObject { group: "", kind: "Pod", namespace: "n", name: Ok("web") };
                f.fingerprint.settle(&of, object);
            }),
        ]
    }

    #[test]
    fn what_is_held_is_given_back() {
        let findings = findings();
        let mut held = Held::default();
        for (at, finding) in (0..).zip(&findings) {
            held.push(ObjectId(at), finding.clone());
        }
        for (at, finding) in findings.iter().enumerate() {
            let (object, again) = held.get(at);
            assert_eq!((object.0 as usize, &again), (at, finding), "{at}");
        }
        assert_eq!(held.related().collect::<Vec<_>>(), [ObjectId(3)]);
    }

    #[test]
    fn a_record_is_small() {
        assert_eq!(size_of::<Record>(), 32);
    }

    #[test]
    fn what_is_said_again_is_held_once() {
        let mut held = Held::default();
        for object in 0..100 {
            findings().into_iter().for_each(|finding| held.push(ObjectId(object), finding));
        }
        // each time with rules of its own that say the same
        let (first, all) = (findings().len(), held.len());
        assert_eq!(all, 100 * first);
        assert!(held.words.all.len() <= 4 && held.places.all.len() <= 5, "{held:?}");
        let given: Vec<Finding> = held.iter().map(|(_, finding)| finding).collect();
        assert!(given.chunks(first).all(|again| again == findings()));
        let (mut held, findings) = (Held::default(), findings());
        for object in 0..100 {
            findings.iter().for_each(|finding| held.push(ObjectId(object), finding.clone()));
        }
        // what is related is kept for each; those that differ in their span alone tell the same
        assert_eq!(held.told.all.len(), 100 + findings.len() - 1 - 3);
    }

    #[test]
    fn objects_are_sorted_and_what_is_of_one_stays_in_order() {
        let mut held = Held::default();
        for (object, message) in [(2, "a"), (0, "b"), (2, "c"), (1, "d"), (0, "e")] {
            let finding = Finding::at(rule("a/r"), Severity::Error, message.to_owned(), place("/a", 1));
            held.push(ObjectId(object), finding);
        }
        held.sort_by_object(std::cmp::Reverse);
        let order: Vec<String> =
            held.iter().map(|(id, finding)| format!("{}{}", id.0, finding.message)).collect();
        assert_eq!(order, ["2a", "2c", "1d", "0b", "0e"]);
    }
}
