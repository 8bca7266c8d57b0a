//! A case put to our engine: what the API server makes of the object, then its mutating policies, then its validating ones.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use plimsoll::admission_policy::answer::{Answer, Denied};
use plimsoll::admission_policy::apply::apply;
use plimsoll::admission_policy::dispatch::{Asked, dispatch};
use plimsoll::admission_policy::kinds::{Kinds, Named, Serving};
use plimsoll::admission_policy::written::{Written, read};
use plimsoll::admission_policy::{Body, Hook};
use plimsoll::api::Scope;
use plimsoll::cel::library::authorizer::{Decision, Question};
use plimsoll::cel::profile::Profile;
use plimsoll::document::{Document, NodeRef};
use plimsoll::host::objects::OwnedHost;
use plimsoll::host::{Host, HostObject, Listing, Lookup, ObjectKey, User, rbac};
use plimsoll::objects::admit::{Mode, Options, Request as Arrival, admit_request, kind_of};
use plimsoll::objects::custom::Definitions;
use plimsoll::objects::plugins::{Plugins, UnknownCluster};
use plimsoll::request::{GroupVersionKind, GroupVersionResource, Operation, Request};
use serde_json::{Value, json};

use crate::cases::{Case, PolicyFile, text};

/// The release whose answers the cases hold.
const MINOR: u8 = 36;

/// A cluster with the policies of one file.
pub(crate) struct Engine {
    kinds: Kinds,
    custom: Definitions,
    host: Cluster,
    validating: Vec<Hook>,
    mutating: Vec<Hook>,
}

/// What comes back.
pub(crate) struct Answered {
    pub(crate) denied: Option<Denied>,
    pub(crate) warnings: Vec<String>,
    pub(crate) audit: BTreeMap<String, String>,
    /// As it would be stored.
    pub(crate) object: Value,
}

struct Cluster(OwnedHost);

impl Host for Cluster {
    fn get(&self, key: ObjectKey<'_>) -> Lookup<HostObject<'_>> {
        self.0.get(key)
    }

    fn list(&self, group: &str, kind: &str, namespace: Option<&str>) -> Lookup<Listing<'_>> {
        self.0.list(group, kind, namespace)
    }

    fn authorize(&self, user: &User<'_>, question: &Question, _: Option<Instant>) -> Lookup<Decision> {
        rbac::authorize(self, user, question)
    }
}

fn document(value: &Value) -> Document<'static> {
    Document::from_value(value).unwrap()
}

impl Engine {
    pub(crate) fn of(file: &PolicyFile) -> Self {
        let (mut kinds, mut custom) = (Kinds::new(u32::from(MINOR), true), Definitions::new());
        for given in &file.given {
            custom.add(document(given).root());
            if given["kind"] == "CustomResourceDefinition" {
                kinds.define(document(given).root());
            }
        }
        let mut host = OwnedHost::new(true);
        for given in &file.given {
            let (kind, namespace, name) =
                (text(given, "/kind"), text(given, "/metadata/namespace"), text(given, "/metadata/name"));
            let group = text(given, "/apiVersion")
                .split_once('/')
                .map_or(String::new(), |(group, _)| group.to_owned());
            let key = ObjectKey { group: &group, kind: &kind, namespace: &namespace, name: &name };
            host.put(key, canonical(given, None, &custom));
        }
        let [mut validating, mut mutating] = [(Vec::new(), Vec::new()), (Vec::new(), Vec::new())];
        for object in &file.policies {
            match read(canonical(object, None, &custom).root(), Profile::V1_36).unwrap() {
                Written::Policy(policy) if matches!(policy.body, Body::Mutating { .. }) => {
                    mutating.0.push(Arc::new(policy))
                }
                Written::Policy(policy) => validating.0.push(Arc::new(policy)),
                Written::MutatingBinding(binding) => mutating.1.push(Arc::new(binding)),
                Written::ValidatingBinding(binding) => validating.1.push(Arc::new(binding)),
            }
        }
        let join = |(policies, bindings)| Hook::join(policies, bindings);
        Self { kinds, custom, host: Cluster(host), validating: join(validating), mutating: join(mutating) }
    }

