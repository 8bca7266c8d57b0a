//! Webhook configurations and admission policies.

mod expressions;
mod matching;
mod policies;
pub(crate) mod webhooks;

use kubernetes_cel::profile::Profile;

use super::{Rules, Submitted};
use crate::field::Causes;

/// The CEL that expressions are compiled as: that of the release whose rules these are.
const PROFILE: Profile = Profile::V1_36;

const fn of(kind: &'static str, check: for<'d> fn(&Submitted<'d>, &mut Causes)) -> Rules {
    Rules { group: "admissionregistration.k8s.io", kind, namespaced: false, check, warn: None }
}

/// The kinds of this file.
pub const RULES: &[Rules] = &[
    of("MutatingWebhookConfiguration", |it, causes| webhooks::mutating(it.at, it.old, PROFILE, causes)),
    of("ValidatingWebhookConfiguration", |it, causes| webhooks::validating(it.at, it.old, PROFILE, causes)),
    of("ValidatingAdmissionPolicy", |it, causes| policies::validating(it.at, it.old, PROFILE, causes)),
    of("MutatingAdmissionPolicy", |it, causes| policies::mutating(it.at, it.old, PROFILE, causes)),
    of("ValidatingAdmissionPolicyBinding", |it, causes| policies::validating_binding(it.at, causes)),
    of("MutatingAdmissionPolicyBinding", |it, causes| policies::mutating_binding(it.at, causes)),
];
