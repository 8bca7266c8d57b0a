//! What runs in every cluster, and in no manifest of an application: the DNS, the control plane, the API server's Service.
//!
//! A rule that asks whether something has these labels may not say that nothing has, be the input complete or not.

use crate::document::Document;
use crate::resource::selector::LabelSelector;

/// Pods by namespace and labels. The DNS is the addon `kube-dns`, whatever program it runs
/// (<https://github.com/kubernetes/kubernetes/tree/master/cluster/addons/dns>); kubeadm labels the control plane's
/// static Pods (`cmd/kubeadm/app/util/staticpod`).
const PODS: [(&str, &[(&str, &str)]); 9] = [
    ("kube-system", &[("k8s-app", "kube-dns")]),
    ("kube-system", &[("k8s-app", "node-local-dns")]),
    ("kube-system", &[("k8s-app", "kube-proxy")]),
    ("kube-system", &[("component", "kube-apiserver"), ("tier", "control-plane")]),
    ("kube-system", &[("component", "kube-controller-manager"), ("tier", "control-plane")]),
    ("kube-system", &[("component", "kube-scheduler"), ("tier", "control-plane")]),
    ("kube-system", &[("component", "etcd"), ("tier", "control-plane")]),
    ("openshift-dns", &[("dns.operator.openshift.io/daemonset-dns", "default")]),
    (
        "openshift-ingress",
        &[("ingresscontroller.operator.openshift.io/deployment-ingresscontroller", "default")],
    ),
];

/// Services by namespace, name and labels.
#[allow(clippy::type_complexity)] // a table
const SERVICES: [(&str, &str, &[(&str, &str)]); 2] = [
    ("default", "kubernetes", &[("component", "apiserver"), ("provider", "kubernetes")]),
    (
        "kube-system",
        "kube-dns",
        &[
            ("k8s-app", "kube-dns"),
            ("kubernetes.io/cluster-service", "true"),
            ("kubernetes.io/name", "CoreDNS"),
        ],
    ),
];

/// The namespaces that every cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

/// The namespaces of Pods that run in every cluster, or in every one of a kind, and that a selector selects.
pub(super) fn pods(selector: &LabelSelector) -> impl Iterator<Item = &'static str> {
    PODS.iter().filter(|(_, labels)| selects(selector, labels)).map(|(namespace, _)| *namespace)
}

/// Whether the selector selects a Service that every cluster has in the namespace; `None`: in any.
pub(super) fn selects_service(selector: &LabelSelector, namespace: Option<&str>) -> bool {
    let of = |own: &str| namespace.is_none_or(|namespace| namespace == own);
    SERVICES.iter().any(|(own, _, labels)| of(own) && selects(selector, labels))
}

/// Whether every cluster has this Service.
pub(super) fn has_service(namespace: &str, name: &str) -> bool {
    SERVICES.iter().any(|(own, service, _)| (*own, *service) == (namespace, name))
}

/// Whether every cluster has this namespace.
pub(super) fn has_namespace(name: &str) -> bool {
    NAMESPACES.contains(&name)
}

fn selects(selector: &LabelSelector, labels: &[(&str, &str)]) -> bool {
    let map: serde_json::Map<String, serde_json::Value> =
        labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
    !selector.is_everything()
        && Document::from_value(&map).is_ok_and(|document| selector.matches(Some(document.root())))
}
