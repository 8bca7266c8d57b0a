//! The offline side: manifests become the requests that a cluster would see, and answer each other's questions.
//!
//! ```text
//! Inventory ─▶ Canonical: as the API server has them ─▶ Request (a CREATE unless told otherwise) ─▶ mutate ─▶ judge
//!                      └─▶ InputHost: look-ups among the manifests
//! ```

mod alike;
mod canonical;
mod held;
mod identified;
mod unrun;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::NaiveDate;
use foldhash::fast::RandomState;
use rayon::prelude::*;

use crate::admission::{Admission, Stages, admit};
use crate::api;
use crate::apiserver::Received;
use crate::cel::error::Unknown;
use crate::check::{EvaluationLimits, Findings};
use crate::document::{Document, NodeRef};
use crate::finding::{Certainty, Finding, ObjectId, Severity};
use crate::host::inventory::{Added, Beside, InputHost};
use crate::host::levels::Layout;
use crate::host::{HostObject, ObjectKey};
use crate::manifest::{FileId, Inventory};
use crate::matching::Operation;
use crate::request::Request;
use crate::request::{GroupVersionKind, GroupVersionResource, User};
use crate::resource::identity::{Called, Identity};
use crate::resource::workload::{self, Lookalike, TemplatePaths};
use crate::store::PolicySet;
use crate::store::copies::{Copies, CopyOf};

use alike::Alike;
pub use canonical::{Canonical, Parts};
use identified::Identified;

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
    /// The day by which exceptions end.
    pub today: NaiveDate,
    /// Whether findings say what they have judged, by which they are told again in another run.
    pub fingerprints: bool,
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
            // nothing has ended
            today: NaiveDate::MIN,
            fingerprints: true,
        }
    }
}

/// Whether a finding at this node is about something that Istio's injector brings: a container whose image is `auto` says
/// only what shall be other than in the injector's template, which has probes, resources and a user. A finding at a mapping
/// in it is about what is not written there.
fn lacks_what_is_injected(node: NodeRef<'_>) -> bool {
    let mut at = Some(node).filter(|node| node.is_object());
    while let Some(node) = at {
        if node.parent().is_some_and(|list| matches!(list.key(), Some("containers" | "initContainers"))) {
            return node.get_str("image") == Some("auto");
        }
        at = node.parent();
    }
    false
}

/// Whether a finding in an object is about a value that is filled in before anything is applied: nothing is wrong with it
/// yet, and nobody wants to be asked what it will be.
fn is_filled_in(object: NodeRef<'_>, finding: &Finding) -> bool {
    let at = || object.at(&finding.place.pointer);
    match finding.certainty {
        Certainty::Failed => false,
        Certainty::Unknown if finding.message.contains(Unknown::PLACEHOLDER) => true,
        Certainty::Known | Certainty::Unknown => {
            finding.rule.policy.is_some()
                && at().is_some_and(|node| node.is_unknown() || lacks_what_is_injected(node))
        }
    }
}

/// What answers look-ups: the objects as they were written, the forms that kustomizations make of them, and what these
/// generate.
fn host<'i>(
    inventory: &'i Inventory<'i>,
    identities: &[Identity<'i>],
    asking: &'i Asking,
    judged: impl Fn(usize) -> (NodeRef<'i>, Option<u64>),
) -> InputHost<'i> {
    let kustomizations = inventory.kustomizations();
    let mut host = InputHost::new(Layout::new(inventory.paths()), asking.complete);
    host.reserve(identities.len());
    if kustomizations.is_open() {
        host.leave_open();
    }
    for (index, (manifest, identity)) in inventory.manifests().iter().zip(identities).enumerate() {
        let document = u32::try_from(index).ok().map(ObjectId);
        let (file, key) = (manifest.file.index(), identity.key());
        let (root, said) = judged(index);
        let object = HostObject { root, document, partial: false };
        host.add(Added { key, file, object, kustomizations: kustomizations.listing(file), said });
        let written = inventory.object(manifest).at("/metadata/namespace").and_then(NodeRef::as_str);
        let namespaced = identity.namespace.is_some();
        if let Some(namespace) = written.filter(|written| namespaced && *written != key.namespace) {
            host.also(ObjectKey { namespace, ..key }, file, object, said);
        }
        for form in inventory.forms(index) {
            let name = form.name.as_deref().unwrap_or_default();
            let namespace = form.namespace.as_deref().filter(|_| namespaced).unwrap_or(key.namespace);
            let key_of_form = ObjectKey { namespace, name, ..key };
            let (root, said) = form.document.as_ref().map_or((object.root, said), |form| (form.root(), None));
            if key_of_form != key || root != object.root {
                host.also(key_of_form, file, HostObject { root, ..object }, said);
            }
        }
    }
    for made in inventory.generated() {
        let Some(generated) = kustomizations.generated(made) else { continue };
        let namespace = made.namespace.as_deref().unwrap_or(&asking.namespace);
        let key = ObjectKey { group: "", kind: generated.kind, namespace, name: &made.name };
        let root = generated.document.root();
        let object = HostObject { root, document: None, partial: generated.partial };
        host.also(key, made.file, object, None);
    }
    host
}

