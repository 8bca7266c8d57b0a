//! The host of offline runs: the objects of the input, indexed once.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hasher;
use std::ops::ControlFlow;
use std::sync::OnceLock;

use super::index::{Entry, Index};
use super::query::{self, Coverage, Pool, Query, Visit};
use super::{Host, HostObject, Listing, Lookup, ObjectKey, Twins, describe};
use crate::document::NodeRef;

/// What a key leads to.
#[derive(Debug, Clone, Copy)]
struct Named<'d> {
    first: HostObject<'d>,
    copies: u32,
}

/// Objects by kind, namespace and name.
#[derive(Debug, Clone, Default)]
pub struct InputHost<'d> {
    /// By key the first object that has it, and how many do.
    named: BTreeMap<ObjectKey<'d>, Named<'d>>,
    /// All objects, those without a name and second copies included.
    entries: Vec<Entry<'d>>,
    /// What queries look through.
    distinct: OnceLock<Vec<Entry<'d>>>,
    pods: OnceLock<Index<'d>>,
    others: OnceLock<Index<'d>>,
    /// The entries that are one object and would be applied together: those of one folder, of a complete input all.
    together: HashMap<(ObjectKey<'d>, u32), Vec<u32>>,
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
    pub fn add(&mut self, key: ObjectKey<'d>, folder: u32, object: HostObject<'d>) {
        let folder = if self.complete { 0 } else { folder };
        let position = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.entries.push(Entry { key, folder, object, copies: 1 });
        if !key.name.is_empty() {
            self.named.entry(key).or_insert(Named { first: object, copies: 0 }).copies += 1;
            self.together.entry((key, folder)).or_default().push(position);
        }
    }

    /// The host of a review of the object that was added at this place, counted from 0.
    #[must_use]
    pub fn beside(&self, position: usize) -> Beside<'_, 'd> {
        Beside { host: self, position }
    }

    /// The objects without those that say what an earlier one says, of the same object or of one whose name the server
    /// makes: asking many copies one question would cost the square of the copies, and tell nothing new.
    fn distinct(&self) -> &[Entry<'d>] {
        self.distinct.get_or_init(|| {
            let mut distinct: Vec<Entry<'d>> = Vec::new();
            let mut known: HashMap<(ObjectKey<'d>, u64), usize> = HashMap::new();
            for entry in &self.entries {
                let root = entry.object.root;
                if self.named.get(&entry.key).is_some_and(|named| named.copies < 2) {
                    distinct.push(*entry);
                    continue;
                }
                let at = *known.entry((entry.key, digest(root))).or_insert(distinct.len());
                match distinct.get_mut(at) {
                    Some(same) if same.object.root == root => {
                        same.copies += u32::from(entry.key.name.is_empty());
                    }
                    _ => distinct.push(*entry),
                }
            }
            distinct
        })
    }

    fn twins_of(&self, position: usize, most: usize) -> Twins<'_> {
        let Some(entry) = self.entries.get(position) else { return Twins::default() };
        let Some(copies) = self.together.get(&(entry.key, entry.folder)) else { return Twins::default() };
        let others = copies.iter().map(|copy| *copy as usize).filter(|copy| *copy != position);
        let first = others.filter_map(|copy| Some(self.entries.get(copy)?.object)).take(most).collect();
        Twins { count: copies.len() - 1, first }
    }
}

impl Host for InputHost<'_> {
    fn get(&self, key: ObjectKey<'_>) -> Lookup<HostObject<'_>> {
        match self.named.get(&key) {
            Some(named) => Lookup::Known(named.first),
            None if self.complete => Lookup::Absent,
            None => Lookup::Unknown(describe(key)),
        }
    }

    fn list(&self, group: &str, kind: &str, namespace: Option<&str>) -> Lookup<Listing<'_>> {
        let from = ObjectKey { group, kind, namespace: namespace.unwrap_or_default(), name: "" };
        let wanted = |key: &ObjectKey<'_>| {
            key.group == group && key.kind == kind && namespace.is_none_or(|n| key.namespace == n)
        };
        let objects = self
            .named
            .range(from..)
            .take_while(|(key, _)| wanted(key))
            .map(|(_, named)| named.first)
            .collect();
        Lookup::Known(Listing { objects, complete: self.complete })
    }

    fn visit<'h>(&'h self, query: &Query<'_>, visitor: &mut Visit<'_, 'h>) -> Coverage {
        // the templates of a run do not change, so those of the first query are those of all
        let index = match query.pool {
            Pool::Pods(declared) => self.pods.get_or_init(|| Index::pods(self.distinct(), declared)),
            _ => self.others.get_or_init(|| Index::others(self.distinct())),
        };
        match index.visit(self.distinct(), query, visitor) {
            Some(ControlFlow::Break(())) => Coverage::Complete,
            Some(ControlFlow::Continue(())) if self.complete => Coverage::Complete,
            Some(ControlFlow::Continue(())) => Coverage::Unknown(query::missing(query, kind_of(query))),
            None => query::by_listing(self, query, visitor),
        }
    }
}

