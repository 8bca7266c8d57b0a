//! What the webhook is asked about, and about what the API server may wait for its answer.
//!
//! An entry that fails closed holds up what it is about while no replica answers. Most of a cluster can wait for that;
//! what API servers, nodes, the scheduler and our own return need cannot, for then nobody would ever answer again. The
//! list of it is closed and stands here, with a reason each.

use crate::api;
use crate::document::NodeRef;
use crate::request::Request;

use super::{KindPattern, Match, Operation, Target};

/// How the webhook is asked about something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Never, and why.
    Never(&'static str),
    /// By the entry that fails open, whatever a policy says, and why.
    Open(&'static str),
    /// As the policy says.
    AsWritten,
}

const EVERY: &str = "*";

/// Never asked about: group, kind, subresource (`*`: any, and the object itself), and why.
const NEVER: &[(&str, &str, &str, &str)] = &[
    (
        "admissionregistration.k8s.io",
        EVERY,
        EVERY,
        "the API server asks no webhook about what registers webhooks",
    ),
    (
        "authentication.k8s.io",
        EVERY,
        "",
        "every request that is authenticated by it would wait for the webhook",
    ),
    (
        "authorization.k8s.io",
        EVERY,
        EVERY,
        "every request that is authorized by it would wait for the webhook",
    ),
    ("coordination.k8s.io", EVERY, EVERY, "nodes and leaders renew Leases every few seconds"),
    ("", "Event", EVERY, "Events are written all the time, and nothing runs by them"),
    ("events.k8s.io", "Event", EVERY, "Events are written all the time, and nothing runs by them"),
    ("", "Node", "", "a node that cannot register itself runs nothing"),
    ("", "Node", "status", "nodes write their status every few seconds"),
    (
        "apiextensions.k8s.io",
        EVERY,
        EVERY,
        "what serves custom kinds must be repairable when the webhook is not",
    ),
    (
        "apiregistration.k8s.io",
        EVERY,
        EVERY,
        "what serves other APIs must be repairable when the webhook is not",
    ),
    ("plimsoll.dev", EVERY, EVERY, "policies must be repairable when the webhook is not"),
];

/// Never waited for: group, kind, subresource, and why.
const OPEN: &[(&str, &str, &str, &str)] = &[
    ("internal.apiserver.k8s.io", EVERY, EVERY, "API servers write StorageVersions when they start"),
    (
        "flowcontrol.apiserver.k8s.io",
        EVERY,
        EVERY,
        "API servers write it when they start, and queue requests by it",
    ),
    (
        "certificates.k8s.io",
        EVERY,
        EVERY,
        "nodes join, and renew their certificates, by requests for signing",
    ),
    ("networking.k8s.io", "IPAddress", EVERY, "the API server makes one for every Service"),
    ("networking.k8s.io", "ServiceCIDR", EVERY, "API servers make the default one when they start"),
    ("storage.k8s.io", "CSINode", EVERY, "nodes register their storage drivers by it"),
    ("storage.k8s.io", "VolumeAttachment", EVERY, "Pods with volumes, anybody's, start after it"),
    ("resource.k8s.io", "ResourceSlice", EVERY, "nodes publish their devices by it"),
    ("", "Endpoints", EVERY, "without them Services lead nowhere, the webhook's own included"),
    (
        "discovery.k8s.io",
        "EndpointSlice",
        EVERY,
        "without them Services lead nowhere, the webhook's own included",
    ),
    ("", "Binding", EVERY, "the scheduler places Pods by it, the webhook's own included"),
    ("", "Pod", "binding", "the scheduler places Pods by it, the webhook's own included"),
    ("", "Pod", "status", "nodes and the scheduler write it"),
    ("scheduling.k8s.io", "PriorityClass", EVERY, "API servers make those of system Pods when they start"),
    (
        "node.k8s.io",
        "RuntimeClass",
        EVERY,
        "Pods that name one do not start without it, system Pods included",
    ),
];

fn find(
    table: &'static [(&str, &str, &str, &'static str)],
    [group, kind, subresource]: [&str; 3],
) -> Option<&'static str> {
    let is = |pattern: &str, text: &str| pattern == EVERY || pattern == text;
    let found = table.iter().find(|(g, k, s, _)| *g == group && is(k, kind) && is(s, subresource));
    found.map(|(.., why)| *why)
}

