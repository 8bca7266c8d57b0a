//! Whatever a manifest says, written so that a format shows it and obeys nothing of it.

use crate::finding::readable;

/// Text in Markdown as GitHub and GitLab read it, also in a cell of a table: nothing is markup, a link, a mention or a
/// reference to an issue.
pub(super) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' | '\r' => out.push(' '),
            // the escaped form is still a mention and a reference; a comment within is not
            '@' | '#' | '!' | '$' | '%' if !before.is_alphanumeric() => {
                out.push(c);
                out.push_str("<!-- -->");
            }
            // `https:` with the colon escaped is no link
            ':' if rest.peek() == Some(&'/') => out.push_str("\\:"),
            '.' if out.ends_with("www") => out.push_str("\\."),
            '\\' | '`' | '*' | '_' | '~' | '[' | ']' | '|' => out.extend(['\\', c]),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c => out.push(c),
        }
        before = c;
    }
    out
}

/// Text as code in Markdown, also in a cell of a table.
pub(super) fn markdown_code(text: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    // a backtick at an edge would be one of the fence
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    let text = text.replace('|', "\\|").replace(['\n', '\r'], " ");
    format!("{fence}{space}{text}{space}{fence}")
}

/// Text in XML 1.0, which has no form at all for some characters; what has one is the writer's to escape.
pub(super) fn xml(text: &str) -> String {
    readable(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// The message of a workflow command of GitHub.
pub(super) fn command_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command of GitHub.
pub(super) fn command_property(text: &str) -> String {
    command_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_markdown_nothing_is_obeyed() {
        for (text, expected) in [
            ("container web has no probe", "container web has no probe"),
            ("a|b*c_d`e`", "a\\|b\\*c\\_d\\`e\\`"),
            ("<script>&amp;", "&lt;script&gt;&amp;amp;"),
            ("[a](http://x) ![b](y)", "\\[a\\](http\\://x) !<!-- -->\\[b\\](y)"),
            ("ask @user about #12 in a/b#3", "ask @<!-- -->user about #<!-- -->12 in a/b#3"),
            ("nginx@sha256:00", "nginx@sha256:00"),
            ("see www.example.com\nnow", "see www\\.example.com now"),
        ] {
            assert_eq!(markdown(text), expected);
        }
    }

    #[test]
    fn code_in_markdown_has_a_fence_that_is_long_enough() {
        for (text, expected) in
            [("a.yaml", "`a.yaml`"), ("a`b", "``a`b``"), ("`a``", "``` `a`` ```"), ("a|b", "`a\\|b`")]
        {
            assert_eq!(markdown_code(text), expected);
        }
    }

    #[test]
    fn xml_has_no_control_characters() {
        assert_eq!(xml("a\u{0}\u{1b}[2Jb\nc\u{ffff}"), "a\\u{0}\\u{1b}[2Jb\\u{a}c\u{fffd}");
    }

    #[test]
    fn commands_of_github() {
        assert_eq!(command_data("50%\r\n::error::a,b"), "50%25%0D%0A::error::a,b");
        assert_eq!(command_property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
    }
}
