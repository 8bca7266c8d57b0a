//! Writing a document as YAML that reads back as the same document.
//!
//! A string is quoted wherever some reader of YAML – 1.1, as kubectl reads it, or 1.2 – would take it for something
//! else: `yes`, `1e3`, `0644`, `12:30`, `2024-01-31`, `null`, `~`. Block style, as `kubectl get -o yaml` writes it.

use std::fmt::Write as _;

use super::scalar::{Resolved, Written, resolve};
use crate::document::{Kind, NodeRef, Scalar};

/// Deeper than this nobody reads indentation: the value is written in one line, as JSON, which is YAML too.
const BLOCKS: usize = 64;

/// The node as YAML, with a line break at its end.
#[must_use]
pub fn yaml(node: NodeRef<'_>) -> String {
    let mut out = String::new();
    match node.scalar() {
        Some(value) => out.push_str(&scalar(value)),
        None if node.is_empty() => out.push_str(&node.to_json()),
        None => block(&mut out, node, 0),
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

/// A scalar in one line, in place of another.
#[must_use]
pub fn scalar(value: Scalar<'_>) -> String {
    match value {
        Scalar::Null => "null".to_owned(),
        Scalar::Bool(value) => value.to_string(),
        Scalar::Int(value) => value.to_string(),
        // as JSON writes it: the shortest text that reads back as the same number
        Scalar::Float(value) => serde_json::Value::from(value).to_string(),
        Scalar::String(text) if is_plain(text) => text.to_owned(),
        Scalar::String(text) => quoted(text),
    }
}

/// A collection that is not empty, every line with this indentation.
fn block(out: &mut String, node: NodeRef<'_>, indent: usize) {
    let start = |out: &mut String| {
        // the first line stands behind the dash of the list around it
        if out.is_empty() || out.ends_with('\n') {
            out.extend(std::iter::repeat_n(' ', indent));
        }
    };
    if node.kind() == Kind::Array {
        for item in node.items() {
            start(out);
            out.push('-');
            value(out, item, indent);
        }
        return;
    }
    for (key, member) in node.members() {
        start(out);
        out.push_str(&if is_plain(key) { key.to_owned() } else { quoted(key) });
        out.push(':');
        value(out, member, indent);
    }
}

/// What stands behind a colon or a dash.
fn value(out: &mut String, node: NodeRef<'_>, indent: usize) {
    let inner = indent + 2;
    let behind_dash = out.ends_with('-');
    match node.scalar() {
        Some(Scalar::String(text)) if is_literal(text) => literal(out, text, inner),
        Some(value) => {
            let _ = writeln!(out, " {}", scalar(value));
        }
        None if node.is_empty() || inner > 2 * BLOCKS => {
            let _ = writeln!(out, " {}", node.to_json());
        }
        None if behind_dash => {
            out.push(' ');
            block(out, node, inner);
        }
        None => {
            out.push('\n');
            // lists stand under their key, without indentation of their own
            block(out, node, if node.kind() == Kind::Array { indent } else { inner });
        }
    }
}

/// Whether a text is readable as lines under a `|`.
fn is_literal(text: &str) -> bool {
    let body = text.trim_end_matches('\n');
    body.contains('\n')
        && !body.starts_with([' ', '\n', '\t'])
        && text.chars().all(|c| c == '\n' || c == '\t' || is_printable(c))
        && !body.lines().any(|line| line.ends_with([' ', '\t']))
}

fn literal(out: &mut String, text: &str, indent: usize) {
    let body = text.trim_end_matches('\n');
    let breaks = text.len() - body.len();
    out.push_str(match breaks {
        0 => " |-\n",
        1 => " |\n",
        _ => " |+\n",
    });
    for line in body.split('\n') {
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(line);
        }
        out.push('\n');
    }
    out.extend(std::iter::repeat_n('\n', breaks.saturating_sub(1)));
}

/// Whether every reader takes the text for this string when it stands without quotes, in block and in flow style.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    let safe = |c: char| c.is_alphanumeric() || " ./:@_-+=%$~*()<>;&!?^".contains(c);
    let starts = text.starts_with(|c: char| c.is_alphanumeric() || "/_$".contains(c));
    let word = text.to_ascii_lowercase();
    starts
        && text.chars().all(safe)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"]
            .contains(&word.as_str())
        && !like_a_number(text)
        && resolve(Written::Plain, text) == Ok(Resolved::String)
}

/// Whether a text may be a number, a time or a date for some reader.
fn like_a_number(text: &str) -> bool {
    let date = |text: &str| {
        let bytes = text.as_bytes();
        bytes.len() > 4 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-'
    };
    text.starts_with(|c: char| c.is_ascii_digit())
        && (date(text) || text.chars().all(|c| c.is_ascii_hexdigit() || "_:.+-xXoO".contains(c)))
}

