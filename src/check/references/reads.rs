//! What the checks look up, and what they read of it: what is to be watched in a cluster, and kept.
//!
//! A check also looks at what it has nobody watch, such as the autoscaler of what a Service selects: where another policy
//! has it watched, it must find the same in it as in the whole object.

use super::autoscalers::scalable;
use crate::api::{self, Kind};
use crate::cel::reads::Part;
use crate::host::fields::Fields;
use crate::policy::ReferenceCheck;
use crate::resource::made;

/// A kind that a check looks up.
#[derive(Debug, Clone)]
pub struct LookedUp {
    /// The group of the kind; empty for the core group.
    pub group: &'static str,
    /// The version that the check knows.
    pub version: &'static str,
    /// The kind that is looked up.
    pub kind: &'static str,
    /// What is read of the objects.
    pub fields: Fields,
    /// Whether it is to be watched; else it is looked at where it is watched for another reason. Secrets are not:
    /// whether one is there stays unknown to the webhook, and so do custom kinds that make them.
    pub watched: bool,
}

const RBAC: &str = "rbac.authorization.k8s.io";
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];
const SCALER: [&str; 3] = ["/spec/scaleTargetRef", "/spec/minReplicas", "/spec/maxReplicas"];

fn one(group: &'static str, version: &'static str, kind: &'static str, read: &[&str]) -> LookedUp {
    LookedUp { group, version, kind, fields: Fields::of(read), watched: true }
}

fn besides(looked_up: LookedUp) -> LookedUp {
    LookedUp { watched: false, ..looked_up }
}

/// What is read of each container of the Pods, beside labels and what tells which labels controllers add.
fn pods(of_container: &[&str], more: &[&str]) -> Vec<LookedUp> {
    let of = |known: &'static Kind| {
        let template = known.templates.first().copied().unwrap_or_default();
        let mut fields = Fields::of(&["/spec/replicas", "/spec/ordinals/start"]);
        let job = template.strip_suffix("/template").unwrap_or_default();
        for field in ["completionMode", "completions"] {
            fields.add_pointer(&format!("{job}/{field}"));
        }
        fields.add_pointer(&format!("{template}/metadata/labels"));
        fields.add_pointer(&format!("{template}/spec/"));
        for (list, field) in CONTAINERS.iter().flat_map(|list| of_container.iter().map(move |f| (list, f))) {
            fields.add_pointer(&format!("{template}/spec/{list}/*/{field}"));
        }
        more.iter().for_each(|pointer| fields.add_pointer(pointer));
        LookedUp { group: known.group, version: "v1", kind: known.kind, fields, watched: true }
    };
    api::workloads().map(of).chain(autoscalers().map(besides)).collect()
}

fn autoscalers() -> impl Iterator<Item = LookedUp> {
    [autoscaler(), scaled_object()].into_iter()
}

fn autoscaler() -> LookedUp {
    one("autoscaling", "v2", "HorizontalPodAutoscaler", &SCALER)
}

/// KEDA has a HorizontalPodAutoscaler made.
fn scaled_object() -> LookedUp {
    let read =
        ["/spec/scaleTargetRef", "/spec/idleReplicaCount", "/spec/minReplicaCount", "/spec/maxReplicaCount"];
    besides(one("keda.sh", "v1alpha1", "ScaledObject", &read))
}

fn budgets() -> LookedUp {
    one("policy", "v1", "PodDisruptionBudget", &["/spec/selector"])
}

