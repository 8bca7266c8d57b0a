//! Watches of the kinds that policies look up, started and stopped as the policies change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::{StreamExt as _, pin_mut};
use kube::api::{Api, DynamicObject};
use kube::core::{GroupVersionKind, PartialObjectMeta};
use kube::discovery::{self, ApiResource};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::document::Document;
use crate::limits::{FIRST_LOOK, STALE};
use crate::webhook::readiness::Readiness;

use super::authorize::Authorizer;
use super::mirror::{Kept, Mirror, Objects, Phase, Shelf, put};
use super::needs::{Need, Needs};

/// How often a kind that the cluster does not serve is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// Readiness shows this condition.
const CONDITION: &str = "reflectors";

/// Keeps a mirror of what the policies need.
pub struct Reflectors {
    /// What reviews read.
    pub mirror: Arc<Mirror>,
    wanted: watch::Sender<Option<Needs>>,
    /// What the policies in force need: watched until the next ones are.
    last: Mutex<Option<Needs>>,
}

impl Reflectors {
    /// Nothing is watched until policies [need](Reflectors::need) it, and nothing is ready before.
    #[must_use]
    pub fn start(client: Client, readiness: Readiness) -> Arc<Self> {
        let (wanted, wishes) = watch::channel(None);
        let mirror = Arc::<Mirror>::default();
        mirror.ask(Authorizer::new(client.clone()));
        readiness.report(CONDITION, false, "no policies yet");
        tokio::spawn(keep(client, mirror.clone(), wishes, readiness));
        Arc::new(Self { mirror, wanted, last: Mutex::new(None) })
    }

    /// Watches what the next policies need, and what those in force do. Where there are policies in force, it waits a
    /// little for what is new to be read, so that the next ones need not begin with *unknown*.
    ///
    /// It blocks; loaders run on threads of their own.
    pub fn need(&self, next: Needs) {
        if !next.untold.is_empty() {
            let policies = next.untold.join(", ");
            tracing::warn!(
                policies,
                "these look up kinds that only their evaluation tells; such a look-up is unknown"
            );
        }
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).replace(next.clone());
        let Some(last) = last else {
            self.wanted.send_replace(Some(next));
            return;
        };
        self.wanted.send_replace(Some(next.and(&last)));
        let until = Instant::now() + FIRST_LOOK;
        while Instant::now() < until && !self.settled(&next) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn settled(&self, needs: &Needs) -> bool {
        let phases: BTreeMap<String, Phase> = self.mirror.phases().into_iter().collect();
        needs.kinds.keys().all(|(group, kind)| {
            let name = if group.is_empty() { kind.clone() } else { format!("{kind}.{group}") };
            phases.get(&name).is_some_and(Phase::settled)
        })
    }
}

/// Starts and stops watches, and reports. Readiness, once reached, is not taken away by policies that come later:
/// until their kinds are read their look-ups are unknown, and both replicas going away at once would be worse. Nor does
/// the start wait for ever: a kind that cannot be read in time is unknown, and tried again.
async fn keep(
    client: Client,
    mirror: Arc<Mirror>,
    mut wishes: watch::Receiver<Option<Needs>>,
    readiness: Readiness,
) {
    let mut running: BTreeMap<(String, String), (Need, AbortHandle)> = BTreeMap::new();
    let mut was_ready = false;
    let mut patience = None;
    loop {
        let wish = wishes.borrow_and_update().clone();
        if let Some(Needs { kinds, .. }) = &wish {
            running.retain(|of, (need, task)| {
                let stays = kinds.get(of) == Some(need);
                if !stays {
                    task.abort();
                    mirror.drop_kind(&of.0, &of.1);
                }
                stays
            });
            for (of, need) in kinds {
                if running.contains_key(of) {
                    continue;
                }
                let shelf = mirror.add(&of.0, &of.1);
                let gvk = GroupVersionKind::gvk(&of.0, &need.version, &of.1);
                tracing::info!(kind = of.1, group = of.0, metadata_only = need.metadata_only, "watching");
                let follow = follow(client.clone(), gvk, need.metadata_only, shelf, mirror.clone());
                running.insert(of.clone(), (need.clone(), tokio::spawn(follow).abort_handle()));
            }
            let until = *patience.get_or_insert_with(|| Instant::now() + FIRST_LOOK);
            was_ready |= Instant::now() >= until;
            was_ready |= report(&mirror, &readiness, was_ready);
        }
        let until = patience.filter(|_| !was_ready);
        let wait = async { tokio::time::sleep_until(until.unwrap_or_else(Instant::now).into()).await };
        tokio::select! {
            changed = wishes.changed() => if changed.is_err() {
                running.values().for_each(|(_, task)| task.abort());
                return;
            },
            () = mirror.changed.notified() => {}
            () = wait, if until.is_some() => {}
        }
    }
}

