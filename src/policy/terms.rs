//! The words of policies that mean the same in every dialect, as they are written in the native one.

use schemars::JsonSchema;
use serde::Deserialize;

/// `Fail` or `Ignore`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum FailurePolicy {
    /// What cannot be decided is denied.
    #[default]
    Fail,
    /// What cannot be decided is let through.
    Ignore,
}

/// `Include` or `Skip`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Controlled {
    /// Controlled objects are judged as all others.
    #[default]
    Include,
    /// What kube-system's controllers make is not judged again for validation.
    Skip,
}

/// `Allow` or `Deny`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Existing {
    /// An UPDATE is denied only for findings that the old object did not have.
    #[default]
    Allow,
    /// An UPDATE is denied for all findings.
    Deny,
}

/// What the paths of a rule count from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Base {
    /// The object as a whole.
    #[default]
    Object,
    /// The `spec` of its Pod template, or of the Pod.
    PodSpec,
    /// The `metadata` of its Pod template, or of the Pod.
    PodMetadata,
}

impl Base {
    /// The name in policies, and that of the variable in expressions.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::PodSpec => "podSpec",
            Self::PodMetadata => "podMetadata",
        }
    }
}

/// A kind of probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Probe {
    /// Restarts a container that hangs.
    LivenessProbe,
    /// Keeps traffic from a container that cannot serve.
    ReadinessProbe,
    /// Gives a slow container time to start.
    StartupProbe,
}

/// `Warn` or `Deny`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum WhenAbsent {
    /// The Service may come after its StatefulSet.
    #[default]
    Warn,
    /// It must be there first.
    Deny,
}

/// What an object says of others holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct References {
    /// Which question is asked.
    pub check: ReferenceCheck,
    /// Only findings of what is `Known`, or only what is `Unknown`, for the input does not show it; both unless said.
    #[serde(default)]
    pub certainty: Option<AskedCertainty>,
    /// `roleGrants` and `bindingGrants`: what nobody is to be granted.
    #[serde(default)]
    pub grants: Vec<Grant>,
}

/// `Known` or `Unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum AskedCertainty {
    /// The input shows that something is wrong.
    Known,
    /// The input does not show what it takes to tell.
    Unknown,
}

/// A question about an object and others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ReferenceCheck {
    /// A Service with a selector selects a Pod template of its namespace.
    ServiceSelectsPods,
    /// A named targetPort of a Service is a port of some of the Pods that it selects.
    ServiceTargetPorts,
    /// A named targetPort that some of the selected Pods have is a port of all of them.
    ServiceTargetPortsOfAll,
    /// A Service selects no Pods that say nothing of when they are ready.
    ServiceReadiness,
    /// The ports that probes and hooks ask by name are ports of their container.
    ProbePorts,
    /// The Services and ports of an Ingress exist.
    IngressBackends,
    /// What a HorizontalPodAutoscaler scales exists.
    AutoscalerTarget,
    /// What a HorizontalPodAutoscaler scales does not say `replicas` as well.
    AutoscaledReplicas,
    /// A Deployment has `params.minimum` replicas, or an autoscaler.
    MinimumReplicas,
    /// A PodDisruptionBudget covers the Pods.
    BudgetCovers,
    /// A PodDisruptionBudget selects Pods.
    BudgetSelects,
    /// A PodDisruptionBudget lets some Pod go.
    BudgetBlocks,
    /// The Pods of a PodDisruptionBudget have no other.
    BudgetOverlaps,
    /// A PodDisruptionBudget does not ask for more Pods than an autoscaler keeps.
    BudgetAboveAutoscaler,
    /// A NetworkPolicy says what may reach the Pods.
    IngressIsolated,
    /// A NetworkPolicy says what the Pods may reach.
    EgressIsolated,
    /// A NetworkPolicy selects Pods.
    NetworkPolicySelects,
    /// The peers of a NetworkPolicy select Pods.
    NetworkPolicyPeers,
    /// A ServiceMonitor selects a Service.
    MonitorSelects,
    /// The ServiceAccount of the Pods exists.
    ServiceAccountExists,
    /// ConfigMaps, Secrets and their keys exist that the object refers to.
    ConfigurationExists,
    /// PersistentVolumeClaims, PersistentVolumes and StorageClasses exist that the object refers to.
    StorageExists,
    /// The role of a binding exists.
    RoleExists,
    /// A role grants none of `grants`.
    RoleGrants,
    /// The role of a binding grants none of `grants`.
    BindingGrants,
    /// No other object of the file, or of a kustomization that lists it, is the same one.
    Unique,
    /// No object of another file of the folder is the same one; with `--complete`, of any file.
    UniqueInFolder,
}

impl ReferenceCheck {
    /// Whether it is asked of the Pods that an object makes, and so of each Pod template by itself.
    #[must_use]
    pub fn is_about_pods(self) -> bool {
        matches!(
            self,
            Self::ProbePorts
                | Self::BudgetCovers
                | Self::IngressIsolated
                | Self::EgressIsolated
                | Self::ServiceAccountExists
                | Self::ConfigurationExists
                | Self::StorageExists
        )
    }
}

/// Rights: a rule of a role grants them when it has one of each list, or the wildcard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grant {
    /// API groups; the core group is `""`.
    #[serde(default)]
    pub api_groups: Vec<String>,
    /// Resources, subresources as in `pods/exec`; `*` stands for the wildcard itself.
    #[serde(default)]
    pub resources: Vec<String>,
    /// Verbs; `*` stands for all that matter, be they written one by one.
    #[serde(default)]
    pub verbs: Vec<String>,
}
