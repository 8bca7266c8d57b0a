//! What was found in objects of which an input has several.
//!
//! Unlike what is remembered of objects that are [like each other](super::memory) in what a rule reads, nothing of them is other
//! but where they are written: fingerprints and fixes neither. So only what depends on more than the object is judged for each.

use std::fmt;
use std::sync::Arc;

use super::memory::{OfAlike, Signature};
use super::recalled::Recalled;
use super::remembered::{Room, Table};
use super::replica;
use super::set::PolicySet;
use crate::check::Findings;
use crate::document::NodeRef;

/// What the findings of a run's copies may take; a finding is some 500 bytes. What there is no room for is judged again.
const ROOM: Room = Room { places: 1 << 14, bytes: 32 << 20, bytes_of_one: 1 << 20 };

/// The same for what the API server finds.
const ROOM_OF_VALIDATED: Room = Room { places: 1 << 14, bytes: 8 << 20, bytes_of_one: 1 << 20 };

/// What was found in the objects of an input that are there several times.
pub struct Copies {
    judged: Table<Arc<OfAlike>>,
    validated: Table<Arc<[Recalled]>>,
}

impl Copies {
    /// Of so many objects at most: making and giving back room for many costs a short run more than looking.
    #[must_use]
    pub fn of(objects: usize) -> Self {
        let for_them =
            |room: Room| Room { places: (2 * objects).next_power_of_two().clamp(4, room.places), ..room };
        Self { judged: Table::new(for_them(ROOM)), validated: Table::new(for_them(ROOM_OF_VALIDATED)) }
    }
}

impl fmt::Debug for Copies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Copies").finish_non_exhaustive()
    }
}

/// An object of which there are several.
#[derive(Debug, Clone, Copy)]
pub struct CopyOf<'c> {
    /// What is known of all of them.
    pub copies: &'c Copies,
    /// What they have in common.
    pub common: Common,
}

/// What objects have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Common {
    /// All but where they are written; by this number they go.
    All(usize),
    /// All but what [replicas](super::replica) differ in, some of them: most have the name that a template was given.
    ButForNames,
}

impl CopyOf<'_> {
    /// What tells the objects from others, of which this is one, for the rules of this set, which lives as long as the copies
    /// are judged; `None` where that cannot be told.
    #[must_use]
    pub fn signature(&self, set: &PolicySet, object: NodeRef<'_>) -> Option<Signature> {
        let address = std::ptr::from_ref(set).addr();
        match self.common {
            Common::All(number) => Some(Signature::of_numbers(number as u64, address as u64)),
            Common::ButForNames => {
                let memory = set.memory()?;
                replica::told(&[&address.to_le_bytes()], object, |bytes| memory.signature(bytes))
            }
        }
    }

    /// What was found in another of them.
    #[must_use]
    pub fn known(&self, signature: Signature) -> Option<Arc<OfAlike>> {
        self.copies.judged.get(signature)
    }

    /// This was found by rules that nothing but what they have in common decides.
    pub fn keep(&self, signature: Signature, known: OfAlike) {
        let bytes = known.bytes();
        self.copies.judged.keep(signature, Arc::new(known), bytes);
    }

    /// What the API server finds when it validates this one, or has found in another of them; `validate` asks it.
    #[must_use]
    pub fn validated(
        &self,
        signature: Signature,
        object: NodeRef<'_>,
        validate: impl FnOnce() -> Findings,
    ) -> Findings {
        if let Some(known) = self.copies.validated.get(signature) {
            return known.iter().map(|recalled| recalled.told_of(object)).collect();
        }
        let found = validate();
        let known: Arc<[Recalled]> = found.iter().map(Recalled::from).collect();
        let bytes = known.iter().map(Recalled::bytes).sum();
        self.copies.validated.keep(signature, known, bytes);
        found
    }
}
