#![allow(clippy::unwrap_used)]

use super::*;
use std::path::PathBuf;

#[test]
fn look_ups() {
    let groups = |kind: &str| rows(kind).iter().map(|row| row.group).collect::<Vec<_>>();
    assert_eq!(groups("Event"), ["", "events.k8s.io"]);
    assert_eq!(groups("Deployment"), ["apps", "extensions"]);
    assert_eq!(groups("Rollout"), ["argoproj.io"]);
    assert_eq!(groups("Rollouts"), [""; 0]);
    assert_eq!(find("apps", "Deployment").unwrap().resource, "deployments");
    assert_eq!(find("extensions", "Deployment"), None);
    assert_eq!(get("extensions", "Deployment").unwrap().role, Role::Other);
    assert_eq!(by_resource("", "pods").unwrap().kind, "Pod");
    assert_eq!(by_resource("argoproj.io", "rollouts").unwrap().kind, "Rollout");
    assert_eq!(by_resource("apps", "pods"), None);
    assert_eq!(by_resource("", ""), None);
    assert_eq!(scope("", "Namespace"), Some(Scope::Cluster));
    assert_eq!(scope("policy", "PodSecurityPolicy"), Some(Scope::Cluster));
    assert_eq!(scope("argoproj.io", "Rollout"), Some(Scope::Namespaced));
    assert_eq!(scope("example.com", "Widget"), None);
    for (kind, built_in, kubernetes) in [
        ("Pod", true, true),
        ("PodSecurityPolicy", false, true),
        ("PodExecOptions", false, true),
        ("Status", false, true),
        ("Rollout", false, false),
        ("Service", true, true),
        ("Widget", false, false),
    ] {
        assert_eq!((is_built_in(kind), is_kubernetes(kind)), (built_in, kubernetes), "{kind}");
    }
    for (group, own) in
        [("", true), ("apps", true), ("extensions", true), ("argoproj.io", false), ("example.com", false)]
    {
        assert_eq!(is_own_group(group), own, "{group}");
    }
}

#[test]
fn resources_of_kinds() {
    let rows = [
        ("", "Endpoints", "endpoints"),
        ("networking.k8s.io", "NetworkPolicy", "networkpolicies"),
        ("networking.k8s.io", "Ingress", "ingresses"),
        ("argoproj.io", "Rollout", "rollouts"),
        ("autoscaling", "Scale", "scales"),
        ("example.com", "Policy", "policies"),
        ("example.com", "Class", "classes"),
        ("example.com", "MyEndpoints", "myendpoints"),
        ("example.com", "", ""),
    ];
    for (group, kind, resource) in rows {
        assert_eq!(resource_of(group, kind), resource, "{kind}");
    }
}

/// What every binary search relies on.
#[test]
fn the_table_is_sorted() {
    assert!(KINDS.is_sorted_by(|a, b| (a.kind, a.group) < (b.kind, b.group)));
    let resource = |index: &u16| (KINDS[usize::from(*index)].group, KINDS[usize::from(*index)].resource);
    assert!(BY_RESOURCE.is_sorted_by(|a, b| resource(a) < resource(b)));
    assert_eq!(BY_RESOURCE.len(), KINDS.iter().filter(|row| !row.resource.is_empty()).count());
    assert!(GROUPS.is_sorted_by(|a, b| a < b));
    for row in &KINDS {
        assert!(row.subresources.is_sorted_by(|a, b| a.name < b.name), "{}", row.kind);
        assert_eq!(row.scope.is_some(), !row.resource.is_empty(), "{}", row.kind);
        assert!(row.templates.iter().all(|at| at.is_empty() || at.starts_with('/')), "{}", row.kind);
        assert!(row.role != Role::BuiltIn || row.recent_versions().count() > 0, "{}", row.kind);
    }
}

