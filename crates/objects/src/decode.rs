//! Reading a written object as Go's types have it: what is of another type, what is unknown, and what Go writes again.
//!
//! The server decodes with sigs.k8s.io/json (internal/golang/encoding/json/decode.go): case-sensitively, whole numbers
//! kept, and of what is of a wrong type the first is told, unless a type that reads its JSON itself (quantities, times)
//! fails: that one ends the decoding and is told instead. The first is the first of the JSON that arrives, and kubectl
//! sends members by name.

mod problem;
mod scalar;

pub(crate) use problem::in_order;
pub use problem::{Problem, ProblemKind};

use document::{NodeRef, Scalar};

use crate::schema::{Definition, Field, SchemaOr, Type, definition};
use crate::tree::{Id, Tree, Value};

/// Decodes into a tree.
pub(crate) struct Decoder<'d> {
    pub(crate) tree: Tree<'d>,
    minor: u8,
    problems: Vec<Problem>,
    /// The Go names of fields on the way, as messages join them.
    stack: Vec<&'static str>,
    /// The innermost struct on the way.
    of: Option<&'static Definition>,
    /// How many values are around that read their JSON by code of their own: nothing is unknown in them, and an error
    /// ends the decoding.
    own: usize,
    /// Whether fields that are there twice count.
    posted: bool,
}

impl<'d> Decoder<'d> {
    pub(crate) fn new(written: NodeRef<'d>, minor: u8, posted: bool) -> Self {
        let (tree, problems, stack) = (Tree::new(written), Vec::new(), Vec::new());
        Self { tree, minor, problems, stack, of: None, own: 0, posted }
    }

    /// What was made, and what is wrong with what was written.
    pub(crate) fn finish(self) -> (Tree<'d>, Vec<Problem>) {
        (self.tree, self.problems)
    }

    /// Fills an object with the members that were written, then with those that Go writes in any case.
    pub(crate) fn object(&mut self, to: Id, of: &'static Definition, written: Option<NodeRef<'d>>) {
        self.tree.define(to, of);
        if let Some(written) = written.filter(|_| self.posted) {
            self.twice(of, written);
        }
        for (key, member) in written.into_iter().flat_map(NodeRef::members) {
            match of.field(key, self.minor) {
                Some(field) => self.field(to, of, field, member),
                None if self.own == 0 => {
                    let (kind, message) = (ProblemKind::Unknown, String::new());
                    self.problems.push(Problem { kind, message, node: member.id(), of: Some(of) });
                }
                None => {}
            }
        }
        for field in of.always_written(self.minor) {
            if !self.tree.children(to).any(|child| self.tree.key(child) == field.name) {
                self.zero(to, field.name, &field.kind);
            }
        }
    }

    /// What comes again is told where it does; what stood there first is read for what is wrong with it alone.
    fn twice(&mut self, of: &'static Definition, written: NodeRef<'d>) {
        let mut aside = None;
        for (key, member) in written.shadowed_members() {
            let Some(field) = of.field(key, self.minor) else { continue };
            let aside = *aside.get_or_insert_with(|| self.tree.loose());
            self.tree.define(aside, of);
            self.field(aside, of, field, member);
            self.again(written, key, member);
        }
    }

    /// The next member of the same name is one too many.
    fn again(&mut self, written: NodeRef<'d>, key: &str, member: NodeRef<'d>) {
        let later = written.shadowed_members().find(|(other, node)| *other == key && node.id() > member.id());
        if let (Some(node), 0) = (later.map(|(_, node)| node).or_else(|| written.get(key)), self.own) {
            self.problem(ProblemKind::Duplicate, String::new(), node);
        }
    }

    fn field(&mut self, to: Id, of: &'static Definition, field: &'static Field, node: NodeRef<'d>) {
        let depth = self.stack.len();
        if let Some(path) = field.embedded {
            self.stack.extend(path.split('.'));
        }
        self.stack.push(field.name);
        let around = self.of;
        if self.own == 0 {
            self.of = Some(of);
        }
        self.value(to, field.name, &field.kind, node, field.omit_empty);
        self.of = around;
        self.stack.truncate(depth);
    }

