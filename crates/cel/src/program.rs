//! Expressions that can be run, and the variables composed of them.
//!
//! ```
//! use kubernetes_cel::{activation::Activation, declarations::{Env, EnvKind}, profile::Profile};
//! use kubernetes_cel::program::{Budget, Program, Variables};
//! use document::{Document, Limits};
//!
//! let env = Env::new(Profile::NEWEST, EnvKind::Validation);
//! let program = Program::compile("object.spec.replicas <= 5", &env).unwrap();
//! let object = Document::from_json(r#"{"spec": {"replicas": 3}}"#, Limits::default()).unwrap();
//! let mut activation = Activation::new();
//! activation.bind("object", object.root());
//! let outcome = program.evaluate(&activation, &mut Variables::none(), &mut Budget::default());
//! assert_eq!(outcome.result.unwrap().as_bool(), Some(true));
//! assert_eq!(outcome.cost, 4);
//! ```

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use super::activation::Activation;
use super::ast::{Ast, Name};
use super::checker::{self, Checked};
use super::cost::{EXPRESSION_LIMIT, Meter};
use super::declarations::Env;
use super::error::{Eval, EvalError, Fault, Unknown};
use super::eval::{Globals, Local, Machine};
use super::explain::Trace;
use super::issue::Issues;
use super::lower::{self, PlanError};
use super::plan::{Plan, VariableIndex};
use super::profile::Profile;
use super::stack;
use super::types::Type;
use super::value::Value;
use document::NodeRef;

/// Why an expression is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CompileError {
    /// Syntax, types, result type. Display is what the API server writes.
    #[error(transparent)]
    Issues(#[from] Issues),
    /// A constant part of it fails.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// A compiled expression. It owns everything and can be shared.
#[derive(Debug)]
pub struct Program {
    checked: Checked,
    plan: Plan,
}

impl Program {
    /// Compiles an expression that reads no composited variables.
    ///
    /// # Errors
    /// What the parser, the checker or the planner refuse.
    pub fn compile(source: &str, env: &Env) -> Result<Self, CompileError> {
        Self::plan(checker::compile(source, env)?, env, &Composition::default())
    }

    /// Makes a checked expression ready to run. `variables` are those it may read: the same that it was checked with.
    ///
    /// # Errors
    /// When a constant part fails.
    pub fn plan(checked: Checked, env: &Env, variables: &Composition) -> Result<Self, CompileError> {
        let plan = lower::lower(env, &checked, &variables.index)?;
        Ok(Self { checked, plan })
    }

    /// The type the checker found.
    #[must_use]
    pub fn output_type(&self) -> &Type {
        self.checked.output_type()
    }

    /// The tree, for positions and texts.
    #[must_use]
    pub fn ast(&self) -> &Arc<Ast> {
        self.checked.ast()
    }

    /// The CEL it was compiled as.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.checked.profile()
    }

    /// The variables it reads, without the composited ones.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        self.plan.globals.iter().map(|name| &**name)
    }

    /// Runs the expression. `variables` are shared by the expressions of one evaluation of a policy: each variable is
    /// computed at most once, and its cost is not the expression's.
    pub fn evaluate<'d>(
        &'d self,
        activation: &Activation<'_, 'd>,
        variables: &mut Variables<'d>,
        budget: &mut Budget,
    ) -> Outcome<'d> {
        self.run(activation, variables, budget, None)
    }

    /// Like [`Program::evaluate`], of an expression that gives a list and is unknown as a whole because of placeholders: the
    /// elements that can be told, each in its place.
    pub fn elements<'d>(
        &'d self,
        activation: &Activation<'_, 'd>,
        variables: &mut Variables<'d>,
        budget: &mut Budget,
    ) -> Outcome<'d> {
        variables.elements = true;
        variables.told.clear();
        variables.through.clear();
        let outcome = self.run(activation, variables, budget, None);
        variables.elements = false;
        outcome
    }

    /// Like [`Program::evaluate`], and keeps what each part of the expression came to.
    pub fn explain<'d>(
        &'d self,
        activation: &Activation<'_, 'd>,
        variables: &mut Variables<'d>,
        budget: &mut Budget,
    ) -> (Outcome<'d>, Trace<'d>) {
        let mut trace = Trace::new();
        let outcome = self.run(activation, variables, budget, Some(&mut trace));
        (outcome, trace)
    }

    fn run<'d>(
        &'d self,
        activation: &Activation<'_, 'd>,
        variables: &mut Variables<'d>,
        budget: &mut Budget,
        trace: Option<&mut Trace<'d>>,
    ) -> Outcome<'d> {
        let before = variables.cost;
        variables.deadline = budget.deadline;
        let meter = Meter::new(budget.expression, budget.growth, budget.deadline);
        let (result, meter, culprit) = self.execute(activation, variables, meter, stack::SHALLOW, 0, trace);
        let variables_cost = variables.cost - before;
        budget.growth = Some(meter.growth());
        budget.spend(meter.cost().saturating_add(variables_cost));
        let result = result.map_err(Failure::from);
        Outcome { result, cost: meter.cost(), variables_cost, culprit }
    }

    /// What the evaluator walks.
    pub(super) fn steps(&self) -> &Plan {
        &self.plan
    }

    /// Runs the plan where the stack has room for it.
    fn execute<'d>(
        &'d self,
        activation: &Activation<'_, 'd>,
        variables: &mut Variables<'d>,
        meter: Meter,
        room: u32,
        depth: u32,
        trace: Option<&mut Trace<'d>>,
    ) -> (Eval<Value<'d>>, Meter, Option<NodeRef<'d>>) {
        let plan = &self.plan;
        let total = depth.saturating_add(plan.depth);
        let machine = |room: u32| Machine {
            plan,
            profile: self.checked.profile(),
            locals: vec![Local::Known(Ok(Value::Null)); plan.locals as usize],
            globals: Globals::resolve(plan, activation),
            activation,
            variables,
            meter: meter.clone(),
            room,
            depth: total,
            trace,
            culprit: None,
            decisive: None,
        };
        if plan.depth <= room {
            let mut machine = machine(room - plan.depth);
            return (machine.run(), machine.meter, machine.culprit);
        }
        if total > stack::DEEPEST {
            return (Err(EvalError::Resources.into()), meter, None);
        }
        // room for what variables need below this, too
        let levels = plan.depth.saturating_add(1_000);
        let mut machine = machine(levels - plan.depth);
        match stack::with_room(levels, move || (machine.run(), machine.meter, machine.culprit)) {
            Ok(done) => done,
            Err(error) => (Err(error.into()), meter, None),
        }
    }
}

