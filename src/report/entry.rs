//! A finding, and the object it is of.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::document::NodeRef;
use crate::finding::{Finding, ObjectId, OfObject, PolicyRef, Print, RuleInfo, readable};
use crate::manifest::{FileId, Inventory, Manifest};
use crate::resource::identity::{Called, Identity};

/// A finding, and what it is of.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The index of the [`ReportedObject`].
    pub subject: ObjectId,
    /// What was found; of its own severity and those of `also`, the highest counts.
    pub finding: Finding,
    /// What was found at the same node and says less.
    pub also: Vec<Finding>,
}

/// What others may be folded into.
pub(super) trait Leads {
    /// Takes one that says less at the same node.
    fn lead(&mut self, folded: Self);
}

impl Leads for Entry {
    fn lead(&mut self, folded: Self) {
        self.finding.severity = self.finding.severity.max(folded.finding.severity);
        self.also.push(folded.finding);
    }
}

/// Folds what says less into what says more at the same node: `led` says which entry leads each, if one does.
pub(super) fn fold<T: Leads>(entries: Vec<T>, led: &[Option<usize>]) -> Vec<T> {
    if led.iter().all(Option::is_none) {
        return entries;
    }
    let (mut leading, mut folded) = (Vec::with_capacity(entries.len()), Vec::new());
    // where what leads stands now
    let mut places = vec![0; entries.len()];
    for ((entry, leader), place) in entries.into_iter().zip(led).zip(&mut places) {
        match leader {
            Some(leader) => folded.push((*leader, entry)),
            None => {
                *place = leading.len();
                leading.push(entry);
            }
        }
    }
    for (leader, entry) in folded {
        leading[places[leader]].lead(entry);
    }
    leading
}

/// A rule, told from others by its name.
#[derive(Debug, Clone)]
pub(super) struct NamedRule(pub(super) Arc<RuleInfo>);

impl NamedRule {
    fn name(&self) -> (&str, Option<&PolicyRef>) {
        (&self.0.code, self.0.policy.as_ref())
    }
}

impl PartialEq for NamedRule {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for NamedRule {}

impl PartialOrd for NamedRule {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for NamedRule {
    fn cmp(&self, other: &Self) -> Ordering {
        match Arc::ptr_eq(&self.0, &other.0) {
            true => Ordering::Equal,
            false => self.name().cmp(&other.name()),
        }
    }
}

/// An object of the input, as findings and related places refer to it.
#[derive(Debug, Clone)]
pub struct ReportedObject<'i> {
    /// The file that the object is in.
    pub file: FileId,
    /// Which document of the file, counted from 0.
    pub document: u32,
    /// Which item, counted from 0, where the document is a `List`.
    pub item: Option<u32>,
    /// The object as it was read: the document's root, or that of the item.
    pub object: NodeRef<'i>,
    /// What the object calls itself; `None` where it is none.
    pub called: Option<Called<'i>>,
}

impl<'i> ReportedObject<'i> {
    /// A manifest of the inventory.
    #[must_use]
    pub fn of(inventory: &'i Inventory<'i>, manifest: &Manifest, called: Called<'i>) -> Self {
        let Manifest { document: _, root: _, file, index, item } = *manifest;
        Self { file, document: index, item, object: inventory.object(manifest), called: Some(called) }
    }

    /// What the object calls itself; `None` where it is none.
    #[must_use]
    pub fn identity(&self) -> Option<Identity<'i>> {
        self.called.as_deref().copied()
    }
}

/// Which of its like in the file each subject is, counted from 0: where the server makes the name, nothing else tells
/// one from another.
pub(super) fn ordinals(subjects: &[ReportedObject<'_>]) -> Vec<u32> {
    let mut seen: HashMap<(FileId, &str, &str, &str), u32> = HashMap::new();
    subjects
        .iter()
        .map(|subject| {
            let Some(identity) = subject.identity().filter(|identity| identity.name.is_none()) else {
                return 0;
            };
            let namespace = identity.namespace.unwrap_or_default();
            let like = (subject.file, identity.gvk.group, identity.gvk.kind, namespace);
            let count = seen.entry(like).or_default();
            *count += 1;
            *count - 1
        })
        .collect()
}

/// Subjects, and which of its like in the file each is: what tells them from each other, whatever files they are in.
#[derive(Clone, Copy)]
pub(super) struct Named<'r, 'i> {
    pub(super) subjects: &'r [ReportedObject<'i>],
    pub(super) ordinals: &'r [u32],
}

impl Named<'_, '_> {
    /// The object, as fingerprints name it.
    pub(super) fn of(&self, id: ObjectId) -> OfObject<'_> {
        let index = id.0 as usize;
        let identity = self.subjects[index].identity().unwrap_or_default();
        let ordinal = self.ordinals.get(index).copied().unwrap_or_default() as usize;
        OfObject {
            group: identity.gvk.group,
            kind: identity.gvk.kind,
            namespace: identity.namespace.unwrap_or_default(),
            name: identity.name.ok_or(ordinal),
        }
    }

    /// The same for the same fault of the same object in another run.
    pub(super) fn fingerprint(&self, id: ObjectId, finding: &Finding) -> Print {
        finding.fingerprint.in_report(&finding.rule, self.of(id))
    }

    /// The object, as in `Deployment.apps shop/web`.
    pub(super) fn object(&self, id: ObjectId) -> String {
        let OfObject { group, kind, namespace, name } = self.of(id);
        let dot = if group.is_empty() { "" } else { "." };
        let slash = if namespace.is_empty() { "" } else { "/" };
        let name = name.map_or_else(|ordinal| format!("#{ordinal}"), str::to_owned);
        format!("{kind}{dot}{group} {namespace}{slash}{name}")
    }
}

impl Serialize for Identity<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Identity", 4)?;
        object.serialize_field("apiVersion", &self.gvk.api_version())?;
        object.serialize_field("kind", self.gvk.kind)?;
        object.serialize_field("namespace", &self.namespace)?;
        object.serialize_field("name", &self.name)?;
        object.end()
    }
}

impl std::fmt::Display for Identity<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = self.gvk.kind;
        let name = self.name.unwrap_or("(without a name)");
        match self.namespace {
            Some(namespace) => f.write_str(&readable(&format!("{kind} {namespace}/{name}"))),
            None => f.write_str(&readable(&format!("{kind} {name}"))),
        }
    }
}
