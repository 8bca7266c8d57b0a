//! Objects that are the same but for what tells replicas apart: their names, and what the API server writes of each.
//!
//! ReplicaSets and Jobs make such Pods by the dozen. What rules found in one is known of the next by one walk over it, where no
//! part that they look at differs.

use crate::cel::reads::Part;
use crate::check::{PartOf, content, write_text};
use crate::document::NodeRef;

/// What `metadata` says of one replica alone.
const OF_ONE: [&str; 7] =
    ["name", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink", "managedFields"];

/// All of an object but what is of one replica alone: of that, whether it is there and of what type. Says whether all of it is
/// known.
pub(super) fn write(object: NodeRef<'_>, bytes: &mut Vec<u8>) -> bool {
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
        (0, Some((Part::Key(key), rest))) if key == "metadata" => rest,
        // a Pod's own metadata, too
        (2, _) => steps,
        _ => return true,
    };
    match of_metadata.split_first() {
        None | Some((Part::Each, _)) => false,
        Some((Part::Key(key), rest)) => !OF_ONE.contains(&key.as_str()) || *rest == [Part::Kind],
        Some((Part::In(_) | Part::Shape | Part::Kind, _)) => true,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    fn written(text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        assert!(write(Document::from_json(text, Limits::default()).unwrap().root(), &mut bytes));
        bytes
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
            assert_eq!(written(text) == one, replica, "{text}");
        }
        assert_ne!(written(r#"{"metadata": {}, "name": "a"}"#), written(r#"{"metadata": {"name": "a"}}"#));
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
    fn parts_that_replicas_have_in_common() {
        let key = |key: &str| Part::Key(key.to_owned());
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
            (true, 0, vec![key("metadata"), Part::In("name".to_owned())]),
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
