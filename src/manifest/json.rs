//! JSON files, with places, as kubectl streams them.
//!
//! kubectl takes a file for JSON when its first visible character is `{`, and then reads one value after
//! the other with Go's `encoding/json`; no separator may stand between them. What differs from YAML:
//! escapes, surrogate halves (U+FFFD, not an error), no comments. What does not: the last duplicate key
//! wins, and `1.0` is the integer 1 by the time the API server sees it.

use std::borrow::Cow;
use std::ops::Range;

use super::compose::LIMITS;
use super::scalar::{JsonScalar, number};
use crate::document::{Builder, Document, Kind, LimitError, NodeId, Span};

/// How far kubectl looks for the brace.
const PEEK: usize = 4096;

/// Whether kubectl reads the text as JSON.
#[must_use]
pub fn is_json(text: &str) -> bool {
    text.find(|c: char| !c.is_whitespace()).is_some_and(|at| at < PEEK && text[at..].starts_with('{'))
}

/// Why a value is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Something else was due.
    #[error("invalid JSON: expected {expected}, found {found:?}")]
    Unexpected {
        /// What was due.
        expected: &'static str,
        /// What is there.
        found: char,
    },
    /// The text ends inside the value.
    #[error("invalid JSON: unexpected end of the file")]
    End,
    /// A control character inside a string.
    #[error("invalid JSON: control character {character:?} in a string")]
    Control {
        /// Escaped in the message, whatever it is.
        character: char,
    },
    /// A backslash before something that it does not go with.
    #[error("invalid JSON: unknown escape in a string")]
    Escape,
    /// A number that is no JSON number, or beyond the largest float.
    #[error("invalid JSON: number {text} cannot be read")]
    Number {
        /// The number as it is written.
        text: String,
    },
    /// More nesting or more nodes than allowed.
    #[error(transparent)]
    Limit(#[from] LimitError),
}

/// A refusal and the byte of the file where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonRefusal {
    /// Byte of the file.
    pub at: usize,
    /// What is wrong there.
    pub error: JsonError,
}

/// One value of a stream.
#[derive(Debug)]
pub struct JsonValue<'a> {
    /// The value; `None` for `null`, which kubectl passes over.
    pub document: Option<Document<'a>>,
    /// One past its last byte.
    pub end: usize,
}