    /// What there is of the target of a case.
    fn stored(&self, case: &Case) -> Option<Document<'static>> {
        let (target, (group, _)) = (&case.target, case.target.group_version());
        let key = ObjectKey { group, kind: &target.kind, namespace: &target.namespace, name: &target.name };
        let Lookup::Known(found) = self.host.get(key) else { return None };
        let whole = serde_json::to_value(found.root).unwrap();
        Some(match target.subresource.as_str() {
            "scale" => document(&json!({
                "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": target.name, "namespace": target.namespace},
                "spec": {"replicas": whole["spec"]["replicas"]},
            })),
            _ => document(&whole),
        })
    }

    pub(crate) fn answer(&self, case: &Case) -> Answered {
        let target = &case.target;
        let (group, version) = target.group_version();
        let changes = matches!(case.operation, Operation::Update | Operation::Delete);
        let old = if changes { self.stored(case) } else { None };
        let object = (case.operation != Operation::Delete)
            .then(|| canonical(&case.object, old.as_ref().map(Document::root), &self.custom));
        let (sent_as, kind) = (text(&case.object, "/apiVersion"), text(&case.object, "/kind"));
        let (sent_group, sent_version) = sent_as.split_once('/').unwrap_or(("", &sent_as));
        let user = match &case.user {
            None => {
                User { username: "admin", uid: "", groups: vec!["system:masters"], extra: BTreeMap::new() }
            }
            Some(user) => User {
                username: &user.username,
                uid: "",
                groups: user.groups.iter().map(String::as_str).collect(),
                extra: user
                    .extra
                    .iter()
                    .map(|(k, v)| (k.as_str(), v.iter().map(String::as_str).collect()))
                    .collect(),
            },
        };
        let namespaced = self.kinds.serving(&Named::new(group, version, &target.kind))
            == Serving::Served(Scope::Namespaced);
        let request = Request {
            operation: case.operation,
            kind: GroupVersionKind { group: sent_group, version: sent_version, kind: &kind },
            resource: GroupVersionResource { group, version, resource: target.resource() },
            subresource: &target.subresource,
            sent_as: None,
            name: &target.name,
            namespace: namespaced.then_some(target.namespace.as_str()),
            object: object.as_ref().map(Document::root),
            old_object: old.as_ref().map(Document::root),
            user: Some(user),
            dry_run: true,
            options: None,
        };
        let asked = Asked { request: &request, kinds: &self.kinds, host: &self.host, deadline: None };
        let mutated = apply(&self.mutating, asked, &self.custom);
        let object = mutated.object.as_ref().map(Document::root).or(request.object);
        let stored = object.map(|object| serde_json::to_value(object).unwrap()).unwrap_or_default();
        if let Some(denied) = mutated.denied() {
            return Answered {
                denied: Some(denied),
                warnings: Vec::new(),
                audit: BTreeMap::new(),
                object: stored,
            };
        }
        let request = object.map_or_else(|| request.clone(), |object| request.with_object(object));
        let asked = Asked { request: &request, ..asked };
        let Answer { denied, warnings, annotations } =
            Answer::of(&dispatch(&self.validating, asked), &request);
        Answered { denied, warnings, audit: annotations, object: stored }
    }
}

/// As the server has it before its policies; what is only sent to a subresource, as it is.
fn canonical(object: &Value, stored: Option<NodeRef<'_>>, custom: &Definitions) -> Document<'static> {
    let written = document(object);
    let options = Options {
        minor: MINOR,
        mode: Mode::Strict,
        plugins: Plugins::default(),
        cluster: &UnknownCluster,
        namespace: "default",
    };
    let Ok(served) = kind_of(written.root(), MINOR, custom) else { return document(object) };
    let arrival = Arrival { stored, posted: true };
    match admit_request(written.root(), served, &options, arrival) {
        Ok(admitted) => document(&serde_json::to_value(admitted.object.root()).unwrap()),
        Err(refusal) => panic!("{}: {object}", refusal.message),
    }
}
