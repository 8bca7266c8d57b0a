//! Compiled CEL as policies hold it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::environment::{declare_element, declared};
use crate::cel::ast::Ast;
use crate::cel::declarations::EnvKind;
use crate::cel::parser::parse;
use crate::cel::profile::Profile;
use crate::cel::program::{CompileError, Composition, LazyEnv, Program};
use crate::cel::types::Type;
use crate::finding::PolicyPlace;

/// An expression, ready to run.
#[derive(Debug)]
pub struct Expression {
    compiled: Compiled,
    /// Where it is written.
    pub place: Option<Arc<PolicyPlace>>,
}

#[derive(Debug)]
enum Compiled {
    /// When the policy was read.
    Now(Program),
    /// When it is run first.
    WhenRun(Arc<Text>, Arc<ExpressionEnv>),
}

/// A text that is known to compile.
#[derive(Debug)]
struct Text {
    source: Box<str>,
    program: OnceLock<Program>,
}

/// What the expressions of a policy may name that are compiled when they are run first.
#[derive(Debug)]
pub struct ExpressionEnv {
    /// Variables, types and functions.
    pub env: LazyEnv,
    /// The policy's own variables.
    pub variables: Arc<Composition>,
    /// The texts that were met: rules of a policy often go through the same elements.
    texts: Mutex<Vec<Arc<Text>>>,
}

impl ExpressionEnv {
    /// Expressions in this environment may read these variables.
    #[must_use]
    pub fn new(env: LazyEnv, variables: Arc<Composition>) -> Self {
        Self { env, variables, texts: Mutex::default() }
    }

    fn text(&self, source: &str) -> Arc<Text> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = texts.iter().find(|text| *text.source == *source) {
            return Arc::clone(known);
        }
        let text = Arc::new(Text { source: source.into(), program: OnceLock::new() });
        texts.push(Arc::clone(&text));
        text
    }
}

impl Expression {
    /// A compiled expression, and where it is written.
    #[must_use]
    pub fn new(program: Program, place: Option<Arc<PolicyPlace>>) -> Self {
        Self { compiled: Compiled::Now(program), place }
    }

    /// An expression that is compiled when it is run first, for few of a policy's are run over few objects. Its text is known to
    /// compile.
    #[must_use]
    pub fn when_run(source: &str, scope: &Arc<ExpressionEnv>, place: Option<Arc<PolicyPlace>>) -> Self {
        Self { compiled: Compiled::WhenRun(scope.text(source), Arc::clone(scope)), place }
    }

    /// What the text was compiled to, or is now.
    ///
    /// # Panics
    /// Never: what is compiled when it is run is known to compile.
    pub fn program(&self) -> &Program {
        match &self.compiled {
            Compiled::Now(program) => program,
            Compiled::WhenRun(text, scope) => text.program.get_or_init(|| {
                scope.variables.stored(&text.source).unwrap_or_else(|| {
                    let compiled = scope.variables.compile(&text.source, &scope.env);
                    compiled.expect("the tests compile the library")
                })
            }),
        }
    }

    /// The text of the expression.
    #[must_use]
    pub fn source(&self) -> &str {
        match &self.compiled {
            Compiled::Now(program) => program.source(),
            Compiled::WhenRun(text, _) => &text.source,
        }
    }
}

/// A message with expressions in it.
#[derive(Debug)]
pub struct Template {
    /// What its expressions may name.
    pub env: MessageEnv,
    /// Texts and expressions, in the order of the template.
    pub parts: Vec<Part>,
    /// Where it is written.
    pub place: Option<Arc<PolicyPlace>>,
}

/// What expressions of a message may name, beside the variables of their policy.
#[derive(Debug, Clone, Copy)]
pub struct MessageEnv {
    /// The CEL they are written in.
    pub profile: Profile,
    /// With or without `authorizer`.
    pub kind: EnvKind,
    /// Whether they are of a rule below `forEach`, with `item`, `index`, `key`, `role` and `container`.
    pub each: bool,
}

impl MessageEnv {
    /// Compiles an expression of a message, which may read the policy's variables, unless it is stored with them.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn compile(&self, source: &str, variables: &Composition) -> Result<Program, CompileError> {
        if let Some(stored) = variables.stored(source) {
            return Ok(stored);
        }
        let mut env = declared(self.profile, self.kind);
        variables.declare(&mut env);
        if self.each {
            declare_element(&mut env);
            env.declare_variable("container", Type::String);
        }
        variables.compile(source, &env)
    }
}

/// An expression of a message. Few objects are told one, so it is made ready to run when it is run first.
#[derive(Debug)]
pub struct Quoted {
    /// The text of the expression.
    pub source: Box<str>,
    program: OnceLock<Option<Box<Program>>>,
}

impl Quoted {
    /// Of this text, which is known to compile.
    #[must_use]
    pub fn new(source: &str) -> Self {
        Self { source: source.into(), program: OnceLock::new() }
    }

    /// What runs; `None` where it does not compile, in spite of what was known.
    pub fn program(&self, env: &MessageEnv, variables: &Composition) -> Option<&Program> {
        let made = self.program.get_or_init(|| env.compile(&self.source, variables).ok().map(Box::new));
        made.as_deref()
    }

    /// Its tree, to be told what it reads.
    #[must_use]
    pub fn ast(&self, env: &MessageEnv) -> Option<Ast> {
        parse(&self.source, env.profile).ok()
    }
}

impl Template {
    /// Those of its parts that are expressions.
    pub fn quoted(&self) -> impl Iterator<Item = &Quoted> {
        self.parts.iter().filter_map(|part| match part {
            Part::Expression(quoted) => Some(quoted),
            Part::Text(_) => None,
        })
    }

    /// The trees of its expressions; `None` where one is none.
    #[must_use]
    pub fn asts(&self) -> Option<Vec<Ast>> {
        self.quoted().map(|quoted| quoted.ast(&self.env)).collect()
    }

    /// The message with a name in the place of each expression: `<image>` for `item.image`.
    #[must_use]
    pub fn shown(&self) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Expression(quoted) => format!("<{}>", name_of(&quoted.source)),
        };
        self.parts.iter().map(part).collect()
    }
}

/// The last name of a path; of any other expression nothing that a reader could use.
fn name_of(source: &str) -> &str {
    let is_path = source.chars().all(|c| c.is_ascii_alphanumeric() || "._".contains(c));
    if is_path { source.rsplit('.').next().unwrap_or(source) } else { "…" }
}

/// A piece of a message.
#[derive(Debug)]
pub enum Part {
    /// As it stands.
    Text(String),
    /// What it gives.
    Expression(Quoted),
}

/// The overloads of our functions.
pub mod overload {
    /// `resources.get(apiVersion, kind, namespace, name)`
    pub const GET: &str = "plimsoll_resources_get";
    /// `resources.known(apiVersion, kind, namespace, name)`
    pub const KNOWN: &str = "plimsoll_resources_known";
    /// `resources.list(apiVersion, kind, namespace)`
    pub const LIST: &str = "plimsoll_resources_list";
    /// `resources.list(apiVersion, kind, namespace, selector)`
    pub const LIST_SELECTED: &str = "plimsoll_resources_list_selector";
    /// `image(string)`
    pub const IMAGE: &str = "plimsoll_image";
    /// `selector.matches(labelSelector, labels)`
    pub const SELECTOR: &str = "plimsoll_selector_matches";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_expressions() {
        for (source, expected) in
            [("item.image", "image"), ("role", "role"), ("variables.api.value().gone", "…"), ("a + b", "…")]
        {
            assert_eq!(name_of(source), expected);
        }
    }
}
