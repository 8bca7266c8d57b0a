//! The expressions of a policy, compiled as the API server compiles what is stored: one that does not compile is an error
//! where it is evaluated (k8s.io/apiserver `pkg/admission/plugin/cel`, `condition.go`, `activation.go`, `composition.go`).

use crate::cel::activation::Activation;
use crate::cel::checker::{self, ResultKind};
use crate::cel::declarations::{Env, EnvKind};
use crate::cel::profile::Profile;
use crate::cel::program::{Budget, CompileError, Composition, Failure, Program, Variables};
use crate::cel::value::Value;
use crate::document::NodeRef;

/// Cost units of all match conditions (`RuntimeCELCostBudgetMatchConditions`).
pub const CONDITIONS_BUDGET: u64 = 2_500_000;
/// Cost units of the validations for one binding and parameter (`RuntimeCELCostBudget`).
pub const VALIDATIONS_BUDGET: u64 = 10_000_000;
/// What is said when they were spent.
pub const OUT_OF_BUDGET: &str =
    "validation failed due to running out of cost budget, no further validation rules will be run";

/// What stands before the issues of what does not compile (`compile.go`).
const FAILED: &str = "compilation failed: ";

/// An expression as it was written, and what came of compiling it.
#[derive(Debug)]
pub struct Compiled {
    /// As written, with all its blanks.
    pub source: String,
    /// Why it does not compile, in the server's words.
    pub program: Result<Program, String>,
}

/// Compiles what stands in one policy: its expressions see its variables.
#[derive(Debug)]
pub struct Compiler {
    profile: Profile,
    params: bool,
    variables: Composition,
    /// Where variables are compiled, each seeing those before it.
    env: Env,
}

impl Compiler {
    /// `params`: whether the policy has a `paramKind`.
    #[must_use]
    pub fn new(profile: Profile, params: bool) -> Self {
        let env = environment(profile, params, EnvKind::Validation);
        Self { profile, params, variables: Composition::introducing(FAILED), env }
    }

    /// Compiles a variable and declares it; one that does not compile is an error where it is read.
    pub fn variable(&mut self, name: &str, source: &str) {
        // why it does not compile is kept with it
        let _ = self.variables.add(&mut self.env, name.to_owned(), source);
    }

    /// Compiles an expression that sees the variables so far. Match conditions see them too once they are stored.
    #[must_use]
    pub fn expression(&self, source: &str, kind: EnvKind, result: ResultKind) -> Compiled {
        let mut env = environment(self.profile, self.params, kind);
        self.variables.declare(&mut env);
        let program = self.compile(source, &env, result);
        Compiled { source: source.to_owned(), program }
    }

    fn compile(&self, source: &str, env: &Env, result: ResultKind) -> Result<Program, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{FAILED}{error}");
        let checked = checker::compile(source, env).map_err(|issues| failed(&issues))?;
        if let Some(wrong) = checked.wrong_result(result) {
            return Err(wrong);
        }
        Program::plan(checked, env, &self.variables).map_err(|error| match error {
            CompileError::Issues(issues) => failed(&issues),
            CompileError::Plan(error) => format!("program instantiation failed: {error}"),
        })
    }

    /// The variables.
    #[must_use]
    pub fn finish(self) -> Composition {
        self.variables
    }
}

fn environment(profile: Profile, params: bool, kind: EnvKind) -> Env {
    let mut env = Env::new(profile, kind);
    if params {
        env.declare_params();
    }
    env
}

/// What an expression came to.
#[derive(Debug, Clone)]
pub struct Evaluated<'d> {
    /// Its value, or why it has none.
    pub result: Result<Value<'d>, Fault>,
    /// The element at which it failed, where it is false.
    pub culprit: Option<NodeRef<'d>>,
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// In the server's words.
    Error(String),
    /// What would have to be known.
    Unknown(String),
}

/// The budget was spent: what came before counts no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfBudget;

/// Evaluates expressions one after the other, sharing variables and a budget: `ForInput`. Where there is none, nothing is
/// evaluated.
///
/// # Errors
/// When the budget was spent.
pub fn for_input<'d>(
    expressions: impl Iterator<Item = Option<&'d Compiled>>,
    variables: &'d Composition,
    activation: &Activation<'_, 'd>,
    budget: &mut Budget,
) -> Result<Vec<Option<Evaluated<'d>>>, OutOfBudget> {
    let mut variables = Variables::new(variables);
    expressions
        .map(|expression| {
            expression.map(|expression| evaluate(expression, &mut variables, activation, budget)).transpose()
        })
        .collect()
}

/// Evaluates one.
///
/// # Errors
/// When the budget was spent.
pub fn evaluate<'d>(
    expression: &'d Compiled,
    variables: &mut Variables<'d>,
    activation: &Activation<'_, 'd>,
    budget: &mut Budget,
) -> Result<Evaluated<'d>, OutOfBudget> {
    let program = match &expression.program {
        Ok(program) => program,
        Err(why) => {
            let result = Err(Fault::Error(format!("compilation error: {why}")));
            return Ok(Evaluated { result, culprit: None });
        }
    };
    let outcome = program.evaluate(activation, variables, budget);
    if budget.is_exhausted() {
        return Err(OutOfBudget);
    }
    let result = outcome.result.map_err(|failure| match failure {
        Failure::Error(error) => {
            Fault::Error(format!("expression '{}' resulted in error: {error}", expression.source))
        }
        Failure::Unknown(unknown) => Fault::Unknown(unknown.of.join(", ")),
    });
    Ok(Evaluated { result, culprit: outcome.culprit })
}
