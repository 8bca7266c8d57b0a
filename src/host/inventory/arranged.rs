//! The objects of an input in the order of their files, by their keys, and which of them say the same.

use std::ops::Range;

use super::super::ObjectKey;
use super::super::index::Entry;
use super::super::levels::Layout;
use super::{Axis, Map, Pairs, TemplatePaths, number};
use crate::document::NodeId;

/// Where an object stands among the others.
#[derive(Debug, Clone, Copy)]
pub(in crate::host) struct Placed {
    /// Which of those that were added it is.
    added: u32,
    /// How many objects of its file it stands for.
    pub(in crate::host) copies: u32,
    /// How many of its folder.
    pub(in crate::host) folder_copies: u32,
    /// The last position before it at which something says the same.
    pub(in crate::host) before: Option<u32>,
}

/// The order of the objects.
#[derive(Debug, Clone, Default)]
pub(super) struct Arranged {
    /// By the ranks of their files, without those that say what an earlier one of the same file says.
    placed: Vec<Placed>,
    /// By rank: the first position; one more at the end.
    starts: Vec<u32>,
    /// The positions of those that have a name, sorted by their keys.
    named: Vec<u32>,
}

/// The objects in their order.
#[derive(Debug, Clone, Copy)]
pub(in crate::host) struct Entries<'e, 'd> {
    pub(super) added: &'e [Entry<'d>],
    pub(super) arranged: &'e Arranged,
}

/// Numbers of the keys of objects, in their order and that of the keys.
pub(super) fn numbered(added: &[Entry<'_>]) -> Vec<u32> {
    let key = |at: u32| added[at as usize].key;
    let mut by_key: Vec<u32> = (0..number(added.len())).collect();
    by_key.sort_unstable_by_key(|at| key(*at));
    let mut numbers = vec![0; added.len()];
    for (number, of_one) in (0..).zip(by_key.chunk_by(|a, b| key(*a) == key(*b))) {
        of_one.iter().for_each(|at| numbers[*at as usize] = number);
    }
    numbers
}

impl Arranged {
    /// Of these objects, with the [numbers of their keys](numbered).
    pub(super) fn of(added: &[Entry<'_>], keys: &[u32], layout: &Layout) -> Self {
        let mut order: Vec<u32> = (0..number(added.len())).collect();
        order.sort_by_key(|at| layout.rank(added[*at as usize].file as usize));
        let entry = |at: u32| &added[order[at as usize] as usize];
        let key = |at: u32| keys[order[at as usize] as usize];
        let mut by_key: Vec<u32> = (0..number(order.len())).collect();
        by_key.sort_unstable_by_key(|at| (key(*at), *at));
        let place = |added: &u32| Placed { added: *added, copies: 1, folder_copies: 1, before: None };
        let mut placed: Vec<Placed> = order.iter().map(place).collect();
        let mut likes = Likes::default();
        for of_one in by_key.chunk_by(|a, b| key(*a) == key(*b)).filter(|all| all.len() > 1) {
            likes.by_digest.clear();
            likes.digests.clear();
            likes.size(of_one.iter().map(|at| entry(*at)));
            for at in of_one {
                if likes.may_be_like(entry(*at)) {
                    note_copy(&mut placed, *at, (&entry, layout), &mut likes);
                }
            }
        }
        // where each of those that stay comes to stand
        let mut count = 0;
        let positions = placed.iter().map(|placed| {
            let position = count;
            count += u32::from(placed.copies > 0);
            position
        });
        let positions: Vec<u32> = positions.collect();
        let mut starts = Vec::new();
        for at in (0..number(placed.len())).filter(|at| placed[*at as usize].copies > 0) {
            while number(starts.len()) <= layout.rank(entry(at).file as usize) {
                starts.push(positions[at as usize]);
            }
        }
        starts.push(count);
        let is_named = |at: &u32| placed[*at as usize].copies > 0 && !entry(*at).key.name.is_empty();
        let mut named = by_key;
        named.retain(is_named);
        named.iter_mut().for_each(|at| *at = positions[*at as usize]);
        placed.retain(|placed| placed.copies > 0);
        for before in placed.iter_mut().filter_map(|placed| placed.before.as_mut()) {
            *before = positions[*before as usize];
        }
        named.shrink_to_fit();
        placed.shrink_to_fit();
        Self { placed, starts, named }
    }

    /// The positions of what has these ranks.
    pub(super) fn positions(&self, ranks: Range<u32>) -> Range<u32> {
        let last = self.starts.len().saturating_sub(1);
        let start = |rank: u32| self.starts.get((rank as usize).min(last)).copied().unwrap_or_default();
        start(ranks.start)..start(ranks.end)
    }

    pub(super) fn len(&self) -> u32 {
        number(self.placed.len())
    }
}

/// Entries that say the same.
#[derive(Debug, Clone, Copy)]
struct Like {
    last: u32,
    /// The first one of the last one's folder.
    in_folder: u32,
}

/// Those with one key.
#[derive(Default)]
struct Likes {
    by_digest: Map<u64, Like>,
    /// By the node that an object is, which may be the one of others.
    digests: Map<(usize, NodeId), u64>,
    /// How many nodes each of them is, sorted; nothing, where that is not known of all.
    sizes: Vec<usize>,
}

impl Likes {
    fn size<'e, 'd: 'e>(&mut self, entries: impl Iterator<Item = &'e Entry<'d>> + Clone) {
        self.sizes.clear();
        if entries.clone().all(|entry| entry.said.is_none()) {
            self.sizes.extend(entries.map(|entry| entry.object.root.subtree_len()));
            self.sizes.sort_unstable();
        }
    }

    /// Whether another one is as large: most objects are told apart by that.
    fn may_be_like(&self, entry: &Entry<'_>) -> bool {
        let own = entry.object.root.subtree_len();
        let first = self.sizes.partition_point(|size| *size < own);
        self.sizes.is_empty() || self.sizes.get(first + 1) == Some(&own)
    }
}

/// Takes the next object with a key of others: what says the same in the same file is counted, and stands for nothing itself;
/// the others that say the same know of each other, for asking many copies one question would cost the square of the
/// copies, and tell nothing new.
fn note_copy<'e, 'd: 'e>(
    placed: &mut [Placed],
    at: u32,
    (entry, layout): (&impl Fn(u32) -> &'e Entry<'d>, &Layout),
    likes: &mut Likes,
) {
    let own = entry(at);
    let digest = *likes.digests.entry(own.node()).or_insert_with(|| own.digest());
    let like = likes.by_digest.entry(digest).or_insert(Like { last: at, in_folder: at });
    let before = like.last;
    if before == at || !entry(before).says_the_same(own) {
        *like = Like { last: at, in_folder: at };
        return;
    }
    let folder = |at: u32| layout.folder_of(entry(at).file as usize);
    if folder(before) != folder(at) {
        like.in_folder = at;
    } else if own.key.name.is_empty() {
        placed[like.in_folder as usize].folder_copies += 1;
    }
    if entry(before).file != own.file {
        like.last = at;
        placed[at as usize].before = Some(before);
        return;
    }
    placed[at as usize].copies = 0;
    if own.key.name.is_empty() {
        placed[before as usize].copies += 1;
    }
}

