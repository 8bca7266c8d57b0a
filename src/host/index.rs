//! Objects of the input by namespace and label pair, made once when the first query comes.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::inventory::{Entries, within};
use super::levels::Level;
use super::pairs::Pairs;
use super::query::{Axis, Pool, Query, Seen, Visitor, label_pairs};
use super::{HostObject, ObjectKey};
use crate::api;
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
/// A selector: which entry, its namespace, and the pairs that it asks for.
type Selector<'d> = (u32, &'d str, Vec<Pair<'d>>);

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
    namespaces: HashMap<&'d str, Shelf<'d>>,
}

/// Objects by what they are found by.
#[derive(Debug, Clone, Default)]
pub(super) struct Index<'d> {
    pods: Shelves<'d>,
    labelled: [Shelves<'d>; LABELLED.len()],
    selecting: [Shelves<'d>; SELECTING.len()],
    /// What controllers make Secrets and ConfigMaps of: the kind and name of what is made.
    making: HashMap<(&'d str, &'d str), Bucket>,
    /// Objects of custom kinds by their namespace.
    custom: HashMap<&'d str, Bucket>,
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
                selectors[at].push((position, entry.key.namespace, label_pairs(required).collect()));
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
            Pool::Selecting(group, kind) => {
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
        let shelf = match query.namespace {
            None => &shelves.everywhere,
            Some(namespace) => match shelves.namespaces.get(namespace) {
                Some(shelf) => shelf,
                None => return Some(ControlFlow::Continue(())),
            },
        };
        if let Pool::Selecting(..) = query.pool {
            let found = pairs.iter().map(|pair| shelf.by_pair.get(*pair));
            return Some(within.show(std::iter::once(&shelf.general[..]).chain(found), visitor));
        }
        Some(within.show([shelf.by_pair.smallest(pairs).unwrap_or(&shelf.all)], visitor))
    }
}

impl<'d> Within<'_, 'd> {
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
        let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
        for pair in selectors.iter().flat_map(|(_, _, pairs)| pairs) {
            *counts.entry(*pair).or_default() += 1;
        }
        for (position, namespace, pairs) in &selectors {
            let shelf = self.namespaces.entry(namespace).or_default();
            match pairs.iter().min_by_key(|pair| counts.get(*pair)) {
                Some((key, value)) => shelf.by_pair.add(*key, *value, *position),
                None => shelf.general.push(*position),
            }
        }
    }
}
