//! What is known of the cluster: the objects of the watched kinds, changed by watches while reviews read.
//!
//! A review borrows objects from its [`View`], which keeps every object that it has lent alive until the review
//! ends, whatever happens in the cluster meanwhile. Nothing is copied and no lock is held while a policy runs.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::authorize::Authorizer;
use super::failing::Failing;
use crate::admission::needs::{Need, Needs};
use crate::cel::library::authorizer::{Decision, Question};
use crate::document::Document;
use crate::host::objects::{Kept, Objects};
use crate::host::{AUTHORIZER, By, Host, HostObject, Listing, Lookup, ObjectKey, Views, describe};
use crate::request::User;

/// How much is known of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// All of it was read, and a watch keeps it so.
    Synced,
    /// The cluster has no such kind, hence no such object.
    NotServed,
    /// Nothing yet.
    Unknown {
        /// Why not.
        why: String,
        /// Whether waiting will not help, so that readiness need not wait.
        settled: bool,
    },
}

impl Phase {
    /// Whether readiness need not wait.
    #[must_use]
    pub fn settled(&self) -> bool {
        !matches!(self, Phase::Unknown { settled: false, .. })
    }
}

/// The objects of one kind.
#[derive(Debug)]
pub struct Shelf {
    /// What of them is kept.
    pub need: Need,
    known: RwLock<(Phase, Objects)>,
    made: Instant,
    /// Since when what is known has not been kept.
    pub failing: Failing,
    /// What fills it; it ends with it.
    watch: OnceLock<AbortHandle>,
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shelf {
    fn new(need: Need) -> Self {
        let phase = Phase::Unknown { why: "not read yet".to_owned(), settled: false };
        let known = RwLock::new((phase, Objects::default()));
        let (failing, watch) = (Failing::default(), OnceLock::new());
        Self { need, known, made: Instant::now(), failing, watch }
    }

    /// This task fills it.
    pub fn filled_by(&self, task: AbortHandle) {
        let _ = self.watch.set(task);
    }

    fn stop(&self) {
        if let Some(task) = self.watch.get() {
            task.abort();
        }
    }

    /// How long ago what is known was known to be good: nothing while a watch keeps it so.
    #[must_use]
    pub fn age(&self, now: Instant) -> Duration {
        let since = match self.phase() {
            Phase::Synced => self.failing.since(now).unwrap_or(now),
            Phase::NotServed => now,
            Phase::Unknown { .. } => self.failing.began().unwrap_or(self.made),
        };
        now.duration_since(since)
    }

    /// How much is known.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.read(|phase, _| phase.clone())
    }

    /// Everything was read.
    pub fn fill(&self, objects: Objects) {
        self.write(|known| *known = (Phase::Synced, objects));
    }

    /// Nothing is known any more, or not yet.
    pub fn empty(&self, phase: Phase) {
        self.write(|known| *known = (phase, Objects::default()));
    }

    /// An object was made or changed.
    pub fn put(&self, namespace: &str, name: &str, object: Kept) {
        self.write(|(_, objects)| objects.put(namespace, name, object));
    }

    /// An object is gone.
    pub fn remove(&self, namespace: &str, name: &str) {
        self.write(|(_, objects)| objects.remove(namespace, name));
    }

