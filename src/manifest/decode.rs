//! Bytes of a file → text, as kubectl's reader decodes them.
//!
//! kubectl reads files through `unicode.BOMOverride(UTF8)` (k8s.io/cli-runtime, `FileVisitor`): a byte
//! order mark decides between UTF-8 and UTF-16 and is dropped, and what is no valid text becomes U+FFFD
//! rather than an error. Line breaks are left as they are, so that places refer to the file as it is.

/// Why a file's bytes are not read at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The file is larger than the limit.
    #[error("{bytes} bytes, more than the {limit} that are read of one file")]
    TooLarge {
        /// How large the file is, as far as it was read.
        bytes: u64,
        /// How many are read.
        limit: u64,
    },
}

/// The text of a file, without its byte order mark.
///
/// Takes linear time; UTF-8 that is valid is not copied.
///
/// # Errors
/// When there are more than `limit` bytes.
pub fn decode(bytes: Vec<u8>, limit: u64) -> Result<String, DecodeError> {
    let size = bytes.len() as u64;
    if size > limit {
        return Err(DecodeError::TooLarge { bytes: size, limit });
    }
    Ok(match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        },
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let mut text: String =
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    if !odd.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_text() {
        let cases: [(&str, &[u8], &str); 9] = [
            ("plain", b"a: 1\r\n", "a: 1\r\n"),
            ("BOM", b"\xEF\xBB\xBFa: 1", "a: 1"),
            ("only the first BOM", b"\xEF\xBB\xBF\xEF\xBB\xBFa", "\u{feff}a"),
            ("invalid UTF-8", b"a: \xFF\xC3", "a: \u{fffd}\u{fffd}"),
            ("little endian", b"\xFF\xFEa\0:\0", "a:"),
            ("big endian", b"\xFE\xFF\0a\0:", "a:"),
            ("surrogate pair", b"\xFF\xFE\x3D\xD8\x00\xDE", "\u{1F600}"),
            ("lone surrogate", b"\xFF\xFE\x00\xD8a\0", "\u{fffd}a"),
            ("odd length", b"\xFF\xFEa\0b", "a\u{fffd}"),
        ];
        for (name, bytes, text) in cases {
            assert_eq!(decode(bytes.to_vec(), 100).as_deref(), Ok(text), "{name}");
        }
    }

    #[test]
    fn too_large_is_named() {
        assert_eq!(decode(vec![b'a'; 11], 10), Err(DecodeError::TooLarge { bytes: 11, limit: 10 }));
        assert_eq!(decode(vec![b'a'; 10], 10).as_deref(), Ok("aaaaaaaaaa"));
    }
}
