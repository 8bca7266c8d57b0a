//! Reviews that a real API server sent: each is answered with its uid, and with mirrors for every image each
//! CREATE and UPDATE of a workload gets a patch that applies and does just that; the others get none. What is being
//! deleted, what a controller compares with its template, and images that an UPDATE does not change are left alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use plimsoll::cel::profile::Profile;
use plimsoll::host::NoHost;
use plimsoll::resource::workload::TemplatePaths;
use plimsoll::review::engine::Engine;
use plimsoll::review::{Endpoint, answer};
use plimsoll::store::load::{Loaded, read_text};
use plimsoll::store::set::Adjustments;
use serde_json::Value;

use crate::suite::{Miss, Outcome, Suite};

pub(crate) struct AdmissionReviews;

const MIRRORS: &str = "
apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: mirrors}
spec:
  match: {kinds: [workloads]}
  rules:
    - name: images
      rewriteImages:
        - {from: docker.io, to: mirror.example.net/hub}
        - {from: registry.example.com, to: 'mirror.example.net:5000/shop'}
";

impl Suite for AdmissionReviews {
    fn name(&self) -> &'static str {
        "admission-reviews"
    }

    fn files(&self, shared: &Path) -> Vec<PathBuf> {
        let folder = shared.join("vectors/admission/requests");
        if folder.is_dir() { vec![folder] } else { Vec::new() }
    }

    fn run(&self, folder: &Path) -> Outcome {
        let mut loaded = Loaded::default();
        read_text("mirrors", MIRRORS, false, Profile::NEWEST, &mut loaded);
        let set = loaded.into_set(&Adjustments::default(), TemplatePaths::default());
        let engine = Engine::new(Arc::new(set), Arc::new(NoHost));
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .map(|entries| entries.filter_map(|e| Some(e.ok()?.path())).collect())
            .unwrap_or_default();
        files.retain(|file| file.extension().is_some_and(|e| e == "json"));
        files.sort();
        let mut outcome = Outcome::default();
        for file in files {
            let result = check(&engine, &file);
            outcome.cases.count(result.is_ok());
            if let Err((expected, got)) = result {
                let id = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                outcome.misses.push(Miss { id, expected, got });
            }
        }
        outcome
    }
}

fn check(engine: &Engine, file: &Path) -> Result<(), (String, String)> {
    let body = std::fs::read(file).map_err(|e| ("a file".to_owned(), e.to_string()))?;
    let review: Value = serde_json::from_slice(&body).map_err(|e| ("JSON".to_owned(), e.to_string()))?;
    let request = &review["request"];
    for stage in [Endpoint::Validate, Endpoint::Mutate] {
        let reply = answer(engine, stage, &body, Instant::now() + Duration::from_secs(10));
        let answer: Value =
            serde_json::from_slice(&reply.body).map_err(|e| ("an answer".to_owned(), e.to_string()))?;
        let response = &answer["response"];
        if response["uid"] != request["uid"] {
            return Err((format!("uid {}", request["uid"]), format!("uid {}", response["uid"])));
        }
        if response["allowed"] != true {
            return Err(("allowed".to_owned(), response.to_string()));
        }
        let expected = if stage == Endpoint::Mutate { mirrored(request) } else { None };
        let got = match response["patch"].as_str() {
            None => None,
            Some(patch) => {
                Some(applied(&request["object"], patch).map_err(|e| ("a patch that applies".to_owned(), e))?)
            }
        };
        if expected != got {
            let text = |v: &Option<Value>| v.as_ref().map_or_else(|| "no patch".to_owned(), Value::to_string);
            return Err((text(&expected), text(&got)));
        }
    }
    Ok(())
}

fn applied(object: &Value, patch: &str) -> Result<Value, String> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(patch).map_err(|e| e.to_string())?;
    let patch: json_patch::Patch = serde_json::from_slice(&bytes).map_err(|e| e.to_string())?;
    let mut object = object.clone();
    json_patch::patch(&mut object, &patch).map_err(|e| e.to_string())?;
    Ok(object)
}

/// Whether nothing of the object may be changed.
fn left_alone(request: &Value) -> bool {
    let controlled =
        |owners: &Value| owners.as_array().into_iter().flatten().any(|o| o["controller"] == true);
    let owned =
        request["kind"]["kind"] != "Pod" && controlled(&request["object"]["metadata"]["ownerReferences"]);
    owned || !request["oldObject"]["metadata"]["deletionTimestamp"].is_null()
}

/// Whether the container of this name had this image before.
fn had(request: &Value, list: &str, container: &Value) -> bool {
    let before = request["oldObject"].pointer(list).and_then(Value::as_array);
    before.into_iter().flatten().any(|c| c["name"] == container["name"] && c["image"] == container["image"])
}

/// The object with every image of its Pod template from its mirror; `None` where nothing is to be changed.
fn mirrored(request: &Value) -> Option<Value> {
    let subresource = request["subResource"].as_str().unwrap_or_default();
    let pointer = match (request["kind"]["kind"].as_str()?, subresource) {
        ("Pod", "" | "ephemeralcontainers" | "resize") => "/spec",
        ("PodTemplate", "") => "/template/spec",
        ("CronJob", "") => "/spec/jobTemplate/spec/template/spec",
        ("Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" | "ReplicationController", "") => {
            "/spec/template/spec"
        }
        _ => return None,
    };
    if !matches!(request["operation"].as_str(), Some("CREATE" | "UPDATE")) || left_alone(request) {
        return None;
    }
    let mut object = request["object"].clone();
    let spec = object.pointer_mut(pointer)?;
    let mut changed = false;
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if had(request, &format!("{pointer}/{list}"), container) {
                continue;
            }
            let image = container["image"].as_str()?;
            let new = match image.strip_prefix("registry.example.com/") {
                Some(rest) => format!("mirror.example.net:5000/shop/{rest}"),
                None if !image.contains('/') => format!("mirror.example.net/hub/library/{image}"),
                None => continue,
            };
            container["image"] = new.into();
            changed = true;
        }
    }
    changed.then_some(object)
}