/// Whether everything is settled.
fn report(mirror: &Mirror, readiness: &Readiness, was_ready: bool) -> bool {
    let mut synced = 0;
    let mut open = Vec::new();
    let mut settled = true;
    for (kind, phase) in mirror.phases() {
        settled &= phase.settled();
        match phase {
            Phase::Synced => synced += 1,
            Phase::NotServed => open.push(format!("{kind} is not served")),
            Phase::Unknown { why, .. } => open.push(format!("{kind}: {why}")),
        }
    }
    let mut detail = format!("{synced} kinds in sync");
    for text in open {
        detail.push_str("; ");
        detail.push_str(&text);
    }
    readiness.report(CONDITION, settled || was_ready, detail);
    settled
}

/// Follows one kind until aborted.
async fn follow(
    client: Client,
    gvk: GroupVersionKind,
    metadata_only: bool,
    shelf: Arc<Shelf>,
    mirror: Arc<Mirror>,
) {
    let known = |phase: Phase| {
        shelf.empty(phase);
        mirror.changed.notify_one();
    };
    loop {
        match resolve(&client, &gvk).await {
            Ok(Found::Resource(resource)) => {
                let filler = Filler { shelf: &shelf, mirror: &mirror, resource: &resource };
                let config = watcher::Config::default();
                match metadata_only {
                    true => {
                        let api =
                            Api::<PartialObjectMeta<DynamicObject>>::all_with(client.clone(), &resource);
                        filler.run(watcher::watcher(api, config), of_metadata).await;
                    }
                    false => {
                        let api = Api::<DynamicObject>::all_with(client.clone(), &resource);
                        filler.run(watcher::watcher(api, config), of_object).await;
                    }
                }
                // it was served a moment ago: a CustomResourceDefinition has gone
            }
            Ok(Found::OtherVersion) => {
                let why = format!("not served as {}", gvk.api_version());
                known(Phase::Unknown { why, settled: true });
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            Ok(Found::Nothing) => {
                known(Phase::NotServed);
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            Err(error) => {
                tracing::warn!(%error, kind = gvk.kind, group = gvk.group, "cannot find out how to watch");
                shelf.failed(Instant::now());
                known(Phase::Unknown { why: error.to_string(), settled: is_forbidden(&error) });
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        }
    }
}

enum Found {
    Resource(ApiResource),
    /// The kind is served, but not in this version.
    OtherVersion,
    Nothing,
}

async fn resolve(client: &Client, gvk: &GroupVersionKind) -> Result<Found, kube::Error> {
    match discovery::pinned_kind(client, gvk).await {
        Ok((resource, _)) => return Ok(Found::Resource(resource)),
        Err(error) if is_missing(&error) => {}
        Err(error) => return Err(error),
    }
    if gvk.group.is_empty() {
        return Ok(Found::Nothing);
    }
    match discovery::group(client, &gvk.group).await {
        Ok(group) if group.recommended_kind(&gvk.kind).is_some() => Ok(Found::OtherVersion),
        Ok(_) => Ok(Found::Nothing),
        Err(error) if is_missing(&error) => Ok(Found::Nothing),
        Err(error) => Err(error),
    }
}

fn is_missing(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => status.code == 404,
        kube::Error::Discovery(_) => true,
        _ => false,
    }
}

/// Waiting does not help; somebody may still allow it later.
fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 403)
}

/// How long a watch has failed without anything coming in between.
#[derive(Debug, Default)]
struct Failing {
    since: Option<Instant>,
}

impl Failing {
    /// Whether it has failed for so long that what was known before is no longer an answer. One failure alone says
    /// nothing: the next attempt may watch in silence.
    fn failed(&mut self, now: Instant) -> bool {
        now.duration_since(*self.since.get_or_insert(now)) >= STALE
    }
}

struct Filler<'f> {
    shelf: &'f Shelf,
    mirror: &'f Mirror,
    resource: &'f ApiResource,
}

