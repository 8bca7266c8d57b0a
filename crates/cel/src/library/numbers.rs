//! Go's `strconv` as CEL's conversions use it: what is accepted as a number, and how one is written.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Why a conversion between numbers, or from text, has no result. Display is cel-go's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// The text is not a number of that type, or is out of its range.
    #[error("type conversion error from 'string' to '{0}'")]
    Text(&'static str),
    /// The number does not fit `int`.
    #[error("integer overflow")]
    Int,
    /// The number does not fit `uint`.
    #[error("unsigned integer overflow")]
    Uint,
    /// The bytes are no UTF-8.
    #[error("invalid UTF-8 in bytes, cannot convert to string")]
    Utf8,
}

/// What `strconv` says about a text it refuses, in full.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("strconv.{function}: parsing {}: {reason}", quote(text))]
pub struct ParseError {
    function: &'static str,
    text: String,
    reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("invalid syntax")]
    Syntax,
    #[error("value out of range")]
    Range,
}

fn digits_of(text: &str, signed: bool) -> Option<&str> {
    let digits = if signed { text.strip_prefix(['+', '-']).unwrap_or(text) } else { text };
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

/// `strconv.ParseInt(text, 10, 64)`: an optional sign and digits, nothing else.
/// `function` is the name that Go's error shows (`ParseInt`, `Atoi`).
///
/// # Errors
/// Syntax, and what is out of range.
pub fn parse_i64(text: &str, function: &'static str) -> Result<i64, ParseError> {
    let fail = |reason| ParseError { function, text: text.to_owned(), reason };
    digits_of(text, true).ok_or_else(|| fail(Reason::Syntax))?;
    text.parse().map_err(|_| fail(Reason::Range))
}

/// `strconv.ParseUint(text, 10, 64)`: digits without a sign.
///
/// # Errors
/// Syntax, and what is out of range.
pub fn parse_u64(text: &str) -> Result<u64, ParseError> {
    let fail = |reason| ParseError { function: "ParseUint", text: text.to_owned(), reason };
    digits_of(text, false).ok_or_else(|| fail(Reason::Syntax))?.parse().map_err(|_| fail(Reason::Range))
}

/// `int(string)`.
///
/// # Errors
/// What `parse_i64` refuses.
pub fn int_from_text(text: &str) -> Result<i64, NumberError> {
    parse_i64(text, "ParseInt").map_err(|_| NumberError::Text("int"))
}

/// `uint(string)`.
///
/// # Errors
/// What `parse_u64` refuses.
pub fn uint_from_text(text: &str) -> Result<u64, NumberError> {
    parse_u64(text).map_err(|_| NumberError::Text("uint"))
}

/// `bool(string)`: the twelve spellings of `strconv.ParseBool`.
///
/// # Errors
/// Any other text.
pub fn bool_from_text(text: &str) -> Result<bool, NumberError> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(NumberError::Text("bool")),
    }
}

/// `double(string)`: decimal and hexadecimal, `inf` and `nan` in any case, `_` between digits.
/// What rounds to infinity is refused.
///
/// # Errors
/// Any other text.
pub fn double_from_text(text: &str) -> Result<f64, NumberError> {
    parse_f64(text).ok_or(NumberError::Text("double"))
}

/// `string(bytes)`.
///
/// # Errors
/// Bytes that are not UTF-8.
pub fn text_from_bytes(bytes: &[u8]) -> Result<&str, NumberError> {
    std::str::from_utf8(bytes).map_err(|_| NumberError::Utf8)
}

/// `int(double)`: towards zero. The smallest integer itself is refused too, as cel-go does.
///
/// # Errors
/// What is out of range, and what is no number.
pub fn int_from_double(value: f64) -> Result<i64, NumberError> {
    // false for NaN
    let fits = value > -9_223_372_036_854_775_808.0 && value < 9_223_372_036_854_775_808.0;
    if fits { Ok(value as i64) } else { Err(NumberError::Int) }
}

/// `int(uint)`.
///
/// # Errors
/// What is out of range.
pub fn int_from_uint(value: u64) -> Result<i64, NumberError> {
    i64::try_from(value).map_err(|_| NumberError::Int)
}

/// `uint(double)`: towards zero, and nothing negative, not even `-0.5`.
///
/// # Errors
/// What is out of range, and what is no number.
pub fn uint_from_double(value: f64) -> Result<u64, NumberError> {
    let fits = (0.0..18_446_744_073_709_551_616.0).contains(&value);
    if fits { Ok(value as u64) } else { Err(NumberError::Uint) }
}

/// `uint(int)`.
///
/// # Errors
/// A negative number.
pub fn uint_from_int(value: i64) -> Result<u64, NumberError> {
    u64::try_from(value).map_err(|_| NumberError::Uint)
}