/// What an evaluation came to.
#[derive(Clone, Debug)]
pub struct Outcome<'d> {
    /// The value, or why there is none.
    pub result: Result<Value<'d>, Failure>,
    /// What the expression cost, in the API server's units; also when it failed.
    pub cost: u64,
    /// What the composited variables cost that it was the first to read.
    pub variables_cost: u64,
    /// Where to look when the value is false: the element of a document at which an `all` failed, or which made a negated
    /// `exists` true; the innermost one.
    pub culprit: Option<NodeRef<'d>>,
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// An error of evaluation, limits included.
    #[error(transparent)]
    Error(EvalError),
    /// More has to be known.
    #[error("depends on what is not known: {}", .0.of.join(", "))]
    Unknown(Unknown),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Error(error) | Fault::Cancelled(error) => Self::Error(*error),
            Fault::Unknown(unknown) => Self::Unknown(*unknown),
        }
    }
}

/// What may be spent.
#[derive(Clone, Debug)]
pub struct Budget {
    left: u64,
    exhausted: bool,
    expression: u64,
    deadline: Option<Instant>,
    growth: Option<u64>,
}

impl Default for Budget {
    /// As for the validations of one binding: 10,000,000 (`RuntimeCELCostBudget`), without a deadline.
    fn default() -> Self {
        Self::new(10_000_000)
    }
}

impl Budget {
    /// A budget of this many units over all expressions; each expression also has its own limit of 1,000,000.
    #[must_use]
    pub fn new(units: u64) -> Self {
        Self { left: units, exhausted: false, expression: EXPRESSION_LIMIT, deadline: None, growth: None }
    }

    /// Stops evaluations at this time.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// What is left.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left
    }

    /// More was spent than there was.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    fn spend(&mut self, cost: u64) {
        match self.left.checked_sub(cost) {
            Some(left) => self.left = left,
            None => (self.left, self.exhausted) = (0, true),
        }
    }
}

/// The `variables` of a policy: compiled in order, each seeing the earlier ones.
#[derive(Debug, Default)]
pub struct Composition {
    variables: Vec<Composed>,
    index: VariableIndex,
    /// What stands before the issues of a variable that does not compile.
    introduction: &'static str,
}

