//! Our own `install`, and replicas that keep its registration: as the ServiceAccount that it makes, so with no more
//! rights than that has.

use std::ffi::OsString;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::discovery::ApiResource;
use serde_json::{Value, json};

use crate::cluster::{Cluster, eventually};
use crate::door::{Door, Verb, kubectl};
use crate::fleet::{Replica, expose};
use crate::forwarder::Forwarder;
use crate::manifest::{pod, workload};
use crate::policies::{MIRRORS, PROBES};
use crate::stage::Stage;
use crate::volume::Volume;
use crate::{Test, test};

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![test("install::registered_by_our_own_install", registered_by_our_own_install)]
}

const VALIDATING: &str = "ValidatingWebhookConfiguration";
const MUTATING: &str = "MutatingWebhookConfiguration";

/// Fails open, so it is called at a path of its own.
const LABELLED: (&str, &str) = (
    "labelled.yaml",
    "apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: labelled}
spec:
  action: Deny
  failurePolicy: Ignore
  match: {kinds: [ConfigMap], operations: [CREATE, DELETE], namespaceSelector: {matchLabels: {judged: 'yes'}}}
  rules:
    - name: owner
      validate: request.operation == 'DELETE' || has(object.metadata.labels) && 'owner' in object.metadata.labels
      message: no owner
",
);

async fn registered_by_our_own_install(cluster: Arc<Cluster>) {
    if !cluster.ours() {
        eprintln!(
            "install: SKIPPED: it judges the whole cluster, which is done in our own control plane only"
        );
        return;
    }
    let namespace = cluster.unique("plimsoll-system");
    install(&cluster, &namespace);
    let home = Stage { cluster: cluster.clone(), namespace: namespace.clone() };
    let stage = Stage::set_with(&cluster, "judged", json!({"judged": "yes"})).await;
    let other = Stage::set(&cluster, "unlabelled").await;
    assert_eq!(
        rules(&cluster, VALIDATING).await,
        [json!([]), json!([])],
        "nothing is asked before anybody serves"
    );

    // there is no kubelet and no kube-proxy: processes of this machine, and a Service that leads to them
    let forwarder = Forwarder::listen(&cluster.webhook_host).await;
    reach(&cluster, &home, forwarder.port()).await;
    let account = kubeconfig_of_account(&cluster, &namespace).await;
    let mut policies = Volume::mount(cluster.folder().join(&namespace).join("policies"));
    policies.publish(&[PROBES, MIRRORS]);
    let mut flags: Vec<OsString> = vec!["--kubeconfig".into(), account.into()];
    flags.extend(["--register", "--service", "plimsoll", "--service-namespace", &namespace].map(Into::into));
    flags.extend(
        ["--no-embedded", "--watch-policies", "--policy-interval=200ms", "--lame-duck=100ms"].map(Into::into),
    );
    flags.extend(["--policies".into(), policies.path().into()]);
    let replicas: Vec<Replica> = (0..2).map(|_| Replica::start(&cluster, &flags)).collect();
    for replica in &replicas {
        forwarder.add(replica.traffic, replica.admin);
        replica.ready().await;
    }

    // registered: exactly what the policies are about
    let workloads = json!([
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "scope": "*",
         "resources": ["pods", "pods/ephemeralcontainers", "podtemplates", "replicationcontrollers"]},
        {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "scope": "*",
         "resources": ["daemonsets", "deployments", "replicasets", "statefulsets"]},
        {"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "scope": "*",
         "resources": ["cronjobs", "jobs"]},
    ]);
    let registered = [workloads.clone(), json!([])];
    eventually("both configurations have their rules", async || {
        let both = [rules(&cluster, VALIDATING).await, rules(&cluster, MUTATING).await];
        (both == [registered.clone(), registered.clone()]).then_some(())
    })
    .await;
    let bare = pod("bare", "gcr.io/kubebuilder/memcached");
    eventually("the API server calls", async || {
        stage.dry_run(Door::Kube, Verb::Create, &bare).await.answer.is_err().then_some(())
    })
    .await;
    let refused = stage.dry_run(Door::Kube, Verb::Create, &bare).await.answer.unwrap_err();
    let expected = "admission webhook \"validate.plimsoll.dev\" denied the request: probes/both: ";
    assert!(refused.starts_with(expected), "{refused}");

    // our own namespace and kube-system are not judged
    for exempt in ["kube-system", &namespace] {
        let exempt = Stage { cluster: cluster.clone(), namespace: exempt.to_owned() };
        // a Deployment, for Pods have to be restricted there
        let bare = workload("Deployment", "bare", "nginx", 1);
        exempt.dry_run(Door::Kube, Verb::Create, &bare).await.answer.unwrap();
    }

    // a policy for a new kind, added live, is asked about; its look-up of namespaces is answered
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}});
    stage.dry_run(Door::Kube, Verb::Create, &map).await.answer.unwrap();
    policies.publish(&[PROBES, MIRRORS, LABELLED]);
    let maps = json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "DELETE"], "scope": "*",
                       "resources": ["configmaps"]}]);
    let both = [workloads.clone(), maps];
    eventually("ConfigMaps are registered, at the entry that fails open", async || {
        (rules(&cluster, VALIDATING).await == both).then_some(())
    })
    .await;
    let refused = eventually("a ConfigMap is denied", async || {
        stage.dry_run(Door::Kube, Verb::Create, &map).await.answer.err()
    })
    .await;
    let expected =
        "admission webhook \"validate-ignore.plimsoll.dev\" denied the request: labelled/owner: no owner";
    assert!(refused.starts_with(expected), "{refused}");
    other.dry_run(Door::Kube, Verb::Create, &map).await.answer.unwrap();

    // somebody resets what we wrote
    let reset = json!({"webhooks": [
        {"name": "validate.plimsoll.dev", "rules": [], "clientConfig": {"caBundle": ""}},
        {"name": "validate-ignore.plimsoll.dev", "rules": []},
    ]});
    apply(&cluster, VALIDATING, reset).await;
    eventually("it is written again", async || (rules(&cluster, VALIDATING).await == both).then_some(()))
        .await;
    eventually("and called again", async || {
        stage.dry_run(Door::Kube, Verb::Create, &bare).await.answer.is_err().then_some(())
    })
    .await;

    // the leader goes, and gives its lease back
    let holder = async || {
        let leases: Api<Lease> = home.api();
        leases.get("plimsoll").await.unwrap().spec.and_then(|spec| spec.holder_identity)
    };
    let first = holder().await.unwrap();
    let leading = usize::from(!replicas[0].log().contains("leading identity"));
    replicas[leading].terminate();
    let began = std::time::Instant::now();
    assert!(replicas[leading].ended(Duration::from_secs(10)).await.success());
    assert!(replicas[leading].log().contains("the lease is given back"), "{}", replicas[leading].log());
    let second =
        eventually("the other leads", async || holder().await.filter(|holder| *holder != first)).await;
    assert!(began.elapsed() < Duration::from_secs(12), "sooner than the lease expires");
    assert_ne!(first, second);
    apply(&cluster, VALIDATING, json!({"webhooks": [{"name": "validate.plimsoll.dev", "rules": []}]})).await;
    eventually("the other writes", async || (rules(&cluster, VALIDATING).await == both).then_some(())).await;

    for kind in [VALIDATING, MUTATING] {
        let resource = resource_of(kind);
        let api: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &resource);
        api.delete("plimsoll", &Default::default()).await.unwrap();
    }
    drop(replicas);
    other.strike().await;
    stage.strike().await;
    home.strike().await;
}

