//! Where a rule looks, and what it says: field paths and causes as the API server writes them
//! (apimachinery/pkg/util/validation/field).

mod cause;
mod go;

pub use cause::{BadValue, Cause, Causes, Reason, Value, status_message};
pub(crate) use go::is_print;
pub use go::{go_json_string, go_quote};

use document::{Document, Items, NodeId, NodeRef};
use kubernetes_cel::library::quantity::Quantity;
use std::fmt;

/// A path with more steps than this below its nearest present node is cut short in messages.
const MISSING: usize = 5;

#[derive(Debug, Clone, Copy)]
enum FieldStep<'d> {
    Field(&'d str),
    Index(usize),
    Key(&'d str),
}

/// A place in an object: a field path as Kubernetes writes it, with the node there, if any.
///
/// Copied freely and made without allocation: the path is read off the tree when a message asks for it. It is kept to
/// 128 bytes, for most of what rules cost is copies of these.
/// `null` counts as absent throughout, as in Go, and absent values read as Go's zero values.
#[derive(Clone, Copy)]
pub struct At<'d> {
    document: &'d Document<'d>,
    /// The nearest present node; the path runs from `root` down to it.
    base: NodeId,
    root: NodeId,
    /// Bit n: the nth step above `base` is a map key, written `[key]` and not `.key`.
    keys: u64,
    /// Another node to read than the path says (some of upstream's paths name a wrong field).
    node: Option<NodeRef<'d>>,
    /// The names of the steps below `base` that lead to nothing; that of an index is empty.
    steps: [&'d str; MISSING],
    /// The last index among them, and the one before: no upstream path that names what is not there has more.
    index: u32,
    index_before: u16,
    missing: u8,
    /// Bit n: the nth of them is a map key. [`DETACHED`]: `node` is what is read.
    flags: u8,
}

const DETACHED: u8 = 1 << 7;

impl<'d> At<'d> {
    /// The object itself; its path is empty.
    #[must_use]
    pub fn root(node: NodeRef<'d>) -> Self {
        Self {
            document: node.document(),
            base: node.id(),
            root: node.id(),
            keys: 0,
            node: None,
            steps: [""; MISSING],
            index: 0,
            index_before: 0,
            missing: 0,
            flags: 0,
        }
    }

    /// The field of that name.
    #[must_use]
    pub fn field(&self, name: &'d str) -> Self {
        self.down(FieldStep::Field(name), self.node().and_then(|node| node.get(name)))
    }

    /// What the field of that name holds, unless that is absent or `null`. This and the like are for rules that ask no more of
    /// a field: its place costs more than its value, and most fields are absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<NodeRef<'d>> {
        self.node()?.get_present(name)
    }

    /// As [`At::is_set`], of the field of that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// As [`At::str`], of the field of that name.
    #[must_use]
    pub fn str_at(&self, name: &str) -> &'d str {
        self.opt_str_at(name).unwrap_or_default()
    }

    /// As [`At::opt_str`], of the field of that name.
    #[must_use]
    pub fn opt_str_at(&self, name: &str) -> Option<&'d str> {
        self.get(name).and_then(NodeRef::as_str)
    }

    /// As [`At::int`], of the field of that name.
    #[must_use]
    pub fn int_at(&self, name: &str) -> i64 {
        self.opt_int_at(name).unwrap_or(0)
    }

    /// As [`At::opt_int`], of the field of that name.
    #[must_use]
    pub fn opt_int_at(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(NodeRef::as_i64)
    }

    /// As [`At::bool`], of the field of that name.
    #[must_use]
    pub fn bool_at(&self, name: &str) -> bool {
        self.opt_bool_at(name).unwrap_or(false)
    }

    /// As [`At::opt_bool`], of the field of that name.
    #[must_use]
    pub fn opt_bool_at(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(NodeRef::as_bool)
    }

    /// As [`At::is_empty`], of the field of that name.
    #[must_use]
    pub fn is_empty_at(&self, name: &str) -> bool {
        self.get(name).is_none_or(is_empty)
    }

    /// As [`At::items`], of the field of that name.
    pub fn items_at(&self, name: &'d str) -> Each<'d> {
        match self.get(name).filter(|node| node.is_array()) {
            Some(list) => Each::of(self.down(FieldStep::Field(name), Some(list)), list),
            None => Each { list: *self, items: None, index: 0 },
        }
    }

    /// The field at the end of a chain of names, separated by dots.
    #[must_use]
    pub fn fields(&self, names: &'d str) -> Self {
        let (mut at, mut rest) = (*self, names);
        while let Some(dot) = rest.bytes().position(|byte| byte == b'.') {
            at = at.field(&rest[..dot]);
            rest = &rest[dot + 1..];
        }
        at.field(rest)
    }

    /// The entry of a map; written `[key]`.
    #[must_use]
    pub fn key(&self, key: &'d str) -> Self {
        self.down(FieldStep::Key(key), self.node().and_then(|node| node.get(key)))
    }

    /// The item of a list; walk lists with [`At::items`].
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.down(FieldStep::Index(index), self.node().and_then(|node| node.item(index)))
    }

    #[inline]
    fn down(&self, step: FieldStep<'d>, child: Option<NodeRef<'d>>) -> Self {
        let mut at = *self;
        if let Some(child) = child.filter(|_| !self.is_detached()) {
            at.base = child.id();
            at.keys = (self.keys << 1) | u64::from(matches!(step, FieldStep::Key(_)));
            return at;
        }
        if let Some(slot) = at.steps.get_mut(usize::from(self.missing)) {
            *slot = match step {
                FieldStep::Field(name) => name,
                FieldStep::Key(key) => {
                    at.flags |= 1 << self.missing;
                    key
                }
                FieldStep::Index(index) => {
                    at.index_before = u16::try_from(self.index).unwrap_or(u16::MAX);
                    at.index = u32::try_from(index).unwrap_or(u32::MAX);
                    ""
                }
            };
            at.missing += 1;
        }
        at.flags |= DETACHED;
        at.node = child;
        at
    }

    /// The same path, read from another node: for rules whose path does not name what they judge.
    #[must_use]
    pub fn reading(&self, other: At<'d>) -> Self {
        Self { node: other.here(), flags: self.flags | DETACHED, ..*self }
    }

    /// The path alone, a field further down than anything that is there.
    #[must_use]
    pub fn said(&self, name: &'d str) -> Self {
        Self { node: None, flags: self.flags | DETACHED, ..*self }.down(FieldStep::Field(name), None)
    }

    fn is_detached(self) -> bool {
        self.flags & DETACHED != 0
    }

    /// The node here, `null` included.
    fn here(self) -> Option<NodeRef<'d>> {
        if self.is_detached() { self.node } else { Some(self.document.node(self.base)) }
    }

    /// The node here, unless absent or `null`.
    #[must_use]
    pub fn node(self) -> Option<NodeRef<'d>> {
        self.here().filter(|node| !node.is_null())
    }

    /// The node here, or its nearest present ancestor.
    #[must_use]
    pub fn nearest(self) -> NodeRef<'d> {
        self.here().unwrap_or_else(|| self.document.node(self.base))
    }

    /// Whether there is a value other than `null`: a pointer that is not nil.
    #[must_use]
    pub fn is_set(self) -> bool {
        self.node().is_some()
    }

    /// The string, `""` where there is none.
    #[must_use]
    pub fn str(self) -> &'d str {
        self.node().and_then(NodeRef::as_str).unwrap_or_default()
    }

    /// The string, where there is one.
    #[must_use]
    pub fn opt_str(self) -> Option<&'d str> {
        self.node().and_then(NodeRef::as_str)
    }

    /// The integer, 0 where there is none.
    #[must_use]
    pub fn int(self) -> i64 {
        self.opt_int().unwrap_or(0)
    }

    /// The integer, where there is one.
    #[must_use]
    pub fn opt_int(self) -> Option<i64> {
        self.node().and_then(NodeRef::as_i64)
    }

    /// The boolean, `false` where there is none.
    #[must_use]
    pub fn bool(self) -> bool {
        self.opt_bool().unwrap_or(false)
    }

    /// The boolean, where there is one.
    #[must_use]
    pub fn opt_bool(self) -> Option<bool> {
        self.node().and_then(NodeRef::as_bool)
    }

    /// The quantity, where there is one that reads.
    #[must_use]
    pub fn quantity(self) -> Option<Quantity> {
        let node = self.node()?;
        match node.as_str() {
            Some(text) => Quantity::parse_trimmed(text).ok(),
            None => Quantity::parse(&node.to_json()).ok(),
        }
    }

    /// How many items or members there are; of a string, how many bytes.
    #[must_use]
    pub fn len(self) -> usize {
        self.node().map_or(0, len)
    }

    /// Whether there is nothing: an absent value, an empty list, map or string.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The items of the list here, each at its index.
    pub fn items(self) -> Each<'d> {
        match self.node().filter(|node| node.is_array()) {
            Some(list) => Each::of(self, list),
            None => Each { list: self, items: None, index: 0 },
        }
    }

    /// The members of the map here, each at its key.
    pub fn entries(self) -> impl Iterator<Item = (&'d str, At<'d>)> + Clone {
        let members = self.node().filter(|node| node.is_object()).map(NodeRef::members);
        members
            .into_iter()
            .flatten()
            .map(move |(key, value)| (key, self.down(FieldStep::Key(key), Some(value))))
    }

    /// The strings of the list here.
    pub fn strings(self) -> impl Iterator<Item = &'d str> + Clone {
        self.items().map(At::str)
    }

    /// Whether both places hold the same value (`apiequality.Semantic.DeepEqual`): absent, `null`, an empty
    /// list and an empty map are the same, and so are quantities of one value written differently only
    /// where the text says so.
    #[must_use]
    pub fn same(self, other: At<'_>) -> bool {
        same(self.node(), other.node())
    }
}

