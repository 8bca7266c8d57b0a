//! The host of offline runs: the objects of the input, indexed once.
//!
//! Whoever asks is an object of the input as well, and takes the nearest level that has an answer ([`super::levels`]).

use std::hash::{BuildHasher as _, Hash as _, Hasher as _};
use std::ops::Range;
use std::sync::OnceLock;
use std::time::Instant;

use foldhash::fast::{FixedState, RandomState};

use super::index::{Entry, Index, Within};
use super::levels::{Layout, Level};
use super::pairs::Pairs;
use super::query::{self, Axis, By, Coverage, Pool, Query, Visitor};
use super::{Forms, Host, HostObject, Listing, Lookup, ObjectKey, Twins, User, describe};
use crate::cel::library::authorizer::{Decision, Question};
use crate::document::few::SortFew as _;
use crate::document::{NodeRef, Scalar};
use crate::resource::workload::TemplatePaths;

/// By what objects are found: there are many of them, and each is asked for often. Who makes two that are told apart
/// late delays a run of their own.
type Map<K, V> = std::collections::HashMap<K, V, RandomState>;

/// Which objects would be applied together, beside those of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Together {
    File(u32),
    Kustomization(u32),
    /// Perhaps.
    Folder(u32),
}

/// An object of the input, where it was read.
#[derive(Debug, Clone, Copy)]
pub struct Added<'d, 'k> {
    /// What it calls itself, with its effective namespace; without a name where the server makes it.
    pub key: ObjectKey<'d>,
    /// The index of its file in the [`Layout`].
    pub file: usize,
    /// The object that is added.
    pub object: HostObject<'d>,
    /// The kustomizations that list it.
    pub kustomizations: &'k [u32],
    /// The digest of all that it says, where the object is only a part of it.
    pub said: Option<u64>,
}

/// An object that a review is of.
#[derive(Debug, Clone)]
struct Reviewed {
    /// Where it is among what was added.
    added: u32,
    /// The number of its name; of one without a name none.
    name: Option<u32>,
    kustomizations: Box<[u32]>,
}

/// One form of each object.
const FIRST: Forms = Forms { number: 0, most: 1 };

/// Objects by kind, namespace and name.
#[derive(Debug, Clone, Default)]
pub struct InputHost<'d> {
    layout: Layout,
    /// What was added: file and entry.
    added: Vec<(u32, Entry<'d>)>,
    /// The objects that reviews are of, in the order in which they were added.
    subjects: Vec<Reviewed>,
    /// The names that subjects have, numbered.
    names: Map<ObjectKey<'d>, u32>,
    /// By the number of a name: the subjects that have it in one place, in their order.
    together: Map<(u32, Together), Vec<u32>>,
    arranged: OnceLock<Arranged<'d>>,
    pods: OnceLock<Index<'d>>,
    others: OnceLock<Index<'d>>,
    /// By group and kind: labels, and positions in [`Arranged::named`].
    labels: OnceLock<Map<(&'d str, &'d str), Pairs<&'d str>>>,
    complete: bool,
    /// Whether something that is not in the input may bring more, complete or not.
    open: bool,
}

/// The objects in the order of the ranks of their files.
#[derive(Debug, Clone, Default)]
struct Arranged<'d> {
    /// Without those that say what an earlier one of the same file says.
    entries: Vec<Entry<'d>>,
    /// By rank: the first entry; one more at the end.
    starts: Vec<u32>,
    /// Keys and entries, sorted.
    named: Vec<(ObjectKey<'d>, u32)>,
}

impl<'d> InputHost<'d> {
    /// An empty index of objects in these files. With `complete`, what is not in the input does not exist.
    #[must_use]
    pub fn new(layout: Layout, complete: bool) -> Self {
        Self { layout, complete, ..Self::default() }
    }

    /// Says that the input names something that brings more objects: a remote base, a chart.
    pub fn leave_open(&mut self) {
        self.open = true;
    }

    /// Adds an object that is reviewed.
    pub fn add(&mut self, added: Added<'d, '_>) {
        let Added { key, file, object, kustomizations, said } = added;
        let position = number(self.subjects.len());
        let file_number = number(file);
        let name = (!key.name.is_empty()).then(|| {
            let next = number(self.names.len());
            *self.names.entry(key).or_insert(next)
        });
        if let Some(name) = name {
            let places = [Together::File(file_number), Together::Folder(self.folder(file_number))];
            let listed = kustomizations.iter().map(|k| Together::Kustomization(*k));
            for place in places.into_iter().chain(listed) {
                self.together.entry((name, place)).or_default().push(position);
            }
        }
        let added = number(self.added.len());
        self.subjects.push(Reviewed { added, name, kustomizations: kustomizations.into() });
        self.put(key, file, object, said);
    }

