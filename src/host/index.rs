//! Objects of the input by namespace and label pair, made once when the first query comes.

use std::ops::ControlFlow;

use super::inventory::{Entries, digest, within};
use super::levels::Level;
use super::pairs::Pairs;
use super::query::{Axis, Pool, Query, Seen, Visitor, label_pairs};
use super::{HostObject, Map, ObjectKey};
use crate::api;
use crate::document::NodeRef;
use crate::resource::made;
use crate::resource::workload::TemplatePaths;

/// What is kept by its labels.
const LABELLED: [(&str, &str); 3] =
    [("", "Service"), ("", "Namespace"), ("rbac.authorization.k8s.io", "ClusterRole")];
/// What is kept by the labels that it selects, and where its selector is.
const SELECTING: [(&str, &str, &str); 2] = [
    ("policy", "PodDisruptionBudget", "/spec/selector"),
    ("networking.k8s.io", "NetworkPolicy", "/spec/podSelector"),
];
/// So many that have the same are kept as one. To look for each of fewer costs less than to look where they are.
const MANY: usize = 8;

/// An object of the input.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'d> {
    /// With the effective namespace; without a name where the server makes it.
    pub(super) key: ObjectKey<'d>,
    pub(super) object: HostObject<'d>,
    /// The index of its file in the layout.
    pub(super) file: u32,
    /// The digest of all that it says, where `object` is only a part of it.
    pub(super) said: Option<u64>,
}

/// Which of the entries are looked at.
pub(super) struct Within<'e, 'd> {
    /// All of them.
    pub(super) entries: Entries<'e, 'd>,
    /// The positions that are of the level.
    pub(super) level: Level,
    /// Which level it is; 0 is the nearest.
    pub(super) number: u32,
}

/// A label and its value.
type Pair<'d> = (&'d str, &'d str);

/// What selects.
#[derive(Debug)]
struct Selector<'d> {
    /// Which entry it is.
    position: u32,
    namespace: &'d str,
    /// What it asks for.
    pairs: Vec<Pair<'d>>,
    /// What decides whether it selects, and what: its `apiVersion` and its `spec`.
    spec: Option<(Option<&'d str>, NodeRef<'d>)>,
}

/// Positions of entries.
type Bucket = Vec<u32>;

#[derive(Debug, Clone, Default)]
struct Shelf<'d> {
    all: Bucket,
    /// What has no pair to be found by.
    general: Bucket,
    by_pair: Pairs<&'d str>,
}

/// By namespace, and everywhere.
#[derive(Debug, Clone, Default)]
struct Shelves<'d> {
    everywhere: Shelf<'d>,
    namespaces: Map<&'d str, Shelf<'d>>,
    /// Of what selects, those that have what fewer than [`MANY`] have, by namespace.
    alone: Map<&'d str, Shelf<'d>>,
    /// The first ones of the others.
    firsts: Map<&'d str, Shelf<'d>>,
    /// By a first one: all that have the same, itself among them.
    alike: Map<u32, Bucket>,
}

