//! What a YAML scalar means: YAML 1.1 as sigs.k8s.io/yaml (go-yaml v2) reads it, and then as JSON.
//!
//! kubectl turns YAML into Go values, those into JSON text, and reads that again. So a scalar passes two
//! doors: [`resolve`] gives the Go value, [`Resolved::to_json`] what is left of it behind the second door
//! (`1.0` is the integer 1 by then, 2^63 a float), and [`Resolved::to_key`] what becomes of it as a key.
//! Every rule here was measured with kubectl 1.32; the table in the tests is the one of `specs/yaml.md`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// How a scalar is written: decides whether its text is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Without quotes or tag: resolved by what it looks like.
    Plain,
    /// Quoted, or a block scalar: a string.
    Quoted,
    /// With a tag of the YAML core that asks for a type.
    Tagged(CoreTag),
    /// With `!!binary`.
    Binary,
    /// With any other tag: a string, whatever it looks like.
    ForeignTag,
}

/// The tags that go-yaml checks a scalar against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoreTag {
    /// `!!str`
    Str,
    /// `!!bool`
    Bool,
    /// `!!int`
    Int,
    /// `!!float`
    Float,
    /// `!!null`
    Null,
    /// `!!timestamp`
    Timestamp,
}

impl CoreTag {
    /// The tag of this suffix behind `tag:yaml.org,2002:`.
    #[must_use]
    pub fn of(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "str" => Self::Str,
            "bool" => Self::Bool,
            "int" => Self::Int,
            "float" => Self::Float,
            "null" => Self::Null,
            "timestamp" => Self::Timestamp,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Str => "!!str",
            Self::Bool => "!!bool",
            Self::Int => "!!int",
            Self::Float => "!!float",
            Self::Null => "!!null",
            Self::Timestamp => "!!timestamp",
        }
    }
}

/// A scalar that kubectl refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScalarError {
    /// The tag asks for another type than the text has.
    #[error("cannot read {found} as {wanted}")]
    WrongTag {
        /// What the text looks like.
        found: &'static str,
        /// What the tag asks for.
        wanted: &'static str,
    },
    /// `.inf` or `.nan`, for which JSON has no number.
    #[error("{name} cannot be written in JSON")]
    NotJson {
        /// Which of them.
        name: &'static str,
    },
    /// `!!binary` that is not base64.
    #[error("!!binary is not valid base64")]
    Base64,
    /// A key that is null, as an empty one is.
    #[error("a key must not be null")]
    NullKey,
    /// A key that is a number beyond 64 bits with a sign.
    #[error("an integer this large cannot be a key")]
    HugeKey,
}

/// A scalar as go-yaml resolves it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolved {
    /// `null`, `~` and the like, and nothing at all.
    Null,
    /// A boolean, also from `yes`, `on`, `n`.
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// An integer that needs the 64th bit for its value.
    Uint(u64),
    /// A number with a point or an exponent, or too large for the two above; also infinite, or none at all.
    Float(f64),
    /// A string: the text as it stands.
    String,
}

/// A scalar as it comes out of JSON again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum JsonScalar {
    /// `null`
    Null,
    /// A boolean.
    Bool(bool),
    /// A number that is an integer of 64 bits when written down.
    Int(i64),
    /// Every other number.
    Float(f64),
    /// The text as it stands.
    String,
}

impl Resolved {
    /// The value that is left once it was written as JSON and read again.
    ///
    /// # Errors
    /// When it is infinite or not a number.
    pub fn to_json(self) -> Result<JsonScalar, ScalarError> {
        Ok(match self {
            Self::Null => JsonScalar::Null,
            Self::Bool(value) => JsonScalar::Bool(value),
            Self::Int(value) => JsonScalar::Int(value),
            #[expect(clippy::cast_precision_loss, reason = "as Kubernetes reads large integers")]
            Self::Uint(value) => JsonScalar::Float(value as f64),
            Self::Float(value) => number(value)?,
            Self::String => JsonScalar::String,
        })
    }

