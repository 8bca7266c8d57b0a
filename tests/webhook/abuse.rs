//! Peers that do not behave. Each time, others are answered meanwhile.

use std::time::{Duration, Instant};

use plimsoll::review::Endpoint;
use plimsoll::webhook::settings::Settings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{TIMEOUT, Webhook, eventually, response, review, review_of};

fn impatient() -> Settings {
    let short = Duration::from_millis(300);
    Settings {
        handshake_timeout: short,
        header_timeout: short,
        tick: Duration::from_millis(20),
        ..Settings::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn slowloris() {
    let webhook = Webhook::start(impatient()).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(webhook.address).await.unwrap());
    }
    let mut dripping = Vec::new();
    for _ in 0..20 {
        let mut tls = webhook.raw().await;
        dripping.push(tokio::spawn(async move {
            let mut written = 0;
            for byte in
                b"POST /validate HTTP/1.1\r\nHost: x\r\nX: ".iter().chain(std::iter::repeat_n(&b'y', 10_000))
            {
                if tls.write_all(&[*byte]).await.is_err() || tls.flush().await.is_err() {
                    break;
                }
                written += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            written
        }));
    }
    assert_eq!(response("fine", &webhook.post("fine").await)["allowed"], true);
    for mut tcp in silent {
        assert_eq!(tcp.read(&mut [0]).await.unwrap_or(0), 0, "closed without a word");
    }
    for drip in dripping {
        assert!(drip.await.unwrap() < 2_000, "a drip does not keep a connection open");
    }
    eventually("all are gone", || webhook.metric("plimsoll_connections") <= 1.0).await;
    assert_eq!(webhook.metric("plimsoll_connections_closed_total{reason=\"handshake_timeout\"}"), 100.0);
    assert_eq!(webhook.metric("plimsoll_connections_closed_total{reason=\"header_timeout\"}"), 20.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn idle_connections_outlive_the_header_timeout_and_make_room_at_the_cap() {
    let webhook = Webhook::start(impatient().with_connections(40)).await;
    let mut first = webhook.client.connect().await.unwrap();
    first.post(Endpoint::Validate, review("fine"), TIMEOUT).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    first
        .post(Endpoint::Validate, review("fine"), TIMEOUT)
        .await
        .expect("idle for longer than a head may take");
    let mut idle = vec![first];
    for _ in 0..120 {
        let mut session = webhook.client.connect().await.unwrap();
        let reply = session.post(Endpoint::Validate, review("fine"), TIMEOUT).await.unwrap();
        assert_eq!(response("fine", &reply)["allowed"], true);
        idle.push(session);
    }
    assert!(webhook.metric("plimsoll_connections") <= 40.0);
    assert_eq!(webhook.metric("plimsoll_connections_closed_total{reason=\"evicted\"}"), 81.0);
    eventually("the oldest went first", || idle[..81].iter().all(|s| s.is_closed())).await;
    assert!(idle[81..].iter().all(|s| !s.is_closed()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn sixteen_mebibytes_and_one() {
    let webhook = Webhook::start(Settings::default()).await;
    let sized = |size: usize| {
        let frame = review_of("fine", r#"{"a":""}"#).len();
        let body = review_of("fine", &format!(r#"{{"a":"{}"}}"#, "x".repeat(size - frame)));
        assert_eq!(body.len(), size);
        body
    };
    let reply = webhook.client.post(Endpoint::Validate, sized(16 << 20), TIMEOUT).await.unwrap();
    assert_eq!(response("fine", &reply)["allowed"], true);
    let reply = webhook.client.post(Endpoint::Validate, sized((16 << 20) + 1), TIMEOUT).await.unwrap();
    assert_eq!((reply.http_status, &*reply.body), (413, &b"the body is larger than 16777216 bytes\n"[..]));
    assert_eq!(webhook.metric("plimsoll_requests_refused_total{reason=\"too_large\"}"), 1.0);

    // the same in chunks, where nothing is announced
    let mut request = b"POST /validate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..17 {
        request.extend_from_slice(b"100000\r\n");
        request.extend_from_slice(&vec![b' '; 1 << 20]);
        request.extend_from_slice(b"\r\n");
    }
    let mut tls = webhook.raw().await;
    let _ = tls.write_all(&request).await;
    let mut answer = Vec::new();
    let _ = tls.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(webhook.metric("plimsoll_requests_refused_total{reason=\"too_large\"}"), 2.0);
    assert_eq!(response("fine", &webhook.post("fine").await)["allowed"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn large_bodies_share_a_budget() {
    let webhook = Webhook::start(Settings { body_budget: 2 << 20, ..Settings::default() }).await;
    let mut hogs = Vec::new();
    for _ in 0..2 {
        let mut tls = webhook.raw().await;
        let head =
            format!("POST /validate?timeout=10s HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", 1 << 20);
        tls.write_all(head.as_bytes()).await.unwrap();
        hogs.push(tls);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let large = review_of("fine", &format!(r#"{{"a":"{}"}}"#, "x".repeat(1 << 20)));
    let reply = webhook.client.post(Endpoint::Validate, large.clone(), Duration::from_secs(1)).await.unwrap();
    assert_eq!(reply.http_status, 503);
    assert_eq!(response("fine", &webhook.post("fine").await)["allowed"], true, "small ones pass");
    drop(hogs);
    let reply = webhook.client.post(Endpoint::Validate, large, TIMEOUT).await.unwrap();
    assert_eq!(response("fine", &reply)["allowed"], true);
}

/// Small ones have an eighth of it to themselves, and no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn small_bodies_share_the_budget_too() {
    let webhook = Webhook::start(Settings { body_budget: 1 << 20, ..Settings::default() }).await;
    let mut hogs = Vec::new();
    for _ in 0..3 {
        let mut tls = webhook.raw().await;
        let head = format!(
            "POST /validate?timeout=10s HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
            100 << 10
        );
        tls.write_all(head.as_bytes()).await.unwrap();
        hogs.push(tls);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let body = review_of("fine", &format!(r#"{{"a":"{}"}}"#, "x".repeat(100 << 10)));
    let reply = webhook.client.post(Endpoint::Validate, body, Duration::from_secs(1)).await.unwrap();
    assert_eq!(reply.http_status, 503);
    drop(hogs);
    assert_eq!(response("fine", &webhook.post("fine").await)["allowed"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_head_has_sixteen_kilobytes() {
    let webhook = Webhook::start(Settings::default()).await;
    let head =
        |bytes: usize| format!("POST /validate HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(bytes));
    let answer = webhook.exchange(head(60 << 10).as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    let answer =
        webhook.exchange(head(12 << 10).replace("Host: x", "Host: x\r\nConnection: close").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "an empty body is no review: {answer}");
}

/// A caller that asks for more than the API server ever does gets thirty seconds, and no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_timeout_is_capped() {
    let settings = Settings { max_timeout: Duration::from_millis(600), ..Settings::default() };
    let webhook = Webhook::start(settings).await;
    let began = Instant::now();
    let answer = webhook
        .exchange(b"POST /validate?timeout=5m HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        .await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(Settings::default().max_timeout, Duration::from_secs(30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_body_that_does_not_come() {
    let webhook = Webhook::start(Settings::default()).await;
    let began = Instant::now();
    let answer = webhook
        .exchange(b"POST /validate?timeout=500ms HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        .await;
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    assert!(began.elapsed() < Duration::from_millis(1500));
    let mut tls = webhook.raw().await;
    tls.write_all(b"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{").await.unwrap();
    drop(tls);
    eventually("noticed", || webhook.board.metrics.text().contains("reason=\"body_broken\"} 1")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_is_no_tls() {
    let webhook = Webhook::start(impatient()).await;
    let hello = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &hello, b"\0\0\0\0", &[0xff; 4096]] {
        for close in [true, false] {
            let mut tcp = TcpStream::connect(webhook.address).await.unwrap();
            tcp.write_all(bytes).await.unwrap();
            if !close {
                // an alert or nothing; in any case an end
                let mut rest = Vec::new();
                let _ =
                    tokio::time::timeout(Duration::from_secs(5), tcp.read_to_end(&mut rest)).await.unwrap();
            }
        }
    }
    assert_eq!(response("fine", &webhook.post("fine").await)["allowed"], true);
    eventually("nothing is left", || webhook.metric("plimsoll_connections") <= 1.0).await;
}

/// Takes half a minute and 10,000 file descriptors, so by hand:
/// `cargo test --release --test webhook ten_thousand -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
#[ignore = "needs 10,000 file descriptors on each side"]
async fn ten_thousand_idle_connections() {
    let webhook = Webhook::start(Settings::default()).await;
    let (mut idle, mut worst) = (Vec::new(), Duration::ZERO);
    for i in 0..10_000 {
        idle.push(webhook.client.connect().await.unwrap());
        if i % 100 == 0 {
            let began = Instant::now();
            assert_eq!(response("fine", &webhook.post("fine").await)["allowed"], true);
            worst = worst.max(began.elapsed());
        }
    }
    let open = webhook.metric("plimsoll_connections");
    let evicted = webhook.metric("plimsoll_connections_closed_total{reason=\"evicted\"}");
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    println!("open {open}, evicted {evicted}, slowest review {worst:?}, client and server {resident}");
    assert!(open <= 4096.0 && evicted > 5_000.0);
    assert!(worst < Duration::from_secs(2), "{worst:?}");
}
