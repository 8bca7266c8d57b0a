//! Parity: for each manifest of the tutorial that the API server takes, `lint --complete` and `mutate` say
//! beforehand exactly what the live webhook does: the same denials and warnings in the same words, the same patch.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::{env, fs};

use serde_json::{Value, json};

use crate::cluster::{Cluster, eventually};
use crate::door::{Door, Outcome, Verb, kubectl, kubectl_outcome};
use crate::stage::Stage;
use crate::webhook::{Plan, Scope, VALIDATING, Webhook};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![test("parity::tutorial", tutorial)]
}

/// The mirrors that the tutorial's comments speak of; they come beside the embedded policies. The example is about
/// Pods only, and the tutorial has few: here it rewrites every Pod template, so that there is something to compare.
fn mirrors(scratch: &Path) -> PathBuf {
    let example = include_str!("../../policies/examples/image-mirrors.yaml");
    let templates = example.replace("kinds: [Pod, Pod/ephemeralcontainers]", "kinds: [workloads]");
    assert_ne!(templates, example);
    let folder = scratch.with_extension("policies");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("mirrors.yaml"), templates).unwrap();
    folder
}

/// One manifest, in a file of its own.
struct Manifest {
    /// Where it stands in the tutorial.
    source: String,
    path: PathBuf,
    text: String,
    /// What the server makes of it where there is no webhook.
    plain: Option<Value>,
}

async fn tutorial(cluster: Arc<Cluster>) {
    let Some(folder) = tutorial_folder() else {
        eprintln!("parity: SKIPPED: no manifests/tutorial in PLIMSOLL_SHARED or ../shared");
        return;
    };
    if !cluster.ours() {
        eprintln!(
            "parity: SKIPPED: it judges the namespace default, which is done in our own control plane only"
        );
        return;
    }
    let scratch = cluster.folder().join("parity");
    let mut manifests = split(&folder, &scratch);
    let home = Stage::set(&cluster, "parity").await;
    prepare(&home, &manifests).await;
    for manifest in &mut manifests {
        manifest.plain = create(&cluster, &manifest.text).await.answer.ok();
    }
    let taken = manifests.iter().filter(|manifest| manifest.plain.is_some()).count();
    assert!(taken > 30, "the server takes {taken} of {} manifests", manifests.len());

    let mut tally = Tally::default();
    let namespaces = names_of_namespaces(&manifests);
    let judging = Plan { embedded: true, scope: Scope::Everything, ..Plan::of(&[]) };
    let mirrors = mirrors(&scratch);
    let policies = mirrors.to_str().unwrap();
    let lint = lint(&scratch, policies);

    let webhook = Webhook::launch(&cluster, Plan { flags: &["--policies", policies], ..judging }).await;
    webhook.judge_also(&namespaces).await;
    for manifest in manifests.iter().filter(|manifest| manifest.is("Service")) {
        tally.verdict(&cluster, manifest, &lint).await;
    }
    webhook.dismiss().await;

    // what is denied shows no patch, so now with nothing denied
    let flags = ["--policies", policies, "--action-override", "Audit"];
    let webhook = Webhook::launch(&cluster, Plan { flags: &flags, ..judging }).await;
    webhook.judge_also(&namespaces).await;
    for manifest in &manifests {
        tally.patch(&cluster, manifest, policies).await;
    }
    webhook.dismiss().await;

    // from here on the cluster has the Services, as lint has them in its input
    keep(&cluster, &manifests, "Service").await;
    let webhook = Webhook::launch(&cluster, Plan { flags: &["--policies", policies], ..judging }).await;
    webhook.judge_also(&namespaces).await;
    for manifest in manifests.iter().filter(|manifest| !manifest.is("Service")) {
        tally.verdict(&cluster, manifest, &lint).await;
    }
    webhook.dismiss().await;
    home.strike().await;

    let Tally { denied, warned, patched, differences } = tally;
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(denied > 10 && patched > 3, "there is something to compare: {denied} denied, {patched} patched");
    eprintln!(
        "parity: {taken} of {} manifests taken by the server, {denied} denied, {warned} warned, {patched} patched: \
         lint and mutate said so",
        manifests.len()
    );
}

