//! Tables of the rules by which the API server's own policies work. Each row names the file of k8s.io/apiserver, below
//! `pkg/admission`, in which its rule stands.

mod actions;
mod annotations;
mod conditions;
mod matching;
mod messages;
mod mutations;
mod params;
mod request;
mod variables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use kubernetes_objects::custom::Definitions;
use serde_json::{Value, json};

use super::answer::{Answer, Denied};
use super::apply::apply;
use super::dispatch::{Asked, What, dispatch};
use super::kinds::Kinds;
use super::written::{Written, read};
use super::{Body, Hook};
use crate::cel::library::authorizer::{Decision, Question};
use crate::cel::profile::Profile;
use crate::document::Document;
use crate::host::objects::OwnedHost;
use crate::host::{Host, HostObject, Listing, Lookup, ObjectKey, User, rbac};
use crate::request::{GroupVersionKind, GroupVersionResource, Operation, Request};

const MATCHING: &str = "plugin/policy/matching/matching.go";
const RULES: &str = "plugin/webhook/predicates/rules/rules.go";
const NAMESPACES: &str = "plugin/webhook/predicates/namespace/matcher.go";
const OBJECTS: &str = "plugin/webhook/predicates/object/matcher.go";
const CONDITIONS: &str = "plugin/webhook/matchconditions/matcher.go";
const INPUT: &str = "plugin/cel/condition.go";
const COMPILE: &str = "plugin/cel/compile.go";
const COMPOSITION: &str = "plugin/cel/composition.go";
const ACTIVATION: &str = "plugin/cel/activation.go";
const VALIDATOR: &str = "plugin/policy/validating/validator.go";
const VALIDATING: &str = "plugin/policy/validating/dispatcher.go";
const DECISION: &str = "plugin/policy/validating/policy_decision.go";
const PLUGIN: &str = "plugin/policy/generic/plugin.go";
const PARAMS: &str = "plugin/policy/generic/policy_dispatcher.go";
const SOURCE: &str = "plugin/policy/generic/policy_source.go";
const MUTATING: &str = "plugin/policy/mutating/dispatcher.go";
const JSON_PATCH: &str = "plugin/policy/mutating/patch/json_patch.go";
const APPLY: &str = "plugin/policy/mutating/patch/smd.go";
const REINVOCATION: &str = "plugin/policy/mutating/reinvocationcontext.go";

/// The files that rows name are there, where the server's source is.
#[test]
fn sources_are_where_they_are_said_to_be() {
    let home = std::env::var_os("GOMODCACHE").map(PathBuf::from);
    let home = home.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join("go/pkg/mod")));
    let source = home.unwrap_or_default().join("k8s.io/apiserver@v0.36.3/pkg/admission");
    if !source.is_dir() {
        eprintln!("admission_policy: SKIPPED: there is no {}", source.display());
        return;
    }
    for file in [
        MATCHING,
        RULES,
        NAMESPACES,
        OBJECTS,
        CONDITIONS,
        INPUT,
        COMPILE,
        COMPOSITION,
        ACTIVATION,
        VALIDATOR,
        VALIDATING,
        DECISION,
        PLUGIN,
        PARAMS,
        SOURCE,
        MUTATING,
        JSON_PATCH,
        APPLY,
        REINVOCATION,
    ] {
        assert!(source.join(file).is_file(), "{file}");
    }
}

/// A request. The default creates a ConfigMap.
#[derive(Clone, Copy)]
struct Ask<'a> {
    operation: Operation,
    /// Group, version, kind, resource.
    of: [&'a str; 4],
    subresource: &'a str,
    name: &'a str,
    /// Empty for what is in no namespace.
    namespace: &'a str,
    /// In YAML; empty for none.
    object: &'a str,
    old: &'a str,
}

impl Default for Ask<'_> {
    fn default() -> Self {
        Self {
            operation: Operation::Create,
            of: ["", "v1", "ConfigMap", "configmaps"],
            subresource: "",
            name: "c",
            namespace: "shop",
            object: "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: shop, labels: {tier: web}}, data: {a: '1'}}",
            old: "",
        }
    }
}

/// A policy with its bindings in a cluster, and a request. The default policy is about everything, and denies nothing.
#[derive(Clone, Copy)]
struct Setting<'a> {
    /// The policy's `spec` in YAML, without the rules where it is about everything.
    spec: &'a str,
    /// The `spec` of each binding, without the policy's name.
    bindings: &'a [&'a str],
    /// What is in the cluster beside the Namespace `shop`.
    given: &'a [&'a str],
    ask: Ask<'a>,
}

const DENY: &[&str] = &["{validationActions: [Deny]}"];

impl Default for Setting<'_> {
    fn default() -> Self {
        Self {
            spec: "{validations: [{expression: 'true'}]}",
            bindings: DENY,
            given: &[],
            ask: Ask::default(),
        }
    }
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|why| panic!("{why}: {text}"))
}

fn document(value: &Value) -> Document<'static> {
    Document::from_value(value).unwrap()
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

const SHOP: &str = "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {tier: web}}}";

/// The cluster, and what it serves.
fn cluster(given: &[&str]) -> (Cluster, Kinds) {
    let (mut host, mut kinds) = (OwnedHost::new(true), Kinds::new(36, true));
    for object in given.iter().copied().chain([SHOP]).map(yaml) {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let group = text("/apiVersion").split_once('/').map_or("", |(group, _)| group);
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        host.put(ObjectKey { group, kind: text("/kind"), namespace, name }, document(&object));
        kinds.define(document(&object).root());
    }
    (Cluster(host), kinds)
}

