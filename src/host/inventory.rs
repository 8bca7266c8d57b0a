//! The host of offline runs: the objects of the input, indexed once.

use std::collections::BTreeMap;

use super::{Host, HostObject, Listing, Lookup, ObjectKey, describe};

/// Namespace → name → object.
type ByNamespace<'d> = BTreeMap<String, BTreeMap<String, HostObject<'d>>>;

/// Objects by kind, namespace and name.
#[derive(Debug, Clone, Default)]
pub struct InputHost<'d> {
    /// Group → kind → objects.
    kinds: BTreeMap<String, BTreeMap<String, ByNamespace<'d>>>,
    complete: bool,
}

impl<'d> InputHost<'d> {
    /// An empty index. With `complete`, what is not in the input does not exist.
    #[must_use]
    pub fn new(complete: bool) -> Self {
        Self { kinds: BTreeMap::new(), complete }
    }

    /// Adds an object; the first of several with the same key stays.
    pub fn add(&mut self, key: ObjectKey<'_>, object: HostObject<'d>) {
        self.kinds
            .entry(key.group.to_owned())
            .or_default()
            .entry(key.kind.to_owned())
            .or_default()
            .entry(key.namespace.to_owned())
            .or_default()
            .entry(key.name.to_owned())
            .or_insert(object);
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
            Some(object) => Lookup::Known(*object),
            None if self.complete => Lookup::Absent,
            None => Lookup::Unknown(describe(key)),
        }
    }

    fn list(&self, group: &str, kind: &str, namespace: Option<&str>) -> Lookup<Listing<'_>> {
        let objects = match (self.of_kind(group, kind), namespace) {
            (None, _) => Vec::new(),
            (Some(namespaces), Some(namespace)) => {
                namespaces.get(namespace).into_iter().flat_map(BTreeMap::values).copied().collect()
            }
            (Some(namespaces), None) => namespaces.values().flat_map(BTreeMap::values).copied().collect(),
        };
        Lookup::Known(Listing { objects, complete: self.complete })
    }
}
