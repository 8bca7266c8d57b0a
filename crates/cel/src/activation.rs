//! What an evaluation is given: the values of variables, what is unknown, and functions from outside.

use std::borrow::Cow;
use std::sync::Arc;

use super::ast::Name;
use super::checker::OverloadId;
use super::error::{Eval, Unknown};
use super::library::authorizer::{Decision, Question};
use super::value::Value;

/// The functions and decisions that come from outside: a host, a table in a test.
pub trait Functions<'d>: Sync {
    /// A function that [`Env::declare_function`](super::declarations::Env::declare_function) declared. Its arguments fit
    /// the overload's parameters.
    ///
    /// # Errors
    /// An [`EvalError`](super::error::EvalError), or an [`Unknown`] where the answer cannot be known.
    fn call(&self, overload: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>>;

    /// Whether the authorizer allows it.
    ///
    /// # Errors
    /// An [`Unknown`] where that cannot be known. What goes wrong in the authorizer is part of the [`Decision`].
    fn authorize(&self, question: &Question) -> Eval<Decision>;
}

/// A variable's value, or what is known about it.
#[derive(Clone, Debug)]
pub enum Binding<'d> {
    /// Known.
    Value(Value<'d>),
    /// Nothing of it is known; the text says what it is.
    Unknown(Arc<str>),
    /// Known but for these paths below it (`request.userInfo`). The paths are without the variable's name.
    Partial {
        /// What is known.
        value: Value<'d>,
        /// The field names down to each unknown.
        unknown: Arc<[Vec<String>]>,
    },
}

/// The variables of an evaluation.
#[derive(Clone, Default)]
pub struct Activation<'a, 'd> {
    bindings: Vec<(Name, Binding<'d>)>,
    pub(super) functions: Option<&'a dyn Functions<'d>>,
}

impl<'a, 'd> Activation<'a, 'd> {
    /// No variables and no functions.
    #[must_use]
    pub fn new() -> Self {
        Self { bindings: Vec::new(), functions: None }
    }

    /// With functions from outside.
    #[must_use]
    pub fn with_functions(functions: &'a dyn Functions<'d>) -> Self {
        // as many as a policy has with its rule's `item`, `index`, `role` and `key`
        Self { bindings: Vec::with_capacity(14), functions: Some(functions) }
    }

    /// Says what is known of variables that nothing was said of yet.
    pub fn extend<const N: usize>(&mut self, bindings: [(&'static str, Binding<'d>); N]) -> &mut Self {
        self.bindings.extend(bindings.map(|(name, binding)| (Name::Borrowed(name), binding)));
        self
    }

    /// Gives a variable a value. A variable that has none is an error where it is read.
    pub fn bind(&mut self, name: impl Into<Name>, value: impl Into<Value<'d>>) -> &mut Self {
        self.set(name, Binding::Value(value.into()))
    }

    /// Says what is known of a variable; the latest binding of a name holds.
    pub fn set(&mut self, name: impl Into<Name>, binding: Binding<'d>) -> &mut Self {
        let name = name.into();
        match self.bindings.iter_mut().find(|(bound, _)| *bound == name) {
            Some((_, bound)) => *bound = binding,
            None => self.bindings.push((name, binding)),
        }
        self
    }

    /// Where the binding of a variable is, for [`Activation::rebind`].
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.bindings.iter().position(|(bound, _)| bound == name)
    }

    /// Gives the variable that is bound at a position another value; elsewhere nothing happens.
    pub fn rebind(&mut self, position: usize, value: impl Into<Value<'d>>) {
        if let Some((_, binding)) = self.bindings.get_mut(position) {
            *binding = Binding::Value(value.into());
        }
    }

    /// What is known of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Binding<'d>> {
        self.bindings.iter().find(|(bound, _)| bound == name).map(|(_, binding)| binding)
    }
}

impl<'d> From<document::NodeRef<'d>> for Value<'d> {
    fn from(node: document::NodeRef<'d>) -> Self {
        Value::Node(node)
    }
}

impl Binding<'_> {
    /// What of this attribute is unknown: a path is, and what lies below it, and what contains it.
    pub(super) fn unknown_at<'p>(
        &self,
        variable: &str,
        path: impl Iterator<Item = Option<&'p str>> + Clone,
    ) -> Option<Unknown> {
        match self {
            Self::Value(_) => None,
            Self::Unknown(what) => Some(Unknown::one(what.clone())),
            Self::Partial { unknown, .. } => unknown.iter().find_map(|pattern| {
                let fits = pattern
                    .iter()
                    .zip(path.clone())
                    .all(|(field, step)| step.is_none_or(|step| step == field));
                fits.then(|| {
                    Unknown::one(Cow::Owned::<str>(format!("{variable}.{}", pattern.join("."))).into_owned())
                })
            }),
        }
    }
}
