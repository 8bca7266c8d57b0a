//! What is known of an object before it is judged: what rules found in others that are the same in what decides it.
//!
//! ```text
//! object ─ all but what is of one replica alone ─▶ what all rules found in a replica of it     (one walk, of a webhook's CREATE)
//!        └ else, for each rule: the parts that decide it ─▶ what it found where they were the same
//!                                                        └ else it runs, and what it finds is kept
//! ```

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use crate::check::{EvaluationLimits, PolicyContext, Rule};
use crate::finding::{Certainty, Finding};
use crate::store::memory::{FoundByRule, Looks, Signature};
use crate::store::plan::Plan;

/// What is known of an object.
pub(super) struct KnownOf<'k> {
    plan: &'k Plan,
    looks: Looks<'k>,
    budget: EvaluationLimits,
    /// What tells it from those that are no replicas of it, and what was found in one of these.
    replicas: OnceCell<Option<(Signature, Option<Arc<FoundByRule>>)>>,
    /// What is known of its rules, to be kept for its replicas.
    gathered: RefCell<FoundByRule>,
}

impl<'k> KnownOf<'k> {
    /// Of the object that is looked at.
    pub(super) fn object(plan: &'k Plan, looks: Looks<'k>, budget: EvaluationLimits) -> Self {
        Self { plan, looks, budget, replicas: OnceCell::new(), gathered: RefCell::default() }
    }

    /// As far as a policy goes, by its number.
    pub(super) fn policy(&self, policy: usize) -> Known<'_> {
        Known(Some((self, policy)))
    }

    fn replicas(&self) -> Option<&(Signature, Option<Arc<FoundByRule>>)> {
        let told = || {
            let most = self.budget.findings_per_rule.unwrap_or_default();
            let signature = self.budget.may_recall().then(|| self.looks.signature_of_replicas(most))??;
            Some((signature, self.looks.of_replicas(signature)))
        };
        self.replicas.get_or_init(told).as_ref()
    }

    /// What a rule found in a replica; none where no replica is known.
    fn in_replica(&self, rule: (usize, usize)) -> Option<Recall> {
        let (_, known) = self.replicas()?;
        let known = known.as_ref()?;
        let at = known.binary_search_by_key(&rule, |(rule, _)| *rule);
        Some(at.map_or_else(
            |_| Recall::default(),
            |at| Recall { found: Some(known[at].1.clone()), ..Recall::default() },
        ))
    }

    fn gather(&self, rule: (usize, usize), found: &Arc<[Finding]>) {
        if self.replicas().is_some() && self.plan.is_of_replicas(rule, !found.is_empty()) {
            self.gathered.borrow_mut().push((rule, found.clone()));
        }
    }

    /// For its replicas, when it was judged.
    pub(super) fn keep(self) {
        let mut gathered = self.gathered.into_inner();
        if let Some(Some((signature, None))) = self.replicas.get().filter(|_| !gathered.is_empty()) {
            // rules that ran come after those of their policy that were known
            gathered.sort_unstable_by_key(|(rule, _)| *rule);
            self.looks.keep_of_replicas(*signature, gathered);
        }
    }
}

/// What is remembered for a rule of objects like this one.
#[derive(Default)]
pub(super) struct Recall {
    /// The numbers of its policy and its own.
    rule: (usize, usize),
    /// What tells it from those in which the rule finds something; and whether that is only so where it judges nothing.
    of_nothing: Option<(Signature, bool)>,
    /// What tells it from those in which the rule finds something else.
    of_findings: Option<Signature>,
    /// What it found in one like it.
    pub(super) found: Option<Arc<[Finding]>>,
}

/// What is known of an object as far as a policy goes.
pub(super) struct Known<'k>(Option<(&'k KnownOf<'k>, usize)>);

impl Known<'_> {
    /// Nothing is.
    pub(super) const NOTHING: Self = Self(None);

    /// Of a rule, the `number`th of its policy, as far as that can be told.
    pub(super) fn of(&self, (number, rule): (usize, &Rule), subject: &PolicyContext<'_>) -> Recall {
        let Some((of, policy)) = self.0 else { return Recall::default() };
        if let Some(recall) = of.in_replica((policy, number)) {
            return recall;
        }
        let Some((decided_by, nothing)) = of.plan.signature(&of.looks, policy, number) else {
            return Recall::default();
        };
        let mut recall = Recall {
            rule: (policy, number),
            of_nothing: Some((nothing, decided_by.unless_judged)),
            ..Recall::default()
        };
        if of.looks.knows(nothing) {
            recall.found = Some(Arc::default());
        } else if subject.budget.may_recall() && !rule.sensitive && !subject.is_secret() {
            let most = subject.budget.findings_per_rule;
            recall.of_findings = of.plan.signature_of_findings(&of.looks, (policy, number), most);
            recall.found = recall.of_findings.and_then(|signature| of.looks.recall(signature));
        }
        if let Some(found) = &recall.found {
            of.gather((policy, number), found);
        }
        recall
    }

    /// What a rule found, and whether it has judged anything.
    pub(super) fn keep(&self, recall: &Recall, found: &[Finding], has_judged: bool) {
        let Some((of, _)) = self.0 else { return };
        match (recall.of_nothing, recall.of_findings) {
            (Some((nothing, unless_judged)), _) if found.is_empty() => {
                if !(has_judged && unless_judged) {
                    of.looks.keep(nothing);
                    of.gather(recall.rule, &Arc::default());
                }
            }
            (_, Some(findings)) if found.iter().all(|f| f.certainty == Certainty::Known) => {
                let found: Arc<[Finding]> = found.into();
                of.looks.keep_found(findings, &found);
                of.gather(recall.rule, &found);
            }
            _ => {}
        }
    }
}
