//! `references`: what an object says of others, and others of it.
//!
//! Each question goes over the index of the host ([`crate::host::Query`]), so that asking for every object of a
//! folder costs in proportion to the folder. Two kinds of faults are told apart. Where something that has to be there
//! is not (a Service that selects nothing), an input that is not complete makes it *unknown*. Where two things that are
//! there do not fit (a budget above an autoscaler), what is not there is no reason to say anything.

mod ask;
mod autoscalers;
mod budgets;
mod configuration;
mod duplicates;
mod ingress;
mod isolation;
mod ports;
mod reads;
mod roles;
mod services;
mod storage;
mod system;

use crate::finding::Certainty;
use crate::policy::{AskedCertainty, ReferenceCheck, References};

use super::evaluator::Evaluator;
use super::subject::{PolicyContext, Sink};
use super::{Check, Policy};
use ask::Ask;

pub use reads::LookedUp;

impl Check for References {
    fn is_about_pods(&self, _: &Policy) -> bool {
        self.check.is_about_pods()
    }

    fn needs(&self) -> Vec<LookedUp> {
        reads::looks_up(self.check)
    }

    fn judge<'d>(&'d self, _: &mut Evaluator<'d, '_>, subject: &PolicyContext<'d>, sink: &mut Sink<'_>) {
        run(subject, self, sink);
    }
}

fn run(subject: &PolicyContext<'_>, rule: &References, sink: &mut Sink<'_>) {
    if !subject.request.subresource.is_empty() {
        return;
    }
    let ask = Ask { subject, templates: subject.templates };
    let before = sink.findings.len();
    check(&ask, rule, sink);
    if let Some(certainty) = rule.certainty {
        let mut position = 0;
        sink.findings.retain(|finding| {
            position += 1;
            let unknown = finding.certainty == Certainty::Unknown;
            position <= before || unknown == (certainty == AskedCertainty::Unknown)
        });
    }
}

fn check(ask: &Ask<'_, '_>, rule: &References, sink: &mut Sink<'_>) {
    match rule.check {
        ReferenceCheck::ServiceSelectsPods => services::selects_pods(ask, sink),
        ReferenceCheck::ServiceTargetPorts => services::target_ports(ask, false, sink),
        ReferenceCheck::ServiceTargetPortsOfAll => services::target_ports(ask, true, sink),
        ReferenceCheck::ServiceReadiness => services::readiness(ask, sink),
        ReferenceCheck::ProbePorts => ports::asked(ask, sink),
        ReferenceCheck::IngressBackends => ingress::backends(ask, sink),
        ReferenceCheck::MonitorSelects => services::monitor(ask, sink),
        ReferenceCheck::AutoscalerTarget => autoscalers::target_exists(ask, sink),
        ReferenceCheck::AutoscaledReplicas => autoscalers::replicas_unset(ask, sink),
        ReferenceCheck::MinimumReplicas => autoscalers::minimum(ask, sink),
        ReferenceCheck::BudgetCovers => budgets::covers(ask, sink),
        ReferenceCheck::BudgetSelects => budgets::selects(ask, sink),
        ReferenceCheck::BudgetBlocks => budgets::blocks(ask, sink),
        ReferenceCheck::BudgetOverlaps => budgets::overlaps(ask, sink),
        ReferenceCheck::BudgetAboveAutoscaler => budgets::above_autoscaler(ask, sink),
        ReferenceCheck::IngressIsolated => isolation::isolated(ask, isolation::Direction::Ingress, sink),
        ReferenceCheck::EgressIsolated => isolation::isolated(ask, isolation::Direction::Egress, sink),
        ReferenceCheck::NetworkPolicySelects => isolation::selects(ask, sink),
        ReferenceCheck::NetworkPolicyPeers => isolation::peers(ask, sink),
        ReferenceCheck::ServiceAccountExists => configuration::service_account(ask, sink),
        ReferenceCheck::ConfigurationExists => configuration::exists(ask, sink),
        ReferenceCheck::StorageExists => storage::exists(ask, sink),
        ReferenceCheck::RoleExists => roles::exists(ask, sink),
        ReferenceCheck::RoleGrants => roles::role_grants(ask, &rule.grants, sink),
        ReferenceCheck::BindingGrants => roles::binding_grants(ask, &rule.grants, sink),
        ReferenceCheck::Unique => duplicates::together(ask, sink),
        ReferenceCheck::UniqueInFolder => duplicates::in_folder(ask, sink),
    }
}
