//! Environment variables, and what of the object the downward API can name.

use crate::field::{At, Causes};
use crate::names;
use crate::validate::core::resource_names;
use crate::validate::storage::sources::no_way_up;

const OF_ENV: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// What a file of a downwardAPI volume can hold, besides resources.
pub(super) const OF_VOLUMES: [&str; 5] =
    ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

const BYTE_UNITS: [&str; 13] =
    ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

/// `ValidateEnv`
pub(super) fn check(entries: At<'_>, causes: &mut Causes) {
    for entry in entries.items() {
        let name = entry.field("name");
        if name.is_empty() {
            causes.required(name, "");
        } else {
            causes.invalid_each(name, name.str(), names::env_name(name.str()));
        }
        value_from(entry, causes);
    }
}

/// `validateEnvVarValueFrom`
fn value_from(entry: At<'_>, causes: &mut Causes) {
    let from = entry.field("valueFrom");
    if !from.is_set() {
        return;
    }
    let [field, resource, config, secret, file] =
        ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"]
            .map(|name| from.field(name));
    if field.is_set() {
        object_field(field, &OF_ENV, causes);
    }
    if resource.is_set() {
        resource_field(resource, false, causes);
    }
    for key in [config, secret].into_iter().filter(|key| key.is_set()) {
        key_selector(key, causes);
    }
    if file.is_set() {
        file_key(file, causes);
    }
    let sources = [field, resource, config, secret, file].iter().filter(|source| source.is_set()).count();
    let detail = if sources == 0 {
        "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
    } else if !entry.is_empty_at("value") {
        "may not be specified when `value` is not empty"
    } else if sources > 1 {
        "may not have more than one field specified at a time"
    } else {
        return;
    };
    causes.invalid_value(from, "", detail);
}

/// `ValidateEnvFrom`; a wrong number of sources is told at the list.
pub(super) fn from(sources: At<'_>, causes: &mut Causes) {
    for source in sources.items() {
        let prefix = source.field("prefix");
        if !prefix.is_empty() {
            causes.invalid_each(prefix, prefix.str(), names::env_name(prefix.str()));
        }
        let references = ["configMapRef", "secretRef"].map(|name| source.field(name));
        for name in references.iter().filter(|reference| reference.is_set()).map(|r| r.field("name")) {
            if name.is_empty() {
                causes.required(name, "");
            } else {
                // judged as the beginning of a name
                causes.invalid_each(name, name.str(), crate::meta::name_is_subdomain(name.str(), true));
            }
        }
        let at = sources.reading(source);
        match references.iter().filter(|reference| reference.is_set()).count() {
            0 => causes.invalid_value(at, "", "must specify one of: `configMapRef` or `secretRef`"),
            1 => {}
            _ => causes.invalid_value(at, "", "may not have more than one field specified at a time"),
        }
    }
}

/// `validateConfigMapKeySelector`, `validateSecretKeySelector`
fn key_selector(at: At<'_>, causes: &mut Causes) {
    let (name, key) = (at.field("name"), at.field("key"));
    causes.invalid_each(name, name.str(), names::dns1123_subdomain(name.str()));
    if key.is_empty() {
        causes.required(key, "");
    } else {
        causes.invalid_each(key, key.str(), names::config_map_key(key.str()));
    }
}

/// `validateFileKeySelector`
fn file_key(at: At<'_>, causes: &mut Causes) {
    let (key, volume, path) = (at.field("key"), at.field("volumeName"), at.field("path"));
    for needed in [key, volume, path] {
        if needed.is_empty() {
            causes.required(needed, "");
        }
    }
    if !key.is_empty() {
        causes.invalid_each(key, key.str(), names::env_name(key.str()));
    }
    if !volume.is_empty() {
        causes.invalid_each(volume, volume.str(), names::dns1123_label(volume.str()));
    }
    no_way_up(path, causes);
}

/// `validateObjectFieldSelector`
pub(super) fn object_field(at: At<'_>, known: &[&str], causes: &mut Causes) {
    let path_at = at.field("fieldPath");
    for needed in [at.field("apiVersion"), path_at] {
        if needed.is_empty() {
            return causes.required(needed, "");
        }
    }
    let version = at.str_at("apiVersion");
    let text = path_at.str();
    let mut refuse = |why: String| {
        causes.invalid(path_at, &format!("error converting fieldPath: {why}"));
    };
    if version != "v1" {
        return refuse(format!("unsupported pod version: {version}"));
    }
    if let Some((path, subscript)) = subscripted(text) {
        let key = match path {
            "metadata.annotations" => subscript.to_lowercase(),
            "metadata.labels" => subscript.to_owned(),
            _ => return refuse(format!("field label does not support subscript: {text}")),
        };
        return causes.invalid_each(at, &key, names::qualified_name(&key));
    }
    let path = match text {
        // of old clients
        "spec.host" => "spec.nodeName",
        "spec.restartPolicy" | "spec.schedulerName" | "status.phase" => text,
        _ if OF_ENV.contains(&text) || OF_VOLUMES.contains(&text) => text,
        _ => return refuse(format!("field label not supported: {text}")),
    };
    if !known.contains(&path) {
        causes.not_supported(path_at, path, known);
    }
}

/// `fieldpath.SplitMaybeSubscriptedPath`: `metadata.labels['x']`
fn subscripted(text: &str) -> Option<(&str, &str)> {
    let (path, subscript) = text.strip_suffix("']")?.split_once("['")?;
    (!path.is_empty()).then_some((path, subscript))
}

/// `validateContainerResourceFieldSelector`
pub(super) fn resource_field(at: At<'_>, of_volume: bool, causes: &mut Causes) {
    let (container, resource) = (at.field("containerName"), at.field("resource"));
    let is_huge =
        ["requests.hugepages-", "limits.hugepages-"].iter().any(|prefix| resource.str().starts_with(prefix));
    if of_volume && container.is_empty() {
        causes.required(container, "");
    } else if resource.is_empty() {
        causes.required(resource, "");
    } else if !RESOURCES.contains(&resource.str()) && !is_huge {
        causes.not_supported(resource, resource.str(), &RESOURCES);
    }
    divisor(at, resource.str(), is_huge, causes);
}

/// `validateContainerResourceDivisor`, which shows the resource and not the divisor.
fn divisor(at: At<'_>, resource: &str, is_huge: bool, causes: &mut Causes) {
    let divisor = at.field("divisor");
    let quantity = resource_names::quantity(divisor);
    if quantity.is_zero() {
        return;
    }
    let text = quantity.to_string();
    let named = match resource {
        "limits.cpu" | "requests.cpu" => {
            if !matches!(text.as_str(), "1m" | "1") {
                let detail = "only divisor's values 1m and 1 are supported with the cpu resource";
                causes.invalid_value(divisor, resource, detail);
            }
            return;
        }
        "limits.memory" | "requests.memory" => "memory",
        "limits.ephemeral-storage" | "requests.ephemeral-storage" => "local ephemeral storage",
        _ if is_huge => "hugepages",
        _ => return,
    };
    if !BYTE_UNITS.contains(&text.as_str()) {
        let detail = format!(
            "only divisor's values {} are supported with the {named} resource",
            BYTE_UNITS.join(", ")
        );
        causes.invalid_value(divisor, resource, &detail);
    }
}