    fn write(&self, write: impl FnOnce(&mut (Phase, Objects))) {
        write(&mut self.known.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn read<T>(&self, read: impl FnOnce(&Phase, &Objects) -> T) -> T {
        let guard = self.known.read().unwrap_or_else(PoisonError::into_inner);
        read(&guard.0, &guard.1)
    }
}

/// What is known of a kind, and what will be.
#[derive(Debug)]
struct Watched {
    now: Arc<Shelf>,
    /// It is read anew, for other fields or another version; look-ups go on in what is there until it has been.
    next: Option<Arc<Shelf>>,
}

impl Watched {
    fn shelves(&self) -> impl Iterator<Item = &Arc<Shelf>> {
        [&self.now].into_iter().chain(&self.next)
    }

    fn turn(&mut self) {
        if let Some(next) = self.next.take() {
            std::mem::replace(&mut self.now, next).stop();
        }
    }
}

/// Group → kind → objects.
type Shelves = BTreeMap<String, BTreeMap<String, Watched>>;

/// The watched kinds.
#[derive(Debug, Default)]
pub struct Mirror {
    shelves: RwLock<Shelves>,
    /// Who is asked what a user may do.
    authorizer: OnceLock<Authorizer>,
    /// Whoever reports waits for this.
    pub changed: Notify,
}

impl Mirror {
    /// From now on this one is asked what users may do.
    pub fn ask(&self, authorizer: Authorizer) {
        let _ = self.authorizer.set(authorizer);
    }

    /// Begins to know a kind, where it is not known as needed: what it gives is to be filled. Where something is known of
    /// the kind already, look-ups go on in that until the new shelf is [taken](Mirror::turn).
    pub fn add(&self, group: &str, kind: &str, need: &Need) -> Option<Arc<Shelf>> {
        let mut shelves = self.shelves.write().unwrap_or_else(PoisonError::into_inner);
        let kinds = shelves.entry(group.to_owned()).or_default();
        let Some(watched) = kinds.get_mut(kind) else {
            let now = Arc::new(Shelf::new(need.clone()));
            kinds.insert(kind.to_owned(), Watched { now: now.clone(), next: None });
            return Some(now);
        };
        let before = watched.next.take();
        if watched.now.need.is(need) {
            if let Some(before) = before {
                before.stop();
            }
            return None;
        }
        let is_it = before.as_ref().is_some_and(|before| before.need.is(need));
        match before {
            Some(before) if is_it => {
                watched.next = Some(before);
                None
            }
            before => {
                if let Some(before) = before {
                    before.stop();
                }
                watched.next.insert(Arc::new(Shelf::new(need.clone()))).clone().into()
            }
        }
    }

    /// From now on look-ups go to what was read anew, where that has come to something.
    pub fn turn(&self) {
        let mut shelves = self.shelves.write().unwrap_or_else(PoisonError::into_inner);
        for watched in shelves.values_mut().flat_map(BTreeMap::values_mut) {
            let Some(next) = watched.next.as_ref().map(|next| next.phase()) else { continue };
            let known = matches!(next, Phase::Synced | Phase::NotServed);
            if known || (next.settled() && watched.now.phase() != Phase::Synced) {
                watched.turn();
            }
        }
    }

    /// The same for all that these needs go beyond, whether it was read or not: what a policy asks for and is not kept
    /// would be answered wrongly, where *unknown* is right.
    pub fn turn_for(&self, needs: &Needs) {
        let mut shelves = self.shelves.write().unwrap_or_else(PoisonError::into_inner);
        for ((group, kind), need) in &needs.kinds {
            let Some(kinds) = shelves.get_mut(group) else { continue };
            let Some(watched) = kinds.get_mut(kind).filter(|watched| !watched.now.need.covers(need)) else {
                continue;
            };
            watched.turn();
            if !watched.now.need.covers(need) {
                watched.now.stop();
                kinds.remove(kind);
            }
        }
    }

    /// Forgets the other kinds.
    pub fn keep_only(&self, is_kept: impl Fn(&str, &str) -> bool) {
        let mut shelves = self.shelves.write().unwrap_or_else(PoisonError::into_inner);
        for (group, kinds) in shelves.iter_mut() {
            kinds.retain(|kind, watched| {
                let kept = is_kept(group, kind);
                if !kept {
                    watched.shelves().for_each(|shelf| shelf.stop());
                }
                kept
            });
        }
    }

    /// Whether all that is needed of these kinds was read, or waiting for it does not help.
    #[must_use]
    pub fn is_settled(&self, needs: &Needs) -> bool {
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
        needs.kinds.iter().all(|((group, kind), need)| {
            let watched = shelves.get(group).and_then(|kinds| kinds.get(kind));
            watched.into_iter().flat_map(Watched::shelves).any(|s| s.need.covers(need) && s.phase().settled())
        })
    }

    /// The state of each kind.
    #[must_use]
    pub fn phases(&self) -> Vec<(String, Phase)> {
        self.each(Shelf::phase)
    }

    /// How old what is known of each kind is, in seconds.
    #[must_use]
    pub fn ages(&self, now: Instant) -> Vec<(String, f64)> {
        self.each(|shelf| shelf.age(now).as_secs_f64())
    }

    fn each<T>(&self, of: impl Fn(&Shelf) -> T) -> Vec<(String, T)> {
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
        let of_group = |(group, kinds): (&String, &BTreeMap<String, Watched>)| {
            let name = |kind: &String| match group.as_str() {
                "" => kind.clone(),
                group => format!("{kind}.{group}"),
            };
            kinds.iter().map(|(kind, watched)| (name(kind), of(&watched.now))).collect::<Vec<_>>()
        };
        shelves.iter().flat_map(of_group).collect()
    }

    fn shelf(&self, group: &str, kind: &str) -> Option<Arc<Shelf>> {
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
        Some(shelves.get(group)?.get(kind)?.now.clone())
    }
}

impl Views for Mirror {
    fn view(&self) -> Box<dyn Host + Send + Sync + '_> {
        Box::new(View { mirror: self, lent: Lent::default(), decided: Mutex::default() })
    }
}

/// What one review sees.
struct View<'m> {
    mirror: &'m Mirror,
    lent: Lent,
    /// What was asked already: rules ask one question many times. The subject is the requester, or in the question.
    decided: Mutex<HashMap<Question, Result<Decision, String>>>,
}