impl<'e, 'd> Entries<'e, 'd> {
    /// The object at a position.
    pub(in crate::host) fn get(&self, position: u32) -> Option<(&'e Entry<'d>, &'e Placed)> {
        let placed = self.arranged.placed.get(position as usize)?;
        Some((self.added.get(placed.added as usize)?, placed))
    }

    /// All of them, with their positions.
    pub(in crate::host) fn iter(self) -> impl Iterator<Item = (u32, &'e Entry<'d>)> {
        (0..self.arranged.len()).filter_map(move |at| Some((at, self.get(at)?.0)))
    }

    fn key(&self, position: u32) -> Option<ObjectKey<'d>> {
        self.get(position).map(|(entry, _)| entry.key)
    }

    /// The positions of those that have names, sorted by their keys: all forms of one object after the other.
    pub(super) fn named(&self) -> &'e [u32] {
        &self.arranged.named
    }

    /// Where the names begin that are not before this key.
    pub(super) fn from(&self, key: &ObjectKey<'_>) -> usize {
        self.named().partition_point(|at| self.key(*at) < Some(*key))
    }

    /// All forms of the object whose first form is at this place of the names, and its key.
    pub(super) fn forms(&self, first: usize) -> Option<(ObjectKey<'d>, &'e [u32])> {
        let rest = self.named().get(first..)?;
        let key = self.key(*rest.first()?)?;
        // most have one
        let count = match rest.get(1) {
            Some(next) if self.key(*next) == Some(key) => {
                rest.partition_point(|other| self.key(*other) == Some(key))
            }
            _ => 1,
        };
        Some((key, &rest[..count]))
    }

    /// The objects by the labels that one of their forms has: the places of their first forms among the names.
    pub(super) fn by_label(&self) -> Map<(&'d str, &'d str), Pairs<&'d str>> {
        let none = TemplatePaths::default();
        let mut labelled: Map<_, Pairs<&str>> = Map::default();
        let mut first = 0;
        while let Some((key, forms)) = self.forms(first) {
            let labels = labelled.entry((key.group, key.kind)).or_default();
            for (entry, _) in forms.iter().filter_map(|at| self.get(*at)) {
                for (key, value) in Axis::Labels.pairs(entry.object.root, &none).into_iter().flatten() {
                    labels.add(key, value, number(first));
                }
            }
            first += forms.len();
        }
        labelled
    }
}
