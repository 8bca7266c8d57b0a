//! Bytes of an AdmissionReview become an answer by the whole embedded library and by policies that patch.
//!
//! Whatever the bytes: an answer or a refusal in words, small, the same each time, with the uid that was read, never a
//! patch where none may be, and within a second.
#![no_main]

mod bounds;

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use plimsoll::cel::profile::Profile;
use plimsoll::host::{Absent, NoHost};
use plimsoll::store::load::{self, PolicySources};
use plimsoll::store::set::Adjustments;
use plimsoll::resource::workload::TemplatePaths;
use plimsoll::review::engine::Engine;
use plimsoll::review::{Reply, Review, Endpoint, answer};
use serde_json::Value;

const PATCHING: &str = r#"
apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: fuzz-mutations}
spec:
  match: {kinds: ["*"]}
  rules:
  - name: label
    mutate:
    - {set: metadata.labels.fuzz, value: "yes"}
  - name: containers
    when: has(object.spec.containers)
    forEach: object.spec.containers
    mutate:
    - {set: imagePullPolicy, value: {cel: "item.image.endsWith(':latest') ? 'Always' : 'IfNotPresent'"}}
    - {remove: tty}
---
apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: fuzz-images}
spec:
  match: {kinds: [workloads]}
  rules:
  - name: mirror
    rewriteImages:
    - {from: docker.io, to: mirror.corp/hub}
---
apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: fuzz-all}
spec:
  match: {kinds: ["*"], existing: Allow}
  rules:
  - name: names
    action: Deny
    validate: object.metadata.name.size() < 20
    message: "the name {object.metadata.name} of {request.userInfo.username} is long"
  - name: leaves
    action: Warn
    validate: "!has(object.data) || object.data.all(k, object.data[k] != 'x')"
    message: "{object.data}"
"#;

static ENGINES: LazyLock<[Engine; 2]> = LazyLock::new(|| {
    let mut loaded = load::load(&PolicySources { embedded: true, paths: Vec::new(), profile: Profile::NEWEST });
    load::read_text("fuzz", PATCHING, false, Profile::NEWEST, &mut loaded);
    assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
    let set = Arc::new(loaded.into_set(&Adjustments::default(), TemplatePaths::default()));
    [Engine::new(set.clone(), Arc::new(NoHost)), Engine::new(set, Arc::new(Absent))]
});

fn judged(body: &[u8]) -> Vec<(Endpoint, Reply)> {
    let deadline = Instant::now() + Duration::from_secs(60);
    let both = ENGINES.iter().zip([Endpoint::Validate, Endpoint::Mutate]);
    both.map(|(engine, stage)| (stage, answer(engine, stage, body, deadline))).collect()
}

fn check(stage: Endpoint, reply: &Reply, uid: Option<&str>) {
    let text = std::str::from_utf8(&reply.body).expect("UTF-8");
    if reply.http_status != 200 {
        assert!((400..500).contains(&reply.http_status) && text.len() < 1_000, "{text}");
        return;
    }
    let review: Value = serde_json::from_str(text).expect("JSON");
    let response = &review["response"];
    assert_eq!(response["uid"].as_str(), uid);
    let allowed = response["allowed"].as_bool().expect("yes or no");
    assert_eq!(response.get("status").is_some(), !allowed, "{text}");
    assert!(response.get("patch").is_none() || allowed && stage == Endpoint::Mutate, "{text}");
    // only what we say ourselves: the same words may stand in what was asked
    let said = response["status"]["message"].as_str().unwrap_or_default();
    assert!(!said.starts_with("plimsoll met an internal error"), "a panic: {text}");
    assert!(!said.starts_with("the patch that the policies made does not apply"), "{text}");
    // what changes is the object's size at most; everything that is said is small
    let patch = response["patch"].as_str().map_or(0, str::len);
    assert!(text.len() - patch <= 65_536, "{} bytes", text.len());
}

fuzz_target!(|body: &[u8]| {
    let read = Review::read(body);
    let uid = read.uid.as_deref();
    let replies = bounds::within_a_second(|| judged(body));
    for (stage, reply) in &replies {
        check(*stage, reply, uid);
    }
    if body.len() < 2_000 {
        assert_eq!(replies, judged(body), "the same review has two answers");
    }
});
