//! The plugins that are about Pods: ServiceAccount, Priority, DefaultTolerationSeconds, RuntimeClass.

use document::NodeRef;

use super::{Account, Known, Object, Priority};
use crate::admit::Refusal;
use crate::tree::{Id, Value};

/// Where the token of a service account is mounted.
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The server ends the name with five letters at random; these stand for them.
const TOKEN_VOLUME: &str = "kube-api-access-xxxxx";
const MIRROR: &str = "kubernetes.io/config.mirror";

impl Object<'_, '_, '_> {
    fn pod_spec(&mut self) -> Id {
        self.tree.object(self.tree.root(), "spec")
    }

    /// plugin/pkg/admission/serviceaccount
    pub(super) fn service_account(&mut self) -> Result<(), Refusal> {
        let spec = self.pod_spec();
        if self.annotation(MIRROR) {
            return self.mirror(spec);
        }
        for key in ["serviceAccountName", "serviceAccount"] {
            self.tree.default(spec, key, Value::text("default"));
        }
        let name = self.tree.text(spec, "serviceAccountName").to_owned();
        let account = match self.options.cluster.service_account(&self.namespace, &name) {
            Known::There(account) => account,
            Known::Unknown => Account::default(),
            Known::Absent => {
                let namespace = &self.namespace;
                let why = format!(
                    "error looking up service account {namespace}/{name}: serviceaccount \"{name}\" not found"
                );
                return Err(self.forbidden(&why, self.tree.get(spec, "serviceAccountName")));
            }
        };
        let automount = match self.tree.get(spec, "automountServiceAccountToken") {
            Some(_) => self.tree.is_true(spec, "automountServiceAccountToken"),
            None => account.automount.unwrap_or(true),
        };
        if automount {
            self.mount_token(spec);
        }
        if self.tree.items(spec, "imagePullSecrets").is_empty() && !account.pull_secrets.is_empty() {
            let list = self.list(spec, "imagePullSecrets");
            for name in account.pull_secrets {
                let secret = self.tree.push(list, "", Value::Object, None);
                self.tree.set(secret, "name", Value::text(name));
            }
        }
        Ok(())
    }

    /// What a mirror Pod may refer to.
    fn mirror(&mut self, spec: Id) -> Result<(), Refusal> {
        if self.tree.has(spec, "serviceAccountName") {
            let at = self.tree.get(spec, "serviceAccountName");
            return Err(self.forbidden("a mirror pod may not reference service accounts", at));
        }
        let volumes = self.tree.items(spec, "volumes");
        let secret = volumes.iter().find(|volume| self.tree.get(**volume, "secret").is_some());
        if let Some(volume) = secret {
            return Err(self.forbidden("a mirror pod may not reference secrets", Some(*volume)));
        }
        Ok(())
    }

    fn mount_token(&mut self, spec: Id) {
        let named = self.tree.items(spec, "volumes").into_iter();
        let there = named
            .map(|volume| self.tree.text(volume, "name").to_owned())
            .find(|name| name.starts_with("kube-api-access-"));
        let name = there.clone().unwrap_or_else(|| TOKEN_VOLUME.to_owned());
        let mut needed = false;
        for container in
            [self.tree.items(spec, "initContainers"), self.tree.items(spec, "containers")].concat()
        {
            let mounts = self.tree.items(container, "volumeMounts");
            if mounts.into_iter().any(|mount| self.tree.text(mount, "mountPath") == TOKEN_PATH) {
                continue;
            }
            let list = self.list(container, "volumeMounts");
            let mount = self.tree.push(list, "", Value::Object, None);
            self.tree.set(mount, "mountPath", Value::text(TOKEN_PATH));
            self.tree.set(mount, "name", Value::text(name.clone()));
            self.tree.set(mount, "readOnly", Value::Bool(true));
            needed = true;
        }
        if needed && there.is_none() {
            self.token_volume(spec);
        }
    }

    /// `TokenVolumeSource`
    fn token_volume(&mut self, spec: Id) {
        let list = self.list(spec, "volumes");
        let tree = &mut *self.tree;
        let volume = tree.push(list, "", Value::Object, None);
        tree.set(volume, "name", Value::text(TOKEN_VOLUME));
        let projected = tree.set(volume, "projected", Value::Object);
        tree.set(projected, "defaultMode", Value::Int(0o644));
        let sources = tree.set(projected, "sources", Value::List);
        let source = tree.push(sources, "", Value::Object, None);
        let token = tree.set(source, "serviceAccountToken", Value::Object);
        tree.set(token, "expirationSeconds", Value::Int(3607));
        tree.set(token, "path", Value::text("token"));
        let source = tree.push(sources, "", Value::Object, None);
        let roots = tree.set(source, "configMap", Value::Object);
        let items = tree.set(roots, "items", Value::List);
        let item = tree.push(items, "", Value::Object, None);
        tree.set(item, "key", Value::text("ca.crt"));
        tree.set(item, "path", Value::text("ca.crt"));
        tree.set(roots, "name", Value::text("kube-root-ca.crt"));
        let source = tree.push(sources, "", Value::Object, None);
        let downward = tree.set(source, "downwardAPI", Value::Object);
        let items = tree.set(downward, "items", Value::List);
        let item = tree.push(items, "", Value::Object, None);
        let field = tree.set(item, "fieldRef", Value::Object);
        tree.set(field, "apiVersion", Value::text("v1"));
        tree.set(field, "fieldPath", Value::text("metadata.namespace"));
        tree.set(item, "path", Value::text("namespace"));
    }

    /// plugin/pkg/admission/priority
    pub(super) fn priority(&mut self) -> Result<(), Refusal> {
        let spec = self.pod_spec();
        if let Some(stored) = self.stored {
            self.keep_priority(spec, stored);
            return Ok(());
        }
        let name = self.tree.text(spec, "priorityClassName").to_owned();
        let class =
            if name.is_empty() { self.options.cluster.default_priority_class() } else { self.class(&name) };
        let class = match class {
            Known::There(class) => class,
            Known::Absent if !name.is_empty() => {
                let at = self.tree.get(spec, "priorityClassName");
                return Err(self.forbidden(&format!("no PriorityClass with name {name} was found"), at));
            }
            Known::Unknown if !name.is_empty() => return Ok(()),
            _ => system("", 0),
        };
        if let Some(written) = self.tree.get(spec, "priority") {
            let number = self.tree.int(spec, "priority");
            if number != class.value {
                let why = format!(
                    "the integer value of priority ({number}) must not be provided in pod spec; priority admission controller computed {} from the given PriorityClass name",
                    class.value
                );
                return Err(self.forbidden(&why, Some(written)));
            }
        }
        if let Some(written) = self.tree.get(spec, "preemptionPolicy") {
            let policy = self.tree.as_text(written).to_owned();
            if policy != class.preemption {
                let why = format!(
                    "the string value of PreemptionPolicy ({policy}) must not be provided in pod spec; priority admission controller computed {} from the given PriorityClass name",
                    class.preemption
                );
                return Err(self.forbidden(&why, Some(written)));
            }
        }
        self.tree.default(spec, "priorityClassName", Value::text(class.name));
        if !self.tree.has(spec, "priorityClassName") {
            self.tree.remove(spec, "priorityClassName");
        }
        self.tree.default_absent(spec, "priority", Value::Int(class.value));
        self.tree.default_absent(spec, "preemptionPolicy", Value::text(class.preemption));
        Ok(())
    }

    /// On UPDATE nothing is computed: what was is kept where nothing is said.
    fn keep_priority(&mut self, spec: Id, stored: NodeRef<'_>) {
        let Some(stored) = stored.get("spec") else { return };
        if let Some(priority) = stored.get("priority").and_then(NodeRef::as_i64) {
            self.tree.default_absent(spec, "priority", Value::Int(priority));
        }
        if let Some(policy) = stored.get_str("preemptionPolicy") {
            self.tree.default_absent(spec, "preemptionPolicy", Value::text(policy.to_owned()));
        }
    }

    fn class(&self, name: &str) -> Known<Priority> {
        match name {
            "system-cluster-critical" => Known::There(system(name, 2_000_000_000)),
            "system-node-critical" => Known::There(system(name, 2_000_001_000)),
            _ => self.options.cluster.priority_class(name),
        }
    }

    /// plugin/pkg/admission/defaulttolerationseconds
    pub(super) fn tolerations(&mut self) {
        let spec = self.pod_spec();
        for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
            // those that are added are seen as well, and are of another key
            let there = self.tree.items(spec, "tolerations").into_iter().any(|toleration| {
                matches!(self.tree.text(toleration, "key"), found if found == key || found.is_empty())
                    && matches!(self.tree.text(toleration, "effect"), "NoExecute" | "")
            });
            if there {
                continue;
            }
            let list = self.list(spec, "tolerations");
            let toleration = self.tree.push(list, "", Value::Object, None);
            self.tree.set(toleration, "effect", Value::text("NoExecute"));
            self.tree.set(toleration, "key", Value::text(key));
            self.tree.set(toleration, "operator", Value::text("Exists"));
            self.tree.set(toleration, "tolerationSeconds", Value::Int(300));
        }
    }

    /// plugin/pkg/admission/runtimeclass
    pub(super) fn runtime_class(&mut self) -> Result<(), Refusal> {
        let spec = self.pod_spec();
        let Some(class) = self.tree.get(spec, "runtimeClassName") else { return Ok(()) };
        let name = self.tree.as_text(class).to_owned();
        if self.options.cluster.runtime_class(&name) != Known::Absent {
            return Ok(());
        }
        Err(self.forbidden(&format!("pod rejected: RuntimeClass {name:?} not found"), Some(class)))
    }
}

fn system(name: &str, value: i64) -> Priority {
    Priority { name: name.to_owned(), value, preemption: "PreemptLowerPriority".to_owned() }
}
