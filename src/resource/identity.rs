//! Which object a document is: its kind, its names, whom it belongs to.
//!
//! An object tells less than it seems. Its group and version stand in one string; its namespace may be left out, and
//! then depends on where it is going; and whether it has one at all depends on its kind, which for custom kinds only the
//! CustomResourceDefinition knows ([`CustomKinds`]).

use std::ops::Deref;

use super::custom::CustomKinds;
use crate::api::Scope;
use crate::document::NodeRef;

/// A group, a version and a kind; the core group is `""`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GroupVersionKind<'d> {
    /// The API group.
    pub group: &'d str,
    /// The version, without the group.
    pub version: &'d str,
    /// The kind, as in `kind`.
    pub kind: &'d str,
}

/// An object as it names itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Identity<'d> {
    /// What it is.
    pub gvk: GroupVersionKind<'d>,
    /// Its name; an object made by `generateName` has none before the API server gives it one.
    pub name: Option<&'d str>,
    /// What its name is to start with.
    pub generate_name: Option<&'d str>,
    /// The namespace it names, which its kind may not have; when it is [settled](Self::settled), the one it is in.
    pub namespace: Option<&'d str>,
}

/// What an object calls itself, for tables of many objects: lent by who knows it for the whole run, where somebody does.
#[derive(Debug, Clone)]
pub enum Called<'d> {
    /// Kept elsewhere.
    Lent(&'d Identity<'d>),
    /// Kept here.
    Own(Box<Identity<'d>>),
}

impl<'d> Deref for Called<'d> {
    type Target = Identity<'d>;

    fn deref(&self) -> &Identity<'d> {
        match self {
            Self::Lent(identity) => identity,
            Self::Own(identity) => identity,
        }
    }
}

/// By what an object is found, in whatever version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey<'k> {
    /// The group; empty for the core group.
    pub group: &'k str,
    /// The kind, as in `kind`.
    pub kind: &'k str,
    /// The namespace; empty for cluster-scoped objects.
    pub namespace: &'k str,
    /// The object's `metadata.name`.
    pub name: &'k str,
}

impl<'d> GroupVersionKind<'d> {
    /// Of an `apiVersion` and a `kind`. What has more than one slash is refused by the API server
    /// (`schema.ParseGroupVersion`); here the group ends at the first.
    #[must_use]
    pub fn new(api_version: &'d str, kind: &'d str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self { group, version, kind }
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

impl<'d> Identity<'d> {
    /// Reads what an object says of itself; `None` where it does not say what it is. What is wrong in its `metadata`
    /// counts as left out.
    #[must_use]
    pub fn of(root: NodeRef<'d>) -> Option<Self> {
        let text = |node: NodeRef<'d>, key| node.get_str(key).filter(|text| !text.is_empty());
        let metadata = root.get("metadata");
        let name = |key| metadata.and_then(|m| text(m, key));
        Some(Self {
            gvk: GroupVersionKind::new(text(root, "apiVersion")?, text(root, "kind")?),
            name: name("name"),
            generate_name: name("generateName"),
            namespace: name("namespace"),
        })
    }

    /// With the namespace that the object is in: none where its kind has none, else the one it names, else `default`.
    /// A kind whose scope nobody knows is taken as namespaced.
    #[must_use]
    pub fn settled(self, custom: &CustomKinds, default: &'d str) -> Self {
        let namespace = match custom.scope(self.gvk.group, self.gvk.kind) {
            Some(Scope::Cluster) => None,
            Some(Scope::Namespaced) | None => Some(self.namespace.unwrap_or(default)),
        };
        Self { namespace, ..self }
    }

    /// The name is empty where the server makes it.
    #[must_use]
    pub fn key(&self) -> ObjectKey<'d> {
        ObjectKey {
            group: self.gvk.group,
            kind: self.gvk.kind,
            namespace: self.namespace.unwrap_or_default(),
            name: self.name.unwrap_or_default(),
        }
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
    /// The entry of `ownerReferences`.
    pub node: NodeRef<'d>,
}

/// The owners of an object; entries that do not name one are left out.
pub fn owners(object: NodeRef<'_>) -> impl Iterator<Item = OwnerReference<'_>> {
    let list = object.get("metadata").and_then(|m| m.get("ownerReferences"));
    list.into_iter().flat_map(NodeRef::items).filter_map(|node| {
        let gvk = GroupVersionKind::new(node.get_str("apiVersion")?, node.get_str("kind")?);
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
        let mut custom = CustomKinds::default();
        let crd = r#"{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
            "spec":{"group":"example.com","scope":"Cluster","names":{"kind":"Tenant","plural":"tenants"}}}"#;
        assert!(custom.learn(read(crd).root()));
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
            let namespace = id.settled(&custom, "dev").namespace.unwrap_or_default();
            let got = format!("{} {} {name} in {namespace}", id.gvk.api_version(), id.gvk.kind);
            assert_eq!(got, expected, "{text}");
        }
    }

    #[test]
    fn no_objects() {
        for text in [
            "[]",
            "null",
            r#"{"apiVersion":"v1"}"#,
            r#"{"kind":"Pod"}"#,
            r#"{"kind":"","apiVersion":"v1"}"#,
            r#"{"kind":7,"apiVersion":"v1"}"#,
            r#"{"kind":"Pod","apiVersion":null}"#,
        ] {
            assert!(Identity::of(read(text).root()).is_none(), "{text}");
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
