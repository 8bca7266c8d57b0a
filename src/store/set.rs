//! The policies of a run, indexed by kind.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use crate::admission_policy::Hook;
use crate::finding::Finding;
use crate::request::Request;
use crate::resource::workload::TemplatePaths;

use super::concerns::{ByOperation, Concerns};
use super::entry::{Entry, Slot};
use super::index::Index;
use super::memory::Memory;
use super::outline::Unmet;
use super::placement;
use super::plan::Plan;
use super::told::{AllParts, RulesTold};
use crate::check::{Policy, whole};
use crate::policy::FailurePolicy;
use crate::policy::exception::Exception;

pub use super::adjustments::{Adjustments, Level};
pub use super::names::{Names, UnknownName};

/// The policies of a run, in the order of their names.
#[derive(Debug, Default)]
pub struct PolicySet {
    /// What the set and its halves have in common.
    indexed: Arc<Indexed>,
    /// The entry that this is for; `None`: both.
    half: Option<FailurePolicy>,
    /// In the order of their names.
    exceptions: Vec<Arc<Exception>>,
    foresight: Foresight,
}

/// What of the policies is found out before objects are judged by them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Foresight {
    /// Nothing: every rule runs over every object.
    Nothing,
    /// Which rules can find anything, and what decides what they find, once a kind has been met a few times.
    #[default]
    All,
    /// The same for input that each object comes from once.
    OfInput,
}

/// Policies, how they are found, and what is known of them and of objects.
#[derive(Debug, Default)]
struct Indexed {
    slots: Vec<Slot>,
    /// All of them, once somebody asked for all.
    all: OnceLock<Vec<Arc<Policy>>>,
    index: Index,
    templates: TemplatePaths,
    /// In what policies found nothing.
    memory: Option<Memory>,
    /// What the texts of each policy's rules tell, once a plan asked for it.
    told: Vec<OnceLock<RulesTold>>,
    parts: AllParts,
    /// The MutatingAdmissionPolicies among the policies that something binds, in the order in which they are invoked.
    mutating: Vec<Hook>,
}

/// The policies that may be about a kind.
#[derive(Debug, Default)]
pub(super) struct OfKind {
    /// In the order of their names.
    pub(super) policies: Vec<usize>,
    /// How often the kind was met, up to [`MANY`].
    met: AtomicU32,
    /// Which rules can find anything.
    plan: OnceLock<Box<Plan>>,
    /// That, and what decides what they find.
    deciding: OnceLock<Box<Plan>>,
    concerns: ByOperation,
}

/// After so many objects of a kind it is told which of its rules need what: for a few that would take longer than it spares.
const OFTEN: u32 = 8;
/// The same where every object is judged once: what is told pays off over the objects of one run.
const OFTEN_IN_A_RUN: u32 = 32;
/// Of so many objects of a kind, some of one run will be like others in what decides rules.
const MANY: u32 = 64;

impl From<Vec<usize>> for OfKind {
    fn from(policies: Vec<usize>) -> Self {
        Self { policies, ..Self::default() }
    }
}

impl PolicySet {
    /// The same set without policies that are judged as a whole: those of the API server's own language, which it judges itself
    /// where it has them.
    #[must_use]
    pub fn without_servers_own(self) -> Self {
        self.without(|policy| whole(policy).is_some())
    }

    /// The same set without those of them that change objects, where nothing makes objects canonical before they are asked.
    #[must_use]
    pub fn without_servers_mutations(self) -> Self {
        self.without(|policy| whole(policy).is_some() && policy.rules.iter().any(|rule| rule.mutates))
    }

    fn without(mut self, is_out: impl Fn(&Policy) -> bool) -> Self {
        // a policy of the library is never judged as a whole
        if !self.indexed.slots.iter().filter_map(Slot::read).any(|policy| is_out(policy)) {
            return self;
        }
        let exceptions = std::mem::take(&mut self.exceptions);
        let policies = self.policies().iter().filter(|policy| !is_out(policy)).cloned().collect();
        let set = Self::new(policies, self.indexed.templates.clone()).with_exceptions(exceptions);
        Self { foresight: self.foresight, ..set }
    }

    /// A set of these policies; `templates` are declared by the configuration.
    #[must_use]
    pub fn new(policies: Vec<Arc<Policy>>, templates: TemplatePaths) -> Self {
        Self::with_unmet(policies, Vec::new(), templates)
    }

