//! `"…".format([…])` (cel-go `ext/formatting.go`).
//!
//! `%f` and `%e` go through x/text's message printer in English: `%f` groups thousands, and of its precision
//! 8 bits count for the least number of digits and 15 for the most; `%.9e` passes its precision as a *width*,
//! kept in 16 bits, and always has six digits.
//! What is inside a list or map is written as CEL literals.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::numbers::{self, ParseError, parse_f64, parse_i64};
use super::time::{Duration, Timestamp};
use document::few::SortFew as _;

/// No result is longer than this; a clause of eight characters can ask for 65,535.
const MOST: usize = 16 << 20;

/// A value as the formatter looks at it.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub enum View<'v, V> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Cow<'v, str>),
    Bytes(Cow<'v, [u8]>),
    Timestamp(Timestamp),
    Duration(Duration),
    /// A type, by its name.
    Type(Cow<'v, str>),
    List(Vec<V>),
    Map(Vec<(V, V)>),
    /// Anything else, by the name of its type.
    Other(Cow<'v, str>),
}

/// What the evaluator's values have to offer.
pub trait Formattable: Sized {
    /// Looks at the value.
    fn view(&self) -> View<'_, Self>;
}

/// Why a text cannot be formatted. Display is cel-go's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// More clauses than arguments.
    #[error("index {0} out of range")]
    Missing(usize),
    /// A `%` at the very end.
    #[error("unexpected end of string")]
    End,
    /// What follows the `%` is no clause.
    #[error("could not parse formatting clause: {0}")]
    Clause(#[from] ClauseError),
    /// The clause does not go with the argument.
    #[error("error during formatting: {0}")]
    Argument(#[from] ArgumentError),
    /// Beyond this implementation's bound.
    #[error("formatted string is too long")]
    TooLong,
}

/// What is wrong with a clause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClauseError {
    /// Not one of `s d f e b x X o`. A byte beyond ASCII is shown as the character of that number.
    #[error("unrecognized formatting clause \"{0}\"")]
    Unknown(char),
    /// `%.9` and nothing more.
    #[error("error while parsing precision: could not find end of precision specifier")]
    Unfinished,
    /// `%.f`
    #[error("error while parsing precision: error while converting precision to integer: {0}")]
    Precision(#[from] ParseError),
}

/// What is wrong with an argument; each holds the name of the argument's type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum ArgumentError {
    #[error(
        "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, \
         and timestamps, was given {0}"
    )]
    String(String),
    #[error("decimal clause can only be used on integers, was given {0}")]
    Decimal(String),
    #[error("fixed-point clause can only be used on doubles, was given {0}")]
    Fixed(String),
    #[error("scientific clause can only be used on doubles, was given {0}")]
    Scientific(String),
    #[error("only integers and bools can be formatted as binary, was given {0}")]
    Binary(String),
    #[error("only integers, byte buffers, and strings can be formatted as hex, was given {0}")]
    Hex(String),
    #[error("octal clause can only be used on integers, was given {0}")]
    Octal(String),
    /// Within a list or map.
    #[error("no formatting function for {0}")]
    Element(String),
    #[error("no formatting function for map key of type {0}")]
    Key(String),
    #[error("could not convert argument \"invalid UTF-8 in bytes, cannot convert to string\" to string")]
    Utf8,
}

/// One clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Clause {
    String,
    Decimal,
    /// With its precision, if written.
    Fixed(Option<i64>),
    /// With what is written as its precision and used as a width.
    Scientific(Option<i64>),
    Binary,
    Hex {
        upper: bool,
    },
    Octal,
}

impl Clause {
    /// The error of an argument of a type that this clause does not take.
    pub fn refuse(self, type_name: impl Into<String>) -> ArgumentError {
        let name = type_name.into();
        match self {
            Self::String => ArgumentError::String(name),
            Self::Decimal => ArgumentError::Decimal(name),
            Self::Fixed(_) => ArgumentError::Fixed(name),
            Self::Scientific(_) => ArgumentError::Scientific(name),
            Self::Binary => ArgumentError::Binary(name),
            Self::Hex { .. } => ArgumentError::Hex(name),
            Self::Octal => ArgumentError::Octal(name),
        }
    }
}

/// A piece of a format text. A missing argument is reported before a clause is read, so the clause comes as
/// a result of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'f> {
    /// To be copied; `%%` comes as `%`.
    Text(&'f str),
    /// To be replaced with the next argument.
    Clause(Result<Clause, FormatError>),
}

