//! Compiling the rules of each schema node against its type.

use kubernetes_cel::checker;
use kubernetes_cel::declarations::{Env, EnvKind};
use kubernetes_cel::profile::Profile;
use kubernetes_cel::program::{CompileError, Composition, Program};
use kubernetes_cel::types::Type;

use super::super::schema::{Schema, ValidationRule};
use super::super::types;
use super::{SchemaRules, field_path};
use document::few::GatherFew as _;

/// The name of the type of `self`: upstream takes one that differs from time to time.
const SELF: &str = "selfType";

/// A rule that can be run, or why not.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) rule: ValidationRule,
    /// `None` for a rule of blanks, which is never run.
    pub(crate) program: Result<Option<Program>, RuleError>,
    pub(crate) message: Result<Option<Program>, RuleError>,
    pub(crate) uses_old_self: bool,
    /// `fieldPath`, as it is added to the path of the value.
    pub(crate) field: Option<String>,
}

/// Why an expression does not compile, in the server's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RuleError(pub(crate) String);

impl std::fmt::Display for RuleError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

/// The environments of a scope's rules: by whether `oldSelf` is optional. `None` where expressions cannot see
/// the schema's values.
fn environments(schema: &Schema, is_resource: bool) -> Option<(Env, Env)> {
    let mut env = Env::new(Profile::V1_36, EnvKind::Schema);
    let ty = types::declare(schema, is_resource, SELF, &mut env)?;
    env.declare_variable("self", ty.clone());
    let mut optional = env.clone();
    env.declare_variable("oldSelf", ty.clone());
    optional.declare_variable("oldSelf", Type::optional(ty));
    Some((env, optional))
}

/// Compiles rules in the scope of a schema; `None` where expressions cannot see its values.
pub(crate) fn compile_scope(
    rules: &[ValidationRule],
    schema: &Schema,
    is_resource: bool,
) -> Option<Vec<Compiled>> {
    let (env, optional) = environments(schema, is_resource)?;
    Some(
        rules
            .iter()
            .map(|rule| compile(rule, schema, if rule.optional_old_self { &optional } else { &env }))
            .collect(),
    )
}

fn compile(rule: &ValidationRule, schema: &Schema, env: &Env) -> Compiled {
    let blank = rule.rule.trim().is_empty();
    let program = if blank { Ok(None) } else { program(&rule.rule, env, &Type::Bool, "").map(Some) };
    let message = if blank || program.is_err() || rule.message_expression.is_empty() {
        Ok(None)
    } else {
        program_of_message(rule, env)
    };
    let uses_old_self =
        matches!(&program, Ok(Some(program)) if program.reads().any(|name| name == "oldSelf"));
    let field = Some(rule.field_path.as_str())
        .filter(|path| !path.is_empty())
        .and_then(|path| field_path(path, schema).ok())
        .map(|(path, _)| path);
    Compiled { rule: rule.clone(), program, message, uses_old_self, field }
}

fn program_of_message(rule: &ValidationRule, env: &Env) -> Result<Option<Program>, RuleError> {
    program(&rule.message_expression, env, &Type::String, "messageExpression ").map(Some)
}

fn program(source: &str, env: &Env, wanted: &Type, what: &str) -> Result<Program, RuleError> {
    let checked = checker::compile(source, env)
        .map_err(|issues| RuleError(format!("{what}compilation failed: {issues}")))?;
    if checked.output_type() != wanted {
        let what = if what.is_empty() { "cel expression " } else { what };
        let article = if *wanted == Type::Bool { "a bool" } else { "a string" };
        return Err(RuleError(format!("{what}must evaluate to {article}")));
    }
    Program::plan(checked, env, &Composition::default()).map_err(|error| {
        let what = if what.is_empty() { "program " } else { what };
        let text = match error {
            CompileError::Issues(issues) => issues.to_string(),
            CompileError::Plan(error) => error.to_string(),
        };
        RuleError(format!("{what}instantiation failed: {text}"))
    })
}

/// The scope of a schema node: `rules` has the rules, `schema` the types. They differ within `allOf`.
/// Recursion goes as deep as the schema is nested.
pub(super) fn scope(rules: &Schema, schema: &Schema, is_resource: bool) -> Option<SchemaRules> {
    let seen = types::is_visible(schema);
    let written = &rules.constraints().rules;
    let own = if written.is_empty() { None } else { compile_scope(written, schema, is_resource) };
    let child = |rules: Option<&Schema>, schema: Option<&Schema>| {
        let (rules, schema) = rules.zip(schema)?;
        scope(rules, schema, schema.embedded).map(Box::new)
    };
    let properties = rules.properties.iter().filter_map(|(name, rules)| {
        let schema = schema.properties.get(name).filter(|property| types::is_visible(property))?;
        Some((name.to_owned(), scope(rules, schema, schema.embedded)?))
    });
    let scope = SchemaRules {
        unseen: !written.is_empty() && !seen,
        rules: own.unwrap_or_default(),
        items: child(rules.items.as_deref(), schema.items.as_deref()),
        properties: properties.gather(),
        additional: child(rules.additional_schema(), schema.additional_schema()),
        all_of: rules
            .constraints()
            .all_of
            .iter()
            .filter_map(|part| scope(part, schema, is_resource))
            .collect(),
    };
    let empty = scope.rules.is_empty()
        && !scope.unseen
        && scope.items.is_none()
        && scope.properties.is_empty()
        && scope.additional.is_none()
        && scope.all_of.is_empty();
    (!empty).then_some(scope)
}
