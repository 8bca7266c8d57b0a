//! Pods, Pod templates, and what workloads need of them (pkg/apis/core/validation/validation.go).

mod options;

pub use options::PodOptions;

use super::Rules;
use crate::field::{At, Causes};
use crate::meta;

/// The kinds of this file.
pub const RULES: &[Rules] = &[];

/// `ValidatePodTemplateSpec`. `at` is the template (`spec.template`); workloads make the options with
/// [`PodOptions::for_template`].
pub fn validate_pod_template_spec(at: At<'_>, options: &PodOptions, causes: &mut Causes) {
    let _ = options;
    let metadata = at.field("metadata");
    // upstream leaves `metadata` out of these paths
    meta::labels(at.said("labels").reading(metadata.field("labels")), causes);
    meta::annotations(at.said("annotations").reading(metadata.field("annotations")), causes);
}

/// `pod.GetWarningsForPodTemplate`: `at` is the template, `old` the stored one.
pub fn pod_template_warnings(at: At<'_>, old: Option<At<'_>>, warnings: &mut Vec<String>) {
    let _ = (at, old, warnings);
}
