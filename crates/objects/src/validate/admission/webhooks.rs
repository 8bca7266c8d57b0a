//! MutatingWebhookConfiguration and ValidatingWebhookConfiguration (pkg/apis/admissionregistration/validation;
//! k8s.io/apiserver pkg/util/webhook).

use std::collections::BTreeSet;

use kubernetes_cel::library::url::Url;
use kubernetes_cel::profile::Profile;

use super::expressions::Compiler;
use super::matching::{self, one_of};
use crate::field::{At, Causes};
use crate::{meta, names, selectors};

const NO_SIDE_EFFECTS: [&str; 2] = ["None", "NoneOnDryRun"];
const SIDE_EFFECTS: [&str; 4] = ["None", "NoneOnDryRun", "Some", "Unknown"];
const REVIEW_VERSIONS: [&str; 2] = ["v1", "v1beta1"];
const FORM: &str = "; desired format: https://host[/path]";

pub(crate) fn mutating(object: At<'_>, old: Option<At<'_>>, profile: Profile, causes: &mut Causes) {
    configuration(object, old, true, profile, causes);
}

pub(crate) fn validating(object: At<'_>, old: Option<At<'_>>, profile: Profile, causes: &mut Causes) {
    configuration(object, old, false, profile, causes);
}

/// What is asked of the new webhooks. On UPDATE a rule that the stored ones break is not asked again.
struct Asked {
    conditions: bool,
    no_side_effects: bool,
    known_version: bool,
    unique_names: bool,
    lenient_selectors: bool,
}

impl Asked {
    fn of(webhooks: At<'_>, old: Option<At<'_>>) -> Self {
        let Some(stored) = old.map(|old| old.field("webhooks")) else {
            return Self {
                conditions: true,
                no_side_effects: true,
                known_version: true,
                unique_names: true,
                lenient_selectors: false,
            };
        };
        let same =
            |(new, old): (At<'_>, At<'_>)| new.field("matchConditions").same(old.field("matchConditions"));
        let unchanged = webhooks.len() == stored.len() && webhooks.items().zip(stored.items()).all(same);
        let mut names = BTreeSet::new();
        Self {
            conditions: !unchanged,
            no_side_effects: stored.items().all(|hook| NO_SIDE_EFFECTS.contains(&hook.str_at("sideEffects"))),
            known_version: stored.items().all(|hook| {
                let versions = hook.field("admissionReviewVersions");
                versions.is_empty() || versions.strings().any(|version| REVIEW_VERSIONS.contains(&version))
            }),
            unique_names: stored.items().all(|hook| names.insert(hook.str_at("name"))),
            lenient_selectors: stored.items().any(|hook| {
                ["namespaceSelector", "objectSelector"]
                    .iter()
                    .any(|field| !selectors::labels_are_valid(hook.field(field)))
            }),
        }
    }
}

fn configuration(object: At<'_>, old: Option<At<'_>>, mutating: bool, profile: Profile, causes: &mut Causes) {
    meta::object_meta(object.field("metadata"), meta::name_is_subdomain, causes);
    let webhooks = object.field("webhooks");
    let asked = Asked::of(webhooks, old);
    let compiler = Compiler::plain(profile, false);
    let mut seen = BTreeSet::new();
    for hook in webhooks.items() {
        webhook(hook, &asked, mutating, causes);
        if asked.conditions {
            matching::conditions(hook.field("matchConditions"), &compiler, causes);
        }
        review_versions(hook.field("admissionReviewVersions"), asked.known_version, causes);
        let name = hook.field("name");
        if asked.unique_names && !name.str().is_empty() && !seen.insert(name.str()) {
            causes.duplicate(name, name.str());
        }
    }
}

fn webhook(hook: At<'_>, asked: &Asked, mutating: bool, causes: &mut Causes) {
    qualified(hook.field("name"), causes);
    for rule in hook.items_at("rules") {
        matching::rule(rule, causes);
    }
    one_of(hook.field("failurePolicy"), &matching::FAILURE_POLICIES, false, causes);
    one_of(hook.field("matchPolicy"), &matching::MATCH_POLICIES, false, causes);
    let effects = hook.field("sideEffects");
    let allowed: &[&str] = if asked.no_side_effects { &NO_SIDE_EFFECTS } else { &SIDE_EFFECTS };
    if !effects.is_set() {
        causes.required(effects, &format!("must specify one of {}", allowed.join(", ")));
    }
    one_of(effects, allowed, false, causes);
    let timeout = hook.field("timeoutSeconds");
    if timeout.opt_int().is_some_and(|seconds| !(1..=30).contains(&seconds)) {
        causes.invalid(timeout, "the timeout value must be between 1 and 30 seconds");
    }
    for field in ["namespaceSelector", "objectSelector"] {
        selectors::labels(hook.field(field), asked.lenient_selectors, causes);
    }
    if mutating {
        one_of(hook.field("reinvocationPolicy"), &["IfNeeded", "Never"], false, causes);
    }
    client(hook.field("clientConfig"), causes);
}

