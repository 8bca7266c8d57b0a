//! Base64 as Go's `encoding/base64.StdEncoding` reads and writes it.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// With padding, in one line.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .enumerate()
            .fold(0_u32, |group, (at, byte)| group | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let digit = ALPHABET[(group >> (18 - 6 * at) & 63) as usize];
            out.push(if at > chunk.len() { '=' } else { char::from(digit) });
        }
    }
    out
}

fn digit(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

/// How many bytes a text in canonical form stands for.
pub(crate) fn decoded_len(text: &str) -> usize {
    let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
    (text.len() / 4 * 3).saturating_sub(padding)
}

/// The bytes that a text stands for.
///
/// # Errors
/// The byte at which Go says that the text is none (`decodeQuantum`): where a group of four is cut short that is the
/// group's begin, and it is the end of the text where only padding is missing.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, usize> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3);
    let mut at = 0;
    loop {
        let (mut group, mut count) = (0, 0);
        while count < 4 {
            let Some(byte) = bytes.get(at).copied() else {
                return if count == 0 { Ok(out) } else { Err(at - count) };
            };
            at += 1;
            match byte {
                b'\n' | b'\r' => {}
                b'=' => return padding(bytes, at, count, group, out),
                _ => {
                    group = group << 6 | digit(byte).ok_or(at - 1)?;
                    count += 1;
                }
            }
        }
        let [_, rest @ ..] = group.to_be_bytes();
        out.extend(rest);
    }
}

/// The end of a text, after its first `=` at `at - 1` behind `count` digits of a group.
fn padding(
    bytes: &[u8],
    mut at: usize,
    count: usize,
    group: u32,
    mut out: Vec<u8>,
) -> Result<Vec<u8>, usize> {
    if count < 2 {
        return Err(at - 1);
    }
    let skip = |mut at: usize| {
        while matches!(bytes.get(at), Some(b'\n' | b'\r')) {
            at += 1;
        }
        at
    };
    if count == 2 {
        at = skip(at);
        match bytes.get(at) {
            None => return Err(bytes.len()),
            Some(b'=') => at += 1,
            Some(_) => return Err(at - 1),
        }
    }
    at = skip(at);
    if at < bytes.len() {
        return Err(at);
    }
    let [_, rest @ ..] = (group << (6 * (4 - count))).to_be_bytes();
    out.extend(&rest[..count - 1]);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of Go 1.26 (and of the vectors, for the first three).
    #[test]
    fn as_go_reads_it() {
        let rows: [(&str, Result<&str, usize>); 12] = [
            ("", Ok("")),
            ("YQ==", Ok("a")),
            ("YR==", Ok("a")),
            ("YWJj\nZA==\n", Ok("abcd")),
            ("Y\nQ=\n=", Ok("a")),
            ("root", Ok("\u{ae}\u{8a}\u{2d}")),
            ("YQ", Err(0)),
            ("YWJjZA", Err(4)),
            ("YQ=", Err(3)),
            ("YQ==YQ==", Err(4)),
            ("YW Jj", Err(2)),
            ("-_--", Err(0)),
        ];
        for (text, wanted) in rows {
            let bytes: Result<Vec<u8>, usize> = wanted
                .map(|text| text.chars().map(|c| u8::try_from(u32::from(c)).expect("a byte")).collect());
            assert_eq!(decode(text), bytes, "{text:?}");
        }
    }

    #[test]
    fn there_and_back() {
        for length in 0..40_u8 {
            let bytes: Vec<u8> = (0..length).map(|at| at.wrapping_mul(37) ^ 11).collect();
            let text = encode(&bytes);
            assert_eq!(decode(&text).as_ref(), Ok(&bytes));
            assert_eq!(decoded_len(&text), bytes.len());
        }
    }
}
