//! The vocabulary of the tests: in this namespace the cluster `accepts`, `rejects` or `mutates`.

use std::sync::Arc;

use kube::api::{Api, DeleteParams, ListParams};
use kube::core::NamespaceResourceScope;
use serde_json::{Value, json};

use crate::cluster::{Cluster, eventually};
use crate::door::{Attempt, Door, Outcome, Verb, kubectl};

/// A namespace of one test. It is deleted, without waiting, by [`Stage::strike`].
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) namespace: String,
}

impl Stage {
    /// A new namespace whose Pods can be created at once.
    pub(crate) async fn set(cluster: &Arc<Cluster>, name: &str) -> Self {
        Self::set_with(cluster, name, json!({})).await
    }

    /// Likewise, with these labels.
    pub(crate) async fn set_with(cluster: &Arc<Cluster>, name: &str, labels: Value) -> Self {
        let namespace = cluster.unique(name);
        let stage = Stage { cluster: cluster.clone(), namespace: namespace.clone() };
        let metadata = json!({"name": namespace, "labels": labels});
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
        stage.accepts(Door::Kube, Verb::Create, &object).await;
        let accounts: Api<k8s_openapi::api::core::v1::ServiceAccount> = stage.api();
        eventually("the namespace's ServiceAccount", || async { accounts.get_opt("default").await.unwrap() })
            .await;
        stage
    }

    /// Deletes the namespace.
    pub(crate) async fn strike(self) {
        let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(self.cluster.client.clone());
        namespaces.delete(&self.namespace, &DeleteParams::background()).await.unwrap();
    }

    /// Typed access to this namespace.
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.cluster.client.clone(), &self.namespace)
    }

    /// Runs kubectl in this namespace, which must succeed; what it prints.
    pub(crate) async fn kubectl(&self, arguments: &[&str]) -> String {
        let all = [arguments, &["--namespace", &self.namespace]].concat();
        let output = kubectl(&self.cluster, &all, "").await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Makes a request and says what came back.
    pub(crate) async fn attempt(&self, door: Door, verb: Verb, object: &Value) -> Outcome {
        Attempt { door, verb, dry_run: false, namespace: &self.namespace, object }.run(&self.cluster).await
    }

    /// Makes a request that is to change nothing.
    pub(crate) async fn dry_run(&self, door: Door, verb: Verb, object: &Value) -> Outcome {
        Attempt { door, verb, dry_run: true, namespace: &self.namespace, object }.run(&self.cluster).await
    }

    /// The cluster takes it.
    pub(crate) async fn accepts(&self, door: Door, verb: Verb, object: &Value) -> Accepted {
        let outcome = self.attempt(door, verb, object).await;
        match outcome.answer {
            Ok(object) => Accepted { object, warnings: outcome.warnings },
            Err(text) => panic!("{door:?} {verb:?} is to be accepted, and was refused: {text}\n{object}"),
        }
    }

    /// The webhook of this name refuses it, and the user reads exactly this message.
    pub(crate) async fn rejects(
        &self,
        door: Door,
        verb: Verb,
        object: &Value,
        webhook: &str,
        message: &str,
    ) -> Outcome {
        let outcome = self.attempt(door, verb, object).await;
        let Err(text) = &outcome.answer else {
            panic!("{door:?} {verb:?} is to be refused, and was accepted:\n{object}")
        };
        let expected = match door {
            Door::Kube => format!("admission webhook \"{webhook}\" denied the request: {message}"),
            Door::Kubectl => kubectl_refusal(verb, webhook, message),
        };
        assert_eq!(*text, expected, "what the user reads through {door:?}");
        outcome
    }

    /// The cluster takes it, and what is *stored* has these values at these JSON pointers, where what was sent has
    /// others.
    pub(crate) async fn mutates(
        &self,
        door: Door,
        verb: Verb,
        object: &Value,
        changes: &[(&str, Value)],
    ) -> Accepted {
        let accepted = self.accepts(door, verb, object).await;
        for (pointer, value) in changes {
            assert_ne!(
                object.pointer(pointer),
                Some(value),
                "the manifest of the test already has this: {pointer}"
            );
            let stored = accepted.object.pointer(pointer);
            assert_eq!(stored, Some(value), "{door:?} {verb:?}: stored at {pointer}");
        }
        accepted
    }

    /// The Pods with this label, once there are so many.
    pub(crate) async fn pods(&self, label: &str, count: usize) -> Vec<k8s_openapi::api::core::v1::Pod> {
        let pods: Api<k8s_openapi::api::core::v1::Pod> = self.api();
        let parameters = ListParams::default().labels(label);
        eventually(&format!("{count} Pods with {label}"), || async {
            let found = pods.list(&parameters).await.unwrap().items;
            (found.len() == count).then_some(found)
        })
        .await
    }
}

/// What the cluster took.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// As stored.
    pub(crate) object: Value,
    pub(crate) warnings: Vec<String>,
}

/// What kubectl makes of a denial: it says what it was doing, for all but a deletion.
fn kubectl_refusal(verb: Verb, webhook: &str, message: &str) -> String {
    let doing = match verb {
        Verb::Create => "error when creating \"STDIN\": ".to_owned(),
        Verb::Replace => "error when replacing \"STDIN\": ".to_owned(),
        Verb::Delete => "error when deleting \"STDIN\": ".to_owned(),
        Verb::Apply => String::new(),
    };
    format!(
        "Error from server (Forbidden): {doing}admission webhook \"{webhook}\" denied the request: {message}"
    )
}
