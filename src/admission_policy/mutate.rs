//! What mutating policies would do to a request, up to the value of each mutation
//! (k8s.io/apiserver `pkg/admission/plugin/policy/mutating/dispatcher.go`, `generic/policy_dispatcher.go`).

use crate::cel::program::Variables;
use crate::cel::value::Value;
use crate::document::NodeRef;
use crate::request::{Operation, Request};

use super::dispatch::{Asked, Definition, is_excluded, matched, params_of};
use super::input::{ExpressionRole, Input, original};
use super::kinds::Named;
use super::params::Params;
use super::programs::{Fault, OUT_OF_BUDGET, VALIDATIONS_BUDGET, evaluate};
use super::{AdmissionPolicy, Binding, Body, Hook, Mutation};

/// One policy with one binding and one parameter, to be applied to the object as those before it left it.
#[derive(Debug)]
pub struct Invocation<'h, 'd> {
    /// The policy.
    pub policy: &'h AdmissionPolicy,
    /// The binding.
    pub binding: &'h Binding,
    /// What it sees as `request.resource`.
    pub resource: Named,
    /// The version in which it sees objects.
    pub kind: Named,
    /// The parameter; `None`: null.
    pub params: Option<NodeRef<'d>>,
}

/// A policy that cannot be applied; what becomes of that is for its `failurePolicy` to say.
#[derive(Debug)]
pub struct Misconfigured<'h> {
    /// The policy.
    pub policy: &'h AdmissionPolicy,
    /// The binding; `None`: the fault is the policy's.
    pub binding: Option<&'h Binding>,
    /// Why, in the server's words; or what would have to be known.
    pub why: Fault,
}

/// Whether mutating policies are asked at all.
#[must_use]
pub fn is_asked(request: &Request<'_>) -> bool {
    let (_, resource) = original(request);
    request.operation != Operation::Delete && !is_excluded(resource.group, resource.resource)
}

/// The invocations for a request, in the order of policies, bindings and parameters; and those that cannot be made. The
/// versions that they ask for are the caller's to make.
#[must_use]
pub fn invocations<'h, 'd>(
    hooks: &'h [Hook],
    asked: Asked<'d>,
) -> (Vec<Invocation<'h, 'd>>, Vec<Misconfigured<'h>>) {
    let (mut all, mut faults) = (Vec::new(), Vec::new());
    if !is_asked(asked.request) {
        return (all, faults);
    }
    for hook in hooks {
        let policy = &*hook.policy;
        let Body::Mutating { .. } = policy.body else { continue };
        let error = |why: &str| Fault::Error(format!("failed to configure policy: {why}"));
        let (resource, kind, scope) = match matched(policy, asked) {
            Definition::No => continue,
            Definition::Matches { resource, kind, param_scope } => (resource, kind, param_scope),
            Definition::Failed(why) => {
                faults.push(Misconfigured { policy, binding: None, why: error(&why) });
                continue;
            }
            Definition::Unknown(what) => {
                faults.push(Misconfigured { policy, binding: None, why: Fault::Unknown(what) });
                continue;
            }
        };
        for binding in hook.bindings.iter().map(|binding| &**binding) {
            let (resource, kind) = (resource.clone(), kind.clone());
            let fault = |why| Misconfigured { policy, binding: Some(binding), why };
            match params_of(policy, binding, scope, asked) {
                Params::Of(params) => all.extend(params.into_iter().map(|params| {
                    let (resource, kind) = (resource.clone(), kind.clone());
                    Invocation { policy, binding, resource, kind, params }
                })),
                Params::Failed(why) => {
                    faults.push(fault(Fault::Error(format!("failed to configure binding: {why}"))));
                }
                Params::Unknown(what) => faults.push(fault(Fault::Unknown(what))),
            }
        }
    }
    (all, faults)
}

/// The value of a mutation over an input: each is evaluated with variables and a budget of its own.
///
/// # Errors
/// Why it has none. One that does not compile is not called a `compilation error`, as a validation's is.
pub fn value<'d>(
    policy: &'d AdmissionPolicy,
    mutation: &'d Mutation,
    input: &Input<'d>,
    params: Option<NodeRef<'d>>,
) -> Result<Value<'d>, Fault> {
    if let Err(why) = &mutation.expression.program {
        return Err(Fault::Error(why.clone()));
    }
    let activation = input.activation(ExpressionRole::Rules, params);
    let mut variables = Variables::new(&policy.variables);
    let mut budget = input.budget(VALIDATIONS_BUDGET);
    match evaluate(&mutation.expression, &mut variables, &activation, &mut budget) {
        Ok(evaluated) => evaluated.result,
        Err(_) => Err(Fault::Error(OUT_OF_BUDGET.to_owned())),
    }
}
