//! Decoding: metadata, pruning, nulls, embedded metadata, defaults, in one pass over the object.
//!
//! apiextensions `pkg/apiserver/customresource_handler.go` (`schemaCoercingDecoder`, `unstructuredSchemaCoercer`),
//! `pkg/apiserver/schema/{pruning,defaulting,objectmeta}`. Upstream goes over the object once for each.

use std::collections::HashSet;
use std::sync::Arc;

use document::few::SortFew as _;
use document::{Builder, Document, LimitError, Limits, NodeId, NodeRef};

use super::fault::shown;
use super::metadata;
use super::place::FieldPath;
use super::schema::{Additional, Schema};

/// The label of what the server fills in.
const DEFAULTED: &str = "defaulted by Kubernetes";

/// Defaults can hold defaults; deeper than this they are not filled in.
const DEPTH: usize = 120;

/// A custom resource as a mutating webhook sees it.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// The object without what was dropped.
    pub document: Document<'a>,
    /// `duplicate field "spec.x"`, `unknown field "spec.y"`: refused under Strict, warned of under Warn.
    pub strict: Vec<String>,
}

/// Why there is no object: the server answers 400.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodeError {
    /// A type error, in the server's words.
    Type(String),
    /// The object with its defaults is larger than is read.
    Limit(LimitError),
}

impl std::error::Error for DecodeError {}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Type(text) => out.write_str(text),
            Self::Limit(error) => error.fmt(out),
        }
    }
}

impl From<LimitError> for DecodeError {
    fn from(error: LimitError) -> Self {
        Self::Limit(error)
    }
}

/// Decodes an object that is the root of its document. `schema` is that of its version; without one, or where
/// unknown fields are preserved altogether, nothing is pruned.
///
/// # Errors
/// What is of a wrong type in metadata.
pub(super) fn decode<'a>(
    document: &Document<'a>,
    schema: Option<&Schema>,
    limits: Limits,
) -> Result<Decoded<'a>, DecodeError> {
    let root = document.root();
    let mut strict = duplicates(root);
    let mut metadata_fields = Vec::new();
    if let Some(node) = root.get("metadata") {
        let unknown = metadata::check(node).map_err(DecodeError::Type)?;
        metadata_fields.extend(unknown.iter().map(|field| format!("metadata.{field}")));
    }
    let mut walk = Walk {
        builder: Builder::of_version(document, limits),
        fills_only: false,
        defaulted: Arc::from(DEFAULTED),
        pruned: Vec::new(),
        embedded: Vec::new(),
        text: Text::Same,
    };
    walk.root(root, schema)?;
    let Walk { builder, mut pruned, mut embedded, .. } = walk;
    pruned.sort_unstable();
    embedded.sort_unstable();
    let unknown = metadata_fields.into_iter().chain(pruned).chain(embedded);
    strict.extend(unknown.map(|field| format!("unknown field \"{field}\"")));
    Ok(Decoded { document: builder.finish(), strict })
}

/// How it begins to tell of a field that is there twice.
pub(crate) const DUPLICATE: &str = "duplicate field ";

/// The object with the defaults of its schema, and nothing else changed (`structuraldefaulting.Default`).
///
/// # Errors
/// When it is larger than is read.
pub(super) fn fill(
    document: &Document<'_>,
    schema: Option<&Schema>,
) -> Result<Document<'static>, LimitError> {
    let mut walk = Walk {
        builder: Builder::new("", Limits::default()),
        fills_only: true,
        defaulted: Arc::from(DEFAULTED),
        pruned: Vec::new(),
        embedded: Vec::new(),
        text: Text::Other,
    };
    match walk.root(document.root(), schema) {
        Ok(_) => Ok(walk.builder.finish()),
        Err(DecodeError::Limit(limit)) => Err(limit),
        // metadata is not looked at
        Err(DecodeError::Type(_)) => Err(LimitError::Size),
    }
}

