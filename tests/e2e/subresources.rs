//! Policies about subresources are asked about, whatever kind the body of the request has.

use std::sync::Arc;

use kube::client::Body;
use serde_json::{Value, json};

use crate::cluster::{Cluster, eventually};
use crate::door::{Door, Verb};
use crate::installed::{Installed, may_install};
use crate::manifest::{pod, workload};
use crate::stage::Stage;
use crate::{Test, test};

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![test("subresources::exec_scale_eviction_and_token_are_denied", denied)]
}

const CLOSED: (&str, &str) = (
    "closed.yaml",
    "apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: closed}
spec:
  title: Closed
  severity: error
  action: Deny
  match: {kinds: [Pod/exec, Pod/eviction, ServiceAccount/token], operations: [CREATE, CONNECT]}
  rules:
    - {name: door, validate: 'false', message: '{request.subResource} of {request.name} is closed'}
---
apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: scale}
spec:
  title: Scale
  severity: error
  action: Deny
  match: {kinds: [Deployment/scale], operations: [UPDATE]}
  rules:
    - {name: most, validate: object.spec.replicas <= 2, message: '{object.spec.replicas} replicas are too many'}
",
);

/// What the API server says to a request at a path below the namespace.
async fn ask(stage: &Stage, method: &str, path: &str, body: Option<Value>) -> Value {
    let uri = format!("/{}", path.replacen("NS", &stage.namespace, 1));
    let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let request = hyper::Request::builder()
        .method(method)
        .uri(uri)
        .header("Content-Type", kind)
        .body(Body::from(body))
        .unwrap();
    let response = stage.cluster.client.send(request).await.unwrap();
    let bytes = response.into_body().collect_bytes().await.unwrap();
    serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)))
}

async fn denied(cluster: Arc<Cluster>) {
    if !may_install(&cluster) {
        return;
    }
    let installed = Installed::launch(&cluster, &[CLOSED], &[]).await;
    let stage = Stage::set(&cluster, "subresources").await;
    stage.accepts(Door::Kube, Verb::Create, &pod("main", "nginx")).await;
    stage.accepts(Door::Kube, Verb::Create, &workload("Deployment", "web", "nginx", 1)).await;
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "main"}});
    let token = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let scale = json!({"spec": {"replicas": 9}});
    let cases = [
        (
            "POST",
            "api/v1/namespaces/NS/pods/main/exec?command=ls&stdout=true",
            None,
            "closed/door: exec of main is closed",
        ),
        (
            "POST",
            "api/v1/namespaces/NS/pods/main/eviction",
            Some(eviction),
            "closed/door: eviction of main is closed",
        ),
        (
            "POST",
            "api/v1/namespaces/NS/serviceaccounts/default/token",
            Some(token),
            "closed/door: token of default is closed",
        ),
        (
            "PATCH",
            "apis/apps/v1/namespaces/NS/deployments/web/scale",
            Some(scale),
            "scale/most: 9 replicas are too many, at spec.replicas",
        ),
    ];
    for (method, path, body, message) in cases {
        let message = message.strip_suffix(", at spec.replicas").unwrap_or(message);
        let expected = format!("admission webhook \"validate.plimsoll.dev\" denied the request: {message}");
        eventually(&format!("{path} is denied"), async || {
            let answer = ask(&stage, method, path, body.clone()).await;
            let text = answer["message"].as_str().unwrap_or_default().to_owned();
            text.contains(&expected).then_some(())
        })
        .await;
    }
    // what the policies are not about is let through
    let two = ask(
        &stage,
        "PATCH",
        "apis/apps/v1/namespaces/NS/deployments/web/scale",
        Some(json!({"spec": {"replicas": 2}})),
    )
    .await;
    assert_eq!(two["spec"]["replicas"], 2, "{two}");
    let attach = ask(&stage, "POST", "api/v1/namespaces/NS/pods/main/attach?stdout=true", None).await;
    assert!(!attach.to_string().contains("plimsoll"), "{attach}");
    stage.strike().await;
    installed.remove().await;
}
