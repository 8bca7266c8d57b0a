//! What expressions see of a request: variables, made when a policy reads them, and functions of ours.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Instant;

use crate::cel::activation::{Activation, Binding, Functions};
use crate::cel::checker::OverloadId;
use crate::cel::error::{Eval, EvalError, Unknown};
use crate::cel::library::authorizer::{Decision, Question, ResourceCheck, Subject};
use crate::cel::value::{Authorization, List, Map, Opaque, Value};
use crate::document::{Document, NodeRef};
use crate::host::{By, Forms, Host, HostObject, Listing, Lookup, ObjectKey};
use crate::policy::Reads;
use crate::policy::expression::overload;
use crate::request::Request;
use crate::resource::image::ImageRef;
use crate::resource::selector::LabelSelector;
use crate::resource::workload::{PodTemplate, TemplatePaths};

use super::envelope::envelope;
use super::subject::PolicyContext;
use super::values::to_document;
use crate::request::User;

/// What is the same for all policies of one request; documents that expressions need are made once.
pub(crate) struct Facts<'r> {
    request: &'r Request<'r>,
    host: &'r dyn Host,
    templates: &'r TemplatePaths,
    /// Where the Pod template is, if there is one; of several, one.
    pods: Option<PodTemplate<'r>>,
    /// The same over the other Pod templates, each by itself.
    further: Vec<Self>,
    /// `allContainers`
    containers: Value<'r>,
    envelope: OnceLock<Document<'static>>,
}

/// Named once, for every policy of every request.
static AUTHORIZER: LazyLock<Arc<str>> = LazyLock::new(|| crate::host::AUTHORIZER.into());

impl<'r> Facts<'r> {
    pub(crate) fn new(request: &'r Request<'r>, host: &'r dyn Host, templates: &'r TemplatePaths) -> Self {
        let kind = request.kind;
        let all = request
            .subject()
            .map(|object| PodTemplate::all(object, kind.group, kind.version, kind.kind, templates));
        let mut all = all.into_iter().flatten();
        let first = Self::over(request, host, templates, all.next());
        Self { further: all.map(|pods| Self::over(request, host, templates, Some(pods))).collect(), ..first }
    }

    fn over(
        request: &'r Request<'r>,
        host: &'r dyn Host,
        templates: &'r TemplatePaths,
        pods: Option<PodTemplate<'r>>,
    ) -> Self {
        let containers = pods.iter().flat_map(PodTemplate::containers).map(|c| Value::Node(c.node));
        Self {
            request,
            host,
            templates,
            pods,
            further: Vec::new(),
            containers: list(containers.collect()),
            envelope: OnceLock::new(),
        }
    }

    /// Over each Pod template of the object behind the first: rules about Pods are run for every one of them.
    pub(crate) fn further(&self) -> &[Self] {
        &self.further
    }

    pub(crate) fn request(&self) -> &'r Request<'r> {
        self.request
    }

