//! Pods and what makes them: through both doors, created, updated, applied, deleted, and as a dry run.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use crate::cluster::{Cluster, eventually};
use crate::door::{Door, Verb, kubectl};
use crate::manifest::{pod, probed, workload, yaml};
use crate::policies::{HEADLESS, MIRRORS, PINNED, PROBES, PROBES_WARN};
use crate::webhook::{Plan, VALIDATING, Webhook};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![
        test("workloads::deployments", deployments),
        test("workloads::pods", pods),
        test("workloads::jobs", jobs),
        test("workloads::statefulsets", statefulsets),
        test("workloads::what_was_there_before", what_was_there_before),
        test("workloads::warnings_and_audit_annotations", warnings_and_audit_annotations),
        test("workloads::kubectl_debug", kubectl_debug),
    ]
}

const NO_PROBES: &str = "probes/both: container main has no livenessProbe or readinessProbe";
const IN_TEMPLATE: &str = ", at spec.template.spec.containers[0]";

async fn deployments(cluster: Arc<Cluster>) {
    let webhook = Webhook::launch(&cluster, Plan::of(&[PROBES, MIRRORS])).await;
    let stage = webhook.stage("deployments").await;
    let refusal = format!("{NO_PROBES}{IN_TEMPLATE}");
    for (door, name) in Door::BOTH.into_iter().zip(["by-kubectl", "by-kube"]) {
        let bare = workload("Deployment", name, "gcr.io/a/b:1", 2);
        let good = probed(bare.clone());
        for verb in [Verb::Create, Verb::Apply] {
            stage.rejects(door, verb, &bare, VALIDATING, &refusal).await;
            assert!(stage.dry_run(door, verb, &bare).await.answer.unwrap_err().ends_with(&refusal));
            stage.dry_run(door, verb, &good).await.answer.unwrap();
        }
        let image = "/spec/template/spec/containers/0/image";
        let mirrored = json!("mirror.example.com/gcr.io/a/b:1");
        stage.mutates(door, Verb::Apply, &good, &[(image, mirrored.clone())]).await;
        let made = stage.pods(&format!("app={name}"), 2).await;
        assert_eq!(json!(image_of(&made[0])), mirrored);

        // applying again without what was applied removes it
        stage.rejects(door, Verb::Apply, &bare, VALIDATING, &refusal).await;
        stage.rejects(door, Verb::Replace, &bare, VALIDATING, &refusal).await;
        let other = probed(workload("Deployment", name, "gcr.io/kubebuilder/c:2", 1));
        stage.mutates(door, Verb::Replace, &other, &[(image, json!("kubesphere/c:2"))]).await;
        stage.accepts(door, Verb::Delete, &other).await;
    }
    stage.strike().await;
    webhook.dismiss().await;
}

fn image_of(pod: &Pod) -> &str {
    pod.spec.as_ref().unwrap().containers[0].image.as_deref().unwrap()
}

async fn pods(cluster: Arc<Cluster>) {
    let webhook = Webhook::launch(&cluster, Plan::of(&[PROBES, MIRRORS])).await;
    let stage = webhook.stage("pods").await;
    for (door, name) in Door::BOTH.into_iter().zip(["by-kubectl", "by-kube"]) {
        let bare = pod(name, "gcr.io/a/b:1");
        let outcome = stage
            .rejects(door, Verb::Create, &bare, VALIDATING, &format!("{NO_PROBES}, at spec.containers[0]"))
            .await;
        if let Some(status) = outcome.status {
            assert_eq!(status["code"], 403);
            assert_eq!(status["reason"], "Forbidden");
        }
        let good = probed(bare);
        let image = [("/spec/containers/0/image", json!("mirror.example.com/gcr.io/a/b:1"))];
        let mut stored = stage.mutates(door, Verb::Create, &good, &image).await.object;
        stored["spec"]["containers"][0]["image"] = json!("gcr.io/kubebuilder/d:3");
        stage
            .mutates(door, Verb::Replace, &stored, &[("/spec/containers/0/image", json!("kubesphere/d:3"))])
            .await;
        stage.accepts(door, Verb::Delete, &good).await;
    }
    stage.strike().await;
    webhook.dismiss().await;
}

