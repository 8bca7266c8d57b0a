//! What Go's `encoding/json` says of a text that is to be a JSON object (scanner.go, decode.go).
//!
//! The scanner is a state machine with a stack of bits, so depth costs nothing; Go refuses more than 10,000 levels.

const DEEPEST: usize = 10_000;

/// Whether a text is a JSON object or null, as `json.Unmarshal` into a `map[string]interface{}` sees it.
///
/// # Errors
/// Go's words.
pub(crate) fn object(text: &[u8]) -> Result<(), String> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.check()?;
    match text.iter().find(|byte| !is_space(**byte)) {
        Some(b'{' | b'n') | None => Ok(()),
        Some(first) => {
            let kind = match first {
                b'[' => "array",
                b'"' => "string",
                b't' | b'f' => "bool",
                _ => "number",
            };
            Err(format!("json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"))
        }
    }
}

struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
}

/// What may come next where no value is being read.
#[derive(Clone, Copy, PartialEq)]
enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
}

impl Scanner<'_> {
    fn check(&mut self) -> Result<(), String> {
        // true: an object
        let mut open: Vec<bool> = Vec::new();
        let mut expect = Expect::Value;
        loop {
            while self.text.get(self.at).copied().is_some_and(is_space) {
                self.at += 1;
            }
            if expect == Expect::CommaOrEnd && open.is_empty() {
                return self.byte().map_or(Ok(()), |byte| Err(bad(byte, "after top-level value")));
            }
            let byte = self.byte().ok_or_else(unexpected_end)?;
            expect = match (expect, byte) {
                (Expect::ValueOrEnd, b']') | (Expect::KeyOrEnd, b'}') => {
                    self.at += 1;
                    open.pop();
                    Expect::CommaOrEnd
                }
                (Expect::Value | Expect::ValueOrEnd, b'[' | b'{') => {
                    self.at += 1;
                    if open.len() >= DEEPEST {
                        return Err("exceeded max depth".to_owned());
                    }
                    open.push(byte == b'{');
                    if byte == b'{' { Expect::KeyOrEnd } else { Expect::ValueOrEnd }
                }
                (Expect::Value | Expect::ValueOrEnd, _) => {
                    self.scalar(byte)?;
                    Expect::CommaOrEnd
                }
                (Expect::Key | Expect::KeyOrEnd, b'"') => {
                    self.string()?;
                    Expect::Colon
                }
                (Expect::Key | Expect::KeyOrEnd, _) => {
                    return Err(bad(byte, "looking for beginning of object key string"));
                }
                (Expect::Colon, b':') => {
                    self.at += 1;
                    Expect::Value
                }
                (Expect::Colon, _) => return Err(bad(byte, "after object key")),
                (Expect::CommaOrEnd, _) => self.after_value(byte, &mut open)?,
            };
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// At its end, Go gives the scanner a blank: what is cut off inside a word or number is told as a wrong blank.
    fn byte_or_blank(&self) -> u8 {
        self.byte().unwrap_or(b' ')
    }

    fn after_value(&mut self, byte: u8, open: &mut Vec<bool>) -> Result<Expect, String> {
        let object = open.last() == Some(&true);
        self.at += 1;
        match (byte, object) {
            (b',', true) => Ok(Expect::Key),
            (b',', false) => Ok(Expect::Value),
            (b'}', true) | (b']', false) => {
                open.pop();
                Ok(Expect::CommaOrEnd)
            }
            (_, true) => Err(bad(byte, "after object key:value pair")),
            (_, false) => Err(bad(byte, "after array element")),
        }
    }

    fn scalar(&mut self, byte: u8) -> Result<(), String> {
        match byte {
            b'"' => self.string(),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(bad(byte, "looking for beginning of value")),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), String> {
        self.at += 1;
        for expected in word.bytes().skip(1) {
            let byte = self.byte_or_blank();
            if byte != expected {
                return Err(bad(byte, &format!("in literal {word} (expecting {})", quoted(expected))));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), String> {
        self.at += 1;
        loop {
            let byte = self.byte().ok_or_else(unexpected_end)?;
            self.at += 1;
            match byte {
                b'"' => return Ok(()),
                b'\\' => {
                    let escaped = self.byte_or_blank();
                    self.at += 1;
                    match escaped {
                        b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => {}
                        b'u' => self.four_hex_digits()?,
                        _ => return Err(bad(escaped, "in string escape code")),
                    }
                }
                0..0x20 => return Err(bad(byte, "in string literal")),
                _ => {}
            }
        }
    }

    fn four_hex_digits(&mut self) -> Result<(), String> {
        for _ in 0..4 {
            let byte = self.byte_or_blank();
            if !byte.is_ascii_hexdigit() {
                return Err(bad(byte, "in \\u hexadecimal character escape"));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), String> {
        if self.byte() == Some(b'-') {
            self.at += 1;
            self.digit("in numeric literal")?;
            self.at -= 1;
        }
        if self.byte() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits();
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digit("after decimal point in numeric literal")?;
            self.digits();
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digit("in exponent of numeric literal")?;
            self.digits();
        }
        Ok(())
    }

    fn digit(&mut self, place: &str) -> Result<(), String> {
        let byte = self.byte_or_blank();
        if !byte.is_ascii_digit() {
            return Err(bad(byte, place));
        }
        self.at += 1;
        Ok(())
    }

    fn digits(&mut self) {
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn unexpected_end() -> String {
    "unexpected end of JSON input".to_owned()
}

fn bad(byte: u8, place: &str) -> String {
    format!("invalid character {} {place}", quoted(byte))
}

/// `quoteChar`: a byte as Go's `'x'`, taken for a code point.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        b'\\' => "'\\\\'".to_owned(),
        b'\n' => "'\\n'".to_owned(),
        b'\r' => "'\\r'".to_owned(),
        b'\t' => "'\\t'".to_owned(),
        7 => "'\\a'".to_owned(),
        8 => "'\\b'".to_owned(),
        11 => "'\\v'".to_owned(),
        12 => "'\\f'".to_owned(),
        0..0x20 | 0x7f => format!("'\\x{byte:02x}'"),
        // not printable in Latin-1
        0x80..=0xa0 | 0xad => format!("'\\u00{byte:02x}'"),
        _ => format!("'{}'", char::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each is what `json.Unmarshal` of Go 1.26 says.
    #[test]
    fn says_what_go_says() {
        for (text, expected) in [
            ("{}", ""),
            (" null ", ""),
            (r#"{"a": [1, -0.5e+7, {"b": "\u00e9\n"}], "c": true}"#, ""),
            ("", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            ("root:x", "invalid character 'r' looking for beginning of value"),
            ("{a:1}", "invalid character 'a' looking for beginning of object key string"),
            (r#"{"a" 1}"#, "invalid character '1' after object key"),
            (r#"{"a": 1 2}"#, "invalid character '2' after object key:value pair"),
            ("[1 2]", "invalid character '2' after array element"),
            ("{} x", "invalid character 'x' after top-level value"),
            ("tru3", "invalid character '3' in literal true (expecting 'e')"),
            ("01", "invalid character '1' after top-level value"),
            ("-x", "invalid character 'x' in numeric literal"),
            ("1.", "invalid character ' ' after decimal point in numeric literal"),
            ("nul", "invalid character ' ' in literal null (expecting 'l')"),
            ("\"\\", "invalid character ' ' in string escape code"),
            ("{\"a\":\"b", "unexpected end of JSON input"),
            ("\"\\q\"", "invalid character 'q' in string escape code"),
            ("\"\t\"", "invalid character '\\t' in string literal"),
            (r#"{"a": 1,}"#, "invalid character '}' looking for beginning of object key string"),
            ("[]", "json: cannot unmarshal array into Go value of type map[string]interface {}"),
            ("12", "json: cannot unmarshal number into Go value of type map[string]interface {}"),
            ("\"x\"", "json: cannot unmarshal string into Go value of type map[string]interface {}"),
            ("false", "json: cannot unmarshal bool into Go value of type map[string]interface {}"),
            ("\u{e9}", "invalid character 'Ã' looking for beginning of value"),
        ] {
            assert_eq!(object(text.as_bytes()).err().unwrap_or_default(), expected, "{text}");
        }
        assert!(object("[".repeat(100_000).as_bytes()).is_err());
    }
}
