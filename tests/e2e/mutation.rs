//! Mutation in a cluster that has controllers: what operators fear is a policy that changes what somebody else keeps.
//! Each test is one kind of object that a mirror policy must leave as it is, or may change once.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, ListParams};
use serde_json::{Value, json};

use crate::cluster::{Cluster, eventually};
use crate::door::{Door, Verb};
use crate::manifest::{pod, workload, yaml};
use crate::policies::{MIRRORS, NOTHING};
use crate::stage::Stage;
use crate::webhook::{Plan, VALIDATING, Webhook};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![
        test("mutation::a_deployment_makes_no_replicasets_without_end", no_replicasets_without_end),
        test("mutation::a_job_and_a_pod_from_before_the_policy", from_before_the_policy),
        test("mutation::a_resize_is_judged", a_resize_is_judged),
    ]
}

/// Long enough for a Deployment that fights with a webhook to make dozens of ReplicaSets.
const FIGHT: Duration = Duration::from_secs(4);

/// Mirrors for all but what is labelled so itself: a Deployment can have a label that its template has not.
const MIRRORS_UNLESS: (&str, &str) = (
    "mirrors.yaml",
    "apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: mirrors}
spec:
  title: Mirrors
  severity: warning
  action: Deny
  match: {kinds: [workloads]}
  exclude: {objectSelector: {matchLabels: {mirrored: never}}}
  rules:
    - name: mirrors
      rewriteImages:
        - {from: gcr.io, to: mirror.example.com/gcr.io}
",
);

/// The images of the ReplicaSets of a Deployment of this label, once the controllers have had time to fight.
async fn images_of_replicasets(stage: &Stage, app: &str) -> Vec<String> {
    tokio::time::sleep(FIGHT).await;
    let sets: Api<ReplicaSet> = stage.api();
    let sets = sets.list(&ListParams::default().labels(&format!("app={app}"))).await.unwrap();
    let image =
        |set: ReplicaSet| set.spec.unwrap().template.unwrap().spec.unwrap().containers[0].image.clone();
    let mut images: Vec<String> = sets.items.into_iter().filter_map(image).collect();
    images.sort();
    images
}

