//! Telling a template from a broken manifest.
//!
//! A Helm template is not YAML, and that is no mistake of whoever wrote it. But a manifest may hold
//! template text as well, in a quoted string or a block scalar, and may be broken elsewhere. So a marker
//! counts where YAML would read it: outside of block scalars, on a line of its own or as an unquoted value,
//! and not behind the place where reading stopped.

/// What opens template code: Go templates (Helm), Jinja, ERB.
const MARKERS: [&str; 3] = ["{{", "{%", "<%"];

/// Whether a text that cannot be read as YAML, because of something at byte `stopped`, is a template.
#[must_use]
pub fn is_template(text: &str, stopped: usize) -> bool {
    let mut block: Option<usize> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        if start > stopped {
            return false;
        }
        let body = line.trim();
        let indent = line.len() - line.trim_start_matches(' ').len();
        if let Some(outer) = block {
            if body.is_empty() || indent > outer {
                // Template code at the start of a line stands for lines of its own, wherever it is.
                if !(start..at).contains(&stopped) || !has_marker(body) {
                    continue;
                }
                return true;
            }
            block = None;
        }
        if is_marked(body) || (start..at).contains(&stopped) && begins_with_name(body) {
            return true;
        }
        if opens_block(body) {
            block = Some(indent);
        }
    }
    false
}

/// Whether the value of a line begins with a name that a script replaces, where YAML has no value that begins so: `@NAME@`
/// and `%NAME%`, and `{NAME}` with more behind it.
fn begins_with_name(line: &str) -> bool {
    let value = line.trim_start_matches("- ");
    let value = value.split_once(": ").map_or(value, |(_, value)| value).trim_start();
    let name = |rest: &'_ str| {
        let length = rest.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
        length.filter(|length| *length > 0).map(|length| rest[length..].to_owned())
    };
    let behind = |open: char| value.strip_prefix(open).and_then(name);
    let fenced = |fence: char| behind(fence).is_some_and(|behind| behind.starts_with(fence));
    let mut behind_brace =
        behind('{').and_then(|behind| behind.strip_prefix('}')?.chars().next()).into_iter();
    fenced('@') || fenced('%') || behind_brace.any(|c| !c.is_whitespace() && !matches!(c, ',' | ']' | '}'))
}

/// Whether there is template code anywhere in a text.
pub(super) fn has_marker(text: &str) -> bool {
    MARKERS.iter().any(|marker| text.contains(marker))
}

/// A line that is template code, or has some outside of quotes.
fn is_marked(line: &str) -> bool {
    if line.starts_with('#') {
        return false;
    }
    let first = MARKERS.iter().filter_map(|marker| line.find(marker)).min();
    first.is_some_and(|at| {
        let quotes = |quote: char| line[..at].matches(quote).count();
        quotes('"') % 2 == 0 && quotes('\'') % 2 == 0
    })
}

/// Whether a block scalar begins at the end of the line.
fn opens_block(line: &str) -> bool {
    let line = line.split(" #").next().unwrap_or(line).trim_end();
    let header = line.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
    let Some(before) = header.strip_suffix(['|', '>']) else { return false };
    before.ends_with([' ', '\t']) && before.trim_end().ends_with([':', '-', '?']) || before.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_told_from_mistakes() {
        let end = usize::MAX;
        for (text, expected) in [
            ("{{- if .Values.x }}\nkind: X\n{{- end }}\n", true),
            ("kind: X\nname: {{ .Release.Name }}\n", true),
            ("kind: X\nname: {{ .Values.x }}-{{ quote \"a\" }}\n", true),
            ("{% for x in y %}\n- a\n{% endfor %}\n", true),
            ("<% if x %>\n", true),
            ("kind: X\nname: [\n", false),
            ("kind: X\ndata:\n  a: |\n    {{ x }}\n  b: [\n", false),
            ("kind: X\na: \"{{ x }}\"\nb: [\n", false),
            ("# {{ x }}\na: [\n", false),
            ("a: |-\n  {{ x }}\n{{- end }}\n", true),
        ] {
            assert_eq!(is_template(text, end), expected, "{text}");
        }
        for (text, stopped, expected) in [
            ("a: b\nname: @NAME@\n", 11, true),
            ("- @NAME_2@-web\n", 2, true),
            ("a: %NAME%\n", 3, true),
            ("a: {PREFIX}.16\n", 11, true),
            // what stopped the reader is elsewhere
            ("b: [\na: {PREFIX}.16\n", 3, false),
            ("a: {PREFIX}\n", 10, false),
            ("a: {PREFIX}, b\n", 11, false),
            ("a: {x}.16\n", 6, false),
            ("a: @NAME\n", 3, false),
            ("a: @@\n", 3, false),
            ("a: %\n", 3, false),
        ] {
            assert_eq!(is_template(text, stopped), expected, "{text}");
        }
        let late = "a: b: c\nx: {{ y }}\n";
        assert!(!is_template(late, 4), "what comes behind the mistake did not make it");
        assert!(is_template("a: |\n  b\n  {{- if }}\n", 10));
    }
}
