//! Shows that the harness works, before anything that Plimsoll does: real controllers, and a webhook behind a
//! Service whose denials, patches, warnings and audit annotations the vocabulary sees.

use std::sync::Arc;

use serde_json::json;

use crate::cluster::Cluster;
use crate::door::{Door, Verb};
use crate::fleet::free_addresses;
use crate::forwarder::Forwarder;
use crate::manifest::{pod, workload, yaml};
use crate::stage::Stage;
use crate::toy::{self, Toy};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![
        test("harness::controllers_make_pods", controllers_make_pods),
        test("harness::a_webhook_behind_a_service", a_webhook_behind_a_service),
        test("harness::forwarder_follows_readiness", forwarder_follows_readiness),
    ]
}

async fn controllers_make_pods(cluster: Arc<Cluster>) {
    let stage = Stage::set(&cluster, "controllers").await;
    for (door, name) in Door::BOTH.into_iter().zip(["by-kubectl", "by-kube"]) {
        let accepted = stage.accepts(door, Verb::Create, &workload("Deployment", name, "nginx", 2)).await;
        assert_eq!(accepted.object["spec"]["strategy"]["type"], "RollingUpdate", "the server's own default");
        let pods = stage.pods(&format!("app={name}"), 2).await;
        let owner = &pods[0].metadata.owner_references.as_ref().unwrap()[0];
        assert_eq!(owner.kind, "ReplicaSet");
        stage.accepts(door, Verb::Delete, &workload("Deployment", name, "nginx", 2)).await;
        stage.pods(&format!("app={name}"), 0).await;
    }
    // what the server itself says about a manifest comes through both doors
    let deprecated = yaml(
        "apiVersion: v1
kind: Pod
metadata: {name: warned}
spec:
  nodeSelector: {beta.kubernetes.io/os: linux}
  containers: [{name: main, image: nginx}]",
    );
    for door in Door::BOTH {
        let outcome = stage.dry_run(door, Verb::Create, &deprecated).await;
        outcome.answer.unwrap();
        assert_eq!(outcome.warnings.len(), 1, "{door:?}: {:?}", outcome.warnings);
        assert!(outcome.warnings[0].contains("beta.kubernetes.io/os"), "{door:?}: {:?}", outcome.warnings);
    }
    stage.strike().await;
}

async fn a_webhook_behind_a_service(cluster: Arc<Cluster>) {
    let stage = Stage::set(&cluster, "toy").await;
    let toy = Toy::hire(&stage).await;
    let message = "not this image\nand a second line";
    for (door, name) in Door::BOTH.into_iter().zip(["by-kubectl", "by-kube"]) {
        let played = [("/metadata/annotations/toy", json!("played"))];
        let mut stored = stage.mutates(door, Verb::Create, &pod(name, "nginx"), &played).await.object;
        stored["spec"]["containers"][0]["image"] = json!("denied");
        stage.rejects(door, Verb::Create, &pod("refused", "denied"), toy::NAME, message).await;
        stage.rejects(door, Verb::Apply, &pod("refused", "denied"), toy::NAME, message).await;
        stage.rejects(door, Verb::Apply, &pod(name, "denied"), toy::NAME, message).await;
        stage.rejects(door, Verb::Replace, &stored, toy::NAME, message).await;
        let dry = stage.dry_run(door, Verb::Create, &pod("refused", "denied")).await;
        assert!(dry.answer.unwrap_err().ends_with(message));
        let status = dry.status.map(|status| status["code"].clone());
        assert_eq!(status, (door == Door::Kube).then(|| json!(403)), "{door:?} shows the Status");

        let warned = stage.accepts(door, Verb::Create, &pod(&format!("warned-{name}"), "warned")).await;
        assert_eq!(warned.warnings, ["better \"another\" image"], "{door:?}");
        let events = cluster.audit(|event| {
            event["objectRef"]["namespace"] == json!(stage.namespace)
                && event["annotations"][format!("{}/policy", toy::NAME)] == "toy"
                && event["verb"] == "create"
        });
        if let Some(events) = events {
            assert_eq!(
                events.len(),
                1 + usize::from(door == Door::Kube),
                "audit annotations through {door:?}"
            );
        }
        stage.accepts(door, Verb::Delete, &pod(name, "nginx")).await;
    }
    toy.dismiss(&stage).await;
    stage.strike().await;
}

/// A replica that is not ready gets no new connection, and keeps the ones it has.
async fn forwarder_follows_readiness(_: Arc<Cluster>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    let (first, second) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), free_addresses().0);
    let forwarder = Forwarder::listen("localhost").await;
    // one backend whose admin port answers nothing is never ready
    forwarder.add(first.local_addr().unwrap(), second);
    assert_eq!(forwarder.ready(), 0);
    let mut refused = TcpStream::connect(("127.0.0.1", forwarder.port())).await.unwrap();
    assert_eq!(refused.read(&mut [0; 1]).await.unwrap_or(0), 0, "dropped: nobody is ready");

    let admin = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = admin.local_addr().unwrap();
    let (say, hear) = tokio::sync::watch::channel("200 OK");
    let answering = tokio::spawn(async move {
        loop {
            let (mut stream, _) = admin.accept().await.unwrap();
            let _ = stream.read(&mut [0; 256]).await;
            let answer = format!("HTTP/1.1 {}\r\nContent-Length: 0\r\n\r\n", *hear.borrow());
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    forwarder.remove(first.local_addr().unwrap());
    forwarder.add(first.local_addr().unwrap(), address);
    crate::cluster::eventually("the replica is seen as ready", || async {
        (forwarder.ready() == 1).then_some(())
    })
    .await;
    let mut client = TcpStream::connect(("127.0.0.1", forwarder.port())).await.unwrap();
    let (mut server, _) = first.accept().await.unwrap();
    say.send("503 Service Unavailable").unwrap();
    crate::cluster::eventually("the replica is seen as not ready", || async {
        (forwarder.ready() == 0).then_some(())
    })
    .await;
    client.write_all(b"ping").await.unwrap();
    let mut heard = [0; 4];
    server.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"ping", "a connection that was there goes on");
    answering.abort();
}
