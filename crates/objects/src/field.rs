//! Field paths as Kubernetes writes them, and the causes of a refusal (apimachinery pkg/util/validation/field).

use std::fmt::{self, Display, Write as _};
use std::rc::Rc;

use document::{NodeId, NodeRef};

/// A place in an object: its path in Kubernetes' spelling and the node there, if any. A `null` is as if absent.
///
/// Cheap to make and to clone: the path's text is only written when a cause is.
#[derive(Clone)]
pub struct At<'d> {
    node: Option<NodeRef<'d>>,
    nearest: NodeRef<'d>,
    way: Option<Rc<Way<'d>>>,
}

struct Way<'d> {
    before: Option<Rc<Way<'d>>>,
    step: Step<'d>,
}

enum Step<'d> {
    Field(&'static str),
    Index(usize),
    Key(&'d str),
}

impl<'d> At<'d> {
    /// The object itself, whose path is empty.
    #[must_use]
    pub fn root(node: NodeRef<'d>) -> Self {
        Self { node: Some(node), nearest: node, way: None }
    }

    fn step(&self, node: Option<NodeRef<'d>>, step: Step<'d>) -> Self {
        let node = node.filter(|node| !node.is_null());
        let way = Some(Rc::new(Way { before: self.way.clone(), step }));
        Self { node, nearest: node.unwrap_or(self.nearest), way }
    }

    /// A field of an object.
    #[must_use]
    pub fn field(&self, name: &'static str) -> Self {
        self.step(self.node.and_then(|node| node.get(name)), Step::Field(name))
    }

    /// The same place under another name: some rules of Kubernetes misname the field they speak of.
    #[must_use]
    pub fn called(&self, name: &'static str) -> Self {
        let before = self.way.as_ref().and_then(|way| way.before.clone());
        let way = Some(Rc::new(Way { before, step: Step::Field(name) }));
        Self { way, ..self.clone() }
    }

    /// The same node as if it were a field of another place, for paths of Kubernetes that leave an index out.
    #[must_use]
    pub fn under(&self, parent: &Self, name: &'static str) -> Self {
        let way = Some(Rc::new(Way { before: parent.way.clone(), step: Step::Field(name) }));
        Self { way, ..self.clone() }
    }

    /// The same node as if it were a value of another map.
    #[must_use]
    pub fn keyed_under(&self, parent: &Self, key: &'d str) -> Self {
        let way = Some(Rc::new(Way { before: parent.way.clone(), step: Step::Key(key) }));
        Self { way, ..self.clone() }
    }

    /// An item of a list.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.step(self.node.and_then(|node| node.item(index)), Step::Index(index))
    }

    /// A value of a map.
    #[must_use]
    pub fn key(&self, key: &'d str) -> Self {
        self.step(self.node.and_then(|node| node.get(key)), Step::Key(key))
    }

    /// The node that is there.
    #[must_use]
    pub fn node(&self) -> Option<NodeRef<'d>> {
        self.node
    }

    /// The node that is there, or the nearest ancestor that is.
    #[must_use]
    pub fn nearest(&self) -> NodeRef<'d> {
        self.nearest
    }

    /// Whether there is anything.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.node.is_some()
    }

    /// The string that is there.
    #[must_use]
    pub fn str(&self) -> Option<&'d str> {
        self.node?.as_str()
    }

    /// The string that is there, or the empty one: Go knows no difference for most fields.
    #[must_use]
    pub fn text(&self) -> &'d str {
        self.str().unwrap_or_default()
    }

    /// The integer that is there.
    #[must_use]
    pub fn int(&self) -> Option<i64> {
        self.node?.as_i64()
    }

    /// The boolean that is there.
    #[must_use]
    pub fn bool(&self) -> Option<bool> {
        self.node?.as_bool()
    }

    /// How many items or members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.node.map_or(0, NodeRef::len)
    }

    /// Whether there is no item or member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The items of a list.
    pub fn items(&self) -> impl Iterator<Item = At<'d>> + use<'d> {
        let at = self.clone();
        let items = self.node.into_iter().flat_map(NodeRef::items).enumerate();
        items.map(move |(index, item)| at.step(Some(item), Step::Index(index)))
    }

    /// The strings of a list; what is none counts as empty.
    pub fn texts(&self) -> impl Iterator<Item = &'d str> + use<'d> {
        self.node.into_iter().flat_map(NodeRef::items).map(|item| item.as_str().unwrap_or_default())
    }

    /// The members of a map, each at its key.
    pub fn members(&self) -> impl Iterator<Item = (&'d str, At<'d>)> + use<'d> {
        let at = self.clone();
        let members = self.node.into_iter().flat_map(NodeRef::members);
        members.map(move |(key, value)| (key, at.step(Some(value), Step::Key(key))))
    }
}

impl Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut steps = Vec::with_capacity(8);
        let mut at = self.way.as_deref();
        while let Some(way) = at {
            steps.push(&way.step);
            at = way.before.as_deref();
        }
        for (position, step) in steps.into_iter().rev().enumerate() {
            match step {
                Step::Field(name) if position == 0 => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => write!(f, "[{key}]")?,
            }
        }
        Ok(())
    }
}

