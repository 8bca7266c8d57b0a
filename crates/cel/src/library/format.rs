//! The named formats (`format.dns1123Label()` and its like) and what `.validate` says to a text.

use super::time::Timestamp;
use super::url::Url;

const DNS_LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', \
    and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', \
    regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const DNS_SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
    characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', \
    regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const DNS_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with \
    an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', \
    regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
    an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', \
    regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', \
    '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or \
    '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// A named format. Kubernetes has these thirteen and no way to add one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum NamedFormat {
    Dns1123Label,
    Dns1123Subdomain,
    Dns1035Label,
    QualifiedName,
    Dns1123LabelPrefix,
    Dns1123SubdomainPrefix,
    Dns1035LabelPrefix,
    LabelValue,
    Uri,
    Uuid,
    Byte,
    Date,
    Datetime,
}

impl NamedFormat {
    /// `format.named(name)`; names are case-sensitive.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "dns1123Label" => Self::Dns1123Label,
            "dns1123Subdomain" => Self::Dns1123Subdomain,
            "dns1035Label" => Self::Dns1035Label,
            "qualifiedName" => Self::QualifiedName,
            "dns1123LabelPrefix" => Self::Dns1123LabelPrefix,
            "dns1123SubdomainPrefix" => Self::Dns1123SubdomainPrefix,
            "dns1035LabelPrefix" => Self::Dns1035LabelPrefix,
            "labelValue" => Self::LabelValue,
            "uri" => Self::Uri,
            "uuid" => Self::Uuid,
            "byte" => Self::Byte,
            "date" => Self::Date,
            "datetime" => Self::Datetime,
            _ => return None,
        })
    }

    /// The name it is displayed with, which is not the one it is called by.
    pub fn display_name(self) -> &'static str {
        match self {
            Self::Dns1123Label => "DNS1123Label",
            Self::Dns1123Subdomain => "DNS1123Subdomain",
            Self::Dns1035Label => "DNS1035Label",
            Self::QualifiedName => "QualifiedName",
            Self::Dns1123LabelPrefix => "DNS1123LabelPrefix",
            Self::Dns1123SubdomainPrefix => "DNS1123SubdomainPrefix",
            Self::Dns1035LabelPrefix => "DNS1035LabelPrefix",
            Self::LabelValue => "LabelValue",
            Self::Uri => "URI",
            Self::Uuid => "uuid",
            Self::Byte => "byte",
            Self::Date => "date",
            Self::Datetime => "datetime",
        }
    }

    /// The length of the format's pattern that the cost of `.validate` is computed from.
    pub fn pattern_size(self) -> u64 {
        match self {
            Self::Dns1123Label | Self::Dns1035Label | Self::Dns1123LabelPrefix | Self::Dns1035LabelPrefix => {
                30
            }
            Self::Dns1123Subdomain | Self::QualifiedName | Self::Dns1123SubdomainPrefix => 60,
            Self::LabelValue => 40,
            // measured, to a multiple of four, which is as exact as the cost formula is
            Self::Uri => 1104,
            Self::Uuid | Self::Date | Self::Datetime => 72,
            Self::Byte => 84,
        }
    }

    /// `.validate(text)`: what is wrong, nothing for a valid text.
    pub fn validate(self, text: &str) -> Vec<String> {
        let invalid = |valid: bool, message: &str| if valid { Vec::new() } else { vec![message.to_owned()] };
        match self {
            Self::Dns1123Label => dns_label(text),
            Self::Dns1123Subdomain => dns_subdomain(text),
            Self::Dns1035Label => dns_1035_label(text),
            Self::Dns1123LabelPrefix => dns_label(&complete_prefix(text)),
            Self::Dns1123SubdomainPrefix => dns_subdomain(&complete_prefix(text)),
            Self::Dns1035LabelPrefix => dns_1035_label(&complete_prefix(text)),
            Self::QualifiedName => qualified_name(text),
            Self::LabelValue => label_value(text),
            Self::Uri => Url::check(text).err().map(|error| error.to_string()).into_iter().collect(),
            Self::Uuid => invalid(is_uuid(text), "does not match the UUID format"),
            Self::Byte => invalid(is_base64(text), "invalid base64"),
            Self::Date => invalid(is_date(text), "invalid date"),
            Self::Datetime => invalid(is_datetime(text), "invalid datetime"),
        }
    }
}

