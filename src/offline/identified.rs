//! What the manifests of an input call themselves, told once for whoever asks.

use crate::document::NodeRef;
use crate::manifest::Inventory;
use crate::resource::custom::CustomKinds;
use crate::resource::identity::Identity;

/// The manifests of an input by what they call themselves.
#[derive(Debug)]
pub(super) struct Identified<'i> {
    /// The kinds that the input defines.
    pub(super) custom: CustomKinds,
    /// By manifest; in the namespace that it is going to.
    pub(super) all: Vec<Identity<'i>>,
    namespace: &'i str,
}

impl<'i> Identified<'i> {
    /// Those of an input, where objects that name no namespace go to this one.
    pub(super) fn of(inventory: &'i Inventory<'i>, namespace: &'i str) -> Self {
        let mut custom = CustomKinds::default();
        for manifest in inventory.manifests() {
            custom.learn(inventory.object(manifest));
        }
        let count = inventory.manifests().len();
        let mut identified = Self { custom, all: Vec::with_capacity(count), namespace };
        for index in 0..count {
            let known = identified.all.get(inventory.first_like(index)).copied();
            let identity = known.unwrap_or_else(|| identified.identify(inventory.judged(index)));
            identified.all.push(identity);
        }
        identified
    }

    /// What an object calls itself, of this input or beside it.
    pub(super) fn identify(&self, root: NodeRef<'i>) -> Identity<'i> {
        // a manifest has kind and apiVersion
        Identity::of(root).unwrap_or_default().settled(&self.custom, self.namespace)
    }
}
