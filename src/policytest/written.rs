//! A policy test as it is written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The kind that test files have.
pub const KIND: &str = "PolicyTest";

/// What policies must say of manifests.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "PolicyTest")]
pub struct TestFile {
    /// `plimsoll.dev/v1alpha1`.
    pub api_version: String,
    /// `PolicyTest`.
    pub kind: String,
    /// The name of the test.
    pub metadata: Metadata,
    /// The policies and the cases.
    pub spec: TestSpec,
}

/// What a test is called.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// Usually that of the policy.
    pub name: String,
}

/// The policies under test, and what is expected of them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestSpec {
    /// Policy files and folders, relative to the test's own file.
    pub policies: Vec<PathBuf>,
    /// The cases, each with a name of its own.
    pub cases: Vec<Case>,
}

/// Manifests, how they are asked about, and what is expected.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// Unique in the test.
    pub name: String,
    /// The objects that are judged, as a stream of YAML documents. Lines are counted inside this text.
    pub manifests: String,
    /// Other objects, which are looked up and not judged.
    #[serde(default)]
    pub cluster: Option<String>,
    /// Parameters by policy name.
    #[serde(default)]
    pub parameters: BTreeMap<String, BTreeMap<String, Value>>,
    /// Whether what is not in the case does not exist.
    #[serde(default)]
    pub complete: bool,
    /// CREATE unless told otherwise.
    #[serde(default)]
    pub operation: TestOperation,
    /// The objects as they are before an UPDATE.
    #[serde(default)]
    pub old: Option<String>,
    /// Who asks; else nobody knows.
    #[serde(default)]
    pub user: Option<User>,
    /// The namespace of objects that name none.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The version of the cluster, as in `1.36`.
    #[serde(default)]
    pub kubernetes_version: Option<String>,
    /// An entry for each object that matters; an object that is not named must have no findings.
    #[serde(default)]
    pub expect: Vec<Expectation>,
}

/// What is done with the objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(rename = "Operation")]
pub enum TestOperation {
    /// They are made.
    #[default]
    Create,
    /// They are changed.
    Update,
    /// They are deleted.
    Delete,
}

/// The user who asks, in a review.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The user's name.
    pub name: String,
    /// The groups that the user is in.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// What is expected of an object.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// `Kind/name` or `namespace/Kind/name`.
    pub object: String,
    /// What the webhook would answer.
    #[serde(default)]
    pub verdict: Option<TestVerdict>,
    /// Exactly these.
    #[serde(default)]
    pub findings: Vec<ExpectedFinding>,
    /// The RFC 6902 operations that mutation makes; exactly these.
    #[serde(default)]
    pub patch: Vec<Value>,
}

/// What the webhook would answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Verdict")]
pub enum TestVerdict {
    /// The request may go on.
    Allow,
    /// Yes, with warnings.
    Warn,
    /// The request is refused.
    Deny,
}

impl TestVerdict {
    /// The word in tests and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}

/// A finding that must be there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedFinding {
    /// The rule's name, or `policy/rule`.
    pub rule: String,
    /// The line of the case's manifests that it points at; without one, any line.
    #[serde(default)]
    pub line: Option<u32>,
    /// A part of its message.
    #[serde(default)]
    pub message: Option<String>,
    /// Whether it is a question that the case cannot answer.
    #[serde(default)]
    pub unknown: bool,
}