/// Members whose name was there before in the same object, in the order of the text; each is told once.
pub(crate) fn duplicates(root: NodeRef<'_>) -> Vec<String> {
    let mut found = Vec::new();
    find_duplicates(root, &FieldPath::ROOT, &mut found);
    found
}

fn find_duplicates(node: NodeRef<'_>, place: &FieldPath<'_>, found: &mut Vec<String>) {
    for (index, item) in node.items().enumerate() {
        find_duplicates(item, &place.index(index), found);
    }
    let mut members: Vec<_> = node.members().chain(node.shadowed_members()).collect();
    let plain = node.members().count() == members.len();
    members.sort_few_by_key(|(_, value)| value.id());
    let (mut seen, mut told) = (HashSet::new(), HashSet::new());
    for (key, value) in members {
        let place = place.field(key);
        if !plain && !seen.insert(key) && told.insert(key) {
            found.push(format!("{DUPLICATE}\"{}\"", place.unknown()));
        }
        find_duplicates(value, &place, found);
    }
}

/// Whose text the nodes are of that are copied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    /// That of the document.
    Same,
    /// That of a default.
    Other,
}

struct Walk<'a> {
    builder: Builder<'a>,
    /// Whether nothing is taken out, and metadata left as it is.
    fills_only: bool,
    defaulted: Arc<str>,
    pruned: Vec<String>,
    embedded: Vec<String>,
    text: Text,
}

/// What becomes of unknown fields of an object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unknown {
    /// Removed, and told.
    Pruned,
    /// Kept with all that is below.
    Kept,
}

