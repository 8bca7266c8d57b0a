//! Certificates, policies and the process itself change while reviews come in: none may fail.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use plimsoll::review::Endpoint;
use plimsoll::webhook::authority::{Material, Names};
use plimsoll::webhook::certificate::Files;
use plimsoll::webhook::client::Client;
use plimsoll::webhook::reload::{InForce, LoadError, Loader, watch_authority, watch_certificate};
use plimsoll::webhook::settings::Settings;

use crate::harness::{TIMEOUT, Traffic, Webhook, by_name, eventually, response, review};

/// Swaps a folder's content as the kubelet does.
fn publish(folder: &Path, version: usize, files: &[(&str, &str)]) {
    let data = format!("..v{version}");
    fs::create_dir(folder.join(&data)).unwrap();
    for (name, content) in files {
        fs::write(folder.join(&data).join(name), content).unwrap();
        let link = folder.join(name);
        if fs::symlink_metadata(&link).is_err() {
            std::os::unix::fs::symlink(format!("..data/{name}"), link).unwrap();
        }
    }
    std::os::unix::fs::symlink(&data, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn ten_certificates_under_traffic() {
    let webhook = Webhook::start(Settings::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let first = webhook.material.clone();
    publish(folder.path(), 0, &[("tls.crt", first.leaf_pem()), ("tls.key", first.leaf_key_pem())]);
    let files = Files::new(at("tls.crt"), at("tls.key"));
    let watching =
        watch_certificate(files, webhook.slot.clone(), webhook.board.clone(), Duration::from_millis(10));
    let watching = tokio::spawn(watching);

    // callers trust before anything new is served, as after a change of caBundle
    let later: Vec<Material> =
        (0..10).map(|_| Material::new(&Names::local(), SystemTime::now()).unwrap()).collect();
    let trusted: String = [&first].into_iter().chain(&later).map(Material::bundle_pem).collect();
    let client = Client::new(&format!("https://{}", webhook.address), trusted.as_bytes()).unwrap();
    let traffic = Traffic::start(4, "fine", move || client.clone());
    for (version, next) in (1..).zip(&later) {
        let before = webhook.slot.get().unwrap().serial.clone();
        if version % 3 == 0 {
            // half of the swap: the key of the old one beside the new certificate
            publish(folder.path(), 100 + version, &[("tls.crt", next.leaf_pem()), ("tls.key", "")]);
            eventually("refused", || webhook.board.readiness.text().contains("the newest cannot be served"))
                .await;
            assert_eq!(webhook.slot.get().unwrap().serial, before, "the old pair is kept");
            assert!(webhook.board.readiness.is_ready());
        }
        publish(folder.path(), version, &[("tls.crt", next.leaf_pem()), ("tls.key", next.leaf_key_pem())]);
        eventually("served", || webhook.slot.get().unwrap().serial != before).await;
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    let reviews = traffic.stop().await.len();
    println!("10 certificates, {reviews} reviews, 0 failed");
    assert!(reviews > 100);
    assert!(webhook.metric("plimsoll_connections_accepted_total") > 10.0, "handshakes went on meanwhile");
    assert_eq!(webhook.metric("plimsoll_certificate_reloads_total{result=\"error\"}"), 3.0);
    watching.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn our_own_authority_rotates_under_traffic() {
    let webhook = Webhook::start(Settings::default()).await;
    // an hour each 300 ms, beginning when the authority is due
    let polls = Arc::new(AtomicUsize::new(0));
    // certificates are judged by the clients' real clock, so the rotation ends about now
    let start = SystemTime::now() - Duration::from_secs(3 * 3600);
    let due = start - Duration::from_secs(3_650 * 86_400 / 3 * 2);
    let material = Material::new(&Names::local(), due).unwrap();
    let trusted = Arc::new(Mutex::new(webhook.material.bundle_pem() + &material.bundle_pem()));
    let (address, trust) = (webhook.address, trusted.clone());
    let traffic = Traffic::start(2, "fine", move || {
        Client::new(&format!("https://{address}"), trust.lock().unwrap().as_bytes()).unwrap()
    });
    let polled = polls.clone();
    let bundles = Arc::new(Mutex::new(Vec::new()));
    let seen = bundles.clone();
    let publish = move |material: &Material| {
        *trusted.lock().unwrap() += &material.bundle_pem();
        seen.lock().unwrap().push(material.bundle_pem().matches("BEGIN CERTIFICATE").count());
    };
    tokio::spawn(watch_authority(
        material,
        Names::local(),
        webhook.slot.clone(),
        webhook.board.clone(),
        Duration::from_millis(100),
        Arc::new(move || start + Duration::from_secs(1200 * polled.fetch_add(1, Ordering::Relaxed) as u64)),
        publish,
    ));
    eventually("rotated", || bundles.lock().unwrap().ends_with(&[2, 1])).await;
    assert!(traffic.stop().await.len() > 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_hundred_policy_reloads_under_traffic() {
    let webhook = Webhook::start_empty(Settings::default()).await;
    let folder = tempfile::tempdir().unwrap();
    publish(folder.path(), 0, &[("policy.yaml", "v0")]);
    let path = folder.path().to_owned();
    let load: Loader = Box::new(move || {
        let version = fs::read_to_string(path.join("policy.yaml")).map_err(|e| LoadError(e.to_string()))?;
        match version.contains("broken") {
            true => Err(LoadError("policy.yaml:1: broken".into())),
            false => Ok(InForce::whole(by_name(&version), 1, version)),
        }
    });
    let watching = webhook.policies.clone().watch(
        vec![folder.path().to_owned()],
        load,
        webhook.board.clone(),
        Duration::from_millis(5),
        Arc::new(SystemTime::now),
    );
    tokio::spawn(watching);
    eventually("the first load", || webhook.board.readiness.is_ready()).await;
    let client = webhook.client.clone();
    let traffic = Traffic::start(4, "deny", move || client.clone());
    for version in 1..=100 {
        let reloads = |result: &str| format!("plimsoll_policy_reloads_total{{result=\"{result}\"}}");
        let broken = version % 10 == 5;
        let content = if broken { format!("broken {version}") } else { format!("v{version}") };
        publish(folder.path(), version, &[("policy.yaml", &content)]);
        let failed = (version + 5) / 10;
        if broken {
            eventually("refused", || {
                webhook.board.metrics.text().contains(&format!("{} {failed}\n", reloads("error")))
            })
            .await;
            let text = webhook.board.readiness.text();
            assert!(text.contains("1 in force; the newest do not load: policy.yaml:1: broken"), "{text}");
            assert!(webhook.board.readiness.is_ready(), "what works is kept");
        } else {
            let good = version - failed + 1;
            eventually("loaded", || {
                webhook.board.metrics.text().contains(&format!("{} {good}\n", reloads("ok")))
            })
            .await;
        }
    }
    let answers = traffic.stop().await;
    println!("100 reloads, {} reviews, 0 failed", answers.len());
    let text = |answer: &serde_json::Value| answer["status"]["message"].as_str().unwrap().to_owned();
    assert!(answers.iter().all(|answer| text(answer).starts_with("denied by v")));
    let versions: std::collections::BTreeSet<String> = answers.iter().map(text).collect();
    assert!(versions.len() > 20, "reviews met many of the versions: {}", versions.len());
    assert_eq!(response("deny", &webhook.post("deny").await)["status"]["message"], "denied by v100");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_drain_loses_nothing() {
    let webhook = Webhook::start(Settings { tick: Duration::from_millis(20), ..Settings::default() }).await;
    // two replicas behind one address: clients go to the second when the first no longer accepts
    let other = Webhook::start(Settings::default()).await;
    let (first, second) = (webhook.client.clone(), other.client.clone());
    let ready = webhook.board.readiness.clone();
    let traffic =
        Traffic::start(6, "fine", move || if ready.is_ready() { first.clone() } else { second.clone() });
    tokio::time::sleep(Duration::from_millis(150)).await;

    let mut idle = webhook.client.connect().await.unwrap();
    idle.post(Endpoint::Validate, review("fine"), TIMEOUT).await.unwrap();
    let mut slow = webhook.client.connect().await.unwrap();
    let slow = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(150)).await;
        slow.post(Endpoint::Validate, review("slow"), TIMEOUT).await
    });
    webhook.board.readiness.report("shutdown", false, "draining");
    let begun = tokio::time::Instant::now();
    let stopping = webhook.shutdown.clone();
    tokio::spawn(async move { stopping.begin(Duration::from_millis(200)).await });

    // in its lame duck period it serves, also on new connections, and asks to go
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut late = webhook.client.connect().await.unwrap();
    let reply = late.post(Endpoint::Validate, review("deny"), TIMEOUT).await.unwrap();
    assert_eq!(response("deny", &reply)["allowed"], false);
    eventually("Connection: close", || late.is_closed()).await;
    assert!(webhook.admin("/readyz").await.contains("[-] shutdown: draining"));

    webhook.served.await.unwrap();
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(200) && took < Duration::from_secs(8), "{took:?}");
    let reply = slow.await.unwrap().unwrap();
    assert_eq!(response("slow", &reply)["allowed"], true, "begun before the stop, answered after it");
    eventually("idle connections are closed", || idle.is_closed()).await;
    assert!(webhook.client.connect().await.is_err(), "no longer accepting");
    let reviews = traffic.stop().await.len();
    println!("one of two replicas stopped, {reviews} reviews, 0 failed");
    assert!(reviews > 50);
}