#[derive(Debug)]
struct Composed {
    name: Arc<str>,
    program: Result<Program, Arc<str>>,
}

impl Composition {
    /// Variables whose issues, where they are read and do not compile, are told after these words: the API server says
    /// `compilation failed: `, its library for CEL nothing.
    #[must_use]
    pub fn introducing(introduction: &'static str) -> Self {
        Self { introduction, ..Self::default() }
    }

    /// Compiles a variable and declares it in the environment. One that does not compile is an error where it is read.
    ///
    /// # Errors
    /// Why it does not compile; it is declared (as `dyn`) all the same, as the API server does.
    pub fn add(&mut self, env: &mut Env, name: impl Into<Name>, source: &str) -> Result<(), CompileError> {
        let name = name.into();
        let program = checker::compile(source, env)
            .map_err(CompileError::from)
            .and_then(|checked| Program::plan(checked, env, self));
        env.declare_policy_variable(name.clone(), program.as_ref().ok().map(Program::output_type));
        let (program, refused) = match program {
            Ok(program) => (Ok(program), Ok(())),
            Err(error) => {
                let text = match &error {
                    CompileError::Issues(issues) => format!("{}{issues}", self.introduction),
                    CompileError::Plan(error) => format!("program instantiation failed: {error}"),
                };
                (Err(Arc::from(text)), Err(error))
            }
        };
        self.index.insert(name.clone(), self.variables.len() as u32);
        self.variables.push(Composed { name: Arc::from(&*name), program });
        refused
    }

    /// The variables that compiled, in order.
    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        self.variables.iter().filter_map(|variable| variable.program.as_ref().ok())
    }

    /// The variable of this number, if it compiled.
    pub(super) fn program(&self, index: u32) -> Option<&Program> {
        self.variables.get(index as usize)?.program.as_ref().ok()
    }

    /// The variables that compiled, with their names, in order.
    pub fn named(&self) -> impl Iterator<Item = (&str, &Program)> {
        self.variables.iter().filter_map(|v| Some((&*v.name, v.program.as_ref().ok()?)))
    }

    /// Declares the variables in another environment, of the expressions that read them.
    pub fn declare(&self, env: &mut Env) {
        for Composed { name, program } in &self.variables {
            let name = Name::Owned(name.to_string());
            env.declare_policy_variable(name, program.as_ref().ok().map(Program::output_type));
        }
    }
}

/// The variables of one evaluation of a policy: computed when first read, kept with their errors.
#[derive(Debug, Default)]
pub struct Variables<'d> {
    composition: Option<&'d Composition>,
    values: Vec<Option<Eval<Value<'d>>>>,
    cost: u64,
    deadline: Option<Instant>,
    /// The next program that runs gives the elements of a list that can be told.
    pub(super) elements: bool,
    /// See [`Variables::set_elementwise`].
    pub(super) elementwise: bool,
    /// What can be told of lists that are not known as a whole, and whether every element stands in its place.
    pub(super) told: HashMap<usize, (Eval<Value<'d>>, bool)>,
    /// The variables that such a list was made from.
    pub(super) through: HashSet<usize>,
    /// How many elements were left out of such lists, since a placeholder decides whether they belong there.
    pub(super) left_out: u32,
}

impl<'d> Variables<'d> {
    /// For expressions that were compiled without variables.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// None computed yet.
    #[must_use]
    pub fn new(composition: &'d Composition) -> Self {
        let values = vec![None; composition.variables.len()];
        Self { composition: Some(composition), values, ..Self::default() }
    }

    /// The same variables, none computed yet.
    #[must_use]
    pub fn afresh(&self) -> Self {
        let values = vec![None; self.values.len()];
        let Self { composition, deadline, elementwise, .. } = *self;
        Self { composition, values, deadline, elementwise, ..Self::default() }
    }

    /// Whether the elements of a list are gone through that [`Program::elements`] gave: then what stands beside them, at the
    /// same place of a variable, is told likewise.
    pub fn set_elementwise(&mut self, elementwise: bool) {
        self.elementwise = elementwise;
    }

