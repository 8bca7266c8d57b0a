//! `"...".format([...])` with both sides literal: the clauses are read and compared with the arguments' types.
//!
//! cel-go's `ext/formatting.go`, of the strings library's version 2.

use super::super::ast::{Expr, ExprId};
use super::super::checker::Checked;
use super::super::library::numbers::parse_i64;
use super::super::types::{Primitive, Type};

/// What is wrong, and with which argument; without one it is the call itself.
pub(super) struct Wrong {
    pub(super) at: Option<ExprId>,
    pub(super) message: String,
}

/// Reads the format string against the arguments.
pub(super) fn validate(checked: &Checked, text: &str, args: &[ExprId]) -> Result<(), Wrong> {
    let bytes = text.as_bytes();
    let (mut at, mut requested) = (0, 0);
    while at < bytes.len() {
        if bytes[at] != b'%' {
            at += 1;
            continue;
        }
        if bytes.get(at + 1) == Some(&b'%') {
            at += 2;
            continue;
        }
        at += 1;
        if at == bytes.len() {
            return Err(Wrong { at: None, message: "unexpected end of string".to_owned() });
        }
        let Some(arg) = args.get(requested) else {
            return Err(Wrong { at: None, message: format!("index {requested} out of range") });
        };
        requested += 1;
        let (clause, end) = clause(bytes, at).map_err(|reason| Wrong {
            at: None,
            message: format!("could not parse formatting clause: {reason}"),
        })?;
        at = end;
        clause.accepts(checked, *arg).map_err(|(id, what)| Wrong {
            at: Some(id),
            message: format!("error during formatting: {what}, was given {}", checked.type_of(id).name()),
        })?;
    }
    if args.len() > requested {
        let message = format!(
            "too many arguments supplied to string.format (expected {requested}, got {})",
            args.len()
        );
        return Err(Wrong { at: None, message });
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Clause {
    String,
    Decimal,
    Fixed,
    Scientific,
    Binary,
    Hex,
    Octal,
}

/// The clause that begins at `at`, and its end.
fn clause(bytes: &[u8], mut at: usize) -> Result<(Clause, usize), String> {
    if bytes[at] == b'.' {
        let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let end = at + 1 + digits;
        if end == bytes.len() {
            return Err("error while parsing precision: could not find end of precision specifier".to_owned());
        }
        let precision = String::from_utf8_lossy(&bytes[at + 1..end]);
        parse_i64(&precision, "Atoi").map_err(|error| {
            format!("error while parsing precision: error while converting precision to integer: {error}")
        })?;
        at = end;
    }
    let clause = match bytes[at] {
        b's' => Clause::String,
        b'd' => Clause::Decimal,
        b'f' => Clause::Fixed,
        b'e' => Clause::Scientific,
        b'b' => Clause::Binary,
        b'x' | b'X' => Clause::Hex,
        b'o' => Clause::Octal,
        // a byte of a longer character stands for itself
        other => return Err(format!("unrecognized formatting clause \"{}\"", char::from(other))),
    };
    Ok((clause, at + 1))
}

impl Clause {
    /// The argument, or a part of it, that has no fitting type, and what the clause is for.
    fn accepts(self, checked: &Checked, arg: ExprId) -> Result<(), (ExprId, &'static str)> {
        let one_of = |allowed: &[Kind], what: &'static str| match kind(checked.type_of(arg)) {
            Kind::Dyn => Ok(()),
            kind if allowed.contains(&kind) => Ok(()),
            _ => Err((arg, what)),
        };
        match self {
            Self::String => printable(checked, arg),
            Self::Decimal => one_of(&[Kind::Int, Kind::Uint], "decimal clause can only be used on integers"),
            Self::Fixed => {
                one_of(&[Kind::Double, Kind::String], "fixed-point clause can only be used on doubles")
            }
            Self::Scientific => {
                one_of(&[Kind::Double, Kind::String], "scientific clause can only be used on doubles")
            }
            Self::Binary => one_of(
                &[Kind::Int, Kind::Uint, Kind::Bool],
                "only integers and bools can be formatted as binary",
            ),
            Self::Hex => one_of(
                &[Kind::Int, Kind::Uint, Kind::String, Kind::Bytes],
                "only integers, byte buffers, and strings can be formatted as hex",
            ),
            Self::Octal => one_of(&[Kind::Int, Kind::Uint], "octal clause can only be used on integers"),
        }
    }
}

/// `%s` takes aggregates too, if their literal parts are printable.
fn printable(checked: &Checked, arg: ExprId) -> Result<(), (ExprId, &'static str)> {
    let mut left = vec![arg];
    while let Some(id) = left.pop() {
        if kind(checked.type_of(id)) == Kind::Other {
            let what = "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, \
                        durations, and timestamps";
            return Err((id, what));
        }
        match &checked.ast[id] {
            Expr::List { elements, .. } => left.extend(elements.iter().rev()),
            Expr::Map(entries) => {
                left.extend(entries.iter().rev().flat_map(|entry| [entry.value, entry.key]))
            }
            _ => {}
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dyn,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    /// Printable with `%s` only.
    Printable,
    Other,
}

fn kind(ty: &Type) -> Kind {
    match ty {
        Type::Dyn => Kind::Dyn,
        Type::Bool | Type::Wrapper(Primitive::Bool) => Kind::Bool,
        Type::Int | Type::Wrapper(Primitive::Int) => Kind::Int,
        Type::Uint | Type::Wrapper(Primitive::Uint) => Kind::Uint,
        Type::Double | Type::Wrapper(Primitive::Double) => Kind::Double,
        Type::String | Type::Wrapper(Primitive::String) => Kind::String,
        Type::Bytes | Type::Wrapper(Primitive::Bytes) => Kind::Bytes,
        Type::List(_) | Type::Map(_) | Type::Timestamp | Type::Duration | Type::Type(_) | Type::Null => {
            Kind::Printable
        }
        _ => Kind::Other,
    }
}
