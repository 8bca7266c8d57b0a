//! The host of offline runs: the objects of the input, indexed once.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::OnceLock;

use super::index::{Entry, Index, entry};
use super::query::{self, Coverage, Pool, Query, Visit};
use super::{Host, HostObject, Listing, Lookup, ObjectKey, describe};

/// Group, kind, namespace, name.
type OwnedKey = (String, String, String, String);

/// Namespace → name → folder and object.
type ByNamespace<'d> = BTreeMap<String, BTreeMap<String, (u32, HostObject<'d>)>>;

/// Objects by kind, namespace and name.
#[derive(Debug, Clone, Default)]
pub struct InputHost<'d> {
    /// Group → kind → objects.
    kinds: BTreeMap<String, BTreeMap<String, ByNamespace<'d>>>,
    /// All objects, those without a name and second copies included.
    entries: Vec<Entry<'d>>,
    pods: OnceLock<Index<'d>>,
    others: OnceLock<Index<'d>>,
    /// What is there more than once, and which folder each copy is in.
    twins: HashMap<OwnedKey, Vec<(u32, HostObject<'d>)>>,
    complete: bool,
}

impl<'d> InputHost<'d> {
    /// An empty index. With `complete`, what is not in the input does not exist.
    #[must_use]
    pub fn new(complete: bool) -> Self {
        Self { complete, ..Self::default() }
    }

    /// Adds an object that stands in a folder (any number that tells folders apart); the first of several with the
    /// same key stays. One without a name can be found by its labels only.
    pub fn add(&mut self, key: ObjectKey<'_>, folder: u32, object: HostObject<'d>) {
        self.entries.push(entry(key.namespace, object));
        if key.name.is_empty() {
            return;
        }
        let names = self
            .kinds
            .entry(key.group.to_owned())
            .or_default()
            .entry(key.kind.to_owned())
            .or_default()
            .entry(key.namespace.to_owned())
            .or_default();
        match names.get(key.name) {
            None => {
                names.insert(key.name.to_owned(), (folder, object));
            }
            Some(first) => {
                let first = *first;
                self.twins.entry(owned(key)).or_insert_with(|| vec![first]).push((folder, object));
            }
        }
    }

    fn of_kind(&self, group: &str, kind: &str) -> Option<&ByNamespace<'d>> {
        self.kinds.get(group)?.get(kind)
    }
}

impl Host for InputHost<'_> {
    fn get(&self, key: ObjectKey<'_>) -> Lookup<HostObject<'_>> {
        let found = self
            .of_kind(key.group, key.kind)
            .and_then(|namespaces| namespaces.get(key.namespace)?.get(key.name));
        match found {
            Some((_, object)) => Lookup::Known(*object),
            None if self.complete => Lookup::Absent,
            None => Lookup::Unknown(describe(key)),
        }
    }

    fn list(&self, group: &str, kind: &str, namespace: Option<&str>) -> Lookup<Listing<'_>> {
        let objects = match (self.of_kind(group, kind), namespace) {
            (None, _) => Vec::new(),
            (Some(namespaces), Some(namespace)) => namespaces
                .get(namespace)
                .into_iter()
                .flat_map(BTreeMap::values)
                .map(|(_, object)| *object)
                .collect(),
            (Some(namespaces), None) => {
                namespaces.values().flat_map(BTreeMap::values).map(|(_, object)| *object).collect()
            }
        };
        Lookup::Known(Listing { objects, complete: self.complete })
    }

    fn visit<'h>(&'h self, query: &Query<'_>, visitor: &mut Visit<'_, 'h>) -> Coverage {
        // the templates of a run do not change, so those of the first query are those of all
        let index = match query.pool {
            Pool::Pods(declared) => self.pods.get_or_init(|| Index::pods(&self.entries, declared)),
            _ => self.others.get_or_init(|| Index::others(&self.entries)),
        };
        match index.visit(&self.entries, query, visitor) {
            Some(ControlFlow::Break(())) => Coverage::Complete,
            Some(ControlFlow::Continue(())) if self.complete => Coverage::Complete,
            Some(ControlFlow::Continue(())) => Coverage::Unknown(query::missing(query, kind_of(query))),
            None => query::by_listing(self, query, visitor),
        }
    }

    fn twins(&self, key: ObjectKey<'_>) -> Vec<HostObject<'_>> {
        let Some(copies) = self.twins.get(&owned(key)) else { return Vec::new() };
        let meet =
            |folder: u32| self.complete || copies.iter().filter(|(other, _)| *other == folder).count() > 1;
        copies.iter().filter(|(folder, _)| meet(*folder)).map(|(_, object)| *object).collect()
    }
}

fn owned(key: ObjectKey<'_>) -> OwnedKey {
    (key.group.to_owned(), key.kind.to_owned(), key.namespace.to_owned(), key.name.to_owned())
}

fn kind_of<'q>(query: &Query<'q>) -> &'q str {
    match query.pool {
        Pool::Pods(_) => "workload",
        Pool::Labelled(_, kind) | Pool::Selecting(_, kind) => kind,
        Pool::Scaling => "HorizontalPodAutoscaler",
    }
}
