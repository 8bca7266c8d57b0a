//! Parts of an object in short, all of them told by one walk over it.
//!
//! ```text
//! parts ─▶ one tree of steps for each variable          (when rules of a kind are planned)
//! object ─ one walk along the trees ─▶ for each part a digest of what is there
//! ```

use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use super::by_name::ByName;
use crate::cel::reads::Part;
use crate::check::{PartOf, ROOTS, content};
use crate::document::NodeRef;

/// Half a digest each.
pub(super) type Halves = [u64; 2];

/// Parts, by their numbers.
#[derive(Debug)]
pub(super) struct Parts {
    trees: [Steps; ROOTS.len()],
    count: usize,
}

/// A place that ways to parts go through.
#[derive(Debug, Default)]
struct Steps {
    members: ByName<Steps>,
    each: Option<Box<Steps>>,
    /// The part that is all of what is here, and the one that is how many there are and their names.
    whole: Option<u32>,
    shape: Option<u32>,
    /// The part that is of what type it is.
    kind: Option<u32>,
    /// Parts that are whether a member is here; of a list, all of it.
    within: Vec<(Box<str>, u32)>,
    /// All parts that lie here or further down.
    all: Vec<u32>,
}

impl Parts {
    /// With numbers from 0 on.
    pub(super) fn of<'p>(parts: impl Iterator<Item = (&'p PartOf, u32)>) -> Self {
        let (mut trees, mut count): ([Steps; ROOTS.len()], _) = (Default::default(), 0);
        for (part, number) in parts {
            trees[part.root].add(&part.steps, number);
            count += 1;
        }
        trees.iter_mut().for_each(Steps::shrink);
        Self { trees, count }
    }

    /// What is there of an object, given by its [`ROOTS`], for each part; `None` where that is not known.
    pub(super) fn digests(
        &self,
        roots: [Option<NodeRef<'_>>; ROOTS.len()],
        key: &Key,
    ) -> Vec<Option<Halves>> {
        let fresh = PartDigest { hasher: key.hasher, absent_at: None, begun: false, unknown: false };
        let mut walk = Walk { told: vec![fresh; self.count], bytes: Vec::with_capacity(512) };
        for (steps, root) in self.trees.iter().zip(roots) {
            walk.down(steps, root, 0);
        }
        walk.told.iter().map(|told| told.digest(key)).collect()
    }
}

impl Steps {
    fn add(&mut self, steps: &[Part], number: u32) {
        self.all.push(number);
        match steps.split_first() {
            None => self.whole = Some(number),
            Some((Part::Key(key), rest)) => self.members.entry(key).add(rest, number),
            Some((Part::Each, rest)) => self.each.get_or_insert_default().add(rest, number),
            Some((Part::Shape, _)) => self.shape = Some(number),
            Some((Part::Kind, _)) => self.kind = Some(number),
            Some((Part::In(key), _)) => self.within.push((key.as_ref().into(), number)),
        }
    }

    /// Gives back the room that was left for more.
    fn shrink(&mut self) {
        self.all.shrink_to_fit();
        self.within.shrink_to_fit();
        self.members.shrink();
        self.members.values_mut().chain(self.each.as_deref_mut()).for_each(Self::shrink);
    }
}

/// The secret of a table: nobody without it can make two objects that are told alike.
pub(super) struct Key {
    hasher: SipHasher13,
    /// Of parts that are absent, by how far the way to them goes.
    absent: [Halves; 16],
}

impl Key {
    pub(super) fn new(secret: &[u8; 16]) -> Self {
        let hasher = SipHasher13::new_with_key(secret);
        let absent = std::array::from_fn(|depth| {
            let mut hasher = hasher;
            hasher.write_u8(mark::ABSENT);
            hasher.write_usize(depth);
            halves(&hasher)
        });
        Self { hasher, absent }
    }

    pub(super) fn digest(&self, bytes: &[u8]) -> Halves {
        let mut hasher = self.hasher;
        hasher.write(bytes);
        halves(&hasher)
    }
}

fn halves(hasher: &SipHasher13) -> Halves {
    let digest = hasher.finish128();
    [digest.h1, digest.h2]
}

/// How what is there is told apart from what is written of it.
mod mark {
    pub(super) const ABSENT: u8 = 0;
    pub(super) const WHOLE: u8 = 1;
    pub(super) const MEMBERS: u8 = 2;
    pub(super) const ITEMS: u8 = 3;
    pub(super) const PRESENT: u8 = 4;
    pub(super) const KIND: u8 = 5;
}

