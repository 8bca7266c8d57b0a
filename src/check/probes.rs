//! `requireProbes`: every container that stays up says whether it is alive and ready.
//!
//! Regular containers and sidecars (init containers with `restartPolicy: Always`) count; plain init and
//! ephemeral containers have no probes. What runs to completion is exempt unless the policy says otherwise.

use crate::document::NodeRef;
use crate::policy::Probe;
use crate::resource::container::Role;
use crate::resource::identity;
use crate::resource::workload::PodTemplate;

use super::Check;
use super::evaluator::Evaluator;
use super::subject::{self, Sink, Subject};

/// `requireProbes`.
#[derive(Debug)]
pub struct RequireProbes {
    /// Which, without duplicates, in the order of a container's life.
    pub probes: Vec<Probe>,
    /// Whether what runs to completion is exempt.
    pub exempt_run_to_completion: bool,
}

impl Check for RequireProbes {
    fn judge<'d>(&'d self, _: &mut Evaluator<'d, '_>, subject: &Subject<'d>, sink: &mut Sink<'_>) {
        run(subject, &self.probes, self.exempt_run_to_completion, sink);
    }
}

fn run(subject: &Subject<'_>, probes: &[Probe], exempt_run_to_completion: bool, sink: &mut Sink<'_>) {
    let Some(pods) = &subject.pods else { return };
    if exempt_run_to_completion && runs_to_completion(subject, pods.spec) {
        return;
    }
    let mut containers = pods.containers().filter(|c| matches!(c.role, Role::Regular | Role::Sidecar));
    let mut faults = 0;
    while subject.budget.findings_per_rule != Some(faults)
        && let Some(container) = containers.next()
    {
        let given = is_given_readiness(subject, pods, container.node);
        let missing: Vec<String> = probes
            .iter()
            .filter(|p| !(has_handler(container.node, **p) || given && **p == Probe::ReadinessProbe))
            .map(|p| name(*p).to_owned())
            .collect();
        if !missing.is_empty() {
            let message = format!("{} has no {}", container.label(), list(&missing));
            let judged =
                subject::judged(container.node, probes.iter().map(|probe| container.node.get(name(*probe))));
            sink.fault_of(container.node, message, Some(judged));
            faults += 1;
        }
    }
    sink.leave_out(containers.count());
}

fn name(probe: Probe) -> &'static str {
    match probe {
        Probe::LivenessProbe => "livenessProbe",
        Probe::ReadinessProbe => "readinessProbe",
        Probe::StartupProbe => "startupProbe",
    }
}

/// A probe without a handler probes nothing; the API server refuses it (`validateHandler`).
fn has_handler(container: NodeRef<'_>, probe: Probe) -> bool {
    let Some(probe) = container.get(name(probe)) else { return false };
    ["exec", "httpGet", "tcpSocket", "grpc"].iter().any(|handler| probe.get_present(handler).is_some())
}

/// Whether a container gets a readinessProbe that it does not say: Knative gives one to the container that serves, the
/// only one or the one with a port (knative/serving `pkg/apis/serving/v1/revision_defaults.go`).
fn is_given_readiness(subject: &Subject<'_>, pods: &PodTemplate<'_>, container: NodeRef<'_>) -> bool {
    let is_knative = subject.request.kind.group == "serving.knative.dev";
    let is_regular = |list: NodeRef<'_>| list.items().any(|item| item.id() == container.id());
    let regular = pods.spec.get("containers").filter(|list| is_knative && is_regular(*list));
    let has_port = container.get_present("ports").is_some_and(|ports| !ports.is_empty());
    regular.is_some_and(|list| list.len() == 1 || has_port)
}

fn runs_to_completion(subject: &Subject<'_>, pod_spec: NodeRef<'_>) -> bool {
    let request = subject.request;
    let by_kind = request.kind.group == "batch" && matches!(request.kind.kind, "Job" | "CronJob");
    let of_a_job = || {
        identity::controller(subject.object).is_some_and(|o| o.gvk.group == "batch" && o.gvk.kind == "Job")
    };
    let restarts = pod_spec.get_str("restartPolicy").is_none_or(|p| p == "Always" || p.is_empty());
    by_kind || !restarts || of_a_job()
}

/// `a`, `a or b`, `a, b or c`.
fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} or {last}", init.join(", ")),
    }
}
