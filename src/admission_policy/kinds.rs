//! Which kinds the API server serves, in which versions: what `matchPolicy: Equivalent` and `paramKind` go by.

use std::collections::BTreeMap;

use crate::api::{self, Role, Scope};
use crate::document::NodeRef;

/// A group, a version and a resource or a kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Named {
    /// Empty for the core group.
    pub group: String,
    /// The version.
    pub version: String,
    /// The resource in the plural, or the kind.
    pub name: String,
}

impl Named {
    /// Of its parts.
    #[must_use]
    pub fn new(group: &str, version: &str, name: &str) -> Self {
        Self { group: group.to_owned(), version: version.to_owned(), name: name.to_owned() }
    }

    /// `apps/v1`, or `v1` in the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// What is served.
#[derive(Debug, Clone)]
pub struct Kinds {
    minor: u32,
    /// Whether what is neither built in nor defined is not there, rather than unknown.
    complete: bool,
    /// Group → kind → definition.
    custom: BTreeMap<String, BTreeMap<String, Custom>>,
}

#[derive(Debug, Clone)]
struct Custom {
    resource: String,
    scope: Scope,
    versions: Vec<CustomVersion>,
}

#[derive(Debug, Clone)]
struct CustomVersion {
    name: String,
    status: bool,
    scale: bool,
}

/// What is known of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Serving {
    /// It is served; where its objects live.
    Served(Scope),
    /// It is not.
    Not,
    /// Its definition is not at hand.
    Unknown,
}

/// Groups whose resources are stored as the same objects
/// (kubernetes `pkg/kubeapiserver/default_storage_factory_builder.go`, AddCohabitatingResources).
const COHABITING: [(&str, &str); 2] = [("", "events"), ("events.k8s.io", "events")];

impl Kinds {
    /// Those that Kubernetes `1.minor` has itself. `complete`: there are no others than those that are added.
    #[must_use]
    pub fn new(minor: u32, complete: bool) -> Self {
        Self { minor, complete, custom: BTreeMap::new() }
    }

    /// The minor release.
    #[must_use]
    pub fn minor(&self) -> u32 {
        self.minor
    }

    /// Adds what a CustomResourceDefinition (v1) defines.
    pub fn define(&mut self, definition: NodeRef<'_>) {
        let at = |pointer: &str| definition.at(pointer).and_then(NodeRef::as_str);
        let (Some(group), Some(kind), Some(resource)) =
            (at("/spec/group"), at("/spec/names/kind"), at("/spec/names/plural"))
        else {
            return;
        };
        let scope = if at("/spec/scope") == Some("Cluster") { Scope::Cluster } else { Scope::Namespaced };
        let version = |version: NodeRef<'_>| {
            let has = |name| version.get("subresources").and_then(|all| all.get_present(name)).is_some();
            let name = version.get_str("name")?.to_owned();
            let served = version.get("served").and_then(NodeRef::as_bool).unwrap_or(true);
            served.then(|| CustomVersion { name, status: has("status"), scale: has("scale") })
        };
        let versions = definition.at("/spec/versions").into_iter().flat_map(NodeRef::items);
        let custom =
            Custom { resource: resource.to_owned(), scope, versions: versions.filter_map(version).collect() };
        self.custom.entry(group.to_owned()).or_default().insert(kind.to_owned(), custom);
    }

    /// Whether a kind is served in a version.
    #[must_use]
    pub fn serving(&self, kind: &Named) -> Serving {
        let Named { group, version, name } = kind;
        if let Some(row) = api::find(group, name) {
            let served = row.versions.iter().any(|v| v.name == version && v.is_served_by(self.minor));
            return match row.scope.filter(|_| served && !row.resource.is_empty()) {
                Some(scope) => Serving::Served(scope),
                None => Serving::Not,
            };
        }
        if let Some(custom) = self.custom.get(group).and_then(|kinds| kinds.get(name)) {
            let served = custom.versions.iter().any(|v| v.name == *version);
            return if served { Serving::Served(custom.scope) } else { Serving::Not };
        }
        match self.complete || api::is_own_group(group) {
            true => Serving::Not,
            false => Serving::Unknown,
        }
    }

    /// Whether the API server knows a group's kinds as its own, not by a definition.
    #[must_use]
    pub fn is_custom(&self, group: &str, kind: &str) -> bool {
        api::find(group, kind).is_none()
    }

    /// The resources under which the same objects can be asked for, with what is sent to the subresource there
    /// (apimachinery `pkg/runtime/mapper.go`, EquivalentResourcesFor and KindFor).
    #[must_use]
    pub fn equivalents(&self, group: &str, resource: &str, subresource: &str) -> Vec<(Named, Named)> {
        let own = [(group, resource)];
        let groups: &[(&str, &str)] =
            if COHABITING.contains(&(group, resource)) { &COHABITING } else { &own };
        groups.iter().flat_map(|(group, resource)| self.versions_of(group, resource, subresource)).collect()
    }

    fn versions_of(&self, group: &str, resource: &str, subresource: &str) -> Vec<(Named, Named)> {
        let row = api::by_resource(group, resource).filter(|row| row.role == Role::BuiltIn);
        let named = |version: &str, kind: Named| (Named::new(group, version, resource), kind);
        if let Some(row) = row {
            let served = row.versions.iter().filter(|version| version.is_served_by(self.minor));
            let kind = |version: &str| {
                if subresource.is_empty() {
                    return Some(Named::new(group, version, row.kind));
                }
                let below = row.subresources.iter().find(|below| below.name == subresource)?;
                let [group, version, kind] = below.body.unwrap_or([row.group, version, row.kind]);
                Some(Named::new(group, version, kind))
            };
            return served.filter_map(|v| Some(named(v.name, kind(v.name)?))).collect();
        }
        let found =
            self.custom.get(group).and_then(|kinds| kinds.iter().find(|(_, c)| c.resource == resource));
        let Some((kind, custom)) = found else { return Vec::new() };
        let kind = |version: &CustomVersion| match subresource {
            "" => Some(Named::new(group, &version.name, kind)),
            "status" if version.status => Some(Named::new(group, &version.name, kind)),
            "scale" if version.scale => Some(Named::new("autoscaling", "v1", "Scale")),
            _ => None,
        };
        custom.versions.iter().filter_map(|v| Some(named(&v.name, kind(v)?))).collect()
    }
}
