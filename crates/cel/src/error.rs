//! Why an evaluation has no value.

use std::sync::Arc;

use super::value::TooDeep;

/// An error of evaluation. [`Display`](std::fmt::Display) is the text that Kubernetes shows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum EvalError {
    #[error("no such overload")]
    NoOverload,
    /// The function, or the function with the types of the arguments.
    #[error("no such overload: {0}")]
    NoOverloadOf(String),
    #[error("no such key: {0}")]
    NoKey(String),
    #[error("index out of bounds: {0}")]
    OutOfBounds(String),
    #[error("unsupported index type '{0}' in list")]
    IndexType(String),
    #[error("unsupported index value {0} in list")]
    IndexValue(String),
    #[error("invalid qualifier type: {0}")]
    QualifierType(&'static str),
    /// A declared variable without a value.
    #[error("no such attribute(s): {0}")]
    NoAttribute(String),
    #[error("got '{0}', expected iterable type")]
    NotIterable(&'static str),
    #[error("unsupported comprehension range type: {0}")]
    RangeType(&'static str),
    #[error("division by zero")]
    DivisionByZero,
    #[error("modulus by zero")]
    ModulusByZero,
    #[error("integer overflow")]
    IntOverflow,
    #[error("unsigned integer overflow")]
    UintOverflow,
    #[error("NaN values cannot be ordered")]
    NanOrder,
    #[error("optional.none() dereference")]
    NoneDereference,
    /// The text of a library function.
    #[error("{0}")]
    Library(String),
    /// Upstream panics here and turns that into an error.
    #[error("internal error: {0}")]
    Internal(String),
    #[error("composited variable \"{name}\" fails to evaluate: {cause}")]
    Variable { name: Arc<str>, cause: Box<EvalError> },
    /// What the server says of compiling it.
    #[error("composited variable \"{name}\" fails to compile: {text}")]
    VariableCompile { name: Arc<str>, text: Arc<str> },
    #[error(transparent)]
    TooDeep(#[from] TooDeep),
    /// Cost went beyond the limit, or a computed value beyond what this implementation is willing to hold.
    #[error("operation cancelled: actual cost limit exceeded")]
    CostLimit,
    #[error("operation interrupted")]
    Deadline,
    /// No thread could be started for an expression that nests very deeply.
    #[error("no resources to evaluate a deeply nested expression")]
    Resources,
}

impl EvalError {
    /// A library function's error.
    pub fn library(error: impl std::fmt::Display) -> Self {
        Self::Library(error.to_string())
    }

    /// The error for people, without the words of CEL's insides.
    #[must_use]
    pub fn plain(&self) -> String {
        match self {
            Self::NoOverload | Self::NoOverloadOf(_) => {
                "an operator or function is given a value of a type that it does not take".to_owned()
            }
            Self::OutOfBounds(index) => format!("the list has no item {index}"),
            Self::IndexType(found) => format!("the index of an item must be an int, found {found}"),
            Self::IndexValue(value) => format!("{value} cannot be the index of an item"),
            Self::QualifierType(_) => {
                "a field is read of a value that is neither an object nor a map".to_owned()
            }
            Self::NoAttribute(name) => format!("{name} has no value"),
            Self::NotIterable(_) | Self::RangeType(_) => {
                "expected a list or a map to go over, found something else".to_owned()
            }
            Self::NoneDereference => "`value()` of an optional that has none".to_owned(),
            Self::Variable { name, cause } => format!("variable {name}: {}", cause.plain()),
            Self::VariableCompile { name, .. } => format!("variable {name} does not compile"),
            Self::CostLimit => "the expression costs more than the API server allows for one".to_owned(),
            Self::Deadline => "no time was left".to_owned(),
            other => other.to_string(),
        }
    }

    /// What the author of the expression can do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::NoKey(_) => Some("ask first with has(…), or write .?field and .orValue(…)"),
            Self::OutOfBounds(_) => Some("ask for the size first, or write [?index] and .orValue(…)"),
            Self::NoneDereference => Some("write .orValue(…), or ask first with .hasValue()"),
            Self::NoOverload | Self::NoOverloadOf(_) | Self::QualifierType(_) | Self::NotIterable(_) => Some(
                "ask for the type first: type(x) == string; objects may hold what their kind does not allow",
            ),
            Self::Variable { cause, .. } => cause.advice(),
            Self::CostLimit => {
                Some("ask for less: fewer elements, or a shorter list first; a run tells what it cost")
            }
            _ => None,
        }
    }

    /// The evaluation ends here, no operator absorbs this: a limit was reached, or upstream panics.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.is_of_policy() || matches!(self, Self::CostLimit | Self::Internal(_))
    }

    /// It ends the expressions that read a variable, too: those are not the variable's own limits.
    pub(super) fn is_of_policy(&self) -> bool {
        matches!(self, Self::Deadline | Self::Resources)
    }
}

/// What could not be known.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Unknown {
    /// What was asked for, sorted: an attribute (`request.userInfo`) or a look-up.
    pub of: Vec<Arc<str>>,
}

impl Unknown {
    /// What is unknown of a value that is filled in later ([`NodeRef::is_unknown`](document::NodeRef::is_unknown)).
    pub const PLACEHOLDER: &'static str = "what a placeholder stands for";

    /// One unknown thing.
    #[must_use]
    pub fn one(what: impl Into<Arc<str>>) -> Self {
        Self { of: vec![what.into()] }
    }

    /// Whether nothing but placeholders would have to be known.
    #[must_use]
    pub fn is_placeholder(&self) -> bool {
        self.of.iter().all(|what| &**what == Self::PLACEHOLDER)
    }

    /// Both.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.of.extend(other.of);
        self.of.sort();
        self.of.dedup();
        self
    }
}

/// Why a sub-expression has no value. Small, because it is in every result of the evaluator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An error, absorbed by `||`, `&&` and the macros built on them.
    Error(Box<EvalError>),
    /// Not an error: more has to be known.
    Unknown(Box<Unknown>),
    /// A limit was reached, or upstream panics; nothing absorbs this.
    Cancelled(Box<EvalError>),
}

/// What the evaluator's functions give.
pub type Eval<T> = Result<T, Fault>;

impl From<EvalError> for Fault {
    fn from(error: EvalError) -> Self {
        let cancelled = error.is_cancelled();
        let error = Box::new(error);
        if cancelled { Self::Cancelled(error) } else { Self::Error(error) }
    }
}

impl From<TooDeep> for Fault {
    fn from(error: TooDeep) -> Self {
        EvalError::from(error).into()
    }
}

impl From<Unknown> for Fault {
    fn from(unknown: Unknown) -> Self {
        Self::Unknown(Box::new(unknown))
    }
}
