//! The objects that mutants are made of: full ones of our own, and where they lie beside the project what linters test
//! themselves with and what tutorials show.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kubernetes_objects::schema::{self, KindRow, Type};
use plimsoll::document::NodeRef;
use plimsoll::manifest::{Inventory, ReadLimits, compose, read_sources, split};
use serde_json::Value;

use crate::random::Random;

/// A release of the live server.
pub(crate) const MINOR: u8 = 36;

#[derive(Debug, Clone)]
pub(crate) struct Base {
    pub(crate) source: String,
    pub(crate) object: Value,
    /// Whether it is one of our own, which the live server is given for UPDATEs.
    pub(crate) own: bool,
}

impl Base {
    pub(crate) fn text<'a>(&'a self, key: &str) -> &'a str {
        self.object[key].as_str().unwrap_or_default()
    }

    pub(crate) fn kind(&self) -> String {
        format!("{} {}", self.text("apiVersion"), self.text("kind"))
    }

    pub(crate) fn metadata(&self, key: &str) -> &str {
        self.object["metadata"][key].as_str().unwrap_or_default()
    }

    /// The row of the schemas, unless it is a custom resource.
    pub(crate) fn row(&self) -> Option<&'static KindRow> {
        let api_version = self.text("apiVersion");
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        schema::kind(group, version, self.text("kind"), MINOR).filter(|row| !row.resource.is_empty())
    }
}

/// Those of our own, file by file: what others need comes first by its name.
pub(crate) fn own() -> Vec<Base> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fidelity/objects");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut bases = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for (index, chunk) in split::split(&text, 0).into_iter().enumerate() {
            let composed = compose::compose(&text, chunk.range).unwrap();
            let object = serde_json::from_str(&composed.document.unwrap().root().to_json()).unwrap();
            let source = format!("{}#{index}", file.file_name().unwrap().to_string_lossy());
            bases.push(Base { source, object, own: true });
        }
    }
    bases
}

/// Those beside the project that a live server took; none, and said, where they are missing.
pub(crate) fn corpora() -> Vec<Base> {
    let root = std::env::var_os("PLIMSOLL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let file = root.join("vectors/admission/objects.jsonl");
    let Ok(lines) = std::fs::read_to_string(&file) else {
        eprintln!("fidelity: SKIPPED the objects of corpora: there is no {}", file.display());
        return Vec::new();
    };
    let mut bases = Vec::new();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let code = line["warn"]["code"].as_u64();
        let source = line["id"].as_str().unwrap_or_default().to_owned();
        let base = Base { source, object: line["input"].clone(), own: false };
        if matches!(code, Some(201 | 409)) && base.row().is_some() {
            bases.push(base);
        }
    }
    bases
}

/// So many of the documents of a folder, drawn by chance: those of built-in kinds in which nothing is filled in later.
pub(crate) fn folder(folder: &str, count: usize, random: &mut Random) -> Vec<Base> {
    let sources = read_sources(&[folder.to_owned()], &mut std::io::empty(), ReadLimits::default());
    let inventory = Inventory::load(&sources);
    let mut bases = Vec::new();
    for manifest in inventory.manifests() {
        let object = inventory.object(manifest);
        if object.descendants().any(NodeRef::is_unknown) {
            continue;
        }
        let source = format!("{}#{}", sources.file(manifest.file).path(), manifest.index);
        let base = Base { source, object: serde_json::from_str(&object.to_json()).unwrap(), own: false };
        if base.row().is_some() {
            bases.push(base);
        }
    }
    let mut drawn = Vec::new();
    while drawn.len() < count && !bases.is_empty() {
        let index = random.below(bases.len());
        drawn.push(bases.swap_remove(index));
    }
    drawn
}

/// What stands in a field of a definition, anywhere in the objects.
#[derive(Default)]
pub(crate) struct Pool(BTreeMap<&'static str, BTreeMap<&'static str, Vec<Value>>>);

impl Pool {
    pub(crate) fn of(bases: &[Base]) -> Self {
        let mut pool = Self::default();
        for base in bases {
            if let Some(definition) = base.row().and_then(KindRow::definition) {
                pool.fill(&base.object, definition);
            }
        }
        pool
    }

    pub(crate) fn values(&self, definition: &schema::Definition, field: &str) -> &[Value] {
        self.0.get(definition.name).and_then(|fields| fields.get(field)).map_or(&[], Vec::as_slice)
    }

    fn fill(&mut self, object: &Value, definition: &'static schema::Definition) {
        for (key, value) in object.as_object().into_iter().flatten() {
            let Some(field) = definition.field(key, MINOR) else { continue };
            let known = self.0.entry(definition.name).or_default().entry(field.name).or_default();
            if !known.contains(value) {
                known.push(value.clone());
            }
            self.fill_value(value, &field.kind);
        }
    }

    fn fill_value(&mut self, value: &Value, kind: &'static Type) {
        match kind.pointed() {
            Type::List(item, _) => {
                value.as_array().into_iter().flatten().for_each(|each| self.fill_value(each, item));
            }
            Type::Map(of, ..) => {
                value.as_object().into_iter().flatten().for_each(|(_, each)| self.fill_value(each, of));
            }
            kind => {
                if let Some(definition) = kind.definition() {
                    self.fill(value, definition);
                }
            }
        }
    }
}
