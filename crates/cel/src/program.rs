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
use std::sync::{Arc, LazyLock, OnceLock};
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
use super::parser::parse;
use super::plan::{Plan, VariableIndex};
use super::profile::Profile;
use super::stack;
use super::stored::StoredPrograms;
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
    source: Arc<str>,
    output_type: Type,
    profile: Profile,
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
        // the tree, and types and references of its nodes, are for the planner: what runs needs them no more
        let (output_type, profile) = (checked.output_type().clone(), checked.profile());
        Ok(Self { source: Arc::clone(checked.ast().source()), output_type, profile, plan })
    }

    /// What was compiled before.
    pub(super) fn of_plan(source: &str, output_type: Type, profile: Profile, plan: Plan) -> Self {
        Self { source: source.into(), output_type, profile, plan }
    }

    /// The type the checker found.
    #[must_use]
    pub fn output_type(&self) -> &Type {
        &self.output_type
    }

    /// The expression's text.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The tree, for positions and texts. It is not kept, as what runs needs none: each call parses the text again, with the
    /// same ids.
    ///
    /// # Panics
    /// Never: the text was parsed before.
    #[must_use]
    pub fn ast(&self) -> Ast {
        parse(&self.source, self.profile).expect("it was parsed when it was compiled")
    }

    /// The CEL it was compiled as.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
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
            profile: self.profile,
            locals: (0..plan.locals).map(|_| Local::Known(Ok(Value::Null))).collect(),
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
    /// Where variables wait until they are read.
    later: Option<Box<Later>>,
}

/// An environment that is made when something is compiled in it.
pub type LazyEnv = LazyLock<Env, Box<dyn FnOnce() -> Env + Send + Sync>>;

/// What variables are made of that wait until they are read.
#[derive(Debug)]
struct Later {
    stored: StoredPrograms,
    /// What they are compiled in that are not stored; they see the earlier ones besides.
    env: LazyEnv,
}

#[derive(Debug)]
struct Composed {
    name: Arc<str>,
    /// The text, where it is compiled when it is read first.
    source: Box<str>,
    program: OnceLock<Result<Program, Arc<str>>>,
}

impl Composition {
    /// Variables whose issues, where they are read and do not compile, are told after these words: the API server says
    /// `compilation failed: `, its library for CEL nothing.
    #[must_use]
    pub fn introducing(introduction: &'static str) -> Self {
        Self { introduction, ..Self::default() }
    }

    /// Variables that wait until they are read. Then they are what is stored of them, or are compiled in this environment: for
    /// texts that are known to compile.
    #[must_use]
    pub fn when_read(stored: StoredPrograms, env: LazyEnv) -> Self {
        Self { later: Some(Box::new(Later { stored, env })), ..Self::default() }
    }

    /// What an expression compiles to that may read the variables, where they wait and it is stored with them.
    #[must_use]
    pub fn stored(&self, source: &str) -> Option<Program> {
        self.later.as_ref()?.stored.program(source)
    }

    /// Adds a variable that is compiled when it is read first.
    pub fn add_unread(&mut self, name: &str, source: &str) {
        self.push(Name::Owned(name.to_owned()), source, OnceLock::new());
    }

    fn push(&mut self, name: Name, source: &str, program: OnceLock<Result<Program, Arc<str>>>) {
        let composed = Composed { name: Arc::from(&*name), source: source.into(), program };
        self.index.insert(name, self.variables.len() as u32);
        self.variables.push(composed);
    }

    /// Compiles an expression that may read the variables. Those that are compiled already have to be declared in the
    /// environment, as [`Composition::declare`] does.
    ///
    /// # Errors
    /// What the parser, the checker or the planner refuse.
    pub fn compile(&self, source: &str, env: &Env) -> Result<Program, CompileError> {
        self.compile_before(self.variables.len(), source, env)
    }

    /// Of an expression that may read the variables before this one.
    fn compile_before(&self, index: usize, source: &str, env: &Env) -> Result<Program, CompileError> {
        let known = self.later.as_ref().map(|_| (self, index));
        let checked = checker::check_among(parse(source, env.profile())?, env, known)?;
        Program::plan(checked, env, self)
    }

    /// The type of a variable that stands before some others, where it waits until it is read.
    pub(super) fn type_of(&self, name: &str, before: usize) -> Option<Type> {
        let index = *self.index.get(name)? as usize;
        let composed = self.variables.get(..before)?.get(index)?;
        Some(Env::policy_variable(self.made(index, composed).as_ref().ok().map(Program::output_type)))
    }

    /// What a variable was compiled to, or is now.
    fn made<'c>(&'c self, index: usize, composed: &'c Composed) -> &'c Result<Program, Arc<str>> {
        composed.program.get_or_init(|| match self.later.as_deref() {
            Some(Later { stored, env }) => match stored.program(&composed.source) {
                Some(program) => Ok(program),
                None => {
                    self.compile_before(index, &composed.source, env).map_err(|error| self.refusal(&error))
                }
            },
            None => Err(Arc::default()),
        })
    }

    fn all_made(&self) -> impl Iterator<Item = (&str, &Result<Program, Arc<str>>)> {
        let variables = self.variables.iter().enumerate();
        variables.map(|(index, composed)| (&*composed.name, self.made(index, composed)))
    }

    /// What is told where a variable is read that does not compile.
    fn refusal(&self, error: &CompileError) -> Arc<str> {
        Arc::from(match error {
            CompileError::Issues(issues) => format!("{}{issues}", self.introduction),
            CompileError::Plan(error) => format!("program instantiation failed: {error}"),
        })
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
            Err(error) => (Err(self.refusal(&error)), Err(error)),
        };
        self.push(name, "", OnceLock::from(program));
        refused
    }

    /// The variables that compiled, in order.
    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        self.all_made().filter_map(|(_, program)| program.as_ref().ok())
    }

    /// The variable of this number, if it compiled.
    pub(super) fn program(&self, index: u32) -> Option<&Program> {
        let composed = self.variables.get(index as usize)?;
        self.made(index as usize, composed).as_ref().ok()
    }

    /// The variables that compiled, with their names, in order.
    pub fn named(&self) -> impl Iterator<Item = (&str, &Program)> {
        self.all_made().filter_map(|(name, program)| Some((name, program.as_ref().ok()?)))
    }

    /// Declares the variables in another environment, of the expressions that read them. Those that wait until they are read
    /// need no declaration.
    pub fn declare(&self, env: &mut Env) {
        if self.later.is_some() {
            return;
        }
        for (name, program) in self.all_made() {
            let name = Name::Owned(name.to_owned());
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

/// So many values that nobody has computed. `vec![None; count]` would clone each.
fn none_of<'d>(count: usize) -> Vec<Option<Eval<Value<'d>>>> {
    (0..count).map(|_| None).collect()
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
        let values = none_of(composition.variables.len());
        Self { composition: Some(composition), values, ..Self::default() }
    }

    /// The same variables, none computed yet.
    #[must_use]
    pub fn afresh(&self) -> Self {
        let values = none_of(self.values.len());
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
        let found = self.variables.composition.and_then(|all| Some((all, all.variables.get(index)?)));
        let Some((all, composed)) = found else {
            return Err(EvalError::NoAttribute("variables".to_owned()).into());
        };
        let name = &composed.name;
        let program = match all.made(index, composed) {
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
mod tests;
