//! What an installation in a cluster consists of, as objects.
//!
//! One list of objects is printed, applied, and kept under `deploy/` as a kustomize base and a Helm chart: they cannot
//! drift apart. Everything that must exist by name exists from the beginning (an empty Secret, an empty Lease), so
//! that the webhook may *update* these by name and *create* nothing.

pub mod access;
pub mod cidr;
pub mod entries;
pub mod render;
pub mod workload;

use serde_json::{Map, Value, json};

use crate::review::Endpoint;
use crate::store::PolicySet;

use super::rules::{self, Half};
use crate::admission::needs::Needs;

pub use cidr::Cidr;
pub use entries::Entries;

/// The name of all objects, and of the Service.
pub const NAME: &str = "plimsoll";
/// The Secret in which the webhook keeps its certificates.
pub const SECRET: &str = "plimsoll-certificates";
/// The ConfigMap with policies.
pub const POLICIES: &str = "plimsoll-policies";
/// The ConfigMap with the configuration file, where there is one.
pub const CONFIGURATION: &str = "plimsoll-configuration";
/// The ConfigMap with the CAs of those who may ask, where not everybody may.
pub const CLIENT_CA: &str = "plimsoll-client-ca";

/// Namespaces that are not judged unless told otherwise, beside the own: those of the control plane.
pub const EXEMPT: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

/// What differs between installations.
#[derive(Debug, Clone)]
pub struct Installation {
    /// Where everything is.
    pub namespace: String,
    /// Which image runs.
    pub image: String,
    /// How many Pods.
    pub replicas: u32,
    /// What `--action-override` says; `None`: policies deny as they are written.
    pub action_override: Option<String>,
    /// Further arguments of `serve`, those that select policies.
    pub arguments: Vec<String>,
    /// The text of a configuration file.
    pub configuration: Option<String>,
    /// PEM: the CAs of those who may ask.
    pub client_ca: Option<String>,
    /// Whose connections reach the webhook port; everybody's where nothing is said.
    pub api_servers: Vec<Cidr>,
    /// Namespaces that are not judged, beside the own.
    pub exempt: Vec<String>,
    /// Set where the webhook may not write its own registration.
    pub fixed: Option<Fixed>,
}

/// A registration that the webhook does not touch.
#[derive(Debug, Clone)]
pub struct Fixed {
    /// The certificates of the authority, in PEM form.
    pub ca_bundle: String,
    /// A Secret of type `kubernetes.io/tls` in the namespace.
    pub tls_secret: String,
}

impl Installation {
    /// All objects, in the order in which they can be applied.
    #[must_use]
    pub fn objects(&self, set: &PolicySet) -> Vec<Value> {
        let needs = Needs::of(set);
        let mut objects = vec![self.namespace_object()];
        objects.extend(access::objects(self, &needs));
        objects.extend(workload::objects(self));
        objects.extend([Endpoint::Validate, Endpoint::Mutate].map(|stage| self.configuration(stage, set)));
        objects
    }

    fn namespace_object(&self) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": self.namespace, "labels": {
                "app.kubernetes.io/name": NAME,
                "pod-security.kubernetes.io/enforce": "restricted",
            }},
        })
    }

    /// Metadata of an object in the namespace.
    fn metadata(&self, name: &str) -> Value {
        json!({"name": name, "namespace": self.namespace, "labels": labels()})
    }

    /// A webhook that fails closed needs somebody else to answer while it is updated; and what is only tried, and
    /// denies nothing, is not to hold anything up.
    fn may_fail_closed(&self) -> bool {
        self.replicas >= 2 && self.action_override.is_none()
    }

    /// The entries as they must be.
    #[must_use]
    pub fn entries(&self) -> Entries {
        Entries {
            namespace: self.namespace.clone(),
            exempt: self.exempt.clone(),
            fail_open: !self.may_fail_closed(),
        }
    }

    fn configuration(&self, stage: Endpoint, set: &PolicySet) -> Value {
        let table = rules::built_in();
        let webhooks: Vec<Value> = Half::of(stage)
            .into_iter()
            .map(|half| {
                let mut entry = self.entries().entry(half);
                if let Some(Fixed { ca_bundle, .. }) = &self.fixed {
                    use base64::Engine as _;
                    let bundle = base64::engine::general_purpose::STANDARD.encode(ca_bundle);
                    entry["clientConfig"]["caBundle"] = json!(bundle);
                    entry["rules"] = json!(rules::rules(set, &table, half));
                }
                entry
            })
            .collect();
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": configuration_kind(stage),
            "metadata": {"name": NAME, "labels": labels()},
            "webhooks": webhooks,
        })
    }
}

/// The kind of the configuration for a stage.
#[must_use]
pub fn configuration_kind(stage: Endpoint) -> &'static str {
    match stage {
        Endpoint::Validate => "ValidatingWebhookConfiguration",
        Endpoint::Mutate => "MutatingWebhookConfiguration",
    }
}

fn labels() -> Map<String, Value> {
    let mut labels = selector();
    labels.insert("app.kubernetes.io/component".to_owned(), json!("webhook"));
    labels
}

/// What selects our Pods.
fn selector() -> Map<String, Value> {
    Map::from_iter([("app.kubernetes.io/name".to_owned(), json!(NAME))])
}
