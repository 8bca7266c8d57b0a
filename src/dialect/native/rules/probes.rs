//! `requireProbes`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::RuleType;
use crate::check::{self, Check};
use crate::dialect::native::lower::Lowering;
use crate::policy::Probe;

/// Every regular container and sidecar has these probes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequireProbes {
    /// The probes that every container must have.
    pub probes: Vec<Probe>,
    /// What is exempt; `[runToCompletion]` unless said otherwise.
    #[serde(default = "default_exempt")]
    pub exempt: Vec<ProbeExemption>,
}

fn default_exempt() -> Vec<ProbeExemption> {
    vec![ProbeExemption::RunToCompletion]
}

/// What needs no probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ProbeExemption {
    /// Job, CronJob, a Pod that a Job controls, and templates whose `restartPolicy` is not `Always`.
    RunToCompletion,
    /// Containers that do nothing but wait: the `pause` image, and commands such as `sleep infinity` and
    /// `tail -f /dev/null`.
    Idle,
}

impl RuleType for RequireProbes {
    fn lower(&self, at: &str, lowering: &mut Lowering<'_>) -> Option<Box<dyn Check>> {
        if self.probes.is_empty() {
            let known = "livenessProbe, readinessProbe, startupProbe";
            lowering.help(&format!("{at}/probes"), "requires nothing", known);
            return None;
        }
        let probes: BTreeSet<_> = self.probes.iter().copied().collect();
        Some(Box::new(check::RequireProbes {
            probes: probes.into_iter().collect(),
            exempt_run_to_completion: self.exempt.contains(&ProbeExemption::RunToCompletion),
            exempt_idle: self.exempt.contains(&ProbeExemption::Idle),
        }))
    }
}
