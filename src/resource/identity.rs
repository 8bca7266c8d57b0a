//! Which object a document is: its kind, its names, whom it belongs to.
//!
//! An object tells less than it seems. Its group and version stand in one string; its namespace may be left out, and
//! then depends on where it is going; and whether it has one at all depends on its kind, which for custom kinds only the
//! CustomResourceDefinition knows ([`Scopes`]).

use std::collections::BTreeMap;

use super::kinds::{self, Scope};
use crate::document::{NodeId, NodeRef};

/// Where objects go that name no namespace, when nobody says otherwise: kubectl's default.
pub const DEFAULT_NAMESPACE: &str = "default";

/// A group, a version and a kind; the core group is `""`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupVersionKind<'d> {
    /// The API group.
    pub group: &'d str,
    /// The version.
    pub version: &'d str,
    /// The kind.
    pub kind: &'d str,
}

/// An object as it names itself.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'d> {
    /// What it is.
    pub gvk: GroupVersionKind<'d>,
    /// Its name; an object made by `generateName` has none before the API server gives it one.
    pub name: Option<&'d str>,
    /// What its name is to start with.
    pub generate_name: Option<&'d str>,
    /// The namespace it names, which its kind may not have.
    pub written_namespace: Option<&'d str>,
    root: NodeRef<'d>,
}

/// Why a document is no Kubernetes object, and the node to point at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct IdentityError {
    /// Where.
    pub node: NodeId,
    /// What is wrong.
    pub reason: IdentityReason,
}

/// What keeps a document from being an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityReason {
    /// A scalar or a list.
    #[error("not an object")]
    NotAnObject,
    /// `apiVersion` or `kind` is not there, or empty.
    #[error("`{0}` is missing")]
    Absent(&'static str),
    /// `apiVersion` or `kind` is no string.
    #[error("`{0}` must be a string")]
    NotAString(&'static str),
    /// `apiVersion` has more than one slash, or nothing beside it (`schema.ParseGroupVersion`).
    #[error("`apiVersion` must be `version` or `group/version`")]
    ApiVersion,
}

impl<'d> GroupVersionKind<'d> {
    /// Reads `apiVersion` and `kind`; `None` where `apiVersion` is not of the form `[group/]version`.
    #[must_use]
    pub fn new(api_version: &'d str, kind: &'d str) -> Option<Self> {
        let (group, version) = split_api_version(api_version)?;
        Some(Self { group, version, kind })
    }

    /// `apps/v1`, or `v1` in the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }
}

/// The group (`""` for the core one) and the version in an `apiVersion`.
#[must_use]
pub fn split_api_version(api_version: &str) -> Option<(&str, &str)> {
    let (group, version) = match api_version.split_once('/') {
        Some(("", _)) => return None,
        Some((group, version)) => (group, version),
        None => ("", api_version),
    };
    (!version.is_empty() && !version.contains('/')).then_some((group, version))
}

impl<'d> Identity<'d> {
    /// Reads what an object says of itself. What is wrong in its `metadata` counts as left out.
    ///
    /// # Errors
    /// When it does not say what it is.
    pub fn of(root: NodeRef<'d>) -> Result<Self, IdentityError> {
        let fail = |node: NodeRef<'_>, reason| IdentityError { node: node.id(), reason };
        if !root.is_object() {
            return Err(fail(root, IdentityReason::NotAnObject));
        }
        let text = |name: &'static str| match root.get_present(name) {
            None => Err(fail(root.get(name).unwrap_or(root), IdentityReason::Absent(name))),
            Some(node) => match node.as_str() {
                None => Err(fail(node, IdentityReason::NotAString(name))),
                Some("") => Err(fail(node, IdentityReason::Absent(name))),
                Some(text) => Ok((node, text)),
            },
        };
        let (_, kind) = text("kind")?;
        let (at, api_version) = text("apiVersion")?;
        let gvk =
            GroupVersionKind::new(api_version, kind).ok_or_else(|| fail(at, IdentityReason::ApiVersion))?;
        let metadata = root.get("metadata");
        let name = |key| metadata.and_then(|m| m.get_str(key)).filter(|text| !text.is_empty());
        Ok(Self {
            gvk,
            name: name("name"),
            generate_name: name("generateName"),
            written_namespace: name("namespace"),
            root,
        })
    }

    /// The namespace that the object is in: `""` where its kind has none, else the one it names, else `default`.
    /// A kind whose scope nobody knows is taken as namespaced.
    #[must_use]
    pub fn namespace<'n>(&self, scopes: &Scopes, default: &'n str) -> &'n str
    where
        'd: 'n,
    {
        match scopes.scope(self.gvk.group, self.gvk.kind) {
            Some(Scope::Cluster) => "",
            Some(Scope::Namespaced) | None => self.written_namespace.unwrap_or(default),
        }
    }

    /// The object.
    #[must_use]
    pub fn root(&self) -> NodeRef<'d> {
        self.root
    }
}

