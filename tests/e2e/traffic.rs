//! A stream of requests through the API server while something happens to the webhook.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, PostParams};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::stage::Stage;

/// What came of the requests so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Accepted by the cluster.
    pub(crate) allowed: usize,
    /// Denied by the webhook itself.
    pub(crate) denied: usize,
    /// What users read when neither was the case: the webhook was not reached, or did not answer.
    pub(crate) failed: Vec<String>,
}

impl Report {
    pub(crate) fn sent(&self) -> usize {
        let Report { allowed, denied, failed } = self;
        allowed + denied + failed.len()
    }
}

/// Creates Pods, as a dry run, again and again.
pub(crate) struct Traffic {
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<Report>>,
}

impl Traffic {
    /// So many clients at once; each sends its next request when it has the answer.
    pub(crate) fn start(stage: &Stage, pod: &Value, clients: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let pod: Pod = serde_json::from_value(pod.clone()).unwrap();
        let workers = (0..clients).map(|_| {
            let (pods, pod, stop): (Api<Pod>, _, _) = (stage.api(), pod.clone(), stop.clone());
            tokio::spawn(async move {
                let mut report = Report::default();
                let parameters = PostParams { dry_run: true, ..PostParams::default() };
                while !stop.load(Ordering::Relaxed) {
                    match pods.create(&parameters, &pod).await {
                        Ok(_) => report.allowed += 1,
                        Err(kube::Error::Api(status)) if status.message.contains("denied the request") => {
                            report.denied += 1;
                        }
                        Err(kube::Error::Api(status)) => report.failed.push(status.message),
                        Err(other) => report.failed.push(other.to_string()),
                    }
                }
                report
            })
        });
        Traffic { workers: workers.collect(), stop }
    }

    /// Lets it flow for a while.
    pub(crate) async fn flow(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Ends it, and adds up.
    pub(crate) async fn stop(self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        let mut sum = Report::default();
        for worker in self.workers {
            let Report { allowed, denied, failed } = worker.await.unwrap();
            sum.allowed += allowed;
            sum.denied += denied;
            sum.failed.extend(failed);
        }
        sum
    }
}