fn is_printable(c: char) -> bool {
    !c.is_control()
        && !('\u{2028}'..='\u{202e}').contains(&c)
        && !matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A text in double quotes; what is not printable is escaped.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_printable(c) => out.push(c),
            c => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::compose::compose;
    use super::*;
    use crate::document::Document;

    fn read(text: &str) -> String {
        compose(text, 0..text.len()).unwrap().document.unwrap().root().to_json()
    }

    #[test]
    fn strings_read_back_as_strings() {
        for (text, plain) in [
            ("nginx", true),
            ("mirror.example.com/hub/nginx:1.27", true),
            ("500m", true),
            ("64Mi", true),
            ("some words", true),
            ("/var/run", true),
            ("kube-system", true),
            ("$(POD_NAME)", true),
            ("sha256:0a1b2c", true),
            ("größe", true),
            ("yes", false),
            ("Off", false),
            ("oFF", false),
            ("n", false),
            ("null", false),
            ("NULL", false),
            ("~", false),
            ("", false),
            ("1", false),
            ("-1", false),
            ("1.0", false),
            ("1_000", false),
            ("0644", false),
            ("0o17", false),
            ("0x1F", false),
            ("0b-1", false),
            ("1e3", false),
            ("12:30:45", false),
            ("2024-01-31", false),
            ("2024-01-31T10:00:00Z", false),
            (".inf", false),
            (".5", false),
            ("NaN", false),
            ("a: b", false),
            ("a:", false),
            ("a #b", false),
            (" a", false),
            ("a ", false),
            ("- a", false),
            ("-", false),
            ("?", false),
            ("<<", false),
            ("=", false),
            ("*a", false),
            ("&a", false),
            ("!a", false),
            ("%a", false),
            ("@a", false),
            ("`a", false),
            ("'a", false),
            ("\"a\\", false),
            ("a,b", false),
            ("[a]", false),
            ("{a}", false),
            ("|", false),
            (">-", false),
            ("---", false),
            ("...", false),
            ("a\u{85}b\u{2028}c\u{7f}\u{feff}", false),
            ("tab\tand\rreturn", false),
        ] {
            assert_eq!(is_plain(text), plain, "{text:?}");
            let written = scalar(Scalar::String(text));
            let json = serde_json::Value::from(text).to_string();
            for (yaml, expected) in [
                (format!("a: {written}\n"), format!("{{\"a\":{json}}}")),
                (format!("a: {{b: {written}}}\n"), format!("{{\"a\":{{\"b\":{json}}}}}")),
                (format!("- {written}\n"), format!("[{json}]")),
            ] {
                let same = |a: &str, b: &str| {
                    let value = |t: &str| serde_json::from_str::<serde_json::Value>(t).unwrap();
                    value(a) == value(b)
                };
                assert!(same(&read(&yaml), &expected), "{yaml:?}");
            }
        }
    }

    #[test]
    fn documents_read_back() {
        let deep = format!("{}1{}", "{\"a\":[".repeat(60), "]}".repeat(60));
        for json in [
            r#"{"a":{"b":[],"c":{},"d":null,"e":true,"f":1.5,"g":-3,"h":1e+21},"on":"on","1":"1","a b":"c","":""}"#,
            r#"[[1,[2,3]],[{"a":[1,{"b":2}],"c":"d"}],"x"]"#,
            r##"{"a":"one\ntwo\n","b":"one\n\n  two","c":"one\ntwo\n\n\n","d":" one\ntwo","e":"one \ntwo","f":"\n","g":"#! x\n# y: z\n","h":"tab\there\nx"}"##,
            r#"{"metadata":{"annotations":{"k":"{\"a\": 1}\n"}},"list":["a\nb",["c\nd\n"]]}"#,
            r#""scalar""#,
            "{}",
            "7",
            &deep,
        ] {
            let document =
                Document::from_json(json, crate::document::Limits { depth: 500, ..Default::default() })
                    .unwrap();
            let text = yaml(document.root());
            let again =
                compose(&text, 0..text.len()).unwrap_or_else(|e| panic!("{text}\n{e:?}")).document.unwrap();
            assert!(document.root() == again.root(), "{json}\n{text}");
        }
    }

    #[test]
    fn looks_as_kubectl_writes_it() {
        let json = r#"{"kind":"Pod","metadata":{"labels":{"a":"yes"}},"spec":{"containers":[{"name":"web","args":["-c","x\ny"]}]}}"#;
        let document = Document::from_json(json, crate::document::Limits::default()).unwrap();
        insta::assert_snapshot!(yaml(document.root()), @r#"
        kind: Pod
        metadata:
          labels:
            a: "yes"
        spec:
          containers:
          - name: web
            args:
            - "-c"
            - |-
              x
              y
        "#);
    }
}
