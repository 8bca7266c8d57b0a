//! Breaking lines that are too long for where they are shown.

use std::borrow::Cow;

use textwrap::core::display_width;

/// How lines are broken: names and paths stay whole, so that they can be copied.
pub(super) fn fitting(room: usize) -> textwrap::Options<'static> {
    textwrap::Options::new(room).break_words(false).word_splitter(textwrap::WordSplitter::NoHyphenation)
}

/// The columns that a text takes up.
pub(super) fn width(text: &str) -> usize {
    if is_plain(text) { text.len() } else { display_width(text) }
}

/// Whether each byte of a text is a character that takes a column. All are looked at, for these are many at a time.
fn is_plain(text: &str) -> bool {
    text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'))
}

/// The lines of a text in so many columns, each after `indent`. Most texts are one line.
pub(super) fn broken<'t>(text: &'t str, room: usize, indent: &str) -> Vec<Cow<'t, str>> {
    let is_plain = is_plain(text);
    let width = if is_plain { text.len() } else { display_width(text) };
    if indent.len() + width <= room && (is_plain || !text.contains('\n')) {
        let text = text.trim_end_matches(' ');
        let is_bare = indent.is_empty() || text.is_empty();
        return vec![if is_bare { Cow::Borrowed(text) } else { Cow::Owned(format!("{indent}{text}")) }];
    }
    if is_plain && !text.is_empty() {
        return of_columns(text, room, indent);
    }
    textwrap::wrap(text, fitting(room).initial_indent(indent).subsequent_indent(indent))
}

/// As [`textwrap::wrap`], of a text in which each byte takes a column: each line has as many words as fit.
fn of_columns<'t>(text: &'t str, room: usize, indent: &str) -> Vec<Cow<'t, str>> {
    let room = room.saturating_sub(indent.len());
    let line = |line: &'t str| match indent {
        "" => Cow::Borrowed(line),
        _ => Cow::Owned(format!("{indent}{line}")),
    };
    let bytes = text.as_bytes();
    let until = |at: usize, found: fn(&u8) -> bool| {
        at + bytes[at..].iter().position(found).unwrap_or(bytes.len() - at)
    };
    let mut lines = Vec::with_capacity(text.len() / room.max(1) + 1);
    // where the line begins, and where its last word ends
    let (mut start, mut end) = (0, 0);
    let mut word = 0;
    while word < bytes.len() {
        let after = until(word, |byte| *byte == b' ');
        if after - start > room && word > start {
            lines.push(line(&text[start..end]));
            start = word;
        }
        end = after;
        word = until(after, |byte| *byte != b' ');
    }
    lines.push(line(&text[start..end]));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_as_they_always_are() {
        let texts = [
            "",
            "one",
            "two words",
            "trailing  ",
            "a\nb",
            "größer als",
            "開く 開く",
            "a-b-c d",
            "  two before, and two after  ",
            "one-that-is-longer-than-any-line and one more",
            "two  blanks  within",
            "\u{1b}[1mbold",
        ];
        for text in texts {
            for room in 0..24 {
                for indent in ["", "  "] {
                    let expected =
                        textwrap::wrap(text, fitting(room).initial_indent(indent).subsequent_indent(indent));
                    assert_eq!(broken(text, room, indent), expected, "{text:?} in {room} after {indent:?}");
                }
            }
            assert_eq!(width(text), display_width(text), "{text:?}");
        }
    }
}