    pub(crate) fn host(&self) -> &'r dyn Host {
        self.host
    }

    pub(crate) fn templates(&self) -> &'r TemplatePaths {
        self.templates
    }

    pub(crate) fn pods(&self) -> Option<PodTemplate<'r>> {
        self.pods
    }

    /// The variables of a policy over an object, as far as it reads them.
    pub(crate) fn bind<'d>(
        &'d self,
        activation: &mut Activation<'_, 'd>,
        reads: Reads,
        parameters: NodeRef<'d>,
    ) {
        let Reads { request, namespace_object, all_containers, pods: _, authorizer } = reads;
        let or_null = |node: Option<NodeRef<'d>>| Binding::Value(node.map_or(Value::Null, Value::Node));
        activation.extend([
            ("object", or_null(self.request.object)),
            ("oldObject", or_null(self.request.old_object)),
            ("params", or_null(Some(parameters))),
            ("podSpec", or_null(self.pods.map(|p| p.spec))),
            ("podMetadata", or_null(self.pods.and_then(|p| p.metadata))),
        ]);
        if authorizer {
            activation.extend([
                ("authorizer", self.authorizer(|| Authorization::Authorizer(Subject::default()))),
                ("authorizer.requestResource", self.authorizer(|| self.request_resource())),
            ]);
        }
        if all_containers {
            activation.extend([("allContainers", Binding::Value(self.containers.clone()))]);
        }
        if request {
            activation.extend([("request", self.envelope())]);
        }
        if namespace_object {
            activation.extend([("namespaceObject", self.namespace())]);
        }
    }

    /// Unknown where nobody knows who asks; else each question is put to the host.
    fn authorizer<'d>(&'d self, start: impl FnOnce() -> Authorization) -> Binding<'d> {
        match self.request.user {
            Some(_) => Binding::Value(Value::opaque(Opaque::Authorization(start()))),
            None => Binding::Unknown(Arc::clone(&AUTHORIZER)),
        }
    }

    /// What is asked about itself (apiserver `pkg/cel/library/authz.go`, `NewResourceAuthorizerVal`).
    fn request_resource(&self) -> Authorization {
        let Request { resource, subresource, namespace, name, .. } = self.request;
        Authorization::Resource(Box::new(ResourceCheck {
            group: resource.group.to_owned(),
            resource: resource.resource.to_owned(),
            subresource: (*subresource).to_owned(),
            namespace: namespace.unwrap_or_default().to_owned(),
            name: (*name).to_owned(),
            ..ResourceCheck::default()
        }))
    }

    /// The request in the API server's words; who asks is unknown where nobody said.
    fn envelope(&self) -> Binding<'_> {
        let document =
            self.envelope.get_or_init(|| envelope(self.request).unwrap_or_else(|_| Document::null()));
        let value = Value::Node(document.root());
        if self.request.user.is_some() {
            Binding::Value(value)
        } else {
            Binding::Partial { value, unknown: [vec!["userInfo".to_owned()]].into() }
        }
    }

    /// Null for what is in no namespace, Namespaces included, as the API server has it.
    fn namespace(&self) -> Binding<'_> {
        let Some(name) = self.request.namespace.filter(|n| !n.is_empty() && !self.request.is_namespace())
        else {
            return Binding::Value(Value::Null);
        };
        match self.host.get(ObjectKey { group: "", kind: "Namespace", namespace: "", name }) {
            Lookup::Known(namespace) => Binding::Value(Value::Node(namespace.root)),
            Lookup::Absent => Binding::Value(Value::Null),
            Lookup::Unknown(what) | Lookup::Failed(what) => Binding::Unknown(what.into()),
        }
    }
}

/// The functions of ours.
pub(crate) struct Lookups<'d> {
    pub(crate) host: &'d dyn Host,
    /// The only namespace that a namespaced policy may look into.
    pub(crate) own_namespace: Option<&'d str>,
    /// Who asks; nobody knows offline.
    user: Option<&'d User<'d>>,
    deadline: Option<Instant>,
    /// Which of several objects that are equally near a look-up gives, and the most that one had to choose from.
    choice: AtomicUsize,
    most: AtomicUsize,
}

/// So many forms of one object are tried.
const ALTERNATIVES: usize = 16;

impl<'d> Functions<'d> for Lookups<'d> {
    fn call(&self, overload: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
        let text = |index: usize| arguments.get(index).and_then(Value::as_str).unwrap_or_default();
        match overload {
            overload::GET => self.get(text(0), text(1), text(2), text(3)),
            overload::KNOWN => self.known(text(0), text(1), text(2), text(3)),
            overload::LIST => self.list(text(0), text(1), text(2), None),
            overload::LIST_SELECTED => {
                let selector = selector(arguments.get(3))?;
                self.list(text(0), text(1), text(2), Some(&selector))
            }
            overload::IMAGE => image(text(0)),
            overload::SELECTOR => {
                // the API server refuses an object that holds such a selector: it selects nothing, and the policy is
                // not at fault
                let selector = match selector(arguments.first()) {
                    Err(_) if arguments.first().is_some_and(is_of_a_document) => {
                        return Ok(Value::Bool(false));
                    }
                    selector => selector?,
                };
                let labels = with_node(arguments.get(1), |node| selector.matches(Some(node)))?;
                Ok(Value::Bool(labels))
            }
            other => Err(EvalError::NoOverloadOf(other.to_owned()).into()),
        }
    }

    fn authorize(&self, question: &Question) -> Eval<Decision> {
        let Some(user) = self.user else { return Err(Unknown::one(crate::host::AUTHORIZER).into()) };
        match self.host.authorize(user, question, self.deadline) {
            Lookup::Known(decision) => Ok(decision),
            Lookup::Absent => Ok(Decision::default()),
            Lookup::Unknown(what) => Err(Unknown::one(what).into()),
            Lookup::Failed(why) => Err(failed(why)),
        }
    }
}

