//! What was broken, forbidden or deleted is told, costs itself only, and comes back.

use std::sync::Arc;
use std::time::Duration;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use crate::cluster::{Cluster, eventually};
use crate::door::{Door, Verb, kubectl};
use crate::installed::{self, Installed, install, may_install, resource_of, rules};
use crate::manifest::{pod, workload};
use crate::policies::{BROKEN, HEADLESS, PROBES};
use crate::stage::Stage;
use crate::{Test, test};

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![
        test("recovery::a_broken_policy_and_a_forbidden_lookup", broken_and_forbidden),
        test("recovery::an_entry_removed_by_hand", an_entry_removed_by_hand),
        test("recovery::the_service_was_deleted", |cluster| deleted(cluster, "Service")),
        test("recovery::the_secret_was_deleted", |cluster| deleted(cluster, "Secret")),
        test("recovery::the_lease_was_deleted", |cluster| deleted(cluster, "Lease")),
        test("recovery::the_cluster_role_binding_was_deleted", |cluster| {
            deleted(cluster, "ClusterRoleBinding")
        }),
        test("recovery::the_validating_configuration_was_deleted", |cluster| {
            deleted(cluster, installed::VALIDATING)
        }),
        test("recovery::the_mutating_configuration_was_deleted", |cluster| {
            deleted(cluster, installed::MUTATING)
        }),
    ]
}

/// Waits until this Pod is refused for having no probes.
async fn judged(stage: &Stage, bare: &Value) {
    eventually("a Pod without probes is denied", async || {
        let outcome = stage.dry_run(Door::Kube, Verb::Create, bare).await;
        outcome.answer.err().filter(|text| text.contains("probes/both"))
    })
    .await;
}

/// At the start of a replica: what compiles is in force, what does not is named; a kind that may not be looked up is
/// unknown, and is tried again.
async fn broken_and_forbidden(cluster: Arc<Cluster>) {
    if !may_install(&cluster) {
        return;
    }
    let broken = ("broken.yaml", BROKEN.1);
    let mut installed = Installed::launch(&cluster, &[PROBES, HEADLESS, broken], &[]).await;
    installed.stop().await;
    let lookups = json!({"rules": [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"]}]});
    let may = async |rules: Value| {
        let resource = kube::discovery::ApiResource {
            group: "rbac.authorization.k8s.io".to_owned(),
            version: "v1".to_owned(),
            api_version: "rbac.authorization.k8s.io/v1".to_owned(),
            kind: "ClusterRole".to_owned(),
            plural: "clusterroles".to_owned(),
        };
        let roles: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &resource);
        let before = roles.get("plimsoll-lookups").await.unwrap();
        roles.patch("plimsoll-lookups", &PatchParams::default(), &Patch::Merge(rules)).await.unwrap();
        json!({"rules": before.data["rules"]})
    };
    let all = may(lookups).await;
    installed.start().await;

    let stage = Stage::set(&cluster, "broken").await;
    judged(&stage, &pod("bare", "nginx")).await;
    let replica = &installed.replicas[0];
    let (status, text) = replica.page("/readyz").await;
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("broken.yaml"), "the policy that is not in force is named: {text}");
    assert!(replica.log().contains("broken.yaml"), "and logged");

    // the Service has a cluster IP, which nobody who may not look can know
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "db"},
        "spec": {"selector": {"app": "db"}, "ports": [{"port": 80}]},
    });
    stage.accepts(Door::Kube, Verb::Create, &service).await;
    let mut set = workload("StatefulSet", "db", "nginx", 1);
    set["spec"]["serviceName"] = json!("db");
    let set = crate::manifest::probed(set);
    stage.dry_run(Door::Kube, Verb::Create, &set).await.answer.unwrap();
    may(all).await;
    eventually("Services are looked up once that is allowed", async || {
        let outcome = stage.dry_run(Door::Kube, Verb::Create, &set).await;
        outcome.answer.err().filter(|text| text.contains("headless/service"))
    })
    .await;
    stage.strike().await;
    installed.remove().await;
}

/// Somebody takes an entry out: every replica sees it, the metric says so, and the leader writes it again.
async fn an_entry_removed_by_hand(cluster: Arc<Cluster>) {
    if !may_install(&cluster) {
        return;
    }
    let installed = Installed::launch(&cluster, &[PROBES], &["--registration-interval=1s"]).await;
    let stage = Stage::set(&cluster, "removed").await;
    let bare = pod("bare", "nginx");
    judged(&stage, &bare).await;
    let before = rules(&cluster, installed::VALIDATING).await;
    let api: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &resource_of(installed::VALIDATING));

    // its failure policy, its selector, its conditions, and the whole of it
    for patch in [
        json!([{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}]),
        json!([{"op": "replace", "path": "/webhooks/0/namespaceSelector", "value": {"matchLabels": {"judged": "never"}}}]),
        json!([{"op": "add", "path": "/webhooks/0/matchConditions", "value": [{"name": "never", "expression": "false"}]}]),
        json!([{"op": "remove", "path": "/webhooks/0"}]),
    ] {
        let there = api.get("plimsoll").await.unwrap().data["webhooks"].clone();
        let patch_ = serde_json::from_value(patch.clone()).unwrap();
        api.patch("plimsoll", &PatchParams::default(), &Patch::<()>::Json(patch_)).await.unwrap();
        eventually(&format!("{patch} is repaired"), async || {
            let now = api.get("plimsoll").await.unwrap().data["webhooks"].clone();
            (now == there).then_some(())
        })
        .await;
        judged(&stage, &bare).await;
    }
    assert_eq!(rules(&cluster, installed::VALIDATING).await, before);
    let registered = async || {
        let (_, page) = installed.replicas[0].page("/metrics").await;
        page.lines()
            .filter(|line| line.starts_with("plimsoll_registered"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    // a replica that compared while the entry was away says so until it compares again
    eventually("every configuration counts as registered", async || {
        registered().await.iter().all(|line| line.ends_with(" 1")).then_some(())
    })
    .await;

    // nobody repairs what is not ours any more: a configuration without our entries, when no replica may write
    stage.strike().await;
    installed.remove().await;
}

/// After one object of the installation was deleted, with the replicas running and with the replicas away, installing
/// again brings all back, by `plimsoll install --apply` as by `kubectl apply` of what it prints.
async fn deleted(cluster: Arc<Cluster>, kind: &'static str) {
    if !may_install(&cluster) {
        return;
    }
    let mut installed = Installed::launch(&cluster, &[PROBES], &["--registration-interval=1s"]).await;
    let namespace = installed.home.namespace.clone();
    let stage = Stage::set(&cluster, "deleted").await;
    let bare = pod("bare", "nginx");
    judged(&stage, &bare).await;
    let name = if kind == "Secret" { "plimsoll-certificates" } else { "plimsoll" };
    for away in [false, true] {
        if away {
            installed.stop().await;
        }
        let arguments = ["delete", kind, name, "--namespace", &namespace];
        let output = kubectl(&cluster, &arguments, "").await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        if away {
            let printed = installed::printed(&namespace, &["--enforce"]);
            let apply = ["apply", "--server-side", "--force-conflicts", "--filename=-"];
            let output = kubectl(&cluster, &apply, &printed).await;
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        } else {
            install(&cluster, &namespace);
        }
        installed.reach().await;
        if away {
            installed.start().await;
        }
        judged(&stage, &bare).await;
    }
    // what is registered is trusted: a connection by the certificates of now
    tokio::time::sleep(Duration::from_secs(2)).await;
    judged(&stage, &bare).await;
    stage.strike().await;
    installed.remove().await;
}
