//! What expressions see of a request: variables, in the server's shapes (k8s.io/apiserver `pkg/admission/plugin/cel`,
//! `condition.go`, CreateAdmissionRequest and CreateNamespaceObject; `activation.go`).

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value as Json, json};

use crate::cel::activation::{Activation, Binding, Functions};
use crate::cel::checker::OverloadId;
use crate::cel::error::{Eval, EvalError, Unknown};
use crate::cel::library::authorizer::{Decision, Question, ResourceCheck, Subject};
use crate::cel::value::{Authorization, Opaque, Value};
use crate::document::{Builder, Document, LimitError, NodeRef};
use crate::host::{AUTHORIZER, Host, Lookup, ObjectKey, User};
use crate::request::envelope::{Envelope, extra, text_unless_empty, texts};
use crate::request::{GroupVersionKind, GroupVersionResource, Request};

use super::MadeFor;
use super::kinds::Named;

/// The kind and resource that the client asked for, whatever a webhook was sent instead.
#[must_use]
pub fn original<'a>(request: &Request<'a>) -> (GroupVersionKind<'a>, GroupVersionResource<'a>) {
    match request.sent_as {
        Some(sent) => (sent.kind, sent.resource),
        None => (request.kind, request.resource),
    }
}

/// The objects of a request in the version that a policy asked for.
#[derive(Debug, Clone, Copy)]
pub struct Objects<'d> {
    /// `object`
    pub object: Option<NodeRef<'d>>,
    /// `oldObject`
    pub old: Option<NodeRef<'d>>,
}

/// The documents that stand for one request as one policy matched it.
#[derive(Debug)]
pub struct Made {
    /// `request`, as validations see it.
    pub matched: Document<'static>,
    /// `request`, as match conditions see it: with the resource that was asked for.
    pub asked: Document<'static>,
    /// `namespaceObject`
    pub namespace: Namespace,
}

/// What is known of the Namespace of a request.
#[derive(Debug)]
pub enum Namespace {
    /// There is none: of what is in no namespace, and of Namespaces.
    None,
    /// As it is stored; what the server alone gives it is not known where it was not there.
    Known(Document<'static>),
    /// What would have to be known.
    Unknown(String),
}

impl Made {
    /// Those that are read; the others are null.
    ///
    /// # Errors
    /// When the request is for something in a namespace that is not there, whether that is read or not.
    pub fn new(
        request: &Request<'_>,
        resource: &Named,
        kind: &Named,
        host: &dyn Host,
        reads: MadeFor,
    ) -> Result<Self, String> {
        let (_, asked) = original(request);
        let asked = Named::new(asked.group, asked.version, asked.resource);
        let envelope_of = |resource: &Named| match reads.request {
            true => envelope(request, resource, kind),
            false => Document::null(),
        };
        Ok(Self {
            matched: envelope_of(resource),
            asked: envelope_of(&asked),
            namespace: namespace(request, host, reads.namespace)?,
        })
    }
}

fn document(value: &Json) -> Document<'static> {
    // as deep as what it was made of, which was read within the same limits
    Document::from_value(value).unwrap_or_else(|_| Document::null())
}

