//! What the kustomizations of an input make of its objects.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::Kustomizations;
use super::change::{Change, changed};
use crate::document::{Document, NodeRef};
use crate::manifest::compose::LIMITS;
use crate::manifest::inventory::{LoadedDocument, Manifest};

/// An object as one chain of kustomizations makes it.
#[derive(Debug)]
pub struct Form<'s> {
    /// The name that the object is given, where it is given one.
    pub name: Option<String>,
    /// The namespace that is set.
    pub namespace: Option<String>,
    /// The object, where it is not as it was written but for its name.
    pub document: Option<Document<'s>>,
}

/// An object that a kustomization generates, as one chain of kustomizations makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The index of the file that says so.
    pub file: usize,
    /// The name of the object that is made.
    pub name: String,
    /// The namespace that is set.
    pub namespace: Option<String>,
    pub(super) kustomization: usize,
    pub(super) index: usize,
}

/// By the index of the manifest.
#[derive(Debug, Default)]
pub(crate) struct Applied<'s> {
    pub(crate) judged: HashMap<usize, Document<'s>, RandomState>,
    pub(crate) forms: HashMap<usize, Vec<Form<'s>>, RandomState>,
    pub(crate) generated: Vec<Made>,
}

impl<'s> Applied<'s> {
    pub(crate) fn of(
        kustomizations: &Kustomizations,
        paths: &[&str],
        documents: &[LoadedDocument<'s>],
        manifests: &[Manifest],
    ) -> Self {
        let mut applied = Self { generated: generated(kustomizations), ..Self::default() };
        let mut of_file: Option<(usize, Vec<Change>)> = None;
        for (index, manifest) in manifests.iter().enumerate() {
            let file = manifest.file.index();
            let Some(by) = kustomizations.listing(file).first() else { continue };
            if of_file.as_ref().is_none_or(|(known, _)| *known != file) {
                let mut changes = kustomizations.changes_of(file);
                let mut seen = Vec::new();
                changes.retain(|change| {
                    let new = !seen.contains(change);
                    seen.extend(new.then(|| change.clone()));
                    new
                });
                of_file = Some((file, changes));
            }
            let Some((_, changes)) = &of_file else { continue };
            let document = &documents[manifest.document.index()].document;
            let object = document.node(manifest.root);
            let label = format!("kustomization {}", kustomizations.path_of(*by, paths));
            applied.add(index, document, object, changes, &label);
        }
        applied
    }

    fn add(
        &mut self,
        index: usize,
        document: &Document<'s>,
        object: NodeRef<'_>,
        changes: &[Change],
        label: &str,
    ) {
        if let Some(judged) = changed(document, object, changes, label, LIMITS) {
            self.judged.insert(index, judged);
        }
        let name = object.at("/metadata/name").and_then(NodeRef::as_str);
        let forms = changes.iter().map(|change| Form {
            name: name.map(|name| change.name(name)),
            namespace: change.namespace.clone(),
            document: changed(document, object, std::slice::from_ref(change), label, LIMITS),
        });
        self.forms.insert(index, forms.collect());
    }
}

/// Each generated object by its own name, which is what refers to it, and by those that chains give it.
fn generated(kustomizations: &Kustomizations) -> Vec<Made> {
    let mut all = Vec::new();
    for (kustomization, own) in kustomizations.all.iter().enumerate() {
        if own.generated.is_empty() {
            continue;
        }
        let number = u32::try_from(kustomization).unwrap_or(u32::MAX);
        let changes = kustomizations.changes(&[number]);
        for (index, generated) in own.generated.iter().enumerate() {
            let made = |name: String, namespace: Option<&String>| Made {
                file: own.file,
                name,
                namespace: namespace.or(generated.namespace.as_ref()).cloned(),
                kustomization,
                index,
            };
            let first = all.len();
            for change in &changes {
                for name in [generated.name.clone(), change.name(&generated.name)] {
                    let made = made(name, change.namespace.as_ref());
                    if !all[first..].contains(&made) {
                        all.push(made);
                    }
                }
            }
        }
    }
    all
}
