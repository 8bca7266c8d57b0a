//! Objects that a rule found nothing in, told by the parts of them that decide this.
//!
//! A table of a fixed size: what comes later takes the place of what was there. It holds no part of any object, only
//! digests, whose key is drawn by chance when the policies come into force, so that nobody can make an object that is taken
//! for another one. What is not found in it is judged; so a table that is too small costs time, and nothing else.

use std::cell::OnceCell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use ring::rand::{SecureRandom as _, SystemRandom};

use super::parts::{Halves, Key, Parts};
use super::plan::{Bits, Plan};
use super::recalled::Recalled;
use super::remembered::{Room, Table};
use super::replica;
use crate::check::{ROOTS, write_text};
use crate::document::NodeRef;

/// How many digests there is room for, at 16 bytes each.
const ROOM: usize = 1 << 15;
/// Entries that a digest may take, whichever is free.
const WAYS: usize = 4;

/// What tells two objects apart, or takes them for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature(u64, u64);

impl Signature {
    /// Of two numbers that together are of nothing else.
    pub(super) fn of_numbers(first: u64, second: u64) -> Self {
        Self(first, second)
    }

    /// One of so many places, and another number that does not depend on it.
    pub(super) fn number(self, places: usize) -> usize {
        usize::try_from(self.0 % places as u64).unwrap_or_default()
    }

    pub(super) fn other_number(self, places: usize) -> usize {
        usize::try_from(self.1 % places as u64).unwrap_or_default()
    }
}

/// What rules found in objects may take. Replicas of a workload have the faults of the first.
const ROOM_OF_FINDINGS: Room = Room { places: 1 << 12, bytes: 3 << 18, bytes_of_one: 8 << 10 };
/// The same of what all rules found in replicas.
const ROOM_OF_REPLICAS: Room = Room { places: 1 << 10, bytes: 3 << 18, bytes_of_one: 64 << 10 };

/// What rules found in an object, by the numbers of policy and rule, in their order; `None` of those that run each time.
pub type FoundByRule = Vec<((usize, usize), Option<Arc<[Recalled]>>)>;

/// What is known of objects of which one is like the other: replicas, or [copies](super::copies).
#[derive(Debug)]
pub struct OfAlike {
    /// What of it is there, as [its plan](super::plan::Plan::present) tells.
    pub present: Bits,
    /// The policies that [find nothing](super::plan::Plan::quiet).
    pub quiet: Bits,
    /// What was found by the rules of the others.
    pub found: FoundByRule,
}

impl OfAlike {
    /// Whether a policy finds nothing.
    #[must_use]
    pub fn is_quiet(&self, policy: usize) -> bool {
        self.quiet.is_set(policy as u32)
    }

    /// About how many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        let Self { present, quiet, found } = self;
        let recalled = found.iter().flat_map(|(_, found)| found.iter().flat_map(|found| found.iter()));
        size_of::<Self>()
            + present.bytes()
            + quiet.bytes()
            + size_of_val(&found[..])
            + recalled.map(Recalled::bytes).sum::<usize>()
    }
}

/// In which objects nothing was found, and what was found in some.
pub struct Memory {
    key: Key,
    /// By which the digests of an object's parts become one: odd.
    factor: u128,
    /// Made when the first digest comes.
    sets: OnceLock<Box<[[Entry; WAYS]]>>,
    found: Table<Arc<[Recalled]>>,
    replicas: Table<Arc<OfAlike>>,
}

