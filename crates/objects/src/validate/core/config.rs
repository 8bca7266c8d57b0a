//! ConfigMap and Secret (pkg/apis/core/validation).

use crate::field::{At, Causes};
use crate::go_value::immutable_named;
use crate::pem::block_types;
use crate::{base64, go_json, meta, names};

/// `MaxSecretSize`, of ConfigMaps as well.
const MOST_BYTES: usize = 1024 * 1024;
const IMMUTABLE: &str = "field is immutable when `immutable` is set";

pub(crate) fn config_map(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    if let Some(old) = old {
        meta::core_object_meta_update(object.field("metadata"), old.field("metadata"), causes);
        frozen(object, old, &["data", "binaryData"], causes);
    }
    meta::core_object_meta(object.field("metadata"), meta::name_is_subdomain, causes);
    let (data, binary) = (object.field("data"), object.field("binaryData"));
    let mut size = 0;
    for (key, value) in data.entries() {
        bad_key(value, key, causes);
        if binary.node().is_some_and(|binary| binary.get(key).is_some()) {
            causes.invalid_value(value, key, "duplicate of key present in binaryData");
        }
        size += value.str().len();
    }
    for (key, value) in binary.entries() {
        bad_key(value, key, causes);
        size += base64::decoded_len(value.str());
    }
    if size > MOST_BYTES {
        causes.too_long(object, MOST_BYTES);
    }
}

pub(crate) fn secret(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    if let Some(old) = old {
        meta::core_object_meta_update(object.field("metadata"), old.field("metadata"), causes);
        immutable_named(object.field("type"), old.field("type"), causes);
        frozen(object, old, &["data"], causes);
    }
    meta::core_object_meta(object.field("metadata"), meta::name_is_subdomain, causes);
    let data = object.field("data");
    let mut size = 0;
    for (key, value) in data.entries() {
        bad_key(value, key, causes);
        size += base64::decoded_len(value.str());
    }
    if size > MOST_BYTES {
        causes.too_long(data, MOST_BYTES);
    }
    by_type(object, data, causes);
}

/// What each type of Secret has to hold. A key with an empty or null value is there.
fn by_type(object: At<'_>, data: At<'_>, causes: &mut Causes) {
    let has = |key: &str| data.node().is_some_and(|data| data.get(key).is_some());
    let missing = |key: &'static str, causes: &mut Causes| {
        if !has(key) {
            causes.required(data.key(key), "");
        }
    };
    match object.str_at("type") {
        "kubernetes.io/service-account-token" => {
            let account =
                object.field("metadata").field("annotations").key("kubernetes.io/service-account.name");
            if account.str().is_empty() {
                causes.required(account, "");
            }
        }
        "kubernetes.io/dockercfg" => credentials(data.key(".dockercfg"), has(".dockercfg"), causes),
        "kubernetes.io/dockerconfigjson" => {
            credentials(data.key(".dockerconfigjson"), has(".dockerconfigjson"), causes);
        }
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            missing("username", causes);
            missing("password", causes);
        }
        "kubernetes.io/ssh-auth" => {
            let key = data.key("ssh-privatekey");
            if base64::decoded_len(key.str()) == 0 {
                causes.required(key, "");
            }
        }
        "kubernetes.io/tls" => {
            missing("tls.crt", causes);
            missing("tls.key", causes);
        }
        _ => {}
    }
}

/// Credentials of registries are a JSON object. What they are is not shown.
fn credentials(at: At<'_>, there: bool, causes: &mut Causes) {
    if !there {
        return causes.required(at, "");
    }
    let bytes = base64::decode(at.str()).unwrap_or_default();
    if let Err(error) = go_json::object(&bytes) {
        causes.invalid_value(at, "<secret contents redacted>", &error);
    }
}

fn bad_key(at: At<'_>, key: &str, causes: &mut Causes) {
    for error in names::config_map_key(key) {
        causes.invalid_value(at, key, &error);
    }
}

fn frozen(object: At<'_>, old: At<'_>, fields: &[&'static str], causes: &mut Causes) {
    if old.opt_bool_at("immutable") != Some(true) {
        return;
    }
    if object.opt_bool_at("immutable") != Some(true) {
        causes.forbidden(object.field("immutable"), IMMUTABLE);
    }
    for field in fields {
        if !object.field(field).same(old.field(field)) {
            causes.forbidden(object.field(field), IMMUTABLE);
        }
    }
}

/// What Go says of a certificate and key that do not make a pair (`tls.X509KeyPair`), as far as it can be told without
/// reading them.
pub(super) fn secret_warnings(object: At<'_>, warnings: &mut Vec<String>) {
    if object.str_at("type") != "kubernetes.io/tls" {
        return;
    }
    let bytes = |key| base64::decode(object.field("data").key(key).str()).unwrap_or_default();
    let (certificate, key) = (bytes("tls.crt"), bytes("tls.key"));
    let (certificate, key) = (String::from_utf8_lossy(&certificate), String::from_utf8_lossy(&key));
    let (found, keys) = (block_types(&certificate), block_types(&key));
    let fault =
        if found.contains(&"CERTIFICATE") { key_fault(&keys) } else { Some(certificate_fault(&found)) };
    warnings.extend(fault.map(|fault| format!("tls: {fault}")));
}

fn certificate_fault(found: &[&str]) -> String {
    match found {
        [] => "failed to find any PEM data in certificate input".to_owned(),
        [one] if one.ends_with("PRIVATE KEY") => {
            "failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have \
             been switched"
                .to_owned()
        }
        _ => format!(
            "failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of the following \
             types: [{}]",
            found.join(" ")
        ),
    }
}

fn key_fault(found: &[&str]) -> Option<String> {
    match found {
        _ if found.iter().any(|kind| *kind == "PRIVATE KEY" || kind.ends_with(" PRIVATE KEY")) => None,
        [] => Some("failed to find any PEM data in key input".to_owned()),
        ["CERTIFICATE"] => {
            Some("found a certificate rather than a key in the PEM for the private key".to_owned())
        }
        _ => Some(format!(
            "failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping PEM blocks of the \
             following types: [{}]",
            found.join(" ")
        )),
    }
}