/// `string(double)`: Go's `%g`: shortest digits that read back, with an exponent below `1e-4` and from
/// `1e+06` on.
pub fn double_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    let scientific = shortest(value);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) { format!("{value}") } else { exponent_form(mantissa, exponent) }
}

/// The shortest digits that give the value back. Where two are as near, Go takes the even one and Rust the higher.
fn shortest(value: f64) -> String {
    let text = format!("{value:e}");
    let digits = text.split('e').next().unwrap_or_default().bytes().filter(u8::is_ascii_digit).count();
    let even = format!("{value:.*e}", digits.saturating_sub(1));
    if even.parse() == Ok(value) { even } else { text }
}

/// A mantissa and an exponent of at least two digits with its sign, `1e+06`.
pub(super) fn exponent_form(mantissa: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// `strconv.ParseFloat(text, 64)`; `None` for what it refuses, out of range included.
pub fn parse_f64(text: &str) -> Option<f64> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'+' => (false, &text[1..]),
        b'-' => (true, &text[1..]),
        _ => (false, text),
    };
    let infinite = |word: &str| unsigned.eq_ignore_ascii_case(word);
    if infinite("inf") || infinite("infinity") {
        return Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    if text.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    let plain: Cow<'_, str> = if unsigned.contains('_') {
        underscores_separate_digits(unsigned).then(|| unsigned.replace('_', "").into())?
    } else {
        unsigned.into()
    };
    let value = match plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        Some(hexadecimal) => parse_hexadecimal(hexadecimal)?,
        // a sign here would be a second one, and the words are done with
        None if plain.starts_with(|first: char| first.is_ascii_digit() || first == '.') => {
            plain.parse().ok()?
        }
        None => return None,
    };
    (value.is_finite()).then_some(if negative { -value } else { value })
}

/// Go's rule for `_`: between digits, or between a base prefix and a digit.
fn underscores_separate_digits(unsigned: &str) -> bool {
    let bytes = unsigned.as_bytes();
    let prefixed = bytes.len() >= 2 && bytes[0] == b'0' && b"bBoOxX".contains(&bytes[1]);
    let hexadecimal = prefixed && bytes[1].eq_ignore_ascii_case(&b'x');
    // '^' at the start, '0' after a digit, '_' after an underscore, '!' after anything else
    let mut last = if prefixed { b'0' } else { b'^' };
    for byte in &bytes[if prefixed { 2 } else { 0 }..] {
        let digit = byte.is_ascii_digit() || hexadecimal && byte.is_ascii_hexdigit();
        last = match (digit, *byte) {
            (true, _) => b'0',
            (false, b'_') if last != b'0' => return false,
            (false, b'_') => b'_',
            (false, _) if last == b'_' => return false,
            (false, _) => b'!',
        };
    }
    last != b'_'
}

/// Hexadecimal digits with an optional point and a `p` exponent, rounded to nearest, ties to even.
fn parse_hexadecimal(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once(['p', 'P'])?;
    digits_of(exponent, true)?;
    let exponent: i64 =
        exponent.parse().unwrap_or(if exponent.starts_with('-') { -1 << 40 } else { 1 << 40 });
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.len() + fraction.len() == 0 {
        return None;
    }
    let (mut mantissa, mut scale, mut sticky) = (0_u64, 0_i64, false);
    for (index, digit) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = u64::from(digit.to_digit(16)?);
        if index >= whole.len() {
            scale -= 4;
        }
        if mantissa >> 58 == 0 {
            mantissa = mantissa << 4 | digit;
        } else {
            sticky |= digit != 0;
            scale += 4;
        }
    }
    let scale = exponent.clamp(-1 << 40, 1 << 40) + scale;
    Some(round_to_double(mantissa, scale, sticky))
}

/// `mantissa · 2^scale` as a double; `sticky` says that something non-zero follows below.
fn round_to_double(mantissa: u64, scale: i64, sticky: bool) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let top = scale + i64::from(63 - mantissa.leading_zeros());
    if top > 1023 {
        return f64::INFINITY;
    }
    // the weight of the last bit that the result can hold
    let lowest = (top - 52).max(-1074);
    let drop = lowest - scale;
    let kept = if drop <= 0 {
        mantissa << drop.unsigned_abs().min(63)
    } else if drop > 64 {
        0
    } else {
        let wide = u128::from(mantissa);
        let rest = wide & ((1_u128 << drop) - 1);
        let half = 1_u128 << (drop - 1);
        let kept = (wide >> drop) as u64;
        let up = rest > half || rest == half && (sticky || kept & 1 == 1);
        kept + u64::from(up)
    };
    // exact: at most 53 bits, scaled in two steps that do not round
    let step = |weight: i64| f64::from_bits(((weight + 1023) as u64) << 52);
    if lowest >= -1022 { kept as f64 * step(lowest) } else { kept as f64 * step(-1022) * step(lowest + 1022) }
}

