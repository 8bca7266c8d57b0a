//! What is known of an object before it is judged: what rules found in others that are the same in what decides it.
//!
//! ```text
//! object ─ all but what is of one replica alone ─▶ what all rules found in a replica of it     (one walk, of a webhook's CREATE)
//!        └ else, for each rule: the parts that decide it ─▶ what it found where they were the same
//!                                                        └ else it runs, and what it finds is kept
//! ```

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use crate::check::{EvaluationLimits, Findings, PolicyContext, Rule};
use crate::finding::{Certainty, Finding};
use crate::store::memory::{FoundByRule, Looks, OfReplicas, Signature};
use crate::store::plan::{Bits, Plan};
use crate::store::recalled::Recalled;

/// What is known of an object.
pub(super) struct KnownOf<'k> {
    plan: &'k Plan,
    looks: Looks<'k>,
    budget: EvaluationLimits,
    /// What tells it from those that are no replicas of it, and what is known of these.
    replicas: OnceCell<Option<(Signature, Option<Arc<OfReplicas>>)>>,
    /// What of it is there, where nothing is known of its replicas.
    present: OnceCell<Bits>,
    /// What is known of its rules, to be kept for its replicas.
    gathered: RefCell<FoundByRule>,
}

impl<'k> KnownOf<'k> {
    /// Of the object that is looked at.
    pub(super) fn object(plan: &'k Plan, looks: Looks<'k>, budget: EvaluationLimits) -> Self {
        Self {
            plan,
            looks,
            budget,
            replicas: OnceCell::new(),
            present: OnceCell::new(),
            gathered: RefCell::default(),
        }
    }

    /// As far as a policy goes, by its number.
    pub(super) fn policy(&self, policy: usize) -> Known<'_> {
        Known(Some((self, policy)))
    }

    fn replicas(&self) -> Option<&(Signature, Option<Arc<OfReplicas>>)> {
        let told = || {
            let may_be_told = self.budget.may_recall() && self.plan.has_replicas_alike();
            let most = self.budget.findings_per_rule.unwrap_or_default();
            let signature = may_be_told.then(|| self.looks.signature_of_replicas(most))??;
            Some((signature, self.looks.of_replicas(signature)))
        };
        self.replicas.get_or_init(told).as_ref()
    }

    fn known_of_replicas(&self) -> Option<&OfReplicas> {
        self.replicas()?.1.as_deref()
    }

    /// What of the object is there.
    pub(super) fn present(&self) -> &Bits {
        match self.known_of_replicas() {
            Some(known) => &known.present,
            None => self.present.get_or_init(|| self.looks.present(self.plan)),
        }
    }

    /// Whether it is known that the rules of a policy find nothing, and that it has no conditions.
    pub(super) fn is_quiet(&self, policy: usize) -> bool {
        self.known_of_replicas().is_some_and(|known| known.is_quiet(policy))
    }

    /// What a rule found in a replica, or that it runs each time; `None` where that is not known.
    fn in_replica(&self, rule: (usize, usize)) -> Option<Recall> {
        let known = self.known_of_replicas()?;
        if known.is_quiet(rule.0) {
            return Some(Recall { found: Some(Arc::default()), ..Recall::default() });
        }
        match known.found.binary_search_by_key(&rule, |(rule, _)| *rule) {
            Ok(at) => Some(Recall { found: known.found[at].1.clone(), ..Recall::default() }),
            // what decides it is of one replica alone: to ask for it would cost more than it spares
            Err(_) => (!self.plan.is_of_replicas(rule, false)).then(Recall::default),
        }
    }

    /// What a rule found; `None` where that cannot be remembered.
    fn gather(&self, rule: (usize, usize), found: Option<&Arc<[Recalled]>>) {
        if self.replicas().is_some() && self.plan.is_of_replicas(rule, false) {
            let found = found.filter(|found| found.is_empty() || self.plan.is_of_replicas(rule, true));
            self.gathered.borrow_mut().push((rule, found.cloned()));
        }
    }

    /// For its replicas, when it was judged.
    pub(super) fn keep(&self) {
        let mut found = self.gathered.take();
        let Some((signature, known)) = self.replicas().filter(|_| !found.is_empty()) else { return };
        // of another request for a replica, other policies may have been asked
        found.extend(known.iter().flat_map(|known| known.found.iter().cloned()));
        found.sort_by_key(|(rule, _)| *rule);
        found.dedup_by_key(|(rule, _)| *rule);
        let was_quiet = |policy: usize| known.as_ref().is_some_and(|known| known.is_quiet(policy));
        let nothing = |rule: (usize, usize)| {
            let at = found.binary_search_by_key(&rule, |(rule, _)| *rule).ok();
            let found = at.and_then(|at| found[at].1.as_ref());
            was_quiet(rule.0) || found.is_some_and(|found| found.is_empty())
        };
        let present = self.present().clone();
        let mut known = OfReplicas { quiet: self.plan.quiet(&present, nothing), present, found };
        let OfReplicas { quiet, found, .. } = &mut known;
        found.retain(|((policy, _), _)| !quiet.is_set(*policy as u32));
        found.shrink_to_fit();
        self.looks.keep_of_replicas(*signature, known);
    }
}

