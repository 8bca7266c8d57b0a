//! Reading a document: [`NodeRef`] and its iterators.

use std::sync::Arc;

use super::{Document, HAS_KEY, NodeId, OWNED, SHADOWED, Span, Text, UNKNOWN, WIDE, write};

/// Bytes of most paths.
const PATH: usize = 64;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number without fraction or exponent that fits `i64`.
    Int,
    /// Every other number.
    Float,
    /// A string.
    String,
    /// A list of nodes.
    Array,
    /// Members in the order of the text.
    Object,
}

impl Kind {
    /// The name that JSON Schema and Kubernetes' messages use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "boolean",
            Self::Int => "integer",
            Self::Float => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

/// A value without children.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar<'d> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number without fraction or exponent that fits `i64`.
    Int(i64),
    /// Every other number.
    Float(f64),
    /// A string.
    String(&'d str),
}

/// A node of a document; copied freely.
#[derive(Clone, Copy)]
pub struct NodeRef<'d> {
    pub(super) doc: &'d Document<'d>,
    pub(super) id: u32,
}

impl std::fmt::Debug for NodeRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_json())
    }
}

impl<'d> NodeRef<'d> {
    #[inline]
    fn node(self) -> &'d super::Node {
        &self.doc.nodes[self.id as usize]
    }

    fn sibling(self, id: u32) -> Self {
        Self { doc: self.doc, id }
    }

    /// The document this node is of.
    #[must_use]
    pub fn document(self) -> &'d Document<'d> {
        self.doc
    }

    /// Where the node stands in its document.
    #[inline]
    #[must_use]
    pub fn id(self) -> NodeId {
        NodeId(self.id)
    }

    /// What the node is.
    #[inline]
    #[must_use]
    pub fn kind(self) -> Kind {
        self.node().kind()
    }

    /// The value, unless the node has children.
    #[must_use]
    pub fn scalar(self) -> Option<Scalar<'d>> {
        let node = self.node();
        Some(match node.kind() {
            Kind::Null => Scalar::Null,
            Kind::Bool => Scalar::Bool(node.payload != 0),
            Kind::Int => Scalar::Int(node.payload.cast_signed()),
            Kind::Float => Scalar::Float(f64::from_bits(node.payload)),
            Kind::String => Scalar::String(self.doc.text(Text::unpack(node.payload))),
            Kind::Array | Kind::Object => return None,
        })
    }

    /// Whether the node is `null`.
    #[inline]
    #[must_use]
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// Whether the node stands for something that is not known ([`Document::mark_unknown`]).
    #[inline]
    #[must_use]
    pub fn is_unknown(self) -> bool {
        self.node().is(UNKNOWN)
    }

    /// Whether the node is an object.
    #[inline]
    #[must_use]
    pub fn is_object(self) -> bool {
        self.kind() == Kind::Object
    }

    /// Whether the node is an array.
    #[inline]
    #[must_use]
    pub fn is_array(self) -> bool {
        self.kind() == Kind::Array
    }

    /// The boolean, if it is one.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        (self.kind() == Kind::Bool).then(|| self.node().payload != 0)
    }

    /// The integer, if it is one; a float is not, whatever its value.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        (self.kind() == Kind::Int).then(|| self.node().payload.cast_signed())
    }

    /// The number, if it is one.
    #[must_use]
    pub fn as_f64(self) -> Option<f64> {
        match self.scalar()? {
            #[expect(clippy::cast_precision_loss, reason = "as Go converts")]
            Scalar::Int(i) => Some(i as f64),
            Scalar::Float(f) => Some(f),
            _ => None,
        }
    }

    /// The string, if it is one.
    #[must_use]
    pub fn as_str(self) -> Option<&'d str> {
        (self.kind() == Kind::String).then(|| self.doc.text(Text::unpack(self.node().payload)))
    }

    /// The member of that name; of several the last, as Kubernetes decodes JSON.
    /// `None` too where the node is no object.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Self> {
        let node = self.node();
        if node.kind() != Kind::Object {
            return None;
        }
        if node.payload > WIDE {
            let children = self.doc.wide(self.id)?;
            let found = children
                .binary_search_by(|c| self.doc.text(self.doc.nodes[*c as usize].key).cmp(key))
                .ok()?;
            return Some(self.sibling(children[found]));
        }
        let mut at = self.id + 1;
        while at < node.end() {
            let child = &self.doc.nodes[at as usize];
            if child.key.len as usize == key.len()
                && !child.is(SHADOWED)
                && self.doc.text(child.key).as_bytes() == key.as_bytes()
            {
                return Some(self.sibling(at));
            }
            at = child.end();
        }
        None
    }

    /// The member of that name unless it is `null`: Kubernetes treats both as absent.
    #[inline]
    #[must_use]
    pub fn get_present(self, key: &str) -> Option<Self> {
        self.get(key).filter(|n| !n.is_null())
    }

    /// The string member of that name.
    #[must_use]
    pub fn get_str(self, key: &str) -> Option<&'d str> {
        self.get(key)?.as_str()
    }

    /// The item at an index, counted from 0. `None` too where the node is no array.
    #[must_use]
    pub fn item(self, index: usize) -> Option<Self> {
        let node = self.node();
        if node.kind() != Kind::Array || index as u64 >= node.payload {
            return None;
        }
        if node.payload > WIDE {
            return Some(self.sibling(*self.doc.wide(self.id)?.get(index)?));
        }
        self.items().nth(index)
    }

    /// The node below at an RFC 6901 pointer: `""` is the node itself, `/spec/containers/0` a path down.
    #[must_use]
    pub fn at(self, pointer: &str) -> Option<Self> {
        if pointer.is_empty() {
            return Some(self);
        }
        let mut node = self;
        for token in pointer.strip_prefix('/')?.split('/') {
            node = node.step(token)?;
        }
        Some(node)
    }

    fn step(self, token: &str) -> Option<Self> {
        match self.kind() {
            Kind::Object if token.contains('~') => self.get(&token.replace("~1", "/").replace("~0", "~")),
            Kind::Object => self.get(token),
            Kind::Array => self.item(super::path::index(token)?),
            _ => None,
        }
    }

    /// How many children the node has; duplicate keys count once.
    #[must_use]
    pub fn len(self) -> usize {
        let node = self.node();
        if node.is_container() { usize::try_from(node.payload).unwrap_or(usize::MAX) } else { 0 }
    }

    /// Whether there are no children.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// How many nodes the value is made of, itself included.
    #[must_use]
    pub fn subtree_len(self) -> usize {
        (self.node().end() - self.id) as usize
    }

    /// The children of an array or object, in order, without shadowed duplicates.
    #[must_use]
    pub fn children(self) -> Children<'d> {
        Children { doc: self.doc, next: self.id + 1, end: self.node().end(), want: 0 }
    }

    /// The items of an array; nothing where the node is none.
    #[must_use]
    pub fn items(self) -> Items<'d> {
        let mut children = self.children();
        if self.kind() != Kind::Array {
            children.next = children.end;
        }
        children
    }

    /// The members of an object, in order, without shadowed duplicates; nothing where the node is none.
    #[must_use]
    pub fn members(self) -> Members<'d> {
        let mut children = self.children();
        if self.kind() != Kind::Object {
            children.next = children.end;
        }
        Members(children)
    }

    /// The members that a later one of the same key hides.
    #[must_use]
    pub fn shadowed_members(self) -> Members<'d> {
        let mut members = self.members();
        members.0.want = SHADOWED;
        members
    }

    /// Every node of the subtree, this one first, in the order of the text, without shadowed ones.
    pub fn descendants(self) -> impl Iterator<Item = Self> {
        let (doc, end) = (self.doc, self.node().end());
        let mut next = self.id;
        std::iter::from_fn(move || {
            while next < end && next != self.id && doc.nodes[next as usize].is(SHADOWED) {
                next = doc.nodes[next as usize].end();
            }
            (next < end).then(|| {
                next += 1;
                Self { doc, id: next - 1 }
            })
        })
    }

    /// The key under which the node stands in its object.
    #[must_use]
    pub fn key(self) -> Option<&'d str> {
        let node = self.node();
        node.is(HAS_KEY).then(|| self.doc.text(node.key))
    }

    /// Whether a later member of the same object has the same key.
    #[inline]
    #[must_use]
    pub fn is_shadowed(self) -> bool {
        self.node().is(SHADOWED)
    }

    /// The array or object around the node.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        (self.id != 0).then(|| self.sibling(self.node().parent()))
    }

    /// Where the node stands among its siblings, counted from 0.
    #[must_use]
    pub fn position(self) -> usize {
        let Some(parent) = self.parent() else { return 0 };
        let wide = (parent.is_array() && parent.node().payload > WIDE).then(|| self.doc.wide(parent.id));
        match wide.flatten() {
            Some(items) => items.partition_point(|item| *item < self.id),
            None => parent.children().take_while(|c| c.id < self.id).count(),
        }
    }

    /// The RFC 6901 pointer from the document's root.
    #[must_use]
    pub fn pointer(self) -> String {
        self.pointer_from(NodeId::ROOT)
    }

    /// The RFC 6901 pointer from an ancestor, as for an item of a `List`.
    #[must_use]
    pub fn pointer_from(self, ancestor: NodeId) -> String {
        let mut out = String::with_capacity(PATH);
        self.chain(ancestor).for_each(|node| node.write_token(&mut out));
        out
    }

    /// [`path_from`](Self::path_from) and [`pointer_from`](Self::pointer_from), on one way up.
    #[must_use]
    pub fn place_from(self, ancestor: NodeId) -> (String, String) {
        let (mut path, mut pointer) = (String::with_capacity(PATH), String::with_capacity(PATH));
        for node in self.chain(ancestor) {
            node.write_step(&mut path);
            node.write_token(&mut pointer);
        }
        (path, pointer)
    }

    /// The node as a token of a pointer.
    fn write_token(self, out: &mut String) {
        out.push('/');
        match self.key() {
            Some(key) => write::write_pointer_token(out, key),
            None => write::write_index(out, self.position()),
        }
    }

    /// The node as a step of a path.
    fn write_step(self, out: &mut String) {
        match self.key() {
            Some(key) => write::write_path_key(out, key),
            None => write::write_path_index(out, self.position()),
        }
    }

    /// The path as people write it, from the document's root: `spec.containers[0].image`.
    #[must_use]
    pub fn path(self) -> String {
        self.path_from(NodeId::ROOT)
    }

    /// The path as people write it, from an ancestor.
    #[must_use]
    pub fn path_from(self, ancestor: NodeId) -> String {
        let mut out = String::with_capacity(PATH);
        self.chain(ancestor).for_each(|node| node.write_step(&mut out));
        out
    }

    /// The nodes from below `ancestor` down to this one.
    fn chain(self, ancestor: NodeId) -> impl Iterator<Item = Self> {
        let mut chain = Vec::with_capacity(8);
        let mut at = self;
        while at.id != ancestor.0 {
            chain.push(at);
            match at.parent() {
                Some(parent) => at = parent,
                None => break,
            }
        }
        chain.into_iter().rev()
    }

    /// Where the value stands in the text, if it was read from one with places. An alias stands where its
    /// anchor does.
    #[must_use]
    pub fn span(self) -> Option<Span> {
        self.doc.places.value(self.id as usize)
    }

    /// Where the key stands in the text.
    #[must_use]
    pub fn key_span(self) -> Option<Span> {
        self.doc.places.key(self.doc.source.as_str(), self.node(), self.id as usize)
    }

    /// Where what is between the quotes of the key begins in the text. `None` where there is no key, or it is not written as it
    /// reads.
    #[must_use]
    pub fn key_text_start(self) -> Option<usize> {
        let node = self.node();
        (node.is(HAS_KEY) && node.key.start & OWNED == 0).then_some(node.key.start as usize)
    }

    /// The node that comes next in the text after all that is in this one.
    #[must_use]
    pub fn following(self) -> Option<Self> {
        let id = self.node().end();
        ((id as usize) < self.doc.nodes.len()).then_some(Self { doc: self.doc, id })
    }

    /// Who made the node, where it was not in the text: the label given to the edit.
    #[must_use]
    pub fn origin(self) -> Option<&'d str> {
        self.origin_label().map(AsRef::as_ref)
    }

    /// As [`origin`](Self::origin), to be [shared](super::Builder::mark_origin).
    #[must_use]
    pub fn origin_label(self) -> Option<&'d Arc<str>> {
        let (_, _, label) = self.doc.origins.within(self.id, self.id + 1).first()?;
        Some(label)
    }
}

