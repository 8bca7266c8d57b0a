//! `spec.successPolicy` of a Job.

use super::indexes;
use crate::field::{At, Causes};
use crate::go_value::{Field, Shape};
use crate::meta::not_negative;

const MAX_RULES: usize = 20;
const MAX_INDEXES: usize = 64 * 1024;

pub(super) const SUCCESS_POLICY: Shape = Shape::Pointer(&[Field(
    "Rules",
    "rules",
    Shape::List(&[
        Field("SucceededIndexes", "succeededIndexes", Shape::Plain),
        Field("SucceededCount", "succeededCount", Shape::Plain),
    ]),
)]);

/// `validateSuccessPolicy`.
pub(super) fn success_policy(spec: At<'_>, causes: &mut Causes) {
    let policy = spec.field("successPolicy");
    if !policy.is_set() {
        return;
    }
    if spec.str_at("completionMode") != "Indexed" {
        let shown = SUCCESS_POLICY.value(policy);
        return causes.invalid_value(policy, shown, "requires indexed completion mode");
    }
    let rules = policy.field("rules");
    if rules.is_empty() {
        let detail = "at least one rules must be specified when the successPolicy is specified";
        causes.required(rules, detail);
    }
    if rules.len() > MAX_RULES {
        causes.too_many(rules, rules.len(), MAX_RULES);
    }
    // without completions upstream fails here altogether, and the answer is another error
    let Some(completions) = spec.opt_int_at("completions") else { return };
    for rule in rules.items() {
        check_rule(rule, completions, causes);
    }
}

fn check_rule(rule: At<'_>, completions: i64, causes: &mut Causes) {
    let indexes = rule.field("succeededIndexes");
    let count = rule.field("succeededCount");
    if !indexes.is_set() && !count.is_set() {
        causes.required(rule, "at least one of succeededCount or succeededIndexes must be specified");
    }
    let mut total = 0;
    if indexes.is_set() {
        if indexes.len() > MAX_INDEXES {
            causes.too_long(indexes, MAX_INDEXES);
        }
        match indexes::count(indexes.str(), completions) {
            Ok(number) => total = number,
            Err(error) => causes.invalid(indexes, &format!("error parsing succeededIndexes: {error}")),
        }
    }
    if !count.is_set() {
        return;
    }
    not_negative(count, causes);
    for (most, of_what, applies) in [
        (completions, "the number of specified completions", true),
        (total, "the number of indexes in the specified succeededIndexes field", indexes.is_set()),
    ] {
        if applies && count.int() > most {
            causes.invalid(count, &format!("must be less than or equal to {most} ({of_what})"));
        }
    }
}
