//! What is let pass because the stored object has it already (pkg/api/pod/util.go).

use crate::field::At;

/// `PodValidationOptions`, with feature gates at their defaults of 1.36.
#[derive(Debug, Clone, Copy, Default)]
pub struct PodOptions {
    /// A Pod itself, and not a template.
    pub is_pod: bool,
}

impl PodOptions {
    /// `GetValidationOptionsFromPodTemplate`; `old` is the stored template.
    #[must_use]
    pub fn for_template(at: At<'_>, old: Option<At<'_>>) -> Self {
        let _ = (at, old);
        Self { is_pod: false }
    }
}
