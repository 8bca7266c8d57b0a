//! Objects of JSON, written member by member: a serializer looks at each byte of each text, and a report has hundreds of
//! thousands of findings, each with dozens of members. The bytes are those that `serde_json` writes.

use std::io;

use serde::Serialize;

use crate::finding::{Action, Actions, PolicyRef, Print, Severity};
use crate::resource::identity::{GroupVersionKind, Identity};

/// An object that is being written.
pub(super) struct Object<'t> {
    text: &'t mut Vec<u8>,
    is_empty: bool,
}

impl<'t> Object<'t> {
    /// Begins an object at the end of `text`.
    pub(super) fn begin(text: &'t mut Vec<u8>) -> Self {
        text.push(b'{');
        Self { text, is_empty: true }
    }

    /// Writes a member.
    pub(super) fn member(&mut self, key: &'static str, value: impl Json) {
        self.key(key);
        value.write(self.text);
    }

    /// Writes a member, where there is one.
    pub(super) fn present(&mut self, key: &'static str, value: Option<impl Json>) {
        if let Some(value) = value {
            self.member(key, value);
        }
    }

    /// Writes a member that is a list.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        items: impl Iterator<Item = T>,
        mut write: impl FnMut(&mut Vec<u8>, T),
    ) {
        self.key(key);
        self.text.push(b'[');
        for (at, item) in items.enumerate() {
            if at > 0 {
                self.text.push(b',');
            }
            write(self.text, item);
        }
        self.text.push(b']');
    }

    /// Writes a member that is rarely there, or rarely more than nothing.
    ///
    /// # Errors
    /// When it has no form in JSON.
    pub(super) fn serialized(&mut self, key: &'static str, value: &impl Serialize) -> io::Result<()> {
        self.key(key);
        Ok(serde_json::to_writer(&mut *self.text, value)?)
    }

    /// `key` holds nothing that is escaped.
    fn key(&mut self, key: &'static str) {
        let before: &[u8] = if std::mem::take(&mut self.is_empty) { b"\"" } else { b",\"" };
        self.text.reserve(key.len() + 4);
        self.text.extend_from_slice(before);
        self.text.extend_from_slice(key.as_bytes());
        self.text.extend_from_slice(b"\":");
    }

    /// Ends the object.
    pub(super) fn end(self) {
        self.text.push(b'}');
    }
}

/// What is written as JSON without fail.
pub(super) trait Json {
    fn write(&self, text: &mut Vec<u8>);
}

impl<T: Json> Json for Option<T> {
    fn write(&self, text: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(text),
            None => text.extend_from_slice(b"null"),
        }
    }
}

