//! Custom resources: what an operator's CRDs bring.

use std::sync::Arc;

use serde_json::json;

use crate::cluster::{Cluster, eventually};
use crate::door::{Door, Verb};
use crate::manifest::yaml;
use crate::policies::{CUSTOM, LIMITS};
use crate::stage::Stage;
use crate::webhook::{Plan, VALIDATING, Webhook};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![test("custom::memcached_and_etcd_cluster", memcached_and_etcd_cluster)]
}

/// A definition with a `spec.size` of at least 0; its resources are served a moment later.
async fn define(stage: &Stage, group: &str, kind: &str) {
    let plural = format!("{}s", kind.to_lowercase());
    let definition = yaml(&format!(
        "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{kind: {kind}, listKind: {kind}List, plural: {plural}, singular: {}}}
  versions:
    - name: v1alpha1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {{type: object, properties: {{size: {{type: integer, minimum: 0}}}}}}
",
        kind.to_lowercase()
    ));
    stage.accepts(Door::Kube, Verb::Apply, &definition).await;
    eventually(&format!("{kind} is served"), async || {
        let kind = kube::api::GroupVersionKind::gvk(group, "v1alpha1", kind);
        kube::discovery::pinned_kind(&stage.cluster.client, &kind).await.ok()
    })
    .await;
}

async fn memcached_and_etcd_cluster(cluster: Arc<Cluster>) {
    let webhook = Webhook::launch(&cluster, Plan::of(&[CUSTOM, LIMITS])).await;
    let stage = webhook.stage("custom").await;
    for (group, kind) in [("cache.example.com", "Memcached"), ("etcd.example.com", "EtcdCluster")] {
        define(&stage, group, kind).await;
        for (door, name) in Door::BOTH.into_iter().zip(["by-kubectl", "by-kube"]) {
            let object = |size: i64| {
                json!({"apiVersion": format!("{group}/v1alpha1"), "kind": kind, "metadata": {"name": name},
                       "spec": {"size": size}})
            };
            let tier = [("/metadata/labels/tier", json!("data"))];
            stage.mutates(door, Verb::Create, &object(1), &tier).await;
            stage.mutates(door, Verb::Replace, &object(2), &tier).await;
            stage.mutates(door, Verb::Apply, &object(3), &tier).await;
            // the schema's own refusal is not ours
            let refused = stage.attempt(door, Verb::Apply, &object(-1)).await.answer.unwrap_err();
            assert!(refused.contains("should be greater than or equal to 0"), "{refused}");
            let most = format!("limits/size: {kind} {name} wants 6 members, at most 5, at spec.size");
            stage.rejects(door, Verb::Apply, &object(6), VALIDATING, &most).await;
            stage.rejects(door, Verb::Replace, &object(6), VALIDATING, &most).await;
            let dry = stage.dry_run(door, Verb::Apply, &object(6)).await.answer.unwrap_err();
            assert!(dry.ends_with(&most), "{dry}");
            let dry = stage.dry_run(door, Verb::Apply, &object(4)).await.answer.unwrap();
            assert_eq!(dry["metadata"]["labels"]["tier"], "data", "as it would be stored");

            let mut kept = object(3);
            kept["metadata"]["labels"] = json!({"keep": "yes"});
            stage.accepts(door, Verb::Apply, &kept).await;
            stage.rejects(door, Verb::Delete, &kept, VALIDATING, &format!("keep/kept: {name} is kept")).await;
            stage.accepts(door, Verb::Apply, &object(3)).await;
            stage.accepts(door, Verb::Delete, &object(3)).await;
        }
    }
    stage.strike().await;
    webhook.dismiss().await;
}