/// Both halves of a digest. They are read and written one by one: halves of two digests are a digest of nothing.
#[derive(Default)]
struct Entry(AtomicU64, AtomicU64);

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Memory {
    /// Of nothing; `None` where the system gives no key.
    #[must_use]
    pub fn new() -> Option<Self> {
        let (mut secret, mut factor) = ([0; 16], [0; 16]);
        SystemRandom::new().fill(&mut secret).ok()?;
        SystemRandom::new().fill(&mut factor).ok()?;
        let factor = u128::from_le_bytes(factor) | 1;
        let (found, replicas) = (Table::new(ROOM_OF_FINDINGS), Table::new(ROOM_OF_REPLICAS));
        Some(Self { key: Key::new(&secret), factor, sets: OnceLock::new(), found, replicas })
    }

    fn entries(&self, signature: Signature) -> &[Entry; WAYS] {
        let sets = self.sets.get_or_init(|| {
            let each = || std::array::from_fn(|_| Entry::default());
            (0..ROOM / WAYS).map(|_| each()).collect()
        });
        &sets[signature.number(ROOM / WAYS)]
    }

    /// What tells texts apart, for whatever is remembered beside the policies of this set.
    #[must_use]
    pub fn signature(&self, bytes: &[u8]) -> Signature {
        let [first, second] = self.key.digest(bytes);
        Signature(first, second)
    }

    /// Whether nothing was found in an object that is the same in what decides it.
    #[must_use]
    pub fn knows(&self, signature: Signature) -> bool {
        let is_same =
            |entry: &Entry| entry.0.load(Relaxed) == signature.0 && entry.1.load(Relaxed) == signature.1;
        self.entries(signature).iter().any(is_same)
    }

    /// Nothing was found.
    pub fn keep(&self, signature: Signature) {
        let entries = self.entries(signature);
        let is_free = |entry: &&Entry| entry.0.load(Relaxed) == 0 && entry.1.load(Relaxed) == 0;
        let other = || &entries[signature.other_number(WAYS)];
        let entry = entries.iter().find(is_free).unwrap_or_else(other);
        entry.0.store(signature.0, Relaxed);
        entry.1.store(signature.1, Relaxed);
    }
}

/// What is asked about one object: its parts are looked at once, whatever rules ask.
pub struct Looks<'r> {
    memory: &'r Memory,
    parts: &'r Parts,
    roots: [Option<NodeRef<'r>>; ROOTS.len()],
    /// What an object is beside its parts.
    about: Halves,
    digests: OnceCell<Vec<Option<Halves>>>,
}

