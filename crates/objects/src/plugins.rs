//! What the built-in admission plugins do to an object that is created, and what they refuse.
//!
//! Only those are here that change objects or look something up before any webhook (plugin/pkg/admission). What the
//! cluster holds is asked of a [`Cluster`]; what that does not know counts as being there, with nothing special to it.

mod pods;

use document::{NodeId, NodeRef};

use crate::admit::{Options, Refusal, Served};
use crate::tree::{Id, Tree, Value};

/// What is known of something that would be in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// It is there.
    There(T),
    /// It is not.
    Absent,
    /// Nobody says.
    Unknown,
}

/// A service account, as far as Pods are changed by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// `automountServiceAccountToken`
    pub automount: Option<bool>,
    /// The names of its `imagePullSecrets`.
    pub pull_secrets: Vec<String>,
}

/// A PriorityClass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priority {
    /// The name of the PriorityClass.
    pub name: String,
    /// Its `value`: what Pods of the class get for `priority`.
    pub value: i64,
    /// Its `preemptionPolicy`; `PreemptLowerPriority` where it was created without.
    pub preemption: String,
}

/// What else there is in the cluster.
pub trait Cluster {
    /// Whether a namespace is there.
    fn namespace(&self, name: &str) -> Known<()>;
    /// The service account of that name.
    fn service_account(&self, namespace: &str, name: &str) -> Known<Account>;
    /// The PriorityClass of that name. Those of the system are always there, and not asked for.
    fn priority_class(&self, name: &str) -> Known<Priority>;
    /// The PriorityClass that is the default of all Pods.
    fn default_priority_class(&self) -> Known<Priority>;
    /// Whether a RuntimeClass is there. What it adds to Pods is not known here yet.
    fn runtime_class(&self, name: &str) -> Known<()>;
    /// The name of the StorageClass that is marked as the default.
    fn default_storage_class(&self) -> Known<String>;
    /// The name of the IngressClass that is marked as the default.
    fn default_ingress_class(&self) -> Known<String>;
}

/// A cluster of which nothing is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct UnknownCluster;

impl Cluster for UnknownCluster {
    fn namespace(&self, _: &str) -> Known<()> {
        Known::Unknown
    }

    fn service_account(&self, _: &str, _: &str) -> Known<Account> {
        Known::Unknown
    }

    fn priority_class(&self, _: &str) -> Known<Priority> {
        Known::Unknown
    }

    fn default_priority_class(&self) -> Known<Priority> {
        Known::Unknown
    }

    fn runtime_class(&self, _: &str) -> Known<()> {
        Known::Unknown
    }

    fn default_storage_class(&self) -> Known<String> {
        Known::Unknown
    }

    fn default_ingress_class(&self) -> Known<String> {
        Known::Unknown
    }
}

/// An admission plugin that is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plugin {
    /// `NamespaceLifecycle`
    NamespaceLifecycle,
    /// `ServiceAccount`
    ServiceAccount,
    /// `TaintNodesByCondition`
    TaintNodesByCondition,
    /// `Priority`
    Priority,
    /// `DefaultTolerationSeconds`
    DefaultTolerationSeconds,
    /// `DefaultStorageClass`
    DefaultStorageClass,
    /// `StorageObjectInUseProtection`
    StorageObjectInUseProtection,
    /// `RuntimeClass`
    RuntimeClass,
    /// `DefaultIngressClass`
    DefaultIngressClass,
}

/// In the server's order (pkg/kubeapiserver/options/plugins.go `AllOrderedPlugins`).
const ORDER: [Plugin; 9] = [
    Plugin::NamespaceLifecycle,
    Plugin::ServiceAccount,
    Plugin::TaintNodesByCondition,
    Plugin::Priority,
    Plugin::DefaultTolerationSeconds,
    Plugin::DefaultStorageClass,
    Plugin::StorageObjectInUseProtection,
    Plugin::RuntimeClass,
    Plugin::DefaultIngressClass,
];

impl Plugin {
    fn handles_update(self) -> bool {
        matches!(self, Self::NamespaceLifecycle | Self::Priority | Self::DefaultTolerationSeconds)
    }
}

