//! Which objects a document holds: itself, or the items of a `List`.
//!
//! kubectl takes every object that has `items` for a list, whatever its kind (apimachinery,
//! `unstructuredJSONScheme`), and gives items of a `PodList` that name no type the type `Pod`.

use super::compose::LIMITS;
use crate::document::{Builder, Document, LimitError, NodeId, NodeRef};

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
        /// The index in `items`.
        item: u32,
        /// What stands there.
        found: &'static str,
    },
    /// An item without kind or apiVersion.
    #[error("item {item} has no {missing}")]
    NoType {
        /// The index in `items`.
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

/// The groups of what kustomize and this program read; such objects are about manifests, and none themselves.
const ABOUT_MANIFESTS: [&str; 2] = ["kustomize.config.k8s.io/", "plimsoll.dev/"];

/// The objects for a cluster in a document, and which item of a list each is.
pub(super) fn manifests(document: &Document<'_>) -> Result<Vec<(NodeId, Option<u32>)>, Refusal> {
    let root = document.root();
    let Some((api_version, kind)) = type_of(root) else { return Ok(Vec::new()) };
    // so is kubectl's own configuration
    let kubeconfig = (api_version, kind) == ("v1", "Config") && root.get("clusters").is_some();
    if kubeconfig || ABOUT_MANIFESTS.iter().any(|group| api_version.starts_with(group)) {
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

/// The document with a type on every item of a `PodList` or the like that names none, as kubectl does it;
/// `None` where nothing is to be done.
pub(super) fn with_types<'a>(document: &Document<'a>) -> Result<Option<Document<'a>>, LimitError> {
    let root = document.root();
    let Some((api_version, kind)) = type_of(root) else { return Ok(None) };
    let Some(kind) = kind.strip_suffix("List").filter(|kind| !kind.is_empty()) else { return Ok(None) };
    let Some(items) = root.get("items").filter(|items| items.is_array()) else { return Ok(None) };
    let untyped = |item: NodeRef<'_>| {
        let none = |key| item.get_str(key).is_none_or(str::is_empty);
        item.is_object() && none("kind") && none("apiVersion")
    };
    if !items.items().any(untyped) {
        return Ok(None);
    }
    let mut builder = Builder::of_version(document, LIMITS);
    begin(&mut builder, root, false)?;
    for (key, member) in root.members() {
        builder.key(key, member.key_span())?;
        if member.id() != items.id() {
            builder.copy_node(member, true)?;
            continue;
        }
        begin(&mut builder, items, true)?;
        for item in items.items() {
            if !untyped(item) {
                builder.copy_node(item, true)?;
                continue;
            }
            begin(&mut builder, item, false)?;
            for (key, value) in [("apiVersion", api_version), ("kind", kind)] {
                builder.key(key, None)?;
                builder.string(value)?;
            }
            for (key, member) in item.members().filter(|(key, _)| !matches!(*key, "kind" | "apiVersion")) {
                builder.key(key, member.key_span())?;
                builder.copy_node(member, true)?;
            }
            builder.end();
        }
        builder.end();
    }
    builder.end();
    Ok(Some(builder.finish()))
}

/// Opens a container that stands where `node` does.
fn begin(builder: &mut Builder<'_>, node: NodeRef<'_>, array: bool) -> Result<(), LimitError> {
    let id = if array { builder.begin_array()? } else { builder.begin_object()? };
    if let Some(span) = node.span() {
        builder.place(id, span);
    }
    Ok(())
}

fn refuse<T>(node: NodeRef<'_>, error: ListError) -> Result<T, Refusal> {
    Err(Refusal { at: node.span().map_or(0, |span| span.start as usize), error })
}

fn type_of(node: NodeRef<'_>) -> Option<(&str, &str)> {
    let text = |key| node.get_str(key).filter(|s: &&str| !s.is_empty());
    Some((text("apiVersion")?, text("kind")?))
}
