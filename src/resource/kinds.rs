//! The kinds that kube-apiserver itself serves, Kubernetes 1.33 to 1.37.
//!
//! Three things need them: a bare `Kind` in a policy stands for the built-in of that name; a request made up offline
//! has to name the resource (`pods`) of its object's kind; and a cluster-scoped object has no namespace to default.
//! Custom kinds are in nobody's table: what is not here is [unknown](scope), and offline taken as namespaced.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Whether objects of a kind live in namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// Above the namespaces.
    Cluster,
}

/// A kind of the API server's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltIn {
    /// The API group, `""` for the core one.
    pub group: &'static str,
    /// As in `kind:`.
    pub kind: &'static str,
    /// The plural under which requests name it.
    pub resource: &'static str,
    /// Versions served in any of the releases, the most stable first. To know kinds by, not to refuse others.
    pub versions: &'static [&'static str],
    /// Where its objects live.
    pub scope: Scope,
}

const fn row(
    group: &'static str,
    versions: &'static [&'static str],
    scope: Scope,
    kind: &'static str,
    resource: &'static str,
) -> BuiltIn {
    BuiltIn { group, kind, resource, versions, scope }
}

const ADMISSION: &str = "admissionregistration.k8s.io";
const AUTHORIZATION: &str = "authorization.k8s.io";
const CERTIFICATES: &str = "certificates.k8s.io";
const FLOW: &str = "flowcontrol.apiserver.k8s.io";
const NETWORKING: &str = "networking.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";
const RESOURCE: &str = "resource.k8s.io";
const SCHEDULING: &str = "scheduling.k8s.io";
const STORAGE: &str = "storage.k8s.io";
const CLUSTER: Scope = Scope::Cluster;
const NAMESPACED: Scope = Scope::Namespaced;