    /// As [`new`](Self::new), with policies that are read when an object meets them.
    pub(super) fn with_unmet(
        policies: Vec<Arc<Policy>>,
        unmet: Vec<Unmet>,
        mut templates: TemplatePaths,
    ) -> Self {
        for policy in &policies {
            templates.extend(&policy.templates);
        }
        let mut slots: Vec<Slot> =
            policies.into_iter().map(Slot::from).chain(unmet.into_iter().map(Slot::from)).collect();
        slots.sort_by(|one, other| one.entry().order().cmp(&other.entry().order()));
        let index = Index::new(!templates.is_empty());
        let told = slots.iter().map(|_| OnceLock::new()).collect();
        let read = slots.iter().filter_map(Slot::read);
        let mutating = read.filter_map(|policy| whole(policy)?.mutating().cloned()).collect();
        let indexed = Indexed {
            mutating,
            slots,
            all: OnceLock::new(),
            index,
            templates,
            memory: Memory::new(),
            told,
            parts: AllParts::default(),
        };
        Self { indexed: Arc::new(indexed), ..Self::default() }
    }

    /// The same set that runs every rule over every object, to compare with.
    #[must_use]
    pub fn unplanned(mut self) -> Self {
        self.foresight = Foresight::Nothing;
        self
    }

    /// The same set for input that each object comes from once: what can be told of rules pays only over many of a kind.
    #[must_use]
    pub fn for_input(mut self) -> Self {
        self.foresight = Foresight::OfInput;
        self
    }

    /// In which objects policies of the set found nothing.
    #[must_use]
    pub fn memory(&self) -> Option<&Memory> {
        self.indexed.memory.as_ref()
    }

    /// The policies, in the order of their names. Those that no object has met are read for it.
    #[must_use]
    pub fn policies(&self) -> &[Arc<Policy>] {
        if self.indexed.all.get().is_none() && self.indexed.slots.iter().any(|slot| slot.read().is_none()) {
            // not while the others wait for `all`: a thread that waits takes up other work, which may ask for it, too
            self.indexed.slots.par_iter().for_each(|slot| _ = slot.ready(false));
        }
        self.indexed
            .all
            .get_or_init(|| self.indexed.slots.iter().map(|slot| Arc::clone(slot.policy())).collect())
    }