impl<'d> Lookups<'d> {
    /// What a policy over a request may ask.
    pub(crate) fn of(subject: &PolicyContext<'d>) -> Self {
        Self {
            host: subject.host,
            own_namespace: subject.policy.matches.own_namespace(),
            user: subject.request.user.as_ref(),
            deadline: subject.budget.deadline,
            choice: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        }
    }

    /// What an expression may ask that is of no policy.
    pub(crate) fn alone(host: &'d dyn Host) -> Self {
        let (choice, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { host, own_namespace: None, user: None, deadline: None, choice, most }
    }

    /// The most forms that an object had which was looked up; a variable of the policy looks up once for all elements.
    pub(crate) fn forms(&self) -> usize {
        self.most.load(Relaxed)
    }

    /// From now on look-ups give the form of this number, or the last one.
    pub(crate) fn choose(&self, choice: usize) {
        self.choice.store(choice, Relaxed);
    }

    fn allowed(&self, namespace: &str) -> Eval<()> {
        match self.own_namespace {
            Some(own) if own != namespace => {
                Err(failed(format!("a policy of namespace {own} cannot look into {namespace:?}")))
            }
            _ => Ok(()),
        }
    }

    fn get(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Eval<Value<'d>> {
        self.allowed(namespace)?;
        let group = group_of(api_version);
        match self.host.alternatives(ObjectKey { group, kind, namespace, name }, ALTERNATIVES) {
            Lookup::Known(forms) => {
                self.most.fetch_max(forms.len(), Relaxed);
                let chosen = self.choice.load(Relaxed).min(forms.len().saturating_sub(1));
                forms.get(chosen).map_or(Ok(Value::Null), |object| visible(*object, group, kind))
            }
            Lookup::Absent => Ok(Value::Null),
            Lookup::Unknown(what) => Err(Unknown::one(what).into()),
            Lookup::Failed(why) => Err(failed(why)),
        }
    }

    /// Whether an object is known to be there: what may be, and is not seen, is false rather than unknown.
    fn known(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Eval<Value<'d>> {
        self.allowed(namespace)?;
        let key = ObjectKey { group: group_of(api_version), kind, namespace, name };
        Ok(Value::Bool(matches!(self.host.get(key), Lookup::Known(_))))
    }

    fn list(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        selector: Option<&LabelSelector>,
    ) -> Eval<Value<'d>> {
        self.allowed(namespace)?;
        let group = group_of(api_version);
        let within = (!namespace.is_empty()).then_some(namespace);
        let pairs: Vec<_> = selector.into_iter().flat_map(LabelSelector::required_pairs).collect();
        let forms = Forms { number: self.choice.load(Relaxed), most: ALTERNATIVES };
        let found = self.host.forms_by(group, kind, within, By::Labels(&pairs), forms);
        let Listing { objects, complete } = match found {
            Lookup::Known((listing, forms)) => {
                self.most.fetch_max(forms, Relaxed);
                listing
            }
            Lookup::Absent => Listing { objects: Vec::new(), complete: true },
            Lookup::Unknown(what) => return Err(Unknown::one(what).into()),
            Lookup::Failed(why) => return Err(failed(why)),
        };
        if !complete {
            let what = if namespace.is_empty() {
                format!("all {kind} objects")
            } else {
                format!("all {kind} objects of namespace {namespace}")
            };
            return Err(Unknown::one(what).into());
        }
        let selected = |o: &HostObject<'_>| selector.is_none_or(|s| s.matches(o.root.at("/metadata/labels")));
        let values: Eval<Vec<_>> =
            objects.into_iter().filter(selected).map(|object| visible(object, group, kind)).collect();
        Ok(list(values?))
    }
}