fn tutorial_folder() -> Option<PathBuf> {
    let shared = env::var_os("PLIMSOLL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    Some(shared.join("manifests/tutorial")).filter(|folder| folder.is_dir())
}

/// Writes each manifest into a file of its own, so that all sides agree which is meant.
fn split(folder: &Path, scratch: &Path) -> Vec<Manifest> {
    fs::create_dir(scratch).unwrap();
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    let mut manifests = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for (index, text) in text.split("\n---\n").enumerate() {
            let source = format!("{}#{index}", file.strip_prefix(folder).unwrap().display());
            let path = scratch.join(format!("{:03}.yaml", manifests.len()));
            fs::write(&path, text).unwrap();
            manifests.push(Manifest { source, path, text: text.to_owned(), plain: None });
        }
    }
    manifests
}

impl Manifest {
    fn object(&self) -> Value {
        serde_saphyr::from_str(&self.text).unwrap()
    }

    fn is(&self, kind: &str) -> bool {
        self.object()["kind"] == kind
    }
}

fn names_of_namespaces(manifests: &[Manifest]) -> BTreeSet<String> {
    let named = |manifest: &Manifest| manifest.object()["metadata"]["namespace"].as_str().map(str::to_owned);
    manifests.iter().filter_map(named).chain(["default".to_owned()]).collect()
}

/// What was compared.
#[derive(Default)]
struct Tally {
    denied: usize,
    warned: usize,
    patched: usize,
    differences: Vec<String>,
}

impl Tally {
    async fn verdict(&mut self, cluster: &Cluster, manifest: &Manifest, lint: &Value) {
        if manifest.plain.is_none() {
            return;
        }
        let expected = Said::by_lint(lint, &manifest.path);
        let live = Said::by_webhook(create(cluster, &manifest.text).await);
        self.denied += usize::from(!live.denials.is_empty());
        self.warned += usize::from(!live.warnings.is_empty());
        if live != expected {
            self.differences
                .push(format!("{}: lint says {expected:?}\nthe webhook {live:?}", manifest.source));
        }
    }

    async fn patch(&mut self, cluster: &Cluster, manifest: &Manifest, policies: &str) {
        let Some(plain) = &manifest.plain else { return };
        let mut expected = plain.clone();
        for patch in patches(&manifest.path, policies) {
            self.patched += 1;
            json_patch::patch(&mut expected, &patch).unwrap();
        }
        let live = create(cluster, &manifest.text).await.answer.unwrap();
        let (expected, live) = (without_chance(expected), without_chance(live));
        if live != expected {
            self.differences
                .push(format!("{}: mutate leaves {expected}\nthe webhook {live}", manifest.source));
        }
    }
}

/// What the API server itself asks for: namespaces and definitions.
async fn prepare(home: &Stage, manifests: &[Manifest]) {
    for name in names_of_namespaces(manifests) {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        home.accepts(Door::Kube, Verb::Apply, &namespace).await;
        let accounts: kube::Api<k8s_openapi::api::core::v1::ServiceAccount> =
            kube::Api::namespaced(home.cluster.client.clone(), &name);
        eventually("its ServiceAccount", async || accounts.get_opt("default").await.unwrap()).await;
    }
    keep(&home.cluster, manifests, "CustomResourceDefinition").await;
    let memcached = kube::api::GroupVersionKind::gvk("cache.example.com", "v1alpha1", "Memcached");
    eventually("Memcached is served", async || {
        kube::discovery::pinned_kind(&home.cluster.client, &memcached).await.ok()
    })
    .await;
}

/// Creates all of this kind for real.
async fn keep(cluster: &Cluster, manifests: &[Manifest], kind: &str) {
    for manifest in manifests.iter().filter(|manifest| manifest.is(kind)) {
        let output = kubectl(cluster, &["apply", "--filename=-"], &manifest.text).await;
        assert!(output.status.success(), "{}: {}", manifest.source, String::from_utf8_lossy(&output.stderr));
    }
}