/// How the webhook is asked about a resource or subresource.
#[must_use]
pub fn reach(target: &Target<'_>) -> Reach {
    let about = [target.group, target.kind.unwrap_or_default(), target.subresource];
    match (find(NEVER, about), find(OPEN, about)) {
        (Some(why), _) => Reach::Never(why),
        (None, Some(why)) => Reach::Open(why),
        (None, None) => Reach::AsWritten,
    }
}

/// The group of roles and their bindings.
pub const RBAC: &str = "rbac.authorization.k8s.io";
/// The label of what API servers make (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy`), and its value.
pub const BOOTSTRAP: (&str, &str) = ("kubernetes.io/bootstrapping", "rbac-defaults");
/// What API servers make has a name of these, or one that begins with `system:`.
pub const BOOTSTRAP_NAMES: [&str; 4] = ["admin", "cluster-admin", "edit", "view"];

/// Whether the request is about a role or binding that API servers make, and make again when they start: such a one
/// is never waited for. The label alone would be a way around policies, for anybody can write it.
#[must_use]
pub fn is_bootstrap(request: &Request<'_>) -> bool {
    let labelled = |object: NodeRef<'_>| {
        let label = object.at("/metadata/labels").and_then(|labels| labels.get(BOOTSTRAP.0));
        label.and_then(|label| label.as_str().map(|value| value == BOOTSTRAP.1)).unwrap_or_default()
    };
    request.resource.group == RBAC
        && (request.name.starts_with("system:") || BOOTSTRAP_NAMES.contains(&request.name))
        && [request.object, request.old_object].into_iter().flatten().any(labelled)
}

/// What a policy is about and is never asked about in a cluster, each as a sentence.
#[must_use]
pub fn unasked(matches: &Match) -> Vec<String> {
    let mut said = Vec::new();
    let operations = matches.operations();
    for pattern in matches.patterns() {
        let written = pattern.written();
        if let Some((kinds, why)) = never_asked(pattern) {
            let named = if written.contains(&kinds) { kinds } else { format!("{written} ({kinds})") };
            said.push(format!("the webhook is never asked about {named}: {why}"));
        } else if pattern.only_connects() && !operations.contains(&Operation::Connect) {
            said.push(format!(
                "the webhook is never asked about {written}: it is connected to, and match.operations lacks CONNECT"
            ));
        } else if operations == [Operation::Connect] && !pattern.may_connect() && !pattern.is_everything() {
            said.push(format!(
                "the webhook is never asked about {written}: match.operations is CONNECT, and what is connected to \
                 is written as a subresource: exec, attach, portforward or proxy"
            ));
        }
        said.extend(untold_plural(pattern));
    }
    said.extend(unasked_resources(matches));
    said
}

/// Resources that a rule writes out and about which the webhook is never asked.
fn unasked_resources(matches: &Match) -> Vec<String> {
    let mut said = Vec::new();
    for (rule, built_in) in matches.resources().flat_map(|rule| api::built_in().map(move |kind| (rule, kind)))
    {
        let written = rule.resources.iter().any(|resource| resource == built_in.resource);
        for version in built_in.recent_versions().filter(|_| written) {
            let object = Target::object(built_in.group, version, built_in.kind);
            let target = Target { resource: built_in.resource, ..object };
            if let (true, Reach::Never(why)) = (rule.covers(&target), reach(&target)) {
                let text = format!("the webhook is never asked about {}: {why}", built_in.resource);
                if !said.contains(&text) {
                    said.push(text);
                }
            }
        }
    }
    said
}

/// A subresource of a custom kind to which another kind is sent: the API server says the plural of what it belongs to,
/// and no more. `status` is sent the object itself.
fn untold_plural(pattern: &KindPattern) -> Option<String> {
    let (group, kind) = (pattern.exact_group()?, pattern.exact_kind()?);
    let subresource = pattern.exact_subresource().filter(|name| *name != "status")?;
    if api::get(group, kind).is_some() || !api::has_untold_plural(kind) {
        return None;
    }
    Some(format!(
        "the webhook may never be asked about {}: the API server names custom resources by their plural, and that of {kind} \
         cannot be told from its name; write {group}/*/*/{subresource} for all kinds of the group",
        pattern.written()
    ))
}