/// Takes a format text apart, up to the first clause that cannot be read.
pub fn pieces(format: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = format;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let percent = rest.find('%').unwrap_or(rest.len());
        if percent > 0 {
            let (text, after) = rest.split_at(percent);
            rest = after;
            return Some(Piece::Text(text));
        }
        if rest.starts_with("%%") {
            let text = &rest[..1];
            rest = &rest[2..];
            return Some(Piece::Text(text));
        }
        let clause = read_clause(&rest[1..]);
        rest = clause.as_ref().map_or("", |(_, length)| &rest[1 + length..]);
        Some(Piece::Clause(clause.map(|(clause, _)| clause)))
    })
}

/// The clause behind a `%`, and its length.
fn read_clause(text: &str) -> Result<(Clause, usize), FormatError> {
    let (precision, start) = match text.strip_prefix('.') {
        None => (None, 0),
        Some(digits) => {
            let length = digits.bytes().take_while(u8::is_ascii_digit).count();
            if length == digits.len() {
                return Err(ClauseError::Unfinished.into());
            }
            let precision = parse_i64(&digits[..length], "Atoi").map_err(ClauseError::from)?;
            (Some(precision), length + 1)
        }
    };
    let Some(kind) = text.as_bytes().get(start) else { return Err(FormatError::End) };
    let clause = match kind {
        b's' => Clause::String,
        b'd' => Clause::Decimal,
        b'f' => Clause::Fixed(precision),
        b'e' => Clause::Scientific(precision),
        b'b' => Clause::Binary,
        b'x' => Clause::Hex { upper: false },
        b'X' => Clause::Hex { upper: true },
        b'o' => Clause::Octal,
        other => return Err(ClauseError::Unknown(*other as char).into()),
    };
    Ok((clause, start + 1))
}

/// Formats a text with its arguments. More arguments than clauses are no error here; the checker says so
/// where it can see them.
///
/// # Errors
/// A clause that there is not or that has no argument, and an argument that it cannot show.
pub fn format<V: Formattable>(format: &str, arguments: &[V]) -> Result<String, FormatError> {
    let mut out = String::with_capacity(format.len());
    let mut next = 0;
    for piece in pieces(format) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Clause(clause) => {
                let argument = arguments.get(next).ok_or(FormatError::Missing(next))?;
                write_clause(&mut out, clause?, argument)?;
                next += 1;
            }
        }
        if out.len() > MOST {
            return Err(FormatError::TooLong);
        }
    }
    Ok(out)
}

fn write_clause<V: Formattable>(out: &mut String, clause: Clause, argument: &V) -> Result<(), ArgumentError> {
    let view = argument.view();
    match (clause, &view) {
        (Clause::String, _) => return write_string(out, &view),
        (Clause::Decimal, View::Int(number)) => push(out, format_args!("{number}")),
        (Clause::Decimal, View::Uint(number)) => push(out, format_args!("{number}")),
        (Clause::Binary, View::Bool(flag)) => out.push(if *flag { '1' } else { '0' }),
        (Clause::Binary, View::Int(number)) => {
            push(out, format_args!("{}{:b}", minus(*number), number.unsigned_abs()));
        }
        (Clause::Binary, View::Uint(number)) => push(out, format_args!("{number:b}")),
        (Clause::Octal, View::Int(number)) => {
            push(out, format_args!("{}{:o}", minus(*number), number.unsigned_abs()));
        }
        (Clause::Octal, View::Uint(number)) => push(out, format_args!("{number:o}")),
        (Clause::Hex { upper }, View::Int(number)) => {
            out.push_str(minus(*number));
            push_hex(out, upper, number.unsigned_abs());
        }
        (Clause::Hex { upper }, View::Uint(number)) => push_hex(out, upper, *number),
        (Clause::Hex { upper }, View::String(text)) => push_hex_bytes(out, upper, text.as_bytes()),
        (Clause::Hex { upper }, View::Bytes(bytes)) => push_hex_bytes(out, upper, bytes),
        (Clause::Fixed(precision), _) => match as_double(&view) {
            Some(number) => push_fixed(out, number, precision.unwrap_or(6)),
            None => return Err(clause.refuse(type_name(&view))),
        },
        (Clause::Scientific(width), _) => match as_double(&view) {
            Some(number) => push_scientific(out, number, width.unwrap_or(6)),
            None => return Err(clause.refuse(type_name(&view))),
        },
        _ => return Err(clause.refuse(type_name(&view))),
    }
    Ok(())
}

fn push(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(arguments);
}

fn minus(number: i64) -> &'static str {
    if number < 0 { "-" } else { "" }
}

fn push_hex(out: &mut String, upper: bool, number: u64) {
    if upper { push(out, format_args!("{number:X}")) } else { push(out, format_args!("{number:x}")) }
}

