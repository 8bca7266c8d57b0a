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
    } else if what.starts_with("object.") && !in_cluster {
        format!("{what} is set by the API server when it stores the object")
    } else if what.starts_with("what a ") {
        // how one version of a kind becomes another is no object that somebody could add
        format!("{what} is not known here")
    } else {
        format!("{what} {}", beyond(in_cluster))
    }
}

#[cfg(test)]
mod tests {
    use super::not_known;

    #[test]
    fn what_would_tell() {
        for (what, offline, in_cluster) in [
            (
                "Service a/b",
                "Service a/b is not part of the input (`--complete` treats it as absent)",
                "Service a/b could not be looked up",
            ),
            (
                "what a HorizontalPodAutoscaler of autoscaling/v2 is in autoscaling/v1",
                "what a HorizontalPodAutoscaler of autoscaling/v2 is in autoscaling/v1 is not known here",
                "what a HorizontalPodAutoscaler of autoscaling/v2 is in autoscaling/v1 is not known here",
            ),
            (
                "object.metadata.uid",
                "object.metadata.uid is set by the API server when it stores the object",
                "object.metadata.uid could not be looked up",
            ),
        ] {
            assert_eq!(
                (not_known(what, false).as_str(), not_known(what, true).as_str()),
                (offline, in_cluster)
            );
        }
    }
}
