//! Rules, resources, selectors and conditions: what a webhook or a policy is asked about
//! (pkg/apis/admissionregistration/validation).

use std::collections::{BTreeSet, HashSet};

use kubernetes_cel::checker::ResultKind;
use kubernetes_cel::declarations::EnvKind;

use super::expressions::Compiler;
use crate::field::{At, Causes};
use crate::go_value::named;
use crate::{names, selectors};

pub(super) const FAILURE_POLICIES: [&str; 2] = ["Fail", "Ignore"];
pub(super) const MATCH_POLICIES: [&str; 2] = ["Equivalent", "Exact"];
const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const MOST_CONDITIONS: usize = 64;

/// One of the values there are; `needed`: it may not be absent either.
pub(super) fn one_of(at: At<'_>, values: &[&str], needed: bool, causes: &mut Causes) {
    match at.opt_str() {
        None if needed => causes.required(at, ""),
        Some(value) if !values.contains(&value) => causes.not_supported(at, named(value), values),
        _ => {}
    }
}

/// `validateRuleWithOperations`
pub(super) fn rule(at: At<'_>, causes: &mut Causes) {
    let operations = at.field("operations");
    not_empty(operations, causes);
    alone(operations, "if '*' is present, must not specify other operations", causes);
    for operation in operations.items() {
        if !OPERATIONS.contains(&operation.str()) {
            causes.not_supported(operation, named(operation.str()), &OPERATIONS);
        }
    }
    let groups = at.field("apiGroups");
    not_empty(groups, causes);
    alone(groups, "if '*' is present, must not specify other API groups", causes);
    let versions = at.field("apiVersions");
    not_empty(versions, causes);
    alone(versions, "if '*' is present, must not specify other API versions", causes);
    for version in versions.items() {
        if version.str().is_empty() {
            causes.required(version, "");
        }
    }
    resources(at.field("resources"), causes);
    one_of(at.field("scope"), &["*", "Cluster", "Namespaced"], false, causes);
}

fn not_empty(at: At<'_>, causes: &mut Causes) {
    if at.is_empty() {
        causes.required(at, "");
    }
}

fn alone(at: At<'_>, detail: &str, causes: &mut Causes) {
    if at.len() > 1 && at.strings().any(|text| text == "*") {
        causes.invalid(at, detail);
    }
}

/// `validateResources`. Whether a resource without subresource stands beside `*` is decided by the last one that has no
/// slash, a slip of the server.
fn resources(at: At<'_>, causes: &mut Causes) {
    not_empty(at, causes);
    let (mut all_below, mut below_all) = (HashSet::new(), HashSet::new());
    let mut beside_star = false;
    for item in at.items() {
        let text = item.str();
        if text.is_empty() {
            causes.required(item, "");
            continue;
        }
        let Some((resource, below)) = text.split_once('/') else {
            beside_star = text != "*";
            continue;
        };
        if all_below.contains(resource) {
            causes.invalid(item, &format!("if '{resource}/*' is present, must not specify {text}"));
        }
        if below_all.contains(below) {
            causes.invalid(item, &format!("if '*/{below}' is present, must not specify {text}"));
        }
        if below == "*" {
            all_below.insert(resource);
        }
        if resource == "*" {
            below_all.insert(below);
        }
    }
    if at.len() > 1 && at.strings().any(|text| text == "*/*") {
        causes.invalid(at, "if '*/*' is present, must not specify other resources");
    }
    if beside_star && at.strings().any(|text| text == "*") {
        causes.invalid(at, "if '*' is present, must not specify other resources without subresources");
    }
}

/// `validateMatchResources`, of policies and bindings.
pub(super) fn match_resources(at: At<'_>, causes: &mut Causes) {
    if !at.is_set() {
        return;
    }
    one_of(at.field("matchPolicy"), &MATCH_POLICIES, true, causes);
    for field in ["namespaceSelector", "objectSelector"] {
        let selector = at.field(field);
        if selector.is_set() {
            selectors::labels(selector, false, causes);
        } else {
            causes.required(selector, "");
        }
    }
    for field in ["resourceRules", "excludeResourceRules"] {
        for item in at.items_at(field) {
            resource_names(item.field("resourceNames"), causes);
            rule(item, causes);
        }
    }
}

fn resource_names(at: At<'_>, causes: &mut Causes) {
    let mut seen = BTreeSet::new();
    for name in at.items() {
        for error in names::path_segment(name.str()) {
            causes.invalid(name, &error);
        }
        if !seen.insert(name.str()) {
            causes.duplicate(name, name.str());
        }
    }
}

/// `validateMatchConditions`. The expressions are compiled without the policy's variables.
pub(super) fn conditions(at: At<'_>, compiler: &Compiler, causes: &mut Causes) {
    if at.len() > MOST_CONDITIONS {
        causes.too_many(at, at.len(), MOST_CONDITIONS);
    }
    let mut seen = BTreeSet::new();
    for condition in at.items() {
        let (expression, name) = (condition.field("expression"), condition.field("name"));
        match go_trim(expression.str()) {
            "" => causes.required(expression, ""),
            source => {
                let stands = (EnvKind::MatchCondition, ResultKind::Bool);
                compiler.check(expression, stands, (source, source), causes);
            }
        }
        if name.str().is_empty() {
            causes.required(name, "");
            continue;
        }
        for error in names::qualified_name(name.str()) {
            causes.invalid(name, &error);
        }
        if !seen.insert(name.str()) {
            causes.duplicate(name, name.str());
        }
    }
}

/// `strings.TrimSpace`
pub(super) fn go_trim(text: &str) -> &str {
    text.trim_matches(|c: char| {
        matches!(c, '\t'..='\r' | ' ' | '\u{85}' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}')
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
    })
}