/// Objects by what they are found by.
#[derive(Debug, Clone, Default)]
pub(super) struct Index<'d> {
    pods: Shelves<'d>,
    labelled: [Shelves<'d>; LABELLED.len()],
    selecting: [Shelves<'d>; SELECTING.len()],
    /// What controllers make Secrets and ConfigMaps of: the kind and name of what is made.
    making: Map<(&'d str, &'d str), Bucket>,
    /// Objects of custom kinds by their namespace.
    custom: Map<&'d str, Bucket>,
    scaling: Shelves<'d>,
    volumes: Shelves<'d>,
}

impl<'d> Index<'d> {
    /// Only what has Pod templates.
    pub(super) fn pods(entries: Entries<'_, 'd>, declared: &TemplatePaths) -> Self {
        let mut index = Self::default();
        for (position, entry) in entries.iter() {
            index.pods.add(position, entry, Axis::Pods, declared);
        }
        index
    }

    /// All but what has Pod templates.
    pub(super) fn others(entries: Entries<'_, 'd>) -> Self {
        let mut index = Self::default();
        // nothing but Pods is found by templates
        let none = TemplatePaths::default();
        let mut selectors: [Vec<Selector<'d>>; SELECTING.len()] = Default::default();
        for (position, entry) in entries.iter() {
            let root = entry.object.root;
            let is = |group: &str, kind: &str| entry.key.group == group && entry.key.kind == kind;
            if let Some(at) = LABELLED.iter().position(|(group, kind)| is(group, kind)) {
                index.labelled[at].add(position, entry, Axis::Labels, &none);
            }
            if let Some(at) = SELECTING.iter().position(|(group, kind, _)| is(group, kind)) {
                let selector = root.at(SELECTING[at].2);
                let required = selector.and_then(|s| s.get("matchLabels"));
                let (namespace, pairs) = (entry.key.namespace, label_pairs(required).collect());
                let spec = root.get("spec").map(|spec| (root.get_str("apiVersion"), spec));
                selectors[at].push(Selector { position, namespace, pairs, spec });
            }
            if is("", "PersistentVolume") {
                index.volumes.add(position, entry, Axis::Class, &none);
            }
            if !api::is_own_group(entry.key.group) {
                index.custom.entry(entry.key.namespace).or_default().push(position);
            }
            for made in made::makes(root, entry.key.group, entry.key.kind) {
                index.making.entry((made.kind, made.name)).or_default().push(position);
            }
            if is("autoscaling", "HorizontalPodAutoscaler") || is("keda.sh", "ScaledObject") {
                index.scaling.add(position, entry, Axis::Target, &none);
            }
        }
        for (shelves, selectors) in index.selecting.iter_mut().zip(selectors) {
            shelves.add_selectors(selectors);
        }
        index
    }

    /// Shows what may fit; `None`: the index does not know such objects.
    pub(super) fn visit(
        &self,
        within: &Within<'_, 'd>,
        query: &Query<'_>,
        visitor: &mut Visitor<'_, 'd>,
    ) -> Option<ControlFlow<()>> {
        let one;
        let (shelves, pairs): (_, &[Pair<'_>]) = match query.pool {
            Pool::Pods(_) => (&self.pods, query.pairs),
            Pool::Labelled(group, kind) => {
                (&self.labelled[LABELLED.iter().position(|k| *k == (group, kind))?], query.pairs)
            }
            Pool::Selecting(group, kind) | Pool::AllSelecting(group, kind) => {
                let at = SELECTING.iter().position(|(g, k, _)| (*g, *k) == (group, kind))?;
                (&self.selecting[at], query.pairs)
            }
            Pool::Volumes(class) => {
                one = [(class, "")];
                (&self.volumes, &one)
            }
            Pool::Custom => {
                return Some(within.show(self.custom.get(query.namespace?).map(Vec::as_slice), visitor));
            }
            Pool::Making(kind) => {
                let (_, name) = query.pairs.first()?;
                return Some(within.show(self.making.get(&(kind, *name)).map(Vec::as_slice), visitor));
            }
            Pool::Scaling => {
                let (target, name) = query.pairs.first()?;
                let (_, kind) = target.split_once('/')?;
                one = [(kind, *name)];
                (&self.scaling, &one)
            }
        };
        if let Pool::Selecting(..) | Pool::AllSelecting(..) = query.pool {
            let each = matches!(query.pool, Pool::AllSelecting(..));
            let shown = |namespace| shelves.show_selectors((namespace, pairs), each, within, visitor);
            return Some(query.namespace.map_or(ControlFlow::Continue(()), shown));
        }
        let shelf = match query.namespace {
            None => &shelves.everywhere,
            Some(namespace) => match shelves.namespaces.get(namespace) {
                Some(shelf) => shelf,
                None => return Some(ControlFlow::Continue(())),
            },
        };
        Some(within.show([shelf.by_pair.smallest(pairs).unwrap_or(&shelf.all)], visitor))
    }
}

impl<'d> Within<'_, 'd> {
    /// The first of sorted positions that is of the level.
    fn first<'b>(&self, sorted: &'b [u32]) -> Option<&'b [u32]> {
        let of_level = self.level.iter().map(|range| within(sorted, range));
        of_level.filter_map(|positions| positions.get(..1)).min()
    }

    /// Shows what of the buckets is of the level.
    fn show<'b>(
        &self,
        buckets: impl IntoIterator<Item = &'b [u32]>,
        visitor: &mut Visitor<'_, 'd>,
    ) -> ControlFlow<()> {
        let Self { entries, level, number } = self;
        let near = *number == 0;
        let from = level.iter().filter(|range| !range.is_empty()).map(|range| range.start).min();
        for bucket in buckets {
            for position in level.iter().flat_map(|range| within(bucket, range)) {
                let Some((Entry { key, object, .. }, placed)) = entries.get(*position) else { continue };
                // beyond the own file, one of a level's copies tells all; between its parts lie nearer levels
                if near || placed.before.is_none_or(|before| Some(before) < from) {
                    let copies = if near { placed.copies } else { placed.folder_copies };
                    visitor(Seen { namespace: key.namespace, object: *object, copies, level: *number })?;
                }
            }
        }
        ControlFlow::Continue(())
    }
}

