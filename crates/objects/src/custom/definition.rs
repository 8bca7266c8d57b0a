//! The custom kinds that are known, by group and kind.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use document::{Document, LimitError, Limits, NodeRef};

use crate::field::Causes;

use super::decode::{self, DecodeError, Decoded};
use super::rules::Rules;
use super::schema::Schema;
use super::validate;

/// `subresources.scale` of a version.
#[derive(Debug, Clone)]
pub struct Scale {
    /// `.spec.replicas`
    pub spec_replicas: String,
    /// `.status.replicas`
    pub status_replicas: String,
    /// `.status.selector`
    pub label_selector: Option<String>,
}

/// A version of a custom kind.
#[derive(Debug)]
pub struct Version {
    /// `v1`
    pub name: String,
    /// Whether objects of it are taken.
    pub served: bool,
    /// Whether objects are stored in it.
    pub storage: bool,
    /// Whether it is deprecated, with the warning that the server gives, if it has words of its own.
    pub deprecated: Option<Option<String>>,
    /// The schema; `None` where none is given, and where unknown fields are preserved altogether.
    pub schema: Option<Schema>,
    /// Whether `status` is a subresource, and so not for users to set.
    pub status: bool,
    /// Whether `scale` is a subresource.
    pub scale: Option<Scale>,
    rules: OnceLock<Rules>,
}

/// A custom kind.
#[derive(Debug)]
pub struct Definition {
    /// `example.com`
    pub group: String,
    /// `Widget`
    pub kind: String,
    /// `WidgetList`
    pub list_kind: String,
    /// `widgets`
    pub plural: String,
    /// Whether its objects stand in a namespace.
    pub namespaced: bool,
    /// Fields that the schema does not know are kept.
    pub preserve_unknown: bool,
    /// In the order written.
    pub versions: Vec<Version>,
}

impl Version {
    /// Compiled when they are first asked.
    pub(super) fn rules(&self) -> &Rules {
        self.rules.get_or_init(|| Rules::compile(self.schema.as_ref(), true))
    }

    fn read(node: NodeRef<'_>) -> Self {
        let flag = |name: &str| node.get(name).and_then(NodeRef::as_bool).unwrap_or(false);
        let text = |node: NodeRef<'_>, name: &str| node.get_str(name).map(str::to_owned);
        let schema =
            node.get("schema").and_then(|schema| schema.get_present("openAPIV3Schema")).map(Schema::read);
        let subresources = node.get_present("subresources");
        let scale = subresources.and_then(|subresources| subresources.get_present("scale"));
        Self {
            name: text(node, "name").unwrap_or_default(),
            served: flag("served"),
            storage: flag("storage"),
            deprecated: flag("deprecated").then(|| text(node, "deprecationWarning")),
            rules: OnceLock::new(),
            schema,
            status: subresources.is_some_and(|subresources| subresources.get_present("status").is_some()),
            scale: scale.map(|scale| Scale {
                spec_replicas: text(scale, "specReplicasPath").unwrap_or_default(),
                status_replicas: text(scale, "statusReplicasPath").unwrap_or_default(),
                label_selector: text(scale, "labelSelectorPath"),
            }),
        }
    }
}

impl Definition {
    /// Reads a CustomResourceDefinition; `None` where it names no kind.
    #[must_use]
    pub fn read(node: NodeRef<'_>) -> Option<Self> {
        let spec = node.get("spec")?;
        let names = spec.get("names")?;
        let kind = names.get_str("kind")?.to_owned();
        Some(Self {
            group: spec.get_str("group")?.to_owned(),
            list_kind: names.get_str("listKind").map_or_else(|| format!("{kind}List"), str::to_owned),
            kind,
            plural: names.get_str("plural").unwrap_or_default().to_owned(),
            namespaced: spec.get_str("scope") == Some("Namespaced"),
            preserve_unknown: spec.get("preserveUnknownFields").and_then(NodeRef::as_bool).unwrap_or(false),
            versions: spec.get("versions").into_iter().flat_map(NodeRef::items).map(Version::read).collect(),
        })
    }

