//! The index of both hosts: positions by pairs, such as a label and its value.
//!
//! Names are `&str` where documents outlive the index (files), and `Box<str>` where they come and go (mirrors).

use std::borrow::Borrow;
use std::hash::Hash;

use super::Map;

/// Positions by pairs; in each bucket in order, so that what is found is in that order too.
#[derive(Debug, Clone)]
pub struct Pairs<K>(Map<K, Map<K, Vec<u32>>>);

impl<K> Default for Pairs<K> {
    fn default() -> Self {
        Self(Map::default())
    }
}

impl<K: Hash + Eq + Borrow<str>> Pairs<K> {
    /// Adds a position under a pair; names are made only where they are new.
    pub fn add<N>(&mut self, key: N, value: N, position: u32)
    where
        N: AsRef<str> + Into<K>,
    {
        if !self.0.contains_key(key.as_ref()) {
            self.0.insert(key.into(), [(value.into(), vec![position])].into_iter().collect());
            return;
        }
        let Some(values) = self.0.get_mut(key.as_ref()) else { return };
        match values.get_mut(value.as_ref()) {
            Some(bucket) => {
                if let Err(at) = bucket.binary_search(&position) {
                    bucket.insert(at, position);
                }
            }
            None => {
                values.insert(value.into(), vec![position]);
            }
        }
    }

    /// Takes a position out of the bucket of a pair.
    pub fn remove(&mut self, (key, value): (&str, &str), position: u32) {
        let Some(values) = self.0.get_mut(key) else { return };
        let Some(bucket) = values.get_mut(value) else { return };
        if let Ok(at) = bucket.binary_search(&position) {
            bucket.remove(at);
        }
        if bucket.is_empty() {
            values.remove(value);
        }
        if values.is_empty() {
            self.0.remove(key);
        }
    }

    /// What has a pair.
    #[must_use]
    pub fn get(&self, (key, value): (&str, &str)) -> &[u32] {
        self.0.get(key).and_then(|values| values.get(value)).map_or(&[], Vec::as_slice)
    }

    /// What may have all of the pairs: the smallest bucket of one; `None` where there are no pairs.
    #[must_use]
    pub fn smallest(&self, pairs: &[(&str, &str)]) -> Option<&[u32]> {
        pairs.iter().map(|pair| self.get(*pair)).min_by_key(|bucket| bucket.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rarest_pair_answers_and_what_is_gone_leaves_nothing() {
        let mut pairs: Pairs<Box<str>> = Pairs::default();
        for position in [3, 1, 2, 1] {
            pairs.add("tier", "front", position);
        }
        pairs.add("app", "web", 2);
        assert_eq!(pairs.get(("tier", "front")), [1, 2, 3]);
        assert_eq!(pairs.smallest(&[("tier", "front"), ("app", "web")]), Some(&[2][..]));
        assert_eq!(pairs.smallest(&[("tier", "front"), ("app", "api")]), Some(&[][..]));
        assert_eq!(pairs.smallest(&[]), None);
        for position in 1..=3 {
            pairs.remove(("tier", "front"), position);
        }
        pairs.remove(("app", "web"), 2);
        pairs.remove(("app", "web"), 7);
        assert!(pairs.0.is_empty());
    }
}
