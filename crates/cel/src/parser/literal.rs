//! What literals stand for; the lexer has already vouched for their shape.

/// Why a literal has no value, in cel-go's words.
pub(super) type Wrong = &'static str;

const UNESCAPABLE: Wrong = "unable to unescape string";
const NO_CODE_POINT: Wrong = "invalid unicode code point";

pub(super) fn int(text: &str, negative: bool) -> Result<i64, Wrong> {
    let (digits, radix) = text.strip_prefix("0x").map_or((text, 10), |hex| (hex, 16));
    let magnitude = u64::from_str_radix(digits, radix).map_err(|_| "invalid int literal")?;
    let value = if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() };
    value.ok_or("invalid int literal")
}

pub(super) fn uint(text: &str) -> Result<u64, Wrong> {
    let text = &text[..text.len() - 1];
    let (digits, radix) = text.strip_prefix("0x").map_or((text, 10), |hex| (hex, 16));
    u64::from_str_radix(digits, radix).map_err(|_| "invalid uint literal")
}

/// A literal too large is an error, one too small is zero.
pub(super) fn double(text: &str, negative: bool) -> Result<f64, Wrong> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(if negative { -value } else { value }),
        _ => Err("invalid double literal"),
    }
}

pub(super) fn string(text: &str) -> Result<String, Wrong> {
    let (body, raw) = body(text);
    let body = normalize_newlines(body);
    if raw || !body.contains('\\') {
        return Ok(body);
    }
    let mut value = String::with_capacity(body.len());
    let mut rest = body.as_str();
    while let Some((plain, escaped)) = rest.split_once('\\') {
        value.push_str(plain);
        let (escape, length) = escape(escaped)?;
        value.push(match escape {
            Escape::Char(c) => c,
            Escape::Number(code) | Escape::Unicode(code) => char::from_u32(code).ok_or(NO_CODE_POINT)?,
        });
        rest = &escaped[length..];
    }
    value.push_str(rest);
    Ok(value)
}

/// Hexadecimal and octal escapes are bytes here, and there are no Unicode escapes.
pub(super) fn bytes(text: &str) -> Result<Vec<u8>, Wrong> {
    let (body, raw) = body(text);
    let body = normalize_newlines(body);
    if raw {
        return Ok(body.into_bytes());
    }
    let mut value = Vec::with_capacity(body.len());
    let mut rest = body.as_str();
    while let Some((plain, escaped)) = rest.split_once('\\') {
        value.extend_from_slice(plain.as_bytes());
        let (escape, length) = escape(escaped)?;
        match escape {
            Escape::Char(c) => value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Escape::Number(code) => value.push(u8::try_from(code).map_err(|_| UNESCAPABLE)?),
            Escape::Unicode(_) => return Err(UNESCAPABLE),
        }
        rest = &escaped[length..];
    }
    value.extend_from_slice(rest.as_bytes());
    Ok(value)
}

/// The text between the quotes, and whether backslashes are only backslashes.
fn body(text: &str) -> (&str, bool) {
    let unprefixed = text.strip_prefix(['r', 'R']);
    let quoted = unprefixed.unwrap_or(text);
    let quotes =
        if quoted.len() >= 6 && (quoted.starts_with("\"\"\"") || quoted.starts_with("'''")) { 3 } else { 1 };
    (&quoted[quotes..quoted.len() - quotes], unprefixed.is_some())
}

fn normalize_newlines(text: &str) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.to_owned() }
}

enum Escape {
    Char(char),
    /// `\x` or octal.
    Number(u32),
    /// `\u` or `\U`.
    Unicode(u32),
}

/// The escape after a backslash, and how many bytes it takes.
fn escape(text: &str) -> Result<(Escape, usize), Wrong> {
    let digits = |from: usize, count: usize, radix: u32| {
        let digits = text.get(from..from + count).ok_or(UNESCAPABLE)?;
        u32::from_str_radix(digits, radix).map_err(|_| UNESCAPABLE)
    };
    Ok(match text.as_bytes().first() {
        Some(b'a') => (Escape::Char('\x07'), 1),
        Some(b'b') => (Escape::Char('\x08'), 1),
        Some(b'f') => (Escape::Char('\x0c'), 1),
        Some(b'n') => (Escape::Char('\n'), 1),
        Some(b'r') => (Escape::Char('\r'), 1),
        Some(b't') => (Escape::Char('\t'), 1),
        Some(b'v') => (Escape::Char('\x0b'), 1),
        Some(c @ (b'\\' | b'\'' | b'"' | b'`' | b'?')) => (Escape::Char(char::from(*c)), 1),
        Some(b'x' | b'X') => (Escape::Number(digits(1, 2, 16)?), 3),
        Some(b'u') => (Escape::Unicode(digits(1, 4, 16)?), 5),
        Some(b'U') => (Escape::Unicode(digits(1, 8, 16)?), 9),
        Some(b'0'..=b'3') => (Escape::Number(digits(0, 3, 8)?), 3),
        _ => return Err(UNESCAPABLE),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_ranges() {
        assert_eq!(int("9223372036854775807", false), Ok(i64::MAX));
        assert_eq!(int("9223372036854775808", true), Ok(i64::MIN));
        assert_eq!(int("9223372036854775808", false), Err("invalid int literal"));
        assert_eq!(int("0x8000000000000001", true), Err("invalid int literal"));
        assert_eq!(uint("0xffffffffffffffffu"), Ok(u64::MAX));
        assert_eq!(uint("18446744073709551616U"), Err("invalid uint literal"));
        assert_eq!(double("1e309", false), Err("invalid double literal"));
        assert_eq!(double("1e-400", false), Ok(0.0));
        assert!(double("0.0", true).unwrap().is_sign_negative());
    }

    #[test]
    fn strings_and_bytes_differ_in_their_escapes() {
        for (text, expected) in [
            (r#""a\x41\101\u00e9\U0001F600\n\?""#, Ok("aAA\u{e9}\u{1f600}\n?")),
            (r#"r"\n""#, Ok("\\n")),
            ("'''a\r\nb\rc'''", Ok("a\nb\nc")),
            (r#""\xff""#, Ok("\u{ff}")),
            (r#""\ud800""#, Err(NO_CODE_POINT)),
            (r#""""#, Ok("")),
        ] {
            assert_eq!(string(text).as_deref(), expected.as_ref().copied(), "{text}");
        }
        for (text, expected) in [
            (r#""\xff\377é""#, Ok(&b"\xff\xff\xc3\xa9"[..])),
            (r#""\u00e9""#, Err(UNESCAPABLE)),
            (r#"r"\xff""#, Ok(&b"\\xff"[..])),
        ] {
            assert_eq!(bytes(text).as_deref(), expected.as_ref().copied(), "{text}");
        }
    }
}
