//! Text to tokens, as the lexer that ANTLR generates from cel-go's grammar.
//!
//! It takes the longest match; where nothing matches, the text up to and including the character at which it gave up is
//! reported and dropped, and lexing goes on. Whitespace and comments produce no tokens.

/// The kinds of token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Equals,
    NotEquals,
    In,
    Less,
    LessEquals,
    GreaterEquals,
    Greater,
    And,
    Or,
    LeftBracket,
    RightBracket,
    LeftBrace,
    RightBrace,
    LeftParen,
    RightParen,
    Dot,
    Comma,
    Minus,
    Exclamation,
    Question,
    Colon,
    Plus,
    Star,
    Slash,
    Percent,
    True,
    False,
    Null,
    Float,
    Int,
    Uint,
    String,
    Bytes,
    Identifier,
    QuotedIdentifier,
    End,
}

/// A token: its kind and the bytes it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// Text that is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unrecognized {
    pub(super) start: u32,
    pub(super) end: u32,
}

/// Everything in the text, the last token being [`Kind::End`].
#[derive(Debug)]
pub(super) struct Lexed {
    pub(super) tokens: Vec<Token>,
    pub(super) unrecognized: Vec<Unrecognized>,
}

/// Splits the text, which is at most 4 GiB long.
pub(super) fn lex(source: &str) -> Lexed {
    let mut lexed = Lexed { tokens: Vec::with_capacity(source.len() / 3 + 2), unrecognized: Vec::new() };
    let bytes = source.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c') {
            at += 1;
            continue;
        }
        if bytes[at..].starts_with(b"//") {
            at = bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length);
            continue;
        }
        match token(bytes, at) {
            Ok((kind, end)) => {
                lexed.tokens.push(Token { kind, start: at as u32, end: end as u32 });
                at = end;
            }
            Err(gave_up) => {
                let end = gave_up + source[gave_up..].chars().next().map_or(0, char::len_utf8);
                lexed.unrecognized.push(Unrecognized { start: at as u32, end: end as u32 });
                at = end;
            }
        }
    }
    let end = bytes.len() as u32;
    lexed.tokens.push(Token { kind: Kind::End, start: end, end });
    lexed
}

/// The token at `at` and its end, or where the lexer gave up.
fn token(bytes: &[u8], at: usize) -> Result<(Kind, usize), usize> {
    let next = bytes.get(at + 1).copied();
    let one = |kind| Ok((kind, at + 1));
    let two = |second: u8, long, short: Option<Kind>| match short {
        _ if next == Some(second) => Ok((long, at + 2)),
        Some(short) => Ok((short, at + 1)),
        None => Err(at + 1),
    };
    match bytes[at] {
        b'=' => two(b'=', Kind::Equals, None),
        b'!' => two(b'=', Kind::NotEquals, Some(Kind::Exclamation)),
        b'<' => two(b'=', Kind::LessEquals, Some(Kind::Less)),
        b'>' => two(b'=', Kind::GreaterEquals, Some(Kind::Greater)),
        b'&' => two(b'&', Kind::And, None),
        b'|' => two(b'|', Kind::Or, None),
        b'[' => one(Kind::LeftBracket),
        b']' => one(Kind::RightBracket),
        b'{' => one(Kind::LeftBrace),
        b'}' => one(Kind::RightBrace),
        b'(' => one(Kind::LeftParen),
        b')' => one(Kind::RightParen),
        b',' => one(Kind::Comma),
        b'-' => one(Kind::Minus),
        b'?' => one(Kind::Question),
        b':' => one(Kind::Colon),
        b'+' => one(Kind::Plus),
        b'*' => one(Kind::Star),
        b'/' => one(Kind::Slash),
        b'%' => one(Kind::Percent),
        b'.' if next.is_some_and(|byte| byte.is_ascii_digit()) => Ok((Kind::Float, fraction(bytes, at))),
        b'.' => one(Kind::Dot),
        b'0'..=b'9' => Ok(number(bytes, at)),
        b'"' | b'\'' => string(bytes, at, false).map(|end| (Kind::String, end)),
        b'`' => quoted_identifier(bytes, at),
        b'a'..=b'z' | b'A'..=b'Z' | b'_' => Ok(word(bytes, at)),
        _ => Err(at),
    }
}

