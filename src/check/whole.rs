//! Policies that are judged as a whole, since their rules share an order and a budget: those of the Kubernetes API server.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::admission_policy::dispatch::{Asked, Event, What, dispatch};
use crate::admission_policy::kinds::Kinds;
use crate::admission_policy::{AdmissionPolicy, Binding, Hook, ValidationAction};
use crate::api;
use crate::finding::{Action, Actions, Certainty, Finding, Place, Severity};
use crate::host::{Host, Lookup};

use super::subject::{PolicyContext, Sink};
use super::{Check, Evaluator, Findings, Policy, Rule};

mod stand_in;

pub use stand_in::OwnNeeds;
use stand_in::{WithoutSecrets, is_secret, stand_in};

/// What judges all rules of a policy at once.
pub trait Whole: fmt::Debug + Send + Sync {
    /// Takes what binds the policy, before it judges anything.
    fn bind(&self, bindings: &[Arc<Binding>]);

    /// Tells it which release `1.minor` the cluster has.
    fn for_release(&self, minor: u32);

    /// What it looks up in a cluster; nothing where no binding names it.
    fn needs(&self) -> OwnNeeds;

    /// Says what is wrong with the object.
    fn judge(&self, subject: &PolicyContext<'_>, findings: &mut Findings);
}

/// What judges a policy as a whole, where its rules are not judged one by one.
#[must_use]
pub fn whole(policy: &Policy) -> Option<&dyn Whole> {
    policy.rules.first()?.check.whole()
}

/// A ValidatingAdmissionPolicy: the check of each of its rules.
#[derive(Debug, Clone)]
pub struct ServerPolicy(Arc<Bound>);

#[derive(Debug)]
struct Bound {
    policy: Arc<AdmissionPolicy>,
    /// None: without a binding the server does not ask the policy.
    hook: OnceLock<Hook>,
    /// The release whose expressions it is compiled for.
    minor: u32,
    /// The release whose kinds are served, where it is known to be another one.
    release: OnceLock<u32>,
}

impl ServerPolicy {
    /// A policy that nothing binds so far, on Kubernetes `1.minor`.
    #[must_use]
    pub fn new(policy: AdmissionPolicy, minor: u32) -> Self {
        let policy = Arc::new(policy);
        Self(Arc::new(Bound { policy, hook: OnceLock::new(), minor, release: OnceLock::new() }))
    }
}

impl Check for ServerPolicy {
    fn is_about_pods(&self, _: &Policy) -> bool {
        false
    }

    fn whole(&self) -> Option<&dyn Whole> {
        Some(&*self.0)
    }

    /// Its policy is judged as a whole.
    fn judge<'d>(&'d self, _: &mut Evaluator<'d, '_>, _: &PolicyContext<'d>, _: &mut Sink<'_>) {}
}

impl Whole for Bound {
    fn bind(&self, bindings: &[Arc<Binding>]) {
        let hook = Hook::join(vec![Arc::clone(&self.policy)], bindings.to_vec());
        if let Some(hook) = hook.into_iter().next() {
            self.hook.get_or_init(|| hook);
        }
    }

    fn for_release(&self, minor: u32) {
        self.release.get_or_init(|| minor);
    }

    fn needs(&self) -> OwnNeeds {
        let Some(Hook { policy, bindings }) = self.hook.get() else { return OwnNeeds::default() };
        OwnNeeds::of(policy, bindings.iter().map(|binding| &**binding))
    }

    fn judge(&self, subject: &PolicyContext<'_>, findings: &mut Findings) {
        let Some(hook) = self.hook.get() else { return };
        let PolicyContext { request, host, budget, .. } = *subject;
        let params = self.policy.param_kind.as_ref().filter(|kind| is_secret(&kind.0.group, &kind.0.name));
        let without = WithoutSecrets(host);
        let host: &dyn Host = if params.is_some() && budget.in_cluster { &without } else { host };
        let kinds = self.kinds(subject);
        let asked = Asked { request, kinds: &kinds, host, deadline: budget.deadline };
        let first = findings.len();
        for event in dispatch(std::slice::from_ref(hook), asked) {
            match budget.in_cluster {
                true => stand_in(&event, subject, findings),
                false => tell(&event, subject, findings, first),
            }
        }
    }
}

impl Bound {
    /// The kinds that are served: definitions are looked for where the request or the policy is about a custom kind.
    fn kinds(&self, subject: &PolicyContext<'_>) -> Kinds {
        let mut kinds = Kinds::new(*self.release.get().unwrap_or(&self.minor), false);
        let params = self.policy.param_kind.as_ref().map_or("", |kind| &kind.0.group);
        if api::is_own_group(subject.request.kind.group) && api::is_own_group(params) {
            return kinds;
        }
        let all = subject.host.list("apiextensions.k8s.io", "CustomResourceDefinition", None);
        if let Lookup::Known(listing) = all {
            listing.objects.iter().for_each(|definition| kinds.define(definition.root));
        }
        kinds
    }
}

