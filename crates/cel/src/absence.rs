//! What an expression comes to where parts of its variables are absent, told before there are any.
//!
//! `item.?securityContext.?privileged.orValue(false) != true` is true wherever `securityContext.privileged` is absent: who
//! knows that can spare himself the evaluation of every container without it. This reads the plan of an expression with,
//! in the place of values, what is known of them: a constant, what lies at the end of a way, a list of some such; optional
//! steps into what may be absent end there, and are noted. Whatever cannot be told is [`Told::any`]; errors are among it.
//!
//! Only answers that hold for every object are given: where one says that a value is known, the evaluation comes to that
//! value, unless something lies at the end of one of the noted ways, or an array lies where a way goes through a member.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::arithmetic::{self, Operator};
use super::compare::{self, Equality};
use super::cost::{EXPRESSION_LIMIT, Meter};
use super::dispatch::Context;
use super::eval::{borrowed, element_of};
use super::plan::{Attribute, Base, Call, Fold, FoldKind, Node, NodeId, Plan, Qualifier, Slot, Step};
use super::profile::Profile;
use super::program::{Composition, Program};
use super::value::{List, Value, View};

/// A step down a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stride {
    /// Into the member of this name.
    Key(Arc<str>),
    /// Into each item of a list.
    Each,
    /// To what is no list itself: beside [`Stride::Each`], where lists are made flat.
    Itself,
}

/// A way down from a variable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Way {
    /// The variable.
    pub root: Arc<str>,
    /// The steps from there.
    pub steps: Vec<Stride>,
}

impl Way {
    /// The variable itself.
    #[must_use]
    pub fn of(root: &str) -> Self {
        Self { root: root.into(), steps: Vec::new() }
    }

    /// A step further.
    #[must_use]
    pub fn then(mut self, step: Stride) -> Self {
        self.steps.push(step);
        self
    }
}

/// The ways at whose ends nothing must lie for something to hold.
pub type Ways = BTreeSet<Way>;

/// What is known of a value.
#[derive(Clone, Debug)]
pub struct Told<'p> {
    shape: Shape<'p>,
    given: Ways,
}

