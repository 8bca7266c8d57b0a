//! Text that goes to somebody's terminal, without what a terminal obeys.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with control characters, direction marks and other invisible breaks escaped as in `\u{1b}`: values of objects
/// are quoted in messages, and may otherwise clear the screen, retitle the window or show text in another order.
#[must_use]
pub fn readable(text: &str) -> Cow<'_, str> {
    // many bytes at a time
    let are_plain = |bytes: &[u8]| bytes.iter().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'));
    if text.as_bytes().chunks(32).all(are_plain) || !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_obeyed(c) {
            let _ = write!(shown, "{}", c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Control characters (C0, DEL, C1), line and paragraph separators, the byte order mark, and the marks, embeddings,
/// overrides and isolates of the bidirectional algorithm (UAX 9).
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_nothing_else() {
        for (text, expected) in [
            ("größer 開く 😀 שלום a\\b \"q\"", "größer 開く 😀 שלום a\\b \"q\""),
            ("\u{1b}[2J\u{7}open", "\\u{1b}[2J\\u{7}open"),
            ("a\tb\nc\r", "a\\u{9}b\\u{a}c\\u{d}"),
            ("\u{7f}\u{9b}31m", "\\u{7f}\\u{9b}31m"),
            ("user\u{202e}nimda\u{2066}x\u{2069}", "user\\u{202e}nimda\\u{2066}x\\u{2069}"),
            ("a\u{200f}b\u{61c}c\u{2028}d\u{feff}", "a\\u{200f}b\\u{61c}c\\u{2028}d\\u{feff}"),
            // joins letters of some scripts and emoji
            ("a\u{200d}b", "a\u{200d}b"),
            ("", ""),
        ] {
            assert_eq!(readable(text), expected);
        }
    }
}