/// By group, as the API reference lists them.
const TABLE: &[BuiltIn] = &[
    row("", &["v1"], NAMESPACED, "Binding", "bindings"),
    row("", &["v1"], CLUSTER, "ComponentStatus", "componentstatuses"),
    row("", &["v1"], NAMESPACED, "ConfigMap", "configmaps"),
    row("", &["v1"], NAMESPACED, "Endpoints", "endpoints"),
    row("", &["v1"], NAMESPACED, "Event", "events"),
    row("", &["v1"], NAMESPACED, "LimitRange", "limitranges"),
    row("", &["v1"], CLUSTER, "Namespace", "namespaces"),
    row("", &["v1"], CLUSTER, "Node", "nodes"),
    row("", &["v1"], CLUSTER, "PersistentVolume", "persistentvolumes"),
    row("", &["v1"], NAMESPACED, "PersistentVolumeClaim", "persistentvolumeclaims"),
    row("", &["v1"], NAMESPACED, "Pod", "pods"),
    row("", &["v1"], NAMESPACED, "PodTemplate", "podtemplates"),
    row("", &["v1"], NAMESPACED, "ReplicationController", "replicationcontrollers"),
    row("", &["v1"], NAMESPACED, "ResourceQuota", "resourcequotas"),
    row("", &["v1"], NAMESPACED, "Secret", "secrets"),
    row("", &["v1"], NAMESPACED, "Service", "services"),
    row("", &["v1"], NAMESPACED, "ServiceAccount", "serviceaccounts"),
    row(
        ADMISSION,
        &["v1", "v1beta1", "v1alpha1"],
        CLUSTER,
        "MutatingAdmissionPolicy",
        "mutatingadmissionpolicies",
    ),
    row(
        ADMISSION,
        &["v1", "v1beta1", "v1alpha1"],
        CLUSTER,
        "MutatingAdmissionPolicyBinding",
        "mutatingadmissionpolicybindings",
    ),
    row(ADMISSION, &["v1"], CLUSTER, "MutatingWebhookConfiguration", "mutatingwebhookconfigurations"),
    row(ADMISSION, &["v1", "v1beta1"], CLUSTER, "ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
    row(
        ADMISSION,
        &["v1", "v1beta1"],
        CLUSTER,
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
    ),
    row(ADMISSION, &["v1"], CLUSTER, "ValidatingWebhookConfiguration", "validatingwebhookconfigurations"),
    row("apiextensions.k8s.io", &["v1"], CLUSTER, "CustomResourceDefinition", "customresourcedefinitions"),
    row("apiregistration.k8s.io", &["v1"], CLUSTER, "APIService", "apiservices"),
    row("apps", &["v1"], NAMESPACED, "ControllerRevision", "controllerrevisions"),
    row("apps", &["v1"], NAMESPACED, "DaemonSet", "daemonsets"),
    row("apps", &["v1"], NAMESPACED, "Deployment", "deployments"),
    row("apps", &["v1"], NAMESPACED, "ReplicaSet", "replicasets"),
    row("apps", &["v1"], NAMESPACED, "StatefulSet", "statefulsets"),
    row("authentication.k8s.io", &["v1"], CLUSTER, "SelfSubjectReview", "selfsubjectreviews"),
    row("authentication.k8s.io", &["v1"], CLUSTER, "TokenReview", "tokenreviews"),
    row(AUTHORIZATION, &["v1"], NAMESPACED, "LocalSubjectAccessReview", "localsubjectaccessreviews"),
    row(AUTHORIZATION, &["v1"], CLUSTER, "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
    row(AUTHORIZATION, &["v1"], CLUSTER, "SelfSubjectRulesReview", "selfsubjectrulesreviews"),
    row(AUTHORIZATION, &["v1"], CLUSTER, "SubjectAccessReview", "subjectaccessreviews"),
    row("autoscaling", &["v2", "v1"], NAMESPACED, "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    row("batch", &["v1"], NAMESPACED, "CronJob", "cronjobs"),
    row("batch", &["v1"], NAMESPACED, "Job", "jobs"),
    row(CERTIFICATES, &["v1"], CLUSTER, "CertificateSigningRequest", "certificatesigningrequests"),
    row(CERTIFICATES, &["v1beta1", "v1alpha1"], CLUSTER, "ClusterTrustBundle", "clustertrustbundles"),
    row(
        CERTIFICATES,
        &["v1beta1", "v1alpha1"],
        NAMESPACED,
        "PodCertificateRequest",
        "podcertificaterequests",
    ),
    row("coordination.k8s.io", &["v1"], NAMESPACED, "Lease", "leases"),
    row("coordination.k8s.io", &["v1beta1", "v1alpha2"], NAMESPACED, "LeaseCandidate", "leasecandidates"),
    row("discovery.k8s.io", &["v1"], NAMESPACED, "EndpointSlice", "endpointslices"),
    row("events.k8s.io", &["v1"], NAMESPACED, "Event", "events"),
    row(FLOW, &["v1"], CLUSTER, "FlowSchema", "flowschemas"),
    row(FLOW, &["v1"], CLUSTER, "PriorityLevelConfiguration", "prioritylevelconfigurations"),
    row("internal.apiserver.k8s.io", &["v1alpha1"], CLUSTER, "StorageVersion", "storageversions"),
    row(NETWORKING, &["v1", "v1beta1"], CLUSTER, "IPAddress", "ipaddresses"),
    row(NETWORKING, &["v1"], NAMESPACED, "Ingress", "ingresses"),
    row(NETWORKING, &["v1"], CLUSTER, "IngressClass", "ingressclasses"),
    row(NETWORKING, &["v1"], NAMESPACED, "NetworkPolicy", "networkpolicies"),
    row(NETWORKING, &["v1", "v1beta1"], CLUSTER, "ServiceCIDR", "servicecidrs"),
    row("node.k8s.io", &["v1"], CLUSTER, "RuntimeClass", "runtimeclasses"),
    row("policy", &["v1"], NAMESPACED, "PodDisruptionBudget", "poddisruptionbudgets"),
    row(RBAC, &["v1"], CLUSTER, "ClusterRole", "clusterroles"),
    row(RBAC, &["v1"], CLUSTER, "ClusterRoleBinding", "clusterrolebindings"),
    row(RBAC, &["v1"], NAMESPACED, "Role", "roles"),
    row(RBAC, &["v1"], NAMESPACED, "RoleBinding", "rolebindings"),
    row(RESOURCE, &["v1", "v1beta2", "v1beta1"], CLUSTER, "DeviceClass", "deviceclasses"),
    row(RESOURCE, &["v1", "v1beta2", "v1beta1"], NAMESPACED, "ResourceClaim", "resourceclaims"),
    row(
        RESOURCE,
        &["v1", "v1beta2", "v1beta1"],
        NAMESPACED,
        "ResourceClaimTemplate",
        "resourceclaimtemplates",
    ),
    row(RESOURCE, &["v1", "v1beta2", "v1beta1"], CLUSTER, "ResourceSlice", "resourceslices"),
    row(RESOURCE, &["v1beta2", "v1alpha3"], CLUSTER, "DeviceTaintRule", "devicetaintrules"),
    row(RESOURCE, &["v1alpha3"], CLUSTER, "ResourcePoolStatusRequest", "resourcepoolstatusrequests"),
    row(SCHEDULING, &["v1"], CLUSTER, "PriorityClass", "priorityclasses"),
    row(SCHEDULING, &["v1beta1", "v1alpha3", "v1alpha2", "v1alpha1"], NAMESPACED, "Workload", "workloads"),
    row(SCHEDULING, &["v1beta1", "v1alpha3", "v1alpha2"], NAMESPACED, "PodGroup", "podgroups"),
    row(SCHEDULING, &["v1alpha3"], NAMESPACED, "CompositePodGroup", "compositepodgroups"),
    row(STORAGE, &["v1"], CLUSTER, "CSIDriver", "csidrivers"),
    row(STORAGE, &["v1"], CLUSTER, "CSINode", "csinodes"),
    row(STORAGE, &["v1"], NAMESPACED, "CSIStorageCapacity", "csistoragecapacities"),
    row(STORAGE, &["v1"], CLUSTER, "StorageClass", "storageclasses"),
    row(STORAGE, &["v1"], CLUSTER, "VolumeAttachment", "volumeattachments"),
    row(STORAGE, &["v1", "v1beta1"], CLUSTER, "VolumeAttributesClass", "volumeattributesclasses"),
    row(
        "storagemigration.k8s.io",
        &["v1beta1", "v1alpha1"],
        CLUSTER,
        "StorageVersionMigration",
        "storageversionmigrations",
    ),
];

/// The table by kind, then group: the core group before the others.
static BY_KIND: LazyLock<Vec<BuiltIn>> = LazyLock::new(|| {
    let mut rows = TABLE.to_vec();
    rows.sort_by_key(|b| (b.kind, b.group));
    rows
});

static BY_RESOURCE: LazyLock<HashMap<(&'static str, &'static str), &'static BuiltIn>> =
    LazyLock::new(|| TABLE.iter().map(|b| ((b.group, b.resource), b)).collect());

/// Every built-in kind, by kind and group.
#[must_use]
pub fn all() -> &'static [BuiltIn] {
    &BY_KIND
}

/// The built-ins of this name, in any group: two for `Event`, else one or none.
#[must_use]
pub fn named(kind: &str) -> &'static [BuiltIn] {
    let rows: &'static [BuiltIn] = &BY_KIND;
    let start = rows.partition_point(|b| b.kind < kind);
    let end = start + rows[start..].partition_point(|b| b.kind == kind);
    &rows[start..end]
}

/// The built-in of this group and kind, whatever its version: scope and resource never differ between versions.
#[must_use]
pub fn find(group: &str, kind: &str) -> Option<&'static BuiltIn> {
    named(kind).iter().find(|b| b.group == group)
}

