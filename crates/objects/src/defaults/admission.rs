//! admissionregistration defaults.go of all versions.

use crate::tree::{Id, Tree, Value};

pub(super) fn defaults(tree: &mut Tree<'_>, id: Id, group: &str, kind: &str) {
    if !group.starts_with("admissionregistration/") {
        return;
    }
    match kind {
        "ValidatingWebhook" | "MutatingWebhook" => {
            let beta = group.ends_with("v1beta1");
            tree.default_absent(id, "failurePolicy", Value::text(if beta { "Ignore" } else { "Fail" }));
            matching(tree, id);
            tree.default_absent(id, "timeoutSeconds", Value::Int(if beta { 30 } else { 10 }));
            if kind == "MutatingWebhook" {
                tree.default_absent(id, "reinvocationPolicy", Value::text("Never"));
            }
        }
        // the second embeds the first in Go
        "Rule" | "RuleWithOperations" | "NamedRuleWithOperations" => {
            tree.default_absent(id, "scope", Value::text("*"));
        }
        "ServiceReference" => tree.default_absent(id, "port", Value::Int(443)),
        "ValidatingAdmissionPolicySpec" | "MutatingAdmissionPolicySpec" => {
            tree.default_absent(id, "failurePolicy", Value::text("Fail"));
        }
        "MatchResources" => matching(tree, id),
        "ParamRef" if group.ends_with("v1alpha1") => {
            tree.default_absent(id, "parameterNotFoundAction", Value::text("Deny"));
        }
        _ => {}
    }
}

fn matching(tree: &mut Tree<'_>, id: Id) {
    tree.default_absent(id, "matchPolicy", Value::text("Equivalent"));
    tree.default_absent(id, "namespaceSelector", Value::Object);
    tree.default_absent(id, "objectSelector", Value::Object);
}
