//! Which objects of an input are the same in all but where they are written, and which may be but for their names.
//!
//! Repositories that keep what is rendered for each of their clusters hold most of it many times; whole files, mostly, and
//! objects among others, some by another name. What rules find in one of them they find in all, unless it depends on more than
//! what they have in common.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use rayon::prelude::*;

use crate::document::NodeRef;
use crate::host::inventory::digest_but_for_name;
use crate::manifest::Inventory;
use crate::resource::identity::{Identity, ObjectKey};
use crate::store::copies::Common;

type Map<K, V> = HashMap<K, V, RandomState>;

/// Which objects of an input are the same.
#[derive(Debug, Default)]
pub(super) struct Alike {
    /// By manifest: the first of those that are the same; empty, where there are no two of one name.
    firsts: Vec<u32>,
    /// The first ones of which there are several, sorted.
    several: Vec<u32>,
    /// By manifest: whether another one may be a [replica](crate::store::replica) of it.
    namesakes: Vec<bool>,
}

impl Alike {
    /// Of the objects of an input that are judged, and what they call themselves.
    pub(super) fn among<'i>(inventory: &'i Inventory<'i>, identities: &[Identity<'i>]) -> Self {
        let mut named: Map<_, bool> = Map::with_capacity_and_hasher(identities.len(), RandomState::default());
        for identity in identities {
            named.entry(identity.key()).and_modify(|several| *several = true).or_insert(false);
        }
        let is_named_as_another = |index: usize| {
            let is_first = inventory.first_like(index) == index && inventory.is_as_written(index);
            is_first && named.get(&identities[index].key()) == Some(&true)
        };
        let digests = digests(inventory);
        let namesakes = namesakes(&digests);
        if !named.values().any(|several| *several) {
            return Self { namesakes, ..Self::default() };
        }
        let mut last: Map<(ObjectKey<'i>, u64), u32> = Map::default();
        let (mut firsts, mut several): (Vec<u32>, Vec<u32>) = (Vec::with_capacity(digests.len()), Vec::new());
        for (index, digest) in digests.into_iter().enumerate() {
            let own = index as u32;
            let first = match digest.filter(|_| is_named_as_another(index)) {
                None => firsts.get(inventory.first_like(index)).copied().unwrap_or(own),
                Some(digest) => {
                    let told = (identities[index].key(), digest);
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
        Self { firsts, several, namesakes }
    }

    /// What a manifest has in common with others; `None` where there are none.
    pub(super) fn common(&self, index: usize) -> Option<Common> {
        let all = || {
            let first = *self.firsts.get(index)?;
            self.several.binary_search(&first).is_ok().then_some(Common::All(first as usize))
        };
        let but_for_names = || self.namesakes.get(index)?.then_some(Common::ButForNames);
        all().or_else(but_for_names)
    }
}

/// Of each object that is one of several of its size and kind: equal for those that are the same but for their names.
fn digests<'i>(inventory: &'i Inventory<'i>) -> Vec<Option<u64>> {
    let count = inventory.manifests().len();
    // most objects are told apart by what takes no look into them
    let size = |index: usize| {
        let object = inventory.judged(index);
        (object.subtree_len(), object.get_str("kind"))
    };
    let mut sizes: Map<_, bool> = Map::with_capacity_and_hasher(count, RandomState::default());
    for index in (0..count).filter(|index| inventory.first_like(*index) == *index) {
        sizes.entry(size(index)).and_modify(|several| *several = true).or_insert(false);
    }
    let told = |index: usize| {
        let is_asked = inventory.first_like(index) == index && sizes.get(&size(index)) == Some(&true);
        is_asked.then(|| digest_but_for_name(inventory.judged(index)))
    };
    (0..count).into_par_iter().map(told).collect()
}

/// Of each object, whether there may be another one that is the same but for its name: who judges them compares what the API
/// server makes of them.
fn namesakes(digests: &[Option<u64>]) -> Vec<bool> {
    let mut met: Map<u64, bool> = Map::with_capacity_and_hasher(digests.len(), RandomState::default());
    for digest in digests.iter().flatten() {
        met.entry(*digest).and_modify(|several| *several = true).or_insert(false);
    }
    digests.iter().map(|digest| digest.is_some_and(|digest| met[&digest])).collect()
}
