//! Semantic versions (k8s.io/apiserver `pkg/cel/library/semverlib.go`).

use super::{Row, global, library, member, text, wrong};
use crate::cost::CostRule::Text;
use crate::error::{Eval, EvalError};
use crate::library::semver::{Semver, SemverError};
use crate::types::Type::{self, Bool, Int, String};
use crate::value::{Opaque, Value, View};

pub(super) fn rows() -> Vec<Row> {
    let of = || Type::structure("kubernetes.Semver");
    vec![
        global("semver", "string_to_semver", [String], of(), |_, arguments| made(arguments))
            .cost_of_function(Text(1.0)),
        global("semver", "string_bool_to_semver", [String, Bool], of(), |_, arguments| made(arguments))
            .cost_of_function(Text(1.0)),
        global("isSemver", "is_semver_string", [String], Bool, |_, arguments| {
            Ok(Value::Bool(parsed(arguments)?.is_ok()))
        })
        .cost_of_function(Text(1.0)),
        global("isSemver", "is_semver_string_bool", [String, Bool], Bool, |_, arguments| {
            Ok(Value::Bool(parsed(arguments)?.is_ok()))
        })
        .cost_of_function(Text(1.0)),
        member("major", "semver_major", [of()], Int, |_, arguments| {
            Ok(Value::Int(semver(&arguments[0])?.major()))
        }),
        member("minor", "semver_minor", [of()], Int, |_, arguments| {
            Ok(Value::Int(semver(&arguments[0])?.minor()))
        }),
        member("patch", "semver_patch", [of()], Int, |_, arguments| {
            Ok(Value::Int(semver(&arguments[0])?.patch()))
        }),
        member("isGreaterThan", "semver_is_greater_than", [of(), of()], Bool, |_, arguments| {
            Ok(Value::Bool(semver(&arguments[0])?.compare(semver(&arguments[1])?).is_gt()))
        }),
        member("isLessThan", "semver_is_less_than", [of(), of()], Bool, |_, arguments| {
            Ok(Value::Bool(semver(&arguments[0])?.compare(semver(&arguments[1])?).is_lt()))
        }),
        member("compareTo", "semver_compare_to", [of(), of()], Int, |_, arguments| {
            Ok(Value::Int(semver(&arguments[0])?.compare(semver(&arguments[1])?) as i64))
        }),
    ]
}

/// The version that a text writes; the second argument asks for it to be put in order first (`v1.2` for `1.2.0`).
fn parsed(arguments: &[Value<'_>]) -> Eval<Result<Semver, SemverError>> {
    let normalize = match arguments.get(1) {
        Some(normalize) => normalize.as_bool().ok_or(EvalError::NoOverload)?,
        None => false,
    };
    Ok(Semver::parse_with(text(&arguments[0])?, normalize))
}

fn made<'d>(arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    Ok(Value::opaque(Opaque::Semver(library(parsed(arguments)?)?)))
}

fn semver<'v>(value: &'v Value<'_>) -> Eval<&'v Semver> {
    match value.view() {
        View::Opaque(Opaque::Semver(semver)) => Ok(semver),
        _ => wrong(),
    }
}
