//! FlowSchema and PriorityLevelConfiguration (pkg/apis/flowcontrol/validation). That the mandatory objects `exempt` and
//! `catch-all` keep their specs is not judged. The status is reset, or the stored one put back, before.

use crate::field::{At, Causes};
use crate::go_value::{Field, Shape, named, value};
use crate::{meta, names};

const VERBS: [&str; 9] =
    ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];
const MOST_QUEUES: i64 = 10_000_000;
const MOST_BITS: i64 = 60;
const LATEST_PRECEDENCE: i64 = 10_000;

pub(super) fn schema(object: At<'_>, causes: &mut Causes) {
    meta::core_object_meta(object.field("metadata"), meta::name_is_subdomain, causes);
    let (spec, name) = (object.field("spec"), object.fields("metadata.name"));
    let precedence = spec.field("matchingPrecedence");
    let mut refuse = |detail: &str| causes.invalid_value(precedence, precedence.int(), detail);
    if precedence.int() <= 0 {
        refuse("must be a positive value");
    }
    if precedence.int() > LATEST_PRECEDENCE {
        refuse(&format!("must not be greater than {LATEST_PRECEDENCE}"));
    }
    if precedence.int() == 1 && name.str() != "exempt" {
        refuse("only the schema named 'exempt' may have matchingPrecedence 1");
    }
    let method = spec.field("distinguisherMethod");
    let kind = method.field("type");
    if method.is_set() && !matches!(kind.str(), "ByNamespace" | "ByUser") {
        let shown = value(method, &Shape::Struct(&[Field("Type", "type", Shape::Text)]));
        causes.not_supported(kind, shown.shown(), &["ByNamespace", "ByUser"]);
    }
    let level = spec.fields("priorityLevelConfiguration.name");
    if level.is_empty() {
        causes.required(level, "must reference a priority level");
    } else {
        causes.invalid_each(level, level.str(), names::dns1123_subdomain(level.str()));
    }
    spec.items_at("rules").for_each(|item| rule(item, causes));
}

fn rule(at: At<'_>, causes: &mut Causes) {
    let (subjects, resources, urls) =
        (at.field("subjects"), at.field("resourceRules"), at.field("nonResourceRules"));
    if subjects.is_empty() {
        causes.required(subjects, "subjects must contain at least one value");
    }
    subjects.items().for_each(|item| subject(item, causes));
    if resources.is_empty() && urls.is_empty() {
        causes.required(at, "at least one of resourceRules and nonResourceRules has to be non-empty");
    }
    resources.items().for_each(|item| resource_rule(item, causes));
    for item in urls.items() {
        verbs(item.field("verbs"), causes);
        non_resource_urls(item.field("nonResourceURLs"), causes);
    }
}

fn subject(at: At<'_>, causes: &mut Causes) {
    const KINDS: [(&str, &str); 3] =
        [("Group", "group"), ("ServiceAccount", "serviceAccount"), ("User", "user")];
    let kind = at.field("kind");
    let Some((_, own)) = KINDS.into_iter().find(|(name, _)| *name == kind.str()) else {
        return causes.not_supported(kind, named(kind.str()), &["Group", "ServiceAccount", "User"]);
    };
    let detail = at.field(own);
    if detail.is_set() {
        let name = detail.field("name");
        if name.is_empty() {
            causes.required(name, "");
        }
        if own == "serviceAccount" {
            service_account(detail, causes);
        }
    } else {
        causes.required(detail, &format!("{own} is required when subject kind is '{}'", kind.str()));
    }
    // in the order in which the server looks
    for (name, field) in [KINDS[1], KINDS[2], KINDS[0]] {
        if field != own && at.has(field) {
            causes.forbidden(
                at.field(field),
                &format!("{field} is forbidden when subject kind is not '{name}'"),
            );
        }
    }
}

fn service_account(at: At<'_>, causes: &mut Causes) {
    let (name, namespace) = (at.field("name"), at.field("namespace"));
    if !matches!(name.str(), "" | "*") {
        causes.invalid_each(name, name.str(), names::dns1123_subdomain(name.str()));
    }
    if namespace.is_empty() {
        causes.required(namespace, "must specify namespace for service account");
    } else {
        causes.invalid_each(namespace, namespace.str(), names::dns1123_label(namespace.str()));
    }
}

fn has_star(at: At<'_>) -> bool {
    at.strings().any(|text| text == "*")
}

/// There is something, and `*` only alone.
fn star_alone(at: At<'_>, missing: &str, others: &str, causes: &mut Causes) {
    if at.is_empty() {
        causes.required(at, missing);
    } else if at.len() > 1 && has_star(at) {
        causes.invalid(at, &format!("if '*' is present, must not specify other {others}"));
    }
}

fn verbs(at: At<'_>, causes: &mut Causes) {
    star_alone(at, "verbs must contain at least one value", "verbs", causes);
    if !has_star(at) && at.strings().any(|verb| !VERBS.contains(&verb)) {
        causes.not_supported(at, at, &VERBS);
    }
}

fn resource_rule(at: At<'_>, causes: &mut Causes) {
    verbs(at.field("verbs"), causes);
    let missing = "resource rules must supply at least one api group";
    star_alone(at.field("apiGroups"), missing, "api groups", causes);
    let missing = "resource rules must supply at least one resource";
    star_alone(at.field("resources"), missing, "resources", causes);
    let namespaces = at.field("namespaces");
    if namespaces.is_empty() && !at.bool_at("clusterScope") {
        let detail = "resource rules that are not cluster scoped must supply at least one namespace";
        return causes.required(namespaces, detail);
    }
    if has_star(namespaces) {
        return star_alone(namespaces, "", "namespaces", causes);
    }
    for namespace in namespaces.items() {
        for fault in names::dns1123_label(namespace.str()) {
            let detail = format!("each member of this list must be '*' or a DNS-1123 label; {fault}");
            causes.invalid(namespace, &detail);
        }
    }
}

