//! Which fields of the objects of a kind policies read: what a mirror of the kind keeps of them.
//!
//! ```text
//! resources.get("v1", "Service", …).spec.ports.exists(p, p.name == "web")  ─▶  spec: {ports: [each: {name}]}
//! ```
//!
//! An object without the other fields answers every question as the whole object does: what stands on the way to a
//! field that is read stays, so that it is there or is not there, and is of the same type; lists keep their length. What
//! is read of an expression is told too largely rather than too narrowly ([`crate::cel::reads`]).

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

use crate::cel::reads::Part;
use crate::document::few::GatherFew as _;
use crate::document::{Builder, Document, LimitError, Limits, NodeId, NodeRef};

/// By what an object calls itself, wherever it is.
static NAMES: LazyLock<Fields> =
    LazyLock::new(|| Fields::of(&["/apiVersion", "/kind", "/metadata/name", "/metadata/uid"]));

/// What every object keeps, since hosts and messages name it.
static ALWAYS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::of(&["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace", "/metadata/uid"])
});

/// The fields of an object that are read; by default only whether it is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields {
    /// All of it.
    whole: bool,
    /// Of an object the names of its members.
    names: bool,
    /// Of a list all items, whole.
    items: bool,
    /// The same of every item or member.
    each: Option<Box<Fields>>,
    members: BTreeMap<Arc<str>, Fields>,
}

impl Fields {
    /// Every field.
    #[must_use]
    pub fn whole() -> Self {
        Self { whole: true, ..Self::default() }
    }

    /// The fields at these pointers, whole: `*` is every item or member, `#` at the end the names of members alone, and
    /// a `/` at the end no more than whether it is there.
    #[must_use]
    pub fn of(pointers: &[&str]) -> Self {
        let mut fields = Self::default();
        for pointer in pointers {
            fields.add_pointer(pointer);
        }
        fields
    }

    /// Adds the field at a pointer, as in [`Fields::of`].
    pub fn add_pointer(&mut self, pointer: &str) {
        let mut at = self;
        for step in pointer.split('/').skip(1) {
            at = match step {
                "" => return,
                "#" => {
                    at.names = true;
                    return;
                }
                "*" => at.each.get_or_insert_default(),
                name => at.members.entry(name.into()).or_default(),
            };
        }
        at.whole = true;
    }

    /// Adds what stands at the end of a way, with all below it.
    pub fn add(&mut self, way: &[Part]) {
        let mut at = self;
        for part in way {
            at = match part {
                Part::Key(name) => at.members.entry(name.clone()).or_default(),
                Part::In(name) => {
                    at.items = true;
                    at.members.entry(name.clone()).or_default()
                }
                Part::Each => at.each.get_or_insert_default(),
                Part::Shape | Part::Kind => {
                    at.names = true;
                    return;
                }
            };
        }
        at.whole = true;
    }

    /// Adds the fields of another.
    pub fn extend(&mut self, other: &Self) {
        let Self { whole, names, items, each, members } = other;
        self.whole |= whole;
        self.names |= names;
        self.items |= items;
        if let Some(each) = each {
            self.each.get_or_insert_default().extend(each);
        }
        for (name, fields) in members {
            self.members.entry(name.clone()).or_default().extend(fields);
        }
    }

    /// Whether all fields of another are among these.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let mut both = self.clone();
        both.extend(other);
        both.simple() == self.clone().simple()
    }

    /// Without what a whole takes in anyway.
    fn simple(mut self) -> Self {
        if self.whole {
            return Self::whole();
        }
        self.each = self.each.map(|each| Box::new(each.simple()));
        self.members = self.members.into_iter().map(|(name, fields)| (name, fields.simple())).gather();
        self
    }

    /// Whether the object's metadata is all that is read.
    #[must_use]
    pub fn is_metadata(&self) -> bool {
        let known = |name: &Arc<str>| matches!(&**name, "apiVersion" | "kind" | "metadata");
        !self.whole && !self.names && self.each.is_none() && self.members.keys().all(known)
    }

    /// Takes away from an object what is not read.
    pub fn keep(&self, object: &mut Value) {
        prune(object, &[self, &ALWAYS]);
    }

    /// Whether two objects say the same in all that is read, so that either answers for both: what is
    /// [kept](Self::kept) of them is the same, but for a namespace that nobody reads. Who looks things up knows it anyway.
    #[must_use]
    pub fn are_alike(&self, one: NodeRef<'_>, other: NodeRef<'_>) -> bool {
        are_alike(one, other, &[self, &NAMES])
    }

    /// A document without what is not read; what stays keeps its places.
    ///
    /// # Errors
    /// None that the document itself had not met.
    pub fn kept<'d>(&self, document: &Document<'d>) -> Result<Document<'d>, LimitError> {
        let mut keeper = Keeper { builder: Builder::of_part(document, 0, Limits::default()) };
        keeper.keep(document.root(), &[self, &ALWAYS])?;
        Ok(keeper.builder.finish().shrunk())
    }
}

