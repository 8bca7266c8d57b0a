//! The live API server, and a webhook that remembers what it was sent.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use kube::client::Body;
use kubernetes_objects::plugins::{Account, Cluster as Held, Known, Priority};
use serde_json::{Value, json};

use crate::bases::Base;
use crate::cluster::{Cluster, PATIENCE, Source};
use crate::https::Https;

/// What came back.
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) body: Value,
    pub(crate) warnings: Vec<String>,
    /// The object as the mutating webhook saw it.
    pub(crate) seen: Option<Value>,
}

/// See the head of this file.
pub(crate) struct Live {
    pub(crate) cluster: Cluster,
    seen: Arc<Mutex<Option<Value>>>,
    _webhook: Https,
    /// What the cluster holds, as far as objects are judged by it.
    pub(crate) holds: Holds,
}

/// Where an object of a kind is sent.
pub(crate) fn path(base: &Base, resource: &str, namespaced: bool) -> String {
    let api_version = base.text("apiVersion");
    let root = if api_version.contains('/') { "apis" } else { "api" };
    let namespace = match base.metadata("namespace") {
        _ if !namespaced => String::new(),
        "" => "/namespaces/default".to_owned(),
        namespace => format!("/namespaces/{namespace}"),
    };
    format!("/{root}/{api_version}{namespace}/{resource}")
}

impl Live {
    /// A control plane of its own, with both families of cluster IPs.
    pub(crate) async fn start(source: &Source) -> Self {
        let ranges = "--kube-apiserver-flag=--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112";
        let cluster = Cluster::start_with(source, &[ranges.to_owned()]).await;
        let seen = Arc::new(Mutex::new(None));
        let slot = seen.clone();
        let webhook = Https::serve("localhost", move |_, request| {
            *slot.lock().unwrap() = Some(request["object"].clone());
            json!({"allowed": true})
        })
        .await;
        let live = Self { cluster, seen, _webhook: webhook, holds: Holds::default() };
        live.register().await;
        live
    }

    async fn register(&self) {
        let authority = base64::engine::general_purpose::STANDARD.encode(&self._webhook.authority);
        let configuration = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": "fidelity"},
            "webhooks": [{
                "name": "fidelity.plimsoll.test",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
                "rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"],
                           "operations": ["CREATE", "UPDATE"]}],
                // nobody but us asks for a dry run
                "matchConditions": [{"name": "dry", "expression": "request.dryRun == true"}],
                "clientConfig": {"url": format!("https://localhost:{}/", self._webhook.port), "caBundle": authority},
            }],
        });
        let path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
        let answer = self.send("POST", path, configuration.to_string()).await;
        assert_eq!(answer.code, 201, "{}", answer.body);
        let probe =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe"}}).to_string();
        self.until("the webhook is asked", async || {
            let answer =
                self.send("POST", "/api/v1/namespaces/default/configmaps?dryRun=All", probe.clone()).await;
            answer.seen.is_some()
        })
        .await;
    }

    async fn until(&self, what: &str, done: impl AsyncFn() -> bool) {
        let began = std::time::Instant::now();
        while !done().await {
            assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// One request, and what the webhook was sent meanwhile.
    pub(crate) async fn send(&self, method: &str, path: &str, body: String) -> Answer {
        match self.try_send(method, path, &body).await {
            Some(answer) => answer,
            // a connection that was idle may be closed; where it happens again the server has panicked
            None => self.try_send(method, path, &body).await.unwrap_or(Answer {
                code: 500,
                body: json!({"message": "the server closed the connection"}),
                warnings: Vec::new(),
                seen: None,
            }),
        }
    }

    async fn try_send(&self, method: &str, path: &str, body: &str) -> Option<Answer> {
        self.seen.lock().unwrap().take();
        let request = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header("Content-Type", "application/json")
            .body(Body::from(body.as_bytes().to_vec()))
            .unwrap();
        let response = self.cluster.client.send(request).await.ok()?;
        let code = response.status().as_u16();
        let warnings = response.headers().get_all(hyper::header::WARNING).iter();
        let warnings = warnings.filter_map(|value| warning(value.to_str().ok()?)).collect();
        let bytes = response.into_body().collect_bytes().await.ok()?;
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Some(Answer { code, body, warnings, seen: self.seen.lock().unwrap().take() })
    }

    /// Really creates namespaces, then objects; those that the server has taken, as it stored them.
    pub(crate) async fn hold(&mut self, own: &[Base], all: &[Base]) -> Vec<(Base, Value)> {
        self.holds = Holds::of(all);
        for name in &self.holds.namespaces {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            self.send("POST", "/api/v1/namespaces", namespace.to_string()).await;
        }
        for name in &self.holds.namespaces {
            let path = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
            self.until("the service account", async || {
                self.send("GET", &path, String::new()).await.code == 200
            })
            .await;
        }
        let (mut stored, mut refused) = (Vec::new(), Vec::new());
        for base in own {
            let at = crate::ours::address(base);
            if base.row().is_none() && refused.is_empty() {
                // its definition is established a moment after it was created
                self.until(&at, async || self.send("GET", &at, String::new()).await.code == 200).await;
            }
            let mut answer = self.send("POST", &at, base.object.to_string()).await;
            if answer.code == 409 {
                answer = self.send("GET", &format!("{at}/{}", base.metadata("name")), String::new()).await;
            }
            if answer.code < 300 {
                stored.push((base.clone(), answer.body));
            } else {
                refused.push(format!("{}: {}", base.source, answer.body["message"]));
            }
        }
        assert!(
            refused.is_empty(),
            "objects of our own that the server does not take:\n{}",
            refused.join("\n")
        );
        stored
    }
}

/// The text of a header `299 - "text"`.
fn warning(header: &str) -> Option<String> {
    let quoted = header.strip_prefix("299 - ")?;
    let text = quoted.strip_prefix('"')?.strip_suffix('"')?;
    Some(text.replace("\\\"", "\"").replace("\\\\", "\\"))
}

/// What else is in the cluster.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    namespaces: BTreeSet<String>,
    accounts: BTreeSet<(String, String)>,
    runtimes: BTreeSet<String>,
    priorities: Vec<Priority>,
}