    /// Adds what a node is under a key; nothing where Go would leave it out.
    fn value(&mut self, to: Id, key: &'d str, kind: &'static Type, node: NodeRef<'d>, omit: bool) {
        if node.is_unknown() {
            self.tree.push(to, key, Value::Written, Some(node));
            return;
        }
        if node.is_null() {
            self.null(to, key, kind, node, omit);
            return;
        }
        match kind {
            // a zero behind a pointer is no zero
            Type::Pointer(inner) => self.value(to, key, inner, node, false),
            Type::Object(_) => self.struct_of(to, key, kind, node),
            Type::List(item, _) => self.list(to, key, kind, item, node, omit),
            Type::Map(value, ..) => self.map(to, key, kind, value, node, omit),
            Type::SchemaOr(or) => self.schema_or(to, key, *or, node),
            Type::Raw => {
                self.tree.push(to, key, Value::Written, Some(node));
            }
            _ => self.scalar(to, key, kind, node, omit),
        }
    }

    fn struct_of(&mut self, to: Id, key: &'d str, kind: &'static Type, node: NodeRef<'d>) {
        let Some(of) = kind.definition() else { return };
        if !node.is_object() {
            return self.wrong_type(word(node), kind, node);
        }
        let object = self.tree.push(to, key, Value::Object, Some(node));
        self.object(object, of, Some(node));
    }

    fn list(
        &mut self,
        to: Id,
        key: &'d str,
        kind: &'static Type,
        item: &'static Type,
        node: NodeRef<'d>,
        omit: bool,
    ) {
        if !node.is_array() {
            return self.wrong_type(word(node), kind, node);
        }
        if omit && node.is_empty() {
            return;
        }
        let list = self.tree.push(to, key, Value::List, Some(node));
        for each in node.items() {
            self.value(list, "", item, each, false);
        }
    }

    fn map(
        &mut self,
        to: Id,
        key: &'d str,
        kind: &'static Type,
        value: &'static Type,
        node: NodeRef<'d>,
        omit: bool,
    ) {
        if !node.is_object() {
            return self.wrong_type(word(node), kind, node);
        }
        if omit && node.is_empty() {
            return;
        }
        let map = self.tree.push(to, key, Value::Object, Some(node));
        if matches!(kind, Type::Map(_, Some("v1.ResourceList"), _)) {
            self.tree.mark_resources(map);
        }
        if self.posted {
            for (key, member) in node.shadowed_members() {
                self.again(node, key, member);
            }
        }
        for (key, member) in node.members() {
            self.value(map, key, value, member, false);
        }
    }

    /// Null is as if absent for what can be absent; a zero elsewhere, as for items of a list.
    fn null(&mut self, to: Id, key: &'d str, kind: &'static Type, node: NodeRef<'d>, omit: bool) {
        let item = !omit && self.tree.definition(to).is_none();
        match kind {
            // in a member, what is always written is added afterwards
            _ if !item => {}
            Type::Pointer(_) | Type::List(..) | Type::Map(..) | Type::Bytes | Type::Raw => {
                self.tree.push(to, key, Value::Null, Some(node));
            }
            _ => {
                let zero = self.zero(to, key, kind);
                self.tree.written_as(zero, node);
            }
        }
    }

    /// Adds what Go writes for a value that nobody set.
    fn zero(&mut self, to: Id, key: &'d str, kind: &'static Type) -> Id {
        let value = match kind {
            Type::String(_) => Value::text(""),
            Type::Bool => Value::Bool(false),
            Type::Int(..) | Type::IntOrString => Value::Int(0),
            Type::Float => Value::Float(0.0),
            Type::Quantity => Value::text("0"),
            Type::Duration => Value::text("0s"),
            Type::SchemaOr(SchemaOr::Bool) => Value::Bool(false),
            Type::Object(_) => Value::Object,
            _ => Value::Null,
        };
        let id = self.tree.push(to, key, value, None);
        if let Type::Object(_) = kind
            && let Some(of) = kind.definition()
        {
            self.object(id, of, None);
        }
        id
    }

