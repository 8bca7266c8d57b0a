//! What the API server is asked to call us about: the `rules` of our webhook configurations, from the loaded policies.
//!
//! Validation and mutation, `failurePolicy: Fail` and `Ignore` are separate [halves](Half): each has its entry in the
//! configuration and its path, and is called about its own policies' kinds only. Resources are those that discovery
//! shows, or, without a cluster, a built-in table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::api::{self, CONNECTED};
use crate::check::Policy;
use crate::matching::{self, Operation, Reach, Target};
use crate::policy::FailurePolicy;
use crate::resource::identity::GroupVersionKind;
use crate::resource::workload::TemplatePaths;
use crate::review::Endpoint;
use crate::store::{PolicySet, placement};

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
    /// The resource's kind.
    pub kind: String,
    /// Group, version and kind of what requests carry: to a subresource another (`Scale`, `PodExecOptions`).
    pub body: [String; 3],
    /// Whether the group prefers this version.
    pub preferred: bool,
}

impl Served {
    fn target(&self) -> Target<'_> {
        let [group, version, kind] = &self.body;
        Target {
            group: &self.group,
            version: &self.version,
            resource: &self.resource,
            kind: Some(&self.kind),
            subresource: &self.subresource,
            body: GroupVersionKind { group, version, kind },
        }
    }
}

/// The resources of every cluster, as far as we know them without one: what can be changed or connected to.
#[must_use]
pub fn built_in() -> Vec<Served> {
    let mut table = Vec::new();
    for known in api::built_in() {
        let itself = (!known.read_only).then_some(("", None));
        let written = known.recent_subresources().filter(|subresource| !subresource.read_only);
        let subresources = written.map(|subresource| (subresource.name, subresource.body));
        for (subresource, body) in subresources.chain(itself) {
            for (index, version) in known.recent_versions().enumerate() {
                table.push(Served {
                    group: known.group.to_owned(),
                    version: version.to_owned(),
                    resource: known.resource.to_owned(),
                    subresource: subresource.to_owned(),
                    kind: known.kind.to_owned(),
                    body: body.unwrap_or([known.group, version, known.kind]).map(str::to_owned),
                    preferred: index == 0,
                });
            }
        }
    }
    table
}

/// One entry of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Half {
    /// Which configuration.
    pub stage: Endpoint,
    /// The policies that are in this half: those with this `failurePolicy`.
    pub failure_policy: FailurePolicy,
}

impl Half {
    /// The entries of a configuration.
    #[must_use]
    pub fn of(stage: Endpoint) -> [Self; 2] {
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
            (Endpoint::Validate, FailurePolicy::Fail) => "/validate/fail",
            (Endpoint::Validate, FailurePolicy::Ignore) => "/validate/ignore",
            (Endpoint::Mutate, FailurePolicy::Fail) => "/mutate/fail",
            (Endpoint::Mutate, FailurePolicy::Ignore) => "/mutate/ignore",
        }
    }

    fn mutates(self) -> bool {
        self.stage == Endpoint::Mutate
    }

    /// Whether the policy is asked about this here. Roles and bindings are asked about at both entries, for which
    /// request is about [what API servers make](matching::is_bootstrap) only the request tells.
    fn asks(self, policy: &Policy, target: &Target<'_>, templates: &TemplatePaths) -> bool {
        let reachable = !matches!(matching::reach(target), Reach::Never(_));
        reachable
            && policy.matches.covers(target, templates)
            && (placement::of_target(policy, self.mutates(), target, templates) == self.failure_policy
                || self.failure_policy == FailurePolicy::Ignore && target.group == matching::RBAC)
    }
}

