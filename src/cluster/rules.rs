//! What the API server is asked to call us about: the `rules` of our webhook configurations, from the loaded policies.
//!
//! Validation and mutation, `failurePolicy: Fail` and `Ignore` are separate [halves](Half): each has its entry in the
//! configuration and its path, and is called about its own policies' kinds only. Resources are those that discovery
//! shows, or, without a cluster, a built-in table.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::matching::Operation;
use crate::policy::{FailurePolicy, Policy, PolicySet};
use crate::resource::kinds;
use crate::webhook::review::Stage;

/// A resource or subresource of the API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Served {
    /// The group of the resource.
    pub group: String,
    /// A version it is served in.
    pub version: String,
    /// Plural name.
    pub resource: String,
    /// Empty for the resource itself.
    pub subresource: String,
    /// The resource's kind; what a subresource's requests carry may be of another (`Scale`, `PodExecOptions`).
    pub kind: String,
    /// Whether the group prefers this version.
    pub preferred: bool,
}

/// Subresources that policies can name without a cluster at hand: group, kind, subresource.
const SUBRESOURCES: &[(&str, &str, &str)] = &[
    ("", "Pod", "attach"),
    ("", "Pod", "binding"),
    ("", "Pod", "ephemeralcontainers"),
    ("", "Pod", "eviction"),
    ("", "Pod", "exec"),
    ("", "Pod", "portforward"),
    ("", "Pod", "proxy"),
    ("", "Pod", "resize"),
    ("", "Pod", "status"),
    ("", "Node", "proxy"),
    ("", "ReplicationController", "scale"),
    ("", "Service", "proxy"),
    ("", "Service", "status"),
    ("", "ServiceAccount", "token"),
    ("apps", "Deployment", "scale"),
    ("apps", "Deployment", "status"),
    ("apps", "ReplicaSet", "scale"),
    ("apps", "StatefulSet", "scale"),
    ("apps", "StatefulSet", "status"),
    ("apps", "DaemonSet", "status"),
    ("batch", "Job", "status"),
    ("batch", "CronJob", "status"),
];

/// The resources of every cluster, as far as we know them without one.
#[must_use]
pub fn built_in() -> Vec<Served> {
    let mut table = Vec::new();
    for known in kinds::all() {
        let subresources = SUBRESOURCES.iter().filter(|(g, k, _)| *g == known.group && *k == known.kind);
        for subresource in subresources.map(|(_, _, s)| *s).chain([""]) {
            for (index, version) in known.versions.iter().enumerate() {
                table.push(Served {
                    group: known.group.to_owned(),
                    version: (*version).to_owned(),
                    resource: known.resource.to_owned(),
                    subresource: subresource.to_owned(),
                    kind: known.kind.to_owned(),
                    preferred: index == 0,
                });
            }
        }
    }
    table
}

/// Never called about: what authenticates and authorises (a webhook in that way locks everybody out), what nodes and
/// leaders write every few seconds, and what could no longer be mended once we are broken.
#[must_use]
pub fn never(group: &str, kind: &str) -> bool {
    match group {
        "authentication.k8s.io" | "authorization.k8s.io" | "admissionregistration.k8s.io" => true,
        "coordination.k8s.io" => kind == "Lease" || kind == "LeaseCandidate",
        "" | "events.k8s.io" => kind == "Event" || kind == "Node",
        "apiextensions.k8s.io" => kind == "CustomResourceDefinition",
        "apiregistration.k8s.io" => kind == "APIService",
        _ => false,
    }
}

/// One entry of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Half {
    /// Which configuration.
    pub stage: Stage,
    /// Which policies.
    pub failure_policy: FailurePolicy,
}

impl Half {
    /// The entries of a configuration.
    #[must_use]
    pub fn of(stage: Stage) -> [Self; 2] {
        [FailurePolicy::Fail, FailurePolicy::Ignore].map(|failure_policy| Half { stage, failure_policy })
    }

