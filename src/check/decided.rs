//! What of an object decides whether a rule finds anything in it, as far as nothing but the object does.
//!
//! Most Pods that a cluster is sent differ in names, labels and images from those that it was sent before, and in nothing that
//! the policy about `hostPID` looks at. What [`crate::cel::reads`] tells of a policy's expressions says what it looks at; the
//! parts of the object at the ends of these ways are written down in short, and an object with which the same parts were in
//! order before is in order.

use std::collections::BTreeSet;

use crate::cel::reads::{Composed, Part, Read, Root, reads, reads_of_elements};
use crate::policy::expression::{Expression, Template};

use super::judged::is_of_element;
use super::{CONTAINERS, Policy, ROOTS, Validate};
use crate::document::path::{Path, Step};
use crate::policy::Base;

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
    /// What its findings say and where they point depends on these, too; `None` where on more than the object, or nobody can
    /// tell.
    pub tells: Option<BTreeSet<PartOf>>,
    /// The parts by whose contents its findings are told again in another run; `None` where nobody can tell.
    pub judged: Option<BTreeSet<PartOf>>,
    /// Whether what would mend what it finds is computed: that may depend on more than the object.
    pub computes_fixes: bool,
}

impl Decides {
    /// These parts alone.
    #[must_use]
    pub fn by(parts: BTreeSet<PartOf>) -> Self {
        Self { parts, ..Self::default() }
    }

    /// The same, where findings tell of these parts beside.
    #[must_use]
    pub fn telling(self, tells: Option<BTreeSet<PartOf>>) -> Self {
        Self { tells, ..self }
    }

    /// The same, where these parts are what findings say that they have judged.
    #[must_use]
    pub fn judging(self, judged: Option<BTreeSet<PartOf>>) -> Self {
        Self { judged, ..self }
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
        let decides = policy.rules.get(rule)?.check.decided_by(self, policy)?;
        let parts = decides.parts.into_iter().chain(self.conditions.clone()?).collect();
        Some(Decides { parts, ..decides })
    }

    /// Of a rule with expressions.
    pub(super) fn expressions(&self, rule: &Validate, policy: &Policy) -> Option<Decides> {
        let whole = self.looked_at(rule, Some(&rule.validate));
        let computes_fixes = rule.fix.iter().any(|edit| edit.computed().is_some());
        let told = |parts| {
            let decides = Decides::by(parts).telling(self.told_of(rule));
            Decides { computes_fixes, ..decides.judging(self.judged_by(rule, policy)) }
        };
        let whole = whole.map(told);
        let before = || Some(Decides { unless_judged: true, ..Decides::by(self.looked_at(rule, None)?) });
        whole.or_else(before)
    }

    /// What findings of a rule tell beside what decides it: what their message quotes, the container that they name, and where
    /// they point.
    fn told_of(&self, rule: &Validate) -> Option<BTreeSet<PartOf>> {
        let quoted = rule.message.as_ref().map_or(Some(Vec::new()), Template::asts)?;
        let at = rule.at.as_ref().map(way);
        let of_base = at.iter().map(|steps| PartOf { root: root_of(rule.visit.on), steps: steps.clone() });
        let mut tells: BTreeSet<PartOf> = of_base.collect();
        let Some(for_each) = &rule.visit.for_each else {
            for ast in &quoted {
                tells.extend(parts(reads(ast, &VARIABLES, &self.composed)?)?);
            }
            return Some(tells);
        };
        let further: Vec<Vec<Part>> = at.into_iter().collect();
        let (list, composed) = (for_each.program().ast(), &self.composed);
        tells.extend(parts(reads_of_elements(&list, &quoted, &VARIABLES, composed, ROLE_MEMBER, &further)?)?);
        let named = ["name", ROLE_MEMBER].map(|member| [Part::Each, Part::Key(member.into())]);
        tells.extend(named.iter().flat_map(|steps| containers(steps)));
        Some(tells)
    }

    /// What a rule says that it has [judged](super::judged): what it reads of the object, and of a list each element that it
    /// visits, or what lies there where its findings point.
    fn judged_by(&self, rule: &Validate, policy: &Policy) -> Option<BTreeSet<PartOf>> {
        let reads = rule.reads(policy).as_ref()?.iter().filter(|read| !is_of_element(read)).cloned();
        let mut judged = parts(reads.collect())?;
        match &rule.visit.for_each {
            None => judged
                .extend(rule.at.as_ref().map(|at| PartOf { root: root_of(rule.visit.on), steps: way(at) })),
            Some(for_each) => {
                let (list, whole) = (for_each.program().ast(), [Vec::new()]);
                let elements = reads_of_elements(&list, [], &VARIABLES, &self.composed, ROLE_MEMBER, &whole)?;
                judged.extend(parts(elements)?);
            }
        }
        Some(judged)
    }

    /// What a rule looks at that judges each element that is wanted by this expression.
    fn looked_at(&self, rule: &Validate, judged: Option<&Expression>) -> Option<BTreeSet<PartOf>> {
        let expressions = || rule.visit.when.iter().chain(judged);
        let Some(for_each) = &rule.visit.for_each else {
            let all = expressions().map(|expression| parts_of(expression, &self.composed));
            return Some(all.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect());
        };
        let asts: Vec<_> = expressions().map(|expression| expression.program().ast()).collect();
        let (list, composed) = (for_each.program().ast(), &self.composed);
        parts(reads_of_elements(&list, &asts, &VARIABLES, composed, ROLE_MEMBER, &[])?)
    }
}

/// By which an init container is a sidecar: it starts again.
const ROLE_MEMBER: &str = "restartPolicy";

/// The number of the variable that a rule stands on.
fn root_of(base: Base) -> usize {
    match base {
        Base::Object => 0,
        Base::PodSpec => 1,
        Base::PodMetadata => 2,
    }
}

/// A path as a way.
fn way(path: &Path) -> Vec<Part> {
    let part = |step: &Step| match step {
        Step::Key(key) => Part::Key(key.as_str().into()),
        Step::Index(_) => Part::Each,
    };
    path.steps().iter().map(part).collect()
}

fn parts_of(expression: &Expression, composed: &Composed) -> Option<BTreeSet<PartOf>> {
    parts(reads(&expression.program().ast(), &VARIABLES, composed)?)
}

/// `None` where something beside the object is read.
fn parts(reads: BTreeSet<Read>) -> Option<BTreeSet<PartOf>> {
    let all = reads.into_iter().map(parts_of_read).collect::<Option<Vec<_>>>()?;
    Some(all.into_iter().flatten().collect())
}

fn parts_of_read(read: Read) -> Option<Vec<PartOf>> {
    let Read { root: Root::Variable(name), parts } = read else { return None };
    if let Some(root) = ROOTS.iter().position(|root| *root == &*name) {
        return Some(vec![PartOf { root, steps: parts }]);
    }
    if &*name != ALL_CONTAINERS {
        return None;
    }
    // a list of which the elements lie in three lists
    let rest = match parts.split_first() {
        Some((Part::Each, rest)) => [&[Part::Each], rest].concat(),
        Some((part @ (Part::Shape | Part::Kind), _)) => vec![part.clone()],
        _ => Vec::new(),
    };
    Some(containers(&rest).collect())
}

/// The same below each list of containers.
pub(super) fn containers(steps: &[Part]) -> impl Iterator<Item = PartOf> {
    CONTAINERS.into_iter().map(move |list| {
        let steps = [&[Part::Key(list.into())], steps].concat();
        PartOf { root: 1, steps }
    })
}
