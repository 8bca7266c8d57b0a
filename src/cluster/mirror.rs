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
    /// Nothing has been listed so far.
    Unknown {
        /// Why nothing is known yet.
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
        found.map(|object| self.lend(object))
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
mod tests;
