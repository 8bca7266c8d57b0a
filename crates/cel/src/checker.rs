//! Types every node of an expression, as cel-go's checker does.
//!
//! The walk keeps its own stack, for trees may be deeper than the thread's. [`unify`] decides what is assignable to what.

mod unify;
mod walk;

use std::sync::Arc;

use super::ast::{Ast, ExprId, Literal, Name};
use super::declarations::{Env, JSON_PATCH, OBJECT};
use super::issue::{Issue, Issues, Stage};
use super::parser::parse;
use super::profile::Profile;
use super::program::Composition;
use super::types::Type;
use super::validators;

/// Checks an expression and runs the validators of its literals.
///
/// # Errors
/// Every type error, or, if there are none, what the validators find.
pub fn check(ast: Ast, env: &Env) -> Result<Checked, Issues> {
    check_among(ast, env, None)
}

/// Variables that are compiled when they are needed, and how many of them there are for an expression: it may read those that
/// stand before it.
pub(super) type Known<'v> = Option<(&'v Composition, usize)>;

/// As [`check`], of an expression that may read variables whose types nobody knows yet.
pub(super) fn check_among(ast: Ast, env: &Env, known: Known<'_>) -> Result<Checked, Issues> {
    let ast = Arc::new(ast);
    let refused = |issues: Vec<Issue>| Issues::new(Stage::Check, Arc::clone(&ast.source), issues);
    let (types, references) = walk::walk(&ast, env, known).map_err(refused)?;
    let checked = Checked { ast: Arc::clone(&ast), types, references, profile: env.profile() };
    match validators::validate(&checked) {
        issues if issues.is_empty() => Ok(checked),
        issues => Err(refused(issues)),
    }
}

/// Parses and checks an expression.
///
/// # Errors
/// What the parser or the checker reports; [`Issues::stage`] says which.
pub fn compile(source: &str, env: &Env) -> Result<Checked, Issues> {
    check(parse(source, env.profile())?, env)
}

/// What an expression has to give where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultKind {
    /// Validations and match conditions.
    Bool,
    /// Message expressions.
    String,
    /// Audit annotations.
    StringOrNull,
    /// Apply configurations.
    Object,
    /// JSON patches.
    JsonPatches,
}

impl ResultKind {
    fn allowed(self) -> &'static [&'static str] {
        match self {
            Self::Bool => &["bool"],
            Self::String => &["string"],
            Self::StringOrNull => &["string", "null_type"],
            Self::Object => &["Object"],
            Self::JsonPatches => &["list(JSONPatch)"],
        }
    }

    fn allows(self, ty: &Type) -> bool {
        match self {
            Self::Bool => ty.is_exactly(&Type::Bool),
            Self::String => ty.is_exactly(&Type::String),
            Self::StringOrNull => ty.is_exactly(&Type::String) || *ty == Type::Null,
            Self::Object => matches!(ty, Type::Struct(name) if &**name == OBJECT),
            Self::JsonPatches => {
                matches!(ty, Type::List(element) if matches!(&**element, Type::Struct(name) if &**name == JSON_PATCH))
            }
        }
    }
}

/// Identifies one overload of a function; the text is Kubernetes' (`add_int64`, `string_to_quantity`).
pub type OverloadId = &'static str;

/// What a node of a checked expression refers to.
#[derive(Clone, Debug, PartialEq)]
pub enum Reference {
    /// Nothing: a literal, an aggregate, a field selection.
    None,
    /// A variable, type name or constant. A dotted variable (`authorizer.requestResource`) is one reference on the
    /// outermost select node; the nodes below it are not checked and carry [`Type::Error`].
    Ident {
        /// The resolved name, without a leading dot.
        name: Name,
        /// The value of a constant (`google.protobuf.NullValue.NULL_VALUE`).
        value: Option<Literal>,
    },
    /// A call: the overloads that fit the static types, in declared order; more than one when an argument is `dyn`.
    Overloads {
        /// The function's resolved name. A call with a namespace for a target (`optional.of(1)`) has the full name here,
        /// and its target is not to be evaluated.
        function: Name,
        /// The overloads' ids.
        overloads: Box<[OverloadId]>,
        /// The call's target is part of the name.
        namespaced: bool,
    },
}

/// A checked expression: the tree, and a type and reference per node.
#[derive(Clone, Debug)]
pub struct Checked {
    pub(super) ast: Arc<Ast>,
    pub(super) types: Vec<Type>,
    pub(super) references: Vec<Reference>,
    pub(super) profile: Profile,
}

impl Checked {
    /// The tree.
    #[must_use]
    pub fn ast(&self) -> &Arc<Ast> {
        &self.ast
    }

    /// The type of a node. Nodes that were not visited have [`Type::Error`].
    #[must_use]
    pub fn type_of(&self, id: ExprId) -> &Type {
        &self.types[id.index()]
    }

    /// What a node refers to.
    #[must_use]
    pub fn reference(&self, id: ExprId) -> &Reference {
        &self.references[id.index()]
    }

    /// The type of the whole expression.
    #[must_use]
    pub fn output_type(&self) -> &Type {
        self.type_of(self.ast.root())
    }

    /// Refuses an expression whose output type is not allowed where it stands. `dyn` is not allowed anywhere.
    ///
    /// # Errors
    /// One issue of [`Stage::Result`], which lists the types that are allowed.
    pub fn expect_result(&self, kind: ResultKind) -> Result<(), Issues> {
        let ty = self.output_type();
        if kind.allows(ty) {
            return Ok(());
        }
        let message = format!("must evaluate to one of [{}] but got {ty}", kind.allowed().join(" "));
        Err(Issues::new(Stage::Result, Arc::clone(&self.ast.source), vec![Issue { offset: None, message }]))
    }

    /// What the API server says of an expression in an admission policy whose output type is not allowed where it stands: as
    /// [`Checked::expect_result`], but for a type that is the only one (apiserver `pkg/admission/plugin/cel/compile.go`).
    #[must_use]
    pub fn wrong_result(&self, kind: ResultKind) -> Option<String> {
        let ty = self.output_type();
        let said = || match kind.allowed() {
            [only] => format!("must evaluate to {only} but got {ty}"),
            several => format!("must evaluate to one of [{}] but got {ty}", several.join(" ")),
        };
        (!kind.allows(ty)).then(said)
    }

    /// The CEL that was spoken.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
