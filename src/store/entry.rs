//! The places of policies in a set: each is read, or will be when an object meets it.

use std::sync::{Arc, OnceLock};

use crate::check::Policy;
use crate::dialect::native::CLUSTER_KIND;
use crate::finding::{Actions, Finding, PolicyRef, Severity};
use crate::matching::KindMatch;

use super::outline::Unmet;
use super::repeats::{repeated_by, was_said};

/// A place in a set.
#[derive(Debug)]
pub(super) struct Slot {
    unmet: Option<Unmet>,
    policy: OnceLock<Arc<Policy>>,
    /// The codes of the server's of which it repeats findings and finds no others.
    repeats: Option<&'static [&'static str]>,
}

impl From<Arc<Policy>> for Slot {
    fn from(policy: Arc<Policy>) -> Self {
        Self { unmet: None, policy: OnceLock::from(policy), repeats: None }
    }
}

impl From<Unmet> for Slot {
    fn from(unmet: Unmet) -> Self {
        // who names a policy asks it about everything
        let repeats = repeated_by(unmet.outline.name).filter(|_| !unmet.is_named());
        Self { unmet: Some(unmet), policy: OnceLock::new(), repeats }
    }
}

impl Slot {
    /// The policy, which is read where it was not, for an object that meets it.
    pub(super) fn policy(&self) -> &Arc<Policy> {
        self.ready(true)
    }

    /// The policy, which is read where it was not; `when_run`: its expressions may wait until they are run.
    pub(super) fn ready(&self, when_run: bool) -> &Arc<Policy> {
        self.policy.get_or_init(|| {
            let unmet = self.unmet.as_ref().expect("a place without a policy has what it is read from");
            Arc::new(unmet.read(when_run))
        })
    }

    /// The policy, where it is read.
    pub(super) fn read(&self) -> Option<&Arc<Policy>> {
        self.policy.get()
    }

    /// Whether it has to be asked about an object of which the server has said this.
    pub(super) fn adds_to(&self, said: Option<&[Finding]>) -> bool {
        self.repeats.zip(said).is_none_or(|(codes, said)| was_said(codes, said))
    }

    /// What is known of it.
    pub(super) fn entry(&self) -> Entry<'_> {
        match (self.policy.get(), &self.unmet) {
            (None, Some(unmet)) => Entry::Unmet(unmet),
            _ => Entry::Read(self.policy()),
        }
    }

    /// The kinds by which an index finds it, and whether it may be about subresources; `declared`: whether custom kinds with
    /// Pod templates are declared.
    pub(super) fn kinds(&self, declared: bool) -> (KindMatch, bool) {
        match self.entry() {
            Entry::Read(policy) => (policy.matches.index_by(declared), policy.matches.has_subresources()),
            Entry::Unmet(unmet) => unmet.kinds(declared),
        }
    }
}

/// What is known of a policy of a set.
#[derive(Debug, Clone, Copy)]
pub enum Entry<'s> {
    /// All: it is read.
    Read(&'s Policy),
    /// What its outline says.
    Unmet(&'s Unmet),
}

/// A rule of a policy, as far as that is always known.
#[derive(Debug, Clone, Copy)]
pub struct RuleEntry<'s> {
    /// `policy/rule`
    pub code: &'s str,
    /// What the webhook answers.
    pub actions: Actions,
    /// What lint reports.
    pub severity: Severity,
}

impl<'s> Entry<'s> {
    /// Kind, namespace, name.
    #[must_use]
    pub fn id(&self) -> PolicyRef {
        match self {
            Self::Read(policy) => policy.id.clone(),
            Self::Unmet(unmet) => unmet.id(),
        }
    }

    /// What policies of a set are sorted by: name, namespace, kind.
    pub(super) fn order(&self) -> (&'s str, Option<&'s str>, &'static str) {
        match self {
            Self::Read(policy) => (&policy.id.name, policy.id.namespace.as_deref(), policy.id.kind),
            Self::Unmet(unmet) => (unmet.outline.name, None, CLUSTER_KIND),
        }
    }

    /// The packs it belongs to.
    #[must_use]
    pub fn packs(&self) -> Vec<&'s str> {
        match self {
            Self::Read(policy) => policy.about.packs.iter().map(String::as_str).collect(),
            Self::Unmet(unmet) => unmet.packs().to_vec(),
        }
    }

    /// Its rules that run, in order.
    #[must_use]
    pub fn rules(&self) -> Vec<RuleEntry<'s>> {
        match self {
            Self::Read(policy) => {
                let rules = policy.rules.iter();
                rules
                    .map(|rule| RuleEntry {
                        code: &rule.info.code,
                        actions: rule.actions,
                        severity: rule.severity,
                    })
                    .collect()
            }
            Self::Unmet(unmet) => {
                let rules = unmet.rules();
                rules
                    .map(|(rule, severity, actions)| RuleEntry { code: rule.code, actions, severity })
                    .collect()
            }
        }
    }

    /// Whether a rule of it changes objects.
    #[must_use]
    pub fn mutates(&self) -> bool {
        match self {
            Self::Read(policy) => policy.mutates(),
            Self::Unmet(unmet) => unmet.rules().any(|(rule, ..)| rule.mutates),
        }
    }
}
