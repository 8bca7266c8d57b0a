//! CronJobs.

use super::super::pod::pod_template_warnings;
use super::super::rules::{metadata, not_negative_members, required_enum};
use super::super::{Submitted, cron, template};
use super::{job_spec, warn_of_size};
use crate::field::{At, Causes, Value, go_json_string};
use crate::go_value::LABEL_SELECTOR;
use crate::meta::{final_name, name_is_subdomain};

/// A Job's name is the CronJob's with eleven characters behind.
const MAX_NAME: usize = 63 - 11;

/// `ValidateCronJobCreate`, `ValidateCronJobUpdate`.
pub(super) fn cron_job(subject: &Submitted<'_>, causes: &mut Causes) {
    metadata(subject, name_is_subdomain, causes);
    check_spec(subject.at.field("spec"), subject.old.map(|old| old.field("spec")), causes);
    let name = final_name(subject.at.field("metadata"));
    if subject.old.is_none() && name.len() > MAX_NAME {
        let detail = format!("must be no more than {MAX_NAME} characters");
        causes.invalid_value(subject.at.fields("metadata.name"), &name, &detail);
    }
}

/// `validateCronJobSpec`.
fn check_spec(spec: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    let zone = spec.field("timeZone");
    schedule(spec.field("schedule"), zone.is_set(), old, causes);
    not_negative_members(spec, &["startingDeadlineSeconds"], causes);
    if let Some(name) = zone.opt_str()
        && old.is_none_or(|old| old.opt_str_at("timeZone") != Some(name))
    {
        for error in cron::time_zone_errors(name) {
            causes.invalid_value(zone, Value::Json(go_json_string(name)), &error);
        }
    }
    required_enum(spec.field("concurrencyPolicy"), &["Allow", "Forbid", "Replace"], causes);
    let job = spec.fields("jobTemplate.spec");
    job_spec(job, template::of(old.map(|old| old.fields("jobTemplate.spec"))), None, causes);
    let selector = job.field("selector");
    if selector.is_set() {
        let shown = LABEL_SELECTOR.value(selector);
        causes.invalid_value(selector, shown, "`selector` will be auto-generated");
    }
    let manual = job.field("manualSelector");
    if manual.bool() {
        causes.not_supported(manual, true, &["nil", "false"]);
    }
    not_negative_members(spec, &["successfulJobsHistoryLimit", "failedJobsHistoryLimit"], causes);
}

/// `validateScheduleFormat`; a zone in the schedule is tolerated where there was one.
fn schedule(at: At<'_>, has_zone: bool, old: Option<At<'_>>, causes: &mut Causes) {
    if at.str().is_empty() {
        return causes.required(at, "");
    }
    if let Some(error) = cron::schedule_error(at.str()) {
        causes.invalid(at, &error);
    }
    if !at.str().contains("TZ") {
        return;
    }
    if !old.is_some_and(|old| old.str_at("schedule").contains("TZ")) {
        causes.invalid(at, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
    } else if has_zone {
        causes.invalid(at, "cannot use both timeZone field and TZ or CRON_TZ in schedule");
    }
}

/// `WarningsOnCreate`, `WarningsOnUpdate` of pkg/registry/batch/cronjob/strategy.go.
pub(super) fn warn(subject: &Submitted<'_>, warnings: &mut Vec<String>) {
    template::warn_of_name(subject, warnings);
    let spec = subject.at.field("spec");
    let job = spec.fields("jobTemplate.spec");
    if subject.old.is_none_or(|old| !spec.same(old.field("spec"))) {
        warn_of_size(job, warnings);
        let old = template::of(subject.old.map(|old| old.fields("spec.jobTemplate.spec")));
        pod_template_warnings(job.field("template"), old, warnings);
    }
    if subject.old.is_some() && spec.str_at("schedule").contains("TZ") {
        warnings.push(
            "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see \
             https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
                .to_owned(),
        );
    }
}
