//! Look-ups of other objects.
//!
//! Every answer is one of four: *known*, *absent*, *unknown* (the input cannot show it) or *failed*.
//! Offline the folder of manifests answers ([`crate::host::inventory`]), in the cluster reflectors do.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::cel::library::authorizer::{Decision, Question};
use crate::document::NodeRef;
use crate::finding::ObjectId;
pub use crate::resource::identity::ObjectKey;

pub mod fields;
pub mod index;
pub mod inventory;
pub mod levels;
pub mod objects;
pub mod pairs;
pub mod query;
pub mod rbac;

pub use query::{By, Coverage, Pool, Query, Seen, Visitor};

/// By what objects are found: there are many of them, and each is asked for often. The hash is seeded anew in each process, so
/// nobody knows which texts would meet.
type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// The answer to a look-up.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup<T> {
    /// It is there.
    Known(T),
    /// It is certain that it is not there.
    Absent,
    /// What is at hand cannot tell; the text says what would be needed.
    Unknown(String),
    /// The question could not be asked.
    Failed(String),
}

impl<T> Lookup<T> {
    /// Something else of what is known.
    pub fn map<U>(self, other: impl FnOnce(T) -> U) -> Lookup<U> {
        self.and_then(|known| Lookup::Known(other(known)))
    }

    /// Another answer where this one is known.
    pub fn and_then<U>(self, other: impl FnOnce(T) -> Lookup<U>) -> Lookup<U> {
        match self {
            Self::Known(known) => other(known),
            Self::Absent => Lookup::Absent,
            Self::Unknown(what) => Lookup::Unknown(what),
            Self::Failed(why) => Lookup::Failed(why),
        }
    }
}

/// Another object, as a look-up gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HostObject<'h> {
    /// The object, from its root.
    pub root: NodeRef<'h>,
    /// Which document of the input it is, where it came from one.
    pub document: Option<ObjectId>,
    /// Whether it may hold more than is known: of a ConfigMap that a kustomization generates from files that are not in
    /// the input, only some keys are.
    pub partial: bool,
}

/// What a list look-up gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing<'h> {
    /// What is known, in a stable order.
    pub objects: Vec<HostObject<'h>>,
    /// Whether that is all there is; else there may be more that the input does not show.
    pub complete: bool,
}

/// Which of several forms of an object a list is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forms {
    /// Counted from 0; where there are not as many, the last.
    pub number: usize,
    /// So many of one object are told apart.
    pub most: usize,
}

/// Other copies of one object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Twins<'h> {
    /// How many there are.
    pub count: usize,
    /// The first of them, in the order of the input.
    pub first: Vec<HostObject<'h>>,
}

/// Who makes the request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct User<'a> {
    /// The user's name, as the API server knows it.
    pub username: &'a str,
    /// The groups that the user is in.
    pub groups: Vec<&'a str>,
    /// Empty where the server gives none.
    pub uid: &'a str,
    /// What the authenticator adds.
    pub extra: BTreeMap<&'a str, Vec<&'a str>>,
}

/// Answers questions about objects other than the one under review.
pub trait Host: Sync {
    /// One object.
    fn get(&self, key: ObjectKey<'_>) -> Lookup<HostObject<'_>>;

    /// All objects of a kind; `namespace: None` means everywhere.
    fn list(&self, group: &str, kind: &str, namespace: Option<&str>) -> Lookup<Listing<'_>>;

    /// Objects of a kind, those among them that a name by which they are found fits, and perhaps others: who asks looks
    /// closer. A host with an index gives few others.
    fn list_by(&self, group: &str, kind: &str, namespace: Option<&str>, _by: By<'_>) -> Lookup<Listing<'_>> {
        self.list(group, kind, namespace)
    }

    /// Shows every object that may fit a query, and perhaps others: who asks looks closer. A host with an index
    /// shows few others.
    fn visit<'h>(&'h self, query: &Query<'_>, visitor: &mut Visitor<'_, 'h>) -> Coverage {
        query::by_listing(self, query, visitor)
    }

    /// All forms of one object that are equally near, the first `most` of them: overlays, versions and samples lie
    /// beside each other, and one of them is meant. Where there is one that is as it should be, nothing is at fault.
    fn alternatives(&self, key: ObjectKey<'_>, _most: usize) -> Lookup<Vec<HostObject<'_>>> {
        self.get(key).map(|object| vec![object])
    }

    /// As [`Self::list_by`], where objects have several forms: of each the one with this number among those that are
    /// equally near, or the last; and how many the one with the most of them has, up to `most`.
    fn forms_by(
        &self,
        group: &str,
        kind: &str,
        namespace: Option<&str>,
        by: By<'_>,
        Forms { number: _, most: _ }: Forms,
    ) -> Lookup<(Listing<'_>, usize)> {
        self.list_by(group, kind, namespace, by).map(|listing| (listing, 1))
    }

    /// Whether a user may do something, as the `authorizer` of an expression asks; only a cluster can tell.
    fn authorize(&self, user: &User<'_>, question: &Question, deadline: Option<Instant>) -> Lookup<Decision> {
        let _ = (user, question, deadline);
        Lookup::Unknown(AUTHORIZER.to_owned())
    }

    /// The other objects of the input that say they are the one under review and are applied together with it, in one
    /// file or by one kustomization: how many, and the first `most` of them. A host of no one object knows none.
    fn twins(&self, _most: usize) -> Twins<'_> {
        Twins::default()
    }

    /// As [`Self::twins`], of the other files of the folder, which may be alternatives.
    fn neighbours(&self, _most: usize) -> Twins<'_> {
        Twins::default()
    }
}

/// What is not known where nobody can ask the API server.
pub const AUTHORIZER: &str = "the answer of the cluster's authorizer";

/// Gives each review a host of its own, where what is known changes while reviews run.
pub trait Views: Send + Sync {
    /// What lends objects to one review.
    fn view(&self) -> Box<dyn Host + Send + Sync + '_>;
}

/// A host that knows nothing: every answer is *unknown*.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHost;

impl Host for NoHost {
    fn get(&self, key: ObjectKey<'_>) -> Lookup<HostObject<'_>> {
        Lookup::Unknown(describe(key))
    }

    fn list(&self, _group: &str, kind: &str, namespace: Option<&str>) -> Lookup<Listing<'_>> {
        Lookup::Unknown(match namespace {
            Some(namespace) => format!("{kind} objects of namespace {namespace}"),
            None => format!("{kind} objects"),
        })
    }
}

/// A host without any object: every answer is *absent*.
#[derive(Debug, Clone, Copy, Default)]
pub struct Absent;

impl Host for Absent {
    fn get(&self, _key: ObjectKey<'_>) -> Lookup<HostObject<'_>> {
        Lookup::Absent
    }

    fn list(&self, _group: &str, _kind: &str, _namespace: Option<&str>) -> Lookup<Listing<'_>> {
        Lookup::Known(Listing { objects: Vec::new(), complete: true })
    }
}

/// `Service default/redis-sfs`, as messages name an object.
#[must_use]
pub fn describe(key: ObjectKey<'_>) -> String {
    if key.namespace.is_empty() {
        format!("{} {}", key.kind, key.name)
    } else {
        format!("{} {}/{}", key.kind, key.namespace, key.name)
    }
}
