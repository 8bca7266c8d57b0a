//! Projected volumes (`validateProjectionSources`).

use std::collections::BTreeSet;

use super::PodOptions;
use super::volume::{downward_file, key_to_path, unreserved_path};
use crate::field::{At, Causes};
use crate::validate::storage::sources::required;

const CONFLICT: &str = "conflicting duplicate paths";

/// Conflicts are told at the volume, and most show the name of the second source and not the path.
pub(super) fn check(at: At<'_>, options: &PodOptions, causes: &mut Causes) {
    let mut paths = BTreeSet::new();
    for source in at.items_at("sources") {
        let mut count = 0;
        for keyed in ["secret", "configMap"].map(|name| source.field(name)) {
            if !keyed.is_set() {
                continue;
            }
            count += 1;
            required(keyed, &["name"], causes);
            for item in keyed.items_at("items") {
                key_to_path(item, causes);
                let path = item.str_at("path");
                if !path.is_empty() && !paths.insert(path) {
                    causes.invalid_value(at.reading(item), keyed.str_at("name"), CONFLICT);
                }
            }
        }
        let downward = source.field("downwardAPI");
        if downward.is_set() {
            count += 1;
            for file in downward.items_at("items") {
                downward_file(downward, file, causes);
                let path = file.str_at("path");
                if !path.is_empty() && !paths.insert(path) {
                    causes.invalid_value(at.reading(file), path, CONFLICT);
                }
            }
        }
        let token = source.field("serviceAccountToken");
        if token.is_set() {
            count += 1;
            service_account_token(at, token, options, causes);
        }
        if count > 1 {
            causes.forbidden(source, "may not specify more than 1 volume type per source");
        }
    }
}

/// The path of the token is told at the volume.
fn service_account_token(at: At<'_>, token: At<'_>, options: &PodOptions, causes: &mut Causes) {
    let expiration = token.field("expirationSeconds");
    if expiration.int() < 10 * 60 {
        let detail = "may not specify a duration less than 10 minutes";
        causes.invalid_value(expiration, expiration.int(), detail);
    }
    if expiration.int() > 1 << 32 {
        causes.invalid(expiration, "may not specify a duration larger than 2^32 seconds");
    }
    let path = at.said("path").reading(token.field("path"));
    if path.is_empty() {
        causes.required(path, "");
    } else if !options.any_token_path {
        unreserved_path(path, causes);
    }
}
