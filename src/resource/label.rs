//! What may be a label (`k8s.io/apimachinery/pkg/util/validation`).

/// The longest prefix of a key, a DNS subdomain.
const MAX_PREFIX: usize = 253;
/// The longest name, and the longest value.
const MAX_NAME: usize = 63;

/// Whether a label or annotation may have this key: `[prefix/]name` (`IsQualifiedName`).
#[must_use]
pub fn is_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_name(name),
        None => is_name(key),
    }
}

/// Whether a label may have this value: nothing, or what a name may be (`IsValidLabelValue`).
#[must_use]
pub fn is_value(value: &str) -> bool {
    value.is_empty() || is_name(value)
}

/// Letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
fn is_name(name: &str) -> bool {
    let ends = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let bytes = name.as_bytes();
    name.len() <= MAX_NAME && ends(bytes.first()) && ends(bytes.last()) && name.bytes().all(inner)
}

/// Labels of lower-case letters, digits and `-`, joined by dots (RFC 1123).
fn is_subdomain(name: &str) -> bool {
    let letter = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() <= MAX_PREFIX
        && name.split('.').all(|label| {
            let bytes = label.as_bytes();
            bytes.first().is_some_and(letter)
                && bytes.last().is_some_and(letter)
                && bytes.iter().all(|b| letter(b) || *b == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let (name, prefix) = ("n".repeat(63), ["p"; 127].join("."));
        for (key, good) in [
            ("app", true),
            ("app.kubernetes.io/name", true),
            ("A_b.c-1", true),
            ("1", true),
            ("x/", false),
            ("/x", false),
            ("", false),
            ("-a", false),
            ("a-", false),
            ("a b", false),
            ("a/b/c", false),
            ("Example.com/a", false),
            ("a..b/c", false),
            ("-a.b/c", false),
            (&name, true),
            (&format!("{name}n"), false),
            (&format!("{prefix}/a"), true),
            (&format!("{prefix}.p/a"), false),
            ("ä", false),
        ] {
            assert_eq!(is_key(key), good, "{key}");
        }
    }

    #[test]
    fn values() {
        for (value, good) in
            [("", true), ("a", true), ("A.b_c-1", true), ("a/b", false), ("-", false), ("a ", false)]
        {
            assert_eq!(is_value(value), good, "{value}");
        }
        assert!(is_value(&"v".repeat(63)) && !is_value(&"v".repeat(64)));
    }
}
