//! PEM as Go's `encoding/pem` finds it: whole blocks, whatever stands around them.

/// The types of the blocks in a text, in order (`CERTIFICATE`, `RSA PRIVATE KEY`).
pub(crate) fn block_types(text: &str) -> Vec<&str> {
    let mut types = Vec::new();
    let mut open: Option<(&str, bool)> = None;
    for line in text.split('\n').map(|line| line.trim_end_matches(['\r', ' ', '\t'])) {
        if let Some(kind) = between(line, "-----BEGIN ") {
            open = Some((kind, true));
        } else if let Some(kind) = between(line, "-----END ") {
            if let Some((begun, true)) = open.take()
                && begun == kind
            {
                types.push(kind);
            }
        } else if let Some((_, sound)) = &mut open {
            *sound &= is_body(line);
        }
    }
    types
}

fn between<'t>(line: &'t str, start: &str) -> Option<&'t str> {
    line.strip_prefix(start)?.strip_suffix("-----")
}

/// A line of base64, or a header.
fn is_body(line: &str) -> bool {
    line.contains(": ")
        || line.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_whole_blocks() {
        let block =
            |kind: &str, body: &str| format!("-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n");
        for (text, types) in [
            (String::new(), vec![]),
            ("a".to_owned(), vec![]),
            (block("CERTIFICATE", "YWJj"), vec!["CERTIFICATE"]),
            (format!("x\n{}{}", block("A", "YQ=="), block("B C", "a: b\n\nYQ==")), vec!["A", "B C"]),
            (block("CERTIFICATE", "not base64!"), vec![]),
            ("-----BEGIN A-----\nYQ==\n-----END B-----\n".to_owned(), vec![]),
            ("-----BEGIN A-----\nYQ==\n".to_owned(), vec![]),
        ] {
            assert_eq!(block_types(&text), types, "{text}");
        }
    }
}
