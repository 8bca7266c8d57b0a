//! The offline side: manifests become the requests that a cluster would see, and answer each other's questions.
//!
//! ```text
//! Inventory ─▶ identity of each manifest ─▶ Request (a CREATE unless told otherwise) ─▶ mutate ─▶ judge
//!                      └─▶ InputHost: look-ups among the manifests
//! ```

use std::collections::HashMap;

use rayon::prelude::*;

use crate::document::NodeRef;
use crate::evaluate::request::{GroupVersionKind, GroupVersionResource, User};
use crate::evaluate::{Budget, Findings, Mutation, Request, judge, mutate};
use crate::finding::{DocumentId, Finding};
use crate::host::inventory::{Added, Beside, InputHost};
use crate::host::levels::Layout;
use crate::host::{HostObject, ObjectKey};
use crate::manifest::Inventory;
use crate::matching::Operation;
use crate::policy::PolicySet;
use crate::resource::custom::CustomKinds;
use crate::resource::identity::Identity;

/// What the made-up requests are like.
#[derive(Debug, Clone)]
pub struct Asking {
    /// The namespace of objects that name none.
    pub namespace: String,
    /// The operation.
    pub operation: Operation,
    /// Who asks; `None`: nobody knows.
    pub user: Option<String>,
    /// The groups of who asks.
    pub groups: Vec<String>,
    /// Whether what is not in the input does not exist.
    pub complete: bool,
    /// Whether findings of expressions say what their parts came to.
    pub explain: bool,
}

impl Default for Asking {
    fn default() -> Self {
        Self {
            namespace: "default".to_owned(),
            operation: Operation::Create,
            user: None,
            groups: Vec::new(),
            complete: false,
            explain: false,
        }
    }
}

/// What an object calls itself, its namespace defaulted.
#[derive(Debug, Clone)]
pub struct ObjectIdentity<'i> {
    /// Group, version, kind.
    pub kind: GroupVersionKind<'i>,
    /// The plural that requests use.
    pub resource: String,
    /// `None` for objects of the whole cluster.
    pub namespace: Option<&'i str>,
    /// `None` where the server makes it.
    pub name: Option<&'i str>,
}

impl<'i> ObjectIdentity<'i> {
    /// The identity of a manifest, which has kind and apiVersion.
    fn of(root: NodeRef<'i>, namespace: &'i str, custom: &CustomKinds) -> Self {
        let identity = Identity::of(root);
        let kind = identity.map(|id| id.gvk).unwrap_or_default();
        Self {
            kind,
            resource: custom.resource(kind.group, kind.kind),
            namespace: identity.and_then(|id| id.namespace(custom, namespace)),
            name: identity.and_then(|id| id.name),
        }
    }

    fn key(&self) -> Option<ObjectKey<'i>> {
        self.name.is_some().then(|| self.key_or_nameless())
    }

    /// The name is empty where the server makes it.
    fn key_or_nameless(&self) -> ObjectKey<'i> {
        ObjectKey {
            group: self.kind.group,
            kind: self.kind.kind,
            namespace: self.namespace.unwrap_or_default(),
            name: self.name.unwrap_or_default(),
        }
    }
}

/// Manifests as a cluster would be asked to take them.
#[derive(Debug)]
pub struct Offline<'i> {
    inventory: &'i Inventory<'i>,
    identities: Vec<ObjectIdentity<'i>>,
    host: InputHost<'i>,
    /// The old objects of an UPDATE, by group, kind, namespace and name.
    old: HashMap<ObjectKey<'i>, NodeRef<'i>>,
    asking: &'i Asking,
}

impl<'i> Offline<'i> {
    /// Prepares the requests of all manifests; `old` holds the objects as they are before an UPDATE.
    #[must_use]
    pub fn new(inventory: &'i Inventory<'i>, old: Option<&'i Inventory<'i>>, asking: &'i Asking) -> Self {
        let mut custom = CustomKinds::default();
        for manifest in inventory.manifests() {
            custom.learn(inventory.object(manifest));
        }
        let identify = |root| ObjectIdentity::of(root, &asking.namespace, &custom);
        let identities: Vec<_> =
            inventory.manifests().iter().map(|m| identify(inventory.object(m))).collect();
        let mut host = InputHost::new(Layout::new(&inventory.paths()), asking.complete);
        for (index, (manifest, identity)) in inventory.manifests().iter().zip(&identities).enumerate() {
            let document = u32::try_from(index).ok().map(DocumentId);
            let key = identity.key_or_nameless();
            let object = HostObject { root: inventory.object(manifest), document, partial: false };
            host.add(Added { key, file: manifest.file.index(), object, kustomizations: &[] });
        }
        let mut by_key = HashMap::new();
        if let Some(old) = old {
            for manifest in old.manifests() {
                let root = old.object(manifest);
                if let Some(key) = identify(root).key() {
                    by_key.insert(key, root);
                }
            }
        }
        Self { inventory, identities, host, old: by_key, asking }
    }

