//! By which entry of a webhook configuration the API server asks about something: the one that fails closed, or the
//! one that fails open. The registration and the engine behind both ask here, so that nothing falls between them.

use crate::finding::Action;
use crate::matching::{Reach, Target, is_bootstrap, reach};
use crate::request::Request;
use crate::resource::workload::TemplatePaths;

use crate::check::Policy;
use crate::policy::FailurePolicy;

/// Where `policy` is asked about `target`, for validation or for mutation. Closed where it says so and can deny, by a
/// pattern that names something, about what can wait. What can only warn is not worth a request that fails; and `*` is
/// no reason to hold up a whole cluster.
#[must_use]
pub fn of_target(
    policy: &Policy,
    mutates: bool,
    target: &Target<'_>,
    templates: &TemplatePaths,
) -> FailurePolicy {
    let can_deny = |policy: &Policy| {
        let mut rules = policy.rules.iter();
        rules.any(|rule| rule.actions.contains(Action::Deny) && (!mutates || rule.mutates))
    };
    let closed = policy.failure_policy == FailurePolicy::Fail
        && can_deny(policy)
        && reach(target) == Reach::AsWritten
        && policy.matches.names(target, templates);
    if closed { FailurePolicy::Fail } else { FailurePolicy::Ignore }
}

/// Likewise for a request. What API servers make when they start is never waited for, of all kinds.
#[must_use]
pub fn of_request(
    policy: &Policy,
    mutates: bool,
    request: &Request<'_>,
    templates: &TemplatePaths,
) -> FailurePolicy {
    match is_bootstrap(request) {
        true => FailurePolicy::Ignore,
        false => of_target(policy, mutates, &Target::of(request), templates),
    }
}
