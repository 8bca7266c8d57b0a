//! Watches of the kinds that policies look up, started and stopped as the policies change.

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

use crate::document::Document;
use crate::host::objects::{Kept, Objects};
use crate::limits::{FIRST_LOOK, STALE};
use crate::webhook::readiness::Readiness;

use super::authorize::Authorizer;
use super::mirror::{Mirror, Phase, Shelf};
use crate::admission::needs::Needs;

/// For so long after a change what only the policies before it needed is watched: no review by them lasts longer.
const BEFORE: Duration = Duration::from_secs(60);
/// How often a kind that the cluster does not serve is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// Readiness shows this condition.
const CONDITION: &str = "reflectors";

/// Keeps a mirror of what the policies need.
pub struct Reflectors {
    /// What reviews read.
    pub mirror: Arc<Mirror>,
    wanted: watch::Sender<Option<Wish>>,
    /// What the policies in force need: watched until the next ones are.
    last: Mutex<Option<Needs>>,
}

/// What is to be watched.
#[derive(Debug, Clone)]
struct Wish {
    needs: Needs,
    /// This as well, for a while.
    before: Option<Needs>,
    since: Instant,
}

impl Wish {
    fn now(&self, now: Instant) -> Needs {
        match self.before.as_ref().filter(|_| now < self.since + BEFORE) {
            Some(before) => self.needs.and(before),
            None => self.needs.clone(),
        }
    }

    /// When there will be less to watch.
    fn ends(&self, now: Instant) -> Option<Instant> {
        self.before.as_ref().map(|_| self.since + BEFORE).filter(|end| *end > now)
    }
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
        let is_first = last.is_none();
        let since = Instant::now();
        self.wanted.send_replace(Some(Wish { needs: next.clone(), before: last, since }));
        if is_first {
            return;
        }
        let until = Instant::now() + FIRST_LOOK;
        while Instant::now() < until && !self.mirror.is_settled(&next) {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.mirror.turn_for(&next);
    }
}

