//! ServiceAccounts, ConfigMaps and Secrets that an object names, and the keys of them that it wants.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::check::subject::{Sink, related};
use crate::document::NodeRef;
use crate::host::{HostObject, Lookup, Pool, Query};
use crate::nearest::nearest;
use crate::resource::identity::Identity;
use crate::resource::made::{self, Home, Keys};

use super::ask::{self, Ask, MOST};

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
    } else if ask.kind().1 == "Ingress" {
        for tls in ask.object().get("spec").into_iter().flat_map(|spec| items(spec, "tls")) {
            add(Source::Secret, Some(tls), "secretName", Vec::new(), &mut wishes);
        }
    }
    wishes
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
    let lookup = ask.get_all("", kind, namespace, name);
    let makers = makers(ask, wish);
    let everywhere = made::of_every_namespace(name).filter(|_| wish.source == Source::ConfigMap);
    match lookup {
        Lookup::Known(objects) => has_keys(wish, &objects, &makers, sink),
        // made by a controller, as soon as it is asked for or everywhere
        _ if !makers.is_empty() || everywhere.is_some() => {
            let keys: Vec<Keys<'r>> = makers.iter().map(|(_, keys)| keys.clone()).chain(everywhere).collect();
            let maker = makers.first().map(|(object, _)| *object);
            for node in lacking(wish, |key| keys.iter().any(|keys| keys.has(key))) {
                let Some(key) = node.as_str() else { continue };
                let finding = sink.fault(node, format!("{kind} {name} has no key {key}"));
                if let Some(maker) = maker {
                    let message =
                        format!("this {} has it made", maker.root.get_str("kind").unwrap_or("object"));
                    finding.related.push(related(maker, ask::name_node(maker), message));
                }
            }
        }
        // the same question is asked once
        Lookup::Unknown(_) if !unknown.insert((wish.source, name)) => {}
        Lookup::Unknown(what) => ask::unknown(wish.node, &what, sink),
        Lookup::Absent => {
            sink.fault(wish.node, format!("{kind} {namespace}/{name} does not exist"));
        }
        Lookup::Failed(why) => ask::failed(wish.node, &why, sink),
    }
}

/// The objects that have a controller make what is wished for, and with which keys.
fn makers<'r>(ask: &Ask<'_, 'r>, wish: &Wish<'_>) -> Vec<(HostObject<'r>, Keys<'r>)> {
    let kind = wish.source.kind();
    // what is made elsewhere may be copied here, and a policy of one namespace sees no other
    let namespace = ask.subject.policy.matches.own_namespace().is_some().then(|| ask.namespace());
    let query = Query { pool: Pool::Making(kind), namespace, pairs: &[("name", wish.name)] };
    let mut makers = Vec::new();
    let mut add = |object: HostObject<'r>, namespace: &str| {
        let own = Identity::of(object.root).map(|identity| identity.gvk).unwrap_or_default();
        for made in made::makes(object.root, own.group, own.kind) {
            let here = match made.home {
                // a list of all namespaces leaves it out of objects that were never in a cluster
                Home::Beside => namespace == ask.namespace() || namespace.is_empty(),
                Home::In(namespace) => namespace == ask.namespace(),
                Home::Anywhere => true,
            };
            if here && made.kind == kind && made.name == wish.name {
                makers.push((object, made.keys));
            }
        }
        makers.len()
    };
    // an Ingress may itself ask for what it names
    add(HostObject { root: ask.object(), document: None, partial: false }, ask.namespace());
    ask.visit(&query, &mut |seen| {
        if add(seen.object, seen.namespace) < MOST {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    makers
}

/// The keys that are wished for and not there.
fn lacking<'w, 'r>(
    wish: &'w Wish<'r>,
    has: impl Fn(&str) -> bool + 'w,
) -> impl Iterator<Item = NodeRef<'r>> + 'w {
    wish.keys.iter().copied().filter(move |node| node.as_str().is_some_and(|key| !has(key)))
}

/// Each key is in one form of the object, or filled in by a controller.
fn has_keys(
    wish: &Wish<'_>,
    objects: &[HostObject<'_>],
    makers: &[(HostObject<'_>, Keys<'_>)],
    sink: &mut Sink<'_>,
) {
    let written = |key: &str| {
        objects.iter().any(|object| {
            let mut fields = wish.source.fields().into_iter();
            object.partial
                || fields.any(|field| object.root.get(field).is_some_and(|data| data.get(key).is_some()))
                || made::filled(object.root).has(key)
        })
    };
    let Some(object) = objects.first() else { return };
    for node in lacking(wish, |key| written(key) || makers.iter().any(|(_, keys)| keys.has(key))) {
        let Some(key) = node.as_str() else { continue };
        let names = wish.source.fields().into_iter().filter_map(|field| object.root.get(field));
        let meant = nearest(key, names.flat_map(NodeRef::members).map(|(key, _)| key));
        let meant = meant.map_or(String::new(), |meant| format!(" (did you mean {meant}?)"));
        let finding =
            sink.fault(node, format!("{} {} has no key {key}{meant}", wish.source.kind(), wish.name));
        // never at the data of a Secret: its text is not to be shown; what is generated stands nowhere
        if object.document.is_none() {
            continue;
        }
        finding.related.push(related(*object, ask::name_node(*object), "it is here".to_owned()));
    }
}