/// The built-in that requests for this resource are about.
#[must_use]
pub fn by_resource(group: &str, resource: &str) -> Option<&'static BuiltIn> {
    BY_RESOURCE.get(&(group, resource)).copied()
}

/// Where objects of this kind live, if it is built in.
#[must_use]
pub fn scope(group: &str, kind: &str) -> Option<Scope> {
    find(group, kind).map(|b| b.scope)
}

/// Kinds of Kubernetes' own groups that are not in the table: no longer served, or sent to subresources and never stored.
const OTHERS: [&str; 39] = [
    "APIGroup",
    "APIGroupList",
    "APIResourceList",
    "APIVersions",
    "AuditSink",
    "Binding",
    "ClusterCIDR",
    "ComponentStatus",
    "DeleteOptions",
    "DeploymentRollback",
    "Eviction",
    "ExternalAdmissionHookConfiguration",
    "InitializerConfiguration",
    "NodeProxyOptions",
    "PodAttachOptions",
    "PodExecOptions",
    "PodLogOptions",
    "PodPortForwardOptions",
    "PodPreset",
    "PodProxyOptions",
    "PodScheduling",
    "PodSchedulingContext",
    "PodSecurityPolicy",
    "PodSecurityPolicyReview",
    "PodStatusResult",
    "RangeAllocation",
    "ResourceClaimParameters",
    "ResourceClass",
    "ResourceClassParameters",
    "Scale",
    "ScheduledJob",
    "SerializedReference",
    "ServiceProxyOptions",
    "Status",
    "ThirdPartyResource",
    "TokenRequest",
    "WatchEvent",
    "Patch",
    // what the scheduler was told by a file until 1.22
    "Policy",
];