#[derive(Clone, Debug)]
enum Shape<'p> {
    /// A value or an error.
    Any,
    /// A value.
    Some,
    /// A boolean.
    Truth,
    Known(Value<'p>),
    /// What lies at the end of a way.
    At(Way),
    /// An optional of what lies there.
    Perhaps(Way),
    /// What lies there, or where it is absent this.
    Or(Way, Value<'p>),
    /// A list: of how many elements is not known, each is like one of these.
    Each(Vec<Told<'p>>),
}

impl<'p> Told<'p> {
    fn new(shape: Shape<'p>) -> Self {
        Self { shape, given: Ways::new() }
    }

    /// Nothing is known.
    #[must_use]
    pub fn any() -> Self {
        Self::new(Shape::Any)
    }

    /// This value.
    #[must_use]
    pub fn known(value: Value<'p>) -> Self {
        Self::new(Shape::Known(value))
    }

    /// What lies at the end of a way.
    #[must_use]
    pub fn at(way: Way) -> Self {
        Self::new(Shape::At(way))
    }

    /// A list of elements each of which is like one of these.
    #[must_use]
    pub fn list(of: Vec<Told<'p>>) -> Self {
        let ways: Ways = of.iter().flat_map(|told| told.given.iter().cloned()).collect();
        if of.iter().any(|told| matches!(told.shape, Shape::Any)) {
            return Self::any();
        }
        let of: Vec<Told<'p>> = of.into_iter().map(|told| Self::new(told.shape)).collect();
        let list = if of.is_empty() { Self::known_list(Vec::new()) } else { Self::new(Shape::Each(of)) };
        list.given(&ways)
    }

    fn known_list(items: Vec<Value<'p>>) -> Self {
        List::new(items).map_or_else(|_| Self::any(), |list| Self::known(list.into()))
    }

    fn boolean(value: bool) -> Self {
        Self::known(Value::Bool(value))
    }

    /// The value, where it is known, and what must be absent for that.
    #[must_use]
    pub fn value(&self) -> Option<(&Value<'p>, &Ways)> {
        match &self.shape {
            Shape::Known(value) => Some((value, &self.given)),
            _ => None,
        }
    }

    /// What must be absent for it to be this boolean; `None`: it need not be.
    #[must_use]
    pub fn is(&self, wanted: bool) -> Option<&Ways> {
        self.value().filter(|(value, _)| value.as_bool() == Some(wanted)).map(|(_, given)| given)
    }

    /// What the elements of a list may be, and what must be absent for that; `None` where that is not known.
    #[must_use]
    pub fn elements(&self) -> Option<(Vec<Told<'p>>, &Ways)> {
        let elements = match &self.shape {
            Shape::Each(of) => of.clone(),
            Shape::Known(value) => match value.view() {
                View::List(list) => list.iter().map(Told::known).collect(),
                _ => return None,
            },
            _ => return None,
        };
        Some((elements, &self.given))
    }

    fn given(mut self, ways: &Ways) -> Self {
        if !matches!(self.shape, Shape::Any) {
            self.given.extend(ways.iter().cloned());
        }
        self
    }

    /// Whether it is a value that expressions can compare with any other, and no error.
    fn is_comparable(&self) -> bool {
        match &self.shape {
            Shape::Some | Shape::Truth | Shape::At(_) | Shape::Or(..) => true,
            Shape::Known(value) => !matches!(value.view(), View::Opaque(_)),
            Shape::Any | Shape::Perhaps(_) | Shape::Each(_) => false,
        }
    }

    fn as_bool(&self) -> Option<bool> {
        self.value().and_then(|(value, _)| value.as_bool())
    }

    /// Whichever of the two it is.
    fn or(self, other: Self) -> Self {
        match (&self.shape, &other.shape) {
            (Shape::Known(a), Shape::Known(b)) if same(a, b) => self.given(&other.given),
            _ => match (self.elements(), other.elements()) {
                (Some((mut all, given)), Some((more, also))) => {
                    all.extend(more);
                    Self::list(all).given(given).given(also)
                }
                _ => Self::any(),
            },
        }
    }
}

/// Whether two values cannot be told apart by any expression.
fn same(a: &Value<'_>, b: &Value<'_>) -> bool {
    match (a.view(), b.view()) {
        (View::Null, View::Null) => true,
        (View::Bool(a), View::Bool(b)) => a == b,
        (View::Int(a), View::Int(b)) => a == b,
        (View::Str(a), View::Str(b)) => a == b,
        (View::List(a), View::List(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(&a, &b))
        }
        (View::Map(a), View::Map(b)) => a.is_empty() && b.is_empty(),
        (View::Optional(a), View::Optional(b)) => a.is_none() && b.is_none(),
        _ => false,
    }
}

/// Steps after which nothing more is told, and how deep an expression is followed.
const STEPS: u32 = 20_000;
const DEEPEST: u32 = 200;
/// Lists that are longer are not gone through.
const LONGEST: usize = 256;

/// What is known of the variables of a policy.
pub struct Absence<'p> {
    composition: &'p Composition,
    known: Vec<(&'p str, Told<'p>)>,
    lists: bool,
    steps: u32,
    depth: u32,
}

/// The plan that is read, and what is known of its local variables.
struct Frame<'p> {
    plan: &'p Plan,
    profile: Profile,
    locals: Vec<Told<'p>>,
}

impl<'p> Absence<'p> {
    /// With what is known of variables; of all others nothing is.
    #[must_use]
    pub fn new(composition: &'p Composition, known: Vec<(&'p str, Told<'p>)>) -> Self {
        Self { composition, known, lists: false, steps: 0, depth: 0 }
    }

    /// Says what is known of a variable from now on.
    pub fn bind(&mut self, name: &'p str, told: Told<'p>) {
        self.known.retain(|(bound, _)| *bound != name);
        self.known.push((name, told));
    }

    /// Whether what optional steps lead to is gone through where it may be a list, rather than taken for absent.
    pub fn follow_lists(&mut self, lists: bool) {
        self.lists = lists;
    }