/// What is remembered for a rule of objects like this one.
#[derive(Default)]
pub(super) struct Recall {
    /// The numbers of its policy and its own, where what comes of it is to be known of replicas.
    rule: Option<(usize, usize)>,
    /// What tells it from those in which the rule finds something; and whether that is only so where it judges nothing.
    of_nothing: Option<(Signature, bool)>,
    /// What tells it from those in which the rule finds something else.
    of_findings: Option<Signature>,
    /// What it found in one like it.
    pub(super) found: Option<Arc<[Recalled]>>,
}

impl Recall {
    /// What it found in one like it, once more.
    pub(super) fn tell(&self, findings: &mut Findings) {
        findings.extend(self.found.iter().flat_map(|found| found.iter()).map(Recalled::finding));
    }
}

/// What came of a rule that ran.
pub(super) struct Ran<'r> {
    pub(super) found: &'r [Finding],
    /// Whether it has judged anything.
    pub(super) has_judged: bool,
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
        let rule_of = (policy, number);
        let Some((decided_by, nothing)) = of.plan.signature(&of.looks, policy, number) else {
            return Recall { rule: Some(rule_of), ..Recall::default() };
        };
        let of_nothing = Some((nothing, decided_by.unless_judged));
        let mut recall = Recall { rule: Some(rule_of), of_nothing, ..Recall::default() };
        if of.looks.knows(nothing) {
            recall.found = Some(Arc::default());
        } else if subject.budget.may_recall() && !rule.sensitive && !subject.is_secret() {
            let most = subject.budget.findings_per_rule;
            recall.of_findings = of.plan.signature_of_findings(&of.looks, (policy, number), most);
            recall.found = recall.of_findings.and_then(|signature| of.looks.recall(signature));
        }
        if let Some(found) = &recall.found {
            of.gather(rule_of, Some(found));
        }
        recall
    }

    /// What a rule that ran found; `None` where it has cost too much for that to be known of others.
    pub(super) fn keep(&self, recall: &Recall, ran: Option<Ran<'_>>) {
        let Some((of, _)) = self.0 else { return };
        let kept = ran.and_then(|Ran { found, has_judged }| match (recall.of_nothing, recall.of_findings) {
            (Some((nothing, unless_judged)), _) if found.is_empty() => {
                if has_judged && unless_judged {
                    return None;
                }
                of.looks.keep(nothing);
                Some(Arc::default())
            }
            (_, Some(findings)) if found.iter().all(|f| f.certainty == Certainty::Known) => {
                let found: Arc<[Recalled]> = found.iter().map(Recalled::from).collect();
                of.looks.keep_found(findings, &found);
                Some(found)
            }
            _ => None,
        });
        if let Some(rule) = recall.rule {
            of.gather(rule, kept.as_ref());
        }
    }
}
