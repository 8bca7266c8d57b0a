//! The two doors into a cluster that users have, kubectl and a client library, and what comes back through them.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use kube::api::{DeleteParams, DynamicObject, GetParams, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::client::Body;
use kube::discovery::{self, Scope};
use kube::{Resource as _, core};
use serde_json::Value;

use crate::cluster::Cluster;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Kubectl,
    Kube,
}

impl Door {
    pub(crate) const BOTH: [Door; 2] = [Door::Kubectl, Door::Kube];
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Create,
    /// Server-side apply, also of what others have applied.
    Apply,
    /// Replace what is there, whatever its version.
    Replace,
    Delete,
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub(crate) door: Door,
    pub(crate) verb: Verb,
    pub(crate) dry_run: bool,
    pub(crate) namespace: &'a str,
    pub(crate) object: &'a Value,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// The object as the server answered it, or what it said instead, exactly as the user sees it.
    pub(crate) answer: Result<Value, String>,
    /// Warnings, in order.
    pub(crate) warnings: Vec<String>,
    /// The `Status` of a refusal, where the door shows it.
    pub(crate) status: Option<Value>,
}

impl Outcome {
    fn is_conflict(&self) -> bool {
        match (&self.answer, &self.status) {
            (Ok(_), _) => false,
            (Err(_), Some(status)) => status["reason"] == "Conflict",
            (Err(message), None) => message.starts_with("Error from server (Conflict)"),
        }
    }
}

impl Attempt<'_> {
    pub(crate) async fn run(self, cluster: &Cluster) -> Outcome {
        let mut again = 5;
        loop {
            let outcome = match self.door {
                Door::Kubectl => self.kubectl(cluster).await,
                Door::Kube => self.kube(cluster).await,
            };
            // a controller has written in between; what is there now is as good
            if !matches!(self.verb, Verb::Replace) || again == 0 || !outcome.is_conflict() {
                return outcome;
            }
            again -= 1;
        }
    }

    async fn kubectl(self, cluster: &Cluster) -> Outcome {
        let mut arguments = match self.verb {
            Verb::Create => vec!["create", "--output=json"],
            Verb::Apply => vec!["apply", "--server-side", "--force-conflicts", "--output=json"],
            Verb::Replace => vec!["replace", "--output=json"],
            Verb::Delete => vec!["delete", "--wait=false", "--output=name"],
        };
        if self.dry_run {
            arguments.push("--dry-run=server");
        }
        arguments.extend(["--filename=-", "--namespace", self.namespace]);
        let mut object = self.object.clone();
        if let (Verb::Replace, Some(metadata)) = (self.verb, object["metadata"].as_object_mut()) {
            // kubectl then takes the version that is there
            metadata.remove("resourceVersion");
        }
        kubectl_outcome(cluster, &arguments, &object.to_string()).await
    }

    async fn kube(self, cluster: &Cluster) -> Outcome {
        let client = &cluster.client;
        let api_version = self.object["apiVersion"].as_str().unwrap();
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let kind = GroupVersionKind::gvk(group, version, self.object["kind"].as_str().unwrap());
        let (resource, capabilities) = discovery::pinned_kind(client, &kind).await.unwrap();
        let namespace = (capabilities.scope == Scope::Namespaced).then_some(self.namespace);
        let at = core::Request::new(DynamicObject::url_path(&resource, namespace));
        let name = self.object["metadata"]["name"].as_str().unwrap_or_default();
        let post = PostParams { dry_run: self.dry_run, field_manager: Some("e2e".to_owned()) };
        let request = match self.verb {
            Verb::Create => at.create(&post, self.object.to_string().into_bytes()),
            Verb::Apply => {
                let parameters = PatchParams { dry_run: self.dry_run, ..PatchParams::apply("e2e").force() };
                at.patch(name, &parameters, &Patch::Apply(self.object))
            }
            Verb::Replace => {
                let mut object = self.object.clone();
                // custom resources are not replaced without saying what is replaced
                let read = at.get(name, &GetParams::default()).unwrap();
                let there: Value = client.request(read).await.unwrap();
                object["metadata"]["resourceVersion"] = there["metadata"]["resourceVersion"].clone();
                at.replace(name, &post, object.to_string().into_bytes())
            }
            Verb::Delete => {
                at.delete(name, &DeleteParams { dry_run: self.dry_run, ..DeleteParams::default() })
            }
        };
        let response = client.send(request.unwrap().map(Body::from)).await.unwrap();
        let success = response.status().is_success();
        let warnings = response.headers().get_all(hyper::header::WARNING).iter();
        let warnings = warnings.map(|value| warning_text(value.to_str().unwrap())).collect();
        let body: Value =
            serde_json::from_slice(&response.into_body().collect_bytes().await.unwrap()).unwrap();
        match success {
            true => Outcome { answer: Ok(body), warnings, status: None },
            false => {
                let message = body["message"].as_str().unwrap_or_default().to_owned();
                Outcome { answer: Err(message), warnings, status: Some(body) }
            }
        }
    }
}

/// Runs kubectl with this cluster's kubeconfig, for at most a minute.
pub(crate) async fn kubectl(cluster: &Cluster, arguments: &[&str], stdin: &str) -> Output {
    let mut command = Command::new("timeout");
    command
        .arg("60")
        .args(&cluster.kubectl)
        .arg("--cache-dir")
        .arg(cluster.folder().join("kubectl-cache"))
        .arg("--kubeconfig")
        .arg(&cluster.kubeconfig)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let stdin = stdin.to_owned();
    let run = move || {
        let mut child = command.spawn().expect("kubectl is on the PATH");
        // kubectl may end without reading its input
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child.wait_with_output().unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// Likewise; the answer is what it prints as JSON, or null.
pub(crate) async fn kubectl_outcome(cluster: &Cluster, arguments: &[&str], stdin: &str) -> Outcome {
    let output = kubectl(cluster, arguments, stdin).await;
    let (warnings, rest) = split_warnings(&output.stderr);
    let answer = match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap_or_default()),
        false => Err(rest),
    };
    Outcome { answer, warnings, status: None }
}

/// kubectl writes a line `Warning: text` for each; the rest is what it says itself.
fn split_warnings(stderr: &[u8]) -> (Vec<String>, String) {
    let text = String::from_utf8_lossy(stderr);
    let mut warnings = Vec::new();
    let mut rest = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("Warning: ") {
            Some(warning) => warnings.push(warning.to_owned()),
            None => rest.push(line),
        }
    }
    (warnings, rest.join("\n"))
}

/// The text of a `Warning` header, `299 - "text"`, in which quotes and backslashes are escaped.
pub(crate) fn warning_text(header: &str) -> String {
    let quoted = header.splitn(3, ' ').nth(2).unwrap_or_default();
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(quoted);
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            other => text.push(other),
        }
    }
    text
}
