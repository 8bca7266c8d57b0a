//! The string functions (cel-go `ext.Strings`, version 2): everything counts code points.

use crate::profile::Profile;

/// An index that a string function refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StringError {
    /// Before the beginning or beyond the end.
    #[error("index out of range: {0}")]
    Index(i64),
    /// The end comes before the start.
    #[error("invalid substring range. start: {start}, end: {end}")]
    Range {
        /// First code point wanted.
        start: i64,
        /// First code point no longer wanted.
        end: i64,
    },
}

/// The byte at which code point `index` begins; the length of the text is a valid index.
fn byte_of(text: &str, index: i64) -> Option<usize> {
    let index = usize::try_from(index).ok()?;
    if text.is_ascii() {
        return (index <= text.len()).then_some(index);
    }
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(index)
}

fn count(text: &str) -> i64 {
    text.chars().count() as i64
}

/// `size(string)`
pub fn size(text: &str) -> i64 {
    count(text)
}

/// `charAt`: one code point, empty at the very end.
///
/// # Errors
/// An index that is negative or beyond the end.
pub fn char_at(text: &str, index: i64) -> Result<&str, StringError> {
    let start = byte_of(text, index).ok_or(StringError::Index(index))?;
    let length = text[start..].chars().next().map_or(0, char::len_utf8);
    Ok(&text[start..start + length])
}

/// `indexOf(needle)`: -1 where it is not.
pub fn index_of(text: &str, needle: &str) -> i64 {
    text.find(needle).map_or(-1, |at| count(&text[..at]))
}

/// `indexOf(needle, offset)`: an offset beyond the end finds nothing, a negative one is refused. An empty
/// needle is found at the offset itself, which before 1.37 was not even looked at.
///
/// # Errors
/// A negative offset.
pub fn index_of_from(text: &str, needle: &str, offset: i64, profile: Profile) -> Result<i64, StringError> {
    if needle.is_empty() {
        return empty_needle(text, offset, profile);
    }
    if offset < 0 {
        return Err(StringError::Index(offset));
    }
    let Some(start) = byte_of(text, offset) else { return Ok(-1) };
    Ok(text[start..].find(needle).map_or(-1, |at| offset + count(&text[start..start + at])))
}

/// `lastIndexOf(needle)`
pub fn last_index_of(text: &str, needle: &str) -> i64 {
    text.rfind(needle).map_or(-1, |at| count(&text[..at]))
}

/// `lastIndexOf(needle, offset)`: the last occurrence that begins at `offset` or before; an offset at or
/// beyond the end finds nothing.
///
/// # Errors
/// A negative offset.
pub fn last_index_of_from(
    text: &str,
    needle: &str,
    offset: i64,
    profile: Profile,
) -> Result<i64, StringError> {
    if needle.is_empty() {
        return empty_needle(text, offset, profile);
    }
    if offset < 0 {
        return Err(StringError::Index(offset));
    }
    let Some(start) = byte_of(text, offset).filter(|start| *start < text.len()) else { return Ok(-1) };
    // an occurrence may reach beyond the offset, only its beginning may not
    let end = (start + needle.len()).min(text.len());
    let end = (0..=end).rfind(|end| text.is_char_boundary(*end)).unwrap_or(0);
    Ok(text[..end].rfind(needle).map_or(-1, |at| count(&text[..at])))
}

fn empty_needle(text: &str, offset: i64, profile: Profile) -> Result<i64, StringError> {
    match profile {
        Profile::V1_36 => Ok(offset),
        Profile::V1_37 if offset < 0 => Err(StringError::Index(offset)),
        Profile::V1_37 => Ok(offset.min(count(text))),
    }
}

/// `substring(start)`
///
/// # Errors
/// A start that is negative or beyond the end.
pub fn substring_from(text: &str, start: i64) -> Result<&str, StringError> {
    byte_of(text, start).map(|start| &text[start..]).ok_or(StringError::Index(start))
}

/// `substring(start, end)`
///
/// # Errors
/// A range that is not within the text, or whose end is before its start.
pub fn substring(text: &str, start: i64, end: i64) -> Result<&str, StringError> {
    if start > end {
        return Err(StringError::Range { start, end });
    }
    let from = byte_of(text, start).ok_or(StringError::Index(start))?;
    let to = byte_of(text, end).ok_or(StringError::Index(end))?;
    Ok(&text[from..to])
}

