//! Which rules can find anything in an object of a kind, told by one walk over it.
//!
//! ```text
//! rules ─ triggers ─▶ ways ─▶ one tree of steps for each variable          (when a kind has been met a few times)
//! object ─ one walk along the tree ─▶ bits ─▶ rules that have to run
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cel::absence::{Stride, Way};
use crate::document::NodeRef;

use super::by_name::ByName;
use super::memory::{Looks, Memory, Signature};
use super::parts::Parts;
use super::replica;
use super::told::{AllParts, DecidingParts, RulesTold};
use crate::check::{PartOf, Policy, ROOTS, Trigger};

/// The rules about one kind.
#[derive(Debug)]
pub struct Plan {
    /// By the number of the policy in its set.
    policies: Vec<Option<Planned>>,
    /// What decides policies that nothing but the object decides.
    parts: Parts,
    /// One for each of [`ROOTS`].
    trees: [Steps; ROOTS.len()],
    bits: u32,
    /// Whether the same is there of an object and of its replicas.
    has_replicas_alike: bool,
}

/// What is known of a policy.
#[derive(Debug)]
struct Planned {
    /// Conditions that fail are told, whatever rules would say.
    has_conditions: bool,
    /// By rule.
    rules: Vec<Fires>,
    /// When one of the rules has to: the bits in words, as [`Bits`] has them.
    any: Option<Box<[u64]>>,
    /// By rule: what decides whether it finds anything.
    decided_by: Vec<Option<DecidedBy>>,
}

/// The parts of an object that decide whether a rule finds anything.
#[derive(Debug)]
pub struct DecidedBy {
    /// Their numbers.
    parts: Box<[u32]>,
    /// See [`Decides::unless_judged`](crate::check::Decides::unless_judged).
    pub unless_judged: bool,
    /// Those that decide what it finds, these among them; see [`Decides::tells`](crate::check::Decides::tells).
    tells: Option<Box<[u32]>>,
    /// Whether replicas have in common what decides that it finds nothing, and what it finds.
    of_replicas: [bool; 2],
    /// Whether copies have in common what it finds.
    of_copies: bool,
    /// Whether replicas have in common what it says that it has judged.
    judges_alike: bool,
}

/// When a rule has to run.
#[derive(Debug)]
enum Fires {
    Always,
    /// Where one of these bits is set.
    Where(Box<[u32]>),
}

/// A place that ways go through.
#[derive(Debug, Default)]
struct Steps {
    members: ByName<Steps>,
    items: Option<Box<Steps>>,
    /// The same place, where it is no list.
    itself: Option<Box<Steps>>,
    /// The bit of the way that ends here.
    bit: Option<u32>,
}

/// Which of some things, that have numbers, are so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bits {
    words: Box<[u64]>,
}

impl Bits {
    /// None of so many.
    fn none(count: usize) -> Self {
        Self { words: vec![0; count.div_ceil(64)].into() }
    }

    fn set(&mut self, bit: u32) {
        if let Some(word) = self.words.get_mut(bit as usize / 64) {
            *word |= 1 << (bit % 64);
        }
    }

    /// Whether the thing of this number is so.
    #[must_use]
    pub fn is_set(&self, bit: u32) -> bool {
        self.words.get(bit as usize / 64).is_some_and(|word| word & (1 << (bit % 64)) != 0)
    }

    /// How many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.words)
    }
}

