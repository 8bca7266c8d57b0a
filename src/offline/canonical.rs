//! The objects of the input as the API server would have them when it asks about them.
//!
//! Of a large input not all of them are held: of what is behind the first so many nodes, only what others look up in it, and
//! the object is made again when it is judged.

use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use rayon::prelude::*;

use super::held::Held;
use super::identified::Identified;
use crate::admission::needs::Needs;
use crate::apiserver::{ApiServer, Received, Serving};
use crate::document::{Document, NodeRef};
use crate::host::fields::Fields;
use crate::host::inventory::digest;
use crate::manifest::Inventory;
use crate::matching::Operation;
use crate::objects::admit::Served;
use crate::resource::identity::{Identity, ObjectKey};
use crate::store::PolicySet;

/// Inputs up to so many nodes, some 20 MB of text, are held as they are, which takes some 100 MB.
const NODES: usize = 1 << 20;

/// What became of a manifest.
#[derive(Debug)]
pub(super) enum Reception<'c, 'i> {
    Held(&'c Received<'i, 'i>),
    Again(Box<Received<'i, 'i>>),
}

impl<'i> Deref for Reception<'_, 'i> {
    type Target = Received<'i, 'i>;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Held(received) => received,
            Self::Again(received) => received,
        }
    }
}

impl Drop for Reception<'_, '_> {
    fn drop(&mut self) {
        if let Self::Again(received) = self
            && let Some(object) = received.object.take()
        {
            object.give_up();
        }
    }
}

/// What the API server makes of each manifest, before any policy is asked.
#[derive(Debug)]
pub struct Canonical<'i> {
    inventory: &'i Inventory<'i>,
    server: &'i ApiServer,
    held: Held,
    namespace: &'i str,
    identified: Arc<Identified<'i>>,
    slots: Vec<Slot<'i>>,
    /// The objects before an UPDATE, by the index of their manifest.
    old: BTreeMap<usize, Document<'i>>,
}

/// What is held of a manifest.
#[derive(Debug)]
enum Slot<'i> {
    Whole(Box<Received<'i, 'i>>),
    /// Of the object, where there is one.
    Part(Option<Part<'i>>),
    /// It is the object of an [earlier one](Inventory::first_like).
    Copy,
}

/// What is held of an object.
#[derive(Debug)]
struct Part<'i> {
    /// What others look up in it; `None`: that is as it was written.
    part: Option<Box<Document<'i>>>,
    /// The digest of all that it says.
    said: u64,
}

/// What is held of the objects of a large input.
#[derive(Debug)]
pub struct Parts {
    /// So many nodes of manifests are held as whole objects.
    whole: usize,
    fields: HashMap<String, HashMap<String, Fields>>,
}

impl Parts {
    /// What these policies look up in the objects of an input, which is large: of a small one everything is held. `None`: a
    /// policy looks up what nobody can tell beforehand.
    #[must_use]
    pub fn looked_up<'s>(inventory: &Inventory<'_>, by: impl Iterator<Item = &'s PolicySet>) -> Option<Self> {
        let manifests = 0..inventory.manifests().len();
        let nodes: usize = manifests.map(|index| own_nodes(inventory, index)).sum();
        if nodes <= NODES { None } else { Self::behind(NODES, by) }
    }

    /// As [`looked_up`](Self::looked_up), for what is behind so many nodes.
    #[must_use]
    pub fn behind<'s>(whole: usize, by: impl Iterator<Item = &'s PolicySet>) -> Option<Self> {
        let mut fields: HashMap<String, HashMap<String, Fields>> = HashMap::new();
        for needs in by.map(Needs::at_hand) {
            if !needs.untold.is_empty() {
                return None;
            }
            for ((group, kind), need) in needs.kinds {
                fields.entry(group).or_default().entry(kind).or_default().extend(&need.fields);
            }
        }
        Some(Self { whole, fields })
    }

    fn of(&self, identity: &Identity<'_>) -> &Fields {
        static NONE: LazyLock<Fields> = LazyLock::new(Fields::default);
        let of_group = self.fields.get(identity.gvk.group);
        of_group.and_then(|kinds| kinds.get(identity.gvk.kind)).unwrap_or(&NONE)
    }
}

/// Of how many nodes the object at an index is; none, where it is the one of an earlier manifest.
fn own_nodes(inventory: &Inventory<'_>, index: usize) -> usize {
    if inventory.first_like(index) == index { inventory.judged(index).subtree_len() } else { 0 }
}

impl<'i> Canonical<'i> {
    /// Takes all manifests to the server, in parallel; `asking` says what else the input is.
    #[must_use]
    pub fn of(
        inventory: &'i Inventory<'i>,
        old: Option<&'i Inventory<'i>>,
        asking: &'i super::Asking,
        server: &'i ApiServer,
    ) -> Self {
        Self::in_parts(inventory, old, asking, server, None)
    }