/// `replace`, with a negative `limit` for all. An empty `old` stands between any two code points and at both
/// ends.
pub fn replace(text: &str, old: &str, new: &str, limit: i64) -> String {
    match usize::try_from(limit) {
        Ok(limit) => text.replacen(old, new, limit),
        Err(_) => text.replace(old, new),
    }
}

/// `split`, with a negative `limit` for all pieces, 0 for none, else at most that many with the rest in the
/// last. An empty separator splits between code points, and then the empty text has no pieces.
pub fn split<'t>(text: &'t str, separator: &str, limit: i64) -> Vec<&'t str> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if limit == 0 {
        return Vec::new();
    }
    if !separator.is_empty() {
        return text.splitn(limit, separator).collect();
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if pieces.len() + 1 == limit {
            pieces.push(rest);
            break;
        }
        let (piece, tail) = rest.split_at(first.len_utf8());
        pieces.push(piece);
        rest = tail;
    }
    pieces
}

/// `lowerAscii`
pub fn lower_ascii(text: &str) -> String {
    text.to_ascii_lowercase()
}

/// `upperAscii`
pub fn upper_ascii(text: &str) -> String {
    text.to_ascii_uppercase()
}

/// `trim`: Unicode white space off both ends.
pub fn trim(text: &str) -> &str {
    text.trim()
}

/// `strings.quote`: double quotes, with the escapes of C for control characters, all else as it is.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// `jsonpatch.escapeKey`: a key as one step of a JSON pointer (RFC 6901).
pub fn escape_key(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_code_points() {
        assert_eq!(char_at("naïve", 2), Ok("ï"));
        assert_eq!(char_at("naïve", 5), Ok(""));
        assert_eq!(char_at("naïve", 6), Err(StringError::Index(6)));
        assert_eq!(index_of("ïïx", "x"), 2);
        assert_eq!(last_index_of("xïxï", "ï"), 3);
        assert_eq!(substring("grün", 2, 4), Ok("ün"));
        assert_eq!(
            substring("grün", 3, 1).unwrap_err().to_string(),
            "invalid substring range. start: 3, end: 1"
        );
        assert_eq!(substring("grün", -1, 1), Err(StringError::Index(-1)));
        assert_eq!(substring_from("grün", 5), Err(StringError::Index(5)));
        assert_eq!(size("grün"), 4);
    }

    #[test]
    fn searching_from_an_offset() {
        for profile in Profile::ALL {
            assert_eq!(index_of_from("banana", "an", 2, profile), Ok(3));
            assert_eq!(index_of_from("banana", "an", 99, profile), Ok(-1));
            assert_eq!(index_of_from("banana", "an", -2, profile), Err(StringError::Index(-2)));
            assert_eq!(last_index_of_from("banana", "an", 3, profile), Ok(3));
            assert_eq!(last_index_of_from("banana", "an", 2, profile), Ok(1));
            assert_eq!(last_index_of_from("büüb", "üb", 1, profile), Ok(-1));
            assert_eq!(last_index_of_from("büüb", "üb", 2, profile), Ok(2));
            assert_eq!(last_index_of_from("banana", "an", 6, profile), Ok(-1));
            assert_eq!(last_index_of_from("ü😀-😀", "😀", 2, profile), Ok(1));
        }
        assert_eq!(index_of_from("ab", "", 9, Profile::V1_36), Ok(9));
        assert_eq!(index_of_from("ab", "", 9, Profile::V1_37), Ok(2));
        assert_eq!(last_index_of_from("ab", "", -1, Profile::V1_36), Ok(-1));
        assert_eq!(last_index_of_from("ab", "", -1, Profile::V1_37), Err(StringError::Index(-1)));
    }

    #[test]
    fn splitting_and_replacing() {
        assert_eq!(split("a-b-c", "-", 2), ["a", "b-c"]);
        assert_eq!(split("", "-", -1), [""]);
        assert_eq!(split("", "", 1), [""; 0]);
        assert_eq!(split("üab", "", 2), ["ü", "ab"]);
        assert_eq!(split("a-b", "-", 0), [""; 0]);
        assert_eq!(replace("abab", "b", "x", 1), "axab");
        assert_eq!(replace("ü", "", ".", -1), ".ü.");
        assert_eq!(quote("tab\t\"ü\"\u{1}"), "\"tab\\t\\\"ü\\\"\u{1}\"");
        assert_eq!(escape_key("a/b~c"), "a~1b~0c");
    }
}
