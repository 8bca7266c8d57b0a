//! Strings as Go prints them.

use std::fmt::Write;

/// `%q` (`strconv.Quote`).
#[must_use]
pub fn go_quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            ' '..='~' => out.push(c),
            '\0'..='\u{7f}' => _ = write!(out, "\\x{:02x}", u32::from(c)),
            _ if is_print(c) => out.push(c),
            _ if u32::from(c) < 0x10000 => _ = write!(out, "\\u{:04x}", u32::from(c)),
            _ => _ = write!(out, "\\U{:08x}", u32::from(c)),
        }
    }
    out.push('"');
    out
}

/// A string as `json.Marshal` writes it.
#[must_use]
pub fn go_json_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

/// `unicode.IsPrint`: the letters, marks, numbers, punctuation and symbols, and the ASCII space. Rust's
/// debug form draws the same line, but for a mark at the beginning: hence the letter before it.
pub(crate) fn is_print(c: char) -> bool {
    let mut text = String::from("a");
    text.push(c);
    matches!(c, '"' | '\'' | '\\') || text.escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting() {
        for (text, quoted) in [
            ("a\"b\\", r#""a\"b\\""#),
            ("\u{0}\u{7f}\u{1b}", r#""\x00\x7f\x1b""#),
            ("é日\u{301}", "\"é日\u{301}\""),
            ("\u{feff}\u{200b}\u{e000}", r#""\ufeff\u200b\ue000""#),
            ("\u{1f600}\u{10ffff}", "\"\u{1f600}\\U0010ffff\""),
        ] {
            assert_eq!(go_quote(text), quoted);
        }
        assert_eq!(go_json_string("a<\u{1}\n"), r#""a\u003c\u0001\n""#);
    }
}
