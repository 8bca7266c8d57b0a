//! What an expression comes to where parts of its variables are absent, told before there are any.
//!
//! `item.?securityContext.?privileged.orValue(false) != true` is true wherever `securityContext.privileged` is absent: who
//! knows that can spare himself the evaluation of every container without it. This reads the plan of an expression with,
//! in the place of values, what is known of them: a constant, what lies at the end of a way, a list of some such; optional
//! steps into what may be absent end there, and are noted. Whatever cannot be told is [`Told::any`]; errors are among it.
//!
//! Only answers that hold for every object are given: where one says that a value is known, the evaluation comes to that
//! value, unless something lies at the end of one of the noted ways, or an array lies where a way goes through a member.

mod folds;
mod told;

use std::sync::Arc;

use super::arithmetic;
use super::compare;
use super::cost::{EXPRESSION_LIMIT, Meter};
use super::dispatch::Context;
use super::eval::{borrowed, element_of};
use super::plan::{Attribute, Base, Call, Node, NodeId, Plan, Qualifier, QualifierKind};
use super::profile::Profile;
use super::program::{Composition, Program};
use super::value::{Value, View};
use told::{Shape, add_lists, append, equal, flattened, is_in, is_optional, pair};

pub use told::{Stride, Told, Way, Ways};

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
            Node::Append { accumulator, item, .. } => {
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
                QualifierKind::Field(field) | QualifierKind::Member(field) => Arc::clone(field),
                QualifierKind::Index(Value::String(text)) => Arc::clone(text),
                QualifierKind::Index(_) | QualifierKind::Computed { .. } => return Told::any(),
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
                QualifierKind::Field(field) | QualifierKind::Member(field) => {
                    element_of(&value, View::Str(field))
                }
                QualifierKind::Index(index) => element_of(&value, index.view()),
                QualifierKind::Computed { index } => {
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
