//! What is asked: an operation on an object, by somebody.

pub mod envelope;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::document::NodeRef;
pub use crate::host::User;
pub use crate::resource::identity::GroupVersionKind;

/// An admission operation. PATCH and server-side apply are updates, or creations where apply creates; nothing tells them
/// apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// An object is made.
    Create,
    /// An object is changed.
    Update,
    /// An object goes.
    Delete,
    /// A connection to an object's subresource, such as `kubectl exec`.
    Connect,
}

impl Operation {
    /// All of them, in the order of an object's life.
    pub const ALL: [Self; 4] = [Self::Create, Self::Update, Self::Delete, Self::Connect];

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }

    /// The operation of that name on the wire.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }
}

/// A resource with its group and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GroupVersionResource<'a> {
    /// Empty for the core group.
    pub group: &'a str,
    /// The version that the resource is served in.
    pub version: &'a str,
    /// The plural name.
    pub resource: &'a str,
}

/// What a client asked for before the API server converted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SentAs<'a> {
    /// `requestKind`
    pub kind: GroupVersionKind<'a>,
    /// `requestResource`
    pub resource: GroupVersionResource<'a>,
    /// `requestSubResource`
    pub subresource: &'a str,
}

/// An admission request, from a cluster or made up for a manifest.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// What is done.
    pub operation: Operation,
    /// The kind of `object`: of a subresource, the kind that is sent.
    pub kind: GroupVersionKind<'a>,
    /// The resource that is asked.
    pub resource: GroupVersionResource<'a>,
    /// Empty for the object itself.
    pub subresource: &'a str,
    /// What the client sent, where the API server converted it (`matchPolicy: Equivalent`).
    pub sent_as: Option<SentAs<'a>>,
    /// Empty where the server will make it.
    pub name: &'a str,
    /// `None` for cluster-scoped objects.
    pub namespace: Option<&'a str>,
    /// The object as it shall be; none on DELETE.
    pub object: Option<NodeRef<'a>>,
    /// The object as it is, on UPDATE and DELETE.
    pub old_object: Option<NodeRef<'a>>,
    /// Who asks; offline nobody does unless told.
    pub user: Option<User<'a>>,
    /// Whether nothing will be stored.
    pub dry_run: bool,
    /// The options of the operation.
    pub options: Option<NodeRef<'a>>,
}

impl<'a> Request<'a> {
    /// One about this group, version, kind and resource that says nothing more, for tests to add to.
    #[cfg(test)]
    pub(crate) fn bare(operation: Operation, [group, version, kind, resource]: [&'a str; 4]) -> Self {
        Self {
            operation,
            kind: GroupVersionKind { group, version, kind },
            resource: GroupVersionResource { group, version, resource },
            subresource: "",
            sent_as: None,
            name: "",
            namespace: None,
            object: None,
            old_object: None,
            user: None,
            dry_run: false,
            options: None,
        }
    }

    /// Whether the request is about a Namespace.
    #[must_use]
    pub fn is_namespace(&self) -> bool {
        self.kind.group.is_empty() && self.kind.kind == "Namespace" && self.subresource.is_empty()
    }

    /// The namespace that scopes are compared with: of a Namespace its own name.
    #[must_use]
    pub fn namespace_name(&self) -> Option<&'a str> {
        match self.namespace {
            Some(namespace) if !namespace.is_empty() => Some(namespace),
            _ if self.is_namespace() => Some(self.name).filter(|n| !n.is_empty()),
            _ => None,
        }
    }

    /// The object that rules look at: the new one, on DELETE the old one.
    #[must_use]
    pub fn subject(&self) -> Option<NodeRef<'a>> {
        self.object.or(self.old_object)
    }

    /// Whether it carries what the API server always sends: the object, on DELETE the old one. Without it nothing can be
    /// judged.
    #[must_use]
    pub fn has_its_objects(&self) -> bool {
        match self.operation {
            Operation::Delete => self.old_object.is_some(),
            Operation::Create | Operation::Update | Operation::Connect => self.object.is_some(),
        }
    }

    /// The same request about another object.
    #[must_use]
    pub fn with_object<'b>(&self, object: NodeRef<'b>) -> Request<'b>
    where
        'a: 'b,
    {
        Request { object: Some(object), ..self.clone() }
    }
}
