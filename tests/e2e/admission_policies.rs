//! The policies of `tests/admission_policies` on the live server: it answers each case as the case says. Our engine is held to
//! the same cases by `tests/admission_policies.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use kube::api::{DeleteParams, GroupVersionKind};
use kube::client::Body;
use plimsoll::request::Operation;
use serde_json::{Value, json};

#[path = "../admission_policies/cases.rs"]
mod cases;

use cases::{Case, Expected, PolicyFile, Target, at, text};

use crate::cluster::{Cluster, eventually};
use crate::in_force::{InForce, write};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![test("admission_policies::cases", every_case)]
}

/// All policies are in force at once, each bound to the namespaces of its cases beside what its bindings say.
async fn every_case(cluster: Arc<Cluster>) {
    if !cluster.ours() {
        eprintln!("admission_policies: SKIPPED: its policies are for our own control plane only");
        return;
    }
    let files = cases::all();
    for given in files.iter().flat_map(|file| &file.given) {
        give(&cluster, given).await;
    }
    let policies = files.iter().flat_map(narrowed).collect();
    let in_force = InForce::write(&cluster, policies).await;
    let mut misses = Vec::new();
    let mut count = 0;
    for file in &files {
        // the server learns after some time only which kinds there are that parameters may be of
        let patience = if file.policies[0]["spec"]["paramKind"].is_null() { 0 } else { 45 };
        let until = Instant::now() + Duration::from_secs(patience);
        for case in &file.cases {
            count += 1;
            let mut found = differences(&cluster, case).await;
            while !found.is_empty() && Instant::now() < until {
                tokio::time::sleep(Duration::from_millis(500)).await;
                found = differences(&cluster, case).await;
            }
            misses.extend(found.into_iter().map(|miss| format!("{}, {}: {miss}", file.name, case.name)));
        }
    }
    in_force.withdraw().await;
    for given in files.iter().flat_map(|file| &file.given).rev() {
        take_back(&cluster, given).await;
    }
    assert!(misses.is_empty(), "the server answers otherwise:\n{}", misses.join("\n"));
    eprintln!(
        "admission_policies: {count} cases of {} policies: the server answers as expected",
        files.len()
    );
}

/// Makes an object that is there before, and waits until it can be used.
async fn give(cluster: &Cluster, object: &Value) {
    write(cluster, object).await;
    match object["kind"].as_str() {
        Some("Namespace") => {
            let accounts: kube::Api<k8s_openapi::api::core::v1::ServiceAccount> =
                kube::Api::namespaced(cluster.client.clone(), &text(object, "/metadata/name"));
            eventually("its ServiceAccount", async || accounts.get_opt("default").await.unwrap()).await;
        }
        Some("CustomResourceDefinition") => {
            let version = text(object, "/spec/versions/0/name");
            let (group, kind) = (text(object, "/spec/group"), text(object, "/spec/names/kind"));
            let kind = GroupVersionKind::gvk(&group, &version, &kind);
            eventually("the kind is served", async || {
                kube::discovery::pinned_kind(&cluster.client, &kind).await.ok()
            })
            .await;
        }
        _ => {}
    }
}

/// Deletes what was given, but what goes with its namespace.
async fn take_back(cluster: &Cluster, object: &Value) {
    if !text(object, "/metadata/namespace").is_empty() {
        return;
    }
    let (version, kind) = (text(object, "/apiVersion"), text(object, "/kind"));
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    let kind = GroupVersionKind::gvk(group, version, &kind);
    let (resource, _) = kube::discovery::pinned_kind(&cluster.client, &kind).await.unwrap();
    let all: kube::Api<kube::api::DynamicObject> = kube::Api::all_with(cluster.client.clone(), &resource);
    all.delete(&text(object, "/metadata/name"), &DeleteParams::background()).await.unwrap();
}

/// The policies of a file, their bindings for the namespaces of its cases only: of several policies for the same kind each is
/// to be seen by itself.
fn narrowed(file: &PolicyFile) -> Vec<Value> {
    let namespaces = file.namespaces();
    let mut policies = file.policies.clone();
    for binding in policies.iter_mut().filter(|one| text(one, "/kind").ends_with("Binding")) {
        if !namespaces.is_empty() {
            let selector = &mut binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"];
            let here = json!({"key": "kubernetes.io/metadata.name", "operator": "In", "values": namespaces});
            match selector.as_array_mut() {
                Some(others) => others.push(here),
                None => *selector = json!([here]),
            }
        }
    }
    policies
}

/// What the server answers otherwise than a case says.
async fn differences(cluster: &Cluster, case: &Case) -> Vec<String> {
    let Expected { code, reason, message, warnings, audit, object } = &case.expect;
    let answered = ask(cluster, case).await;
    let mut all = Vec::new();
    let mut compare = |what: &str, expected: String, got: String| {
        if expected != got {
            all.push(format!("{what}: expected {expected}\n  the server {got}"));
        }
    };
    let Answered { success, body, .. } = &answered;
    // what is connected to runs nowhere
    let by_policy = !success
        && (case.operation != Operation::Connect || text(body, "/message").contains("AdmissionPolicy"));
    let told = |pointer: &str| body.pointer(pointer).filter(|_| by_policy).cloned().unwrap_or_default();
    compare("code", json!(code).to_string(), told("/code").to_string());
    compare("reason", json!(reason).to_string(), told("/reason").to_string());
    compare("message", json!(message).to_string(), told("/message").to_string());
    compare("warnings", format!("{warnings:?}"), format!("{:?}", answered.warnings));
    if let Some(got) = &answered.audit {
        compare("audit annotations", format!("{audit:?}"), format!("{got:?}"));
    }
    for (pointer, value) in object {
        compare(pointer, value.to_string(), at(body, pointer).to_string());
    }
    all
}

