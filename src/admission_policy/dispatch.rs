//! All policies over one request (k8s.io/apiserver `pkg/admission/plugin/policy/validating/dispatcher.go`).

use std::time::Instant;

use crate::api;
use crate::cel::program::Budget;
use crate::document::{Document, NodeId};
use crate::host::{Host, Lookup};
use crate::policy::FailurePolicy;
use crate::request::Request;

use super::convert::{self, Unconverted};
use super::input::{Authorizer, Input, Made, Objects, original};
use super::kinds::{Kinds, Named};
use super::params::{self, Params};
use super::scope::Matched;
use super::validate::{DecisionKind, Note, Validated, validate};
use super::{AdmissionPolicy, Binding, Body, Hook, ValidationAction};

/// A request, and what is known beside it.
#[derive(Clone, Copy)]
pub struct Asked<'d> {
    /// The request: objects in the version in which they were sent.
    pub request: &'d Request<'d>,
    /// What is served.
    pub kinds: &'d Kinds,
    /// Other objects.
    pub host: &'d dyn Host,
    /// When to stop.
    pub deadline: Option<Instant>,
}

/// Something that a policy says of a request, in the order in which the server finds it.
#[derive(Debug, Clone)]
pub struct Event<'h> {
    /// The policy.
    pub policy: &'h AdmissionPolicy,
    /// The binding; `None`: the fault is the policy's.
    pub binding: Option<&'h Binding>,
    /// What.
    pub what: What,
}

/// What is said.
#[derive(Debug, Clone)]
pub enum What {
    /// A validation does not hold, or could not be evaluated: the binding's actions follow.
    Fails {
        /// Its number; 0 where it speaks for all.
        validation: usize,
        /// Whether it could not be evaluated.
        error: bool,
        /// What is said.
        message: String,
        /// What the policy gives, where it is no error.
        reason: Option<String>,
        /// The node of the request's object at which it fails.
        culprit: Option<NodeId>,
    },
    /// The request is refused, whatever the binding's actions are: the policy or binding cannot be applied, or an audit
    /// annotation cannot be made.
    Refuses(String),
    /// An audit annotation.
    Annotates {
        /// Without the policy's name.
        key: String,
        /// Its value.
        value: String,
    },
    /// It cannot be told; what would have to be known.
    Unknown {
        /// The validation, where it is one.
        validation: Option<usize>,
        /// What would have to be known.
        what: String,
    },
}

/// Kinds that no policy sees (`generic/plugin.go`; kubernetes `pkg/kubeapiserver/admission/exclusion`).
#[must_use]
pub fn is_excluded(group: &str, resource: &str) -> bool {
    match group {
        "admissionregistration.k8s.io" => matches!(
            resource,
            "validatingadmissionpolicies"
                | "validatingadmissionpolicybindings"
                | "mutatingadmissionpolicies"
                | "mutatingadmissionpolicybindings"
        ),
        "authentication.k8s.io" => matches!(resource, "selfsubjectreviews" | "tokenreviews"),
        "authorization.k8s.io" => matches!(
            resource,
            "localsubjectaccessreviews"
                | "selfsubjectaccessreviews"
                | "selfsubjectrulesreviews"
                | "subjectaccessreviews"
        ),
        _ => false,
    }
}

/// What the validating policies among these say of a request.
#[must_use]
pub fn dispatch<'h>(hooks: &'h [Hook], asked: Asked<'_>) -> Vec<Event<'h>> {
    let (_, resource) = original(asked.request);
    if is_excluded(resource.group, resource.resource) {
        return Vec::new();
    }
    hooks.iter().flat_map(|hook| of_hook(hook, asked)).collect()
}

