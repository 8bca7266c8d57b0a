//! The operations that make one value of another, where only the two are known.

use std::sync::Arc;

use super::{LimitError, Limits, NodeRef, PatchOperation, Pointer};

impl NodeRef<'_> {
    /// The operations that make this value into `other`, for a document whose root this is: members that are gone, members
    /// that are new, what is otherwise. Of lists the equal items at both ends are left alone, so that an item more or
    /// less is one operation. Nothing where both are equal, as [`PartialEq`] has it.
    ///
    /// # Errors
    /// When a new value goes over a limit.
    pub fn difference(self, other: NodeRef<'_>) -> Result<Vec<PatchOperation>, LimitError> {
        let mut operations = Vec::new();
        differ(self, other, &Pointer::of_tokens(&[]), &mut operations)?;
        Ok(operations)
    }
}

/// Recurses as deep as documents nest.
fn differ(
    before: NodeRef<'_>,
    after: NodeRef<'_>,
    path: &Pointer,
    operations: &mut Vec<PatchOperation>,
) -> Result<(), LimitError> {
    if before.is_object() && after.is_object() {
        members(before, after, path, operations)
    } else if before.is_array() && after.is_array() {
        items(before, after, path, operations)
    } else {
        if before != after {
            operations.push(PatchOperation::Replace { path: path.clone(), value: literal(after)? });
        }
        Ok(())
    }
}

fn members(
    before: NodeRef<'_>,
    after: NodeRef<'_>,
    path: &Pointer,
    operations: &mut Vec<PatchOperation>,
) -> Result<(), LimitError> {
    for (key, member) in before.members() {
        match after.get(key) {
            Some(other) => differ(member, other, &path.child(key), operations)?,
            None => operations.push(PatchOperation::Remove { path: path.child(key) }),
        }
    }
    for (key, member) in after.members().filter(|(key, _)| before.get(key).is_none()) {
        operations.push(PatchOperation::Add { path: path.child(key), value: literal(member)? });
    }
    Ok(())
}

fn items(
    before: NodeRef<'_>,
    after: NodeRef<'_>,
    path: &Pointer,
    operations: &mut Vec<PatchOperation>,
) -> Result<(), LimitError> {
    let (old, new): (Vec<_>, Vec<_>) = (before.items().collect(), after.items().collect());
    let same = |(old, new): &(&NodeRef<'_>, &NodeRef<'_>)| old == new;
    let head = old.iter().zip(&new).take_while(same).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(same).count();
    let (gone, come) = (old.len() - head - tail, new.len() - head - tail);
    let both = gone.min(come);
    for at in head..head + both {
        differ(old[at], new[at], &path.child(at.to_string()), operations)?;
    }
    // from behind, so that those before keep their places
    for at in (head + both..head + gone).rev() {
        operations.push(PatchOperation::Remove { path: path.child(at.to_string()) });
    }
    for (at, item) in new.iter().enumerate().take(head + come).skip(head + both) {
        operations.push(PatchOperation::Add { path: path.child(at.to_string()), value: literal(*item)? });
    }
    Ok(())
}

fn literal(node: NodeRef<'_>) -> Result<super::Literal, LimitError> {
    Ok(Arc::new(node.to_document(Limits::default())?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::Document;

    use super::*;

    fn difference(before: &Value, after: &Value) -> Value {
        let [from, to] = [before, after].map(|value| Document::from_value(value).unwrap());
        let operations = from.root().difference(to.root()).unwrap();
        let made = from.edited(&operations, "test", Limits::default()).unwrap();
        assert_eq!(made, to, "{before} {after}");
        serde_json::to_value(&operations).unwrap()
    }

    #[test]
    fn no_more_than_what_differs() {
        let rows = [
            (json!({"a": 1}), json!({"a": 1}), json!([])),
            (
                json!({"a": 1, "b/c": {}}),
                json!({"b/c": {"d": [1]}}),
                json!([
                    {"op": "remove", "path": "/a"},
                    {"op": "add", "path": "/b~1c/d", "value": [1]},
                ]),
            ),
            (json!([1, 2, 3]), json!([0, 1, 2, 3]), json!([{"op": "add", "path": "/0", "value": 0}])),
            (json!([1, 2, 3]), json!([1, 3]), json!([{"op": "remove", "path": "/1"}])),
            (json!([1, 1]), json!([1]), json!([{"op": "remove", "path": "/1"}])),
            (
                json!([{"n": "a"}, {"n": "b", "i": 1}]),
                json!([{"n": "a"}, {"n": "b", "i": 2}, {"n": "c"}]),
                json!([
                    {"op": "replace", "path": "/1/i", "value": 2},
                    {"op": "add", "path": "/2", "value": {"n": "c"}},
                ]),
            ),
            (
                json!([1, 2, 3, 4]),
                json!([5]),
                json!([
                    {"op": "replace", "path": "/0", "value": 5},
                    {"op": "remove", "path": "/3"},
                    {"op": "remove", "path": "/2"},
                    {"op": "remove", "path": "/1"},
                ]),
            ),
            (
                json!({"a": [1]}),
                json!({"a": {"b": null}}),
                json!([
                    {"op": "replace", "path": "/a", "value": {"b": null}},
                ]),
            ),
            (json!(1), json!([]), json!([{"op": "replace", "path": "", "value": []}])),
        ];
        for (before, after, operations) in rows {
            assert_eq!(difference(&before, &after), operations, "{before} {after}");
        }
    }
}
