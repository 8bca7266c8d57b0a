//! Admission policies of Kubernetes' own kinds on the live server: written, and waited for until it judges by them.
//!
//! The server reads policies and bindings through caches, and takes what is there together, about once a second. So the last
//! to be written are sentinels, a validating and a mutating one, each on a ConfigMap of its own: once they act, so do those
//! that were written before.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::cluster::{Cluster, eventually};
use crate::door::{Attempt, Door, Outcome, Verb};

const GROUP: &str = "admissionregistration.k8s.io/v1";

/// Policies and bindings that the server judges by.
pub(crate) struct InForce {
    cluster: Arc<Cluster>,
    written: Vec<Value>,
    sentinels: [Sentinel; 2],
}

impl InForce {
    /// Writes policies and bindings, which nobody else has by these names.
    ///
    /// # Panics
    /// When the server refuses one, or does not come to judge by them.
    pub(crate) async fn write(cluster: &Arc<Cluster>, objects: Vec<Value>) -> Self {
        for object in &objects {
            keep_params(cluster, object).await;
        }
        let sentinels = [Sentinel::validating(cluster), Sentinel::mutating(cluster)];
        for object in objects.iter().chain(sentinels.iter().flat_map(|sentinel| &sentinel.objects)) {
            write(cluster, object).await;
        }
        for sentinel in &sentinels {
            eventually("the policies are in force", async || sentinel.acts(cluster).await.then_some(()))
                .await;
        }
        Self { cluster: cluster.clone(), written: objects, sentinels }
    }

    /// Deletes them, and waits until the server judges by them no more.
    pub(crate) async fn withdraw(self) {
        let Self { cluster, written, sentinels } = self;
        for object in written.iter().chain(sentinels.iter().flat_map(|sentinel| &sentinel.objects)) {
            send(&cluster, Verb::Delete, object).await.answer.unwrap();
        }
        for sentinel in &sentinels {
            eventually("the policies are gone", async || (!sentinel.acts(&cluster).await).then_some(()))
                .await;
        }
    }
}

/// Creates an object where it says that it is.
///
/// # Panics
/// When the server refuses it.
pub(crate) async fn write(cluster: &Cluster, object: &Value) {
    if let Err(why) = send(cluster, Verb::Create, object).await.answer {
        panic!("{why}\n{object}");
    }
}

async fn send(cluster: &Cluster, verb: Verb, object: &Value) -> Outcome {
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or("default");
    Attempt { door: Door::Kube, verb, dry_run: false, namespace, object }.run(cluster).await
}

/// Once the last policy with a built-in `paramKind` is gone, the server shows later ones the parameters as they were then,
/// until it starts again: it has stopped the informer that all policies of the kind share (apiserver
/// `pkg/admission/plugin/policy/generic/policy_source.go`). So for each such kind there is a policy that stays, and whoever
/// writes one with parameters sees to that.
pub(crate) async fn keep_params(cluster: &Cluster, policy: &Value) {
    let param_kind = &policy["spec"]["paramKind"];
    let built_in = |kind: &Value| kind["apiVersion"].as_str().is_some_and(|version| !version.contains('.'));
    if !built_in(param_kind) || policy["kind"] != "ValidatingAdmissionPolicy" {
        return;
    }
    let name = format!("keeps-{}", param_kind["kind"].as_str().unwrap().to_lowercase());
    let rule = json!({"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"],
        "resourceNames": [name], "operations": ["CREATE"]});
    let policy = json!({
        "apiVersion": GROUP, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {"paramKind": param_kind, "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": "true"}]},
    });
    let binding = json!({
        "apiVersion": GROUP, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Audit"],
            "paramRef": {"name": name, "parameterNotFoundAction": "Allow"}},
    });
    // it may be there from before
    for object in [policy, binding] {
        let _ = send(cluster, Verb::Apply, &object).await;
    }
}

/// A policy that is known to act.
struct Sentinel {
    /// The policy and its binding, in the order in which they are written.
    objects: [Value; 2],
    /// What it acts on.
    target: Value,
}

impl Sentinel {
    fn validating(cluster: &Cluster) -> Self {
        let body = json!({"validations": [{"expression": "false", "message": MARK}]});
        Self::new(cluster, "Validating", body, json!({"validationActions": ["Deny"]}))
    }

    fn mutating(cluster: &Cluster) -> Self {
        let expression = format!("Object{{metadata: Object.metadata{{labels: {{'{MARK}': 'yes'}}}}}}");
        let mutation =
            json!({"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}});
        let body = json!({"mutations": [mutation], "reinvocationPolicy": "Never", "failurePolicy": "Fail"});
        Self::new(cluster, "Mutating", body, json!({}))
    }

    fn new(cluster: &Cluster, kind: &str, mut policy: Value, mut binding: Value) -> Self {
        let name = cluster.unique(&format!("sentinel-{}", kind.to_lowercase()));
        let object = |kind: String, spec: Value| json!({"apiVersion": GROUP, "kind": kind, "metadata": {"name": name}, "spec": spec});
        policy["matchConstraints"] = json!({"resourceRules": [{
            "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "resourceNames": [name],
            "operations": ["CREATE"],
        }]});
        binding["policyName"] = name.as_str().into();
        let target = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "default"}});
        let objects = [
            object(format!("{kind}AdmissionPolicy"), policy),
            object(format!("{kind}AdmissionPolicyBinding"), binding),
        ];
        Self { objects, target }
    }

    async fn acts(&self, cluster: &Cluster) -> bool {
        let asked = Attempt {
            door: Door::Kube,
            verb: Verb::Create,
            dry_run: true,
            namespace: "default",
            object: &self.target,
        };
        match asked.run(cluster).await.answer {
            Ok(object) => object["metadata"]["labels"][MARK] == "yes",
            Err(why) => why.ends_with(MARK),
        }
    }
}

/// By what a sentinel is known.
const MARK: &str = "sentinel";
