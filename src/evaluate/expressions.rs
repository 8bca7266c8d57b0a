//! Rules in CEL: `forEach`, `when`, `validate`, messages, places and fixes.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::cel::activation::{Activation, Binding};
use crate::cel::program::{Budget as CelBudget, Failure, Program, Variables};
use crate::cel::value::{Value, View};
use crate::document::edit::{EditError, Editor, Literal, Operation};
use crate::document::path::{Path, Pointer, Step};
use crate::document::{Limits, NodeId, NodeRef};
use crate::finding::Digest;
use crate::limits::FINDING_RUNES;
use crate::policy::alike::Alike;
use crate::policy::expression::{Expression, Part, Template};
use crate::policy::{Base, Edit, EditValue, Policy, Validate, Visit};
use crate::resource::container::{self, Container};
use crate::resource::workload::PodTemplate;

use super::changes::Reach;
use super::explain;
use super::facts::{Facts, Lookups};
use super::judged::{Element, Judged};
use super::repeats::Repeats;
use super::rule::{Sink, Subject};
use super::stop::{Stop, boolean, stop};
use super::values::{text, to_literal};

/// Cost units of all match conditions of a policy (`RuntimeCELCostBudgetMatchConditions`).
const CONDITIONS_BUDGET: u64 = 2_500_000;
/// Cost units of all rules of a policy (`RuntimeCELCostBudget`).
const RULES_BUDGET: u64 = 10_000_000;
/// What is said when they were spent.
const TOO_COSTLY: &str = "the policy's expressions cost too much";
/// What a changed document may cost.
const EDIT_LIMITS: Limits = Limits { depth: 1_000, nodes: 1 << 24 };

/// The expressions of one policy over one request.
pub(super) struct Evaluator<'d, 'a> {
    policy: &'d Policy,
    object: NodeRef<'d>,
    activation: Activation<'a, 'd>,
    lookups: &'a Lookups<'d>,
    variables: Variables<'d>,
    budget: CelBudget,
    pods: Option<PodTemplate<'d>>,
    /// Where `item`, `index`, `role` and `key` are bound, in this order, once something was visited.
    visited_at: Option<usize>,
    /// Where edits may be made, of a rule that mutates.
    pub(super) reach: Option<&'a Reach<'d>>,
    /// The edits of the rule that mutates: what is visited is passed over where none may be made.
    pub(super) edits: &'d [Edit],
}

impl<'d, 'a> Evaluator<'d, 'a> {
    pub(super) fn new(subject: &Subject<'d>, facts: &'d Facts<'d>, lookups: &'a Lookups<'d>) -> Self {
        let mut activation = Activation::with_functions(lookups);
        let (reads, parameters) = (subject.policy.reads, subject.policy.parameters.root());
        facts.bind(&mut activation, reads, parameters);
        Self {
            policy: subject.policy,
            object: subject.object,
            activation,
            lookups,
            variables: Variables::new(&subject.policy.composition),
            budget: budget(RULES_BUDGET, subject),
            pods: subject.pods,
            visited_at: None,
            reach: None,
            edits: &[],
        }
    }