/// What was told of one part so far.
#[derive(Clone, Copy)]
struct PartDigest {
    hasher: SipHasher13,
    /// Nothing but that it is absent, after so many steps.
    absent_at: Option<usize>,
    begun: bool,
    unknown: bool,
}

impl PartDigest {
    fn mark(&mut self, mark: u8, count: usize) {
        self.begun = true;
        self.hasher.write_u64((count as u64) << 8 | u64::from(mark));
    }

    fn digest(&self, key: &Key) -> Option<Halves> {
        if self.unknown {
            return None;
        }
        match self.absent_at.filter(|_| !self.begun) {
            Some(depth) => key.absent.get(depth).copied(),
            None => Some(halves(&self.hasher)),
        }
    }
}

struct Walk {
    told: Vec<PartDigest>,
    bytes: Vec<u8>,
}

impl Walk {
    fn of(&mut self, number: u32) -> &mut PartDigest {
        &mut self.told[number as usize]
    }

    fn absent(&mut self, numbers: &[u32], depth: usize) {
        for number in numbers {
            let told = self.of(*number);
            if told.begun {
                told.mark(mark::ABSENT, depth);
            } else {
                told.absent_at = Some(depth);
            }
        }
    }

    /// All of a node: a part, or what stands where the way to parts cannot go on.
    fn whole(&mut self, numbers: &[u32], node: NodeRef<'_>, depth: usize) {
        self.bytes.clear();
        let known = content(node, &mut self.bytes);
        for number in numbers {
            let told = &mut self.told[*number as usize];
            told.mark(mark::WHOLE, depth);
            told.mark(mark::WHOLE, self.bytes.len());
            told.hasher.write(&self.bytes);
            told.unknown |= !known;
        }
    }

    fn names(&mut self, numbers: &[u32], node: NodeRef<'_>) {
        for (key, _) in node.members() {
            for number in numbers {
                let told = self.of(*number);
                told.mark(mark::MEMBERS, key.len());
                told.hasher.write(key.as_bytes());
            }
        }
    }

    /// Ways are as long as expressions, and so is the recursion.
    fn down(&mut self, steps: &Steps, node: Option<NodeRef<'_>>, depth: usize) {
        let Some(node) = node else { return self.absent(&steps.all, depth) };
        if let Some(number) = steps.whole {
            self.whole(&[number], node, depth);
        }
        self.counted(steps, node, depth);
        self.each(steps, node, depth);
        if steps.members.is_empty() {
            return;
        }
        if !node.is_object() {
            steps.members.values().for_each(|below| self.whole(&below.all, node, depth));
            return;
        }
        // of the first 64, in the order in which they are met, whether they are there
        let (mut met, mut count) = (0_u64, 0);
        for (key, value) in node.members() {
            if let Some((below, number)) = steps.members.get(key) {
                met |= 1_u64.checked_shl(number).unwrap_or(0);
                count += 1;
                self.down(below, Some(value), depth + 1);
            }
        }
        if count == steps.members.len() {
            return;
        }
        for (name, below, number) in steps.members.entries() {
            let is_there = if number < 64 { met & 1 << number != 0 } else { node.get(name).is_some() };
            if !is_there {
                self.absent(&below.all, depth + 1);
            }
        }
    }

    /// How many there are, and whether some members are among them.
    fn counted(&mut self, steps: &Steps, node: NodeRef<'_>, depth: usize) {
        for number in [steps.shape, steps.kind].into_iter().flatten() {
            match (node.is_array(), node.is_object()) {
                (true, _) => self.of(number).mark(mark::ITEMS, node.len()),
                (_, true) => {
                    self.of(number).mark(mark::MEMBERS, node.len());
                    self.names(&[number], node);
                }
                _ if steps.kind == Some(number) => {
                    let told = self.of(number);
                    told.mark(mark::KIND, node.kind() as usize);
                    told.unknown |= node.is_unknown();
                }
                _ => self.whole(&[number], node, depth),
            }
        }
        for (name, number) in &steps.within {
            match node.is_object() {
                true if node.get(name).is_some() => self.of(*number).mark(mark::PRESENT, depth),
                true => self.absent(&[*number], depth + 1),
                false => self.whole(&[*number], node, depth),
            }
        }
    }