    /// As [`of`](Self::of); of a large input only `parts` are held.
    #[must_use]
    pub fn in_parts(
        inventory: &'i Inventory<'i>,
        old: Option<&'i Inventory<'i>>,
        asking: &'i super::Asking,
        server: &'i ApiServer,
        parts: Option<&Parts>,
    ) -> Self {
        let identified = Arc::new(Identified::of(inventory, &asking.namespace));
        let count = identified.all.len();
        let mut held = Held::new(asking.complete && !inventory.kustomizations().is_open());
        for (index, identity) in identified.all.iter().enumerate() {
            held.add(identity, inventory.judged(index));
        }
        let namespace = asking.namespace.as_str();
        let serving = Serving { server, cluster: &held, namespace };
        let old: BTreeMap<usize, (ObjectKey<'i>, Document<'i>)> = old
            .into_iter()
            .flat_map(|old| {
                old.manifests().iter().enumerate().map(|(index, manifest)| (index, old.object(manifest)))
            })
            .filter_map(|(index, root)| {
                Some((index, (identified.identify(root).key(), serving.receive(root, None).object?.shrunk())))
            })
            .collect();
        let replaces = asking.operation == Operation::Update;
        let stored: HashMap<ObjectKey<'i>, NodeRef<'_>> =
            old.values().filter(|_| replaces).map(|(key, document)| (*key, document.root())).collect();
        // what an object takes the place of is looked up once
        let parts = parts.filter(|_| !replaces);
        let whole = parts.map_or(count, |parts| {
            let mut left = parts.whole;
            let fits = |index: &usize| {
                left = left.saturating_sub(own_nodes(inventory, *index));
                left > 0
            };
            (0..count).take_while(fits).count()
        });
        let receive = |index| {
            if inventory.first_like(index) != index {
                return Slot::Copy;
            }
            let (root, identity) = (inventory.judged(index), &identified.all[index]);
            let stored = if replaces { stored.get(&identity.key()).copied() } else { None };
            let received = serving.receive(root, stored);
            let Some(parts) = parts.filter(|_| index >= whole) else {
                let object = received.object.map(Document::shrunk);
                return Slot::Whole(Box::new(Received { object, ..received }));
            };
            Slot::Part(received.object.map(|object| {
                let (said, fields) = (digest(object.root()), parts.of(identity));
                let part = match fields.are_alike(object.root(), root) {
                    true => None,
                    false => Some(Box::new(fields.kept(&object).unwrap_or_else(|_| object.clone().shrunk()))),
                };
                object.give_up();
                Part { part, said }
            }))
        };
        let slots = (0..count).into_par_iter().map(receive).collect();
        let old = old.into_iter().map(|(index, (_, document))| (index, document)).collect();
        Self { inventory, server, held, namespace, identified, slots, old }
    }

    /// What the manifests call themselves.
    pub(super) fn identified(&self) -> &Arc<Identified<'i>> {
        &self.identified
    }

    /// The server, with what of the input it would hold.
    pub(super) fn serving(&self) -> Serving<'i, '_> {
        Serving { server: self.server, cluster: &self.held, namespace: self.namespace }
    }

    /// Whether all objects are held and of built-in kinds, and nothing is wrong with what is written.
    pub(super) fn accepts_all(&self) -> bool {
        let accepts = |Received { served, object, findings }: &Received<'_, '_>| {
            matches!(served, Some(Served::BuiltIn(_))) && object.is_some() && findings.is_empty()
        };
        self.slots.iter().all(|slot| match slot {
            Slot::Whole(received) => accepts(received),
            Slot::Part(_) => false,
            Slot::Copy => true,
        })
    }

    fn slot(&self, index: usize) -> &Slot<'i> {
        &self.slots[self.inventory.first_like(index)]
    }

    /// What became of a manifest; made again where it is not held.
    pub(super) fn received(&self, index: usize) -> Reception<'_, 'i> {
        match self.slot(index) {
            Slot::Whole(received) => Reception::Held(received),
            Slot::Part(_) | Slot::Copy => {
                let received = self.serving().receive(self.inventory.judged(index), None);
                Reception::Again(Box::new(received))
            }
        }
    }

    /// What became of a manifest, where it is held.
    pub(super) fn whole(&self, index: usize) -> Option<&Received<'i, 'i>> {
        match self.slot(index) {
            Slot::Whole(received) => Some(received),
            Slot::Part(_) | Slot::Copy => None,
        }
    }

    /// What others may look up of the object of a manifest, where the server would come so far, and the digest of all that
    /// it says where that is only a part.
    pub(super) fn looked_up(&self, index: usize) -> Option<(NodeRef<'_>, Option<u64>)> {
        match self.slot(index) {
            Slot::Whole(received) => received.object.as_ref().map(|object| (object.root(), None)),
            Slot::Part(part) => part.as_ref().map(|Part { part, said }| {
                let written = || self.inventory.judged(self.inventory.first_like(index));
                (part.as_ref().map_or_else(written, |part| part.root()), Some(*said))
            }),
            Slot::Copy => None,
        }
    }

    /// The old object at an index of its inventory.
    pub(super) fn old(&self, index: usize) -> Option<NodeRef<'_>> {
        self.old.get(&index).map(Document::root)
    }
}
