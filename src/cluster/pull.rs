//! The cluster's own admission policies, with what is needed to judge by them elsewhere.
//!
//! ```text
//! policies, bindings ─▶ paramKind, paramRef ─▶ the parameters that a binding names or selects; no Secrets
//!                    └▶ paramKind, resourceRules ─▶ the definitions of custom kinds
//! ```
//!
//! Objects come without what only the cluster that they live in gives them, so that pulling twice gives the same.

mod reader;

use std::collections::{BTreeMap, BTreeSet};

use kube::Client;
use serde_json::Value;

use crate::api;

pub use reader::Permission;
use reader::{Reader, Served, Wanted};

/// What was read of a cluster.
#[derive(Debug, Default, PartialEq)]
pub struct Pulled {
    /// Policies, bindings, parameters and definitions, each once.
    pub objects: Vec<Value>,
    /// What of them is not there, and why.
    pub notes: Vec<String>,
}

/// Why nothing was pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The API server does not say what it serves.
    #[error("the API server does not tell what it serves: {0}")]
    Discovery(#[source] Box<kube::Error>),
    /// What the user may not read.
    #[error(
        "nothing was pulled, for the user of the kubeconfig may not read all that is needed; a ClusterRole must allow: {}",
        listed(.0)
    )]
    Forbidden(Vec<Permission>),
    /// A request that failed otherwise.
    #[error("cannot {what}: {source}")]
    Read {
        /// Verb and resource.
        what: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// An answer that is no object.
    #[error("the API server's answer cannot be read: {0}")]
    Unreadable(#[source] serde_json::Error),
}

impl PullError {
    fn discovery(error: kube::Error) -> Self {
        Self::Discovery(Box::new(error))
    }
}

fn listed(permissions: &[Permission]) -> String {
    permissions.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The group of policies and bindings.
const GROUP: &str = "admissionregistration.k8s.io";
/// A policy and its binding.
const KINDS: [[&str; 2]; 2] = [
    ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"],
    ["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"],
];
/// The versions in which they are served, the best first.
const VERSIONS: [&str; 3] = ["v1", "v1beta1", "v1alpha1"];
const DEFINITIONS: (&str, &str) = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
/// What of metadata the cluster alone gives an object.
const OF_THE_CLUSTER: [&str; 7] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
];
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Reads the admission policies of a cluster and what belongs to them.
///
/// # Errors
/// When anything that is needed cannot be read; all permissions that are missing are told at once.
pub async fn pull(client: &Client) -> Result<Pulled, PullError> {
    let mut run = Run { reader: Reader::new(client).await?, objects: BTreeMap::new(), notes: Vec::new() };
    for [policy, binding] in KINDS {
        let Some(policies) = run.of_group(policy).await? else {
            run.notes.push(format!("the API server serves no {policy}: there are none to pull"));
            continue;
        };
        let bindings = run.of_group(binding).await?.unwrap_or_default();
        for policy in &policies {
            let bound: Vec<&Value> = bindings.iter().filter(|binding| binds(binding, policy)).collect();
            run.params(policy, &bound).await?;
            run.definitions(policy).await?;
        }
        policies.into_iter().chain(bindings).for_each(|object| run.take(object));
    }
    let Run { reader, objects, notes } = run;
    match reader.denied.is_empty() {
        true => Ok(Pulled { objects: objects.into_values().collect(), notes }),
        false => Err(PullError::Forbidden(reader.denied.into_iter().collect())),
    }
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn binds(binding: &Value, policy: &Value) -> bool {
    text(binding, "/spec/policyName") == text(policy, "/metadata/name")
}

/// apiVersion, kind, namespace and name.
type Key = [String; 4];

struct Run {
    reader: Reader,
    objects: BTreeMap<Key, Value>,
    notes: Vec<String>,
}

impl Run {
    fn take(&mut self, object: Value) {
        let key = ["/apiVersion", "/kind", "/metadata/namespace", "/metadata/name"];
        self.objects.insert(key.map(|pointer| text(&object, pointer).to_owned()), tidied(object));
    }

    /// All policies or bindings of a kind; `None`: it is not served.
    async fn of_group(&mut self, kind: &str) -> Result<Option<Vec<Value>>, PullError> {
        let served = self.reader.versions(GROUP);
        for version in VERSIONS.into_iter().filter(|version| served.iter().any(|s| s == version)) {
            if let Some(served) = self.reader.kind(&format!("{GROUP}/{version}"), kind).await? {
                return self.reader.read(&served, Wanted::All).await.map(Some);
            }
        }
        Ok(None)
    }

    /// The parameters that bindings of a policy name or select.
    async fn params(&mut self, policy: &Value, bindings: &[&Value]) -> Result<(), PullError> {
        let (api_version, kind) =
            (text(policy, "/spec/paramKind/apiVersion"), text(policy, "/spec/paramKind/kind"));
        if kind.is_empty() {
            return Ok(());
        }
        let of = format!("{} {}", text(policy, "/kind"), text(policy, "/metadata/name"));
        let referring =
            bindings.iter().filter_map(|binding| Some((*binding, binding.pointer("/spec/paramRef")?)));
        if (api_version, kind) == ("v1", "Secret") {
            for (binding, reference) in referring {
                let which = match text(reference, "/name") {
                    "" => "the Secrets that it selects".to_owned(),
                    name => format!("the Secret {name:?}"),
                };
                self.notes.push(format!(
                    "{of}: the parameters of its binding {} are left out: {which}; no Secret is written to a file",
                    text(binding, "/metadata/name")
                ));
            }
            return Ok(());
        }
        let Some(served) = self.reader.kind(api_version, kind).await? else {
            self.notes
                .push(format!("{of}: its paramKind {kind} of {api_version} is not served: no parameters"));
            return Ok(());
        };
        for (binding, reference) in referring {
            if self.referred(&served, reference).await? == 0 {
                self.notes.push(format!(
                    "{of}: the cluster has no parameters for its binding {}",
                    text(binding, "/metadata/name")
                ));
            }
        }
        Ok(())
    }

    /// Takes the objects of a `paramRef`; how many there are. Without a namespace it means that of the request, any.
    async fn referred(&mut self, served: &Served, reference: &Value) -> Result<usize, PullError> {
        let namespace = Some(text(reference, "/namespace")).filter(|namespace| !namespace.is_empty());
        let selector;
        let wanted = match text(reference, "/name") {
            "" => {
                selector = query(reference.get("selector").unwrap_or(&Value::Null));
                Wanted::Labelled { namespace, selector: &selector }
            }
            name => Wanted::Named { namespace, name },
        };
        let denied = self.reader.denied.len();
        let found = self.reader.read(served, wanted).await?;
        let count = found.len() + (self.reader.denied.len() - denied);
        found.into_iter().for_each(|object| self.take(object));
        Ok(count)
    }

    /// The definitions of the custom kinds that a policy takes parameters of, or is about by name.
    async fn definitions(&mut self, policy: &Value) -> Result<(), PullError> {
        let mut wanted = BTreeSet::new();
        let (api_version, kind) =
            (text(policy, "/spec/paramKind/apiVersion"), text(policy, "/spec/paramKind/kind"));
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        if !api::is_own_group(group)
            && let Some(served) = self.reader.kind(api_version, kind).await?
        {
            wanted.insert((group.to_owned(), served.resource.plural));
        }
        for (group, resource) in custom_resources(policy) {
            if resource != "*" {
                wanted.insert((group, resource));
                continue;
            }
            for version in self.reader.versions(&group) {
                let resources = self.reader.resources(&format!("{group}/{version}")).await?;
                let whole = resources.iter().filter(|resource| !resource.name.contains('/'));
                wanted.extend(whole.map(|resource| (group.clone(), resource.name.clone())));
            }
        }
        let (api_version, kind) = DEFINITIONS;
        for (group, resource) in wanted {
            let name = format!("{resource}.{group}");
            let key = [api_version, kind, "", &name].map(str::to_owned);
            if self.objects.contains_key(&key) {
                continue;
            }
            let Some(served) = self.reader.kind(api_version, kind).await? else { return Ok(()) };
            let denied = self.reader.denied.len();
            let found = self.reader.read(&served, Wanted::Named { namespace: None, name: &name }).await?;
            if found.is_empty() && denied == self.reader.denied.len() {
                let note =
                    format!("{name} has no CustomResourceDefinition: policies about it judge without one");
                if !self.notes.contains(&note) {
                    self.notes.push(note);
                }
            }
            found.into_iter().for_each(|object| self.take(object));
        }
        Ok(())
    }
}

/// Group and resource of what a policy is about by a rule that names the group, where it is a custom one.
fn custom_resources(policy: &Value) -> BTreeSet<(String, String)> {
    let texts = |rule: &Value, field: &str| -> Vec<String> {
        let all = rule.get(field).and_then(Value::as_array);
        all.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let rules = policy.pointer("/spec/matchConstraints/resourceRules").and_then(Value::as_array);
    let mut found = BTreeSet::new();
    for rule in rules.into_iter().flatten() {
        let resources = texts(rule, "resources");
        for group in
            texts(rule, "apiGroups").iter().filter(|group| *group != "*" && !api::is_own_group(group))
        {
            let whole = |resource: &String| resource.split('/').next().unwrap_or_default().to_owned();
            found.extend(resources.iter().map(|resource| (group.clone(), whole(resource))));
        }
    }
    found
}

/// A `LabelSelector` as a query has it (apimachinery `pkg/apis/meta/v1`, FormatLabelSelector).
fn query(selector: &Value) -> String {
    let labels = selector.get("matchLabels").and_then(Value::as_object);
    let labels = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()));
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    let expressions = expressions.into_iter().flatten().map(|expression| {
        let key = text(expression, "/key");
        let values = expression.get("values").and_then(Value::as_array);
        let values: Vec<&str> = values.into_iter().flatten().filter_map(Value::as_str).collect();
        match text(expression, "/operator") {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            _ => format!("!{key}"),
        }
    });
    labels.chain(expressions).collect::<Vec<_>>().join(",")
}

/// The object without what the cluster alone gives it.
fn tidied(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return object };
    metadata.retain(|field, _| !OF_THE_CLUSTER.contains(&field.as_str()));
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_cluster_gives_is_left_out() {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"status": "kept"}, "status": {"a": 1},
            "metadata": {
                "name": "limits", "namespace": "rules", "labels": {"a": "b"}, "uid": "1", "resourceVersion": "7",
                "generation": 2, "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [{}],
                "annotations": {LAST_APPLIED: "{}"},
            },
        });
        let expected = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"status": "kept"},
            "metadata": {"name": "limits", "namespace": "rules", "labels": {"a": "b"}},
        });
        assert_eq!(tidied(object), expected);
        let annotated = json!({"metadata": {"annotations": {LAST_APPLIED: "{}", "team": "a"}}});
        assert_eq!(tidied(annotated), json!({"metadata": {"annotations": {"team": "a"}}}));
    }

    #[test]
    fn selectors_as_queries() {
        for (selector, expected) in [
            (json!({}), ""),
            (json!({"matchLabels": {"a": "b", "c": ""}}), "a=b,c="),
            (
                json!({"matchLabels": {"a": "b"}, "matchExpressions": [
                    {"key": "k", "operator": "In", "values": ["1", "2"]},
                    {"key": "l", "operator": "NotIn", "values": ["3"]},
                    {"key": "m", "operator": "Exists"},
                    {"key": "n", "operator": "DoesNotExist"},
                ]}),
                "a=b,k in (1,2),l notin (3),m,!n",
            ),
        ] {
            assert_eq!(query(&selector), expected);
        }
    }

    #[test]
    fn custom_kinds_are_those_that_a_rule_names_by_group() {
        let policy = json!({"spec": {"matchConstraints": {"resourceRules": [
            {"apiGroups": ["", "apps"], "resources": ["pods", "deployments"]},
            {"apiGroups": ["*"], "resources": ["widgets"]},
            {"apiGroups": ["example.com", "apps"], "resources": ["widgets/scale", "gadgets"]},
            {"apiGroups": ["other.example.com"], "resources": ["*"]},
        ]}}});
        let found: Vec<String> =
            custom_resources(&policy).iter().map(|(group, resource)| format!("{resource}.{group}")).collect();
        assert_eq!(found, ["gadgets.example.com", "widgets.example.com", "*.other.example.com"]);
    }

    #[test]
    fn a_missing_permission_is_named() {
        let permission = |namespace: Option<&str>, name: Option<&str>| Permission {
            verb: if name.is_some() { "get" } else { "list" },
            group: "rules.example.com".to_owned(),
            resource: "limits".to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
        };
        let error =
            PullError::Forbidden(vec![permission(None, None), permission(Some("shop"), Some("most"))]);
        let said = error.to_string();
        assert!(
            said.ends_with(
                "must allow: list limits.rules.example.com in the whole cluster; \
                 get limits.rules.example.com \"most\" in namespace shop"
            ),
            "{said}"
        );
    }
}
