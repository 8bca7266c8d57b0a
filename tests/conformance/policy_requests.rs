//! The requests of the vectors of admission policies: as the server's admission saw them, and as our own canonical form has
//! what the client sent.

use std::collections::BTreeMap;

use kubernetes_objects::admit::{Mode, Options, Request as Arrival, admit_request, kind_of};
use kubernetes_objects::custom::Definitions;
use kubernetes_objects::plugins::{Plugin, Plugins, UnknownCluster};
use plimsoll::document::{Document, Limits};
use plimsoll::host::User;
use plimsoll::request::{GroupVersionKind, GroupVersionResource, Operation, Request};
use serde_json::{Value, json};

use crate::admission_policies::{MINOR, items, text};

/// Where the object of a request comes from; all the rest – who asks, options, the old object – is as it was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Object {
    /// From what was recorded of the stage.
    Recorded,
    /// From the body that the client sent, in our canonical form.
    OfBody,
    /// Likewise, with what the server alone gives an object, as it was recorded.
    OfBodyGiven,
}

/// What admission saw at a stage, or what little is known of a request that it does not see.
pub(crate) fn review(case: &Value, stage: &str, from: Object, custom: &Definitions) -> Value {
    let mut review = recorded(case, stage);
    if from == Object::Recorded {
        return review;
    }
    if let Some(Ok(mut object)) = of_body(case, custom) {
        if from == Object::OfBodyGiven {
            give(&mut object, &review["object"]);
        }
        review["object"] = object;
    }
    review
}

fn recorded(case: &Value, stage: &str) -> Value {
    let (review, request) = (&case["admission"][stage], &case["request"]);
    if review.is_null() {
        let gvk = GroupVersionKind::new(text(request, "/apiVersion"), text(request, "/kind"));
        let resource = json!({"group": gvk.group, "version": gvk.version, "resource": request["resource"]});
        return json!({
            "operation": request["operation"], "name": request["name"], "namespace": request["namespace"],
            "requestKind": {"group": gvk.group, "version": gvk.version, "kind": gvk.kind},
            "requestResource": resource, "object": request["body"], "userInfo": {"username": "admin"},
        });
    }
    let mut review = review.clone();
    unmask(&mut review, request);
    review
}

/// Puts back what a review in JSON does not show of what a policy sees.
fn unmask(review: &mut Value, request: &Value) {
    // of who comes with a certificate there is more to tell
    if review["userInfo"]["extra"] == json!({}) {
        review["userInfo"]["extra"] = json!({"authentication.kubernetes.io/credential-id": ["X509SHA256=0"]});
    }
    // reviews were recorded with dry-run requests
    if request["dryRun"] == false {
        review["dryRun"] = false.into();
        if let Some(options) = review["options"].as_object_mut() {
            options.remove("dryRun");
        }
    }
    doubles(&mut review["object"], &request["body"]);
}

/// Go writes a double that is whole without a point: what was sent tells that it is one.
fn doubles(object: &mut Value, sent: &Value) {
    match (object, sent) {
        (Value::Object(object), Value::Object(sent)) => {
            for (key, value) in object {
                if let Some(sent) = sent.get(key) {
                    doubles(value, sent);
                }
            }
        }
        (Value::Array(object), Value::Array(sent)) => {
            object.iter_mut().zip(sent).for_each(|(value, sent)| doubles(value, sent));
        }
        (Value::Number(number), Value::Number(sent)) if sent.is_f64() && number.as_f64() == sent.as_f64() => {
            *number = sent.clone();
        }
        _ => {}
    }
}

/// The documents that a review holds.
pub(crate) struct Documents {
    object: Option<Document<'static>>,
    old: Option<Document<'static>>,
    options: Option<Document<'static>>,
}

impl Documents {
    pub(crate) fn of(review: &Value) -> Self {
        let document = |field: &str| {
            let value = Some(&review[field]).filter(|value| !value.is_null());
            value.map(|value| Document::from_value(value).unwrap_or_else(|_| Document::null()))
        };
        Self { object: document("object"), old: document("oldObject"), options: document("options") }
    }

