//! When it cannot be told whether a policy applies: the policy's `failurePolicy` decides, as of a webhook's
//! `matchConditions` and of a ValidatingAdmissionPolicy.

use crate::finding::{Action, Certainty, Severity};
use crate::policy::{Policy, Rule};

use super::Findings;
use super::expressions::Stop;
use super::rule::Sink;
use crate::document::NodeRef;

/// One finding for the policy as a whole, at the object. It has the strongest action and severity of the policy's rules,
/// whichever of them comes first: what is asked is whether any of them applies.
pub(super) fn undecided(
    policy: &Policy,
    object: NodeRef<'_>,
    stop: Stop,
    in_cluster: bool,
    findings: &mut Findings,
) {
    let Some(rule) = strongest(policy) else { return };
    let severity = policy.rules.iter().map(|rule| rule.severity).max().unwrap_or(rule.severity);
    let mut sink = Sink { rule, object, findings, in_cluster };
    let finding = match stop {
        Stop::Unknown(what) => {
            let beyond = beyond(in_cluster);
            sink.unknown(object, format!("needs {what} to tell whether the policy applies, which {beyond}"))
        }
        Stop::Failed(why) => sink.failed(object, format!("cannot tell whether the policy applies: {why}")),
    };
    finding.severity = match finding.certainty {
        Certainty::Unknown => severity.min(Severity::Warning),
        _ => severity,
    };
}

/// The rule with the strongest action, the first of several.
fn strongest(policy: &Policy) -> Option<&Rule> {
    let action = policy.rules.iter().map(|rule| rule.action).max().unwrap_or(Action::Audit);
    policy.rules.iter().find(|rule| rule.action == action)
}

/// Why something is not known, in words that fit who asks.
pub(crate) fn beyond(in_cluster: bool) -> &'static str {
    if in_cluster { "could not be looked up" } else { "is not in the input" }
}
