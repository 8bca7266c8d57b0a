//! What the texts of policies tell of their rules, of whatever kind an object is.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::replica;
use crate::check::{Decides, Deciding, PartOf, Policy, Trigger};

/// Parts of objects, each once, however many rules of a set it decides.
#[derive(Debug, Default)]
pub struct AllParts(Mutex<BTreeSet<Arc<PartOf>>>);

/// What the texts of a policy's rules tell.
#[derive(Debug)]
pub struct RulesTold {
    /// By rule.
    pub(super) triggers: Vec<Trigger>,
    /// What decides what they find, once a plan asked for it.
    decides: OnceLock<Box<[Option<DecidingParts>]>>,
}

/// What decides a rule; see [`Decides`].
#[derive(Debug)]
pub(super) struct DecidingParts {
    pub(super) parts: Box<[Arc<PartOf>]>,
    pub(super) unless_judged: bool,
    /// Those that decide what it finds, the others among them.
    pub(super) tells: Option<Box<[Arc<PartOf>]>>,
    pub(super) computes_fixes: bool,
    /// Whether replicas have in common what it says that it has judged.
    pub(super) judges_alike: bool,
}

impl AllParts {
    /// These, the ones that are known already.
    fn of<'p>(&self, parts: impl Iterator<Item = &'p PartOf>) -> Box<[Arc<PartOf>]> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut one = |part: &PartOf| {
            if let Some(known) = all.get(part) {
                return Arc::clone(known);
            }
            let PartOf { root, steps } = part;
            let new = Arc::new(PartOf { root: *root, steps: steps.as_slice().into() });
            all.insert(Arc::clone(&new));
            new
        };
        parts.map(&mut one).collect()
    }
}

impl RulesTold {
    /// Of this policy.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let triggers = policy.rules.iter().map(|rule| rule.check.trigger(policy)).collect();
        Self { triggers, decides: OnceLock::new() }
    }

    /// What decides each of its rules, where that can be told.
    pub(super) fn decides(&self, policy: &Policy, all: &AllParts) -> &[Option<DecidingParts>] {
        self.decides.get_or_init(|| {
            let deciding = Deciding::of(policy);
            let rule = |number| {
                let Decides { parts, unless_judged, tells, judged, computes_fixes } =
                    deciding.rule(policy, number)?;
                let judges_alike = judged.is_some_and(|judged| judged.iter().all(replica::has));
                let tells = tells.map(|tells| all.of(parts.union(&tells)));
                let parts = all.of(parts.iter());
                Some(DecidingParts { parts, unless_judged, tells, computes_fixes, judges_alike })
            };
            (0..policy.rules.len()).map(rule).collect()
        })
    }
}