impl Plan {
    /// Of these policies, by their numbers; with what decides what they find, of these parts, or only whether they can find
    /// anything.
    #[must_use]
    pub fn of<'p>(
        policies: impl Iterator<Item = (usize, &'p Policy, &'p RulesTold)>,
        deciding: Option<&AllParts>,
    ) -> Self {
        let mut bits: BTreeMap<Way, u32> = BTreeMap::new();
        let mut planned: Vec<Option<Planned>> = Vec::new();
        let mut parts: BTreeMap<Arc<PartOf>, u32> = BTreeMap::new();
        for (number, policy, told) in policies {
            let fires = told.triggers.iter().map(|trigger| match trigger {
                Trigger::Always => Fires::Always,
                Trigger::Where(ways) => {
                    Fires::Where(ways.iter().map(|way| numbered(&mut bits, way)).collect())
                }
            });
            let rules: Vec<Fires> = fires.collect();
            let decides = deciding.map_or(&[][..], |all| told.decides(policy, all));
            let decided_by = decides.iter().map(|decides| {
                let DecidingParts { parts: decide, unless_judged, tells, computes_fixes, judges_alike } =
                    decides.as_ref()?;
                let of_copies = tells.is_some() && !computes_fixes;
                let are_in_common = |parts: &[Arc<PartOf>]| parts.iter().all(|part| replica::has(part));
                let of_replicas = [are_in_common(decide), tells.as_deref().is_some_and(are_in_common)];
                let mut numbers =
                    |of: &[Arc<PartOf>]| of.iter().map(|part| numbered(&mut parts, part)).collect();
                let (decide, tells) = (numbers(decide), tells.as_deref().map(&mut numbers));
                let unless_judged = *unless_judged;
                let judges_alike = *judges_alike;
                Some(DecidedBy { parts: decide, unless_judged, tells, of_replicas, of_copies, judges_alike })
            });
            let decided_by = decided_by.collect();
            planned.resize_with(planned.len().max(number + 1), || None);
            let has_conditions = !policy.conditions.is_empty();
            planned[number] = Some(Planned { has_conditions, rules, any: None, decided_by });
        }
        let words = bits.len().div_ceil(64);
        for policy in planned.iter_mut().flatten() {
            policy.any = any_of(&policy.rules, words);
        }
        let parts = Parts::of(parts.iter().map(|(part, number)| (&**part, *number)));
        let mut trees: [Steps; ROOTS.len()] = Default::default();
        for (way, bit) in &bits {
            if let Some(root) = ROOTS.iter().position(|root| *root == &*way.root) {
                trees[root].end(&way.steps).bit = Some(*bit);
            }
        }
        let has_replicas_alike = bits.keys().all(replica::has_way);
        Self { policies: planned, parts, trees, bits: bits.len() as u32, has_replicas_alike }
    }

    /// What was found before in objects that are like this one, given by its [`ROOTS`], in all that decides it; `kind` is its
    /// group, version and kind.
    #[must_use]
    pub fn looks<'r>(
        &'r self,
        memory: &'r Memory,
        roots: [Option<NodeRef<'r>>; ROOTS.len()],
        kind: [&str; 3],
    ) -> Looks<'r> {
        Looks::at(memory, &self.parts, roots, kind)
    }

    /// What decides whether a rule finds anything, and what tells the object that is looked at from others for it.
    #[must_use]
    pub fn signature(
        &self,
        looks: &Looks<'_>,
        policy: usize,
        rule: usize,
    ) -> Option<(&DecidedBy, Signature)> {
        let decided_by = self.decided_by((policy, rule))?;
        Some((decided_by, looks.signature((policy, rule), 0, &decided_by.parts)?))
    }

    /// Whether what a rule finds in an object, nothing or something, is so in its replicas.
    #[must_use]
    pub fn is_of_replicas(&self, rule: (usize, usize), found: bool) -> bool {
        self.decided_by(rule).is_some_and(|decided_by| decided_by.of_replicas[usize::from(found)])
    }

    /// Whether what a rule finds in an object, nothing or something, is so in its copies, which are the same in all.
    #[must_use]
    pub fn is_of_copies(&self, rule: (usize, usize), found: bool) -> bool {
        self.decided_by(rule).is_some_and(|decided_by| !found || decided_by.of_copies)
    }

    /// As [`is_of_replicas`](Self::is_of_replicas), where findings say as much as those of [copies](Self::is_of_copies), and what
    /// was judged, too.
    #[must_use]
    pub fn is_of_replicas_in_full(&self, rule: (usize, usize), found: bool) -> bool {
        self.decided_by(rule).is_some_and(|decided_by| {
            let DecidedBy { of_replicas, of_copies, judges_alike, .. } = decided_by;
            of_replicas[usize::from(found)] && (!found || *of_copies && *judges_alike)
        })
    }

    /// What tells the object that is looked at from others in which a rule finds something else, where of its findings no more
    /// than `most` are told.
    #[must_use]
    pub fn signature_of_findings(
        &self,
        looks: &Looks<'_>,
        (policy, rule): (usize, usize),
        most: Option<usize>,
    ) -> Option<Signature> {
        let tells = self.decided_by((policy, rule))?.tells.as_deref()?;
        looks.signature((policy, rule), most.unwrap_or_default(), tells)
    }

    /// Whether what is [present](Self::present) of an object is so of its replicas.
    #[must_use]
    pub fn has_replicas_alike(&self) -> bool {
        self.has_replicas_alike
    }

    /// The policies, by their numbers, that find nothing in an object whatever else they go by: those without conditions of
    /// which each rule has not to run, or found nothing.
    #[must_use]
    pub fn quiet(&self, present: &Bits, found_nothing: impl Fn((usize, usize)) -> bool) -> Bits {
        let mut quiet = Bits::none(self.policies.len());
        for (number, policy) in self.policies.iter().enumerate() {
            let Some(Planned { has_conditions: false, rules, .. }) = policy else { continue };
            let is_quiet = |rule| !self.fires(present, number, rule) || found_nothing((number, rule));
            if (0..rules.len()).all(is_quiet) {
                quiet.set(number as u32);
            }
        }
        quiet
    }

    /// What is there, of an object and its Pod template's `spec` and `metadata`, in the order of [`ROOTS`].
    #[must_use]
    pub fn present(&self, roots: [Option<NodeRef<'_>>; ROOTS.len()]) -> Bits {
        let mut present = Bits::none(self.bits as usize);
        for (steps, root) in self.trees.iter().zip(roots) {
            if let Some(root) = root {
                steps.mark(root, &mut present);
            }
        }
        present
    }

    fn planned(&self, policy: usize) -> Option<&Planned> {
        self.policies.get(policy)?.as_ref()
    }

    fn decided_by(&self, (policy, rule): (usize, usize)) -> Option<&DecidedBy> {
        self.planned(policy)?.decided_by.get(rule)?.as_ref()
    }

    /// Whether a rule of a policy has to run.
    #[must_use]
    pub fn fires_at_all(&self, present: &Bits, policy: usize) -> bool {
        let any = self.planned(policy).and_then(|policy| policy.any.as_deref());
        any.is_none_or(|any| any.iter().zip(&*present.words).any(|(any, present)| any & present != 0))
    }

    /// Whether a rule has to run.
    #[must_use]
    pub fn fires(&self, present: &Bits, policy: usize, rule: usize) -> bool {
        match self.planned(policy).and_then(|policy| policy.rules.get(rule)) {
            Some(Fires::Where(bits)) => bits.iter().any(|bit| present.is_set(*bit)),
            Some(Fires::Always) | None => true,
        }
    }
}

