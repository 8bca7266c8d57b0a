//! Label selectors and node selectors (apimachinery pkg/apis/meta/v1/validation; pkg/apis/core/validation).

use crate::field::{At, Causes};
use crate::meta::{self, SelectorOptions};
use crate::names;

const NEED_VALUES: &str = "must be specified when `operator` is 'In' or 'NotIn'";
const NO_VALUES: &str = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
const NO_OPERATOR: &str = "not a valid selector operator";

/// `ValidateLabelSelector`. `lenient`: values that are no label values are let through, as in objects that have such
/// already.
pub(crate) fn labels(at: At<'_>, lenient: bool, causes: &mut Causes) {
    meta::label_selector(at, SelectorOptions { any_value: lenient, ..SelectorOptions::default() }, causes);
}

/// Whether a label selector has no fault: on UPDATE, rules are relaxed for what was stored with one. Go makes a
/// selector (`LabelSelectorAsSelector`) of just these.
pub(crate) fn labels_are_valid(at: At<'_>) -> bool {
    let mut causes = Causes::new();
    labels(at, false, &mut causes);
    causes.is_empty()
}

/// `ValidateNodeSelector`
pub(crate) fn nodes(at: At<'_>, lenient: bool, causes: &mut Causes) {
    let terms = at.field("nodeSelectorTerms");
    if terms.is_empty() {
        causes.required(terms, "must have at least one node selector term");
    }
    for term in terms.items() {
        node_term(term, lenient, causes);
    }
}

/// `ValidateNodeSelectorTerm`
pub(crate) fn node_term(term: At<'_>, lenient: bool, causes: &mut Causes) {
    for requirement in term.items_at("matchExpressions") {
        node_requirement(requirement, lenient, causes);
    }
    for requirement in term.items_at("matchFields") {
        node_field_requirement(requirement, causes);
    }
}

fn node_requirement(at: At<'_>, lenient: bool, causes: &mut Causes) {
    let values = at.field("values");
    match at.str_at("operator") {
        "In" | "NotIn" if values.is_empty() => causes.required(values, NEED_VALUES),
        "Exists" | "DoesNotExist" if !values.is_empty() => causes.forbidden(values, NO_VALUES),
        "Gt" | "Lt" if values.len() != 1 => {
            causes.required(values, "must be specified single value when `operator` is 'Lt' or 'Gt'");
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        _ => causes.invalid_value(at.field("operator"), at.str_at("operator"), NO_OPERATOR),
    }
    key_and_values(at, lenient, causes);
}

fn node_field_requirement(at: At<'_>, causes: &mut Causes) {
    let (key, values) = (at.field("key"), at.field("values"));
    match at.str_at("operator") {
        "In" | "NotIn" => {
            if values.len() != 1 {
                let detail =
                    "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
                causes.required(values, detail);
            }
        }
        _ => causes.invalid_value(at.field("operator"), at.str_at("operator"), NO_OPERATOR),
    }
    if key.str() != "metadata.name" {
        causes.invalid_value(key, key.str(), "not a valid field selector key");
        return;
    }
    for value in values.items() {
        for error in names::dns1123_subdomain(value.str()) {
            causes.invalid(value, &error);
        }
    }
}

fn key_and_values(at: At<'_>, lenient: bool, causes: &mut Causes) {
    let key = at.field("key");
    for error in names::qualified_name(key.str()) {
        causes.invalid_value(key, key.str(), &error);
    }
    if lenient {
        return;
    }
    for value in at.items_at("values") {
        for error in names::label_value(value.str()) {
            causes.invalid(value, &error);
        }
    }
}

/// `GetNodeLabelDeprecatedMessage` (pkg/api/node)
pub(crate) fn deprecated_node_label(key: &str) -> Option<&'static str> {
    Some(match key {
        "beta.kubernetes.io/arch" => "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
        "beta.kubernetes.io/os" => "deprecated since v1.14; use \"kubernetes.io/os\" instead",
        "failure-domain.beta.kubernetes.io/region" => {
            "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead"
        }
        "failure-domain.beta.kubernetes.io/zone" => {
            "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"
        }
        "beta.kubernetes.io/instance-type" => {
            "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"
        }
        "app.kubernetes.io/created-by" => "deprecated since v1.9",
        "scheduler.alpha.kubernetes.io/preferAvoidPods" => {
            "deprecated since v1.22; use Taints and Tolerations instead"
        }
        "node-role.kubernetes.io/master" => "use \"node-role.kubernetes.io/control-plane\" instead",
        _ => return None,
    })
}

/// `GetWarningsForNodeSelectorTerm`
pub(crate) fn term_warnings(term: At<'_>, warnings: &mut Vec<String>) {
    for requirement in term.items_at("matchExpressions") {
        let key = requirement.field("key");
        if let Some(message) = deprecated_node_label(key.str()) {
            warnings.push(format!("{key}: {} is {message}", key.str()));
        }
    }
}