    /// Reads those that may be about one of these kinds, on all threads: else whoever judges the first object of a kind reads
    /// them one after the other. `said`: what the server has said of each of the objects.
    pub fn meet<'k>(&self, kinds: impl IntoIterator<Item = &'k str>, said: Option<&[Finding]>) {
        let kinds: BTreeSet<&str> = kinds.into_iter().collect();
        self.indexed.index.meet(&self.indexed.slots, &kinds);
        let met: BTreeSet<usize> =
            kinds.into_iter().flat_map(|kind| &self.of_kind(kind).policies).copied().collect();
        let met = met.into_iter().map(|at| &self.indexed.slots[at]);
        let met: Vec<&Slot> = met.filter(|slot| slot.adds_to(said)).collect();
        met.par_iter().with_max_len(1).for_each(|slot| _ = slot.policy());
    }

    #[cfg(test)]
    pub(super) fn slots(&self) -> &[Slot] {
        &self.indexed.slots
    }

    /// What is known of each of them without reading any, in the order of their names.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.indexed.slots.iter().map(Slot::entry)
    }

    /// Those that change objects, in the order of their names.
    pub fn changing(&self) -> impl Iterator<Item = &Policy> {
        self.indexed.slots.iter().filter(|slot| slot.entry().mutates()).map(|slot| &**slot.policy())
    }

    /// The MutatingAdmissionPolicies among them that something binds, in the order in which they are invoked.
    #[must_use]
    pub fn mutating(&self) -> &[Hook] {
        &self.indexed.mutating
    }

    /// The same set with these exceptions, and no others.
    #[must_use]
    pub fn with_exceptions(mut self, mut exceptions: Vec<Arc<Exception>>) -> Self {
        exceptions.sort_by(|a, b| a.info.id.cmp(&b.info.id));
        self.exceptions = exceptions;
        self
    }

    /// What lifts findings of the policies, in the order of the names.
    #[must_use]
    pub fn exceptions(&self) -> &[Arc<Exception>] {
        &self.exceptions
    }

    /// What is judged behind the entry that fails closed, or behind the one that fails open.
    #[must_use]
    pub fn half(&self, half: FailurePolicy) -> Self {
        let Self { indexed, half: _, exceptions, foresight } = self;
        let (indexed, exceptions) = (Arc::clone(indexed), exceptions.clone());
        Self { indexed, half: Some(half), exceptions, foresight: *foresight }
    }

    /// The entry that this is for; `None`: both.
    #[must_use]
    pub fn is_half(&self) -> Option<FailurePolicy> {
        self.half
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.indexed.slots.is_empty()
    }

    /// The custom kinds with Pod templates that policies and configuration declare.
    #[must_use]
    pub fn templates(&self) -> &TemplatePaths {
        &self.indexed.templates
    }

    /// The policies that may be about a request for this kind or a subresource, in the order of their names. What is
    /// sent to a subresource may be of another kind than its resource.
    pub fn for_request(&self, kind: &str, subresource: &str) -> impl Iterator<Item = &Policy> {
        self.numbered(kind, subresource).map(|(_, policy)| policy)
    }

    fn slots_for(&self, kind: &str, subresource: &str) -> impl Iterator<Item = (usize, &Slot)> {
        let indexes = match subresource {
            "" => &self.of_kind(kind).policies[..],
            _ => self.indexed.index.with_subresources(&self.indexed.slots),
        };
        indexes.iter().map(|index| (*index, &self.indexed.slots[*index]))
    }

    fn numbered(&self, kind: &str, subresource: &str) -> impl Iterator<Item = (usize, &Policy)> {
        self.slots_for(kind, subresource).map(|(number, slot)| (number, &**slot.policy()))
    }

    fn of_kind(&self, kind: &str) -> &OfKind {
        self.indexed.index.of_kind(&self.indexed.slots, kind)
    }

    /// Which rules about a kind can find something, once the kind has been met often enough.
    pub fn plan(&self, kind: &str, subresource: &str) -> Option<&Plan> {
        if self.foresight == Foresight::Nothing || !subresource.is_empty() {
            return None;
        }
        let of = self.of_kind(kind);
        let met = match of.met.load(Relaxed) {
            met @ MANY.. => met,
            _ => of.met.fetch_add(1, Relaxed) + 1,
        };
        let told = |(number, policy): (usize, _)| {
            (number, policy, self.indexed.told[number].get_or_init(|| RulesTold::of(policy)))
        };
        let plan = |decides: bool| {
            Box::new(Plan::of(self.numbered(kind, "").map(told), decides.then_some(&self.indexed.parts)))
        };
        match self.foresight {
            Foresight::OfInput if met < OFTEN_IN_A_RUN => None,
            Foresight::OfInput if met < MANY => Some(of.plan.get_or_init(|| plan(false))),
            _ if met < OFTEN => None,
            _ => Some(of.deciding.get_or_init(|| plan(true))),
        }
    }

    /// Which policies are about a request for an object, as far as its kind and operation tell.
    #[must_use]
    pub fn concerns(&self, request: &Request<'_>) -> Option<&Concerns> {
        if self.foresight == Foresight::Nothing {
            return None;
        }
        let of = self.of_kind(request.kind.kind);
        of.concerns.of(request, (&self.indexed.slots, &of.policies), &self.indexed.templates)
    }

    /// Those of them that judge the request here, or change its object, with their numbers in the set. `said`: what the server
    /// has said of the object, where it has decoded and validated it.
    pub fn asked<'s>(
        &'s self,
        request: &Request<'_>,
        mutates: bool,
        said: Option<&[Finding]>,
    ) -> impl Iterator<Item = (usize, &'s Policy)> {
        let said = said.filter(|_| self.foresight != Foresight::Nothing);
        let slots = self.slots_for(request.kind.kind, request.subresource);
        let slots = slots.filter(move |(_, slot)| slot.adds_to(said) && (!mutates || slot.entry().mutates()));
        slots.map(|(number, slot)| (number, &**slot.policy())).filter(move |(_, policy)| {
            self.half.is_none_or(|half| {
                placement::of_request(policy, mutates, request, &self.indexed.templates) == half
            })
        })
    }

    /// The policies that may be about objects of a kind, in the order of their names.
    pub fn for_kind(&self, kind: &str) -> impl Iterator<Item = &Policy> {
        self.of_kind(kind).policies.iter().map(|index| &**self.indexed.slots[*index].policy())
    }
}
