//! What the subresource `scale` asks of the object (apiextensions pkg/registry/customresource/validator.go).

use document::NodeRef;
use document::few::SortFew as _;

use crate::field::{Cause, Reason, go_quote};

use super::definition::Scale;
use super::fault::message;
use super::go_number;

/// Adds what is wrong with the numbers and the selector that `scale` reads.
pub(crate) fn check(scale: &Scale, object: NodeRef<'_>, causes: &mut Vec<Cause>) {
    for path in [&scale.spec_replicas, &scale.status_replicas] {
        let (node, value) = match read(object, path, "int64", |node| node.as_i64()) {
            Ok(None) => continue,
            Ok(Some(found)) => found,
            Err((node, text)) => {
                causes.push(cause(path, node, "0", &text));
                continue;
            }
        };
        if value < 0 {
            causes.push(cause(path, node, &value.to_string(), "should be a non-negative integer"));
        } else if value > i64::from(i32::MAX) {
            let text = format!("should be less than or equal to {}", i32::MAX);
            causes.push(cause(path, node, &value.to_string(), &text));
        }
    }
    if let Some(path) = &scale.label_selector
        && let Err((node, text)) = read(object, path, "string", |node| node.as_str())
    {
        causes.push(cause(path, node, &go_quote(""), &text));
    }
}

type Read<'d, T> = Result<Option<(NodeRef<'d>, T)>, (NodeRef<'d>, String)>;

/// `unstructured.NestedFieldNoCopy` and a type.
fn read<'d, T>(
    object: NodeRef<'d>,
    path: &str,
    wanted: &str,
    get: impl Fn(NodeRef<'d>) -> Option<T>,
) -> Read<'d, T> {
    let steps: Vec<&str> = path.strip_prefix('.').unwrap_or(path).split('.').collect();
    let mut node = object;
    for (at, step) in steps.iter().enumerate() {
        if !node.is_object() {
            if node.is_null() {
                return Ok(None);
            }
            let shown = format!(".{}", steps[..=at].join("."));
            let (value, kind) = described(node);
            return Err((
                node,
                format!(
                    "{shown} accessor error: {value} is of the type {kind}, expected map[string]interface{{}}"
                ),
            ));
        }
        match node.get(step) {
            Some(child) => node = child,
            None => return Ok(None),
        }
    }
    match get(node) {
        Some(value) => Ok(Some((node, value))),
        None => {
            let (value, kind) = described(node);
            Err((
                node,
                format!(
                    ".{} accessor error: {value} is of the type {kind}, expected {wanted}",
                    steps.join(".")
                ),
            ))
        }
    }
}

/// A value and its type, as `%v` and `%T` show them.
fn described(node: NodeRef<'_>) -> (String, &'static str) {
    match node.scalar() {
        Some(document::Scalar::Null) => ("<nil>".into(), "<nil>"),
        Some(document::Scalar::Bool(flag)) => (flag.to_string(), "bool"),
        Some(document::Scalar::Int(number)) => (number.to_string(), "int64"),
        Some(document::Scalar::Float(number)) => (go_number::shown(number), "float64"),
        Some(document::Scalar::String(text)) => (text.to_owned(), "string"),
        None if node.is_array() => (plain(node), "[]interface {}"),
        None => (plain(node), "map[string]interface {}"),
    }
}

/// `%v`: `map[a:1]`, `[1 2]`. Recurses as deep as the document is nested.
fn plain(node: NodeRef<'_>) -> String {
    if node.is_array() {
        let items: Vec<String> = node.items().map(plain).collect();
        return format!("[{}]", items.join(" "));
    }
    if node.is_object() {
        let mut members: Vec<_> = node.members().collect();
        members.sort_few_by_key(|(key, _)| *key);
        let members: Vec<String> =
            members.into_iter().map(|(key, value)| format!("{key}:{}", plain(value))).collect();
        return format!("map[{}]", members.join(" "));
    }
    described(node).0
}

fn cause(path: &str, node: NodeRef<'_>, value: &str, text: &str) -> Cause {
    Cause {
        field: path.to_owned(),
        reason: Reason::Invalid,
        message: message(Reason::Invalid, Some(value), text),
        node: Some(node.id()),
    }
}