#[test]
fn versions_by_release() {
    let served = |group: &str, kind: &str, minor: u32| -> Vec<&str> {
        let row = get(group, kind).unwrap();
        row.versions
            .iter()
            .filter(|version| version.is_served_by(minor))
            .map(|version| version.name)
            .collect()
    };
    for (group, kind, minor, expected) in [
        ("apps", "Deployment", 8, vec!["v1beta2", "v1beta1"]),
        ("apps", "Deployment", 37, vec!["v1"]),
        ("autoscaling", "HorizontalPodAutoscaler", 24, vec!["v2", "v1", "v2beta2", "v2beta1"]),
        ("autoscaling", "HorizontalPodAutoscaler", 26, vec!["v2", "v1"]),
        ("batch", "CronJob", 24, vec!["v1", "v1beta1"]),
        ("batch", "CronJob", 25, vec!["v1"]),
        ("policy", "PodSecurityPolicy", 24, vec!["v1beta1"]),
        ("policy", "PodSecurityPolicy", 25, vec![]),
        ("networking.k8s.io", "IPAddress", 31, vec!["v1beta1"]),
        ("resource.k8s.io", "ResourceClaim", 33, vec!["v1beta2", "v1beta1", "v1alpha3"]),
        ("resource.k8s.io", "ResourceClaim", 37, vec!["v1", "v1beta2", "v1beta1"]),
        ("resource.k8s.io", "ResourceClaim", 38, vec!["v1", "v1beta2"]),
    ] {
        assert_eq!(served(group, kind, minor), expected, "{kind} 1.{minor}");
    }
    let claim: Vec<_> = get("resource.k8s.io", "ResourceClaim").unwrap().recent_versions().collect();
    assert_eq!(claim, ["v1", "v1beta2", "v1beta1", "v1alpha3"]);
    let resize = |minor| {
        let pod = find("", "Pod").unwrap();
        pod.subresources.iter().any(|s| s.name == "resize" && s.is_served_by(minor))
    };
    assert_eq!([resize(31), resize(32), resize(37)], [false, true, true]);
}

#[test]
fn what_is_sent_to_subresources() {
    assert_eq!(CONNECTED, ["attach", "exec", "portforward", "proxy"]);
    let bodies: Vec<&str> = bodies().map(|row| row.kind).collect();
    assert_eq!(
        bodies,
        [
            "Eviction",
            "NodeProxyOptions",
            "PodAttachOptions",
            "PodExecOptions",
            "PodPortForwardOptions",
            "PodProxyOptions",
            "Scale",
            "ServiceProxyOptions",
            "TokenRequest",
        ]
    );
    let scalable: Vec<&str> = built_in().filter(|row| row.is_scalable()).map(|row| row.kind).collect();
    assert_eq!(scalable, ["Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"]);
    let workloads: Vec<&str> = workloads().map(|row| row.kind).collect();
    assert_eq!(
        workloads,
        [
            "CronJob",
            "DaemonSet",
            "Deployment",
            "Job",
            "Pod",
            "ReplicaSet",
            "ReplicationController",
            "StatefulSet",
        ]
    );
}

/// Resources, scopes, versions and subresources are those of a real 1.36.
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
    let kinds = schema["kinds"].as_object().unwrap();
    let split = |name: &str| -> [String; 3] {
        let parts: Vec<&str> = name.split('/').collect();
        match parts[..] {
            [version, kind] => ["", version, kind].map(str::to_owned),
            [group, version, kind] => [group, version, kind].map(str::to_owned),
            _ => panic!("{name}"),
        }
    };
    let mut seen = 0;
    for (name, about) in kinds {
        let Some(resource) = about["resource"].as_str() else { continue };
        let [group, version, kind] = split(name);
        let ours = find(&group, &kind).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(by_resource(&group, resource), Some(ours), "{name}");
        assert_eq!(ours.scope == Some(Scope::Namespaced), about["namespaced"].as_bool().unwrap(), "{name}");
        assert!(ours.versions.iter().any(|v| v.name == version && v.is_served_by(36)), "{name}");
        let theirs = about["subresources"].as_object();
        let subresources: Vec<&Subresource> =
            ours.subresources.iter().filter(|s| s.is_served_by(36)).collect();
        assert_eq!(subresources.len(), theirs.map_or(0, |map| map.len()), "{name}");
        for subresource in subresources {
            let body = subresource.body.map_or_else(|| split(name), |body| body.map(str::to_owned));
            assert_eq!(
                split(theirs.unwrap()[subresource.name]["kind"].as_str().unwrap()),
                body,
                "{name} {}",
                subresource.name
            );
        }
        seen += 1;
    }
    assert!(seen > 80, "{seen}");
    // what the table has beside that is behind feature gates, and nothing else
    let beside: Vec<String> = built_in()
        .flat_map(|row| row.versions.iter().filter(|v| v.is_served_by(36)).map(move |v| (row, v.name)))
        .map(|(row, version)| match row.group {
            "" => format!("{version}/{}", row.kind),
            group => format!("{group}/{version}/{}", row.kind),
        })
        .filter(|name| kinds.get(name).is_none_or(|about| about.get("resource").is_none()))
        .collect();
    assert_eq!(
        beside,
        [
            "certificates.k8s.io/v1beta1/ClusterTrustBundle",
            "certificates.k8s.io/v1alpha1/ClusterTrustBundle",
            "certificates.k8s.io/v1beta1/PodCertificateRequest",
            "scheduling.k8s.io/v1alpha2/PodGroup",
            "storagemigration.k8s.io/v1beta1/StorageVersionMigration",
            "scheduling.k8s.io/v1alpha2/Workload",
        ]
    );
}
