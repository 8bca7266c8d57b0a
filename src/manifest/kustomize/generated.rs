//! ConfigMaps and Secrets that a kustomization generates.

use serde_json::{Map, Value, json};

use super::texts;
use crate::document::{Document, NodeRef};

/// A generated object, as far as the kustomization tells it. Its name gets a hash when it is built, and so do the
/// references to it; here both are without.
#[derive(Debug)]
pub struct Generated {
    /// `ConfigMap` or `Secret`.
    pub kind: &'static str,
    /// Its name, before prefixes.
    pub name: String,
    /// The namespace that the generator names.
    pub namespace: Option<String>,
    /// The object, with its keys and without their values.
    pub document: Document<'static>,
    /// Whether there may be more keys: of files of variables, or of the object that is merged into.
    pub partial: bool,
}

impl Generated {
    /// Those of a kustomization.
    pub(super) fn all(root: NodeRef<'_>) -> Vec<Self> {
        let of = |field, kind| {
            let entries = root.get(field).into_iter().flat_map(NodeRef::items);
            entries.filter_map(move |entry| Self::read(entry, kind))
        };
        of("configMapGenerator", "ConfigMap").chain(of("secretGenerator", "Secret")).collect()
    }

    fn read(entry: NodeRef<'_>, kind: &'static str) -> Option<Self> {
        let name = entry.get_str("name").filter(|name| !name.is_empty())?;
        let mut keys = Map::new();
        for literal in texts(entry, "literals") {
            let key = literal.split_once('=').map_or(literal, |(key, _)| key);
            keys.insert(key.to_owned(), Value::String(String::new()));
        }
        for file in texts(entry, "files") {
            let key =
                file.split_once('=').map_or_else(|| file.rsplit('/').next().unwrap_or(file), |(key, _)| key);
            keys.insert(key.to_owned(), Value::String(String::new()));
        }
        let variables = entry.get_present("envs").is_some() || entry.get_present("env").is_some();
        let merged = matches!(entry.get_str("behavior"), Some("merge" | "replace"));
        let object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "data": keys});
        Some(Self {
            kind,
            name: name.to_owned(),
            namespace: entry.get_str("namespace").map(str::to_owned),
            document: Document::from_value(&object).ok()?,
            partial: variables || merged,
        })
    }
}