    /// The entry's name, which users read in denials.
    #[must_use]
    pub fn name(self) -> String {
        match self.failure_policy {
            FailurePolicy::Fail => format!("{}.plimsoll.dev", self.stage.name()),
            FailurePolicy::Ignore => format!("{}-ignore.plimsoll.dev", self.stage.name()),
        }
    }

    /// Where the webhook serves it.
    #[must_use]
    pub fn path(self) -> &'static str {
        match (self.stage, self.failure_policy) {
            (Stage::Validate, FailurePolicy::Fail) => "/validate/fail",
            (Stage::Validate, FailurePolicy::Ignore) => "/validate/ignore",
            (Stage::Mutate, FailurePolicy::Fail) => "/mutate/fail",
            (Stage::Mutate, FailurePolicy::Ignore) => "/mutate/ignore",
        }
    }

    fn has(self, policy: &Policy) -> bool {
        policy.failure_policy == self.failure_policy
            && policy.rules.iter().any(|rule| rule.body.mutates() == (self.stage == Stage::Mutate))
    }
}

/// As a webhook configuration writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// One.
    pub api_groups: Vec<String>,
    /// One.
    pub api_versions: Vec<String>,
    /// Sorted.
    pub resources: Vec<String>,
    /// In the order of an object's life.
    pub operations: Vec<&'static str>,
    /// What the API server would fill in.
    pub scope: &'static str,
}

/// What the half's policies are about, as far as `served` has it.
///
/// Of several versions the preferred one is registered where policies are about it, else those that they are about;
/// `matchPolicy: Equivalent` has the API server convert the others.
#[must_use]
pub fn rules(set: &PolicySet, served: &[Served], half: Half) -> Vec<Rule> {
    // group, version, resource → operations
    let mut wanted: BTreeMap<(&str, &str, String), BTreeSet<u8>> = BTreeMap::new();
    for policy in set.policies().iter().filter(|policy| half.has(policy)) {
        let scope = &policy.scope;
        let operations: BTreeSet<u8> =
            scope.operations.iter().filter(|o| makes_sense(half.stage, **o)).map(|o| order(*o)).collect();
        if operations.is_empty() {
            continue;
        }
        let about = |s: &&Served| {
            !never(&s.group, &s.kind)
                && scope.kinds.covers(&s.group, &s.version, &s.kind, &s.subresource, set.templates())
        };
        let about: Vec<&Served> = served.iter().filter(about).collect();
        let preferred: BTreeSet<_> =
            about.iter().filter(|s| s.preferred).map(|s| (&s.group, &s.resource, &s.subresource)).collect();
        for s in about {
            if !s.preferred && preferred.contains(&(&s.group, &s.resource, &s.subresource)) {
                continue;
            }
            let resource = match s.subresource.as_str() {
                "" => s.resource.clone(),
                subresource => format!("{}/{subresource}", s.resource),
            };
            wanted.entry((&s.group, &s.version, resource)).or_default().extend(&operations);
        }
    }
    let mut grouped: BTreeMap<(&str, &str, BTreeSet<u8>), Vec<String>> = BTreeMap::new();
    for ((group, version, resource), operations) in wanted {
        grouped.entry((group, version, operations)).or_default().push(resource);
    }
    let rule = |((group, version, operations), resources): ((&str, &str, BTreeSet<u8>), Vec<String>)| Rule {
        api_groups: vec![group.to_owned()],
        api_versions: vec![version.to_owned()],
        resources,
        operations: operations.into_iter().map(|o| OPERATIONS[usize::from(o)]).collect(),
        scope: "*",
    };
    grouped.into_iter().map(rule).collect()
}

const OPERATIONS: [&str; 4] = ["CREATE", "UPDATE", "DELETE", "CONNECT"];

fn order(operation: Operation) -> u8 {
    match operation {
        Operation::Create => 0,
        Operation::Update => 1,
        Operation::Delete => 2,
        Operation::Connect => 3,
    }
}

/// Nothing is patched while it is deleted.
fn makes_sense(stage: Stage, operation: Operation) -> bool {
    !(stage == Stage::Mutate && operation == Operation::Delete)
}
