//! Lists of which some elements cannot be told.
//!
//! A filter over three values, of which one is filled in before anything is applied, is unknown as a whole: whoever asks how
//! long it is gets no answer. Who goes through its elements one by one need not wait for that one: here it is left out
//! where a placeholder decides whether it belongs there, and stands there as unknown where that decides what it is. Only
//! what makes up the list is looked at so (`filter`, `map`, `flatten`, `+`, the branches of `?:`, variables), not what
//! tests are made of: there a shorter list would be a lie.

use std::sync::LazyLock;

use super::{Local, Machine};
use crate::arithmetic::Operator;
use crate::cost;
use crate::error::{Eval, EvalError, Fault};
use crate::plan::{Attribute, Base, Call, Fold, FoldKind, Node, NodeId, Qualifier, QualifierKind, Slot};
use crate::value::{List, Value, View};
use document::{Document, Limits};

/// What stands in a list for an element that a placeholder decides, so that those behind it keep their places.
static UNTOLD: LazyLock<Document<'static>> = LazyLock::new(|| {
    let mut document = Document::from_json("\"?\"", Limits::default()).unwrap_or_else(|_| Document::null());
    document.mark_unknown(|_, _| true);
    document
});

/// Whether nothing but placeholders keeps a value from being known.
fn is_placeholder<T>(result: &Eval<T>) -> bool {
    matches!(result, Err(Fault::Unknown(unknown)) if unknown.is_placeholder())
}