    /// The key that it becomes (sigs.k8s.io/yaml, `convertToJSONableObject`); floats are rounded to 32 bits.
    ///
    /// # Errors
    /// When it is null, or an integer above `i64`.
    pub fn to_key(self, text: &str) -> Result<Cow<'_, str>, ScalarError> {
        Ok(match self {
            Self::Null => return Err(ScalarError::NullKey),
            Self::Uint(_) => return Err(ScalarError::HugeKey),
            Self::Bool(true) => Cow::Borrowed("true"),
            Self::Bool(false) => Cow::Borrowed("false"),
            Self::Int(value) => Cow::Owned(value.to_string()),
            Self::Float(value) => Cow::Owned(float_key(value)),
            Self::String => Cow::Borrowed(text),
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int(_) | Self::Uint(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::String => "!!str",
        }
    }
}

/// A JSON number as Kubernetes keeps it: an integer when its shortest decimal form, which is how Go
/// writes it, is an integer of 64 bits.
///
/// # Errors
/// When it is infinite or not a number.
pub fn number(value: f64) -> Result<JsonScalar, ScalarError> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if !value.is_finite() {
        let name = match value {
            v if v.is_nan() => ".nan",
            v if v > 0.0 => ".inf",
            _ => "-.inf",
        };
        return Err(ScalarError::NotJson { name });
    }
    if value.fract() != 0.0 || value.abs() >= 1e19 {
        return Ok(JsonScalar::Float(value));
    }
    #[expect(clippy::cast_possible_truncation, reason = "integral and small enough")]
    if value.abs() <= EXACT {
        return Ok(JsonScalar::Int(value as i64));
    }
    Ok(format!("{value}").parse().map_or(JsonScalar::Float(value), JsonScalar::Int))
}

/// What a scalar of this text is. For `!!binary` see [`binary`].
///
/// # Errors
/// When the tag asks for another type.
pub fn resolve(written: Written, text: &str) -> Result<Resolved, ScalarError> {
    let tag = match written {
        Written::Plain => return Ok(plain(text)),
        Written::Quoted | Written::Binary | Written::ForeignTag | Written::Tagged(CoreTag::Str) => {
            return Ok(Resolved::String);
        }
        Written::Tagged(tag) => tag,
    };
    let found = plain(text);
    match (tag, found) {
        (CoreTag::Bool, Resolved::Bool(_))
        | (CoreTag::Int, Resolved::Int(_) | Resolved::Uint(_))
        | (CoreTag::Float, Resolved::Float(_))
        | (CoreTag::Null, Resolved::Null) => Ok(found),
        #[expect(clippy::cast_precision_loss, reason = "as go-yaml converts")]
        (CoreTag::Float, Resolved::Int(value)) => Ok(Resolved::Float(value as f64)),
        (CoreTag::Timestamp, Resolved::String) if is_timestamp(text) => Ok(found),
        _ => Err(ScalarError::WrongTag { found: found.name(), wanted: tag.name() }),
    }
}

/// The text that `!!binary` holds.
///
/// # Errors
/// When it is not base64.
pub fn binary(text: &str) -> Result<String, ScalarError> {
    /// Go's `StdEncoding`: padding is required, stray bits at the end are not looked at.
    const GO: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
    );
    let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let bytes = GO.decode(text).map_err(|_| ScalarError::Base64)?;
    Ok(go_utf8(&bytes))
}

/// Bytes as Go writes them into JSON: each byte that is no UTF-8 becomes U+FFFD.
fn go_utf8(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    out
}

/// Whether a plain scalar of this text can be anything but a string, by its first byte.
#[must_use]
pub fn may_resolve(text: &str) -> bool {
    text.as_bytes().first().is_none_or(|b| {
        b.is_ascii_digit()
            || matches!(
                b,
                b'+' | b'-'
                    | b'.'
                    | b'~'
                    | b'y'
                    | b'Y'
                    | b'n'
                    | b'N'
                    | b't'
                    | b'T'
                    | b'f'
                    | b'F'
                    | b'o'
                    | b'O'
            )
    })
}

fn plain(text: &str) -> Resolved {
    if !may_resolve(text) {
        return Resolved::String;
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Resolved::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Resolved::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Resolved::Float(f64::NEG_INFINITY),
        _ => match text.as_bytes()[0] {
            b'.' => point_float(text).map_or(Resolved::String, Resolved::Float),
            b'+' | b'-' | b'0'..=b'9' => numeric(text),
            _ => Resolved::String,
        },
    }
}