/// The ConfigMaps themselves, Secrets, and what controllers make either of.
fn configuration() -> Vec<LookedUp> {
    let of = |(group, kind): (&'static str, &'static str)| {
        let (mut fields, mut watched) = (Fields::of(&["/spec/writeConnectionSecretToRef"]), false);
        match (group, kind) {
            ("", "ConfigMap" | "Secret") => {
                for pointer in ["/data/#", "/binaryData/#", "/stringData/#", "/type", "/metadata/labels"] {
                    fields.add_pointer(pointer);
                }
                watched = kind == "ConfigMap";
            }
            ("", "Service") => {}
            ("networking.k8s.io" | "extensions", "Ingress") | ("gateway.networking.k8s.io", "Gateway") => {
                fields.add_pointer("/spec/tls");
                fields.add_pointer("/spec/listeners");
            }
            _ => fields = Fields::whole(),
        }
        for annotation in made::annotations() {
            fields.add(&["metadata", "annotations", annotation].map(|key| Part::Key(key.into())));
        }
        LookedUp { group, version: "v1", kind, fields, watched }
    };
    made::kinds().map(of).collect()
}

fn storage() -> Vec<LookedUp> {
    let of_set = ["/spec/volumeClaimTemplates/*/metadata/name", "/spec/ordinals/start", "/spec/replicas"];
    let mut all = vec![
        one("", "v1", "PersistentVolume", &["/spec/storageClassName"]),
        one("", "v1", "PersistentVolumeClaim", &[]),
        one("storage.k8s.io", "v1", "StorageClass", &[]),
        besides(one("", "v1", "Pod", &["/spec/volumes/*/name"])),
        besides(one("apps", "v1", "StatefulSet", &of_set)),
    ];
    all.extend(autoscalers().map(besides));
    all
}

/// What a check looks up.
#[must_use]
pub(super) fn looks_up(check: ReferenceCheck) -> Vec<LookedUp> {
    use ReferenceCheck as Check;
    let roles = |read: &[&str]| one(RBAC, "v1", "ClusterRole", read);
    match check {
        Check::ServiceSelectsPods | Check::NetworkPolicySelects | Check::BudgetSelects => pods(&[], &[]),
        Check::ServiceTargetPorts | Check::ServiceTargetPortsOfAll => {
            pods(&["name", "restartPolicy", "ports/*/name", "ports/*/protocol"], &[])
        }
        Check::ServiceReadiness => pods(&["readinessProbe"], &[]),
        Check::BudgetOverlaps => pods(&[], &[]).into_iter().chain([budgets()]).collect(),
        Check::NetworkPolicyPeers => {
            pods(&[], &[]).into_iter().chain([one("", "v1", "Namespace", &["/metadata/labels"])]).collect()
        }
        Check::BudgetBlocks | Check::BudgetAboveAutoscaler => {
            pods(&[], &["/metadata/ownerReferences"]).into_iter().chain([autoscaler()]).collect()
        }
        Check::IngressBackends => {
            let read = ["/spec/type", "/spec/ports/*/name", "/spec/ports/*/port"];
            vec![one("", "v1", "Service", &read)]
        }
        Check::MonitorSelects => vec![one("", "v1", "Service", &["/metadata/labels"])],
        Check::AutoscalerTarget => scalable().map(|known| one(known.group, "v1", known.kind, &[])).collect(),
        Check::AutoscaledReplicas | Check::MinimumReplicas => vec![autoscaler(), scaled_object()],
        Check::BudgetCovers => vec![budgets(), autoscaler(), scaled_object()],
        Check::IngressIsolated | Check::EgressIsolated => {
            let read = ["/spec/podSelector", "/spec/policyTypes", "/spec/egress/#"];
            vec![one("networking.k8s.io", "v1", "NetworkPolicy", &read)]
        }
        Check::ServiceAccountExists => vec![one("", "v1", "ServiceAccount", &[])],
        Check::ConfigurationExists => configuration(),
        Check::StorageExists => storage(),
        Check::RoleExists => vec![one(RBAC, "v1", "Role", &[]), roles(&[])],
        Check::BindingGrants => {
            let read = ["/rules", "/aggregationRule/clusterRoleSelectors", "/metadata/labels"];
            vec![one(RBAC, "v1", "Role", &["/rules"]), roles(&read)]
        }
        Check::RoleGrants => vec![besides(roles(&["/rules"]))],
        Check::ProbePorts | Check::Unique | Check::UniqueInFolder => Vec::new(),
    }
}
