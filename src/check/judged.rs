//! What a rule in CEL has judged when it finds something: the content by which the finding is told again.
//!
//! It is the element of `forEach`, or with `at` the node there and the parts of the element that `validate` reads; of a rule
//! over the object the parts that `validate` reads. So a value cannot be exchanged for another bad one, and a fault beside
//! it can be fixed, or a label set, without making the finding a new one.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::cel::reads::{self, Part, Read};
use crate::cel::value::Value;
use crate::document::NodeRef;
use crate::document::path::{Path, Step};
use crate::finding::{Digest, write_part};
use crate::policy::Base;
use crate::resource::digest::{combine, digest};
use crate::resource::merge::{field_of, item_key};

use super::subject::PolicyContext;
use super::values::text;
use super::{Policy, Validate};

/// What a rule judges; made when it finds something first.
pub(crate) struct Judged<'p> {
    reads: &'p reads::Reads,
    /// Of the parts outside of the element.
    outer: Option<Digest>,
}

impl<'p> Judged<'p> {
    pub(crate) fn new(policy: &Policy, rule: &'p Validate, subject: &PolicyContext<'_>) -> Self {
        let reads = rule.reads(policy);
        let outer = match reads {
            None => Some(digest(subject.object)),
            Some(reads) => {
                let mut parts = Parts::default();
                for read in reads.iter().filter(|read| !is_of_element(read)) {
                    let mut of_roots = Parts::default();
                    roots(read.root.name(), subject, |root| of_roots.add(project(root, &read.parts).bytes()));
                    parts.add(of_roots.digest().bytes());
                }
                parts.combined()
            }
        };
        Self { reads, outer }
    }

    /// The digest of what was judged; `None` where that is nothing of the object, as in a rule about who asks.
    pub(crate) fn digest(
        &self,
        rule: &Validate,
        base: NodeRef<'_>,
        element: Option<Element<'_, '_>>,
    ) -> Option<Digest> {
        let mut parts = Parts::default();
        self.outer.iter().for_each(|outer| parts.add(outer.bytes()));
        let reads = || self.reads.iter().flatten();
        if let Some(element) = &element {
            parts.add(element.name().as_bytes());
            let mut inner = reads().filter(|read| read.root.name() == "item").peekable();
            match element.item.node() {
                // where `at` names no part of it, the element was judged as a whole: a grant of every verb on one resource
                // is not the same on another
                Some(node) if inner.peek().is_some() && rule.at.is_some() => {
                    inner.for_each(|read| parts.add(project(Some(node), &read.parts).bytes()));
                }
                Some(node) => parts.add(digest(node).bytes()),
                None => parts.add(text(element.item).as_bytes()),
            }
        }
        let root = match (&element, rule.visit.on) {
            (Some(_), _) => "item",
            (None, Base::Object) => "object",
            (None, Base::PodSpec) => "podSpec",
            (None, Base::PodMetadata) => "podMetadata",
        };
        if let Some(path) = &rule.at
            && let Some(node) = exactly(base, path)
            && !reads().any(|read| read.root.name() == root && meets(&read.parts, path))
        {
            parts.add(digest(node).bytes());
        }
        parts.combined()
    }
}

/// Parts of which one digest is made, as [`combine`] makes it.
struct Parts(Vec<u8>);

impl Default for Parts {
    fn default() -> Self {
        // the digests of most rules' parts
        Self(Vec::with_capacity(256))
    }
}

impl Parts {
    fn add(&mut self, part: &[u8]) {
        write_part(&mut self.0, part);
    }

    fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }

    /// Their digest, if there are any.
    fn combined(&self) -> Option<Digest> {
        (!self.0.is_empty()).then(|| self.digest())
    }
}

/// What `forEach` shows.
pub(crate) struct Element<'v, 'd> {
    pub(crate) item: &'v Value<'d>,
    pub(crate) key: &'v Value<'d>,
}

impl Element<'_, '_> {
    /// What tells it from the others: its merge key, of a map's entry the key.
    fn name(&self) -> Cow<'_, str> {
        let of_node = || {
            let node = self.item.node()?;
            let list = node.parent().filter(|list| list.is_array())?;
            item_key(field_of(list), node)
        };
        self.key.as_str().map(Cow::Borrowed).or_else(of_node).unwrap_or_default()
    }
}

/// Whether a part is one of what `forEach` shows.
pub(super) fn is_of_element(read: &Read) -> bool {
    matches!(read.root.name(), "item" | "key")
}

/// Shows the nodes that a root stands for, there or not.
fn roots<'r>(root: &str, subject: &PolicyContext<'r>, mut show: impl FnMut(Option<NodeRef<'r>>)) {
    let pods = subject.pods;
    match root {
        "podSpec" => show(pods.map(|pods| pods.spec)),
        "podMetadata" => show(pods.and_then(|pods| pods.metadata)),
        // the lists of containers, so that each container goes by its name
        "allContainers" => ["containers", "initContainers", "ephemeralContainers"]
            .into_iter()
            .for_each(|list| show(pods.and_then(|pods| pods.spec.get(list)))),
        _ => show(Some(subject.object)),
    }
}

/// What stands for a part that is not there. Most rules find something where a field is missing.
static ABSENT: LazyLock<Digest> = LazyLock::new(|| combine([&b"absent"[..]]));

/// The digest of what stands at the end of a way: as deep as the way is long, whatever the object is like.
fn project(node: Option<NodeRef<'_>>, parts: &[Part]) -> Digest {
    let Some(node) = node.filter(|node| !node.is_null()) else { return *ABSENT };
    let Some((part, rest)) = parts.split_first() else { return digest(node) };
    let wanted = node.is_object() || node.is_array();
    match part {
        Part::Key(key) | Part::In(key) if node.is_object() => project(node.get(key), rest),
        Part::Shape | Part::Kind if node.is_object() => {
            let mut keys: Vec<&str> = node.members().map(|(key, _)| key).collect();
            keys.sort_unstable();
            combine(keys.into_iter().map(str::as_bytes))
        }
        Part::Shape | Part::Kind if node.is_array() => combine([&node.len().to_be_bytes()[..]]),
        Part::Each if wanted => {
            let field = field_of(node);
            let mut keyed = node.is_array();
            let mut children: Vec<(Cow<'_, str>, Digest)> = Vec::with_capacity(node.len());
            for child in node.children() {
                let key = child.key().map(Into::into).or_else(|| item_key(field, child));
                keyed &= key.is_some();
                children.push((key.unwrap_or_default(), project(Some(child), rest)));
            }
            if keyed || node.is_object() {
                children.sort();
            }
            combine(children.iter().flat_map(|(key, digest)| [key.as_bytes(), &digest.bytes()[..]]))
        }
        _ => digest(node),
    }
}

fn exactly<'d>(base: NodeRef<'d>, path: &Path) -> Option<NodeRef<'d>> {
    path.steps().iter().try_fold(base, |node, step| match step {
        Step::Key(key) => node.get(key),
        Step::Index(index) => node.item(*index),
    })
}

/// Whether a way and a path lead one through the other.
fn meets(parts: &[Part], path: &Path) -> bool {
    parts.iter().zip(path.steps()).all(|pair| match pair {
        (Part::Key(a) | Part::In(a), Step::Key(b)) => **a == **b,
        (Part::Each | Part::Shape | Part::Kind, _) => true,
        (Part::Key(_) | Part::In(_), Step::Index(_)) => false,
    })
}
