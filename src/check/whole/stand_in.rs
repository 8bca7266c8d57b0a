//! Policies of the API server's own language in the webhook, which stands in for an API server that does not know them: what
//! they look up in the cluster, and findings with what the server's answer has beside the message.

use std::time::Instant;

use crate::admission_policy::dispatch::{Event, What};
use crate::admission_policy::scope::MatchConstraints;
use crate::admission_policy::{AdmissionPolicy, Binding};
use crate::api;
use crate::cel::ast::Expr;
use crate::cel::library::authorizer::{Decision, Question};
use crate::cel::program::Program;
use crate::finding::{Action, ServersOwn};
use crate::host::fields::Fields;
use crate::host::{Host, HostObject, Listing, Lookup, ObjectKey, User, describe};

use super::super::Findings;
use super::super::subject::{PolicyContext, Sink};
use super::{actions, rule, severity};

/// What a policy looks up in a cluster.
#[derive(Debug, Default)]
pub struct OwnNeeds {
    /// Group, version, kind, and what is read of the objects.
    pub kinds: Vec<(String, String, String, Fields)>,
    /// Whether it asks what users may do.
    pub authorizer: bool,
}

/// What expressions are shown of a Namespace.
const NAMESPACE: [&str; 3] = ["/metadata", "/spec/finalizers", "/status"];
/// What tells which kinds a definition makes, and how they are converted.
const DEFINITION: [&str; 4] = ["/spec/group", "/spec/names", "/spec/scope", "/spec/versions"];

impl OwnNeeds {
    pub(super) fn of<'b>(
        policy: &AdmissionPolicy,
        bindings: impl Iterator<Item = &'b Binding> + Clone,
    ) -> Self {
        let mut needs = Self::default();
        let mut add = |group: &str, version: &str, kind: &str, fields: Fields| {
            needs.kinds.push((group.to_owned(), version.to_owned(), kind.to_owned(), fields));
        };
        let scopes = policy.scope.iter().chain(bindings.clone().filter_map(|binding| binding.scope.as_ref()));
        if scopes.into_iter().any(|scope| !scope.namespaces.is_everything()) {
            add("", "v1", "Namespace", Fields::of(&["/metadata/labels"]));
        }
        if reads(policy, "namespaceObject") {
            add("", "v1", "Namespace", Fields::of(&NAMESPACE));
        }
        let params = policy.param_kind.as_ref().map(|kind| &kind.0);
        if let Some(kind) = params.filter(|kind| !is_secret(&kind.group, &kind.name))
            && bindings.clone().any(|binding| binding.param_ref.is_some())
        {
            add(&kind.group, &kind.version, &kind.name, Fields::whole());
        }
        if params.is_some_and(|kind| !api::is_own_group(&kind.group))
            || policy.scope.as_ref().is_some_and(may_be_custom)
        {
            add("apiextensions.k8s.io", "v1", "CustomResourceDefinition", Fields::of(&DEFINITION));
        }
        needs.authorizer = reads(policy, "authorizer");
        needs
    }
}

fn may_be_custom(scope: &MatchConstraints) -> bool {
    let mut groups = scope.rules.iter().flat_map(|rule| &rule.groups);
    groups.any(|group| group == "*" || !api::is_own_group(group))
}

/// Whether an expression of the policy names this variable.
fn reads(policy: &AdmissionPolicy, variable: &str) -> bool {
    let names = |program: &Program| {
        let ast = program.ast();
        ast.ids().any(|id| matches!(&ast[id], Expr::Ident(name) if name.trim_start_matches('.') == variable))
    };
    policy.variables.programs().any(names)
        || policy.expressions().filter_map(|one| one.program.as_ref().ok()).any(names)
}

pub(super) fn is_secret(group: &str, kind: &str) -> bool {
    (group, kind) == ("", "Secret")
}

/// A cluster of whose Secrets nobody knows what they hold: mirrors keep no more than the names of their keys, and an expression
/// over parameters would take these for all.
pub(super) struct WithoutSecrets<'h>(pub(super) &'h dyn Host);

impl Host for WithoutSecrets<'_> {
    fn get(&self, key: ObjectKey<'_>) -> Lookup<HostObject<'_>> {
        match is_secret(key.group, key.kind) {
            true => Lookup::Unknown(format!("what {} holds", describe(key))),
            false => self.0.get(key),
        }
    }

    fn list(&self, group: &str, kind: &str, namespace: Option<&str>) -> Lookup<Listing<'_>> {
        match is_secret(group, kind) {
            true => Lookup::Unknown("what Secrets hold".to_owned()),
            false => self.0.list(group, kind, namespace),
        }
    }

    fn authorize(&self, user: &User<'_>, question: &Question, deadline: Option<Instant>) -> Lookup<Decision> {
        self.0.authorize(user, question, deadline)
    }
}

/// Makes a finding of an event; each binding speaks for itself, as the server's warnings and audit annotations do.
pub(super) fn stand_in(event: &Event<'_>, subject: &PolicyContext<'_>, findings: &mut Findings) {
    let object = subject.object;
    let mut own =
        ServersOwn { binding: event.binding.map(|binding| binding.name.clone()), ..ServersOwn::default() };
    // whatever else is refused, a binding's actions are not asked
    if let What::Fails { .. } | What::Unknown { validation: Some(_), .. } = &event.what {
        own.actions =
            event.binding.into_iter().flat_map(|b| &b.actions).map(|action| action.name()).collect();
    }
    let (of, message, node) = match &event.what {
        What::Fails { validation, message, reason, culprit, .. } => {
            own.validation = *validation;
            own.reason.clone_from(reason);
            (Some(*validation), message, culprit.map_or(object, |id| object.document().node(id)))
        }
        What::Refuses(message) => (None, message, object),
        What::Annotates { key, value } => {
            own.annotation = Some(key.clone());
            (None, value, object)
        }
        What::Unknown { validation, what } => {
            own.validation = validation.unwrap_or_default();
            (*validation, what, object)
        }
    };
    let Some(rule) = rule(subject.policy, of) else { return };
    let highest = rule.actions.strongest().unwrap_or(Action::Audit);
    let actions = match &own.annotation {
        Some(_) => Action::Audit.into(),
        None => actions(event).at_most(highest),
    };
    let mut sink = Sink { rule, object, findings, budget: subject.budget };
    let finding = match &event.what {
        What::Unknown { .. } => sink.needs(node, message),
        _ => {
            let finding = sink.fault(node, message.clone());
            finding.severity = severity(rule, actions);
            finding
        }
    };
    finding.actions = actions;
    finding.own = Some(Box::new(own));
}