/// What one policy says of a request.
#[must_use]
pub fn of_hook<'h>(hook: &'h Hook, asked: Asked<'_>) -> Vec<Event<'h>> {
    let policy = &*hook.policy;
    let mut events = Vec::new();
    let mut say = |binding: Option<&'h Binding>, what: What| events.push(Event { policy, binding, what });
    let Body::Validating { .. } = &policy.body else { return events };
    let (resource, kind, param_scope) = match matched(policy, asked) {
        Definition::Matches { resource, kind, param_scope } => (resource, kind, param_scope),
        Definition::No => return events,
        Definition::Failed(why) => {
            if policy.failure_policy == FailurePolicy::Fail {
                say(None, What::Refuses(format!("failed to configure policy: {why}")));
            }
            return events;
        }
        Definition::Unknown(what) => {
            say(None, What::Unknown { validation: None, what });
            return events;
        }
    };
    for binding in &hook.bindings {
        for what in of_binding(policy, binding, (&resource, &kind), param_scope, asked) {
            say(Some(binding), what);
        }
    }
    events
}

/// Whether a policy is about a request, and as what.
#[derive(Debug)]
pub enum Definition {
    /// It is not.
    No,
    /// It is.
    Matches {
        /// `request.resource`
        resource: Named,
        /// The version in which it sees objects.
        kind: Named,
        /// Where its parameters live, where it has some.
        param_scope: Option<api::Scope>,
    },
    /// It is, and cannot be evaluated.
    Failed(String),
    /// What would have to be known.
    Unknown(String),
}

/// Whether a policy is about a request (`generic/policy_matcher.go`). Match conditions are evaluated for each binding.
#[must_use]
pub fn matched(policy: &AdmissionPolicy, asked: Asked<'_>) -> Definition {
    let Some(scope) = &policy.scope else {
        return Definition::Failed("policy contained no match constraints, a required field".to_owned());
    };
    let (resource, kind) = match scope.matches(asked.request, asked.kinds, asked.host) {
        Matched::No => return Definition::No,
        Matched::Failed(why) => return Definition::Failed(why),
        Matched::Unknown(what) => return Definition::Unknown(what),
        Matched::As { resource, kind } => (resource, kind),
    };
    match policy.param_kind.as_ref().map(|kind| kind.scope(asked.kinds)) {
        None => Definition::Matches { resource, kind, param_scope: None },
        Some(Lookup::Known(scope)) => Definition::Matches { resource, kind, param_scope: Some(scope) },
        Some(Lookup::Absent) => Definition::No,
        Some(Lookup::Failed(why)) => Definition::Failed(why),
        Some(Lookup::Unknown(what)) => Definition::Unknown(what),
    }
}

/// The parameters of a binding, or that it does not match.
#[must_use]
pub fn params_of<'d>(
    policy: &AdmissionPolicy,
    binding: &Binding,
    param_scope: Option<api::Scope>,
    asked: Asked<'d>,
) -> Params<'d> {
    match binding.scope.as_ref().map(|scope| scope.matches(asked.request, asked.kinds, asked.host)) {
        None | Some(Matched::As { .. }) => {}
        Some(Matched::No) => return Params::Of(Vec::new()),
        Some(Matched::Failed(why)) => return Params::Failed(why),
        Some(Matched::Unknown(what)) => return Params::Unknown(what),
    }
    let kind = policy.param_kind.as_ref().zip(param_scope);
    let namespace = asked.request.namespace_name().unwrap_or_default();
    params::collect(kind, binding.param_ref.as_ref(), namespace, asked.host)
}

