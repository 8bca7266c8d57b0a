//! JSON as Go's `json.Marshal` writes an untyped value: members sorted, `<`, `>` and `&` escaped.

use document::NodeRef;
use document::few::SortFew as _;

/// The node as JSON. Recurses as deep as the document is nested.
pub(crate) fn written(node: NodeRef<'_>) -> String {
    let mut out = String::new();
    write(node, &mut out);
    out.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn write(node: NodeRef<'_>, out: &mut String) {
    if node.is_array() {
        out.push('[');
        for (at, item) in node.items().enumerate() {
            if at > 0 {
                out.push(',');
            }
            write(item, out);
        }
        out.push(']');
    } else if node.is_object() {
        let mut members: Vec<_> = node.members().collect();
        members.sort_few_by_key(|(key, _)| *key);
        out.push('{');
        for (at, (key, value)) in members.into_iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(&crate::field::go_json_string(key));
            out.push(':');
            write(value, out);
        }
        out.push('}');
    } else {
        match node.as_f64().filter(|_| node.as_i64().is_none()) {
            Some(number) => out.push_str(&super::go_number::shown(number)),
            None => node.write_json(out),
        }
    }
}