fn non_resource_urls(at: At<'_>, causes: &mut Causes) {
    let missing = "nonResourceURLs must contain at least one value";
    star_alone(at, missing, "non-resource URLs", causes);
    if has_star(at) {
        return;
    }
    for url in at.items() {
        if let Some(fault) = url_fault(url.str()) {
            causes.invalid_value(url, url.str(), fault);
        }
    }
}

/// `ValidateNonResourceURLPath`
fn url_fault(path: &str) -> Option<&'static str> {
    let stars = path.matches('*').count();
    match path {
        "" => Some("must not be empty"),
        "/" => None,
        _ if !path.starts_with('/') => Some("must start with slash"),
        _ if path.contains(' ') => Some("must not contain white-space"),
        _ if path.contains("//") => Some("must not contain double slash"),
        _ if stars > 1 || stars == 1 && !path.ends_with("/*") => Some("wildcard can only do suffix matching"),
        _ => None,
    }
}

pub(super) fn level(object: At<'_>, causes: &mut Causes) {
    const PRESERVE: &str = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares";
    meta::core_object_meta(object.field("metadata"), meta::name_is_subdomain, causes);
    let annotations = object.fields("metadata.annotations");
    if annotations.node().is_some_and(|annotations| annotations.get(PRESERVE).is_some()) {
        causes.forbidden(annotations, &format!("annotation '{PRESERVE}' is forbidden"));
    }
    let spec = object.field("spec");
    let kind = spec.field("type");
    if (object.fields("metadata.name").str() == "exempt") != (kind.str() == "Exempt") {
        causes.invalid_value(kind, named(kind.str()), "must be 'Exempt' if and only if `name` is 'exempt'");
    }
    let (limited, exempt) = (spec.field("limited"), spec.field("exempt"));
    match kind.str() {
        "Exempt" => {
            if limited.is_set() {
                causes.forbidden(limited, "must be nil if the type is not Limited");
            }
            shares(exempt, causes);
            percent(exempt.field("lendablePercent"), causes);
        }
        "Limited" => {
            if exempt.is_set() {
                causes.forbidden(exempt, "must be nil if the type is Limited");
            }
            if limited.is_set() {
                limits(limited, causes);
            } else {
                causes.required(limited, "must not be empty when type is Limited");
            }
        }
        "" => causes.required(kind, ""),
        other => causes.not_supported(kind, named(other), &["Exempt", "Limited"]),
    }
}

fn shares(at: At<'_>, causes: &mut Causes) {
    let shares = at.field("nominalConcurrencyShares");
    if shares.int() < 0 {
        causes.invalid(shares, "must be a non-negative integer");
    }
}

fn percent(at: At<'_>, causes: &mut Causes) {
    if at.opt_int().is_some_and(|percent| !(0..=100).contains(&percent)) {
        causes.invalid(at, "must be between 0 and 100, inclusive");
    }
}

fn limits(at: At<'_>, causes: &mut Causes) {
    shares(at, causes);
    let response = at.field("limitResponse");
    let (kind, queuing) = (response.field("type"), response.field("queuing"));
    match kind.str() {
        "Reject" => {
            if queuing.is_set() {
                causes.forbidden(queuing, "must be nil if limited.limitResponse.type is not Limited");
            }
        }
        "Queue" if queuing.is_set() => queues(queuing, causes),
        "Queue" => causes.required(queuing, "must not be empty if limited.limitResponse.type is Limited"),
        "" => causes.required(kind, ""),
        other => causes.not_supported(kind, named(other), &["Queue", "Reject"]),
    }
    percent(at.field("lendablePercent"), causes);
    let borrowing = at.field("borrowingLimitPercent");
    if borrowing.int() < 0 {
        causes.invalid(borrowing, "if specified, must be a non-negative integer");
    }
}

fn queues(at: At<'_>, causes: &mut Causes) {
    let (length, queues, hand) = (at.field("queueLengthLimit"), at.field("queues"), at.field("handSize"));
    let mut refuse = |at: At<'_>, detail: &str| causes.invalid_value(at, at.int(), detail);
    if length.int() <= 0 {
        refuse(length, "must be positive");
    }
    if queues.int() <= 0 {
        refuse(queues, "must be positive");
    } else if queues.int() > MOST_QUEUES {
        refuse(queues, &format!("must not be greater than {MOST_QUEUES}"));
    }
    if hand.int() <= 0 {
        refuse(hand, "must be positive");
    } else if hand.int() > queues.int() {
        refuse(hand, &format!("should not be greater than queues ({})", queues.int()));
    } else if entropy(queues.int(), hand.int()) > MOST_BITS {
        let detail = format!(
            "required entropy bits of deckSize {} and handSize {} should not be greater than {MOST_BITS}",
            queues.int(),
            hand.int()
        );
        refuse(hand, &detail);
    }
}

/// `RequiredEntropyBits` (k8s.io/apiserver pkg/util/shufflesharding)
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "as Go converts")]
fn entropy(deck: i64, hand: i64) -> i64 {
    ((deck as f64).log2() * hand as f64).ceil() as i64
}
