//! Authorization checks, built step by step (k8s.io/apiserver `pkg/cel/library/authz.go`).

use super::{Row, library, member, text, wrong};
use crate::cost::CostRule::{Fixed, Selector};
use crate::dispatch::Context;
use crate::error::{Eval, Unknown};
use crate::library::authorizer::{Decision, ResourceCheck, Subject};
use crate::types::Type::{self, Bool, String};
use crate::value::{Authorization, Opaque, Value, View};

/// What asking the authorizer costs.
const CHECK: u64 = 350_000;

pub(super) fn rows() -> Vec<Row> {
    let named = |name: &str| Type::structure(&format!("kubernetes.authorization.{name}"));
    let (authorizer, path, group) = (|| named("Authorizer"), || named("PathCheck"), || named("GroupCheck"));
    let (resource, decision) = (|| named("ResourceCheck"), || named("Decision"));
    vec![
        member("path", "authorizer_path", [authorizer(), String], path(), |_, arguments| {
            let path = library(subject(arguments)?.path(text(&arguments[1])?))?;
            Ok(made(Authorization::Path(path)))
        })
        .cost_of_function(Fixed(1)),
        member("check", "pathcheck_check", [path(), String], decision(), check)
            .cost_of_function(Fixed(CHECK)),
        member("group", "authorizer_group", [authorizer(), String], group(), |_, arguments| {
            Ok(made(Authorization::Group(subject(arguments)?.group(text(&arguments[1])?))))
        })
        .cost_of_function(Fixed(1)),
        member(
            "serviceAccount",
            "authorizer_serviceaccount",
            [authorizer(), String, String],
            authorizer(),
            |_, arguments| {
                subject(arguments)?;
                let (namespace, name) = (text(&arguments[1])?, text(&arguments[2])?);
                Ok(made(Authorization::Authorizer(library(Subject::service_account(namespace, name))?)))
            },
        )
        .cost_of_function(Fixed(1)),
        member("resource", "groupcheck_resource", [group(), String], resource(), |_, arguments| {
            let Authorization::Group(group) = built(arguments)? else { return wrong() };
            Ok(made(Authorization::Resource(Box::new(library(group.resource(text(&arguments[1])?))?))))
        })
        .cost_of_function(Fixed(1)),
        member(
            "subresource",
            "resourcecheck_subresource",
            [resource(), String],
            resource(),
            |_, arguments| refined(arguments, |check| &mut check.subresource),
        )
        .cost_of_function(Fixed(1)),
        member("namespace", "resourcecheck_namespace", [resource(), String], resource(), |_, arguments| {
            refined(arguments, |check| &mut check.namespace)
        })
        .cost_of_function(Fixed(1)),
        member("name", "resourcecheck_name", [resource(), String], resource(), |_, arguments| {
            refined(arguments, |check| &mut check.name)
        })
        .cost_of_function(Fixed(1)),
        member(
            "fieldSelector",
            "authorizer_fieldselector",
            [resource(), String],
            resource(),
            |_, arguments| refined(arguments, |check| &mut check.field_selector),
        )
        .cost_of_function(Selector),
        member(
            "labelSelector",
            "authorizer_labelselector",
            [resource(), String],
            resource(),
            |_, arguments| refined(arguments, |check| &mut check.label_selector),
        )
        .cost_of_function(Selector),
        member("check", "resourcecheck_check", [resource(), String], decision(), check)
            .cost_of_function(Fixed(CHECK)),
        member("errored", "decision_errored", [decision()], Bool, |_, arguments| {
            Ok(Value::Bool(decided(arguments)?.error.is_some()))
        })
        .cost_of_function(Fixed(1)),
        member("error", "decision_error", [decision()], String, |_, arguments| {
            Ok(Value::string(decided(arguments)?.error.as_deref().unwrap_or_default()))
        })
        .cost_of_function(Fixed(1)),
        member("allowed", "decision_allowed", [decision()], Bool, |_, arguments| {
            Ok(Value::Bool(decided(arguments)?.allowed()))
        })
        .cost_of_function(Fixed(1)),
        member("reason", "decision_reason", [decision()], String, |_, arguments| {
            Ok(Value::string(&*decided(arguments)?.reason))
        })
        .cost_of_function(Fixed(1)),
    ]
}

/// What has been built so far: the receiver.
fn built<'v>(arguments: &'v [Value<'_>]) -> Eval<&'v Authorization> {
    match arguments[0].view() {
        View::Opaque(Opaque::Authorization(built)) => Ok(built),
        _ => wrong(),
    }
}

fn made<'d>(built: Authorization) -> Value<'d> {
    Value::opaque(Opaque::Authorization(built))
}

/// Whose rights are asked for.
fn subject<'v>(arguments: &'v [Value<'_>]) -> Eval<&'v Subject> {
    match built(arguments)? {
        Authorization::Authorizer(subject) => Ok(subject),
        _ => wrong(),
    }
}

/// The resource check with this field set to the argument.
fn refined<'d>(
    arguments: &[Value<'d>],
    field: fn(&mut ResourceCheck) -> &mut std::string::String,
) -> Eval<Value<'d>> {
    let Authorization::Resource(check) = built(arguments)? else { return wrong() };
    let mut check = check.clone();
    *field(&mut check) = text(&arguments[1])?.to_owned();
    Ok(made(Authorization::Resource(check)))
}

fn check<'d>(context: &mut Context<'_, '_, 'd>, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let verb = text(&arguments[1])?;
    let question = match built(arguments)? {
        Authorization::Path(path) => path.question(verb),
        Authorization::Resource(target) => target.question(verb),
        _ => return wrong(),
    };
    match context.functions {
        Some(functions) => Ok(made(Authorization::Decision(functions.authorize(&question)?))),
        None => Err(Unknown::one("authorizer").into()),
    }
}

fn decided<'v>(arguments: &'v [Value<'_>]) -> Eval<&'v Decision> {
    match built(arguments)? {
        Authorization::Decision(decision) => Ok(decision),
        _ => wrong(),
    }
}
