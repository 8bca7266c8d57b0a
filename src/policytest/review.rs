//! The same question put to the webhook: an AdmissionReview as kube-apiserver would post it, first to `/mutate`,
//! then, with what came of that, to `/validate`.
//!
//! Lint and webhook share their engine; what they do not share is the way into it (JSON without places, the old
//! object in the review, another host) and out of it. Every policy test is also a test of these.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use chrono::NaiveDate;
use serde_json::{Value, json};

use super::written::TestVerdict;
use crate::admission::needs::Needs;
use crate::check::beyond;
use crate::document::{Document, NodeRef};
use crate::finding::Finding;
use crate::host::objects::OwnedHost;
use crate::manifest::Inventory;
use crate::offline::Offline;
use crate::request::Request;
use crate::resource::identity::Identity;
use crate::review::engine::{Engine, Today};
use crate::review::{self, Endpoint};
use crate::store::PolicySet;

/// Far more than any test needs.
const DEADLINE: Duration = Duration::from_secs(30);

/// What the webhook says.
#[derive(Debug, Clone, PartialEq)]
pub struct Reviewed {
    /// Its answer.
    pub verdict: TestVerdict,
    /// Why it denies, sorted.
    pub causes: Vec<String>,
    /// What it changes.
    pub patch: Vec<Value>,
}

/// The line of a denial that both sides must agree on.
#[must_use]
pub fn cause_of(finding: &Finding) -> String {
    cause(finding.code(), &finding.message, &finding.place.path)
}

/// Why something is not known is said in other words to the API server than of files.
fn cause(code: &str, message: &str, path: &str) -> String {
    let message = message.replace(beyond(true), beyond(false));
    format!("{code}: {message}, at {path}")
}

/// In an order of their own.
pub fn sorted(causes: impl Iterator<Item = String>) -> Vec<String> {
    let mut causes: Vec<String> = causes.collect();
    causes.sort();
    causes
}

/// The webhook's engine over the objects of a case.
pub struct Reviewer {
    engine: Engine,
}

