//! Decisions of ValidatingAdmissionPolicies and MutatingAdmissionPolicies, as a live API server made them, from the request
//! that its admission saw. `CASE=…` narrows them down by id.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use kubernetes_objects::admit::{Mode, Options, admit, kind_of};
use kubernetes_objects::custom::Definitions;
use kubernetes_objects::plugins::{Plugins, UnknownCluster};
use plimsoll::admission_policy::answer::{Answer, Denied};
use plimsoll::admission_policy::dispatch::{Asked, dispatch};
use plimsoll::admission_policy::kinds::Kinds;
use plimsoll::admission_policy::written::{Written, read};
use plimsoll::admission_policy::{AdmissionPolicy, Binding, Body, Hook};
use plimsoll::api::Scope;
use plimsoll::cel::library::authorizer::{Decision, Question};
use plimsoll::cel::profile::Profile;
use plimsoll::document::Document;
use plimsoll::host::objects::OwnedHost;
use plimsoll::host::{Host, HostObject, Listing, Lookup, ObjectKey, User, rbac};
use plimsoll::request::GroupVersionKind;
use serde_json::{Value, json};

use crate::mutations::{carry, mutate};
use crate::policy_requests::{Documents, Object, of_body, review};
use crate::suite::{Beside, Miss, Outcome, Suite};

pub(crate) struct AdmissionPolicies;

pub(crate) const MINOR: u8 = 36;

impl Suite for AdmissionPolicies {
    fn name(&self) -> &'static str {
        "admission-policies"
    }

    fn files(&self, shared: &Path) -> Vec<PathBuf> {
        let file = |name| shared.join("vectors/admission-policies").join(name);
        ["decisions.jsonl", "policy-writes.jsonl"]
            .map(file)
            .into_iter()
            .filter(|file| file.is_file())
            .collect()
    }

    fn run(&self, file: &Path) -> Outcome {
        let lines = std::fs::read_to_string(file).unwrap_or_default();
        let wanted = std::env::var("CASE").unwrap_or_default();
        if file.ends_with("policy-writes.jsonl") {
            return crate::policy_writes::run(file, &wanted);
        }
        let mut outcome = Outcome::default();
        let mut beside = Beside::new("from request.body");
        for line in lines.lines() {
            let case: Value = serde_json::from_str(line).unwrap_or_default();
            let id = case["id"].as_str().unwrap_or_default();
            if !id.contains(&wanted) {
                continue;
            }
            let expected = expected(&case);
            let told = Told::by_us(&case, Object::Recorded);
            let agrees = expected.contains(&told);
            outcome.cases.count(agrees);
            outcome.figures.entry(area(id)).or_default().count(agrees);
            if !agrees {
                outcome.misses.push(miss(id, &expected, told.shown()));
            }
            from_body(&case, &expected, &mut beside);
        }
        outcome.beside.push(beside);
        outcome
    }
}

/// Decides a case from what the client sent, where that can be taken.
fn from_body(case: &Value, expected: &[Told], beside: &mut Beside) {
    beside.of += 1;
    let got = match of_body(case, &definitions(case)) {
        None => return,
        Some(Err(why)) => format!("our canonical form refuses the object: {why}"),
        Some(Ok(_)) => {
            let told = Told::by_us(case, Object::OfBody);
            if expected.contains(&told) {
                return beside.taken.count(true);
            }
            let given = expected.contains(&Told::by_us(case, Object::OfBodyGiven));
            let why = if given {
                "as the server alone gives name, uid, times, generation, status or addresses: "
            } else {
                ""
            };
            format!("{why}{}", told.shown())
        }
    };
    beside.taken.count(false);
    beside.misses.push(miss(text(case, "/id"), expected, got));
}

fn miss(id: &str, expected: &[Told], got: String) -> Miss {
    let expected = expected.iter().map(Told::shown).collect::<Vec<_>>().join(" or ");
    Miss { id: id.to_owned(), expected, got }
}

/// The areas of the vectors, as figures are called.
const AREAS: [&str; 25] = [
    "actions",
    "audit-annotations",
    "authorizer",
    "budget",
    "equivalent",
    "excluded",
    "format",
    "map-apply",
    "map-chain",
    "map-jsonpatch",
    "map-params",
    "match",
    "match-binding",
    "match-conditions",
    "messages",
    "namespace-object",
    "namespace-objects",
    "namespace-selector",
    "object-selector",
    "order",
    "params",
    "request",
    "stored",
    "types",
    "variables",
];

