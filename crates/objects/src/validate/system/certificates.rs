//! CertificateSigningRequest (pkg/apis/certificates/validation). Whether the request is a sound PKCS #10 request with a
//! valid signature is not judged, only that it is PEM of the right type.

use std::collections::BTreeSet;

use crate::field::{At, Causes};
use crate::go_value::named;
use crate::pem::block_types;
use crate::{base64, meta, names};

const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

const LEGACY_SIGNER: &str = "kubernetes.io/legacy-unknown";

/// The status is reset, or the stored one put back, before; so is the spec on UPDATE.
pub(super) fn request(object: At<'_>, old: Option<At<'_>>, causes: &mut Causes) {
    meta::core_object_meta(object.field("metadata"), |_, _| Vec::new(), causes);
    let spec = old.unwrap_or(object).field("spec");
    pem(spec.field("request"), causes);
    let usages = spec.field("usages");
    if usages.is_empty() {
        causes.required(usages, "");
    }
    // what is stored may break these rules
    if old.is_none() {
        for usage in usages.items().filter(|usage| !USAGES.contains(&usage.str())) {
            causes.not_supported(usage, named(usage.str()), &USAGES);
        }
        let mut seen = BTreeSet::new();
        for usage in usages.items().filter(|usage| !seen.insert(usage.str())) {
            causes.duplicate(usage, named(usage.str()));
        }
    }
    let signer = spec.field("signerName");
    if old.is_none() && signer.str() == LEGACY_SIGNER {
        causes.invalid(signer, "the legacy signerName is not allowed via this API version");
    } else {
        signer_name(signer, causes);
    }
    let expiration = spec.field("expirationSeconds");
    if expiration.opt_int().is_some_and(|seconds| seconds < 600) {
        causes.invalid(expiration, "may not specify a duration less than 600 seconds (10 minutes)");
    }
    if let Some(old) = old {
        meta::core_object_meta_update(object.field("metadata"), old.field("metadata"), causes);
    }
}

fn pem(at: At<'_>, causes: &mut Causes) {
    let bytes = base64::decode(at.str()).unwrap_or_default();
    if block_types(&String::from_utf8_lossy(&bytes)).first() != Some(&"CERTIFICATE REQUEST") {
        causes.invalid_value(at, at.str(), "PEM block type must be CERTIFICATE REQUEST");
    }
}

/// `ValidateSignerName` of pkg/apis/core/validation.
fn signer_name(at: At<'_>, causes: &mut Causes) {
    let Some((domain, path)) = at.str().split_once('/').filter(|(_, path)| !path.contains('/')) else {
        if at.is_empty() {
            return causes.required(at, "");
        }
        let detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        return causes.invalid(at, detail);
    };
    if domain.len() > 253 {
        causes.too_long(at, 253);
    }
    labels(at, domain, names::dns1123_label, causes);
    if !domain.contains('.') {
        causes.invalid_value(at, domain, "should be a domain with at least two segments separated by dots");
    }
    labels(at, path, names::dns1123_subdomain, causes);
    let most = 253 + 253 + 63 + 1 + 1;
    if at.len() > most {
        causes.too_long(at, most);
    }
}

/// The first label that is wrong.
fn labels(at: At<'_>, part: &str, rule: fn(&str) -> Vec<String>, causes: &mut Causes) {
    let wrong = part.split('.').map(|label| (label, rule(label))).find(|(_, faults)| !faults.is_empty());
    let Some((label, faults)) = wrong else { return };
    for fault in faults {
        let detail = format!("validating label {}: {fault}", crate::field::go_quote(label));
        causes.invalid_value(at, part, &detail);
    }
}