    fn each(&mut self, steps: &Steps, node: NodeRef<'_>, depth: usize) {
        let Some(below) = &steps.each else { return };
        if node.is_array() {
            below.all.iter().for_each(|number| self.of(*number).mark(mark::ITEMS, node.len()));
            node.items().for_each(|item| self.down(below, Some(item), depth + 1));
        } else if node.is_object() {
            below.all.iter().for_each(|number| self.of(*number).mark(mark::MEMBERS, node.len()));
            self.names(&below.all, node);
            node.members().for_each(|(_, value)| self.down(below, Some(value), depth + 1));
        } else {
            self.whole(&below.all, node, depth);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    fn key(key: &str) -> Part {
        Part::Key(key.into())
    }

    fn told(parts: &[&[Part]], object: NodeRef<'_>) -> Vec<Option<Halves>> {
        let parts: Vec<PartOf> =
            parts.iter().map(|steps| PartOf { root: 0, steps: steps.to_vec() }).collect();
        let parts = Parts::of(parts.iter().zip(0..));
        parts.digests([Some(object), None, None], &Key::new(b"a secret of tests"[..16].try_into().unwrap()))
    }

    /// Which of some objects cannot be told apart by a part of theirs, be it alone or told beside others.
    fn same(steps: &[Part], objects: &str) -> Vec<(usize, usize)> {
        let document = Document::from_json(objects, Limits { depth: 20, nodes: 1000 }).unwrap();
        let (a, x) = (key("a"), key("x"));
        let others: [&[Part]; 5] = [
            &[],
            std::slice::from_ref(&a),
            &[a.clone(), x.clone()],
            &[a.clone(), Part::Each],
            &[x, a.clone()],
        ];
        let others = others.into_iter().filter(|other| *other != steps);
        let beside: Vec<&[Part]> = [steps].into_iter().chain(others).collect();
        let mut all = Vec::new();
        for object in document.root().items() {
            let alone = told(&[steps], object)[0].unwrap();
            assert_eq!(alone, told(&beside, object)[0].unwrap());
            all.push(alone);
        }
        let pairs = (0..all.len()).flat_map(|a| (0..a).map(move |b| (b, a)));
        pairs.filter(|(a, b)| all[*a] == all[*b]).collect()
    }

    #[test]
    fn what_is_told_apart() {
        let objects = r#"[
            {}, {"a": null}, {"a": 1}, {"a": 1, "b": 2}, {"a": "1"}, {"a": []}, {"a": [{}]}, {"a": [{"x": 1, "y": 2}]},
            {"a": [{"y": 3, "x": 1}]}, {"a": {"x": 1}}, {"a": {"x": 2}}, {"a": {"k": {"x": 1}}}, {"a": [1]}, [], "a"
        ]"#;
        // what lies beside the part is not looked at
        assert_eq!(same(&[key("a")], objects), [(2, 3)]);
        let without_b = [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        let pairs = (0..12).flat_map(|a| (0..a).map(move |b| (without_b[b], without_b[a])));
        assert_eq!(same(&[key("b")], objects), pairs.collect::<Vec<_>>());
        assert_eq!(same(&[key("a"), Part::Each, key("x")], objects), [(2, 3), (7, 8)]);
        let one_item = [(6, 7), (6, 8), (7, 8)];
        let shapes = [&[(2, 3)][..], &one_item, &[(9, 10)], &[(6, 12), (7, 12), (8, 12)]].concat();
        assert_eq!(same(&[key("a"), Part::Shape], objects), shapes);
        let kinds = [(2, 3), (6, 7), (6, 8), (7, 8), (9, 10), (6, 12), (7, 12), (8, 12)];
        assert_eq!(same(&[key("a"), Part::Kind], objects), kinds);
        assert_eq!(
            same(&[key("a"), Part::Kind], r#"[{"a": "x"}, {"a": "y"}, {"a": 1}, {"a": null}, {}]"#),
            [(0, 1)]
        );
        assert_eq!(same(&[key("a"), Part::In("x".into())], objects), [(2, 3), (9, 10)]);
        assert_eq!(same(&[], objects), []);
    }

    #[test]
    fn what_is_absent_is_told_by_where_the_way_ends() {
        let objects = r#"[{}, {"a": {}}, {"a": {"b": {}}}, {"a": {"b": {"c": null}}}, {"a": 1}, {"d": 1}]"#;
        assert_eq!(same(&[key("a"), key("b"), key("c")], objects), [(0, 5)]);
    }

    #[test]
    fn what_is_not_known_is_not_told() {
        let mut document = Document::from_json(r#"{"a": {"b": "$(X)"}, "c": 1}"#, Limits::default()).unwrap();
        document.mark_unknown(|text, _| text == "$(X)");
        let parts: [&[Part]; 4] = [&[key("c")], &[key("a")], &[key("a"), key("b")], &[]];
        let known: Vec<bool> = told(&parts, document.root()).iter().map(Option::is_some).collect();
        assert_eq!(known, [true, false, false, false]);
    }
}
