//! The entries of our webhook configurations: what the API server does not ask about, and what it does without answer.

use serde_json::{Value, json};

use crate::cluster::rules::Half;
use crate::matching;
use crate::policy::FailurePolicy;
use crate::review::Endpoint;

use super::NAME;
use super::access::LOOKUPS;

/// What entries are made of. `install` writes them, and replicas compare what is registered with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entries {
    /// The own namespace.
    pub namespace: String,
    /// Namespaces that are not judged, beside the own.
    pub exempt: Vec<String>,
    /// Whether nothing fails closed.
    pub fail_open: bool,
}

impl Entries {
    /// An entry of a configuration, without `rules` and `caBundle`: the webhook fills them in once it serves, so
    /// that nothing is asked of it before.
    #[must_use]
    pub fn entry(&self, half: Half) -> Value {
        let mut exempt = vec![self.namespace.as_str()];
        exempt.extend(self.exempt.iter().map(String::as_str));
        let mut entry = json!({
            "name": half.name(),
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"service": {
                "name": NAME, "namespace": self.namespace, "path": half.path(), "port": 443,
            }},
            "failurePolicy": if self.closed(half) { "Fail" } else { "Ignore" },
            "matchConditions": conditions(half),
            "matchPolicy": "Equivalent",
            "namespaceSelector": {"matchExpressions": [
                {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": exempt},
            ]},
            "sideEffects": "None",
            "timeoutSeconds": 5,
        });
        if half.stage == Endpoint::Mutate {
            // what others inject later is rewritten, too
            entry["reinvocationPolicy"] = json!("IfNeeded");
        }
        entry
    }

    fn closed(&self, half: Half) -> bool {
        half.failure_policy == FailurePolicy::Fail && !self.fail_open
    }
}

/// The API server itself: it authenticates to itself by a token that is known to nobody else, as this user
/// (`apiserver/pkg/server/config.go`, `AuthorizeClientBearerToken`). What it makes when it starts, bootstrap roles
/// among it, must not wait for a webhook that it cannot reach yet.
const API_SERVER: &str =
    "!(has(request.userInfo.username) && request.userInfo.username == 'system:apiserver')";

/// What nodes write, as the node authorizer and `NodeRestriction` let them: their own statuses, Leases, Events,
/// requests for certificates and tokens, and mirror Pods. A Pod that is no mirror is judged, whoever makes it.
const NODES: &str = "!(has(request.userInfo.groups) && 'system:nodes' in request.userInfo.groups && \
    (request.resource.resource in ['nodes', 'leases', 'events', 'csinodes', 'volumeattachments', 'resourceslices', \
    'certificatesigningrequests', 'podcertificaterequests'] \
    || has(request.subResource) && request.subResource in ['status', 'token'] \
    || request.resource.resource == 'pods' && !has(request.subResource) && (request.operation == 'DELETE' \
    || object != null && has(object.metadata.annotations) \
    && 'kubernetes.io/config.mirror' in object.metadata.annotations)))";

/// What must be true for the API server to call. An expression that cannot be evaluated would deny, so each asks for
/// what may be absent before it reads it.
fn conditions(half: Half) -> Value {
    let rbac = format!("request.resource.group == '{}'", matching::RBAC);
    let own = format!("!({rbac} && has(request.name) && request.name in ['{NAME}', '{LOOKUPS}'])");
    let mut conditions = vec![
        json!({"name": "not-the-api-server", "expression": API_SERVER}),
        json!({"name": "not-what-nodes-write", "expression": NODES}),
        json!({"name": "not-our-own-roles", "expression": own}),
    ];
    if half.failure_policy == FailurePolicy::Fail {
        conditions.push(json!({"name": "not-bootstrap-roles", "expression": not_bootstrap(&rbac)}));
    }
    conditions.into()
}

/// As [`matching::is_bootstrap`]: these are asked about at the entry that fails open.
fn not_bootstrap(rbac: &str) -> String {
    let (key, value) = matching::BOOTSTRAP;
    let names = matching::BOOTSTRAP_NAMES.map(|name| format!("'{name}'")).join(", ");
    let labelled = |object: &str| {
        format!(
            "{object} != null && has({object}.metadata.labels) && '{key}' in {object}.metadata.labels \
             && {object}.metadata.labels['{key}'] == '{value}'"
        )
    };
    format!(
        "!({rbac} && has(request.name) && (request.name.startsWith('system:') || request.name in [{names}]) \
         && ({} || {}))",
        labelled("object"),
        labelled("oldObject")
    )
}
