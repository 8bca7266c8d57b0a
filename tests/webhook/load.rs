//! Evaluations that take long, many at a time.

use std::time::{Duration, Instant};

use plimsoll::review::Endpoint;
use plimsoll::webhook::settings::Settings;

use crate::harness::{TIMEOUT, Webhook, response, review};

fn many(
    webhook: &Webhook,
    count: usize,
    name: &'static str,
    timeout: Duration,
) -> Vec<tokio::task::JoinHandle<serde_json::Value>> {
    let post = |_| {
        let client = webhook.client.clone();
        tokio::spawn(async move {
            let mut session = client.connect().await.unwrap();
            let reply = session.post(Endpoint::Validate, review(name), timeout).await.unwrap();
            response(name, &reply)
        })
    };
    (0..count).map(post).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_slow_evaluations_do_not_stop_quick_ones() {
    let webhook = Webhook::start(Settings { pooled_evaluations: 32, ..Settings::default() }).await;
    let slow = many(&webhook, 100, "slow", TIMEOUT);
    let mut worst = Duration::ZERO;
    let mut session = webhook.client.connect().await.unwrap();
    let mut quick = 0;
    while quick < 10 || !slow.iter().all(tokio::task::JoinHandle::is_finished) {
        let began = Instant::now();
        let reply = session.post(Endpoint::Validate, review("fine"), TIMEOUT).await.unwrap();
        assert_eq!(response("fine", &reply)["allowed"], true);
        worst = worst.max(began.elapsed());
        assert!(webhook.admin("/healthz").await.starts_with("HTTP/1.1 200"));
        quick += 1;
    }
    for answer in slow {
        assert_eq!(answer.await.unwrap()["allowed"], true);
    }
    println!("100 slow evaluations, {quick} quick ones meanwhile, slowest {worst:?}");
    assert!(worst < Duration::from_secs(2), "a quick review took {worst:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_finds_no_place_in_time_is_answered_in_time() {
    let settings = Settings { pooled_evaluations: 2, inline_evaluations: 1, ..Settings::default() };
    let webhook = Webhook::start(settings).await;
    let began = Instant::now();
    let hogs = many(&webhook, 3, "until-deadline", Duration::from_secs(2));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let late = many(&webhook, 5, "fine", Duration::from_secs(1));
    for answer in late {
        let answer = answer.await.unwrap();
        assert_eq!(
            (answer["allowed"].as_bool(), answer["status"]["code"].as_u64()),
            (Some(false), Some(504))
        );
        assert_eq!(answer["status"]["message"], "plimsoll had no capacity to judge this request in time");
    }
    assert!(began.elapsed() < Duration::from_millis(1900), "{:?}", began.elapsed());
    for hog in hogs {
        assert_eq!(hog.await.unwrap()["status"]["code"], 504);
    }
    assert_eq!(webhook.metric("plimsoll_review_failures_total{reason=\"overloaded\"}"), 5.0);
    assert_eq!(response("fine", &webhook.post("fine").await)["allowed"], true, "and it recovers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_judge_that_forgets_the_time_is_answered_for() {
    let webhook = Webhook::start(Settings { inline_evaluations: 0, ..Settings::default() }).await;
    let began = Instant::now();
    let answers = many(&webhook, 3, "past-deadline", Duration::from_millis(600));
    for answer in answers {
        let answer = answer.await.unwrap();
        assert_eq!(answer["status"]["message"], "plimsoll could not judge this request in time");
    }
    assert!(began.elapsed() < Duration::from_millis(1200), "{:?}", began.elapsed());
    assert_eq!(webhook.metric("plimsoll_review_failures_total{reason=\"deadline_exceeded\"}"), 3.0);
}
