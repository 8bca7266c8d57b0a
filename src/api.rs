//! What every kind is: its resource, its scope, which releases of Kubernetes serve it in which versions, its subresources
//! and what is sent to each, where its Pod templates are. One table, and nothing beside it.
//!
//! ```text
//! kubernetes-validate 1.37.0 (PyPI): definitions of 1.25 to 1.37 ─┐
//! ../shared/vectors/admission/schemas: discovery of a live 1.36.3 ─┼─▶ tools/api/generate.py ─▶ api/table.rs
//! tools/api/known.txt: what neither tells, each row with a source ─┘       (`just api`)    └─▶ policy api-version
//! ```
//!
//! `generate.py --verify` compares the table with the OpenAPI documents of the API servers themselves, release by release.
//! Kinds are Kubernetes' own and some that many clusters install ([`Role`]); what is not here is unknown, unless a
//! CustomResourceDefinition tells of it.
//!
//! The table is static data, sorted by kind and group, with a hash table of the names beside it; nothing is made at
//! start. Schemas are to come beside it in the same way: a static array of them, written by the same tool, sorted by
//! kind, group and version as [`Kind`] and [`Version`] are, so that group, version and kind find a schema as they find a
//! row, and no schema is decoded that nobody asks for.

mod plural;
#[rustfmt::skip]
mod table;
#[cfg(test)]
mod tests;

pub use plural::{has_untold_plural, may_be_plural};
use table::{BY_RESOURCE, GROUPS, KINDS};

/// The newest minor release of Kubernetes that the table knows.
pub const NEWEST: u8 = table::NEWEST;
/// The oldest one whose kinds are [built in](Role::BuiltIn).
pub const OLDEST: u8 = table::OLDEST;
/// Subresources to which connections are made, and nothing else is done with them.
pub const CONNECTED: &[&str] = &table::CONNECTED;

/// From the beginning, or from a release older than anybody asks for.
const ALWAYS: u8 = 0;
/// With no end that is known.
const OPEN: u8 = u8::MAX;

/// Whether objects of a kind live in namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// Above the namespaces.
    Cluster,
}

/// What a kind is to an API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A resource of its own, served by some release since [`OLDEST`].
    BuiltIn,
    /// Sent to a subresource, and no resource.
    Body,
    /// Served by older releases only, or never a resource: `Status`, `PodSecurityPolicy`.
    Other,
    /// Of somebody's CustomResourceDefinition.
    Custom,
}

/// A version of a kind, and the minor releases that serve it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// As in `apiVersion`, without the group.
    pub name: &'static str,
    first: u8,
    last: u8,
}

/// A subresource of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subresource {
    /// As in `pods/exec`.
    pub name: &'static str,
    /// Group, version and kind of what is sent to it; `None`: the object itself.
    pub body: Option<[&'static str; 3]>,
    first: u8,
    last: u8,
    /// Whether it can only be read.
    pub read_only: bool,
}

/// A kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// As in `kind:`.
    pub kind: &'static str,
    /// The API group, `""` for the core one.
    pub group: &'static str,
    /// The plural under which requests name it; empty where there is none.
    pub resource: &'static str,
    /// What it is.
    pub role: Role,
    /// Where its objects live; the same in all versions.
    pub scope: Option<Scope>,
    /// The most stable first. Custom kinds have none: their definitions know.
    pub versions: &'static [Version],
    /// By name.
    pub subresources: &'static [Subresource],
    /// Below which pointers there is what has `metadata` and a Pod's `spec`.
    pub templates: &'static [&'static str],
    /// Whether it can only be read.
    pub read_only: bool,
    /// Whether it has `spec.replicas`, 1 where that is left out.
    pub counted: bool,
}

fn serves(first: u8, last: u8, minor: u32) -> bool {
    (u32::from(first)..=u32::from(last)).contains(&minor)
}

impl Version {
    /// Whether Kubernetes `1.minor` serves it; of releases after [`NEWEST`] as far as it is announced.
    #[must_use]
    pub fn is_served_by(&self, minor: u32) -> bool {
        serves(self.first, self.last, minor)
    }

    /// The first minor release that serves it; `None`: older than the table, or nobody knows.
    #[must_use]
    pub fn first(&self) -> Option<u8> {
        (self.first != ALWAYS).then_some(self.first)
    }

    /// The last one, which may lie ahead; `None`: no end is announced.
    #[must_use]
    pub fn last(&self) -> Option<u8> {
        (self.last != OPEN).then_some(self.last)
    }
}

impl Subresource {
    /// Whether Kubernetes `1.minor` has it, where it serves the kind.
    #[must_use]
    pub fn is_served_by(&self, minor: u32) -> bool {
        serves(self.first, self.last, minor)
    }
}

/// Whether a release since [`OLDEST`] is among these.
fn is_recent(first: u8, last: u8) -> bool {
    first <= NEWEST && last >= OLDEST
}

impl Kind {
    /// The versions that some release since [`OLDEST`] serves, the most stable first.
    pub fn recent_versions(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.versions.iter().filter(|version| is_recent(version.first, version.last)).map(|v| v.name)
    }