fn area(id: &str) -> &'static str {
    let name = id.split('/').next().unwrap_or_default();
    AREAS.into_iter().find(|area| *area == name).unwrap_or("other")
}

/// What client and audit log are told, as fields of `expect`.
#[derive(Debug, PartialEq)]
struct Told(Value);

/// Of what was allowed, the code is the storage's to say.
fn expected(case: &Value) -> Vec<Told> {
    let expect = &case["expect"];
    let all: Vec<&Value> = match expect["anyOf"].as_array() {
        Some(any) => any.iter().collect(),
        None => vec![expect],
    };
    let one = |expect: &Value| {
        let fields: &[&str] = match expect["allowed"] == true {
            true => &["allowed", "warnings", "auditAnnotations", "object"],
            false => {
                &["allowed", "code", "reason", "message", "causes", "warnings", "auditAnnotations", "object"]
            }
        };
        let told = fields.iter().filter(|field| !expect[**field].is_null());
        Told(told.map(|field| ((*field).to_owned(), expect[*field].clone())).collect())
    };
    all.into_iter().map(one).collect()
}

/// An object as the server has it in canonical form, with its defaults; as it is where that is not known.
fn canonical(object: &Value, custom: &Definitions) -> Document<'static> {
    let text = object.to_string();
    let plain = Document::from_value(object).unwrap_or_else(|_| Document::null());
    let Ok(document) = Document::from_json(&text, plimsoll::document::Limits::default()) else {
        return plain;
    };
    let options = Options {
        minor: MINOR,
        mode: Mode::Warn,
        plugins: Plugins::default(),
        cluster: &UnknownCluster,
        namespace: "default",
    };
    let admitted =
        kind_of(document.root(), MINOR, custom).and_then(|served| admit(document.root(), served, &options));
    match admitted {
        Ok(admitted) => {
            Document::from_value(&serde_json::to_value(admitted.object.root()).unwrap_or_default())
                .unwrap_or(plain)
        }
        Err(_) => plain,
    }
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

pub(crate) fn items<'v>(case: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    case[field].as_array().into_iter().flatten()
}

