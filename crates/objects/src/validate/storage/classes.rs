//! StorageClass and VolumeAttributesClass (pkg/apis/storage/validation).

use std::collections::{BTreeMap, BTreeSet};

use crate::field::{At, Causes};
use crate::go_value::{immutable_named, named};
use crate::{meta, names};

/// Members of `parameters`.
const MOST_PARAMETERS: usize = 512;
const MOST_PARAMETER_BYTES: usize = 256 * 1024;

pub(crate) fn storage_class(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    meta::core_object_meta(object.field("metadata"), meta::name_is_subdomain, causes);
    provisioner(object.field("provisioner"), causes);
    parameters(object.field("parameters"), true, causes);
    let reclaim = object.field("reclaimPolicy");
    if !reclaim.str().is_empty() && !matches!(reclaim.str(), "Delete" | "Retain") {
        causes.not_supported(reclaim, named(reclaim.str()), &["Delete", "Retain"]);
    }
    let binding = object.field("volumeBindingMode");
    if !binding.is_set() {
        causes.required(binding, "");
    } else if !matches!(binding.str(), "Immediate" | "WaitForFirstConsumer") {
        causes.not_supported(binding, named(binding.str()), &["Immediate", "WaitForFirstConsumer"]);
    }
    topologies(object.field("allowedTopologies"), causes);
    if let Some(old) = old {
        meta::core_object_meta_update(object.field("metadata"), old.field("metadata"), causes);
        for field in ["parameters", "provisioner"] {
            meta::immutable(object.field(field), old.field(field), causes);
        }
        for field in ["reclaimPolicy", "volumeBindingMode"] {
            immutable_named(object.field(field), old.field(field), causes);
        }
    }
}

pub(crate) fn volume_attributes_class(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    let (driver, values) = (object.field("driverName"), object.field("parameters"));
    if let Some(old) = old {
        meta::core_object_meta_update(object.field("metadata"), old.field("metadata"), causes);
        if driver.str() != old.str_at("driverName") {
            causes.forbidden(driver, "updates to driverName are forbidden.");
        }
        if !values.same(old.field("parameters")) {
            causes.forbidden(values, "updates to parameters are forbidden.");
        }
    }
    meta::core_object_meta(object.field("metadata"), meta::name_is_subdomain, causes);
    provisioner(driver, causes);
    parameters(values, false, causes);
}

fn provisioner(at: At<'_>, causes: &mut Causes) {
    if at.str().is_empty() {
        return causes.required(at, "");
    }
    let lower = at.str().to_lowercase();
    for error in names::qualified_name(&lower) {
        causes.invalid_value(at, &lower, &error);
    }
}

fn parameters(at: At<'_>, may_be_empty: bool, causes: &mut Causes) {
    if at.len() > MOST_PARAMETERS {
        return causes.too_long(at, MOST_PARAMETERS);
    }
    let mut size = 0;
    for (key, value) in at.entries() {
        if key.is_empty() {
            causes.invalid_value(at, key, "field can not be empty.");
        }
        size += key.len() + value.str().len();
    }
    if size > MOST_PARAMETER_BYTES {
        causes.too_long(at, MOST_PARAMETER_BYTES);
    }
    if !may_be_empty && at.is_empty() {
        causes.required(at, "must contain at least one key/value pair");
    }
}

/// Go makes its list of terms with as many empty ones in front as there are terms, so a term without expressions is a
/// duplicate of each of them.
fn topologies(at: At<'_>, causes: &mut Causes) {
    let mut seen: BTreeMap<BTreeMap<&str, BTreeSet<&str>>, usize> =
        BTreeMap::from([(BTreeMap::new(), at.len())]);
    for term in at.items() {
        let expressions = term.field("matchLabelExpressions");
        let mut keys = BTreeMap::new();
        for expression in expressions.items() {
            let values = topology_values(expression, causes);
            let key = expression.field("key");
            if keys.insert(key.str(), values).is_some() {
                causes.duplicate(key, key.str());
            }
        }
        let before = seen.entry(keys).or_default();
        for _ in 0..*before {
            causes.duplicate(expressions, "");
        }
        *before += 1;
    }
}

fn topology_values<'d>(expression: At<'d>, causes: &mut Causes) -> BTreeSet<&'d str> {
    let values = expression.field("values");
    if values.is_empty() {
        causes.required(values, "");
    }
    let mut seen = BTreeSet::new();
    for value in values.items() {
        if !seen.insert(value.str()) {
            causes.duplicate(value, value.str());
        }
    }
    let key = expression.field("key");
    for error in names::qualified_name(key.str()) {
        causes.invalid_value(key, key.str(), &error);
    }
    seen
}
