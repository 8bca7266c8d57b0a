//! What operators do to a webhook while requests come in: nobody may notice.

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::{Cluster, eventually};
use crate::door::{Door, Verb};
use crate::manifest::{pod, probed};
use crate::policies::{BROKEN, PROBES, PROBES_WARN};
use crate::traffic::Traffic;
use crate::webhook::{Plan, Webhook};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![
        test("operations::policies_changed_broken_mended", policies_changed_broken_mended),
        test("operations::certificates_rotated", certificates_rotated),
        test("operations::one_of_two_replicas_ends", one_of_two_replicas_ends),
        test("operations::down_and_back", down_and_back),
    ]
}

const CLIENTS: usize = 8;

/// A Pod that is denied, and one that is not.
async fn policies_changed_broken_mended(cluster: Arc<Cluster>) {
    let mut webhook = Webhook::launch(&cluster, Plan { replicas: 2, ..Plan::of(&[PROBES]) }).await;
    let stage = webhook.stage("policies").await;
    let bare = pod("bare", "nginx");
    let good = Traffic::start(&stage, &probed(pod("good", "nginx")), CLIENTS / 2);
    let bad = Traffic::start(&stage, &bare, CLIENTS / 2);

    good.flow(Duration::from_secs(1)).await;
    let denied = async || stage.dry_run(Door::Kube, Verb::Create, &bare).await.answer.err();
    assert!(denied().await.is_some());

    webhook.publish(&[PROBES_WARN]).await;
    assert_eq!(denied().await, None, "changed: it only warns");
    webhook.publish_broken(&[BROKEN]).await;
    for _ in 0..10 {
        let outcome = stage.dry_run(Door::Kube, Verb::Create, &bare).await;
        assert_eq!(outcome.answer.as_ref().err(), None, "broken: what worked is kept");
        assert_eq!(outcome.warnings.len(), 1, "broken: what worked is kept");
    }
    webhook.publish(&[PROBES]).await;
    assert!(denied().await.is_some(), "mended");

    let (good, bad) = (good.stop().await, bad.stop().await);
    assert_eq!(good.failed, Vec::<String>::new());
    assert_eq!(bad.failed, Vec::<String>::new());
    assert_eq!(good.denied, 0);
    assert!(good.allowed > 50 && bad.denied > 0 && bad.allowed > 0, "there was traffic: {good:?} {bad:?}");
    eprintln!("policies changed, broken, mended: {} requests, 0 failed", good.sent() + bad.sent());
    stage.strike().await;
    webhook.dismiss().await;
}

async fn certificates_rotated(cluster: Arc<Cluster>) {
    let mut webhook = Webhook::launch(&cluster, Plan { replicas: 2, ..Plan::of(&[PROBES]) }).await;
    let stage = webhook.stage("certificates").await;
    let traffic = Traffic::start(&stage, &probed(pod("good", "nginx")), CLIENTS);
    for _ in 0..10 {
        webhook.rotate().await;
    }
    let report = traffic.stop().await;
    assert_eq!(report.failed, Vec::<String>::new());
    assert!(report.denied == 0 && report.allowed > 50, "{report:?}");
    eprintln!("10 rotations of certificates: {} requests, 0 failed", report.sent());
    stage.strike().await;
    webhook.dismiss().await;
}

async fn one_of_two_replicas_ends(cluster: Arc<Cluster>) {
    let plan = Plan { replicas: 2, lame_duck: "2s", ..Plan::of(&[PROBES]) };
    let mut webhook = Webhook::launch(&cluster, plan).await;
    let stage = webhook.stage("sigterm").await;
    let traffic = Traffic::start(&stage, &probed(pod("good", "nginx")), CLIENTS);
    traffic.flow(Duration::from_secs(1)).await;
    for _ in 0..2 {
        let ending = webhook.replicas.remove(0);
        ending.terminate();
        let status = ending.ended(Duration::from_secs(30)).await;
        assert!(status.success(), "{status}: {}", ending.log());
        webhook.forwarder.remove(ending.traffic);
        webhook.add_replica();
        webhook.all_ready().await;
        traffic.flow(Duration::from_secs(1)).await;
    }
    let report = traffic.stop().await;
    assert_eq!(report.failed, Vec::<String>::new());
    assert!(report.denied == 0 && report.allowed > 50, "{report:?}");
    eprintln!("both of two replicas replaced, one after the other: {} requests, 0 failed", report.sent());
    stage.strike().await;
    webhook.dismiss().await;
}

/// With `failurePolicy: Fail` and nobody there, what is judged cannot be created, and what brings the webhook back
/// can.
async fn down_and_back(cluster: Arc<Cluster>) {
    let mut webhook = Webhook::launch(&cluster, Plan::of(&[PROBES])).await;
    let stage = webhook.stage("down").await;
    let good = probed(pod("good", "nginx"));
    let ending = webhook.replicas.remove(0);
    ending.terminate();
    assert!(ending.ended(Duration::from_secs(30)).await.success());
    webhook.forwarder.remove(ending.traffic);

    let refused = stage.attempt(Door::Kubectl, Verb::Create, &good).await.answer.unwrap_err();
    assert!(refused.contains("failed calling webhook"), "{refused}");
    webhook.home.accepts(Door::Kubectl, Verb::Create, &pod("returning", "nginx")).await;

    webhook.add_replica();
    webhook.all_ready().await;
    eventually("the webhook is back", async || {
        stage.dry_run(Door::Kube, Verb::Create, &good).await.answer.ok()
    })
    .await;
    stage.accepts(Door::Kubectl, Verb::Create, &good).await;
    stage.strike().await;
    webhook.dismiss().await;
}
