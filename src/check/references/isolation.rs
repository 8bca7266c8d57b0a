//! NetworkPolicies: whom they isolate, whom they select, whom they let through.

use crate::check::subject::Sink;
use crate::document::NodeRef;
use crate::host::{Coverage, Lookup, Pool, Query, Seen};
use crate::resource::selector::LabelSelector;

use super::ask::{self, Ask};
use super::system;

/// Which way traffic goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::Egress => "Egress",
        }
    }

    /// Whether a policy is about this direction: what `policyTypes` says, by default Ingress, and Egress where there are
    /// rules for it (`SetDefaults_NetworkPolicy`, pkg/apis/networking/v1/defaults.go).
    fn is_of(self, policy: NodeRef<'_>) -> bool {
        let spec = policy.get("spec");
        match spec.and_then(|s| s.get("policyTypes")).filter(|t| !t.is_empty()) {
            Some(types) => types.items().any(|t| t.as_str() == Some(self.name())),
            None => {
                let rules = spec.and_then(|s| s.get("egress")).is_some_and(|e| e.is_array() && !e.is_empty());
                self == Self::Ingress || rules
            }
        }
    }
}

/// An absent podSelector is an empty one, and selects all Pods of the namespace.
fn pod_selector(policy: NodeRef<'_>) -> Option<LabelSelector> {
    match ask::present(policy, "/spec/podSelector") {
        Some(node) => LabelSelector::parse(node).ok(),
        None => Some(LabelSelector::default()),
    }
}

/// Pods in the network of their node are not isolated by any policy, and left alone.
pub(super) fn isolated(ask: &Ask<'_, '_>, direction: Direction, sink: &mut Sink<'_>) {
    let Some(pods) = ask.pods() else { return };
    if pods.spec.get("hostNetwork").and_then(NodeRef::as_bool) == Some(true) {
        return;
    }
    let labels = ask::labels(pods);
    let pairs = ask.own_pairs(pods);
    let pool = Pool::Selecting("networking.k8s.io", "NetworkPolicy");
    let query = Query { pool, namespace: Some(ask.namespace()), pairs: &pairs };
    let (found, coverage) = ask.find(&query, |Seen { object, .. }| {
        direction.is_of(object.root)
            && pod_selector(object.root).is_some_and(|selector| ask.selects_all(&selector, pods))
    });
    if found.is_none() {
        let message = format!("no NetworkPolicy of type {} selects the Pods", direction.name());
        let node = labels.or(pods.metadata).unwrap_or(pods.spec);
        ask::missing(coverage, node, message, sink);
    }
}

fn is_policy(ask: &Ask<'_, '_>) -> bool {
    ask.kind() == ("networking.k8s.io", "NetworkPolicy")
}

pub(super) fn selects(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    let Some(node) = ask::present(ask.object(), "/spec/podSelector").filter(|_| is_policy(ask)) else {
        return;
    };
    let Some(selector) = ask::selector(node, sink).filter(|s| !s.is_everything()) else { return };
    let (found, coverage) = ask.any_pods(Some(ask.namespace()), &selector);
    if !found {
        let message = format!("the NetworkPolicy selects no Pods of namespace {}", ask.namespace());
        ask::missing(coverage, node, message, sink);
    }
}

pub(super) fn peers(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    if !is_policy(ask) {
        return;
    }
    for (rules, list) in [("/spec/ingress", "from"), ("/spec/egress", "to")] {
        let rules = ask.object().at(rules).into_iter().flat_map(NodeRef::items);
        for peer in rules.flat_map(|rule| rule.get(list).into_iter().flat_map(NodeRef::items)) {
            check_peer(ask, peer, sink);
        }
    }
}

fn check_peer(ask: &Ask<'_, '_>, peer: NodeRef<'_>, sink: &mut Sink<'_>) {
    let Some(node) = peer.get_present("podSelector") else { return };
    let Some(selector) = ask::selector(node, sink).filter(|s| !s.is_everything()) else { return };
    let namespaces = match peer.get_present("namespaceSelector") {
        Some(node) => match ask::selector(node, sink) {
            Some(namespaces) => Some(namespaces),
            None => return,
        },
        None => None,
    };
    let (found, coverage) = match &namespaces {
        None => ask.any_pods(Some(ask.namespace()), &selector),
        Some(all) if all.is_everything() => ask.any_pods(None, &selector),
        Some(some) => {
            // whether a namespace is meant is asked once for each
            let mut known = std::collections::BTreeMap::new();
            let mut unknown = None;
            let mut is_meant = |namespace: &str| {
                *known.entry(namespace.to_owned()).or_insert_with(|| {
                    let (matches, coverage) = namespace_matches(ask, namespace, some);
                    if coverage != Coverage::Complete {
                        unknown = Some(coverage);
                    }
                    matches
                })
            };
            if system::pods(&selector).any(&mut is_meant) {
                return;
            }
            let (found, coverage) =
                ask.find_pods(None, &selector, |Seen { namespace, .. }, _| is_meant(namespace));
            (found.is_some(), unknown.unwrap_or(coverage))
        }
    };
    if !found {
        ask::missing(coverage, node, "the peer selects no Pods".to_owned(), sink);
    }
}

/// Whether a selector selects a namespace, which always has its name as a label.
fn namespace_matches(ask: &Ask<'_, '_>, name: &str, selector: &LabelSelector) -> (bool, Coverage) {
    const NAME: &str = "kubernetes.io/metadata.name";
    if selector.required_pairs().any(|(key, value)| key == NAME && value != name) {
        return (false, Coverage::Complete);
    }
    let pairs: Vec<_> = selector.required_pairs().filter(|(key, _)| *key != NAME).collect();
    match ask.get("", "Namespace", "", name) {
        Lookup::Known(namespace) => {
            let written = namespace.root.at("/metadata/labels");
            if written.is_some_and(|labels| labels.get(NAME).is_some()) {
                return (selector.matches(written), Coverage::Complete);
            }
            let mut labels = serde_json::Map::new();
            labels.extend(ask::pairs(written).into_iter().map(|(k, v)| (k.to_owned(), v.into())));
            labels.insert(NAME.to_owned(), name.into());
            let document = crate::document::Document::from_value(&labels);
            (document.is_ok_and(|d| selector.matches(Some(d.root()))), Coverage::Complete)
        }
        // which labels somebody has given it cannot be told
        _ if system::has_namespace(name) => (true, Coverage::Complete),
        _ if pairs.is_empty() && selector.required_pairs().next().is_some() => (true, Coverage::Complete),
        Lookup::Absent => (false, Coverage::Complete),
        Lookup::Unknown(what) => (false, Coverage::Unknown(what)),
        Lookup::Failed(why) => (false, Coverage::Failed(why)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    #[test]
    fn policy_types_by_default() {
        for (spec, ingress, egress) in [
            ("{}", true, false),
            (r#"{"policyTypes":[]}"#, true, false),
            (r#"{"egress":[]}"#, true, false),
            (r#"{"egress":[{}]}"#, true, true),
            (r#"{"policyTypes":["Egress"]}"#, false, true),
            (r#"{"policyTypes":["Ingress"],"egress":[{}]}"#, true, false),
        ] {
            let text = format!(r#"{{"spec":{spec}}}"#);
            let document = Document::from_json(&text, Limits::default()).unwrap();
            let root = document.root();
            assert_eq!(
                (Direction::Ingress.is_of(root), Direction::Egress.is_of(root)),
                (ingress, egress),
                "{spec}"
            );
        }
    }
}
