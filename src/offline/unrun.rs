//! Policies of other tools, and of the API server, that lie among the manifests and are not run.

use std::collections::BTreeMap;

use super::Offline;
use crate::store::PolicySet;

/// What tells a policy: its group, and of some groups the kind.
fn language(group: &str, kind: &str) -> Option<&'static str> {
    match (group, kind) {
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") => Some("ValidatingAdmissionPolicies"),
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicy") => Some("MutatingAdmissionPolicies"),
        ("kyverno.io", "ClusterPolicy" | "Policy") | ("policies.kyverno.io", _) => Some("Kyverno policies"),
        ("constraints.gatekeeper.sh", _) | ("templates.gatekeeper.sh", "ConstraintTemplate") => {
            Some("Gatekeeper policies")
        }
        _ => None,
    }
}

impl Offline<'_> {
    /// Which policies the input holds that this run does not judge by, and what to do to have them run.
    #[must_use]
    pub fn policies_not_run(&self, set: &PolicySet) -> Vec<String> {
        let runs = set.policies().iter().any(|policy| policy.id.kind == "ValidatingAdmissionPolicy");
        let mut found: BTreeMap<&'static str, (usize, &str)> = BTreeMap::new();
        for (manifest, identity) in self.inventory.manifests().iter().zip(&self.identities) {
            let Some(language) = language(identity.gvk.group, identity.gvk.kind) else { continue };
            let file = self.inventory.paths().get(manifest.file.index()).copied().unwrap_or_default();
            found.entry(language).or_insert((0, file)).0 += 1;
        }
        let said = |(language, (count, file)): (&str, (usize, &str))| match language {
            "ValidatingAdmissionPolicies" if runs => None,
            "ValidatingAdmissionPolicies" => Some(format!(
                "the input holds {count} {language} ({file}), which are not run: to judge the manifests by them, \
                 with their bindings, name their files or folders with --policies or in plimsoll.yaml: \
                 policies: [{file}]"
            )),
            _ => Some(format!("the input holds {count} {language} ({file}), which are not run")),
        };
        found.into_iter().filter_map(said).collect()
    }
}
