//! The expressions of a policy over one request: conditions, `forEach`, `when`, and the values of edits.

use std::sync::Arc;

use crate::cel::activation::{Activation, Binding};
use crate::cel::program::{Budget, Failure, Variables};
use crate::cel::value::{Value, View};
use crate::document::NodeRef;
use crate::document::edit::{EditError, Editor, Literal};
use crate::document::path::Pointer;
use crate::policy::expression::Expression;
use crate::policy::{Base, Edit, EditValue, Visit};
use crate::resource::container;
use crate::resource::workload::PodTemplate;

use super::Policy;
use super::alike::Alike;
use super::changes::Reach;
use super::facts::{Facts, Lookups};
use super::repeats::Repeats;
use super::stop::{Stop, boolean, stop};
use super::subject::PolicyContext;
use super::values::to_literal;

/// Cost units of all match conditions of a policy (`RuntimeCELCostBudgetMatchConditions`).
const CONDITIONS_BUDGET: u64 = 2_500_000;
/// Cost units of all rules of a policy (`RuntimeCELCostBudget`).
pub(crate) const RULES_BUDGET: u64 = 10_000_000;
/// What is said when they were spent.
const TOO_COSTLY: &str = "the policy's expressions cost too much";
/// The expressions of one policy over one request.
pub struct Evaluator<'d, 'a> {
    policy: &'d Policy,
    object: NodeRef<'d>,
    facts: &'d Facts<'d>,
    /// Bound to the facts when an expression asks first: rules in Rust do not.
    pub(super) activation: Activation<'a, 'd>,
    bound: bool,
    pub(super) lookups: &'a Lookups<'d>,
    pub(super) variables: Variables<'d>,
    pub(super) budget: Budget,
    pub(super) pods: Option<PodTemplate<'d>>,
    /// Where `item`, `index`, `role` and `key` are bound, in this order, once something was visited.
    visited_at: Option<usize>,
    /// Where edits may be made, of a rule that mutates.
    pub(crate) reach: Option<&'a Reach<'d>>,
    /// How often an expression of a rule was asked whether what is visited is as it should be.
    pub(crate) judged: u64,
    /// The edits of the rule that mutates: what is visited is passed over where none may be made.
    pub(crate) edits: &'d [Edit],
}

impl<'d, 'a> Evaluator<'d, 'a> {
    pub(crate) fn new(subject: &PolicyContext<'d>, facts: &'d Facts<'d>, lookups: &'a Lookups<'d>) -> Self {
        Self {
            policy: subject.policy,
            object: subject.object,
            facts,
            activation: Activation::with_functions(lookups),
            bound: false,
            lookups,
            variables: Variables::new(&subject.policy.composition),
            budget: budget(RULES_BUDGET, subject),
            pods: subject.pods,
            visited_at: None,
            reach: None,
            judged: 0,
            edits: &[],
        }
    }

    /// Before the first expression.
    fn bind(&mut self) {
        if !std::mem::replace(&mut self.bound, true) {
            self.facts.bind(&mut self.activation, self.policy.reads, self.policy.parameters.root());
        }
    }