/// Reads the value that begins at or after byte `from`; `None` where only blanks are left.
///
/// # Errors
/// When Go's JSON decoder would refuse it, or it goes over a limit.
pub fn read_json(text: &str, from: usize) -> Result<Option<JsonValue<'_>>, JsonRefusal> {
    let mut reader = Reader {
        text,
        at: from,
        builder: Builder::for_part(text, text.len() - from, LIMITS).with_places(),
        open: Vec::new(),
    };
    reader.blanks();
    if reader.peek().is_none() {
        return Ok(None);
    }
    match reader.value() {
        Ok(()) => {
            let null = reader.builder.kind_of(NodeId::ROOT) == Kind::Null;
            let end = reader.at;
            Ok(Some(JsonValue { document: (!null).then(|| reader.builder.finish()), end }))
        }
        Err(error) => Err(JsonRefusal { at: reader.at.min(text.len()), error }),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    builder: Builder<'a>,
    /// The open containers, and where they begin.
    open: Vec<(NodeId, usize, bool)>,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn unexpected<T>(&self, expected: &'static str) -> Result<T, JsonError> {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(found) => Err(JsonError::Unexpected { expected, found }),
            None => Err(JsonError::End),
        }
    }

    /// One value with everything in it. A loop, not a recursion: the nesting is the input's.
    fn value(&mut self) -> Result<(), JsonError> {
        loop {
            self.blanks();
            if self.begin()? {
                continue;
            }
            loop {
                let Some((_, _, object)) = self.open.last().copied() else { return Ok(()) };
                self.blanks();
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        if object {
                            self.key()?;
                        }
                        break;
                    }
                    Some(b'}') if object => self.end()?,
                    Some(b']') if !object => self.end()?,
                    _ if object => return self.unexpected("',' or '}'"),
                    _ => return self.unexpected("',' or ']'"),
                }
            }
        }
    }

    /// The beginning of a value: a whole scalar or empty container, or (true) a container to be filled.
    fn begin(&mut self) -> Result<bool, JsonError> {
        let start = self.at;
        let id = match self.peek() {
            Some(bracket @ (b'{' | b'[')) => return self.begin_container(start, bracket == b'{'),
            Some(b'"') => match self.string()? {
                Cow::Borrowed(_) => self.builder.borrowed(start + 1..self.at - 1)?,
                Cow::Owned(text) => self.builder.string(&text)?,
            },
            Some(b'-' | b'0'..=b'9') => match self.number()? {
                JsonScalar::Int(value) => self.builder.int(value)?,
                JsonScalar::Float(value) => self.builder.float(value)?,
                _ => return self.unexpected("a number"),
            },
            _ if self.word("null") => self.builder.null()?,
            _ if self.word("true") => self.builder.bool(true)?,
            _ if self.word("false") => self.builder.bool(false)?,
            _ => return self.unexpected("a value"),
        };
        self.place(id, start..self.at);
        Ok(false)
    }

    fn begin_container(&mut self, start: usize, object: bool) -> Result<bool, JsonError> {
        let id = if object { self.builder.begin_object()? } else { self.builder.begin_array()? };
        self.at += 1;
        self.open.push((id, start, object));
        self.blanks();
        match (self.peek(), object) {
            (Some(b'}'), true) | (Some(b']'), false) => {
                self.end()?;
                Ok(false)
            }
            (_, true) => {
                self.key()?;
                Ok(true)
            }
            (_, false) => Ok(true),
        }
    }

    fn end(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        if let Some((id, start, _)) = self.open.pop() {
            self.builder.end();
            self.place(id, start..self.at);
        }
        Ok(())
    }

    fn key(&mut self) -> Result<(), JsonError> {
        self.blanks();
        if self.peek() != Some(b'"') {
            return self.unexpected("a key in quotes");
        }
        let start = self.at;
        let key = self.string()?;
        let span = span(start..self.at);
        match key {
            Cow::Borrowed(_) => self.builder.borrowed_key(start + 1..self.at - 1, span)?,
            Cow::Owned(key) => self.builder.key(&key, span)?,
        }
        self.blanks();
        if self.peek() != Some(b':') {
            return self.unexpected("':'");
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.text[self.at..].starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    fn number(&mut self) -> Result<JsonScalar, JsonError> {
        let rest = &self.text[self.at..];
        let len = rest
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E')))
            .unwrap_or(rest.len());
        let text = &rest[..len];
        let refused = || JsonError::Number { text: text.chars().take(40).collect() };
        if !is_json_number(text) {
            return Err(refused());
        }
        let value = match text.parse::<i64>() {
            Ok(value) => JsonScalar::Int(value),
            // Go refuses what is beyond the largest float, and so is infinite here.
            Err(_) => text.parse().ok().and_then(|value| number(value).ok()).ok_or_else(refused)?,
        };
        self.at += len;
        Ok(value)
    }

    /// The string that begins here; borrowed where nothing in it was escaped.
    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.at += 1;
        let mut owned: Option<String> = None;
        let mut from = self.at;
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let Some(stop) = rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1F)) else {
                self.at = self.text.len();
                return Err(JsonError::End);
            };
            self.at += stop;
            match rest[stop] {
                b'"' => {
                    let part = &self.text[from..self.at];
                    self.at += 1;
                    return Ok(match owned {
                        None => Cow::Borrowed(part),
                        Some(mut text) => {
                            text.push_str(part);
                            Cow::Owned(text)
                        }
                    });
                }
                b'\\' => {
                    let text = owned.get_or_insert_default();
                    text.push_str(&self.text[from..self.at]);
                    let escaped = escape(&self.text[self.at + 1..]).ok_or(JsonError::Escape)?;
                    text.push(escaped.0);
                    self.at += 1 + escaped.1;
                    from = self.at;
                }
                control => return Err(JsonError::Control { character: char::from(control) }),
            }
        }
    }

    fn place(&mut self, id: NodeId, range: Range<usize>) {
        if let Some(span) = span(range) {
            self.builder.place(id, span);
        }
    }
}

/// What stands behind a backslash, and how many bytes it takes.
fn escape(rest: &str) -> Option<(char, usize)> {
    let unit = |rest: &str| {
        let hex = rest.strip_prefix('u')?.get(..4).filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u16::from_str_radix(hex, 16).ok()
    };
    Some(match rest.bytes().next()? {
        byte @ (b'"' | b'\\' | b'/') => (char::from(byte), 1),
        b'b' => ('\u{8}', 1),
        b'f' => ('\u{c}', 1),
        b'n' => ('\n', 1),
        b'r' => ('\r', 1),
        b't' => ('\t', 1),
        b'u' => {
            let first = unit(rest)?;
            let second = rest[5..].strip_prefix('\\').and_then(unit);
            match (char::decode_utf16([first]).next()?, second) {
                (Ok(character), _) => (character, 5),
                (Err(_), Some(second)) => match char::decode_utf16([first, second]).next()? {
                    Ok(character) => (character, 11),
                    Err(_) => (char::REPLACEMENT_CHARACTER, 5),
                },
                (Err(_), None) => (char::REPLACEMENT_CHARACTER, 5),
            }
        }
        _ => return None,
    })
}

/// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`
fn is_json_number(text: &str) -> bool {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

fn span(range: Range<usize>) -> Option<Span> {
    Some(Span { start: u32::try_from(range.start).ok()?, end: u32::try_from(range.end).ok()? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn stream(text: &str) -> (Vec<String>, Option<(usize, JsonError)>) {
        let (mut documents, mut at) = (Vec::new(), 0);
        loop {
            match read_json(text, at) {
                Ok(None) => return (documents, None),
                Ok(Some(value)) => {
                    documents.extend(value.document.map(|d| d.root().to_json()));
                    at = value.end;
                }
                Err(refusal) => return (documents, Some((refusal.at, refusal.error))),
            }
        }
    }

    #[test]
    fn values_follow_each_other() {
        let (documents, error) = stream("{\"a\":1} {\"b\":[ ]}\n{\"c\":{}}null 3");
        assert_eq!(documents, [r#"{"a":1}"#, r#"{"b":[]}"#, r#"{"c":{}}"#, "3"]);
        assert_eq!(error, None);
        let (documents, error) = stream("{\"a\":1}\n---\n{}");
        assert_eq!(documents, [r#"{"a":1}"#]);
        assert_eq!(error, Some((8, JsonError::Number { text: "---".to_owned() })));
    }

    #[test]
    fn values_are_what_go_makes_of_them() {
        for (text, expected) in [
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (r"[1.0,1e3,-0.0,-0,1.5]", "[1,1000,0,0,1.5]"),
            ("[9223372036854775807,4611686018427387904.0]", "[9223372036854775807,4611686018427388000]"),
            (r#"["\ud83d\ude00\ud83d \/\udc00\u00e9"]"#, "[\"\u{1F600}\u{fffd} /\u{fffd}\u{e9}\"]"),
            (r#"["\ud83dx","\ud83d\n"]"#, "[\"\u{fffd}x\",\"\u{fffd}\\n\"]"),
            ("[ true , false , null ]", "[true,false,null]"),
        ] {
            assert_eq!(stream(text), (vec![expected.to_owned()], None), "{text}");
        }
    }

    #[test]
    fn refusals_are_named() {
        let unexpected = |expected, found| JsonError::Unexpected { expected, found };
        for (text, at, error) in [
            ("{a: 1}", 1, unexpected("a key in quotes", 'a')),
            (r#"{"a":1,}"#, 7, unexpected("a key in quotes", '}')),
            ("[1,]", 3, unexpected("a value", ']')),
            ("[1}", 2, unexpected("',' or ']'", '}')),
            ("{\"a\"\u{e9}", 4, unexpected("':'", '\u{e9}')),
            ("[\"a\tb\"]", 3, JsonError::Control { character: '\t' }),
            (r#"["\x"]"#, 2, JsonError::Escape),
            (r#"["\u12g4"]"#, 2, JsonError::Escape),
            ("[\"a", 3, JsonError::End),
            ("[1e400]", 1, JsonError::Number { text: "1e400".to_owned() }),
            ("[01]", 1, JsonError::Number { text: "01".to_owned() }),
            ("[1", 2, JsonError::End),
        ] {
            assert_eq!(stream(text).1, Some((at, error)), "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(stream(&deep).1.unwrap().1, JsonError::Limit(LimitError::Depth { limit: 1000 }));
    }

    #[test]
    fn every_value_has_its_place() {
        let text = "\n{\"kind\": \"X\", \"a\": [1, {}]}";
        let document = read_json(text, 0).unwrap().unwrap().document.unwrap();
        let at = |pointer: &str| {
            let node = document.root().at(pointer).unwrap();
            let cut = |span: Option<Span>| span.map_or("", |s| &text[s.start as usize..s.end as usize]);
            (cut(node.key_span()), cut(node.span()))
        };
        assert_eq!(at(""), ("", text.trim_start()));
        assert_eq!(at("/kind"), ("\"kind\"", "\"X\""));
        assert_eq!(at("/a"), ("\"a\"", "[1, {}]"));
        assert_eq!(at("/a/1"), ("", "{}"));
    }

    #[test]
    fn a_brace_makes_it_json() {
        for (text, expected) in
            [("{", true), (" \n{", true), ("# c\n{", false), ("[{}]", false), ("", false), ("---\n{}", false)]
        {
            assert_eq!(is_json(text), expected, "{text}");
        }
        assert!(!is_json(&format!("{}{{", " ".repeat(PEEK))));
    }
}
