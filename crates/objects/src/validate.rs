//! What the API server refuses with 422: the hand-written rules of built-in kinds (pkg/apis/*/validation).
//!
//! Each area has a table of its own, [`Rules`] per kind; this file joins them. The object is the one that a
//! mutating webhook sees: in canonical form, with its defaults.

pub mod admission;
pub mod apps;
pub mod autoscaling;
pub mod batch;
pub mod core;
mod cron;
pub mod definition;
mod endpoints;
pub mod ingress;
mod int_or_percent;
mod named;
pub mod network;
pub mod pod;
pub mod policy;
pub mod rbac;
pub mod resource;
mod rules;
pub mod service;
pub mod storage;
pub mod system;
mod template;

pub use named::is_judged_alike_by_any_plain_name;

use crate::field::{At, Causes};
use crate::meta;
use document::NodeRef;

/// What kind of object it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind<'k> {
    /// Empty for core kinds.
    pub group: &'k str,
    /// Of the written object; rules depend on it in a few places only.
    pub version: &'k str,
    /// `Pod`
    pub kind: &'k str,
}

/// An object to be judged, and what it replaces.
#[derive(Debug, Clone, Copy)]
pub struct Submitted<'d> {
    /// Its kind.
    pub kind: Kind<'d>,
    /// The object, from its root.
    pub at: At<'d>,
    /// The stored object, on UPDATE.
    pub old: Option<At<'d>>,
}

/// The rules of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// API group, empty for core kinds.
    pub group: &'static str,
    /// The kind that the rules are for.
    pub kind: &'static str,
    /// Whether objects of the kind stand in a namespace.
    pub namespaced: bool,
    /// Adds what is wrong, on CREATE and UPDATE alike, metadata included.
    pub check: for<'d> fn(&Submitted<'d>, &mut Causes),
    /// What the server warns of; asked only where nothing is wrong.
    pub warn: Option<for<'d> fn(&Submitted<'d>, &mut Vec<String>)>,
}

fn tables() -> impl Iterator<Item = &'static Rules> {
    [
        admission::RULES,
        apps::RULES,
        autoscaling::RULES,
        batch::RULES,
        core::RULES,
        definition::RULES,
        ingress::RULES,
        network::RULES,
        pod::RULES,
        policy::RULES,
        rbac::RULES,
        resource::RULES,
        service::RULES,
        storage::RULES,
        system::RULES,
    ]
    .into_iter()
    .flatten()
}

fn rules(group: &str, kind: &str) -> Option<&'static Rules> {
    tables().find(|rules| rules.group == group && rules.kind == kind)
}

/// Whether the hand-written rules of a kind are here. Of all others only the metadata is judged.
#[must_use]
pub fn covers(group: &str, kind: &str) -> bool {
    rules(group, kind).is_some()
}

/// The kinds whose hand-written rules are here, as group and kind, sorted.
#[must_use]
pub fn covered() -> Vec<(&'static str, &'static str)> {
    let mut kinds: Vec<_> = tables().map(|rules| (rules.group, rules.kind)).collect();
    kinds.sort_unstable();
    kinds
}

/// Everything for which the server would refuse the object with 422.
///
/// What is checked of every object comes after the kind's own rules on CREATE, and only where those found
/// nothing; on UPDATE it comes before (rest.BeforeCreate, rest.BeforeUpdate).
#[must_use]
pub fn validate<'d>(kind: Kind<'d>, object: NodeRef<'d>, old: Option<NodeRef<'d>>) -> Causes {
    let subject = Submitted { kind, at: At::root(object), old: old.map(At::root) };
    let mut causes = Causes::new();
    if subject.old.is_some() {
        meta::validate_any(&subject, &mut causes);
    }
    if let Some(rules) = rules(kind.group, kind.kind) {
        (rules.check)(&subject, &mut causes);
    }
    if subject.old.is_none() && causes.is_empty() {
        meta::validate_any(&subject, &mut causes);
    }
    causes
}

/// What the server warns of when it accepts the object.
#[must_use]
pub fn warnings<'d>(kind: Kind<'d>, object: NodeRef<'d>, old: Option<NodeRef<'d>>) -> Vec<String> {
    let subject = Submitted { kind, at: At::root(object), old: old.map(At::root) };
    let mut warnings = Vec::new();
    if let Some(warn) = rules(kind.group, kind.kind).and_then(|rules| rules.warn) {
        warn(&subject, &mut warnings);
    }
    warnings
}