fn failed(why: impl std::fmt::Display) -> crate::cel::error::Fault {
    EvalError::library(why).into()
}

fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

fn list<'d>(items: Vec<Value<'d>>) -> Value<'d> {
    List::new(items).map_or(Value::Null, |list| Value::List(Arc::new(list)))
}

/// An object as policies may see it: of a Secret the metadata and the names of its keys.
fn visible<'d>(object: HostObject<'d>, group: &str, kind: &str) -> Eval<Value<'d>> {
    if !group.is_empty() || kind != "Secret" {
        return Ok(Value::Node(object.root));
    }
    let mut secret = Map::default();
    for (key, value) in object.root.members() {
        let shown = match key {
            "metadata" => without_last_applied(value)?,
            "data" | "stringData" => keys_only(value)?,
            _ => Value::Node(value),
        };
        secret.insert(Value::Str(key), shown).map_err(EvalError::from)?;
    }
    Ok(Value::Map(Arc::new(secret)))
}

fn keys_only<'d>(data: NodeRef<'d>) -> Eval<Value<'d>> {
    let mut keys = Map::default();
    for (key, _) in data.members() {
        keys.insert(Value::Str(key), Value::Str("")).map_err(EvalError::from)?;
    }
    Ok(Value::Map(Arc::new(keys)))
}

/// kubectl keeps a copy of the whole object in this annotation.
fn without_last_applied<'d>(metadata: NodeRef<'d>) -> Eval<Value<'d>> {
    let mut shown = Map::default();
    for (key, value) in metadata.members() {
        let value = if key == "annotations" {
            let mut annotations = Map::default();
            for (key, value) in
                value.members().filter(|(key, _)| *key != "kubectl.kubernetes.io/last-applied-configuration")
            {
                annotations.insert(Value::Str(key), Value::Node(value)).map_err(EvalError::from)?;
            }
            Value::Map(Arc::new(annotations))
        } else {
            Value::Node(value)
        };
        shown.insert(Value::Str(key), value).map_err(EvalError::from)?;
    }
    Ok(Value::Map(Arc::new(shown)))
}

/// `{registry, repository, tag, digest}`, canonical; what is not written is empty, but for the tag `latest`.
fn image<'d>(text: &str) -> Eval<Value<'d>> {
    let image = ImageRef::parse(text)
        .map_err(|error| failed(format!("{text:?} is not an image reference: {error}")))?;
    let mut parts = Map::default();
    for (name, part) in [
        ("registry", image.domain().to_owned()),
        ("repository", image.repository().into_owned()),
        ("tag", image.tag().unwrap_or_default().to_owned()),
        ("digest", image.digest().unwrap_or_default().to_owned()),
    ] {
        parts.insert(Value::Str(name), Value::string(part)).map_err(EvalError::from)?;
    }
    Ok(Value::Map(Arc::new(parts)))
}

fn selector(value: Option<&Value<'_>>) -> Eval<LabelSelector> {
    with_node(value, LabelSelector::parse)?.map_err(|error| failed(format!("bad label selector: {error}")))
}

/// Whether a value is a part of a document, or made of one.
fn is_of_a_document(value: &Value<'_>) -> bool {
    match value {
        Value::Node(_) => true,
        Value::Map(map) => map.entries().iter().any(|(_, value)| matches!(value, Value::Node(_))),
        _ => false,
    }
}

/// Hands a value on as a node: as it is where it is one, else through a document of its own.
fn with_node<T>(value: Option<&Value<'_>>, then: impl FnOnce(NodeRef<'_>) -> T) -> Eval<T> {
    match value {
        Some(Value::Node(node)) => Ok(then(*node)),
        Some(value) => Ok(then(to_document(value).map_err(failed)?.root())),
        None => Ok(then(Document::null().root())),
    }
}
