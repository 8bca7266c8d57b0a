//! Kinds of the smaller groups: classes of Pods, leases, certificates, aggregated APIs, flow control.

mod certificates;
mod classes;
mod flow;
mod leases;
mod registration;

use super::{Rules, Submitted};
use crate::field::Causes;

const fn of(
    group: &'static str,
    kind: &'static str,
    namespaced: bool,
    check: for<'d> fn(&Submitted<'d>, &mut Causes),
) -> Rules {
    Rules { group, kind, namespaced, check, warn: None }
}

const FLOW: &str = "flowcontrol.apiserver.k8s.io";

/// The kinds of this file.
pub const RULES: &[Rules] = &[
    of("scheduling.k8s.io", "PriorityClass", false, |it, causes| classes::priority(it.at, it.old, causes)),
    Rules {
        warn: Some(|it, warnings| classes::runtime_warnings(it.at, warnings)),
        ..of("node.k8s.io", "RuntimeClass", false, |it, causes| classes::runtime(it.at, it.old, causes))
    },
    of("coordination.k8s.io", "Lease", true, |it, causes| leases::lease(it.at, it.old, causes)),
    of("certificates.k8s.io", "CertificateSigningRequest", false, |it, causes| {
        certificates::request(it.at, it.old, causes);
    }),
    of("apiregistration.k8s.io", "APIService", false, |it, causes| {
        registration::api_service(it.at, it.old, causes);
    }),
    of(FLOW, "FlowSchema", false, |it, causes| flow::schema(it.at, causes)),
    of(FLOW, "PriorityLevelConfiguration", false, |it, causes| flow::level(it.at, causes)),
    of("events.k8s.io", "Event", true, super::core::events::event),
];