    /// What is known of the value of an expression.
    pub fn of(&mut self, program: &'p Program) -> Told<'p> {
        self.steps = 0;
        self.run(program)
    }

    fn run(&mut self, program: &'p Program) -> Told<'p> {
        let plan = program.steps();
        if plan.depth > DEEPEST || self.depth > DEEPEST {
            return Told::any();
        }
        let locals = vec![Told::any(); plan.locals as usize];
        let mut frame = Frame { plan, profile: program.profile(), locals };
        self.depth += plan.depth;
        let told = self.eval(&mut frame, plan.root);
        self.depth -= plan.depth;
        told
    }

    fn eval(&mut self, frame: &mut Frame<'p>, id: NodeId) -> Told<'p> {
        self.steps += 1;
        if self.steps > STEPS {
            return Told::any();
        }
        match frame.plan.node(id) {
            Node::Const(value) => Told::known(borrowed(value)),
            Node::Attribute(attribute) => self.attribute(frame, attribute),
            Node::And(terms) => self.logic(frame, terms, false),
            Node::Or(terms) => self.logic(frame, terms, true),
            Node::Not(a) => {
                let a = self.eval(frame, *a);
                match (a.as_bool(), &a.shape) {
                    (Some(value), _) => Told::boolean(!value).given(&a.given),
                    (None, Shape::Truth) => a,
                    (None, _) => Told::any(),
                }
            }
            Node::Negate(a) => self.unary(frame, *a, |value| arithmetic::negate(value.view()).ok()),
            Node::NotStrictlyFalse(a) => self.unary(frame, *a, |value| value.as_bool().map(Value::Bool)),
            Node::Equal { left, right, negated } => {
                let (left, right) = (self.eval(frame, *left), self.eval(frame, *right));
                equal(&left, &right, *negated)
            }
            Node::Order { order, left, right, .. } => self.binary(frame, *left, *right, |a, b| {
                let (a, b) = (a.view(), b.view());
                let ordering = if compare::is_ordered(a) { compare::order(a, b).ok() } else { None };
                ordering.map(|ordering| Value::Bool(order.holds(ordering)))
            }),
            Node::Arithmetic { operator, left, right, .. } => {
                let (left, right) = (self.eval(frame, *left), self.eval(frame, *right));
                add_lists(*operator, &left, &right).unwrap_or_else(|| {
                    pair(&left, &right, |a, b| arithmetic::binary(*operator, a.view(), b.view()).ok())
                })
            }
            Node::Append { accumulator, item } => {
                let item = self.eval(frame, *item);
                append(&frame.locals[accumulator.0 as usize], item)
            }
            Node::InSet { item, set } => {
                self.unary(frame, *item, |item| set.contains(item.view()).ok().map(Value::Bool))
            }
            Node::In { item, container, .. } => self.binary(frame, *item, *container, is_in),
            Node::OptionalOr { left, right } => self.optional_or(frame, *left, *right, false),
            Node::OptionalOrValue { left, right } => self.optional_or(frame, *left, *right, true),
            Node::Call(call) => self.call(frame, call),
            Node::List { items, optional } if optional.is_empty() => self.list(frame, items),
            Node::Map(entries) if entries.is_empty() => Told::known(Value::Map(Arc::default())),
            Node::Fold(fold) => self.fold(frame, fold),
            Node::Insert { .. } | Node::List { .. } | Node::Map(_) | Node::Struct { .. } => Told::any(),
        }
    }

    fn unary(
        &mut self,
        frame: &mut Frame<'p>,
        id: NodeId,
        of: impl FnOnce(&Value<'p>) -> Option<Value<'p>>,
    ) -> Told<'p> {
        let told = self.eval(frame, id);
        let value = told.value().and_then(|(value, _)| of(value));
        value.map_or_else(Told::any, |value| Told::known(value).given(&told.given))
    }

    fn binary(
        &mut self,
        frame: &mut Frame<'p>,
        left: NodeId,
        right: NodeId,
        of: impl FnOnce(&Value<'p>, &Value<'p>) -> Option<Value<'p>>,
    ) -> Told<'p> {
        let (left, right) = (self.eval(frame, left), self.eval(frame, right));
        pair(&left, &right, of)
    }

    /// One term that decides is enough, whatever the others are; of several the one that needs least.
    fn logic(&mut self, frame: &mut Frame<'p>, terms: &'p [NodeId], decides: bool) -> Told<'p> {
        let mut all = Some(Ways::new());
        let mut truth = false;
        let mut decided: Option<Ways> = None;
        for term in terms {
            let told = self.eval(frame, *term);
            match told.as_bool() {
                Some(value) if value == decides => {
                    if decided.as_ref().is_none_or(|ways| ways.len() > told.given.len()) {
                        decided = Some(told.given);
                    }
                }
                None if !matches!(told.shape, Shape::Truth) => all = None,
                value => {
                    truth |= value.is_none();
                    all.iter_mut().for_each(|all| all.extend(told.given.iter().cloned()));
                }
            }
        }
        match (decided, all) {
            (Some(given), _) => Told::boolean(decides).given(&given),
            (None, Some(given)) if truth => Told::new(Shape::Truth).given(&given),
            (None, Some(given)) => Told::boolean(!decides).given(&given),
            (None, None) => Told::any(),
        }
    }

    fn optional_or(&mut self, frame: &mut Frame<'p>, left: NodeId, right: NodeId, unwrap: bool) -> Told<'p> {
        let left = self.eval(frame, left);
        match &left.shape {
            Shape::Known(Value::Optional(None)) => self.eval(frame, right).given(&left.given),
            Shape::Known(Value::Optional(Some(value))) if unwrap => {
                Told::known((**value).clone()).given(&left.given)
            }
            Shape::Known(Value::Optional(Some(_))) => left,
            Shape::Perhaps(way) if unwrap => {
                let right = self.eval(frame, right);
                match right.shape {
                    Shape::Known(value) => {
                        Told { shape: Shape::Or(way.clone(), value), given: left.given }.given(&right.given)
                    }
                    _ => Told::any(),
                }
            }
            _ => Told::any(),
        }
    }

    fn list(&mut self, frame: &mut Frame<'p>, items: &'p [NodeId]) -> Told<'p> {
        let items: Vec<Told<'p>> = items.iter().map(|item| self.eval(frame, *item)).collect();
        match items.iter().map(|item| Some(item.value()?.0.clone())).collect::<Option<Vec<_>>>() {
            Some(values) => items.iter().fold(Told::known_list(values), |list, item| list.given(&item.given)),
            None => Told::list(items),
        }
    }

    fn call(&mut self, frame: &mut Frame<'p>, call: &'p Call) -> Told<'p> {
        let args: Vec<Told<'p>> = call.args.iter().map(|arg| self.eval(frame, *arg)).collect();
        let values: Option<Vec<_>> = args.iter().map(|arg| Some(arg.value()?.0.clone())).collect();
        match (values, &args[..]) {
            (Some(values), _) => {
                let mut meter = Meter::new(EXPRESSION_LIMIT, None, None);
                let mut context =
                    Context { call, meter: &mut meter, profile: frame.profile, functions: None };
                match call.run(&mut context, &values) {
                    Ok(value) => args.iter().fold(Told::known(value), |told, arg| told.given(&arg.given)),
                    Err(_) => Told::any(),
                }
            }
            (None, [list]) if &*call.function == "flatten" => match list.elements() {
                Some((elements, given)) => {
                    let flat = elements.into_iter().flat_map(flattened).collect();
                    Told::list(flat).given(given)
                }
                None => Told::any(),
            },
            (None, [one]) if &*call.function == "type" && one.is_comparable() => {
                Told::new(Shape::Some).given(&one.given)
            }
            _ => Told::any(),
        }
    }

