//! The native format as written. Field names are those of the YAML; documentation becomes the JSON Schema's.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::rules::{RequireHeadlessService, RequireProbes, RewriteImage, RuleType};
use crate::finding::{Action, Severity};
use crate::policy::{Base, Controlled, Existing, FailurePolicy, References};
use crate::request::Operation;

/// A Plimsoll policy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyFile {
    /// `plimsoll.dev/v1alpha1`.
    pub api_version: String,
    /// `ClusterManifestPolicy` for any namespace, `ManifestPolicy` for its own.
    pub kind: String,
    /// Name, and namespace of a `ManifestPolicy`.
    pub metadata: Metadata,
    /// What the policy asks.
    pub spec: Spec,
    /// What the cluster keeps beside it; not read.
    #[serde(default)]
    #[schemars(skip)]
    pub status: Option<Value>,
}

/// An object's metadata, as far as policies use it; other fields that a cluster adds are not read.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The policy's name; findings carry it in their code.
    pub name: String,
    /// The namespace of a `ManifestPolicy`.
    #[serde(default)]
    pub namespace: Option<String>,
    /// `plimsoll.dev/category` groups policies.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Free notes.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// What a policy asks.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// One line for lists.
    #[serde(default)]
    pub title: Option<String>,
    /// What is checked.
    #[serde(default)]
    pub description: Option<String>,
    /// Why it matters.
    #[serde(default)]
    pub rationale: Option<String>,
    /// How to mend it.
    #[serde(default)]
    pub remediation: Option<String>,
    /// Where to read more.
    #[serde(default)]
    pub references: Vec<String>,
    /// The packs the policy belongs to.
    #[serde(default)]
    pub packs: Vec<String>,
    /// What lint reports and exits on.
    #[serde(default = "default_severity")]
    pub severity: Severity,
    /// What the webhook answers.
    #[serde(default = "default_action")]
    pub action: Action,
    /// What an evaluation error or an unanswerable look-up means in the webhook.
    #[serde(default)]
    pub failure_policy: FailurePolicy,
    /// What the policy is about.
    #[serde(rename = "match")]
    pub matches: Match,
    /// What it leaves alone.
    #[serde(default)]
    pub exclude: Option<Exclude>,
    /// All must hold for the policy to apply.
    #[serde(default)]
    pub match_conditions: Vec<NamedExpression>,
    /// Bound as `params` in expressions; each can be overridden per environment.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Value>")]
    pub parameters: BTreeMap<String, Parameter>,
    /// Named expressions, read as `variables.<name>`.
    #[serde(default)]
    pub variables: Vec<NamedExpression>,
    /// Custom kinds that hold Pod templates.
    #[serde(default)]
    pub pod_templates: Vec<PodTemplate>,
    /// The rules, in order.
    pub rules: Vec<RuleSpec>,
}

/// The value of a parameter, which may be any: it is taken from the document that the policy is read from.
#[derive(Debug, Clone, Serialize)]
pub struct Parameter;

impl<'de> Deserialize<'de> for Parameter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

fn default_severity() -> Severity {
    Severity::Error
}

fn default_action() -> Action {
    Action::Deny
}

/// What a policy is about.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Match {
    /// `[group/[version/]]Kind[/subresource]`, globs allowed; a bare `Kind` is the built-in of that name;
    /// `workloads` is every kind with a Pod template, Pod, `Pod/ephemeralcontainers` and `Pod/resize`. A subresource
    /// is one of its resource's kind (`Pod/exec`), whatever is sent to it; what is sent may be named instead.
    pub kinds: Vec<String>,
    /// The operations. Without them CREATE and UPDATE, and CONNECT where `kinds` name what is connected to (`exec`,
    /// `attach`, `portforward`, `proxy`).
    #[serde(default)]
    pub operations: Option<Vec<Operation>>,
    /// Globs over the namespace's name.
    #[serde(default)]
    pub namespaces: Option<Vec<String>>,
    /// A label selector over the namespace.
    #[serde(default)]
    pub namespace_selector: Option<LabelSelector>,
    /// A label selector over the object.
    #[serde(default)]
    pub object_selector: Option<LabelSelector>,
    /// Whether Pods, ReplicaSets and Jobs are judged again when a controller makes them of an object that
    /// the policy also matches.
    #[serde(default)]
    pub controlled: Controlled,
    /// What an UPDATE is denied for: only new findings (`Allow`), or all (`Deny`).
    #[serde(default)]
    pub existing: Existing,
}

/// What a policy leaves alone: what all of these match.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exclude {
    /// As in `match`.
    #[serde(default)]
    pub kinds: Option<Vec<String>>,
    /// Globs over the namespace's name.
    #[serde(default)]
    pub namespaces: Option<Vec<String>>,
    /// A label selector over the namespace.
    #[serde(default)]
    pub namespace_selector: Option<LabelSelector>,
    /// A label selector over the object.
    #[serde(default)]
    pub object_selector: Option<LabelSelector>,
}

/// A label selector, as in Kubernetes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelSelector {
    /// Labels that must have these values.
    #[serde(default)]
    pub match_labels: BTreeMap<String, String>,
    /// Requirements that must hold.
    #[serde(default)]
    pub match_expressions: Vec<Requirement>,
}

/// A requirement of a label selector.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Requirement {
    /// The label that is asked about.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: SelectorOperator,
    /// The values of `In` and `NotIn`.
    #[serde(default)]
    pub values: Vec<String>,
}

/// An operator of a label selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum SelectorOperator {
    /// One of the values.
    In,
    /// None of the values; an absent label counts.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
}