/// What runs to completion needs no probes; its images come from mirrors all the same, in the Pods that the
/// controllers make, too.
async fn jobs(cluster: Arc<Cluster>) {
    let webhook = Webhook::launch(&cluster, Plan::of(&[PROBES, MIRRORS, PINNED])).await;
    let stage = webhook.stage("jobs").await;
    let mirrored = json!("mirror.example.com/gcr.io/task:1");
    let task = "restartPolicy: Never, containers: [{name: main, image: 'gcr.io/task:1'}]";
    // the same object with a tag that is refused, and what is said of it
    let latest = |object: &serde_json::Value| {
        yaml(&object.to_string().replace("gcr.io/task:1", "example.com/task:latest"))
    };
    let refusal = |template: &str| {
        format!(
            "pinned/tag: regular container main runs example.com/task:latest, at {template}.spec.containers[0].image"
        )
    };
    for (door, name) in Door::BOTH.into_iter().zip(["by-kubectl", "by-kube"]) {
        let job = yaml(&format!(
            "{{apiVersion: batch/v1, kind: Job, metadata: {{name: {name}}}, spec: {{template: {{spec: {{{task}}}}}}}}}"
        ));
        stage
            .mutates(
                door,
                Verb::Create,
                &job,
                &[("/spec/template/spec/containers/0/image", mirrored.clone())],
            )
            .await;
        let made = stage.pods(&format!("batch.kubernetes.io/job-name={name}"), 1).await;
        assert_eq!(json!(image_of(&made[0])), mirrored);

        let cron = yaml(&format!(
            "{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: {name}}}, spec: {{schedule: '* * * * *',
               jobTemplate: {{spec: {{template: {{metadata: {{labels: {{cron: {name}}}}}, spec: {{{task}}}}}}}}}}}}}"
        ));
        let image = "/spec/jobTemplate/spec/template/spec/containers/0/image";
        let stored = stage.mutates(door, Verb::Create, &cron, &[(image, mirrored.clone())]).await.object;

        let other = yaml(&job.to_string().replace(name, "other"));
        let refused = refusal("spec.template");
        stage.rejects(door, Verb::Create, &latest(&other), VALIDATING, &refused).await;
        stage.dry_run(door, Verb::Create, &other).await.answer.unwrap();
        let refused = refusal("spec.jobTemplate.spec.template");
        let mut changed = stored;
        changed["spec"]["suspend"] = json!(false);
        stage.accepts(door, Verb::Replace, &changed).await;
        changed["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["image"] =
            json!("example.com/task:latest");
        stage.rejects(door, Verb::Replace, &changed, VALIDATING, &refused).await;
        let dry = stage.dry_run(door, Verb::Replace, &changed).await.answer.unwrap_err();
        assert!(dry.ends_with(&refused), "{dry}");
    }
    // the controller starts both at the next full minute
    for name in ["by-kubectl", "by-kube"] {
        let made = stage.pods(&format!("cron={name}"), 1).await;
        assert_eq!(json!(image_of(&made[0])), mirrored);
        for (api_version, kind) in [("batch/v1", "CronJob"), ("batch/v1", "Job")] {
            let object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
            stage.accepts(Door::Kube, Verb::Delete, &object).await;
        }
    }
    stage.strike().await;
    webhook.dismiss().await;
}

/// A Service may come after its StatefulSet, so its absence warns; a Service that is not headless denies.
async fn statefulsets(cluster: Arc<Cluster>) {
    let webhook = Webhook::launch(&cluster, Plan::of(&[HEADLESS])).await;
    let stage = webhook.stage("statefulsets").await;
    for (door, name) in Door::BOTH.into_iter().zip(["by-kubectl", "by-kube"]) {
        let mut set = workload("StatefulSet", name, "nginx", 1);
        set["spec"]["serviceName"] = json!(name);
        let absent = format!(
            "headless/service: Service {}/{name} does not exist, at spec.serviceName",
            stage.namespace
        );
        let accepted = stage.accepts(door, Verb::Create, &set).await;
        assert_eq!(accepted.warnings, [absent], "{door:?}");
        stage.pods(&format!("app={name}"), 1).await;
        stage.accepts(door, Verb::Delete, &set).await;
        stage.pods(&format!("app={name}"), 0).await;

        let mut service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": {"app": name}, "ports": [{"port": 80}]},
        });
        stage.accepts(door, Verb::Create, &service).await;
        let plain =
            format!("headless/service: Service {name} exists but is not headless: it has a cluster IP");
        let refused = async || {
            let outcome = stage.dry_run(door, Verb::Create, &set).await;
            outcome.answer.err().filter(|text| text.contains(&plain))
        };
        // the webhook learns of the Service by a watch
        eventually("the Service with a cluster IP denies", refused).await;
        stage.accepts(door, Verb::Delete, &service).await;
        service["spec"]["clusterIP"] = json!("None");
        stage.accepts(door, Verb::Create, &service).await;
        eventually("the headless Service leaves nothing to say", async || {
            let outcome = stage.dry_run(door, Verb::Create, &set).await;
            (outcome.answer.is_ok() && outcome.warnings.is_empty()).then_some(())
        })
        .await;
        stage.accepts(door, Verb::Create, &set).await;
    }
    stage.strike().await;
    webhook.dismiss().await;
}