fn digits(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

/// The end of `.5e3`, whose dot is at `dot` and followed by a digit.
fn fraction(bytes: &[u8], dot: usize) -> usize {
    let end = digits(bytes, dot + 1);
    exponent(bytes, end).unwrap_or(end)
}

fn exponent(bytes: &[u8], at: usize) -> Option<usize> {
    if !matches!(bytes.get(at), Some(b'e' | b'E')) {
        return None;
    }
    let start = at + 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
    let end = digits(bytes, start);
    (end > start).then_some(end)
}

fn number(bytes: &[u8], at: usize) -> (Kind, usize) {
    let mut end = digits(bytes, at);
    if bytes[at..].starts_with(b"0x") {
        let hex = bytes[at + 2..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if hex > 0 {
            end = at + 2 + hex;
            return unsigned(bytes, end);
        }
    }
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        return (Kind::Float, fraction(bytes, end));
    }
    match exponent(bytes, end) {
        Some(end) => (Kind::Float, end),
        None => unsigned(bytes, end),
    }
}

fn unsigned(bytes: &[u8], end: usize) -> (Kind, usize) {
    if matches!(bytes.get(end), Some(b'u' | b'U')) { (Kind::Uint, end + 1) } else { (Kind::Int, end) }
}

/// An identifier, a keyword, or a string with a prefix. A prefix before a string that does not end is an identifier.
fn word(bytes: &[u8], at: usize) -> (Kind, usize) {
    let length = bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let end = at + length;
    if length <= 2 && matches!(bytes.get(end), Some(b'"' | b'\'')) {
        let kind = match &bytes[at..end] {
            b"r" | b"R" => Some((Kind::String, true)),
            b"b" | b"B" => Some((Kind::Bytes, false)),
            [b'b' | b'B', b'r' | b'R'] => Some((Kind::Bytes, true)),
            _ => None,
        };
        if let Some((kind, raw)) = kind
            && let Ok(end) = string(bytes, end, raw)
        {
            return (kind, end);
        }
    }
    let kind = match &bytes[at..end] {
        b"in" => Kind::In,
        b"true" => Kind::True,
        b"false" => Kind::False,
        b"null" => Kind::Null,
        _ => Kind::Identifier,
    };
    (kind, end)
}

/// The end of the string whose opening quote is at `at`, or where it cannot go on.
fn string(bytes: &[u8], at: usize, raw: bool) -> Result<usize, usize> {
    let quote = bytes[at];
    let triple = [quote; 3];
    if bytes[at..].starts_with(&triple) {
        if let Ok(end) = triple_quoted(bytes, at + 3, &triple, raw) {
            return Ok(end);
        }
        // the empty string was already a match
        return Ok(at + 2);
    }
    let mut at = at + 1;
    loop {
        match bytes.get(at) {
            None | Some(b'\n' | b'\r') => return Err(at),
            Some(byte) if *byte == quote => return Ok(at + 1),
            Some(b'\\') if !raw => at = escape(bytes, at)?,
            Some(_) => at += 1,
        }
    }
}

fn triple_quoted(bytes: &[u8], mut at: usize, quotes: &[u8; 3], raw: bool) -> Result<usize, usize> {
    loop {
        match bytes.get(at) {
            None => return Err(at),
            Some(_) if bytes[at..].starts_with(quotes) => return Ok(at + 3),
            Some(b'\\') if !raw => at = escape(bytes, at)?,
            Some(_) => at += 1,
        }
    }
}

/// The end of the escape sequence at `at`, or the character that is wrong in it.
fn escape(bytes: &[u8], at: usize) -> Result<usize, usize> {
    let run = |start: usize, count: usize, allowed: fn(&u8) -> bool| match (start..start + count)
        .find(|index| !bytes.get(*index).is_some_and(allowed))
    {
        Some(wrong) => Err(wrong),
        None => Ok(start + count),
    };
    match bytes.get(at + 1) {
        Some(b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'"' | b'\'' | b'\\' | b'?' | b'`') => {
            Ok(at + 2)
        }
        Some(b'x' | b'X') => run(at + 2, 2, u8::is_ascii_hexdigit),
        Some(b'u') => run(at + 2, 4, u8::is_ascii_hexdigit),
        Some(b'U') => run(at + 2, 8, u8::is_ascii_hexdigit),
        Some(b'0'..=b'3') => run(at + 2, 2, |byte| matches!(byte, b'0'..=b'7')),
        _ => Err(at + 1),
    }
}

fn quoted_identifier(bytes: &[u8], at: usize) -> Result<(Kind, usize), usize> {
    let body = bytes[at + 1..]
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/' | b' '))
        .count();
    let end = at + 1 + body;
    if body > 0 && bytes.get(end) == Some(&b'`') { Ok((Kind::QuotedIdentifier, end + 1)) } else { Err(end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str) -> String {
        let lexed = lex(source);
        let mut parts: Vec<(u32, String)> = lexed
            .tokens
            .iter()
            .map(|t| (t.start, format!("{:?}:{}", t.kind, &source[t.start as usize..t.end as usize])))
            .collect();
        parts.extend(
            lexed
                .unrecognized
                .iter()
                .map(|u| (u.start, format!("!{}", &source[u.start as usize..u.end as usize]))),
        );
        parts.sort();
        parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn takes_the_longest_match_and_goes_on_after_errors() {
        for (source, expected) in [
            (
                "0x1Fu 0xg 1.5e 1e+ .5 1.",
                "Uint:0x1Fu Int:0 Identifier:xg Float:1.5 Identifier:e Int:1 Identifier:e Plus:+ Float:.5 Int:1 Dot:. End:",
            ),
            ("1 = 2", "Int:1 != Int:2 End:".replace("!= ", "!=  ").as_str()),
            ("a && b & c", "Identifier:a And:&& Identifier:b !&  Identifier:c End:"),
            (r#""a\"b" 'c'"#, r#"String:"a\"b" String:'c' End:"#),
            (r#""\400""#, r#"!"\4 Int:00 !" End:"#),
            (r#"b"\400""#, r#"Identifier:b !"\4 Int:00 !" End:"#),
            (r#"br"\" R'x'"#, r#"Bytes:br"\" String:R'x' End:"#),
            (r#""""a"b""" """x"#, r#"String:"""a"b""" String:"" !"x End:"#),
            ("`a-b.c` `` `a:", "QuotedIdentifier:`a-b.c` !`` !`a: End:"),
            ("in inn true null // c\n1", "In:in Identifier:inn True:true Null:null Int:1 End:"),
            ("é\u{feff}", "!é !\u{feff} End:"),
        ] {
            assert_eq!(shown(source), expected, "{source}");
        }
    }
}
