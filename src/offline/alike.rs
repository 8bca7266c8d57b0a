//! Which objects of an input are the same in all but where they are written.
//!
//! Repositories that keep what is rendered for each of their clusters hold most of it many times; whole files, mostly, and
//! objects among others. What rules find in one of them they find in all, unless it depends on more than the object.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use rayon::prelude::*;

use crate::document::NodeRef;
use crate::host::inventory::digest;
use crate::manifest::Inventory;
use crate::resource::identity::Identity;

type Map<K, V> = HashMap<K, V, RandomState>;

/// Which objects of an input are the same.
#[derive(Debug, Default)]
pub(super) struct Alike {
    /// By manifest: the first of those that are the same; empty, where there are no two of one name.
    firsts: Vec<u32>,
    /// The first ones of which there are several, sorted.
    several: Vec<u32>,
}

impl Alike {
    /// Of the objects of an input that are judged, and what they call themselves.
    pub(super) fn among<'i>(inventory: &'i Inventory<'i>, identities: &[Identity<'i>]) -> Self {
        let mut named: Map<_, bool> = Map::with_capacity_and_hasher(identities.len(), RandomState::default());
        for identity in identities {
            named.entry(identity.key()).and_modify(|several| *several = true).or_insert(false);
        }
        if !named.values().any(|several| *several) {
            return Self::default();
        }
        // equal for objects that are the same
        let told = |(index, identity): (usize, &Identity<'i>)| {
            let is_first = inventory.first_like(index) == index && inventory.is_as_written(index);
            let is_asked = is_first && named.get(&identity.key()) == Some(&true);
            is_asked.then(|| digest(inventory.judged(index)))
        };
        let told: Vec<Option<u64>> = identities.par_iter().enumerate().map(told).collect();
        let mut last: Map<u64, u32> = Map::default();
        let (mut firsts, mut several): (Vec<u32>, Vec<u32>) = (Vec::with_capacity(told.len()), Vec::new());
        for (index, told) in told.into_iter().enumerate() {
            let own = index as u32;
            let first = match told {
                None => firsts.get(inventory.first_like(index)).copied().unwrap_or(own),
                Some(told) => {
                    let before = *last.entry(told).or_insert(own);
                    let object = |index: u32| -> NodeRef<'i> { inventory.judged(index as usize) };
                    // what is not the same and has the digest takes its place: nobody can make one be compared with many
                    if before == own || object(before).says_what(object(own)) {
                        before
                    } else {
                        last.insert(told, own);
                        own
                    }
                }
            };
            if first != own {
                several.push(first);
            }
            firsts.push(first);
        }
        several.sort_unstable();
        several.dedup();
        several.shrink_to_fit();
        Self { firsts, several }
    }

    /// The number that a manifest has in common with others that are the same; `None` where there are none.
    pub(super) fn number(&self, index: usize) -> Option<usize> {
        let first = *self.firsts.get(index)?;
        self.several.binary_search(&first).is_ok().then_some(first as usize)
    }
}