impl Holds {
    /// What was created: the namespaces of all objects, and those of our own.
    fn of(bases: &[Base]) -> Self {
        let mut holds = Self::default();
        holds
            .namespaces
            .extend(["default", "kube-system", "kube-public", "kube-node-lease"].map(str::to_owned));
        for base in bases {
            let namespace = base.metadata("namespace").to_owned();
            if base.row().is_some_and(|row| row.namespaced == Some(true)) && !namespace.is_empty() {
                holds.namespaces.insert(namespace.clone());
            }
            let name = base.metadata("name").to_owned();
            match (base.own, base.text("kind")) {
                (true, "Namespace") => drop(holds.namespaces.insert(name)),
                (true, "ServiceAccount") => drop(holds.accounts.insert((namespace, name))),
                (true, "RuntimeClass") => drop(holds.runtimes.insert(name)),
                (true, "PriorityClass") => holds.priorities.push(Priority {
                    name,
                    value: base.object["value"].as_i64().unwrap_or_default(),
                    preemption: base.text("preemptionPolicy").to_owned(),
                }),
                _ => {}
            }
        }
        holds
    }
}

fn known<T>(there: Option<T>) -> Known<T> {
    there.map_or(Known::Absent, Known::There)
}

impl Held for Holds {
    fn namespace(&self, name: &str) -> Known<()> {
        known(self.namespaces.contains(name).then_some(()))
    }

    fn service_account(&self, namespace: &str, name: &str) -> Known<Account> {
        let there = name == "default" || self.accounts.contains(&(namespace.to_owned(), name.to_owned()));
        known(there.then(Account::default))
    }

    fn priority_class(&self, name: &str) -> Known<Priority> {
        known(self.priorities.iter().find(|class| class.name == name).cloned())
    }

    fn default_priority_class(&self) -> Known<Priority> {
        Known::Absent
    }

    fn runtime_class(&self, name: &str) -> Known<()> {
        known(self.runtimes.contains(name).then_some(()))
    }

    fn default_storage_class(&self) -> Known<String> {
        Known::Absent
    }

    fn default_ingress_class(&self) -> Known<String> {
        Known::Absent
    }
}
