//! Items of lists, told apart as Kubernetes merges them: by merge key, not by index.
//!
//! A container is the container of its name wherever it stands in the list; a port is its number and protocol. The keys
//! are those of the API's types (`patchMergeKey` and `listMapKey` in `k8s.io/api/core/v1/types.go` and its neighbours);
//! a list that has none there, or of a kind that nobody knows, goes by `name` where its items have one. What has no key
//! is told by its content.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::digest::digest;
use crate::document::{NodeId, NodeRef, Scalar, write_pointer_token};

/// A key of several fields: the first is required, of the others each has a value that stands for its absence.
type Key = (&'static str, &'static [(&'static str, &'static str)]);

/// The keys of a list by the field that holds it; the first whose field an item has. `protocol` is TCP where it is left
/// out (`SetDefaults_Container`, `SetDefaults_Service`).
fn candidates(field: Option<&str>) -> &'static [Key] {
    const PROTOCOL: &[(&str, &str)] = &[("protocol", "TCP")];
    const NAME: Key = ("name", &[]);
    match field {
        Some("ports") => &[("containerPort", PROTOCOL), ("port", PROTOCOL), NAME],
        Some("volumeMounts") => &[("mountPath", &[])],
        Some("volumeDevices") => &[("devicePath", &[])],
        Some("hostAliases") => &[("ip", &[])],
        Some("topologySpreadConstraints") => &[("topologyKey", &[("whenUnsatisfiable", "DoNotSchedule")])],
        Some("ownerReferences") => &[("uid", &[]), NAME],
        Some("conditions") => &[("type", &[])],
        Some("podIPs" | "hostIPs") => &[("ip", &[])],
        // atomic in the API, and told apart by more than a name
        Some("subjects" | "rules" | "envFrom" | "items" | "sources" | "httpHeaders") => &[],
        _ => &[NAME],
    }
}

/// What tells an item from its siblings; `None` where only its content does.
#[must_use]
pub fn item_key<'d>(field: Option<&str>, item: NodeRef<'d>) -> Option<Cow<'d, str>> {
    let text = |key: &str| -> Option<Cow<'d, str>> {
        match item.get(key)?.scalar()? {
            Scalar::String(text) => Some(text.into()),
            Scalar::Int(number) => Some(number.to_string().into()),
            _ => None,
        }
    };
    if field == Some("volumeClaimTemplates") {
        return item.get("metadata")?.get_str("name").map(Cow::Borrowed);
    }
    candidates(field).iter().find_map(|(first, others)| {
        let mut key = text(first)?;
        for (field, default) in *others {
            key = format!("{key}/{}", text(field).unwrap_or((*default).into())).into();
        }
        Some(key)
    })
}

/// The field that a list stands in; of a list in a list there is none.
#[must_use]
pub fn field_of(list: NodeRef<'_>) -> Option<&str> {
    list.key()
}

/// A place with list items by their keys, from an ancestor: `spec.containers[web].image`. What has no key stands with the
/// beginning of its content's digest, so that another item before it changes nothing.
#[must_use]
pub fn place(node: NodeRef<'_>, ancestor: NodeId) -> String {
    let mut way = Vec::with_capacity(16);
    way.extend(
        std::iter::successors(Some(node), |node| node.parent()).take_while(|node| node.id() != ancestor),
    );
    let mut place = String::with_capacity(64);
    for node in way.into_iter().rev() {
        match (node.key(), node.parent()) {
            (Some(key), _) => {
                place.push('/');
                write_pointer_token(&mut place, key);
            }
            (None, Some(list)) => match item_key(field_of(list), node) {
                Some(key) => place.extend(["[", &key, "]"]),
                None => place.extend(["[#", &digest(node).to_string()[..12], "]"]),
            },
            (None, None) => {}
        }
    }
    place
}

/// A step on the way to a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeStep {
    /// A member, or, where nothing is there yet, what a pointer says.
    Token(String),
    /// An item: its key and which of those with this key it is, or its content, and its index.
    Item(String, usize),
}