    /// What computing them has cost so far.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.cost
    }

    /// Which variable has this name.
    pub(super) fn position(&self, name: &str) -> Option<u32> {
        self.composition.and_then(|composition| composition.index.get(name).copied())
    }

    /// Those that were computed, with what they came to, in the order of their declaration.
    pub fn computed(&self) -> impl Iterator<Item = (&str, Result<Value<'d>, Failure>)> {
        let composed = self.composition.into_iter().flat_map(|all| &all.variables);
        composed.zip(&self.values).filter_map(|(composed, value)| {
            let value = value.clone()?;
            Some((&*composed.name, value.map_err(Failure::from)))
        })
    }
}

impl<'d> Machine<'_, '_, 'd> {
    /// The value of a composited variable.
    pub(super) fn variable(&mut self, index: u32) -> Eval<Value<'d>> {
        let index = index as usize;
        if let Some(Some(known)) = self.variables.values.get(index) {
            return known.clone();
        }
        let value = self.compute_variable(index);
        if let Err(Fault::Cancelled(_)) = value {
            return value;
        }
        if let Some(slot) = self.variables.values.get_mut(index) {
            *slot = Some(value.clone());
        }
        value
    }

    pub(super) fn compute_variable(&mut self, index: usize) -> Eval<Value<'d>> {
        let Some(composed) = self.variables.composition.and_then(|all| all.variables.get(index)) else {
            return Err(EvalError::NoAttribute("variables".to_owned()).into());
        };
        let name = &composed.name;
        let program = match &composed.program {
            Ok(program) => program,
            Err(text) => {
                return Err(EvalError::VariableCompile { name: name.clone(), text: text.clone() }.into());
            }
        };
        let meter = Meter::new(EXPRESSION_LIMIT, Some(self.meter.growth()), self.variables.deadline);
        let (value, meter, _) =
            program.execute(self.activation, self.variables, meter, self.room, self.depth, None);
        self.variables.cost = self.variables.cost.saturating_add(meter.cost());
        self.meter.set_growth(meter.growth());
        value.map_err(|fault| match fault {
            // running out of its own limit is this variable's error
            Fault::Cancelled(error) if error.is_of_policy() => Fault::Cancelled(error),
            Fault::Error(cause) | Fault::Cancelled(cause) => {
                Fault::Error(Box::new(EvalError::Variable { name: name.clone(), cause }))
            }
            Fault::Unknown(unknown) => Fault::Unknown(unknown),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::super::activation::{Binding, Functions};
    use super::super::checker::OverloadId;
    use super::super::declarations::{EnvKind, Overload};
    use super::super::explain::Seen;
    use super::super::library::authorizer::{Decision, Question};
    use super::*;
    use document::{Document, Limits};

    fn object() -> Document<'static> {
        let text =
            r#"{"spec": {"n": 3, "l": [{"name": "a", "ports": [80]}, {"name": "b", "ports": [80, 81]}]}}"#;
        Document::from_json(text, Limits::default()).unwrap()
    }

    fn env() -> Env {
        Env::new(Profile::NEWEST, EnvKind::Validation)
    }

    /// `request` without its user, `namespaceObject` unknown.
    fn activation<'d>(object: &'d Document<'_>, request: &'d Document<'_>) -> Activation<'d, 'd> {
        let mut activation = Activation::new();
        let unknown: Arc<[Vec<String>]> = Arc::from([vec!["userInfo".to_owned()]]);
        activation
            .bind("object", object.root())
            .set("request", Binding::Partial { value: request.root().into(), unknown })
            .set("namespaceObject", Binding::Unknown("Namespace default".into()));
        activation
    }

    #[test]
    fn unknown_spreads() {
        let (object, request) =
            (object(), Document::from_json(r#"{"name": "x", "userInfo": {}}"#, Limits::default()).unwrap());
        let (user, namespace) = ("request.userInfo", "Namespace default");
        for (source, expected) in [
            ("request.name == 'x'", Ok(true)),
            ("request.userInfo.username == 'x'", Err(vec![user])),
            ("has(request.userInfo.uid)", Err(vec![user])),
            ("request == request", Err(vec![user])),
            ("false && request.userInfo.username == 'x'", Ok(false)),
            ("request.userInfo.username == 'x' && false", Ok(false)),
            ("request.userInfo.username == 'x' || true", Ok(true)),
            ("request.userInfo.username == 'x' || false", Err(vec![user])),
            ("request.userInfo.username == 'x' || object.nope", Err(vec![user])),
            ("object.nope || request.userInfo.username == 'x'", Err(vec![user])),
            ("object.nope == request.userInfo.username", Err(vec![user])),
            ("namespaceObject.metadata.name == request.userInfo.username", Err(vec![namespace, user])),
            (
                "namespaceObject.metadata.name == 'a' && request.userInfo.uid == ''",
                Err(vec![namespace, user]),
            ),
            ("request.userInfo.groups.all(g, g == '')", Err(vec![user])),
            ("object.spec.l.all(c, c.name == request.userInfo.username)", Err(vec![user])),
            ("object.spec.l.exists(c, c.name == 'b' || c.name == request.userInfo.username)", Ok(true)),
            ("request.userInfo.username == '' ? true : false", Err(vec![user])),
        ] {
            let program = Program::compile(source, &env()).unwrap();
            let activation = activation(&object, &request);
            let outcome = program.evaluate(&activation, &mut Variables::none(), &mut Budget::default());
            let got = match &outcome.result {
                Ok(value) => Ok(value.as_bool().unwrap()),
                Err(Failure::Unknown(unknown)) => Err(unknown.of.iter().map(|what| &**what).collect()),
                Err(Failure::Error(error)) => panic!("{source}: {error}"),
            };
            assert_eq!(got, expected, "{source}");
        }
    }

    #[test]
    fn a_failing_quantifier_points_at_the_element() {
        let object = object();
        for (source, expected) in [
            ("object.spec.l.all(c, c.name == 'a')", Some("spec.l[1]")),
            ("object.spec.l.all(c, c.name == 'b')", Some("spec.l[0]")),
            ("!object.spec.l.exists(c, c.name == 'a')", Some("spec.l[0]")),
            ("object.spec.l.all(i, c, c.name == 'b')", Some("spec.l[0]")),
            ("object.spec.l.all(c, c.ports.all(p, p < 81))", Some("spec.l[1].ports[1]")),
            ("!object.spec.l.exists(c, c.name == 'b')", Some("spec.l[1]")),
            ("object.spec.l.all(i, c, c.name == 'a')", Some("spec.l[1]")),
            ("object.spec.l[1].all(k, k != 'ports')", Some("spec.l[1].ports")),
            ("object.spec.l[1].all(k, v, k == 'name')", Some("spec.l[1].ports")),
            ("!object.spec.l[1].exists(k, k == 'name')", Some("spec.l[1].name")),
            ("object.spec.l.all(c, c.all(k, k != 'ports'))", Some("spec.l[0].ports")),
            ("{'a': 1}.all(k, k == 'b')", None),
            ("object.spec.l.all(c, has(c.name))", None),
            ("(object.spec.l.all(c, c.name == 'a') || true) && object.spec.n > 3", None),
            ("object.spec.n > 3", None),
        ] {
            let program = Program::compile(source, &env()).unwrap();
            let mut activation = Activation::new();
            activation.bind("object", object.root());
            let outcome = program.evaluate(&activation, &mut Variables::none(), &mut Budget::default());
            assert_eq!(outcome.culprit.map(|node| node.path()).as_deref(), expected, "{source}");
        }
    }

    #[test]
    fn variables_are_computed_once_and_paid_apart() {
        let object = object();
        let mut env = env();
        let mut composition = Composition::default();
        composition.add(&mut env, "names", "object.spec.l.map(c, c.name)").unwrap();
        composition.add(&mut env, "bad", "1 / (object.spec.n - 3) > 0").unwrap();
        let refused = composition.add(&mut env, "broken", "nope").unwrap_err();
        assert!(refused.to_string().starts_with("ERROR: <input>:1:1: undeclared reference to 'nope'"));
        let mut activation = Activation::new();
        activation.bind("object", object.root());
        let compile = |source: &str| {
            Program::plan(checker::compile(source, &env).unwrap(), &env, &composition).unwrap()
        };
        let (first, second) =
            (compile("variables.names == ['a', 'b']"), compile("variables.names.size() == 2"));
        let mut variables = Variables::new(&composition);
        let mut budget = Budget::new(1_000);
        let outcome = first.evaluate(&activation, &mut variables, &mut budget);
        assert_eq!((outcome.cost, outcome.variables_cost), (3, 32));
        let outcome = second.evaluate(&activation, &mut variables, &mut budget);
        assert_eq!((outcome.cost, outcome.variables_cost), (4, 0));
        assert_eq!(budget.left(), 1_000 - 39);
        assert_eq!(variables.computed().map(|(name, _)| name).collect::<Vec<_>>(), ["names"]);
        let bad = compile("variables.bad || variables.broken == 1");
        let failure = bad.evaluate(&activation, &mut variables, &mut budget).result.unwrap_err();
        assert_eq!(failure.to_string(), "composited variable \"bad\" fails to evaluate: division by zero");
    }

    #[test]
    fn explanations_show_the_parts() {
        let object = object();
        let program =
            Program::compile("object.spec.n < 3 || object.spec.l.all(c, c.name == 'a')", &env()).unwrap();
        let mut activation = Activation::new();
        activation.bind("object", object.root());
        let (outcome, trace) = program.explain(&activation, &mut Variables::none(), &mut Budget::default());
        assert_eq!(outcome.result.unwrap().as_bool(), Some(false));
        let parts: Vec<_> = trace
            .seen()
            .iter()
            .filter_map(|(id, seen)| match seen {
                Seen::Value(value) => Some((program.ast().text(*id), value.as_bool()?)),
                _ => None,
            })
            .collect();
        assert_eq!(
            parts,
            [
                ("object.spec.n < 3", false),
                ("c.name == 'a'", true),
                ("c.name == 'a'", false),
                ("object.spec.l.all(c, c.name == 'a')", false),
                ("object.spec.n < 3 || object.spec.l.all(c, c.name == 'a')", false),
            ]
        );
    }

    #[test]
    fn functions_come_from_outside() {
        struct Inventory(Document<'static>);
        impl<'d> Functions<'d> for &'d Inventory {
            fn call(&self, overload: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
                assert_eq!(overload, "resources_get");
                match arguments[3].as_str() {
                    Some("here") => Ok(self.0.root().into()),
                    Some("nowhere") => Ok(Value::Null),
                    name => Err(Unknown::one(format!("Service default/{}", name.unwrap_or_default())).into()),
                }
            }
            fn authorize(&self, _: &Question) -> Eval<Decision> {
                Err(Unknown::one("authorizer").into())
            }
        }
        let mut env = env();
        let params = [Type::String, Type::String, Type::String, Type::String];
        env.declare_function("resources.get", vec![Overload::global("resources_get", params, Type::Dyn)]);
        let inventory = Inventory(object());
        let inventory = &inventory;
        for (name, expected) in
            [("here", "spec.n"), ("nowhere", "null"), ("elsewhere", "Service default/elsewhere")]
        {
            let source =
                format!("resources.get('v1', 'Service', 'default', '{name}').?spec.?n.orValue(null)");
            let program = Program::compile(&source, &env).unwrap();
            let activation = Activation::with_functions(&inventory);
            let outcome = program.evaluate(&activation, &mut Variables::none(), &mut Budget::default());
            let got = match outcome.result {
                Ok(value) => value.node().map_or("null".to_owned(), |node| node.path()),
                Err(Failure::Unknown(unknown)) => unknown.of.join(","),
                Err(Failure::Error(error)) => error.to_string(),
            };
            assert_eq!(got, expected);
        }
    }

    /// A list literal of constants is folded; adding it to an accumulator costs no more room than adding an element does.
    #[test]
    fn many_constants_are_collected() {
        let program = Program::compile("lists.range(30000).map(i, 'xxxxxxxxxx').join(',').size()", &env());
        let program = program.unwrap();
        let activation = Activation::new();
        let outcome = program.evaluate(&activation, &mut Variables::none(), &mut Budget::default());
        assert_eq!(outcome.result.unwrap().as_int(), Some(329_999));
    }

    #[test]
    fn a_budget_runs_out() {
        let program = Program::compile("[1, 2, 3].all(x, x > 0)", &env()).unwrap();
        let mut budget = Budget::new(20);
        let activation = Activation::new();
        program.evaluate(&activation, &mut Variables::none(), &mut budget);
        assert!(!budget.is_exhausted());
        program.evaluate(&activation, &mut Variables::none(), &mut budget);
        assert!(budget.is_exhausted());
        let mut late = Budget::default().with_deadline(Instant::now());
        let endless =
            Program::compile("lists.range(1000).all(x, lists.range(100).all(y, y < x || true))", &env());
        let endless = endless.unwrap();
        let outcome = endless.evaluate(&activation, &mut Variables::none(), &mut late);
        assert_eq!(outcome.result.unwrap_err(), Failure::Error(EvalError::Deadline));
    }
}