/// The items of a list, each at its index: [`At::items`].
#[derive(Debug, Clone)]
pub struct Each<'d> {
    list: At<'d>,
    items: Option<Items<'d>>,
    index: usize,
}

impl<'d> Each<'d> {
    fn of(list: At<'d>, node: NodeRef<'d>) -> Self {
        Self { list, items: Some(node.items()), index: 0 }
    }
}

impl<'d> Iterator for Each<'d> {
    type Item = At<'d>;

    fn next(&mut self) -> Option<At<'d>> {
        let item = self.items.as_mut()?.next()?;
        let index = self.index;
        self.index += 1;
        Some(self.list.down(FieldStep::Index(index), Some(item)))
    }
}

fn len(node: NodeRef<'_>) -> usize {
    node.as_str().map_or_else(|| node.len(), str::len)
}

fn is_empty(node: NodeRef<'_>) -> bool {
    len(node) == 0
}

fn is_void(node: Option<NodeRef<'_>>) -> bool {
    node.is_none_or(|node| node.is_null() || ((node.is_object() || node.is_array()) && node.is_empty()))
}

/// Bounded by the depth of documents ([`document::Limits`]).
fn same(a: Option<NodeRef<'_>>, b: Option<NodeRef<'_>>) -> bool {
    if is_void(a) || is_void(b) {
        return is_void(a) && is_void(b);
    }
    let (Some(a), Some(b)) = (a, b) else { return false };
    if a.is_object() && b.is_object() {
        return a.members().all(|(key, value)| same(Some(value), b.get(key)))
            && b.members().all(|(key, value)| a.get(key).is_some() || is_void(Some(value)));
    }
    if a.is_array() && b.is_array() {
        return a.len() == b.len() && a.items().zip(b.items()).all(|(a, b)| same(Some(a), Some(b)));
    }
    a.scalar().is_some() && a.scalar() == b.scalar()
}

