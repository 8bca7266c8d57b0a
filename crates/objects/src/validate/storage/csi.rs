//! CSIDriver, CSINode, CSIStorageCapacity and VolumeAttachment (pkg/apis/storage/validation).

use std::collections::BTreeSet;

use super::{diff, volumes};
use crate::field::{At, Causes, Value};
use crate::go_value::{Field, GoValue, Shape, named};
use crate::validate::core::resource_names as resources;
use crate::{go_value, meta, names, selectors};

const MOST_NODE_ID_BYTES: usize = 256;

pub(crate) fn driver(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    let spec = object.field("spec");
    match old {
        Some(old) => meta::core_object_meta_update(object.field("metadata"), old.field("metadata"), causes),
        None => meta::core_object_meta(object.field("metadata"), meta::name_is_subdomain, causes),
    }
    driver_spec(spec, causes);
    if let Some(old) = old.map(|old| old.field("spec")) {
        let attach = spec.said("attachedRequired").reading(spec.field("attachRequired"));
        meta::immutable(attach, old.field("attachRequired"), causes);
        meta::immutable(spec.field("volumeLifecycleModes"), old.field("volumeLifecycleModes"), causes);
    }
}

fn driver_spec(spec: At<'_>, causes: &mut Causes) {
    let need = |at: At<'_>, causes: &mut Causes| {
        if !at.is_set() {
            causes.required(at, "");
        }
    };
    // the name of the field is misspelt in the server's messages
    need(spec.said("attachedRequired").reading(spec.field("attachRequired")), causes);
    need(spec.field("podInfoOnMount"), causes);
    need(spec.field("storageCapacity"), causes);
    let policy = spec.field("fsGroupPolicy");
    if policy.is_set() && !matches!(policy.str(), "ReadWriteOnceWithFSType" | "File" | "None") {
        causes.not_supported(policy, named(policy.str()), &["File", "None", "ReadWriteOnceWithFSType"]);
    }
    token_requests(spec.field("tokenRequests"), causes);
    let modes = spec.field("volumeLifecycleModes");
    for mode in modes.items() {
        if !matches!(mode.str(), "Persistent" | "Ephemeral") {
            causes.not_supported(modes, named(mode.str()), &["Persistent", "Ephemeral"]);
        }
    }
    need(spec.field("seLinuxMount"), causes);
    let period = spec.field("nodeAllocatableUpdatePeriodSeconds");
    if period.opt_int().is_some_and(|seconds| seconds < 10) {
        causes.invalid(period, "must be greater than or equal to 10 seconds");
    }
    let in_secrets = spec.field("serviceAccountTokenInSecrets");
    if in_secrets.is_set() && spec.is_empty_at("tokenRequests") {
        let detail = "serviceAccountTokenInSecrets is set but no tokenRequests are specified";
        causes.invalid(in_secrets, detail);
    }
}

fn token_requests(at: At<'_>, causes: &mut Causes) {
    let mut audiences = BTreeSet::new();
    for request in at.items() {
        let (audience, expiration) = (request.field("audience"), request.field("expirationSeconds"));
        if !audiences.insert(audience.str()) {
            causes.duplicate(audience, audience.str());
            continue;
        }
        let Some(seconds) = expiration.opt_int() else { continue };
        if seconds < 600 {
            causes.invalid(expiration, "may not specify a duration less than 10 minutes");
        }
        if seconds > 1 << 32 {
            causes.invalid(expiration, "may not specify a duration larger than 2^32 seconds");
        }
    }
}

pub(crate) fn node(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    meta::core_object_meta(object.field("metadata"), meta::name_is_subdomain, causes);
    let drivers = object.field("spec").field("drivers");
    let mut seen = BTreeSet::new();
    for driver in drivers.items() {
        node_driver(driver, &mut seen, causes);
    }
    let Some(old) = old else { return };
    for stored in old.field("spec").items_at("drivers") {
        for driver in drivers.items() {
            let same = |field: &'static str| driver.field(field).same(stored.field(field));
            if driver.str_at("name") == stored.str_at("name")
                && !["nodeID", "topologyKeys"].into_iter().all(same)
            {
                causes.invalid_value(drivers, go_node_driver(driver), meta::IMMUTABLE);
            }
        }
    }
}

const NODE_DRIVER: &[Field] = &[
    Field("Name", "name", Shape::Text),
    Field("NodeID", "nodeID", Shape::Text),
    Field("TopologyKeys", "topologyKeys", Shape::Plain),
];