/// `request`, for a policy that matched it as this resource and kind.
fn envelope(request: &Request<'_>, resource: &Named, kind: &Named) -> Document<'static> {
    let (request_kind, request_resource) = original(request);
    let (Named { group, version, name }, of) = (kind, resource);
    let envelope = Envelope {
        kind: GroupVersionKind { group, version, kind: name },
        resource: GroupVersionResource { group: &of.group, version: &of.version, resource: &of.name },
        request_kind,
        request_resource,
        request_subresource: request.subresource,
        namespace: request.namespace_name().unwrap_or_default(),
        options: request.options.filter(|options| !options.is_null()),
    };
    // as deep as what it was made of, which was read within the same limits
    envelope.document(request, |to| user_info(to, request.user.as_ref())).unwrap_or_else(|_| Document::null())
}

fn user_info(to: &mut Builder<'_>, user: Option<&User<'_>>) -> Result<(), LimitError> {
    to.key("userInfo", None)?;
    to.begin_object()?;
    if let Some(user) = user {
        extra(to, user)?;
        if !user.groups.is_empty() {
            texts(to, "groups", &user.groups)?;
        }
        text_unless_empty(to, "uid", user.uid)?;
        text_unless_empty(to, "username", user.username)?;
    }
    to.end();
    Ok(())
}

/// The fields of a Namespace's metadata that expressions are shown.
const SHOWN: [&str; 12] = [
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "finalizers",
];

/// What the server alone gives an object.
const GIVEN: [&str; 3] = ["uid", "resourceVersion", "creationTimestamp"];

fn namespace(request: &Request<'_>, host: &dyn Host, is_read: bool) -> Result<Namespace, String> {
    let (kind, _) = original(request);
    let is_namespace = (kind.group, kind.version, kind.kind) == ("", "v1", "Namespace");
    let Some(name) = request.namespace_name().filter(|_| !is_namespace) else { return Ok(Namespace::None) };
    match host.get(ObjectKey { group: "", kind: "Namespace", namespace: "", name }) {
        Lookup::Known(found) if is_read => Ok(Namespace::Known(stored(found.root, name))),
        Lookup::Known(_) => Ok(Namespace::Known(Document::null())),
        Lookup::Absent => Err(format!("namespaces \"{name}\" not found")),
        Lookup::Failed(why) => Err(why),
        Lookup::Unknown(what) => Ok(Namespace::Unknown(what)),
    }
}

/// A Namespace with the label that the server gives each.
pub(super) fn metadata_name_label(namespace: NodeRef<'_>, name: &str) -> Document<'static> {
    let labels = labels(namespace, name);
    document(&json!({"metadata": {"labels": labels}}))
}

/// kubernetes `pkg/apis/core/v1/defaults.go`, SetDefaults_Namespace.
fn labels(namespace: NodeRef<'_>, name: &str) -> Json {
    let written = namespace.at("/metadata/labels").filter(|labels| labels.is_object());
    let mut labels =
        written.and_then(|labels| serde_json::to_value(labels).ok()).unwrap_or_else(|| json!({}));
    labels["kubernetes.io/metadata.name"] = name.into();
    labels
}

/// As it is stored, with what the server sets on creation (kubernetes `pkg/registry/core/namespace/strategy.go`).
fn stored(namespace: NodeRef<'_>, name: &str) -> Document<'static> {
    let mut metadata = json!({});
    let written = namespace.get("metadata");
    for field in SHOWN {
        let value = written.and_then(|metadata| metadata.get_present(field));
        if let Some(value) = value.filter(|value| !value.is_empty() || !is_container(*value)) {
            metadata[field] = serde_json::to_value(value).unwrap_or_default();
        }
    }
    metadata["name"] = name.into();
    metadata["labels"] = labels(namespace, name);
    let or = |pointer: &str, otherwise: Json| {
        let value = namespace.at(pointer).filter(|value| !value.is_null());
        value.and_then(|value| serde_json::to_value(value).ok()).unwrap_or(otherwise)
    };
    let mut status = or("/status", json!({}));
    if status.get("phase").is_none_or(Json::is_null) && status.is_object() {
        status["phase"] = "Active".into();
    }
    document(&json!({
        "metadata": metadata,
        "spec": {"finalizers": or("/spec/finalizers", json!(["kubernetes"]))},
        "status": status,
    }))
}

fn is_container(node: NodeRef<'_>) -> bool {
    node.is_object() || node.is_array()
}

/// Which variables there are beside the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpressionRole {
    /// Match conditions: the resource that was asked for, and no Namespace.
    Conditions,
    /// Validations and mutations.
    Rules,
    /// Messages and audit annotations: nobody to authorize.
    Words,
}

/// What one policy is evaluated over.
pub struct Input<'d> {
    /// The request.
    pub request: &'d Request<'d>,
    /// Its objects.
    pub objects: Objects<'d>,
    /// The documents that stand for it.
    pub made: &'d Made,
    /// What answers questions of authorization.
    pub functions: &'d Authorizer<'d>,
}

impl<'d> Input<'d> {
    /// The variables of a stage.
    #[must_use]
    pub fn activation(&self, stage: ExpressionRole, params: Option<NodeRef<'d>>) -> Activation<'d, 'd> {
        let or_null = |node: Option<NodeRef<'d>>| Binding::Value(node.map_or(Value::Null, Value::Node));
        let mut activation = Activation::with_functions(self.functions);
        let envelope = match stage {
            ExpressionRole::Conditions => &self.made.asked,
            ExpressionRole::Rules | ExpressionRole::Words => &self.made.matched,
        };
        activation.extend([
            ("object", or_null(self.objects.object)),
            ("oldObject", or_null(self.objects.old)),
            ("params", or_null(params)),
            ("request", self.request_of(envelope)),
            ("namespaceObject", self.namespace(stage)),
        ]);
        if stage != ExpressionRole::Words {
            let subject = Subject::default();
            activation.extend([
                ("authorizer", self.authorizer(Authorization::Authorizer(subject))),
                ("authorizer.requestResource", self.authorizer(self.requested())),
            ]);
        }
        activation
    }

    fn request_of(&self, envelope: &'d Document<'static>) -> Binding<'d> {
        let value = Value::Node(envelope.root());
        match self.request.user {
            Some(_) => Binding::Value(value),
            None => Binding::Partial { value, unknown: [vec!["userInfo".to_owned()]].into() },
        }
    }

    fn namespace(&self, stage: ExpressionRole) -> Binding<'d> {
        match &self.made.namespace {
            _ if stage == ExpressionRole::Conditions => Binding::Value(Value::Null),
            Namespace::None => Binding::Value(Value::Null),
            Namespace::Unknown(what) => Binding::Unknown(what.as_str().into()),
            Namespace::Known(document) => {
                let value = Value::Node(document.root());
                let lacks =
                    |field: &&str| document.root().at("/metadata").and_then(|m| m.get(field)).is_none();
                let path = |field: &str| vec!["metadata".to_owned(), field.to_owned()];
                let unknown: Arc<[Vec<String>]> = GIVEN.iter().copied().filter(lacks).map(path).collect();
                match unknown.is_empty() {
                    true => Binding::Value(value),
                    false => Binding::Partial { value, unknown },
                }
            }
        }
    }

    fn authorizer(&self, start: Authorization) -> Binding<'d> {
        match self.request.user {
            Some(_) => Binding::Value(Value::opaque(Opaque::Authorization(start))),
            None => Binding::Unknown(AUTHORIZER.into()),
        }
    }

    /// `pkg/cel/library/authz.go`, NewResourceAuthorizerVal.
    fn requested(&self) -> Authorization {
        let (_, resource) = original(self.request);
        Authorization::Resource(Box::new(ResourceCheck {
            group: resource.group.to_owned(),
            resource: resource.resource.to_owned(),
            subresource: self.request.subresource.to_owned(),
            namespace: self.request.namespace_name().unwrap_or_default().to_owned(),
            name: self.request.name.to_owned(),
            ..ResourceCheck::default()
        }))
    }
}

/// Puts questions of authorization to a host.
pub struct Authorizer<'d> {
    /// Who asks.
    pub user: Option<&'d User<'d>>,
    /// Who answers.
    pub host: &'d dyn Host,
    /// Until when.
    pub deadline: Option<Instant>,
}

impl<'d> Functions<'d> for Authorizer<'d> {
    fn call(&self, overload: OverloadId, _: &[Value<'d>]) -> Eval<Value<'d>> {
        Err(EvalError::NoOverloadOf(overload.to_owned()).into())
    }

    fn authorize(&self, question: &Question) -> Eval<Decision> {
        let Some(user) = self.user else { return Err(Unknown::one(AUTHORIZER).into()) };
        match self.host.authorize(user, question, self.deadline) {
            Lookup::Known(decision) => Ok(decision),
            Lookup::Absent => Ok(Decision::default()),
            Lookup::Unknown(what) => Err(Unknown::one(what).into()),
            Lookup::Failed(why) => Err(EvalError::Library(why).into()),
        }
    }
}
