//! `spec.conversion`.

use document::NodeRef;
use kubernetes_cel::library::url::Url;

use super::report::{Report, flag, member, strings};
use crate::custom::go_json;
use crate::custom::place::FieldPath;
use crate::names::{dns1035_label, dns1123_subdomain, port_number};

const FORM: &str = "; desired format: https://host[/path]";

pub(super) fn check(spec: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    let Some(conversion) = spec.get_present("conversion") else { return };
    let place = place.field("conversion");
    let strategy = conversion.get_str("strategy").unwrap_or_default();
    let node = member(conversion, "strategy");
    if strategy != "None" && flag(spec, "preserveUnknownFields") {
        let detail = "must be None if spec.preserveUnknownFields is true";
        report.invalid_text(&place.field("strategy"), node, strategy, detail);
    }
    match strategy {
        "" => report.required(&place.field("strategy"), node, ""),
        "None" | "Webhook" => {}
        _ => report.not_supported(&place.field("strategy"), node, strategy, &["None", "Webhook"]),
    }
    let webhook = member(conversion, "webhook");
    let client = conversion.get_present("webhook").and_then(|webhook| webhook.get_present("clientConfig"));
    let versions = webhook.get_present("conversionReviewVersions");
    let (client_place, versions_place) =
        (place.field("webhookClientConfig"), place.field("conversionReviewVersions"));
    if strategy == "Webhook" {
        match client {
            None => report.required(&client_place, webhook, "required when strategy is set to Webhook"),
            Some(client) => of_client(client, &client_place, report),
        }
        review_versions(webhook, &versions_place, report);
        return;
    }
    let detail = "should not be set when strategy is not set to Webhook";
    if let Some(client) = client {
        report.forbidden(&client_place, client, detail);
    }
    if let Some(versions) = versions.filter(|versions| !versions.is_empty()) {
        report.forbidden(&versions_place, versions, detail);
    }
}

fn of_client(client: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    match (client.get_present("url"), client.get_present("service")) {
        (Some(url), None) => of_url(url, &place.field("url"), report),
        (None, Some(service)) => of_service(service, &place.field("service"), report),
        _ => report.required(place, client, "exactly one of url or service is required"),
    }
}

fn of_url(node: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    let text = node.as_str().unwrap_or_default();
    // a fragment and a user are no part of what is read, but of what is looked at
    let (address, fragment) =
        text.split_once('#').map_or((text, ""), |(address, fragment)| (address, fragment));
    let authority =
        address.split_once("//").map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
    match Url::parse(address) {
        Err(error) => report.required(place, node, &format!("url must be a valid URL: {error}{FORM}")),
        Ok(url) => {
            if url.scheme() != "https" {
                let detail = format!("'https' is the only allowed URL scheme{FORM}");
                report.invalid_text(place, node, url.scheme(), &detail);
            }
            if url.host().is_empty() {
                report.invalid_text(place, node, "", &format!("host must be specified{FORM}"));
            }
            if let Some((user, _)) = authority.rsplit_once('@') {
                report.invalid_text(place, node, user, "user information is not permitted in the URL");
            }
            if !fragment.is_empty() {
                report.invalid_text(place, node, fragment, "fragments are not permitted in the URL");
            }
            if let Some((_, query)) = address.split_once('?').filter(|(_, query)| !query.is_empty()) {
                report.invalid_text(place, node, query, "query parameters are not permitted in the URL");
            }
        }
    }
}

fn of_service(service: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    // upstream hands name and namespace over in the wrong order
    for (given, told) in [("namespace", "name"), ("name", "namespace")] {
        if service.get_str(given).is_none_or(str::is_empty) {
            report.required(&place.field(told), member(service, given), "");
        }
    }
    let port = service.get("port").and_then(NodeRef::as_i64).unwrap_or(443);
    let faults = port_number(port);
    if !faults.is_empty() {
        let detail = format!("port is not valid: {}", faults.join(", "));
        report.invalid(&place.field("port"), member(service, "port"), &port.to_string(), &detail);
    }
    let path = service.get_str("path").unwrap_or_default();
    let (node, place) = (member(service, "path"), place.field("path"));
    match path {
        "" | "/" => return,
        "//" => return report.invalid_text(&place, node, path, "segment[0] may not be empty"),
        _ => {}
    }
    if !path.starts_with('/') {
        report.invalid_text(&place, node, path, "must start with a '/'");
    }
    let mut rest = path.chars();
    rest.next();
    let rest = rest.as_str();
    for (index, step) in rest.strip_suffix('/').unwrap_or(rest).split('/').enumerate() {
        if step.is_empty() {
            report.invalid_text(&place, node, path, &format!("segment[{index}] may not be empty"));
            continue;
        }
        for fault in dns1123_subdomain(step) {
            report.invalid_text(&place, node, path, &format!("segment[{index}]: {fault}"));
        }
    }
}

fn review_versions(webhook: NodeRef<'_>, place: &FieldPath<'_>, report: &mut Report) {
    let list = member(webhook, "conversionReviewVersions");
    let versions: Vec<_> = strings(webhook, "conversionReviewVersions").collect();
    if versions.is_empty() {
        return report.required(place, list, "");
    }
    let mut seen = Vec::new();
    for (index, (node, version)) in versions.iter().enumerate() {
        if seen.contains(version) {
            report.invalid_text(&place.index(index), *node, version, "duplicate version");
            continue;
        }
        seen.push(*version);
        for fault in dns1035_label(version) {
            report.invalid_text(&place.index(index), *node, version, &fault);
        }
    }
    if !seen.iter().any(|version| matches!(*version, "v1" | "v1beta1")) {
        report.invalid(place, list, &go_json::written(list), "must include at least one of v1, v1beta1");
    }
}
