//! APIService (k8s.io/kube-aggregator pkg/apis/apiregistration/validation).

use crate::field::{At, Causes};
use crate::{base64, meta, names};

pub(super) fn api_service(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    if let Some(old) = old {
        meta::object_meta_update(object.field("metadata"), old.field("metadata"), causes);
    }
    let spec = object.field("spec");
    let (group, version) = (spec.field("group"), spec.field("version"));
    name(object, &format!("{}.{}", version.str(), group.str()), causes);
    meta::object_meta(object.field("metadata"), |_, _| Vec::new(), causes);
    if group.is_empty() {
        if version.str() != "v1" {
            causes.required(group, "only v1 may have an empty group and it better be legacy kube");
        }
    } else {
        causes.invalid_each(group, group.str(), names::dns1123_subdomain(group.str()));
    }
    causes.invalid_each(version, version.str(), names::dns1035_label(version.str()));
    for (field, most) in [("groupPriorityMinimum", 20_000), ("versionPriority", 1_000)] {
        let priority = spec.field(field);
        if !(1..=most).contains(&priority.int()) {
            causes.invalid_value(priority, priority.int(), &format!("must be positive and less than {most}"));
        }
    }
    backend(spec, causes);
}

fn name(object: At<'_>, required: &str, causes: &mut Causes) {
    let name = object.fields("metadata.name");
    if name.is_empty() {
        return;
    }
    let faults = names::path_segment(name.str());
    if faults.is_empty() && name.str() != required {
        let required = crate::field::go_quote(required);
        causes.invalid(name, &format!("must be `spec.version+\".\"+spec.group`: {required}"));
    }
    causes.invalid_each(name, name.str(), faults);
}

fn backend(spec: At<'_>, causes: &mut Causes) {
    let (service, bundle, insecure) =
        (spec.field("service"), spec.field("caBundle"), spec.field("insecureSkipTLSVerify"));
    if !service.is_set() {
        if !bundle.is_empty() {
            let shown = format!("{} bytes", base64::decoded_len(bundle.str()));
            causes.invalid_value(bundle, &shown, "local APIServices may not have a caBundle");
        }
        if insecure.bool() {
            causes.invalid(insecure, "local APIServices may not have insecureSkipTLSVerify");
        }
        return;
    }
    for field in ["namespace", "name"] {
        if service.is_empty_at(field) {
            causes.required(service.field(field), "");
        }
    }
    let port = service.field("port");
    let faults = names::port_number(port.int());
    if !faults.is_empty() {
        causes.invalid_value(port, port.int(), &format!("port is not valid: {}", faults.join(", ")));
    }
    if insecure.bool() && !bundle.is_empty() {
        causes.invalid(insecure, "may not be true if caBundle is present");
    }
}
