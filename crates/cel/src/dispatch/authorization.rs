//! Authorization checks, built step by step (k8s.io/apiserver `pkg/cel/library/authz.go`).

use super::{Context, Native, library, text};
use crate::checker::OverloadId;
use crate::error::{Eval, EvalError, Unknown};
use crate::library::authorizer::Subject;
use crate::value::{Authorization, Opaque, Value, View};

pub(super) fn native(overload: OverloadId) -> Option<Native> {
    Some(match overload {
        "authorizer_path" | "authorizer_group" | "authorizer_serviceaccount" => of_authorizer,
        "groupcheck_resource" => resource,
        "pathcheck_check" | "resourcecheck_check" => check,
        "resourcecheck_subresource"
        | "resourcecheck_namespace"
        | "resourcecheck_name"
        | "authorizer_fieldselector"
        | "authorizer_labelselector" => refine,
        "decision_allowed" | "decision_reason" | "decision_errored" | "decision_error" => of_decision,
        _ => return None,
    })
}

fn step<'v>(value: &'v Value<'_>) -> Eval<&'v Authorization> {
    match value.view() {
        View::Opaque(Opaque::Authorization(step)) => Ok(step),
        _ => wrong(),
    }
}

fn wrong<T>() -> Eval<T> {
    Err(EvalError::NoOverload.into())
}

fn made<'d>(step: Authorization) -> Value<'d> {
    Value::opaque(Opaque::Authorization(step))
}

fn of_authorizer<'d>(
    _: &mut Context<'_, '_, 'd>,
    overload: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let Authorization::Authorizer(subject) = step(&arguments[0])? else { return wrong() };
    let first = text(&arguments[1])?;
    Ok(made(match overload {
        "authorizer_path" => Authorization::Path(library(subject.path(first))?),
        "authorizer_group" => Authorization::Group(subject.group(first)),
        _ => Authorization::Authorizer(library(Subject::service_account(first, text(&arguments[2])?))?),
    }))
}

fn resource<'d>(_: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let Authorization::Group(group) = step(&arguments[0])? else { return wrong() };
    Ok(made(Authorization::Resource(Box::new(library(group.resource(text(&arguments[1])?))?))))
}

fn refine<'d>(_: &mut Context<'_, '_, 'd>, overload: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let Authorization::Resource(target) = step(&arguments[0])? else { return wrong() };
    let mut target = target.clone();
    let field = match overload {
        "resourcecheck_subresource" => &mut target.subresource,
        "resourcecheck_namespace" => &mut target.namespace,
        "resourcecheck_name" => &mut target.name,
        "authorizer_fieldselector" => &mut target.field_selector,
        _ => &mut target.label_selector,
    };
    *field = text(&arguments[1])?.to_owned();
    Ok(made(Authorization::Resource(target)))
}

fn check<'d>(context: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let verb = text(&arguments[1])?;
    let question = match step(&arguments[0])? {
        Authorization::Path(path) => path.question(verb),
        Authorization::Resource(target) => target.question(verb),
        _ => return wrong(),
    };
    match context.functions {
        Some(functions) => Ok(made(Authorization::Decision(functions.authorize(&question)?))),
        None => Err(Unknown::one("authorizer").into()),
    }
}

fn of_decision<'d>(
    _: &mut Context<'_, '_, 'd>,
    overload: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let Authorization::Decision(decision) = step(&arguments[0])? else { return wrong() };
    Ok(match overload {
        "decision_allowed" => Value::Bool(decision.allowed()),
        "decision_reason" => Value::string(&*decision.reason),
        "decision_errored" => Value::Bool(decision.error.is_some()),
        _ => Value::string(decision.error.as_deref().unwrap_or_default()),
    })
}
