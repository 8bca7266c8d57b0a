//! Which names are allowed where, in the server's words (apimachinery pkg/util/validation and pkg/api/validation).

use kubernetes_cel::library::format::{self, NamedFormat};

pub(crate) use format::{label_value, qualified_name};

/// What is wrong with a name.
pub(crate) type NameRule = fn(&str) -> Vec<String>;

/// `NameIsDNSSubdomain`
pub(crate) fn dns_subdomain(name: &str) -> Vec<String> {
    format::dns_subdomain(name)
}

/// `IsDNS1123Label`
pub(crate) fn dns_label(name: &str) -> Vec<String> {
    NamedFormat::Dns1123Label.validate(name)
}

/// `IsDNS1035Label`
pub(crate) fn dns_1035_label(name: &str) -> Vec<String> {
    NamedFormat::Dns1035Label.validate(name)
}

/// `IsPathSegmentName`
pub(crate) fn path_segment(name: &str) -> Vec<String> {
    if matches!(name, "." | "..") {
        return vec![format!("may not be '{name}'")];
    }
    ["/", "%"]
        .iter()
        .filter(|part| name.contains(**part))
        .map(|part| format!("may not contain '{part}'"))
        .collect()
}

/// `IsConfigMapKey`
pub(crate) fn config_map_key(key: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if key.len() > 253 {
        errors.push("must be no more than 253 bytes".to_owned());
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if key.is_empty() || !key.bytes().all(allowed) {
        errors.push(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
             'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
                .to_owned(),
        );
    }
    match key {
        "." | ".." => errors.push(format!("must not be '{key}'")),
        _ if key.starts_with("..") => errors.push("must not start with '..'".to_owned()),
        _ => {}
    }
    errors
}
