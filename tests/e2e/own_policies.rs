//! The API server's own policies, by the API server and by us: a live server runs a set of ValidatingAdmissionPolicies and
//! MutatingAdmissionPolicies, `policies pull` writes them into a folder, and of each object the same is said offline as the
//! server says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::cluster::{Cluster, eventually};
use crate::door::{Attempt, Door, Verb, kubectl};
use crate::in_force::keep_params;
use crate::offline::{Said, World};
use crate::parity::without_chance;
use crate::stage::Stage;
use crate::webhook::{MUTATING, Plan, Scope, VALIDATING, Webhook};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![
        test("own_policies::pulled_and_judged_as_by_the_server", pulled_and_judged_as_by_the_server),
        test("own_policies::what_may_not_be_read_is_named", what_may_not_be_read_is_named),
    ]
}

/// The documents of a text, NAMESPACE being this one.
pub(crate) fn documents(text: &str, namespace: &str) -> Vec<Value> {
    let text = text.replace("NAMESPACE", namespace);
    text.split("\n---\n").map(|text| serde_saphyr::from_str(text).unwrap()).collect()
}

const POLICIES: &str = include_str!("own_policies.yaml");
pub(crate) const OBJECTS: &str = include_str!("own_objects.yaml");

/// `plimsoll policies pull`
fn pull(folder: &Path, kubeconfig: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(["policies", "pull"]).arg(folder).arg("--kubeconfig").arg(kubeconfig);
    command.output().unwrap()
}

fn text_of(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

/// Names and texts.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = |path: PathBuf| {
        (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap())
    };
    entries.map(named).collect()
}

/// A stage where all policies are in force.
async fn in_force(cluster: &Arc<Cluster>) -> Stage {
    let stage = Stage::set(cluster, "own").await;
    let label = json!({"apiVersion": "v1", "kind": "Namespace",
                       "metadata": {"name": stage.namespace, "labels": {"tier": stage.namespace}}});
    stage.accepts(Door::Kube, Verb::Apply, &label).await;
    for object in documents(POLICIES, &stage.namespace) {
        keep_params(cluster, &object).await;
        eventually("the kind is served", async || {
            // a definition is served a moment later
            let version = object["apiVersion"].as_str().unwrap();
            let (group, version) = version.split_once('/').unwrap_or(("", version));
            let kind = kube::api::GroupVersionKind::gvk(group, version, object["kind"].as_str().unwrap());
            kube::discovery::pinned_kind(&cluster.client, &kind).await.ok()
        })
        .await;
        stage.accepts(Door::Kube, Verb::Apply, &object).await;
    }
    let marker = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "marker"}});
    eventually("the policies are in force", async || {
        let outcome = stage.dry_run(Door::Kube, Verb::Create, &marker).await;
        outcome.answer.err().filter(|text| text.ends_with("both markers are in force"))
    })
    .await;
    stage
}

/// Takes the policies away, the markers last: what the server sees gone after them may be in force for another second.
async fn forget_policies(stage: &Stage) {
    for object in &documents(POLICIES, &stage.namespace) {
        let group = object["apiVersion"].as_str().unwrap_or_default();
        if group.starts_with("admissionregistration") {
            stage.accepts(Door::Kube, Verb::Delete, object).await;
        }
    }
    let marker = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "marker"}});
    eventually("the policies are in force no more", async || {
        let outcome = stage.dry_run(Door::Kube, Verb::Create, &marker).await;
        outcome.answer.ok().filter(|object| object["data"].is_null())
    })
    .await;
}

