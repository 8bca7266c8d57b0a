//! The objects of the input as the API server would have them when it asks about them.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use super::held::Held;
use crate::apiserver::{ApiServer, Received, Serving};
use crate::document::{Document, NodeRef};
use crate::manifest::Inventory;
use crate::matching::Operation;
use crate::resource::custom::CustomKinds;
use crate::resource::identity::{Identity, ObjectKey};

/// What the API server makes of each manifest, before any policy is asked.
#[derive(Debug)]
pub struct Canonical<'i> {
    server: &'i ApiServer,
    held: Held,
    namespace: &'i str,
    received: Vec<Received<'i, 'i>>,
    /// The objects before an UPDATE, by the index of their manifest.
    old: BTreeMap<usize, Document<'i>>,
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
        let mut custom = CustomKinds::default();
        for manifest in inventory.manifests() {
            custom.learn(inventory.object(manifest));
        }
        let count = inventory.manifests().len();
        let identify = |root| Identity::of(root).unwrap_or_default().settled(&custom, &asking.namespace);
        let mut held = Held::new(asking.complete && !inventory.kustomizations().is_open());
        for index in 0..count {
            let root = inventory.judged(index);
            held.add(&identify(root), root);
        }
        let namespace = asking.namespace.as_str();
        let serving = Serving { server, cluster: &held, namespace };
        let old: BTreeMap<usize, (ObjectKey<'i>, Document<'i>)> = old
            .into_iter()
            .flat_map(|old| {
                old.manifests().iter().enumerate().map(|(index, manifest)| (index, old.object(manifest)))
            })
            .filter_map(|(index, root)| {
                Some((index, (identify(root).key(), serving.receive(root, None).object?)))
            })
            .collect();
        let replaces = asking.operation == Operation::Update;
        let stored: HashMap<ObjectKey<'i>, NodeRef<'_>> =
            old.values().filter(|_| replaces).map(|(key, document)| (*key, document.root())).collect();
        let receive = |index| {
            let root = inventory.judged(index);
            let stored = if replaces { stored.get(&identify(root).key()).copied() } else { None };
            serving.receive(root, stored)
        };
        let received = (0..count).into_par_iter().map(receive).collect();
        let old = old.into_iter().map(|(index, (_, document))| (index, document)).collect();
        Self { server, held, namespace, received, old }
    }

    /// The server, with what of the input it would hold.
    pub(super) fn serving(&self) -> Serving<'_, '_> {
        Serving { server: self.server, cluster: &self.held, namespace: self.namespace }
    }

    /// What became of a manifest.
    pub(super) fn received(&self, index: usize) -> &Received<'i, 'i> {
        &self.received[index]
    }

    /// The object of a manifest, where the server would come so far.
    pub(super) fn object(&self, index: usize) -> Option<NodeRef<'_>> {
        self.received[index].object.as_ref().map(Document::root)
    }

    /// The old object at an index of its inventory.
    pub(super) fn old(&self, index: usize) -> Option<NodeRef<'_>> {
        self.old.get(&index).map(Document::root)
    }
}