    pub(crate) fn request<'d>(&'d self, review: &'d Value) -> Request<'d> {
        let of = |field: &str| text(review, field);
        let user = User {
            username: of("/userInfo/username"),
            uid: of("/userInfo/uid"),
            groups: items(&review["userInfo"], "groups").filter_map(Value::as_str).collect(),
            extra: extra(&review["userInfo"]["extra"]),
        };
        Request {
            operation: Operation::ALL
                .into_iter()
                .find(|operation| operation.name() == of("/operation"))
                .unwrap_or(Operation::Create),
            kind: GroupVersionKind {
                group: of("/requestKind/group"),
                version: of("/requestKind/version"),
                kind: of("/requestKind/kind"),
            },
            resource: GroupVersionResource {
                group: of("/requestResource/group"),
                version: of("/requestResource/version"),
                resource: of("/requestResource/resource"),
            },
            subresource: of("/subResource"),
            sent_as: None,
            name: of("/name"),
            namespace: Some(of("/namespace")).filter(|namespace| !namespace.is_empty()),
            object: self.object.as_ref().map(Document::root),
            old_object: self.old.as_ref().map(Document::root),
            user: Some(user),
            dry_run: review["dryRun"] == true,
            options: self.options.as_ref().map(Document::root),
        }
    }
}

/// The object of a request, in our canonical form; `None` where the body is none of a kind that is covered: of a subresource,
/// a patch, a connection or a deletion.
///
/// # Errors
/// Why we refuse what the server took.
pub(crate) fn of_body(case: &Value, custom: &Definitions) -> Option<Result<Value, String>> {
    let request = &case["request"];
    let whole = request["body"].is_object() && request["contentType"].is_null();
    if !whole || !request["subresource"].is_null() {
        return None;
    }
    let sent = request["body"].to_string();
    let body = Document::from_json(&sent, Limits::default()).ok()?;
    let served = kind_of(body.root(), MINOR, custom).ok()?;
    let namespace = text(request, "/namespace");
    let options = Options {
        minor: MINOR,
        mode: Mode::Ignore,
        plugins: PLUGINS.into_iter().fold(Plugins::NONE, Plugins::with),
        cluster: &UnknownCluster,
        namespace: if namespace.is_empty() { "default" } else { namespace },
    };
    let old = &case["admission"]["mutating"]["oldObject"];
    let old = (!old.is_null()).then(|| Document::from_value(old).ok()).flatten();
    let arrival = Arrival { stored: old.as_ref().map(Document::root), posted: true };
    Some(match admit_request(body.root(), served, &options, arrival) {
        Ok(admitted) => Ok(serde_json::to_value(admitted.object.root()).unwrap_or_default()),
        Err(refusal) => Err(refusal.message),
    })
}

/// Those of our plugins that the recorded server had.
const PLUGINS: [Plugin; 1] = [Plugin::NamespaceLifecycle];

/// Puts what the server alone gives an object where it was recorded.
fn give(object: &mut Value, recorded: &Value) {
    for field in GIVEN {
        if let Some(given) = recorded["metadata"].get(field) {
            object["metadata"][field] = given.clone();
        }
    }
    if let Some(status) = recorded.get("status") {
        object["status"] = status.clone();
    }
    for field in ["clusterIP", "clusterIPs"] {
        if let Some(address) = recorded["spec"].get(field) {
            object["spec"][field] = address.clone();
        }
    }
}

/// What no body shows of metadata: what identifies an object, what counts its changes and says who made them.
const GIVEN: [&str; 6] =
    ["name", "uid", "creationTimestamp", "generation", "resourceVersion", "managedFields"];

fn extra(extra: &Value) -> BTreeMap<&str, Vec<&str>> {
    let mut members = BTreeMap::new();
    for (key, all) in extra.as_object().into_iter().flatten() {
        members
            .insert(key.as_str(), all.as_array().into_iter().flatten().filter_map(Value::as_str).collect());
    }
    members
}