impl Filler<'_> {
    /// Until the kind is not served any more, or nothing has come of it for too long.
    async fn run<K: ResourceExt>(
        &self,
        stream: impl futures::Stream<Item = watcher::Result<Event<K>>> + Send,
        value: fn(&K) -> Value,
    ) {
        let stream = stream.default_backoff();
        pin_mut!(stream);
        let mut reading = Objects::new();
        let mut complained = String::new();
        let mut failing = Failing::default();
        while let Some(event) = stream.next().await {
            // `Init` is said before anything is asked
            if matches!(&event, Ok(event) if !matches!(event, Event::Init)) {
                failing = Failing::default();
                self.shelf.heard();
            }
            match event {
                Ok(Event::Init) => reading.clear(),
                Ok(Event::InitApply(object)) => {
                    let (namespace, name) = names(&object);
                    put(&mut reading, &namespace, &name, self.keep(value(&object), &namespace, &name));
                }
                Ok(Event::InitDone) => {
                    self.shelf.fill(std::mem::take(&mut reading));
                    complained.clear();
                    self.mirror.changed.notify_one();
                }
                Ok(Event::Apply(object)) => {
                    let (namespace, name) = names(&object);
                    self.shelf.put(&namespace, &name, self.keep(value(&object), &namespace, &name));
                }
                Ok(Event::Delete(object)) => {
                    let (namespace, name) = names(&object);
                    self.shelf.remove(&namespace, &name);
                }
                Err(error) => {
                    if is_gone(&error) {
                        return;
                    }
                    let ApiResource { kind, group, .. } = self.resource;
                    let text = error.to_string();
                    if text != complained {
                        tracing::warn!(%error, kind, group, "a watch failed and is tried again");
                        complained.clone_from(&text);
                    }
                    self.shelf.failed(Instant::now());
                    let stale = failing.failed(Instant::now());
                    if stale || self.shelf.phase() != Phase::Synced {
                        let settled = stale || is_refused(&error);
                        self.shelf.empty(Phase::Unknown { why: text, settled });
                        self.mirror.changed.notify_one();
                    }
                    if stale {
                        tracing::error!(
                            kind,
                            group,
                            "the watch has failed for too long: look-ups are unknown"
                        );
                        return;
                    }
                }
            }
        }
    }

    /// One object that cannot be read does not stop the watch.
    fn keep(&self, mut value: Value, namespace: &str, name: &str) -> Kept {
        value["apiVersion"] = json!(self.resource.api_version);
        value["kind"] = json!(self.resource.kind);
        if let Some(metadata) = value["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
        if self.resource.group.is_empty() && self.resource.kind == "Secret" {
            blank(&mut value);
        }
        match Document::from_value(&value) {
            Ok(document) => Some(Arc::new(document.shrunk())),
            Err(error) => {
                tracing::warn!(%error, kind = self.resource.kind, namespace, name, "an object cannot be read");
                None
            }
        }
    }
}

/// Policies see only the names of a Secret's keys, so no more is kept.
fn blank(secret: &mut Value) {
    for field in ["data", "stringData"] {
        let data = secret.get_mut(field).and_then(Value::as_object_mut);
        data.into_iter().flat_map(|data| data.values_mut()).for_each(|value| *value = json!(""));
    }
    if let Some(annotations) = secret.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
}

fn is_gone(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => {
            is_missing(error)
        }
        _ => false,
    }
}

fn is_refused(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => {
            is_forbidden(error)
        }
        _ => false,
    }
}

fn names<K: ResourceExt>(object: &K) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}

fn of_object(object: &DynamicObject) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

fn of_metadata(object: &PartialObjectMeta<DynamicObject>) -> Value {
    json!({"metadata": object.metadata})
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn of_a_secret_only_the_names_of_its_keys_are_kept() {
        let mut secret = json!({
            "metadata": {"name": "s", "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "{\"data\": {\"a\": \"Zm9v\"}}", "x": "y"}},
            "data": {"a": "Zm9v"}, "stringData": {"b": "bar"}, "type": "Opaque",
        });
        blank(&mut secret);
        let expected = json!({
            "metadata": {"name": "s", "annotations": {"x": "y"}},
            "data": {"a": ""}, "stringData": {"b": ""}, "type": "Opaque",
        });
        assert_eq!(secret, expected);
    }

    #[test]
    fn a_watch_that_fails_for_five_minutes_is_an_answer_no_more() {
        let (mut failing, start) = (Failing::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!(!failing.failed(start), "once");
        assert!(!failing.failed(after(299)));
        assert!(failing.failed(after(300)));
        failing = Failing::default();
        assert!(!failing.failed(after(1_000)), "something came in between");
        assert!(!failing.failed(after(1_299)) && failing.failed(after(1_301)));
    }

    #[tokio::test]
    async fn what_fails_at_first_is_unknown_and_what_is_forbidden_is_not_waited_for() {
        let refused = |code| {
            let status = kube::core::Status::failure("no", "Forbidden").with_code(code);
            Err::<Event<DynamicObject>, _>(watcher::Error::InitialListFailed(kube::Error::Api(
                status.boxed(),
            )))
        };
        for (code, settled) in [(403, true), (500, false)] {
            let mirror = Mirror::default();
            let shelf = mirror.add("", "Service");
            let resource = ApiResource::erase::<k8s_openapi::api::core::v1::Service>(&());
            let filler = Filler { shelf: &shelf, mirror: &mirror, resource: &resource };
            filler.run(futures::stream::iter([refused(code)]), of_object).await;
            let Phase::Unknown { why, settled: got } = shelf.phase() else { panic!("{:?}", shelf.phase()) };
            assert_eq!(got, settled, "{why}");
        }
    }

    #[test]
    fn readiness_waits_once() {
        let (mirror, readiness) = (Mirror::default(), Readiness::default());
        let shelf = mirror.add("", "Service");
        assert!(!report(&mirror, &readiness, false));
        assert_eq!(readiness.text(), "[-] reflectors: 0 kinds in sync; Service: not read yet\n");
        shelf.fill(Objects::new());
        mirror.add("x.dev", "Thing").empty(Phase::NotServed);
        assert!(report(&mirror, &readiness, false));
        assert_eq!(readiness.text(), "[+] reflectors: 1 kinds in sync; Thing.x.dev is not served\n");
        mirror.add("", "Pod");
        assert!(!report(&mirror, &readiness, true));
        assert!(readiness.is_ready(), "{}", readiness.text());
    }
}