    /// The version of this name, if it is served.
    #[must_use]
    pub fn served(&self, version: &str) -> Option<&Version> {
        self.versions.iter().find(|known| known.name == version && known.served)
    }

    /// Decodes an object of a version.
    ///
    /// # Errors
    /// What is of a wrong type in metadata.
    pub fn decode<'a>(
        &self,
        version: &Version,
        document: &Document<'a>,
        limits: Limits,
    ) -> Result<Decoded<'a>, DecodeError> {
        let schema = version.schema.as_ref().filter(|_| !self.preserve_unknown);
        decode::decode(document, schema, limits)
    }

    /// An object of a version with its defaults, and nothing else changed.
    ///
    /// # Errors
    /// When the object is larger than is read.
    pub fn with_defaults(
        &self,
        version: &Version,
        document: &Document<'_>,
    ) -> Result<Document<'static>, LimitError> {
        let schema = version.schema.as_ref().filter(|_| !self.preserve_unknown);
        decode::fill(document, schema)
    }

    /// Why the server would refuse the object with 422. Both are as [`Definition::decode`] gives them.
    ///
    /// # Errors
    /// When the object is larger than is read.
    pub fn validate(
        &self,
        version: &Version,
        object: NodeRef<'_>,
        old: Option<NodeRef<'_>>,
    ) -> Result<Causes, LimitError> {
        validate::validate(self, version, object, old)
    }

    /// What the server warns of when it accepts an object.
    #[must_use]
    pub fn warnings(&self, version: &Version, object: NodeRef<'_>, old: Option<NodeRef<'_>>) -> Vec<String> {
        let deprecated = version.deprecated.iter().map(|words| {
            let written = format!("{}/{} {} is deprecated", self.group, version.name, self.kind);
            words.clone().unwrap_or(written)
        });
        deprecated.chain(super::finalizers::warnings(object, old)).collect()
    }
}

/// All custom kinds that are known: of the cluster, of files, of the input itself.
#[derive(Debug, Default)]
pub struct Definitions {
    /// In the order they were met.
    by_kind: BTreeMap<(String, String), Vec<Definition>>,
}

impl Definitions {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The group and kind that a CustomResourceDefinition defines; of anything else none.
    #[must_use]
    pub fn defined<'d>(node: NodeRef<'d>) -> Option<(&'d str, &'d str)> {
        let is_definition = node.get_str("kind") == Some("CustomResourceDefinition")
            && node.get_str("apiVersion").is_some_and(|version| version.starts_with("apiextensions.k8s.io/"));
        let spec = node.get("spec").filter(|_| is_definition)?;
        Some((spec.get_str("group")?, spec.get("names")?.get_str("kind")?))
    }

    /// Adds a CustomResourceDefinition; of several that serve a version of the same kind the last one counts. Anything else
    /// is left alone.
    pub fn add(&mut self, node: NodeRef<'_>) {
        if let Some(definition) = Self::defined(node).and_then(|_| Definition::read(node)) {
            let key = (definition.group.clone(), definition.kind.clone());
            self.by_kind.entry(key).or_default().push(definition);
        }
    }

    /// The definition of a kind, whatever the version.
    #[must_use]
    pub fn kind(&self, group: &str, kind: &str) -> Option<&Definition> {
        self.of_kind(group, kind).last()
    }

    fn of_kind(&self, group: &str, kind: &str) -> &[Definition] {
        self.by_kind.get(&(group.to_owned(), kind.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// The definition and served version of an object.
    #[must_use]
    pub fn find(&self, group: &str, version: &str, kind: &str) -> Option<(&Definition, &Version)> {
        let mut latest_first = self.of_kind(group, kind).iter().rev();
        latest_first.find_map(|definition| Some((definition, definition.served(version)?)))
    }

    /// All of them, by group and kind.
    pub fn iter(&self) -> impl Iterator<Item = &Definition> {
        self.by_kind.values().filter_map(|definitions| definitions.last())
    }
}