    /// What the manifest at this index of the inventory calls itself.
    #[must_use]
    pub fn identity(&self, index: usize) -> &ObjectIdentity<'i> {
        &self.identities[index]
    }

    /// The other objects, as the manifest at this index of the inventory sees them.
    #[must_use]
    pub fn host(&self, index: usize) -> Beside<'_, 'i> {
        self.host.beside(index)
    }

    fn budget(&self) -> Budget {
        let explain = self.asking.explain;
        Budget { deadline: None, explain, fixes: true, in_cluster: false, findings_per_rule: None }
    }

    /// The request about the manifest at this index of the inventory.
    #[must_use]
    pub fn request(&self, index: usize) -> Request<'_> {
        let identity = &self.identities[index];
        let object = self.inventory.object(&self.inventory.manifests()[index]);
        let Asking { namespace: _, operation, user, groups, complete: _, explain: _ } = self.asking;
        let old = identity.key().and_then(|key| self.old.get(&key)).copied();
        let (object, old_object) = match operation {
            Operation::Delete => (None, old.or(Some(object))),
            Operation::Update => (Some(object), old),
            Operation::Create | Operation::Connect => (Some(object), None),
        };
        let user = user.as_deref().map(|username| User {
            username,
            groups: groups.iter().map(String::as_str).collect(),
            ..User::default()
        });
        // a Namespace's request is in the namespace it is about
        let is_namespace = identity.kind.group.is_empty() && identity.kind.kind == "Namespace";
        Request {
            operation: *operation,
            kind: identity.kind,
            resource: GroupVersionResource {
                group: identity.kind.group,
                version: identity.kind.version,
                resource: &identity.resource,
            },
            subresource: "",
            sent_as: None,
            name: identity.name.unwrap_or_default(),
            namespace: if is_namespace { identity.name } else { identity.namespace },
            object,
            old_object,
            user,
            dry_run: false,
            options: None,
        }
    }

    /// What the policies make of the manifest at this index.
    #[must_use]
    pub fn mutate<'r>(&'r self, set: &PolicySet, index: usize) -> (Request<'r>, Mutation<'r>) {
        let request = self.request(index);
        let mutation = mutate(set, &request, &self.host(index), self.budget());
        (request, mutation)
    }

    /// The findings of the manifest at this index: of the mutations that could not be made, and of the object
    /// that the others have made.
    #[must_use]
    pub fn judge(&self, set: &PolicySet, index: usize) -> Findings {
        let (request, mutation) = self.mutate(set, index);
        let host = self.host(index);
        let Mutation { patch: _, document, mut findings, rules: _ } = mutation;
        let judged = match &document {
            Some(document) => judge(set, &request.with_object(document.root()), &host, self.budget()),
            None => judge(set, &request, &host, self.budget()),
        };
        findings.extend(judged);
        findings
    }

    /// The findings of all manifests, in parallel; in the order of the inventory at any number of threads.
    #[must_use]
    pub fn judge_all(&self, set: &PolicySet) -> Vec<(DocumentId, Finding)> {
        // so many at a time that all threads have work, and no list of lists of a large folder is ever held
        const BATCH: usize = 1 << 12;
        let indexes: Vec<u32> = (0_u32..).take(self.identities.len()).collect();
        let mut all = Vec::new();
        for batch in indexes.chunks(BATCH) {
            let findings: Vec<Findings> =
                batch.par_iter().map(|index| self.judge(set, *index as usize)).collect();
            for (index, findings) in batch.iter().zip(findings) {
                all.extend(findings.into_iter().map(|finding| (DocumentId(*index), finding)));
            }
        }
        all
    }
}
