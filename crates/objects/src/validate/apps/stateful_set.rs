//! StatefulSets.

use super::super::core::resource_names;
use super::super::int_or_percent::{at_most_100_percent, int_or_percent, positive_int_or_percent};
use super::super::rules::{metadata, not_negative_members, typed};
use super::super::storage::claims;
use super::super::{Submitted, template};
use super::{always_restarts, must_select, required_selector};
use crate::field::{At, Causes, go_quote};
use crate::go_value::{Field, LABEL_SELECTOR, Shape};
use crate::meta::{matches_labels, name_is_label, not_negative};
use crate::names;

const ROLLING_UPDATE: &[Field] =
    &[Field("Partition", "partition", Shape::Int), Field("MaxUnavailable", "maxUnavailable", Shape::Plain)];
const STRATEGY: Shape = Shape::Struct(&[
    Field("Type", "type", Shape::Text),
    Field("RollingUpdate", "rollingUpdate", Shape::Pointer(ROLLING_UPDATE)),
]);

/// What may change in a `spec`.
const MUTABLE: [&str; 7] = [
    "replicas",
    "template",
    "updateStrategy",
    "minReadySeconds",
    "ordinals",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
];

/// What an update does not check again.
#[derive(Clone, Copy)]
struct Skip {
    /// Cannot be changed anyway.
    immutable: bool,
    /// Where the old template was invalid already.
    template: bool,
}

/// `ValidateStatefulSet`, `ValidateStatefulSetUpdate`.
pub(super) fn stateful_set(subject: &Submitted<'_>, causes: &mut Causes) {
    metadata(subject, name_is_label, causes);
    let spec = subject.at.field("spec");
    let Some(old) = subject.old.map(|old| old.field("spec")) else {
        return check_spec(spec, None, Skip { immutable: false, template: false }, causes);
    };
    let mut of_old = Causes::new();
    check_spec(old, Some(old), Skip { immutable: true, template: false }, &mut of_old);
    check_spec(spec, Some(old), Skip { immutable: true, template: !of_old.is_empty() }, causes);
    let keys = |spec: At<'_>| spec.entries().map(|(key, _)| key.to_owned()).collect::<Vec<_>>();
    let all = [keys(spec), keys(old)].concat();
    let mut fixed = all.iter().filter(|key| !MUTABLE.contains(&key.as_str()));
    if fixed.any(|key| !spec.field(key).same(old.field(key))) {
        causes.forbidden(
            spec,
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
             'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
             'minReadySeconds' are forbidden",
        );
    }
}

/// `ValidateStatefulSetSpec`.
fn check_spec(spec: At<'_>, old: Option<At<'_>>, skip: Skip, causes: &mut Causes) {
    let management = spec.field("podManagementPolicy");
    match management.str() {
        "" => causes.required(management, ""),
        "OrderedReady" | "Parallel" => {}
        _ => causes.invalid_value(management, typed(management), "must be 'OrderedReady' or 'Parallel'"),
    }
    update_strategy(spec.field("updateStrategy"), causes);
    retention(spec.field("persistentVolumeClaimRetentionPolicy"), causes);
    if !skip.immutable {
        for claim in spec.items_at("volumeClaimTemplates") {
            claims::template_spec(claim.field("spec"), causes);
        }
    }
    not_negative_members(spec, &["replicas", "minReadySeconds"], causes);
    not_negative(spec.fields("ordinals.start"), causes);
    let service = spec.field("serviceName");
    if !skip.immutable && !service.is_empty() {
        causes.invalid_each(service, service.str(), names::dns1123_label(service.str()));
    }
    let selector = spec.field("selector");
    required_selector(selector, "empty selector is invalid for statefulset", causes);
    let template = spec.field("template");
    match matches_labels(selector, template.fields("metadata.labels")) {
        None => causes.invalid_value(selector, LABEL_SELECTOR.value(selector), ""),
        Some(matches) => {
            must_select(matches, template, causes);
            template::stateful(spec, template::of(old), skip.template, causes);
        }
    }
    always_restarts(template, "StatefulSet", causes);
}

fn update_strategy(at: At<'_>, causes: &mut Causes) {
    let rolling = at.field("rollingUpdate");
    match at.str_at("type") {
        "" => causes.required(at, ""),
        "OnDelete" => {
            if rolling.is_set() {
                let shown = Shape::Struct(ROLLING_UPDATE).value(rolling);
                causes.invalid_value(rolling, shown, "only allowed for updateStrategy 'RollingUpdate'");
            }
        }
        "RollingUpdate" => {
            not_negative(rolling.field("partition"), causes);
            let unavailable = rolling.field("maxUnavailable");
            if unavailable.is_set() {
                positive_int_or_percent(unavailable, causes);
                if int_or_percent(unavailable) == 0 {
                    causes.invalid(unavailable, "cannot be 0");
                }
                at_most_100_percent(unavailable, causes);
            }
        }
        _ => causes.invalid_value(at, STRATEGY.value(at), "must be 'RollingUpdate' or 'OnDelete'"),
    }
}

fn retention(at: At<'_>, causes: &mut Causes) {
    if !at.is_set() {
        return;
    }
    for when in ["whenDeleted", "whenScaled"] {
        let policy = at.field(when);
        if !matches!(policy.str(), "Retain" | "Delete") {
            causes.not_supported(policy, typed(policy), &["Retain", "Delete"]);
        }
    }
}

/// `WarningsOnCreate`, `WarningsOnUpdate` of pkg/registry/apps/statefulset/strategy.go.
pub(super) fn warn(subject: &Submitted<'_>, warnings: &mut Vec<String>) {
    template::warn(subject, false, warnings);
    let spec = subject.at.field("spec");
    for claim in spec.items_at("volumeClaimTemplates") {
        // the path is upstream's
        let above = if subject.old.is_some() { ".Spec" } else { "" };
        for list in ["requests", "limits"] {
            let amount = resource_names::quantity(claim.fields("spec.resources").field(list).key("storage"));
            if resource_names::is_fractional(&amount) {
                let shown = go_quote(&amount.to_string());
                warnings.push(format!(
                    "{claim}{above}.resources.{list}[storage]: fractional byte value {shown} is invalid, must \
                     be an integer"
                ));
            }
        }
    }
    if spec.int_at("revisionHistoryLimit") < 0 {
        warnings.push(
            "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is \
             recommended"
                .to_owned(),
        );
    }
}