    /// Whether all match conditions hold: one that is false decides, whatever the others came to
    /// (apiserver `pkg/admission/plugin/webhook/matchconditions/matcher.go`).
    pub(super) fn conditions(&self, subject: &Subject<'d>) -> Result<bool, Stop> {
        let mut budget = budget(CONDITIONS_BUDGET, subject);
        let mut stop = None;
        for condition in &self.policy.conditions {
            let outcome =
                condition.expression.program.evaluate(&self.activation, &mut Variables::none(), &mut budget);
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

    fn evaluate(&mut self, expression: &'d Expression) -> Result<Value<'d>, Failure> {
        expression.program.evaluate(&self.activation, &mut self.variables, &mut self.budget).result
    }

    /// What a rule goes through: where placeholders keep the list from being known, the elements that they do not decide.
    fn elements(&mut self, for_each: &'d Expression) -> Result<Value<'d>, Failure> {
        match self.evaluate(for_each) {
            Err(Failure::Unknown(unknown)) if unknown.is_placeholder() => {
                self.variables.set_elementwise(true);
                for_each.program.elements(&self.activation, &mut self.variables, &mut self.budget).result
            }
            told => told,
        }
    }

    /// Says so when the policy's expressions have cost more than all of them may: then nothing more is evaluated.
    pub(super) fn within_budget(&self) -> Result<(), Stop> {
        if self.budget.is_exhausted() { Err(Stop::failed(TOO_COSTLY.to_owned())) } else { Ok(()) }
    }

    /// Shows what a rule visits, bound and ready to be judged: once what it stands on, or each element of its list or
    /// map, those left out for which `when` is false, and those that are alike to one with which nothing was wrong. What
    /// cannot be told is shown as such; [`Next::End`] ends it, and so does the policy's budget. Says how many elements were
    /// left when it was ended.
    pub(super) fn visit(
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
    fn role(&self, node: NodeRef<'d>) -> Option<container::Role> {
        let list = node.parent()?;
        let pod_spec = self.pods?.spec;
        if list.parent()?.id() != pod_spec.id() {
            return None;
        }
        container::role_in(list.key()?, node)
    }

    /// What messages call the container that a node is in, or is; outside of containers it is the Pod's.
    fn holder(&self, node: NodeRef<'d>) -> Option<String> {
        let pod_spec = self.pods?.spec;
        let mut at = Some(node);
        while let Some(node) = at {
            if node.id() == pod_spec.id() {
                return Some("the Pod".to_owned());
            }
            if let Some(role) = self.role(node) {
                return Some(Container { node, role }.label());
            }
            at = node.parent();
        }
        None
    }

    /// Whether what is visited is as it should be; if not, the element of the object that an `all` stopped at.
    fn holds(&mut self, rule: &'d Validate, object: NodeRef<'d>) -> Result<Holds<'d>, Stop> {
        let program = &rule.validate.program;
        let outcome = program.evaluate(&self.activation, &mut self.variables, &mut self.budget);
        // of overlays and versions that are equally near one is meant: no fault while one of them satisfies
        let forms = self.lookups.forms();
        let fault = matches!(&outcome.result, Ok(value) if value.as_bool() == Some(false));
        if fault && (1..forms).any(|form| self.holds_with(program, form)) {
            return Ok(Holds::Yes);
        }
        let culprit = outcome.culprit.filter(|node| std::ptr::eq(node.document(), object.document()));
        let holds = boolean(outcome.result).map_err(|stop| stop.at(&rule.validate))?;
        Ok(if holds { Holds::Yes } else { Holds::No(culprit) })
    }

    /// Whether a rule holds where look-ups give another form of what is there several times.
    fn holds_with(&mut self, program: &'d Program, form: usize) -> bool {
        self.lookups.choose(form);
        let mut variables = self.variables.afresh();
        let outcome = program.evaluate(&self.activation, &mut variables, &mut self.budget);
        self.lookups.choose(0);
        outcome.result.is_ok_and(|value| value.as_bool() == Some(true))
    }

    /// Runs a failing rule once more and notes what its parts come to, where that was asked for.
    fn explanation(&mut self, rule: &'d Validate, subject: &Subject<'d>, sensitive: bool) -> Vec<String> {
        if !subject.budget.explain || sensitive || subject.is_secret() {
            return Vec::new();
        }
        let program = &rule.validate.program;
        let (_, trace) = program.explain(&self.activation, &mut self.variables, &mut self.budget);
        let parts = explain::parts(program, &trace);
        parts.into_iter().map(|p| format!("{}  is {}", p.text, p.value)).collect()
    }

    fn message(&mut self, template: &'d Template, subject: &Subject<'d>, visited: &Visited<'d>) -> String {
        if let Some(item) = &visited.item {
            let label = item.node().and_then(|node| self.holder(node)).unwrap_or_default();
            self.activation.bind("container", Value::String(label.into()));
        }
        let mut message = String::new();
        for part in &template.parts {
            match part {
                Part::Text(text) => message.push_str(text),
                Part::Expression(expression) => match self.evaluate(expression) {
                    Ok(value) if !may_be_shown(&value, subject) => message.push_str("***"),
                    Ok(value) => message.push_str(&text(&value)),
                    Err(_) => {
                        message.push('{');
                        message.push_str(&expression.source);
                        message.push('}');
                    }
                },
            }
        }
        one_line(&message)
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
    pub(super) fn edit(
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
pub(super) enum Next {
    /// Nothing was wrong, and nothing will be with what is alike.
    Fine,
    /// With the next one.
    On,
    /// Not at all.
    End,
}

/// What a rule says of what it looks at.
enum Holds<'d> {
    Yes,
    No(Option<NodeRef<'d>>),
}

/// What a rule looks at.
#[derive(Debug, Clone)]
pub(super) struct Visited<'d> {
    /// What the rule stands on.
    base: NodeRef<'d>,
    /// The element of `forEach`; `None`: what the rule stands on as a whole.
    item: Option<Value<'d>>,
    index: usize,
    /// The key of a map's entry; null in a list.
    key: Value<'d>,
}

impl<'d> Visited<'d> {
    /// The node that paths are counted from.
    pub(super) fn node(&self, object: NodeRef<'d>) -> NodeRef<'d> {
        let inside = |node: &NodeRef<'d>| std::ptr::eq(node.document(), object.document());
        self.item.as_ref().and_then(Value::node).filter(inside).unwrap_or(self.base)
    }
}

/// Runs a rule with `validate`.
pub(super) fn validate<'d>(
    evaluator: &mut Evaluator<'d, '_>,
    subject: &Subject<'d>,
    rule: &'d Validate,
    sink: &mut Sink<'_>,
) {
    let judged = OnceCell::new();
    let (mut faults, mut undecided, mut untold) = (0, 0, 0);
    let limit = subject.budget.findings_per_rule;
    let left = evaluator.visit(
        &rule.visit,
        || rule.alike(),
        subject.object,
        |evaluator, visited| {
            let result = visited.and_then(|visited| Ok((evaluator.holds(rule, subject.object)?, visited)));
            match result {
                Ok((Holds::Yes, _)) => return Next::Fine,
                Ok((Holds::No(culprit), visited)) => {
                    let judged = judged.get_or_init(|| Judged::new(subject.policy, rule, subject));
                    let element = visited.item.as_ref().map(|item| Element { item, key: &visited.key });
                    let judged = judged.digest(rule, visited.node(subject.object), element);
                    found(evaluator, subject, rule, (visited, culprit), judged, sink);
                    faults += 1;
                }
                Err(_) if limit == Some(undecided) => untold += 1,
                Err(stop) => {
                    undecided += 1;
                    match stop {
                        Stop::Unknown(what) => sink.needs(subject.object, &what),
                        Stop::Failed(fault) => sink.failed(subject.object, *fault),
                    };
                }
            }
            // only faults end it: behind what could not be told there may be one, which is what a request is denied for
            if limit == Some(faults) { Next::End } else { Next::On }
        },
    );
    sink.leave_out_undecided(untold);
    sink.leave_out(left);
    if let Err(Stop::Failed(fault)) = evaluator.within_budget() {
        sink.failed(subject.object, *fault);
    }
}

fn found<'d>(
    evaluator: &mut Evaluator<'d, '_>,
    subject: &Subject<'d>,
    rule: &'d Validate,
    (visited, culprit): (&Visited<'d>, Option<NodeRef<'d>>),
    judged: Option<Digest>,
    sink: &mut Sink<'_>,
) {
    let explanation = evaluator.explanation(rule, subject, sink.rule.sensitive);
    let culprit = culprit.filter(|_| rule.visit.for_each.is_none() && rule.at.is_none());
    let base = culprit.unwrap_or_else(|| visited.node(subject.object));
    let node = rule.at.as_ref().map_or(base, |path| nearest(base, path));
    let message = match &rule.message {
        Some(template) => evaluator.message(template, subject, visited),
        None => format!("does not hold: {}", one_line(&rule.validate.source)),
    };
    let label: Arc<str> = sink.rule.info.code.as_str().into();
    let fix = fix(evaluator, subject, rule, base, &label);
    let finding = sink.fault_of(node, message, judged);
    finding.fix = fix;
    finding.explanation = explanation;
}

/// Whether a value may be shown: of a Secret only what was written outside of its data and annotations, and the names of
/// its keys.
fn may_be_shown(value: &Value<'_>, subject: &Subject<'_>) -> bool {
    if !subject.is_secret() {
        return true;
    }
    let Some(node) = value.node().filter(|node| node.scalar().is_some()) else {
        let is_key = |key: &str| {
            let data = ["data", "stringData"].into_iter().filter_map(|field| subject.object.get(field));
            data.filter(|data| data.is_object()).any(|data| data.get(key).is_some())
        };
        return value.as_str().is_some_and(is_key);
    };
    let path = node.pointer_from(subject.object.id());
    let inside = std::ptr::eq(node.document(), subject.object.document());
    inside
        && !["/data/", "/stringData/", "/metadata/annotations/"].iter().any(|secret| path.starts_with(secret))
}

fn fix<'d>(
    evaluator: &mut Evaluator<'d, '_>,
    subject: &Subject<'d>,
    rule: &'d Validate,
    base: NodeRef<'d>,
    label: &Arc<str>,
) -> Vec<Operation> {
    if rule.fix.is_empty() || !subject.budget.fixes || subject.request.object.is_none() {
        return Vec::new();
    }
    let item;
    let document = if subject.object.id() == NodeId::ROOT {
        subject.object.document()
    } else {
        match super::mutate::item_document(subject.object) {
            Ok(document) => {
                item = document;
                &item
            }
            Err(_) => return Vec::new(),
        }
    };
    let mut editor = Editor::new(document, EDIT_LIMITS);
    let place = Pointer::of(base, subject.object.id());
    // a fix that does not apply is none
    match evaluator.edit(&rule.fix, &place, &mut editor, label) {
        Ok(()) => editor.finish().map_or_else(|_| Vec::new(), |(_, operations)| operations),
        Err(_) => Vec::new(),
    }
}

/// The node at a path, or the nearest above it that is there.
fn nearest<'d>(base: NodeRef<'d>, path: &Path) -> NodeRef<'d> {
    let mut node = base;
    for step in path.steps() {
        let child = match step {
            Step::Key(key) => node.get(key),
            Step::Index(index) => node.item(*index),
        };
        match child {
            Some(child) => node = child,
            None => break,
        }
    }
    node
}

fn budget(units: u64, subject: &Subject<'_>) -> CelBudget {
    let budget = CelBudget::new(units);
    match subject.budget.deadline {
        Some(deadline) => budget.with_deadline(deadline),
        None => budget,
    }
}

/// Without line breaks, and not longer than a person reads.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() > FINDING_RUNES {
        line.chars().take(FINDING_RUNES).chain(['…']).collect()
    } else {
        line
    }
}