fn install(cluster: &Cluster, namespace: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["install", "--apply", "--enforce", "--no-embedded", "--namespace", namespace, "--kubeconfig"])
        .arg(&cluster.kubeconfig)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The Service leads to this port of this machine, and is called by it.
async fn reach(cluster: &Cluster, home: &Stage, port: u16) {
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "plimsoll"}});
    home.accepts(Door::Kube, Verb::Delete, &service).await;
    expose(home, "plimsoll", port).await;
    for (kind, names) in [
        (VALIDATING, ["validate.plimsoll.dev", "validate-ignore.plimsoll.dev"]),
        (MUTATING, ["mutate.plimsoll.dev", "mutate-ignore.plimsoll.dev"]),
    ] {
        let entry = |name: &str| {
            json!({"name": name, "clientConfig": {"service": {
                "name": "plimsoll", "namespace": home.namespace, "port": port}}})
        };
        apply(cluster, kind, json!({"webhooks": names.map(entry)})).await;
    }
}

/// As somebody else would.
async fn apply(cluster: &Cluster, kind: &str, mut object: Value) {
    object["apiVersion"] = json!("admissionregistration.k8s.io/v1");
    object["kind"] = json!(kind);
    object["metadata"] = json!({"name": "plimsoll"});
    let resource = resource_of(kind);
    let api: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &resource);
    let parameters = PatchParams::apply("somebody-else").force();
    api.patch("plimsoll", &parameters, &Patch::Apply(object)).await.unwrap();
}

async fn rules(cluster: &Cluster, kind: &str) -> [Value; 2] {
    let resource = resource_of(kind);
    let api: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &resource);
    let object = api.get("plimsoll").await.unwrap();
    [0, 1].map(|at| object.data["webhooks"][at].get("rules").cloned().unwrap_or(json!([])))
}

fn resource_of(kind: &str) -> ApiResource {
    ApiResource {
        group: "admissionregistration.k8s.io".to_owned(),
        version: "v1".to_owned(),
        api_version: "admissionregistration.k8s.io/v1".to_owned(),
        kind: kind.to_owned(),
        plural: format!("{}s", kind.to_lowercase()),
    }
}

/// A kubeconfig with a token of the installed ServiceAccount.
async fn kubeconfig_of_account(cluster: &Cluster, namespace: &str) -> std::path::PathBuf {
    let output = kubectl(cluster, &["create", "token", "plimsoll", "-n", namespace], "").await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let token = String::from_utf8(output.stdout).unwrap();
    let text = std::fs::read_to_string(&cluster.kubeconfig).unwrap();
    let mut config: Value = serde_saphyr::from_str(&text).unwrap();
    config["users"][0]["user"] = json!({"token": token.trim()});
    let path = cluster.folder().join(format!("{namespace}.kubeconfig"));
    std::fs::write(&path, config.to_string()).unwrap();
    path
}