/// `first inner* last`, in which the last character is not of the inner kind only.
fn bounded_by(text: &str, edge: fn(&u8) -> bool, inner: fn(&u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(edge) && bytes.last().is_some_and(edge) && bytes.iter().all(inner)
}

fn is_lower(byte: &u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_dns_label(text: &str) -> bool {
    bounded_by(text, is_lower, |byte| is_lower(byte) || *byte == b'-')
}

fn is_dns_subdomain(text: &str) -> bool {
    text.split('.').all(is_dns_label)
}

fn is_name(text: &str) -> bool {
    bounded_by(text, u8::is_ascii_alphanumeric, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
    })
}

/// Bytes are counted everywhere; which of two copies of this check says so is upstream's history.
fn too_long(text: &str, most: usize, unit: &str) -> Option<String> {
    (text.len() > most).then(|| format!("must be no more than {most} {unit}"))
}

fn dns_label(text: &str) -> Vec<String> {
    let mut errors = Vec::from_iter(too_long(text, 63, "characters"));
    if !is_dns_label(text) {
        let message = if is_dns_subdomain(text) { "must not contain dots" } else { DNS_LABEL };
        errors.push(message.to_owned());
    }
    errors
}

/// `IsDNS1123Subdomain`
pub fn dns_subdomain(text: &str) -> Vec<String> {
    dns_subdomain_in(text, "characters")
}

fn dns_subdomain_in(text: &str, unit: &str) -> Vec<String> {
    let mut errors = Vec::from_iter(too_long(text, 253, unit));
    if !is_dns_subdomain(text) {
        errors.push(DNS_SUBDOMAIN.to_owned());
    }
    errors
}

fn dns_1035_label(text: &str) -> Vec<String> {
    let mut errors = Vec::from_iter(too_long(text, 63, "characters"));
    if !(is_dns_label(text) && text.starts_with(|first: char| first.is_ascii_lowercase())) {
        errors.push(DNS_1035.to_owned());
    }
    errors
}

/// `IsValidLabelValue`
pub fn label_value(text: &str) -> Vec<String> {
    let mut errors = Vec::from_iter(too_long(text, 63, "bytes"));
    if !text.is_empty() && !is_name(text) {
        errors.push(LABEL_VALUE.to_owned());
    }
    errors
}

/// `IsQualifiedName`: an optional DNS subdomain and a slash before the name.
pub fn qualified_name(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    let mut parts = text.split('/');
    let name = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), None, _) => name,
        (Some(prefix), Some(name), None) => {
            if prefix.is_empty() {
                errors.push("prefix part must be non-empty".to_owned());
            } else {
                errors.extend(
                    dns_subdomain_in(prefix, "bytes").iter().map(|error| format!("prefix part {error}")),
                );
            }
            name
        }
        _ => {
            return vec![format!(
                "a valid label key {QUALIFIED} with an optional DNS subdomain prefix and '/' \
                 (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        errors.push("name part must be non-empty".to_owned());
    }
    errors.extend(too_long(name, 63, "bytes").map(|error| format!("name part {error}")));
    if !is_name(name) {
        errors.push(format!("name part {QUALIFIED}"));
    }
    errors
}

/// A prefix may end in a dash: something follows (`maskTrailingDash`, which cuts one character too many).
fn complete_prefix(text: &str) -> String {
    match text.strip_suffix('-') {
        Some(stem) if !stem.is_empty() => {
            let mut stem = stem.to_owned();
            stem.pop();
            stem + "a"
        }
        _ => text.to_owned(),
    }
}

/// Thirty-two hexadecimal digits, with or without each of the four dashes.
fn is_uuid(text: &str) -> bool {
    let mut rest = text;
    for (index, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix('-').unwrap_or(rest);
        }
        let Some((group, after)) = rest.split_at_checked(length) else { return false };
        if !group.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

/// Standard base64 in groups of four with its padding, and not the empty text.
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    !digits.is_empty()
        && text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// `2006-01-02`, any year.
fn is_date(text: &str) -> bool {
    text.len() == 10 && Timestamp::is_date(text)
}

/// A date, `t`, and a time whose fraction may be led by any character (strfmt's pattern has `.` unescaped);
/// what follows a second `t` is not looked at.
fn is_datetime(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut parts = lower.split('t');
    let (Some(date), Some(time)) = (parts.next(), parts.next()) else { return false };
    if !is_date(date) {
        return false;
    }
    let bytes = time.as_bytes();
    let two = |at: usize| bytes.get(at..at + 2).filter(|pair| pair.iter().all(u8::is_ascii_digit));
    let colon = |at: usize| bytes.get(at) == Some(&b':');
    let (Some(hour), Some(minute), Some(second)) = (two(0), two(3), two(6)) else { return false };
    if !colon(2) || !colon(5) || hour > &b"23"[..] || minute > &b"59"[..] || second > &b"59"[..] {
        return false;
    }
    let is_zone = |zone: &str| {
        zone == "z"
            || matches!(zone.as_bytes(), [b'+' | b'-', a, b, b':', c, d]
                if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()))
    };
    let rest = &time[8..];
    let mut fraction = rest.chars();
    if is_zone(rest) {
        return true;
    }
    // any character but a line break, then digits
    let Some(lead) = fraction.next().filter(|lead| *lead != '\n') else { return false };
    let digits = rest[lead.len_utf8()..].trim_start_matches(|c: char| c.is_ascii_digit());
    digits.len() < rest.len() - lead.len_utf8() && is_zone(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        for (format, valid, invalid) in [
            (NamedFormat::Dns1123Label, vec!["web-1", "0"], vec!["", "web-", "Web", "wéb"]),
            (NamedFormat::Dns1123Subdomain, vec!["a.b-c.d"], vec!["a..b", ".a", "-a.b"]),
            (NamedFormat::Dns1035Label, vec!["w1"], vec!["1w", "w-"]),
            (NamedFormat::Dns1123LabelPrefix, vec!["web-", "a-", "a.-"], vec!["-", "-web", "a.b-"]),
            (NamedFormat::QualifiedName, vec!["x.io/A_b", "9"], vec!["x/y/z", "/y", "x/", "X/y", "_"]),
            (NamedFormat::LabelValue, vec!["", "A.b_c-9"], vec!["_a", "a/b"]),
            (
                NamedFormat::Uuid,
                vec!["0123456789abcdefABCDEF0123456789", "01234567-89ab-cdef0123-456789abcdef"],
                vec!["01234567--89abcdef0123456789abcdef", "0123456789abcdefABCDEF012345678"],
            ),
            (NamedFormat::Byte, vec!["YWI=", "YQ=="], vec!["YWI", "Y===", "====", "YW-_"]),
            (
                NamedFormat::Date,
                vec!["2024-02-29", "0000-12-31"],
                vec!["2023-02-29", "2024-2-29", "2024-02-29 "],
            ),
            (
                NamedFormat::Datetime,
                vec!["2024-02-29t01:02:03z", "2024-02-29T01:02:03x77-99:99", "2024-02-29T01:02:03Ztail"],
                vec!["2024-02-29T24:00:00Z", "2024-02-29T01:02:03", "2024-02-29T01:02:03.Z"],
            ),
        ] {
            for text in valid {
                assert_eq!(format.validate(text), [""; 0], "{format:?} {text}");
            }
            for text in invalid {
                assert_ne!(format.validate(text), [""; 0], "{format:?} {text}");
            }
        }
    }

    #[test]
    fn several_messages() {
        let long = "x".repeat(64) + "_";
        assert_eq!(dns_label(&long), ["must be no more than 63 characters", DNS_LABEL]);
        assert_eq!(
            qualified_name("/"),
            [
                "prefix part must be non-empty".to_owned(),
                "name part must be non-empty".to_owned(),
                format!("name part {QUALIFIED}")
            ]
        );
        assert_eq!(dns_label("a.b"), ["must not contain dots"]);
    }
}
