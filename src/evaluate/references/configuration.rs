//! ServiceAccounts, ConfigMaps and Secrets that an object names, and the keys of them that it wants.

use std::collections::BTreeSet;

use crate::document::NodeRef;
use crate::evaluate::rule::{Sink, related};
use crate::host::{HostObject, Lookup};

use super::ask::{self, Ask};

/// The account `default` is made with every namespace.
pub(super) fn service_account(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    let Some(pods) = ask.pods() else { return };
    let named = |field| pods.spec.get(field).and_then(|n| Some((n, n.as_str().filter(|s| !s.is_empty())?)));
    let Some((node, name)) = named("serviceAccountName").or_else(|| named("serviceAccount")) else { return };
    if name == "default" {
        return;
    }
    let namespace = ask.namespace();
    let lookup = ask.get("", "ServiceAccount", namespace, name);
    ask::wanted(lookup, node, || format!("ServiceAccount {namespace}/{name} does not exist"), sink);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    ConfigMap,
    Secret,
}

impl Source {
    fn kind(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }

    fn fields(self) -> [&'static str; 2] {
        match self {
            Self::ConfigMap => ["data", "binaryData"],
            Self::Secret => ["data", "stringData"],
        }
    }
}

/// Something that an object takes from a ConfigMap or Secret.
struct Wish<'r> {
    source: Source,
    /// Where the name stands.
    node: NodeRef<'r>,
    name: &'r str,
    /// The keys that have to be there.
    keys: Vec<NodeRef<'r>>,
}

pub(super) fn exists(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    let mut unknown = BTreeSet::new();
    for wish in wishes(ask) {
        check(ask, &wish, &mut unknown, sink);
    }
}

fn wishes<'r>(ask: &Ask<'_, 'r>) -> Vec<Wish<'r>> {
    let mut wishes = Vec::new();
    if let Some(pods) = ask.pods() {
        for container in pods.containers() {
            of_container(container.node, &mut wishes);
        }
        for volume in items(pods.spec, "volumes") {
            of_volume(volume, &mut wishes);
        }
        for secret in items(pods.spec, "imagePullSecrets") {
            add(Source::Secret, Some(secret), "name", Vec::new(), &mut wishes);
        }
    } else if ask.kind() == ("", "ServiceAccount") {
        for secret in items(ask.object(), "imagePullSecrets") {
            add(Source::Secret, Some(secret), "name", Vec::new(), &mut wishes);
        }
    } else if ask.kind().1 == "Ingress" && !made_by_cert_manager(ask.object()) {
        for tls in ask.object().get("spec").into_iter().flat_map(|spec| items(spec, "tls")) {
            add(Source::Secret, Some(tls), "secretName", Vec::new(), &mut wishes);
        }
    }
    wishes
}

/// These annotations ask cert-manager for the Secret.
fn made_by_cert_manager(ingress: NodeRef<'_>) -> bool {
    let annotations = ingress.at("/metadata/annotations");
    ["cert-manager.io/issuer", "cert-manager.io/cluster-issuer", "kubernetes.io/tls-acme"]
        .iter()
        .any(|key| annotations.and_then(|a| a.get(key)).is_some())
}

fn items<'r>(node: NodeRef<'r>, field: &str) -> impl Iterator<Item = NodeRef<'r>> + use<'r> {
    node.get(field).into_iter().flat_map(NodeRef::items)
}

/// What is optional may be missing.
fn add<'r>(
    source: Source,
    at: Option<NodeRef<'r>>,
    field: &str,
    keys: Vec<NodeRef<'r>>,
    wishes: &mut Vec<Wish<'r>>,
) {
    let Some(at) = at.filter(|n| n.get("optional").and_then(NodeRef::as_bool) != Some(true)) else { return };
    let Some(node) = at.get(field) else { return };
    if let Some(name) = node.as_str().filter(|name| !name.is_empty()) {
        wishes.push(Wish { source, node, name, keys });
    }
}

