//! Which objects of an input have the same name: beside each other, or in one folder.

use std::cmp::Ordering;

use super::super::index::Entry;
use super::super::levels::Layout;
use super::super::{HostObject, ObjectKey, Twins};
use super::number;

/// The objects that reviews are of, and what lists them.
#[derive(Debug, Clone, Default)]
pub(super) struct Subjects {
    /// Which of those that were added they are, in that order.
    added: Vec<u32>,
    /// A subject, and a kustomization that lists it; sorted.
    listed: Vec<(u32, u32)>,
}

/// Subjects by their names.
#[derive(Debug, Clone, Default)]
pub(super) struct Named {
    /// By key, folder and file.
    all: Vec<u32>,
    /// By the number of a key: where those begin that have it; one more at the end.
    starts: Vec<u32>,
    /// A kustomization, and a subject that it lists; by kustomization and key.
    listed: Vec<(u32, u32)>,
}

impl Named {
    /// All that have a key.
    fn with_key(&self, key: u32) -> &[u32] {
        let key = key as usize;
        match (self.starts.get(key), self.starts.get(key + 1)) {
            (Some(from), Some(to)) => &self.all[*from as usize..*to as usize],
            _ => &[],
        }
    }
}

impl Subjects {
    /// Takes what was added last but for this number of others.
    pub(super) fn push(&mut self, added: usize, kustomizations: &[u32]) {
        let position = number(self.added.len());
        self.added.push(number(added));
        self.listed.extend(kustomizations.iter().map(|kustomization| (position, *kustomization)));
    }

    /// Which of those that were added one is.
    pub(super) fn added(&self, position: usize) -> Option<usize> {
        self.added.get(position).map(|added| *added as usize)
    }

    fn listing(&self, position: u32) -> impl Iterator<Item = u32> {
        let from = self.listed.partition_point(|(listed, _)| *listed < position);
        let own = self.listed[from..].iter().take_while(move |(listed, _)| *listed == position);
        own.map(|(_, kustomization)| *kustomization)
    }
}

/// The subjects of an input.
#[derive(Clone, Copy)]
pub(super) struct Beside<'h, 'd> {
    pub(super) subjects: &'h Subjects,
    pub(super) added: &'h [Entry<'d>],
    /// The numbers of their keys.
    pub(super) keys: &'h [u32],
    pub(super) layout: &'h Layout,
    /// Whether all is one folder.
    pub(super) is_one: bool,
}

impl<'h, 'd> Beside<'h, 'd> {
    fn entry(&self, at: u32) -> &'h Entry<'d> {
        &self.added[self.subjects.added[at as usize] as usize]
    }

    fn key(&self, at: u32) -> u32 {
        self.keys[self.subjects.added[at as usize] as usize]
    }

    fn folder(&self, at: u32) -> u32 {
        if self.is_one { 0 } else { self.layout.folder_of(self.entry(at).file as usize) }
    }

    pub(super) fn named(&self) -> Named {
        let is_named = |at: &u32| !self.entry(*at).key.name.is_empty();
        let mut all: Vec<u32> = (0..number(self.subjects.added.len())).filter(is_named).collect();
        all.sort_unstable_by_key(|at| (self.key(*at), self.folder(*at), self.entry(*at).file, *at));
        let mut starts = Vec::new();
        for (place, at) in (0..).zip(&all) {
            let begun = self.key(*at) as usize + 1;
            starts.resize(begun.max(starts.len()), place);
        }
        starts.push(number(all.len()));
        starts.shrink_to_fit();
        let listed = self.subjects.listed.iter().filter(|(at, _)| is_named(at));
        let mut listed: Vec<(u32, u32)> = listed.map(|(at, kustomization)| (*kustomization, *at)).collect();
        listed.sort_unstable_by_key(|(kustomization, at)| (*kustomization, self.key(*at), *at));
        Named { all, starts, listed }
    }

    /// The others that have the name of a subject: in its file, or that a kustomization lists beside it; with `folder`, those
    /// that are in its folder and neither of these.
    pub(super) fn twins(&self, named: &Named, own: u32, most: usize, folder: bool) -> Twins<'d> {
        let Entry { key: ObjectKey { name, .. }, file, object, .. } = *self.entry(own);
        if name.is_empty() {
            return Twins::default();
        }
        let key = self.key(own);
        let alike = named.with_key(key);
        let of_folder = part(alike, |at| self.folder(*at).cmp(&self.folder(own)));
        let in_file = part(of_folder, |at| self.entry(*at).file.cmp(&file));
        let is_in_file = |at: u32| self.entry(at).file == file;
        // to kustomize the version is a part of what an object is
        let version = |object: HostObject<'d>| object.root.get_str("apiVersion");
        let mut listed: Vec<u32> = Vec::new();
        for kustomization in self.subjects.listing(own) {
            let all = part(&named.listed, |(k, at)| (*k, self.key(*at)).cmp(&(kustomization, key)));
            // most list an object once
            if all.len() > in_file.len() {
                let all = all.iter().map(|(_, at)| *at).filter(|at| !is_in_file(*at));
                listed.extend(all.filter(|at| version(self.entry(*at).object) == version(object)));
            }
        }
        listed.sort_unstable();
        listed.dedup();
        let first = |of: &mut dyn Iterator<Item = u32>, most: usize| {
            of.take(most).map(|at| self.entry(at).object).collect()
        };
        if !folder {
            let count = in_file.len() - 1 + listed.len();
            let mut near = in_file.iter().copied().filter(|at| *at != own).chain(listed);
            return Twins { count, first: first(&mut near, most) };
        }
        let known = in_file.len() + listed.iter().filter(|at| self.folder(**at) == self.folder(own)).count();
        let count = of_folder.len().saturating_sub(known);
        let others = of_folder.iter().copied();
        let mut others = others.filter(|at| !is_in_file(*at) && listed.binary_search(at).is_err());
        Twins { count, first: first(&mut others, most.min(count)) }
    }
}

/// The part of a sorted list that is equal.
fn part<T>(sorted: &[T], compare: impl Fn(&T) -> Ordering) -> &[T] {
    let from = sorted.partition_point(|item| compare(item).is_lt());
    let to = from + sorted[from..].partition_point(|item| compare(item).is_eq());
    &sorted[from..to]
}