impl Walk<'_> {
    fn same(&self) -> bool {
        self.text == Text::Same
    }

    /// The root is a resource: its metadata is known whatever the schema says.
    fn root(&mut self, node: NodeRef<'_>, schema: Option<&Schema>) -> Result<NodeId, DecodeError> {
        let Some(schema) = schema else {
            // no schema preserves everything
            return self.object(node, None, &FieldPath::ROOT, Unknown::Kept, true);
        };
        self.object(node, Some(schema), &FieldPath::ROOT, Unknown::Pruned, true)
    }

    fn value(
        &mut self,
        node: NodeRef<'_>,
        schema: Option<&Schema>,
        place: &FieldPath<'_>,
        unknown: Unknown,
    ) -> Result<NodeId, DecodeError> {
        if node.is_object() {
            self.object(node, schema, place, unknown, false)
        } else if node.is_array() {
            let id = self.builder.begin_array()?;
            let items = schema.and_then(|schema| schema.items.as_deref());
            for (index, item) in node.items().enumerate() {
                let default = items
                    .filter(|items| item.is_null() && !items.nullable)
                    .and_then(|items| items.constraints().default.as_ref());
                match default {
                    Some(default) => self.default(default.root(), items)?,
                    None => {
                        self.value(item, items, &place.index(index), below(unknown, items))?;
                    }
                }
            }
            self.builder.end();
            self.place(id, node);
            Ok(id)
        } else {
            Ok(self.builder.copy_node(node, self.same())?)
        }
    }

    fn object(
        &mut self,
        node: NodeRef<'_>,
        schema: Option<&Schema>,
        place: &FieldPath<'_>,
        unknown: Unknown,
        is_root: bool,
    ) -> Result<NodeId, DecodeError> {
        let id = self.builder.begin_object()?;
        let resource = is_root || schema.is_some_and(|schema| schema.embedded);
        let unknown =
            if schema.is_some_and(|schema| schema.preserve_unknown) { Unknown::Kept } else { unknown };
        for (key, value) in node.members() {
            if resource && !self.fills_only && matches!(key, "apiVersion" | "kind" | "metadata") {
                self.of_resource(key, value, place, is_root)?;
                continue;
            }
            let place = place.field(key);
            let property = schema.and_then(|schema| schema.properties.get(key));
            let member = match (property, schema.map(|schema| &schema.additional)) {
                (Some(property), _) => Some(property),
                (None, Some(Additional::Schema(additional))) => Some(&**additional),
                (None, Some(Additional::Any | Additional::None)) => None,
                (None, None | Some(Additional::Absent)) => {
                    if unknown == Unknown::Pruned && !self.fills_only {
                        if self.same() {
                            self.pruned.push(place.unknown());
                        }
                        continue;
                    }
                    self.builder.key(key, value.key_span())?;
                    self.builder.copy_node(value, self.same())?;
                    continue;
                }
            };
            self.member(key, value, member, &place, below(Unknown::Pruned, member))?;
        }
        for (key, property) in schema.into_iter().flat_map(|schema| schema.properties.iter()) {
            if let Some(default) = property.constraints().default.as_ref().filter(|_| node.get(key).is_none())
            {
                self.builder.key(key, None)?;
                self.default(default.root(), Some(property))?;
            }
        }
        self.builder.end();
        self.place(id, node);
        Ok(id)
    }

    /// A member that is kept, unless it is a null that may not be.
    fn member(
        &mut self,
        key: &str,
        value: NodeRef<'_>,
        schema: Option<&Schema>,
        place: &FieldPath<'_>,
        unknown: Unknown,
    ) -> Result<(), DecodeError> {
        if let Some(schema) = schema.filter(|schema| value.is_null() && !schema.nullable) {
            if let Some(default) = &schema.constraints().default {
                self.builder.key(key, value.key_span())?;
                self.default(default.root(), Some(schema))?;
                return Ok(());
            }
            if !self.fills_only {
                return Ok(());
            }
        }
        self.builder.key(key, value.key_span())?;
        self.value(value, schema, place, unknown)?;
        Ok(())
    }

    fn of_resource(
        &mut self,
        key: &str,
        value: NodeRef<'_>,
        place: &FieldPath<'_>,
        is_root: bool,
    ) -> Result<(), DecodeError> {
        let place = place.field(key);
        if key != "metadata" {
            if value.as_str().is_none() {
                let text = format!("{place}: Invalid value: {}: must be a string", shown(value));
                return Err(DecodeError::Type(text));
            }
            self.builder.key(key, value.key_span())?;
            self.builder.copy_node(value, self.same())?;
            return Ok(());
        }
        if !is_root {
            match metadata::check(value) {
                Ok(unknown) => {
                    let told = unknown.into_iter().filter(|_| self.text == Text::Same);
                    self.embedded.extend(told.map(|field| format!("{place}.{field}")));
                }
                Err(text) => {
                    let text = format!("{place}: Invalid value: {}: {text}", shown(value));
                    return Err(DecodeError::Type(text));
                }
            }
        }
        self.builder.key(key, value.key_span())?;
        let same = self.same();
        metadata::write(value, &mut self.builder, same)?;
        Ok(())
    }

    /// A default, without what its schema does not know, and with the defaults of what is below it.
    fn default(&mut self, default: NodeRef<'_>, schema: Option<&Schema>) -> Result<(), DecodeError> {
        let before = std::mem::replace(&mut self.text, Text::Other);
        let id = if self.builder.depth() < DEPTH {
            self.value(default, schema, &FieldPath::ROOT, below(Unknown::Pruned, schema))?
        } else {
            self.builder.copy_node(default, false)?
        };
        self.text = before;
        if self.same() {
            self.builder.mark_origin(id, &self.defaulted);
        }
        Ok(())
    }

    fn place(&mut self, id: NodeId, node: NodeRef<'_>) {
        if let Some(span) = node.span().filter(|_| self.same()) {
            self.builder.place(id, span);
        }
    }
}

/// What becomes of unknown fields one level down; below a list that is preserved its items are.
fn below(unknown: Unknown, schema: Option<&Schema>) -> Unknown {
    if schema.is_some_and(|schema| schema.preserve_unknown) { Unknown::Kept } else { unknown }
}
