//! What of an object decides whether a rule finds anything in it, as far as nothing but the object does.
//!
//! Most Pods that a cluster is sent differ in names, labels and images from those that it was sent before, and in nothing that
//! the policy about `hostPID` looks at. What [`crate::cel::reads`] tells of a policy's expressions says what it looks at; the
//! parts of the object at the ends of these ways are written down in short, and an object with which the same parts were in
//! order before is in order.

use std::collections::BTreeSet;

use crate::cel::reads::{Composed, Part, Read, Root, reads, reads_of_elements};
use crate::policy::expression::Expression;

use super::{CONTAINERS, Policy, ROOTS, Validate};

/// The variable that holds the containers of all lists.
const ALL_CONTAINERS: &str = "allContainers";

/// Every variable but `params`, which is the same for all objects: what is read of others than the object's own decides, too.
const VARIABLES: [&str; 9] = {
    let [object, spec, metadata] = ROOTS;
    let old = "oldObject";
    let [authorizer, resource] = ["authorizer", "authorizer.requestResource"];
    [object, spec, metadata, ALL_CONTAINERS, old, "request", "namespaceObject", authorizer, resource]
};

/// The way to a part of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartOf {
    /// Which of [`ROOTS`] it begins at.
    pub root: usize,
    /// The steps from there.
    pub steps: Vec<Part>,
}

/// What decides whether a rule finds anything in an object.
#[derive(Debug, Clone, Default)]
pub struct Decides {
    /// Parts of the object.
    pub parts: BTreeSet<PartOf>,
    /// Whether they only decide that nothing is judged at all: what would be judged, more decides.
    pub unless_judged: bool,
}

impl Decides {
    /// These parts alone.
    #[must_use]
    pub fn by(parts: BTreeSet<PartOf>) -> Self {
        Self { parts, unless_judged: false }
    }
}

/// What a policy's expressions look at, to tell what decides its rules.
#[derive(Debug)]
pub struct Deciding {
    composed: Composed,
    /// Those of its conditions; `None` where more than these decides them.
    conditions: Option<BTreeSet<PartOf>>,
}

impl Deciding {
    /// Of this policy.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let composed = Composed::deciding(&policy.composition, &VARIABLES);
        let conditions = policy.conditions.iter().map(|condition| parts_of(&condition.expression, &composed));
        let conditions =
            conditions.collect::<Option<Vec<_>>>().map(|all| all.into_iter().flatten().collect());
        Self { composed, conditions }
    }

    /// What decides whether a rule of the policy finds anything; `None` where nobody can tell. Which of [`ROOTS`] there are, and
    /// of what kind the object is, decides beside that.
    #[must_use]
    pub fn rule(&self, policy: &Policy, rule: usize) -> Option<Decides> {
        let Decides { parts, unless_judged } = policy.rules.get(rule)?.check.decided_by(self)?;
        Some(Decides { parts: parts.into_iter().chain(self.conditions.clone()?).collect(), unless_judged })
    }

    /// Of a rule with expressions.
    pub(super) fn expressions(&self, rule: &Validate) -> Option<Decides> {
        let whole = self.looked_at(rule, Some(&rule.validate)).map(Decides::by);
        let before = || Some(Decides { parts: self.looked_at(rule, None)?, unless_judged: true });
        whole.or_else(before)
    }

    /// What a rule looks at that judges each element that is wanted by this expression.
    fn looked_at(&self, rule: &Validate, judged: Option<&Expression>) -> Option<BTreeSet<PartOf>> {
        let expressions = || rule.visit.when.iter().chain(judged);
        let Some(for_each) = &rule.visit.for_each else {
            let all = expressions().map(|expression| parts_of(expression, &self.composed));
            return Some(all.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect());
        };
        let programs = expressions().map(|expression| &expression.program);
        // an init container that starts again is a sidecar
        parts(reads_of_elements(&for_each.program, programs, &VARIABLES, &self.composed, "restartPolicy")?)
    }
}

fn parts_of(expression: &Expression, composed: &Composed) -> Option<BTreeSet<PartOf>> {
    parts(reads(&expression.program, &VARIABLES, composed)?)
}

/// `None` where something beside the object is read.
fn parts(reads: BTreeSet<Read>) -> Option<BTreeSet<PartOf>> {
    let all = reads.into_iter().map(parts_of_read).collect::<Option<Vec<_>>>()?;
    Some(all.into_iter().flatten().collect())
}

fn parts_of_read(read: Read) -> Option<Vec<PartOf>> {
    let Read { root: Root::Variable(name), parts } = read else { return None };
    if let Some(root) = ROOTS.iter().position(|root| *root == name) {
        return Some(vec![PartOf { root, steps: parts }]);
    }
    if name != ALL_CONTAINERS {
        return None;
    }
    // a list of which the elements lie in three lists
    let rest = match parts.split_first() {
        Some((Part::Each, rest)) => [&[Part::Each], rest].concat(),
        Some((Part::Shape, _)) => vec![Part::Shape],
        _ => Vec::new(),
    };
    Some(containers(&rest).collect())
}

/// The same below each list of containers.
pub(super) fn containers(steps: &[Part]) -> impl Iterator<Item = PartOf> {
    CONTAINERS.into_iter().map(move |list| {
        let steps = [&[Part::Key(list.to_owned())], steps].concat();
        PartOf { root: 1, steps }
    })
}
