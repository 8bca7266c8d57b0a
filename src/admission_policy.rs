//! The policies that the Kubernetes API server evaluates itself, ValidatingAdmissionPolicy and MutatingAdmissionPolicy, as it
//! does: bug for bug, as of 1.36 (k8s.io/apiserver `pkg/admission/plugin/policy`).
//!
//! ```text
//! policy + bindings ─ read, compile ─▶ Hook
//! request ─▶ scope: does it match, as which version ─▶ params, for each binding ─▶ Input ─ validate ─▶ Decision…
//!            (kinds, convert)                          (host)                            └ mutate ──▶ values to apply
//! decisions ─ dispatch ─▶ Event… ─ answer ─▶ Answer { denied with code and reason, warnings, audit annotations }
//! ```
//!
//! What is not known – offline most of a cluster is – stays *unknown* on the whole way, and is an event of its own.

pub mod answer;
pub mod apply;
pub mod convert;
pub mod dispatch;
pub mod input;
pub mod kinds;
pub mod mutate;
pub mod params;
pub mod programs;
pub mod scope;
pub mod validate;
pub mod written;

use std::sync::Arc;

use crate::cel::program::Composition;
use crate::policy::FailurePolicy;

use crate::document::few::SortFew as _;
use params::{ParamKind, ParamRef};
use programs::Compiled;
use scope::MatchConstraints;

/// A policy, compiled.
#[derive(Debug)]
pub struct AdmissionPolicy {
    /// Its name.
    pub name: String,
    /// What becomes of errors.
    pub failure_policy: FailurePolicy,
    /// What objects it takes parameters from.
    pub param_kind: Option<ParamKind>,
    /// `matchConstraints`; `None` in a policy that nobody validated.
    pub scope: Option<MatchConstraints>,
    /// `matchConditions`
    pub conditions: Vec<Compiled>,
    /// `variables`
    pub variables: Composition,
    /// What it does.
    pub body: Body,
    /// For which of its variables documents are made of a request.
    pub reads: MadeFor,
}

impl AdmissionPolicy {
    /// Its expressions, without its variables.
    pub fn expressions(&self) -> impl Iterator<Item = &Compiled> {
        let (validations, annotations, mutations): (&[Validation], &[Annotation], &[Mutation]) =
            match &self.body {
                Body::Validating { validations, annotations } => (validations, annotations, &[]),
                Body::Mutating { mutations, .. } => (&[], &[], mutations),
            };
        let of_validations = validations
            .iter()
            .flat_map(|one| std::iter::once(&one.expression).chain(one.message_expression.as_ref()));
        let of_annotations = annotations.iter().map(|annotation| &annotation.value);
        let of_mutations = mutations.iter().map(|mutation| &mutation.expression);
        self.conditions.iter().chain(of_validations).chain(of_annotations).chain(of_mutations)
    }
}

/// For which of their variables policies need documents that are made of the request; told from the texts of their
/// expressions, and never too few.
#[derive(Debug, Clone, Copy, Default)]
pub struct MadeFor {
    /// `request`
    pub request: bool,
    /// `namespaceObject`
    pub namespace: bool,
}

impl MadeFor {
    /// Those of an expression.
    #[must_use]
    pub fn of(source: &str) -> Self {
        Self { request: source.contains("request"), namespace: source.contains("namespaceObject") }
    }

    /// Those of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { request: self.request || other.request, namespace: self.namespace || other.namespace }
    }
}

/// What a policy does.
#[derive(Debug)]
pub enum Body {
    /// Of a ValidatingAdmissionPolicy.
    Validating {
        /// `validations`
        validations: Vec<Validation>,
        /// `auditAnnotations`
        annotations: Vec<Annotation>,
    },
    /// Of a MutatingAdmissionPolicy.
    Mutating {
        /// `mutations`
        mutations: Vec<Mutation>,
        /// `reinvocationPolicy: IfNeeded`
        reinvoked: bool,
    },
}

/// One of `validations`.
#[derive(Debug)]
pub struct Validation {
    /// `expression`
    pub expression: Compiled,
    /// `message`, empty where there is none.
    pub message: String,
    /// `messageExpression`
    pub message_expression: Option<Compiled>,
    /// `reason`
    pub reason: Option<String>,
}

/// One of `auditAnnotations`.
#[derive(Debug)]
pub struct Annotation {
    /// `key`, without the policy's name.
    pub key: String,
    /// `valueExpression`
    pub value: Compiled,
}

/// One of `mutations`.
#[derive(Debug)]
pub struct Mutation {
    /// How its value is applied.
    pub patch: PatchType,
    /// What gives the value.
    pub expression: Compiled,
}

/// `patchType`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchType {
    /// The value is a list of operations.
    JsonPatch,
    /// The value is merged into the object.
    ApplyConfiguration,
}

/// A binding.
#[derive(Debug)]
pub struct Binding {
    /// Its name.
    pub name: String,
    /// `policyName`
    pub policy: String,
    /// `paramRef`
    pub param_ref: Option<ParamRef>,
    /// `matchResources`; `None`: what the policy matches.
    pub scope: Option<MatchConstraints>,
    /// `validationActions`, in their order; none in a binding of a MutatingAdmissionPolicy.
    pub actions: Vec<ValidationAction>,
}

/// One of `validationActions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValidationAction {
    /// The request is refused.
    Deny,
    /// Who asks is warned.
    Warn,
    /// The audit log says so.
    Audit,
}

impl ValidationAction {
    /// As written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deny => "Deny",
            Self::Warn => "Warn",
            Self::Audit => "Audit",
        }
    }
}

/// Bindings of both kinds of policies, which may have the same names.
#[derive(Debug, Clone, Default)]
pub struct Bindings {
    /// Of ValidatingAdmissionPolicies.
    pub validating: Vec<Arc<Binding>>,
    /// Of MutatingAdmissionPolicies.
    pub mutating: Vec<Arc<Binding>>,
}

impl Bindings {
    /// Those that a policy can have.
    #[must_use]
    pub fn of(&self, policy: &AdmissionPolicy) -> &[Arc<Binding>] {
        match policy.body {
            Body::Validating { .. } => &self.validating,
            Body::Mutating { .. } => &self.mutating,
        }
    }
}

/// A policy with its bindings: without one it is not asked.
#[derive(Debug, Clone)]
pub struct Hook {
    /// The policy.
    pub policy: Arc<AdmissionPolicy>,
    /// Its bindings, by name. The server takes them in any order.
    pub bindings: Vec<Arc<Binding>>,
}

impl Hook {
    /// Joins policies and bindings by name: those that have no counterpart do nothing.
    #[must_use]
    pub fn join(policies: Vec<Arc<AdmissionPolicy>>, mut bindings: Vec<Arc<Binding>>) -> Vec<Self> {
        bindings.sort_few_by(|a, b| a.name.cmp(&b.name));
        let of = |policy: &AdmissionPolicy| {
            bindings.iter().filter(|binding| binding.policy == policy.name).map(Arc::clone).collect()
        };
        let mut hooks: Vec<Self> =
            policies.into_iter().map(|policy| Self { bindings: of(&policy), policy }).collect();
        hooks.retain(|hook| !hook.bindings.is_empty());
        hooks.sort_few_by(|a, b| a.policy.name.cmp(&b.policy.name));
        hooks
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