/// Why a review gave nothing to compare.
#[derive(Debug, thiserror::Error)]
enum ReviewError {
    #[error("the webhook refuses the review: {0}")]
    Refused(String),
    #[error("the webhook's answer is not an AdmissionReview: {0}")]
    Answer(#[from] serde_json::Error),
    #[error("the webhook's patch is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    #[error("the webhook's patch does not apply: {0}")]
    Patch(#[from] json_patch::PatchError),
}

impl Reviewer {
    /// An engine over these policies and the objects of the inventory.
    #[must_use]
    pub fn new(
        set: &Arc<PolicySet>,
        inventory: &Inventory<'_>,
        offline: &Offline<'_>,
        complete: bool,
    ) -> Self {
        let host = mirrored(inventory, offline, complete, &Needs::of(set));
        let engine = Engine::new(Arc::clone(set), Arc::new(host));
        Self { engine: engine.on(&(Arc::new(|| NaiveDate::MIN) as Today)) }
    }

    /// Where the webhook says something else than lint.
    #[must_use]
    pub fn disagreements(
        &self,
        request: &Request<'_>,
        identity: Identity<'_>,
        lint: &Reviewed,
    ) -> Vec<String> {
        let reviewed = match self.review(request, identity) {
            Ok(reviewed) => reviewed,
            Err(error) => return vec![error.to_string()],
        };
        let mut differences = Vec::new();
        if reviewed.verdict != lint.verdict {
            let hint =
                if request.user.is_none() { " (does a policy ask who the user is? say `user`)" } else { "" };
            differences.push(format!(
                "the webhook answers {}, lint says {}{hint}",
                reviewed.verdict.name(),
                lint.verdict.name()
            ));
        } else if reviewed.causes != lint.causes {
            differences.push(format!(
                "the webhook denies for [{}], lint finds [{}]",
                reviewed.causes.join("; "),
                lint.causes.join("; ")
            ));
        }
        // a denied request has no patch
        if reviewed.verdict != TestVerdict::Deny && reviewed.patch != lint.patch {
            differences.push("the webhook makes another patch than `mutate` does".to_owned());
        }
        differences
    }

    fn review(&self, request: &Request<'_>, identity: Identity<'_>) -> Result<Reviewed, ReviewError> {
        let json = |node: Option<NodeRef<'_>>| {
            node.map_or(Ok(Value::Null), |node| serde_json::from_str::<Value>(&node.to_json()))
        };
        let (mut object, old_object) = (json(request.object)?, json(request.old_object)?);
        let first = self.ask(Endpoint::Mutate, &body(request, identity, &object, &old_object))?;
        if first.verdict == TestVerdict::Deny {
            return Ok(first);
        }
        if !first.patch.is_empty() {
            let patch: json_patch::Patch = serde_json::from_value(Value::Array(first.patch.clone()))?;
            json_patch::patch(&mut object, &patch)?;
        }
        let Reviewed { verdict, causes, patch: _ } =
            self.ask(Endpoint::Validate, &body(request, identity, &object, &old_object))?;
        Ok(Reviewed { verdict: verdict.max(first.verdict), causes, patch: first.patch })
    }

    fn ask(&self, stage: Endpoint, body: &Value) -> Result<Reviewed, ReviewError> {
        let body = serde_json::to_vec(body)?;
        let reply = review::answer(&self.engine, stage, &body, Instant::now() + DEADLINE);
        if reply.http_status != 200 {
            return Err(ReviewError::Refused(String::from_utf8_lossy(&reply.body).into_owned()));
        }
        let answer: Value = serde_json::from_slice(&reply.body)?;
        let response = &answer["response"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let patch = match response["patch"].as_str() {
            Some(encoded) => {
                serde_json::from_slice(&base64::engine::general_purpose::STANDARD.decode(encoded)?)?
            }
            None => Vec::new(),
        };
        let causes = response["status"]["details"]["causes"].as_array().into_iter().flatten();
        let causes = causes.map(|c| cause(&text(&c["reason"]), &text(&c["message"]), &text(&c["field"])));
        let warned = response["warnings"].as_array().is_some_and(|warnings| !warnings.is_empty());
        let verdict = match response["allowed"].as_bool() {
            Some(true) if warned => TestVerdict::Warn,
            Some(true) => TestVerdict::Allow,
            _ => TestVerdict::Deny,
        };
        Ok(Reviewed { verdict, causes: sorted(causes), patch })
    }
}

/// The review as kube-apiserver writes it.
fn body(request: &Request<'_>, identity: Identity<'_>, object: &Value, old_object: &Value) -> Value {
    let kind =
        json!({"group": request.kind.group, "version": request.kind.version, "kind": request.kind.kind});
    let resource = json!({
        "group": request.resource.group, "version": request.resource.version, "resource": request.resource.resource,
    });
    let user = match &request.user {
        Some(user) => json!({"username": user.username, "groups": user.groups}),
        None => json!({}),
    };
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "00000000-0000-0000-0000-000000000000",
            "kind": kind,
            "resource": resource,
            "requestKind": kind,
            "requestResource": resource,
            "name": identity.name.unwrap_or_default(),
            "namespace": request.namespace.unwrap_or_default(),
            "operation": request.operation.name(),
            "userInfo": user,
            "object": object,
            "oldObject": old_object,
            "dryRun": false,
        },
    })
}

/// The objects of a case, as the webhook has them of a cluster: without the text they were read from, and with no more
/// than policies read of them.
fn mirrored(inventory: &Inventory<'_>, offline: &Offline<'_>, complete: bool, needs: &Needs) -> OwnedHost {
    let mut host = OwnedHost::new(complete);
    for (index, manifest) in inventory.manifests().iter().enumerate() {
        let identity = offline.identity(index);
        let key = identity.key();
        let mut value = serde_json::from_str::<Value>(&inventory.object(manifest).to_json());
        if let (Ok(value), Some(need)) =
            (&mut value, needs.kinds.get(&(key.group.to_owned(), key.kind.to_owned())))
        {
            need.fields.keep(value);
        }
        let document = value.ok().and_then(|value| Document::from_value(&value).ok());
        if let (Some(_), Some(document)) = (identity.name, document) {
            host.put(key, document);
        }
    }
    host
}
