//! Resource claims of a Pod, and their use in containers.

use std::collections::BTreeSet;

use crate::field::{At, Causes, Reason, Value, go_json_string};
use crate::names;

/// `gatherPodResourceClaimNames`
pub(super) fn names(spec: At<'_>) -> BTreeSet<&str> {
    spec.items_at("resourceClaims")
        .map(|claim| claim.str_at("name"))
        .filter(|name| !name.is_empty())
        .collect()
}

/// `validatePodResourceClaims`
pub(super) fn check(claims: At<'_>, metadata: Option<At<'_>>, causes: &mut Causes) {
    let is_mirror = metadata
        .is_some_and(|metadata| metadata.field("annotations").key("kubernetes.io/config.mirror").is_set());
    let mut seen = BTreeSet::new();
    for claim in claims.items() {
        if is_mirror {
            // upstream's path is an empty name
            causes.forbidden(claim, "static pods do not support resource claims");
            continue;
        }
        let name = claim.field("name");
        if name.is_empty() {
            causes.required(name, "");
        } else if seen.insert(name.str()) {
            causes.invalid_each(name, name.str(), names::dns1123_label(name.str()));
        } else {
            causes.duplicate(name, name.str());
        }
        let (by_name, by_template) =
            (claim.field("resourceClaimName"), claim.field("resourceClaimTemplateName"));
        if by_name.is_set() == by_template.is_set() {
            let detail = if by_name.is_set() {
                "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            } else {
                "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            };
            causes.invalid_value(claim, shown(claim), detail);
        }
        for reference in [by_name, by_template].into_iter().filter(|reference| reference.is_set()) {
            causes.invalid_each(reference, reference.str(), names::dns1123_subdomain(reference.str()));
        }
    }
}

fn shown(claim: At<'_>) -> Value<'static> {
    let pointer = |name| claim.opt_str_at(name).map_or_else(|| "null".into(), go_json_string);
    Value::Json(format!(
        "{{\"Name\":{},\"ResourceClaimName\":{},\"ResourceClaimTemplateName\":{}}}",
        go_json_string(claim.str_at("name")),
        pointer("resourceClaimName"),
        pointer("resourceClaimTemplateName")
    ))
}

/// `validateResourceClaimNames`: those that a container uses.
pub(super) fn uses(claims: At<'_>, of_pod: &BTreeSet<&str>, causes: &mut Causes) {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for claim in claims.items() {
        let (name, request) = (claim.str_at("name"), claim.field("request"));
        if name.is_empty() {
            causes.required(claim, "");
            continue;
        }
        if seen.contains(name) {
            causes.duplicate(claim, name);
        } else {
            let mut key = name.to_owned();
            if !request.is_empty() {
                causes.invalid_each(request, request.str(), names::dns1123_label(request.str()));
                key = format!("{name}/{}", request.str());
            }
            if seen.contains(&key) {
                causes.duplicate(claim, &key);
            } else if request.is_empty() {
                let beginning = format!("{name}/");
                for _ in seen.range(beginning.clone()..).take_while(|key| key.starts_with(&beginning)) {
                    causes.duplicate(claim, name);
                }
            }
            seen.insert(key);
        }
        if !of_pod.contains(name) {
            let known = of_pod.iter().copied().collect::<Vec<_>>().join(", ");
            let detail = if known.is_empty() {
                "must be one of the names in pod.spec.resourceClaims which is empty".into()
            } else {
                format!("must be one of the names in pod.spec.resourceClaims: {known}")
            };
            causes.add(claim, Reason::NotFound, Some(Value::Str(name)), &detail);
        }
    }
}
