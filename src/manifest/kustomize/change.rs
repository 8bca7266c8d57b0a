//! What kustomizations do with the objects that they list.

use std::sync::Arc;

use super::scaled::{FIELDS, Scaled};
use crate::api::{self, Scope};
use crate::document::edit::{Editor, PatchOperation, string};
use crate::document::path::Pointer;
use crate::document::{Builder, Document, Limits, NodeRef};
use crate::resource::workload::{PodTemplate, TemplatePaths};

/// Namespace, names, labels, images and numbers of Pods, as one kustomization or several in a row set them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// The namespace of everything.
    pub namespace: Option<String>,
    prefix: String,
    suffix: String,
    labels: Vec<Label>,
    images: Vec<Image>,
    scaled: Vec<Scaled>,
}

/// A label that all objects get.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Label {
    key: String,
    value: String,
    reach: Reach,
}

/// Where a label goes as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Object,
    /// To Pod templates.
    Templates,
    /// And to the selectors of workloads.
    Selectors,
}

/// An entry of `images`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Image {
    name: String,
    new_name: Option<String>,
    tag: Option<String>,
    digest: Option<String>,
}

impl Change {
    /// What a kustomization says of it.
    pub(super) fn read(root: NodeRef<'_>, scaled: Vec<Scaled>) -> Self {
        let text = |node: NodeRef<'_>, field| scalar(node.get(field)?).filter(|text| !text.is_empty());
        let mut labels = Vec::new();
        let mut add = |pairs: Option<NodeRef<'_>>, reach| {
            let pairs = pairs.into_iter().flat_map(NodeRef::members);
            let label = |(key, value): (&str, NodeRef<'_>)| {
                Some(Label { key: key.to_owned(), value: scalar(value)?, reach })
            };
            labels.extend(pairs.filter_map(label));
        };
        add(root.get("commonLabels"), Reach::Selectors);
        for entry in root.get("labels").into_iter().flat_map(NodeRef::items) {
            let is = |field| entry.get(field).and_then(NodeRef::as_bool) == Some(true);
            let reach = match (is("includeSelectors"), is("includeTemplates")) {
                (true, _) => Reach::Selectors,
                (false, true) => Reach::Templates,
                (false, false) => Reach::Object,
            };
            add(entry.get("pairs"), reach);
        }
        let images = root.get("images").into_iter().flat_map(NodeRef::items).filter_map(|entry| {
            Some(Image {
                name: text(entry, "name")?,
                new_name: text(entry, "newName"),
                tag: text(entry, "newTag"),
                digest: text(entry, "digest"),
            })
        });
        Self {
            namespace: text(root, "namespace"),
            prefix: text(root, "namePrefix").unwrap_or_default(),
            suffix: text(root, "nameSuffix").unwrap_or_default(),
            images: images.collect(),
            labels,
            scaled,
        }
    }

    /// Puts what another kustomization does behind this.
    pub(super) fn then(&mut self, next: &Self) {
        let Self { namespace, prefix, suffix, labels, images, scaled } = next;
        self.scaled.extend(scaled.iter().map(|scaled| scaled.behind(&self.prefix, &self.suffix)));
        if namespace.is_some() {
            self.namespace.clone_from(namespace);
        }
        self.prefix.insert_str(0, prefix);
        self.suffix.push_str(suffix);
        self.labels.extend(labels.iter().cloned());
        self.images.extend(images.iter().cloned());
    }

    /// A name as it is afterwards.
    #[must_use]
    pub fn name(&self, name: &str) -> String {
        format!("{}{name}{}", self.prefix, self.suffix)
    }

    /// Whether the text of an object stays as it is, but for its name.
    fn is_nothing(&self) -> bool {
        let Self { namespace, prefix: _, suffix: _, labels, images, scaled } = self;
        namespace.is_none() && labels.is_empty() && images.is_empty() && scaled.is_empty()
    }

    /// What is made of a number of an object: what comes last counts.
    fn number(&self, field: &str, object: (&str, &str, &str)) -> Option<i64> {
        self.scaled.iter().rev().find_map(|scaled| scaled.number(field, object))
    }

    fn image(&self, image: &str) -> String {
        self.images.iter().fold(image.to_owned(), |image, rule| rule.of(&image).unwrap_or(image))
    }
}