    fn scalar(&mut self, to: Id, key: &'d str, kind: &'static Type, node: NodeRef<'d>, omit: bool) {
        match scalar::read(kind, node) {
            Ok(value) => {
                let zero = match &value {
                    Value::Bool(value) => !value,
                    Value::Int(value) => *value == 0 && !matches!(kind, Type::IntOrString),
                    Value::Float(value) => *value == 0.0,
                    Value::Text(value) => value.is_empty() && matches!(kind, Type::String(_) | Type::Bytes),
                    _ => false,
                };
                if !(omit && zero) {
                    self.tree.push(to, key, value, Some(node));
                }
            }
            Err(scalar::Fault::Type { found, go, own }) => {
                let kind = if own || self.own > 0 { ProblemKind::Fatal } else { ProblemKind::Type };
                self.wrong(kind, &found, go, node);
            }
            Err(scalar::Fault::Text { text, own }) => {
                let kind = if own || self.own > 0 { ProblemKind::Fatal } else { ProblemKind::Type };
                self.problem(kind, text, node);
            }
        }
    }

    /// apiextensions/v1/marshal.go: read by code of their own, where an unknown field is nothing to tell.
    fn schema_or(&mut self, to: Id, key: &'d str, or: SchemaOr, node: NodeRef<'d>) {
        let Some(of) = definition("apiextensions/v1.JSONSchemaProps") else { return };
        self.own += 1;
        match (or, node.scalar()) {
            (_, None) if node.is_object() => {
                let schema = self.tree.push(to, key, Value::Object, Some(node));
                self.object(schema, of, Some(node));
            }
            (SchemaOr::Bool, Some(Scalar::Bool(allows))) => {
                self.tree.push(to, key, Value::Bool(allows), Some(node));
            }
            (SchemaOr::Bool, _) => {
                self.problem(ProblemKind::Fatal, "boolean or JSON schema expected".to_owned(), node);
            }
            (_, None) if !node.is_empty() => {
                let list = self.tree.push(to, key, Value::List, Some(node));
                for item in node.items() {
                    match or {
                        SchemaOr::Strings => match item.as_str() {
                            Some(text) => {
                                self.tree.push(list, "", Value::Text(text.into()), Some(item));
                            }
                            None => self.wrong(ProblemKind::Fatal, word(item), "string", item),
                        },
                        _ if item.is_object() => {
                            let schema = self.tree.push(list, "", Value::Object, Some(item));
                            self.object(schema, of, Some(item));
                        }
                        _ => self.wrong(ProblemKind::Fatal, word(item), "v1.JSONSchemaProps", item),
                    }
                }
            }
            _ => {
                self.tree.push(to, key, Value::Null, Some(node));
            }
        }
        self.own -= 1;
    }

    fn wrong_type(&mut self, found: &str, kind: &Type, node: NodeRef<'d>) {
        let fatal = if self.own > 0 { ProblemKind::Fatal } else { ProblemKind::Type };
        self.wrong(fatal, found, &kind.go(), node);
    }

    /// encoding/json's `UnmarshalTypeError`.
    fn wrong(&mut self, kind: ProblemKind, found: &str, go: &str, node: NodeRef<'d>) {
        let text = if self.stack.is_empty() {
            format!("json: cannot unmarshal {found} into Go value of type {go}")
        } else {
            let path = self.stack.join(".");
            let of = self.of.map_or("", Definition::short_name);
            format!("json: cannot unmarshal {found} into Go struct field {of}.{path} of type {go}")
        };
        self.problem(kind, text, node);
    }

    fn problem(&mut self, kind: ProblemKind, message: String, node: NodeRef<'d>) {
        self.problems.push(Problem { kind, message, node: node.id(), of: None });
    }
}

/// What Go's messages call the type of a node.
fn word(node: NodeRef<'_>) -> &'static str {
    match node.scalar() {
        Some(Scalar::Null) => "null",
        Some(Scalar::Bool(_)) => "bool",
        Some(Scalar::Int(_) | Scalar::Float(_)) => "number",
        Some(Scalar::String(_)) => "string",
        None if node.is_array() => "array",
        None => "object",
    }
}