/// As a webhook configuration writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleWithOperations {
    /// One, as resources of several groups would be every one in each.
    pub api_groups: Vec<String>,
    /// One, for the same reason.
    pub api_versions: Vec<String>,
    /// Plural names, sorted.
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
pub fn rules(set: &PolicySet, served: &[Served], half: Half) -> Vec<RuleWithOperations> {
    // group, version, resource → operations
    let mut wanted: BTreeMap<(&str, &str, String), BTreeSet<u8>> = BTreeMap::new();
    let with_rules = |policy: &&Arc<Policy>| policy.rules.iter().any(|rule| rule.mutates == half.mutates());
    for policy in set.policies().iter().filter(with_rules) {
        let about: Vec<&Served> =
            served.iter().filter(|s| half.asks(policy, &s.target(), set.templates())).collect();
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
            let operations = policy.matches.operations_on(&s.target());
            let operations = operations.into_iter().filter(|o| makes_sense(half.stage, *o, &s.subresource));
            let operations: Vec<u8> = operations.map(order).collect();
            if !operations.is_empty() {
                wanted.entry((&s.group, &s.version, resource)).or_default().extend(operations);
            }
        }
    }
    let mut grouped: BTreeMap<(&str, &str, BTreeSet<u8>), Vec<String>> = BTreeMap::new();
    for ((group, version, resource), operations) in wanted {
        grouped.entry((group, version, operations)).or_default().push(resource);
    }
    let rule = |((group, version, operations), resources): ((&str, &str, BTreeSet<u8>), Vec<String>)| {
        RuleWithOperations {
            api_groups: vec![group.to_owned()],
            api_versions: vec![version.to_owned()],
            resources,
            operations: operations.into_iter().map(|o| OPERATIONS[usize::from(o)]).collect(),
            scope: "*",
        }
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

/// Nothing is patched while it is deleted. What is connected to is only connected to, and nothing else is.
fn makes_sense(stage: Endpoint, operation: Operation, subresource: &str) -> bool {
    let connected = CONNECTED.contains(&subresource);
    match operation {
        Operation::Connect => connected,
        Operation::Delete => stage == Endpoint::Validate && !connected,
        Operation::Create | Operation::Update => !connected,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cel::profile::Profile;
    use crate::finding::Action;
    use crate::store::load::{Loaded, read_text};
    use crate::store::set::Adjustments;

    /// `resource OPERATIONS` at the entries that fail closed and open, for validation.
    fn registered(spec: &str, action_override: Option<Action>) -> [Vec<String>; 2] {
        let text = format!(
            "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {{name: p}}\nspec:\n  {spec}\n  \
             rules: [{{name: a, validate: 'true'}}]"
        );
        let mut loaded = Loaded::default();
        read_text("p.yaml", &text, false, Profile::NEWEST, &mut loaded);
        assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
        let adjustments = Adjustments { action_override, ..Adjustments::default() };
        let set = loaded.into_set(&adjustments, TemplatePaths::default());
        Half::of(Endpoint::Validate).map(|half| {
            let rules = rules(&set, &built_in(), half);
            let lines = rules.iter().flat_map(|rule| {
                rule.resources.iter().map(|resource| format!("{resource} {}", rule.operations.join(",")))
            });
            lines.collect()
        })
    }

    #[test]
    fn by_resource_and_subresource() {
        let all = "operations: [CREATE, UPDATE, DELETE, CONNECT]";
        let rows: &[(&str, &[&str])] = &[
            ("kinds: [Pod/exec]", &["pods/exec CONNECT"]),
            ("kinds: [v1/PodExecOptions/exec]", &["pods/exec CONNECT"]),
            ("kinds: [PodExecOptions]", &["pods/exec CONNECT"]),
            ("kinds: ['Pod/{attach,exec}']", &["pods/attach CONNECT", "pods/exec CONNECT"]),
            ("kinds: ['*/proxy']", &["nodes/proxy CONNECT", "pods/proxy CONNECT", "services/proxy CONNECT"]),
            ("kinds: [Pod/eviction]", &["pods/eviction CREATE,UPDATE"]),
            ("kinds: [Deployment/scale]", &["deployments/scale CREATE,UPDATE"]),
            (
                "kinds: ['*/scale']",
                &[
                    "replicationcontrollers/scale CREATE,UPDATE",
                    "deployments/scale CREATE,UPDATE",
                    "replicasets/scale CREATE,UPDATE",
                    "statefulsets/scale CREATE,UPDATE",
                ],
            ),
            ("kinds: [ServiceAccount/token]", &["serviceaccounts/token CREATE,UPDATE"]),
            ("kinds: [Pod]", &["pods CREATE,UPDATE"]),
            ("kinds: [PersistentVolumeClaim/status]", &["persistentvolumeclaims/status CREATE,UPDATE"]),
            (
                "kinds: [Namespace/*]",
                &["namespaces/finalize CREATE,UPDATE", "namespaces/status CREATE,UPDATE"],
            ),
            // what can only be read is not asked about
            ("kinds: [Pod/log, ComponentStatus]", &[]),
            ("kinds: [Eviction]", &["pods/eviction CREATE,UPDATE", "evictions CREATE,UPDATE"]),
        ];
        for (matches, expected) in rows {
            let [closed, open] = registered(&format!("match: {{{matches}}}"), None);
            assert_eq!(
                (closed, open),
                (expected.iter().map(|r| (*r).to_owned()).collect(), vec![]),
                "{matches}"
            );
        }
        let [closed, _] = registered(&format!("match: {{kinds: [Pod, Pod/exec], {all}}}"), None);
        assert_eq!(closed, ["pods CREATE,UPDATE,DELETE", "pods/exec CONNECT"]);
    }

    /// A policy of the API server's own says by rules of its own what it is to be asked about.
    #[test]
    fn of_admission_policies() {
        let of = |written: &str| -> [Vec<String>; 2] {
            let text = format!(
                "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {{name: p}}\n\
                 spec:\n  matchConstraints: {{resourceRules: [{written}]}}\n  validations: [{{expression: 'true'}}]\n"
            );
            let mut loaded = Loaded::default();
            read_text("p.yaml", &text, false, Profile::NEWEST, &mut loaded);
            assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
            let set = loaded.into_set(&Adjustments::default(), TemplatePaths::default());
            Half::of(Endpoint::Validate).map(|half| {
                let rules = rules(&set, &built_in(), half);
                let line = |rule: &RuleWithOperations| {
                    format!(
                        "{}/{} {} {}",
                        rule.api_groups.join(","),
                        rule.api_versions.join(","),
                        rule.resources.join(","),
                        rule.operations.join(",")
                    )
                };
                rules.iter().map(line).collect()
            })
        };
        let rule = |groups: &str, versions: &str, resources: &str, operations: &str| {
            format!(
                "{{apiGroups: [{groups}], apiVersions: [{versions}], resources: [{resources}], operations: [{operations}]}}"
            )
        };
        let [closed, open] = of(&format!(
            "{}, {}",
            rule("''", "v1", "pods, pods/exec", "CREATE, DELETE, CONNECT"),
            rule("autoscaling", "v1", "horizontalpodautoscalers", "UPDATE")
        ));
        assert_eq!(
            closed,
            [
                "/v1 pods CREATE,DELETE",
                "/v1 pods/exec CONNECT",
                "autoscaling/v1 horizontalpodautoscalers UPDATE"
            ]
        );
        assert_eq!(open, [""; 0]);
        // of several versions the preferred one
        let [closed, _] = of(&rule("autoscaling", "'*'", "horizontalpodautoscalers", "'*'"));
        assert_eq!(closed, ["autoscaling/v2 horizontalpodautoscalers CREATE,UPDATE,DELETE"]);
        // what is never asked about, and what cannot wait
        let [closed, open] = of(&rule("'*'", "'*'", "leases, endpointslices", "CREATE"));
        assert_eq!((closed, open), (vec![], vec!["discovery.k8s.io/v1 endpointslices CREATE".to_owned()]));
        let [closed, open] = of(&rule("'*'", "'*'", "'*'", "CREATE"));
        assert!(closed.is_empty() && open.len() > 10, "{closed:?} {open:?}");
        assert!(open.iter().all(|rule| !rule.contains("pods/")), "{open:?}");
    }

    #[test]
    fn what_fails_closed() {
        let both = |[closed, open]: [Vec<String>; 2]| (closed.len(), open.len());
        let deployments = "match: {kinds: [Deployment]}";
        assert_eq!(both(registered(deployments, None)), (1, 0));
        assert_eq!(both(registered(deployments, Some(Action::Warn))), (0, 1), "nothing is denied");
        assert_eq!(both(registered(&format!("action: Warn\n  {deployments}"), None)), (0, 1));
        assert_eq!(both(registered(&format!("failurePolicy: Ignore\n  {deployments}"), None)), (0, 1));
        let (closed, open) = both(registered("match: {kinds: ['*']}", None));
        assert!(closed == 0 && open > 40, "every kind is no reason to hold up a cluster: {closed} {open}");
        let (closed, open) = both(registered("match: {kinds: ['*', Deployment]}", None));
        assert!(closed == 1 && open > 40, "{closed} {open}");
        let [closed, open] =
            registered("match: {kinds: [EndpointSlice, Service, PriorityClass, Lease]}", None);
        assert_eq!(closed, ["services CREATE,UPDATE"]);
        assert_eq!(open, ["endpointslices CREATE,UPDATE", "priorityclasses CREATE,UPDATE"]);
        // those that API servers make are asked about where it fails open
        let [closed, open] = registered("match: {kinds: [ClusterRole]}", None);
        assert_eq!(
            (closed.as_slice(), open.as_slice()),
            (&["clusterroles CREATE,UPDATE".to_owned()][..], closed.as_slice())
        );
    }
}