/// A list's items by key, and the keys of its items.
#[derive(Debug, Default)]
struct List {
    by_key: HashMap<String, NodeId>,
    keys: Vec<String>,
}

impl List {
    fn of(list: NodeRef<'_>) -> Self {
        let field = field_of(list);
        let mut index = Self::default();
        let mut seen: HashMap<String, usize> = HashMap::new();
        for item in list.items() {
            let key = match item_key(field, item) {
                Some(key) => format!("={key}"),
                None => format!("#{}", digest(item)),
            };
            let again = seen.entry(key.clone()).or_default();
            *again += 1;
            let key = if *again == 1 { key } else { format!("{key}#{again}") };
            index.by_key.insert(key.clone(), item.id());
            index.keys.push(key);
        }
        index
    }
}

/// One object, in which items are found by their keys; each list is looked through once.
pub struct Keyed<'d> {
    root: NodeRef<'d>,
    lists: RefCell<HashMap<NodeId, Rc<List>>>,
}

impl<'d> Keyed<'d> {
    /// Of the object at this node.
    #[must_use]
    pub fn new(root: NodeRef<'d>) -> Self {
        Self { root, lists: RefCell::default() }
    }

    fn list(&self, node: NodeRef<'d>) -> Rc<List> {
        let mut lists = self.lists.borrow_mut();
        Rc::clone(lists.entry(node.id()).or_insert_with(|| Rc::new(List::of(node))))
    }

    /// The way to a place that a pointer's tokens name, there or not.
    #[must_use]
    pub fn way(&self, tokens: &[String]) -> Vec<MergeStep> {
        let mut at = Some(self.root);
        let mut way = Vec::with_capacity(tokens.len());
        for token in tokens {
            let list = at.filter(|node| node.is_array());
            let index = list.and(token.parse::<usize>().ok());
            match (list, index) {
                (Some(list), Some(index)) => {
                    at = list.item(index);
                    way.push(match self.list(list).keys.get(index) {
                        Some(key) => MergeStep::Item(key.clone(), index),
                        None => MergeStep::Token(token.clone()),
                    });
                }
                _ => {
                    at = at.and_then(|node| node.get(token));
                    way.push(MergeStep::Token(token.clone()));
                }
            }
        }
        way
    }

    /// What stands at the end of a way; an item without a key that is not there goes by its index.
    #[must_use]
    pub fn find(&self, way: &[MergeStep]) -> Option<NodeRef<'d>> {
        let mut at = self.root;
        for step in way {
            at = match step {
                MergeStep::Token(token) if at.is_array() => at.item(token.parse().ok()?)?,
                MergeStep::Token(token) => at.get(token)?,
                MergeStep::Item(key, index) => match self.list(at).by_key.get(key) {
                    Some(id) => at.document().node(*id),
                    None if key.starts_with('#') => at.item(*index)?,
                    None => return None,
                },
            };
        }
        Some(at)
    }
}

