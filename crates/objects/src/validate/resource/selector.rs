//! Expressions that select devices (k8s.io/dynamic-resource-allocation/cel/compile.go). Their cost is not estimated.

use kubernetes_cel::checker;
use kubernetes_cel::declarations::{Env, EnvKind, Structure};
use kubernetes_cel::profile::Profile;
use kubernetes_cel::types::Type;

use super::{MOST, each};
use crate::field::{At, Causes};

/// `CELSelectorExpressionMaxLength`
const LONGEST: usize = 10 * 1024;
const DEVICE: &str = "kubernetes.DRADevice";

pub(super) fn all(selectors: At<'_>, causes: &mut Causes) {
    each(selectors, MOST, causes, |selector, causes| {
        let cel = selector.field("cel");
        if cel.is_set() {
            expression(cel.field("expression"), causes);
        } else {
            causes.required(cel, "");
        }
    });
}

fn environment() -> Env {
    let mut env = Env::new(Profile::V1_36, EnvKind::Schema);
    let by_domain = |value| Type::map(Type::String, Type::map(Type::String, value));
    let fields = [
        ("driver", Type::String),
        ("attributes", by_domain(Type::Dyn)),
        ("capacity", by_domain(Type::opaque("kubernetes.Quantity"))),
        ("allowMultipleAllocations", Type::Bool),
    ];
    env.declare_structure(DEVICE, Structure::new(fields));
    env.declare_variable("device", Type::structure(DEVICE));
    env
}

fn expression(at: At<'_>, causes: &mut Causes) {
    let source = at.str();
    if source.len() > LONGEST {
        return causes.too_long(at, LONGEST);
    }
    match checker::compile(source, &environment()) {
        Err(issues) => causes.invalid_value(at, source, &format!("compilation failed: {issues}")),
        Ok(checked) => {
            let result = checked.output_type();
            if !result.is_dyn() && *result != Type::Bool {
                let detail = format!("must evaluate to bool or the unknown type, not {result}");
                causes.invalid_value(at, source, &detail);
            }
        }
    }
}