/// What kind of rule is broken, in the API's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Missing or empty.
    Required,
    /// Breaks a rule.
    Invalid,
    /// Not one of the values there are.
    NotSupported,
    /// May not be there.
    Forbidden,
    /// There twice.
    Duplicate,
    /// Too many characters.
    TooLong,
    /// Too many items.
    TooMany,
    /// Refers to nothing.
    NotFound,
    /// The server could not tell.
    Internal,
}

impl Reason {
    /// As in `details.causes[].reason`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::Duplicate => "FieldValueDuplicate",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::NotFound => "FieldValueNotFound",
            Self::Internal => "InternalError",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::Duplicate => "Duplicate value",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::NotFound => "Not found",
            Self::Internal => "Internal error",
        }
    }
}

/// One rule that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The field, as the server names it.
    pub field: String,
    /// The kind of rule.
    pub reason: Reason,
    /// The server's words.
    pub message: String,
    /// The node at fault, or its nearest ancestor that is there.
    pub node: Option<NodeId>,
}

/// Collects causes.
#[derive(Debug, Default)]
pub struct Causes {
    list: Vec<Cause>,
}

impl Causes {
    /// None so far.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What was collected, in order.
    #[must_use]
    pub fn into_list(self) -> Vec<Cause> {
        self.list
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn push(&mut self, at: &At<'_>, reason: Reason, value: Option<&str>, detail: &str) {
        let mut message = reason.title().to_owned();
        for part in value.into_iter().chain((!detail.is_empty()).then_some(detail)) {
            message.push_str(": ");
            message.push_str(part);
        }
        self.list.push(Cause { field: at.to_string(), reason, message, node: Some(at.nearest().id()) });
    }

    /// `Required value`.
    pub fn required(&mut self, at: &At<'_>, detail: &str) {
        self.push(at, Reason::Required, None, detail);
    }

    /// `Invalid value: …`, with the value that is there.
    pub fn invalid(&mut self, at: &At<'_>, detail: &str) {
        self.push(at, Reason::Invalid, Some(&shown(at.node())), detail);
    }

    /// `Invalid value: "…"`, with this string.
    pub fn invalid_text(&mut self, at: &At<'_>, value: &str, detail: &str) {
        self.push(at, Reason::Invalid, Some(&quoted(value)), detail);
    }

    /// `Invalid value: …`, with the value written by the caller, as Go prints it.
    pub fn invalid_shown(&mut self, at: &At<'_>, value: &str, detail: &str) {
        self.push(at, Reason::Invalid, Some(value), detail);
    }

    /// `Unsupported value: …: supported values: …`, with the value that is there.
    pub fn not_supported(&mut self, at: &At<'_>, supported: &[&str]) {
        self.not_supported_shown(at, &shown(at.node()), supported);
    }

    /// `Unsupported value: …` with the value written by the caller.
    pub fn not_supported_shown(&mut self, at: &At<'_>, value: &str, supported: &[&str]) {
        let mut detail = String::new();
        if !supported.is_empty() {
            detail.push_str("supported values: ");
            for (position, value) in supported.iter().enumerate() {
                if position > 0 {
                    detail.push_str(", ");
                }
                detail.push_str(&quoted(value));
            }
        }
        self.push(at, Reason::NotSupported, Some(value), &detail);
    }

    /// `Forbidden: …`.
    pub fn forbidden(&mut self, at: &At<'_>, detail: &str) {
        self.push(at, Reason::Forbidden, None, detail);
    }

    /// `Duplicate value: …`, with the value that is there.
    pub fn duplicate(&mut self, at: &At<'_>) {
        self.push(at, Reason::Duplicate, Some(&shown(at.node())), "");
    }

    /// `Duplicate value: "…"`, with this string.
    pub fn duplicate_text(&mut self, at: &At<'_>, value: &str) {
        self.push(at, Reason::Duplicate, Some(&quoted(value)), "");
    }

    /// `Too long: may not be more than … bytes`.
    pub fn too_long(&mut self, at: &At<'_>, most: usize) {
        self.push(at, Reason::TooLong, None, &format!("may not be more than {most} bytes"));
    }

    /// `Too many: …: must have at most … items`.
    pub fn too_many(&mut self, at: &At<'_>, actual: usize, most: usize) {
        self.push(at, Reason::TooMany, Some(&actual.to_string()), &format!("must have at most {most} items"));
    }

    /// `Internal error: …`.
    pub fn internal(&mut self, at: &At<'_>, detail: &str) {
        self.push(at, Reason::Internal, None, detail);
    }
}

/// The value as the server prints it: strings by `%q`, the rest as JSON.
fn shown(node: Option<NodeRef<'_>>) -> String {
    match node {
        None => "\"\"".to_owned(),
        Some(node) => node.as_str().map_or_else(|| node.to_json(), quoted),
    }
}

/// Go's `%q`.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if (c as u32) < 0x20 || c == '\u{7f}' => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
