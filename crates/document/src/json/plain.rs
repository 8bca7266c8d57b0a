//! Reading JSON in one pass over its bytes.
//!
//! Only what is right is read here. At the first thing that is not, or that is rare, this reader gives up or asks
//! `serde_json`: escapes and numbers that are not small whole ones are its own, and so is what is said of a text that is
//! no JSON, or goes over a limit, which is then read by it from the beginning.

use serde::de::DeserializeSeed;

use super::{Key, Value};
use crate::Builder;

/// Pushes the one value of a text; `None` where something else has to be asked what the text is. The builder is left as it
/// is then, with a part of it.
pub(super) fn read(builder: &mut Builder<'_>, text: &str) -> Option<()> {
    Reader { builder, text, bytes: text.as_bytes(), at: 0 }.document()
}

struct Reader<'b, 'a, 't> {
    builder: &'b mut Builder<'a>,
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
}

/// Whole numbers of so many digits fit.
const DIGITS: usize = 18;

impl Reader<'_, '_, '_> {
    fn document(mut self) -> Option<()> {
        loop {
            let is_complete = self.value()?;
            if is_complete && !self.go_on()? {
                return (self.at == self.bytes.len()).then_some(());
            }
        }
    }

    /// Reads a value, or the beginning of one that has something in it: whether it is complete.
    fn value(&mut self) -> Option<bool> {
        match self.next()? {
            b'"' => self.string()?,
            b'{' => {
                self.builder.begin_object().ok()?;
                self.at += 1;
                if self.next()? != b'}' {
                    self.key()?;
                    return Some(false);
                }
                self.at += 1;
                self.builder.end();
            }
            b'[' => {
                self.builder.begin_array().ok()?;
                self.at += 1;
                if self.next()? != b']' {
                    return Some(false);
                }
                self.at += 1;
                self.builder.end();
            }
            b't' => {
                self.word(b"true")?;
                self.builder.bool(true).ok()?;
            }
            b'f' => {
                self.word(b"false")?;
                self.builder.bool(false).ok()?;
            }
            b'n' => {
                self.word(b"null")?;
                self.builder.null().ok()?;
            }
            _ => self.number()?,
        }
        Some(true)
    }

    /// Goes from the end of a value to where the next one begins; false where that was the last.
    fn go_on(&mut self) -> Option<bool> {
        while let Some(in_object) = self.builder.is_in_object() {
            match (self.next()?, in_object) {
                (b',', true) => {
                    self.at += 1;
                    self.next()?;
                    self.key()?;
                    return Some(true);
                }
                (b',', false) => {
                    self.at += 1;
                    return Some(true);
                }
                (b'}', true) | (b']', false) => {
                    self.at += 1;
                    self.builder.end();
                }
                _ => return None,
            }
        }
        // only blanks may follow
        if self.next().is_some() { None } else { Some(false) }
    }

    /// The first byte that is no blank, where the reader stands then.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        loop {
            match *self.bytes.get(self.at)? {
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let end = self.at + word.len();
        (self.bytes.get(self.at..end)? == word).then(|| self.at = end)
    }

    #[inline]
    fn string(&mut self) -> Option<()> {
        let (start, end, is_plain) = self.quoted()?;
        if is_plain {
            self.builder.borrowed(start + 1..end - 1).ok()?;
        } else {
            let mut limit = None;
            let value = Value { builder: &mut *self.builder, limit: &mut limit };
            value.deserialize(&mut serde_json::Deserializer::from_str(&self.text[start..end])).ok()?;
        }
        Some(())
    }

    /// A key and the colon after it, from where the reader stands.
    #[inline]
    fn key(&mut self) -> Option<()> {
        if self.bytes[self.at] != b'"' {
            return None;
        }
        let (start, end, is_plain) = self.quoted()?;
        if is_plain {
            self.builder.borrowed_key(start + 1..end - 1, None).ok()?;
        } else {
            let mut limit = None;
            let key = Key { builder: &mut *self.builder, limit: &mut limit };
            key.deserialize(&mut serde_json::Deserializer::from_str(&self.text[start..end])).ok()?;
        }
        if self.next()? != b':' {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// Goes to the end of a string: where it begins and ends, quotes with it, and whether it is written as it is.
    #[inline]
    fn quoted(&mut self) -> Option<(usize, usize, bool)> {
        let start = self.at;
        let mut at = start + 1;
        let mut is_plain = true;
        loop {
            while let Some(eight) = self.bytes.get(at..at + 8) {
                let found = special(u64::from_le_bytes(eight.try_into().ok()?));
                if found != 0 {
                    at += found.trailing_zeros() as usize / 8;
                    break;
                }
                at += 8;
            }
            match *self.bytes.get(at)? {
                b'"' => {
                    self.at = at + 1;
                    return Some((start, at + 1, is_plain));
                }
                b'\\' => {
                    is_plain = false;
                    at += 2;
                }
                ..0x20 => return None,
                // among the last seven of the text
                _ => at += 1,
            }
        }
    }

    #[inline]
    fn number(&mut self) -> Option<()> {
        let start = self.at;
        let is_negative = self.bytes[start] == b'-';
        let first = start + usize::from(is_negative);
        let mut at = first;
        let mut number = 0_i64;
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(at) {
            // more digits than fit are not looked at
            number = number.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
            at += 1;
        }
        let digits = at - first;
        let is_more = matches!(self.bytes.get(at), Some(b'.' | b'e' | b'E'));
        let is_zero_led = self.bytes.get(first) == Some(&b'0');
        if (1..=DIGITS).contains(&digits) && !is_more && (!is_zero_led || (digits == 1 && !is_negative)) {
            self.builder.int(if is_negative { -number } else { number }).ok()?;
            self.at = at;
            return Some(());
        }
        let rest = &self.bytes[start..];
        let length =
            rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        let end = start + length.unwrap_or(rest.len());
        let mut json = serde_json::Deserializer::from_str(&self.text[start..end]);
        let mut limit = None;
        Value { builder: &mut *self.builder, limit: &mut limit }.deserialize(&mut json).ok()?;
        json.end().ok()?;
        self.at = end;
        Some(())
    }
}

/// The high bit of each byte that ends a string, is an escape or may not be in one. Above the lowest of them others may be set
/// as well.
#[inline]
fn special(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;
    let is_zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let quote = is_zero(word ^ (ONES * b'"' as u64));
    let escape = is_zero(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | escape | control) & HIGH
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Document, Limits};

    /// What is read here is what `serde_json` reads; what is not, it either refuses, or reads from the beginning.
    fn agree(text: &str) -> Option<Document<'_>> {
        let mut builder = Builder::new(text, Limits::default());
        let plain = read(&mut builder, text).map(|()| builder.finish());
        let mut builder = Builder::new(text, Limits::default());
        let theirs = super::super::by_serde(&mut builder, text).map(|()| builder.finish());
        match (&plain, &theirs) {
            (Some(plain), Ok(theirs)) => assert_eq!(plain.root(), theirs.root(), "{text}"),
            (None, Err(_)) => {}
            (plain, theirs) => panic!("{text}: {plain:?}, {theirs:?}"),
        }
        plain
    }

    #[test]
    fn values() {
        for text in [
            "null",
            " true ",
            "false\n",
            "tru",
            "nulll",
            "",
            " ",
            "0",
            "-0",
            "01",
            "-",
            "-01",
            "1.5",
            "1e3",
            "1E+2",
            "1.",
            ".5",
            "+1",
            "123456789012345678",
            "-123456789012345678",
            "1234567890123456789",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551616",
            "-9223372036854775808",
            "1e400",
            "1-2",
            "1 2",
            "\"a\"",
            "\"a",
            "\"\\n\"",
            "\"\\u00e9\\ud83d\\ude00\"",
            "\"\\ud83d\"",
            "\"\\x\"",
            "\"\\",
            "\"a\nb\"",
            "\"\u{7f}\u{80}ä\"",
            "[]",
            "[1,]",
            "[,]",
            "[1 2]",
            "[1}",
            "{}",
            "{\"a\":1}",
            "{\"a\" : 1 , \"b\":[{}]}",
            "{\"a\":1,}",
            "{\"a\"}",
            "{a:1}",
            "{1:1}",
            "{\"a\":1]",
            "{\"a\\n\":1}",
            "{\"a\":1,\"a\":2}",
            "[[[[]]]]",
            "{\"\":\"\"}",
            "[1]]",
            "{\"long-key-of-many-letters\":\"and a long text\"}",
        ] {
            agree(text);
        }
        assert_eq!(agree("[-7,1.50]").unwrap().root().to_json(), "[-7,1.5]");
    }

    #[test]
    fn limits_are_told_with_their_places() {
        let limits = Limits { depth: 2, nodes: 4 };
        for (text, expected) in [
            ("[[1]]", None),
            ("[[[1]]]", Some("nested more than 2 levels deep at line 1 column 3")),
            ("[1,2,3,4]", Some("more than 4 values at line 1 column 8")),
        ] {
            let error = Document::from_json(text, limits).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written(text in r#"([\[\]{},: ]|"[a\\n"é]{0,12}"|-?[0-9.eE]{1,4}|true|null){0,12}"#) {
            agree(&text);
        }
    }
}