fn of_container<'r>(container: NodeRef<'r>, wishes: &mut Vec<Wish<'r>>) {
    for env in items(container, "env").filter_map(|e| e.get_present("valueFrom")) {
        for (source, field) in [(Source::ConfigMap, "configMapKeyRef"), (Source::Secret, "secretKeyRef")] {
            let at = env.get_present(field);
            let keys = at.and_then(|a| a.get("key")).into_iter().collect();
            add(source, at, "name", keys, wishes);
        }
    }
    for from in items(container, "envFrom") {
        add(Source::ConfigMap, from.get_present("configMapRef"), "name", Vec::new(), wishes);
        add(Source::Secret, from.get_present("secretRef"), "name", Vec::new(), wishes);
    }
}

fn of_volume<'r>(volume: NodeRef<'r>, wishes: &mut Vec<Wish<'r>>) {
    let keys = |at: Option<NodeRef<'r>>| {
        at.into_iter().flat_map(|a| items(a, "items")).filter_map(|item| item.get("key")).collect()
    };
    let config = volume.get_present("configMap");
    add(Source::ConfigMap, config, "name", keys(config), wishes);
    let secret = volume.get_present("secret");
    add(Source::Secret, secret, "secretName", keys(secret), wishes);
    for part in volume.get_present("projected").into_iter().flat_map(|p| items(p, "sources")) {
        for (source, field) in [(Source::ConfigMap, "configMap"), (Source::Secret, "secret")] {
            let at = part.get_present(field);
            add(source, at, "name", keys(at), wishes);
        }
    }
}

fn check<'r>(
    ask: &Ask<'_, 'r>,
    wish: &Wish<'r>,
    unknown: &mut BTreeSet<(Source, &'r str)>,
    sink: &mut Sink<'_>,
) {
    let (kind, name, namespace) = (wish.source.kind(), wish.name, ask.namespace());
    // every ServiceAccount's namespace has it
    if wish.source == Source::ConfigMap && name == "kube-root-ca.crt" {
        return;
    }
    let lookup = ask.get_all("", kind, namespace, name);
    match lookup {
        Lookup::Known(objects) => has_keys(wish, &objects, sink),
        Lookup::Absent if wish.source == Source::Secret && will_be_made(ask, name) => {}
        // the same question is asked once
        Lookup::Unknown(_) if !unknown.insert((wish.source, name)) => {}
        Lookup::Absent => {
            sink.fault(wish.node, format!("{kind} {namespace}/{name} does not exist"));
        }
        Lookup::Unknown(what) => ask::unknown(wish.node, &what, sink),
        Lookup::Failed(why) => ask::failed(wish.node, &why, sink),
    }
}

/// Objects of these kinds have a controller make the Secret of their name.
fn will_be_made(ask: &Ask<'_, '_>, name: &str) -> bool {
    [
        ("bitnami.com", "SealedSecret"),
        ("external-secrets.io", "ExternalSecret"),
        ("cert-manager.io", "Certificate"),
    ]
    .iter()
    .any(|(group, kind)| matches!(ask.get(group, kind, ask.namespace(), name), Lookup::Known(_)))
}

fn has_keys(wish: &Wish<'_>, objects: &[HostObject<'_>], sink: &mut Sink<'_>) {
    let Some(first) = objects.first() else { return };
    for node in &wish.keys {
        let Some(key) = node.as_str() else { continue };
        let fields = wish.source.fields();
        let has = |object: &HostObject<'_>| {
            object.partial
                || fields
                    .iter()
                    .any(|field| object.root.get(field).is_some_and(|data| data.get(key).is_some()))
        };
        if objects.iter().any(has) {
            continue;
        }
        let finding = sink.fault(*node, format!("{} {} has no key {key}", wish.source.kind(), wish.name));
        // never at the data of a Secret: its text is not to be shown; what is generated stands nowhere
        if first.document.is_none() {
            continue;
        }
        finding.related.push(related(*first, ask::name_node(*first), "it is here".to_owned()));
    }
}
