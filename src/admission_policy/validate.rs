//! One policy over one input: match conditions, validations, messages, audit annotations
//! (k8s.io/apiserver `pkg/admission/plugin/policy/validating/validator.go`).

use crate::cel::activation::Activation;
use crate::cel::program::Budget;
use crate::cel::value::View;
use crate::document::NodeRef;
use crate::policy::FailurePolicy;

use super::input::{ExpressionRole, Input};
use super::programs::{
    CONDITIONS_BUDGET, Compiled, Evaluated, Fault, OUT_OF_BUDGET, OutOfBudget, VALIDATIONS_BUDGET, for_input,
};
use super::{AdmissionPolicy, Annotation, Validation};

/// Longer messages that an expression gives are not used (`MaxEvaluatedMessageExpressionSizeBytes`).
const LONGEST_MESSAGE: usize = 5 * 1024;

/// What became of one validation.
#[derive(Debug, Clone)]
pub struct Decision<'d> {
    /// Which way.
    pub outcome: DecisionKind,
    /// What is said.
    pub message: String,
    /// The element of the object at which the validation failed.
    pub culprit: Option<NodeRef<'d>>,
}

/// Which way a validation was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecisionKind {
    /// It holds, or an error is ignored.
    Admit,
    /// It does not hold; the `reason` that the policy gives.
    Deny(Option<String>),
    /// It could not be evaluated, and that counts.
    Error,
    /// What it depends on is not known.
    Unknown,
}

/// What became of an audit annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It is written.
    Publish {
        /// Without the policy's name.
        key: String,
        /// Its value.
        value: String,
    },
    /// It could not be evaluated, and that counts.
    Error(String),
}

/// What a policy says of one input.
#[derive(Debug, Clone, Default)]
pub struct Validated<'d> {
    /// One for each validation, or one for all of them; none where a match condition is false.
    pub decisions: Vec<Decision<'d>>,
    /// The annotations that there are.
    pub notes: Vec<Note>,
}

/// Whether the match conditions hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conditions {
    /// All hold.
    Hold,
    /// One is false, or they could not be evaluated and that is ignored.
    No,
    /// They could not be evaluated.
    Failed(String),
    /// What would have to be known.
    Unknown(String),
}

/// `pkg/admission/plugin/webhook/matchconditions/matcher.go`: all are evaluated, and one that is false decides, unless the
/// budget runs out.
#[must_use]
pub fn conditions<'d>(
    policy: &'d AdmissionPolicy,
    input: &Input<'d>,
    params: Option<NodeRef<'d>>,
) -> Conditions {
    if policy.conditions.is_empty() {
        return Conditions::Hold;
    }
    let failed = |why: String| match policy.failure_policy {
        FailurePolicy::Fail => Conditions::Failed(why),
        FailurePolicy::Ignore => Conditions::No,
    };
    let activation = input.activation(ExpressionRole::Conditions, params);
    let expressions = policy.conditions.iter().map(Some);
    let mut budget = input.budget(CONDITIONS_BUDGET);
    let evaluated = match for_input(expressions, &policy.variables, &activation, &mut budget) {
        Ok(evaluated) => evaluated,
        Err(OutOfBudget) => return failed(OUT_OF_BUDGET.to_owned()),
    };
    let (mut errors, mut unknown) = (Vec::<String>::new(), None);
    for Evaluated { result, .. } in evaluated.into_iter().flatten() {
        match result {
            Ok(value) if value.as_bool() == Some(false) => return Conditions::No,
            Ok(_) => {}
            Err(Fault::Unknown(what)) => unknown = unknown.or(Some(what)),
            Err(Fault::Error(why)) if errors.contains(&why) => {}
            Err(Fault::Error(why)) => errors.push(why),
        }
    }
    match (unknown, errors.as_slice()) {
        // what is not known may be false, and that decides
        (Some(what), _) => Conditions::Unknown(what),
        (None, []) => Conditions::Hold,
        (None, [one]) => failed(one.clone()),
        (None, several) => failed(format!("[{}]", several.join(", "))),
    }
}

