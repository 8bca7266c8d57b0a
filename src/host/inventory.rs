//! The host of offline runs: the objects of the input, indexed once.
//!
//! Whoever asks is an object of the input as well, and takes the nearest level that has an answer ([`super::levels`]).

mod arranged;
mod twins;

use std::hash::{BuildHasher as _, Hasher as _};
use std::ops::Range;
use std::sync::OnceLock;
use std::time::Instant;

use foldhash::fast::FixedState;

use super::index::{Entry, Index, Within};
use super::levels::{Layout, Level};
use super::pairs::Pairs;
use super::query::{self, Axis, By, Coverage, Pool, Query, Visitor};
use super::{Forms, Host, HostObject, Listing, Lookup, Map, ObjectKey, Twins, User, describe};
use crate::cel::library::authorizer::{Decision, Question};
use crate::document::{NodeId, NodeRef, Scalar};
use crate::resource::workload::TemplatePaths;

use arranged::Arranged;
pub(super) use arranged::Entries;
use twins::{Named, Subjects};

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

/// One form of each object.
const FIRST: Forms = Forms { number: 0, most: 1 };

/// Objects by kind, namespace and name.
#[derive(Debug, Clone, Default)]
pub struct InputHost<'d> {
    layout: Layout,
    /// What was added, in that order.
    added: Vec<Entry<'d>>,
    /// The objects among them that reviews are of.
    subjects: Subjects,
    /// The numbers of the keys of what was added.
    keys: OnceLock<Vec<u32>>,
    twins: OnceLock<Named>,
    arranged: OnceLock<Arranged>,
    pods: OnceLock<Index<'d>>,
    others: OnceLock<Index<'d>>,
    /// By group and kind: labels, and places among the [names](Entries::named).
    labels: OnceLock<Map<(&'d str, &'d str), Pairs<&'d str>>>,
    complete: bool,
    /// Whether something that is not in the input may bring more, complete or not.
    open: bool,
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

    /// Makes room for so many objects that are added.
    pub fn reserve(&mut self, objects: usize) {
        self.added.reserve_exact(objects);
    }

    /// Adds an object that is reviewed.
    pub fn add(&mut self, added: Added<'d, '_>) {
        let Added { key, file, object, kustomizations, said } = added;
        self.subjects.push(self.added.len(), kustomizations);
        self.put(key, file, object, said);
    }

    /// Adds another form of an object, as a kustomization makes it, or an object that something of the input makes. It
    /// is found like others, and is nobody's twin.
    pub fn also(&mut self, key: ObjectKey<'d>, file: usize, object: HostObject<'d>, said: Option<u64>) {
        self.put(key, file, object, said);
    }

    fn put(&mut self, key: ObjectKey<'d>, file: usize, object: HostObject<'d>, said: Option<u64>) {
        self.added.push(Entry { key, object, file: number(file), said });
    }

    /// The host of a review of the object that was added at this place, counted from 0.
    #[must_use]
    pub fn beside(&self, position: usize) -> Beside<'_, 'd> {
        Beside { host: self, position }
    }

    fn keys(&self) -> &[u32] {
        self.keys.get_or_init(|| arranged::numbered(&self.added))
    }

    fn entries(&self) -> Entries<'_, 'd> {
        let arranged = || Arranged::of(&self.added, self.keys(), &self.layout);
        let arranged = self.arranged.get_or_init(arranged);
        Entries { added: &self.added, arranged }
    }

    /// The ranges of entries that the levels around a file are; without a file, all of them as one.
    fn levels(&self, file: Option<u32>) -> impl Iterator<Item = Level> {
        let Entries { arranged, .. } = self.entries();
        let around = file.into_iter().flat_map(|file| self.layout.levels(file as usize));
        let around = around.map(move |level| level.map(|ranks| arranged.positions(ranks)));
        around.chain(file.is_none().then(|| [0..arranged.len(), 0..0]))
    }

    /// The objects with this key of the nearest level that has one.
    fn nearest(&self, key: ObjectKey<'_>, file: Option<u32>, most: usize) -> Vec<HostObject<'d>> {
        let entries = self.entries();
        match entries.forms(entries.from(&key)) {
            Some((found, forms)) if found == key => self.nearest_of(forms, file, most),
            _ => Vec::new(),
        }
    }

    /// Those of one object's forms that the nearest level has.
    fn nearest_of(&self, forms: &[u32], file: Option<u32>, most: usize) -> Vec<HostObject<'d>> {
        let entries = self.entries();
        let objects = |forms: &mut dyn Iterator<Item = &u32>| -> Vec<HostObject<'d>> {
            let objects = forms.filter_map(|at| Some(entries.get(*at)?.0.object));
            objects.take(most).collect()
        };
        if let [_] | [] = forms {
            return objects(&mut forms.iter());
        }
        let mut levels = self.levels(file).map(|level| {
            let mut forms = level.iter().flat_map(|range| within(forms, range));
            objects(&mut forms)
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
        let (entries, mut found) = (self.entries(), Vec::new());
        if let By::Labels(pairs @ [_, ..]) = by {
            let labelled = self.labels.get_or_init(|| entries.by_label());
            let at = labelled.get(&(group, kind)).and_then(|labels| labels.smallest(pairs));
            let forms = at.into_iter().flatten().filter_map(|at| entries.forms(*at as usize));
            let inside = |key: &ObjectKey<'_>| namespace.is_none_or(|namespace| key.namespace == namespace);
            found.extend(forms.filter(|(key, _)| inside(key)).map(|(_, forms)| forms));
        } else {
            let from = ObjectKey { group, kind, namespace: namespace.unwrap_or_default(), name: "" };
            let wanted = |key: &ObjectKey<'_>| {
                key.group == group && key.kind == kind && namespace.is_none_or(|n| key.namespace == n)
            };
            let mut at = entries.from(&from);
            while let Some((_, forms)) = entries.forms(at).filter(|(key, _)| wanted(key)) {
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
        let entries = self.entries();
        // the templates of a run do not change, so those of the first query are those of all
        let index = match query.pool {
            Pool::Pods(declared) => self.pods.get_or_init(|| Index::pods(entries, declared)),
            _ => self.others.get_or_init(|| Index::others(entries)),
        };
        for (number, level) in (0_u32..).zip(self.levels(file)) {
            let within = Within { entries, level, number };
            if index.visit(&within, query, visitor)?.is_break() {
                return Some(Coverage::Complete);
            }
        }
        Some(match self.is_complete() {
            true => Coverage::Complete,
            false => Coverage::Unknown(query::missing(query, kind_of(query))),
        })
    }

    fn twins_of(&self, position: usize, most: usize, folder: bool) -> Twins<'_> {
        if self.subjects.added(position).is_none() {
            return Twins::default();
        }
        let Self { added, subjects, layout, complete, .. } = self;
        // a complete input is one
        let beside = twins::Beside { subjects, added, keys: self.keys(), layout, is_one: *complete };
        beside.twins(self.twins.get_or_init(|| beside.named()), number(position), most, folder)
    }
}

