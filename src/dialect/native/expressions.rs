//! Compiling the CEL of a policy: which names an expression may use, and where it is wrong.
//!
//! Everything that a ValidatingAdmissionPolicy has, under the same names, and what is ours: `podSpec`,
//! `podMetadata`, `allContainers`; `item`, `index`, `key` and `role` below `forEach`; the functions `resources.get`,
//! `resources.list`, `image` and `selector.matches`, which `evaluate` implements.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::parameters;
use crate::cel::ast::Name;
use crate::cel::declarations::{Env, EnvKind};
use crate::cel::profile::Profile;
use crate::cel::program::{CompileError, Composition, LazyEnv, Program};
use crate::cel::types::Type;
use crate::dialect::{Issue, Written};
use crate::document::NodeRef;
use crate::document::few::SortFew as _;
use crate::finding::PolicyText;
use crate::nearest::nearest;
use crate::policy::environment::{self, declared};
use crate::policy::expression::{Expression, ExpressionEnv, MessageEnv, Part, Quoted, Template};

/// What an expression must give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A boolean; a value of unknown type is looked at when it is there.
    Bool,
    /// A list or a map; likewise.
    Many,
    /// A value of any type.
    Any,
}

/// What expressions of a policy may name, while its variables are declared.
pub(super) struct Declarations {
    messages: MessageEnv,
    /// `None` where expressions wait until they are run.
    env: Option<Env>,
    variables: Composition,
    of_policy: OfPolicy,
}

/// The expressions of one policy share their environment and variables.
pub(super) struct Expressions {
    messages: MessageEnv,
    rule: Arc<ExpressionEnv>,
    /// Below `forEach`.
    each: Arc<ExpressionEnv>,
    of_policy: OfPolicy,
}

/// What is known of the policy that expressions are of.
struct OfPolicy {
    /// The names of its parameters.
    parameters: BTreeSet<String>,
    written: Written,
}

impl Declarations {
    pub(super) fn new(
        profile: Profile,
        with_authorizer: bool,
        parameters: impl IntoIterator<Item = String>,
        written: Written,
    ) -> Self {
        // messages have no authorizer in Kubernetes, and neither has a policy of one namespace
        let kind = if with_authorizer { EnvKind::Validation } else { EnvKind::Message };
        let messages = MessageEnv { profile, kind, each: false };
        let (env, variables) = match written.when_run {
            Some(stored) => {
                let env = LazyEnv::new(Box::new(move || declared(profile, kind)));
                (None, Composition::when_read(stored, env))
            }
            None => (Some(declared(profile, kind)), Composition::default()),
        };
        let of_policy = OfPolicy { parameters: parameters.into_iter().collect(), written };
        Self { messages, env, variables, of_policy }
    }

    /// Adds a variable; it can read the earlier ones.
    pub(super) fn add_variable(&mut self, name: &str, source: NodeRef<'_>) -> Result<(), Vec<Issue>> {
        let text = source.as_str().unwrap_or_default();
        let Some(env) = &mut self.env else {
            self.variables.add_unread(name, text);
            return Ok(());
        };
        self.variables
            .add(env, Name::Owned(name.to_owned()), text)
            .map_err(|error| issues(source, text, 0, &error))?;
        match self.variables.programs().last() {
            Some(program) => self.of_policy.declared(source, 0, program),
            None => Ok(()),
        }
    }

    pub(super) fn condition(&self, source: NodeRef<'_>) -> Result<Expression, Vec<Issue>> {
        let text = source.as_str().unwrap_or_default();
        let env = declared(self.messages.profile, EnvKind::MatchCondition);
        let program = Program::compile(text, &env).map_err(|e| issues(source, text, 0, &e))?;
        self.of_policy.declared(source, 0, &program)?;
        wanted(source, &program, Wanted::Bool)?;
        Ok(Expression::new(program, self.of_policy.written.place(source)))
    }

