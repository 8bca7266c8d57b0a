//! One change of an object, as the recorded answers have it.

use serde_json::Value;

/// Sets what is at a pointer, or takes it away.
pub(crate) fn change(object: &mut Value, pointer: &str, value: Option<&Value>) {
    let (above, last) = pointer.rsplit_once('/').unwrap();
    let last = last.replace("~1", "/").replace("~0", "~");
    let parent = object.pointer_mut(above).unwrap();
    match (parent, value) {
        (Value::Object(members), Some(value)) => _ = members.insert(last, value.clone()),
        (Value::Object(members), None) => _ = members.remove(&last),
        (Value::Array(items), Some(value)) => items[last.parse::<usize>().unwrap()] = value.clone(),
        (Value::Array(items), None) => _ = items.remove(last.parse().unwrap()),
        (other, _) => panic!("{other} has no place {pointer}"),
    }
}
