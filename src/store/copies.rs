//! What was found in objects of which an input has several.
//!
//! Unlike what is remembered of objects that are [like each other](super::memory) in what a rule reads, nothing of them is other
//! but where they are written: fingerprints and fixes neither. So only what depends on more than the object is judged for each.

use std::fmt;
use std::sync::Arc;

use super::memory::{OfAlike, Signature};
use super::remembered::{Room, Table};
use super::set::PolicySet;

/// What the findings of a run's copies may take; a finding is some 500 bytes. What there is no room for is judged again.
const ROOM: Room = Room { places: 1 << 14, bytes: 32 << 20, bytes_of_one: 1 << 20 };

/// What was found in the objects of an input that are there several times.
pub struct Copies(Table<Arc<OfAlike>>);

impl Default for Copies {
    fn default() -> Self {
        Self(Table::new(ROOM))
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
    /// The number that they have in common.
    pub number: usize,
}

impl CopyOf<'_> {
    /// What tells the objects from others, for the rules of this set, which lives as long as the copies are judged.
    #[must_use]
    pub fn signature(&self, set: &PolicySet) -> Signature {
        Signature::of_numbers(self.number as u64, std::ptr::from_ref(set).addr() as u64)
    }

    /// What was found in another of them.
    #[must_use]
    pub fn known(&self, signature: Signature) -> Option<Arc<OfAlike>> {
        self.copies.0.get(signature)
    }

    /// This was found by rules that nothing but the object decides.
    pub fn keep(&self, signature: Signature, known: OfAlike) {
        let bytes = known.bytes();
        self.copies.0.keep(signature, Arc::new(known), bytes);
    }
}
