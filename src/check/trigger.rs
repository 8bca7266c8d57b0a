//! What must be there for a rule to find anything, told when policies are loaded.
//!
//! Most rules say that something must not be so, and most objects do not have it at all: a Pod without `hostPID` cannot
//! break the rule about `hostPID`. What a rule needs is told from its expressions by [`cel::absence`](crate::cel::absence).

use crate::cel::absence::{Absence, Stride, Told, Way, Ways};
use crate::cel::value::Value;

use super::{Policy, Validate};

/// When a rule has to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// Whatever the object is like.
    Always,
    /// Only where something lies at the end of one of these ways.
    Where(Ways),
}

/// The variables below which ways begin.
pub const ROOTS: [&str; 3] = ["object", "podSpec", "podMetadata"];

/// The lists of containers below `podSpec`, in the order of `allContainers`.
pub(super) const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// What must be absent for a rule to find nothing, where that can be told: then its `when` is false, or its `validate` true.
pub(super) fn quiet_without(policy: &Policy, rule: &Validate) -> Option<Ways> {
    let mut known: Vec<(&str, Told<'_>)> =
        ROOTS.iter().map(|root| (*root, Told::at(Way::of(root)))).collect();
    let container = |list: &&str| Way::of("podSpec").then(Stride::Key((*list).into())).then(Stride::Each);
    let containers = CONTAINERS.iter().map(|list| Told::at(container(list)));
    known.push(("allContainers", Told::list(containers.collect())));
    known.push(("params", Told::known(Value::Node(policy.parameters.root()))));
    of_what_is_visited(&mut Absence::new(&policy.composition, known), rule)
}

fn of_what_is_visited<'p>(absence: &mut Absence<'p>, rule: &'p Validate) -> Option<Ways> {
    let Some(for_each) = &rule.visit.for_each else { return holds_without(absence, rule) };
    // by the elements where that can be told, else by the list
    [true, false].into_iter().find_map(|lists| {
        absence.follow_lists(lists);
        let list = absence.of(for_each.program());
        absence.follow_lists(false);
        let (elements, given) = list.elements()?;
        let mut ways = given.clone();
        for element in elements {
            absence.bind("item", element);
            ways.extend(holds_without(absence, rule)?);
        }
        Some(ways)
    })
}

/// What must be absent for `when` to be false, or `validate` to be true, of what is visited.
fn holds_without<'p>(absence: &mut Absence<'p>, rule: &'p Validate) -> Option<Ways> {
    let left_out = rule.visit.when.as_ref().and_then(|when| absence.of(when.program()).is(false).cloned());
    let holds = absence.of(rule.validate.program()).is(true).cloned();
    match (left_out, holds) {
        (Some(a), Some(b)) => Some(if b.len() < a.len() { b } else { a }),
        (a, b) => a.or(b),
    }
}