/// An expression with a name.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamedExpression {
    /// The name by which it is referred to.
    pub name: String,
    /// The expression, in CEL.
    pub expression: String,
}

/// A custom kind that holds Pod templates; several entries for one kind add up.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodTemplate {
    /// `group/version/Kind`, globs allowed.
    pub kind: String,
    /// Where the template is: `spec.template`. `*` is every item of a list or every value of a map:
    /// `spec.groups.*.template`.
    pub path: String,
}

/// Makes [`RuleSpec`] of what all rules have and of the types of rules that are written under a field of their own.
macro_rules! rule {
    ($($(#[cfg($cfg:meta)])? $(#[doc = $doc:literal])* $name:literal => $field:ident: $type:ty,)*) => {
        /// A rule: exactly one of `validate`, `mutate`, `requireProbes`, `requireHeadlessService`, `references`,
        /// `rewriteImages`.
        #[derive(Debug, Clone, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        #[schemars(rename = "Rule")]
        pub struct RuleSpec {
            /// Unique in the policy; findings have the code `<policy>/<rule>`.
            pub name: String,
            /// Instead of the policy's.
            #[serde(default)]
            pub severity: Option<Severity>,
            /// Instead of the policy's.
            #[serde(default)]
            pub action: Option<Action>,
            /// The value at the finding is never shown.
            #[serde(default)]
            pub sensitive: bool,
            /// The rule is in these of the policy's packs only.
            #[serde(default)]
            pub packs: Vec<String>,
            /// Rules (`policy/rule`, or `policy` for all its rules) that say less: what they find at the same place as this rule
            /// is told with this rule's finding and not counted beside it.
            #[serde(default)]
            pub includes: Vec<String>,
            $(
                $(#[cfg($cfg)])?
                $(#[doc = $doc])*
                #[serde(default)]
                pub $field: Option<$type>,
            )*
            /// Where paths count from, and what a finding points at: `object`, `podSpec` or `podMetadata`, wherever the kind
            /// keeps them. Where it is absent the rule says nothing.
            // kubectl's YAML reads a key `on` without quotes as the boolean, and hands on `true`
            #[serde(default, alias = "true")]
            pub on: Option<Base>,
            /// CEL giving a list or a map; each element is bound to `item`, its position to `index`, a map's key to `key`.
            #[serde(default)]
            pub for_each: Option<String>,
            /// CEL; the rule is skipped where it is false.
            #[serde(default)]
            pub when: Option<String>,
            /// CEL; a finding where it is false.
            #[serde(default)]
            pub validate: Option<String>,
            /// What the finding says; `{CEL}` is replaced, `{{` and `}}` are braces.
            #[serde(default)]
            pub message: Option<String>,
            /// The field below `item` (else below what `on` names) that the finding points at.
            #[serde(default)]
            pub at: Option<String>,
            /// Operations that mend a finding; offered by lint, never applied by the webhook.
            #[serde(default)]
            pub fix: Vec<Edit>,
            /// Operations that the webhook applies.
            #[serde(default)]
            pub mutate: Vec<Edit>,
        }

        impl RuleSpec {
            /// The types of rules that it is written as, each with its field.
            pub(super) fn typed(&self) -> Vec<(&'static str, &dyn RuleType)> {
                let types: Vec<(&'static str, Option<&dyn RuleType>)> = vec![
                    $(
                        $(#[cfg($cfg)])?
                        ($name, self.$field.as_ref().map(|written| written as &dyn RuleType)),
                    )*
                ];
                types.into_iter().filter_map(|(name, written)| Some((name, written?))).collect()
            }

            /// The fields of all types.
            pub(super) const TYPES: &[&str] = &[
                "validate",
                "mutate",
                $(
                    $(#[cfg($cfg)])?
                    $name,
                )*
            ];
        }
    };
}

// one line for each type; how it is read and what it does stands in its own file
rule! {
    /// Every container without its probes.
    "requireProbes" => require_probes: RequireProbes,
    /// The headless Service of a StatefulSet.
    "requireHeadlessService" => require_headless_service: RequireHeadlessService,
    /// What an object says of others holds.
    "references" => references: References,
    /// Image prefixes and their mirrors.
    "rewriteImages" => rewrite_images: Vec<RewriteImage>,
    #[cfg(test)]
    /// The label that says whose the object is.
    "requireOwner" => require_owner: super::rules::owner::RequireOwner,
}

/// `{set: PATH, value}`, `{remove: PATH}`, or raw `{op, path, from, value}` of RFC 6902.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Edit {
    /// A path as in `metadata.labels["team"]`; missing parents are made.
    #[serde(default)]
    pub set: Option<String>,
    /// A path; nothing happens where it is not there.
    #[serde(default)]
    pub remove: Option<String>,
    /// `add`, `remove`, `replace`, `move`, `copy` or `test`.
    #[serde(default)]
    pub op: Option<RawOp>,
    /// An RFC 6901 pointer.
    #[serde(default)]
    pub path: Option<String>,
    /// An RFC 6901 pointer.
    #[serde(default)]
    pub from: Option<String>,
    /// A literal, or `{cel: EXPRESSION}`.
    #[serde(default, deserialize_with = "present")]
    pub value: Option<Value>,
}

/// `value: null` is a value.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// An operation of RFC 6902.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawOp {
    /// Adds a member or item.
    Add,
    /// Removes what is there.
    Remove,
    /// Replaces what is there.
    Replace,
    /// Moves what is at `from`.
    Move,
    /// Copies what is at `from`.
    Copy,
    /// Fails unless the value is there.
    Test,
}
