//! `requireProbes`: every container that stays up says whether it is alive and ready.
//!
//! Regular containers and sidecars (init containers with `restartPolicy: Always`) count; plain init and
//! ephemeral containers have no probes. What runs to completion is exempt unless the policy says otherwise.

mod idle;

use crate::cel::reads::Part;
use crate::document::NodeRef;
use crate::policy::Probe;
use crate::resource::container::Role;
use crate::resource::identity;
use crate::resource::workload::PodTemplate;

use super::decided::{Decides, Deciding, PartOf, containers};
use super::evaluator::Evaluator;
use super::subject::{self, PolicyContext, Sink};
use super::{Check, Policy};

/// What tells a container that only waits.
const IDLE: [&str; 3] = ["image", "command", "args"];

/// `requireProbes`.
#[derive(Debug)]
pub struct RequireProbes {
    /// Which, without duplicates, in the order of a container's life.
    pub probes: Vec<Probe>,
    /// Whether what runs to completion is exempt.
    pub exempt_run_to_completion: bool,
    /// Whether containers that only wait are exempt.
    pub exempt_idle: bool,
}

impl Check for RequireProbes {
    fn is_about_pods(&self, _: &Policy) -> bool {
        true
    }

    fn decided_by(&self, _: &Deciding, _: &Policy) -> Option<Decides> {
        let key = |key: &str| Part::Key(key.into());
        let of_a_container = [
            "restartPolicy",
            "image",
            "command",
            "args",
            "ports",
            "livenessProbe",
            "readinessProbe",
            "startupProbe",
        ];
        let parts = of_a_container.iter().filter(|part| self.exempt_idle || !IDLE.contains(part));
        let of_containers = parts.flat_map(|part| containers(&[Part::Each, key(part)]).collect::<Vec<_>>());
        let of_the_pod = PartOf { root: 1, steps: vec![key("restartPolicy")] };
        let owners = PartOf { root: 0, steps: vec![key("metadata"), key("ownerReferences")] };
        let names = containers(&[Part::Each, key("name")]).collect();
        let decides = Decides::by(of_containers.chain([of_the_pod, owners]).collect()).telling(Some(names));
        Some(decides.judging(Some(containers(&[Part::Each]).collect())))
    }

    fn judge<'d>(&'d self, _: &mut Evaluator<'d, '_>, subject: &PolicyContext<'d>, sink: &mut Sink<'_>) {
        run(subject, self, sink);
    }
}

fn run(subject: &PolicyContext<'_>, rule: &RequireProbes, sink: &mut Sink<'_>) {
    let RequireProbes { probes, exempt_run_to_completion, exempt_idle } = rule;
    let Some(pods) = &subject.pods else { return };
    if *exempt_run_to_completion && runs_to_completion(subject, pods.spec) {
        return;
    }
    let mut containers = pods.containers().filter(|c| matches!(c.role, Role::Regular | Role::Sidecar));
    let mut faults = 0;
    while subject.budget.findings_per_rule != Some(faults)
        && let Some(container) = containers.next()
    {
        if *exempt_idle && idle::only_waits(container.node) {
            continue;
        }
        let missing: Vec<String> = probes
            .iter()
            .filter(|p| !has_handler(container.node, **p) && !is_given(subject, pods, container.node, **p))
            .map(|p| name(*p).to_owned())
            .collect();
        if !missing.is_empty() {
            let message = format!("{} has no {}", container.label(), list(&missing));
            let parts = probes.iter().map(|probe| container.node.get(name(*probe)));
            sink.fault_of(container.node, message, || Some(subject::judged(container.node, parts)));
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

/// Whether a container gets a probe that it does not say. Knative gives a readinessProbe to the container that serves, the
/// only one or the one with a port (knative/serving `pkg/apis/serving/v1/revision_defaults.go`); KubeRay both to the first
/// container, which is Ray (ray-project/kuberay `ray-operator/controllers/ray/common/pod.go`).
fn is_given(
    subject: &PolicyContext<'_>,
    pods: &PodTemplate<'_>,
    container: NodeRef<'_>,
    probe: Probe,
) -> bool {
    let Some(list) = container.parent().filter(|list| list.key() == Some("containers")) else { return false };
    match (subject.request.kind.group, probe) {
        ("serving.knative.dev", Probe::ReadinessProbe) => {
            list.len() == 1 || container.get_present("ports").is_some_and(|ports| !ports.is_empty())
        }
        ("ray.io", Probe::LivenessProbe | Probe::ReadinessProbe) => {
            !submits(pods.spec) && list.item(0).is_some_and(|first| first.id() == container.id())
        }
        _ => false,
    }
}

fn runs_to_completion(subject: &PolicyContext<'_>, pod_spec: NodeRef<'_>) -> bool {
    let request = subject.request;
    let by_kind = matches!(
        (request.kind.group, request.kind.kind),
        ("batch", "Job" | "CronJob")
            | ("batch.volcano.sh", "Job")
            | ("flow.volcano.sh", "JobTemplate")
            | ("jobset.x-k8s.io", "JobSet")
            | ("keda.sh", "ScaledJob")
            | ("apps.kruise.io", "BroadcastJob")
    ) || request.kind.group == "kubeflow.org" && request.kind.kind.ends_with("Job");
    let of_a_job = || {
        identity::controller(subject.object).is_some_and(|o| o.gvk.group == "batch" && o.gvk.kind == "Job")
    };
    let restarts = pod_spec.get_str("restartPolicy").is_none_or(|p| p == "Always" || p.is_empty());
    by_kind || !restarts || submits(pod_spec) || of_a_job()
}

/// Whether a Pod hands a RayJob in, and ends then.
fn submits(pod_spec: NodeRef<'_>) -> bool {
    pod_spec.parent().is_some_and(|template| template.key() == Some("submitterPodTemplate"))
}

/// `a`, `a or b`, `a, b or c`.
fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} or {last}", init.join(", ")),
    }
}