    /// After the last variable: what rules see, and those below `forEach`.
    pub(super) fn finish(self) -> Expressions {
        let Self { messages, env, variables, of_policy } = self;
        let variables = Arc::new(variables);
        let MessageEnv { profile, kind, each: _ } = messages;
        let scope = |env: Option<Env>, each: bool| {
            let env = LazyEnv::new(Box::new(move || {
                let mut env = env.unwrap_or_else(|| declared(profile, kind));
                if each {
                    environment::declare_element(&mut env);
                }
                env
            }));
            Arc::new(ExpressionEnv::new(env, Arc::clone(&variables)))
        };
        Expressions { messages, rule: scope(env.clone(), false), each: scope(env, true), of_policy }
    }
}

impl OfPolicy {
    /// Refuses `params.NAME` where the policy has no such parameter: it would be an error on every object.
    fn declared(&self, source: NodeRef<'_>, offset: u32, program: &Program) -> Result<(), Vec<Issue>> {
        if self.is_known_to_compile() {
            return Ok(());
        }
        let known = || self.parameters.iter().map(String::as_str);
        let ast = program.ast();
        let mut undeclared: Vec<Issue> = parameters::read(&ast)
            .filter(|(name, _)| !self.parameters.contains(*name))
            .map(|(name, range)| {
                let help = match nearest(name, known()) {
                    Some(nearest) => format!("did you mean `params.{nearest}`?"),
                    None => format!("declare it with its value: `parameters: {{{name}: …}}` in spec"),
                };
                let within = Some((range.start + offset, range.end + offset));
                let message = format!("the policy has no parameter `{name}`");
                Issue { within, ..Issue::new(source.id(), message).help(help) }
            })
            .collect();
        // a macro may use what it is given more than once
        undeclared.sort_few_by_key(|issue| issue.within);
        undeclared.dedup();
        if undeclared.is_empty() { Ok(()) } else { Err(undeclared) }
    }

    /// Whether a test has compiled what the policy says: it is of the library.
    fn is_known_to_compile(&self) -> bool {
        matches!(self.written.text, PolicyText::Embedded(_))
    }
}

impl Expressions {
    /// An expression of a rule; `each`: below its `forEach`.
    pub(super) fn expression(
        &self,
        source: NodeRef<'_>,
        each: bool,
        want: Wanted,
    ) -> Result<Expression, Vec<Issue>> {
        let text = source.as_str().unwrap_or_default();
        let (scope, place) =
            (if each { &self.each } else { &self.rule }, self.of_policy.written.place(source));
        if self.of_policy.written.when_run.is_some() {
            return Ok(Expression::when_run(text, scope, place));
        }
        let program = scope.variables.compile(text, &scope.env).map_err(|e| issues(source, text, 0, &e))?;
        self.of_policy.declared(source, 0, &program)?;
        wanted(source, &program, want)?;
        Ok(Expression::new(program, place))
    }

    /// A message: text with `{CEL}` in it; `{{` and `}}` are braces. Below `forEach` it can say `{container}`.
    pub(super) fn template(&self, source: NodeRef<'_>, each: bool) -> Result<Template, Vec<Issue>> {
        let text = source.as_str().unwrap_or_default();
        let env = MessageEnv { each, ..self.messages };
        let mut parts = Vec::new();
        for piece in pieces(text) {
            let piece = piece.map_err(|(message, help)| vec![Issue::new(source.id(), message).help(help)])?;
            parts.push(match piece {
                Piece::Text(text) => Part::Text(text),
                Piece::Expression(range) => {
                    let quoted = &text[range.clone()];
                    if !self.of_policy.is_known_to_compile() {
                        let program = env
                            .compile(quoted, &self.rule.variables)
                            .map_err(|error| issues(source, text, range.start, &error))?;
                        self.of_policy.declared(
                            source,
                            u32::try_from(range.start).unwrap_or(u32::MAX),
                            &program,
                        )?;
                    }
                    Part::Expression(Quoted::new(quoted))
                }
            });
        }
        Ok(Template { env, parts, place: self.of_policy.written.place(source) })
    }