impl Host for View<'_> {
    fn authorize(&self, user: &User<'_>, question: &Question, deadline: Option<Instant>) -> Lookup<Decision> {
        let Some(authorizer) = self.mirror.authorizer.get() else {
            return Lookup::Unknown(AUTHORIZER.to_owned());
        };
        let mut decided = self.decided.lock().unwrap_or_else(PoisonError::into_inner);
        let known =
            decided.entry(question.clone()).or_insert_with(|| authorizer.ask(user, question, deadline));
        match known {
            Ok(decision) => Lookup::Known(decision.clone()),
            Err(why) => Lookup::Unknown(format!("{AUTHORIZER} ({why})")),
        }
    }

    fn get(&self, key: ObjectKey<'_>) -> Lookup<HostObject<'_>> {
        let ObjectKey { group, kind, namespace, name } = key;
        let Some(shelf) = self.mirror.shelf(group, kind) else { return Lookup::Unknown(describe(key)) };
        let found = shelf.read(|phase, objects| match phase {
            Phase::Unknown { .. } => Lookup::Unknown(describe(key)),
            Phase::NotServed => Lookup::Absent,
            Phase::Synced => match objects.get(namespace, name) {
                Some(Some(object)) => Lookup::Known(object.clone()),
                Some(None) => Lookup::Failed(format!("{} cannot be read", describe(key))),
                None => Lookup::Absent,
            },
        });
        match found {
            Lookup::Known(object) => Lookup::Known(self.lend(object)),
            Lookup::Absent => Lookup::Absent,
            Lookup::Unknown(what) => Lookup::Unknown(what),
            Lookup::Failed(why) => Lookup::Failed(why),
        }
    }

    fn list(&self, group: &str, kind: &str, namespace: Option<&str>) -> Lookup<Listing<'_>> {
        self.list_by(group, kind, namespace, By::Nothing)
    }

    fn list_by(&self, group: &str, kind: &str, namespace: Option<&str>, by: By<'_>) -> Lookup<Listing<'_>> {
        let unknown = || {
            Lookup::Unknown(match namespace {
                Some(namespace) => format!("{kind} objects of namespace {namespace}"),
                None => format!("{kind} objects"),
            })
        };
        let Some(shelf) = self.mirror.shelf(group, kind) else { return unknown() };
        let found = shelf.read(|phase, objects| match phase {
            Phase::Unknown { .. } => None,
            Phase::NotServed => Some(Some(Vec::new())),
            Phase::Synced => {
                Some(objects.found(namespace, by).map(|found| found.into_iter().cloned().collect()))
            }
        });
        match found {
            Some(Some(found)) => {
                let objects = found.into_iter().map(|object| self.lend(object)).collect();
                Lookup::Known(Listing { objects, complete: true })
            }
            Some(None) => Lookup::Failed(format!("one of the {kind} objects cannot be read")),
            None => unknown(),
        }
    }
}