/// What was wrong before the webhook came can still be changed, with a warning, and mended.
async fn what_was_there_before(cluster: Arc<Cluster>) {
    let mut webhook = Webhook::launch(&cluster, Plan::of(&[MIRRORS])).await;
    let stage = webhook.stage("before").await;
    let bare = workload("Deployment", "old", "nginx", 1);
    stage.accepts(Door::Kube, Verb::Apply, &bare).await;
    webhook.publish(&[PROBES]).await;
    stage
        .rejects(
            Door::Kube,
            Verb::Create,
            &workload("Deployment", "new", "nginx", 1),
            VALIDATING,
            &format!("{NO_PROBES}{IN_TEMPLATE}"),
        )
        .await;
    for door in Door::BOTH {
        let mut scaled = bare.clone();
        scaled["spec"]["replicas"] = json!(if door == Door::Kube { 2 } else { 3 });
        let accepted = stage.accepts(door, Verb::Apply, &scaled).await;
        assert_eq!(accepted.warnings, [format!("{NO_PROBES}{IN_TEMPLATE}")], "{door:?}");
        // a second container without probes is new, and denied
        let mut worse = bare.clone();
        let containers = worse.pointer_mut("/spec/template/spec/containers").unwrap().as_array_mut().unwrap();
        containers.push(json!({"name": "second", "image": "nginx"}));
        let outcome = stage.attempt(door, Verb::Apply, &worse).await;
        let text = outcome.answer.unwrap_err();
        assert!(text.contains("container second has no livenessProbe or readinessProbe"), "{door:?}: {text}");
    }
    stage.accepts(Door::Kubectl, Verb::Apply, &probed(bare.clone())).await;
    stage.strike().await;
    webhook.dismiss().await;
}

async fn warnings_and_audit_annotations(cluster: Arc<Cluster>) {
    for (policies, flags) in [(PROBES_WARN, &[][..]), (PROBES, &["--action-override=Warn"][..])] {
        let webhook = Webhook::launch(&cluster, Plan { flags, ..Plan::of(&[policies]) }).await;
        let stage = webhook.stage("warnings").await;
        let line = format!("{NO_PROBES}{IN_TEMPLATE}");
        for (door, name) in Door::BOTH.into_iter().zip(["by-kubectl", "by-kube"]) {
            let bare = workload("Deployment", name, "nginx", 0);
            let accepted = stage.accepts(door, Verb::Create, &bare).await;
            assert_eq!(accepted.warnings, [line.as_str()], "{door:?} {flags:?}");
            let events = cluster.audit(|event| {
                event["objectRef"]["namespace"] == json!(stage.namespace)
                    && event["objectRef"]["resource"] == "deployments"
                    && event["objectRef"]["name"] == name
                    && event["verb"] == "create"
            });
            if let Some(events) = events {
                let [event] = events.as_slice() else { panic!("{} audit events", events.len()) };
                assert_eq!(
                    event["annotations"][format!("{VALIDATING}/probes")],
                    json!(line),
                    "{door:?} {flags:?}"
                );
            }
        }
        stage.strike().await;
        webhook.dismiss().await;
    }
}

/// `kubectl debug` adds a container by the subresource `ephemeralcontainers`: its image is rewritten and judged as any
/// other.
async fn kubectl_debug(cluster: Arc<Cluster>) {
    let webhook = Webhook::launch(&cluster, Plan::of(&[MIRRORS, PINNED])).await;
    let stage = webhook.stage("debug").await;
    stage.accepts(Door::Kube, Verb::Create, &pod("target", "nginx:1")).await;
    let debug = async |image: &str| {
        let image = format!("--image={image}");
        let arguments = ["debug", "target", &image, "--container=shell", "--attach=false", "--namespace"];
        kubectl(&cluster, &[&arguments[..], &[&stage.namespace]].concat(), "").await
    };
    let refused = debug("example.com/shell:latest").await;
    assert!(!refused.status.success());
    assert_eq!(
        String::from_utf8_lossy(&refused.stderr).lines().last(),
        Some(
            "Error from server (Forbidden): admission webhook \"validate.plimsoll.dev\" denied the request: \
             pinned/tag: ephemeral container shell runs example.com/shell:latest, at spec.ephemeralContainers[0].image"
        )
    );
    let output = debug("gcr.io/debug/shell:1").await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let target: Pod = stage.api().get("target").await.unwrap();
    let containers = target.spec.unwrap().ephemeral_containers.unwrap();
    assert_eq!(containers[0].name, "shell");
    assert_eq!(containers[0].image.as_deref(), Some("mirror.example.com/gcr.io/debug/shell:1"));
    stage.strike().await;
    webhook.dismiss().await;
}