    fn fold(&mut self, frame: &mut Frame<'p>, fold: &'p Fold) -> Told<'p> {
        if let FoldKind::Bind { result } = &fold.kind {
            let init = self.eval(frame, fold.init);
            frame.locals[fold.accumulator.0 as usize] = init;
            return self.eval(frame, *result);
        }
        let range = self.eval(frame, fold.range);
        let counted = matches!(range.shape, Shape::Known(_));
        let Some((elements, given)) = range.elements().filter(|(all, _)| all.len() <= LONGEST) else {
            return Told::any();
        };
        if fold.iter2.is_some() {
            return Told::any();
        }
        let told = match &fold.kind {
            FoldKind::All(test) => self.quantifier(frame, fold, elements, counted, *test, true),
            FoldKind::Exists(test) => self.quantifier(frame, fold, elements, counted, *test, false),
            FoldKind::General { condition, step, result } if counted => {
                let init = self.eval(frame, fold.init);
                frame.locals[fold.accumulator.0 as usize] = init;
                for element in elements {
                    frame.locals[fold.iter.0 as usize] = element;
                    let goes_on = condition.map(|condition| self.eval(frame, condition));
                    match goes_on.as_ref().map(Told::as_bool) {
                        None => {}
                        // what it took to know that is not noted: all of it or nothing
                        Some(Some(true)) if goes_on.is_some_and(|told| told.given.is_empty()) => {}
                        _ => return Told::any(),
                    }
                    let next = self.eval(frame, *step);
                    frame.locals[fold.accumulator.0 as usize] = next;
                }
                self.eval(frame, *result)
            }
            FoldKind::General { condition: None, step, result } => {
                let init = self.eval(frame, fold.init);
                let Some((mut all, first)) = init.elements() else { return Told::any() };
                let mut ways = first.clone();
                for element in elements {
                    frame.locals[fold.iter.0 as usize] = element;
                    let Some((added, given)) = self.added(frame, *step, fold.accumulator) else {
                        return Told::any();
                    };
                    ways.extend(given);
                    all.extend(added);
                }
                frame.locals[fold.accumulator.0 as usize] = Told::list(all).given(&ways);
                self.eval(frame, *result)
            }
            FoldKind::General { .. } | FoldKind::Bind { .. } => return Told::any(),
        };
        told.given(given)
    }

    /// What a step adds to a list for an element, if it does nothing else.
    fn added(&mut self, frame: &mut Frame<'p>, step: NodeId, to: Slot) -> Option<(Option<Told<'p>>, Ways)> {
        match frame.plan.node(step) {
            Node::Append { accumulator, item } if *accumulator == to => {
                Some((Some(self.eval(frame, *item)), Ways::new()))
            }
            Node::Attribute(Attribute { base: Base::Conditional { condition, then, otherwise }, .. }) => {
                let Base::Value(append) = then.base else { return None };
                let unchanged = matches!(otherwise.base, Base::Local(slot) if slot == to);
                if !then.path.is_empty() || !otherwise.path.is_empty() || !unchanged {
                    return None;
                }
                let condition = self.eval(frame, *condition);
                match condition.as_bool() {
                    Some(false) => Some((None, condition.given)),
                    Some(true) => {
                        let (added, mut ways) = self.added(frame, append, to)?;
                        ways.extend(condition.given);
                        Some((added, ways))
                    }
                    None if matches!(condition.shape, Shape::Truth) => {
                        let (added, mut ways) = self.added(frame, append, to)?;
                        ways.extend(condition.given);
                        Some((added, ways))
                    }
                    None => None,
                }
            }
            _ => None,
        }
    }

    /// `all` and `exists`. Where it is not known how many elements there are, there may be none.
    fn quantifier(
        &mut self,
        frame: &mut Frame<'p>,
        fold: &'p Fold,
        elements: Vec<Told<'p>>,
        counted: bool,
        test: NodeId,
        all: bool,
    ) -> Told<'p> {
        let mut ways = Some(Ways::new());
        for element in elements {
            let own = element.given.clone();
            frame.locals[fold.iter.0 as usize] = element;
            let told = self.eval(frame, test);
            match told.as_bool() {
                Some(value) if value == all => {
                    if let Some(ways) = &mut ways {
                        ways.extend(told.given);
                        ways.extend(own);
                    }
                }
                Some(_) if counted => return Told::boolean(!all).given(&told.given).given(&own),
                _ => ways = None,
            }
        }
        ways.map_or_else(Told::any, |ways| Told::boolean(all).given(&ways))
    }

    fn attribute(&mut self, frame: &mut Frame<'p>, attribute: &'p Attribute) -> Told<'p> {
        let Attribute { base, path, presence, .. } = attribute;
        let told = match base {
            Base::Local(slot) => frame.locals[slot.0 as usize].clone(),
            Base::Global(index) => self.global(&frame.plan.globals[*index as usize]),
            Base::Variables => return Told::any(),
            Base::Variable(index) => {
                let told = match self.composition.program(*index) {
                    Some(program) => self.run(program),
                    None => return Told::any(),
                };
                return match path.split_first() {
                    Some((name, [])) if !name.optional && !presence => told,
                    // an optional is not looked through here
                    Some((name, rest)) if !name.optional && !is_optional(&told) => {
                        self.walk(frame, told, rest, *presence)
                    }
                    _ => Told::any(),
                };
            }
            Base::Value(node) => self.eval(frame, *node),
            Base::Conditional { condition, then, otherwise } => {
                let condition = self.eval(frame, *condition);
                return match condition.as_bool() {
                    Some(true) => self.attribute(frame, then).given(&condition.given),
                    Some(false) => self.attribute(frame, otherwise).given(&condition.given),
                    None if matches!(condition.shape, Shape::Truth) => {
                        let then = self.attribute(frame, then);
                        then.or(self.attribute(frame, otherwise)).given(&condition.given)
                    }
                    None => Told::any(),
                };
            }
        };
        self.walk(frame, told, path, *presence)
    }

    fn global(&self, name: &str) -> Told<'p> {
        let name = name.trim_start_matches('.');
        let known = self.known.iter().find(|(known, _)| *known == name);
        known.map_or_else(Told::any, |(_, told)| told.clone())
    }

    fn walk(
        &mut self,
        frame: &mut Frame<'p>,
        told: Told<'p>,
        path: &'p [Qualifier],
        presence: bool,
    ) -> Told<'p> {
        if path.is_empty() {
            return told;
        }
        match told.shape {
            Shape::At(way) => self.walk_way(way, path, presence).given(&told.given),
            Shape::Known(Value::Optional(None)) if presence => Told::boolean(false).given(&told.given),
            Shape::Known(Value::Optional(None)) => told,
            Shape::Known(Value::Optional(Some(_))) => Told::any(),
            Shape::Known(value) => self.walk_value(frame, value, path, presence, told.given),
            Shape::Any | Shape::Some | Shape::Truth | Shape::Perhaps(_) | Shape::Or(..) | Shape::Each(_) => {
                Told::any()
            }
        }
    }

    fn walk_way(&self, mut way: Way, path: &[Qualifier], presence: bool) -> Told<'p> {
        let mut optional = false;
        for (at, qualifier) in path.iter().enumerate() {
            let key = match &qualifier.step {
                Step::Field(field) | Step::Member(field) => Arc::clone(field),
                Step::Index(Value::String(text)) => Arc::clone(text),
                Step::Index(_) | Step::Computed { .. } => return Told::any(),
            };
            way = way.then(Stride::Key(key));
            optional |= qualifier.optional;
            if presence && at + 1 == path.len() {
                let told = if at == 0 && !optional { Told::boolean(false) } else { Told::any() };
                return told.given(&Ways::from([way]));
            }
            // what is absent is an error here
            if !optional {
                return Told::any();
            }
        }
        if self.lists {
            Told::new(Shape::Perhaps(way))
        } else {
            Told::known(Value::Optional(None)).given(&Ways::from([way]))
        }
    }

    fn walk_value(
        &mut self,
        frame: &mut Frame<'p>,
        mut value: Value<'p>,
        path: &'p [Qualifier],
        presence: bool,
        mut given: Ways,
    ) -> Told<'p> {
        let mut optional = false;
        for (at, qualifier) in path.iter().enumerate() {
            if !matches!(value.view(), View::List(_) | View::Map(_) | View::Null) {
                return Told::any();
            }
            optional |= qualifier.optional;
            let found = match &qualifier.step {
                Step::Field(field) | Step::Member(field) => element_of(&value, View::Str(field)),
                Step::Index(index) => element_of(&value, index.view()),
                Step::Computed { index } => {
                    let index = self.attribute(frame, index);
                    let Some((key, ways)) = index.value() else { return Told::any() };
                    let scalar = matches!(key.view(), View::Str(_) | View::Int(_) | View::Bool(_));
                    given.extend(ways.iter().cloned());
                    if scalar { element_of(&value, key.view()) } else { return Told::any() }
                }
            };
            match found {
                Ok(found) if presence && at + 1 == path.len() => {
                    return Told::boolean(found.is_some()).given(&given);
                }
                Ok(Some(found)) => value = found,
                Ok(None) if optional => return Told::known(Value::Optional(None)).given(&given),
                Ok(None) | Err(_) => return Told::any(),
            }
        }
        Told::known(if optional { Value::some(value) } else { value }).given(&given)
    }
}