/// The children of a node.
#[derive(Debug, Clone)]
pub struct Children<'d> {
    doc: &'d Document<'d>,
    next: u32,
    end: u32,
    want: u32,
}

/// The items of an array.
pub type Items<'d> = Children<'d>;

impl<'d> Children<'d> {
    /// The ids of all children, shadowed ones included.
    pub(super) fn raw(doc: &'d Document<'_>, id: u32) -> impl Iterator<Item = u32> + use<'d> {
        let nodes = &doc.nodes;
        let end = nodes[id as usize].end();
        let mut next = id + 1;
        std::iter::from_fn(move || {
            (next < end).then(|| {
                let at = next;
                next = nodes[at as usize].end();
                at
            })
        })
    }
}

impl<'d> Iterator for Children<'d> {
    type Item = NodeRef<'d>;

    fn next(&mut self) -> Option<NodeRef<'d>> {
        while self.next < self.end {
            let id = self.next;
            let node = &self.doc.nodes[id as usize];
            self.next = node.end();
            if node.flags(SHADOWED) == self.want {
                return Some(NodeRef { doc: self.doc, id });
            }
        }
        None
    }
}

/// The members of an object.
#[derive(Debug, Clone)]
pub struct Members<'d>(Children<'d>);

impl<'d> Iterator for Members<'d> {
    type Item = (&'d str, NodeRef<'d>);

    fn next(&mut self) -> Option<Self::Item> {
        let node = self.0.next()?;
        Some((node.doc.text(node.node().key), node))
    }
}
