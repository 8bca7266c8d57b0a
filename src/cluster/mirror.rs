//! What is known of the cluster: the objects of the watched kinds, changed by watches while reviews read.
//!
//! A review borrows objects from its [`View`], which keeps every object that it has lent alive until the review
//! ends, whatever happens in the cluster meanwhile. Nothing is copied and no lock is held while a policy runs.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::authorize::Authorizer;
use crate::cel::library::authorizer::{Decision, Question};
use crate::document::Document;
use crate::evaluate::request::User;
use crate::host::{AUTHORIZER, Host, HostObject, Listing, Lookup, ObjectKey, Views, describe};

/// An object; `None` when what the API server sent cannot be read.
pub type Kept = Option<Arc<Document<'static>>>;

/// Namespace → name → object.
pub type Objects = BTreeMap<String, BTreeMap<String, Kept>>;

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

/// A watch that fails says so at least this often: the longest pause before it is tried again, and the time to connect,
/// twice. One that is silent for longer watches.
const SILENT: Duration = Duration::from_secs(120);

/// The objects of one kind.
#[derive(Debug)]
pub struct Shelf {
    known: RwLock<(Phase, Objects)>,
    made: Instant,
    /// When a watch began to fail, and when it last did.
    failing: Mutex<Option<(Instant, Instant)>>,
}

impl Default for Shelf {
    fn default() -> Self {
        let phase = Phase::Unknown { why: "not read yet".to_owned(), settled: false };
        let known = RwLock::new((phase, Objects::new()));
        Shelf { known, made: Instant::now(), failing: Mutex::default() }
    }
}

impl Shelf {
    /// The API server has told something.
    pub fn heard(&self) {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The API server cannot be asked, or does not answer.
    pub fn failed(&self, now: Instant) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let since =
            failing.filter(|(_, last)| now.duration_since(*last) < SILENT).map_or(now, |(since, _)| since);
        *failing = Some((since, now));
    }

    /// How long ago what is known was known to be good: nothing while a watch keeps it so.
    #[must_use]
    pub fn age(&self, now: Instant) -> Duration {
        let failing = *self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let since = match (self.phase(), failing) {
            (Phase::Synced, Some((since, last))) if now.duration_since(last) < SILENT => since,
            (Phase::Synced | Phase::NotServed, _) => now,
            (Phase::Unknown { .. }, failing) => failing.map_or(self.made, |(since, _)| since),
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
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = (Phase::Synced, objects);
    }

    /// Nothing is known any more, or not yet.
    pub fn empty(&self, phase: Phase) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = (phase, Objects::new());
    }

    /// An object was made or changed.
    pub fn put(&self, namespace: &str, name: &str, object: Kept) {
        let mut guard = self.known.write().unwrap_or_else(PoisonError::into_inner);
        put(&mut guard.1, namespace, name, object);
    }

    /// An object is gone.
    pub fn remove(&self, namespace: &str, name: &str) {
        let mut guard = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let Some(names) = guard.1.get_mut(namespace) else { return };
        names.remove(name);
        if names.is_empty() {
            guard.1.remove(namespace);
        }
    }

    fn read<T>(&self, read: impl FnOnce(&Phase, &Objects) -> T) -> T {
        let guard = self.known.read().unwrap_or_else(PoisonError::into_inner);
        read(&guard.0, &guard.1)
    }
}

/// Adds an object.
pub fn put(objects: &mut Objects, namespace: &str, name: &str, object: Kept) {
    objects.entry(namespace.to_owned()).or_default().insert(name.to_owned(), object);
}