/// A text that starts with a sign or a digit. Underscores are taken out wherever they stand.
fn numeric(text: &str) -> Resolved {
    let text = if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
    if let Some(value) = integer(&text) {
        return value;
    }
    if is_decimal(&text)
        && let Ok(value) = text.parse::<f64>()
    {
        // Beyond the largest float Go reports a range error, and the scalar stays a string.
        return if value.is_finite() { Resolved::Float(value) } else { Resolved::String };
    }
    // go-yaml tries binary once more, behind the prefix, where a sign may stand: `0b-1` is -1.
    let digits = text.strip_prefix("0b").filter(|d| d.starts_with(['+', '-']));
    let value = digits.and_then(|d| i64::from_str_radix(d, 2).ok());
    value.map_or(Resolved::String, Resolved::Int)
}

/// Go's `ParseInt(text, 0, 64)`, and `ParseUint` after it.
fn integer(text: &str) -> Option<Resolved> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &unsigned[2..]),
        [b'0', b'o' | b'O', ..] => (8, &unsigned[2..]),
        [b'0', b'b' | b'B', ..] => (2, &unsigned[2..]),
        [b'0', _, ..] => (8, &unsigned[1..]),
        _ => (10, unsigned),
    };
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let value = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0_i64.checked_sub_unsigned(value).map(Resolved::Int);
    }
    match i64::try_from(value) {
        Ok(value) => Some(Resolved::Int(value)),
        // `ParseUint` knows no sign, so `+9223372036854775808` is left to the floats.
        Err(_) => (unsigned.len() == text.len()).then_some(Resolved::Uint(value)),
    }
}

/// go-yaml's pattern: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_decimal(text: &str) -> bool {
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let exponent = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['+', '-']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    exponent && digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
}

/// Go's `ParseFloat` of a text that starts with a point: there an underscore must stand between digits.
fn point_float(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let stray = |(at, b): (usize, &u8)| *b == b'_' && !(digit(at.wrapping_sub(1)) && digit(at + 1));
    // Several underscores in a row are stray as well: the neighbour of one is no digit.
    if bytes.iter().enumerate().any(stray) {
        return None;
    }
    let text = text.replace('_', "");
    let value = is_decimal(&text).then(|| text.parse::<f64>().ok()).flatten()?;
    value.is_finite().then_some(value)
}

/// Go's `FormatFloat(value, 'g', -1, 32)`, with YAML's names for what is no number.
fn float_key(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "keys are formatted with 32 bits")]
    let value = value as f32;
    if !value.is_finite() {
        let name = if value.is_nan() { ".nan" } else { ".inf" };
        return if value < 0.0 { format!("-{name}") } else { name.to_owned() };
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// Whether go-yaml reads the text as a time: `2006-1-2`, alone or with a time of day.
fn is_timestamp(text: &str) -> bool {
    let number = |s: &str, digits: std::ops::RangeInclusive<usize>, most: u32| {
        (digits.contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit()))
            .then(|| s.parse::<u32>().ok())
            .flatten()
            .filter(|n| *n <= most)
    };
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some((text.as_bytes()[at], &text[at + 1..]))),
        None => (text, None),
    };
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let date = (number(year, 4..=4, 9999), number(month, 1..=2, 12), number(day, 1..=2, 31));
    let (Some(year), Some(month @ 1..), Some(day @ 1..)) = date else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    if day > days[month as usize - 1] {
        return false;
    }
    let Some((separator, time)) = time else { return true };
    let clock = if separator == b' ' {
        time
    } else if let Some(clock) = time.strip_suffix('Z') {
        clock
    } else {
        let Some((clock, zone)) = time.rsplit_once(['+', '-']) else { return false };
        let zone = zone.split_once(':');
        let valid =
            zone.is_some_and(|(h, m)| number(h, 2..=2, 24).is_some() && number(m, 2..=2, 60).is_some());
        if !valid {
            return false;
        }
        clock
    };
    let parts: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = parts[..] else { return false };
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    number(hour, 1..=2, 23).is_some()
        && number(minute, 1..=2, 59).is_some()
        && number(second, 1..=2, 59).is_some()
        && !fraction.is_empty()
        && fraction.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
#[path = "scalar/tests.rs"]
mod tests;
