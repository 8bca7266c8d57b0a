//! `spec.podFailurePolicy` of a Job.

use std::collections::HashSet;

use super::super::rules::typed;
use crate::field::{At, Causes, Value, go_quote};
use crate::names;

const MAX_RULES: usize = 20;
const MAX_EXIT_CODES: usize = 255;
const MAX_CONDITIONS: usize = 20;
const ACTIONS: [&str; 4] = ["Count", "FailIndex", "FailJob", "Ignore"];
const OPERATORS: [&str; 2] = ["In", "NotIn"];
const STATUSES: [&str; 3] = ["False", "True", "Unknown"];

/// `validatePodFailurePolicy`.
pub(super) fn failure_policy(spec: At<'_>, causes: &mut Causes) {
    let policy = spec.field("podFailurePolicy");
    if !policy.is_set() {
        return;
    }
    let rules = policy.field("rules");
    if rules.len() > MAX_RULES {
        causes.too_many(rules, rules.len(), MAX_RULES);
    }
    let pod = spec.fields("template.spec");
    let containers: HashSet<&str> = ["containers", "initContainers"]
        .into_iter()
        .flat_map(|list| pod.items_at(list))
        .map(|container| container.str_at("name"))
        .collect();
    let per_index = spec.has("backoffLimitPerIndex");
    for rule in rules.items() {
        check_rule(rule, per_index, &containers, causes);
    }
}

fn check_rule(rule: At<'_>, per_index: bool, containers: &HashSet<&str>, causes: &mut Causes) {
    let action = rule.field("action");
    if action.str() == "FailIndex" && !per_index {
        causes.invalid_value(action, typed(action), "requires the backoffLimitPerIndex to be set");
    }
    one_of(action, &ACTIONS, causes);
    let exit_codes = rule.field("onExitCodes");
    let conditions = rule.field("onPodConditions");
    if exit_codes.is_set() {
        on_exit_codes(exit_codes, containers, causes);
    }
    on_pod_conditions(conditions, causes);
    let detail = match (exit_codes.is_set(), conditions.is_empty()) {
        (true, false) => "specifying both OnExitCodes and OnPodConditions is not supported",
        (false, true) => "specifying one of OnExitCodes and OnPodConditions is required",
        _ => return,
    };
    causes.invalid_value(rule, Value::Omitted, detail);
}

/// One of the values; an empty one is missing, and the message lists them as Go's `%q` does.
fn one_of(at: At<'_>, values: &[&str], causes: &mut Causes) {
    if at.str().is_empty() {
        let quoted: Vec<String> = values.iter().map(|value| go_quote(value)).collect();
        causes.required(at, &format!("valid values: [{}]", quoted.join(" ")));
    } else if !values.contains(&at.str()) {
        causes.not_supported(at, typed(at), values);
    }
}

fn on_pod_conditions(conditions: At<'_>, causes: &mut Causes) {
    if conditions.len() > MAX_CONDITIONS {
        causes.too_many(conditions, conditions.len(), MAX_CONDITIONS);
    }
    for pattern in conditions.items() {
        let kind = pattern.field("type");
        causes.invalid_each(kind, kind.str(), names::qualified_name(kind.str()));
        one_of(pattern.field("status"), &STATUSES, causes);
    }
}

fn on_exit_codes(at: At<'_>, containers: &HashSet<&str>, causes: &mut Causes) {
    let operator = at.field("operator");
    one_of(operator, &OPERATORS, causes);
    let container = at.field("containerName");
    if container.opt_str().is_some_and(|name| !containers.contains(name)) {
        let detail = "must be one of the container or initContainer names in the pod template";
        causes.invalid(container, detail);
    }
    let values = at.field("values");
    if values.is_empty() {
        causes.invalid(values, "at least one value is required");
    } else if values.len() > MAX_EXIT_CODES {
        causes.too_many(values, values.len(), MAX_EXIT_CODES);
    }
    let mut seen = HashSet::new();
    let mut last = i64::MIN;
    let mut ordered = true;
    for value in values.items() {
        let code = value.int();
        if code == 0 && operator.str() == "In" {
            causes.invalid(value, "must not be 0 for the In operator");
        }
        if !seen.insert(code) {
            causes.duplicate(value, code);
        }
        ordered &= last <= code;
        last = code;
    }
    if !ordered {
        causes.invalid(values, "must be ordered");
    }
}
