//! Names, addresses and other texts.

use std::sync::LazyLock;

use kubernetes_cel::library::regex::Regex;

use crate::names::{parse_cidr_sloppy, parse_ip_sloppy};

/// A pattern of Go's; one that did not compile would match nothing.
macro_rules! pattern {
    ($name:ident, $text:expr) => {
        fn $name(text: &str) -> bool {
            static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::compile($text).ok());
            PATTERN.as_ref().is_some_and(|pattern| pattern.is_match(text).unwrap_or(false))
        }
    };
}

pattern!(
    is_hostname,
    r"^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$"
);
pattern!(is_hex_colour, "^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$");
pattern!(
    is_rgb_colour,
    r"^rgb\(\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*\)$"
);
pattern!(is_base64, r"^(?:[A-Za-z0-9+\/]{4})*(?:[A-Za-z0-9+\/]{2}==|[A-Za-z0-9+\/]{3}=|[A-Za-z0-9+\/]{4})$");
pattern!(is_short_name, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$");
pattern!(is_long_name, r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$");

pub(super) fn hostname(text: &str) -> bool {
    text.len() <= 255 && is_hostname(text) && text.split('.').all(|label| label.len() <= 63)
}

pub(super) fn hex_colour(text: &str) -> bool {
    is_hex_colour(text)
}

pub(super) fn rgb_colour(text: &str) -> bool {
    is_rgb_colour(text)
}

pub(super) fn base64(text: &str) -> bool {
    is_base64(text)
}

/// The bytes of padded base64 in the URL alphabet, which is what CEL reads a `byte` as. Line breaks do not count.
pub(crate) fn bytes(text: &str) -> Option<Vec<u8>> {
    let text: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let digits = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(&text);
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut held, mut bits) = (0_u32, 0);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        (held, bits) = ((held << 6 | u32::from(value)) & 0xffff, bits + 6);
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
        }
    }
    Some(bytes)
}

pub(super) fn short_name(text: &str) -> bool {
    text.len() <= 63 && is_short_name(text)
}

pub(super) fn long_name(text: &str) -> bool {
    text.len() <= 253 && is_long_name(text)
}

pub(super) fn ipv4(text: &str) -> bool {
    text.contains('.') && parse_ip_sloppy(text).is_some()
}

/// `net.ParseIP`: no zone, no leading zeros in a dotted end.
pub(super) fn ipv6(text: &str) -> bool {
    text.contains(':') && text.parse::<std::net::Ipv6Addr>().is_ok()
}

pub(super) fn cidr(text: &str) -> bool {
    parse_cidr_sloppy(text).is_some()
}

pub(super) fn bson_object_id(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Dashes may be left out, each for itself; `version` is the first digit of the third group.
pub(super) fn uuid(text: &str, version: Option<u8>) -> bool {
    let mut rest = text.as_bytes();
    for (group, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if group > 0
            && let Some((b'-', after)) = rest.split_first()
        {
            rest = after;
        }
        let Some((digits, after)) = rest.split_at_checked(length) else { return false };
        let variant = matches!(digits[0].to_ascii_lowercase(), b'8' | b'9' | b'a' | b'b');
        let fits = match (group, version) {
            (2, Some(version)) => digits[0] == version,
            (3, Some(b'4' | b'5')) => variant,
            _ => true,
        };
        if !fits || !digits.iter().all(u8::is_ascii_hexdigit) {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

/// `net.ParseMAC`: 6, 8 or 20 bytes in pairs behind `:` or `-`, or in fours behind `.`.
pub(super) fn mac(text: &str) -> bool {
    let grouped = |separator: char, digits: usize, groups: [usize; 3]| {
        let parts: Vec<&str> = text.split(separator).collect();
        groups.contains(&parts.len())
            && parts
                .iter()
                .all(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    grouped(':', 2, [6, 8, 20]) || grouped('-', 2, [6, 8, 20]) || grouped('.', 4, [3, 4, 10])
}

/// `net/mail.ParseAddress` for the addresses that people write: `a@b`, `Name <a@b>`, quoted local parts.
/// Comments and encoded words are not read.
pub(super) fn email(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t']);
    match text.strip_suffix('>').and_then(|text| text.split_once('<')) {
        Some((name, address)) => is_phrase(name.trim_matches([' ', '\t'])) && is_address(address.trim()),
        None => is_address(text),
    }
}

fn is_phrase(name: &str) -> bool {
    name.is_empty()
        || is_quoted(name)
        || name
            .split([' ', '\t'])
            .all(|word| word.is_empty() || word.split('.').all(|part| part.is_empty() || is_atom(part)))
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let domain_fits = match domain.strip_prefix('[').and_then(|domain| domain.strip_suffix(']')) {
        Some(literal) => !literal.is_empty() && !literal.contains(['[', ']', '\\']),
        None => is_dot_atom(domain),
    };
    (is_dot_atom(local) || is_quoted(local)) && domain_fits
}

fn is_dot_atom(text: &str) -> bool {
    text.split('.').all(is_atom)
}

fn is_atom(text: &str) -> bool {
    let fits = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    !text.is_empty() && text.chars().all(fits)
}

fn is_quoted(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else { return false };
    let mut escaped = false;
    for c in inner.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' | '\r' | '\n' => return false,
            _ => {}
        }
    }
    !escaped && !inner.is_empty()
}
