//! Our own `install`, and replicas that keep its registration: as the ServiceAccount that it makes, so with no more
//! rights than that has.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use k8s_openapi::ByteString;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams};
use plimsoll::webhook::authority::{AUTHORITY_LIFE, Material, Names, Others, Rotation};
use plimsoll::webhook::client::Client;
use serde_json::{Value, json};

use crate::cluster::{Cluster, eventually};
use crate::door::{Door, Verb};
use crate::installed::{
    Installed, MUTATING, VALIDATING, apply, install, may_install, resource_of, rules, unregister,
};
use crate::manifest::{pod, probed, workload};
use crate::policies::{MIRRORS, PROBES};
use crate::stage::Stage;
use crate::traffic::Traffic;
use crate::volume::Volume;
use crate::{Test, test};

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![
        test("install::registered_by_our_own_install", registered_by_our_own_install),
        test("install::our_own_ca_rotates", our_own_ca_rotates),
    ]
}

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
    if !may_install(&cluster) {
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

    let mut policies = Volume::mount(cluster.folder().join(&namespace).join("policies"));
    policies.publish(&[PROBES, MIRRORS]);
    let mut installed = Installed::serve(home.clone(), policies, &[]).await;
    let replicas = &installed.replicas;

    // registered: exactly what the policies are about
    let workloads = json!([
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "scope": "*",
         "resources": ["pods", "pods/ephemeralcontainers", "pods/resize", "podtemplates", "replicationcontrollers"]},
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
    installed.policies.publish(&[PROBES, MIRRORS, LABELLED]);
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

    // with nobody left, what is judged is refused, and the installation's own Pods come back all the same
    replicas[1 - leading].terminate();
    assert!(replicas[1 - leading].ended(Duration::from_secs(10)).await.success());
    let refused = stage.dry_run(Door::Kube, Verb::Create, &bare).await.answer.unwrap_err();
    assert!(refused.contains("failed calling webhook"), "{refused}");
    let pods: Api<Pod> = home.api();
    let names = async || {
        let found =
            pods.list(&ListParams::default().labels("app.kubernetes.io/name=plimsoll")).await.unwrap();
        let alive = found.items.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
        alive.filter_map(|pod| pod.metadata.name).collect::<BTreeSet<_>>()
    };
    let before = eventually("the installed Deployment has its Pods", async || {
        Some(names().await).filter(|names| names.len() == 2)
    })
    .await;
    for name in &before {
        pods.delete(name, &DeleteParams::default().grace_period(0)).await.unwrap();
    }
    eventually("and gets others with the webhook down", async || {
        Some(names().await).filter(|names| names.len() == 2 && names.is_disjoint(&before))
    })
    .await;

    unregister(&cluster).await;
    drop(installed);
    other.strike().await;
    stage.strike().await;
    home.strike().await;
}

/// An authority of seven years in the Secret: while requests come in it is replaced by another, which everybody who
/// calls trusts before a leaf comes from it, and which stays alone once both replicas serve such a leaf.
async fn our_own_ca_rotates(cluster: Arc<Cluster>) {
    if !may_install(&cluster) {
        return;
    }
    let namespace = cluster.unique("plimsoll-system");
    install(&cluster, &namespace);
    let home = Stage { cluster: cluster.clone(), namespace: namespace.clone() };
    let stage = Stage::set(&cluster, "rotation").await;

    let names = Names::of_service("plimsoll", &namespace).unwrap();
    let now = SystemTime::now();
    let mut old = Material::new(&names, now - AUTHORITY_LIFE / 10 * 7).unwrap();
    let others = Others { trust_the_bundle: false, serve_the_leaf: false };
    assert_eq!(old.step(&names, now, others).unwrap(), Rotation::NewLeaf);
    let secrets: Api<Secret> = home.api();
    let mut secret = secrets.get("plimsoll-certificates").await.unwrap();
    let bytes = |(name, text): (&str, String)| (name.to_owned(), ByteString(text.into_bytes()));
    secret.data = Some(old.to_data().into_iter().map(bytes).collect());
    secrets.replace("plimsoll-certificates", &Default::default(), &secret).await.unwrap();

    let mut policies = Volume::mount(cluster.folder().join(&namespace).join("policies"));
    policies.publish(&[PROBES]);
    let intervals = ["--certificate-interval=200ms", "--ca-settle=8s"];
    let installed = Installed::serve(home.clone(), policies, &intervals).await;
    let replicas = &installed.replicas;
    let bare = pod("bare", "nginx");
    eventually("the API server calls", async || {
        stage.dry_run(Door::Kube, Verb::Create, &bare).await.answer.err()
    })
    .await;
    let traffic = Traffic::start(&stage, &probed(pod("good", "nginx")), 4);

    let entry = async |name: &str| {
        let data = secrets.get("plimsoll-certificates").await.unwrap().data.unwrap();
        String::from_utf8(data[name].0.clone()).unwrap()
    };
    let registered = async || {
        let resource = resource_of(VALIDATING);
        let api: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &resource);
        let object = api.get("plimsoll").await.unwrap();
        let bundle = object.data["webhooks"][0]["clientConfig"]["caBundle"].as_str().unwrap().to_owned();
        String::from_utf8(base64::engine::general_purpose::STANDARD.decode(bundle).unwrap()).unwrap()
    };
    let both = eventually("both authorities are registered", async || {
        Some(registered().await).filter(|bundle| bundle.matches("BEGIN CERTIFICATE").count() == 2)
    })
    .await;
    assert!(both.ends_with(&old.bundle_pem()), "the old one is among them");
    assert_eq!(entry("tls.crt").await, old.leaf_pem(), "no leaf from an authority that nobody may know yet");
    let alone = eventually("the new authority is alone", async || {
        Some(registered().await).filter(|bundle| bundle.matches("BEGIN CERTIFICATE").count() == 1)
    })
    .await;
    assert_eq!(both, alone.clone() + &old.bundle_pem());
    assert_eq!(alone, entry("ca.crt").await);
    assert_ne!(entry("tls.crt").await, old.leaf_pem());
    let serving: Value = serde_json::from_str(&entry("serving").await).unwrap();
    let serials: BTreeSet<&str> =
        serving.as_object().unwrap().values().map(|entry| entry["serial"].as_str().unwrap()).collect();
    assert_eq!((serving.as_object().unwrap().len(), serials.len()), (2, 1), "{serving}");
    // a new connection, by what is registered now
    for replica in replicas {
        let client = Client::new(&format!("https://{}", replica.traffic), alone.as_bytes()).unwrap();
        client.connect().await.unwrap();
    }
    traffic.flow(Duration::from_secs(2)).await;

    let report = traffic.stop().await;
    assert_eq!(report.failed, Vec::<String>::new());
    assert!(report.denied == 0 && report.allowed > 50, "{report:?}");
    eprintln!("our own CA rotated: {} requests, 0 failed", report.sent());
    for replica in replicas {
        replica.terminate();
        assert!(replica.ended(Duration::from_secs(10)).await.success());
    }
    assert_eq!(entry("serving").await, "{}", "who has ended is off the roll");
    unregister(&cluster).await;
    stage.strike().await;
    home.strike().await;
}