/// The input as seen from one of its objects, which alone has twins.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'h, 'd> {
    host: &'h InputHost<'d>,
    position: usize,
}

impl Host for Beside<'_, '_> {
    fn get(&self, key: ObjectKey<'_>) -> Lookup<HostObject<'_>> {
        self.host.get(key)
    }

    fn list(&self, group: &str, kind: &str, namespace: Option<&str>) -> Lookup<Listing<'_>> {
        self.host.list(group, kind, namespace)
    }

    fn visit<'h>(&'h self, query: &Query<'_>, visitor: &mut Visit<'_, 'h>) -> Coverage {
        self.host.visit(query, visitor)
    }

    fn twins(&self, most: usize) -> Twins<'_> {
        self.host.twins_of(self.position, most)
    }
}

/// Equal for nodes that are written alike.
fn digest(node: NodeRef<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(node.to_json().as_bytes());
    hasher.finish()
}

fn kind_of<'q>(query: &Query<'q>) -> &'q str {
    match query.pool {
        Pool::Pods(_) => "workload",
        Pool::Labelled(_, kind) | Pool::Selecting(_, kind) => kind,
        Pool::Scaling => "HorizontalPodAutoscaler",
        Pool::Volumes(_) => "PersistentVolume",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};
    use crate::host::Seen;
    use crate::resource::workload::TemplatePaths;

    const KEY: ObjectKey<'static> =
        ObjectKey { group: "apps", kind: "Deployment", namespace: "shop", name: "web" };

    fn deployment(replicas: u32) -> Document<'static> {
        let text = format!(
            r#"{{"apiVersion":"apps/v1","kind":"Deployment","spec":{{"replicas":{replicas},"template":{{"metadata":{{"labels":{{"app":"web"}}}},"spec":{{}}}}}}}}"#
        );
        let document = Document::from_json(&text, Limits::default()).unwrap();
        document.root().to_document(Limits::default()).unwrap()
    }

    fn host<'d>(complete: bool, objects: &'d [(u32, Document<'d>)]) -> InputHost<'d> {
        let mut host = InputHost::new(complete);
        for (folder, document) in objects {
            host.add(KEY, *folder, HostObject { root: document.root(), document: None });
        }
        host
    }

    #[test]
    fn twins_are_of_the_same_folder_or_of_a_complete_input() {
        let objects = [1, 2, 1, 3, 1].map(|folder| (folder, deployment(1)));
        for (complete, expected) in [(false, [2, 0, 2, 0, 2]), (true, [4; 5])] {
            let host = host(complete, &objects);
            for (position, count) in expected.into_iter().enumerate() {
                let beside = host.beside(position);
                let twins = beside.twins(3);
                assert_eq!((twins.count, twins.first.len()), (count, count.min(3)), "{complete} {position}");
                let own = objects[position].1.root();
                assert!(!twins.first.iter().any(|twin| std::ptr::eq(twin.root.document(), own.document())));
            }
        }
        let host = host(true, &objects);
        assert_eq!(host.twins(3), Twins::default(), "nobody in particular asks");
        assert_eq!(host.beside(9).twins(3), Twins::default());
    }

    fn shown(key: ObjectKey<'_>, expected: [(i64, u32); 2]) {
        let objects = [1, 1, 2, 1, 2].map(deployment);
        let mut host = InputHost::new(false);
        for document in &objects {
            host.add(key, 0, HostObject { root: document.root(), document: None });
        }
        let (templates, mut seen) = (TemplatePaths::default(), Vec::new());
        let query = Query { pool: Pool::Pods(&templates), namespace: Some("shop"), pairs: &[("app", "web")] };
        host.visit(&query, &mut |Seen { namespace, object, copies }| {
            assert_eq!(namespace, "shop");
            seen.push((object.root.at("/spec/replicas").unwrap().as_i64().unwrap(), copies));
            ControlFlow::Continue(())
        });
        assert_eq!(seen, expected);
    }

    #[test]
    fn copies_that_say_the_same_are_shown_once() {
        shown(KEY, [(1, 1), (2, 1)]);
        // each of these will be an object of its own
        shown(ObjectKey { name: "", ..KEY }, [(1, 3), (2, 2)]);
    }

    #[test]
    fn lists_are_of_one_kind_and_namespace() {
        let document = deployment(1);
        let mut host = InputHost::new(true);
        for (kind, namespace, name) in [
            ("Deployment", "shop", "b"),
            ("Deployment", "a", "z"),
            ("Deployment", "shop", "a"),
            ("DeploymentX", "shop", "a"),
            ("Deployment", "shopping", "a"),
        ] {
            let key = ObjectKey { group: "apps", kind, namespace, name };
            host.add(key, 0, HostObject { root: document.root(), document: None });
        }
        for (namespace, count) in [(Some("shop"), 2), (Some("a"), 1), (None, 4), (Some("none"), 0)] {
            let Lookup::Known(listing) = host.list("apps", "Deployment", namespace) else { panic!() };
            assert_eq!((listing.objects.len(), listing.complete), (count, true), "{namespace:?}");
        }
    }
}