/// Group → kind → objects.
type Shelves = BTreeMap<String, BTreeMap<String, Arc<Shelf>>>;

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

    /// Begins to know a kind; what was known of it is forgotten.
    pub fn add(&self, group: &str, kind: &str) -> Arc<Shelf> {
        let shelf = Arc::new(Shelf::default());
        let mut shelves = self.shelves.write().unwrap_or_else(PoisonError::into_inner);
        shelves.entry(group.to_owned()).or_default().insert(kind.to_owned(), shelf.clone());
        shelf
    }

    /// Forgets a kind.
    pub fn drop_kind(&self, group: &str, kind: &str) {
        let mut shelves = self.shelves.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(kinds) = shelves.get_mut(group) {
            kinds.remove(kind);
        }
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
        let of_group = |(group, kinds): (&String, &BTreeMap<String, Arc<Shelf>>)| {
            let name = |kind: &String| match group.as_str() {
                "" => kind.clone(),
                group => format!("{kind}.{group}"),
            };
            kinds.iter().map(|(kind, shelf)| (name(kind), of(shelf))).collect::<Vec<_>>()
        };
        shelves.iter().flat_map(of_group).collect()
    }

    fn shelf(&self, group: &str, kind: &str) -> Option<Arc<Shelf>> {
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
        shelves.get(group)?.get(kind).cloned()
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
            Phase::Synced => match objects.get(namespace).and_then(|names| names.get(name)) {
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
        let unknown = || {
            Lookup::Unknown(match namespace {
                Some(namespace) => format!("{kind} objects of namespace {namespace}"),
                None => format!("{kind} objects"),
            })
        };
        let Some(shelf) = self.mirror.shelf(group, kind) else { return unknown() };
        let kept: Option<Vec<Kept>> = shelf.read(|phase, objects| match (phase, namespace) {
            (Phase::Unknown { .. }, _) => None,
            (Phase::NotServed, _) => Some(Vec::new()),
            (Phase::Synced, Some(namespace)) => {
                Some(objects.get(namespace).into_iter().flat_map(BTreeMap::values).cloned().collect())
            }
            (Phase::Synced, None) => Some(objects.values().flat_map(BTreeMap::values).cloned().collect()),
        });
        let Some(kept) = kept else { return unknown() };
        let objects: Option<Vec<_>> = kept.into_iter().map(|kept| kept.map(|o| self.lend(o))).collect();
        match objects {
            Some(objects) => Lookup::Known(Listing { objects, complete: true }),
            None => Lookup::Failed(format!("one of the {kind} objects cannot be read")),
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

    fn service(name: &str) -> Kept {
        Some(Arc::new(Document::from_value(&json!({"metadata": {"name": name}})).unwrap()))
    }

    fn key<'k>(kind: &'k str, namespace: &'k str, name: &'k str) -> ObjectKey<'k> {
        ObjectKey { group: "", kind, namespace, name }
    }

    #[test]
    fn answers_by_phase() {
        let mirror = Mirror::default();
        let view = mirror.view();
        assert_eq!(view.get(key("Service", "a", "x")), Lookup::Unknown("Service a/x".into()));
        let shelf = mirror.add("", "Service");
        assert_eq!(view.get(key("Service", "a", "x")), Lookup::Unknown("Service a/x".into()));
        assert!(matches!(view.list("", "Service", None), Lookup::Unknown(_)));
        shelf.empty(Phase::NotServed);
        assert_eq!(view.get(key("Service", "a", "x")), Lookup::Absent);
        shelf.fill(Objects::new());
        assert_eq!(view.get(key("Service", "a", "x")), Lookup::Absent);
        shelf.put("a", "x", service("x"));
        shelf.put("b", "bad", None);
        assert!(matches!(view.get(key("Service", "a", "x")), Lookup::Known(_)));
        assert!(matches!(view.get(key("Service", "b", "bad")), Lookup::Failed(_)));
        assert!(matches!(view.list("", "Service", None), Lookup::Failed(_)));
        let Lookup::Known(listing) = view.list("", "Service", Some("a")) else { panic!("known") };
        assert_eq!((listing.objects.len(), listing.complete), (1, true));
        mirror.drop_kind("", "Service");
        assert!(matches!(view.get(key("Service", "a", "x")), Lookup::Unknown(_)));
    }

    #[test]
    fn what_is_known_has_an_age_while_it_is_not_kept() {
        let mirror = Mirror::default();
        let shelf = mirror.add("apps", "Deployment");
        let start = shelf.made;
        let at = |seconds| start + Duration::from_secs(seconds);
        let age = |seconds| mirror.ages(at(seconds))[0].1;
        assert_eq!(mirror.ages(start)[0].0, "Deployment.apps");
        assert_eq!(age(3), 3.0, "not read yet");
        shelf.fill(Objects::new());
        shelf.heard();
        assert_eq!(age(500), 0.0, "in silence");
        shelf.failed(at(500));
        assert_eq!(age(510), 10.0);
        shelf.failed(at(560));
        assert_eq!(age(570), 70.0, "it goes on failing");
        shelf.heard();
        assert_eq!(age(580), 0.0);
        shelf.failed(at(600));
        assert_eq!(age(800), 0.0, "one failure, and then it watched in silence");
        shelf.failed(at(900));
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
        const PODS: usize = 20_000;
        let resident = || -> usize {
            let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
            pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
        };
        let mirror = Mirror::default();
        for (group, kind) in crate::host::query::PODS {
            mirror.add(group, kind).fill(Objects::new());
        }
        let shelf = mirror.add("", "Pod");
        let (before, mut written) = (resident(), 0);
        let mut objects = Objects::new();
        for index in 0..PODS {
            let pod = running_pod(index);
            written += pod.to_string().len();
            let (namespace, name) = (format!("team-{}", index % 100), format!("web-{index}"));
            put(
                &mut objects,
                &namespace,
                &name,
                Some(Arc::new(Document::from_value(&pod).unwrap().shrunk())),
            );
        }
        shelf.fill(objects);
        let held = resident().saturating_sub(before);
        eprintln!(
            "{PODS} Pods of {} bytes: {} MiB resident, {} bytes each",
            written / PODS,
            held >> 20,
            held / PODS
        );
        let time = |what: &str, asked: &dyn Fn(&dyn Host) -> usize| {
            let (began, mut found) = (Instant::now(), 0);
            for _ in 0..20 {
                found = asked(&*mirror.view());
            }
            eprintln!("{what}: {found} objects, {:.1} µs", began.elapsed().as_secs_f64() * 1e6 / 20.0);
        };
        let listed = |host: &dyn Host, namespace: Option<&str>| match host.list("", "Pod", namespace) {
            Lookup::Known(listing) => listing.objects.len(),
            _ => 0,
        };
        let by_label = |host: &dyn Host, namespace: Option<&str>| {
            let (templates, mut found) = (crate::resource::workload::TemplatePaths::default(), 0);
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
        assert_eq!(listed(&*mirror.view(), None), PODS);
    }

    #[test]
    fn what_was_lent_stays_while_the_cluster_changes() {
        let mirror = Mirror::default();
        let shelf = mirror.add("", "Service");
        shelf.fill(Objects::new());
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