fn is_optional(told: &Told<'_>) -> bool {
    matches!(told.shape, Shape::Known(Value::Optional(_)) | Shape::Perhaps(_))
}

fn pair<'p>(
    left: &Told<'p>,
    right: &Told<'p>,
    of: impl FnOnce(&Value<'p>, &Value<'p>) -> Option<Value<'p>>,
) -> Told<'p> {
    let (Some((a, _)), Some((b, _))) = (left.value(), right.value()) else { return Told::any() };
    of(a, b).map_or_else(Told::any, |value| Told::known(value).given(&left.given).given(&right.given))
}

fn equal<'p>(left: &Told<'p>, right: &Told<'p>, negated: bool) -> Told<'p> {
    if let (Some((a, _)), Some((b, _))) = (left.value(), right.value()) {
        let value = match compare::equal(a.view(), b.view()) {
            Equality::Same => !negated,
            Equality::Different => negated,
            Equality::NoOverload if negated => true,
            Equality::NoOverload => return Told::any(),
        };
        return Told::boolean(value).given(&left.given).given(&right.given);
    }
    if left.is_comparable() && right.is_comparable() {
        return Told::new(Shape::Truth).given(&left.given).given(&right.given);
    }
    Told::any()
}

fn is_in<'p>(item: &Value<'p>, container: &Value<'p>) -> Option<Value<'p>> {
    let item = item.view();
    match container.view() {
        View::List(list) => {
            let found = list.iter().any(|member| compare::equal(item, member.view()) == Equality::Same);
            Some(Value::Bool(found))
        }
        View::Map(map) if !matches!(item, View::Bytes(_)) => Some(Value::Bool(map.get(item).is_some())),
        _ => None,
    }
}