/// Whether two values are one, list items in any order where they have keys; `null` is as if absent.
#[must_use]
pub fn same(a: Option<NodeRef<'_>>, b: Option<NodeRef<'_>>) -> bool {
    let present = |node: Option<NodeRef<'_>>| node.is_some_and(|node| !node.is_null());
    match (a, b) {
        (Some(a), Some(b)) if !a.is_null() && !b.is_null() => {
            a == b || a.scalar().is_none() && b.scalar().is_none() && digest(a) == digest(b)
        }
        _ => !present(a) && !present(b),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    fn read(text: &str) -> Document<'_> {
        Document::from_json(text, Limits::default()).unwrap()
    }

    #[test]
    fn items_have_the_keys_of_the_api() {
        for (list, expected) in [
            (r#"{"containers":[{"name":"a"}]}"#, Some("a")),
            (r#"{"ports":[{"containerPort":80,"name":"x"}]}"#, Some("80/TCP")),
            (r#"{"ports":[{"port":53,"protocol":"UDP"}]}"#, Some("53/UDP")),
            (r#"{"ports":[{"name":"scrape"}]}"#, Some("scrape")),
            (r#"{"volumeMounts":[{"name":"v","mountPath":"/a"}]}"#, Some("/a")),
            (r#"{"topologySpreadConstraints":[{"topologyKey":"zone"}]}"#, Some("zone/DoNotSchedule")),
            (r#"{"volumeClaimTemplates":[{"metadata":{"name":"data"}}]}"#, Some("data")),
            (r#"{"hostAliases":[{"ip":"127.0.0.1","hostnames":[]}]}"#, Some("127.0.0.1")),
            (r#"{"unheardOf":[{"name":"x"}]}"#, Some("x")),
            (r#"{"subjects":[{"kind":"Group","name":"x"}]}"#, None),
            (r#"{"args":["-v"]}"#, None),
        ] {
            let document = read(list);
            let (_, list) = document.root().members().next().unwrap();
            let key = item_key(field_of(list), list.item(0).unwrap());
            assert_eq!(key.as_deref(), expected, "{list:?}");
        }
    }

    #[test]
    fn a_place_is_found_again_wherever_its_item_went() {
        let new =
            r#"{"c":[{"name":"b","x":1},{"name":"a","args":["q","p"]},{"name":"b","x":2}],"m":{"k":[1]}}"#;
        let old = r#"{"c":[{"name":"a","args":["p"]},{"name":"b","x":3},{"name":"b","x":4},{"name":"z"}]}"#;
        let (new, old) = (read(new), read(old));
        let (new, old) = (Keyed::new(new.root()), Keyed::new(old.root()));
        for (pointer, expected) in [
            ("/c/0/x", Some("3")),
            ("/c/2/x", Some("4")),
            ("/c/1/args/1", Some("\"p\"")),
            // no such content: the index decides
            ("/c/1/args/0", Some("\"p\"")),
            ("/c/1/x", None),
            ("/c/3/x", None),
            ("/m/k/0", None),
            ("/c/1", Some(r#"{"name":"a","args":["p"]}"#)),
        ] {
            let tokens: Vec<String> = pointer.split('/').skip(1).map(str::to_owned).collect();
            let found = old.find(&new.way(&tokens)).map(NodeRef::to_json);
            assert_eq!(found.as_deref(), expected, "{pointer}");
        }
    }

    #[test]
    fn places_name_items() {
        let document = read(r#"{"spec":{"containers":[{"name":"web","args":["-v"],"a/b":1}]}}"#);
        for (pointer, expected) in [
            ("", ""),
            ("/spec/containers/0", "/spec/containers[web]"),
            ("/spec/containers/0/a~1b", "/spec/containers[web]/a~1b"),
            ("/spec/containers/0/args", "/spec/containers[web]/args"),
        ] {
            let node = document.root().at(pointer).unwrap();
            assert_eq!(place(node, NodeId::ROOT), expected);
        }
        let arg = document.root().at("/spec/containers/0/args/0").unwrap();
        assert!(place(arg, NodeId::ROOT).starts_with("/spec/containers[web]/args[#"));
    }

    #[test]
    fn sameness() {
        for (a, b, expected) in [
            (Some("1"), Some("1.0"), true),
            (Some("null"), None, true),
            (None, None, true),
            (Some("0"), None, false),
            (
                Some(r#"{"c":[{"name":"a"},{"name":"b"}]}"#),
                Some(r#"{"c":[{"name":"b"},{"name":"a"}]}"#),
                true,
            ),
            (Some(r#"{"args":["a","b"]}"#), Some(r#"{"args":["b","a"]}"#), false),
            (Some(r#"{"a":null,"b":{}}"#), Some(r#"{"b":{}}"#), true),
            (Some("[]"), Some("{}"), false),
        ] {
            let (a_text, b_text) = (a.map(read), b.map(read));
            let got = same(a_text.as_ref().map(Document::root), b_text.as_ref().map(Document::root));
            assert_eq!(got, expected, "{a:?} {b:?}");
        }
    }
}
