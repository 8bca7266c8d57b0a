//! Policies that are judged as a whole, since their rules share an order and a budget: those of the Kubernetes API server.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::admission_policy::dispatch::{Asked, Event, What, dispatch};
use crate::admission_policy::kinds::Kinds;
use crate::admission_policy::{AdmissionPolicy, Bindings, Body, Hook, ValidationAction};
use crate::api;
use crate::document::NodeRef;
use crate::finding::{Action, Actions, Certainty, Finding, Place, Severity};
use crate::host::{Host, Lookup};
use crate::request::Request;

use super::given::GivenFields;
use super::subject::{PolicyContext, Sink};
use super::{Check, Evaluator, Findings, Policy, Rule};

mod stand_in;

pub use stand_in::OwnNeeds;
use stand_in::{WithoutSecrets, is_secret, stand_in};

/// What judges all rules of a policy at once.
pub trait Whole: fmt::Debug + Send + Sync {
    /// Takes what binds the policy, before it judges anything.
    fn bind(&self, bindings: &Bindings);

    /// Whether one of these binds the policy.
    fn is_bound_by(&self, bindings: &Bindings) -> bool;

    /// What is invoked to change objects, of a policy that does; nothing where no binding names it.
    fn mutating(&self) -> Option<&Hook>;

    /// The minor release of Kubernetes whose kinds are served.
    fn minor(&self) -> u32;

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

/// A ValidatingAdmissionPolicy or MutatingAdmissionPolicy: the check of each of its rules.
#[derive(Debug, Clone)]
pub struct ServerPolicy(Arc<Bound>);

#[derive(Debug)]
struct Bound {
    policy: Arc<AdmissionPolicy>,
    /// None: without a binding the server does not ask the policy.
    hook: OnceLock<Hook>,
    /// What its expressions read of what the server gives an object.
    given: OnceLock<GivenFields>,
    /// The release whose expressions it is compiled for.
    minor: u32,
    /// The release whose kinds are served, where it is known to be another one.
    release: OnceLock<u32>,
}

impl ServerPolicy {
    /// A policy that nothing binds so far, on Kubernetes `1.minor`.
    #[must_use]
    pub fn new(policy: AdmissionPolicy, minor: u32) -> Self {
        Self(Arc::new(Bound {
            policy: Arc::new(policy),
            hook: OnceLock::new(),
            given: OnceLock::new(),
            minor,
            release: OnceLock::new(),
        }))
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
    fn bind(&self, bindings: &Bindings) {
        let hook = Hook::join(vec![Arc::clone(&self.policy)], bindings.of(&self.policy).to_vec());
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

    fn is_bound_by(&self, bindings: &Bindings) -> bool {
        bindings.of(&self.policy).iter().any(|binding| binding.policy == self.policy.name)
    }

    fn mutating(&self) -> Option<&Hook> {
        self.hook.get().filter(|_| matches!(self.policy.body, Body::Mutating { .. }))
    }

    fn minor(&self) -> u32 {
        *self.release.get().unwrap_or(&self.minor)
    }

    fn judge(&self, subject: &PolicyContext<'_>, findings: &mut Findings) {
        let validates = matches!(self.policy.body, Body::Validating { .. });
        let Some(hook) = self.hook.get().filter(|_| validates) else { return };
        let PolicyContext { request, host, budget, .. } = *subject;
        let params = self.policy.param_kind.as_ref().filter(|kind| is_secret(&kind.0.group, &kind.0.name));
        let without = WithoutSecrets(host);
        let host: &dyn Host = if params.is_some() && budget.in_cluster { &without } else { host };
        let kinds = kinds(self.minor(), [&*self.policy], request, host);
        let asked = Asked { request, kinds: &kinds, host, deadline: budget.deadline };
        let first = findings.len();
        for mut event in dispatch(std::slice::from_ref(hook), asked) {
            if budget.in_cluster {
                stand_in(&event, subject, findings);
                continue;
            }
            self.doubt(&mut event.what, subject.object);
            tell(&event, subject, findings, first);
        }
    }
}

impl Bound {
    /// What fails over something that the server has yet to give the object is not known.
    fn doubt(&self, what: &mut What, object: NodeRef<'_>) {
        let What::Fails { validation, error, .. } = *what else { return };
        let given = self.given.get_or_init(|| GivenFields::of(&self.policy));
        if let Some(lacking) = given.lacking(validation, error, object) {
            *what = What::Unknown { validation: Some(validation), what: lacking };
        }
    }
}

/// What Kubernetes `1.minor` serves: definitions are looked for where the request is about a custom kind, or one of the policies
/// takes parameters of one.
pub(crate) fn kinds<'p>(
    minor: u32,
    policies: impl IntoIterator<Item = &'p AdmissionPolicy>,
    request: &Request<'_>,
    host: &dyn Host,
) -> Kinds {
    let mut kinds = Kinds::new(minor, false);
    let params = |policy: &AdmissionPolicy| {
        policy.param_kind.as_ref().is_some_and(|kind| !api::is_own_group(&kind.0.group))
    };
    if !api::is_own_group(request.kind.group) || policies.into_iter().any(params) {
        definitions(host).for_each(|definition| kinds.define(definition));
    }
    kinds
}

/// The CustomResourceDefinitions that are known.
pub(crate) fn definitions(host: &dyn Host) -> impl Iterator<Item = NodeRef<'_>> {
    let all = match host.list("apiextensions.k8s.io", "CustomResourceDefinition", None) {
        Lookup::Known(listing) => listing.objects,
        Lookup::Absent | Lookup::Unknown(_) | Lookup::Failed(_) => Vec::new(),
    };
    all.into_iter().map(|definition| definition.root)
}

/// What the server does about an event: for what a validation finds, all that the binding says.
pub(super) fn actions(event: &Event<'_>) -> Actions {
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
