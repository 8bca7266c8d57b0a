//! When it cannot be told whether a policy applies: the policy's `failurePolicy` decides, as of a webhook's
//! `matchConditions` and of a ValidatingAdmissionPolicy.

use crate::finding::Severity;

use super::stop::Stop;
use super::subject::Sink;
use super::{EvaluationLimits, Findings, Policy, Rule};
use crate::document::NodeRef;

/// One finding for the policy as a whole, at the object. It has the strongest action and severity of the policy's rules,
/// whichever of them comes first: what is asked is whether any of them applies.
pub(crate) fn undecided(
    policy: &Policy,
    object: NodeRef<'_>,
    stop: Stop,
    budget: EvaluationLimits,
    findings: &mut Findings,
) {
    let Some(rule) = strongest(policy) else { return };
    let severity = policy.rules.iter().map(|rule| rule.severity).max().unwrap_or(rule.severity);
    let mut sink = Sink { rule, object, findings, budget };
    let finding = match stop {
        Stop::Unknown(what) => {
            let why = not_known(&what, budget.in_cluster);
            sink.unknown(object, format!("cannot be decided whether the policy applies: {why}"))
        }
        Stop::Failed(mut fault) => {
            fault.why = format!("whether it applies cannot be told: {}", fault.why);
            sink.failed(object, *fault)
        }
    };
    finding.severity = severity.min(Severity::Warning);
}

/// The rule with the strongest action, the first of several.
fn strongest(policy: &Policy) -> Option<&Rule> {
    let strongest = policy.rules.iter().map(|rule| rule.actions.strongest()).max()?;
    policy.rules.iter().find(|rule| rule.actions.strongest() == strongest)
}

/// Why an object is not known, in words that fit who asks.
pub(crate) fn beyond(in_cluster: bool) -> &'static str {
    if in_cluster {
        "could not be looked up"
    } else {
        "is not part of the input (`--complete` treats it as absent)"
    }
}

/// Why something is not known, and what would tell.
pub(crate) fn not_known(what: &str, in_cluster: bool) -> String {
    if what.split('.').next() == Some("authorizer") {
        "it depends on what the user may do, which is not known".to_owned()
    } else if what.starts_with("request.userInfo") && !in_cluster {
        "it depends on who makes the request (`--as` says so)".to_owned()
    } else {
        format!("{what} {}", beyond(in_cluster))
    }
}
