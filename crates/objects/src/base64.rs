//! Base64 as the canonical form of an object has it: the standard alphabet, padded, without line breaks.

/// The bytes that a text stands for; `None` where it is no base64.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'\r' | b'\n' => continue,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_padded() {
        for (text, bytes) in
            [("", ""), ("YQ==", "a"), ("YWI=", "ab"), ("YWJj", "abc"), ("e30=", "{}"), ("+/8=", "\u{0}")]
        {
            let decoded = decode(text).unwrap_or_default();
            if text != "+/8=" {
                assert_eq!(decoded, bytes.as_bytes(), "{text}");
            } else {
                assert_eq!(decoded, [0xfb, 0xff]);
            }
        }
        assert_eq!(decode("a b"), None);
    }
}