impl Image {
    /// The image after the rule; `None` where it is about another.
    fn of(&self, image: &str) -> Option<String> {
        let (rest, digest) =
            image.split_once('@').map_or((image, None), |(rest, digest)| (rest, Some(digest)));
        let tag_at = rest.rfind(':').filter(|at| !rest[*at..].contains('/'));
        let (name, tag) = tag_at.map_or((rest, None), |at| (&rest[..at], Some(&rest[at + 1..])));
        if name != self.name {
            return None;
        }
        let mut new = self.new_name.clone().unwrap_or_else(|| name.to_owned());
        // a new tag takes the place of a digest, and the other way round
        let (tag, digest) = match (&self.tag, &self.digest) {
            (None, None) => (tag, digest),
            (tag, digest) => (tag.as_deref(), digest.as_deref()),
        };
        for (sign, part) in [(':', tag), ('@', digest)] {
            if let Some(part) = part {
                new.push(sign);
                new.push_str(part);
            }
        }
        Some(new)
    }
}

/// A scalar as a text; numbers and booleans as they are written in JSON.
fn scalar(node: NodeRef<'_>) -> Option<String> {
    node.as_str().map(str::to_owned).or_else(|| {
        let plain = node.scalar().is_some() && !node.is_null();
        plain.then(|| node.to_json())
    })
}

/// An object as these alternatives make it: the first namespace and the first new image that one of them gives, the
/// labels of all, the largest numbers of Pods. `None` where nothing is changed.
pub(crate) fn changed<'s>(
    document: &Document<'s>,
    object: NodeRef<'_>,
    changes: &[Change],
    label: &str,
    limits: Limits,
) -> Option<Document<'s>> {
    if changes.iter().all(Change::is_nothing) {
        return None;
    }
    let mut builder = Builder::of_version(document, limits);
    builder.copy_node(object, true).ok()?;
    let own = builder.finish();
    let mut editor = Editor::new(&own, limits);
    let label: Arc<str> = label.into();
    for operation in operations(own.root(), changes) {
        // what does not fit is not as kustomize would find it
        let _ = editor.apply(operation, &label);
    }
    if editor.is_unchanged() {
        return None;
    }
    editor.finish().ok().map(|(document, _)| document)
}

fn operations(root: NodeRef<'_>, changes: &[Change]) -> Vec<PatchOperation> {
    let mut operations = Vec::new();
    let version = root.get_str("apiVersion").unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let kind = root.get_str("kind").unwrap_or_default();
    let Some(metadata) = root.get("metadata").filter(|node| node.is_object()) else { return operations };
    let at = |node: NodeRef<'_>| Pointer::of(node, root.id());
    let namespaced = api::scope(group, kind) != Some(Scope::Cluster);
    if let Some(namespace) = changes.iter().find_map(|c| c.namespace.as_deref()).filter(|_| namespaced) {
        let path = at(metadata).child("namespace");
        operations.push(PatchOperation::Add { path, value: string(namespace) });
    }
    let none = TemplatePaths::default();
    let all = PodTemplate::all(root, group, "", kind, &none);
    // in the templates of kinds with several kustomize sets no labels
    let pods = all.first().copied().filter(|_| all.len() == 1);
    let labels = |reach: Reach| -> Vec<(&String, &String)> {
        let all = changes.iter().flat_map(|change| &change.labels).filter(|label| label.reach >= reach);
        all.map(|label| (&label.key, &label.value)).collect()
    };
    add_labels(metadata, "labels", &labels(Reach::Object), &at, &mut operations);
    let template = pods.and_then(|pods| pods.metadata).filter(|template| template.id() != metadata.id());
    match template {
        Some(template) => add_labels(template, "labels", &labels(Reach::Templates), &at, &mut operations),
        // a template without metadata gets them together with the labels
        None => add_metadata(pods, metadata, &labels(Reach::Templates), &at, &mut operations),
    }
    if let Some(spec) = root.get("spec").filter(|spec| spec.is_object() && selects(group, kind)) {
        add_selector(spec, &labels(Reach::Selectors), &at, &mut operations);
    }
    if let Some(spec) = root.get("spec").filter(|spec| spec.is_object()) {
        let name = metadata.get_str("name").unwrap_or_default();
        scale(spec, (group, kind, name), changes, &at(spec), &mut operations);
    }
    for image in all.iter().flat_map(PodTemplate::images) {
        let Some(text) = image.as_str() else { continue };
        let new = changes.iter().map(|change| change.image(text)).find(|new| new != text);
        if let Some(new) = new {
            operations.push(PatchOperation::Replace { path: at(image), value: string(&new) });
        }
    }
    operations
}

