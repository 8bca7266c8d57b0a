//! What may change in the template of a Job: nothing, unless it is suspended.

use crate::field::{At, Causes};
use crate::meta::{IMMUTABLE, immutable};

/// What the scheduler goes by, beside node affinity.
const DIRECTIVES: [&str; 3] = ["nodeSelector", "tolerations", "schedulingGates"];

/// `validatePodTemplateUpdate`. The values in these messages are whole templates; they are not reproduced.
pub(super) fn template_update(spec: At<'_>, old: At<'_>, causes: &mut Causes) {
    let template = spec.field("template");
    let old_template = old.fields("spec.template");
    if !is_idle(old) {
        return immutable(template, old_template, causes);
    }
    let pod = template.field("spec");
    if !same_pod(pod, old_template.field("spec")) {
        causes.invalid(pod, IMMUTABLE);
    }
}

/// `shouldAllowMutablePodTemplate` of pkg/registry/batch/job/strategy.go.
fn is_idle(old: At<'_>) -> bool {
    let status = old.field("status");
    let mut conditions = status.items_at("conditions");
    let suspended = conditions.any(|it| (it.str_at("type"), it.str_at("status")) == ("Suspended", "True"));
    old.fields("spec.suspend").bool()
        && status.int_at("active") == 0
        && (suspended || !status.has("startTime"))
}

/// Equal but for scheduling directives and the resources of containers.
fn same_pod(new: At<'_>, old: At<'_>) -> bool {
    let affinity = |part| new.field("affinity").field(part).same(old.field("affinity").field(part));
    let mut keys = new.entries().map(|(key, _)| key.to_owned()).collect::<Vec<_>>();
    keys.extend(old.entries().map(|(key, _)| key.to_owned()));
    keys.iter().all(|key| {
        let (new, old) = (new.field(key), old.field(key));
        match key.as_str() {
            "affinity" => affinity("podAffinity") && affinity("podAntiAffinity"),
            "containers" | "initContainers" => same_containers(new, old),
            key => DIRECTIVES.contains(&key) || new.same(old),
        }
    })
}

fn same_containers(new: At<'_>, old: At<'_>) -> bool {
    new.len() == old.len()
        && new.items().zip(old.items()).all(|(new, old)| {
            let mut keys = new.entries().map(|(key, _)| key).collect::<Vec<_>>();
            keys.extend(old.entries().map(|(key, _)| key));
            keys.iter().filter(|key| **key != "resources").all(|key| new.field(key).same(old.field(key)))
        })
}