/// Evaluates a ValidatingAdmissionPolicy over one input and one parameter.
#[must_use]
pub fn validate<'d>(
    policy: &'d AdmissionPolicy,
    (validations, annotations): (&'d [Validation], &'d [Annotation]),
    input: &Input<'d>,
    params: Option<NodeRef<'d>>,
) -> Validated<'d> {
    let one = |decision| Validated { decisions: vec![decision], notes: Vec::new() };
    match conditions(policy, input, params) {
        Conditions::Hold => {}
        Conditions::No => return Validated::default(),
        Conditions::Failed(why) => return one(error(policy, why)),
        Conditions::Unknown(what) => return one(unknown(what)),
    }
    let activation = input.activation(ExpressionRole::Rules, params);
    let mut budget = input.budget(VALIDATIONS_BUDGET);
    let expressions = validations.iter().map(|validation| Some(&validation.expression));
    let Ok(evaluated) = for_input(expressions, &policy.variables, &activation, &mut budget) else {
        return one(error(policy, OUT_OF_BUDGET.to_owned()));
    };
    let words = input.activation(ExpressionRole::Words, params);
    let messages = validations.iter().map(|validation| validation.message_expression.as_ref());
    // what the validations left of the budget
    let messages = for_input(messages, &policy.variables, &words, &mut budget);
    let evaluated = evaluated.into_iter().flatten().enumerate();
    let decisions = evaluated.map(|(at, evaluated)| {
        let message = match &messages {
            Ok(messages) => Ok(messages.get(at).and_then(Option::as_ref)),
            Err(OutOfBudget) => Err(OutOfBudget),
        };
        decide(policy, &validations[at], evaluated, message)
    });
    let decisions = decisions.collect();
    match self::annotations(policy, annotations, &words, input.budget(VALIDATIONS_BUDGET)) {
        Ok(notes) => Validated { decisions, notes },
        Err(OutOfBudget) => one(error(policy, OUT_OF_BUDGET.to_owned())),
    }
}

fn error<'d>(policy: &AdmissionPolicy, message: String) -> Decision<'d> {
    let outcome = match policy.failure_policy {
        FailurePolicy::Fail => DecisionKind::Error,
        FailurePolicy::Ignore => DecisionKind::Admit,
    };
    Decision { outcome, message, culprit: None }
}

fn unknown<'d>(what: String) -> Decision<'d> {
    Decision { outcome: DecisionKind::Unknown, message: what, culprit: None }
}

fn decide<'d>(
    policy: &AdmissionPolicy,
    validation: &Validation,
    Evaluated { result, culprit }: Evaluated<'d>,
    message: Result<Option<&Evaluated<'d>>, OutOfBudget>,
) -> Decision<'d> {
    let value = match result {
        Ok(value) => value,
        Err(Fault::Error(why)) => return error(policy, why),
        Err(Fault::Unknown(what)) => return unknown(what),
    };
    let Ok(message) = message else {
        // even where the validation holds
        return error(policy, format!("failed messageExpression: {OUT_OF_BUDGET}"));
    };
    if value.as_bool() == Some(true) {
        return Decision { outcome: DecisionKind::Admit, message: String::new(), culprit: None };
    }
    let told = message.and_then(|message| usable(message));
    Decision {
        outcome: DecisionKind::Deny(validation.reason.clone()),
        message: told.unwrap_or_else(|| fixed_message(validation)),
        culprit,
    }
}

/// The message that an expression gives, where it is one line, not too long and not blank.
fn usable(message: &Evaluated<'_>) -> Option<String> {
    let value = message.result.as_ref().ok()?;
    let text = value.as_str()?.trim();
    (!text.is_empty() && text.len() <= LONGEST_MESSAGE && !text.contains('\n')).then(|| text.to_owned())
}

/// What is said where no expression gives a message.
#[must_use]
pub fn fixed_message(validation: &Validation) -> String {
    match validation.message.trim() {
        "" => format!("failed expression: {}", validation.expression.source.trim()),
        message => message.to_owned(),
    }
}

fn annotations<'d>(
    policy: &'d AdmissionPolicy,
    annotations: &'d [Annotation],
    activation: &Activation<'_, 'd>,
    mut budget: Budget,
) -> Result<Vec<Note>, OutOfBudget> {
    let expressions = annotations.iter().map(|annotation| Some(&annotation.value));
    let evaluated = for_input(expressions, &policy.variables, activation, &mut budget)?;
    let notes = annotations.iter().zip(evaluated.into_iter().flatten()).filter_map(|(annotation, value)| {
        let Annotation { key, value: Compiled { source, .. } } = annotation;
        match value.result {
            Err(Fault::Unknown(_)) => None,
            Err(Fault::Error(why)) => {
                (policy.failure_policy == FailurePolicy::Fail).then_some(Note::Error(why))
            }
            Ok(value) => match value.view() {
                View::Null => None,
                View::Str(text) if text.trim().is_empty() => None,
                View::Str(text) => Some(Note::Publish { key: key.clone(), value: text.trim().to_owned() }),
                other => Some(Note::Error(format!(
                    "valueExpression '{source}' resulted in unsupported return type: {}. \
                     Return type must be either string or null.",
                    other.type_name()
                ))),
            },
        }
    });
    Ok(notes.collect())
}