/// What is read of a document, node by node.
struct Keeper<'d> {
    builder: Builder<'d>,
}

impl Keeper<'_> {
    fn keep(&mut self, node: NodeRef<'_>, read: &[&Fields]) -> Result<(), LimitError> {
        let items = node.is_array() && read.iter().any(|fields| fields.items);
        if items || read.iter().any(|fields| fields.whole) || !(node.is_array() || node.is_object()) {
            return self.builder.copy_node(node, true).map(|_| ());
        }
        let each: Vec<&Fields> = read.iter().filter_map(|fields| fields.each.as_deref()).collect();
        let names = read.iter().any(|fields| fields.names);
        let id = self.begin(node)?;
        for item in node.items() {
            if each.is_empty() { self.blank(item)? } else { self.keep(item, &each)? }
        }
        for (name, member) in node.members() {
            let named = read.iter().filter_map(|fields| fields.members.get(name));
            let read: Vec<&Fields> = named.chain(each.iter().copied()).collect();
            if read.is_empty() && !names {
                continue;
            }
            self.builder.kept_key(member)?;
            if read.is_empty() { self.blank(member)? } else { self.keep(member, &read)? }
        }
        self.end(id, node);
        Ok(())
    }

    /// Something of the same type, without what is in it.
    fn blank(&mut self, node: NodeRef<'_>) -> Result<(), LimitError> {
        if !(node.is_array() || node.is_object() || node.as_str().is_some()) {
            return self.builder.copy_node(node, true).map(|_| ());
        }
        if node.as_str().is_some() {
            let id = self.builder.string("")?;
            self.told(id, node);
            return Ok(());
        }
        let id = self.begin(node)?;
        self.end(id, node);
        Ok(())
    }

    fn begin(&mut self, node: NodeRef<'_>) -> Result<NodeId, LimitError> {
        if node.is_array() { self.builder.begin_array() } else { self.builder.begin_object() }
    }

    fn end(&mut self, id: NodeId, node: NodeRef<'_>) {
        let _ = self.builder.end();
        self.told(id, node);
    }

    /// Where a node stands, and who made it.
    fn told(&mut self, id: NodeId, node: NodeRef<'_>) {
        if let Some(span) = node.span() {
            self.builder.place(id, span);
        }
        if let Some(origin) = node.origin_label() {
            self.builder.mark_origin(id, origin);
        }
    }
}

/// Whether what a [`Keeper`] keeps of two values is the same.
fn are_alike(one: NodeRef<'_>, other: NodeRef<'_>, read: &[&Fields]) -> bool {
    let items = one.is_array() && read.iter().any(|fields| fields.items);
    if items || read.iter().any(|fields| fields.whole) || !(one.is_array() || one.is_object()) {
        return one.says_what(other);
    }
    if one.kind() != other.kind() {
        return false;
    }
    let each: Vec<&Fields> = read.iter().filter_map(|fields| fields.each.as_deref()).collect();
    let alike = |one, other, read: &[&Fields]| match read {
        [] => are_alike_when_blank(one, other),
        read => are_alike(one, other, read),
    };
    if one.is_array() {
        return one.len() == other.len() && one.items().zip(other.items()).all(|(a, b)| alike(a, b, &each));
    }
    let names = read.iter().any(|fields| fields.names);
    let is_kept = |name: &str| names || !each.is_empty() || read.iter().any(|f| f.members.contains_key(name));
    let mut others = other.members().filter(|(name, _)| is_kept(name));
    let alike_members = one.members().filter(|(name, _)| is_kept(name)).all(|(name, member)| {
        let named = read.iter().filter_map(|fields| fields.members.get(name));
        let read: Vec<&Fields> = named.chain(each.iter().copied()).collect();
        others.next().is_some_and(|(other, beside)| other == name && alike(member, beside, &read))
    });
    alike_members && others.next().is_none()
}

fn are_alike_when_blank(one: NodeRef<'_>, other: NodeRef<'_>) -> bool {
    one.kind() == other.kind() && (one.as_str().is_some() || one.scalar() == other.scalar())
}

