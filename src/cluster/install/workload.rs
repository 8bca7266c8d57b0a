//! What runs: Deployment, Service, and what keeps them up and apart.

use serde_json::{Value, json};

use super::{CLIENT_CA, CONFIGURATION, Cidr, EXEMPT, Fixed, Installation, NAME, POLICIES, labels, selector};

/// Where the container finds the policies of the ConfigMap.
const POLICY_FOLDER: &str = "/policies";
/// Where it finds the configuration file.
const CONFIGURATION_FOLDER: &str = "/configuration";
const CONFIGURATION_FILE: &str = "plimsoll.yaml";
/// Where it finds certificates that somebody else made.
const TLS_FOLDER: &str = "/tls";
/// Where it finds the CAs of those who may ask.
const CLIENT_CA_FOLDER: &str = "/client-ca";
const CLIENT_CA_FILE: &str = "ca.crt";

pub(super) fn objects(installation: &Installation) -> Vec<Value> {
    let mut objects = vec![
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": installation.metadata(POLICIES),
        }),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": installation.metadata(NAME),
            "spec": {
                "selector": selector(),
                "ports": [{"name": "webhook", "port": 443, "protocol": "TCP", "targetPort": "webhook"}],
            },
        }),
        deployment(installation),
        network_policy(installation),
    ];
    let mut further = |name: &str, file: &str, text: &Option<String>| {
        if let Some(text) = text {
            let metadata = installation.metadata(name);
            let data = json!({file: text});
            objects.insert(
                1,
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}),
            );
        }
    };
    further(CONFIGURATION, CONFIGURATION_FILE, &installation.configuration);
    further(CLIENT_CA, CLIENT_CA_FILE, &installation.client_ca);
    if installation.replicas >= 2 {
        objects.push(json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": installation.metadata(NAME),
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": selector()}},
        }));
    }
    objects
}

fn arguments(installation: &Installation) -> Vec<String> {
    let Installation { namespace, action_override, arguments, configuration, fixed, .. } = installation;
    let mut words = vec!["serve".to_owned(), "--in-cluster".to_owned()];
    let mut add = |words_of: &[&str]| words.extend(words_of.iter().map(|word| (*word).to_owned()));
    match fixed {
        Some(_) => {
            let (certificate, key) = (format!("{TLS_FOLDER}/tls.crt"), format!("{TLS_FOLDER}/tls.key"));
            add(&["--tls-cert", &certificate, "--tls-key", &key]);
        }
        None => {
            add(&["--register", "--service", NAME, "--service-namespace", namespace]);
            if installation.exempt != EXEMPT {
                add(&["--exempt-namespace", &installation.exempt.join(",")]);
            }
            if installation.replicas < 2 {
                add(&["--fail-open"]);
            }
        }
    }
    if installation.client_ca.is_some() {
        add(&["--client-ca", &format!("{CLIENT_CA_FOLDER}/{CLIENT_CA_FILE}")]);
    }
    add(&["--policies", POLICY_FOLDER, "--watch-policies"]);
    if configuration.is_some() {
        add(&["--config", &format!("{CONFIGURATION_FOLDER}/{CONFIGURATION_FILE}")]);
    }
    if let Some(action) = action_override {
        add(&["--action-override", action]);
    }
    words.extend(arguments.iter().cloned());
    words
}

fn deployment(installation: &Installation) -> Value {
    let Installation { image, replicas, fixed, .. } = installation;
    let mut volumes = vec![json!({"name": "policies", "configMap": {"name": POLICIES, "optional": true}})];
    let mut mounts = vec![json!({"name": "policies", "mountPath": POLICY_FOLDER, "readOnly": true})];
    if let Some(Fixed { tls_secret, .. }) = fixed {
        volumes.push(json!({"name": "tls", "secret": {"secretName": tls_secret}}));
        mounts.push(json!({"name": "tls", "mountPath": TLS_FOLDER, "readOnly": true}));
    }
    if installation.configuration.is_some() {
        volumes.push(json!({"name": "configuration", "configMap": {"name": CONFIGURATION}}));
        mounts.push(json!({"name": "configuration", "mountPath": CONFIGURATION_FOLDER, "readOnly": true}));
    }
    if installation.client_ca.is_some() {
        volumes.push(json!({"name": "client-ca", "configMap": {"name": CLIENT_CA}}));
        mounts.push(json!({"name": "client-ca", "mountPath": CLIENT_CA_FOLDER, "readOnly": true}));
    }
    let probe = |path: &str, period: u32| json!({"httpGet": {"path": path, "port": "admin"}, "periodSeconds": period, "failureThreshold": 3});
    let container = json!({
        "name": "plimsoll",
        "image": image,
        "args": arguments(installation),
        "ports": [
            {"name": "webhook", "containerPort": 8443, "protocol": "TCP"},
            {"name": "admin", "containerPort": 8080, "protocol": "TCP"},
        ],
        "livenessProbe": probe("/healthz", 10),
        "readinessProbe": probe("/readyz", 2),
        // as measured (docs/reliability.md, "What it needs"): 25 MiB idle, 15 more with 500 busy connections, some 2 for
        // each 1,000 Pods looked up, 0.5 ms of CPU for a review by all embedded policies; the limit has room for the
        // bodies that may be read at one time
        "resources": {
            "requests": {"cpu": "100m", "memory": "64Mi"},
            "limits": {"memory": "512Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
        },
        "volumeMounts": mounts,
    });
    let spread = |key: &str| {
        json!({
            "maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": selector()},
        })
    };
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": installation.metadata(NAME),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": selector()},
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}, "type": "RollingUpdate"},
            "template": {
                "metadata": {"labels": labels()},
                "spec": {
                    "containers": [container],
                    "securityContext": {
                        "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "serviceAccountName": NAME,
                    // 5 s not ready and serving, 20 s for running requests, and some
                    "terminationGracePeriodSeconds": 40,
                    "topologySpreadConstraints": [
                        spread("kubernetes.io/hostname"), spread("topology.kubernetes.io/zone"),
                    ],
                    "volumes": volumes,
                },
            },
        },
    })
}

/// In: the API server, from wherever it runs or where `--api-server-cidr` says, and whoever reads metrics; the kubelet's
/// probes come from the node, which NetworkPolicies let in. Out: the API server and nothing else; its
/// port differs between clusters.
fn network_policy(installation: &Installation) -> Value {
    let port = |name: &str| json!({"port": name, "protocol": "TCP"});
    let ingress = match &*installation.api_servers {
        [] => json!([{"ports": [port("webhook"), port("admin")]}]),
        blocks => {
            let peer = |block: &Cidr| json!({"ipBlock": {"cidr": block.to_string()}});
            let peers: Vec<Value> = blocks.iter().map(peer).collect();
            json!([{"from": peers, "ports": [port("webhook")]}, {"ports": [port("admin")]}])
        }
    };
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": installation.metadata(NAME),
        "spec": {
            "podSelector": {"matchLabels": selector()},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": [{"ports": [{"port": 443, "protocol": "TCP"}, {"port": 6443, "protocol": "TCP"}]}],
        },
    })
}