fn add_lists<'p>(operator: Operator, left: &Told<'p>, right: &Told<'p>) -> Option<Told<'p>> {
    if operator != Operator::Add {
        return None;
    }
    let ((mut all, given), (more, also)) = (left.elements()?, right.elements()?);
    let values = |told: &Told<'p>| told.value().is_some();
    all.extend(more);
    if values(left) && values(right) {
        let items = all.iter().filter_map(|told| Some(told.value()?.0.clone())).collect();
        return Some(Told::known_list(items).given(given).given(also));
    }
    Some(Told::list(all).given(given).given(also))
}

fn append<'p>(list: &Told<'p>, item: Told<'p>) -> Told<'p> {
    let Some((mut all, given)) = list.elements() else { return Told::any() };
    match (list.value(), item.value()) {
        (Some(_), Some((value, ways))) => {
            let mut items: Vec<_> = all.iter().filter_map(|told| Some(told.value()?.0.clone())).collect();
            items.push(value.clone());
            Told::known_list(items).given(given).given(ways)
        }
        _ => {
            all.push(item);
            Told::list(all).given(given)
        }
    }
}

/// What an element of a list becomes in the flat list.
fn flattened(element: Told<'_>) -> Vec<Told<'_>> {
    let Told { shape, given } = element;
    let whole = |way: Way| [Told::at(way.clone().then(Stride::Each)), Told::at(way.then(Stride::Itself))];
    let flat: Vec<Told<'_>> = match shape {
        Shape::At(way) => whole(way).into(),
        Shape::Or(way, otherwise) => {
            whole(way).into_iter().chain(flattened(Told::known(otherwise))).collect()
        }
        Shape::Known(value) => match value.view() {
            View::List(list) => list.iter().map(Told::known).collect(),
            _ => vec![Told::known(value)],
        },
        Shape::Each(elements) => elements,
        Shape::Truth | Shape::Perhaps(_) => vec![Told::new(shape)],
        // a list, perhaps
        Shape::Any | Shape::Some => vec![Told::any()],
    };
    flat.into_iter().map(|told| told.given(&given)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::declarations::{Env, EnvKind};
    use crate::types::Type;

    fn shown(told: &Told<'_>) -> String {
        let ways = |ways: &Ways| {
            let each = ways.iter().map(|way| {
                let steps = way.steps.iter().map(|step| match step {
                    Stride::Key(key) => format!(".{key}"),
                    Stride::Each => "[*]".to_owned(),
                    Stride::Itself => "[!]".to_owned(),
                });
                format!("{}{}", way.root, steps.collect::<String>())
            });
            each.collect::<Vec<_>>().join(" ")
        };
        let shape = match &told.shape {
            Shape::Any => return "any".to_owned(),
            Shape::Some => "some".to_owned(),
            Shape::Truth => "true or false".to_owned(),
            Shape::Known(value) => match value.view() {
                View::Bool(value) => value.to_string(),
                View::List(list) => format!("list of {}", list.len()),
                View::Null => "null".to_owned(),
                View::Optional(None) => "none".to_owned(),
                other => other.type_name().to_owned(),
            },
            Shape::At(way) => format!("at {}", ways(&Ways::from([way.clone()]))),
            Shape::Perhaps(way) => format!("perhaps {}", ways(&Ways::from([way.clone()]))),
            Shape::Or(way, _) => format!("or {}", ways(&Ways::from([way.clone()]))),
            Shape::Each(of) => format!("each({})", of.iter().map(shown).collect::<Vec<_>>().join(", ")),
        };
        if told.given.is_empty() { shape } else { format!("{shape} without {}", ways(&told.given)) }
    }

    fn told(lists: bool, rows: &[(&str, &str)]) {
        let mut env = Env::new(Profile::NEWEST, EnvKind::Validation);
        for name in ["item", "podSpec"] {
            env.declare_variable(name, Type::Dyn);
        }
        env.declare_variable("allContainers", Type::List(Arc::new(Type::Dyn)));
        let mut composition = Composition::default();
        composition.add(&mut env, "linux", "podSpec.?os.?name.orValue('') != 'windows'").unwrap();
        composition
            .add(
                &mut env,
                "constraints",
                "podSpec == null || podSpec.?c.orValue(null) == null ? [] : podSpec.c",
            )
            .unwrap();
        for (source, expected) in rows {
            let program = Program::plan(
                crate::checker::compile(source, &env).unwrap_or_else(|issues| panic!("{issues}")),
                &env,
                &composition,
            )
            .unwrap();
            let containers = Way::of("podSpec").then(Stride::Key("containers".into())).then(Stride::Each);
            let known = vec![
                ("item", Told::at(Way::of("item"))),
                ("podSpec", Told::at(Way::of("podSpec"))),
                ("allContainers", Told::list(vec![Told::at(containers)])),
            ];
            let mut absence = Absence::new(&composition, known);
            absence.follow_lists(lists);
            assert_eq!(shown(&absence.of(&program)), *expected, "{source}");
        }
    }

    #[test]
    fn what_is_absent_makes_constants() {
        told(
            false,
            &[
                ("item.?a.?b.orValue(false) != true", "true without item.a.b"),
                ("item.a.?b.orValue(false) != true", "any"),
                ("has(item.a) && item.a.b == 1", "false without item.a"),
                ("!has(item.a) || item.a.b == 1", "true without item.a"),
                ("has(item.a.b)", "any"),
                ("has(item.?a.b)", "any"),
                ("item.?a.orValue('') in [dyn(''), dyn(null)] || item.a in ['x']", "true without item.a"),
                ("item.?a.orValue(1) > 0 && item.?b.orValue(2) > 1", "true without item.a item.b"),
                ("item.?a.orValue(1) > 0 || item.?b.orValue(2) > 1", "true without item.a"),
                ("item.?a.?b.orValue(1) > 0 || item.c == 1", "true without item.a.b"),
                (
                    "[item.?a.orValue(null), item.?b.orValue(null)].filter(x, x != null)[?0].orValue(1) == 1",
                    "true without item.a item.b",
                ),
                ("[item.?add.orValue([])].flatten().all(c, c == 'x')", "true without item.add"),
                ("[item.?add.orValue([])].flatten().exists(c, c == 'x')", "false without item.add"),
                (
                    "type(item.?image.orValue(null)) != string || item.image.matches('^a')",
                    "true without item.image",
                ),
                ("variables.linux", "true without podSpec.os.name"),
                ("!variables.linux", "false without podSpec.os.name"),
                ("variables.constraints", "list of 0 without podSpec.c"),
                (
                    "podSpec.?selector[?'kubernetes.io/os'].orValue('') != 'windows'",
                    "true without podSpec.selector.kubernetes.io/os",
                ),
                ("allContainers.all(c, c.?a.orValue(1) == 1)", "true without podSpec.containers[*].a"),
                ("allContainers.exists(c, has(c.a))", "false without podSpec.containers[*].a"),
                ("allContainers.exists(c, !has(c.a))", "any"),
                ("allContainers.exists_one(c, has(c.a))", "any"),
                ("size(allContainers) == 1", "any"),
                (
                    "allContainers.map(c, c.?env.orValue([])).flatten()",
                    "list of 0 without podSpec.containers[*].env",
                ),
                (
                    "allContainers.filter(c, has(c.a) || has(c.b)).map(c, c.x)",
                    "list of 0 without podSpec.containers[*].a podSpec.containers[*].b",
                ),
                ("[podSpec] + allContainers", "each(at podSpec, at podSpec.containers[*])"),
                ("[podSpec].filter(p, p != null)", "each(at podSpec)"),
                ("item.?a.optMap(a, a.b).orValue(3) == 3", "true without item.a"),
                ("item.?a.orValue(1) / 0 == 1", "any"),
                ("item == null", "true or false"),
                ("[item].filter(i, i.a == 1).all(i, true)", "any"),
                ("[item].map(i, i.a).all(i, true)", "any"),
                (
                    "[item].filter(i, type(i) == map).all(i, has(i.a) ? i.a == 1 : true)",
                    "true without item.a",
                ),
                ("item.x || item.?a.orValue(true)", "true without item.a"),
            ],
        );
    }

    #[test]
    fn what_may_be_lists_is_gone_through() {
        told(
            true,
            &[
                (
                    "allContainers.map(c, c.?env.orValue([])).flatten()",
                    "each(at podSpec.containers[*].env[*], at podSpec.containers[*].env[!])",
                ),
                (
                    "[podSpec.?volumes.orValue([])].flatten()",
                    "each(at podSpec.volumes[*], at podSpec.volumes[!])",
                ),
                (
                    "[podSpec.?volumes.orValue([])].flatten().filter(v, v != null)",
                    "each(at podSpec.volumes[*], at podSpec.volumes[!])",
                ),
                ("item.?a.orValue(1) == 1", "true or false"),
            ],
        );
    }
}