async fn no_replicasets_without_end(cluster: Arc<Cluster>) {
    let mut webhook = Webhook::launch(&cluster, Plan::of(&[NOTHING])).await;
    let stage = webhook.stage("owned").await;
    let before = workload("Deployment", "before", "gcr.io/a/b:1", 1);
    stage.accepts(Door::Kube, Verb::Create, &before).await;
    stage.pods("app=before", 1).await;
    webhook.publish(&[MIRRORS_UNLESS]).await;

    // scaled, by hand and by the subresource, as a HorizontalPodAutoscaler does: neither writes an image
    stage.kubectl(&["scale", "deployment/before", "--replicas=2"]).await;
    stage.pods("app=before", 2).await;
    let hpa = yaml(
        "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: before}, spec: {maxReplicas: 3,
          scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: before}}}",
    );
    stage.accepts(Door::Kube, Verb::Create, &hpa).await;
    let scale = ["patch", "deployment/before", "--subresource=scale", "--type=merge"];
    stage.kubectl(&[&scale[..], &["--patch", r#"{"spec": {"replicas": 3}}"#]].concat()).await;
    let pods = stage.pods("app=before", 3).await;
    // Pods are made anew and judged by themselves: those after the policy come from the mirror
    let image = |pod: &Pod| pod.spec.as_ref().unwrap().containers[0].image.clone().unwrap();
    let mirrored = pods.iter().filter(|pod| image(pod) == "mirror.example.com/gcr.io/a/b:1").count();
    assert_eq!(mirrored, 2);
    stage.kubectl(&["annotate", "deployment/before", "note=x"]).await;
    stage.kubectl(&["label", "deployment/before", "team=x"]).await;
    assert_eq!(images_of_replicasets(&stage, "before").await, ["gcr.io/a/b:1"]);

    // left out itself, while what it makes is not
    let mut excluded = workload("Deployment", "excluded", "gcr.io/a/b:1", 1);
    excluded["metadata"]["labels"] = json!({"mirrored": "never"});
    stage.accepts(Door::Kube, Verb::Create, &excluded).await;
    stage.pods("app=excluded", 1).await;
    stage.kubectl(&["scale", "deployment/excluded", "--replicas=2"]).await;
    stage.pods("app=excluded", 2).await;
    assert_eq!(images_of_replicasets(&stage, "excluded").await, ["gcr.io/a/b:1"]);

    // an image that is written is rewritten, and rolled out once
    stage.kubectl(&["set", "image", "deployment/before", "main=gcr.io/a/b:2"]).await;
    assert_eq!(
        images_of_replicasets(&stage, "before").await,
        ["gcr.io/a/b:1", "mirror.example.com/gcr.io/a/b:2"]
    );
    stage.strike().await;
    webhook.dismiss().await;
}

async fn from_before_the_policy(cluster: Arc<Cluster>) {
    let mut webhook = Webhook::launch(&cluster, Plan::of(&[NOTHING])).await;
    let stage = webhook.stage("before").await;
    let mut old_pod = pod("old", "gcr.io/a/b:1");
    old_pod["spec"]["initContainers"] = json!([{"name": "first", "image": "gcr.io/a/init:1"}]);
    stage.accepts(Door::Kube, Verb::Create, &old_pod).await;
    let job = |name: &str| {
        yaml(&format!(
            "{{apiVersion: batch/v1, kind: Job, metadata: {{name: {name}}}, spec: {{template: {{spec: {{
               restartPolicy: Never, containers: [{{name: main, image: 'gcr.io/task:1'}}]}}}}}}}}"
        ))
    };
    for name in ["old", "going"] {
        stage.accepts(Door::Kube, Verb::Create, &job(name)).await;
        stage.pods(&format!("batch.kubernetes.io/job-name={name}"), 1).await;
    }
    let debug = async |container: &str, image: &str| {
        let (image, container) = (format!("--image={image}"), format!("--container={container}"));
        stage.kubectl(&["debug", "old", &image, &container, "--attach=false"]).await
    };
    debug("before", "gcr.io/debug/before:1").await;
    webhook.publish(&[MIRRORS]).await;

    // neither a Pod's image nor a Job's template may be changed by somebody who writes a note on it
    for object in ["pod/old", "job/old"] {
        stage.kubectl(&["annotate", object, "note=x"]).await;
        let finalizer = r#"{"metadata": {"finalizers": ["example.com/wait"]}}"#;
        stage.kubectl(&["patch", object, "--type=merge", "--patch", finalizer]).await;
        let none = r#"{"metadata": {"finalizers": null}}"#;
        stage.kubectl(&["patch", object, "--type=merge", "--patch", none]).await;
    }
    let read = async || -> Pod { stage.api().get("old").await.unwrap() };
    let spec = read().await.spec.unwrap();
    assert_eq!(spec.containers[0].image.as_deref(), Some("gcr.io/a/b:1"));
    assert_eq!(spec.init_containers.unwrap()[0].image.as_deref(), Some("gcr.io/a/init:1"));
    let jobs: Api<Job> = stage.api();
    let template = jobs.get("old").await.unwrap().spec.unwrap().template;
    assert_eq!(template.spec.unwrap().containers[0].image.as_deref(), Some("gcr.io/task:1"));

    // each debugging container comes from the mirror; those before it stay
    debug("one", "gcr.io/debug/shell:1").await;
    debug("two", "gcr.io/debug/shell:2").await;
    let images: Vec<String> = read()
        .await
        .spec
        .unwrap()
        .ephemeral_containers
        .unwrap()
        .into_iter()
        .filter_map(|c| c.image)
        .collect();
    assert_eq!(
        images,
        [
            "gcr.io/debug/before:1",
            "mirror.example.com/gcr.io/debug/shell:1",
            "mirror.example.com/gcr.io/debug/shell:2"
        ]
    );

    // deletions end: the garbage collector takes finalizers from what the policy would change
    stage.kubectl(&["delete", "job/going", "--cascade=foreground", "--wait=false"]).await;
    eventually("the Job is deleted in the foreground", async || {
        jobs.get_opt("going").await.unwrap().is_none().then_some(())
    })
    .await;
    let (namespaces, name) = (Api::<Namespace>::all(cluster.client.clone()), stage.namespace.clone());
    stage.strike().await;
    eventually("the namespace is deleted with all that is in it", async || {
        namespaces.get_opt(&name).await.unwrap().is_none().then_some(())
    })
    .await;
    webhook.dismiss().await;
}

/// At most a gibibyte for each container, of all that runs.
const MEMORY: (&str, &str) = (
    "memory.yaml",
    "apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: memory}
spec:
  title: Memory
  severity: error
  action: Deny
  match: {kinds: [workloads]}
  rules:
    - name: limit
      forEach: allContainers
      validate: quantity(item.?resources.?limits[?'memory'].orValue('0')).compareTo(quantity('1Gi')) <= 0
      message: 'container {item.name} may use {item.resources.limits.memory}'
      at: resources.limits.memory
",
);

/// The subresource `resize` changes what a running Pod may use: it is judged as the Pod is.
async fn a_resize_is_judged(cluster: Arc<Cluster>) {
    let webhook = Webhook::launch(&cluster, Plan::of(&[MEMORY])).await;
    let stage = webhook.stage("resize").await;
    let mut small = pod("small", "nginx");
    small["spec"]["containers"][0]["resources"] =
        json!({"requests": {"memory": "64Mi", "cpu": "1"}, "limits": {"memory": "512Mi", "cpu": "2"}});
    stage.accepts(Door::Kube, Verb::Create, &small).await;
    let resize = async |memory: &str| -> Result<Value, String> {
        let patch =
            json!({"spec": {"containers": [{"name": "main", "resources": {"limits": {"memory": memory}}}]}});
        let pods: Api<Pod> = stage.api();
        let patch = kube::api::Patch::Strategic(patch);
        let patched = pods.patch_subresource("resize", "small", &Default::default(), &patch).await;
        patched.map(|pod| json!(pod)).map_err(|error| error.to_string())
    };
    let resized = resize("768Mi").await.unwrap();
    assert_eq!(resized["spec"]["containers"][0]["resources"]["limits"]["memory"], "768Mi");
    let refused = resize("64Gi").await.unwrap_err();
    let expected = format!(
        "admission webhook \"{VALIDATING}\" denied the request: memory/limit: container main may use 64Gi"
    );
    assert!(refused.contains(&expected), "{refused}");
    stage.strike().await;
    webhook.dismiss().await;
}
