//! Which rules can find anything in an object of a kind, told by one walk over it.
//!
//! ```text
//! rules ─ triggers ─▶ ways ─▶ one tree of steps for each variable          (when a kind has been met a few times)
//! object ─ one walk along the tree ─▶ bits ─▶ rules that have to run
//! ```

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::cel::absence::{Stride, Way};
use crate::document::NodeRef;

use super::by_name::ByName;
use super::memory::{Looks, Memory, Signature};
use super::parts::Parts;
use super::replica;
use crate::check::{Decides, Deciding, PartOf, Policy, ROOTS, Trigger};

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
}

/// What the texts of a policy's rules tell, of whatever kind an object is.
#[derive(Debug)]
pub struct RulesTold {
    triggers: Vec<Trigger>,
    /// What decides what they find, once a plan asked for it.
    decides: OnceLock<Vec<Option<Decides>>>,
}

impl RulesTold {
    /// Of this policy.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let triggers = policy.rules.iter().map(|rule| rule.check.trigger(policy)).collect();
        Self { triggers, decides: OnceLock::new() }
    }

    fn decides(&self, policy: &Policy) -> &[Option<Decides>] {
        self.decides.get_or_init(|| {
            let deciding = Deciding::of(policy);
            (0..policy.rules.len()).map(|at| deciding.rule(policy, at)).collect()
        })
    }
}

/// What is known of a policy.
#[derive(Debug)]
struct Planned {
    /// By rule.
    rules: Vec<Fires>,
    /// When one of the rules has to: the bits in words, as [`Present`] has them.
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

/// What of an object is there.
#[derive(Debug)]
pub struct Present {
    words: Vec<u64>,
}

impl Present {
    fn set(&mut self, bit: u32) {
        if let Some(word) = self.words.get_mut(bit as usize / 64) {
            *word |= 1 << (bit % 64);
        }
    }

    fn is_set(&self, bit: u32) -> bool {
        self.words.get(bit as usize / 64).is_some_and(|word| word & (1 << (bit % 64)) != 0)
    }
}

impl Plan {
    /// Of these policies, by their numbers; with what `decides` what they find, or only whether they can find anything.
    #[must_use]
    pub fn of<'p>(policies: impl Iterator<Item = (usize, &'p Policy, &'p RulesTold)>, decides: bool) -> Self {
        let mut bits: BTreeMap<Way, u32> = BTreeMap::new();
        let mut planned: Vec<Option<Planned>> = Vec::new();
        let mut parts: BTreeMap<PartOf, u32> = BTreeMap::new();
        for (number, policy, told) in policies {
            let fires = told.triggers.iter().map(|trigger| match trigger {
                Trigger::Always => Fires::Always,
                Trigger::Where(ways) => {
                    Fires::Where(ways.iter().map(|way| numbered(&mut bits, way)).collect())
                }
            });
            let rules: Vec<Fires> = fires.collect();
            let decides = if decides { told.decides(policy) } else { &[] };
            let decided_by = decides.iter().map(|decides| {
                let Decides { parts: decide, unless_judged, tells } = decides.as_ref()?;
                let in_common = decide.iter().all(replica::has);
                let all = tells.as_ref().is_some_and(|tells| tells.iter().all(replica::has));
                let tells = tells.as_ref().map(|tells| decide.union(tells));
                let tells = tells.map(|tells| tells.map(|part| numbered(&mut parts, part)).collect());
                let decide = decide.iter().map(|part| numbered(&mut parts, part)).collect();
                let of_replicas = [in_common, in_common && all];
                Some(DecidedBy { parts: decide, unless_judged: *unless_judged, tells, of_replicas })
            });
            let decided_by = decided_by.collect();
            planned.resize_with(planned.len().max(number + 1), || None);
            planned[number] = Some(Planned { rules, any: None, decided_by });
        }
        let words = bits.len().div_ceil(64);
        for policy in planned.iter_mut().flatten() {
            policy.any = any_of(&policy.rules, words);
        }
        let parts = Parts::of(&parts);
        let mut trees: [Steps; ROOTS.len()] = Default::default();
        for (way, bit) in &bits {
            if let Some(root) = ROOTS.iter().position(|root| *root == &*way.root) {
                trees[root].end(&way.steps).bit = Some(*bit);
            }
        }
        Self { policies: planned, parts, trees, bits: bits.len() as u32 }
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
        let decided_by = self.planned(policy)?.decided_by.get(rule)?.as_ref()?;
        Some((decided_by, looks.signature((policy, rule), 0, &decided_by.parts)?))
    }

    /// Whether what a rule finds in an object, nothing or something, is so in its replicas.
    #[must_use]
    pub fn is_of_replicas(&self, (policy, rule): (usize, usize), found: bool) -> bool {
        let decided_by = || self.planned(policy)?.decided_by.get(rule)?.as_ref();
        decided_by().is_some_and(|decided_by| decided_by.of_replicas[usize::from(found)])
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
        let tells = self.planned(policy)?.decided_by.get(rule)?.as_ref()?.tells.as_deref()?;
        looks.signature((policy, rule), most.unwrap_or_default(), tells)
    }

    /// What is there, of an object and its Pod template's `spec` and `metadata`, in the order of [`ROOTS`].
    #[must_use]
    pub fn present(&self, roots: [Option<NodeRef<'_>>; ROOTS.len()]) -> Present {
        let mut present = Present { words: vec![0; (self.bits as usize).div_ceil(64)] };
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

    /// Whether a rule of a policy has to run.
    #[must_use]
    pub fn fires_at_all(&self, present: &Present, policy: usize) -> bool {
        let any = self.planned(policy).and_then(|policy| policy.any.as_deref());
        any.is_none_or(|any| any.iter().zip(&present.words).any(|(any, present)| any & present != 0))
    }

    /// Whether a rule has to run.
    #[must_use]
    pub fn fires(&self, present: &Present, policy: usize, rule: usize) -> bool {
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
    fn mark(&self, node: NodeRef<'_>, present: &mut Present) {
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

    fn mark_all(&self, present: &mut Present) {
        if let Some(bit) = self.bit {
            present.set(bit);
        }
        let below = self.members.values().chain(self.items.as_deref()).chain(self.itself.as_deref());
        below.for_each(|steps| steps.mark_all(present));
    }
}
