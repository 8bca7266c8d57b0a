//! How Go prints a value of a message: `Invalid value: {"Type":"Rolling","RollingUpdate":null}`.
//!
//! Most values print as their JSON. Not so the structs of Kubernetes' *internal* types, which have no JSON
//! names: all their fields stand there, by their Go names and in the order of the declaration, absent ones as
//! Go's zero values. And a struct of the API prints its fields in that order too, a map sorted by its keys.

use document::{Kind, NodeRef};

use crate::field::{At, Value, go_json_string};

/// The Go type of a value, as far as it shows in its text.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Prints as JSON; the text is what stands where it is missing.
    Plain(&'static str),
    /// A map from strings to strings.
    Map,
    /// A struct, all of whose fields stand there unless they are to be left out when empty.
    Struct(&'static [Field]),
    /// `null` where there is none.
    Pointer(&'static Shape),
    /// A slice: `null` where there is none.
    List(&'static Shape),
}

/// A field of a struct.
#[derive(Debug)]
pub(crate) struct Field {
    /// As it is printed.
    name: &'static str,
    /// As it stands in the document.
    key: &'static str,
    shape: Shape,
    omit_empty: bool,
}

/// A field of an internal type.
pub(crate) const fn go(name: &'static str, key: &'static str, shape: Shape) -> Field {
    Field { name, key, shape, omit_empty: false }
}

/// A field of an API type with `omitempty`.
const fn optional(name: &'static str, shape: Shape) -> Field {
    Field { name, key: name, shape, omit_empty: true }
}

/// A field of an API type without `omitempty`.
const fn always(name: &'static str, shape: Shape) -> Field {
    Field { name, key: name, shape, omit_empty: false }
}

/// An integer that is there: 0 at least.
pub(crate) const INT: Shape = Shape::Plain("0");
/// A string that is there, empty at least.
pub(crate) const STRING: Shape = Shape::Plain("\"\"");
/// A pointer to a number, a string or a boolean.
pub(crate) const SCALAR: Shape = Shape::Plain("null");

/// `[]metav1.LabelSelectorRequirement`.
pub(crate) const MATCH_EXPRESSIONS: Shape = Shape::List(&Shape::Struct(&[
    always("key", STRING),
    always("operator", STRING),
    optional("values", Shape::List(&STRING)),
]));

/// A pointer to a `metav1.LabelSelector`.
pub(crate) const LABEL_SELECTOR: Shape = Shape::Pointer(&Shape::Struct(&[
    optional("matchLabels", Shape::Map),
    optional("matchExpressions", MATCH_EXPRESSIONS),
]));

impl Shape {
    /// The value there, as a message shows it.
    pub(crate) fn value(&self, at: At<'_>) -> Value<'static> {
        Value::Json(self.print(at.node()))
    }

    /// The text of a value.
    pub(crate) fn print(&self, node: Option<NodeRef<'_>>) -> String {
        let mut out = String::new();
        self.write(node.filter(|node| !node.is_null()), &mut out);
        out
    }

    fn write(&self, node: Option<NodeRef<'_>>, out: &mut String) {
        match (self, node) {
            (Self::Plain(zero), None) => out.push_str(zero),
            (Self::Pointer(_) | Self::List(_) | Self::Map, None) => out.push_str("null"),
            (Self::Plain(_), Some(node)) => write_plain(node, out),
            (Self::Pointer(shape), node) => shape.write(node, out),
            (Self::List(item), Some(node)) => {
                join(out, '[', node.items(), |node, out| {
                    item.write(Some(node).filter(|n| !n.is_null()), out)
                });
                out.push(']');
            }
            (Self::Map, Some(node)) => {
                let mut members: Vec<_> = node.members().collect();
                members.sort_by_key(|(key, _)| *key);
                join(out, '{', members.into_iter(), |(key, value), out| {
                    out.push_str(&go_json_string(key));
                    out.push(':');
                    write_plain(value, out);
                });
                out.push('}');
            }
            (Self::Struct(fields), node) => {
                let fields = fields.iter().map(|field| {
                    let value = node.and_then(|node| node.get_present(field.key));
                    (field, value)
                });
                let shown = fields.filter(|(field, value)| !field.omit_empty || value.is_some_and(is_set));
                join(out, '{', shown, |(field, value), out| {
                    out.push_str(&go_json_string(field.name));
                    out.push(':');
                    field.shape.write(value, out);
                });
                out.push('}');
            }
        }
    }
}

/// Whether `omitempty` keeps a value of a map or a slice.
fn is_set(node: NodeRef<'_>) -> bool {
    !matches!(node.kind(), Kind::Array | Kind::Object) || !node.is_empty()
}

fn join<T>(out: &mut String, open: char, items: impl Iterator<Item = T>, write: impl Fn(T, &mut String)) {
    out.push(open);
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(item, out);
    }
}

fn write_plain(node: NodeRef<'_>, out: &mut String) {
    match node.as_str() {
        Some(text) => out.push_str(&go_json_string(text)),
        None => node.write_json(out),
    }
}

#[cfg(test)]
mod tests {
    use document::{Document, Limits};

    use super::*;

    #[test]
    fn internal_structs_show_all_their_fields() {
        const STRATEGY: Shape = Shape::Struct(&[
            go("Type", "type", STRING),
            go(
                "RollingUpdate",
                "rollingUpdate",
                Shape::Pointer(&Shape::Struct(&[go("Partition", "partition", INT)])),
            ),
        ]);
        for (json, text) in [
            (r#"{"type": "<x>"}"#, r#"{"Type":"\u003cx\u003e","RollingUpdate":null}"#),
            (r#"{"rollingUpdate": {}}"#, r#"{"Type":"","RollingUpdate":{"Partition":0}}"#),
            (r#"{"rollingUpdate": {"partition": 3}}"#, r#"{"Type":"","RollingUpdate":{"Partition":3}}"#),
        ] {
            let document = Document::from_json(json, Limits::default()).expect(json);
            assert_eq!(STRATEGY.print(Some(document.root())), text);
        }
        assert_eq!(STRATEGY.print(None), r#"{"Type":"","RollingUpdate":null}"#);
    }

    #[test]
    fn selectors_show_what_is_set_in_the_order_of_the_type() {
        let json = r#"{"matchExpressions": [{"key": "a", "operator": "In", "values": ["x"]}, {"key": "b", "operator": "Exists", "values": []}], "matchLabels": {"z": "1", "a": "2"}}"#;
        let document = Document::from_json(json, Limits::default()).expect(json);
        assert_eq!(
            LABEL_SELECTOR.print(Some(document.root())),
            r#"{"matchLabels":{"a":"2","z":"1"},"matchExpressions":[{"key":"a","operator":"In","values":["x"]},{"key":"b","operator":"Exists"}]}"#
        );
    }
}
