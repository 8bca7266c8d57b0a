//! Digests of values: equal where Kubernetes would see no difference.
//!
//! SHA-256 over a canonical form: members in the order of their names, those that are `null` left out, whole numbers one
//! way, list items that have merge keys in the order of these. Digests decide whether an object had a fault before, so
//! nobody may be able to make two values with one; and baselines keep them, so the form never changes.

use std::borrow::Cow;

use super::merge::{field_of, item_key};
use crate::document::{NodeRef, Scalar};
pub use crate::finding::combine;
use crate::finding::{Digest, write_part};

/// A form of a value: a scalar as it is, anything larger by its digest.
type Form = Vec<u8>;

/// The digest of a value.
#[must_use]
pub fn digest(node: NodeRef<'_>) -> Digest {
    if let Some(scalar) = node.scalar() {
        return Digest::of(&of_scalar(scalar));
    }
    // children come after their parents on the tape, so from behind each is known when its parent needs it
    let nodes: Vec<NodeRef<'_>> = node.descendants().collect();
    let first = node.id().index();
    let last = nodes.last().map_or(first, |node| node.id().index());
    let mut forms: Vec<Option<Form>> = vec![None; last - first + 1];
    for node in nodes.into_iter().rev() {
        let form = match node.scalar() {
            Some(scalar) => of_scalar(scalar),
            None => of_children(node, &mut |child| forms[child.id().index() - first].take()),
        };
        forms[node.id().index() - first] = Some(form);
    }
    Digest::of(forms[0].as_deref().unwrap_or_default())
}

fn of_scalar(scalar: Scalar<'_>) -> Form {
    match scalar {
        Scalar::Null => b"n".to_vec(),
        Scalar::Bool(value) => vec![b'b', u8::from(value)],
        Scalar::Int(value) => [b"i", &value.to_be_bytes()[..]].concat(),
        Scalar::Float(value) => match whole(value) {
            Some(value) => [b"i", &value.to_be_bytes()[..]].concat(),
            None => [b"f", &value.to_bits().to_be_bytes()[..]].concat(),
        },
        Scalar::String(text) => [b"s", text.as_bytes()].concat(),
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "checked by converting back"
)]
fn whole(value: f64) -> Option<i64> {
    let int = value as i64;
    (int as f64 == value && int != i64::MAX).then_some(int)
}

fn of_children<'d>(node: NodeRef<'d>, form: &mut dyn FnMut(NodeRef<'d>) -> Option<Form>) -> Form {
    let mut parts: Vec<(Cow<'d, str>, Form)> = Vec::with_capacity(node.len());
    let tag = if node.is_object() {
        for (key, member) in node.members() {
            let value = form(member).unwrap_or_default();
            if !member.is_null() {
                parts.push((key.into(), value));
            }
        }
        parts.sort();
        b'o'
    } else {
        let field = field_of(node);
        let mut keyed = true;
        for item in node.items() {
            let key = item_key(field, item);
            keyed &= key.is_some();
            parts.push((key.unwrap_or_default(), form(item).unwrap_or_default()));
        }
        if keyed {
            parts.sort();
        } else {
            parts.iter_mut().for_each(|(key, _)| *key = Cow::default());
        }
        b'a'
    };
    let length = parts.iter().map(|(key, value)| 16 + key.len() + value.len()).sum::<usize>();
    let mut all = Vec::with_capacity(1 + length);
    all.push(tag);
    for (key, value) in parts {
        write_part(&mut all, key.as_bytes());
        write_part(&mut all, &value);
    }
    [&b"h"[..], Digest::of(&all).bytes()].concat()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    fn of(text: &str) -> String {
        digest(Document::from_json(text, Limits::default()).unwrap().root()).to_string()
    }

    #[test]
    fn equal_where_kubernetes_sees_no_difference() {
        let rows = [
            (r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1.0}"#, true),
            (r#"{"a":1,"b":null}"#, r#"{"a":1}"#, true),
            (r#"{"a":0,"a":1}"#, r#"{"a":1}"#, true),
            (r#"{"env":[{"name":"A"},{"name":"B"}]}"#, r#"{"env":[{"name":"B"},{"name":"A"}]}"#, true),
            (r#"{"args":["a","b"]}"#, r#"{"args":["b","a"]}"#, false),
            (r#"{"args":["a","b"]}"#, r#"{"args":["ab"]}"#, false),
            (r#"{"args":["a",["b"]]}"#, r#"{"args":["a","b"]}"#, false),
            (r#"{"a":"1"}"#, r#"{"a":1}"#, false),
            (r#"{"a":{}}"#, r#"{"a":[]}"#, false),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d"}}"#, false),
            (r#"{"a":1.5}"#, r#"{"a":1}"#, false),
            (r#"{"ports":[{"port":1}]}"#, r#"{"ports":[{"port":1},{"port":1}]}"#, false),
        ];
        for (a, b, same) in rows {
            assert_eq!(of(a) == of(b), same, "{a} {b}");
        }
    }

    #[test]
    fn the_form_never_changes() {
        // baselines hold these
        let text = r#"{"spec":{"containers":[{"name":"web","image":"nginx:1"}],"x":[true,null,1.5,"s"]}}"#;
        assert_eq!(&of(text)[..16], "dda9591f070fc628");
    }

    #[test]
    fn deep_values_take_no_stack() {
        let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
        let limits = Limits { depth: 6_000, ..Limits::default() };
        let document = std::thread::Builder::new()
            .stack_size(64 << 20)
            .spawn(move || digest(Document::from_json(&deep, limits).unwrap().root()))
            .unwrap();
        document.join().unwrap();
    }
}