fn prune(value: &mut Value, read: &[&Fields]) {
    if read.iter().any(|fields| fields.whole) {
        return;
    }
    let each = || read.iter().filter_map(|fields| fields.each.as_deref());
    match value {
        Value::Object(members) => {
            let names = read.iter().any(|fields| fields.names);
            let kept = std::mem::take(members).into_iter().filter_map(|(name, mut member)| {
                let read: Vec<&Fields> = read
                    .iter()
                    .filter_map(|fields| fields.members.get(name.as_str()))
                    .chain(each())
                    .collect();
                match read.is_empty() {
                    false => prune(&mut member, &read),
                    true if names => blank(&mut member),
                    true => return None,
                }
                Some((name, member))
            });
            *members = kept.collect();
        }
        Value::Array(items) => {
            if read.iter().any(|fields| fields.items) {
                return;
            }
            let each: Vec<&Fields> = each().collect();
            for item in items {
                if each.is_empty() { blank(item) } else { prune(item, &each) }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Something of the same type, without what is in it.
fn blank(value: &mut Value) {
    match value {
        Value::Object(members) => *members = Map::new(),
        Value::Array(items) => *items = Vec::new(),
        Value::String(text) => *text = String::new(),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kept(fields: &Fields) -> Value {
        let mut object = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "a", "namespace": "b", "uid": "u", "labels": {"x": "1"}, "annotations": {"y": "2"}},
            "spec": {"nodeName": "n", "containers": [
                {"name": "c", "image": "i", "ports": [{"name": "web", "containerPort": 80}]}, {"name": "d"}]},
            "data": {"k": "long", "l": {"m": 1}}, "flag": true,
        });
        let document = Document::from_value(&object).unwrap();
        fields.keep(&mut object);
        let of_document = fields.kept(&document).unwrap();
        assert_eq!(serde_json::to_value(of_document.root()).unwrap(), object);
        for name in ["apiVersion", "kind"] {
            assert!(object.as_object_mut().and_then(|o| o.remove(name)).is_some());
        }
        let metadata = object["metadata"].as_object_mut();
        if metadata.is_some_and(|m| ["name", "namespace", "uid"].iter().all(|n| m.remove(*n).is_some())) {
            if object["metadata"] == json!({}) {
                object.as_object_mut().map(|o| o.remove("metadata"));
            }
            return object;
        }
        panic!("without a name")
    }

    #[test]
    fn what_is_kept_of_a_document_stands_where_it_stood() {
        let text = r#"{"kind": "Pod", "spec": {"a": [{"b": 1, "c": 2}], "d": {"e": []}}}"#;
        let document = Document::from_json_with_places(text, Limits::default()).unwrap();
        let kept = Fields::of(&["/spec/a/*/b", "/spec/#"]).kept(&document).unwrap();
        for (pointer, is_kept) in [
            ("", true),
            ("/kind", true),
            ("/spec/a", true),
            ("/spec/a/0", true),
            ("/spec/a/0/b", true),
            ("/spec/a/0/c", false),
            ("/spec/d", true),
            ("/spec/d/e", false),
        ] {
            let (now, before) = (kept.root().at(pointer), document.root().at(pointer).unwrap());
            assert_eq!(now.is_some(), is_kept, "{pointer}");
            let place = |node: NodeRef<'_>| (node.span(), node.key_span());
            assert!(now.is_none_or(|now| now.span().is_some() && place(now) == place(before)), "{pointer}");
        }
    }

    #[test]
    fn what_is_read_is_kept_and_the_way_to_it() {
        let key = |name: &str| Part::Key(name.into());
        let containers = || vec![key("spec"), key("containers")];
        let image = [containers(), vec![Part::Each, key("image")]].concat();
        let rows: [(&str, Vec<Part>, Value); 10] = [
            ("labels", vec![key("metadata"), key("labels")], json!({"metadata": {"labels": {"x": "1"}}})),
            ("spec", vec![key("spec"), key("nodeName")], json!({"spec": {"nodeName": "n"}})),
            ("none there", vec![key("spec"), key("x"), key("y")], json!({"spec": {}})),
            ("below text", vec![key("spec"), key("nodeName"), key("y")], json!({"spec": {"nodeName": "n"}})),
            ("each", image, json!({"spec": {"containers": [{"image": "i"}, {}]}})),
            ("length", [containers(), vec![Part::Shape]].concat(), json!({"spec": {"containers": [{}, {}]}})),
            ("names", vec![key("data"), Part::Shape], json!({"data": {"k": "", "l": {}}})),
            (
                "of a map",
                vec![key("data"), Part::Each, key("m")],
                json!({"data": {"k": "long", "l": {"m": 1}}}),
            ),
            ("one key", vec![key("data"), Part::In("k".into())], json!({"data": {"k": "long"}})),
            ("not there", vec![key("nothing")], json!({})),
        ];
        for (name, way, expected) in rows {
            let mut fields = Fields::default();
            fields.add(&way);
            assert_eq!(kept(&fields), expected, "{name}");
        }
        assert_eq!(kept(&Fields::default()), json!({}));
        let mut in_a_list = Fields::default();
        in_a_list.add(&[key("spec"), key("containers"), Part::In("x".into())]);
        assert_eq!(kept(&in_a_list)["spec"]["containers"][0]["image"], "i", "of a list all of it");
    }

    #[test]
    fn alike_is_of_what_the_same_is_kept() {
        let object = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"x": "1", "y": "2"}},
            "spec": {"nodeName": "n", "containers": [{"name": "c", "ports": [{"name": "web", "port": 80}]}, {"name": "d"}]},
            "data": {"k": "long", "l": {"m": 1}}, "flag": true,
        });
        let mut others = vec![object.clone()];
        for (pointer, value) in [
            ("/metadata/name", json!("b")),
            ("/metadata/labels", json!({"y": "2", "x": "1"})),
            ("/metadata/labels/x", json!("3")),
            ("/metadata/labels", json!({"x": "1"})),
            ("/spec/nodeName", json!(null)),
            ("/spec/containers/0/name", json!("e")),
            ("/spec/containers/0/ports/0/port", json!(80.0)),
            ("/spec/containers/1", json!({"name": "d", "ports": []})),
            ("/spec/containers", json!([{"name": "c"}])),
            ("/spec", json!([])),
            ("/data/k", json!("longer")),
            ("/data/l/m", json!(2)),
            ("/data/l", json!("m")),
            ("/flag", json!(false)),
        ] {
            let mut other = object.clone();
            *other.pointer_mut(pointer).unwrap() = value;
            others.push(other);
        }
        let others: Vec<_> = others.iter().map(|other| Document::from_value(other).unwrap()).collect();
        let mut every_item = Fields::default();
        every_item.add(&[Part::Key("spec".into()), Part::In("containers".into())]);
        let read = [
            &[][..],
            &["/metadata/labels"],
            &["/spec/"],
            &["/spec/nodeName"],
            &["/spec/containers/*/name", "/spec/containers/*/ports/*/port"],
            &["/data/#"],
            &["/data/*/m"],
            &["/flag", "/data/l"],
            &["/*/k"],
        ];
        let mut alike = [0, 0];
        for fields in read.into_iter().map(Fields::of).chain([Fields::whole(), every_item]) {
            for (at, one) in others.iter().enumerate() {
                for other in &others[at..] {
                    let kept = |document| fields.kept(document).unwrap();
                    let expected = kept(one).root().says_what(kept(other).root());
                    let (one, other) = (one.root(), other.root());
                    assert_eq!(fields.are_alike(one, other), expected, "{fields:?} {one:?} {other:?}");
                    alike[usize::from(expected)] += 1;
                }
            }
        }
        assert!(alike.into_iter().all(|count| count > 300), "{alike:?}");
    }

    #[test]
    fn a_namespace_that_nobody_reads_tells_nothing_apart() {
        let of = |namespace: &str| json!({"kind": "Pod", "metadata": {"name": "a", "namespace": namespace}});
        let (one, other) = (of("b"), of("c"));
        let [one, other] = [&one, &other].map(|object| Document::from_value(object).unwrap());
        assert!(Fields::of(&["/spec"]).are_alike(one.root(), other.root()));
        assert!(!Fields::of(&["/metadata/namespace"]).are_alike(one.root(), other.root()));
    }

    #[test]
    fn pointers_say_the_same() {
        let fields =
            Fields::of(&["/spec/containers/*/ports/*/name", "/metadata/labels", "/data/#", "/status/"]);
        let expected = json!({
            "metadata": {"labels": {"x": "1"}}, "data": {"k": "", "l": {}},
            "spec": {"containers": [{"ports": [{"name": "web"}]}, {}]},
        });
        assert_eq!(kept(&fields), expected);
        assert!(!fields.is_metadata());
        assert!(Fields::of(&["/metadata/labels"]).is_metadata() && Fields::default().is_metadata());
        assert!(!Fields::whole().is_metadata());
    }

    #[test]
    fn what_takes_in_what() {
        let (labels, metadata) = (Fields::of(&["/metadata/labels"]), Fields::of(&["/metadata"]));
        assert!(metadata.covers(&labels) && !labels.covers(&metadata));
        assert!(labels.covers(&Fields::default()) && Fields::whole().covers(&metadata));
        assert!(!metadata.covers(&Fields::whole()));
        let mut both = labels.clone();
        both.extend(&Fields::of(&["/spec"]));
        assert!(both.covers(&labels) && !labels.covers(&both));
    }
}
