//! Nothing that is installed can stop a cluster: with every replica away, what the control plane itself needs goes on.

use std::sync::Arc;

use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::api::{Api, DeleteParams};
use serde_json::json;

use crate::cluster::{Cluster, eventually};
use crate::door::{Door, Verb};
use crate::installed::{Installed, install_with, may_install, rules};
use crate::manifest::{pod, yaml};
use crate::policies::PROBES;
use crate::stage::Stage;
use crate::volume::Volume;
use crate::{Test, installed, test};

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![
        test("lockout::the_api_server_starts_without_us", the_api_server_starts_without_us),
        test("lockout::trial_mode_fails_open", trial_mode_fails_open),
        test("lockout::a_terminating_cluster_role", a_terminating_cluster_role),
    ]
}

/// About roles, and about what API servers write for themselves, all of it fail-closed.
const CONTROL_PLANE: (&str, &str) = (
    "control-plane.yaml",
    "apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: control-plane}
spec:
  title: Control plane
  severity: error
  action: Deny
  failurePolicy: Fail
  match:
    kinds: ['networking.k8s.io/*/*', 'certificates.k8s.io/*/*', 'flowcontrol.apiserver.k8s.io/*/*',
            'coordination.k8s.io/*/*', 'discovery.k8s.io/*/*', PriorityClass, Namespace]
  rules:
    - {name: labels, validate: 'true', message: never}
---
apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: roles}
spec:
  title: Roles
  severity: error
  action: Deny
  failurePolicy: Fail
  match: {kinds: [ClusterRole]}
  rules:
    - name: everything
      forEach: object.?rules.orValue([])
      validate: \"!item.verbs.exists(v, v == '*')\"
      message: every verb is granted
",
);

/// A request for a certificate, as a node makes it: for what, the API server does not look into.
const CSR: &str = include_str!("request.csr.b64");

async fn the_api_server_starts_without_us(cluster: Arc<Cluster>) {
    if !may_install(&cluster) {
        return;
    }
    let mut installed = Installed::launch(&cluster, &[CONTROL_PLANE, PROBES], &[]).await;
    let stage = Stage::set(&cluster, "lockout").await;
    let bare = pod("bare", "nginx");
    eventually("the API server calls", async || {
        stage.dry_run(Door::Kube, Verb::Create, &bare).await.answer.err()
    })
    .await;
    let wild = yaml(
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: lockout-wild},
          rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]}",
    );
    let refused = eventually("roles are judged", async || {
        stage.dry_run(Door::Kube, Verb::Create, &wild).await.answer.err()
    })
    .await;
    assert!(refused.contains("roles/everything: every verb is granted"), "{refused}");

    installed.stop().await;
    let refused = stage.dry_run(Door::Kube, Verb::Create, &bare).await.answer.unwrap_err();
    assert!(refused.contains("failed calling webhook"), "it fails closed: {refused}");
    let roles: Api<ClusterRole> = Api::all(cluster.client.clone());
    for role in ["system:basic-user", "cluster-admin"] {
        roles.delete(role, &DeleteParams::default()).await.unwrap();
    }
    cluster.restart_api_server().await;
    for role in ["system:basic-user", "cluster-admin"] {
        eventually("the API server has its roles again", async || roles.get_opt(role).await.unwrap()).await;
    }

    // a Service gets its address, which the API server writes as an object; a node asks for its certificate
    let service =
        yaml("{apiVersion: v1, kind: Service, metadata: {name: plain}, spec: {ports: [{port: 80}]}}");
    let made = stage.accepts(Door::Kube, Verb::Create, &service).await.object;
    assert!(made["spec"]["clusterIP"].as_str().is_some_and(|ip| ip.starts_with("10.96.")), "{made}");
    let request = json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
        "metadata": {"name": stage.namespace},
        "spec": {"request": CSR.trim(), "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"]},
    });
    stage.accepts(Door::Kube, Verb::Create, &request).await;
    stage.accepts(Door::Kube, Verb::Delete, &request).await;
    let lease = yaml("{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: node}}");
    stage.accepts(Door::Kube, Verb::Create, &lease).await;
    let slice = yaml(
        "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: plain-1}, addressType: IPv4, endpoints: []}",
    );
    stage.accepts(Door::Kube, Verb::Create, &slice).await;

    installed.start().await;
    eventually("and the webhook is back", async || {
        let outcome = stage.dry_run(Door::Kube, Verb::Create, &bare).await;
        outcome.answer.err().filter(|text| text.contains("probes/both"))
    })
    .await;
    stage.strike().await;
    installed.remove().await;
}

/// Without `--enforce` nothing is denied; so nothing is registered that could refuse a request by its absence.
async fn trial_mode_fails_open(cluster: Arc<Cluster>) {
    if !may_install(&cluster) {
        return;
    }
    let namespace = cluster.unique("plimsoll-system");
    install_with(&cluster, &namespace, &[]);
    let home = Stage { cluster: cluster.clone(), namespace };
    let mut policies = Volume::mount(cluster.folder().join(&home.namespace).join("policies"));
    policies.publish(&[PROBES]);
    let mut installed = Installed::serve(home, policies, &["--action-override=Warn"]).await;
    let stage = Stage::set(&cluster, "trial").await;
    let bare = pod("bare", "nginx");
    eventually("the API server calls, and is only told", async || {
        let outcome = stage.dry_run(Door::Kube, Verb::Create, &bare).await;
        outcome.answer.unwrap();
        (!outcome.warnings.is_empty()).then_some(())
    })
    .await;
    let [closed, open] = rules(&cluster, installed::VALIDATING).await;
    assert_eq!(closed, json!([]), "nothing that can only warn fails closed");
    assert_ne!(open, json!([]));
    installed.stop().await;
    for door in Door::BOTH {
        let name = if door == Door::Kube { "by-kube" } else { "by-kubectl" };
        stage.accepts(door, Verb::Create, &pod(name, "nginx")).await;
    }
    stage.strike().await;
    installed.remove().await;
}

/// What is being deleted may lose its finalizers, and gain nothing.
async fn a_terminating_cluster_role(cluster: Arc<Cluster>) {
    if !may_install(&cluster) {
        return;
    }
    let stage = Stage::set(&cluster, "terminating").await;
    let name = stage.namespace.clone();
    let mut role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": name, "finalizers": ["example.com/wait"]},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}],
    });
    // made before the policy, and wrong
    stage.accepts(Door::Kube, Verb::Create, &role).await;
    let installed = Installed::launch(&cluster, &[CONTROL_PLANE], &[]).await;
    let wild = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "lockout-wild"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    });
    eventually("roles are judged", async || {
        stage.dry_run(Door::Kube, Verb::Create, &wild).await.answer.err()
    })
    .await;
    stage.accepts(Door::Kube, Verb::Delete, &role).await;
    role["rules"][0]["resources"] = json!(["pods", "secrets"]);
    let refused = stage.attempt(Door::Kube, Verb::Replace, &role).await.answer.unwrap_err();
    assert!(refused.contains("roles/everything: every verb is granted"), "{refused}");
    role["rules"][0]["resources"] = json!(["pods"]);
    role["metadata"]["finalizers"] = json!([]);
    stage.accepts(Door::Kube, Verb::Replace, &role).await;
    let roles: Api<ClusterRole> = Api::all(cluster.client.clone());
    eventually("the role is deleted", async || roles.get_opt(&name).await.unwrap().is_none().then_some(()))
        .await;
    stage.strike().await;
    installed.remove().await;
}
