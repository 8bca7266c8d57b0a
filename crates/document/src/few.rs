//! Sorting and gathering of few things, by code that all types share.
//!
//! The standard library's stable sort is made anew for each type and each comparison, some six kilobytes of program each time,
//! and `collect` into a `BTreeMap` sorts, too. Here places are sorted, and things are moved afterwards. Where millions are
//! sorted, the library's is faster.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Stable sorting of a short slice.
pub trait SortFew<T> {
    /// As [`sort_by`](slice::sort_by).
    fn sort_few_by(&mut self, compare: impl FnMut(&T, &T) -> Ordering);

    /// As [`sort_by_key`](slice::sort_by_key).
    fn sort_few_by_key<K: Ord>(&mut self, key: impl Fn(&T) -> K) {
        self.sort_few_by(|one, other| key(one).cmp(&key(other)));
    }
}

impl<T> SortFew<T> for [T] {
    fn sort_few_by(&mut self, mut compare: impl FnMut(&T, &T) -> Ordering) {
        let mut order = order(self.len(), &mut |one, other| compare(&self[one], &self[other]));
        for first in 0..order.len() {
            // places that hand their things on in a circle, each of them once; what lay at the first travels along
            let mut at = first;
            loop {
                let from = std::mem::replace(&mut order[at], at);
                if from == first {
                    break;
                }
                self.swap(at, from);
                at = from;
            }
        }
    }
}

/// Which of the places comes first, second and so on; nothing where they are in order.
fn order(count: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    if (1..count).all(|at| compare(at - 1, at).is_le()) {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|one, other| compare(*one, *other));
    order
}

/// Gathering of a small map.
pub trait GatherFew<K, V> {
    /// As `collect`: of equal keys the last value stays.
    fn gather(self) -> BTreeMap<K, V>;
}

impl<K: Ord, V, I: Iterator<Item = (K, V)>> GatherFew<K, V> for I {
    fn gather(self) -> BTreeMap<K, V> {
        let mut map = BTreeMap::new();
        for (key, value) in self {
            map.insert(key, value);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_as_the_library_does() {
        // a small generator is as random as this needs
        let mut state = 1_u32;
        let mut next = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % below
        };
        for count in 0..60 {
            let items: Vec<(u32, u32)> = (0..count).map(|at| (next(8), at)).collect();
            // the last first, too: all of them move by one place, in one circle
            let mut rotated: Vec<(u32, u32)> = (1..count).map(|at| (at, 0)).collect();
            rotated.extend((count > 0).then_some((0, 0)));
            for items in [items, rotated] {
                let (mut ours, mut theirs) = (items.clone(), items);
                ours.sort_few_by_key(|item| item.0);
                theirs.sort_by_key(|item| item.0);
                assert_eq!(ours, theirs);
            }
        }
    }

    /// Whatever order they are in: moving them one place at a time would take hours for so many.
    #[test]
    fn moves_each_thing_once() {
        let mut rotated: Vec<u32> = (1..2_000_000).chain([0]).collect();
        rotated.sort_few_by_key(|item| *item);
        assert!(rotated.is_sorted());
    }

    #[test]
    fn the_last_of_equal_keys_stays() {
        let entries = [("b", 1), ("a", 2), ("b", 3)];
        assert_eq!(entries.into_iter().gather(), entries.into_iter().collect());
    }
}