/// The path as in `details.causes[].field`.
impl fmt::Display for At<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chain = Vec::with_capacity(8);
        let mut node = self.document.node(self.base);
        while node.id() != self.root {
            chain.push(node);
            match node.parent() {
                Some(parent) => node = parent,
                None => break,
            }
        }
        let mut first = true;
        for (above, node) in chain.iter().enumerate().rev() {
            let step = match node.key() {
                Some(key) if above < 64 && self.keys >> above & 1 == 1 => FieldStep::Key(key),
                Some(key) => FieldStep::Field(key),
                None => FieldStep::Index(node.position()),
            };
            write_step(out, step, &mut first)?;
        }
        let steps = &self.steps[..usize::from(self.missing)];
        for (at, name) in steps.iter().enumerate() {
            let step = match *name {
                key if self.flags >> at & 1 == 1 => FieldStep::Key(key),
                "" if steps[at + 1..].contains(&"") => FieldStep::Index(self.index_before.into()),
                "" => FieldStep::Index(self.index as usize),
                name => FieldStep::Field(name),
            };
            write_step(out, step, &mut first)?;
        }
        // upstream's nil path
        if first { out.write_str("<nil>") } else { Ok(()) }
    }
}

fn write_step(out: &mut fmt::Formatter<'_>, step: FieldStep<'_>, first: &mut bool) -> fmt::Result {
    let dot = if *first { "" } else { "." };
    *first = false;
    match step {
        FieldStep::Field(name) => write!(out, "{dot}{name}"),
        FieldStep::Index(index) => write!(out, "[{index}]"),
        FieldStep::Key(key) => write!(out, "[{key}]"),
    }
}