/// Starts and stops watches, and reports. Readiness, once reached, is not taken away by policies that come later:
/// until their kinds are read their look-ups are unknown, and both replicas going away at once would be worse. Nor does
/// the start wait for ever: a kind that cannot be read in time is unknown, and tried again.
async fn keep(
    client: Client,
    mirror: Arc<Mirror>,
    mut wishes: watch::Receiver<Option<Wish>>,
    readiness: Readiness,
) {
    let mut was_ready = false;
    let mut patience = None;
    loop {
        let wish = wishes.borrow_and_update().clone();
        let now = Instant::now();
        if let Some(Needs { kinds, .. }) = wish.as_ref().map(|wish| wish.now(now)) {
            mirror.keep_only(|group, kind| kinds.contains_key(&(group.to_owned(), kind.to_owned())));
            for ((group, kind), need) in &kinds {
                let Some(shelf) = mirror.add(group, kind, need) else { continue };
                let gvk = GroupVersionKind::gvk(group, &need.version, kind);
                tracing::info!(kind, group, metadata_only = need.fields.is_metadata(), "watching");
                let follow = follow(client.clone(), gvk, shelf.clone(), mirror.clone());
                shelf.filled_by(tokio::spawn(follow).abort_handle());
            }
            mirror.turn();
            let until = *patience.get_or_insert_with(|| Instant::now() + FIRST_LOOK);
            was_ready |= Instant::now() >= until;
            was_ready |= report(&mirror, &readiness, was_ready);
        }
        let ends = wish.as_ref().and_then(|wish| wish.ends(now));
        let until = patience.filter(|_| !was_ready).into_iter().chain(ends).min();
        let wait = async { tokio::time::sleep_until(until.unwrap_or_else(Instant::now).into()).await };
        tokio::select! {
            changed = wishes.changed() => if changed.is_err() {
                mirror.keep_only(|_, _| false);
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
async fn follow(client: Client, gvk: GroupVersionKind, shelf: Arc<Shelf>, mirror: Arc<Mirror>) {
    let known = |phase: Phase| {
        shelf.empty(phase);
        mirror.changed.notify_one();
    };
    loop {
        match resolve(&client, &gvk).await {
            Ok(Found::Resource(resource)) => {
                let filler = Filler { shelf: &shelf, mirror: &mirror, resource: &resource };
                let config = watcher::Config::default();
                match shelf.need.fields.is_metadata() {
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
                shelf.failing.failed(Instant::now());
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
        let mut reading = Objects::default();
        let mut complained = String::new();
        while let Some(event) = stream.next().await {
            // `Init` is said before anything is asked
            if matches!(&event, Ok(event) if !matches!(event, Event::Init)) {
                self.shelf.failing.heard();
            }
            match event {
                Ok(Event::Init) => reading = Objects::default(),
                Ok(Event::InitApply(object)) => {
                    let (namespace, name) = names(&object);
                    reading.put(&namespace, &name, self.keep(value(&object), &namespace, &name));
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
                    let stale = self.shelf.failing.failed(Instant::now()) >= STALE;
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
        self.shelf.need.fields.keep(&mut value);
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
    use crate::admission::needs::Need;
    use crate::host::fields::Fields;
    use crate::host::{Lookup, ObjectKey, Views as _};

    fn shelf(mirror: &Mirror, group: &str, kind: &str, fields: Fields) -> Arc<Shelf> {
        mirror.add(group, kind, &Need { version: "v1".to_owned(), fields }).unwrap()
    }

    fn read(text: Value) -> watcher::Result<Event<DynamicObject>> {
        Ok(Event::InitApply(serde_json::from_value(text).unwrap()))
    }

    #[tokio::test]
    async fn no_more_is_kept_than_is_read() {
        let mirror = Mirror::default();
        let services = shelf(&mirror, "", "Service", Fields::of(&["/spec/type"]));
        let resource = ApiResource::erase::<k8s_openapi::api::core::v1::Service>(&());
        let filler = Filler { shelf: &services, mirror: &mirror, resource: &resource };
        let object = json!({"metadata": {"name": "s", "namespace": "n", "uid": "u", "labels": {"a": "b"},
            "managedFields": [{}]}, "spec": {"type": "ClusterIP", "ports": [{"port": 1}]}, "status": {}});
        let events = [Ok(Event::Init), read(object), Ok(Event::InitDone)];
        filler.run(futures::stream::iter(events), of_object).await;
        let view = mirror.view();
        let key = ObjectKey { group: "", kind: "Service", namespace: "n", name: "s" };
        let Lookup::Known(found) = view.get(key) else { panic!() };
        let expected = r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"s","namespace":"n","uid":"u"},"spec":{"type":"ClusterIP"}}"#;
        assert_eq!(found.root.to_json(), expected);
    }

    /// The clock that both the age and the end of what is known go by.
    #[tokio::test]
    async fn a_watch_that_fails_for_five_minutes_is_an_answer_no_more() {
        let refused = || {
            let status = kube::core::Status::failure("no", "Unavailable").with_code(500);
            Err::<Event<DynamicObject>, _>(watcher::Error::WatchFailed(kube::Error::Api(status.boxed())))
        };
        let ago = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
        let rows: [(&str, &[u64], bool); 3] = [
            ("it has failed all the time", &[310, 210, 110], false),
            ("one failure, and silence", &[310], true),
            ("not for so long", &[290, 190, 90], true),
        ];
        for (what, failures, is_known) in rows {
            let mirror = Mirror::default();
            let services = shelf(&mirror, "", "Service", Fields::whole());
            services.fill(Objects::default());
            for seconds in failures {
                services.failing.failed(ago(*seconds));
            }
            let resource = ApiResource::erase::<k8s_openapi::api::core::v1::Service>(&());
            let filler = Filler { shelf: &services, mirror: &mirror, resource: &resource };
            filler.run(futures::stream::iter([refused()]), of_object).await;
            assert_eq!(services.phase() == Phase::Synced, is_known, "{what}");
        }
    }

    #[test]
    fn what_was_needed_before_is_watched_for_a_while() {
        let needs = |kind: &str| {
            let need = Need { version: "v1".to_owned(), fields: Fields::whole() };
            Needs { kinds: [((String::new(), kind.to_owned()), need)].into(), ..Needs::default() }
        };
        let since = Instant::now();
        let wish = Wish { needs: needs("Pod"), before: Some(needs("Service")), since };
        let kinds = |now: Instant| wish.now(now).kinds.into_keys().map(|(_, kind)| kind).collect::<Vec<_>>();
        assert_eq!(
            (kinds(since), wish.ends(since)),
            (vec!["Pod".into(), "Service".into()], Some(since + BEFORE))
        );
        assert_eq!((kinds(since + BEFORE), wish.ends(since + BEFORE)), (vec!["Pod".into()], None));
        let first = Wish { before: None, ..wish };
        assert_eq!((first.now(since), first.ends(since)), (needs("Pod"), None));
    }

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
            let shelf = shelf(&mirror, "", "Service", Fields::whole());
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
        let services = shelf(&mirror, "", "Service", Fields::whole());
        assert!(!report(&mirror, &readiness, false));
        assert_eq!(readiness.text(), "[-] reflectors: 0 kinds in sync; Service: not read yet\n");
        services.fill(Objects::default());
        shelf(&mirror, "x.dev", "Thing", Fields::whole()).empty(Phase::NotServed);
        assert!(report(&mirror, &readiness, false));
        assert_eq!(readiness.text(), "[+] reflectors: 1 kinds in sync; Thing.x.dev is not served\n");
        shelf(&mirror, "", "Pod", Fields::whole());
        assert!(!report(&mirror, &readiness, true));
        assert!(readiness.is_ready(), "{}", readiness.text());
    }
}
