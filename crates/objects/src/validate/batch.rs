//! Jobs and CronJobs: pkg/apis/batch/validation/validation.go.

mod cron_job;
mod failure_policy;
mod indexes;
mod job;
mod success_policy;
mod template_update;

use super::Rules;
use super::rules::{domain_prefixed_path, not_negative_members, optional_enum, typed};
use super::template::pod_template;
use crate::field::{At, Causes};
use crate::meta::not_negative;
use crate::names;

/// The kinds of this file.
pub const RULES: &[Rules] = &[
    Rules { group: "batch", kind: "Job", namespaced: true, check: job::job, warn: Some(job::warn) },
    Rules {
        group: "batch",
        kind: "CronJob",
        namespaced: true,
        check: cron_job::cron_job,
        warn: Some(cron_job::warn),
    },
];

/// `maxParallelismForIndexedJob`, `maxFailedIndexesForIndexedJob`, `completionsSoftLimit`.
const MAX_INDEXED: i64 = 100_000;
/// `parallelismLimitForHighCompletions`, `maxFailedIndexesLimitForHighCompletions`.
const MAX_WITH_HIGH_COMPLETIONS: i64 = 10_000;
const MAX_MANAGED_BY: usize = 63;

/// `validateJobSpec`: what the `spec` of a Job and of a CronJob's template have in common. `named`: the name that
/// the server puts into labels of the template where they are not written.
fn job_spec(spec: At<'_>, old_template: Option<At<'_>>, named: Option<&str>, causes: &mut Causes) {
    let numbers = [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
    ];
    not_negative_members(spec, &numbers, causes);
    let per_index = spec.field("backoffLimitPerIndex");
    let max_failed = spec.field("maxFailedIndexes");
    if max_failed.is_set() {
        not_negative(max_failed, causes);
        if !per_index.is_set() {
            causes.required(per_index, "when maxFailedIndexes is specified");
        }
    }
    let managed_by = spec.field("managedBy");
    if managed_by.is_set() {
        domain_prefixed_path(managed_by, causes);
        if managed_by.len() > MAX_MANAGED_BY {
            causes.too_long(managed_by, MAX_MANAGED_BY);
        }
    }
    let mode = spec.field("completionMode");
    match mode.opt_str() {
        Some("Indexed") => indexed(spec, causes),
        None | Some("NonIndexed") => {
            for number in [per_index, max_failed].into_iter().filter(|number| number.is_set()) {
                causes.invalid(number, "requires indexed completion mode");
            }
        }
        Some(_) => causes.not_supported(mode, typed(mode), &["NonIndexed", "Indexed"]),
    }
    failure_policy::failure_policy(spec, causes);
    success_policy::success_policy(spec, causes);
    let replacement = spec.field("podReplacementPolicy");
    if spec.has("podFailurePolicy") {
        optional_enum(replacement, &["Failed"], causes);
    } else {
        optional_enum(replacement, &["Failed", "TerminatingOrFailed"], causes);
    }
    let template = spec.field("template");
    if let Some(name) = named {
        let labels = template.fields("metadata.labels");
        for _ in job::NAME_LABELS.iter().filter(|label| !labels.key(label).is_set()) {
            causes.invalid_each(template.said("labels").reading(labels), name, names::label_value(name));
        }
    }
    pod_template(template, old_template, causes);
    restart_policy(spec, causes);
}

/// What holds of Indexed Jobs only.
fn indexed(spec: At<'_>, causes: &mut Causes) {
    let completions = spec.field("completions");
    let parallelism = spec.field("parallelism");
    let max_failed = spec.field("maxFailedIndexes");
    if !completions.is_set() {
        causes.required(completions, "when completion mode is Indexed");
    }
    if parallelism.int() > MAX_INDEXED {
        let detail = format!("must be less than or equal to {MAX_INDEXED} when completion mode is Indexed");
        causes.invalid(parallelism, &detail);
    }
    if completions.opt_int().is_some_and(|completions| max_failed.int() > completions) && max_failed.is_set()
    {
        causes.invalid(max_failed, "must be less than or equal to completions");
    }
    if max_failed.int() > MAX_INDEXED {
        causes.invalid(max_failed, &format!("must be less than or equal to {MAX_INDEXED}"));
    }
    if completions.int() > MAX_INDEXED && spec.has("backoffLimitPerIndex") {
        if !max_failed.is_set() {
            let detail = format!("must be specified when completions is above {MAX_INDEXED}");
            causes.required(max_failed, &detail);
        }
        for number in [parallelism, max_failed] {
            if number.int() > MAX_WITH_HIGH_COMPLETIONS {
                let detail = format!(
                    "must be less than or equal to {MAX_WITH_HIGH_COMPLETIONS} when completions are above \
                     {MAX_INDEXED} and used with backoff limit per index"
                );
                causes.invalid(number, &detail);
            }
        }
    }
}

/// `Always`, which is the default of a Pod, counts as not said.
fn restart_policy(spec: At<'_>, causes: &mut Causes) {
    let at = spec.fields("template.spec.restartPolicy");
    match at.str() {
        "" | "Always" => causes.required(at, "valid values: \"OnFailure\", \"Never\""),
        "Never" => {}
        "OnFailure" => {
            if spec.has("podFailurePolicy") {
                causes.invalid(at, "only \"Never\" is supported when podFailurePolicy is specified");
            }
        }
        _ => causes.not_supported(at, typed(at), &["OnFailure", "Never"]),
    }
}

/// `WarningsForJobSpec` of pkg/api/job/warnings.go, without the template's.
fn warn_of_size(spec: At<'_>, warnings: &mut Vec<String>) {
    if spec.str_at("completionMode") == "Indexed"
        && spec.int_at("completions") > MAX_INDEXED
        && spec.int_at("parallelism") > MAX_WITH_HIGH_COMPLETIONS
    {
        warnings.push(format!(
            "{spec}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher \
             than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes \
             fail"
        ));
    }
}