    /// The subresources that some release since [`OLDEST`] has.
    pub fn recent_subresources(&self) -> impl Iterator<Item = &'static Subresource> + use<> {
        self.subresources.iter().filter(|subresource| is_recent(subresource.first, subresource.last))
    }

    /// Whether it can be scaled.
    #[must_use]
    pub fn is_scalable(&self) -> bool {
        self.recent_subresources().any(|subresource| subresource.name == "scale")
    }
}

/// Every kind of the table, by kind and group.
#[must_use]
pub fn all() -> &'static [Kind] {
    &KINDS
}

/// Every built-in kind, by kind and group.
pub fn built_in() -> impl Iterator<Item = &'static Kind> + Clone {
    KINDS.iter().filter(|row| row.role == Role::BuiltIn)
}

/// The rows of this name, the core group before the others.
fn rows(kind: &str) -> &'static [Kind] {
    let mut at = place(kind);
    while BY_NAME[at] != 0 {
        let start = usize::from(BY_NAME[at]) - 1;
        if KINDS[start].kind == kind {
            // most kinds are of one group
            let count = KINDS[start..].iter().take_while(|row| row.kind == kind).count();
            return &KINDS[start..start + count];
        }
        at = (at + 1) % PLACES;
    }
    &[]
}

/// The first row of each name, counted from 1, in its [`place`] or behind it; 0 where there is none. Every object is asked for its
/// kind some times.
static BY_NAME: [u8; PLACES] = {
    let mut rows = [0; PLACES];
    let mut row = 0;
    while row < KINDS.len() {
        if row == 0 || !is_same(KINDS[row].kind, KINDS[row - 1].kind) {
            let mut at = place(KINDS[row].kind);
            while rows[at] != 0 {
                at = (at + 1) % PLACES;
            }
            rows[at] = row as u8 + 1;
        }
        row += 1;
    }
    rows
};

/// Several for each row, of which a byte holds the number.
const PLACES: usize = 1 << 9;
const _: () = assert!(KINDS.len() < u8::MAX as usize && 2 * KINDS.len() < PLACES);

const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// Where a name is looked for first (FNV-1a).
const fn place(name: &str) -> usize {
    let (name, mut hash, mut at) = (name.as_bytes(), 0x811c_9dc5_u32, 0);
    while at < name.len() {
        hash = (hash ^ name[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    (hash ^ hash >> 16) as usize % PLACES
}

/// The row of a group and kind.
#[must_use]
pub fn get(group: &str, kind: &str) -> Option<&'static Kind> {
    rows(kind).iter().find(|row| row.group == group)
}

/// Whether a kind of this name is built in, in whatever group.
#[must_use]
pub fn is_built_in(kind: &str) -> bool {
    rows(kind).iter().any(|row| row.role == Role::BuiltIn)
}

/// Whether a kind of this name is sent to a subresource and is no object of its own.
pub fn is_body(kind: &str) -> bool {
    rows(kind).iter().any(|row| row.role == Role::Body)
}

/// Whether a kind of this name holds Pods, or templates of them: one of [`with_pods`].
pub fn is_with_pods(kind: &str) -> bool {
    rows(kind).iter().any(|row| !row.templates.is_empty())
}

/// Whether Kubernetes has or had a kind of this name, in whatever group and for whatever purpose.
#[must_use]
pub fn is_kubernetes(kind: &str) -> bool {
    rows(kind).iter().any(|row| row.role != Role::Custom)
}

/// The built-in of this group and kind, whatever its version.
#[must_use]
pub fn find(group: &str, kind: &str) -> Option<&'static Kind> {
    get(group, kind).filter(|row| row.role == Role::BuiltIn)
}

/// The kind that requests for this resource are about.
#[must_use]
pub fn by_resource(group: &str, resource: &str) -> Option<&'static Kind> {
    let row = |index: &u16| &KINDS[usize::from(*index)];
    let key = |index: &u16| (row(index).group, row(index).resource);
    BY_RESOURCE.binary_search_by_key(&(group, resource), key).ok().map(|at| row(&BY_RESOURCE[at]))
}

/// Whether API servers serve the group, or served it, themselves: it has no kinds but those of the table.
#[must_use]
pub fn is_own_group(group: &str) -> bool {
    GROUPS.binary_search(&group).is_ok()
}

/// What is sent to subresources and is no object of its own.
pub fn bodies() -> impl Iterator<Item = &'static Kind> + Clone {
    KINDS.iter().filter(|row| row.role == Role::Body)
}

/// Where objects of this kind live, if the table has it.
#[must_use]
pub fn scope(group: &str, kind: &str) -> Option<Scope> {
    get(group, kind)?.scope
}

/// The resource of a kind: from the table, else guessed as kubectl guesses (`meta.UnsafeGuessKindToResource`).
#[must_use]
pub fn resource_of(group: &str, kind: &str) -> String {
    match get(group, kind) {
        Some(row) if !row.resource.is_empty() => row.resource.to_owned(),
        _ => plural::guess(kind),
    }
}

/// The kinds that hold Pods, or templates of them.
pub fn with_pods() -> impl Iterator<Item = &'static Kind> + Clone {
    KINDS.iter().filter(|row| !row.templates.is_empty())
}

/// The built-in kinds of which there are Pods: all with a template but PodTemplate, of which nothing is made.
pub fn workloads() -> impl Iterator<Item = &'static Kind> + Clone {
    with_pods().filter(|row| row.role == Role::BuiltIn && row.kind != "PodTemplate")
}