/// Which admission plugins a server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plugins(u16);

impl Default for Plugins {
    /// Those of every server that was not told otherwise: all that are here.
    fn default() -> Self {
        ORDER.into_iter().fold(Self(0), Self::with)
    }
}

impl Plugins {
    /// None at all.
    pub const NONE: Self = Self(0);

    /// With one more (`--enable-admission-plugins`).
    #[must_use]
    pub fn with(self, plugin: Plugin) -> Self {
        Self(self.0 | 1 << plugin as u16)
    }

    /// Without one (`--disable-admission-plugins`).
    #[must_use]
    pub fn without(self, plugin: Plugin) -> Self {
        Self(self.0 & !(1 << plugin as u16))
    }

    fn has(self, plugin: Plugin) -> bool {
        self.0 & 1 << plugin as u16 != 0
    }
}

/// An object on its way through the plugins.
struct Object<'t, 'd, 'o> {
    tree: &'t mut Tree<'d>,
    served: Served<'o>,
    options: &'o Options<'o>,
    /// What it replaces, on UPDATE.
    stored: Option<NodeRef<'o>>,
    /// Empty for cluster-scoped ones.
    namespace: String,
    /// The whole of what was written.
    written: NodeId,
}

/// Puts the object where the request is for, and lets the plugins at it.
///
/// # Errors
/// When one of them refuses it.
pub(crate) fn run(
    tree: &mut Tree<'_>,
    served: Served<'_>,
    options: &Options<'_>,
    written: NodeRef<'_>,
    stored: Option<NodeRef<'_>>,
) -> Result<(), Refusal> {
    let namespace = place(tree, &served, options.namespace);
    if stored.is_none() {
        wipe(tree);
    }
    let mut object = Object { tree, served, options, stored, namespace, written: written.id() };
    for plugin in ORDER {
        if options.plugins.has(plugin) && (stored.is_none() || plugin.handles_update()) {
            object.admit(plugin)?;
        }
    }
    Ok(())
}

/// Takes out what only the server sets (`WipeObjectMetaSystemFields` in apiserver pkg/registry/rest/meta.go); the time of
/// creation, which it writes anew, stays.
fn wipe(tree: &mut Tree<'_>) {
    if let Some(metadata) = tree.get(tree.root(), "metadata") {
        for key in ["uid", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
            tree.remove(metadata, key);
        }
    }
}

/// The namespace of the request, which is the object's where it names one; none for cluster-scoped ones
/// (rest.EnsureObjectNamespaceMatchesRequestNamespace).
fn place(tree: &mut Tree<'_>, served: &Served<'_>, of_request: &str) -> String {
    if served.namespaced().is_none() {
        return String::new();
    }
    let metadata = tree.object(tree.root(), "metadata");
    match served.namespaced() {
        Some(true) => {
            tree.default(metadata, "namespace", Value::text(of_request.to_owned()));
            tree.text(metadata, "namespace").to_owned()
        }
        Some(false) => {
            tree.remove(metadata, "namespace");
            String::new()
        }
        None => String::new(),
    }
}