impl<'r> Looks<'r> {
    /// At an object by its [`ROOTS`], of which `parts` may be asked; `kind` is what tells it from objects of other kinds.
    pub(super) fn at(
        memory: &'r Memory,
        parts: &'r Parts,
        roots: [Option<NodeRef<'r>>; ROOTS.len()],
        kind: [&str; 3],
    ) -> Self {
        let mut bytes = Vec::with_capacity(64);
        kind.iter().for_each(|name| write_text(name, &mut bytes));
        bytes.extend(roots.iter().map(|root| u8::from(root.is_some())));
        Self { memory, parts, roots, about: memory.key.digest(&bytes), digests: OnceCell::new() }
    }

    /// What tells this object from others for a rule that these parts decide, given by its policy and its place there, of which
    /// no more than `most` findings are told; `None` where a part is not known.
    ///
    /// Digests of parts look drawn by chance to whoever has not the key, so a sum of them with other weights each does, too.
    #[must_use]
    pub fn signature(&self, (policy, rule): (usize, usize), most: usize, parts: &[u32]) -> Option<Signature> {
        let digests = self.digests.get_or_init(|| self.parts.digests(self.roots, &self.memory.key));
        let joined = |[first, second]: Halves| u128::from(first) << 64 | u128::from(second);
        let mut all = joined(self.about) ^ joined([(policy as u64) << 32 | rule as u64, most as u64]);
        for part in parts {
            all = all.wrapping_mul(self.memory.factor) ^ joined((*digests.get(*part as usize)?)?);
        }
        let all = all.wrapping_mul(self.memory.factor);
        // the upper half depends on all bits of what was multiplied
        Some(Signature((all >> 64) as u64, all as u64))
    }

    /// What of this object is there.
    #[must_use]
    pub fn present(&self, plan: &Plan) -> Bits {
        plan.present(self.roots)
    }

    /// Whether nothing was found in an object that is the same in what decides it.
    #[must_use]
    pub fn knows(&self, signature: Signature) -> bool {
        self.memory.knows(signature)
    }

    /// What tells this object from those that are no replicas of it, where no more than `most` findings of a rule are told.
    #[must_use]
    pub fn signature_of_replicas(&self, most: usize) -> Option<Signature> {
        let about = self.about.map(u64::to_le_bytes);
        let beside = [&about[0][..], &about[1], &most.to_le_bytes()];
        replica::told(&beside, self.roots[0]?, |bytes| self.memory.signature(bytes))
    }

    /// What is known of this object, as one that was judged is a replica of it.
    #[must_use]
    pub fn of_replicas(&self, signature: Signature) -> Option<Arc<OfAlike>> {
        self.memory.replicas.get(signature)
    }

    /// This was found in an object, as far as it is [so in its replicas](super::plan::Plan::is_of_replicas).
    pub fn keep_of_replicas(&self, signature: Signature, known: OfAlike) {
        let bytes = known.bytes();
        self.memory.replicas.keep(signature, Arc::new(known), bytes);
    }

    /// Nothing was found.
    pub fn keep(&self, signature: Signature) {
        self.memory.keep(signature);
    }

    /// What was found in an object that is the same in all that decides it, where that is known.
    #[must_use]
    pub fn recall(&self, signature: Signature) -> Option<Arc<[Recalled]>> {
        self.memory.found.get(signature)
    }

    /// This was found. Paths, messages and values of findings are remembered as they are, positions in a text too.
    pub fn keep_found(&self, signature: Signature, findings: &Arc<[Recalled]>) {
        let bytes = findings.iter().map(Recalled::bytes).sum();
        self.memory.found.keep(signature, findings.clone(), bytes);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cel::reads::Part;
    use crate::check::PartOf;
    use crate::document::{Document, Limits};

    #[test]
    fn the_table_forgets_and_does_not_make_up() {
        let memory = Memory::new().unwrap();
        let signature = |n: usize| memory.signature(&n.to_le_bytes());
        let many = 3 * ROOM;
        for n in 0..many {
            assert!(!memory.knows(signature(n)), "{n}");
            memory.keep(signature(n));
            assert!(memory.knows(signature(n)), "{n}");
        }
        let left = (0..many).filter(|n| memory.knows(signature(*n))).count();
        assert!(left > ROOM / 2 && left <= ROOM, "{left}");
    }

    #[test]
    fn a_signature_is_of_its_parts_policy_and_kind() {
        let memory = Memory::new().unwrap();
        let part = |key: &str| PartOf { root: 0, steps: vec![Part::Key(key.into())] };
        let parts = Parts::of([part("a"), part("b")].iter().zip(0..));
        let document = |text: &'static str| Document::from_json(text, Limits::default()).unwrap();
        let of = |text, kind, rule, of: &[u32]| {
            let document = document(text);
            let looks = Looks::at(&memory, &parts, [Some(document.root()), None, None], ["", "v1", kind]);
            looks.signature((0, rule), 0, of).unwrap()
        };
        let text = r#"{"a": 1, "b": 2}"#;
        let one = of(text, "Pod", 0, &[0]);
        assert_eq!(one, of(r#"{"a": 1, "b": 3}"#, "Pod", 0, &[0]));
        for other in [
            of(r#"{"a": 2, "b": 2}"#, "Pod", 0, &[0]),
            of(text, "Job", 0, &[0]),
            of(text, "Pod", 1, &[0]),
            of(text, "Pod", 0, &[1]),
            of(text, "Pod", 0, &[0, 1]),
            of(text, "Pod", 0, &[]),
        ] {
            assert_ne!(one, other);
        }
        let other = Memory::new().unwrap();
        assert_ne!(other.key.digest(b"a"), memory.key.digest(b"a"), "the key is drawn by chance");
    }
}
