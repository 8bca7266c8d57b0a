//! A webhook of a few lines in this process, which has nothing of Plimsoll: with it the tests show that the harness
//! itself sees denials, patches, warnings and audit annotations.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::door::{Door, Verb};
use crate::fleet::expose;
use crate::https::Https;
use crate::stage::Stage;

/// The name of the webhook, as denials and audit annotations have it.
pub(crate) const NAME: &str = "toy.plimsoll.test";

/// The webhook: it serves and is registered for its own namespace until it is dismissed.
pub(crate) struct Toy {
    configuration: String,
    /// It serves until this is dropped.
    _served: Https,
}

impl Toy {
    /// Serves on a free port and registers itself for Pods of this namespace, mutating and validating.
    pub(crate) async fn hire(stage: &Stage) -> Self {
        let served = Https::serve(&format!("toy.{}.svc", stage.namespace), judge).await;
        expose(stage, "toy", served.port).await;
        let configuration = stage.cluster.unique("toy");
        for kind in ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"] {
            let path = if kind.starts_with('M') { "/mutate" } else { "/validate" };
            let object = json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
                "metadata": {"name": configuration},
                "webhooks": [{
                    "name": NAME,
                    "admissionReviewVersions": ["v1"],
                    "sideEffects": "None",
                    "failurePolicy": "Fail",
                    "timeoutSeconds": 5,
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": stage.namespace}},
                    "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"],
                               "operations": ["CREATE", "UPDATE"]}],
                    "clientConfig": {
                        "service": {"namespace": stage.namespace, "name": "toy", "path": path, "port": served.port},
                        "caBundle": base64::engine::general_purpose::STANDARD.encode(&served.authority),
                    },
                }],
            });
            stage.accepts(Door::Kube, Verb::Create, &object).await;
        }
        Toy { configuration, _served: served }
    }

    /// Takes the registration back.
    pub(crate) async fn dismiss(self, stage: &Stage) {
        for kind in ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"] {
            let object = json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
                "metadata": {"name": self.configuration},
            });
            stage.accepts(Door::Kube, Verb::Delete, &object).await;
        }
    }
}

/// Refuses the image `denied`, warns of the image `warned`, and sets one annotation.
fn judge(path: &str, request: &Value) -> Value {
    let image = request["object"]["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
    if path == "/mutate" {
        let patch = json!([{"op": "add", "path": "/metadata/annotations", "value": {"toy": "played"}}]);
        let patch = base64::engine::general_purpose::STANDARD.encode(patch.to_string());
        return json!({"allowed": true, "patchType": "JSONPatch", "patch": patch});
    }
    match image {
        "denied" => json!({"allowed": false, "status": {
            "code": 403, "reason": "Forbidden", "message": "not this image\nand a second line"}}),
        "warned" => json!({"allowed": true, "warnings": ["better \"another\" image"],
            "auditAnnotations": {"policy": "toy"}}),
        _ => json!({"allowed": true}),
    }
}