/// The number of a thing, the next one where it has none.
fn numbered<T: Ord + Clone>(numbers: &mut BTreeMap<T, u32>, of: &T) -> u32 {
    if let Some(known) = numbers.get(of) {
        return *known;
    }
    let next = numbers.len() as u32;
    numbers.insert(of.clone(), next);
    next
}

/// The bits of all rules; `None` where one of them always has to run.
fn any_of(rules: &[Fires], words: usize) -> Option<Box<[u64]>> {
    let mut any = vec![0; words];
    for rule in rules {
        let Fires::Where(bits) = rule else { return None };
        bits.iter().for_each(|bit| any[*bit as usize / 64] |= 1 << (bit % 64));
    }
    Some(any.into())
}

impl Steps {
    fn end(&mut self, way: &[Stride]) -> &mut Self {
        let mut at = self;
        for step in way {
            at = match step {
                Stride::Key(key) => at.members.entry(key),
                Stride::Each => at.items.get_or_insert_default(),
                Stride::Itself => at.itself.get_or_insert_default(),
            };
        }
        at
    }

    /// Notes what lies at the end of ways from a node; ways are as long as expressions, and so is the recursion.
    fn mark(&self, node: NodeRef<'_>, present: &mut Bits) {
        if node.is_unknown() {
            return self.mark_all(present);
        }
        if let Some(bit) = self.bit {
            present.set(bit);
        }
        if node.is_object() {
            if !self.members.is_empty() {
                for (key, value) in node.members() {
                    if let Some((steps, _)) = self.members.get(key) {
                        steps.mark(value, present);
                    }
                }
            }
        } else if node.is_array() {
            // a step into a member is an error there, which is for the rule to say
            self.members.values().for_each(|steps| steps.mark_all(present));
            if let Some(steps) = &self.items {
                node.items().for_each(|item| steps.mark(item, present));
            }
        }
        if let Some(steps) = self.itself.as_deref().filter(|_| !node.is_array()) {
            steps.mark(node, present);
        }
    }

    fn mark_all(&self, present: &mut Bits) {
        if let Some(bit) = self.bit {
            present.set(bit);
        }
        let below = self.members.values().chain(self.items.as_deref()).chain(self.itself.as_deref());
        below.for_each(|steps| steps.mark_all(present));
    }
}