/// What came back.
struct Answered {
    success: bool,
    body: Value,
    /// Those of policies.
    warnings: Vec<String>,
    /// Those of policies, where there is a log of it.
    audit: Option<BTreeMap<String, String>>,
}

async fn ask(cluster: &Cluster, case: &Case) -> Answered {
    let id = cluster.unique("case");
    let mut object = case.object.clone();
    if case.operation == Operation::Update {
        // some kinds are not replaced without saying what is replaced
        let there = send(cluster, hyper::Method::GET, &path(&case.target, true), None, &[]).await;
        object["metadata"]["resourceVersion"] = there.body["metadata"]["resourceVersion"].clone();
    }
    let named = case.operation != Operation::Create;
    let mut uri = path(&case.target, named);
    let (method, body) = match case.operation {
        Operation::Create => (hyper::Method::POST, Some(&object)),
        Operation::Update => (hyper::Method::PUT, Some(&object)),
        Operation::Delete => (hyper::Method::DELETE, None),
        Operation::Connect => (hyper::Method::POST, None),
    };
    match case.operation {
        Operation::Connect => uri.push_str(&format!("?{}", query(&object))),
        _ => uri.push_str("?dryRun=All&fieldManager=e2e"),
    }
    let mut headers = vec![("Audit-ID".to_owned(), id.clone())];
    if let Some(user) = &case.user {
        headers.push(("Impersonate-User".to_owned(), user.username.clone()));
        headers.extend(user.groups.iter().map(|group| ("Impersonate-Group".to_owned(), group.clone())));
        for (key, values) in &user.extra {
            let header = format!("Impersonate-Extra-{}", key.replace('/', "%2F"));
            headers.extend(values.iter().map(|value| (header.clone(), value.clone())));
        }
    }
    let mut answered = send(cluster, method, &uri, body, &headers).await;
    // of Leases the log has nothing
    if case.operation != Operation::Connect && case.target.kind != "Lease" {
        answered.audit = audit(cluster, &id).await;
    }
    answered
}

/// The annotations that policies gave a request.
async fn audit(cluster: &Cluster, id: &str) -> Option<BTreeMap<String, String>> {
    let wanted = |event: &Value| event["auditID"] == id;
    cluster.audit(wanted)?;
    let event = eventually("the request is in the audit log", async || {
        cluster.audit(wanted).and_then(|mut events| events.pop())
    })
    .await;
    let annotations = event["annotations"].as_object().cloned().unwrap_or_default();
    let of_server = |key: &str| {
        let (owner, _) = key.split_once('/').unwrap_or_default();
        let is_kubernetes = owner.ends_with("k8s.io") || owner.ends_with("kubernetes.io");
        owner != "validation.policy.admission.k8s.io" && is_kubernetes
    };
    let of_policies = annotations.into_iter().filter(|(key, _)| !of_server(key));
    Some(of_policies.map(|(key, value)| (key, value.as_str().unwrap_or_default().to_owned())).collect())
}

/// Where a target is asked for.
fn path(target: &Target, named: bool) -> String {
    let (group, version) = target.group_version();
    let mut path =
        if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    if !target.namespace.is_empty() {
        path.push_str(&format!("/namespaces/{}", target.namespace));
    }
    path.push_str(&format!("/{}", target.resource()));
    if named {
        path.push_str(&format!("/{}", target.name));
    }
    if !target.subresource.is_empty() {
        path.push_str(&format!("/{}", target.subresource));
    }
    path
}

/// The options of a connection as they are sent.
fn query(options: &Value) -> String {
    let fields = options.as_object().unwrap().iter();
    let fields = fields.filter(|(field, _)| !matches!(field.as_str(), "apiVersion" | "kind"));
    let values = fields.flat_map(|(field, value)| {
        let all = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        let plain = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        all.into_iter().map(move |value| format!("{field}={}", plain(value)))
    });
    values.collect::<Vec<_>>().join("&")
}

async fn send(
    cluster: &Cluster,
    method: hyper::Method,
    uri: &str,
    body: Option<&Value>,
    headers: &[(String, String)],
) -> Answered {
    let mut request =
        hyper::Request::builder().method(method).uri(uri).header("Content-Type", "application/json");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    let response = cluster.client.send(request.body(Body::from(bytes)).unwrap()).await.unwrap();
    let success = response.status().is_success();
    let warnings = response.headers().get_all(hyper::header::WARNING).iter();
    let warnings = warnings.map(|value| crate::door::warning_text(value.to_str().unwrap()));
    let warnings = warnings.filter(|text| text.starts_with("Validation failed for ")).collect();
    let bytes = response.into_body().collect_bytes().map(Result::unwrap).await;
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    Answered { success, body, warnings, audit: None }
}
