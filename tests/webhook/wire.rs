//! What is answered to one request.

use plimsoll::review::Endpoint;
use plimsoll::webhook::client::{Client, ClientError};
use plimsoll::webhook::settings::Settings;
use serde_json::json;

use crate::harness::{TIMEOUT, Webhook, response, review, review_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn reviews_are_answered() {
    let webhook = Webhook::start(Settings::default()).await;
    let expected = [
        ("fine", json!({"uid": "uid-fine", "allowed": true})),
        ("warn", json!({"uid": "uid-warn", "allowed": true, "warnings": ["one two"]})),
        (
            "deny",
            json!({"uid": "uid-deny", "allowed": false, "status":
                {"status": "Failure", "code": 403, "reason": "Forbidden", "message": "denied by v0"}}),
        ),
        ("patch", json!({"uid": "uid-patch", "allowed": true})),
    ];
    let mut session = webhook.client.connect().await.unwrap();
    for (name, answer) in expected {
        let reply = session.post(Endpoint::Validate, review(name), TIMEOUT).await.unwrap();
        assert_eq!(response(name, &reply), answer);
    }
    let reply = session.post(Endpoint::Mutate, review("patch"), TIMEOUT).await.unwrap();
    let got = response("patch", &reply);
    assert_eq!(got["patchType"], "JSONPatch");
    assert_eq!(
        got["patch"],
        "W3sib3AiOiJhZGQiLCJwYXRoIjoiL21ldGFkYXRhL2xhYmVscyIsInZhbHVlIjp7ImEiOiJiIn19XQ=="
    );
    let reply = session.post(Endpoint::Mutate, review("bad-patch"), TIMEOUT).await.unwrap();
    assert_eq!(response("bad-patch", &reply)["status"]["code"], 500);
    assert_eq!(webhook.metric("plimsoll_review_failures_total{reason=\"patch_does_not_apply\"}"), 1.0);
    assert!(!session.is_closed(), "one connection for all of it");
    assert_eq!(webhook.metric("plimsoll_connections_accepted_total"), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_is_no_review_is_refused_by_name() {
    let webhook = Webhook::start(Settings::default()).await;
    let http = |start: &str, headers: &str, body: &str| {
        let length = body.len();
        format!(
            "{start} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        )
    };
    let good = String::from_utf8(review("fine").to_vec()).unwrap();
    let beta = good.replace("admission.k8s.io/v1", "admission.k8s.io/v1beta1");
    for (request, status, text) in [
        (http("GET /validate", "", ""), "405 Method Not Allowed", "method not allowed; reviews are posted"),
        (
            http("POST /", "", &good),
            "404 Not Found",
            "not found; reviews are posted to /validate and /mutate",
        ),
        (
            http("POST /validate", "Content-Type: text/yaml\r\n", &good),
            "415 Unsupported Media Type",
            "unsupported media type; expected application/json",
        ),
        (
            http("POST /validate", "Content-Type: Application/JSON; charset=utf-8\r\n", &good),
            "200 OK",
            "\"allowed\":true",
        ),
        (http("POST /validate", "", &good), "200 OK", "\"allowed\":true"),
        (
            http("POST /validate", "", ""),
            "400 Bad Request",
            "the request has no body; an AdmissionReview is expected",
        ),
        (
            http("POST /validate", "", "hello"),
            "400 Bad Request",
            "the body cannot be read as an AdmissionReview: ",
        ),
        (http("POST /validate", "", &beta), "400 Bad Request", "admission.k8s.io/v1beta1 is not supported"),
        (
            http("POST /validate", "", &good[..good.len() - 3]),
            "200 OK",
            "\"uid\":\"uid-fine\",\"allowed\":false",
        ),
    ] {
        let answer = webhook.exchange(request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request}\n{answer}");
        assert!(answer.contains(text), "{request}\n{answer}");
        assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    }
    assert_eq!(webhook.metric("plimsoll_requests_refused_total{reason=\"v1beta1\"}"), 1.0);
    assert_eq!(webhook.metric("plimsoll_requests_refused_total{reason=\"not_json\"}"), 1.0);
    assert_eq!(webhook.raw().await.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]), "and not h2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn not_ready_and_not_judging_before_policies() {
    let webhook = Webhook::start_empty(Settings::default()).await;
    assert!(webhook.admin("/readyz").await.starts_with("HTTP/1.1 503"));
    assert!(webhook.admin("/healthz").await.starts_with("HTTP/1.1 200"));
    let reply = webhook.client.post(Endpoint::Validate, review("fine"), TIMEOUT).await.unwrap();
    assert_eq!((reply.http_status, &*reply.body), (503, &b"no policies are loaded yet\n"[..]));
    assert!(webhook.admin("/metrics").await.contains("plimsoll_ready 0\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn the_admin_port_tells_the_state() {
    let webhook = Webhook::start(Settings::default()).await;
    let ready = webhook.admin("/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("[+] policies: 1 in force"), "{ready}");
    webhook.post("deny").await;
    let metrics = webhook.admin("/metrics").await;
    for line in [
        "plimsoll_ready 1\n",
        "plimsoll_reviews_total{stage=\"validate\",operation=\"CREATE\",kind=\"Pod\",decision=\"deny\"} 1\n",
        "plimsoll_rule_outcomes_total{policy=\"p\",rule=\"r\",decision=\"deny\",operation=\"CREATE\",kind=\"Pod\"} 1\n",
        "plimsoll_review_duration_seconds_count{stage=\"validate\"} 1\n",
        "plimsoll_certificate_not_after_timestamp_seconds ",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert!(!metrics.contains("shop") && !metrics.contains("denied by"), "no namespace and no message");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_panic_costs_one_review() {
    let webhook = Webhook::start(Settings::default()).await;
    let mut session = webhook.client.connect().await.unwrap();
    for _ in 0..3 {
        let reply = session.post(Endpoint::Validate, review("panic"), TIMEOUT).await.unwrap();
        let got = response("panic", &reply);
        assert_eq!((&got["allowed"], &got["status"]["code"]), (&json!(false), &json!(500)));
        let reply = session.post(Endpoint::Validate, review("fine"), TIMEOUT).await.unwrap();
        assert_eq!(response("fine", &reply)["allowed"], true, "on the same connection");
    }
    assert_eq!(webhook.metric("plimsoll_review_failures_total{reason=\"panicked\"}"), 3.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_certificate_of_somebody_else_is_not_trusted() {
    let (webhook, other) =
        (Webhook::start(Settings::default()).await, Webhook::start(Settings::default()).await);
    let ca = other.material.bundle_pem();
    let client = Client::new(&format!("https://{}", webhook.address), ca.as_bytes()).unwrap();
    let error = client.post(Endpoint::Validate, review("fine"), TIMEOUT).await.unwrap_err();
    assert!(matches!(error, ClientError::Tls { .. }), "{error}");
    for bad in ["http://127.0.0.1:1", "127.0.0.1", "https://h/validate", "https://"] {
        assert!(matches!(Client::new(bad, ca.as_bytes()), Err(ClientError::BadAddress(_))), "{bad}");
    }
    assert!(matches!(Client::new("https://h", b"no pem"), Err(ClientError::BadAuthority)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn nesting_bombs_are_answered() {
    let webhook = Webhook::start(Settings::default()).await;
    let deep = format!("{}1{}", r#"{"a":"#.repeat(500_000), "}".repeat(500_000));
    let reply = webhook.client.post(Endpoint::Validate, review_of("fine", &deep), TIMEOUT).await.unwrap();
    assert_eq!(response("fine", &reply)["allowed"], true, "this judge does not look into objects");
    let reply = webhook.client.post(Endpoint::Mutate, review_of("patch", &deep), TIMEOUT).await.unwrap();
    assert_eq!(response("patch", &reply)["status"]["code"], 500, "a patch that cannot be tried is not sent");
    let open = review_of("fine", &"[".repeat(1_000_000));
    let reply = webhook.client.post(Endpoint::Validate, open, TIMEOUT).await.unwrap();
    assert_eq!(response("fine", &reply)["status"]["code"], 400);
}
