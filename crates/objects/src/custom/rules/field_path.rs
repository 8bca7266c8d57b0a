//! `fieldPath` of a rule: a JSON path of fields and map keys (`ValidFieldPath`).

use super::super::schema::{Additional, Schema};

/// The path as it is added to another, and the schema that it leads to.
///
/// # Errors
/// What is wrong with it, in the server's words.
pub(crate) fn field_path<'s>(path: &str, schema: &'s Schema) -> Result<(String, &'s Schema), String> {
    let (mut written, mut at, mut rest) = (String::new(), schema, path);
    while let Some(token) = next(&mut rest) {
        match token {
            "[" => {
                let token = next(&mut rest).ok_or("unexpected end of JSON path")?;
                let inner = token.strip_prefix('\'').and_then(|token| token.strip_suffix('\''));
                let inner = inner.filter(|_| token.len() >= 2);
                let inner = inner.ok_or_else(|| format!("expected single quoted string but got {token}"))?;
                at = step(&unescaped(inner)?, at, &mut written)?;
                match next(&mut rest) {
                    Some("]") => {}
                    Some(other) => return Err(format!("expected ] but got {other}")),
                    None => return Err("unexpected end of JSON path".into()),
                }
            }
            "." => {
                let token = next(&mut rest).ok_or("unexpected end of JSON path")?;
                at = step(token, at, &mut written)?;
            }
            other => return Err(format!("expected [ or . but got: {other}")),
        }
    }
    Ok((written, at))
}

fn step<'s>(name: &str, schema: &'s Schema, written: &mut String) -> Result<&'s Schema, String> {
    let wrong = || "does not refer to a valid field".to_owned();
    if schema.has_properties {
        let property = schema.properties.get(name).ok_or_else(wrong)?;
        if !written.is_empty() {
            written.push('.');
        }
        written.push_str(name);
        return Ok(property);
    }
    match &schema.additional {
        Additional::Schema(additional) => {
            written.push_str(&format!("[{name}]"));
            Ok(additional)
        }
        _ => Err(wrong()),
    }
}

/// The next token: a delimiter, a quoted text, or what stands before one.
fn next<'t>(rest: &mut &'t str) -> Option<&'t str> {
    let text = *rest;
    let end = match text.chars().next()? {
        '.' | '[' | ']' => 1,
        '\'' => {
            let bytes = text.as_bytes();
            let close = (1..bytes.len()).find(|at| bytes[*at] == b'\'' && bytes[at - 1] != b'\\');
            close.map_or(text.len(), |at| at + 1)
        }
        _ => text.find(['.', '[', ']']).unwrap_or(text.len()),
    };
    let (token, after) = text.split_at(end);
    *rest = after;
    Some(token)
}

fn unescaped(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match characters.next() {
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('v') => out.push('\u{b}'),
            Some(same @ ('\'' | '\\')) => out.push(same),
            Some(other) => return Err(format!("invalid string literal: invalid escape char \\{other}")),
            None => out.push('\\'),
        }
    }
    Ok(out)
}
