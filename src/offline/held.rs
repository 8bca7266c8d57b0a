//! What of the input the API server's own admission plugins would look up.

use std::collections::{BTreeMap, BTreeSet};

use crate::apiserver::NAMESPACES;
use crate::document::NodeRef;
use crate::objects::plugins::{Account, Cluster, Known, Priority};
use crate::resource::identity::Identity;

/// The objects that plugins ask for.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Whether there is nothing else.
    complete: bool,
    namespaces: BTreeSet<String>,
    /// By namespace and name.
    accounts: BTreeMap<(String, String), Account>,
    priorities: BTreeMap<String, Priority>,
    runtimes: BTreeSet<String>,
    /// The defaults among them, by name.
    default_priorities: BTreeMap<String, Priority>,
    storage: BTreeSet<String>,
    ingress: BTreeSet<String>,
}

impl Held {
    pub(super) fn new(complete: bool) -> Self {
        let namespaces = NAMESPACES.iter().map(|&name| name.to_owned()).collect();
        Self { complete, namespaces, ..Self::default() }
    }

    /// Takes an object that will be there.
    pub(super) fn add(&mut self, identity: &Identity<'_>, object: NodeRef<'_>) {
        let Some(name) = identity.name.map(str::to_owned) else { return };
        let is_default = |annotation: &str| {
            let annotations = object.at("/metadata/annotations");
            annotations.and_then(|all| all.get_str(annotation)) == Some("true")
        };
        match (identity.gvk.group, identity.gvk.kind) {
            ("", "Namespace") => {
                self.namespaces.insert(name);
            }
            ("", "ServiceAccount") => {
                let secrets = object.get("imagePullSecrets").into_iter().flat_map(NodeRef::items);
                let account = Account {
                    automount: object.get("automountServiceAccountToken").and_then(NodeRef::as_bool),
                    pull_secrets: secrets
                        .filter_map(|secret| secret.get_str("name"))
                        .map(str::to_owned)
                        .collect(),
                };
                let namespace = identity.namespace.unwrap_or_default().to_owned();
                self.accounts.insert((namespace, name), account);
            }
            ("scheduling.k8s.io", "PriorityClass") => {
                let preemption = object.get_str("preemptionPolicy").unwrap_or("PreemptLowerPriority");
                let value = object.get("value").and_then(NodeRef::as_i64).unwrap_or_default();
                let priority = Priority { name: name.clone(), value, preemption: preemption.to_owned() };
                if object.get("globalDefault").and_then(NodeRef::as_bool) == Some(true) {
                    self.default_priorities.insert(name.clone(), priority.clone());
                }
                self.priorities.insert(name, priority);
            }
            ("node.k8s.io", "RuntimeClass") => {
                self.runtimes.insert(name);
            }
            ("storage.k8s.io", "StorageClass")
                if is_default("storageclass.kubernetes.io/is-default-class") =>
            {
                self.storage.insert(name);
            }
            ("networking.k8s.io", "IngressClass")
                if is_default("ingressclass.kubernetes.io/is-default-class") =>
            {
                self.ingress.insert(name);
            }
            _ => {}
        }
    }

    fn known<T>(&self, found: Option<T>) -> Known<T> {
        match found {
            Some(found) => Known::There(found),
            None if self.complete => Known::Absent,
            None => Known::Unknown,
        }
    }
}

impl Cluster for Held {
    fn namespace(&self, name: &str) -> Known<()> {
        self.known(self.namespaces.contains(name).then_some(()))
    }

    fn service_account(&self, namespace: &str, name: &str) -> Known<Account> {
        let found = self.accounts.get(&(namespace.to_owned(), name.to_owned())).cloned();
        // a controller makes one in every namespace
        self.known(found.or_else(|| (name == "default").then(Account::default)))
    }

    fn priority_class(&self, name: &str) -> Known<Priority> {
        self.known(self.priorities.get(name).cloned())
    }

    fn default_priority_class(&self) -> Known<Priority> {
        // of several the one with the lowest value counts (plugin/pkg/admission/priority)
        self.known(self.default_priorities.values().min_by_key(|priority| priority.value).cloned())
    }

    fn runtime_class(&self, name: &str) -> Known<()> {
        self.known(self.runtimes.contains(name).then_some(()))
    }

    fn default_storage_class(&self) -> Known<String> {
        self.known(self.storage.first().cloned())
    }

    fn default_ingress_class(&self) -> Known<String> {
        self.known(self.ingress.first().cloned())
    }
}