/// Whether one of Kubernetes' own groups has or had such a kind, though the table does not list it.
#[must_use]
pub fn is_unlisted(kind: &str) -> bool {
    OTHERS.contains(&kind)
}

/// The resource of a kind: from the table, else guessed as kubectl guesses (`meta.UnsafeGuessKindToResource`).
#[must_use]
pub fn resource_of(group: &str, kind: &str) -> String {
    if let Some(known) = find(group, kind) {
        return known.resource.to_owned();
    }
    let singular = kind.to_lowercase();
    match singular.as_bytes().last() {
        _ if singular.ends_with("endpoints") => singular,
        Some(b's') => singular + "es",
        Some(b'y') => singular[..singular.len() - 1].to_owned() + "ies",
        Some(_) => singular + "s",
        None => singular,
    }
}

/// Endings whose plural is not told by rules: what they become, and what they may become instead of that.
const IRREGULAR: [(&str, &str); 11] = [
    ("ex", "ices"),
    ("ix", "ices"),
    ("is", "es"),
    ("um", "a"),
    ("us", "i"),
    ("on", "a"),
    ("fe", "ves"),
    ("f", "ves"),
    ("man", "men"),
    ("child", "children"),
    ("person", "people"),
];

/// Whether a CustomResourceDefinition may well give a kind another plural than those that [`may_be_plural`] knows, or
/// one of several: English has no rule for it.
#[must_use]
pub fn has_untold_plural(kind: &str) -> bool {
    let singular = kind.to_lowercase();
    // Application, Condition, Status: many kinds end so, and their plurals are regular
    let regular = ["ion", "status", "bus"].iter().any(|end| singular.ends_with(end));
    !regular && IRREGULAR.iter().any(|(end, _)| singular.ends_with(end))
}