impl Json for bool {
    fn write(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl Json for usize {
    fn write(&self, text: &mut Vec<u8>) {
        let mut digits = [0; 20];
        let (mut rest, mut at) = (*self, digits.len());
        loop {
            at -= 1;
            digits[at] = b"0123456789"[rest % 10];
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        text.extend_from_slice(&digits[at..]);
    }
}

impl Json for u32 {
    fn write(&self, text: &mut Vec<u8>) {
        (*self as usize).write(text);
    }
}

impl Json for &str {
    fn write(&self, text: &mut Vec<u8>) {
        text.push(b'"');
        write_escaped(self, text);
        text.push(b'"');
    }
}

/// Writes what is between the quotes of a text.
fn write_escaped(of: &str, text: &mut Vec<u8>) {
    let mut rest = of.as_bytes();
    while !is_plain(rest) {
        let end = rest.iter().position(|byte| !is_plain(&[*byte])).unwrap_or_default();
        text.extend_from_slice(&rest[..end]);
        match rest[end] {
            b'"' => text.extend_from_slice(b"\\\""),
            b'\\' => text.extend_from_slice(b"\\\\"),
            b'\n' => text.extend_from_slice(b"\\n"),
            b'\r' => text.extend_from_slice(b"\\r"),
            b'\t' => text.extend_from_slice(b"\\t"),
            0x08 => text.extend_from_slice(b"\\b"),
            0x0c => text.extend_from_slice(b"\\f"),
            byte => text.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
        rest = &rest[end + 1..];
    }
    text.extend_from_slice(rest);
}

/// Whether none of these bytes is escaped in a text of JSON, many at a time.
fn is_plain(bytes: &[u8]) -> bool {
    let is_plain = |byte: &u8| (*byte >= b' ') & (*byte != b'"') & (*byte != b'\\');
    let are_plain = |bytes: &[u8]| bytes.iter().fold(true, |plain, byte| plain & is_plain(byte));
    let (chunks, rest) = bytes.as_chunks::<16>();
    chunks.iter().all(|chunk| are_plain(chunk)) && are_plain(rest)
}

impl Json for Print {
    fn write(&self, text: &mut Vec<u8>) {
        text.push(b'"');
        text.extend_from_slice(&self.digits());
        text.push(b'"');
    }
}

/// A name of our own: nothing in it is escaped.
fn write_name(name: &str, text: &mut Vec<u8>) {
    text.push(b'"');
    text.extend_from_slice(name.as_bytes());
    text.push(b'"');
}

impl Json for Severity {
    fn write(&self, text: &mut Vec<u8>) {
        write_name(self.name(), text);
    }
}

impl Json for Action {
    fn write(&self, text: &mut Vec<u8>) {
        write_name(self.name(), text);
    }
}

impl Json for Actions {
    fn write(&self, text: &mut Vec<u8>) {
        for (at, action) in self.iter().enumerate() {
            text.push(if at == 0 { b'[' } else { b',' });
            action.write(text);
        }
        text.extend_from_slice(if self.iter().next().is_none() { b"[]" } else { b"]" });
    }
}

impl Json for &PolicyRef {
    fn write(&self, text: &mut Vec<u8>) {
        let PolicyRef { kind, namespace, name } = self;
        let mut object = Object::begin(text);
        object.member("kind", *kind);
        object.member("namespace", namespace.as_deref());
        object.member("name", name.as_str());
        object.end();
    }
}

/// An `apiVersion`.
struct ApiVersion<'g>(GroupVersionKind<'g>);

impl Json for ApiVersion<'_> {
    fn write(&self, text: &mut Vec<u8>) {
        let GroupVersionKind { group, version, kind: _ } = self.0;
        text.push(b'"');
        if !group.is_empty() {
            write_escaped(group, text);
            text.push(b'/');
        }
        write_escaped(version, text);
        text.push(b'"');
    }
}

impl Json for Identity<'_> {
    fn write(&self, text: &mut Vec<u8>) {
        let mut object = Object::begin(text);
        object.member("apiVersion", ApiVersion(self.gvk));
        object.member("kind", self.gvk.kind);
        object.member("namespace", self.namespace);
        object.member("name", self.name);
        object.end();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::finding::Digest;

    fn written(value: impl Json) -> String {
        let mut text = Vec::new();
        value.write(&mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn texts_are_escaped_as_by_serde() {
        let all: String = ('\0'..='\u{ff}').collect();
        let texts = [
            "",
            "plain",
            "größer 開く 😀",
            "a\"b\\c\n",
            "sixteen bytes 1\"",
            "more than sixteen bytes\u{7f}",
            &all,
        ];
        for text in texts {
            assert_eq!(written(text), serde_json::to_string(text).unwrap(), "{text:?}");
        }
        for c in '\0'..='\u{ff}' {
            let text = format!("{:20}{c}", "");
            assert_eq!(written(text.as_str()), serde_json::to_string(&text).unwrap(), "{c:?}");
        }
    }

    #[test]
    fn values_are_written_as_by_serde() {
        for number in [0, 7, 10, 4_294_967_295, usize::MAX] {
            assert_eq!(written(number), number.to_string());
        }
        let print = Print::of(Digest::of(b"x"));
        assert_eq!(written(print), serde_json::to_string(&print).unwrap());
        for severity in [Severity::Info, Severity::Warning, Severity::Error] {
            assert_eq!(written(severity), serde_json::to_string(&severity).unwrap());
        }
        for actions in [vec![], vec![Action::Audit], vec![Action::Audit, Action::Warn, Action::Deny]] {
            let actions: Actions = actions.into_iter().collect();
            assert_eq!(written(actions), serde_json::to_string(&actions).unwrap());
            assert_eq!(written(actions.strongest()), serde_json::to_string(&actions.strongest()).unwrap());
        }
        for namespace in [None, Some("a\"b".to_owned())] {
            let policy = PolicyRef { kind: "K", namespace, name: "n".to_owned() };
            assert_eq!(written(&policy), serde_json::to_string(&policy).unwrap());
        }
        for group in ["", "apps"] {
            let gvk = GroupVersionKind { group, version: "v1", kind: "K" };
            let identity = Identity { gvk, namespace: Some("a\"b"), ..Identity::default() };
            assert_eq!(written(identity), serde_json::to_string(&identity).unwrap());
        }
    }

    #[test]
    fn members_are_parted() {
        let mut text = Vec::new();
        let mut object = Object::begin(&mut text);
        object.present("absent", None::<bool>);
        object.member("a", true);
        object.present("b", Some("x"));
        object.list("c", [1_usize, 2].into_iter(), |text, item| item.write(text));
        object.serialized("d", &["y"]).unwrap();
        object.end();
        assert_eq!(String::from_utf8(text).unwrap(), r#"{"a":true,"b":"x","c":[1,2],"d":["y"]}"#);
    }
}