/// As a user would, except that nothing is kept.
async fn create(cluster: &Cluster, text: &str) -> Outcome {
    kubectl_outcome(cluster, &["create", "--dry-run=server", "--output=json", "--filename=-"], text).await
}

/// What a user is told.
#[derive(Debug, Default, PartialEq)]
struct Said {
    denials: BTreeSet<String>,
    warnings: BTreeSet<String>,
}

impl Said {
    fn by_lint(report: &Value, file: &Path) -> Self {
        let mut said = Said::default();
        for finding in report["findings"].as_array().unwrap() {
            if Path::new(finding["file"].as_str().unwrap()) != file {
                continue;
            }
            let text = |key: &str| finding[key].as_str().unwrap_or_default();
            let at = if text("path").is_empty() { String::new() } else { format!(", at {}", text("path")) };
            let line = format!("{}: {}{at}", text("code"), text("message"));
            match text("action") {
                "Deny" => said.denials.insert(line),
                "Warn" => said.warnings.insert(line),
                _ => false,
            };
        }
        said.before_defaults()
    }

    /// The server fills in `resources: {}` before it asks, so what is missing there is missing one step further down
    /// than in the manifest.
    fn before_defaults(self) -> Self {
        let up = |lines: BTreeSet<String>| -> BTreeSet<String> {
            lines
                .into_iter()
                .map(|line| line.strip_suffix(".resources").unwrap_or(&line).to_owned())
                .collect()
        };
        Said { denials: up(self.denials), warnings: up(self.warnings) }
    }

    fn by_webhook(outcome: Outcome) -> Self {
        let mut said = Said { warnings: outcome.warnings.into_iter().collect(), ..Said::default() };
        if let Err(text) = outcome.answer {
            let start = format!("admission webhook \"{VALIDATING}\" denied the request: ");
            let (_, message) = text.split_once(&start).unwrap_or_else(|| panic!("refused by others: {text}"));
            let (first, rest) = message.split_once('\n').unwrap_or((message, ""));
            if rest.is_empty() {
                said.denials.insert(first.to_owned());
            } else {
                said.denials.extend(rest.lines().map(|line| line.trim_start_matches("- ").to_owned()));
            }
        }
        said.before_defaults()
    }
}

fn plimsoll(arguments: &[&str], path: &Path, policies: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(arguments)
        .args(["--policies", policies])
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.code() != Some(2), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn lint(scratch: &Path, policies: &str) -> Value {
    serde_json::from_str(&plimsoll(&["lint", "--complete", "--format", "json"], scratch, policies)).unwrap()
}

/// The patches of `mutate` for the one object of this file.
fn patches(path: &Path, policies: &str) -> Vec<json_patch::Patch> {
    let text = plimsoll(&["mutate", "--output", "patch"], path, policies);
    let patch =
        |line| serde_json::from_value(serde_json::from_str::<Value>(line).unwrap()["patch"].take()).unwrap();
    text.lines().map(patch).collect()
}

/// Without what differs from one dry run to the next.
pub(crate) fn without_chance(mut object: Value) -> Value {
    let metadata = object["metadata"].as_object_mut().unwrap();
    for name in ["uid", "creationTimestamp", "managedFields", "resourceVersion", "generation"] {
        metadata.remove(name);
    }
    object.as_object_mut().unwrap().remove("status");
    scrub(&mut object);
    object
}

/// Names that the API server draws, such as `kube-api-access-x7k2p`; and the Job controller's label.
fn scrub(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(scrub),
        Value::Object(members) => {
            members.retain(|name, _| !name.ends_with("controller-uid"));
            members.values_mut().for_each(scrub);
        }
        Value::String(text) if text.starts_with("kube-api-access-") => "kube-api-access".clone_into(text),
        _ => {}
    }
}