/// Manifests as a cluster would be asked to take them.
#[derive(Debug)]
pub struct Offline<'i> {
    inventory: &'i Inventory<'i>,
    identified: Arc<Identified<'i>>,
    /// The plurals that requests use.
    plurals: Vec<String>,
    /// The numbers of the plurals, of each.
    resources: Vec<u32>,
    host: InputHost<'i>,
    alike: Alike,
    /// The old objects of an UPDATE, by group, kind, namespace and name.
    old: HashMap<ObjectKey<'i>, NodeRef<'i>>,
    asking: &'i Asking,
    /// What the API server makes of the manifests; none: they are judged as they are written.
    canonical: Option<&'i Canonical<'i>>,
    /// Whether they are judged as they are written all the same.
    as_written: bool,
}

impl<'i> Offline<'i> {
    /// Prepares the requests of all manifests as they are written; `old` holds the objects as they are before an UPDATE.
    #[must_use]
    pub fn new(inventory: &'i Inventory<'i>, old: Option<&'i Inventory<'i>>, asking: &'i Asking) -> Self {
        Self::over(inventory, old, asking, None)
    }

    /// As [`new`](Self::new), but the API server's own mutating policies see the manifests as the server has them.
    #[must_use]
    pub fn written_for(
        inventory: &'i Inventory<'i>,
        old: Option<&'i Inventory<'i>>,
        asking: &'i Asking,
        canonical: Option<&'i Canonical<'i>>,
    ) -> Self {
        Self { canonical, as_written: true, ..Self::new(inventory, old, asking) }
    }

