//! Requests on one connection, in whatever pieces they come. hyper has a connection only while there is a request on it
//! (`webhook::stream`), so what comes between must not be lost.

use std::time::Duration;

use plimsoll::webhook::settings::Settings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::{TIMEOUT, Webhook, review};

/// A whole request, with a body of its own name.
fn request(name: &str) -> Vec<u8> {
    let body = review(name);
    let head =
        format!("POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    [head, body.to_vec()].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn every_request_is_answered_in_its_order() {
    let webhook = Webhook::start(Settings::default()).await;
    let names = ["a", "b", "c", "d"];
    let all: Vec<u8> = names.iter().flat_map(|name| request(name)).collect();
    let one = request("a").len();
    for (what, cuts) in [
        ("all at once", vec![]),
        ("each by itself", vec![one, 2 * one, 3 * one]),
        ("with the first byte of the next", vec![one + 1, 2 * one + 1, 3 * one + 1]),
        ("with half a head of the next", vec![one + 30, 2 * one + 30]),
        ("with the head and some of the body of the next", vec![one + 100, 3 * one + 100]),
        ("all but the last byte", vec![all.len() - 1]),
        ("first bytes by themselves", vec![1, one, one + 1, 2 * one, 2 * one + 1]),
    ] {
        let mut tls = webhook.raw().await;
        let mut read = Vec::new();
        let mut from = 0;
        for to in cuts.into_iter().chain([all.len()]) {
            tls.write_all(&all[from..to]).await.unwrap();
            tls.flush().await.unwrap();
            let complete = to / one;
            while answered(&read).len() < complete {
                let reading = tokio::time::timeout(TIMEOUT, tls.read_buf(&mut read)).await;
                assert!(
                    reading.is_ok_and(|n| n.unwrap() > 0),
                    "{what}: {} of {complete}",
                    answered(&read).len()
                );
            }
            from = to;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert_eq!(answered(&read), names, "{what}");
    }
}

/// The names of the reviews whose answers are there.
fn answered(read: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(read).unwrap();
    let uid = |rest: &str| rest.split('"').next().unwrap().to_owned();
    text.split("\"uid\":\"uid-").skip(1).map(uid).collect()
}

/// What of a body is not read is no request.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_body_that_nobody_read_is_no_request() {
    let webhook = Webhook::start(Settings::default()).await;
    let hidden = String::from_utf8(request("hidden")).unwrap();
    for head in [
        "POST /elsewhere HTTP/1.1\r\nHost: x",
        "GET /validate HTTP/1.1\r\nHost: x",
        "POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain",
    ] {
        let length = hidden.len() + 1;
        let answer =
            webhook.exchange(format!("{head}\r\nContent-Length: {length}\r\n\r\n{hidden}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    }
}