/// `IsFullyQualifiedName`
fn qualified(at: At<'_>, causes: &mut Causes) {
    if at.str().is_empty() {
        return causes.required(at, "");
    }
    let errors = names::dns1123_subdomain(at.str());
    if !errors.is_empty() {
        causes.invalid(at, &errors.join(","));
    } else if at.str().split('.').count() < 3 {
        causes.invalid(at, "should be a domain with at least three segments separated by dots");
    }
}

fn client(at: At<'_>, causes: &mut Causes) {
    let (url, service) = (at.field("url"), at.field("service"));
    match (url.opt_str(), service.is_set()) {
        (Some(text), false) => webhook_url(url, text, causes),
        (None, true) => webhook_service(service, causes),
        _ => causes.required(at, "exactly one of url or service is required"),
    }
}

/// `ValidateWebhookURL`
pub(crate) fn webhook_url(at: At<'_>, text: &str, causes: &mut Causes) {
    let url = match Url::parse_reference(text) {
        Ok(url) => url,
        Err(error) => return causes.required(at, &format!("url must be a valid URL: {error}{FORM}")),
    };
    if url.scheme() != "https" {
        causes.invalid_value(at, url.scheme(), &format!("'https' is the only allowed URL scheme{FORM}"));
    }
    if url.host().is_empty() {
        causes.invalid_value(at, "", &format!("host must be specified{FORM}"));
    }
    if let Some(user) = url.user() {
        causes.invalid_value(at, &user, "user information is not permitted in the URL");
    }
    let fragment = url.fragment();
    if !fragment.is_empty() {
        causes.invalid_value(at, &fragment, "fragments are not permitted in the URL");
    }
    if !url.raw_query().is_empty() {
        causes.invalid_value(at, url.raw_query(), "query parameters are not permitted in the URL");
    }
}

/// `ValidateWebhookService`. Its callers hand name and namespace in the wrong order, so each is missed at the other's
/// field.
pub(crate) fn webhook_service(at: At<'_>, causes: &mut Causes) {
    let (name, namespace, port) = (at.field("name"), at.field("namespace"), at.field("port"));
    if namespace.str().is_empty() {
        causes.required(name, "");
    }
    if name.str().is_empty() {
        causes.required(namespace, "");
    }
    if let Some(number) = port.opt_int().filter(|number| !(1..=65535).contains(number)) {
        causes.invalid_value(port, number, "port is not valid: must be between 1 and 65535, inclusive");
    }
    let path = at.field("path");
    service_path(path, path.str(), causes);
}

fn service_path(at: At<'_>, path: &str, causes: &mut Causes) {
    if matches!(path, "" | "/") {
        return;
    }
    if path == "//" {
        return causes.invalid(at, "segment[0] may not be empty");
    }
    if !path.starts_with('/') {
        causes.invalid(at, "must start with a '/'");
    }
    // the first byte is dropped whatever it is; a name that begins with more than a byte is refused all the same
    let rest: String = path.chars().skip(1).collect();
    let rest = rest.strip_suffix('/').unwrap_or(&rest);
    for (index, segment) in rest.split('/').enumerate() {
        if segment.is_empty() {
            causes.invalid(at, &format!("segment[{index}] may not be empty"));
            continue;
        }
        for error in names::dns1123_subdomain(segment) {
            causes.invalid(at, &format!("segment[{index}]: {error}"));
        }
    }
}

/// `validateAdmissionReviewVersions`
fn review_versions(at: At<'_>, known: bool, causes: &mut Causes) {
    let all = REVIEW_VERSIONS.join(", ");
    if at.is_empty() {
        return causes.required(at, &format!("must specify one of {all}"));
    }
    let mut seen = BTreeSet::new();
    for version in at.items() {
        if !seen.insert(version.str()) {
            causes.invalid(version, "duplicate version");
            continue;
        }
        for error in names::dns1035_label(version.str()) {
            causes.invalid(version, &error);
        }
    }
    if known && !seen.iter().any(|version| REVIEW_VERSIONS.contains(version)) {
        causes.invalid(at, &format!("must include at least one of {all}"));
    }
}