    /// Adds another form of an object, as a kustomization makes it, or an object that something of the input makes. It
    /// is found like others, and is nobody's twin.
    pub fn also(&mut self, key: ObjectKey<'d>, file: usize, object: HostObject<'d>, said: Option<u64>) {
        self.put(key, file, object, said);
    }

    fn put(&mut self, key: ObjectKey<'d>, file: usize, object: HostObject<'d>, said: Option<u64>) {
        let entry = Entry { key, object, copies: 1, folder_copies: 1, before: None, said };
        self.added.push((number(file), entry));
    }

    fn folder(&self, file: u32) -> u32 {
        // a complete input is one
        if self.complete { 0 } else { self.layout.folder_of(file as usize) }
    }

    /// The host of a review of the object that was added at this place, counted from 0.
    #[must_use]
    pub fn beside(&self, position: usize) -> Beside<'_, 'd> {
        Beside { host: self, position }
    }

    fn arranged(&self) -> &Arranged<'d> {
        self.arranged.get_or_init(|| {
            let mut order: Vec<&(u32, Entry<'d>)> = self.added.iter().collect();
            order.sort_by_key(|(file, _)| self.layout.rank(*file as usize));
            let mut arranged = Arranged::default();
            let mut copies: Map<ObjectKey<'d>, u32> = Map::default();
            for (_, entry) in &order {
                *copies.entry(entry.key).or_default() += 1;
            }
            let mut known = Copies::default();
            let mut last = u32::MAX;
            for (file, entry) in order {
                let rank = self.layout.rank(*file as usize);
                while number(arranged.starts.len()) <= rank {
                    arranged.starts.push(number(arranged.entries.len()));
                }
                if std::mem::replace(&mut last, *file) != *file {
                    known.file_from = number(arranged.entries.len());
                }
                let folder = self.layout.folder_of(*file as usize);
                if std::mem::replace(&mut known.folder, folder) != folder {
                    known.folder_from = number(arranged.entries.len());
                }
                if copies.get(&entry.key).is_some_and(|copies| *copies > 1) {
                    arranged.push_copy(*entry, &mut known);
                } else {
                    arranged.entries.push(*entry);
                }
            }
            arranged.starts.push(number(arranged.entries.len()));
            let named = (0_u32..).zip(&arranged.entries).filter(|(_, entry)| !entry.key.name.is_empty());
            arranged.named = named.map(|(at, entry)| (entry.key, at)).collect();
            arranged.named.sort_unstable();
            arranged
        })
    }

    /// The ranges of entries that the levels around a file are; without a file, all of them as one.
    fn levels(&self, file: Option<u32>) -> impl Iterator<Item = Level> {
        let arranged = self.arranged();
        let start = move |rank: u32| {
            let last = arranged.starts.len().saturating_sub(1);
            arranged.starts.get((rank as usize).min(last)).copied().unwrap_or_default()
        };
        let around = file.into_iter().flat_map(|file| self.layout.levels(file as usize));
        let around = around.map(move |level| level.map(|ranks| start(ranks.start)..start(ranks.end)));
        around.chain(file.is_none().then(|| [0..number(arranged.entries.len()), 0..0]))
    }

