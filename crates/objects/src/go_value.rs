//! Values as Go prints the API server's internal types, which have no JSON tags: fields in Go's order and case, what is
//! absent as `null`, `""`, `0` or `false`. Messages that show a whole struct do it so.

use document::few::SortFew as _;
use document::{Kind, NodeRef};

use crate::field::{At, Causes, Value, go_json_string};
use crate::meta;

/// A field of an internal type: its Go name, its name in the API, and what it holds.
pub(crate) struct Field(pub(crate) &'static str, pub(crate) &'static str, pub(crate) Shape);

/// What a field holds.
pub(crate) enum Shape {
    /// A string; absent is empty.
    Text,
    /// A number; absent is 0.
    Int,
    /// A boolean; absent is false.
    Bool,
    /// A pointer, list or map of what JSON shows as it is; absent is null.
    Plain,
    /// As above, of a field with `omitempty`: left out where it is absent or empty.
    Optional,
    /// A struct.
    Struct(&'static [Field]),
    /// A pointer to a struct; absent is null.
    Pointer(&'static [Field]),
    /// A list of structs; absent is null.
    List(&'static [Field]),
    /// A pointer to a struct with JSON tags, all of them `omitempty`; absent is null.
    Tagged(&'static [Field]),
}

impl Shape {
    /// The value at a place as a refused one.
    pub(crate) fn value(&self, at: At<'_>) -> Value<'static> {
        value(at, self).shown()
    }
}

/// A pointer to a `metav1.LabelSelector`.
pub(crate) const LABEL_SELECTOR: Shape = Shape::Tagged(&[
    Field("matchLabels", "matchLabels", Shape::Optional),
    Field(
        "matchExpressions",
        "matchExpressions",
        Shape::List(&[
            Field("key", "key", Shape::Text),
            Field("operator", "operator", Shape::Text),
            Field("values", "values", Shape::Optional),
        ]),
    ),
]);

/// A printed value.
pub(crate) enum GoValue {
    /// As JSON.
    Scalar(String),
    /// Items.
    List(Vec<GoValue>),
    /// Members in order.
    Object(Vec<(String, GoValue)>),
}

/// A string of a type of its own, as most enumerations are: Go prints it as JSON, and a plain string quoted.
pub(crate) fn named(text: &str) -> Value<'static> {
    Value::Json(go_json_string(text))
}

/// `ValidateImmutableField` of an enumeration, which is a pointer in most types.
pub(crate) fn immutable_named(new: At<'_>, old: At<'_>, causes: &mut Causes) {
    if !new.same(old) {
        let shown = new.opt_str().map_or_else(|| Value::Json("null".to_owned()), named);
        causes.invalid_value(new, shown, meta::IMMUTABLE);
    }
}

/// The value at a place, of this shape.
pub(crate) fn value(at: At<'_>, shape: &Shape) -> GoValue {
    let or = |absent: &str| at.node().map_or_else(|| GoValue::Scalar(absent.to_owned()), plain);
    match shape {
        Shape::Text => or("\"\""),
        Shape::Int => or("0"),
        Shape::Bool => or("false"),
        Shape::Plain | Shape::Optional => or("null"),
        Shape::Struct(fields) => structure(at, fields),
        Shape::Pointer(fields) if at.is_set() => structure(at, fields),
        Shape::List(fields) if at.is_set() => {
            GoValue::List(at.items().map(|item| structure(item, fields)).collect())
        }
        Shape::Tagged(fields) if at.is_set() => {
            let there = fields.iter().filter(|field| {
                let node = at.field(field.1).node();
                let optional = matches!(field.2, Shape::Optional);
                node.is_some_and(|node| !node.is_empty() || !(node.is_array() || optional))
            });
            GoValue::Object(
                there.map(|field| (field.1.to_owned(), value(at.field(field.1), &field.2))).collect(),
            )
        }
        Shape::Pointer(_) | Shape::List(_) | Shape::Tagged(_) => GoValue::null(),
    }
}

fn structure(at: At<'_>, fields: &[Field]) -> GoValue {
    let member = |field: &Field| (field.0.to_owned(), value(at.field(field.1), &field.2));
    let shown = |field: &&Field| !(matches!(field.2, Shape::Optional) && at.field(field.1).is_empty());
    GoValue::Object(fields.iter().filter(shown).map(member).collect())
}

/// A node as it is; maps are sorted, as Go prints them. Its depth is bounded by the limits of its document.
fn plain(node: NodeRef<'_>) -> GoValue {
    match node.kind() {
        Kind::Array => GoValue::List(node.items().map(plain).collect()),
        Kind::Object => {
            let mut members: Vec<_> =
                node.members().map(|(key, value)| (key.to_owned(), plain(value))).collect();
            members.sort_few_by(|a, b| a.0.cmp(&b.0));
            GoValue::Object(members)
        }
        _ => GoValue::Scalar(node.as_str().map_or_else(|| node.to_json(), go_json_string)),
    }
}

impl GoValue {
    /// What is absent.
    pub(crate) fn null() -> Self {
        Self::Scalar("null".to_owned())
    }

    /// Adds a member to an object.
    pub(crate) fn add(&mut self, name: &str, value: Self) {
        if let Self::Object(members) = self {
            members.push((name.to_owned(), value));
        }
    }

    /// As a refused value.
    pub(crate) fn shown(&self) -> Value<'static> {
        Value::Json(self.compact())
    }

    /// `json.Marshal`
    fn compact(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, None);
        out
    }

    /// `json.MarshalIndent` with one blank a level, which is what is compared when a diff is shown.
    pub(crate) fn indented(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, Some(0));
        out
    }

    fn write(&self, out: &mut String, indent: Option<usize>) {
        let (open, close, empty) = match self {
            Self::Scalar(text) => return out.push_str(text),
            Self::List(items) => ('[', ']', items.is_empty()),
            Self::Object(members) => ('{', '}', members.is_empty()),
        };
        out.push(open);
        let line = |out: &mut String, level: usize| {
            if indent.is_some() {
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', level));
            }
        };
        let level = indent.unwrap_or_default();
        let below = indent.map(|level| level + 1);
        match self {
            Self::Scalar(_) => {}
            Self::List(items) => {
                for (position, item) in items.iter().enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    line(out, level + 1);
                    item.write(out, below);
                }
            }
            Self::Object(members) => {
                for (position, (name, value)) in members.iter().enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    line(out, level + 1);
                    out.push_str(&go_json_string(name));
                    out.push_str(if indent.is_some() { ": " } else { ":" });
                    value.write(out, below);
                }
            }
        }
        if !empty {
            line(out, level);
        }
        out.push(close);
    }
}
