//! CEL beside the `cel` crate, in one run: compiling, and evaluating over one Deployment of 10 KB.
//!
//! The crate needs the object as values of its own; that conversion is measured apart, and this crate has none.

use std::hint::black_box;

use cel::{Context, Program as Theirs};
use criterion::{Criterion, criterion_group, criterion_main};
use plimsoll::cel::activation::Activation;
use plimsoll::cel::declarations::{Env, EnvKind};
use plimsoll::cel::profile::Profile;
use plimsoll::cel::program::{Budget, Program, Variables};
use plimsoll::document::{Document, Limits};

const PROBES: &str =
    "object.spec.template.spec.containers.all(c, has(c.livenessProbe) && has(c.readinessProbe))";
const REPLICAS: &str = "object.spec.replicas <= 5";
const IMAGES: &str =
    "object.spec.template.spec.containers.all(c, c.image.startsWith('registry.example.com/'))";
const LABELS: &str =
    "object.metadata.labels.exists(k, k == 'app.kubernetes.io/name') && size(object.metadata.name) < 64";

/// A Deployment of five containers with probes, environment, resources and mounts.
fn deployment() -> String {
    let container = |index: usize| {
        let probe = |path: &str| {
            serde_json::json!({
                "httpGet": {"path": path, "port": 8080, "scheme": "HTTP", "httpHeaders": [{"name": "Host", "value": "localhost"}]},
                "initialDelaySeconds": 5, "periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3, "successThreshold": 1
            })
        };
        let env: Vec<_> = (0..12)
            .map(|i| serde_json::json!({"name": format!("SETTING_{i}"), "value": format!("value of setting {i} of container {index}")}))
            .collect();
        serde_json::json!({
            "name": format!("container-{index}"),
            "image": format!("registry.example.com/team/service-{index}:1.{index}.0"),
            "imagePullPolicy": "IfNotPresent",
            "command": ["/bin/service", "--port=8080", "--verbose"],
            "env": env,
            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
            "livenessProbe": probe("/healthz"),
            "readinessProbe": probe("/readyz"),
            "securityContext": {"runAsNonRoot": true, "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            "volumeMounts": [{"name": "config", "mountPath": "/etc/service"}, {"name": "data", "mountPath": "/var/lib/service"}]
        })
    };
    let containers: Vec<_> = (0..5).map(container).collect();
    serde_json::json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "service", "namespace": "prod", "labels": {"app.kubernetes.io/name": "service", "app.kubernetes.io/part-of": "shop", "team": "payments"}},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app.kubernetes.io/name": "service"}},
            "template": {
                "metadata": {"labels": {"app.kubernetes.io/name": "service"}},
                "spec": {"containers": containers, "volumes": [{"name": "config", "configMap": {"name": "service"}}, {"name": "data", "emptyDir": {}}]}
            }
        }
    })
    .to_string()
}

fn evaluate(criterion: &mut Criterion) {
    let text = deployment();
    let document = Document::from_json(&text, Limits::default()).expect("the Deployment is JSON");
    let json: serde_json::Value = serde_json::from_str(&text).expect("the Deployment is JSON");
    let env = Env::new(Profile::NEWEST, EnvKind::Validation);
    for (name, source) in [("probes", PROBES), ("replicas", REPLICAS), ("images", IMAGES), ("labels", LABELS)]
    {
        let mut group = criterion.benchmark_group(format!("evaluate/{name}"));
        let ours = Program::compile(source, &env).expect("it compiles");
        let mut activation = Activation::new();
        activation.bind("object", document.root());
        group.bench_function("plimsoll", |bencher| {
            bencher.iter(|| {
                let outcome =
                    ours.evaluate(black_box(&activation), &mut Variables::none(), &mut Budget::default());
                assert!(matches!(outcome.result, Ok(ref value) if value.as_bool() == Some(true)));
                outcome.cost
            });
        });
        let theirs = Theirs::compile(source).expect("the crate compiles it");
        let mut context = Context::default();
        context.add_variable("object", &json).expect("the crate converts it");
        group.bench_function("cel crate", |bencher| {
            bencher.iter(|| {
                let value = theirs.execute(black_box(&context)).expect("the crate evaluates it");
                assert_eq!(value, cel::Value::Bool(true));
            });
        });
        group.finish();
    }
}

fn prepare(criterion: &mut Criterion) {
    let text = deployment();
    let json: serde_json::Value = serde_json::from_str(&text).expect("the Deployment is JSON");
    let mut group = criterion.benchmark_group("object");
    group.bench_function("plimsoll: read JSON into a document", |bencher| {
        bencher.iter(|| {
            Document::from_json(black_box(&text), Limits::default()).expect("the Deployment is JSON")
        });
    });
    group.bench_function("cel crate: convert from serde_json", |bencher| {
        bencher.iter(|| {
            let mut context = Context::default();
            context.add_variable("object", black_box(&json)).expect("the crate converts it");
            context
        });
    });
    group.finish();
}

fn compile(criterion: &mut Criterion) {
    let env = Env::new(Profile::NEWEST, EnvKind::Validation);
    let mut group = criterion.benchmark_group("compile/probes");
    group.bench_function("plimsoll (parse, check, plan)", |bencher| {
        bencher.iter(|| Program::compile(black_box(PROBES), &env).expect("it compiles"));
    });
    group.bench_function("cel crate (parse)", |bencher| {
        bencher.iter(|| Theirs::compile(black_box(PROBES)).expect("the crate compiles it"));
    });
    group.finish();
}

criterion_group!(benches, evaluate, prepare, compile);
criterion_main!(benches);
