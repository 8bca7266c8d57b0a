//! Why an expression gave no usable value, and what is made of a result.

use crate::cel::error::EvalError;
use crate::cel::program::Failure;
use crate::cel::value::Value;
use crate::finding::PolicyFault;
use crate::policy::expression::Expression;

/// Why an expression gave no usable value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// More would have to be known.
    Unknown(String),
    /// It failed.
    Failed(Box<PolicyFault>),
}

impl Stop {
    /// It failed, and that is all there is to say.
    pub(crate) fn failed(why: String) -> Self {
        Self::Failed(Box::new(why.into()))
    }

    /// The same, with the expression that failed.
    pub(crate) fn at(mut self, expression: &Expression) -> Self {
        if let Self::Failed(fault) = &mut self {
            fault.at = fault.at.take().or_else(|| expression.place.clone());
        }
        self
    }

    /// The same, with what was being evaluated.
    pub(crate) fn of(mut self, what: &str) -> Self {
        if let Self::Failed(fault) = &mut self {
            fault.why = format!("{what}: {}", fault.why);
        }
        self
    }
}

pub(crate) fn boolean(result: Result<Value<'_>, Failure>) -> Result<bool, Stop> {
    match result {
        Ok(value) => value
            .as_bool()
            .ok_or_else(|| Stop::failed(format!("expected a boolean, found {}", value.view().type_name()))),
        Err(failure) => Err(stop(failure)),
    }
}

pub(crate) fn stop(failure: Failure) -> Stop {
    match failure {
        Failure::Unknown(unknown) => Stop::Unknown(unknown.of.join(" and ")),
        Failure::Error(error) => {
            let help = help(&error);
            Stop::Failed(Box::new(PolicyFault { why: error.plain(), help, at: None }))
        }
    }
}

fn help(error: &EvalError) -> Option<&'static str> {
    match error {
        EvalError::Variable { cause, .. } => help(cause),
        EvalError::CostLimit => Some("`plimsoll cel eval` tells what an expression costs"),
        other => other.advice(),
    }
}
