//! JSON to a document, beside `serde_json::Value`, on a Deployment of about 11 KB.
//!
//! ```text
//! cargo bench --bench document
//! ```
//!
//! Both read the same text in turns, in one run, with warm buffers; the figure is the ratio. At least 2.5 is wanted.

use std::hint::black_box;
use std::time::{Duration, Instant};

use plimsoll::document::{Document, Limits};
use serde_json::{Value, json};

const ROUNDS: usize = 40;
const READS: usize = 200;
const WANTED: f64 = 2.5;

fn main() {
    let text = deployment().to_string();
    let (mut values, mut documents) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        values.push(time(|| {
            let value: Value = serde_json::from_str(black_box(&text)).expect("JSON");
            black_box(value);
        }));
        documents.push(time(|| {
            let document = Document::from_json(black_box(&text), Limits::default()).expect("JSON");
            black_box(document);
        }));
    }
    let parsed = median(
        (0..ROUNDS)
            .map(|_| {
                time(|| {
                    let ignored: serde::de::IgnoredAny =
                        serde_json::from_str(black_box(&text)).expect("JSON");
                    black_box(ignored);
                })
            })
            .collect(),
    );
    let (value, document) = (median(values), median(documents));
    let ratio = value.as_secs_f64() / document.as_secs_f64();
    println!(
        "document: {} bytes: serde_json::Value {:.1} µs, Document {:.1} µs, ratio {ratio:.2} (wanted {WANTED}); parsed and thrown away {:.1} µs",
        text.len(),
        value.as_secs_f64() * 1e6,
        document.as_secs_f64() * 1e6,
        parsed.as_secs_f64() * 1e6,
    );
}

fn time(mut read: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..READS {
        read();
    }
    start.elapsed() / u32::try_from(READS).expect("small")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// A Deployment as the API server sends it, with managed fields and five containers.
fn deployment() -> Value {
    let containers: Vec<Value> = (0..5)
        .map(|i| {
            json!({
                "name": format!("container-{i}"), "image": format!("registry.example.com/shop/part-{i}:1.{i}.0"),
                "imagePullPolicy": "IfNotPresent", "command": ["/bin/server"], "args": ["--port=8080", "--verbose=2"],
                "ports": [{"name": "http", "containerPort": 8080 + i, "protocol": "TCP"}],
                "env": (0..6).map(|n| json!({"name": format!("SETTING_{n}"), "value": format!("value {n} of {i}")}))
                    .collect::<Vec<_>>(),
                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
                "livenessProbe": {"httpGet": {"path": "/live", "port": "http", "scheme": "HTTP"}, "periodSeconds": 10,
                    "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3},
                "readinessProbe": {"httpGet": {"path": "/ready", "port": "http", "scheme": "HTTP"}, "periodSeconds": 5,
                    "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3},
                "securityContext": {"runAsNonRoot": true, "allowPrivilegeEscalation": false,
                    "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": true},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"}],
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            })
        })
        .collect();
    let mut fields = serde_json::Map::new();
    for i in 0..5 {
        let of = (0..6).map(|n| {
            (format!("k:{{\"name\":\"SETTING_{n}\"}}"), json!({".": {}, "f:name": {}, "f:value": {}}))
        });
        fields.insert(format!("k:{{\"name\":\"container-{i}\"}}"), Value::Object(of.collect()));
    }
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "shop", "namespace": "prod", "uid": "f6a5c7de-60a1-4a38-9d08-3cb3d95e5f44",
            "labels": {"app.kubernetes.io/name": "shop", "app.kubernetes.io/part-of": "store", "team": "blue"},
            "annotations": {"deployment.kubernetes.io/revision": "3"}, "generation": 7,
            "managedFields": [{"manager": "kubectl", "operation": "Update", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": fields}}}}}]},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app.kubernetes.io/name": "shop"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "template": {"metadata": {"labels": {"app.kubernetes.io/name": "shop", "team": "blue"}},
                "spec": {"containers": containers, "restartPolicy": "Always", "serviceAccountName": "shop",
                    "volumes": [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {"medium": "Memory"}}]}}},
        "status": {"replicas": 3, "readyReplicas": 3, "observedGeneration": 7},
    })
}