    /// As [`new`](Self::new), with the manifests, and those of `old`, as the API server has them.
    #[must_use]
    pub fn over(
        inventory: &'i Inventory<'i>,
        old: Option<&'i Inventory<'i>>,
        asking: &'i Asking,
        canonical: Option<&'i Canonical<'i>>,
    ) -> Self {
        let identified = canonical.map_or_else(
            || Arc::new(Identified::of(inventory, &asking.namespace)),
            |canonical| Arc::clone(canonical.identified()),
        );
        let Identified { custom, all: identities, .. } = &*identified;
        let mut plurals = Vec::new();
        let mut known: HashMap<(&str, &str), u32, RandomState> = HashMap::default();
        let resource = |identity: &Identity<'i>| {
            let GroupVersionKind { group, kind, .. } = identity.gvk;
            *known.entry((group, kind)).or_insert_with(|| {
                plurals.push(custom.resource(group, kind));
                u32::try_from(plurals.len() - 1).expect("fewer than 4 Gi kinds")
            })
        };
        let resources = identities.iter().map(resource).collect();
        let judged = |index| {
            let canonical = canonical.and_then(|all| all.looked_up(index));
            canonical.unwrap_or_else(|| (inventory.judged(index), None))
        };
        let host = host(inventory, identities, asking, judged);
        let alike = Alike::among(inventory, identities);
        let mut by_key = HashMap::new();
        if let Some(old) = old {
            for (index, manifest) in old.manifests().iter().enumerate() {
                let root = old.object(manifest);
                let identity = identified.identify(root);
                if identity.name.is_some() {
                    by_key.insert(identity.key(), canonical.and_then(|all| all.old(index)).unwrap_or(root));
                }
            }
        }
        Self {
            inventory,
            identified,
            plurals,
            resources,
            host,
            alike,
            old: by_key,
            asking,
            canonical,
            as_written: false,
        }
    }

    /// The object of the manifest at this index that is judged: as the API server has received it, where that is asked for
    /// and it would come so far; else as it is written and the kustomizations of the input make it.
    fn object<'r>(&'r self, index: usize, received: Option<&'r Received<'_, '_>>) -> NodeRef<'r> {
        let canonical = received.filter(|_| !self.as_written).and_then(|received| received.object.as_ref());
        canonical.map_or_else(|| self.inventory.judged(index), Document::root)
    }

    /// What the manifest at this index of the inventory calls itself.
    #[must_use]
    pub fn identity(&self, index: usize) -> Identity<'i> {
        self.identified.all[index]
    }

    /// As [`identity`](Self::identity), for tables that stay when this goes.
    #[must_use]
    pub fn called(&self, index: usize) -> Called<'i> {
        match self.canonical {
            Some(canonical) => Called::Lent(&canonical.identified().all[index]),
            None => Called::Own(Box::new(self.identity(index))),
        }
    }

    /// The other objects, as the manifest at this index of the inventory sees them.
    #[must_use]
    pub fn host(&self, index: usize) -> Beside<'_, 'i> {
        self.host.beside(index)
    }

    fn budget(&self) -> EvaluationLimits {
        let explain = self.asking.explain;
        let today = Some(self.asking.today);
        let fingerprints = self.asking.fingerprints || self.asking.operation == Operation::Update;
        EvaluationLimits {
            deadline: None,
            explain,
            fixes: true,
            in_cluster: false,
            on_all_threads: self.identified.all.len() < rayon::current_num_threads(),
            fingerprints,
            findings_per_rule: None,
            today,
        }
    }

    /// The request about the manifest at this index of the inventory, where its object is held: see [`Canonical::in_parts`].
    #[must_use]
    pub fn request(&self, index: usize) -> Request<'_> {
        self.request_of(index, self.canonical.and_then(|all| all.whole(index)))
    }

    /// Shows the request about the manifest at this index, whose object may be made for it.
    pub fn with_request<R>(&self, index: usize, show: impl FnOnce(&Request<'_>) -> R) -> R {
        let received = self.canonical.map(|all| all.received(index));
        show(&self.request_of(index, received.as_deref()))
    }

    fn request_of<'r>(&'r self, index: usize, received: Option<&'r Received<'_, '_>>) -> Request<'r> {
        let identity = self.identified.all[index];
        let object = self.object(index, received);
        let Asking { namespace: _, operation, user, groups, complete: _, explain: _, today: _, .. } =
            self.asking;
        let old = identity.name.and_then(|_| self.old.get(&identity.key())).copied();
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
        let is_namespace = identity.gvk.group.is_empty() && identity.gvk.kind == "Namespace";
        Request {
            operation: *operation,
            kind: identity.gvk,
            resource: GroupVersionResource {
                group: identity.gvk.group,
                version: identity.gvk.version,
                resource: &self.plurals[self.resources[index] as usize],
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

    /// What of the input was not looked at as it will be applied, and how it can be: folders to build with kustomize,
    /// kinds that keep something like a Pod template where nobody has said so.
    #[must_use]
    pub fn notes(&self, templates: &TemplatePaths) -> Vec<String> {
        const NAMED: usize = 3;
        let mut notes = Vec::new();
        let roots = self.inventory.kustomizations().roots();
        if let Some(first) = roots.first() {
            let named = roots[..roots.len().min(NAMED)].join(", ");
            let more = match roots.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            notes.push(format!(
                "kustomize builds {named}{more}: of patches only replicas are applied here; to lint what is built: \
                 kustomize build {first} | plimsoll lint -"
            ));
        }
        let mut kinds = BTreeMap::new();
        for (index, identity) in self.identified.all.iter().enumerate() {
            let GroupVersionKind { group, version, kind } = identity.gvk;
            let known = api::find(group, kind).is_some()
                || workload::holds_pods(group, kind)
                || templates.declares(group, version, kind);
            if !known && !kinds.contains_key(&(group, kind)) {
                let found = workload::lookalike(self.inventory.judged(index));
                kinds.extend(found.map(|found| ((group, kind), found)));
            }
        }
        notes.extend(kinds.into_iter().map(|((group, kind), Lookalike { path, declarable })| {
            let declare = declarable.map_or_else(String::new, |path| {
                format!("; to have it judged, add to plimsoll.yaml: podTemplates: [{{kind: {group}/*/{kind}, path: {path}}}]")
            });
            format!("{kind} of {group} has containers at {path}, which no policy about workloads looks at{declare}")
        }));
        notes
    }

    /// What becomes of the manifest at this index in these stages, where its object is held: see [`Canonical::in_parts`].
    #[must_use]
    pub fn admit<'r>(
        &'r self,
        set: &PolicySet,
        stages: Stages<'_>,
        index: usize,
    ) -> (Request<'r>, Admission<'r>) {
        let received = self.canonical.and_then(|all| all.whole(index));
        let request = self.request_of(index, received);
        let admission = self.admit_received(set, stages, (index, received), &request);
        (request, admission)
    }

    fn admit_received<'r>(
        &'r self,
        set: &PolicySet,
        stages: Stages<'_>,
        (index, received): (usize, Option<&'r Received<'_, '_>>),
        request: &Request<'r>,
    ) -> Admission<'r> {
        let stages = match self.canonical.zip(received) {
            None => stages,
            Some((all, _)) if self.as_written => stages.written_for(all.serving()),
            Some((all, received)) => {
                let stages = match (received.served, &received.object) {
                    (Some(served), Some(_)) => stages.by(all.serving(), served),
                    (Some(_), None) => stages.refused(),
                    (None, _) => stages,
                };
                stages.after(&received.findings)
            }
        };
        let mut admission = admit(set, stages, request, &self.host(index), self.budget());
        let object = self.object(index, received);
        admission.findings.retain(|finding| !is_filled_in(object, finding));
        let certain = |finding: &&mut Finding| finding.certainty == Certainty::Known && !self.asking.complete;
        for finding in admission.findings.iter_mut().filter(certain) {
            if let Some(other) = self.of_another_build(index, finding) {
                finding.certainty = Certainty::Unknown;
                finding.severity = finding.severity.min(Severity::Warning);
                finding.message = format!(
                    "cannot be decided: {other} belongs to a kustomization that does not include this file"
                );
                finding.related.clear();
                finding.fix.clear();
            }
        }
        admission
    }

    /// The findings of the manifest at this index: of the mutations that could not be made, and of the object
    /// that the others have made.
    #[must_use]
    pub fn judge(&self, set: &PolicySet, index: usize) -> Findings {
        self.judge_one(set, index, Stages::ALL)
    }

    fn judge_one(&self, set: &PolicySet, index: usize, stages: Stages<'_>) -> Findings {
        let received = self.canonical.map(|all| all.received(index));
        let received = received.as_deref();
        let request = self.request_of(index, received);
        self.admit_received(set, stages, (index, received), &request).findings
    }

    /// The object that a finding rests on, where it lies in another folder and is built without this one: what is applied in
    /// its place here is not in the input.
    fn of_another_build(&self, index: usize, finding: &Finding) -> Option<String> {
        let manifests = self.inventory.manifests();
        let paths = self.inventory.paths();
        let file = manifests.get(index)?.file.index();
        let folder =
            |file: usize| paths.get(file).map(|path| path.rsplit_once('/').map_or("", |(folder, _)| folder));
        let other = finding.related.iter().filter_map(|related| related.document).find(|other| {
            let other = manifests.get(other.0 as usize).map(|manifest| manifest.file.index());
            other.is_some_and(|other| {
                folder(other) != folder(file) && !self.inventory.kustomizations().are_together(file, other)
            })
        })?;
        let identity = self.identified.all.get(other.0 as usize)?;
        Some(format!("{} {}", identity.gvk.kind, identity.name.unwrap_or_default()))
    }

    /// The findings of all manifests, in parallel; in the order of the inventory at any number of threads.
    #[must_use]
    pub fn judge_all(&self, set: &PolicySet) -> Vec<(ObjectId, Finding)> {
        let mut all = Vec::new();
        self.judge_each(|_| set, &|| {}, |id, finding| all.push((id, finding)));
        all
    }

    /// As [`judge_all`](Self::judge_all), each by the policies of its file; `judged` is called for each manifest, and
    /// `take` is given one finding after the other.
    pub fn judge_each<'s>(
        &self,
        set: impl Fn(FileId) -> &'s PolicySet + Sync,
        judged: &(dyn Fn() + Sync),
        mut take: impl FnMut(ObjectId, Finding),
    ) {
        let set = |index: usize| set(self.inventory.manifests()[index].file);
        // so many at a time that all threads have work, and few findings wait to be taken
        const BATCH: usize = 1 << 9;
        let indexes: Vec<u32> = (0_u32..).take(self.identified.all.len()).collect();
        let mut kinds: Vec<(&PolicySet, HashSet<&str, RandomState>)> = Vec::new();
        for (index, identity) in self.identified.all.iter().enumerate() {
            let set = set(index);
            let of_set = kinds.iter_mut().find(|(met, _)| std::ptr::eq(*met, set));
            match of_set {
                Some((_, kinds)) => _ = kinds.insert(identity.gvk.kind),
                None => kinds.push((set, HashSet::from_iter([identity.gvk.kind]))),
            }
        }
        let is_received = !self.as_written && self.asking.operation == Operation::Create;
        let accepts_all = is_received && self.canonical.is_some_and(Canonical::accepts_all);
        kinds.into_iter().for_each(|(set, kinds)| set.meet(kinds, accepts_all.then_some(&[])));
        let copies = Copies::of(self.identified.all.len());
        for batch in indexes.chunks(BATCH) {
            let findings = batch.par_iter().map(|index| {
                let index = *index as usize;
                let copy = self.alike.common(index).map(|common| CopyOf { copies: &copies, common });
                let findings = self.judge_one(set(index), index, Stages::ALL.of_copies(copy));
                judged();
                findings
            });
            let findings: Vec<Findings> = findings.collect();
            for (index, findings) in batch.iter().zip(findings) {
                findings.into_iter().for_each(|finding| take(ObjectId(*index), finding));
            }
        }
    }
}