/// What the server says.
async fn live(stage: &Stage, object: &Value) -> Said {
    let (namespace, name) = (&stage.namespace, &object["metadata"]["name"]);
    let events = || {
        let events = stage.cluster.audit(|event| {
            event["objectRef"]["namespace"] == json!(namespace) && event["objectRef"]["name"] == *name
        });
        events.unwrap()
    };
    let before = events().len();
    let attempt =
        Attempt { door: Door::Kube, verb: Verb::Create, dry_run: true, namespace: &stage.namespace, object };
    let outcome = attempt.run(&stage.cluster).await;
    let text = |status: &Value, field: &str| status[field].as_str().unwrap_or_default().to_owned();
    let denied = outcome.status.map(|status| {
        let causes = status["details"]["causes"].as_array().cloned().unwrap_or_default();
        let causes = causes.iter().map(|cause| text(cause, "message")).collect();
        let code = u16::try_from(status["code"].as_u64().unwrap()).unwrap();
        (code, text(&status, "reason"), text(&status, "message"), causes)
    });
    let event = eventually("the audit log has it", async || events().get(before).cloned()).await;
    let annotations = event["annotations"].as_object().into_iter().flatten();
    let of_policies = |key: &str| {
        key.starts_with(namespace) || key.ends_with("/validation_failure") || key.starts_with(VALIDATING)
    };
    Said {
        denied,
        warnings: outcome.warnings,
        annotations: annotations
            .filter(|(key, _)| of_policies(key))
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect(),
        object: outcome.answer.ok(),
    }
}

/// Without what only a server gives an object.
fn comparable(mut said: Said) -> Said {
    said.object = said.object.map(|object| {
        let mut object = without_chance(object);
        if object["kind"] == "Service" {
            for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                object["spec"].as_object_mut().unwrap().remove(field);
            }
        }
        object
    });
    said
}

