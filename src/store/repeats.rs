//! Policies of the library that say what the API server says when it decodes and validates an object.
//!
//! They are for objects of which nobody can tell what it would say: those that are judged as they are written, and custom kinds
//! without their definition. Of others that are created nothing is lost when they are not asked where it has said nothing, which
//! spares reading them; on an UPDATE the server lets stand what was there before. `tests/repeats.rs` compares.

use crate::finding::Finding;

/// Such a policy, and the codes of which it repeats findings about built-in kinds.
const REPEATS: [(&str, &[&str]); 6] = [
    // labels, annotations, data, environments and arguments are typed; what is decoded has strings there
    ("string-values", &["kubernetes/type"]),
    // every object's labels and those of its Pod template are validated
    ("valid-labels", &["kubernetes/invalid"]),
    ("api-version", &["kubernetes/removed-api", "kubernetes/deprecated-api"]),
    ("job-restart-policy", &["kubernetes/invalid"]),
    ("port-names", &["kubernetes/invalid"]),
    ("selector-labels", &["kubernetes/invalid"]),
];

/// The codes of which a policy of the library, given by its name, repeats findings.
pub(super) fn repeated_by(policy: &str) -> Option<&'static [&'static str]> {
    REPEATS.iter().find(|(name, _)| *name == policy).map(|(_, codes)| *codes)
}

/// Whether one of these codes was found.
pub(super) fn was_said(codes: &[&str], findings: &[Finding]) -> bool {
    findings.iter().any(|finding| codes.contains(&finding.code()))
}