/// A request with its documents.
struct Documents {
    object: Option<Document<'static>>,
    old: Option<Document<'static>>,
}

impl Documents {
    fn of(ask: &Ask<'_>) -> Self {
        let object = |text: &str| (!text.is_empty()).then(|| document(&yaml(text)));
        Self { object: object(ask.object), old: object(ask.old) }
    }

    fn request<'d>(&'d self, ask: &Ask<'d>) -> Request<'d> {
        let Ask { operation, of: [group, version, kind, resource], subresource, name, namespace, .. } = *ask;
        Request {
            operation,
            kind: GroupVersionKind { group, version, kind },
            resource: GroupVersionResource { group, version, resource },
            subresource,
            sent_as: None,
            name,
            namespace: (!namespace.is_empty()).then_some(namespace),
            object: self.object.as_ref().map(Document::root),
            old_object: self.old.as_ref().map(Document::root),
            user: Some(User {
                username: "jane",
                uid: "",
                groups: vec!["system:masters"],
                extra: BTreeMap::new(),
            }),
            dry_run: false,
            options: None,
        }
    }
}

impl Setting<'_> {
    /// The policy, called `p`, with its bindings `b0`, `b1`, …
    fn hooks(&self, mutating: bool) -> Vec<Hook> {
        let kind = if mutating { "MutatingAdmissionPolicy" } else { "ValidatingAdmissionPolicy" };
        let mut spec = yaml(self.spec);
        if spec["matchConstraints"].is_null() {
            spec["matchConstraints"] = json!({"resourceRules": [
                {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*", "*/*"], "operations": ["*"]},
            ]});
        }
        let object = |kind: &str, name: &str, spec: Value| {
            let api_version = "admissionregistration.k8s.io/v1";
            let object =
                json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec});
            read(document(&object).root(), Profile::V1_36).unwrap()
        };
        let Written::Policy(policy) = object(kind, "p", spec) else { panic!("a policy") };
        let bindings = self.bindings.iter().enumerate().map(|(index, spec)| {
            let mut spec = yaml(spec);
            spec["policyName"] = "p".into();
            match object(&format!("{kind}Binding"), &format!("b{index}"), spec) {
                Written::ValidatingBinding(binding) | Written::MutatingBinding(binding) => Arc::new(binding),
                Written::Policy(_) => panic!("a binding"),
            }
        });
        Hook::join(vec![Arc::new(policy)], bindings.collect())
    }

    /// What client and audit log are told: `422 Invalid b0: …`, `warns …`, `notes …`, `unknown …`; `allowed` where that is all.
    fn said(&self) -> String {
        let hooks = self.hooks(false);
        let ((host, kinds), documents) = (cluster(self.given), Documents::of(&self.ask));
        let request = documents.request(&self.ask);
        let events =
            dispatch(&hooks, Asked { request: &request, kinds: &kinds, host: &host, deadline: None });
        let Answer { denied, warnings, annotations } = Answer::of(&events, &request);
        let mut all: Vec<String> = denied.iter().map(refusal).collect();
        all.extend(warnings.iter().map(|text| {
            let (from, text) = text.split_once(": ").unwrap();
            format!("warns {}: {text}", quoted(from).last().unwrap())
        }));
        all.extend(annotations.iter().map(|(key, value)| {
            let key = key.strip_prefix("validation.policy.admission.k8s.io/").unwrap_or(key);
            format!("notes {key} {value}")
        }));
        all.extend(events.iter().filter_map(|event| match &event.what {
            What::Unknown { what, .. } => Some(format!("unknown {what}")),
            _ => None,
        }));
        if all.is_empty() { "allowed".to_owned() } else { all.join("; ") }
    }

    /// The data of the object as mutating policies leave it, or how they refuse it.
    fn made(&self) -> String {
        let hooks = self.hooks(true);
        assert!(hooks.iter().all(|hook| matches!(hook.policy.body, Body::Mutating { .. })));
        let ((host, kinds), documents) = (cluster(self.given), Documents::of(&self.ask));
        let request = documents.request(&self.ask);
        let asked = Asked { request: &request, kinds: &kinds, host: &host, deadline: None };
        let mutated = apply(&hooks, asked, &Definitions::new());
        match mutated.denied() {
            Some(denied) => format!("{} {}: {}", denied.code, denied.reason, denied.causes.join("; ")),
            None => {
                let object = mutated.object.as_ref().map(Document::root).or(request.object).unwrap();
                object.get("data").map_or_else(|| "none".to_owned(), |data| data.to_json())
            }
        }
    }
}

/// Code, reason and message, with the binding's name in the place of who refuses what.
fn refusal(denied: &Denied) -> String {
    let (from, message) = denied.message.split_once(" denied request: ").unwrap();
    let binding = quoted(from).nth(1).unwrap_or("p");
    format!("{} {} {binding}: {message}", denied.code, denied.reason)
}

/// What stands between apostrophes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('\'').skip(1).step_by(2)
}

/// Rows of a table that turn out otherwise.
#[track_caller]
fn assert_rows<'r>(rows: impl IntoIterator<Item = (&'r str, &'r str, String, String)>) {
    let wrong = rows.into_iter().filter(|(_, _, expected, got)| expected != got);
    let wrong: Vec<String> = wrong
        .map(|(source, what, expected, got)| {
            format!("{what} ({source}):\n  expected {expected}\n  got      {got}")
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Two questions to the authorizer: 700,000 of the 1,000,000 that an expression may cost.
const COSTLY: &str = "authorizer.group('').resource('pods').check('get').allowed() && authorizer.group('').resource('pods').check('list').allowed()";