async fn pulled_and_judged_as_by_the_server(cluster: Arc<Cluster>) {
    if !cluster.ours() {
        eprintln!("own policies: SKIPPED: they are put into our own control plane only");
        return;
    }
    let stage = in_force(&cluster).await;
    let namespace = stage.namespace.clone();
    let folder = cluster.folder().join("pulled");

    let first = pull(&folder, &cluster.kubeconfig);
    assert!(first.status.success(), "{}", text_of(&first.stderr));
    let pulled = files(&folder);
    for name in [
        format!("ValidatingAdmissionPolicy_{namespace}-images.yaml"),
        format!("ValidatingAdmissionPolicyBinding_{namespace}-images.yaml"),
        format!("MutatingAdmissionPolicy_{namespace}-patch.yaml"),
        format!("MutatingAdmissionPolicyBinding_{namespace}-patch.yaml"),
        format!("ConfigMap_{namespace}_strict.yaml"),
        format!("ConfigMap_{namespace}_lax.yaml"),
        format!("ReplicaLimit.limits.example.com_{namespace}_most.yaml"),
        "CustomResourceDefinition_replicalimits.limits.example.com.yaml".to_owned(),
    ] {
        assert!(pulled.contains_key(&name), "{name} is not among {:?}", pulled.keys());
    }
    for (name, text) in &pulled {
        for field in ["uid:", "resourceVersion:", "managedFields:", "creationTimestamp:", "\nstatus:"] {
            assert!(!text.contains(field), "{name} has {field}\n{text}");
        }
    }
    let said = text_of(&first.stderr);
    assert!(said.contains(&format!("no parameters for its binding {namespace}-replicas-missing")), "{said}");
    let second = pull(&folder, &cluster.kubeconfig);
    assert!(text_of(&second.stdout).contains(": 0 written, "), "{}", text_of(&second.stdout));
    assert_eq!(files(&folder), pulled);

    let live_namespace: Value = serde_json::to_value(
        kube::Api::<k8s_openapi::api::core::v1::Namespace>::all(cluster.client.clone())
            .get(&namespace)
            .await
            .unwrap(),
    )
    .unwrap();
    let world = World::of(&folder, &[typed(live_namespace, "v1", "Namespace")]);
    let objects = documents(OBJECTS, &namespace);
    let mut answers = Vec::new();
    let (mut denied, mut changed) = (0, 0);
    let mut differences = Vec::new();
    for object in &objects {
        let server = comparable(live(&stage, object).await);
        let ours = comparable(world.says(object, &namespace));
        denied += usize::from(server.denied.is_some());
        changed += usize::from(server.object.as_ref().is_some_and(|o| o.to_string().contains("made")));
        if server != ours {
            differences.push(format!(
                "{}:\nthe server says {server:#?}\nand we {ours:#?}",
                object["metadata"]["name"]
            ));
        }
        answers.push(server);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(
        denied >= 10 && changed >= 1,
        "there is something to compare: {denied} denied, {changed} changed"
    );
    lint_agrees(&stage, &folder, &objects).await;
    eprintln!("own policies: {} objects, {denied} denied: the same is said offline", objects.len());

    let policies: Vec<(String, String)> =
        pulled.into_iter().filter(|(name, _)| name.contains("AdmissionPolicy")).collect();
    forget_policies(&stage).await;
    served_agrees(&stage, &policies, objects.iter().zip(&answers)).await;

    // what is gone from the cluster goes from the folder, and nothing else
    std::fs::write(folder.join("README.md"), "ours\n").unwrap();
    stage.strike().await;
    let last = pull(&folder, &cluster.kubeconfig);
    assert!(last.status.success(), "{}", text_of(&last.stderr));
    let left = files(&folder);
    assert!(left.keys().all(|name| !name.contains(&format!("{namespace}-"))), "{:?}", left.keys());
    assert!(left.contains_key("README.md"));
}

/// `serve --admission-policies` in a cluster that has none of the policies: the same answers, and the same objects, by way of a
/// webhook. What a mutating policy refuses is told in the words of the webhook, with those of the server in them.
async fn served_agrees(
    stage: &Stage,
    policies: &[(String, String)],
    asked: impl Iterator<Item = (&Value, &Said)>,
) {
    let files: Vec<(&str, &str)> =
        policies.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let plan = Plan { scope: Scope::Everything, flags: &["--admission-policies"], ..Plan::of(&files) };
    let webhook = Webhook::launch(&stage.cluster, plan).await;
    let labels = json!({"tier": stage.namespace, "e2e": webhook.home.namespace});
    let judged = json!({"apiVersion": "v1", "kind": "Namespace",
                        "metadata": {"name": stage.namespace, "labels": labels}});
    stage.accepts(Door::Kube, Verb::Apply, &judged).await;
    let marker = json!({"apiVersion": "v1", "kind": "ConfigMap",
                        "metadata": {"name": "marker"}, "data": {"marked": "yes"}});
    eventually("the webhook judges the namespace", async || {
        stage.dry_run(Door::Kube, Verb::Create, &marker).await.answer.err()
    })
    .await;
    for (object, expected) in asked {
        let mut expected = expected.clone();
        if let Some((.., message, _)) = &expected.denied
            && let Some((_, words)) = message.split_once("policy '").filter(|_| message.contains("-patch"))
        {
            let (.., said, _) = live(stage, object).await.denied.expect("denied");
            assert!(said.contains(MUTATING) && said.contains(words), "{said:?} does not say {words:?}");
            continue;
        }
        if let Some((_, _, message, _)) = &mut expected.denied {
            *message = format!("admission webhook \"{VALIDATING}\" denied the request: {message}");
        }
        let key = |key: String| format!("{VALIDATING}/{}", key.replace('/', "-"));
        expected.annotations = expected.annotations.into_iter().map(|(k, value)| (key(k), value)).collect();
        let by_webhook = comparable(live(stage, object).await);
        assert_eq!(by_webhook, expected, "{}", object["metadata"]["name"]);
    }
    webhook.dismiss().await;
}

fn typed(mut object: Value, api_version: &str, kind: &str) -> Value {
    object["apiVersion"] = json!(api_version);
    object["kind"] = json!(kind);
    object
}

/// `lint` over the objects and the pulled folder: an error where the server refuses, in the words that its message ends with.
async fn lint_agrees(stage: &Stage, folder: &Path, objects: &[Value]) {
    let namespace = &stage.namespace;
    let input = stage.cluster.folder().join("own-objects");
    std::fs::create_dir(&input).unwrap();
    let labelled = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace,
                          "labels": {"tier": namespace, "kubernetes.io/metadata.name": namespace}}});
    std::fs::write(input.join("namespace.yaml"), labelled.to_string()).unwrap();
    for object in objects {
        let name = object["metadata"]["name"].as_str().unwrap();
        std::fs::write(input.join(format!("{name}.yaml")), object.to_string()).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args([
            "lint",
            "--no-embedded",
            "--complete",
            "--kubernetes-version=1.36",
            "--format=json",
            "--namespace",
            namespace,
        ])
        .arg("--policies")
        .args([folder, &input, folder])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", text_of(&output.stdout), text_of(&output.stderr)));
    let findings = report["findings"].as_array().unwrap();
    for object in objects {
        let name = object["metadata"]["name"].as_str().unwrap();
        let file = input.join(format!("{name}.yaml"));
        let told: Vec<&str> = findings
            .iter()
            .filter(|finding| Path::new(finding["file"].as_str().unwrap_or_default()) == file)
            .filter(|finding| finding["severity"] == "error")
            .map(|finding| finding["message"].as_str().unwrap_or_default())
            .collect();
        let server = live(stage, object).await.denied;
        assert_eq!(!told.is_empty(), server.is_some(), "{name}: lint says {told:?}, the server {server:?}");
        if let Some((_, _, message, _)) = server {
            assert!(told.iter().any(|told| message.ends_with(told)), "{name}: {told:?} is not {message:?}");
        }
    }
}

