//! Which objects a document holds: itself, or the items of a `List`.
//!
//! kubectl takes every object that has `items` for a list, whatever its kind (apimachinery,
//! `unstructuredJSONScheme`), and gives items of a `PodList` that name no type the type `Pod`.

use crate::document::{Document, NodeId, NodeRef};

/// Why a list cannot be unrolled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// `items` is something else than a list.
    #[error("items of a {kind} must be a list, not {found}")]
    NoList {
        /// The kind of the list.
        kind: String,
        /// What stands there.
        found: &'static str,
    },
    /// An item that is no object.
    #[error("item {item} must be an object, not {found}")]
    NoObject {
        /// Which item.
        item: u32,
        /// What stands there.
        found: &'static str,
    },
    /// An item without kind or apiVersion.
    #[error("item {item} has no {missing}")]
    NoType {
        /// Which item.
        item: u32,
        /// What it lacks.
        missing: &'static str,
    },
}

/// A refusal and the byte of the file where it stands.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) at: usize,
    pub(super) error: ListError,
}

/// The group of what kustomize reads; such objects never reach a cluster.
const KUSTOMIZE: &str = "kustomize.config.k8s.io/";

/// The objects for a cluster in a document, and which item of a list each is.
pub(super) fn manifests(document: &Document<'_>) -> Result<Vec<(NodeId, Option<u32>)>, Refusal> {
    let root = document.root();
    let Some((api_version, kind)) = type_of(root) else { return Ok(Vec::new()) };
    if api_version.starts_with(KUSTOMIZE) {
        return Ok(Vec::new());
    }
    let Some(items) = root.get_present("items") else {
        // A List of nothing is nothing; a FooList without items is an object of that kind.
        return Ok(if kind == "List" { Vec::new() } else { vec![(NodeId::ROOT, None)] });
    };
    if !items.is_array() {
        let found = items.kind().name();
        return refuse(items, ListError::NoList { kind: kind.to_owned(), found });
    }
    let mut manifests = Vec::new();
    for (item, node) in (0..).zip(items.items()) {
        if !node.is_object() {
            return refuse(node, ListError::NoObject { item, found: node.kind().name() });
        }
        let has = |key| node.get_str(key).is_some_and(|s: &str| !s.is_empty());
        match (has("kind"), has("apiVersion")) {
            (true, true) => manifests.push((node.id(), Some(item))),
            (false, _) => return refuse(node, ListError::NoType { item, missing: "kind" }),
            (true, false) => return refuse(node, ListError::NoType { item, missing: "apiVersion" }),
        }
    }
    Ok(manifests)
}

fn refuse<T>(node: NodeRef<'_>, error: ListError) -> Result<T, Refusal> {
    Err(Refusal { at: node.span().map_or(0, |span| span.start as usize), error })
}

fn type_of(node: NodeRef<'_>) -> Option<(&str, &str)> {
    let text = |key| node.get_str(key).filter(|s: &&str| !s.is_empty());
    Some((text("apiVersion")?, text("kind")?))
}