/// The kinds of a pattern, where the webhook is asked about none of them.
fn never_asked(pattern: &KindPattern) -> Option<(String, &'static str)> {
    let never = |target: &Target<'_>| match reach(target) {
        Reach::Never(why) => Some(why),
        Reach::Open(_) | Reach::AsWritten => None,
    };
    if pattern.is_everything() || pattern.has_subresource() {
        return None;
    }
    let mut kinds = Vec::new();
    let mut reason = None;
    for built_in in api::built_in() {
        for version in built_in.recent_versions() {
            let target = Target::object(built_in.group, version, built_in.kind);
            if pattern.matches(&target) {
                reason = Some(never(&target)?);
                kinds.push(built_in.kind);
            }
        }
    }
    kinds.dedup();
    if let (None, Some(group)) = (reason, pattern.exact_group()) {
        let kind = pattern.exact_kind().unwrap_or(EVERY);
        return never(&Target::object(group, "v1", kind)).map(|why| (kind.to_owned(), why));
    }
    reason.map(|why| (kinds.join(", "), why))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cel::profile::Profile;
    use crate::matching::ResourceRule;
    use crate::store::load::{Loaded, read_text};

    fn of(group: &str, kind: &str, subresource: &str) -> &'static str {
        match reach(&Target { subresource, ..Target::object(group, "v1", kind) }) {
            Reach::Never(_) => "never",
            Reach::Open(_) => "open",
            Reach::AsWritten => "as written",
        }
    }

    #[test]
    fn what_a_cluster_needs_to_come_back_is_never_waited_for() {
        let rows = [
            ("never", "authentication.k8s.io", "TokenReview", ""),
            ("never", "authorization.k8s.io", "SubjectAccessReview", ""),
            ("never", "admissionregistration.k8s.io", "ValidatingWebhookConfiguration", ""),
            ("never", "coordination.k8s.io", "Lease", ""),
            ("never", "", "Event", ""),
            ("never", "events.k8s.io", "Event", ""),
            ("never", "", "Node", ""),
            ("never", "", "Node", "status"),
            ("never", "plimsoll.dev", "ClusterManifestPolicy", ""),
            ("as written", "", "Node", "proxy"),
            ("as written", "", "Pod", ""),
            ("as written", "", "Pod", "exec"),
            ("as written", "", "ServiceAccount", "token"),
            ("as written", RBAC, "ClusterRole", ""),
            ("as written", "example.com", "Node", ""),
            ("open", "", "Pod", "status"),
            ("open", "", "Pod", "binding"),
            ("open", "", "Binding", ""),
            ("open", "internal.apiserver.k8s.io", "StorageVersion", ""),
            ("open", "internal.apiserver.k8s.io", "StorageVersion", "status"),
            ("open", "flowcontrol.apiserver.k8s.io", "FlowSchema", ""),
            ("open", "certificates.k8s.io", "CertificateSigningRequest", ""),
            ("open", "certificates.k8s.io", "CertificateSigningRequest", "approval"),
            ("open", "networking.k8s.io", "IPAddress", ""),
            ("open", "networking.k8s.io", "ServiceCIDR", ""),
            ("as written", "networking.k8s.io", "Ingress", ""),
            ("open", "storage.k8s.io", "CSINode", ""),
            ("open", "storage.k8s.io", "VolumeAttachment", ""),
            ("as written", "storage.k8s.io", "StorageClass", ""),
            ("open", "", "Endpoints", ""),
            ("open", "discovery.k8s.io", "EndpointSlice", ""),
            ("open", "scheduling.k8s.io", "PriorityClass", ""),
            ("open", "node.k8s.io", "RuntimeClass", ""),
        ];
        for (expected, group, kind, subresource) in rows {
            assert_eq!(of(group, kind, subresource), expected, "{group}/{kind}/{subresource}");
        }
    }

    #[test]
    fn a_plural_that_cannot_be_told_is_said() {
        let said = |kinds: &str| {
            let text = format!(
                "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {{name: p}}\nspec:\n  \
                 match: {{kinds: ['{kinds}']}}\n  rules: [{{name: a, validate: 'true'}}]"
            );
            let mut loaded = Loaded::default();
            read_text("p.yaml", &text, false, Profile::NEWEST, &mut loaded);
            unasked(&loaded.policies.first().unwrap_or_else(|| panic!("{:?}", loaded.errors)).0.matches)
        };
        for (kinds, expected) in [
            ("example.com/*/Index/scale", true),
            ("example.com/v1/Shelf/scale", true),
            ("example.com/*/Index/status", false),
            ("example.com/*/Index", false),
            ("example.com/*/Widget/scale", false),
            ("example.com/*/Gateway/scale", false),
            ("example.com/*/*/scale", false),
            ("apps/*/Deployment/scale", false),
        ] {
            let said = said(kinds);
            assert_eq!(!said.is_empty(), expected, "{kinds}: {said:?}");
            let remedy = "write example.com/*/*/scale for all kinds of the group";
            assert!(said.iter().all(|text| text.contains(remedy) && text.contains(kinds)), "{said:?}");
        }
    }

    #[test]
    fn resources_that_are_never_asked_about_are_said() {
        let rule = |resources: &[&str]| ResourceRule {
            operations: vec!["*".to_owned()],
            groups: vec!["*".to_owned()],
            versions: vec!["*".to_owned()],
            resources: resources.iter().map(|resource| (*resource).to_owned()).collect(),
            equivalent: true,
        };
        let said = |resources: &[&str]| unasked(&Match::Resources(vec![rule(resources)]));
        assert_eq!(said(&["*"]), [""; 0]);
        assert_eq!(
            said(&["pods", "leases"]),
            ["the webhook is never asked about leases: nodes and leaders renew Leases every few seconds"]
        );
    }

    #[test]
    fn what_is_never_asked_about_is_said() {
        let rows: &[(&str, &[&str])] = &[
            ("kinds: ['*']", &[]),
            ("kinds: ['*/*/*/*']", &[]),
            ("kinds: [workloads, Service, Pod/exec, 'example.com/Node', '*/scale']", &[]),
            ("kinds: [Deployment, Node]", &["Node: a node that cannot register itself runs nothing"]),
            ("kinds: [v1/Node]", &["Node: a node that cannot register itself runs nothing"]),
            ("kinds: ['N*']", &[]),
            (
                "kinds: ['Token*', Lease]",
                &[
                    "Token* (TokenReview): every request that is authenticated by it would wait for the webhook",
                    "Lease: nodes and leaders renew Leases every few seconds",
                ],
            ),
            (
                "kinds: ['plimsoll.dev/*/ClusterManifestPolicy']",
                &["ClusterManifestPolicy: policies must be repairable when the webhook is not"],
            ),
            (
                "kinds: ['admissionregistration.k8s.io/*']",
                &[
                    "admissionregistration.k8s.io/* (MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, \
                   MutatingWebhookConfiguration, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, \
                   ValidatingWebhookConfiguration): the API server asks no webhook about what registers webhooks",
                ],
            ),
            (
                "kinds: [Pod/exec]\n    operations: [CREATE]",
                &["Pod/exec: it is connected to, and match.operations lacks CONNECT"],
            ),
            (
                "kinds: [Pod]\n    operations: [CONNECT]",
                &[
                    "Pod: match.operations is CONNECT, and what is connected to is written as a subresource: exec, \
                   attach, portforward or proxy",
                ],
            ),
        ];
        for (matches, expected) in rows {
            let text = format!(
                "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {{name: p}}\nspec:\n  \
                 match:\n    {matches}\n  rules: [{{name: a, validate: 'true'}}]"
            );
            let mut loaded = Loaded::default();
            read_text("p.yaml", &text, false, Profile::NEWEST, &mut loaded);
            let said =
                unasked(&loaded.policies.first().unwrap_or_else(|| panic!("{:?}", loaded.errors)).0.matches);
            let expected: Vec<_> =
                expected.iter().map(|text| format!("the webhook is never asked about {text}")).collect();
            assert_eq!(said, expected, "{matches}");
        }
    }
}