/// Go's `strconv.Quote`: double quotes, C escapes, printable Unicode as it is.
pub fn quote(text: &str) -> String {
    quote_bytes(text.as_bytes())
}

/// The same of bytes that need not be UTF-8; those that are not are written `\xff`.
pub(super) fn quote_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        quote_into(&mut out, chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

fn quote_into(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            printable if is_print(printable) => out.push(printable),
            low if (low as u32) < 0x20 || low == '\x7f' => {
                let _ = write!(out, "\\x{:02x}", low as u32);
            }
            wide if (wide as u32) < 0x1_0000 => {
                let _ = write!(out, "\\u{:04x}", wide as u32);
            }
            wide => {
                let _ = write!(out, "\\U{:08x}", wide as u32);
            }
        }
    }
}

/// Go's `unicode.IsPrint`, in so far as Rust's standard library tells: what `{:?}` leaves alone, and
/// combining marks, which it escapes.
fn is_print(character: char) -> bool {
    if character.is_ascii() {
        return (' '..='~').contains(&character);
    }
    let mut escaped = character.escape_debug();
    escaped.next() == Some(character) || is_combining(character)
}

fn is_combining(character: char) -> bool {
    // a grapheme extender is escaped by Rust only when it stands alone
    !character.is_control() && !character.is_whitespace() && {
        let text: String = ['a', character].iter().collect();
        text.escape_debug().eq(text.chars())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn doubles_as_text() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (100_000.0, "100000"),
            (1e20, "1e+20"),
            (123_456_789.0, "1.23456789e+08"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::MAX, "1.7976931348623157e+308"),
        ] {
            assert_eq!(double_text(value), text);
        }
    }

    #[test]
    fn doubles_from_text() {
        for (text, value) in [
            ("0x1p-2", Some(0.25)),
            ("0x1.8p1", Some(3.0)),
            ("-0X_1.fp+0", Some(-1.9375)),
            ("0x1p-1074", Some(5e-324)),
            ("0x1p-1075", Some(0.0)),
            ("0x1.8p-1075", Some(5e-324)),
            ("0x1.fffffffffffff7p1023", Some(f64::MAX)),
            ("0x1.fffffffffffff8p1023", None),
            ("0x1.00000000000008p0", Some(1.0)),
            ("0x1.000000000000080000000000000001p0", Some(1.0000000000000002)),
            ("0x1", None),
            ("0xp1", None),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("1_0.5_0", Some(10.5)),
            ("1_.5", None),
            ("+iNf", Some(f64::INFINITY)),
            ("+nan", None),
            ("1e309", None),
            ("1e-400", Some(0.0)),
            ("--1", None),
            (".", None),
            ("", None),
            ("٣", None),
        ] {
            assert_eq!(parse_f64(text), value, "{text}");
        }
        assert!(parse_f64("NaN").unwrap().is_nan());
    }

    #[test]
    fn ranges() {
        assert_eq!(int_from_double(-9.223_372_036_854_775e18), Ok(-9_223_372_036_854_774_784));
        assert_eq!(int_from_double(-9_223_372_036_854_775_808.0), Err(NumberError::Int));
        assert_eq!(int_from_double(f64::NAN), Err(NumberError::Int));
        assert_eq!(uint_from_double(-0.0), Ok(0));
        assert_eq!(uint_from_double(1.844_674_407_370_955_2e19), Err(NumberError::Uint));
        assert_eq!(uint_from_text("+1"), Err(NumberError::Text("uint")));
        assert_eq!(int_from_text("+1"), Ok(1));
        assert_eq!(
            parse_i64("1\"x", "Atoi").unwrap_err().to_string(),
            "strconv.Atoi: parsing \"1\\\"x\": invalid syntax"
        );
        assert_eq!(
            parse_u64("18446744073709551616").unwrap_err().to_string(),
            "strconv.ParseUint: parsing \"18446744073709551616\": value out of range"
        );
    }

    #[test]
    fn quoting() {
        for (text, quoted) in [
            ("a\"b\\", r#""a\"b\\""#),
            ("é😀", "\"é😀\""),
            ("\u{1}\u{7f}\u{a0}\u{200b}", r#""\x01\x7f\u00a0\u200b""#),
            ("e\u{301}", "\"e\u{301}\""),
            ("\u{10ffff}", r#""\U0010ffff""#),
        ] {
            assert_eq!(quote(text), quoted);
        }
    }
}