/// The part of sorted positions that is within a range.
pub(super) fn within<'l>(sorted: &'l [u32], range: &Range<u32>) -> &'l [u32] {
    if range.is_empty() {
        return &[];
    }
    let from = sorted.partition_point(|position| *position < range.start);
    let to = from + sorted[from..].partition_point(|position| *position < range.end);
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

/// The input as seen from one of its objects, which alone has something near it, and twins.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'h, 'd> {
    host: &'h InputHost<'d>,
    position: usize,
}

impl Beside<'_, '_> {
    fn file(&self) -> Option<u32> {
        let added = self.host.subjects.added(self.position)?;
        self.host.added.get(added).map(|entry| entry.file)
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
        let is_only_told = || self.said.is_some() || other.said.is_some();
        self.node() == other.node() || is_only_told() || self.object.root == other.object.root
    }

    /// Which node of all documents the object is: files that say the same share theirs.
    fn node(&self) -> (usize, NodeId) {
        (std::ptr::from_ref(self.object.root.document()).addr(), self.object.root.id())
    }
}

/// Equal for nodes that are written alike.
#[must_use]
pub fn digest(node: NodeRef<'_>) -> u64 {
    digest_without(node, None)
}

/// Equal for objects that are written alike but for `metadata.name`.
#[must_use]
pub fn digest_but_for_name(object: NodeRef<'_>) -> u64 {
    let name = object.get("metadata").and_then(|metadata| metadata.get("name"));
    digest_without(object, name.filter(|name| name.as_str().is_some()).map(NodeRef::id))
}

fn digest_without(node: NodeRef<'_>, left_out: Option<NodeId>) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    for node in node.descendants() {
        if Some(node.id()) == left_out {
            continue;
        }
        // where a text ends is told with its length, which is written first
        let (key, scalar) = (node.key(), node.scalar());
        let (text, number) = match scalar {
            Some(Scalar::String(text)) => (text, text.len() as u64),
            Some(Scalar::Int(number)) => ("", number.cast_unsigned()),
            Some(Scalar::Float(number)) => ("", number.to_bits()),
            Some(Scalar::Bool(flag)) => ("", flag.into()),
            Some(Scalar::Null) | None => ("", node.len() as u64),
        };
        let length_of_key = key.map_or(u64::MAX, |key| key.len() as u64);
        hasher.write_u64(length_of_key << 4 | node.kind() as u64);
        hasher.write_u64(number);
        if let Some(key) = key {
            hasher.write(key.as_bytes());
        }
        if !text.is_empty() {
            hasher.write(text.as_bytes());
        }
    }
    hasher.finish()
}

fn kind_of<'q>(query: &Query<'q>) -> &'q str {
    match query.pool {
        Pool::Pods(_) => "workload",
        Pool::Labelled(_, kind) | Pool::Selecting(_, kind) | Pool::AllSelecting(_, kind) => kind,
        Pool::Scaling => "HorizontalPodAutoscaler",
        Pool::Making(kind) => kind,
        Pool::Custom => "object of a custom kind",
        Pool::Volumes(_) => "PersistentVolume",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
