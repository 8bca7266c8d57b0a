//! Claims of devices and their classes (pkg/apis/resource/validation). ResourceSlices, which drivers write, are not here.

mod claim;
mod selector;

use super::{Rules, Submitted, rules};
use crate::field::{At, Causes};
use crate::meta;
use crate::validate::core::resource_names;
use crate::validate::storage::csi;

const GROUP: &str = "resource.k8s.io";
/// `DeviceSelectorsMaxSize`, `DeviceConfigMaxSize`, `DeviceRequestsMaxSize`, `DeviceConstraintsMaxSize`
const MOST: usize = 32;

const fn of(kind: &'static str, namespaced: bool, check: for<'d> fn(&Submitted<'d>, &mut Causes)) -> Rules {
    Rules { group: GROUP, kind, namespaced, check, warn: None }
}

/// The kinds of this file.
pub const RULES: &[Rules] = &[
    of("ResourceClaim", true, claim),
    of("ResourceClaimTemplate", true, template),
    of("DeviceClass", false, class),
];

fn claim(subject: &Submitted<'_>, causes: &mut Causes) {
    let (metadata, spec) = (subject.at.field("metadata"), subject.at.field("spec"));
    meta::core_object_meta(metadata, meta::name_is_subdomain, causes);
    match subject.old {
        None => claim::spec(spec, causes),
        Some(old) => {
            meta::core_object_meta_update(metadata, old.field("metadata"), causes);
            meta::immutable(spec, old.field("spec"), causes);
        }
    }
}

fn template(subject: &Submitted<'_>, causes: &mut Causes) {
    rules::metadata(subject, meta::name_is_subdomain, causes);
    let spec = subject.at.field("spec");
    match subject.old {
        None => {
            meta::template_meta(spec.field("metadata"), causes);
            claim::spec(spec.field("spec"), causes);
        }
        Some(old) => meta::immutable(spec, old.field("spec"), causes),
    }
}

fn class(subject: &Submitted<'_>, causes: &mut Causes) {
    let metadata = subject.at.field("metadata");
    meta::core_object_meta(metadata, meta::name_is_subdomain, causes);
    if let Some(old) = subject.old {
        meta::core_object_meta_update(metadata, old.field("metadata"), causes);
    }
    let spec = subject.at.field("spec");
    selector::all(spec.field("selectors"), causes);
    each(spec.field("config"), MOST, causes, |config, causes| configuration(config, causes));
    let name = spec.field("extendedResourceName");
    if name.is_set() && !resource_names::is_extended(name.str()) {
        causes.invalid(name, "must be a valid extended resource name");
    }
}

/// `validateSlice`: where there are too many, nothing more is said.
fn each<'d>(list: At<'d>, most: usize, causes: &mut Causes, mut check: impl FnMut(At<'d>, &mut Causes)) {
    if list.len() > most {
        return causes.too_many(list, list.len(), most);
    }
    list.items().for_each(|item| check(item, causes));
}

/// `validateDeviceConfiguration`
fn configuration(config: At<'_>, causes: &mut Causes) {
    let opaque = config.field("opaque");
    if !opaque.is_set() {
        return causes.required(opaque, "");
    }
    csi::driver_name(opaque.field("driver"), causes);
    let parameters = opaque.field("parameters");
    match parameters.node() {
        None => causes.required(parameters, ""),
        Some(node) if node.to_json().len() > 10 * 1024 => causes.too_long(parameters, 10 * 1024),
        Some(node) if !node.is_object() => {
            causes.invalid_value(parameters, "<value omitted>", "must be a valid JSON object");
        }
        Some(_) => {}
    }
}