impl fmt::Debug for At<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self} = {:?}", self.here())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use document::{Document, Limits};

    #[test]
    fn small() {
        assert!(size_of::<At<'_>>() <= 128);
    }

    #[test]
    fn paths() {
        let text = r#"{"spec":{"containers":[{"name":"a","resources":{"limits":{"cpu":"1"}}}],"x":null}}"#;
        let document = Document::from_json(text, Limits::default()).unwrap();
        let root = At::root(document.root());
        let container = root.fields("spec.containers").index(0);
        for (at, path) in [
            (root, "<nil>"),
            (container.field("name"), "spec.containers[0].name"),
            (container.fields("resources.limits").key("cpu"), "spec.containers[0].resources.limits[cpu]"),
            (container.fields("resources.limits").key("gpu"), "spec.containers[0].resources.limits[gpu]"),
            (root.field("metadata").field("labels").key("a/b"), "metadata.labels[a/b]"),
            (root.fields("spec.x.y").index(3).field("z"), "spec.x.y[3].z"),
            (root.said("a").index(1).said("b").index(70_000).field("c"), "a[1].b[70000].c"),
            (container.said("HostPID").reading(container.field("name")), "spec.containers[0].HostPID"),
        ] {
            assert_eq!(at.to_string(), path);
        }
        assert_eq!(container.said("b").reading(container.field("name")).str(), "a");
        assert!(!root.fields("spec.x").is_set());
        assert_eq!(container.fields("resources.limits").entries().next().unwrap().1.str(), "1");
    }

    #[test]
    fn sameness_is_upstreams() {
        let text =
            r#"{"a":{"x":1,"y":[]},"b":{"x":1},"c":{"x":2},"d":{"x":1,"z":{}},"e":null,"f":{"x":1,"z":0}}"#;
        let document = Document::from_json(text, Limits::default()).unwrap();
        let root = At::root(document.root());
        for (left, right, equal) in
            [("a", "b", true), ("b", "d", true), ("a", "c", false), ("b", "f", false), ("e", "g", true)]
        {
            assert_eq!(root.field(left).same(root.field(right)), equal, "{left} {right}");
            assert_eq!(root.field(right).same(root.field(left)), equal, "{right} {left}");
        }
    }
}
