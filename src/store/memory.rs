//! Objects that a rule found nothing in, told by the parts of them that decide this.
//!
//! A table of a fixed size: what comes later takes the place of what was there. It holds no part of any object, only
//! digests, whose key is drawn by chance when the policies come into force, so that nobody can make an object that is taken
//! for another one. What is not found in it is judged; so a table that is too small costs time, and nothing else.

use std::cell::RefCell;
use std::fmt;
use std::hash::Hasher as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ring::rand::{SecureRandom as _, SystemRandom};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::check::{PartOf, ROOTS};
use crate::document::NodeRef;

/// How many digests there is room for, at 16 bytes each.
const ROOM: usize = 1 << 16;
/// Digests that may stand at one place.
const WAYS: usize = 4;

/// What tells two objects apart, or takes them for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature(u64, u64);

/// In which objects nothing was found.
pub struct Memory {
    key: [u8; 16],
    /// Made when the first digest comes.
    places: std::sync::OnceLock<Box<[[Place; WAYS]]>>,
}

/// Both halves of a digest. They are read and written one by one: halves of two digests are a digest of nothing.
#[derive(Default)]
struct Place(AtomicU64, AtomicU64);

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Memory {
    /// Of nothing; `None` where the system gives no key.
    #[must_use]
    pub fn new() -> Option<Self> {
        let mut key = [0; 16];
        SystemRandom::new().fill(&mut key).ok()?;
        Some(Self { key, places: std::sync::OnceLock::new() })
    }

    fn places(&self, signature: Signature) -> &[Place; WAYS] {
        let places = self.places.get_or_init(|| {
            let each = || std::array::from_fn(|_| Place::default());
            (0..ROOM / WAYS).map(|_| each()).collect()
        });
        let at = usize::try_from(signature.0 % (ROOM / WAYS) as u64).unwrap_or_default();
        &places[at]
    }

    /// Whether nothing was found in an object that is the same in what decides it.
    #[must_use]
    pub fn knows(&self, signature: Signature) -> bool {
        let is_same =
            |place: &Place| place.0.load(Relaxed) == signature.0 && place.1.load(Relaxed) == signature.1;
        self.places(signature).iter().any(is_same)
    }

    /// Nothing was found.
    pub fn keep(&self, signature: Signature) {
        let places = self.places(signature);
        let is_free = |place: &&Place| place.0.load(Relaxed) == 0 && place.1.load(Relaxed) == 0;
        let other = || &places[usize::try_from(signature.1 % WAYS as u64).unwrap_or_default()];
        let place = places.iter().find(is_free).unwrap_or_else(other);
        place.0.store(signature.0, Relaxed);
        place.1.store(signature.1, Relaxed);
    }

    fn digest(&self, bytes: &[u8]) -> [u64; 2] {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(bytes);
        let digest = hasher.finish128();
        [digest.h1, digest.h2]
    }
}

/// What is asked about one object: each part is written down once, whatever policies look at it.
pub struct Looks<'r> {
    memory: &'r Memory,
    parts: &'r [PartOf],
    roots: [Option<NodeRef<'r>>; ROOTS.len()],
    /// What an object is beside its parts.
    about: [u64; 2],
    seen: RefCell<Seen>,
}

struct Seen {
    /// By the number of the part; what is not known has none.
    digests: Vec<Option<Option<[u64; 2]>>>,
    bytes: Vec<u8>,
}

impl<'r> Looks<'r> {
    /// At an object by its [`ROOTS`], of which `parts` may be looked at; `kind` is what tells it from objects of other kinds.
    #[must_use]
    pub fn at(
        memory: &'r Memory,
        parts: &'r [PartOf],
        roots: [Option<NodeRef<'r>>; ROOTS.len()],
        kind: [&str; 3],
    ) -> Self {
        let mut bytes = Vec::with_capacity(512);
        for name in kind {
            bytes.extend(name.len().to_le_bytes());
            bytes.extend(name.as_bytes());
        }
        bytes.extend(roots.iter().map(|root| u8::from(root.is_some())));
        let about = memory.digest(&bytes);
        Self {
            memory,
            parts,
            roots,
            about,
            seen: RefCell::new(Seen { digests: vec![None; parts.len()], bytes }),
        }
    }

    /// What tells this object from others for a rule that these parts decide, given by its policy and its place there; `None`
    /// where a part is not known.
    #[must_use]
    pub fn signature(&self, (policy, rule): (usize, usize), parts: &[u32]) -> Option<Signature> {
        let seen = &mut *self.seen.borrow_mut();
        let mut all = SipHasher13::new_with_key(&self.memory.key);
        all.write_u64(self.about[0]);
        all.write_u64(self.about[1]);
        all.write_usize(policy);
        all.write_usize(rule);
        for number in parts {
            let at = *number as usize;
            let (known, part) = (seen.digests.get(at)?, self.parts.get(at)?);
            let digest = match known {
                Some(known) => *known,
                None => {
                    seen.bytes.clear();
                    let told = part.write(self.roots, &mut seen.bytes);
                    let digest = told.then(|| self.memory.digest(&seen.bytes));
                    seen.digests[at] = Some(digest);
                    digest
                }
            };
            let [first, second] = digest?;
            all.write_u64(first);
            all.write_u64(second);
        }
        let digest = all.finish128();
        Some(Signature(digest.h1, digest.h2))
    }

    /// Whether nothing was found in an object that is the same in what decides it.
    #[must_use]
    pub fn knows(&self, signature: Signature) -> bool {
        self.memory.knows(signature)
    }

    /// Nothing was found.
    pub fn keep(&self, signature: Signature) {
        self.memory.keep(signature);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cel::reads::Part;
    use crate::document::{Document, Limits};

    #[test]
    fn the_table_forgets_and_does_not_make_up() {
        let memory = Memory::new().unwrap();
        let signature = |n: u64| {
            let [a, b] = memory.digest(&n.to_le_bytes());
            Signature(a, b)
        };
        let many = 3 * ROOM as u64;
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
        let part = |key: &str| PartOf { root: 0, steps: vec![Part::Key(key.to_owned())] };
        let parts = [part("a"), part("b")];
        let document = |text: &'static str| Document::from_json(text, Limits::default()).unwrap();
        let of = |text, kind, rule, of: &[u32]| {
            let document = document(text);
            let looks = Looks::at(&memory, &parts, [Some(document.root()), None, None], ["", "v1", kind]);
            looks.signature((0, rule), of).unwrap()
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
        assert_ne!(Memory::new().unwrap().digest(b"a"), memory.digest(b"a"), "the key is drawn by chance");
    }
}
