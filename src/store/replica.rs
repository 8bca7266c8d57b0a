//! Objects that are the same but for what tells replicas apart: their names, and what the API server writes of each.
//!
//! ReplicaSets and Jobs make such Pods by the dozen. What rules found in one is known of the next by one walk over it, where no
//! part that they look at differs.

use std::cell::RefCell;

use crate::cel::absence::{Stride, Way};
use crate::cel::reads::Part;
use crate::check::{PartOf, ROOTS, content, write_text};
use crate::document::{NodeId, NodeRef};

/// What `metadata` says of one replica alone.
const OF_ONE: [&str; 7] =
    ["name", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink", "managedFields"];

/// What is written on behind this is given back.
const KEPT: usize = 1 << 16;

/// Tells something of `beside`, and all of an object but what is of one replica alone; `None` where not all of it is known.
pub(super) fn told<T>(beside: &[&[u8]], object: NodeRef<'_>, tell: impl FnOnce(&[u8]) -> T) -> Option<T> {
    thread_local! {
        static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    BYTES.with_borrow_mut(|bytes| {
        bytes.clear();
        beside.iter().for_each(|beside| bytes.extend(*beside));
        let told = write(object, bytes).then(|| tell(bytes));
        bytes.shrink_to(KEPT);
        told
    })
}

/// All of an object but what is of one replica alone: of that, whether it is there and of what type. Says whether all of it is
/// known.
fn write(object: NodeRef<'_>, bytes: &mut Vec<u8>) -> bool {
    let start = bytes.len();
    bytes.push(1);
    if by_text(object, bytes).is_some() {
        return true;
    }
    bytes.truncate(start);
    bytes.push(0);
    by_nodes(object, bytes)
}

/// The text of an object without these members of `metadata`: the same text is the same object. `None` where an object is not
/// its text.
fn by_text(object: NodeRef<'_>, bytes: &mut Vec<u8>) -> Option<()> {
    let text = object.document().json_text().filter(|_| object.id() == NodeId::ROOT)?;
    let metadata = object.get("metadata").filter(|metadata| metadata.is_object());
    let mut from = 0;
    for (key, value) in metadata.into_iter().flat_map(NodeRef::members) {
        if !OF_ONE.contains(&key) || value.is_object() {
            continue;
        }
        // from its key to the one that follows, be it of `metadata` or behind that
        let following = value.following();
        let [start, end] = [Some(value), following].map(|node| match node {
            Some(node) => node.key_text_start(),
            None => Some(text.len()),
        });
        write_text(text.get(from..start?)?, bytes);
        write_text(key, bytes);
        let is_last =
            following.is_none_or(|node| node.parent().map(NodeRef::id) != metadata.map(NodeRef::id));
        bytes.extend([value.kind() as u8, u8::from(is_last), u8::from(following.is_none())]);
        count(value, bytes);
        from = end?;
    }
    write_text(text.get(from..)?, bytes);
    Some(())
}

fn by_nodes(object: NodeRef<'_>, bytes: &mut Vec<u8>) -> bool {
    if !object.is_object() {
        return content(object, bytes);
    }
    let mut known = true;
    count(object, bytes);
    for (key, value) in object.members() {
        write_text(key, bytes);
        if key != "metadata" || !value.is_object() {
            known &= content(value, bytes);
            continue;
        }
        count(value, bytes);
        for (key, value) in value.members() {
            write_text(key, bytes);
            if OF_ONE.contains(&key) && !value.is_object() {
                bytes.push(value.kind() as u8);
                count(value, bytes);
                known &= !value.is_unknown();
            } else {
                known &= content(value, bytes);
            }
        }
    }
    known
}

fn count(node: NodeRef<'_>, bytes: &mut Vec<u8>) {
    bytes.extend(node.len().to_le_bytes());
}

/// Whether a part is the same in objects that [`write`] writes alike.
pub(super) fn has(part: &PartOf) -> bool {
    let PartOf { root, steps } = part;
    let of_metadata = match (root, steps.split_first()) {
        (0, None | Some((Part::Each, _))) => return false,
        (0, Some((Part::Key(key), rest))) if &**key == "metadata" => rest,
        // a Pod's own metadata, too
        (2, _) => steps,
        _ => return true,
    };
    match of_metadata.split_first() {
        None | Some((Part::Each, _)) => false,
        Some((Part::Key(key), rest)) => !OF_ONE.contains(&&**key) || *rest == [Part::Kind],
        Some((Part::In(_) | Part::Shape | Part::Kind, _)) => true,
    }
}

/// Whether what lies at the end of a way is there in all objects that [`write`] writes alike, or in none: of a list that is of
/// one replica alone, nobody knows what is in its items.
pub(super) fn has_way(way: &Way) -> bool {
    let is = |step: &Stride, name: &str| matches!(step, Stride::Key(key) if **key == *name);
    let of_metadata = match (ROOTS.iter().position(|root| *root == &*way.root), &way.steps[..]) {
        (Some(0), [first, rest @ ..]) if is(first, "metadata") => rest,
        // a Pod's own metadata, too
        (Some(2), steps) => steps,
        _ => return true,
    };
    match of_metadata {
        [first, rest @ ..] => !OF_ONE.iter().any(|name| is(first, name)) || !rest.contains(&Stride::Each),
        [] => true,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    /// As text, and by its nodes.
    fn written(text: &str) -> [Vec<u8>; 2] {
        let document = Document::from_json(text, Limits::default()).unwrap();
        let is_its_text = by_text(document.root(), &mut Vec::new()).is_some();
        assert_eq!(is_its_text, !text.contains("\\u"), "{text}");
        let mut both = [Vec::new(), Vec::new()];
        assert!(write(document.root(), &mut both[0]));
        assert!(by_nodes(document.root(), &mut both[1]));
        both
    }

    #[test]
    fn replicas_differ_in_nothing_and_others_do() {
        let one = written(
            r#"{"metadata": {"name": "a", "uid": "1", "managedFields": [{"x": 1}], "labels": {"l": "m"}}, "a": 1}"#,
        );
        for (replica, text) in [
            (
                true,
                r#"{"metadata": {"name": "b", "uid": "2", "managedFields": [{"x": 2}], "labels": {"l": "m"}}, "a": 1}"#,
            ),
            (
                false,
                r#"{"metadata": {"name": 1, "uid": "2", "managedFields": [{"x": 2}], "labels": {"l": "m"}}, "a": 1}"#,
            ),
            (
                false,
                r#"{"metadata": {"name": "b", "uid": "2", "managedFields": [], "labels": {"l": "m"}}, "a": 1}"#,
            ),
            (
                false,
                r#"{"metadata": {"name": "b", "uid": "2", "managedFields": {"x": 1}, "labels": {"l": "m"}}, "a": 1}"#,
            ),
            (
                false,
                r#"{"metadata": {"name": "b", "managedFields": [{"x": 2}], "labels": {"l": "m"}}, "a": 1}"#,
            ),
            (
                false,
                r#"{"metadata": {"name": "b", "uid": "2", "managedFields": [{"x": 2}], "labels": {"l": "n"}}, "a": 1}"#,
            ),
            (
                false,
                r#"{"metadata": {"name": "b", "uid": "2", "managedFields": [{"x": 2}], "labels": {"l": "m"}}, "a": 2}"#,
            ),
            (
                false,
                r#"{"metadata": {"name": "b", "uid": "2", "managedFields": [{"x": 2}], "labels": {"l": "m"}}}"#,
            ),
            (false, r#"{"metadata": [], "a": 1}"#),
            (false, "[]"),
        ] {
            for (other, one) in written(text).iter().zip(&one) {
                assert_eq!(other == one, replica, "{text}");
            }
        }
        for [one, other, third] in [
            [r#"{"metadata":{},"name":"a"}"#, r#"{"metadata":{"name":"a"}}"#, r#"{"metadata":{"uid":"a"}}"#],
            [
                r#"{"metadata":{"name":"a"}}"#,
                r#"{"metadata":{"name":"a"},"b":1}"#,
                r#"{"metadata":{"name":"a","b":1}}"#,
            ],
            [
                r#"{"metadata":{"name":"a","b":1}}"#,
                r#"{"metadata":{"b":1,"name":"a"}}"#,
                r#"{"b":1,"metadata":{"name":"a"}}"#,
            ],
            [
                r#"{"metadata":{"name":"a","uid":"b"}}"#,
                r#"{"metadata":{"uid":"b"}}"#,
                r#"{"metadata":{"name":"a"}}"#,
            ],
            [
                r#"{"metadata":{"uid":[1]}}"#,
                r#"{"metadata":{"uid":[1, 2]}}"#,
                r#"{"metadata":{"uid":{"a":1}}}"#,
            ],
            [
                r#"{"metadata":{"n\u0061me":"a"}}"#,
                r#"{"metadata":{"name":"a"}}"#,
                r#"{"metadata":{"name":null}}"#,
            ],
            // of several members of a name the last counts, and the others do not make another object of it for rules
            [
                r#"{"metadata":{"name":"a","name":"b"}}"#,
                r#"{"metadata":{"name":"a","uid":"b"}}"#,
                r#"{"metadata":"name"}"#,
            ],
        ] {
            let [one, other, third] = [one, other, third].map(|text| written(text).into_iter().next());
            assert!(one != other && other != third && third != one);
        }
        // what is cut out may hold whatever it likes
        let hostile = written(r#"{"metadata":{"name":"\",\"b\":1","b":2},"c":3}"#);
        assert_eq!(hostile, written(r#"{"metadata":{"name":"}\"","b":2},"c":3}"#));
    }

    #[test]
    fn what_is_not_known_is_no_replica() {
        for (known, text) in [
            (true, r#"{"metadata": {"name": "a"}}"#),
            (false, r#"{"metadata": {"name": "$(X)"}}"#),
            (false, r#"{"metadata": {"labels": {"l": "$(X)"}}}"#),
            (false, r#"{"metadata": {}, "spec": ["$(X)"]}"#),
        ] {
            let mut document = Document::from_json(text, Limits::default()).unwrap();
            document.mark_unknown(|text, _| text == "$(X)");
            assert_eq!(write(document.root(), &mut Vec::new()), known, "{text}");
        }
    }

    #[test]
    fn ways_that_replicas_have_in_common() {
        let key = |key: &str| Stride::Key(key.into());
        for (common, root, steps) in [
            (true, "object", vec![key("spec"), Stride::Each, key("a")]),
            (true, "object", vec![key("metadata")]),
            (true, "object", vec![key("metadata"), key("name")]),
            (true, "object", vec![key("metadata"), key("labels"), Stride::Each]),
            (true, "object", vec![key("metadata"), key("managedFields"), Stride::Itself, key("a")]),
            (false, "object", vec![key("metadata"), key("managedFields"), Stride::Each]),
            (false, "object", vec![key("metadata"), key("managedFields"), Stride::Each, key("manager")]),
            (true, "podSpec", vec![key("name"), Stride::Each]),
            (true, "podMetadata", vec![key("uid")]),
            (false, "podMetadata", vec![key("managedFields"), Stride::Each]),
        ] {
            assert_eq!(has_way(&Way { root: root.into(), steps: steps.clone() }), common, "{root} {steps:?}");
        }
    }

    #[test]
    fn parts_that_replicas_have_in_common() {
        let key = |key: &str| Part::Key(key.into());
        for (common, root, steps) in [
            (true, 0, vec![key("spec"), key("a"), Part::Each]),
            (true, 0, vec![Part::Shape]),
            (false, 0, vec![]),
            (false, 0, vec![Part::Each, key("name")]),
            (false, 0, vec![key("metadata")]),
            (true, 0, vec![key("metadata"), Part::Kind]),
            (false, 0, vec![key("metadata"), Part::Each]),
            (true, 0, vec![key("metadata"), key("labels"), Part::Each]),
            (false, 0, vec![key("metadata"), key("name")]),
            (true, 0, vec![key("metadata"), key("name"), Part::Kind]),
            (false, 0, vec![key("metadata"), key("managedFields"), Part::Shape]),
            (true, 0, vec![key("metadata"), Part::In("name".into())]),
            (true, 1, vec![]),
            (true, 1, vec![key("name")]),
            (false, 2, vec![]),
            (false, 2, vec![key("name")]),
            (true, 2, vec![key("labels")]),
        ] {
            assert_eq!(has(&PartOf { root, steps: steps.clone() }), common, "{root} {steps:?}");
        }
    }
}