/// `Allocatable` is left out of the comparison and of what is shown.
fn go_node_driver(at: At<'_>) -> Value<'static> {
    let mut shown = go_value::value(at, &Shape::Struct(NODE_DRIVER));
    shown.add("Allocatable", GoValue::null());
    shown.shown()
}

fn node_driver<'d>(driver: At<'d>, seen: &mut BTreeSet<&'d str>, causes: &mut Causes) {
    let (name, id) = (driver.field("name"), driver.field("nodeID"));
    driver_name(name, causes);
    if id.str().is_empty() {
        causes.required(id, "");
    }
    if id.str().len() > MOST_NODE_ID_BYTES {
        causes.invalid(id, &format!("must be {MOST_NODE_ID_BYTES} characters or less"));
    }
    let count = driver.field("allocatable").field("count");
    if count.opt_int().is_some_and(|count| count < 0) {
        causes.invalid(count, "must be greater than or equal to 0");
    }
    if !seen.insert(name.str()) {
        causes.duplicate(name, name.str());
    }
    let mut keys = BTreeSet::new();
    for key in driver.field("topologyKeys").strings() {
        if key.is_empty() {
            causes.required(driver, "");
        }
        if !keys.insert(key) {
            causes.duplicate(driver, key);
        }
        for error in names::qualified_name(key) {
            causes.invalid_value(driver, key, &error);
        }
    }
}

/// `ValidateCSIDriverName` of pkg/apis/core/validation.
pub(crate) fn driver_name(at: At<'_>, causes: &mut Causes) {
    driver_name_of(at, at.str(), causes);
}

/// Likewise, of a name that is only a part of what is there.
pub(crate) fn driver_name_of(at: At<'_>, name: &str, causes: &mut Causes) {
    if name.is_empty() {
        return causes.required(at, "");
    }
    if name.len() > 63 {
        causes.too_long(at, 63);
    }
    causes.invalid_each(at, name, names::dns1123_subdomain(&name.to_lowercase()));
}

pub(crate) fn storage_capacity(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    meta::core_object_meta(object.field("metadata"), meta::name_is_subdomain, causes);
    let (topology, class) = (object.field("nodeTopology"), object.field("storageClassName"));
    let lenient = old.is_some_and(|old| !selectors::labels_are_valid(old.field("nodeTopology")));
    selectors::labels(topology, lenient, causes);
    for error in names::dns1123_subdomain(class.str()) {
        causes.invalid_value(class, class.str(), &error);
    }
    let capacity = object.field("capacity");
    if capacity.is_set() {
        resources::not_negative(capacity, &resources::quantity(capacity), causes);
    }
    if let Some(old) = old {
        meta::core_object_meta_update(object.field("metadata"), old.field("metadata"), causes);
        meta::immutable(topology, old.field("nodeTopology"), causes);
        meta::immutable(class, old.field("storageClassName"), causes);
    }
}

pub(crate) fn volume_attachment(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    meta::core_object_meta(object.field("metadata"), meta::name_is_subdomain, causes);
    // the status is reset, or the stored one put back, before
    let spec = object.field("spec");
    driver_name(spec.field("attacher"), causes);
    attachment_source(spec.field("source"), causes);
    let node = spec.field("nodeName");
    for error in names::dns1123_subdomain(node.str()) {
        causes.invalid_value(node, node.str(), &error);
    }
    let volume = spec.field("source").field("persistentVolumeName");
    if volume.is_set() {
        for error in names::dns1123_subdomain(volume.str()) {
            causes.invalid(volume, &error);
        }
    }
    if let Some(old) = old {
        let stored = old.field("spec");
        if !spec.same(stored) {
            let shown = go_value::value(spec, &Shape::Struct(diff::ATTACHMENT_SPEC)).shown();
            causes.invalid_value(spec, shown, meta::IMMUTABLE);
        }
    }
}

fn attachment_source(at: At<'_>, causes: &mut Causes) {
    let (inline, name) = (at.field("inlineVolumeSpec"), at.field("persistentVolumeName"));
    let one = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
    match (inline.is_set(), name.is_set()) {
        (false, false) => causes.required(at, one),
        (true, true) => causes.forbidden(at, one),
        (false, true) => {
            if name.str().is_empty() {
                causes.required(name, "must specify non empty persistentVolumeName");
            }
        }
        (true, false) => volumes::spec(inline, "", volumes::Options::inline(), causes),
    }
}