pub(crate) fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// What the server gives to what it stores.
fn stored(document: &Document<'_>) -> Document<'static> {
    let mut object = serde_json::to_value(document.root()).unwrap_or_default();
    for (field, value) in [
        ("uid", "00000000-0000-0000-0000-000000000001"),
        ("resourceVersion", "1"),
        ("creationTimestamp", "2026-01-01T00:00:00Z"),
    ] {
        object["metadata"][field] = value.into();
    }
    Document::from_value(&object).unwrap_or_else(|_| Document::null())
}

/// A case's cluster before the request.
fn cluster(case: &Value, kinds: &Kinds, custom: &Definitions) -> Cluster {
    let mut host = OwnedHost::new(true);
    let default = case["namespaces"].get(0).map(|namespace| text(namespace, "/metadata/name"));
    let all = ["namespaces", "params", "existing", "rbac"].into_iter().flat_map(|field| items(case, field));
    for object in all.cloned().chain(bootstrap()) {
        let mut object = object;
        let gvk = GroupVersionKind::new(text(&object, "/apiVersion"), text(&object, "/kind"));
        let (group, kind) = (gvk.group.to_owned(), gvk.kind.to_owned());
        let named = plimsoll::admission_policy::kinds::Named::new(gvk.group, gvk.version, gvk.kind);
        let scope = kinds.serving(&named);
        let namespaced = scope == plimsoll::admission_policy::kinds::Serving::Served(Scope::Namespaced);
        if namespaced && text(&object, "/metadata/namespace").is_empty() {
            object["metadata"]["namespace"] = default.unwrap_or("default").into();
        }
        let (namespace, name) =
            (text(&object, "/metadata/namespace").to_owned(), text(&object, "/metadata/name").to_owned());
        let key = ObjectKey { group: &group, kind: &kind, namespace: &namespace, name: &name };
        host.put(key, stored(&canonical(&object, custom)));
    }
    for name in ["default", "kube-system"] {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let key = ObjectKey { group: "", kind: "Namespace", namespace: "", name };
        host.put(key, canonical(&namespace, custom));
    }
    Cluster(host)
}

/// The roles that the server gives everybody who is known to it
/// (kubernetes `plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go`).
fn bootstrap() -> impl Iterator<Item = Value> {
    let roles = [
        (
            "system:discovery",
            json!([{"verbs": ["get"], "nonResourceURLs": [
                "/livez", "/readyz", "/healthz", "/version", "/version/", "/openapi", "/openapi/*", "/api",
                "/api/*", "/apis", "/apis/*",
            ]}]),
        ),
        (
            "system:basic-user",
            json!([
                {"verbs": ["create"], "apiGroups": ["authorization.k8s.io"],
                 "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]},
                {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"],
                 "resources": ["selfsubjectreviews"]},
            ]),
        ),
        (
            "system:public-info-viewer",
            json!([{"verbs": ["get"],
                    "nonResourceURLs": ["/livez", "/readyz", "/healthz", "/version", "/version/"]}]),
        ),
    ];
    let api = "rbac.authorization.k8s.io/v1";
    let group =
        json!([{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:authenticated"}]);
    roles.into_iter().flat_map(move |(name, rules)| {
        let metadata = json!({"name": name});
        let role = json!({"kind": "ClusterRole", "name": name});
        [
            json!({"apiVersion": api, "kind": "ClusterRole", "metadata": metadata, "rules": rules}),
            json!({
                "apiVersion": api, "kind": "ClusterRoleBinding", "metadata": metadata, "roleRef": role,
                "subjects": group,
            }),
        ]
    })
}

/// The hooks of a case: of validating policies, and of mutating ones.
fn hooks(case: &Value, custom: &Definitions) -> [Vec<Hook>; 2] {
    let mut policies = [const { Vec::<Arc<AdmissionPolicy>>::new() }; 2];
    let mut bindings = [const { Vec::<Arc<Binding>>::new() }; 2];
    for object in items(case, "policies").chain(items(case, "bindings")) {
        match read(canonical(object, custom).root(), Profile::V1_36) {
            Some(Written::Policy(policy)) => {
                let mutates = matches!(policy.body, Body::Mutating { .. });
                policies[usize::from(mutates)].push(Arc::new(policy));
            }
            Some(Written::ValidatingBinding(binding)) => bindings[0].push(Arc::new(binding)),
            Some(Written::MutatingBinding(binding)) => bindings[1].push(Arc::new(binding)),
            None => {}
        }
    }
    let ([validating, mutating], [of_validating, of_mutating]) = (policies, bindings);
    [Hook::join(validating, of_validating), Hook::join(mutating, of_mutating)]
}

fn document(value: &Value) -> Document<'static> {
    Document::from_value(value).unwrap_or_else(|_| Document::null())
}

fn definitions(case: &Value) -> Definitions {
    let mut custom = Definitions::new();
    for definition in items(case, "crds") {
        custom.add(document(definition).root());
    }
    custom
}

impl Told {
    fn shown(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    fn by_us(case: &Value, from: Object) -> Self {
        let custom = definitions(case);
        let mut kinds = Kinds::new(u32::from(MINOR), true);
        for definition in items(case, "crds") {
            kinds.define(document(definition).root());
        }
        let (host, [validating, mutating]) = (cluster(case, &kinds, &custom), hooks(case, &custom));
        let mut seen = review(case, "validating", from, &custom);
        let mut made = None;
        if !mutating.is_empty() {
            let review = review(case, "mutating", from, &custom);
            let documents = Documents::of(&review);
            let request = documents.request(&review);
            let asked = Asked { request: &request, kinds: &kinds, host: &host, deadline: None };
            let mutated = mutate(&mutating, asked, &custom);
            if let Some(denied) = &mutated.denied {
                let mut told = refused(denied, &mutated.causes);
                if mutated.later {
                    told["object"] = mutated.object;
                }
                return Self(told);
            }
            carry(&review["object"], &mutated.object, &mut seen["object"]);
            made = Some(mutated.object);
        }
        let documents = Documents::of(&seen);
        let request = documents.request(&seen);
        let asked = Asked { request: &request, kinds: &kinds, host: &host, deadline: None };
        let answer = Answer::of(&dispatch(&validating, asked), &request);
        let mut told = match &answer.denied {
            Some(denied) => refused(denied, &[]),
            None => json!({"allowed": true}),
        };
        told["warnings"] = json!(answer.warnings);
        told["auditAnnotations"] = json!(answer.annotations);
        if let Some(object) = made {
            told["object"] = object;
        }
        Self(told)
    }
}

fn refused(denied: &Denied, causes: &[Value]) -> Value {
    let mut told = json!({
        "allowed": false, "code": denied.code, "reason": denied.reason, "message": denied.message,
        "warnings": [], "auditAnnotations": {},
    });
    let plain = denied.causes.iter().map(|message| json!({"message": message}));
    let causes: Vec<Value> = plain.chain(causes.iter().cloned()).collect();
    if !causes.is_empty() {
        told["causes"] = causes.into();
    }
    told
}