/// Whether a custom kind may have this plural, of which requests to subresources say nothing else: kubectl's guess (see
/// [`resource_of`]), what people write (`gateways`, `indexes`, `indices`), or the kind itself.
#[must_use]
pub fn may_be_plural(kind: &str, plural: &str) -> bool {
    let singular = kind.to_lowercase();
    let with = |end: &str, instead: &str| {
        singular.strip_suffix(end).is_some_and(|stem| plural.strip_prefix(stem) == Some(instead))
    };
    singular == plural
        || with("", "s")
        || with("", "es")
        || with("y", "ies")
        || with("z", "zzes")
        || IRREGULAR.iter().any(|(end, instead)| with(end, instead))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    #[test]
    fn plurals_of_custom_kinds() {
        for (kind, plural, expected) in [
            ("Widget", "widgets", true),
            ("Widget", "widget", true),
            ("Widget", "gadgets", false),
            ("Gateway", "gateways", true),
            ("Gateway", "gatewaies", true),
            ("Policy", "policies", true),
            ("Mesh", "meshes", true),
            ("Quiz", "quizzes", true),
            ("Index", "indices", true),
            ("Index", "indexes", true),
            ("Analysis", "analyses", true),
            ("Medium", "media", true),
            ("Nucleus", "nuclei", true),
            ("Shelf", "shelves", true),
            ("Shelf", "shelf", true),
            ("SalesPerson", "salespeople", true),
            ("Ox", "oxen", false),
            ("X", "", false),
        ] {
            assert_eq!(may_be_plural(kind, plural), expected, "{kind} {plural}");
        }
        for (kind, untold) in
            [("Widget", false), ("Gateway", false), ("Application", false), ("Index", true), ("Shelf", true)]
        {
            assert_eq!(has_untold_plural(kind), untold, "{kind}");
        }
    }

    #[test]
    fn look_ups() {
        assert_eq!(named("Event").iter().map(|b| b.group).collect::<Vec<_>>(), ["", "events.k8s.io"]);
        assert_eq!(named("Deployment").len(), 1);
        assert_eq!(named("Rollout"), &[]);
        assert_eq!(find("apps", "Deployment").unwrap().resource, "deployments");
        assert_eq!(find("extensions", "Deployment"), None);
        assert_eq!(by_resource("", "pods").unwrap().kind, "Pod");
        assert_eq!(scope("", "Namespace"), Some(Scope::Cluster));
        assert_eq!(scope("argoproj.io", "Rollout"), None);
    }

    #[test]
    fn resources_of_kinds() {
        let rows = [
            ("", "Endpoints", "endpoints"),
            (NETWORKING, "NetworkPolicy", "networkpolicies"),
            (NETWORKING, "Ingress", "ingresses"),
            ("argoproj.io", "Rollout", "rollouts"),
            ("example.com", "Policy", "policies"),
            ("example.com", "Class", "classes"),
            ("example.com", "MyEndpoints", "myendpoints"),
            ("example.com", "", ""),
        ];
        for (group, kind, resource) in rows {
            assert_eq!(resource_of(group, kind), resource, "{kind}");
        }
    }

    #[test]
    fn kinds_and_resources_are_unique_in_their_group() {
        let kinds: BTreeSet<_> = TABLE.iter().map(|b| (b.group, b.kind)).collect();
        let resources: BTreeSet<_> = TABLE.iter().map(|b| (b.group, b.resource)).collect();
        assert_eq!((kinds.len(), resources.len()), (TABLE.len(), TABLE.len()));
    }

    /// What a real 1.36 serves is all in the table, as the table says.
    #[test]
    fn agrees_with_a_real_server() {
        let shared = std::env::var_os("PLIMSOLL_SHARED")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
        let path = shared.join("vectors/admission/schemas/fields-1.36.json");
        let Ok(text) = std::fs::read_to_string(&path) else {
            eprintln!("SKIPPED agrees_with_a_real_server: {} is missing", path.display());
            return;
        };
        let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut seen = 0;
        for (name, about) in schema["kinds"].as_object().unwrap() {
            let Some(resource) = about["resource"].as_str() else { continue };
            let parts: Vec<&str> = name.split('/').collect();
            let (group, version, kind) = match parts[..] {
                [version, kind] => ("", version, kind),
                [group, version, kind] => (group, version, kind),
                _ => panic!("{name}"),
            };
            let ours = find(group, kind).unwrap_or_else(|| panic!("{name} is missing"));
            assert_eq!(ours.resource, resource, "{name}");
            assert_eq!(ours.scope == Scope::Namespaced, about["namespaced"].as_bool().unwrap(), "{name}");
            assert!(ours.versions.contains(&version), "{name}");
            seen += 1;
        }
        assert!(seen > 80, "{seen}");
    }
}