    /// The objects with this key of the nearest level that has one.
    fn nearest(&self, key: ObjectKey<'_>, file: Option<u32>, most: usize) -> Vec<HostObject<'d>> {
        let arranged = self.arranged();
        let named = &arranged.named;
        let from = named.partition_point(|(other, _)| *other < key);
        let forms = arranged.forms(from);
        let there = forms.first().is_some_and(|(other, _)| *other == key);
        if there { self.nearest_of(forms, file, most) } else { Vec::new() }
    }

    /// Those of one object's forms that the nearest level has.
    fn nearest_of(
        &self,
        forms: &[(ObjectKey<'d>, u32)],
        file: Option<u32>,
        most: usize,
    ) -> Vec<HostObject<'d>> {
        let entries = &self.arranged().entries;
        let objects = |forms: &[(ObjectKey<'d>, u32)]| -> Vec<HostObject<'d>> {
            let objects = forms.iter().filter_map(|(_, at)| Some(entries.get(*at as usize)?.object));
            objects.take(most).collect()
        };
        if let [_] | [] = forms {
            return objects(forms);
        }
        let mut levels = self.levels(file).map(|level| {
            let forms = level.into_iter().flat_map(|range| within(forms, &range, |(_, at)| *at));
            objects(&forms.copied().take(most).collect::<Vec<_>>())
        });
        levels.find(|objects| !objects.is_empty()).unwrap_or_default()
    }

    /// As [`Host::forms_by`], seen from a file.
    fn forms_from(
        &self,
        (group, kind, namespace): (&str, &str, Option<&str>),
        by: By<'_>,
        file: Option<u32>,
        Forms { number, most }: Forms,
    ) -> (Listing<'d>, usize) {
        let arranged = self.arranged();
        let (named, mut found) = (&arranged.named, Vec::new());
        if let By::Labels(pairs @ [_, ..]) = by {
            let labelled = self.labels.get_or_init(|| by_label(&arranged.entries, named));
            let at = labelled.get(&(group, kind)).and_then(|labels| labels.smallest(pairs));
            let forms = at.into_iter().flatten().map(|at| arranged.forms(*at as usize));
            let inside = |forms: &&[(ObjectKey<'d>, u32)]| {
                namespace
                    .is_none_or(|namespace| forms.first().is_some_and(|(key, _)| key.namespace == namespace))
            };
            found.extend(forms.filter(inside));
        } else {
            let from = ObjectKey { group, kind, namespace: namespace.unwrap_or_default(), name: "" };
            let wanted = |key: &ObjectKey<'_>| {
                key.group == group && key.kind == kind && namespace.is_none_or(|n| key.namespace == n)
            };
            let mut at = named.partition_point(|(key, _)| *key < from);
            while named.get(at).is_some_and(|(key, _)| wanted(key)) {
                let forms = arranged.forms(at);
                at += forms.len();
                found.push(forms);
            }
        }
        let (mut objects, mut several) = (Vec::with_capacity(found.len()), 1);
        for forms in found {
            let mut nearest = self.nearest_of(forms, file, most);
            several = several.max(nearest.len());
            nearest.truncate(number + 1);
            objects.extend(nearest.pop());
        }
        (Listing { objects, complete: self.is_complete() }, several)
    }

    fn is_complete(&self) -> bool {
        self.complete && !self.open
    }

    fn get_from(&self, key: ObjectKey<'_>, file: Option<u32>, most: usize) -> Lookup<Vec<HostObject<'d>>> {
        let objects = self.nearest(key, file, most);
        match objects.is_empty() {
            false => Lookup::Known(objects),
            true if self.is_complete() => Lookup::Absent,
            true => Lookup::Unknown(describe(key)),
        }
    }

    fn visit_from<'h>(
        &'h self,
        query: &Query<'_>,
        file: Option<u32>,
        visitor: &mut Visitor<'_, 'h>,
    ) -> Option<Coverage> {
        let arranged = self.arranged();
        // the templates of a run do not change, so those of the first query are those of all
        let index = match query.pool {
            Pool::Pods(declared) => self.pods.get_or_init(|| Index::pods(&arranged.entries, declared)),
            _ => self.others.get_or_init(|| Index::others(&arranged.entries)),
        };
        for (number, level) in (0_u32..).zip(self.levels(file)) {
            let within = Within { entries: &arranged.entries, level, number };
            if index.visit(&within, query, visitor)?.is_break() {
                return Some(Coverage::Complete);
            }
        }
        Some(match self.is_complete() {
            true => Coverage::Complete,
            false => Coverage::Unknown(query::missing(query, kind_of(query))),
        })
    }

    /// A subject as it was added, and the index of its file.
    fn subject(&self, position: u32) -> (u32, HostObject<'d>) {
        let (file, entry) = &self.added[self.subjects[position as usize].added as usize];
        (*file, entry.object)
    }

    fn twins_of(&self, position: usize, most: usize, folder: bool) -> Twins<'_> {
        let Some(Reviewed { name: Some(name), kustomizations, .. }) = self.subjects.get(position) else {
            return Twins::default();
        };
        let own = number(position);
        let (file, object) = self.subject(own);
        let of = |place| self.together.get(&(*name, place)).map_or(&[][..], Vec::as_slice);
        let has = |list: &[u32], at: u32| list.binary_search(&at).is_ok();
        let in_file = of(Together::File(file));
        // to kustomize the version is a part of what an object is
        let version = |at: u32| self.subject(at).1.root.get_str("apiVersion");
        let own_version = object.root.get_str("apiVersion");
        let mut listed: Vec<u32> = Vec::new();
        for all in kustomizations.iter().map(|k| of(Together::Kustomization(*k))) {
            // most list an object once
            if all.len() > in_file.len() {
                let others = all.iter().filter(|at| !has(in_file, **at) && version(**at) == own_version);
                listed.extend(others);
            }
        }
        listed.sort_few_by_key(|at| *at);
        listed.dedup();
        let near = in_file.iter().filter(|at| **at != own).chain(&listed);
        if !folder {
            let count = in_file.len() - 1 + listed.len();
            return Twins { count, first: near.take(most).map(|at| self.subject(*at).1).collect() };
        }
        let all = of(Together::Folder(self.folder(file)));
        let known = in_file.len() + listed.iter().filter(|at| has(all, **at)).count();
        let others = all.iter().filter(|at| !has(in_file, **at) && !has(&listed, **at));
        let count = all.len().saturating_sub(known);
        Twins { count, first: others.take(most.min(count)).map(|at| self.subject(*at).1).collect() }
    }
}

impl<'d> Arranged<'d> {
    /// All forms of the object whose first form is at this position of the names.
    fn forms(&self, first: usize) -> &[(ObjectKey<'d>, u32)] {
        let rest = self.named.get(first..).unwrap_or_default();
        let Some((key, _)) = rest.first() else { return rest };
        &rest[..rest.partition_point(|(other, _)| other == key)]
    }

    /// An object with the key of others: what says the same in the same file is counted and not kept, and the others that say
    /// the same know of each other, for asking many copies one question would cost the square of the copies, and tell nothing
    /// new.
    fn push_copy(&mut self, entry: Entry<'d>, known: &mut Copies<'d>) {
        let at = number(self.entries.len());
        let like = known.like.entry((entry.key, entry.digest())).or_insert(Like { last: at, in_folder: at });
        let before = std::mem::replace(&mut like.last, at);
        let same = |at: u32| self.entries.get(at as usize).is_some_and(|e| e.says_the_same(&entry));
        if before == at || !same(before) {
            like.in_folder = at;
            return self.entries.push(entry);
        }
        let unnamed = u32::from(entry.key.name.is_empty());
        if like.in_folder < known.folder_from {
            like.in_folder = at;
        } else {
            self.entries[like.in_folder as usize].folder_copies += unnamed;
        }
        if before < known.file_from {
            self.entries.push(Entry { before: Some(before), ..entry });
        } else {
            like.last = before;
            self.entries[before as usize].copies += unnamed;
        }
    }
}

/// The objects that have the keys of others, by what they say.
#[derive(Debug, Default)]
struct Copies<'d> {
    like: Map<(ObjectKey<'d>, u64), Like>,
    /// The first entry of the file that is looked at.
    file_from: u32,
    /// The folder that is looked at.
    folder: u32,
    /// The first entry of it.
    folder_from: u32,
}

/// Entries that say the same.
#[derive(Debug, Clone, Copy)]
struct Like {
    last: u32,
    /// The first one of the last one's folder.
    in_folder: u32,
}

/// The part of a list, sorted by position, that is within a range of positions.
pub(super) fn within<'l, T>(sorted: &'l [T], range: &Range<u32>, position: impl Fn(&T) -> u32) -> &'l [T] {
    if range.is_empty() {
        return &[];
    }
    let from = sorted.partition_point(|entry| position(entry) < range.start);
    let to = from + sorted[from..].partition_point(|entry| position(entry) < range.end);
    &sorted[from..to]
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn first(lookup: Lookup<Vec<HostObject<'_>>>) -> Lookup<HostObject<'_>> {
    lookup.and_then(|objects| objects.into_iter().next().map_or(Lookup::Absent, Lookup::Known))
}

impl Host for InputHost<'_> {
    fn get(&self, key: ObjectKey<'_>) -> Lookup<HostObject<'_>> {
        first(self.get_from(key, None, 1))
    }

    fn list(&self, group: &str, kind: &str, namespace: Option<&str>) -> Lookup<Listing<'_>> {
        self.list_by(group, kind, namespace, By::Nothing)
    }

    fn list_by(&self, group: &str, kind: &str, namespace: Option<&str>, by: By<'_>) -> Lookup<Listing<'_>> {
        Lookup::Known(self.forms_from((group, kind, namespace), by, None, FIRST).0)
    }

    fn visit<'h>(&'h self, query: &Query<'_>, visitor: &mut Visitor<'_, 'h>) -> Coverage {
        match self.visit_from(query, None, visitor) {
            Some(coverage) => coverage,
            None => query::by_listing(self, query, visitor),
        }
    }
}

/// The objects by the labels that one of their forms has: positions of their first forms.
fn by_label<'d>(
    entries: &[Entry<'d>],
    named: &[(ObjectKey<'d>, u32)],
) -> Map<(&'d str, &'d str), Pairs<&'d str>> {
    let (mut labelled, none): (Map<_, Pairs<&str>>, _) = (Map::default(), TemplatePaths::default());
    let (mut last, mut first) = (None, 0);
    for (position, (key, at)) in (0_u32..).zip(named) {
        if last.replace(*key) != Some(*key) {
            first = position;
        }
        let Some(entry) = entries.get(*at as usize) else { continue };
        let labels = labelled.entry((key.group, key.kind)).or_default();
        for (key, value) in Axis::Labels.pairs(entry.object.root, &none).into_iter().flatten() {
            labels.add(key, value, first);
        }
    }
    labelled
}

/// The input as seen from one of its objects, which alone has something near it, and twins.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'h, 'd> {
    host: &'h InputHost<'d>,
    position: usize,
}

impl Beside<'_, '_> {
    fn file(&self) -> Option<u32> {
        let subject = self.host.subjects.get(self.position)?;
        self.host.added.get(subject.added as usize).map(|(file, _)| *file)
    }
}

impl Host for Beside<'_, '_> {
    fn get(&self, key: ObjectKey<'_>) -> Lookup<HostObject<'_>> {
        first(self.host.get_from(key, self.file(), 1))
    }

    fn alternatives(&self, key: ObjectKey<'_>, most: usize) -> Lookup<Vec<HostObject<'_>>> {
        self.host.get_from(key, self.file(), most)
    }

    fn list(&self, group: &str, kind: &str, namespace: Option<&str>) -> Lookup<Listing<'_>> {
        self.list_by(group, kind, namespace, By::Nothing)
    }

    fn list_by(&self, group: &str, kind: &str, namespace: Option<&str>, by: By<'_>) -> Lookup<Listing<'_>> {
        Lookup::Known(self.host.forms_from((group, kind, namespace), by, self.file(), FIRST).0)
    }

    fn forms_by(
        &self,
        group: &str,
        kind: &str,
        namespace: Option<&str>,
        by: By<'_>,
        forms: Forms,
    ) -> Lookup<(Listing<'_>, usize)> {
        Lookup::Known(self.host.forms_from((group, kind, namespace), by, self.file(), forms))
    }

    fn visit<'h>(&'h self, query: &Query<'_>, visitor: &mut Visitor<'_, 'h>) -> Coverage {
        match self.host.visit_from(query, self.file(), visitor) {
            Some(coverage) => coverage,
            None => query::by_listing(self.host, query, visitor),
        }
    }

    fn authorize(&self, user: &User<'_>, question: &Question, _: Option<Instant>) -> Lookup<Decision> {
        super::rbac::authorize(self, user, question)
    }

    fn twins(&self, most: usize) -> Twins<'_> {
        self.host.twins_of(self.position, most, false)
    }

    fn neighbours(&self, most: usize) -> Twins<'_> {
        self.host.twins_of(self.position, most, true)
    }
}

impl Entry<'_> {
    /// Equal for objects that say the same.
    fn digest(&self) -> u64 {
        self.said.unwrap_or_else(|| digest(self.object.root))
    }

    /// Whether another object, with the same digest, says the same.
    fn says_the_same(&self, other: &Self) -> bool {
        // of what is not here the digest is all that is known
        self.said.is_some() || other.said.is_some() || self.object.root == other.object.root
    }
}

/// Equal for nodes that are written alike.
#[must_use]
pub fn digest(node: NodeRef<'_>) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    for node in node.descendants() {
        (node.key(), node.len(), node.kind()).hash(&mut hasher);
        match node.scalar() {
            Some(Scalar::String(text)) => text.hash(&mut hasher),
            Some(Scalar::Int(number)) => number.hash(&mut hasher),
            Some(Scalar::Float(number)) => number.to_bits().hash(&mut hasher),
            Some(Scalar::Bool(flag)) => flag.hash(&mut hasher),
            Some(Scalar::Null) | None => {}
        }
    }
    hasher.finish()
}

fn kind_of<'q>(query: &Query<'q>) -> &'q str {
    match query.pool {
        Pool::Pods(_) => "workload",
        Pool::Labelled(_, kind) | Pool::Selecting(_, kind) => kind,
        Pool::Scaling => "HorizontalPodAutoscaler",
        Pool::Making(kind) => kind,
        Pool::Custom => "object of a custom kind",
        Pool::Volumes(_) => "PersistentVolume",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
