//! Policies of other tools, and of the API server, that lie among the manifests and are not run.

use std::collections::BTreeMap;

use super::Offline;

/// One policy of a language, and several.
type Language = [&'static str; 2];

const VALIDATING: Language = ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicies"];
const MUTATING: Language = ["MutatingAdmissionPolicy", "MutatingAdmissionPolicies"];

/// What tells a policy: its group, and of some groups the kind.
fn language(group: &str, kind: &str) -> Option<Language> {
    match (group, kind) {
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") => Some(VALIDATING),
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicy") => Some(MUTATING),
        ("kyverno.io", "ClusterPolicy" | "Policy") | ("policies.kyverno.io", _) => {
            Some(["Kyverno policy", "Kyverno policies"])
        }
        ("constraints.gatekeeper.sh", _) | ("templates.gatekeeper.sh", "ConstraintTemplate") => {
            Some(["Gatekeeper policy", "Gatekeeper policies"])
        }
        _ => None,
    }
}

impl Offline<'_> {
    /// Which policies the input holds that this run does not judge by, and what to do to have them run. `is_read`: whether the
    /// run has read a policy of this kind and name.
    #[must_use]
    pub fn policies_not_run(&self, is_read: impl Fn(&str, &str) -> bool) -> Vec<String> {
        let mut found: BTreeMap<Language, (usize, &str)> = BTreeMap::new();
        for (manifest, identity) in self.inventory.manifests().iter().zip(&self.identified.all) {
            let Some(language) = language(identity.gvk.group, identity.gvk.kind) else { continue };
            if is_read(identity.gvk.kind, identity.name.unwrap_or_default()) {
                continue;
            }
            let file = self.inventory.paths().get(manifest.file.index()).copied().unwrap_or_default();
            found.entry(language).or_insert((0, file)).0 += 1;
        }
        let said = |(language, (count, file)): (Language, (usize, &str))| {
            let (what, are) = if count == 1 { (language[0], "is") } else { (language[1], "are") };
            let not_run = format!("the input holds {count} {what} ({file}), which {are} not run");
            match language {
                VALIDATING | MUTATING => format!(
                    "{not_run}: to judge the manifests by the policies of the input, --policies input or in plimsoll.yaml: \
                     policies: input"
                ),
                _ => not_run,
            }
        };
        found.into_iter().map(said).collect()
    }
}