/// The labels of an object or of a Pod template's `metadata` holder, where they are a map.
#[must_use]
pub fn labels(object: NodeRef<'_>) -> Option<NodeRef<'_>> {
    object.get("metadata")?.get("labels").filter(|n| n.is_object())
}

/// The annotations, where they are a map.
#[must_use]
pub fn annotations(object: NodeRef<'_>) -> Option<NodeRef<'_>> {
    object.get("metadata")?.get("annotations").filter(|n| n.is_object())
}

/// Whether the object is on its way out and only waits for its finalizers.
#[must_use]
pub fn is_being_deleted(object: NodeRef<'_>) -> bool {
    object.get("metadata").is_some_and(|m| m.get_present("deletionTimestamp").is_some())
}

/// An entry of `metadata.ownerReferences`. Whoever may write the object may write here what they like.
#[derive(Debug, Clone, Copy)]
pub struct OwnerReference<'d> {
    /// The owner's kind.
    pub gvk: GroupVersionKind<'d>,
    /// The owner's name.
    pub name: &'d str,
    /// The owner's uid; empty where it is left out.
    pub uid: &'d str,
    /// Whether the owner manages the object, which at most one does.
    pub controller: bool,
    /// The entry.
    pub node: NodeRef<'d>,
}

/// The owners of an object; entries that do not name one are left out.
pub fn owners(object: NodeRef<'_>) -> impl Iterator<Item = OwnerReference<'_>> {
    let list = object.get("metadata").and_then(|m| m.get("ownerReferences"));
    list.into_iter().flat_map(NodeRef::items).filter_map(|node| {
        let gvk = GroupVersionKind::new(node.get_str("apiVersion")?, node.get_str("kind")?)?;
        let controller = node.get("controller").and_then(NodeRef::as_bool) == Some(true);
        let uid = node.get_str("uid").unwrap_or_default();
        Some(OwnerReference { gvk, name: node.get_str("name")?, uid, controller, node })
    })
}

/// The owner that manages the object (`metav1.GetControllerOf`).
#[must_use]
pub fn controller(object: NodeRef<'_>) -> Option<OwnerReference<'_>> {
    owners(object).find(|owner| owner.controller)
}

/// Which kinds live in namespaces: the built-in ones, and those of CustomResourceDefinitions that were met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes {
    /// Group → kind → scope.
    custom: BTreeMap<String, BTreeMap<String, Scope>>,
}

impl Scopes {
    /// Takes the scope of the kind that a CustomResourceDefinition defines; says whether `root` is one that tells.
    /// Built-in kinds stay what they are.
    pub fn learn(&mut self, root: NodeRef<'_>) -> bool {
        let is_definition = Identity::of(root).is_ok_and(|id| {
            id.gvk.group == "apiextensions.k8s.io" && id.gvk.kind == "CustomResourceDefinition"
        });
        let Some(spec) = root.get("spec").filter(|_| is_definition) else { return false };
        let scope = match spec.get_str("scope") {
            Some("Cluster") => Scope::Cluster,
            Some("Namespaced") => Scope::Namespaced,
            _ => return false,
        };
        let kind = spec.get("names").and_then(|names| names.get_str("kind"));
        let (Some(group), Some(kind)) = (spec.get_str("group"), kind) else { return false };
        self.custom.entry(group.to_owned()).or_default().insert(kind.to_owned(), scope);
        true
    }

    /// Where objects of a kind live, if that is known.
    #[must_use]
    pub fn scope(&self, group: &str, kind: &str) -> Option<Scope> {
        kinds::scope(group, kind).or_else(|| self.custom.get(group)?.get(kind).copied())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    fn read(text: &str) -> Document<'_> {
        Document::from_json(text, Limits::default()).unwrap()
    }

    #[test]
    fn names_and_namespaces() {
        let mut scopes = Scopes::default();
        let crd = |kind: &str, scope: &str| {
            format!(
                r#"{{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
                "spec":{{"group":"example.com","scope":"{scope}","names":{{"kind":"{kind}"}}}}}}"#
            )
        };
        assert!(scopes.learn(read(&crd("Tenant", "Cluster")).root()));
        assert!(scopes.learn(read(&crd("App", "Namespaced")).root()));
        assert!(!scopes.learn(read(&crd("App", "Everywhere")).root()));
        assert!(!scopes.learn(read(r#"{"apiVersion":"v1","kind":"Pod","spec":{"scope":"Cluster"}}"#).root()));
        let rows = [
            (r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"}}"#, "v1 Pod p in dev"),
            (r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"n"}}"#, "v1 Pod p in n"),
            (
                r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"","namespace":"","generateName":"g-"}}"#,
                "v1 Pod g-* in dev",
            ),
            (
                r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"x","namespace":"y"}}"#,
                "v1 Namespace x in ",
            ),
            (
                r#"{"apiVersion":"rbac.authorization.k8s.io/v1beta1","kind":"ClusterRole","metadata":{"name":"x"}}"#,
                "rbac.authorization.k8s.io/v1beta1 ClusterRole x in ",
            ),
            (
                r#"{"apiVersion":"example.com/v1","kind":"Tenant","metadata":{"name":"x"}}"#,
                "example.com/v1 Tenant x in ",
            ),
            (
                r#"{"apiVersion":"example.com/v1","kind":"App","metadata":{"name":"x"}}"#,
                "example.com/v1 App x in dev",
            ),
            (
                r#"{"apiVersion":"example.org/v1","kind":"Tenant","metadata":{"name":"x"}}"#,
                "example.org/v1 Tenant x in dev",
            ),
            (r#"{"apiVersion":"apps/v1","kind":"Deployment"}"#, "apps/v1 Deployment ? in dev"),
            (
                r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":[{"name":"x"}]}"#,
                "apps/v1 Deployment ? in dev",
            ),
            (
                r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":5}}"#,
                "apps/v1 Deployment ? in dev",
            ),
        ];
        for (text, expected) in rows {
            let document = read(text);
            let id = Identity::of(document.root()).unwrap();
            let generated = id.generate_name.map(|g| format!("{g}*"));
            let name = id.name.map(str::to_owned).or(generated).unwrap_or("?".into());
            let namespace = id.namespace(&scopes, "dev");
            let got = format!("{} {} {name} in {namespace}", id.gvk.api_version(), id.gvk.kind);
            assert_eq!(got, expected, "{text}");
        }
    }

    #[test]
    fn no_objects() {
        for (text, reason, at) in [
            ("[]", IdentityReason::NotAnObject, ""),
            ("null", IdentityReason::NotAnObject, ""),
            (r#"{"apiVersion":"v1"}"#, IdentityReason::Absent("kind"), ""),
            (r#"{"kind":"Pod"}"#, IdentityReason::Absent("apiVersion"), ""),
            (r#"{"kind":"","apiVersion":"v1"}"#, IdentityReason::Absent("kind"), "/kind"),
            (r#"{"kind":null,"apiVersion":"v1"}"#, IdentityReason::Absent("kind"), "/kind"),
            (r#"{"kind":7,"apiVersion":"v1"}"#, IdentityReason::NotAString("kind"), "/kind"),
            (r#"{"kind":"Pod","apiVersion":1}"#, IdentityReason::NotAString("apiVersion"), "/apiVersion"),
            (r#"{"kind":"Pod","apiVersion":"a/b/c"}"#, IdentityReason::ApiVersion, "/apiVersion"),
            (r#"{"kind":"Pod","apiVersion":"apps/"}"#, IdentityReason::ApiVersion, "/apiVersion"),
            (r#"{"kind":"Pod","apiVersion":"/v1"}"#, IdentityReason::ApiVersion, "/apiVersion"),
        ] {
            let document = read(text);
            let error = Identity::of(document.root()).unwrap_err();
            assert_eq!((error.reason, document.node(error.node).pointer().as_str()), (reason, at), "{text}");
        }
    }

    #[test]
    fn owner_references() {
        let document = read(
            r#"{"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z","labels":{"a":"b"},"annotations":[],"ownerReferences":[
            7, {"kind":"Node"}, {"apiVersion":"v1","kind":"Node","name":"n","controller":"true"},
            {"apiVersion":"apps/v1","kind":"ReplicaSet","name":"rs","uid":"u","controller":true}]}}"#,
        );
        let found: Vec<_> = owners(document.root()).map(|o| (o.gvk.kind, o.name, o.controller)).collect();
        assert_eq!(found, [("Node", "n", false), ("ReplicaSet", "rs", true)]);
        let manager = controller(document.root()).unwrap();
        assert_eq!((manager.gvk.group, manager.uid, manager.node.position()), ("apps", "u", 3));
        assert!(is_being_deleted(document.root()));
        assert_eq!(labels(document.root()).unwrap().get_str("a"), Some("b"));
        assert!(annotations(document.root()).is_none());
        let alive = read(r#"{"metadata":{"deletionTimestamp":null,"ownerReferences":{"a":1}}}"#);
        assert!(!is_being_deleted(alive.root()) && controller(alive.root()).is_none());
    }
}