    /// The variables, for evaluation.
    pub(super) fn variables(&self) -> &Arc<Composition> {
        &self.rule.variables
    }
}

/// A piece of a message.
enum Piece {
    /// As it stands, braces written once.
    Text(String),
    /// An expression, as bytes of the message.
    Expression(Range<usize>),
}

/// What is wrong with a brace of a message, and what to do about it.
type BraceFault = (&'static str, &'static str);

/// The pieces of a message, up to the first brace that is wrong.
fn pieces(text: &str) -> Vec<Result<Piece, BraceFault>> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'{' | b'}')) {
        literal.push_str(&rest[..at]);
        let (brace, after) = rest[at..].split_at(1);
        if let Some(after) = after.strip_prefix(brace) {
            literal.push_str(brace);
            rest = after;
            continue;
        }
        let end = (brace == "{").then(|| expression_end(after)).flatten();
        let Some(end) = end else {
            pieces.push(Err(if brace == "{" {
                ("`{` without `}` in the message", "a brace of the text is written twice: {{")
            } else {
                ("`}` without `{` in the message", "a brace of the text is written twice: }}")
            }));
            return pieces;
        };
        if !literal.is_empty() {
            pieces.push(Ok(Piece::Text(std::mem::take(&mut literal))));
        }
        let start = text.len() - after.len();
        pieces.push(Ok(Piece::Expression(start..start + end)));
        rest = &after[end + 1..];
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Ok(Piece::Text(literal)));
    }
    pieces
}

/// Where the expression that a message has opened ends: at the `}` that is in no string and closes no `{` of CEL.
fn expression_end(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth == 0 => return Some(at),
            (None, b'}') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}

fn wanted(source: NodeRef<'_>, program: &Program, want: Wanted) -> Result<(), Vec<Issue>> {
    let found = program.output_type();
    let fits = match want {
        Wanted::Any => true,
        Wanted::Bool => matches!(found, Type::Bool | Type::Dyn),
        Wanted::Many => matches!(found, Type::List(_) | Type::Map(_) | Type::Dyn),
    };
    if fits {
        return Ok(());
    }
    let want = if want == Wanted::Bool { "a boolean" } else { "a list or a map" };
    Err(vec![Issue::new(source.id(), format!("expected {want}, found {found}"))])
}

/// What CEL says of an expression that begins at `offset` of the node's text.
/// The variable that is nearest to one that is not declared.
fn meant_variable(message: &str) -> Option<&'static str> {
    const VARIABLES: [&str; 14] = [
        "object",
        "oldObject",
        "request",
        "params",
        "namespaceObject",
        "variables",
        "authorizer",
        "podSpec",
        "podMetadata",
        "allContainers",
        "item",
        "index",
        "resources",
        "selector",
    ];
    let name = message.strip_prefix("undeclared reference to '")?.split('\'').next()?;
    // `item` where there is none is not misspelt
    nearest(name, VARIABLES.into_iter()).filter(|meant| *meant != name)
}

fn issues(source: NodeRef<'_>, text: &str, offset: usize, error: &CompileError) -> Vec<Issue> {
    match error {
        CompileError::Issues(found) => found
            .iter()
            .map(|issue| {
                let at = issue.offset.map_or(0, |o| o as usize) + offset;
                let end = text[at.min(text.len())..].chars().next().map_or(at, |c| at + c.len_utf8());
                let within = u32::try_from(at).ok().zip(u32::try_from(end).ok());
                let message = issue.message.lines().next().unwrap_or_default().to_owned();
                let issue = Issue { within: issue.offset.and(within), ..Issue::new(source.id(), message) };
                match meant_variable(&issue.message) {
                    Some(meant) => issue.help(format!("did you mean `{meant}`?")),
                    None => issue,
                }
            })
            .collect(),
        CompileError::Plan(error) => vec![Issue::new(source.id(), error.to_string())],
    }
}
