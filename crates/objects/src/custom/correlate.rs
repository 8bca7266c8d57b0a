//! Old values beside new ones: what did not change is not refused on UPDATE.
//!
//! apiserver `pkg/cel/common/equality.go` (`CorrelatedObject`), apiextensions `pkg/apiserver/validation/ratcheting.go`.

use std::collections::HashMap;

use document::NodeRef;

use super::schema::{ListType, Schema};

/// A new value, the old one that it replaces, and the schema that says how their children go together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link<'s, 'd> {
    pub(crate) new: NodeRef<'d>,
    pub(crate) old: NodeRef<'d>,
    pub(crate) schema: &'s Schema,
}

impl<'s, 'd> Link<'s, 'd> {
    /// The member, if both have it and the schema knows it.
    pub(crate) fn key(self, key: &str) -> Option<Self> {
        Some(Self { new: self.new.get(key)?, old: self.old.get(key)?, schema: self.schema.member(key)? })
    }

    /// The old items by key.
    pub(crate) fn keyed(self) -> Keyed<'s, 'd> {
        Keyed::new(Some(self.old), self.schema)
    }

    /// The item, where the list's items have keys.
    pub(crate) fn item(self, keyed: &Keyed<'s, 'd>, index: usize) -> Option<Self> {
        let new = self.new.item(index)?;
        Some(Self { new, old: keyed.get(new)?, schema: self.schema.items.as_deref()? })
    }

    /// Whether nothing changed. Members that the schema does not know count as changed.
    pub(crate) fn is_unchanged(self) -> bool {
        let Self { new, old, schema } = self;
        if new.is_object() && old.is_object() {
            return new.len() == old.len()
                && new.members().all(|(key, _)| self.key(key).is_some_and(Self::is_unchanged));
        }
        if new.is_array() && old.is_array() {
            if schema.list_type != ListType::Map {
                return new == old;
            }
            let keyed = self.keyed();
            return new.len() == old.len()
                && (0..new.len()).all(|index| self.item(&keyed, index).is_some_and(Self::is_unchanged));
        }
        new.scalar().is_some() && new.scalar() == old.scalar()
    }
}

/// The items of an old list by their keys (`MakeMapList`): empty for all lists but maps.
#[derive(Debug)]
pub(crate) struct Keyed<'s, 'd> {
    keys: &'s [String],
    items: HashMap<Vec<String>, NodeRef<'d>>,
}

impl<'s, 'd> Keyed<'s, 'd> {
    pub(crate) fn new(old: Option<NodeRef<'d>>, schema: &'s Schema) -> Self {
        let keys = schema.constraints().list_keys.as_slice();
        let mut items = HashMap::new();
        if schema.list_type == ListType::Map && !keys.is_empty() {
            for item in old.into_iter().flat_map(NodeRef::items) {
                if let Some(key) = key_of(item, keys) {
                    items.entry(key).or_insert(item);
                }
            }
        }
        Self { keys, items }
    }

    pub(crate) fn get(&self, item: NodeRef<'_>) -> Option<NodeRef<'d>> {
        if self.items.is_empty() {
            return None;
        }
        self.items.get(&key_of(item, self.keys)?).copied()
    }
}

/// The values of the keys; all must be there, and scalar.
fn key_of(item: NodeRef<'_>, keys: &[String]) -> Option<Vec<String>> {
    keys.iter()
        .map(|key| item.get_present(key).filter(|value| value.scalar().is_some()).map(NodeRef::to_json))
        .collect()
}