fn push_hex_bytes(out: &mut String, upper: bool, bytes: &[u8]) {
    for byte in bytes {
        if upper { push(out, format_args!("{byte:02X}")) } else { push(out, format_args!("{byte:02x}")) }
    }
}

/// A double, or one of the three texts that stand for one.
fn as_double<V>(view: &View<'_, V>) -> Option<f64> {
    match view {
        View::Double(number) => Some(*number),
        View::String(text) if matches!(text.as_ref(), "NaN" | "Infinity" | "-Infinity") => parse_f64(text),
        _ => None,
    }
}

fn push_special(out: &mut String, number: f64, width: usize) -> bool {
    let text = match number {
        number if number.is_nan() => "NaN",
        f64::INFINITY => "∞",
        f64::NEG_INFINITY => "-∞",
        _ => return false,
    };
    push(out, format_args!("{text:>width$}"));
    true
}

fn push_fixed(out: &mut String, number: f64, precision: i64) {
    if push_special(out, number, 0) {
        return;
    }
    let (least, most) = (usize::from(precision as u8), usize::from(precision as u16 & 0x7fff));
    let digits = format!("{:.*}", most, number.abs());
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let kept = fraction.trim_end_matches('0').len().max(least).min(fraction.len());
    let fraction = &fraction[..kept];
    // the sign of a zero is lost, that of what is rounded to zero is not
    if number < 0.0 {
        out.push('-');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
}

fn push_scientific(out: &mut String, number: f64, width: i64) {
    let width = usize::from(width as u16);
    if push_special(out, number, width) {
        return;
    }
    let digits = format!("{:.6e}", number.abs());
    let (mantissa, exponent) = digits.split_once('e').unwrap_or((&digits, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(("", exponent), |exponent| ("⁻", exponent));
    let raised: String = format!("{exponent:0>2}")
        .chars()
        .map(|digit| match digit {
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '4' => '⁴',
            '5' => '⁵',
            '6' => '⁶',
            '7' => '⁷',
            '8' => '⁸',
            '9' => '⁹',
            _ => '⁰',
        })
        .collect();
    let minus = if number < 0.0 { "-" } else { "" };
    // the blanks around the sign that older printers wrote still count for the width
    let width = width.saturating_sub(2);
    let text = format!("{minus}{mantissa}×10{sign}{raised}");
    push(out, format_args!("{text:>width$}"));
}

fn type_name<V>(view: &View<'_, V>) -> String {
    match view {
        View::Null => "null_type",
        View::Bool(_) => "bool",
        View::Int(_) => "int",
        View::Uint(_) => "uint",
        View::Double(_) => "double",
        View::String(_) => "string",
        View::Bytes(_) => "bytes",
        View::Timestamp(_) => "google.protobuf.Timestamp",
        View::Duration(_) => "google.protobuf.Duration",
        View::Type(_) => "type",
        View::List(_) => "list",
        View::Map(_) => "map",
        View::Other(name) => name,
    }
    .to_owned()
}

/// `%s` of a value that stands alone.
fn write_string<V: Formattable>(out: &mut String, view: &View<'_, V>) -> Result<(), ArgumentError> {
    match view {
        View::Null => out.push_str("null"),
        View::Bool(flag) => push(out, format_args!("{flag}")),
        View::Int(number) => push(out, format_args!("{number}")),
        View::Uint(number) => push(out, format_args!("{number}")),
        View::Double(number) => out.push_str(&numbers::double_text(*number)),
        View::String(text) | View::Type(text) => out.push_str(text),
        View::Bytes(bytes) => out.push_str(std::str::from_utf8(bytes).map_err(|_| ArgumentError::Utf8)?),
        View::Timestamp(time) => push(out, format_args!("{time}")),
        View::Duration(duration) => push(out, format_args!("{duration}")),
        View::List(items) => write_list(out, items)?,
        View::Map(entries) => write_map(out, entries)?,
        View::Other(name) => return Err(ArgumentError::String(name.clone().into_owned())),
    }
    Ok(())
}

/// A value within a list or map, as a literal of CEL.
fn write_literal<V: Formattable>(out: &mut String, view: &View<'_, V>) -> Result<(), ArgumentError> {
    match view {
        View::String(text) => out.push_str(&numbers::quote(text)),
        View::Bytes(bytes) => {
            let text = std::str::from_utf8(bytes).map_err(|_| ArgumentError::Utf8)?;
            push(out, format_args!("b{}", numbers::quote(text)));
        }
        View::Double(number) if number.is_finite() => push(out, format_args!("{number:.6}")),
        View::Double(number) => push(out, format_args!("\"{}\"", numbers::double_text(*number))),
        View::Timestamp(time) => push(out, format_args!("timestamp(\"{time}\")")),
        View::Duration(duration) => push(out, format_args!("duration(\"{duration}\")")),
        View::Other(name) => return Err(ArgumentError::Element(name.clone().into_owned())),
        plain => write_string(out, plain)?,
    }
    Ok(())
}

fn write_list<V: Formattable>(out: &mut String, items: &[V]) -> Result<(), ArgumentError> {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_literal(out, &item.view())?;
    }
    out.push(']');
    Ok(())
}

/// Entries by the text of their keys.
fn write_map<V: Formattable>(out: &mut String, entries: &[(V, V)]) -> Result<(), ArgumentError> {
    let mut written = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let (mut key_text, mut value_text) = (String::new(), String::new());
        match key.view() {
            key @ (View::String(_) | View::Bool(_) | View::Int(_) | View::Uint(_)) => {
                write_literal(&mut key_text, &key)?;
            }
            other => return Err(ArgumentError::Key(type_name(&other))),
        }
        write_literal(&mut value_text, &value.view())?;
        written.push((key_text, value_text));
    }
    written.sort_few_by(|left, right| left.0.cmp(&right.0));
    out.push('{');
    for (index, (key, value)) in written.iter().enumerate() {
        push(out, format_args!("{}{key}:{value}", if index > 0 { ", " } else { "" }));
    }
    out.push('}');
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[derive(Clone)]
    enum Value {
        Int(i64),
        Double(f64),
        Text(&'static str),
        Bytes(&'static [u8]),
        List(Vec<Value>),
        Map(Vec<(Value, Value)>),
        Other,
    }

    impl Formattable for Value {
        fn view(&self) -> View<'_, Self> {
            match self {
                Self::Int(number) => View::Int(*number),
                Self::Double(number) => View::Double(*number),
                Self::Text(text) => View::String(Cow::Borrowed(text)),
                Self::Bytes(bytes) => View::Bytes(Cow::Borrowed(bytes)),
                Self::List(items) => View::List(items.clone()),
                Self::Map(entries) => View::Map(entries.clone()),
                Self::Other => View::Other(Cow::Borrowed("net.IP")),
            }
        }
    }

    #[test]
    fn clauses() {
        let one = |text: &str, value: Value| format(text, &[value]).unwrap();
        assert_eq!(one("<%.1f>", Value::Double(-0.04)), "<-0.0>");
        assert_eq!(one("%.256f", Value::Double(2.5)), "2.5");
        assert_eq!(one("%.258f", Value::Double(2.5)), "2.50");
        assert_eq!(one("%f%%", Value::Double(-1234.5)), "-1,234.500000%");
        assert_eq!(one("%e", Value::Double(-0.000_012_345_678)), "-1.234568×10⁻⁰⁵");
        assert_eq!(one("%.18e|", Value::Double(1.0)), "   1.000000×10⁰⁰|");
        assert_eq!(one("%.4e", Value::Text("-Infinity")), "  -∞");
        assert_eq!(one("%x", Value::Int(i64::MIN)), "-8000000000000000");
        assert_eq!(one("%X", Value::Bytes(&[1, 0xab])), "01AB");
        assert_eq!(one("%b", Value::Int(-6)), "-110");
    }

    #[test]
    fn literals() {
        let list = Value::List(vec![
            Value::Double(0.5),
            Value::Double(f64::NAN),
            Value::Text("q\"\u{1}"),
            Value::Map(vec![(Value::Text("b"), Value::Int(1)), (Value::Int(7), Value::Bytes(b"x"))]),
        ]);
        assert_eq!(format("%s", &[list]).unwrap(), r#"[0.500000, "NaN", "q\"\x01", {"b":1, 7:b"x"}]"#);
    }

    #[test]
    fn refusals() {
        let error = |text: &str, values: &[Value]| format(text, values).unwrap_err().to_string();
        assert_eq!(error("%s %", &[Value::Int(1)]), "index 1 out of range");
        assert_eq!(error("%", &[Value::Int(1)]), "unexpected end of string");
        assert_eq!(
            error("%é", &[Value::Int(1)]),
            "could not parse formatting clause: unrecognized formatting clause \"Ã\""
        );
        assert_eq!(
            error("%.5", &[Value::Int(1)]),
            "could not parse formatting clause: error while parsing precision: could not find end of precision specifier"
        );
        assert_eq!(
            error("%s", &[Value::List(vec![Value::Other])]),
            "error during formatting: no formatting function for net.IP"
        );
        assert_eq!(
            error("%o", &[Value::Text("7")]),
            "error during formatting: octal clause can only be used on integers, was given string"
        );
        assert_eq!(
            error(&"%.65535e".repeat(300), &vec![Value::Double(1.0); 300]),
            "formatted string is too long"
        );
    }
}