/// A user who may list policies and nothing else is told all that is missing, and nothing is written.
async fn what_may_not_be_read_is_named(cluster: Arc<Cluster>) {
    if !cluster.ours() {
        return;
    }
    let stage = in_force(&cluster).await;
    let namespace = stage.namespace.clone();
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "puller"}});
    stage.accepts(Door::Kube, Verb::Create, &account).await;
    let kubeconfig = kubeconfig_of(&cluster, &namespace, "puller").await;
    let folder = cluster.folder().join("pulled-by-nobody");
    let refused = pull(&folder, &kubeconfig);
    assert_eq!(refused.status.code(), Some(2));
    let said = text_of(&refused.stderr);
    for kind in
        ["validatingadmissionpolicies", "mutatingadmissionpolicies", "validatingadmissionpolicybindings"]
    {
        assert!(
            said.contains(&format!("list {kind}.admissionregistration.k8s.io in the whole cluster")),
            "{said}"
        );
    }
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                      "metadata": {"name": format!("{namespace}-puller")},
                      "rules": [{"apiGroups": ["admissionregistration.k8s.io"], "resources": ["*"], "verbs": ["list"]}]});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                         "metadata": role["metadata"],
                         "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                                     "name": role["metadata"]["name"]},
                         "subjects": [{"kind": "ServiceAccount", "name": "puller", "namespace": namespace}]});
    for object in [&role, &binding] {
        stage.accepts(Door::Kube, Verb::Create, object).await;
    }
    let said = eventually("the role is in force", async || {
        let said = text_of(&pull(&folder, &kubeconfig).stderr);
        (!said.contains("list validatingadmissionpolicies")).then_some(said)
    })
    .await;
    for permission in [
        format!("get replicalimits.limits.example.com \"most\" in namespace {namespace}"),
        "list configmaps in the whole cluster".to_owned(),
        "get customresourcedefinitions.apiextensions.k8s.io \"replicalimits.limits.example.com\" in the whole cluster".to_owned(),
    ] {
        assert!(said.contains(&permission), "{permission} is not in: {said}");
    }
    assert!(!folder.exists());
    for object in [&binding, &role] {
        stage.accepts(Door::Kube, Verb::Delete, object).await;
    }
    forget_policies(&stage).await;
    stage.strike().await;
}

/// A kubeconfig with a token of a ServiceAccount.
async fn kubeconfig_of(cluster: &Cluster, namespace: &str, account: &str) -> PathBuf {
    let output = kubectl(cluster, &["create", "token", account, "-n", namespace], "").await;
    assert!(output.status.success(), "{}", text_of(&output.stderr));
    let mut config: Value =
        serde_saphyr::from_str(&std::fs::read_to_string(&cluster.kubeconfig).unwrap()).unwrap();
    config["users"][0]["user"] = json!({"token": text_of(&output.stdout).trim()});
    let path = cluster.folder().join(format!("{namespace}-{account}.kubeconfig"));
    std::fs::write(&path, config.to_string()).unwrap();
    path
}