/// The numbers of Pods that patches give.
fn scale(
    spec: NodeRef<'_>,
    object: (&str, &str, &str),
    changes: &[Change],
    at: &Pointer,
    operations: &mut Vec<PatchOperation>,
) {
    for field in FIELDS {
        let own = spec.get(field).and_then(NodeRef::as_i64);
        let given = changes.iter().map(|change| change.number(field, object));
        let Some(most) = given.clone().flatten().max() else { continue };
        // one that gives none leaves what is written, or the server's 1
        let left = given.clone().any(|given| given.is_none()).then(|| own.unwrap_or(1));
        let number = most.max(left.unwrap_or(most));
        let Ok(value) = Document::from_value(&number) else { continue };
        operations.push(PatchOperation::Add { path: at.child(field), value: Arc::new(value) });
    }
}

/// The kinds whose `selector.matchLabels` kustomize makes where it is absent (its `commonLabels` field specs).
fn selects(group: &str, kind: &str) -> bool {
    matches!(
        (group, kind),
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet") | ("extensions", "Deployment")
    )
}

/// Labels that are there stay as they are: what selects by them is not looked at here.
fn add_labels(
    parent: NodeRef<'_>,
    field: &str,
    labels: &[(&String, &String)],
    at: &dyn Fn(NodeRef<'_>) -> Pointer,
    operations: &mut Vec<PatchOperation>,
) {
    let there = parent.get_present(field);
    if labels.is_empty() || !parent.is_object() || there.is_some_and(|labels| !labels.is_object()) {
        return;
    }
    let path = at(parent).child(field);
    if there.is_none() {
        let empty = serde_json::Map::new();
        let Ok(value) = Document::from_value(&empty) else { return };
        operations.push(PatchOperation::Add { path: path.clone(), value: Arc::new(value) });
    }
    let mut known: Vec<&str> = Vec::new();
    for (key, value) in labels {
        if !known.contains(&key.as_str()) && there.is_none_or(|labels| labels.get(key).is_none()) {
            known.push(key);
            operations.push(PatchOperation::Add { path: path.child(key.as_str()), value: string(value) });
        }
    }
}

/// The metadata of a Pod template that has none, with labels in it.
fn add_metadata(
    pods: Option<PodTemplate<'_>>,
    metadata: NodeRef<'_>,
    labels: &[(&String, &String)],
    at: &dyn Fn(NodeRef<'_>) -> Pointer,
    operations: &mut Vec<PatchOperation>,
) {
    let Some(template) = pods.filter(|pods| pods.metadata.is_none()).and_then(|pods| pods.spec.parent())
    else {
        return;
    };
    // that of a Pod is the object's own
    if labels.is_empty() || metadata.parent().is_some_and(|object| object.id() == template.id()) {
        return;
    }
    operations.extend(holding(at(template).child("metadata"), "labels", labels));
}

/// Selectors of labels, made where there is none.
fn add_selector(
    spec: NodeRef<'_>,
    labels: &[(&String, &String)],
    at: &dyn Fn(NodeRef<'_>) -> Pointer,
    operations: &mut Vec<PatchOperation>,
) {
    match spec.get_present("selector") {
        Some(selector) => add_labels(selector, "matchLabels", labels, at, operations),
        None if labels.is_empty() => {}
        None => operations.extend(holding(at(spec).child("selector"), "matchLabels", labels)),
    }
}

/// An object that has nothing but these labels in a field.
fn holding(path: Pointer, field: &str, labels: &[(&String, &String)]) -> Option<PatchOperation> {
    let mut all = serde_json::Map::new();
    for (key, value) in labels {
        all.entry(key.as_str()).or_insert_with(|| value.as_str().into());
    }
    let value = Document::from_value(&serde_json::json!({ field: all })).ok()?;
    Some(PatchOperation::Add { path, value: Arc::new(value) })
}
