//! What is known of an object before it is judged: what rules found in others that are the same in what decides it.
//!
//! ```text
//! object ─ all but what is of one replica alone ─▶ what all rules found in a replica of it     (one walk, of a webhook's CREATE)
//!        ├ where an input holds it several times ─▶ what they found in a copy of it
//!        └ else, for each rule: the parts that decide it ─▶ what it found where they were the same
//!                                                        └ else it runs, and what it finds is kept
//! ```

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use crate::check::{EvaluationLimits, Findings, PolicyContext, Rule};
use crate::document::NodeRef;
use crate::finding::{Certainty, Finding};
use crate::store::copies::{Common, CopyOf};
use crate::store::memory::{FoundByRule, Looks, OfAlike, Signature};
use crate::store::plan::{Bits, Plan};
use crate::store::recalled::Recalled;

/// What is known of an object.
pub(super) struct KnownOf<'k> {
    plan: &'k Plan,
    looks: Looks<'k>,
    budget: EvaluationLimits,
    /// The copies that it is one of, and what tells them from others.
    copy: Option<(CopyOf<'k>, Signature)>,
    /// What tells it from those that are no replicas of it, or no copies, and what is known of these.
    alike: OnceCell<Option<(Signature, Option<Arc<OfAlike>>)>>,
    /// What of it is there, where nothing is known of those.
    present: OnceCell<Bits>,
    /// What is known of its rules, to be kept for them.
    gathered: RefCell<FoundByRule>,
}

impl<'k> KnownOf<'k> {
    /// Of the object that is looked at, and the copies that it is one of.
    pub(super) fn object(
        plan: &'k Plan,
        looks: Looks<'k>,
        budget: EvaluationLimits,
        copy: Option<(CopyOf<'k>, Signature)>,
    ) -> Self {
        Self {
            plan,
            looks,
            budget,
            copy,
            alike: OnceCell::new(),
            present: OnceCell::new(),
            gathered: RefCell::default(),
        }
    }

    /// As far as a policy goes, by its number.
    pub(super) fn policy(&self, policy: usize) -> Known<'_> {
        Known(Some((self, policy)))
    }

    fn alike(&self) -> Option<&(Signature, Option<Arc<OfAlike>>)> {
        let told = || {
            if let Some((copy, signature)) = self.copy {
                return Some((signature, copy.known(signature)));
            }
            let may_be_told = self.budget.may_recall() && self.plan.has_replicas_alike();
            let most = self.budget.findings_per_rule.unwrap_or_default();
            let signature = may_be_told.then(|| self.looks.signature_of_replicas(most))??;
            Some((signature, self.looks.of_replicas(signature)))
        };
        self.alike.get_or_init(told).as_ref()
    }

    fn known_of_alike(&self) -> Option<&OfAlike> {
        self.alike()?.1.as_deref()
    }

    /// Whether what a rule finds in the object, nothing or something, is so in those that are like it.
    fn is_in_common(&self, rule: (usize, usize), found: bool) -> bool {
        match self.copy.map(|(copy, _)| copy.common) {
            Some(Common::All(_)) => self.plan.is_of_copies(rule, found),
            // an explanation shows whole objects
            Some(Common::ButForNames) if found && self.budget.explain => false,
            Some(Common::ButForNames) => self.plan.is_of_replicas_in_full(rule, found),
            None => self.plan.is_of_replicas(rule, found),
        }
    }

    /// What of the object is there.
    pub(super) fn present(&self) -> &Bits {
        match self.known_of_alike() {
            Some(known) => &known.present,
            None => self.present.get_or_init(|| self.looks.present(self.plan)),
        }
    }

    /// Whether it is known that the rules of a policy find nothing, and that it has no conditions.
    pub(super) fn is_quiet(&self, policy: usize) -> bool {
        self.known_of_alike().is_some_and(|known| known.is_quiet(policy))
    }

    /// What a rule found in one like it, or that it runs each time; `None` where that is not known.
    fn in_another(&self, rule: (usize, usize)) -> Option<Recall> {
        let known = self.known_of_alike()?;
        if known.is_quiet(rule.0) {
            return Some(Recall { found: Some(Arc::default()), ..Recall::default() });
        }
        match known.found.binary_search_by_key(&rule, |(rule, _)| *rule) {
            Ok(at) => {
                let (found, of_copy) = (known.found[at].1.clone(), self.copy.is_some());
                Some(Recall { found, of_copy, ..Recall::default() })
            }
            // what decides it is of one of them alone: to ask for it would cost more than it spares
            Err(_) => (!self.is_in_common(rule, false)).then(Recall::default),
        }
    }

    /// What a rule found; `None` where that cannot be remembered.
    fn gather(&self, rule: (usize, usize), found: Option<&Arc<[Recalled]>>) {
        if self.alike().is_some() && self.is_in_common(rule, false) {
            let found = found.filter(|found| found.is_empty() || self.is_in_common(rule, true));
            self.gathered.borrow_mut().push((rule, found.cloned()));
        }
    }

    /// For those that are like it, when it was judged.
    pub(super) fn keep(&self) {
        let mut found = self.gathered.take();
        let Some((signature, known)) = self.alike().filter(|_| !found.is_empty()) else { return };
        // of another request for one like it, other policies may have been asked
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
        let mut known = OfAlike { quiet: self.plan.quiet(&present, nothing), present, found };
        let OfAlike { quiet, found, .. } = &mut known;
        found.retain(|((policy, _), _)| !quiet.is_set(*policy as u32));
        found.shrink_to_fit();
        match self.copy {
            Some((copy, _)) => copy.keep(*signature, known),
            None => self.looks.keep_of_replicas(*signature, known),
        }
    }
}

/// What is remembered for a rule of objects like this one.
#[derive(Default)]
pub(super) struct Recall {
    /// The numbers of its policy and its own, where what comes of it is to be known of those that are alike.
    rule: Option<(usize, usize)>,
    /// What tells it from those in which the rule finds something; and whether that is only so where it judges nothing.
    of_nothing: Option<(Signature, bool)>,
    /// What tells it from those in which the rule finds something else.
    of_findings: Option<Signature>,
    /// Whether what it finds is kept for copies.
    for_copies: bool,
    /// Whether what it found is what it found in a copy.
    of_copy: bool,
    /// What it found in one like it.
    pub(super) found: Option<Arc<[Recalled]>>,
}

impl Recall {
    /// What it found in one like it, once more; of a copy, where it is written in this one.
    pub(super) fn tell(&self, object: NodeRef<'_>, findings: &mut Findings) {
        let recalled = self.found.iter().flat_map(|found| found.iter());
        let tell = |recalled: &Recalled| match self.of_copy {
            true => recalled.told_of(object),
            false => recalled.finding(),
        };
        findings.extend(recalled.map(tell));
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
        if let Some(recall) = of.in_another((policy, number)) {
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
        } else if of.copy.is_some() {
            recall.for_copies = !rule.sensitive && !subject.is_secret() && of.is_in_common(rule_of, true);
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
            (_, findings) if findings.is_some() || recall.for_copies => {
                if !found.iter().all(|f| f.certainty == Certainty::Known) {
                    return None;
                }
                let found: Arc<[Recalled]> = found.iter().map(Recalled::from).collect();
                findings.iter().for_each(|findings| of.looks.keep_found(*findings, &found));
                Some(found)
            }
            _ => None,
        });
        if let Some(rule) = recall.rule {
            of.gather(rule, kept.as_ref());
        }
    }
}
