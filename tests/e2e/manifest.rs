//! Manifests of the tests.

use serde_json::{Value, json};

/// A manifest from YAML.
pub(crate) fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// A Pod that every API server takes.
pub(crate) fn pod(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [{"name": "main", "image": image}]},
    })
}

/// A Deployment, StatefulSet or the like of one container, whose Pods have the label `app=NAME`.
pub(crate) fn workload(kind: &str, name: &str, image: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
        },
    })
}

/// The same, with both probes on its first container.
pub(crate) fn probed(mut object: Value) -> Value {
    let at = if object["kind"] == "Pod" { "/spec/containers/0" } else { "/spec/template/spec/containers/0" };
    let container = object.pointer_mut(at).unwrap();
    container["livenessProbe"] = json!({"tcpSocket": {"port": 80}});
    container["readinessProbe"] = json!({"httpGet": {"path": "/", "port": 80}});
    object
}