impl<'d> Shelves<'d> {
    /// Puts an entry where it is found on an axis, if it has a place there.
    fn add(&mut self, position: u32, entry: &Entry<'d>, axis: Axis, declared: &TemplatePaths) {
        let Some(pairs) = axis.pairs(entry.object.root, declared) else { return };
        let namespace = self.namespaces.entry(entry.key.namespace).or_default();
        for shelf in [&mut self.everywhere, namespace] {
            shelf.all.push(position);
            for (key, value) in &pairs {
                shelf.by_pair.add(*key, *value, position);
            }
        }
    }

    /// Each selector is kept under the rarest of its pairs, so that one that all have makes no long list.
    fn add_selectors(&mut self, selectors: Vec<Selector<'d>>) {
        let mut counts: Map<(&str, &str), usize> = Map::default();
        for pair in selectors.iter().flat_map(|selector| &selector.pairs) {
            *counts.entry(*pair).or_default() += 1;
        }
        let put = |shelves: &mut Map<&'d str, Shelf<'d>>, selector: &Selector<'d>| {
            let shelf = shelves.entry(selector.namespace).or_default();
            match selector.pairs.iter().min_by_key(|pair| counts.get(*pair)) {
                Some((key, value)) => shelf.by_pair.add(*key, *value, selector.position),
                None => shelf.general.push(selector.position),
            }
        };
        selectors.iter().for_each(|selector| put(&mut self.namespaces, selector));
        for alike in alike(&selectors) {
            if let [first, .., _] = &alike[..]
                && alike.len() >= MANY
            {
                put(&mut self.firsts, &selectors[*first]);
                let positions = alike.iter().map(|at| selectors[*at].position).collect();
                self.alike.insert(selectors[*first].position, positions);
            } else {
                alike.iter().for_each(|at| put(&mut self.alone, &selectors[*at]));
            }
        }
        // those that are alike have been put together
        for shelf in self.alone.values_mut() {
            shelf.general.sort_unstable();
        }
    }

    /// Shows what may select these pairs; `each`: all of those that have the same, rather than one of a level.
    fn show_selectors(
        &self,
        (namespace, pairs): (&str, &[Pair<'_>]),
        each: bool,
        within: &Within<'_, 'd>,
        visitor: &mut Visitor<'_, 'd>,
    ) -> ControlFlow<()> {
        if each {
            return within.show(selectors(&self.namespaces, namespace, pairs), visitor);
        }
        within.show(selectors(&self.alone, namespace, pairs), visitor)?;
        for first in selectors(&self.firsts, namespace, pairs).flatten() {
            let alike = self.alike.get(first).map_or(&[][..], Vec::as_slice);
            within.show(within.first(alike), visitor)?;
        }
        ControlFlow::Continue(())
    }
}

/// What of a namespace may select these pairs: what asks for none, and what asks for one of them.
fn selectors<'s>(
    shelves: &'s Map<&str, Shelf<'_>>,
    namespace: &str,
    pairs: &[Pair<'_>],
) -> impl Iterator<Item = &'s [u32]> {
    let of = |shelf: &'s Shelf<'_>| {
        let found = pairs.iter().map(|pair| shelf.by_pair.get(*pair));
        std::iter::once(&shelf.general[..]).chain(found)
    };
    shelves.get(namespace).into_iter().flat_map(of)
}

/// Which selectors of a namespace have the same spec, by their places; the others are alone.
fn alike(selectors: &[Selector<'_>]) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = Vec::with_capacity(selectors.len());
    let mut known: Map<(&str, u64), usize> = Map::default();
    for (at, selector) in selectors.iter().enumerate() {
        let own = all.len();
        if let Some((version, spec)) = selector.spec {
            let first = *known.entry((selector.namespace, digest(spec))).or_insert(own);
            let is_same = |other: (_, NodeRef<'_>)| other.0 == version && other.1.says_what(spec);
            let same = |other: &Vec<usize>| selectors[other[0]].spec.is_some_and(is_same);
            if first != own && same(&all[first]) {
                all[first].push(at);
                continue;
            }
        }
        all.push(vec![at]);
    }
    all
}
