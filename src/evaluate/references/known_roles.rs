//! The ClusterRoles that every cluster has, as far as their rights matter here (plugin/pkg/auth/authorizer/rbac/
//! bootstrappolicy/policy.go and controller_policy.go).

/// A rule: API groups, resources, verbs.
pub(super) type Known = (&'static [&'static str], &'static [&'static str], &'static [&'static str]);

const ALL: &[&str] = &["*"];
const CORE: &[&str] = &[""];
const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];

const VIEW: &[Known] = &[
    (CORE, &["configmaps", "endpoints", "persistentvolumeclaims", "pods", "pods/log", "services"], READ),
    (&["apps"], &["daemonsets", "deployments", "replicasets", "statefulsets"], READ),
    (&["batch"], &["cronjobs", "jobs"], READ),
];

const EDIT: &[Known] = &[
    (
        CORE,
        &["secrets", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "services/proxy"],
        READ,
    ),
    (CORE, &["pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy"], WRITE),
    (CORE, &["pods/eviction", "serviceaccounts/token"], &["create"]),
    (
        CORE,
        &[
            "configmaps",
            "persistentvolumeclaims",
            "replicationcontrollers",
            "secrets",
            "serviceaccounts",
            "services",
        ],
        WRITE,
    ),
    (CORE, &["serviceaccounts"], &["impersonate"]),
    (&["apps"], &["daemonsets", "deployments", "replicasets", "statefulsets"], WRITE),
    (&["batch"], &["cronjobs", "jobs"], WRITE),
];

const ADMIN: &[Known] = &[
    (&["rbac.authorization.k8s.io"], &["rolebindings", "roles"], READ),
    (&["rbac.authorization.k8s.io"], &["rolebindings", "roles"], WRITE),
];

const CONTROLLER_MANAGER: &[Known] = &[
    (CORE, &["secrets", "serviceaccounts"], &["create", "get", "update"]),
    (CORE, &["secrets"], READ),
    (ALL, ALL, READ),
];

/// The rules of a built-in ClusterRole; `None`: it is not built in. Those of `system:` that are not written out grant
/// nothing that the library asks about.
pub(super) fn rules(name: &str) -> Option<Vec<Known>> {
    Some(match name {
        "cluster-admin" => vec![(ALL, ALL, ALL)],
        "admin" => [VIEW, EDIT, ADMIN].concat(),
        "edit" => [VIEW, EDIT].concat(),
        "view" => VIEW.to_vec(),
        "system:aggregate-to-admin" => ADMIN.to_vec(),
        "system:aggregate-to-edit" => EDIT.to_vec(),
        "system:aggregate-to-view" => VIEW.to_vec(),
        "system:kube-controller-manager" => CONTROLLER_MANAGER.to_vec(),
        "system:node" => {
            vec![(CORE, &["configmaps", "secrets"], READ), (CORE, &["pods"], &["create", "delete"])]
        }
        "system:controller:clusterrole-aggregation-controller" => {
            vec![(
                &["rbac.authorization.k8s.io"],
                &["clusterroles"],
                &["escalate", "get", "list", "patch", "update", "watch"],
            )]
        }
        "system:controller:cronjob-controller" => {
            vec![(&["batch"], &["jobs"], &["create", "delete", "get", "list", "patch", "update", "watch"])]
        }
        "system:controller:deployment-controller" => {
            vec![(
                &["apps"],
                &["replicasets"],
                &["create", "delete", "get", "list", "patch", "update", "watch"],
            )]
        }
        "system:controller:daemon-set-controller"
        | "system:controller:job-controller"
        | "system:controller:replicaset-controller"
        | "system:controller:replication-controller"
        | "system:controller:statefulset-controller" => {
            vec![(CORE, &["pods"], &["create", "delete", "get", "list", "patch", "watch"])]
        }
        "system:controller:expand-controller" | "system:controller:persistent-volume-binder" => {
            vec![(CORE, &["secrets"], &["get"])]
        }
        "system:controller:generic-garbage-collector" => {
            vec![(ALL, ALL, &["delete", "get", "list", "patch", "update", "watch"])]
        }
        "system:controller:namespace-controller" => {
            vec![(ALL, ALL, &["delete", "deletecollection", "get", "list"])]
        }
        "system:controller:resourcequota-controller" => vec![(ALL, ALL, &["list", "watch"])],
        name if name.starts_with("system:") => Vec::new(),
        _ => return None,
    })
}