fn of_binding(
    policy: &AdmissionPolicy,
    binding: &Binding,
    (resource, kind): (&Named, &Named),
    param_scope: Option<api::Scope>,
    asked: Asked<'_>,
) -> Vec<What> {
    let Body::Validating { validations, annotations } = &policy.body else { return Vec::new() };
    let misconfigured = |why: String| match policy.failure_policy {
        FailurePolicy::Fail => vec![What::Refuses(format!("failed to configure binding: {why}"))],
        FailurePolicy::Ignore => Vec::new(),
    };
    let unknown = |what: String| vec![What::Unknown { validation: None, what }];
    let params = match params_of(policy, binding, param_scope, asked) {
        Params::Of(params) if params.is_empty() => return Vec::new(),
        Params::Of(params) => params,
        Params::Failed(why) => return misconfigured(why),
        Params::Unknown(what) => return unknown(what),
    };
    let versioned = match Versioned::new(asked, kind) {
        Ok(versioned) => versioned,
        Err(Unconverted::Failed(why)) => {
            return misconfigured(format!("failed to convert object version: {why}"));
        }
        Err(Unconverted::Unknown(what)) => return unknown(what),
    };
    let made = match Made::new(asked.request, resource, kind, asked.host, policy.reads) {
        Ok(made) => made,
        Err(why) => return misconfigured(why),
    };
    let request = asked.request;
    let functions = Authorizer { user: request.user.as_ref(), host: asked.host, deadline: asked.deadline };
    let input = Input { request, objects: versioned.objects(asked), made: &made, functions: &functions };
    let each = params.iter().map(|params| validate(policy, (validations, annotations), &input, *params));
    let said = each.flat_map(|validated| said(validated, asked));
    said.collect()
}

fn said(Validated { decisions, notes }: Validated<'_>, asked: Asked<'_>) -> Vec<What> {
    let own = asked.request.object.map(|object| object.document());
    let mut all = Vec::new();
    for (validation, decision) in decisions.into_iter().enumerate() {
        let message = decision.message;
        let culprit =
            decision.culprit.filter(|node| own.is_some_and(|own| std::ptr::eq(own, node.document())));
        let culprit = culprit.map(|node| node.id());
        let (error, reason) = match decision.outcome {
            DecisionKind::Admit => continue,
            DecisionKind::Unknown => {
                all.push(What::Unknown { validation: Some(validation), what: message });
                continue;
            }
            DecisionKind::Error => (true, None),
            DecisionKind::Deny(reason) => (false, reason),
        };
        all.push(What::Fails { validation, error, message, reason, culprit });
    }
    all.extend(notes.into_iter().map(|note| match note {
        Note::Publish { key, value } => What::Annotates { key, value },
        Note::Error(why) => What::Refuses(why),
    }));
    all
}

/// The objects of a request in the version that a policy asked for, where that is another one.
#[derive(Debug)]
pub struct Versioned {
    object: Option<Document<'static>>,
    old: Option<Document<'static>>,
}

impl Versioned {
    /// # Errors
    /// When they cannot be converted.
    pub fn new(asked: Asked<'_>, kind: &Named) -> Result<Self, Unconverted> {
        // a webhook is sent them in a version that it has asked for
        let sent = asked.request.kind;
        let sent = Named::new(sent.group, sent.version, sent.kind);
        let converted = |object: Option<crate::document::NodeRef<'_>>| match object {
            Some(object) if sent != *kind => convert::convert(object, &sent, kind, asked.kinds).map(Some),
            _ => Ok(None),
        };
        Ok(Self { object: converted(asked.request.object)?, old: converted(asked.request.old_object)? })
    }

    /// They, or those of the request.
    #[must_use]
    pub fn objects<'d>(&'d self, asked: Asked<'d>) -> Objects<'d> {
        Objects {
            object: self.object.as_ref().map(Document::root).or(asked.request.object),
            old: self.old.as_ref().map(Document::root).or(asked.request.old_object),
        }
    }
}

impl Input<'_> {
    /// So many cost units.
    #[must_use]
    pub fn budget(&self, units: u64) -> Budget {
        let budget = Budget::new(units);
        match self.functions.deadline {
            Some(deadline) => budget.with_deadline(deadline),
            None => budget,
        }
    }
}

impl Event<'_> {
    /// Whether the request is refused for it.
    #[must_use]
    pub fn denies(&self) -> bool {
        match self.what {
            What::Fails { .. } => self.has(ValidationAction::Deny),
            What::Refuses(_) => true,
            What::Annotates { .. } | What::Unknown { .. } => false,
        }
    }

    /// Whether the binding has this action.
    #[must_use]
    pub fn has(&self, action: ValidationAction) -> bool {
        self.binding.is_some_and(|binding| binding.actions.contains(&action))
    }
}
