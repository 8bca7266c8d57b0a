//! Things that are kept once, however often they come, and told by a number.

use std::hash::{BuildHasher as _, Hash};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// What is kept once: it is looked for by what it says before it is made.
pub(super) trait Kept {
    /// What tells it from others.
    type Says<'k>: Hash
    where
        Self: 'k;

    fn says(&self) -> Self::Says<'_>;

    fn is(&self, says: &Self::Says<'_>) -> bool;
}

/// Things that are kept once, by their numbers.
#[derive(Debug)]
pub(super) struct Numbered<T> {
    pub(super) all: Vec<T>,
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
    pub(super) fn number(&mut self, says: &T::Says<'_>, make: impl FnOnce() -> T) -> u32 {
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

    /// The thing of this number.
    pub(super) fn get(&self, number: u32) -> &T {
        &self.all[number as usize]
    }
}