impl Object<'_, '_, '_> {
    fn admit(&mut self, plugin: Plugin) -> Result<(), Refusal> {
        let root = self.tree.root();
        let served = self.served;
        match (plugin, served.group(), served.resource()) {
            (Plugin::NamespaceLifecycle, ..) => return self.namespace_is_there(),
            (Plugin::ServiceAccount, "", "pods") => return self.service_account(),
            (Plugin::Priority, "", "pods") => return self.priority(),
            (Plugin::DefaultTolerationSeconds, "", "pods") => self.tolerations(),
            (Plugin::RuntimeClass, "", "pods") => return self.runtime_class(),
            (Plugin::TaintNodesByCondition, "", "nodes") => self.taint(),
            (Plugin::DefaultStorageClass, "", "persistentvolumeclaims") => {
                let annotated = self.annotation("volume.beta.kubernetes.io/storage-class");
                let class = self.options.cluster.default_storage_class();
                let spec = self.tree.object(root, "spec");
                if let (false, Known::There(class)) = (annotated, class) {
                    self.tree.default_absent(spec, "storageClassName", Value::text(class));
                }
            }
            (Plugin::DefaultIngressClass, "networking.k8s.io", "ingresses") => {
                let annotated = self.annotation("kubernetes.io/ingress.class");
                let class = self.options.cluster.default_ingress_class();
                let spec = self.tree.object(root, "spec");
                if let (false, Known::There(class)) = (annotated, class) {
                    self.tree.default_absent(spec, "ingressClassName", Value::text(class));
                }
            }
            (Plugin::StorageObjectInUseProtection, group, resource) => {
                let finalizer = match (group, resource) {
                    ("", "persistentvolumes") => "kubernetes.io/pv-protection",
                    ("", "persistentvolumeclaims") => "kubernetes.io/pvc-protection",
                    ("storage.k8s.io", "volumeattributesclasses") if self.options.minor >= 34 => {
                        "kubernetes.io/vac-protection"
                    }
                    _ => return Ok(()),
                };
                self.finalizer(finalizer);
            }
            _ => {}
        }
        Ok(())
    }

    /// apiserver/pkg/admission/plugin/namespace/lifecycle
    fn namespace_is_there(&mut self) -> Result<(), Refusal> {
        // nothing is told of a namespace to those who only ask what they may
        if self.namespace.is_empty() || self.served.kind().ends_with("AccessReview") {
            return Ok(());
        }
        if self.options.cluster.namespace(&self.namespace) != Known::Absent {
            return Ok(());
        }
        let node = self.tree.dig(self.tree.root(), &["metadata", "namespace"]);
        let node = node.and_then(|node| self.tree.from(node)).unwrap_or(self.written);
        Err(Refusal::not_found(format!("namespaces \"{}\" not found", self.namespace), node))
    }

    fn annotation(&self, name: &str) -> bool {
        self.tree
            .dig(self.tree.root(), &["metadata", "annotations"])
            .is_some_and(|annotations| self.tree.get(annotations, name).is_some())
    }

    fn finalizer(&mut self, name: &'static str) {
        let metadata = self.tree.object(self.tree.root(), "metadata");
        let there = self.tree.items(metadata, "finalizers");
        if !there.iter().any(|finalizer| self.tree.as_text(*finalizer) == name) {
            let list = self.list(metadata, "finalizers");
            self.tree.push(list, "", Value::text(name), None);
        }
    }

    /// plugin/pkg/admission/nodetaint
    fn taint(&mut self) {
        const NOT_READY: &str = "node.kubernetes.io/not-ready";
        let spec = self.tree.object(self.tree.root(), "spec");
        let there = self.tree.items(spec, "taints").into_iter().any(|taint| {
            self.tree.text(taint, "key") == NOT_READY && self.tree.text(taint, "effect") == "NoSchedule"
        });
        if !there {
            let list = self.list(spec, "taints");
            let taint = self.tree.push(list, "", Value::Object, None);
            self.tree.set(taint, "key", Value::text(NOT_READY));
            self.tree.set(taint, "effect", Value::text("NoSchedule"));
        }
    }

    /// The list of that name, an empty one where there is none.
    fn list(&mut self, id: Id, key: &'static str) -> Id {
        match self.tree.get(id, key) {
            Some(list) => list,
            None => self.tree.set(id, key, Value::List),
        }
    }

    /// `admission.NewForbidden`
    fn forbidden(&self, why: &str, node: Option<Id>) -> Refusal {
        let metadata = self.tree.get(self.tree.root(), "metadata");
        let named = |key| metadata.map_or("", |metadata| self.tree.text(metadata, key));
        let name = match (named("name"), named("generateName")) {
            ("", "") => "Unknown",
            ("", prefix) => prefix,
            (name, _) => name,
        };
        let (group, resource) = (self.served.group(), self.served.resource());
        let dot = if group.is_empty() { "" } else { "." };
        let message = format!("{resource}{dot}{group} \"{name}\" is forbidden: {why}");
        Refusal::forbidden(message, node.and_then(|node| self.tree.from(node)).unwrap_or(self.written))
    }
}
