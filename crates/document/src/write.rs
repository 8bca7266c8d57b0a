//! Writing a document: JSON, pointers and paths.

use std::fmt::Write;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::{Document, Kind, NodeRef, Scalar};

impl Serialize for NodeRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.scalar() {
            Some(Scalar::Null) => serializer.serialize_unit(),
            Some(Scalar::Bool(b)) => serializer.serialize_bool(b),
            Some(Scalar::Int(i)) => serializer.serialize_i64(i),
            Some(Scalar::Float(f)) => serializer.serialize_f64(f),
            Some(Scalar::String(s)) => serializer.serialize_str(s),
            None if self.kind() == Kind::Array => {
                let mut seq = serializer.serialize_seq(Some(self.len()))?;
                for item in self.items() {
                    seq.serialize_element(&item)?;
                }
                seq.end()
            }
            None => {
                let mut map = serializer.serialize_map(Some(self.len()))?;
                for (key, value) in self.members() {
                    map.serialize_entry(key, &value)?;
                }
                map.end()
            }
        }
    }
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.root().serialize(serializer)
    }
}

impl NodeRef<'_> {
    /// The node as compact JSON, whatever its depth.
    #[must_use]
    pub fn to_json(self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    /// Appends the node as compact JSON; needs no stack, so no depth is too much.
    pub fn write_json(self, out: &mut String) {
        let nodes = &self.doc.nodes;
        let root = self.id as usize;
        let mut open: Vec<(u32, char)> = Vec::new();
        let mut comma = false;
        let mut at = root;
        let end = nodes[root].end() as usize;
        while at < end {
            let node = NodeRef { doc: self.doc, id: u32::try_from(at).expect("the tape is counted in u32") };
            while open.last().is_some_and(|(end, _)| at >= *end as usize) {
                out.push(open.pop().map_or('}', |(_, close)| close));
                comma = true;
            }
            if at != root && node.is_shadowed() {
                at = nodes[at].end() as usize;
                continue;
            }
            if comma {
                out.push(',');
            }
            if at != root
                && let Some(key) = node.key()
            {
                write_json_string(out, key);
                out.push(':');
            }
            comma = !nodes[at].is_container();
            match node.scalar() {
                Some(scalar) => write_json_scalar(out, scalar),
                None => {
                    let (begin, close) = if node.is_array() { ('[', ']') } else { ('{', '}') };
                    out.push(begin);
                    open.push((nodes[at].end(), close));
                }
            }
            at += 1;
        }
        while let Some((_, close)) = open.pop() {
            out.push(close);
        }
    }
}

fn write_json_scalar(out: &mut String, scalar: Scalar<'_>) {
    let result = match scalar {
        Scalar::Null => write!(out, "null"),
        Scalar::Bool(b) => write!(out, "{b}"),
        Scalar::Int(i) => write!(out, "{i}"),
        Scalar::Float(f) => {
            out.push_str(
                &serde_json::Number::from_f64(f).map_or_else(|| "null".to_owned(), |n| n.to_string()),
            );
            Ok(())
        }
        Scalar::String(s) => {
            write_json_string(out, s);
            Ok(())
        }
    };
    result.expect("writing to a String");
}

fn write_json_string(out: &mut String, text: &str) {
    out.push('"');
    let mut clean = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[clean..at]);
        clean = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ => write!(out, "\\u{byte:04x}").expect("writing to a String"),
        }
    }
    out.push_str(&text[clean..]);
    out.push('"');
}

/// Appends a token of an RFC 6901 pointer, escaped, without the slash.
pub fn write_pointer_token(out: &mut String, key: &str) {
    if !key.bytes().any(|byte| matches!(byte, b'~' | b'/')) {
        return out.push_str(key);
    }
    for c in key.chars() {
        match c {
            '~' => out.push_str("~0"),
            '/' => out.push_str("~1"),
            c => out.push(c),
        }
    }
}

/// Appends a key to a path as people write it: `.name`, or `["app.kubernetes.io/name"]`.
pub(super) fn write_path_key(out: &mut String, key: &str) {
    let plain = !key.is_empty()
        && !key.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if plain {
        if !out.is_empty() {
            out.push('.');
        }
        out.push_str(key);
    } else {
        out.push('[');
        write_json_string(out, key);
        out.push(']');
    }
}

/// Appends an index to a path as people write it.
pub(super) fn write_path_index(out: &mut String, index: usize) {
    out.push('[');
    write_index(out, index);
    out.push(']');
}

/// Appends an index as a token of a pointer.
pub(super) fn write_index(out: &mut String, index: usize) {
    match u8::try_from(index) {
        // most lists are short
        Ok(digit @ 0..10) => out.push(char::from(b'0' + digit)),
        _ => write!(out, "{index}").expect("writing to a String"),
    }
}

/// The human form of an RFC 6901 pointer below `node`: numeric tokens become indexes where an array is met.
#[must_use]
pub fn render_path(node: NodeRef<'_>, pointer: &str) -> String {
    let mut out = String::new();
    let mut at = Some(node);
    for token in pointer.split('/').skip(1) {
        let key = token.replace("~1", "/").replace("~0", "~");
        match (at.map(NodeRef::kind), key.parse::<usize>()) {
            (Some(Kind::Array), Ok(index)) => {
                write_path_index(&mut out, index);
                at = at.and_then(|n| n.item(index));
            }
            (None, Ok(index)) => {
                write_path_index(&mut out, index);
            }
            _ => {
                write_path_key(&mut out, &key);
                at = at.and_then(|n| n.get(&key));
            }
        }
    }
    out
}