impl View<'_> {
    fn lend(&self, object: Arc<Document<'static>>) -> HostObject<'_> {
        HostObject { root: self.lent.keep(object).root(), document: None, partial: false }
    }
}

const CHUNKS: usize = usize::BITS as usize;

/// Keeps what it is given at a place that does not move, so that it can be borrowed while more is added: chunks of
/// 1, 2, 4, … places, each made once.
#[derive(Default)]
struct Lent {
    count: AtomicUsize,
    chunks: Chunks,
}

type Chunk = Box<[OnceLock<Arc<Document<'static>>>]>;

struct Chunks([OnceLock<Chunk>; CHUNKS]);

impl Default for Chunks {
    fn default() -> Self {
        Chunks([const { OnceLock::new() }; CHUNKS])
    }
}

impl Lent {
    fn keep(&self, object: Arc<Document<'static>>) -> &Document<'static> {
        let place = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let chunk = place.ilog2() as usize;
        let size = 1 << chunk;
        let chunk = self.chunks.0[chunk].get_or_init(|| (0..size).map(|_| OnceLock::new()).collect());
        chunk[place - size].get_or_init(|| object)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cel::profile::Profile;
    use crate::host::fields::Fields;
    use crate::resource::workload::TemplatePaths;
    use crate::store::load::{Loaded, read_text};
    use crate::store::set::Adjustments;

    fn service(name: &str) -> Kept {
        Some(Arc::new(Document::from_value(&json!({"metadata": {"name": name}})).unwrap()))
    }

    /// A shelf of whole objects.
    fn whole(mirror: &Mirror, group: &str, kind: &str) -> Arc<Shelf> {
        let need = Need { version: "v1".to_owned(), fields: Fields::whole() };
        mirror.add(group, kind, &need).unwrap()
    }

    fn key<'k>(kind: &'k str, namespace: &'k str, name: &'k str) -> ObjectKey<'k> {
        ObjectKey { group: "", kind, namespace, name }
    }

    #[test]
    fn answers_by_phase() {
        let mirror = Mirror::default();
        let view = mirror.view();
        assert_eq!(view.get(key("Service", "a", "x")), Lookup::Unknown("Service a/x".into()));
        let shelf = whole(&mirror, "", "Service");
        assert_eq!(view.get(key("Service", "a", "x")), Lookup::Unknown("Service a/x".into()));
        assert!(matches!(view.list("", "Service", None), Lookup::Unknown(_)));
        shelf.empty(Phase::NotServed);
        assert_eq!(view.get(key("Service", "a", "x")), Lookup::Absent);
        shelf.fill(Objects::default());
        assert_eq!(view.get(key("Service", "a", "x")), Lookup::Absent);
        shelf.put("a", "x", service("x"));
        shelf.put("b", "bad", None);
        assert!(matches!(view.get(key("Service", "a", "x")), Lookup::Known(_)));
        assert!(matches!(view.get(key("Service", "b", "bad")), Lookup::Failed(_)));
        assert!(matches!(view.list("", "Service", None), Lookup::Failed(_)));
        let Lookup::Known(listing) = view.list("", "Service", Some("a")) else { panic!("known") };
        assert_eq!((listing.objects.len(), listing.complete), (1, true));
        mirror.keep_only(|_, kind| kind != "Service");
        assert!(matches!(view.get(key("Service", "a", "x")), Lookup::Unknown(_)));
    }

    #[test]
    fn what_is_known_has_an_age_while_it_is_not_kept() {
        let mirror = Mirror::default();
        let shelf = whole(&mirror, "apps", "Deployment");
        let start = shelf.made;
        let at = |seconds| start + Duration::from_secs(seconds);
        let age = |seconds| mirror.ages(at(seconds))[0].1;
        assert_eq!(mirror.ages(start)[0].0, "Deployment.apps");
        assert_eq!(age(3), 3.0, "not read yet");
        shelf.fill(Objects::default());
        shelf.failing.heard();
        assert_eq!(age(500), 0.0, "in silence");
        shelf.failing.failed(at(500));
        assert_eq!(age(510), 10.0);
        shelf.failing.failed(at(560));
        assert_eq!(age(570), 70.0, "it goes on failing");
        shelf.failing.heard();
        assert_eq!(age(580), 0.0);
        shelf.failing.failed(at(600));
        assert_eq!(age(800), 0.0, "one failure, and then it watched in silence");
        shelf.failing.failed(at(900));
        assert_eq!(age(910), 10.0, "which is not the failure of before");
        shelf.empty(Phase::Unknown { why: "refused".to_owned(), settled: true });
        assert_eq!(age(1_500), 600.0, "unknown is not good, however silent");
        shelf.empty(Phase::NotServed);
        assert_eq!(age(1_600), 0.0, "known to be nothing");
    }

    /// A Pod as clusters hold them: two containers, variables, volumes and a status.
    fn running_pod(index: usize) -> serde_json::Value {
        let container = |name: &str| {
            json!({"name": name, "image": format!("registry.example.com/team/{name}:v1.{index}"),
                "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                "env": (0..10).map(|n| json!({"name": format!("VARIABLE_{n}"), "value": format!("value {n}")})).collect::<Vec<_>>(),
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
                "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10, "failureThreshold": 3},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "token", "mountPath": "/var/run/secrets"}],
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"})
        };
        let state = |name: &str| {
            json!({"name": name, "ready": true, "restartCount": 0, "started": true, "image": format!("registry.example.com/team/{name}:v1.{index}"),
                "imageID": format!("registry.example.com/team/{name}@sha256:{index:064x}"), "containerID": format!("containerd://{index:064x}"),
                "state": {"running": {"startedAt": "2026-11-28T12:00:00Z"}}})
        };
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("web-{index}"), "namespace": format!("team-{}", index % 100), "uid": format!("{index:032x}"),
                "resourceVersion": index.to_string(), "creationTimestamp": "2026-11-28T12:00:00Z",
                "labels": {"app": format!("web-{}", index % 400), "pod-template-hash": format!("{index:x}"), "tier": "front"},
                "annotations": {"checksum/config": format!("{index:064x}"), "prometheus.io/scrape": "true"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("web-{}", index % 400), "uid": format!("{index:032x}"), "controller": true}]},
            "spec": {"nodeName": format!("node-{}", index % 200), "serviceAccountName": "web", "restartPolicy": "Always",
                "containers": [container("main"), container("proxy")],
                "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
                "volumes": [{"name": "data", "emptyDir": {}}, {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}]},
            "status": {"phase": "Running", "podIP": "10.1.2.3", "qosClass": "Burstable",
                "conditions": (["Initialized", "Ready", "ContainersReady", "PodScheduled"].map(|kind| json!({"type": kind, "status": "True", "lastTransitionTime": "2026-11-28T12:00:00Z"}))),
                "containerStatuses": [state("main"), state("proxy")]}})
    }

    /// What 20,000 Pods cost, and what asking for them does: `cargo test --lib -- --ignored --nocapture twenty_thousand`.
    #[test]
    #[ignore = "measures, and prints what it measured"]
    fn twenty_thousand_pods() {
        let mut loaded = Loaded::default();
        for (name, text) in crate::store::embedded::files() {
            read_text(name, text, true, Profile::NEWEST, &mut loaded);
        }
        let set = loaded.into_set(&Adjustments::default(), TemplatePaths::default());
        let needs = Needs::of(&set);
        let pod = (String::new(), "Pod".to_owned());
        let counted = Fields::of(&["/metadata/labels", "/spec/", "/status/phase"]);
        // all stay until the end, so that none takes the memory that another had
        let _held = [
            measure("by a policy that lists them by label and reads their phase", &counted),
            measure("by the whole library", &needs.kinds[&pod].fields),
            measure("whole", &Fields::whole()),
        ];
    }

    fn measure(what: &str, fields: &Fields) -> Mirror {
        const PODS: usize = 20_000;
        let resident = || -> usize {
            let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
            pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
        };
        let mirror = Mirror::default();
        for known in crate::api::workloads() {
            if known.kind != "Pod" {
                whole(&mirror, known.group, known.kind).fill(Objects::default());
            }
        }
        let need = Need { version: "v1".to_owned(), fields: fields.clone() };
        let shelf = mirror.add("", "Pod", &need).unwrap();
        let (before, mut written) = (resident(), 0);
        let mut objects = Objects::default();
        for index in 0..PODS {
            let mut pod = running_pod(index);
            written += pod.to_string().len();
            let (namespace, name) = (format!("team-{}", index % 100), format!("web-{index}"));
            fields.keep(&mut pod);
            let kept = Document::from_value(&pod).unwrap().shrunk();
            objects.put(&namespace, &name, Some(Arc::new(kept)));
        }
        shelf.fill(objects);
        let held = resident().saturating_sub(before);
        eprintln!(
            "{PODS} Pods of {} bytes, held {what}: {} MiB resident, {} bytes each",
            written / PODS,
            held >> 20,
            held / PODS
        );
        let time = |what: &str, asked: &dyn Fn(&dyn Host) -> usize| {
            let (began, mut found) = (Instant::now(), 0);
            for _ in 0..20 {
                found = asked(&*mirror.view());
            }
            eprintln!("    {what}: {found} objects, {:.1} µs", began.elapsed().as_secs_f64() * 1e6 / 20.0);
        };
        let count = |lookup: Lookup<Listing<'_>>| match lookup {
            Lookup::Known(listing) => listing.objects.len(),
            _ => 0,
        };
        let listed = |host: &dyn Host, namespace: Option<&str>| count(host.list("", "Pod", namespace));
        let by_label = |host: &dyn Host, namespace: Option<&str>| {
            count(host.list_by("", "Pod", namespace, By::Labels(&[("app", "web-7"), ("tier", "front")])))
        };
        let selected = |host: &dyn Host, namespace: Option<&str>| {
            let (templates, mut found) = (TemplatePaths::default(), 0);
            let pool = crate::host::Pool::Pods(&templates);
            let query = crate::host::Query { pool, namespace, pairs: &[("app", "web-7")] };
            host.visit(&query, &mut |_| {
                found += 1;
                std::ops::ControlFlow::Continue(())
            });
            found
        };
        time("one by its name", &|host| {
            usize::from(matches!(host.get(key("Pod", "team-7", "web-7")), Lookup::Known(_)))
        });
        time("all of a namespace", &|host| listed(host, Some("team-7")));
        time("all", &|host| listed(host, None));
        time("by a label in a namespace", &|host| by_label(host, Some("team-7")));
        time("by a label everywhere", &|host| by_label(host, None));
        time("selected in a namespace", &|host| selected(host, Some("team-7")));
        time("selected everywhere", &|host| selected(host, None));
        assert_eq!(listed(&*mirror.view(), None), PODS);
        mirror
    }

    #[test]
    fn what_is_read_anew_is_taken_when_it_has_been() {
        let need = |version: &str, pointer: &str| Need {
            version: version.to_owned(),
            fields: Fields::of(&[pointer]),
        };
        let of = |need: &Need| {
            let mut needs = Needs::default();
            needs.kinds.insert((String::new(), "Service".to_owned()), need.clone());
            needs
        };
        let known = |mirror: &Mirror| matches!(mirror.view().get(key("Service", "a", "x")), Lookup::Known(_));
        let (mirror, narrow, wide) = (Mirror::default(), need("v1", "/spec/type"), need("v1", "/spec"));
        let first = mirror.add("", "Service", &narrow).unwrap();
        assert!(!mirror.is_settled(&of(&narrow)));
        first.fill(Objects::default());
        first.put("a", "x", service("x"));
        assert!(mirror.is_settled(&of(&narrow)) && !mirror.is_settled(&of(&wide)));
        assert!(mirror.add("", "Service", &narrow).is_none(), "it is there");
        // the one that is there answers until the other has been read
        let second = mirror.add("", "Service", &wide).unwrap();
        assert!(mirror.add("", "Service", &wide).is_none(), "it is being read");
        let mut twice = wide.clone();
        twice.fields.extend(&narrow.fields);
        assert!(mirror.add("", "Service", &twice).is_none(), "it says the same");
        mirror.turn();
        assert!(known(&mirror) && !mirror.is_settled(&of(&wide)));
        second.empty(Phase::Unknown { why: "refused".to_owned(), settled: true });
        mirror.turn();
        assert!(known(&mirror), "what cannot be read does not take the place of what is known");
        second.fill(Objects::default());
        assert!(mirror.is_settled(&of(&wide)));
        mirror.turn();
        assert_eq!(mirror.view().get(key("Service", "a", "x")), Lookup::Absent);
        // it has what the narrow one has
        mirror.turn_for(&of(&narrow));
        assert_eq!(mirror.view().get(key("Service", "a", "x")), Lookup::Absent);
        // a policy that comes into force before what it asks for was read
        let third =
            mirror.add("", "Service", &Need { version: "v1".to_owned(), fields: Fields::whole() }).unwrap();
        mirror.turn_for(&of(&third.need));
        assert!(matches!(mirror.view().get(key("Service", "a", "x")), Lookup::Unknown(_)));
        mirror.turn_for(&of(&need("v2", "/spec")));
        assert!(mirror.phases().is_empty(), "and nobody reads it");
    }

    #[test]
    fn what_was_lent_stays_while_the_cluster_changes() {
        let mirror = Mirror::default();
        let shelf = whole(&mirror, "", "Service");
        shelf.fill(Objects::default());
        for index in 0..1_000 {
            let name = format!("s{index}");
            shelf.put("a", &name, service(&name));
        }
        let view = mirror.view();
        let Lookup::Known(first) = view.get(key("Service", "a", "s7")) else { panic!("known") };
        let Lookup::Known(all) = view.list("", "Service", Some("a")) else { panic!("known") };
        for index in 0..1_000 {
            shelf.remove("a", &format!("s{index}"));
        }
        assert_eq!(view.get(key("Service", "a", "s7")), Lookup::Absent);
        assert_eq!(first.root.at("/metadata/name").unwrap().as_str(), Some("s7"));
        let names: Vec<_> =
            all.objects.iter().map(|o| o.root.at("/metadata/name").unwrap().as_str().unwrap()).collect();
        assert_eq!(names.len(), 1_000);
        assert!(names.is_sorted());
    }
}
