//! Which policies apply to a request: kinds, operations, namespaces, selectors, exclusions.
//!
//! The cheap questions come first: a policy set is indexed by kind ([`crate::store::PolicySet`]), then
//! operation and names are compared, and only then is a namespace looked up.

mod globs;
mod kinds;
mod reach;

use crate::host::{Host, Lookup, ObjectKey};
use crate::request::Request;
use crate::resource::selector::LabelSelector;
use crate::resource::workload::TemplatePaths;

pub use crate::request::Operation;
pub use globs::{Globs, GlobsError};
pub use kinds::{KindMatch, KindPattern, KindPatternError, Kinds, Target};
pub use reach::{BOOTSTRAP, BOOTSTRAP_NAMES, RBAC, Reach, is_bootstrap, reach, unasked};

/// What a policy is about.
#[derive(Debug)]
pub struct Scope {
    /// The kinds.
    pub kinds: Kinds,
    /// The operations.
    pub operations: Vec<Operation>,
    /// The namespaces, by name; `None`: any, and cluster-scoped objects too.
    pub namespaces: Option<Globs>,
    /// The only namespace of a namespaced policy.
    pub own_namespace: Option<String>,
    /// The namespaces, by label.
    pub namespace_selector: Option<LabelSelector>,
    /// The objects, by label; the object or the old one.
    pub object_selector: Option<LabelSelector>,
    /// What is left alone.
    pub exclude: Option<Exclusion>,
}

/// What a policy leaves alone: what all of these match.
#[derive(Debug)]
pub struct Exclusion {
    /// The kinds.
    pub kinds: Option<Kinds>,
    /// The namespaces, by name.
    pub namespaces: Option<Globs>,
    /// The namespaces, by label.
    pub namespace_selector: Option<LabelSelector>,
    /// The objects, by label.
    pub object_selector: Option<LabelSelector>,
}

/// Whether a policy applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applies {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// What is at hand cannot tell; the text says what would be needed.
    Unknown(String),
    /// The question could not be asked.
    Failed(String),
}

impl Applies {
    /// Both must hold; a certain *no* wins.
    fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Yes => other(),
            Self::No => Self::No,
            open => match other() {
                Self::No => Self::No,
                _ => open,
            },
        }
    }

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            open => open,
        }
    }

    fn known(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// Whether `request` is in a scope.
pub fn is_in(scope: &Scope, templates: &TemplatePaths, request: &Request<'_>, host: &dyn Host) -> Applies {
    if !scope.operations.contains(&request.operation) || !scope.kinds.matches(request, templates) {
        return Applies::No;
    }
    if scope.own_namespace.as_deref().is_some_and(|own| request.namespace_name() != Some(own)) {
        return Applies::No;
    }
    if !namespace_in(scope.namespaces.as_ref(), request) {
        return Applies::No;
    }
    Applies::known(object_selected(scope.object_selector.as_ref(), request))
        .and(|| namespace_selected(scope.namespace_selector.as_ref(), request, host))
        .and(|| match &scope.exclude {
            Some(exclude) => excluded(exclude, templates, request, host).not(),
            None => Applies::Yes,
        })
}

fn excluded(
    exclude: &Exclusion,
    templates: &TemplatePaths,
    request: &Request<'_>,
    host: &dyn Host,
) -> Applies {
    let Exclusion { kinds, namespaces, namespace_selector, object_selector } = exclude;
    Applies::known(kinds.as_ref().is_none_or(|kinds| kinds.matches(request, templates)))
        .and(|| Applies::known(namespace_in(namespaces.as_ref(), request)))
        .and(|| Applies::known(is_left_alone(object_selector.as_ref(), request)))
        .and(|| namespace_selected(namespace_selector.as_ref(), request, host))
}

/// By the labels that the object shall have: one that gives up the label that kept it out is judged.
fn is_left_alone(selector: Option<&LabelSelector>, request: &Request<'_>) -> bool {
    let Some(selector) = selector else { return true };
    request.subject().is_some_and(|object| selector.matches(object.at("/metadata/labels")))
}

fn namespace_in(globs: Option<&Globs>, request: &Request<'_>) -> bool {
    match (globs, request.namespace_name()) {
        (None, _) => true,
        (Some(globs), Some(namespace)) => globs.matches(namespace),
        (Some(globs), None) => globs.matches_everything(),
    }
}

/// The object or, where that does not match, the old one, as the API server selects.
fn object_selected(selector: Option<&LabelSelector>, request: &Request<'_>) -> bool {
    let Some(selector) = selector else { return true };
    [request.object, request.old_object]
        .into_iter()
        .flatten()
        .any(|object| selector.matches(object.at("/metadata/labels")))
}

/// Cluster-scoped objects other than Namespaces pass every selector; a Namespace is judged by its own
/// labels (apiserver `pkg/admission/plugin/webhook/predicates/namespace/matcher.go`).
fn namespace_selected(selector: Option<&LabelSelector>, request: &Request<'_>, host: &dyn Host) -> Applies {
    let Some(selector) = selector.filter(|s| !s.is_everything()) else { return Applies::Yes };
    if request.is_namespace()
        && let Some(object) = request.object.or(request.old_object)
    {
        return Applies::known(selector.matches(object.at("/metadata/labels")));
    }
    let Some(name) = request.namespace_name() else { return Applies::Yes };
    match host.get(ObjectKey { group: "", kind: "Namespace", namespace: "", name }) {
        Lookup::Known(namespace) => Applies::known(selector.matches(namespace.root.at("/metadata/labels"))),
        Lookup::Absent => Applies::known(selector.matches(None)),
        Lookup::Unknown(what) => Applies::Unknown(what),
        Lookup::Failed(why) => Applies::Failed(why),
    }
}