impl<'d> Machine<'_, '_, 'd> {
    /// The elements that can be told of what makes a list; anything else is what it is.
    pub(super) fn collect(&mut self, id: NodeId) -> Eval<Value<'d>> {
        match self.plan.node(id) {
            Node::Fold(fold) => match &fold.kind {
                FoldKind::General { condition: None, step, result }
                    if self.appends(*step, fold.accumulator) =>
                {
                    self.collect_fold(fold, *step, *result)
                }
                FoldKind::Bind { result } => {
                    self.set_initial(fold);
                    self.collect(*result)
                }
                _ => self.eval(id),
            },
            Node::Call(call) => self.collect_call(id, call),
            Node::Arithmetic { operator: Operator::Add, left, right, .. } => {
                let left = self.collect(*left)?;
                let right = self.collect(*right)?;
                match (left.view(), right.view()) {
                    (View::List(a), View::List(b)) => self.list_of(a.iter().chain(b.iter()).collect()),
                    _ => self.eval(id),
                }
            }
            Node::List { items, optional } if optional.is_empty() => {
                let items: Eval<Vec<_>> = items.iter().map(|item| self.element(*item)).collect();
                self.list_of(items?)
            }
            Node::Append { accumulator, item, .. } => {
                let item = self.element(*item)?;
                let list = self.take_local(*accumulator)??;
                let View::List(before) = list.view() else { return Err(EvalError::NoOverload.into()) };
                let items = before.iter().chain([item]).collect();
                self.list_of(items)
            }
            Node::Attribute(attribute) => match self.collect_attribute(attribute) {
                Some(result) => result,
                None => self.eval(id),
            },
            _ => self.eval(id),
        }
    }

    /// An element of a list: one that a placeholder decides stands there as such.
    fn element(&mut self, id: NodeId) -> Eval<Value<'d>> {
        let element = match self.plan.node(id) {
            Node::Attribute(attribute) => match self.collect_attribute(attribute) {
                Some(element) => element,
                None => self.attribute_slowly(attribute),
            },
            _ => self.collect(id),
        };
        if is_placeholder(&element) { Ok(Value::Node(UNTOLD.root())) } else { element }
    }

    /// Whether a step adds to a list, perhaps under a condition.
    fn appends(&self, step: NodeId, to: Slot) -> bool {
        match self.plan.node(step) {
            Node::Append { accumulator, .. } => *accumulator == to,
            Node::Attribute(Attribute { base: Base::Conditional { then, .. }, .. }) => {
                matches!(then.base, Base::Value(node) if then.path.is_empty() && self.appends(node, to))
            }
            _ => false,
        }
    }

    /// What each element adds, those aside of which a placeholder decides whether they add something.
    fn collect_fold(&mut self, fold: &'d Fold, step: NodeId, result: NodeId) -> Eval<Value<'d>> {
        let range = self.collect(fold.range)?;
        let mut all = Vec::new();
        self.each(fold, &range, |machine| {
            machine.set_initial(fold);
            let added = machine.collect(step);
            if is_placeholder(&added) {
                machine.variables.left_out += 1;
            } else {
                match added?.view() {
                    View::List(added) => all.extend(added.iter()),
                    _ => return Err(EvalError::NoOverload.into()),
                }
            }
            Ok(super::comprehension::Turn::On)
        })?;
        let all = self.list_of(all)?;
        self.locals[fold.accumulator.0 as usize] = Local::Known(Ok(all));
        self.eval(result)
    }

    fn collect_call(&mut self, id: NodeId, call: &'d Call) -> Eval<Value<'d>> {
        match &call.args[..] {
            [list] if &*call.function == "flatten" => {
                let arguments = [self.collect(*list)?];
                self.charge_call(call, &arguments)?;
                self.invoke(call, &arguments)
            }
            _ => self.eval(id),
        }
    }

    /// A branch, or a composited variable; `None`: anything else.
    fn collect_attribute(&mut self, attribute: &'d Attribute) -> Option<Eval<Value<'d>>> {
        match &attribute.base {
            Base::Conditional { condition, then, otherwise } => {
                let holds = match self.eval(*condition) {
                    Ok(value) => value.as_bool(),
                    Err(fault) => return Some(Err(fault)),
                };
                let branch = if holds? { then } else { otherwise };
                Some(match &branch.base {
                    Base::Value(node) if branch.path.is_empty() => self.collect(*node),
                    _ => self.collect_attribute(branch).unwrap_or_else(|| self.attribute(branch)),
                })
            }
            Base::Variable(index) if attribute.path.len() == 1 && !attribute.presence => {
                let whole = self.variable(*index);
                Some(if is_placeholder(&whole) {
                    self.variables.through.insert(*index as usize);
                    self.told(*index as usize).0
                } else {
                    whole
                })
            }
            _ => None,
        }
    }

    /// The elements of a variable that can be told, and whether each stands in its place.
    fn told(&mut self, index: usize) -> (Eval<Value<'d>>, bool) {
        if let Some((told, in_place)) = self.variables.told.get(&index) {
            self.variables.left_out += u32::from(!in_place);
            return (told.clone(), *in_place);
        }
        let before = self.variables.left_out;
        self.variables.elements = true;
        let told = self.compute_variable(index);
        self.variables.elements = false;
        let told = (told, self.variables.left_out == before);
        if !matches!(told.0, Err(Fault::Cancelled(_))) {
            self.variables.told.insert(index, told.clone());
        }
        told
    }

    /// A variable of which one element is read at a computed place: while the elements of such a list are gone through, that
    /// is what belongs to the element, and those that cannot be told do not matter. Where some were left out, places agree
    /// only if the list was made from this variable.
    pub(super) fn variable_beside(&mut self, index: u32, rest: &'d [Qualifier]) -> Eval<Value<'d>> {
        let whole = self.variable(index);
        let beside = || matches!(rest.first(), Some(Qualifier { step: QualifierKind::Computed { .. }, .. }));
        if self.variables.elementwise && is_placeholder(&whole) && beside() {
            let index = index as usize;
            let (told, in_place) = self.told(index);
            return if in_place || self.variables.through.contains(&index) { told } else { whole };
        }
        whole
    }

    fn list_of(&mut self, items: Vec<Value<'d>>) -> Eval<Value<'d>> {
        self.meter.charge(cost::LIST_BASE)?;
        self.meter.grow(items.len() * size_of::<Value<'_>>())?;
        Ok(List::new(items)?.into())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::activation::Activation;
    use crate::checker;
    use crate::declarations::{Env, EnvKind};
    use crate::profile::Profile;
    use crate::program::{Budget, Composition, Failure, Program, Variables};
    use document::{Document, Limits};

    /// Elements as they read, `?` for those that cannot be told.
    fn elements(source: &str) -> Result<Vec<String>, Failure> {
        let text =
            r#"{"l": [{"n": "a", "v": "1"}, {"n": "$", "v": "2"}, {"n": "c", "v": "$"}], "whole": "$"}"#;
        let mut object = Document::from_json(text, Limits::default()).unwrap();
        object.mark_unknown(|text, _| text == "$");
        let mut env = Env::new(Profile::NEWEST, EnvKind::Validation);
        let mut composition = Composition::default();
        composition.add(&mut env, "named", "object.l.filter(e, e.n != 'x')").unwrap();
        composition.add(&mut env, "values", "object.l.map(e, e.v)").unwrap();
        let checked = checker::compile(source, &env).unwrap_or_else(|e| panic!("{source}: {e}"));
        let program = Program::plan(checked, &env, &composition).unwrap();
        let mut activation = Activation::new();
        activation.bind("object", object.root());
        let mut variables = Variables::new(&composition);
        let mut budget = Budget::default();
        let whole = program.evaluate(&activation, &mut variables, &mut budget).result;
        assert!(matches!(whole, Err(Failure::Unknown(_))), "{source}: {whole:?}");
        variables.set_elementwise(true);
        let list = program.elements(&activation, &mut variables, &mut budget).result?;
        let crate::value::View::List(list) = list.view() else { panic!("{source}: {list:?}") };
        Ok(list
            .iter()
            .map(|element| match element.node() {
                Some(node) if node.is_unknown() => "?".to_owned(),
                Some(node) if node.is_object() => node.get_str("v").unwrap().to_owned(),
                _ => element.as_str().unwrap().to_owned(),
            })
            .collect())
    }

    #[test]
    fn what_can_be_told_of_a_list() {
        for (source, expected) in [
            ("object.l.filter(e, e.n != 'x')", &["1", "$"][..]),
            ("object.l.map(e, e.v)", &["1", "2", "?"]),
            ("object.l.map(e, e.n == 'c', e.v)", &["?"]),
            ("object.l.map(e, [e.v]).flatten()", &["1", "2", "?"]),
            ("object.l.map(e, [e.n, e.v].filter(v, v != '1')).flatten()", &["a", "2", "c"]),
            ("object.l.map(e, e.v + '!')", &["1!", "2!", "?"]),
            ("object.l.filter(e, e.n != 'x').map(e, e.v)", &["1", "?"]),
            ("['0'] + object.l.map(e, e.v)", &["0", "1", "2", "?"]),
            ("size(object.l) > 2 ? object.l.map(e, e.v) : []", &["1", "2", "?"]),
            ("variables.named.map(e, e.v)", &["1", "?"]),
            ("variables.values", &["1", "2", "?"]),
            // the place of an element is that of what stands beside it
            ("[0, 1, 2].map(i, variables.values[i])", &["1", "2", "?"]),
            ("[object.whole, dyn('b')]", &["?", "b"]),
            // where one was left out, those behind it have another place
            ("[0, 1].map(i, variables.named[i].v)", &["?", "?"]),
            ("variables.named.map(e, variables.named[e.n == 'a' ? 0 : 1].v)", &["1", "?"]),
        ] {
            assert_eq!(elements(source).unwrap(), expected, "{source}");
        }
        // what tests are made of is known, or not
        for source in [
            "object.l.filter(e, e.n != 'x').size() > 1 ? ['a'] : []",
            "object.whole == 'a' ? ['a'] : []",
            "variables.named.size() > 1 ? ['a'] : []",
            "object.l.filter(e, e.n != 'x').slice(0, 1)",
        ] {
            assert!(matches!(elements(source), Err(Failure::Unknown(_))), "{source}");
        }
    }
}