/// What the server does about an event: for what a validation finds, all that the binding says.
fn actions(event: &Event<'_>) -> Actions {
    let (What::Fails { .. } | What::Unknown { validation: Some(_), .. }) = event.what else {
        return Action::Deny.into();
    };
    let bound = event.binding.iter().flat_map(|binding| &binding.actions);
    let actions: Actions = bound.map(|action| action_of(*action)).collect();
    if actions == Actions::default() { Action::Audit.into() } else { actions }
}

fn action_of(action: ValidationAction) -> Action {
    match action {
        ValidationAction::Deny => Action::Deny,
        ValidationAction::Warn => Action::Warn,
        ValidationAction::Audit => Action::Audit,
    }
}

/// Makes a finding of an event; what several bindings say alike is said once, with the actions of all.
fn tell(event: &Event<'_>, subject: &PolicyContext<'_>, findings: &mut Findings, first: usize) {
    let object = subject.object;
    let (rule, message, node) = match &event.what {
        What::Annotates { .. } => return,
        What::Fails { validation, message, culprit, .. } => {
            let node = culprit.map_or(object, |id| object.document().node(id));
            (rule(subject.policy, Some(*validation)), message.clone(), node)
        }
        What::Refuses(message) => (rule(subject.policy, None), message.clone(), object),
        What::Unknown { validation, what } => (rule(subject.policy, *validation), what.clone(), object),
    };
    let Some(rule) = rule else { return };
    let highest = rule.actions.strongest().unwrap_or(Action::Audit);
    let actions = actions(event).at_most(highest);
    let severity = severity(rule, actions);
    let known = !matches!(event.what, What::Unknown { .. });
    let place = Place::of(node, object.id());
    let same = |finding: &&mut Finding| {
        Arc::ptr_eq(&finding.rule, &rule.info)
            && finding.message == message
            && finding.place == place
            && finding.certainty == Certainty::Known
    };
    if let Some(said) = findings[first..].iter_mut().find(same).filter(|_| known) {
        said.actions = said.actions.and(actions);
        said.severity = said.severity.max(severity);
        return;
    }
    let mut sink = Sink { rule, object, findings, budget: subject.budget };
    if known {
        let finding = sink.fault(node, message);
        (finding.actions, finding.severity) = (actions, severity);
    } else {
        sink.needs(node, &message);
    }
}

/// The rule for a validation; for what is about all of them, the first that the run wants.
fn rule(policy: &Policy, validation: Option<usize>) -> Option<&Rule> {
    match validation {
        Some(number) => policy.rules.iter().find(|rule| rule.name == number.to_string()),
        None => policy.rules.first(),
    }
}

fn severity(rule: &Rule, actions: Actions) -> Severity {
    let highest = match actions.strongest() {
        Some(Action::Deny) => Severity::Error,
        Some(Action::Warn) => Severity::Warning,
        Some(Action::Audit) | None => Severity::Info,
    };
    rule.severity.min(highest)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cel::profile::Profile;
    use crate::manifest::source::{Content, SourceFile};
    use crate::manifest::{Inventory, Sources};
    use crate::offline::{Asking, Offline};
    use crate::store::load::{Loaded, read_text};
    use crate::store::set::Adjustments;

    const POLICY: &str = "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: p}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [''], apiVersions: [v1], resources: [pods], operations: [CREATE]}]
  validations: [{expression: 'false', message: m}]
";

    fn binding(name: &str, actions: &str) -> String {
        format!(
            "---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\n\
             metadata: {{name: {name}}}\nspec: {{policyName: p, validationActions: [{actions}]}}\n"
        )
    }

    /// `validationActions` is a set, and several bindings say the same once.
    #[test]
    fn a_finding_has_the_actions_of_all_bindings() {
        for (bindings, highest, expected) in [
            (&["Deny"][..], None, "error: Deny"),
            (&["Warn, Audit"], None, "warning: Warn, Audit"),
            (&["Audit", "Deny"], None, "error: Deny, Audit"),
            (&["Deny, Audit"], Some(Action::Warn), "warning: Warn, Audit"),
            (&["Deny, Audit"], Some(Action::Audit), "info: Audit"),
        ] {
            let bound = bindings.iter().enumerate().map(|(at, actions)| binding(&format!("b{at}"), actions));
            let mut loaded = Loaded::default();
            let text = format!("{POLICY}{}", bound.collect::<String>());
            read_text("policies.yaml", &text, false, Profile::V1_36, &mut loaded);
            let adjustments = Adjustments { action_override: highest, ..Adjustments::default() };
            let set = loaded.into_set(&adjustments, Default::default());
            let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n";
            let sources = Sources::new(vec![SourceFile::new("m.yaml", Content::Text(pod.to_owned()))]);
            let (inventory, asking) = (Inventory::load(&sources), Asking::default());
            let found = Offline::new(&inventory, None, &asking).judge_all(&set);
            let told: Vec<_> =
                found.iter().map(|(_, f)| format!("{}: {}", f.severity.name(), f.actions)).collect();
            assert_eq!(told, [expected], "{bindings:?} at most {highest:?}");
        }
    }
}