    /// Whether all match conditions hold: one that is false decides, whatever the others came to
    /// (apiserver `pkg/admission/plugin/webhook/matchconditions/matcher.go`).
    pub(crate) fn conditions(&mut self, subject: &PolicyContext<'d>) -> Result<bool, Stop> {
        if self.policy.conditions.is_empty() {
            return Ok(true);
        }
        self.bind();
        let mut budget = budget(CONDITIONS_BUDGET, subject);
        let mut stop = None;
        for condition in &self.policy.conditions {
            let outcome = condition.expression.program().evaluate(
                &self.activation,
                &mut Variables::none(),
                &mut budget,
            );
            match boolean(outcome.result) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(why) => {
                    let what = format!("match condition {}", condition.name);
                    stop = stop.or(Some(why.at(&condition.expression).of(&what)));
                }
            }
            if budget.is_exhausted() {
                return Err(Stop::failed("the match conditions cost too much".to_owned()));
            }
        }
        stop.map_or(Ok(true), Err)
    }

    pub(super) fn evaluate(&mut self, expression: &'d Expression) -> Result<Value<'d>, Failure> {
        expression.program().evaluate(&self.activation, &mut self.variables, &mut self.budget).result
    }

    /// What a rule goes through: where placeholders keep the list from being known, the elements that they do not decide.
    fn elements(&mut self, for_each: &'d Expression) -> Result<Value<'d>, Failure> {
        match self.evaluate(for_each) {
            Err(Failure::Unknown(unknown)) if unknown.is_placeholder() => {
                self.variables.set_elementwise(true);
                for_each.program().elements(&self.activation, &mut self.variables, &mut self.budget).result
            }
            told => told,
        }
    }

    /// The cost units that the policy's rules have not spent.
    pub(crate) fn left(&self) -> u64 {
        self.budget.left()
    }

    /// Says so when the policy's expressions have cost more than all of them may: then nothing more is evaluated.
    pub(crate) fn within_budget(&self) -> Result<(), Stop> {
        if self.budget.is_exhausted() { Err(Stop::failed(TOO_COSTLY.to_owned())) } else { Ok(()) }
    }

    /// Shows what a rule visits, bound and ready to be judged: once what it stands on, or each element of its list or
    /// map, those left out for which `when` is false, and those that are alike to one with which nothing was wrong. What
    /// cannot be told is shown as such; [`Next::End`] ends it, and so does the policy's budget. Says how many elements were
    /// left when it was ended.
    pub(crate) fn visit(
        &mut self,
        visit: &'d Visit,
        alike: impl FnOnce() -> Option<&'d Alike>,
        object: NodeRef<'d>,
        mut act: impl FnMut(&mut Self, Result<&Visited<'d>, Stop>) -> Next,
    ) -> usize {
        // an earlier rule of the policy may have spent it all
        if self.budget.is_exhausted() {
            return 0;
        }
        let Some(base) = self.base(visit.on, object) else { return 0 };
        self.bind();
        self.variables.set_elementwise(false);
        let Some(for_each) = &visit.for_each else {
            let whole = Visited { base, item: None, index: 0, key: Value::Null };
            if let Some(whole) = self.wanted(visit, &whole) {
                act(self, whole);
            }
            return 0;
        };
        let list = match self.elements(for_each) {
            Ok(list) => list,
            Err(failure) => {
                act(self, Err(stop(failure).at(for_each).of("forEach")));
                return 0;
            }
        };
        let visited = |index, key, item| Visited { base, item: Some(item), index, key };
        match list.view() {
            View::List(items) => {
                let repeats = Repeats::of(alike, items.len());
                let items = items.iter().enumerate();
                self.each(visit, repeats, items.map(|(index, item)| visited(index, Value::Null, item)), act)
            }
            View::Map(entries) => {
                let entries = entries.iter().enumerate();
                self.each(visit, None, entries.map(|(index, (key, item))| visited(index, key, item)), act)
            }
            other => {
                let what = other.type_name();
                let why = Stop::failed(format!("forEach: expected a list or a map, found {what}"));
                act(self, Err(why.at(for_each)));
                0
            }
        }
    }

    /// Says how many elements were left when it was ended.
    fn each(
        &mut self,
        visit: &'d Visit,
        mut repeats: Option<Repeats<'d>>,
        mut elements: impl Iterator<Item = Visited<'d>>,
        mut act: impl FnMut(&mut Self, Result<&Visited<'d>, Stop>) -> Next,
    ) -> usize {
        while let Some(visited) = elements.next() {
            if self.budget.is_exhausted() {
                break;
            }
            let signature = repeats.as_mut().and_then(|repeats| self.signature(repeats, &visited));
            if let (Some(repeats), Some(signature)) = (&mut repeats, signature)
                && repeats.is_fine(signature)
            {
                continue;
            }
            self.enter(&visited);
            let next = match self.wanted(visit, &visited) {
                Some(result) => act(self, result),
                // a budget that is spent has told nothing
                None if self.budget.is_exhausted() => break,
                None => Next::Fine,
            };
            match (next, &mut repeats, signature) {
                (Next::End, _, _) => return elements.count(),
                (Next::Fine, Some(repeats), Some(signature)) => repeats.fine(signature),
                _ => {}
            }
        }
        0
    }

    /// What a rule reads of an element of the object.
    fn signature(&self, repeats: &mut Repeats<'_>, visited: &Visited<'d>) -> Option<u64> {
        let node = visited.item.as_ref()?.node()?;
        repeats.signature(node, || self.role(node).map_or("", container::Role::name))
    }

    /// What a rule stands on, where the object has it.
    fn base(&self, on: Base, object: NodeRef<'d>) -> Option<NodeRef<'d>> {
        match on {
            Base::Object => Some(object),
            Base::PodSpec => Some(self.pods?.spec),
            Base::PodMetadata => self.pods?.metadata,
        }
    }

    fn wanted<'v>(
        &mut self,
        visit: &'d Visit,
        visited: &'v Visited<'d>,
    ) -> Option<Result<&'v Visited<'d>, Stop>> {
        if let Some(reach) = self.reach
            && reach.forbids_all(self.edits, &Pointer::of(visited.node(self.object), self.object.id()))
        {
            return None;
        }
        let Some(when) = &visit.when else { return Some(Ok(visited)) };
        match boolean(self.evaluate(when)) {
            _ if self.budget.is_exhausted() => None,
            Ok(true) => Some(Ok(visited)),
            Ok(false) => None,
            Err(stop) => Some(Err(stop.at(when).of("when"))),
        }
    }

    /// Binds `item`, `index`, `role` and `key` to what is visited.
    fn enter(&mut self, visited: &Visited<'d>) {
        let Some(item) = &visited.item else { return };
        let role = item.node().and_then(|node| self.role(node)).map_or("", container::Role::name);
        let index = Value::Int(i64::try_from(visited.index).unwrap_or(i64::MAX));
        let values = [item.clone(), index, Value::Str(role), visited.key.clone()];
        match self.visited_at {
            Some(first) => {
                for (at, value) in (first..).zip(values) {
                    self.activation.rebind(at, value);
                }
            }
            None => {
                let [item, index, role, key] = values.map(Binding::Value);
                self.activation.extend([("item", item), ("index", index), ("role", role), ("key", key)]);
                self.visited_at = self.activation.position("item");
            }
        }
    }

    /// The part that a container plays; nothing else has a role.
    pub(super) fn role(&self, node: NodeRef<'d>) -> Option<container::Role> {
        let list = node.parent()?;
        let pod_spec = self.pods?.spec;
        if list.parent()?.id() != pod_spec.id() {
            return None;
        }
        container::role_in(list.key()?, node)
    }

    /// The values of edits, those in CEL computed.
    fn value(&mut self, value: &'d EditValue) -> Result<Literal, Stop> {
        match value {
            EditValue::Literal(literal) => Ok(Arc::clone(literal)),
            EditValue::Computed(expression) => {
                let value =
                    self.evaluate(expression).map_err(|failure| stop(failure).at(expression).of("value"))?;
                to_literal(&value).map_err(|error| Stop::failed(error.to_string()).at(expression))
            }
        }
    }

    /// Makes the edits at what is visited.
    pub(crate) fn edit(
        &mut self,
        edits: &'d [Edit],
        base: &Pointer,
        editor: &mut Editor<'_, '_>,
        label: &Arc<str>,
    ) -> Result<(), Stop> {
        let failed = |error: EditError| Stop::failed(format!("the change does not apply: {error}"));
        let allowed = |edit: &Edit| self.reach.is_none_or(|reach| edit.is_test() || reach.edit(edit, base));
        let edits: Vec<&'d Edit> = edits.iter().filter(|edit| allowed(edit)).collect();
        if edits.iter().all(|edit| edit.is_test()) && self.reach.is_some_and(|reach| !reach.is_everything()) {
            return Ok(());
        }
        for edit in edits {
            match edit {
                Edit::Set { path, value } => {
                    let value = self.value(value)?;
                    editor.set(base, path, &value, label).map_err(failed)?;
                }
                Edit::Remove { path } => {
                    editor.remove(base, path, label).map_err(failed)?;
                }
                Edit::Raw(operation) => {
                    editor.apply(operation.clone().below(base), label).map_err(failed)?;
                }
                Edit::RawComputed { operation, value } => {
                    let value = self.value(value)?;
                    editor.apply(operation.clone().with_value(value).below(base), label).map_err(failed)?;
                }
            }
        }
        Ok(())
    }
}

/// How a visit goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing was wrong, and nothing will be with what is alike.
    Fine,
    /// With the next one.
    On,
    /// Not at all.
    End,
}

/// What a rule looks at.
#[derive(Debug, Clone)]
pub(crate) struct Visited<'d> {
    /// What the rule stands on.
    pub(super) base: NodeRef<'d>,
    /// The element of `forEach`; `None`: what the rule stands on as a whole.
    pub(super) item: Option<Value<'d>>,
    index: usize,
    /// The key of a map's entry; null in a list.
    pub(super) key: Value<'d>,
}

impl<'d> Visited<'d> {
    /// The node that paths are counted from.
    pub(crate) fn node(&self, object: NodeRef<'d>) -> NodeRef<'d> {
        let inside = |node: &NodeRef<'d>| std::ptr::eq(node.document(), object.document());
        self.item.as_ref().and_then(Value::node).filter(inside).unwrap_or(self.base)
    }
}

fn budget(units: u64, subject: &PolicyContext<'_>) -> Budget {
    let budget = Budget::new(units);
    match subject.budget.deadline {
        Some(deadline) => budget.with_deadline(deadline),
        None => budget,
    }
}
