//! Breaking lines that are too long for where they are shown.

use std::borrow::Cow;

use textwrap::core::display_width;

/// How lines are broken: names and paths stay whole, so that they can be copied.
pub(super) fn fitting(room: usize) -> textwrap::Options<'static> {
    textwrap::Options::new(room).break_words(false).word_splitter(textwrap::WordSplitter::NoHyphenation)
}

/// The columns that a text takes up.
pub(super) fn width(text: &str) -> usize {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) { text.len() } else { display_width(text) }
}

/// The lines of a text in so many columns, each after `indent`. Most texts are one line.
pub(super) fn broken<'t>(text: &'t str, room: usize, indent: &str) -> Vec<Cow<'t, str>> {
    if indent.len() + width(text) <= room && !text.contains('\n') {
        let text = text.trim_end_matches(' ');
        let is_bare = indent.is_empty() || text.is_empty();
        return vec![if is_bare { Cow::Borrowed(text) } else { Cow::Owned(format!("{indent}{text}")) }];
    }
    textwrap::wrap(text, fitting(room).initial_indent(indent).subsequent_indent(indent))
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
